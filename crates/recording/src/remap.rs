use std::collections::BTreeMap;
use std::sync::Arc;

use telemetry::{Event, Input, LinkId, Sample, SignalId};

use crate::RecordingHeader;

/// Under this name the ids are counted that the recording's own header does not explain.
const UNNAMED: &str = "(not in the recording's header)";

/// Reads a recording under another configuration: signals and links keep their names and get the ids of today.
#[derive(Debug)]
pub struct Remap {
    signals: BTreeMap<String, SignalId>,
    links: BTreeMap<String, LinkId>,
    table: Table,
    dropped: Dropped,
}

/// What a [`Remap`] left out, because the configuration of today does not know it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dropped {
    /// Samples by the path of their signal.
    pub samples: BTreeMap<String, u64>,
    /// Inputs by the name of their link. The samples in them are counted in `samples` as well.
    pub link_inputs: BTreeMap<String, u64>,
}

/// From the ids under one header to those of today.
#[derive(Debug, Default)]
struct Table {
    header: Option<Arc<RecordingHeader>>,
    signals: BTreeMap<SignalId, SignalId>,
    links: BTreeMap<LinkId, LinkId>,
}

impl Remap {
    /// From any recording to a configuration: the path of each of its signals and the name of each of its links.
    pub fn new(
        signals: impl IntoIterator<Item = (String, SignalId)>,
        links: impl IntoIterator<Item = (String, LinkId)>,
    ) -> Self {
        Self {
            signals: signals.into_iter().collect(),
            links: links.into_iter().collect(),
            table: Table::default(),
            dropped: Dropped::default(),
        }
    }

    /// The input in the ids of today. `header` is the one it was recorded under, [`Reader::header`](crate::Reader::header).
    ///
    /// Samples of an unknown signal are left out of their batch. An input of an unknown link becomes a
    /// [tick](Event::Tick): what remains of it is that time passed, and the sequence stays without a gap.
    pub fn apply(&mut self, header: &Arc<RecordingHeader>, input: Input) -> Input {
        Input { event: self.translate(header, input.event), ..input }
    }

    /// As [`Self::apply`], of an event that is no input yet.
    pub fn translate(&mut self, header: &Arc<RecordingHeader>, event: Event) -> Event {
        if !self.table.header.as_ref().is_some_and(|known| Arc::ptr_eq(known, header)) {
            self.table = Table::new(header, &self.signals, &self.links);
        }
        self.event(header, event)
    }

    /// What was left out so far.
    pub fn dropped(&self) -> &Dropped {
        &self.dropped
    }

    fn event(&mut self, header: &RecordingHeader, event: Event) -> Event {
        match event {
            Event::Samples(mut batch) => match self.table.links.get(&batch.link) {
                Some(&link) => {
                    batch.link = link;
                    batch.samples.retain_mut(|sample| match self.table.signals.get(&sample.signal) {
                        Some(&signal) => {
                            sample.signal = signal;
                            true
                        }
                        None => {
                            self.dropped.sample(header, sample);
                            false
                        }
                    });
                    Event::Samples(batch)
                }
                None => {
                    batch.samples.iter().for_each(|sample| self.dropped.sample(header, sample));
                    self.dropped.link_input(header, batch.link);
                    Event::Tick
                }
            },
            Event::Link { link, state } => match self.table.links.get(&link) {
                Some(&link) => Event::Link { link, state },
                None => {
                    self.dropped.link_input(header, link);
                    Event::Tick
                }
            },
            Event::Command(_) | Event::Tick => event,
        }
    }
}

impl Table {
    fn new(
        header: &Arc<RecordingHeader>,
        signals: &BTreeMap<String, SignalId>,
        links: &BTreeMap<String, LinkId>,
    ) -> Self {
        Self {
            header: Some(Arc::clone(header)),
            signals: header.signals.iter().filter_map(|(&id, path)| Some((id, *signals.get(path)?))).collect(),
            links: header.links.iter().filter_map(|(&id, name)| Some((id, *links.get(name)?))).collect(),
        }
    }
}

impl Dropped {
    fn sample(&mut self, header: &RecordingHeader, sample: &Sample) {
        count(&mut self.samples, header.signals.get(&sample.signal));
    }

    fn link_input(&mut self, header: &RecordingHeader, link: LinkId) {
        count(&mut self.link_inputs, header.links.get(&link));
    }
}

fn count(counts: &mut BTreeMap<String, u64>, name: Option<&String>) {
    let name = name.map_or(UNNAMED, String::as_str);
    match counts.get_mut(name) {
        Some(count) => *count += 1,
        None => {
            counts.insert(name.to_owned(), 1);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telemetry::{LinkState, Quality, SampleBatch, Timestamp, Value};

    use super::*;
    use crate::tests::inputs::header;

    fn recorded(signals: &[(u32, &str)], links: &[(u16, &str)]) -> Arc<RecordingHeader> {
        Arc::new(RecordingHeader {
            signals: signals.iter().map(|&(id, path)| (SignalId(id), path.to_owned())).collect(),
            links: links.iter().map(|&(id, name)| (LinkId(id), name.to_owned())).collect(),
            ..header()
        })
    }

    fn batch(link: u16, signals: &[u32]) -> Event {
        let sample = |&signal| Sample {
            signal: SignalId(signal),
            source_time: Timestamp::EPOCH,
            value: Value::Boolean(true),
            quality: Quality::Good,
        };
        Event::Samples(SampleBatch { link: LinkId(link), samples: signals.iter().map(sample).collect() })
    }

    fn check(remap: &mut Remap, header: &Arc<RecordingHeader>, event: Event, expected: Event) {
        let input = |event| Input { sequence: 7, received: Timestamp::from_millis(7), event };
        assert_eq!(remap.apply(header, input(event)), input(expected));
    }

    #[test]
    fn renames_by_name_and_counts_what_it_drops() {
        let old = recorded(&[(0, "weld/current"), (1, "weld/gone")], &[(0, "plc"), (1, "removed")]);
        let new = recorded(&[(0, "weld/new"), (1, "weld/current")], &[(0, "robot"), (1, "plc")]);
        let mut remap = Remap::new(
            [("weld/new".to_owned(), SignalId(0)), ("weld/current".to_owned(), SignalId(1))],
            [("robot".to_owned(), LinkId(0)), ("plc".to_owned(), LinkId(1))],
        );
        let down = |link| Event::Link { link: LinkId(link), state: LinkState::Down { reason: "cut".into() } };

        check(&mut remap, &old, batch(0, &[0, 1, 0, 9]), batch(1, &[1, 1]));
        check(&mut remap, &old, batch(1, &[0]), Event::Tick);
        check(&mut remap, &old, down(0), down(1));
        check(&mut remap, &old, down(1), Event::Tick);
        check(&mut remap, &old, Event::Tick, Event::Tick);
        check(&mut remap, &new, batch(1, &[0, 1]), batch(1, &[0, 1]));

        let counts = |counts: &[(&str, u64)]| counts.iter().map(|&(name, n)| (name.to_owned(), n)).collect();
        let samples = counts(&[(UNNAMED, 1), ("weld/current", 1), ("weld/gone", 1)]);
        assert_eq!(*remap.dropped(), Dropped { samples, link_inputs: counts(&[("removed", 2)]) });
    }
}
