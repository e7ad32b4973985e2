//! A supervisor with `mosquitto_sub` and `mosquitto_pub` hears of every incident once and in order, and is answered,
//! whatever becomes of the broker and the daemon.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use contract::LinkStateName::{Down, Up};
use contract::{CommandReplyV1, EventV1, StateName};
use e2e::broker::{Mosquitto, Subscriber, publish_all, subscribe};
use e2e::daemon::Daemon;
use e2e::net::free_port;
use e2e::site::{self, BASE_TOPIC, Site, mqtt_link};
use e2e::wait::wait_for;

/// Links that come and go together; each that goes is an incident.
const LINKS: usize = 100;
const ROUNDS: usize = 10;
/// After how long the supervisor asks again whom nobody has answered.
const ASKED_AGAIN: Duration = Duration::from_secs(2);

/// A line that has so many links to the devices' broker, and calls each lost one at once.
fn site(links: usize, devices_port: u16) -> Site {
    let link = |place: usize| mqtt_link(&format!("cell-{place:03}"), devices_port);
    let plant: String = (0..links).map(link).collect();
    let row =
        |place: usize| format!("weld-20/number-{place:03},other,cell-{place:03},cell/{place:03}#/number,i64,,,,,,,\n");
    let rows: String = (0..links).map(row).collect();
    let active = "weld-20/active,cycle.active,cell-000,cell/cycle#/active,bool,,,,,,,\n";
    Site::new(&(plant + &site::station("weld-20", "spot-weld", &[])), &(rows + active))
}

fn start(site: &Site, alerts_port: u16, settings: &[&str]) -> Daemon {
    let port = format!("mqtt.port={alerts_port}");
    let common = ["mqtt.enabled=true", "detection.link_loss_s=0", &port];
    Daemon::start(&mut site.command(&[&common, settings].concat()))
}

/// What the supervisor has heard, each event once.
struct Heard {
    events: Vec<EventV1>,
    /// Events that came again.
    repeats: usize,
}

impl Heard {
    fn by(supervisor: &Subscriber) -> Self {
        let (mut ids, mut heard) = (HashSet::new(), Self { events: Vec::new(), repeats: 0 });
        let topic = format!("{BASE_TOPIC}/events");
        for message in supervisor.messages().iter().filter(|message| message.topic == topic) {
            let event: EventV1 = serde_json::from_str(&message.payload).unwrap();
            match ids.insert(event.id.clone()) {
                true => heard.events.push(event),
                false => heard.repeats += 1,
            }
        }
        heard
    }

    /// The incidents that are not closed, by the last word on each.
    fn open(&self) -> BTreeSet<String> {
        let mut open = BTreeSet::new();
        for event in &self.events {
            match event.alert.state {
                StateName::Closed => open.remove(&event.alert.id),
                _ => open.insert(event.alert.id.clone()),
            };
        }
        open
    }
}

/// The incidents whose acknowledgement was answered with success.
fn answered(supervisor: &Subscriber) -> BTreeSet<String> {
    let topic = format!("{BASE_TOPIC}/cmd/reply");
    let messages = supervisor.messages();
    let replies = messages.iter().filter(|message| message.topic == topic);
    let replies = replies.map(|message| serde_json::from_str::<CommandReplyV1>(&message.payload).unwrap());
    replies.filter(|reply| reply.ok).filter_map(|reply| reply.incident).collect()
}

