//! The history of parts, from a simulated plant to the files, the command line and the API.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use adapter::Clock;
use contract::{PartHistoryV1, PartV1};
use e2e::daemon::{linetwin, run_linetwin};
use e2e::example_plant;
use e2e::program::Program;
use e2e::wait::wait_for;
use e2e::workspace_root;
use linetwin::daemon::{open_parts, open_recorder};
use linetwin::engine::{Engine, Sinks};
use linetwin::example;
use linetwin::recorder::resume_telling;
use linetwin::setup::Setup;
use linetwin::simulated::START;
use linetwin::simulated::{SimulatedSource, SimulatedTwin};
use plant::Overrides;
use plant_sim::{FaultPlan, SimConfig, SimPlant};
use rustix::process::Signal;
use telemetry::{Event, Input};
use twin::{Output, Twin};

const FAULTS: [&str; 3] = ["water-restriction@65m", "micro-stops@70m", "link-loss:pack-opcua@60m"];

fn simulated(seed: u64) -> SimPlant {
    let faults = FAULTS.iter().map(|text| FaultPlan::parse(text).unwrap()).collect();
    SimPlant::new(SimConfig { seed, start: START, faults }).unwrap()
}

/// Every cycle that the twin has told of a part is in one record of that part, and nothing else is.
#[test]
fn no_cycle_of_a_part_is_lost_or_doubled() {
    let plant = example_plant();
    let (mut run, mut outputs) = (SimulatedTwin::new(simulated(3), &plant), Vec::new());
    while run.source.sim().now() < START.plus_seconds(3.0 * 3600.0) {
        run.step(&mut outputs);
    }
    let mut twin = run.twin;
    // A week later all are gone.
    let received = START.plus_seconds(7.0 * 86_400.0);
    twin.apply(&Input { sequence: twin.sequence() + 1, received, event: Event::Tick }, &mut outputs);
    let (mut told, mut kept, mut complete) = (Vec::new(), Vec::new(), 0);
    for output in &outputs {
        match output {
            Output::Cycle(cycle) => told.extend(cycle.part.map(|part| (part, cycle.station, cycle.start, cycle.end))),
            Output::Part(record) => {
                complete += usize::from(!record.ending.is_incomplete());
                kept.extend(record.cycles.iter().map(|cycle| (record.part, cycle.station, cycle.start, cycle.end)));
            }
            _ => {}
        }
    }
    told.sort_unstable();
    kept.sort_unstable();
    assert_eq!(told, kept);
    let parts: BTreeSet<_> = kept.iter().map(|(part, ..)| part).collect();
    assert!(parts.len() > 250 && complete > 200, "{complete} of {} parts", parts.len());
}

/// How a daemon comes to its end.
#[derive(Debug, Clone, Copy)]
enum End {
    Stopped,
    Killed,
}

/// Runs the example plant with a daemon that ends and is started again after those minutes. Returns its records.
fn record(folder: &Path, seed: u64, minutes: f64, ends: &[(f64, End)]) -> String {
    let set = vec![format!("recording.folder={}", folder.display())];
    let setup = Setup::new(example::files(), Overrides { environment: Default::default(), set }).unwrap();
    let mut source = SimulatedSource::new(simulated(seed), &setup.plant);
    let mut events = Vec::new();
    for (minutes, end) in ends.iter().copied().chain([(minutes, End::Stopped)]) {
        let mut parts = open_parts(&setup).unwrap().unwrap();
        let keep = |input: &Input, outputs: &[Output], twin: &Twin| parts.keep(input, outputs, twin);
        let (twin, sequence) = resume_telling(folder, setup.plant.clone(), keep).unwrap();
        let recorder = open_recorder(&setup, &Clock::scaled(START, 1.0)).unwrap();
        let mut engine = Engine::new(twin, sequence, Some(recorder), Sinks::default(), Arc::default());
        engine.keep_parts(parts);
        while source.sim().now() < START.plus_seconds(minutes * 60.0) {
            let received = source.step(&mut events);
            events.drain(..).for_each(|event| engine.take(event, received));
        }
        match end {
            End::Stopped => engine.finish(),
            End::Killed => drop(engine),
        }
    }
    let day = "parts/parts-2026-11-23.jsonl";
    fs::read_to_string(folder.join(day)).unwrap()
}

/// Live, after restarts, with the last record torn, and replayed from the recording: the same bytes.
#[test]
fn records_are_the_same_live_restarted_torn_and_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let text = record(&whole, 21, 100.0, &[]);
    assert!(text.lines().count() > 100 && text.contains("\"lots\"") && text.contains("\"children\""));
    let ends = [(31.0, End::Killed), (55.0, End::Stopped), (61.0, End::Killed), (90.0, End::Killed)];
    assert_eq!(record(&parts, 21, 100.0, &ends), text);
    let recording = parts.display().to_string();
    let replayed = run_linetwin(["parts", "--recording", &recording, "--format", "jsonl"]);
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    assert!(replayed.output.trim_end() == text.trim_end(), "the replay differs");

    // Without a checkpoint the whole log is replayed, and what is missing follows.
    let torn = parts.join("parts/parts-2026-11-23.jsonl");
    fs::write(&torn, &text[..text.len() / 2 + 20]).unwrap();
    fs::remove_dir_all(parts.join("checkpoints")).unwrap();
    let again = record(&parts, 21, 0.0, &[]);
    assert!(again == text, "{} lines of {} came again", again.lines().count(), text.lines().count());
}

