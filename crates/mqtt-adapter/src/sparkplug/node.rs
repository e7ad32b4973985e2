//! The life of an edge node as a host sees it, chapters 5 and 6 of the specification. No I/O and no clock.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use adapter::bad_sample;
use mqtt_client::sparkplug::{BD_SEQ, Metric, Payload, Value};
use plant::{Signal, SparkplugHost};
use telemetry::{Quality, Reason, Sample, Timestamp};
use tokio::time::Instant;

use super::{Wanted, value};

/// The most aliases kept of one node; a birth with more is of no use beyond them, and what they stand for is counted.
const ALIASES_MAX: usize = 100_000;
/// A message is late if its number is so far, or farther, ahead of the one that is next: numbers go round at 256.
const LATE: u8 = 128;

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Birth,
    Data,
    Death,
}

/// The moment, on the clock of the samples and on that of the waits.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) time: Timestamp,
    pub(super) instant: Instant,
}

/// What has come of messages.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) samples: Vec<Sample>,
    /// Messages and values that could not be used.
    pub(super) unusable: u64,
    /// Messages that never came.
    pub(super) lost: u64,
    /// A metric that is of a type that is not read, told once.
    pub(super) unread: Option<String>,
}

/// An edge node and what is known of it.
#[derive(Debug)]
pub(super) struct Node {
    metrics: Vec<Known>,
    /// The place of each metric, by device and name.
    places: BTreeMap<String, BTreeMap<String, usize>>,
    life: Option<Life>,
    /// Messages that came before one that is missing, by their number.
    held: BTreeMap<u8, (Kind, String, Payload)>,
    /// Until when the missing one is waited for.
    waits_until: Option<Instant>,
    wants_birth: bool,
    asked: Option<Instant>,
    told_unread: bool,
}

/// A metric that is read.
#[derive(Debug)]
struct Known {
    signals: Vec<Signal>,
    device: String,
    datatype: Option<u32>,
    quality: Quality,
    is_born: bool,
}

/// From a birth to a death.
#[derive(Debug)]
struct Life {
    bd_seq: Option<u64>,
    /// The number of the next message.
    next: u8,
    /// What each alias stands for; `None` is a metric that is not read.
    aliases: HashMap<u64, Option<usize>>,
    devices: BTreeSet<String>,
}

impl Node {
    /// A node that nothing has been heard of; a birth is wanted.
    pub(super) fn new(wanted: &Wanted) -> Self {
        let (mut metrics, mut places) = (Vec::new(), BTreeMap::<String, BTreeMap<String, usize>>::new());
        for (device, of_device) in wanted {
            for (name, signals) in of_device {
                places.entry(device.clone()).or_default().insert(name.clone(), metrics.len());
                metrics.push(Known {
                    signals: signals.clone(),
                    device: device.clone(),
                    datatype: None,
                    quality: Quality::Good,
                    is_born: false,
                });
            }
        }
        Self {
            metrics,
            places,
            life: None,
            held: BTreeMap::new(),
            waits_until: None,
            wants_birth: true,
            asked: None,
            told_unread: false,
        }
    }

    /// Takes a message of the node, with no `device`, or of a device.
    pub(super) fn take(
        &mut self,
        kind: Kind,
        device: &str,
        payload: Payload,
        settings: &SparkplugHost,
        now: Now,
        outcome: &mut Outcome,
    ) {
        match (kind, device.is_empty(), payload.seq.and_then(|seq| u8::try_from(seq).ok())) {
            (Kind::Birth, true, seq) => self.born(&payload, seq.unwrap_or(0), now, outcome),
            (Kind::Death, true, _) => self.dies(&payload, now, outcome),
            (_, _, None) => outcome.unusable += 1,
            (_, _, Some(seq)) => self.in_order(seq, (kind, device.to_owned(), payload), settings, now, outcome),
        }
    }

    /// Gives up on a message that has not come in time.
    pub(super) fn tick(&mut self, now: Now, outcome: &mut Outcome) {
        if self.waits_until.is_none_or(|until| now.instant < until) {
            return;
        }
        let Some(life) = self.life.take() else { return };
        // A birth may be among what is missing, and then aliases stand for something else: nothing more is believed.
        let until_last = self.held.keys().map(|seq| seq.wrapping_sub(life.next)).max().map_or(0, u64::from);
        outcome.lost += (until_last + 1).saturating_sub(self.held.len() as u64);
        outcome.unusable += self.held.len() as u64;
        self.forget_held();
        self.all_are(Reason::Stale, |_| true, now, outcome);
        self.wants_birth = true;
    }

    /// Whether the node is to be asked for a birth now.
    pub(super) fn ask(&mut self, interval: Duration, now: Instant) -> bool {
        let is_due = self.wants_birth && self.asked.is_none_or(|asked| now.duration_since(asked) >= interval);
        if is_due {
            (self.wants_birth, self.asked) = (false, Some(now));
        }
        is_due
    }

    fn born(&mut self, payload: &Payload, seq: u8, now: Now, outcome: &mut Outcome) {
        let bd_seq = bd_seq(payload);
        if self.life.as_ref().is_some_and(|life| life.bd_seq != bd_seq) {
            // Its death has been lost.
            self.all_are(Reason::NotConnected, |_| true, now, outcome);
        }
        outcome.unusable += self.held.len() as u64;
        self.forget_held();
        self.metrics.iter_mut().for_each(|metric| metric.is_born = false);
        let (aliases, devices) = (HashMap::new(), BTreeSet::new());
        self.life = Some(Life { bd_seq, next: seq.wrapping_add(1), aliases, devices });
        self.wants_birth = false;
        self.births("", payload, now, outcome);
    }

