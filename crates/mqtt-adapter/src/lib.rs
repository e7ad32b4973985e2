//! MQTT 5 and 3.1.1: payloads of JSON, text, bytes, CSV and Sparkplug B mapped to signals, and browsing.
//!
//! A tag's address is a topic, which may have `+` for a level, and where the value is in a payload. Topics are subscribed with
//! quality of service 1. All samples of a message go to the twin as one batch, or as one for each row. Their time is what the
//! message tells, or else the time of receipt; what the broker had kept and tells no time is uncertain.
//!
//! Where messages tell their time, one of quality of service 1 is acknowledged once it is durable, and the broker keeps our
//! session: what was not acknowledged when either side ended comes again, and so does what was published meanwhile. Without
//! a time such messages would seem to be of the moment they come; then the session is a clean one.
//!
//! While the twin's queue is full no message is taken from the broker, which then holds them back.

mod acks;
mod broker;
mod browse;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod payload;
mod sparkplug;
mod topic;

use std::convert::Infallible;

use adapter::{AddressError, Context, LinkError, keep_connected, without_farewell};
use mqtt_client::{Memory, Received};
use plant::{Link, MqttPayload, MqttSettings, Signal};

use acks::Acks;
use broker::{Broker, Subscription};
pub use browse::browse;
use payload::{Content, Message, Reading, Told};
use sparkplug::HostApplication;

/// An MQTT link as configured, with every address checked.
#[derive(Debug)]
pub struct MqttAdapter {
    link: String,
    broker: Broker,
    part: Part,
}

/// What the link is at its broker.
#[derive(Debug)]
enum Part {
    Subscriber { content: Content, share: Option<String> },
    SparkplugHost(HostApplication),
}

impl MqttAdapter {
    /// The adapter of a link and its signals. Connects to nothing.
    ///
    /// # Errors
    /// Every signal whose address is none for the link's payload, and what is wrong with the payload's own settings.
    pub fn new(link: &Link, settings: &MqttSettings, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        let part = match &settings.payload {
            MqttPayload::SparkplugB(host) => Part::SparkplugHost(HostApplication::new(host.clone(), signals)?),
            payload => {
                Part::Subscriber { content: Content::new(link, payload, signals)?, share: settings.share.clone() }
            }
        };
        Ok(Self { link: link.name.clone(), broker: settings.into(), part })
    }

    /// Subscribes and delivers until the context is stopped.
    pub async fn run(self, context: Context) {
        keep_connected(&context, |context| without_farewell(context, self.session(context))).await;
    }

    async fn session(&self, context: &Context) -> Result<Infallible, LinkError> {
        match &self.part {
            Part::Subscriber { content, share } => self.subscribe(content, share.as_deref(), context).await,
            Part::SparkplugHost(host) => host.session(&self.link, &self.broker, context).await,
        }
    }

    async fn subscribe(
        &self,
        content: &Content,
        share: Option<&str>,
        context: &Context,
    ) -> Result<Infallible, LinkError> {
        let mut filters = content.subscriptions();
        if let Some(group) = share {
            filters.iter_mut().for_each(|filter| *filter = format!("$share/{group}/{filter}"));
        }
        let memory = if content.tells_time() { Memory::UntilAcknowledged } else { Memory::None };
        let mut subscription = self.broker.subscribe(&filters, memory, None).await.map_err(LinkError::Lost)?;
        tracing::info!(link = self.link, "{}: up, subscribed to {} topics", self.broker, filters.len());
        context.link_up().await?;
        let (acks, waiting) = acks::queue();
        let client = subscription.client();
        // It fails only when the connection has ended, which the subscription tells.
        let acknowledge = |packet| drop(client.acknowledge(packet));
        tokio::select! {
            ended = read(content, &mut subscription, &acks, context) => ended,
            never = acks::acknowledge(waiting, context.durable(), &context.counters, acknowledge) => match never {},
        }
    }
}

async fn read(
    content: &Content,
    subscription: &mut Subscription,
    acks: &Acks,
    context: &Context,
) -> Result<Infallible, LinkError> {
    let mut told = Told::default();
    loop {
        let Received { topic, payload, packet, retained, .. } = subscription.next().await.map_err(LinkError::Lost)?;
        let message = Message { topic: &topic, payload: &payload, retained, received: context.clock.now() };
        let Reading { batches, unusable } = content.read(message, &mut told).unwrap_or_else(|| {
            if content.tells_time() {
                subscription.forget(&topic);
            }
            Reading { batches: Vec::new(), unusable: 1 }
        });
        context.counters.add_unusable(unusable);
        match packet.filter(|_| content.tells_time()) {
            None => {
                for samples in batches {
                    context.deliver(samples).await?;
                }
            }
            Some(packet) => {
                let mut batches = batches.into_iter();
                let mut events = context.deliver_durably(batches.next().unwrap_or_default()).await?;
                for samples in batches {
                    events = context.deliver_durably(samples).await?;
                }
                acks.wait(packet, events).map_err(LinkError::Lost)?;
            }
        }
    }
}
