//! A host application's connection to its broker.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::time::Duration;

use adapter::{Context, LinkError};
use mqtt_client::sparkplug::{HostState, Metric, NAMESPACE, Payload, REBIRTH, Value, datatype, host_topic};
use mqtt_client::{About, Client, Memory, Outgoing, QoS, Received};
use prost::Message as _;
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::HostApplication;
use super::node::{Kind, Node, Now, Outcome};
use crate::broker::Broker;

/// How often what is due is looked for.
const TICK: Duration = Duration::from_millis(100);
/// The most nodes that are asked for a birth at once: 100 a second, so that a plant is not born all at the same moment.
const ASKED_MAX: usize = 10;

/// A message's node, device and kind.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Topic<'a> {
    group: &'a str,
    node: &'a str,
    /// Empty for the node itself.
    device: &'a str,
    kind: Kind,
}

impl<'a> Topic<'a> {
    /// `None` for what nodes and devices do not tell, such as commands.
    pub(crate) fn parse(topic: &'a str) -> Option<Self> {
        let mut levels = topic.split('/');
        let (namespace, group, kind) = (levels.next()?, levels.next()?, levels.next()?);
        let (node, device, more) = (levels.next()?, levels.next().unwrap_or_default(), levels.next());
        let kind = match (kind, device.is_empty()) {
            ("NBIRTH", true) | ("DBIRTH", false) => Kind::Birth,
            ("NDATA", true) | ("DDATA", false) => Kind::Data,
            ("NDEATH", true) | ("DDEATH", false) => Kind::Death,
            _ => return None,
        };
        (namespace == NAMESPACE && more.is_none()).then_some(Self { group, node, device, kind })
    }
}

impl HostApplication {
    /// Subscribes and delivers until the connection ends.
    pub(crate) async fn session(
        &self,
        link: &str,
        broker: &Broker,
        context: &Context,
    ) -> Result<Infallible, LinkError> {
        let state = |online| self.state(online, millis(context));
        let (birth, death) = (state(true), state(false));
        let filters = self.filters();
        // A host keeps no session, as what it is told of the past it could not order.
        let mut subscription = broker.subscribe(&filters, Memory::None, death).await.map_err(LinkError::Lost)?;
        tracing::info!(link, "{broker}: up as a host of {} edge nodes", self.nodes.len());
        context.link_up().await?;
        let client = subscription.client();
        let mut nodes: BTreeMap<&str, Node> =
            self.nodes.iter().map(|(name, wanted)| (name.as_str(), Node::new(wanted))).collect();
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut must_say_state = birth.is_some();
        loop {
            let mut outcome = Outcome::default();
            tokio::select! {
                message = subscription.next() => {
                    let message = message.map_err(LinkError::Lost)?;
                    if birth.as_ref().is_some_and(|birth| birth.topic == message.topic) {
                        // The will of an earlier connection, or somebody else's.
                        must_say_state |= !serde_json::from_slice(&message.payload).is_ok_and(|state: HostState| state.online);
                        continue;
                    }
                    self.take(&mut nodes, &message, now(context), &mut outcome);
                }
                _ = ticks.tick() => {
                    nodes.values_mut().for_each(|node| node.tick(now(context), &mut outcome));
                    if let Some(birth) = birth.clone().filter(|_| must_say_state) {
                        // What cannot be sent now is at the next moment.
                        must_say_state = client.publish(birth).is_err();
                    }
                    self.ask(&mut nodes, &client, context);
                }
            }
            context.counters.add_unusable(outcome.unusable);
            context.counters.add_lost_at_source(outcome.lost);
            if let Some(address) = outcome.unread {
                tracing::warn!(
                    link,
                    address,
                    "holds bytes, a data set or a template, which are not read; told once a node"
                );
            }
            context.deliver(outcome.samples).await?;
        }
    }

    fn filters(&self) -> Vec<String> {
        let of_node = |name: &String| {
            let (group, node) = name.split_once('/').unwrap_or_default();
            [format!("{NAMESPACE}/{group}/+/{node}"), format!("{NAMESPACE}/{group}/+/{node}/+")]
        };
        self.nodes.keys().flat_map(of_node).chain(self.settings.host_id.as_deref().map(host_topic)).collect()
    }

    fn take(&self, nodes: &mut BTreeMap<&str, Node>, message: &Received, now: Now, outcome: &mut Outcome) {
        let Some(Topic { group, node, device, kind }) = Topic::parse(&message.topic) else { return };
        let Some(node) = nodes.get_mut(format!("{group}/{node}").as_str()) else { return };
        match Payload::decode(message.payload.clone()) {
            // Nodes must not have anything retained; what is so is of the past.
            Ok(_) if message.retained => outcome.unusable += 1,
            Ok(payload) => node.take(kind, device, payload, &self.settings, now, outcome),
            Err(error) => {
                let (topic, bytes) = (&message.topic, message.payload.len());
                tracing::debug!(topic, bytes, "a message is no payload of Sparkplug B: {error}");
                outcome.unusable += 1;
            }
        }
    }

    /// Asks nodes for a birth, some at a time.
    fn ask(&self, nodes: &mut BTreeMap<&str, Node>, client: &Client, context: &Context) {
        let interval = Duration::from_secs_f64(self.settings.rebirth_interval_s);
        let now = Instant::now();
        let due = nodes.iter_mut().filter_map(|(&name, node)| node.ask(interval, now).then_some(name));
        for name in due.take(ASKED_MAX) {
            tracing::info!(node = name, "an edge node is asked for a birth");
            // One that cannot be sent now is asked again when the node next tells something.
            drop(client.publish(rebirth(name, millis(context))));
        }
    }

    /// What the host says of itself, if it has a name.
    fn state(&self, online: bool, timestamp: u64) -> Option<Outgoing> {
        let host = self.settings.host_id.as_deref()?;
        let payload = serde_json::to_vec(&HostState { online, timestamp }).unwrap_or_default();
        Some(Outgoing {
            topic: host_topic(host),
            payload,
            qos: QoS::AtLeastOnce,
            retain: true,
            about: About::default(),
        })
    }
}

fn now(context: &Context) -> Now {
    Now { time: context.clock.now(), instant: Instant::now() }
}

fn millis(context: &Context) -> u64 {
    u64::try_from(context.clock.now().as_millis()).unwrap_or(0)
}

/// The command that asks `group/node` for a birth.
fn rebirth(name: &str, at_ms: u64) -> Outgoing {
    let metric = Metric {
        name: Some(REBIRTH.to_owned()),
        timestamp: Some(at_ms),
        datatype: Some(datatype::BOOLEAN),
        value: Some(Value::Boolean(true)),
        ..Metric::default()
    };
    let payload = Payload { timestamp: Some(at_ms), metrics: vec![metric], seq: None }.encode_to_vec();
    let (group, node) = name.split_once('/').unwrap_or_default();
    let topic = format!("{NAMESPACE}/{group}/NCMD/{node}");
    Outgoing { topic, payload, qos: QoS::AtMostOnce, retain: false, about: About::default() }
}
