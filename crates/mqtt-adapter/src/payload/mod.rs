//! What the messages of a link say.

mod binary;
mod csv;
pub(crate) mod json;
mod text;

use std::collections::BTreeSet;

use adapter::rows::{Form, RowSettings};
use adapter::{AddressError, Raw, bad_sample, convert};
use plant::{Link, MqttCsv, MqttPayload, Signal};
use telemetry::{Quality, Reason, Sample, SignalId, Timestamp};

use crate::topic::{Field, Filter, Topics, check_time_pointer, pointer};
pub(crate) use binary::Span;

/// The signals of a link, and how messages are read.
#[derive(Debug)]
pub(crate) enum Content {
    Json { topics: Topics<String>, time_pointer: Option<String> },
    Text { topics: Topics<()> },
    Binary { topics: Topics<Span> },
    Csv { topics: Topics<String>, form: Form },
}

/// A message, and what is known of it beside what it says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) topic: &'a str,
    pub(crate) payload: &'a [u8],
    /// Whether the broker had kept it for those who subscribe: it is from before.
    pub(crate) retained: bool,
    pub(crate) received: Timestamp,
}

/// What a message gave.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Reading {
    /// Samples that belong together, in order.
    pub(crate) batches: Vec<Vec<Sample>>,
    /// Values, or whole messages, that could not be used.
    pub(crate) unusable: u64,
}

impl Content {
    pub(crate) fn new(link: &Link, payload: &MqttPayload, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        match payload {
            MqttPayload::Json { time_pointer } => {
                let wrong_time = time_pointer.as_ref().and_then(|pointer| check_time_pointer(link, pointer).err());
                let topics = both(Topics::new(signals, pointer), wrong_time.map_or(Ok(()), |error| Err(vec![error])));
                topics.map(|(topics, ())| Self::Json { topics, time_pointer: time_pointer.clone() })
            }
            MqttPayload::Csv(csv) => both(Topics::new(signals, csv::column), Form::new(link, &rows(csv)))
                .map(|(topics, form)| Self::Csv { topics, form }),
            MqttPayload::Binary => Topics::new(signals, Span::parse).map(|topics| Self::Binary { topics }),
            // A host of Sparkplug B reads its messages itself.
            MqttPayload::Text | MqttPayload::SparkplugB(_) => {
                Topics::new(signals, text::nothing).map(|topics| Self::Text { topics })
            }
        }
    }

    /// What to subscribe to.
    pub(crate) fn subscriptions(&self) -> Vec<String> {
        match self {
            Self::Json { topics, .. } | Self::Csv { topics, .. } => topics.subscriptions(),
            Self::Text { topics } => topics.subscriptions(),
            Self::Binary { topics } => topics.subscriptions(),
        }
    }

    /// Whether messages tell their time. Those that do not would seem to be of the moment they come.
    pub(crate) fn tells_time(&self) -> bool {
        match self {
            Self::Json { time_pointer, .. } => time_pointer.is_some(),
            Self::Csv { .. } => true,
            Self::Text { .. } | Self::Binary { .. } => false,
        }
    }

    /// What a message says; `None` if its topic is none of ours.
    pub(crate) fn read(&self, message: Message<'_>, told: &mut Told) -> Option<Reading> {
        match self {
            Self::Json { topics, time_pointer } => {
                let filters = ours(topics, message)?;
                Some(json::read(&filters, message, time_pointer.as_deref(), told))
            }
            Self::Text { topics } => Some(text::read(&ours(topics, message)?, message, told)),
            Self::Binary { topics } => Some(binary::read(&ours(topics, message)?, message, told)),
            Self::Csv { topics, form } => Some(csv::read(&ours(topics, message)?, form, message, told)),
        }
    }
}

fn ours<'a, At>(topics: &'a Topics<At>, message: Message<'_>) -> Option<Vec<&'a Filter<At>>> {
    let filters = topics.of(message.topic);
    (!filters.is_empty()).then_some(filters)
}

fn rows(csv: &MqttCsv) -> RowSettings<'_> {
    RowSettings {
        delimiter: csv.delimiter,
        decimal_mark: csv.decimal_mark,
        columns: &csv.columns,
        time_column: &csv.time_column,
        time_format: &csv.time_format,
        time_zone: csv.time_zone.as_deref(),
    }
}

/// Both, or what is wrong with either.
fn both<A, B>(a: Result<A, Vec<AddressError>>, b: Result<B, Vec<AddressError>>) -> Result<(A, B), Vec<AddressError>> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (a, b) => Err([b.err(), a.err()].into_iter().flatten().flatten().collect()),
    }
}

impl Message<'_> {
    /// When a message is of that says nothing of it: of now, unless the broker had kept it, and then nobody knows.
    fn moment(&self) -> (Timestamp, Quality) {
        (self.received, if self.retained { Quality::Uncertain(Reason::Stale) } else { Quality::Good })
    }

    /// The first bytes, for a person.
    fn shown(&self) -> String {
        const SHOWN_BYTES_MAX: usize = 40;
        let shown = &self.payload[..self.payload.len().min(SHOWN_BYTES_MAX)];
        let more = if shown.len() < self.payload.len() { "…" } else { "" };
        format!("`{}`{more} of {} bytes", shown.escape_ascii(), self.payload.len())
    }

    /// What comes of a message that cannot be read: every signal in it is bad, and the log says what was expected.
    fn malformed<At>(&self, filters: &[&Filter<At>], expected: &str, told: &mut Told) -> Reading {
        let mut samples = Vec::new();
        for field in filters.iter().flat_map(|filter| &filter.fields) {
            if told.first(Trouble::Payload(field.signal.id)) {
                let (topic, shown) = (self.topic, self.shown());
                tracing::warn!(
                    topic,
                    signal = field.signal.path,
                    "a message is {shown}; expected {expected}; told once per connection"
                );
            }
            samples.push(bad_sample(&field.signal, self.received, Reason::Malformed));
        }
        Reading { batches: vec![samples], unusable: 1 }
    }
}

/// What the log has been told of on this connection. It grows with the tag list, not with the messages.
#[derive(Debug, Default)]
pub(crate) struct Told(BTreeSet<Trouble>);

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    Payload(SignalId),
    Time(SignalId),
    Value(SignalId),
}

impl Told {
    pub(crate) fn first(&mut self, trouble: Trouble) -> bool {
        self.0.insert(trouble)
    }
}

/// A value as a sample, bad if it is none of its signal.
pub(crate) fn sample(
    signal: &Signal,
    raw: Raw<'_>,
    source_time: Timestamp,
    quality: Quality,
    told: &mut Told,
) -> Sample {
    match convert(raw, signal) {
        Ok(value) => Sample { signal: signal.id, source_time, value, quality },
        Err(reason) => {
            tell(signal, &format!("holds {raw}, which is no usable {}: {reason}", signal.data_type.name()), told);
            bad_sample(signal, source_time, reason)
        }
    }
}

pub(crate) fn tell(signal: &Signal, problem: &str, told: &mut Told) {
    if told.first(Trouble::Value(signal.id)) {
        let (origin, path, address) = (&signal.origin, &signal.path, &signal.address);
        tracing::warn!("{origin}: {path}: address `{address}` {problem}; told once per connection");
    }
}

fn fields<'a, At>(filters: &'a [&Filter<At>]) -> impl Iterator<Item = &'a Field<At>> {
    filters.iter().flat_map(|filter| &filter.fields)
}