/// What a quality engineer sees of one part, for whoever changes it to see. `UPDATE=1` writes it anew.
#[test]
fn the_history_of_a_part_is_the_one_that_was_reviewed() {
    let golden = workspace_root().join("tests/golden/part-seed7.json");
    let folder = tempfile::tempdir().unwrap();
    let text = record(folder.path(), 7, 100.0, &[]);
    let records: Vec<PartV1> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let is_built_in_full = |record: &PartV1| {
        let starts_early = record.cycles.first().is_some_and(|cycle| cycle.station == "robot-10");
        starts_early
            && record.cycles.iter().any(|cycle| !cycle.incidents.is_empty())
            && record.cycles.last().is_some_and(|cycle| cycle.station == "eol-90")
    };
    let record = records.into_iter().find(is_built_in_full).unwrap();
    let part = record.part.clone();
    let history = PartHistoryV1::new(&part, vec![record]);
    let shown = serde_json::to_string_pretty(&history).unwrap() + "\n";
    if std::env::var_os("UPDATE").is_some_and(|update| update == "1") {
        fs::write(&golden, &shown).unwrap();
    }
    let reviewed = fs::read_to_string(&golden).unwrap_or_default();
    assert!(shown == reviewed, "{} differs; if the new one is better, run with UPDATE=1:\n{shown}", golden.display());

    let data = folder.path().join("parts").display().to_string();
    let told = run_linetwin(["part", &part, "--data", &data]);
    assert_eq!(serde_json::from_str::<PartHistoryV1>(&told.output).unwrap(), history);
    let table = run_linetwin(["part", &part, "--data", &data, "--format", "csv"]).output;
    let values: usize = history.records[0].cycles.iter().map(|cycle| cycle.values.len()).sum();
    assert_eq!(table.lines().count(), values + 1);
    let page = run_linetwin(["part", &part, "--data", &data, "--format", "html"]).output;
    for expected in ["<h2>tighten-60", "M000", "Not from this line", "Annex XIII point 1(c)", "C-47"] {
        assert!(page.contains(expected), "{expected} in {page}");
    }
    assert!(!page.contains("<script") && !page.contains("href") && !page.contains("src="), "it loads something");
    let nobody = run_linetwin(["part", "../nobody", "--data", &data]);
    assert!(nobody.code == Some(1) && nobody.errors.contains("there is no record of"), "{nobody:?}");
    check_lots(&data);
}

/// All parts of a coil, and that coil as what they have in common.
#[track_caller]
fn check_lots(data: &str) {
    let list = |more: &[&str]| run_linetwin([&["parts", "--data", data], more].concat()).output;
    let of_coil = list(&["--where", "weld-20/coil=C-4712"]);
    let parts: Vec<&str> = of_coil.lines().skip(1).filter_map(|row| row.split(',').next()).collect();
    assert!(parts.len() > 50, "{of_coil}");
    assert!(of_coil.lines().skip(1).all(|row| row.contains("weld-20/coil=C-4712")), "{of_coil}");
    let before = list(&["--where", "lot=C-4712", "--to", "2026-11-23T06:00:00Z"]);
    assert_eq!(before.lines().count(), 1, "{before}");
    let bad: Vec<&str> = parts.iter().take(12).flat_map(|part| ["--bad", part]).collect();
    let factors = list(&[&["--factors"], &bad[..]].concat());
    let best = factors.lines().nth(1).unwrap();
    assert!(best.starts_with("weld-20/coil,C-4712,12,0,"), "{factors}");
    let nobody = run_linetwin(["parts", "--data", data, "--factors", "--bad", "nobody"]);
    assert!(nobody.errors.contains("no record of nobody"), "{nobody:?}");
}

#[test]
fn the_running_daemon_shows_a_part_as_the_files_and_the_recording_do() {
    let scratch = tempfile::tempdir().unwrap();
    let recording = scratch.path().join("recording").display().to_string();
    let arguments = "demo --speed 10 --history 1h --http-port 0 --mqtt-port 0 --fault none --recording";
    let mut demo = Program::start("linetwin", linetwin().args(arguments.split(' ')).arg(&recording));
    let page = wait_for("the demo's page", || {
        assert!(!demo.has_ended(), "the demo has ended");
        let line = demo.output().into_iter().find(|line| line.contains(" page "))?;
        Some(line.split_whitespace().last()?.to_owned())
    });
    let get = |path: &str| ureq::get(format!("{page}{path}")).call().unwrap().body_mut().read_to_string().unwrap();
    let served = get("api/v1/part/EV1-000060");
    assert!(get("part/EV1-000060").contains("<h1>Part EV1-000060</h1>"));
    let metrics = get("metrics");
    for expected in ["linetwin_parts_kept_total", "linetwin_parts_lost_total 0", "linetwin_twin_parts_closed_total"] {
        assert!(metrics.contains(expected), "{expected} in {metrics}");
    }
    let data = format!("{recording}/parts");
    assert_eq!(run_linetwin(["part", "EV1-000060", "--data", &data]).output.trim_end(), served, "while it runs");
    demo.signal(Signal::INT);
    assert_eq!(demo.wait().code, Some(0));
    assert_eq!(run_linetwin(["part", "EV1-000060", "--recording", &recording]).output.trim_end(), served);
}
