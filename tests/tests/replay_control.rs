//! A replay of a part of a recording, of some of its links, on a page and at a broker.

#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{ffi::OsStr, fs};

use contract::{ChangeName, EventV1, PointV1, ReplayV1, SeriesV1};
use e2e::broker::Mosquitto;
use e2e::daemon::{Daemon, linetwin, run_linetwin};
use e2e::program::Ended;
use e2e::wait::wait_for;
use serde_json::json;

/// A recording of the demo's plant with lost links and drift, made once in a run of these tests.
struct Recording {
    path: PathBuf,
    alerts: String,
}

static RECORDING: LazyLock<Recording> = LazyLock::new(|| {
    let recording = Path::new(env!("CARGO_TARGET_TMPDIR")).join("replay-control");
    if recording.exists() {
        fs::remove_dir_all(&recording).unwrap();
    }
    let faults = ["link-loss:pack-opcua@5m", "torque-friction@2m", "water-restriction@2m"];
    let mut arguments = vec!["demo", "--speed", "max", "--for", "40m", "--history", "1h", "--seed", "3"];
    arguments.extend(["--http-port", "0", "--mqtt-port", "0", "--recording", recording.to_str().unwrap()]);
    faults.iter().for_each(|fault| arguments.extend(["--fault", fault]));
    let Ended { code, errors, .. } = run_linetwin(arguments);
    assert_eq!(code, Some(0), "{errors}");
    let alerts = fs::read_to_string(recording.join("alerts.jsonl")).unwrap();
    assert!(alerts.lines().count() >= 4, "too few alerts to tell parts of the recording apart: {alerts}");
    Recording { path: recording, alerts }
});

