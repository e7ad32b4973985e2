//! The notifier against a real broker, seen by a supervisor with a client of another kind.

#![allow(clippy::unwrap_used)]

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use contract::{CommandReplyV1, CommandV1};
use mqtt_client::Broker;
use notify::{Counters, Event, Notifier, NotifySettings, Publication, Topics};
use plant::{Detection, Plant};
use support::{PATIENCE, Relay, Supervisor, broker, broker_that_takes};
use telemetry::{Command, CommandAction, IncidentAction, IncidentId, Timestamp};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

const BASE: &str = "linetwin/v1/acme/ulm/body_shop/line-1";
const STATUS: &str = "linetwin/v1/edge-7/status";

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// A running notifier with its other ends.
struct Running {
    publications: mpsc::Sender<Publication>,
    commands: mpsc::Receiver<Command>,
    counters: Arc<Counters>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn at(broker: SocketAddr, open: Vec<Publication>) -> Self {
        let settings = settings("linetwin-edge-7", broker);
        let topics = Topics::new(&plant(), &settings.node);
        let notifier = Notifier::new(settings, topics, open);
        let counters = notifier.counters();
        let (publications, publications_out) = mpsc::channel(16);
        let (commands_in, commands) = mpsc::channel(1);
        let stop = CancellationToken::new();
        let now = || NOW;
        let task = tokio::spawn(notifier.run(publications_out, commands_in, now, stop.clone()));
        Self { publications, commands, counters, stop, task }
    }

