//! MQTT 3.1.1: JSON payloads mapped by path, and browsing.
//!
//! A tag's address is `topic#/json/pointer`, or just `topic` where the whole payload is the value. Topics are subscribed
//! with quality of service 1. All samples of a message go to the twin as one batch. Their time is what the link's
//! `time_pointer` finds in the message, or else the time of receipt.
//!
//! While the twin's queue is full no message is taken from the broker, which then holds them back.

mod broker;
mod browse;
mod payload;
mod topic;

use std::convert::Infallible;

use adapter::{AddressError, Context, LinkError, keep_connected, without_farewell};
use plant::{Link, MqttSettings, Signal};

use broker::Broker;
pub use browse::browse;
use payload::Told;
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
        let mut subscription = self.broker.subscribe(&filters).await.map_err(LinkError::Lost)?;
        tracing::info!(link = self.link, "{}: up, subscribed to {} topics", self.broker, filters.len());
        context.link_up().await?;
        let mut told = Told::default();
        loop {
            let message = subscription.next().await.map_err(LinkError::Lost)?;
            let Ok(found) = self.topics.binary_search_by(|topic| topic.name.as_str().cmp(&message.topic)) else {
                context.counters.add_unusable(1);
                continue;
            };
            let time_pointer = self.time_pointer.as_deref();
            let topic = &self.topics[found];
            let reading = payload::read(topic, &message.payload, time_pointer, context.clock.now(), &mut told);
            context.counters.add_unusable(reading.unusable);
            context.deliver(reading.samples).await?;
        }
    }
}