impl Recording {
    fn events(&self) -> Vec<EventV1> {
        self.alerts.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The alerts, in the middle of what was told, of a moment and after it.
    fn middle(&self) -> (EventV1, Vec<&str>) {
        let events = self.events();
        let middle = events[events.len() / 2].clone();
        let rest = self.alerts.lines().zip(&events).filter(|(_, event)| event.at >= middle.at).map(|(line, _)| line);
        let rest = rest.collect();
        (middle, rest)
    }

    /// The incidents that were open before that moment.
    fn open_before(&self, moment: contract::TimeV1) -> BTreeSet<String> {
        let mut open = BTreeSet::new();
        for event in self.events().into_iter().filter(|event| event.at < moment) {
            match event.change {
                ChangeName::Closed => open.remove(&event.alert.id),
                _ => open.insert(event.alert.id),
            };
        }
        open
    }
}

fn replay(arguments: &[&str]) -> Ended {
    run_linetwin([OsStr::new("replay"), RECORDING.path.as_os_str()].into_iter().chain(arguments.iter().map(OsStr::new)))
}

fn replay_on_page(arguments: &[&str]) -> Command {
    let mut command = linetwin();
    command.arg("replay").arg(&RECORDING.path).args(["--http", "127.0.0.1:0"]).args(arguments);
    command
}

/// What a replay tells on standard output.
#[track_caller]
fn told(arguments: &[&str]) -> String {
    let Ended { code, output, errors } = replay(&[&["--alerts", "-"], arguments].concat());
    assert_eq!(code, Some(0), "{errors}");
    output
}

#[track_caller]
fn standing(daemon: &Daemon) -> ReplayV1 {
    let (status, text) = daemon.get("/api/v1/replay");
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[track_caller]
fn wait_for_end(daemon: &Daemon) -> ReplayV1 {
    wait_for("the end of the replay", || {
        Some(standing(daemon)).filter(|replay| replay.paused && replay.now >= replay.to)
    })
}

fn open_alerts(daemon: &Daemon) -> BTreeSet<String> {
    daemon.state().alerts.into_iter().map(|alert| alert.id).collect()
}

#[test]
fn a_part_of_a_recording_tells_what_was_told_live_in_that_time() {
    let (middle, rest) = RECORDING.middle();
    let from = middle.at.to_string();
    assert_eq!(told(&["--from", &from]).lines().collect::<Vec<_>>(), rest);
    let of_middle: Vec<_> =
        RECORDING.alerts.lines().zip(RECORDING.events()).filter(|(_, event)| event.at == middle.at).collect();
    let of_middle: Vec<_> = of_middle.into_iter().map(|(line, _)| line).collect();
    assert_eq!(told(&["--from", &from, "--to", &from]).lines().collect::<Vec<_>>(), of_middle);
}

#[test]
fn a_part_that_is_not_in_the_recording_is_refused() {
    let check = |arguments: &[&str], words: &[&str]| {
        let Ended { code, errors, .. } = replay(arguments);
        assert_ne!(code, Some(0), "{arguments:?}");
        assert!(words.iter().all(|word| errors.contains(word)), "{arguments:?}: {errors}");
    };
    check(&["--from", "2099-01-01T00:00:00Z"], &["nothing to replay", "2099-01-01"]);
    check(&["--from", "+1h", "--to", "+30m"], &["nothing to replay"]);
    check(&["--from", "tomorrow"], &["tomorrow", "+2h"]);
    check(&["--link", "pack"], &["--link pack", "pack-opcua"]);
    check(&["--without", "pack"], &["--without pack", "pack-opcua"]);
    check(&["--topic-prefix", "x/"], &["--mqtt"]);
    check(&["--mqtt", "127.0.0.1:1", "--topic-prefix", "a/#"], &["a/#", "without + and #"]);
}

#[test]
fn a_link_that_is_left_out_was_never_there() {
    let names = |alerts: &str, link: &str| alerts.contains(&format!("\"link\":\"{link}\""));
    assert!(names(&RECORDING.alerts, "pack-opcua"), "{}", RECORDING.alerts);
    let Ended { code, output, errors } = replay(&["--without", "pack-opcua", "--alerts", "-"]);
    assert_eq!(code, Some(0), "{errors}");
    assert!(
        !names(&output, "pack-opcua") && errors.contains("inputs of link pack-opcua are left out, as asked"),
        "{errors}"
    );
    assert!(!errors.contains("does not have that signal"), "{errors}");
    assert!(output.lines().count() > 0, "the other links tell nothing");
    assert!(names(&told(&["--link", "pack-opcua"]), "pack-opcua"));
}

#[test]
fn a_replay_on_the_page_can_be_steered_and_stays_at_its_end() {
    let daemon = Daemon::start(&mut replay_on_page(&["--speed", "max"]));
    let end = wait_for_end(&daemon);
    let at_end = open_alerts(&daemon);
    assert_eq!(daemon.state().replay, Some(standing(&daemon)));

    let (middle, _) = RECORDING.middle();
    let (status, answer) =
        daemon.post("/api/v1/replay", &json!({ "to": middle.at, "paused": true, "speed": 60 }).to_string());
    assert_eq!((status, &answer["paused"], &answer["speed"]), (200, &json!(true), &json!(60.0)), "{answer}");
    let there = wait_for("the jump back", || Some(standing(&daemon)).filter(|replay| replay.seeking.is_none()));
    assert!(there.now < middle.at && there.paused, "{there:?}");
    assert_eq!(open_alerts(&daemon), RECORDING.open_before(middle.at), "before {}", middle.at);

    let forth = end.to;
    let (status, answer) = daemon.post("/api/v1/replay", &json!({ "to": forth }).to_string());
    assert_eq!(status, 200, "{answer}");
    wait_for("the jump forth", || (standing(&daemon).seeking.is_none()).then_some(()));
    assert_eq!(open_alerts(&daemon), RECORDING.open_before(forth));
    let (status, answer) = daemon.post("/api/v1/replay", r#"{"paused": false, "speed": "max"}"#);
    assert_eq!(status, 200, "{answer}");
    assert_eq!(wait_for_end(&daemon).now, end.now);
    assert_eq!(open_alerts(&daemon), at_end);

    let (status, answer) = daemon.post("/api/v1/replay", r#"{"to": "2099-01-01T00:00:00Z"}"#);
    assert_eq!(status, 400);
    assert!(answer["error"].as_str().unwrap().contains("not in the replay"), "{answer}");
    assert_eq!(daemon.post("/api/v1/replay", "{}").0, 400);
    daemon.stop();
}

#[track_caller]
fn series(daemon: &Daemon) -> SeriesV1 {
    let (status, text) = daemon.get("/api/v1/station/weld-30/series?feature=weld%20resistance");
    assert_eq!(status, 200, "{text}");
    serde_json::from_str(&text).unwrap()
}

#[test]
fn charts_have_the_cycles_up_to_the_moment_of_a_replay_and_none_after() {
    let (middle, _) = RECORDING.middle();
    let daemon = Daemon::start(&mut replay_on_page(&["--speed", "max"]));
    wait_for_end(&daemon);
    let all = series(&daemon);
    let is_complete = |point: &PointV1| point.part.is_some() && point.variant.is_some() && point.expected.is_some();
    assert!(all.points.iter().filter(|point| is_complete(point)).count() > 10, "{all:?}");
    assert!(all.points.is_sorted_by_key(|point| point.at) && all.points.last().unwrap().at > middle.at, "{all:?}");
    let (status, answer) = daemon.post("/api/v1/replay", &json!({ "to": middle.at, "paused": true }).to_string());
    assert_eq!(status, 200, "{answer}");
    wait_for("the jump back", || standing(&daemon).seeking.is_none().then_some(()));
    let before = series(&daemon);
    assert!(!before.points.is_empty() && before.points.iter().all(|point| point.at <= middle.at), "{before:?}");
    assert!(before.points.iter().all(|point| all.points.contains(point)), "the past is another: {before:?}");
    daemon.stop();
}

#[test]
fn a_replay_tells_a_broker_below_its_prefix_and_leaves_nothing_there() {
    let broker = Mosquitto::start();
    let everything = broker.subscribe("#");
    let (middle, rest) = RECORDING.middle();
    let address = format!("127.0.0.1:{}", broker.port());
    let arguments =
        ["--mqtt", &address, "--topic-prefix", "test/again/", "--from", &middle.at.to_string(), "--speed", "max"];
    let daemon = Daemon::start(&mut replay_on_page(&arguments));
    wait_for_end(&daemon);
    let events = wait_for("all events", || {
        let messages = everything.messages();
        let events = messages.into_iter().filter(|message| message.topic.ends_with("/events"));
        let events: Vec<_> = events.map(|message| message.payload).collect();
        (events.len() >= rest.len()).then_some(events)
    });
    assert_eq!(events, rest);

    let line = everything
        .messages()
        .iter()
        .find_map(|message| Some(message.topic.strip_suffix("/events")?.to_owned()))
        .unwrap();
    broker.publish(
        &format!("{line}/cmd"),
        &format!(r#"{{"command":"acknowledge","incident":"{}","by":"Kim"}}"#, middle.alert.id),
    );
    let reply =
        everything.wait_for("the refusal", |message| message.topic.ends_with("/cmd/reply").then(|| message.json()));
    assert_eq!(reply["ok"], false);
    assert!(reply["error"].as_str().unwrap().contains("this is a replay"), "{reply}");
    daemon.stop();

    everything.wait_for("its end", |message| {
        (message.topic.ends_with("/status") && message.json()["state"] == "offline").then_some(())
    });
    let topics: Vec<_> = everything.messages().into_iter().map(|message| message.topic).collect();
    assert!(topics.iter().all(|topic| topic.starts_with("test/again/")), "{topics:?}");
    assert_eq!(broker.subscribe("#").messages(), [], "retained");
}

#[test]
fn a_broker_that_is_not_there_ends_a_replay_before_it_begins() {
    let port = e2e::net::free_port();
    let Ended { code, output, errors } =
        replay(&["--mqtt", &format!("127.0.0.1:{port}"), "--speed", "max", "--alerts", "-"]);
    assert_eq!((code, output.as_str()), (Some(1), ""), "{errors}");
    assert!(errors.contains(&format!("--mqtt 127.0.0.1:{port}")), "{errors}");
}
