//! MQTT 3.1.1: JSON payloads mapped by path, and browsing.
//!
//! A tag's address is `topic#/json/pointer`, or just `topic` where the whole payload is the value. Topics are subscribed
//! with quality of service 1. All samples of a message go to the twin as one batch. Their time is what the link's
//! `time_pointer` finds in the message, or else the time of receipt.
//!
//! Where messages tell their time, one of quality of service 1 is acknowledged once it is durable, and the broker keeps our
//! session: what was not acknowledged when either side ended comes again, and so does what was published meanwhile. Without
//! a time such messages would seem to be of the moment they come; then the session is a clean one.
//!
//! While the twin's queue is full no message is taken from the broker, which then holds them back.

mod acks;
mod broker;
mod browse;
mod payload;
mod topic;

use std::convert::Infallible;

use adapter::{AddressError, Context, LinkError, keep_connected, without_farewell};
use plant::{Link, MqttSettings, Signal};

use acks::Acks;
use broker::{Broker, Memory, Subscription};
pub use browse::browse;
use payload::Told;
use rumqttc::{Publish, QoS};
use telemetry::Sample;
use topic::Topic;

/// An MQTT link as configured, with every address checked.
#[derive(Debug)]
pub struct MqttAdapter {
    link: String,
    broker: Broker,
    time_pointer: Option<String>,
    topics: Vec<Topic>,
}

impl MqttAdapter {
    /// The adapter of a link and its signals. Connects to nothing.
    ///
    /// # Errors
    /// Every signal whose address names no topic and JSON pointer, and a wrong `time_pointer`.
    pub fn new(link: &Link, settings: &MqttSettings, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        let time_pointer = settings.time_pointer.clone();
        let time_error = time_pointer.as_ref().and_then(|pointer| topic::check_time_pointer(link, pointer).err());
        let topics = match (topic::topics(signals), time_error) {
            (Ok(topics), None) => topics,
            (Ok(_), Some(error)) => return Err(vec![error]),
            (Err(errors), error) => return Err(error.into_iter().chain(errors).collect()),
        };
        let login = settings.username.clone().map(|user| (user, settings.password.clone().unwrap_or_default()));
        let broker =
            Broker { host: settings.host.clone(), port: settings.port, client_id: settings.client_id.clone(), login };
        Ok(Self { link: link.name.clone(), broker, time_pointer, topics })
    }

    /// Subscribes and delivers until the context is stopped.
    pub async fn run(self, context: Context) {
        keep_connected(&context, |context| without_farewell(context, self.session(context))).await;
    }

    async fn session(&self, context: &Context) -> Result<Infallible, LinkError> {
        let filters: Vec<String> = self.topics.iter().map(|topic| topic.name.clone()).collect();
        let mut subscription = self.broker.subscribe(&filters, self.memory()).await.map_err(LinkError::Lost)?;
        tracing::info!(link = self.link, "{}: up, subscribed to {} topics", self.broker, filters.len());
        context.link_up().await?;
        let (acks, waiting) = acks::queue();
        let client = subscription.client();
        // It fails only when the connection has ended, which the subscription tells.
        let acknowledge =
            |packet| drop(client.try_ack(&Publish { pkid: packet, ..Publish::new("", QoS::AtLeastOnce, []) }));
        tokio::select! {
            ended = self.read(&mut subscription, &acks, context) => ended,
            never = acks::acknowledge(waiting, context.durable(), &context.counters, acknowledge) => match never {},
        }
    }

    fn memory(&self) -> Memory {
        if self.time_pointer.is_some() { Memory::UntilAcknowledged } else { Memory::None }
    }

    async fn read(
        &self,
        subscription: &mut Subscription,
        acks: &Acks,
        context: &Context,
    ) -> Result<Infallible, LinkError> {
        let mut told = Told::default();
        loop {
            let message = subscription.next().await.map_err(LinkError::Lost)?;
            let samples = self.samples(&message, context, &mut told);
            if samples.is_none() && self.memory() == Memory::UntilAcknowledged {
                subscription.forget(&message.topic);
            }
            let samples = samples.unwrap_or_default();
            if message.qos == QoS::AtMostOnce || self.memory() == Memory::None {
                context.deliver(samples).await?;
            } else {
                let events = context.deliver_durably(samples).await?;
                acks.wait(message.pkid, events).map_err(LinkError::Lost)?;
            }
        }
    }

    /// What a message says; `None` if its topic is none of ours.
    fn samples(&self, message: &Publish, context: &Context, told: &mut Told) -> Option<Vec<Sample>> {
        let Ok(found) = self.topics.binary_search_by(|topic| topic.name.as_str().cmp(&message.topic)) else {
            context.counters.add_unusable(1);
            return None;
        };
        let time_pointer = self.time_pointer.as_deref();
        let reading = payload::read(&self.topics[found], &message.payload, time_pointer, context.clock.now(), told);
        context.counters.add_unusable(reading.unusable);
        Some(reading.samples)
    }
}
