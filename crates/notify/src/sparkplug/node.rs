//! The life of an edge node and its devices, as chapter 5 of the specification has it. No I/O and no clock.

use std::collections::{BTreeMap, BTreeSet};

use contract::StateV1;
use prost::Message as _;

use super::metrics::{Metrics, millis};
use mqtt_client::sparkplug::{BD_SEQ, Metric, NAMESPACE, Payload, REBIRTH, Value, datatype};

/// A message for the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Letter {
    pub(crate) topic: String,
    pub(crate) payload: Vec<u8>,
}

/// Who the node is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) group: String,
    pub(crate) node: String,
}

impl Identity {
    fn topic(&self, kind: &str) -> String {
        format!("{NAMESPACE}/{}/{kind}/{}", self.group, self.node)
    }

    /// Where the node is told to do something.
    pub(crate) fn commands(&self) -> String {
        self.topic("NCMD")
    }

    /// The node's death: it says which birth it belongs to, and has no place among the other messages.
    pub(crate) fn death(&self, bd_seq: u8, at_ms: u64) -> Letter {
        let payload = Payload { timestamp: Some(at_ms), metrics: vec![of_bd_seq(bd_seq, at_ms)], seq: None };
        Letter { topic: self.topic("NDEATH"), payload: payload.encode_to_vec() }
    }
}

/// Whether a command asks for a new birth.
pub(crate) fn asks_for_rebirth(payload: &[u8]) -> bool {
    let is_rebirth =
        |metric: &Metric| metric.name.as_deref() == Some(REBIRTH) && metric.value == Some(Value::Boolean(true));
    Payload::decode(payload).is_ok_and(|payload| payload.metrics.iter().any(is_rebirth))
}

fn of_bd_seq(bd_seq: u8, at_ms: u64) -> Metric {
    Metric {
        name: Some(BD_SEQ.to_owned()),
        timestamp: Some(at_ms),
        datatype: Some(datatype::INT64),
        value: Some(Value::Long(bd_seq.into())),
        ..Metric::default()
    }
}

/// A node that has been born, and what its hosts know of it.
#[derive(Debug)]
pub(crate) struct EdgeNode {
    identity: Identity,
    bd_seq: u8,
    next_seq: u8,
    line: Metrics,
    /// The devices that have been born and have not died.
    devices: BTreeMap<String, Metrics>,
    /// What stands for a name of a device, or of the node itself. It stays as long as the connection.
    aliases: BTreeMap<(Option<String>, String), u64>,
}

impl EdgeNode {
    pub(crate) fn new(identity: Identity, bd_seq: u8) -> Self {
        let (line, devices, aliases) = (Metrics::default(), BTreeMap::new(), BTreeMap::new());
        Self { identity, bd_seq, next_seq: 0, line, devices, aliases }
    }

    /// The birth of the node and of every device that is seen. Everything before is forgotten.
    pub(crate) fn birth(&mut self, state: &StateV1, at_ms: u64) -> Vec<Letter> {
        (self.next_seq, self.line) = (0, Metrics::of_line(state));
        self.devices.clear();
        let mut metrics = vec![of_bd_seq(self.bd_seq, at_ms), rebirth(at_ms)];
        let line = self.line.clone();
        metrics.extend(self.born(None, &line, true_at(state, at_ms)));
        let mut letters = vec![self.letter("NBIRTH", None, metrics, at_ms)];
        letters.extend(self.update_devices(state, at_ms));
        letters
    }

    /// What has changed: the node's own metrics, births and deaths of devices, and theirs.
    pub(crate) fn update(&mut self, state: &StateV1, at_ms: u64) -> Vec<Letter> {
        let line = Metrics::of_line(state);
        if line.0.keys().ne(self.line.0.keys()) {
            return self.birth(state, at_ms);
        }
        let before = std::mem::replace(&mut self.line, line.clone());
        let changed = self.changed(None, &before, &line, true_at(state, at_ms));
        let mut letters = Vec::new();
        if !changed.is_empty() {
            letters.push(self.letter("NDATA", None, changed, at_ms));
        }
        letters.extend(self.update_devices(state, at_ms));
        letters
    }

    fn update_devices(&mut self, state: &StateV1, at_ms: u64) -> Vec<Letter> {
        let then_ms = true_at(state, at_ms);
        let mut letters = Vec::new();
        let mut seen = BTreeSet::new();
        for station in &state.stations {
            let Some(now) = Metrics::of_station(station, state) else { continue };
            let device = Some(station.name.as_str());
            seen.insert(station.name.clone());
            let before = self.devices.insert(station.name.clone(), now.clone());
            match before {
                Some(before) if before.0.keys().eq(now.0.keys()) => {
                    let changed = self.changed(device, &before, &now, then_ms);
                    if !changed.is_empty() {
                        letters.push(self.letter("DDATA", device, changed, at_ms));
                    }
                }
                // New, back, or with other metrics than its hosts know.
                _ => {
                    let metrics = self.born(device, &now, then_ms);
                    letters.push(self.letter("DBIRTH", device, metrics, at_ms));
                }
            }
        }
        let gone: Vec<String> = self.devices.keys().filter(|device| !seen.contains(*device)).cloned().collect();
        for device in gone {
            self.devices.remove(&device);
            letters.push(self.letter("DDEATH", Some(&device), Vec::new(), at_ms));
        }
        letters
    }

    /// Every metric with its name and what stands for it from now on.
    fn born(&mut self, device: Option<&str>, metrics: &Metrics, at_ms: u64) -> Vec<Metric> {
        let mut born = Vec::with_capacity(metrics.0.len());
        for (name, reading) in &metrics.0 {
            let alias = self.alias(device, name);
            born.push(Metric { name: Some(name.clone()), alias: Some(alias), ..reading.metric(at_ms, true) });
        }
        born
    }

    /// The metrics that are not as they were, each by what stands for its name.
    fn changed(&mut self, device: Option<&str>, before: &Metrics, now: &Metrics, at_ms: u64) -> Vec<Metric> {
        let mut changed = Vec::new();
        for (name, reading) in now.0.iter().filter(|(name, reading)| before.0.get(*name) != Some(reading)) {
            let alias = self.alias(device, name);
            changed.push(Metric { alias: Some(alias), ..reading.metric(at_ms, false) });
        }
        changed
    }

    fn alias(&mut self, device: Option<&str>, name: &str) -> u64 {
        let next = self.aliases.len() as u64;
        *self.aliases.entry((device.map(str::to_owned), name.to_owned())).or_insert(next)
    }

    fn letter(&mut self, kind: &str, device: Option<&str>, metrics: Vec<Metric>, at_ms: u64) -> Letter {
        let seq = self.next_seq;
        self.next_seq = seq.wrapping_add(1);
        let payload = Payload { timestamp: Some(at_ms), metrics, seq: Some(seq.into()) };
        let topic = self.identity.topic(kind);
        let topic = device.map_or(topic.clone(), |device| format!("{topic}/{}", crate::topics::level(device)));
        Letter { topic, payload: payload.encode_to_vec() }
    }
}

/// When the state was true; now, as long as the twin has heard nothing that has a time.
fn true_at(state: &StateV1, at_ms: u64) -> u64 {
    match millis(state.now) {
        0 => at_ms,
        then_ms => then_ms,
    }
}

fn rebirth(at_ms: u64) -> Metric {
    Metric {
        name: Some(REBIRTH.to_owned()),
        timestamp: Some(at_ms),
        datatype: Some(datatype::BOOLEAN),
        value: Some(Value::Boolean(false)),
        ..Metric::default()
    }
}
