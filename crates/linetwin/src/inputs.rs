//! The inputs of a recording, as a plant's configuration knows them.

use std::path::Path;

use plant::Plant;
use recording::{Reader, Remap, segment_files};
use telemetry::{Input, Timestamp};

/// Which links of a recording count.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct LinkChoice {
    /// Take only this link, as if no other had ever been up; may be given more than once.
    #[arg(long = "link", value_name = "NAME", conflicts_with = "without")]
    only: Vec<String>,
    /// Leave this link out, as if it had never been up; may be given more than once.
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
}

impl LinkChoice {
    /// Whether the plant has the links that are named.
    ///
    /// # Errors
    /// If it does not.
    pub fn check(&self, plant: &Plant) -> anyhow::Result<()> {
        let has = |name: &String| plant.links.iter().any(|link| link.name == *name);
        let only = self.only.iter().map(|name| ("--link", name));
        let mut named = only.chain(self.without.iter().map(|name| ("--without", name)));
        let Some((option, name)) = named.find(|(_, name)| !has(name)) else { return Ok(()) };
        let known: Vec<_> = plant.links.iter().map(|link| link.name.as_str()).collect();
        anyhow::bail!("{option} {name}: line {} has no such link; it has {}", plant.line, known.join(", "));
    }

    /// Whether no link is left out.
    pub(crate) fn is_all(&self) -> bool {
        self.only.is_empty() && self.without.is_empty()
    }

    /// From any recording to the ids of a plant, without the links that are left out.
    pub(crate) fn remap_to(&self, plant: &Plant) -> Remap {
        let known = plant.links.iter().filter(|link| self.has(&link.name));
        Remap::new(
            plant.signals.iter().map(|signal| (signal.path.clone(), signal.id)),
            known.map(|link| (link.name.clone(), link.id)),
        )
    }

    fn has(&self, name: &String) -> bool {
        (self.only.is_empty() || self.only.contains(name)) && !self.without.contains(name)
    }
}

/// The inputs of a recording from one of them to its end, in the ids of a plant.
pub struct Inputs {
    reader: Reader,
    remap: Remap,
    links: LinkChoice,
}

impl Inputs {
    /// Those from sequence number `from` on. An input of a link that is left out is a tick: that time passed, under the same
    /// sequence number.
    ///
    /// # Errors
    /// If there is no recording that can be read.
    pub fn open(recording: &Path, plant: &Plant, links: &LinkChoice, from: u64) -> anyhow::Result<Self> {
        Ok(Self { reader: Reader::open_at(recording, from)?, remap: links.remap_to(plant), links: links.clone() })
    }

    /// Says in the log what was damaged or left out of that which was read.
    pub fn tell_oddities(&self, plant: &Plant) {
        for damage in self.reader.damage() {
            tracing::warn!("{damage}");
        }
        let dropped = self.remap.dropped();
        for (link, count) in dropped.link_inputs.iter().filter(|(link, _)| !self.links.has(link)) {
            tracing::info!("{count} inputs of link {link} are left out, as asked");
        }
        let is_left_out = |path: &&String| {
            let signal = plant.signals.iter().find(|signal| signal.path == **path);
            signal.is_some_and(|signal| !self.links.has(&plant.link(signal.link).name))
        };
        for (path, count) in dropped.samples.iter().filter(|(path, _)| !is_left_out(path)) {
            tracing::warn!("{count} samples of {path} are not used: this configuration does not have that signal");
        }
    }
}

impl Iterator for Inputs {
    type Item = anyhow::Result<Input>;

    fn next(&mut self) -> Option<Self::Item> {
        let input = self.reader.next()?;
        Some(input.map(|input| self.remap.apply(self.reader.header(), input)).map_err(Into::into))
    }
}

/// When the first input of a recording was received; `None` if it holds none.
///
/// # Errors
/// If it cannot be read.
pub fn first_received(recording: &Path) -> anyhow::Result<Option<Timestamp>> {
    Ok(Reader::open(recording)?.next().transpose()?.map(|input| input.received))
}

/// When the last input of a recording was received; `None` if it holds none.
///
/// # Errors
/// If it cannot be read.
pub fn last_received(recording: &Path) -> anyhow::Result<Option<Timestamp>> {
    for segment in segment_files(recording)?.iter().rev() {
        // One that cannot be read at all is told of when the recording is.
        let Ok(reader) = Reader::open(segment) else { continue };
        let mut last = None;
        for input in reader {
            last = Some(input?.received);
        }
        if last.is_some() {
            return Ok(last);
        }
    }
    Ok(None)
}
