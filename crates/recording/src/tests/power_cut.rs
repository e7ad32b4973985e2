//! What a power cut leaves of a recording.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::rc::Rc;

use proptest::prelude::*;
use telemetry::Input;
use tempfile::tempdir;

use super::inputs::{header, input, read, write};
use crate::appender::Appender;
use crate::folder::{SegmentFile, Storage};
use crate::{NO_WRITER, Reader, Retention, Upkeep, Writer, WriterOptions};

#[derive(Debug, Clone, Copy)]
enum Step {
    Append,
    Flush,
    Sync,
    /// Has it made durable by somebody else.
    BeginSync,
    EndSync,
}

fn any_steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => Just(Step::Append),
        2 => Just(Step::Flush),
        1 => Just(Step::Sync),
        1 => Just(Step::BeginSync),
        1 => Just(Step::EndSync),
    ];
    prop::collection::vec(step, 1..60)
}

/// What a power cut leaves of the bytes of a file that the disk had not confirmed.
#[derive(Debug, Clone, Copy)]
enum Rest {
    /// So many of them, in sixteenths.
    Cut(usize),
    /// All, but zeros from so many sixteenths on: the size was written, the content was not.
    Zeros(usize),
    /// All, with one wrong bit there, in sixteenths.
    Flipped(usize),
}

fn any_rest() -> impl Strategy<Value = Rest> {
    prop_oneof![
        (0..=16usize).prop_map(Rest::Cut),
        (0..16usize).prop_map(Rest::Zeros),
        (0..16usize).prop_map(Rest::Flipped)
    ]
}

/// A disk in memory that loses what it has not confirmed when the power is cut.
#[derive(Debug, Clone, Default)]
struct MortalDisk(Rc<RefCell<BTreeMap<u32, MortalFile>>>);

#[derive(Debug, Default)]
struct MortalFile {
    bytes: Vec<u8>,
    /// How many of them the disk has confirmed.
    confirmed: usize,
    /// Whether the disk has confirmed that there is such a file.
    is_entered: bool,
}

#[derive(Debug)]
struct MortalHandle(MortalDisk, u32);

impl Storage for MortalDisk {
    type File = MortalHandle;

    fn path(&self, number: u32) -> PathBuf {
        format!("{number:06}.ltrec").into()
    }

    fn create(&mut self, number: u32) -> io::Result<MortalHandle> {
        self.0.borrow_mut().insert(number, MortalFile::default());
        Ok(MortalHandle(self.clone(), number))
    }

    fn discard(&mut self, number: u32) -> io::Result<()> {
        self.0.borrow_mut().remove(&number).unwrap();
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.borrow_mut().values_mut().for_each(|file| file.is_entered = true);
        Ok(())
    }
}

impl Write for MortalHandle {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.0.borrow_mut().get_mut(&self.1).unwrap().bytes.extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SegmentFile for MortalHandle {
    fn beside(&self) -> io::Result<Self> {
        Ok(Self(self.0.clone(), self.1))
    }

    fn sync(&mut self) -> io::Result<()> {
        let mut files = self.0.0.borrow_mut();
        let file = files.get_mut(&self.1).unwrap();
        file.confirmed = file.bytes.len();
        Ok(())
    }
}

impl MortalFile {
    fn after_the_cut(&self, rest: Rest) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        let at = |sixteenths: usize| self.confirmed + (bytes.len() - self.confirmed) * sixteenths / 16;
        match rest {
            Rest::Cut(sixteenths) => bytes.truncate(at(sixteenths)),
            Rest::Zeros(sixteenths) => {
                let from = at(sixteenths);
                bytes[from..].fill(0);
            }
            Rest::Flipped(sixteenths) => {
                let at = at(sixteenths);
                bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 4);
            }
        }
        bytes
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]
    #[test]
    fn what_was_confirmed_survives_a_power_cut_at_any_instant(
        steps in any_steps(),
        segment_bytes in prop_oneof![Just(u64::MAX), 0..400u64],
        rests in prop::collection::vec((any_rest(), any::<bool>()), 60),
    ) {
        let disk = MortalDisk::default();
        let mut appender = Appender::new(disk.clone(), header(), WriterOptions { segment_bytes }, None, 1).unwrap();
        let (mut next, mut confirmed) = (0, 0);
        let mut beside = None;
        for step in steps {
            match step {
                Step::Append => {
                    next += 1;
                    appender.append(&input(next)).unwrap();
                }
                Step::Flush => appender.flush().unwrap(),
                Step::Sync | Step::BeginSync if beside.is_some() => {}
                Step::Sync => {
                    appender.sync().unwrap();
                    confirmed = next;
                }
                Step::BeginSync => beside = appender.begin_sync().unwrap().map(|file| (file, next)),
                Step::EndSync => {
                    let Some((mut file, begun_at)) = beside.take() else { continue };
                    appender.end_sync(file.sync()).unwrap();
                    confirmed = confirmed.max(begun_at);
                }
            }
        }
        let folder = tempdir().unwrap();
        for ((number, file), (rest, is_there)) in disk.0.borrow().iter().zip(rests) {
            if file.is_entered || is_there {
                fs::write(folder.path().join(disk.path(*number)), file.after_the_cut(rest)).unwrap();
            }
        }
        let Ok(mut reader) = Reader::open(folder.path()) else {
            prop_assert_eq!(confirmed, 0, "confirmed inputs cannot be read");
            return Ok(());
        };
        let back: Vec<Input> = reader.by_ref().map(Result::unwrap).collect();
        // From the first input on, without one that was never given, and without a gap that is not told.
        let whole: Vec<Input> = (1..).map(input).take(back.len()).collect();
        prop_assert!(back.len() as u64 >= confirmed, "{} of {} are there", back.len(), confirmed);
        prop_assert!(back == whole || reader.damage_count() > 0, "{:?}", back);
        prop_assert_eq!(&back[..confirmed as usize], &whole[..confirmed as usize]);

        // The next run goes on after it, and closing the segments changes nothing.
        let last = Writer::last_sequence(folder.path()).unwrap().unwrap_or(0);
        write(folder.path(), &[input(last + 1)], WriterOptions { segment_bytes });
        let before = read(folder.path()).0;
        Upkeep::new(folder.path(), Retention::KEEP_ALL)
            .pass(NO_WRITER, input(last).received, || false)
            .unwrap();
        prop_assert_eq!(read(folder.path()).0, before);
    }
}
