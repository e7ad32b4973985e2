use std::io::{self, Write};

use telemetry::Input;

use crate::error::is_full;
use crate::folder::{SegmentFile, Storage};
use crate::frame::{self, TooLarge};
use crate::pending::Pending;
use crate::{RecordingError, RecordingHeader, WriterOptions, frames, wire};

/// How much a writer holds back before it writes by itself, in bytes. It never holds more than this and one input.
pub const BUFFER_BYTES: usize = 1024 * 1024;

/// The writer over any storage; [`Writer`](crate::Writer) says what each method promises.
#[derive(Debug)]
pub(crate) struct Appender<S: Storage> {
    storage: S,
    header: RecordingHeader,
    options: WriterOptions,
    segment: Option<Open<S::File>>,
    next_number: u32,
    pending: Pending,
    last: Option<u64>,
    lost: u64,
    /// Number of the segment that somebody else makes durable at the moment.
    syncing: Option<u32>,
}

/// The segment that is being written.
#[derive(Debug)]
struct Open<F> {
    number: u32,
    file: F,
    /// Sequence number of the input that it was begun for.
    first_sequence: u64,
    /// Mark and header.
    start: Vec<u8>,
    /// How many of those bytes are in the file.
    start_written: usize,
    /// Bytes of inputs in the file.
    input_bytes: u64,
    /// Whether the folder's entry for it is known to be on the disk.
    entry_synced: bool,
}

impl<S: Storage> Appender<S> {
    pub(crate) fn new(
        storage: S,
        header: RecordingHeader,
        options: WriterOptions,
        last: Option<u64>,
        next_number: u32,
    ) -> Result<Self, RecordingError> {
        // Numbers have no fixed size, so the largest shows whether every segment's header will fit.
        frames::start(&header, u64::MAX)?;
        let pending = Pending::default();
        Ok(Self { storage, header, options, segment: None, next_number, pending, last, lost: 0, syncing: None })
    }

    pub(crate) fn append(&mut self, input: &Input) -> Result<(), RecordingError> {
        self.accept(input).inspect_err(|_| self.lost += 1)
    }

    /// What was accepted so far stays under the header that it was accepted under; what comes goes into a new segment under
    /// this one. Nothing may be under way.
    pub(crate) fn go_on_under(&mut self, header: RecordingHeader) -> Result<(), RecordingError> {
        frames::start(&header, u64::MAX)?;
        self.sync()?;
        (self.segment, self.header) = (None, header);
        Ok(())
    }

    /// Number of the segment that is being written, or will be.
    pub(crate) fn at_segment(&self) -> u32 {
        self.segment.as_ref().map_or(self.next_number, |segment| segment.number)
    }

