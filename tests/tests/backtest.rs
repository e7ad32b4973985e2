//! A configuration judged on recordings, and beside the live twin.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use adapter::Clock;
use contract::{BacktestV1, ChangeName, EventV1, WorthName};
use e2e::daemon::{Daemon, run_linetwin};
use e2e::net::free_port;
use e2e::program::Ended;
use e2e::site::{Site, modbus_link, station};
use e2e::wait::wait_for;
use linetwin::daemon::open_recorder;
use linetwin::engine::{Engine, Sinks};
use linetwin::example;
use linetwin::recorder::resume;
use linetwin::setup::Setup;
use linetwin::shadow::Shadow;
use linetwin::simulated::{START, SimulatedSource};
use plant::Overrides;
use plant_sim::{FaultPlan, SimConfig, SimPlant};

/// Records the demo's plant with two faults after two hours, and what was true beside it.
fn record(folder: &Path) {
    let truth = folder.join("truth.jsonl");
    let arguments = "demo --speed max --history 2h --for 37m --http-port 0 --mqtt-port 0 --fault water-restriction@5m+20m \
                     --fault torque-friction@2m --recording";
    let arguments = arguments.split_whitespace().map(str::to_owned);
    let live = run_linetwin(arguments.chain([
        folder.to_str().unwrap().to_owned(),
        "--truth".to_owned(),
        truth.to_str().unwrap().to_owned(),
    ]));
    assert_eq!(live.code, Some(0), "{}", live.errors);
}

/// `linetwin backtest` with its JSON and its report, and how it ended.
fn backtest(scratch: &Path, arguments: &[&str]) -> (Ended, BacktestV1, String) {
    let (json, report) = (scratch.join("out.json"), scratch.join("out.html"));
    let files = ["--json", json.to_str().unwrap(), "--report", report.to_str().unwrap()];
    let ended = run_linetwin(["backtest"].iter().chain(arguments).chain(&files));
    let text = fs::read_to_string(&json).unwrap_or_else(|error| panic!("{error}: {}", ended.errors));
    let told = serde_json::from_str(&text).unwrap();
    (ended, told, fs::read_to_string(report).unwrap())
}

#[track_caller]
fn check_refused(arguments: &[&str], expected: &[&str]) {
    let Ended { code, errors, .. } = run_linetwin(["backtest"].iter().chain(arguments));
    assert_eq!(code, Some(2), "{errors}");
    for text in expected {
        assert!(errors.contains(text), "expected {text:?} in: {errors}");
    }
}

/// A recording of an early shift, and room for results.
struct Recorded {
    scratch: tempfile::TempDir,
}

impl Recorded {
    fn new() -> Self {
        let recorded = Self { scratch: tempfile::tempdir().unwrap() };
        record(&recorded.folder());
        recorded
    }

    fn folder(&self) -> PathBuf {
        self.scratch.path().join("early <shift> & more")
    }

