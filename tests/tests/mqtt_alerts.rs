//! A supervisor with `mosquitto_sub` and `mosquitto_pub` hears of every incident once and in order, and is answered,
//! whatever becomes of the broker and the daemon.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeSet, HashSet};
use std::time::{Duration, Instant};

use contract::LinkStateName::{Down, Up};
use contract::{ChangeName, CommandReplyV1, EventV1, StateName};
use e2e::broker::{Mosquitto, Subscriber, publish_all, subscribe};
use e2e::daemon::Daemon;
use e2e::net::{free_port, is_listened_on};
use e2e::site::{self, BASE_TOPIC, Site, mqtt_link};
use e2e::wait::wait_for;

/// Links that come and go together; each that goes is an incident.
const LINKS: usize = 100;
/// With what comes before the first, a thousand incidents.
const ROUNDS: usize = 9;
/// After how long the supervisor asks again whom nobody has answered.
const ASKED_AGAIN: Duration = Duration::from_secs(15);
/// How many commands it gives at once: fewer than the daemon lets wait.
const ASKED_AT_ONCE: usize = 50;

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

/// How many acknowledgements were answered with success.
fn answered(supervisor: &Subscriber) -> usize {
    let topic = format!("{BASE_TOPIC}/cmd/reply");
    let messages = supervisor.messages();
    let replies = messages.iter().filter(|message| message.topic == topic);
    replies.filter(|message| serde_json::from_str::<CommandReplyV1>(&message.payload).unwrap().ok).count()
}

/// Acknowledges what is open, again and again until each has been answered and is closed.
fn acknowledge_all(broker_port: u16, supervisor: &Subscriber) {
    let (mut waiting, mut asked) = (Vec::<String>::new(), Instant::now());
    wait_for("everything open to be acknowledged, answered and closed", || {
        let open = Heard::by(supervisor).open();
        let is_answered = waiting.iter().all(|id| !open.contains(id));
        if !open.is_empty() && (is_answered || asked.elapsed() >= ASKED_AGAIN) {
            waiting = open.iter().take(ASKED_AT_ONCE).cloned().collect();
            let command = |id| format!(r#"{{"command":"acknowledge","incident":"{id}","by":"supervisor"}}"#);
            let commands: Vec<String> = waiting.iter().map(command).collect();
            publish_all(broker_port, &format!("{BASE_TOPIC}/cmd"), commands.iter().map(String::as_str));
            asked = Instant::now();
        }
        (open.is_empty() && answered(supervisor) >= raised(supervisor)).then_some(())
    });
}

fn wait_for_links(daemon: &Daemon, links: usize, state: contract::LinkStateName) {
    daemon.wait_for(&format!("all links to be {state:?}"), |line| {
        (line.links.iter().filter(|link| link.state == state).count() == links).then_some(())
    });
}

/// Waits until all links are there and closes what was until then.
fn clear(daemon: &Daemon, links: usize, broker_port: u16, supervisor: &Subscriber) {
    wait_for_links(daemon, links, Up);
    wait_for("what was before the links were there", || (raised(supervisor) == links).then_some(()));
    acknowledge_all(broker_port, supervisor);
}

/// How often an incident has been raised, as the supervisor has heard. One that comes again soon is the same.
fn raised(supervisor: &Subscriber) -> usize {
    Heard::by(supervisor).events.iter().filter(|event| event.change == ChangeName::Raised).count()
}

/// The daemon's own log of what it has told is what the supervisor must have heard.
fn check(site: &Site, supervisor: &Subscriber, incidents: usize) {
    let log = std::fs::read_to_string(site.recording().join("alerts.jsonl")).unwrap();
    let told: Vec<String> = log.lines().map(|line| serde_json::from_str::<EventV1>(line).unwrap().id).collect();
    let heard = Heard::by(supervisor);
    let ids: Vec<&String> = heard.events.iter().map(|event| &event.id).collect();
    let raised = raised(supervisor);
    assert!(raised >= incidents, "{raised} of {incidents}");
    assert!(answered(supervisor) >= raised, "{} answers to {raised} acknowledgements", answered(supervisor));
    assert_eq!(ids.len(), told.len(), "events heard, and told");
    assert!(ids.into_iter().eq(&told), "not in order");
    let late = heard.events.iter().filter(|event| event.history).count();
    assert!(late > 0, "nothing was told late, so nothing was tested");
    println!("{raised} incidents, {} events, {late} of them late, {} repeated", told.len(), heard.repeats);
}

#[test]
fn a_thousand_incidents_through_broker_restarts_and_daemon_kills() {
    let mut devices = Mosquitto::start_on(free_port());
    let mut broker = Mosquitto::start_remembering();
    let site = site(LINKS, devices.port());
    let supervisor = broker.subscribe_for_good("supervisor", &format!("{BASE_TOPIC}/#"));
    let mut daemon = start(&site, broker.port(), &[]);
    clear(&daemon, LINKS, broker.port(), &supervisor);
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
    check(&site, &supervisor, LINKS * (ROUNDS + 1));
}

#[test]
fn the_embedded_broker_does_for_a_daemon_that_is_killed() {
    const FEW: usize = 20;
    let mut devices = Mosquitto::start_on(free_port());
    let port = linetwin::broker::start(0).unwrap();
    wait_for("the embedded broker to listen", || is_listened_on(port).then_some(()));
    let site = site(FEW, devices.port());
    let supervisor = subscribe(port, &format!("{BASE_TOPIC}/#"), &[]);
    let mut daemon = start(&site, port, &[]);
    clear(&daemon, FEW, port, &supervisor);
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
