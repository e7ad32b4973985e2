//! A running MQTT link, seen from the twin's side.
#![allow(dead_code, clippy::unwrap_used)]

use std::time::Duration;

use adapter::{Clock, Context, CountersSnapshot, queue};
use e2e::wait::PATIENCE;
use mqtt_adapter::MqttAdapter;
use plant::{Link, LinkSettings, MqttSettings, Origin, Signal};
use rumqttc::{Client, Event as ClientEvent, MqttOptions, Packet, QoS};
use telemetry::{Event, LinkId, LinkState, Sample};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

pub(crate) struct Running {
    runtime: Runtime,
    events: mpsc::Receiver<Event>,
    context: Context,
    task: JoinHandle<()>,
}

impl Running {
    pub(crate) fn start(settings: &MqttSettings, signals: &[Signal]) -> Self {
        let origin = Origin { file: "plant.toml".into(), line: 1 };
        let link = Link { id: LinkId(0), name: "cell".into(), settings: LinkSettings::Mqtt(settings.clone()), origin };
        let adapter = MqttAdapter::new(&link, settings, &signals.iter().collect::<Vec<_>>()).unwrap();
        let (sender, events) = queue(64);
        let context = Context::new(LinkId(0), Clock::system(), CancellationToken::new(), sender);
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let task = runtime.spawn(adapter.run(context.clone()));
        Self { runtime, events, context, task }
    }

    /// The next event, if it comes in time.
    pub(crate) fn event_within(&mut self, patience: Duration) -> Option<Event> {
        let event = self.runtime.block_on(async { timeout(patience, self.events.recv()).await });
        event.ok().map(|event| event.expect("the adapter has ended"))
    }

    #[track_caller]
    pub(crate) fn event(&mut self) -> Event {
        self.event_within(PATIENCE).expect("no event in time")
    }

    #[track_caller]
    pub(crate) fn wait_up(&mut self) {
        while !matches!(self.event(), Event::Link { state: LinkState::Up, .. }) {}
    }

    /// Waits until the link is down for a reason with that text in it.
    #[track_caller]
    pub(crate) fn wait_down(&mut self, expected: &str) {
        match self.event() {
            Event::Link { state: LinkState::Down { reason }, .. } => assert!(reason.contains(expected), "{reason}"),
            other => panic!("expected the link to be down: {expected}, got {other:?}"),
        }
    }

    /// The next samples, whatever the link does meanwhile.
    #[track_caller]
    pub(crate) fn samples(&mut self) -> Vec<Sample> {
        loop {
            if let Event::Samples(batch) = self.event() {
                return batch.samples;
            }
        }
    }

    pub(crate) fn counters(&self) -> CountersSnapshot {
        self.context.counters.snapshot()
    }

    pub(crate) fn stop(self) -> CountersSnapshot {
        self.context.stop.cancel();
        drop(self.events);
        self.runtime
            .block_on(async { timeout(PATIENCE, self.task).await.expect("the adapter does not stop").unwrap() });
        self.context.counters.snapshot()
    }
}

/// Publishes bytes with quality of service 1, and waits until the broker has them.
pub(crate) fn publish(port: u16, topic: &str, payload: &[u8], retain: bool) {
    let mut options = MqttOptions::new(format!("device-{topic}").replace('/', "-"), "127.0.0.1", port);
    options.set_keep_alive(Duration::from_secs(30));
    let (client, mut connection) = Client::new(options, 4);
    client.publish(topic, QoS::AtLeastOnce, retain, payload).unwrap();
    let confirmed = |event: Result<ClientEvent, _>| matches!(event, Ok(ClientEvent::Incoming(Packet::PubAck(_))));
    assert!(connection.iter().any(confirmed), "the broker does not take a message");
}