/// Acknowledges what is open, again and again until each has been answered and is closed.
fn acknowledge_all(broker_port: u16, supervisor: &Subscriber) {
    let mut asked: Option<Instant> = None;
    wait_for("everything open to be acknowledged, answered and closed", || {
        let open = Heard::by(supervisor).open();
        let waiting: Vec<String> = open.difference(&answered(supervisor)).cloned().collect();
        if !waiting.is_empty() && asked.is_none_or(|asked| asked.elapsed() >= ASKED_AGAIN) {
            let commands: Vec<String> = waiting
                .iter()
                .map(|id| format!(r#"{{"command":"acknowledge","incident":"{id}","by":"supervisor"}}"#))
                .collect();
            publish_all(broker_port, &format!("{BASE_TOPIC}/cmd"), commands.iter().map(String::as_str));
            asked = Some(Instant::now());
        }
        open.is_empty().then_some(())
    });
}

fn wait_for_links(daemon: &Daemon, links: usize, state: contract::LinkStateName) {
    daemon.wait_for(&format!("all links to be {state:?}"), |line| {
        (line.links.iter().filter(|link| link.state == state).count() == links).then_some(())
    });
}

/// How many incidents have been raised, as the supervisor has heard.
fn raised(supervisor: &Subscriber) -> usize {
    Heard::by(supervisor).events.iter().map(|event| &event.alert.id).collect::<BTreeSet<_>>().len()
}

/// The daemon's own log of what it has told is what the supervisor must have heard.
fn check(site: &Site, supervisor: &Subscriber, incidents: usize) {
    let log = std::fs::read_to_string(site.recording().join("alerts.jsonl")).unwrap();
    let told: Vec<String> = log.lines().map(|line| serde_json::from_str::<EventV1>(line).unwrap().id).collect();
    let heard = Heard::by(supervisor);
    let ids: Vec<&String> = heard.events.iter().map(|event| &event.id).collect();
    let raised: BTreeSet<String> = heard.events.iter().map(|event| event.alert.id.clone()).collect();
    assert!(raised.len() >= incidents, "{} of {incidents}", raised.len());
    assert_eq!(answered(supervisor), raised, "incidents whose acknowledgement was answered, and all");
    assert_eq!(ids.len(), told.len(), "events heard, and told");
    assert!(ids.into_iter().eq(&told), "not in order");
    let late = heard.events.iter().filter(|event| event.history).count();
    assert!(late > 0, "nothing was told late, so nothing was tested");
    println!("{} incidents, {} events, {late} of them late, {} repeated", raised.len(), told.len(), heard.repeats);
}

#[test]
fn a_thousand_incidents_through_broker_restarts_and_daemon_kills() {
    let mut devices = Mosquitto::start_on(free_port());
    let mut broker = Mosquitto::start_remembering();
    let site = site(LINKS, devices.port());
    let supervisor = broker.subscribe_for_good("supervisor", &format!("{BASE_TOPIC}/#"));
    let mut daemon = start(&site, broker.port(), &[]);
    for round in 0..ROUNDS {
        wait_for_links(&daemon, LINKS, Up);
        let before = raised(&supervisor);
        devices.kill_and_restart(|| {
            match round % 4 {
                // In the middle of the telling.
                0 => wait_for("the first alerts", || (raised(&supervisor) > before).then_some(())),
                // With nobody to tell.
                1 => broker.kill_and_restart(|| {
                    wait_for_links(&daemon, LINKS, Down);
                }),
                // Nobody to tell, and then nobody who tells.
                2 => broker.kill_and_restart(|| {
                    wait_for_links(&daemon, LINKS, Down);
                    daemon.kill_at_once();
                }),
                _ => wait_for_links(&daemon, LINKS, Down),
            }
            if round % 4 == 0 {
                broker.kill_and_restart(|| {});
            }
            if round % 2 == 0 {
                daemon.kill_at_once();
                daemon = start(&site, broker.port(), &[]);
            }
            wait_for("every lost link to be told", || (raised(&supervisor) >= before + LINKS).then_some(()));
        });
        acknowledge_all(broker.port(), &supervisor);
    }
    daemon.stop();
    check(&site, &supervisor, LINKS * ROUNDS);
}

#[test]
fn the_embedded_broker_does_for_a_daemon_that_is_killed() {
    const FEW: usize = 20;
    let mut devices = Mosquitto::start_on(free_port());
    let port = linetwin::broker::start(0).unwrap();
    let site = site(FEW, devices.port());
    let supervisor = subscribe(port, &format!("{BASE_TOPIC}/#"), &[]);
    let mut daemon = start(&site, port, &[]);
    for _ in 0..3 {
        wait_for_links(&daemon, FEW, Up);
        let before = raised(&supervisor);
        devices.kill_and_restart(|| {
            wait_for("the first alerts", || (raised(&supervisor) > before).then_some(()));
            daemon.kill_at_once();
            daemon = start(&site, port, &[]);
            wait_for("every lost link to be told", || (raised(&supervisor) >= before + FEW).then_some(()));
        });
        acknowledge_all(port, &supervisor);
    }
    daemon.stop();
    check(&site, &supervisor, 3 * FEW);
}