    fn write(&self, file: &str, text: &str) -> String {
        let path = self.scratch.path().join(file);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[test]
fn a_configuration_is_judged_on_a_recording_and_held_against_another() {
    let recorded = Recorded::new();
    let folder = recorded.folder();
    let recording = folder.to_str().unwrap();
    judges_by_the_truth_beside_the_recording(&recorded, recording);
    judges_by_labels_of_a_person(&recorded, recording);
    tells_alert_by_alert_what_differs(&recorded, recording);
    refuses_what_cannot_be_judged(&recorded, recording);
    tells_only_alerts_a_shift_without_labels(&recorded, recording);
}

fn judges_by_the_truth_beside_the_recording(recorded: &Recorded, recording: &str) {
    let thresholds = ["--learning", "2h", "--min-found", "100", "--max-false-per-shift", "0"];
    let (ended, told, report) = backtest(recorded.scratch.path(), &[&[recording], &thresholds[..]].concat());
    let run = &told.recordings[0];
    let faults: Vec<_> = run.faults.iter().map(|fault| (fault.fault.as_deref().unwrap(), &*fault.place)).collect();
    assert_eq!(faults, [("torque-friction", "tighten-60"), ("water-restriction", "weld-30")]);
    let total = &told.configurations[0];
    assert_eq!((total.found.found, total.found.right_cause), (2, 2), "{}", ended.output);
    assert!(total.found.delay_s.is_some_and(|delay| delay.min_s > 0.0 && delay.max_s < 3600.0), "{total:?}");
    let shifts = total.alarms.false_alarms.unwrap().shifts;
    assert!((shifts - 37.0 / 480.0).abs() < 0.01, "{shifts}");
    // The exit code follows from what was told.
    let (live, false_alarms) =
        (alerts(&recorded.folder().join("alerts.jsonl")), total.alarms.false_alarms.unwrap().count);
    assert_eq!(run.runs[0].alerts.len(), raised(&live), "a replay of the recording tells what was told live");
    assert_eq!(ended.code, Some(i32::from(false_alarms > 0)), "{}", ended.errors);
    for text in ["torque-friction", "water-restriction", "tighten-60", "weld-30", "all"] {
        assert!(ended.output.contains(text), "expected {text:?} in: {}", ended.output);
    }
    check_report(&report);
}

/// One page, whole, with its pictures in it and nothing of a name taken for markup.
#[track_caller]
fn check_report(report: &str) {
    assert!(report.starts_with("<!DOCTYPE html>") && report.trim_end().ends_with("</html>"));
    for tag in ["html", "body", "section", "table", "tr", "td", "th", "figure", "svg"] {
        let open = report.matches(&format!("<{tag}>")).count() + report.matches(&format!("<{tag} ")).count();
        assert_eq!(open, report.matches(&format!("</{tag}>")).count(), "{tag}");
    }
    // Delays, time won, and the timeline.
    assert_eq!(report.matches("<svg").count(), 3);
    assert!(report.contains("early &lt;shift&gt; &amp; more") && !report.contains("<shift>"));
    assert!(
        !report.contains("http://www.w3.org/1999/xlink") && !report.contains("<script") && !report.contains("<link")
    );
}

fn alerts(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn raised(alerts: &str) -> usize {
    let is_raised = |line: &&str| serde_json::from_str::<EventV1>(line).unwrap().change == ChangeName::Raised;
    alerts.lines().filter(is_raised).count()
}

fn judges_by_labels_of_a_person(recorded: &Recorded, recording: &str) {
    // The second never was: it cannot be found.
    let labels = recorded.write(
        "labels.jsonl",
        "# early shift\n{\"station\":\"weld-30\",\"began\":\"2026-11-23T09:05:00+01:00\",\"cause\":\"weld-water-restriction\"}\n\
         {\"station\":\"robot-10\",\"began\":\"2026-11-23T08:05:00Z\",\"fault\":\"<grease>\"}\n",
    );
    let (ended, told, report) =
        backtest(recorded.scratch.path(), &[recording, "--labels", &labels, "--min-found", "51"]);
    assert_eq!(ended.code, Some(1), "{}", ended.errors);
    let expected = "--min-found missed: 1 of 2 faults found, 50.0 %, at least 51 % wanted";
    assert_eq!(ended.errors.lines().filter(|line| line.contains("missed")).collect::<Vec<_>>(), [expected]);
    // What was labelled before is false now.
    let worth_at = |place: &str| {
        let of_place = told.recordings[0].runs[0].alerts.iter().filter(|alert| alert.place == place);
        of_place.map(|alert| alert.worth).collect::<Vec<_>>()
    };
    assert!(worth_at("weld-30").contains(&WorthName::True), "{:?}", worth_at("weld-30"));
    assert!(worth_at("tighten-60").contains(&WorthName::False), "{:?}", worth_at("tighten-60"));
    assert!(report.contains("&lt;grease&gt;") && !report.contains("<grease>"));
}

fn tells_alert_by_alert_what_differs(recorded: &Recorded, recording: &str) {
    // With nearly no false alarms allowed, it finds what it finds later than with the example's budget.
    let shy = ["--set", "detection.false_alarms_per_shift=0.001", "--against", "recorded", "--no-worse"];
    let (ended, told, report) = backtest(recorded.scratch.path(), &[&[recording], &shy[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let difference = told.recordings[0].difference.as_ref().unwrap();
    let later = difference.matched.iter().filter(|pair| pair.earlier_s < 0.0).count();
    assert!(later > 0 && difference.matched.iter().all(|pair| pair.earlier_s <= 0.0), "{difference:?}");
    assert!(report.contains("Alert by alert") && report.contains("min later"));
    // One that never ends learning finds nothing.
    let blind = ["--set", "detection.warm_up_cycles=100000", "--against", "recorded", "--no-worse"];
    let (ended, told, _) = backtest(recorded.scratch.path(), &[&[recording], &blind[..]].concat());
    assert_eq!((ended.code, told.configurations[0].found.found), (Some(1), 0), "{}", ended.errors);
    assert!(ended.errors.contains("--no-worse missed: 0 faults found"), "{}", ended.errors);
}

fn refuses_what_cannot_be_judged(recorded: &Recorded, recording: &str) {
    check_refused(&[recording, "--seeds", "3"], &["--seeds", "RECORDING"]);
    check_refused(&["--min-found", "90"], &["RECORDING"]);
    check_refused(&[recording, "--no-worse"], &["--against"]);
    check_refused(&[recording, "--min-found", "101"], &["--min-found", "0 to 100"]);
    check_refused(&[recording, "--set", "detection.shift=8"], &["detection.shift"]);
    check_refused(&["/no/such/recording"], &["/no/such/recording"]);
    let labels = recorded.write("wrong.jsonl", "{\"station\":\"weld-31\",\"began\":\"2026-11-23T08:05:00Z\"}\n");
    check_refused(&[recording, "--labels", &labels], &["wrong.jsonl:1", "weld-31", "weld-30"]);
    let other_day = recorded.write("day.jsonl", "{\"station\":\"weld-30\",\"began\":\"2026-11-24T08:05:00Z\"}\n");
    check_refused(
        &[recording, "--labels", &other_day, "--min-found", "1"],
        &["day.jsonl:1: this fault is in none of the recordings", "--min-found", "a labelled fault"],
    );
}

fn tells_only_alerts_a_shift_without_labels(recorded: &Recorded, recording: &str) {
    fs::remove_file(recorded.folder().join("truth.jsonl")).unwrap();
    let (ended, told, _) = backtest(recorded.scratch.path(), &[recording]);
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    let alarms = &told.configurations[0].alarms;
    let unlabelled = alarms.unlabelled.unwrap();
    assert_eq!((alarms.false_alarms, unlabelled.count as usize), (None, told.recordings[0].runs[0].alerts.len()));
    assert!(ended.output.contains("recordings without labels"), "{}", ended.output);
    check_refused(&[recording, "--max-false-per-shift", "1"], &["--max-false-per-shift", "labels"]);
}

/// Runs the example plant live, with a fault, up to those minutes and a shadow under the example with more keys set;
/// returns what the live twin told and what the shadow did.
fn run_with_shadow(folder: &Path, minutes: &[f64], set: &[&str]) -> (String, String) {
    let own = vec![format!("recording.folder={}", folder.display())];
    let live = Setup::new(example::files(), Overrides { environment: Default::default(), set: own }).unwrap();
    let set = set.iter().map(|&key| key.to_owned()).collect();
    let shadow = Setup::new(example::files(), Overrides { environment: Default::default(), set }).unwrap();
    let faults = vec![FaultPlan::parse("water-restriction@100m").unwrap()];
    let mut source =
        SimulatedSource::new(SimPlant::new(SimConfig { seed: 7, start: START, faults }).unwrap(), &live.plant);
    let mut events = Vec::new();
    for minutes in minutes {
        let (twin, sequence) = resume(folder, live.plant.clone()).unwrap();
        let recorder = open_recorder(&live, &Clock::scaled(START, 1.0)).unwrap();
        let mut engine = Engine::new(twin, sequence, Some(recorder), Sinks::default(), Arc::default());
        let header = live.header(START);
        let shadow = Shadow::start(folder, shadow.plant.clone(), header, sequence).unwrap();
        let gauges = shadow.gauges().clone();
        engine.follow(shadow);
        let mut given = sequence;
        while source.sim().now() < START.plus_seconds(minutes * 60.0) {
            let received = source.step(&mut events);
            given += events.len() as u64;
            events.drain(..).for_each(|event| engine.take(event, received));
            // A plant far faster than life must not leave it behind here.
            if given % 4000 < 8 {
                wait_for("the shadow to come up", || (gauges.inputs.load(Ordering::Relaxed) == given).then_some(()));
            }
        }
        engine.finish();
        assert_eq!(gauges.dropped.load(Ordering::Relaxed), 0);
        assert_eq!(gauges.inputs.load(Ordering::Relaxed), given);
    }
    (alerts(&folder.join("alerts.jsonl")), alerts(&folder.join("shadow.jsonl")))
}

#[test]
fn a_shadow_tells_what_its_configuration_would_and_the_live_twin_what_it_would_without() {
    let scratch = tempfile::tempdir().unwrap();
    let folder = |name: &str| scratch.path().join(name);
    // Stopped and started again on the way: the shadow goes through what was before.
    let (live, same) = run_with_shadow(&folder("same"), &[80.0, 125.0], &[]);
    assert!(live.contains("weld-water-restriction"), "{live}");
    assert_eq!(live, same);
    let (beside, other) = run_with_shadow(&folder("other"), &[125.0], &["detection.false_alarms_per_shift=0.001"]);
    assert_eq!(beside, live, "a shadow changes nothing");
    assert_ne!(other, live);
    other.lines().for_each(|line| drop(serde_json::from_str::<EventV1>(line).unwrap()));
}

#[test]
fn a_daemon_runs_a_shadow_and_tells_of_it_in_its_metrics_only() {
    let plant = modbus_link("plc", free_port()) + &station("weld-20", "spot-weld", &[]);
    let tag = "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\n";
    let (site, shadow) = (Site::new(&plant, tag), Site::new(&plant, tag));
    let text = fs::read_to_string(shadow.config().join("plant.toml")).unwrap();
    shadow.write("plant.toml", &text.replace("link_loss_s = 1.0", "link_loss_s = 2.0"));
    let config = shadow.config();
    let daemon = Daemon::start(site.command(&[]).arg("--shadow").arg(&config));
    let metrics = wait_for("the shadow to tell of the lost link", || {
        let (_, text) = daemon.get("/metrics");
        text.contains("linetwin_shadow_incidents_total 1").then_some(text)
    });
    assert!(metrics.contains("linetwin_shadow_dropped_total 0") && metrics.contains("linetwin_shadow_comparable 1"));
    assert_eq!(daemon.state().alerts.len(), 1, "the shadow's alert is not the line's");
    daemon.stop();
    let told = |file: &str| -> Vec<EventV1> {
        let text = alerts(&site.recording().join(file));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let (live, shadow) = (told("alerts.jsonl"), told("shadow.jsonl"));
    // Each by its own configuration; the clock can show both at the same tick.
    let loss_s = |event: &EventV1| (event.alert.link.clone(), event.alert.evidence[0].threshold);
    let plc = || Some("plc".to_owned());
    assert_eq!((loss_s(&live[0]), loss_s(&shadow[0])), ((plc(), Some(1.0)), (plc(), Some(2.0))));
    assert!(live[0].at <= shadow[0].at, "{live:?} {shadow:?}");
}

#[test]
fn a_shadow_that_cannot_run_is_refused_at_the_start() {
    let plant = modbus_link("plc", free_port()) + &station("weld-20", "spot-weld", &[]);
    let site = Site::new(&plant, "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\n");
    let shadow = Site::new(&plant.replace("spot-weld", "spot-wled"), "");
    let mut command = site.command(&[]);
    let Ended { code, errors, .. } =
        e2e::program::Program::start("linetwin", command.arg("--shadow").arg(shadow.config())).wait();
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("the shadow's configuration") && errors.contains("spot-wled"), "{errors}");
}