    /// How many inputs were refused.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    fn accept(&mut self, input: &Input) -> Result<(), RecordingError> {
        let sequence = input.sequence;
        if let Some(last) = self.last.filter(|&last| sequence <= last) {
            return Err(RecordingError::OutOfOrder { sequence, last });
        }
        let frame = frame::encode(&wire::Input::from(input))
            .map_err(|TooLarge { bytes }| RecordingError::TooLarge { what: format!("input {sequence}"), bytes })?;
        // A segment is left only when it is known what became of it.
        if self.segment_will_hold_bytes() >= self.options.segment_bytes && !self.is_syncing() {
            self.sync()?;
            self.segment = None;
        } else if self.pending.held_bytes() >= BUFFER_BYTES {
            self.flush()?;
        }
        self.pending.push(sequence, &frame);
        self.last = Some(sequence);
        Ok(())
    }

    fn segment_will_hold_bytes(&self) -> u64 {
        let in_file = self.segment.as_ref().map_or(0, |segment| segment.input_bytes);
        in_file + self.pending.unwritten().len() as u64
    }

    pub(crate) fn flush(&mut self) -> Result<(), RecordingError> {
        let Some(first_sequence) = self.pending.first_sequence() else { return Ok(()) };
        let segment = match &mut self.segment {
            Some(segment) => segment,
            None => {
                let segment = self.begin_segment(first_sequence)?;
                self.segment.insert(segment)
            }
        };
        let Err(error) = write_out(&mut self.pending, segment) else { return Ok(()) };
        let offset = segment.start_written as u64 + segment.input_bytes;
        let file = self.storage.path(segment.number);
        // A full disk will take the next byte when it has space again; after anything else the file may be gone.
        if !is_full(&error) {
            self.give_up_segment();
        }
        Err(RecordingError::io(format!("write at byte {offset} of"), &file, error))
    }

    pub(crate) fn sync(&mut self) -> Result<(), RecordingError> {
        let Some(mut file) = self.begin_sync()? else { return Ok(()) };
        let synced = file.sync();
        self.end_sync(synced)
    }

    /// Flushes. The file is what is to be made durable, which anybody may do; then [`Self::end_sync`].
    pub(crate) fn begin_sync(&mut self) -> Result<Option<S::File>, RecordingError> {
        self.flush()?;
        let Some(segment) = &mut self.segment else { return Ok(None) };
        let begun = segment.file.beside().and_then(|file| {
            if !segment.entry_synced {
                self.storage.sync()?;
                segment.entry_synced = true;
            }
            Ok(file)
        });
        let number = segment.number;
        match begun {
            Ok(file) => {
                self.syncing = Some(number);
                Ok(Some(file))
            }
            Err(error) => Err(self.not_durable(number, error)),
        }
    }

    /// Whether [`Self::begin_sync`] has given a file, and [`Self::end_sync`] has not said what became of it.
    pub(crate) fn is_syncing(&self) -> bool {
        self.syncing.is_some()
    }

    /// Takes in what became of the file of [`Self::begin_sync`].
    pub(crate) fn end_sync(&mut self, synced: io::Result<()>) -> Result<(), RecordingError> {
        let number = self.syncing.take();
        match (number, synced) {
            (Some(number), Err(error)) => Err(self.not_durable(number, error)),
            _ => Ok(()),
        }
    }

    fn not_durable(&mut self, number: u32, error: io::Error) -> RecordingError {
        // The system may have dropped what it could not write, and a second attempt would then seem to succeed.
        if self.segment.as_ref().is_some_and(|segment| segment.number == number) {
            self.give_up_segment();
        }
        RecordingError::io("make durable", &self.storage.path(number), error)
    }

    fn begin_segment(&mut self, first_sequence: u64) -> Result<Open<S::File>, RecordingError> {
        let start = frames::start(&self.header, first_sequence)?;
        let number = self.next_number;
        let path = self.storage.path(number);
        let file = self.storage.create(number).map_err(|error| RecordingError::io("create", &path, error))?;
        self.next_number = number.saturating_add(1);
        Ok(Open { number, file, first_sequence, start, start_written: 0, input_bytes: 0, entry_synced: false })
    }

    /// What is not whole in the segment goes into the next one. A disk that fails again and again must not fill with
    /// segments in which there is nothing.
    fn give_up_segment(&mut self) {
        self.pending.start_over_at_a_whole_frame();
        let Some(segment) = self.segment.take() else { return };
        if self.pending.first_sequence() != Some(segment.first_sequence) {
            return;
        }
        if let Err(error) = self.storage.discard(segment.number) {
            let file = self.storage.path(segment.number);
            tracing::warn!(file = %file.display(), %error, "cannot remove a segment without inputs");
        }
    }
}

fn write_out<F: SegmentFile>(pending: &mut Pending, segment: &mut Open<F>) -> io::Result<()> {
    while segment.start_written < segment.start.len() {
        segment.start_written += write_some(&mut segment.file, &segment.start[segment.start_written..])?;
    }
    while !pending.unwritten().is_empty() {
        let count = write_some(&mut segment.file, pending.unwritten())?;
        pending.advance(count);
        segment.input_bytes += count as u64;
    }
    Ok(())
}

