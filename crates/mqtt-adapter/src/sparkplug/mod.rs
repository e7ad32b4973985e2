//! A host application of Sparkplug B, after the specification 3.0.0: what edge nodes and their devices tell becomes signals.
//!
//! A tag's address is `group/node#metric` or `group/node/device#metric`. [`node`] holds the state of one edge node, without I/O
//! and without a clock; [`session`] is the connection to the broker.

mod node;
mod session;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;

#[cfg(feature = "fuzzing")]
pub(crate) use {node::Kind, session::Topic};

use adapter::AddressError;
use plant::{Signal, SparkplugHost};

/// What is read of one edge node: signals by device, empty for the node itself, and by metric.
pub(crate) type Wanted = BTreeMap<String, BTreeMap<String, Vec<Signal>>>;

/// A host application as configured.
#[derive(Debug)]
pub(crate) struct HostApplication {
    settings: SparkplugHost,
    /// By `group/node`.
    nodes: BTreeMap<String, Wanted>,
}

impl HostApplication {
    /// The host of those signals.
    ///
    /// # Errors
    /// Every signal whose address names no metric of an edge node.
    pub(crate) fn new(settings: SparkplugHost, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        let mut nodes: BTreeMap<String, Wanted> = BTreeMap::new();
        let mut errors = Vec::new();
        for &signal in signals {
            match parse(&signal.address) {
                Ok((node, device, metric)) => {
                    let device = nodes.entry(node).or_default().entry(device.to_owned()).or_default();
                    device.entry(metric.to_owned()).or_default().push(signal.clone());
                }
                Err(problem) => errors.push(AddressError::of(signal, problem)),
            }
        }
        if errors.is_empty() { Ok(Self { settings, nodes }) } else { Err(errors) }
    }
}

/// Edge node, device and metric of an address.
pub(crate) fn parse(address: &str) -> Result<(String, &str, &str), String> {
    const EXPECTED: &str =
        "expected GROUP/NODE#METRIC or GROUP/NODE/DEVICE#METRIC, such as plant/press-7#Hydraulics/Pressure";
    let (name, metric) = address.split_once('#').ok_or(EXPECTED)?;
    let levels: Vec<&str> = name.split('/').collect();
    let is_wrong = |level: &&str| level.is_empty() || level.contains('+');
    if metric.is_empty() || levels.iter().any(is_wrong) {
        return Err(EXPECTED.to_owned());
    }
    match levels[..] {
        [group, node] => Ok((format!("{group}/{node}"), "", metric)),
        [group, node, device] => Ok((format!("{group}/{node}"), device, metric)),
        _ => Err(EXPECTED.to_owned()),
    }
}

/// For fuzzers: messages in the order in which a node sends them, each of a kind, of the node or of its device `d`, and how long
/// after it nothing comes.
#[cfg(feature = "fuzzing")]
pub(crate) fn live(messages: &[Sent], signals: &[Signal]) {
    use node::{Node, Now, Outcome};
    let signals: Vec<&Signal> = signals.iter().collect();
    let Ok(host) = HostApplication::new(SparkplugHost::default(), &signals) else { return };
    let mut nodes: Vec<Node> = host.nodes.values().map(Node::new).collect();
    let mut outcome = Outcome::default();
    let mut now = Now { time: telemetry::Timestamp::EPOCH, instant: tokio::time::Instant::now() };
    for Sent { kind, device, payload, then_wait } in messages {
        for node in &mut nodes {
            node.take(*kind, device, payload.clone(), &host.settings, now, &mut outcome);
            now.instant += *then_wait;
            node.tick(now, &mut outcome);
        }
    }
}

/// For fuzzers: a message of a node.
#[cfg(feature = "fuzzing")]
pub(crate) struct Sent {
    pub(crate) kind: Kind,
    pub(crate) device: &'static str,
    pub(crate) payload: mqtt_client::sparkplug::Payload,
    pub(crate) then_wait: std::time::Duration,
}