    async fn tell(&self, publications: impl IntoIterator<Item = Publication>) {
        for publication in publications {
            timeout(PATIENCE, self.publications.send(publication)).await.unwrap().unwrap();
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        timeout(PATIENCE, self.task).await.unwrap().unwrap();
    }
}

fn settings(client_id: &str, broker: SocketAddr) -> NotifySettings {
    let broker = Broker { host: broker.ip().to_string(), port: broker.port(), version: None, login: None, tls: None };
    NotifySettings {
        broker,
        client_id: client_id.into(),
        node: "edge-7".into(),
        retain: true,
        history_after: Some(NotifySettings::HISTORY_AFTER),
        farewell: NotifySettings::FAREWELL,
    }
}

fn plant() -> Plant {
    Plant {
        enterprise: "acme".into(),
        site: "ulm".into(),
        area: "body/shop".into(),
        line: "line-1".into(),
        detection: Detection { false_alarms_per_shift: 1.0, warm_up_cycles: 30, ..Detection::default() },
        ..Plant::default()
    }
}

fn alert(sequence: u64, content: &str) -> Publication {
    let incident = IncidentId { sequence, ordinal: 0 };
    Publication::Alert { incident, content: (!content.is_empty()).then(|| content.to_owned()) }
}

fn event(content: &str) -> Publication {
    Publication::Event(Event { id: content.to_owned(), at: NOW, content: content.to_owned() })
}

/// The alerts on show, as `id=content`.
fn alerts(supervisor: &Supervisor) -> Vec<String> {
    let id = |topic: &String| topic.strip_prefix(&format!("{BASE}/alerts/")).map(str::to_owned);
    supervisor.shown.iter().filter_map(|(topic, content)| Some(format!("{}={content}", id(topic)?))).collect()
}

fn events(supervisor: &Supervisor) -> Vec<&str> {
    supervisor.contents(&format!("{BASE}/events"))
}

fn is_online(supervisor: &Supervisor) -> bool {
    supervisor.shown.get(STATUS).is_some_and(|status| status.contains(r#""state":"online""#))
}

fn is_offline(supervisor: &Supervisor) -> bool {
    supervisor.shown.get(STATUS).is_some_and(|status| status.contains(r#""state":"offline""#))
}

#[tokio::test]
async fn open_alerts_are_retained_and_closed_ones_cleared() {
    let broker = broker().await;
    let mut early = Supervisor::at(broker, "early").await;
    let running = Running::at(broker, vec![alert(1, "a1")]);
    running.tell([alert(2, "b1"), event("raised 2"), alert(1, ""), event("closed 1"), alert(2, "b2")]).await;
    early.wait_until(|seen| events(seen).len() == 2 && alerts(seen) == ["2-0=b2"]).await;
    assert_eq!(events(&early), ["raised 2", "closed 1"]);
    assert!(is_online(&early));

    let mut late = Supervisor::at(broker, "late").await;
    late.wait_until(|seen| is_online(seen) && alerts(seen) == ["2-0=b2"]).await;
    assert!(events(&late).is_empty(), "events are not retained");
    assert_eq!(running.counters.snapshot().dropped, 0);
    running.stop().await;
}

#[tokio::test]
async fn an_orderly_stop_tells_what_is_left_and_then_offline() {
    let broker = broker().await;
    let mut supervisor = Supervisor::at(broker, "supervisor").await;
    let running = Running::at(broker, Vec::new());
    supervisor.wait_until(is_online).await;
    running.tell((0..10).map(|number| event(&number.to_string()))).await;
    let counters = Arc::clone(&running.counters);
    running.stop().await;
    supervisor.wait_until(is_offline).await;
    assert_eq!(events(&supervisor).len(), 10);
    assert_eq!((counters.snapshot().dropped, counters.is_connected()), (0, false));
}

#[tokio::test]
async fn the_last_will_says_that_a_lost_daemon_is_offline() {
    let broker = broker().await;
    let mut supervisor = Supervisor::at(broker, "supervisor").await;
    let running = Running::at(broker, Vec::new());
    supervisor.wait_until(is_online).await;
    running.task.abort();
    supervisor.wait_until(is_offline).await;
    let mut late = Supervisor::at(broker, "late").await;
    late.wait_until(is_offline).await;
}

#[tokio::test]
async fn commands_are_passed_on_and_wrong_ones_answered() {
    let broker = broker().await;
    let mut supervisor = Supervisor::at(broker, "supervisor").await;
    let mut running = Running::at(broker, Vec::new());
    supervisor.wait_until(is_online).await;
    let (command, reply) = (format!("{BASE}/cmd"), format!("{BASE}/cmd/reply"));
    let acknowledge = r#"{"command":"acknowledge","incident":"7-1","by":"lead","comment":"on it"}"#;

    supervisor.publish(&command, false, acknowledge).await;
    let expected = Command {
        by: "lead".into(),
        action: CommandAction::OnIncident {
            incident: IncidentId { sequence: 7, ordinal: 1 },
            action: IncidentAction::Acknowledge,
        },
        comment: "on it".into(),
    };
    assert_eq!(timeout(PATIENCE, running.commands.recv()).await.unwrap(), Some(expected));

    supervisor.publish(&command, false, "acknowledge 7-1").await;
    supervisor.wait_for_message(&reply, "expected JSON such as").await;
    supervisor.publish(&command, false, &"x".repeat(20_000)).await;
    supervisor.wait_for_message(&reply, "a command of 20000 bytes; at most 16384 are read").await;
    supervisor.publish(&command, false, acknowledge).await;
    supervisor.publish(&command, false, acknowledge).await;
    supervisor.wait_for_message(&reply, "too many commands are waiting").await;
    running.tell([Publication::Reply(CommandReplyV1::refused(b"{}", "done".into()))]).await;
    supervisor.wait_for_message(&reply, "done").await;

    let counts = running.counters.snapshot();
    assert_eq!((counts.commands, counts.commands_refused), (5, 3));
    running.stop().await;
}

#[tokio::test]
async fn who_asks_gets_the_answer_to_what_was_asked() {
    let broker = broker().await;
    let mut supervisor = Supervisor::at(broker, "supervisor").await;
    let mut running = Running::at(broker, Vec::new());
    supervisor.wait_until(is_online).await;
    let settings = settings("who-asks", broker);
    let payload = r#"{"command":"report-intervention","place":"weld-20","kind":"retool","by":"Kim"}"#;
    let command = CommandV1::from_json(payload.as_bytes()).unwrap();
    let topics = Topics::new(&plant(), "edge-7");
    let asked = tokio::spawn(async move { notify::ask(&settings, &topics, &command, PATIENCE).await });
    let passed_on = timeout(PATIENCE, running.commands.recv()).await.unwrap().unwrap();
    assert_eq!(passed_on.by, "Kim");
    let reply = |place: &str| {
        let gist = format!(r#""command":"report-intervention","place":"{place}","kind":"retool","by":"Kim""#);
        let reply = format!(r#"{{"schema":"linetwin/command-reply/v1","ok":true,{gist}}}"#);
        Publication::Reply(serde_json::from_str(&reply).unwrap())
    };
    running.tell([reply("weld-30"), reply("weld-20")]).await;
    assert_eq!(asked.await.unwrap().unwrap().place.as_deref(), Some("weld-20"));
    running.stop().await;
}

#[tokio::test]
async fn who_asks_where_nobody_listens_is_told() {
    let settings = settings("who-asks", broker().await);
    let command = CommandV1::from_json(CommandV1::EXAMPLE.as_bytes()).unwrap();
    let soon = std::time::Duration::from_millis(300);
    let error = notify::ask(&settings, &Topics::new(&plant(), "edge-7"), &command, soon).await.unwrap_err();
    assert!(matches!(error, notify::AskError::NoAnswer(_)), "{error}");
    let nowhere = NotifySettings { broker: Broker { port: 1, ..settings.broker.clone() }, ..settings };
    let error = notify::ask(&nowhere, &Topics::new(&plant(), "edge-7"), &command, PATIENCE).await.unwrap_err();
    assert!(error.to_string().contains(":1 cannot be used"), "{error}");
}

#[tokio::test]
async fn a_retained_command_is_refused_every_time() {
    let broker = broker().await;
    let mut supervisor = Supervisor::at(broker, "supervisor").await;
    supervisor.publish(&format!("{BASE}/cmd"), true, r#"{"command":"acknowledge","incident":"7-1","by":"lead"}"#).await;
    let mut running = Running::at(broker, Vec::new());
    supervisor.wait_for_message(&format!("{BASE}/cmd/reply"), "must not be retained").await;
    assert!(running.commands.try_recv().is_err());
    running.stop().await;
}

#[tokio::test]
async fn a_broker_that_restarts_empty_is_told_everything_again() {
    let first = broker().await;
    let relay = Relay::to(first).await;
    let running = Running::at(relay.address, vec![alert(1, "a1"), alert(2, "b1")]);
    let mut before = Supervisor::at(first, "before").await;
    before.wait_until(|seen| alerts(seen) == ["1-0=a1", "2-0=b1"]).await;

    relay.cut();
    before.wait_until(is_offline).await;
    running.tell([alert(1, "a2"), event("updated 1"), alert(2, ""), event("closed 2"), alert(3, "c1")]).await;
    running.tell([event("raised 3"), alert(4, "d1"), event("raised 4"), alert(4, ""), event("closed 4")]).await;

    let second = broker().await;
    let mut after = Supervisor::at(second, "after").await;
    relay.join(second);
    after.wait_until(|seen| events(seen).len() == 5).await;
    assert_eq!(alerts(&after), ["1-0=a2", "3-0=c1"]);
    assert_eq!(events(&after), ["updated 1", "closed 2", "raised 3", "raised 4", "closed 4"]);
    assert_eq!(after.received[0].0, STATUS, "the status comes first");
    let counts = running.counters.snapshot();
    assert_eq!((counts.connects, counts.dropped), (2, 0));
    running.stop().await;
}

#[tokio::test]
async fn what_was_closed_while_the_broker_was_away_is_cleared_there() {
    let broker = broker().await;
    let relay = Relay::to(broker).await;
    let running = Running::at(relay.address, vec![alert(1, "a1"), alert(2, "b1")]);
    let mut supervisor = Supervisor::at(broker, "supervisor").await;
    supervisor.wait_until(|seen| alerts(seen).len() == 2).await;
    relay.cut();
    supervisor.wait_until(is_offline).await;
    running.tell([alert(1, ""), event("closed 1")]).await;
    relay.join(broker);
    supervisor.wait_until(|seen| is_online(seen) && !events(seen).is_empty()).await;
    assert_eq!(alerts(&supervisor), ["2-0=b1"]);
    running.stop().await;
}

#[tokio::test]
async fn alerts_of_an_earlier_life_are_cleared_unless_they_are_still_open() {
    let broker = broker().await;
    let mut supervisor = Supervisor::at(broker, "supervisor").await;
    for id in ["1-0", "7-0", "8-3", "notes"] {
        supervisor.publish(&format!("{BASE}/alerts/{id}"), true, "old").await;
    }
    let running = Running::at(broker, vec![alert(1, "new")]);
    supervisor.wait_until(|seen| alerts(seen) == ["1-0=new", "notes=old"]).await;
    assert_eq!(running.counters.snapshot().stale_cleared, 2);
    running.stop().await;
}

#[tokio::test]
async fn a_message_that_the_broker_rejects_does_not_keep_the_others_back() {
    let broker = broker_that_takes(2048).await;
    let mut supervisor = Supervisor::at(broker, "supervisor").await;
    let running = Running::at(broker, Vec::new());
    running.tell([event("before"), event(&"x".repeat(4096)), event("after")]).await;
    supervisor.wait_until(|seen| events(seen).len() == 2).await;
    assert_eq!(events(&supervisor), ["before", "after"]);
    assert_eq!(running.counters.snapshot().dropped, 1);
    running.stop().await;
}

#[tokio::test]
async fn without_a_broker_the_task_takes_everything_and_stops_at_once() {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = Running::at(nobody, Vec::new());
    running.tell((0..100).map(|number| event(&number.to_string()))).await;
    let counters = Arc::clone(&running.counters);
    running.stop().await;
    let counts = counters.snapshot();
    assert_eq!((counts.connects, counts.published, counts.dropped), (0, 0, 100));
}