fn write_some(file: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match file.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::cell::RefCell;
    use std::collections::{BTreeMap, VecDeque};
    use std::fs;
    use std::path::PathBuf;
    use std::rc::Rc;

    use proptest::prelude::*;
    use tempfile::tempdir;

    use super::*;
    use crate::tests::inputs::{header, input, read};
    use crate::{Damage, DamageReason};

    /// What the disk does at an operation.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Fault {
        None,
        /// Takes that many bytes at most.
        Short(usize),
        Interrupted,
        Full,
        Broken,
    }

    impl Fault {
        fn check(self) -> io::Result<()> {
            Err(match self {
                Self::None | Self::Short(_) => return Ok(()),
                Self::Interrupted => io::ErrorKind::Interrupted,
                Self::Full => io::ErrorKind::StorageFull,
                Self::Broken => io::ErrorKind::Other,
            }
            .into())
        }
    }

    /// A disk in memory that meets each operation with the next of its faults, and works when there are no more.
    #[derive(Debug, Clone, Default)]
    struct FaultyDisk(Rc<RefCell<Disk>>);

    #[derive(Debug, Default)]
    struct Disk {
        faults: VecDeque<Fault>,
        files: BTreeMap<u32, Vec<u8>>,
    }

    #[derive(Debug)]
    struct FaultyFile {
        disk: FaultyDisk,
        number: u32,
    }

    impl FaultyDisk {
        fn fault(&self) -> Fault {
            self.0.borrow_mut().faults.pop_front().unwrap_or(Fault::None)
        }
    }

    impl Storage for FaultyDisk {
        type File = FaultyFile;

        fn path(&self, number: u32) -> PathBuf {
            format!("{number:06}.ltrec").into()
        }

        fn create(&mut self, number: u32) -> io::Result<FaultyFile> {
            self.fault().check()?;
            assert!(self.0.borrow_mut().files.insert(number, Vec::new()).is_none(), "segment {number} was there");
            Ok(FaultyFile { disk: self.clone(), number })
        }

        fn discard(&mut self, number: u32) -> io::Result<()> {
            self.fault().check()?;
            self.0.borrow_mut().files.remove(&number).unwrap();
            Ok(())
        }

        fn sync(&mut self) -> io::Result<()> {
            self.fault().check()
        }
    }

    impl Write for FaultyFile {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let fault = self.disk.fault();
            fault.check()?;
            let count = if let Fault::Short(most) = fault { bytes.len().min(most) } else { bytes.len() };
            self.disk.0.borrow_mut().files.get_mut(&self.number).unwrap().extend(&bytes[..count]);
            Ok(count)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl SegmentFile for FaultyFile {
        fn beside(&self) -> io::Result<Self> {
            Ok(Self { disk: self.disk.clone(), number: self.number })
        }

        fn sync(&mut self) -> io::Result<()> {
            self.disk.fault().check()
        }
    }

    fn appender(disk: &FaultyDisk, segment_bytes: u64) -> Appender<FaultyDisk> {
        Appender::new(disk.clone(), header(), WriterOptions { segment_bytes }, None, 1).unwrap()
    }

    /// What a reader finds on the disk.
    fn read_disk(disk: &FaultyDisk) -> (Vec<Input>, Vec<Damage>) {
        let folder = tempdir().unwrap();
        for (number, bytes) in &disk.0.borrow().files {
            fs::write(folder.path().join(disk.path(*number)), bytes).unwrap();
        }
        let (inputs, reader) = read(folder.path());
        (inputs, reader.damage().to_vec())
    }

    #[derive(Debug, Clone, Copy)]
    enum Step {
        Append,
        Flush,
        Sync,
        BeginSync,
        EndSync,
        /// Goes on under another header.
        Change,
    }

    /// A header that is told from others.
    fn header_of(version: usize) -> RecordingHeader {
        RecordingHeader { program_version: version.to_string(), ..header() }
    }

    /// The versions of the headers that the inputs on the disk are explained by.
    fn versions(disk: &FaultyDisk) -> Vec<String> {
        let folder = tempdir().unwrap();
        let mut versions = Vec::new();
        for (number, bytes) in &disk.0.borrow().files {
            let path = folder.path().join(disk.path(*number));
            fs::write(&path, bytes).unwrap();
            // One without a whole header has no input either.
            let Ok(mut reader) = crate::Reader::open(&path) else { continue };
            versions.extend((0..reader.by_ref().count()).map(|_| reader.header().program_version.clone()));
        }
        versions
    }

    /// Takes the steps on a disk with these faults, then flushes on a disk without. Gives the damage that a reader finds.
    fn check_faults(steps: &[Step], faults: &[Fault], segment_bytes: u64) -> Vec<Damage> {
        let disk = FaultyDisk::default();
        disk.0.borrow_mut().faults = faults.iter().copied().collect();
        let mut appender = Appender::new(disk.clone(), header_of(0), WriterOptions { segment_bytes }, None, 1).unwrap();
        let (mut accepted, mut explained_by, mut version) = (Vec::new(), Vec::new(), 0);
        let mut next = 0;
        let mut beside = None;
        for step in steps {
            // Whether a step fails is the disk's affair; what counts is what was accepted.
            let _ = match step {
                Step::Append => {
                    next += 1;
                    appender.append(&input(next)).map(|()| {
                        accepted.push(input(next));
                        explained_by.push(version.to_string());
                    })
                }
                Step::Change if beside.is_none() => appender.go_on_under(header_of(version + 1)).map(|()| version += 1),
                Step::Flush => appender.flush(),
                Step::Sync if beside.is_none() => appender.sync(),
                Step::BeginSync if beside.is_none() => appender.begin_sync().map(|file| beside = file),
                Step::EndSync => end_sync(&mut appender, &mut beside),
                Step::Sync | Step::BeginSync | Step::Change => Ok(()),
            };
        }
        let _ = end_sync(&mut appender, &mut beside);
        disk.0.borrow_mut().faults.clear();
        next += 1;
        appender.append(&input(next)).unwrap();
        accepted.push(input(next));
        explained_by.push(version.to_string());
        appender.sync().unwrap();

        let (back, damage) = read_disk(&disk);
        assert_eq!(back, accepted);
        assert_eq!(versions(&disk), explained_by);
        assert_eq!(appender.lost(), next - accepted.len() as u64);
        let start = back[0].sequence;
        let gaps: u64 = damage
            .iter()
            .filter_map(|damage| match damage.reason {
                DamageReason::Sequence { expected, found } => Some(found - expected),
                _ => None,
            })
            .sum();
        assert_eq!(start - 1 + gaps, appender.lost());
        damage
    }

    fn end_sync(appender: &mut Appender<FaultyDisk>, beside: &mut Option<FaultyFile>) -> Result<(), RecordingError> {
        beside.take().map_or(Ok(()), |mut file| appender.end_sync(file.sync()))
    }

    fn any_steps() -> impl Strategy<Value = Vec<Step>> {
        let step = prop_oneof![
            4 => Just(Step::Append),
            2 => Just(Step::Flush),
            1 => Just(Step::Sync),
            1 => Just(Step::BeginSync),
            1 => Just(Step::EndSync),
            1 => Just(Step::Change),
        ];
        prop::collection::vec(step, 1..60)
    }

    fn any_faults(failure: impl Strategy<Value = Fault> + 'static) -> impl Strategy<Value = Vec<Fault>> {
        let short = (1..40usize).prop_map(Fault::Short);
        let fault = prop_oneof![2 => Just(Fault::None), 3 => short, 1 => Just(Fault::Interrupted), 2 => failure];
        prop::collection::vec(fault, 0..120)
    }

    proptest! {
        #[test]
        fn what_was_accepted_is_read_whatever_fails(
            steps in any_steps(),
            faults in any_faults(prop_oneof![Just(Fault::Full), Just(Fault::Broken)]),
            segment_bytes in prop_oneof![Just(u64::MAX), 0..400u64],
        ) {
            check_faults(&steps, &faults, segment_bytes);
        }

        #[test]
        fn a_disk_that_was_full_for_a_while_leaves_no_torn_frame(
            steps in prop::collection::vec(prop_oneof![2 => Just(Step::Append), 1 => Just(Step::Flush)], 1..60),
            faults in any_faults(Just(Fault::Full)),
        ) {
            let damage = check_faults(&steps, &faults, u64::MAX);
            prop_assert!(damage.iter().all(|damage| matches!(damage.reason, DamageReason::Sequence { .. })), "{damage:?}");
        }
    }

    #[test]
    fn on_a_full_disk_the_buffer_is_bounded_and_each_loss_is_counted() {
        let disk = FaultyDisk::default();
        let mut appender = appender(&disk, u64::MAX);
        disk.0.borrow_mut().faults = [Fault::Full].into_iter().cycle().take(1_000_000).collect();
        let mut refused = 0;
        let mut sequence = 0;
        while refused < 100 {
            sequence += 1;
            if let Err(error) = appender.append(&input(sequence)) {
                assert!(error.is_disk_full(), "{error}");
                assert!(error.to_string().contains("free space"), "{error}");
                refused += 1;
            }
        }
        assert_eq!(appender.lost(), refused);
        assert!(appender.pending.held_bytes() < BUFFER_BYTES + 200);

        disk.0.borrow_mut().faults.clear();
        appender.append(&input(sequence + 1)).unwrap();
        appender.flush().unwrap();
        let (back, damage) = read_disk(&disk);
        assert_eq!(back.len() as u64, sequence + 1 - refused);
        let gap = DamageReason::Sequence { expected: sequence + 1 - refused, found: sequence + 1 };
        assert_eq!(damage.into_iter().map(|damage| damage.reason).collect::<Vec<_>>(), [gap]);
    }

    #[test]
    fn a_disk_that_takes_nothing_does_not_fill_with_segments() {
        let disk = FaultyDisk::default();
        let mut appender = appender(&disk, u64::MAX);
        appender.append(&input(1)).unwrap();
        for _ in 0..100 {
            disk.0.borrow_mut().faults = [Fault::None, Fault::None, Fault::Short(5), Fault::Broken].into();
            appender.flush().unwrap_err();
        }
        assert_eq!(disk.0.borrow().files.len(), 0);
        appender.flush().unwrap();
        assert_eq!(read_disk(&disk), (vec![input(1)], vec![]));
    }

    #[test]
    fn a_disk_that_never_confirms_makes_an_error_of_each_sync() {
        let disk = FaultyDisk::default();
        let mut appender = appender(&disk, u64::MAX);
        appender.append(&input(1)).unwrap();
        appender.flush().unwrap();
        disk.0.borrow_mut().faults.push_back(Fault::Broken);
        let error = appender.sync().unwrap_err();
        assert!(!error.is_disk_full() && error.to_string().contains("000001.ltrec"), "{error}");
        appender.append(&input(2)).unwrap();
        appender.sync().unwrap();
        assert_eq!(disk.0.borrow().files.len(), 2);
        assert_eq!(read_disk(&disk), (vec![input(1), input(2)], vec![]));
    }
}
