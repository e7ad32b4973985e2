//! What was told live is what a replay tells, to the byte.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use adapter::Clock;
use e2e::daemon::run_linetwin;
use e2e::workspace_root;
use linetwin::daemon::open_recorder;
use linetwin::engine::{Engine, Sinks};
use linetwin::example;
use linetwin::recorder::resume;
use linetwin::setup::Setup;
use linetwin::simulated::START;
use linetwin::simulated::SimulatedSource;
use plant::Overrides;
use plant_sim::{FaultPlan, SimConfig, SimPlant};
use telemetry::{Command, CommandAction, Event, InterventionKind};

/// Runs the demo's plant with that seed, link losses among its faults, and replays the recording.
fn check_replay(seed: u64) {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording");
    let replayed = folder.path().join("replayed.jsonl");
    let seed = seed.to_string();
    let live = run_linetwin([
        "demo",
        "--speed",
        "max",
        "--for",
        "90m",
        "--http-port",
        "0",
        "--mqtt-port",
        "0",
        "--seed",
        &seed,
        "--fault",
        "link-loss@10m",
        "--fault",
        "link-loss:pack-opcua@25m",
        "--fault",
        "torque-friction@5m",
        "--fault",
        "water-restriction@15m",
        "--recording",
        recording.to_str().unwrap(),
    ]);
    assert_eq!(live.code, Some(0), "{live:?}");
    let again = run_linetwin(["replay", recording.to_str().unwrap(), "--alerts", replayed.to_str().unwrap()]);
    assert_eq!(again.code, Some(0), "{again:?}");
    let live = fs::read_to_string(recording.join("alerts.jsonl")).unwrap();
    assert!(live.lines().any(|line| line.contains("link-loss")), "seed {seed}: no link was lost");
    assert!(live.lines().any(|line| line.contains("joint-friction")), "seed {seed}: no drift was found");
    assert_eq!(live, fs::read_to_string(replayed).unwrap(), "seed {seed}");
}

#[test]
fn live_and_replayed_alerts_are_identical_files() {
    for seed in [1, 2, 3, 4, 5] {
        check_replay(seed);
    }
}

/// How a daemon comes to its end.
#[derive(Debug, Clone, Copy)]
enum End {
    /// Stopped: all is durable, and a checkpoint is kept.
    Stopped,
    /// Killed: the inputs that were handed over are there, and the checkpoint of an earlier time.
    Killed,
}

/// What is reported as done, where, and after how many minutes of the plant's time.
type Report = (f64, &'static str, InterventionKind);

fn report(place: &str, kind: InterventionKind) -> Event {
    let action = CommandAction::ReportIntervention { place: place.to_owned(), kind, done: None };
    Event::Command(Command { by: "the test".to_owned(), action, comment: "as planned".to_owned() })
}

/// Records a run of the example plant into `folder`, with a daemon that ends and is started again after those minutes of
/// the plant's time, and returns the alerts.
fn record(folder: &Path, seed: u64, faults: &[&str], reports: &[Report], minutes: f64, ends: &[(f64, End)]) -> String {
    let set = vec![format!("recording.folder={}", folder.display())];
    let setup = Setup::new(example::files(), Overrides { environment: Default::default(), set }).unwrap();
    let faults = faults.iter().map(|text| FaultPlan::parse(text).unwrap()).collect();
    let sim = SimPlant::new(SimConfig { seed, start: START, faults }).unwrap();
    let mut source = SimulatedSource::new(sim, &setup.plant);
    let mut events = Vec::new();
    let mut reports = reports.iter().peekable();
    let lives = ends.iter().copied().chain([(minutes, End::Stopped)]);
    for (minutes, end) in lives {
        let (twin, sequence) = resume(folder, setup.plant.clone()).unwrap();
        let recorder = open_recorder(&setup, &Clock::scaled(START, 1.0)).unwrap();
        let mut engine = Engine::new(twin, sequence, Some(recorder), Sinks::default(), Arc::default());
        while source.sim().now() < START.plus_seconds(minutes * 60.0) {
            let received = source.step(&mut events);
            events.drain(..).for_each(|event| engine.take(event, received));
            while let Some((_, place, kind)) =
                reports.next_if(|(minutes, ..)| received >= START.plus_seconds(minutes * 60.0))
            {
                engine.take(report(place, *kind), received);
            }
        }
        match end {
            End::Stopped => engine.finish(),
            End::Killed => drop(engine),
        }
    }
    fs::read_to_string(folder.join("alerts.jsonl")).unwrap()
}

fn replay(recording: &Path) -> String {
    let replayed = recording.with_extension("replayed.jsonl");
    let ended = run_linetwin(["replay", recording.to_str().unwrap(), "--alerts", replayed.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    fs::read_to_string(replayed).unwrap()
}

const REPORTS: [Report; 4] = [
    (155.0, "weld-30", InterventionKind::FilterChange),
    (156.0, "weld-20", InterventionKind::Retool),
    (156.0, "nowhere", InterventionKind::Retool),
    (157.0, "cooling-1", InterventionKind::Cleaning),
];

const FAULTS: [&str; 3] = ["water-restriction@125m", "micro-stops@70m", "link-loss:pack-opcua@60m"];

/// A checkpoint with the inputs after it is as good as the whole log.
#[test]
fn a_daemon_that_was_stopped_and_killed_tells_what_one_that_ran_on_tells() {
    let folder = tempfile::tempdir().unwrap();
    let whole = record(&folder.path().join("whole"), 21, &FAULTS, &REPORTS, 160.0, &[]);
    let ends = [(31.0, End::Killed), (55.0, End::Stopped), (61.0, End::Killed), (90.0, End::Stopped)];
    let parts = record(&folder.path().join("parts"), 21, &FAULTS, &REPORTS, 160.0, &ends);
    assert!(parts.lines().count() >= 4, "{parts}");
    assert!(parts.contains("\"ended_by\""), "no report ended anything: {parts}");
    assert_eq!(parts, whole);
    assert_eq!(replay(&folder.path().join("parts")), whole);
}

/// What a supervisor is told in a short run, for whoever changes it to see. `UPDATE=1` writes it anew.
#[test]
fn the_alerts_of_a_short_run_are_those_that_were_reviewed() {
    let golden = workspace_root().join("tests/golden/alerts-seed7.jsonl");
    let folder = tempfile::tempdir().unwrap();
    let alerts = record(&folder.path().join("recording"), 7, &FAULTS, &[], 150.0, &[]);
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        fs::write(&golden, &alerts).unwrap();
    }
    let reviewed = fs::read_to_string(&golden).unwrap_or_default();
    for (line, (ours, theirs)) in alerts.lines().zip(reviewed.lines()).enumerate() {
        assert_eq!(ours, theirs, "line {} of {}; if it is better, run with UPDATE=1", line + 1, golden.display());
    }
    assert_eq!(alerts.lines().count(), reviewed.lines().count(), "{}; UPDATE=1 writes it anew", golden.display());
}