    /// A death that is not of this life is one that the broker told late.
    fn dies(&mut self, payload: &Payload, now: Now, outcome: &mut Outcome) {
        if self.life.as_ref().is_none_or(|life| life.bd_seq != bd_seq(payload)) {
            outcome.unusable += 1;
            return;
        }
        self.life = None;
        outcome.unusable += self.held.len() as u64;
        self.forget_held();
        self.all_are(Reason::NotConnected, |_| true, now, outcome);
    }

    fn in_order(
        &mut self,
        seq: u8,
        message: (Kind, String, Payload),
        settings: &SparkplugHost,
        now: Now,
        outcome: &mut Outcome,
    ) {
        let Some(life) = &self.life else {
            outcome.unusable += 1;
            self.wants_birth = true;
            return;
        };
        match seq.wrapping_sub(life.next) {
            0 => {
                self.apply(message, now, outcome);
                while let Some(message) = self.life.as_ref().and_then(|life| self.held.remove(&life.next)) {
                    self.apply(message, now, outcome);
                    self.waits_until = None;
                }
            }
            LATE.. => outcome.unusable += 1,
            _ => {
                if self.held.insert(seq, message).is_some() {
                    outcome.unusable += 1;
                }
            }
        }
        if self.held.is_empty() {
            self.waits_until = None;
        } else {
            let until = now.instant + Duration::from_secs_f64(settings.reorder_s);
            self.waits_until.get_or_insert(until);
        }
    }

    fn apply(&mut self, (kind, device, payload): (Kind, String, Payload), now: Now, outcome: &mut Outcome) {
        let Some(life) = &mut self.life else { return };
        life.next = life.next.wrapping_add(1);
        if !self.places.contains_key(&device) {
            // Its aliases need not be known, as they are unique in the node and nobody asks for them here.
            return;
        }
        match kind {
            Kind::Birth => {
                life.devices.insert(device.clone());
                self.births(&device, &payload, now, outcome);
            }
            Kind::Death => {
                life.devices.remove(&device);
                self.all_are(Reason::NotConnected, |of| of == device, now, outcome);
            }
            Kind::Data if device.is_empty() || life.devices.contains(&device) => {
                for metric in &payload.metrics {
                    self.data(&device, metric, &payload, now, outcome);
                }
            }
            Kind::Data => {
                outcome.unusable += 1;
                self.wants_birth = true;
            }
        }
    }

    fn births(&mut self, device: &str, payload: &Payload, now: Now, outcome: &mut Outcome) {
        for metric in &payload.metrics {
            let place = metric.name.as_ref().and_then(|name| self.place(device, name));
            if let (Some(life), Some(alias)) = (&mut self.life, metric.alias)
                && life.aliases.len() < ALIASES_MAX
            {
                life.aliases.insert(alias, place);
            }
            if let Some(place) = place {
                let known = &mut self.metrics[place];
                (known.is_born, known.datatype, known.quality) = (true, metric.datatype, Quality::Good);
                self.tell(place, metric, payload, now, outcome);
            }
        }
    }

    fn data(&mut self, device: &str, metric: &Metric, payload: &Payload, now: Now, outcome: &mut Outcome) {
        let place = match (metric.name.as_deref().filter(|name| !name.is_empty()), metric.alias, &self.life) {
            (Some(name), _, _) => Some(self.place(device, name)),
            (None, Some(alias), Some(life)) => life.aliases.get(&alias).copied(),
            _ => None,
        };
        match place {
            Some(Some(place)) if self.metrics[place].is_born => self.tell(place, metric, payload, now, outcome),
            Some(None) => {}
            // No birth has told of it.
            Some(Some(_)) | None => {
                outcome.unusable += 1;
                self.wants_birth = true;
            }
        }
    }

    fn place(&self, device: &str, name: &str) -> Option<usize> {
        self.places.get(device)?.get(name).copied()
    }

    fn tell(&mut self, place: usize, metric: &Metric, payload: &Payload, now: Now, outcome: &mut Outcome) {
        let known = &mut self.metrics[place];
        known.datatype = metric.datatype.or(known.datatype);
        known.quality = value::quality(metric).unwrap_or(known.quality);
        let time = metric.timestamp.or(payload.timestamp).and_then(|millis| i64::try_from(millis).ok());
        let time = time.map_or(now.time, Timestamp::from_millis);
        for signal in &known.signals {
            match value::sample(signal, metric, known.datatype, time, known.quality) {
                Some(sample) => outcome.samples.push(sample),
                None => {
                    outcome.unusable += 1;
                    if !self.told_unread {
                        self.told_unread = true;
                        outcome.unread = Some(signal.address.clone());
                    }
                }
            }
        }
    }

    /// Signals of devices that are born and now are no more, each told once.
    fn all_are(&mut self, reason: Reason, of: impl Fn(&str) -> bool, now: Now, outcome: &mut Outcome) {
        for metric in self.metrics.iter_mut().filter(|metric| metric.is_born && of(&metric.device)) {
            metric.is_born = false;
            outcome.samples.extend(metric.signals.iter().map(|signal| bad_sample(signal, now.time, reason)));
        }
    }

    fn forget_held(&mut self) {
        self.held.clear();
        self.waits_until = None;
    }
}

fn bd_seq(payload: &Payload) -> Option<u64> {
    let metric = payload.metrics.iter().find(|metric| metric.name.as_deref() == Some(BD_SEQ))?;
    match metric.value {
        Some(Value::Long(number)) => Some(number),
        Some(Value::Int(number)) => Some(number.into()),
        _ => None,
    }
}
