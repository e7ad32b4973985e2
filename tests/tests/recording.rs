//! A recording is verified, exported, and read by other tools.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock};

use adapter::Clock;
use e2e::daemon::run_linetwin;
use e2e::peers::python;
use e2e::wait::wait_for;
use e2e::workspace_root;
use linetwin::daemon::open_recorder;
use linetwin::engine::{Engine, Sinks};
use linetwin::example;
use linetwin::setup::Setup;
use linetwin::simulated::{START, SimulatedSource};
use plant::Overrides;
use plant_sim::{FaultPlan, SimConfig, SimPlant};
use recording::{NO_WRITER, Reader, Retention, Upkeep};
use serde_json::Value;
use telemetry::Event;
use twin::Twin;

/// The example plant with its faults, and a daemon's engine that records it.
struct Run {
    source: SimulatedSource,
    engine: Engine,
    events: Vec<Event>,
}

impl Run {
    fn new(folder: &Path, set: &[&str]) -> Self {
        let folder = format!("recording.folder={}", folder.display());
        let set = set.iter().map(|&set| set.to_owned()).chain([folder]).collect();
        let setup = Setup::new(example::files(), Overrides { environment: Default::default(), set }).unwrap();
        let faults = ["water-restriction@130m", "link-loss:pack-opcua@60m"];
        let faults = faults.iter().map(|text| FaultPlan::parse(text).unwrap()).collect();
        let sim = SimPlant::new(SimConfig { seed: 162, start: START, faults }).unwrap();
        let source = SimulatedSource::new(sim, &setup.plant);
        let recorder = open_recorder(&setup, &Clock::scaled(START, 1.0)).unwrap();
        let twin = Twin::new(setup.plant.clone());
        let engine = Engine::new(twin, 0, Some(recorder), Sinks::default(), Arc::default());
        Self { source, engine, events: Vec::new() }
    }

    fn until(&mut self, hours: f64) {
        while self.source.sim().now() < START.plus_seconds(hours * 3600.0) {
            self.step();
        }
    }

    fn step(&mut self) {
        let received = self.source.step(&mut self.events);
        self.events.drain(..).for_each(|event| self.engine.take(event, received));
    }
}

/// Three hours of the example plant in segments of 4 MiB, all but the last of them closed; made once in a run of these tests.
static RECORDING: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("recording");
    if folder.exists() {
        fs::remove_dir_all(&folder).unwrap();
    }
    let mut run = Run::new(&folder, &["recording.segment_size_mib=4"]);
    run.until(3.0);
    run.engine.finish();
    let segments = recording::segment_files(&folder).unwrap();
    let last = segments.len() as u32;
    let done = Upkeep::new(&folder, Retention::KEEP_ALL).pass(last, START, || false).unwrap();
    assert!(done.problems.is_empty() && last > 3, "{done:?}");
    folder
});

fn samples(recording: &Path) -> usize {
    Reader::open(recording).unwrap().map(|input| input.unwrap().event.samples().len()).sum()
}

/// A copy of the segments and alerts, to do things to.
fn copy(name: &str) -> PathBuf {
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if copy.exists() {
        fs::remove_dir_all(&copy).unwrap();
    }
    fs::create_dir_all(&copy).unwrap();
    for entry in fs::read_dir(&*RECORDING).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, copy.join(path.file_name().unwrap())).unwrap();
        }
    }
    copy
}

#[test]
fn a_whole_recording_is_verified_and_replays_as_live() {
    let verified = run_linetwin(["verify", RECORDING.to_str().unwrap(), "--replay"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.output.contains("0 of them not as they were told live"), "{verified:?}");
    assert!(verified.output.ends_with("recording: whole"), "{verified:?}");
}

#[test]
fn damage_a_gap_and_another_alert_are_found() {
    let damaged = copy("recording-damaged");
    let file = damaged.join("000002.parquet");
    let mut bytes = fs::read(&file).unwrap();
    bytes[5000] ^= 16;
    fs::write(&file, bytes).unwrap();
    fs::remove_file(damaged.join("000003.parquet")).unwrap();
    let verified = run_linetwin(["verify", damaged.to_str().unwrap()]);
    assert_eq!(verified.code, Some(1), "{verified:?}");
    assert!(
        verified.output.contains("000002.parquet at byte 4: the checksum does not match the content"),
        "{verified:?}"
    );
    assert!(verified.output.contains(" are missing"), "{verified:?}");

    let changed = copy("recording-changed");
    let alerts = changed.join("alerts.jsonl");
    let text = fs::read_to_string(&alerts).unwrap();
    fs::write(&alerts, text.replacen("\"priority\":\"", "\"priority\":\"un", 1)).unwrap();
    let verified = run_linetwin(["verify", changed.to_str().unwrap(), "--replay"]);
    assert_eq!(verified.code, Some(1), "{verified:?}");
}

/// Begun in the middle, as after the begin was removed: from the oldest checkpoint on the alerts are those of live.
#[test]
fn what_is_left_after_the_begin_was_removed_replays_as_live() {
    let rest = copy("recording-rest");
    fs::create_dir(rest.join("checkpoints")).unwrap();
    for entry in fs::read_dir(RECORDING.join("checkpoints")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, rest.join("checkpoints").join(path.file_name().unwrap())).unwrap();
    }
    let size: u64 = recording::segment_files(&rest).unwrap().iter().map(|file| file.metadata().unwrap().len()).sum();
    let first = recording::segment_files(&rest).unwrap()[0].metadata().unwrap().len();
    let retention = Retention { size_max_bytes: size - first, ..Retention::KEEP_ALL };
    let done = Upkeep::new(&rest, retention).pass(NO_WRITER, START, || false).unwrap();
    assert!(!done.removed.is_empty(), "{done:?}");
    let verified = run_linetwin(["verify", rest.to_str().unwrap(), "--replay"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.output.contains("replayed from the checkpoint of input"), "{verified:?}");
}

/// No disk has so much space: every segment but the newest has to go, and alerts go on.
#[test]
fn on_a_disk_that_is_too_full_the_oldest_segments_go_and_that_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = Run::new(folder.path(), &["recording.segment_size_mib=1", "recording.free_min_mib=1073741824"]);
    run.until(2.5);
    let gauges = run.engine.gauges().clone();
    let told = wait_for("the removal to be told", || {
        run.step();
        gauges.recording_problem.lock().unwrap().clone()
    });
    assert!(told.contains("the disk is too full") && told.contains("free space there"), "{told}");
    assert!(gauges.keeper.lock().unwrap().removed_for_space > 0);
    run.engine.finish();
    let first = Reader::open(folder.path()).unwrap().next().unwrap().unwrap();
    assert!(first.sequence > 1, "the oldest segment is still there");
    let alerts = fs::read_to_string(folder.path().join("alerts.jsonl")).unwrap();
    assert!(alerts.contains("weld-water-restriction"), "{alerts}");
}

/// Exports, and returns the file.
fn export(format: &str, name: &str, more: &[&str]) -> PathBuf {
    let out = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if out.exists() {
        fs::remove_file(&out).unwrap();
    }
    let mut arguments = vec!["export", RECORDING.to_str().unwrap(), "--format", format, "--out", out.to_str().unwrap()];
    arguments.extend(more);
    let ended = run_linetwin(arguments);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    out
}

#[test]
fn an_export_as_parquet_is_a_recording_that_gives_the_same_alerts() {
    let out = export("parquet", "export.parquet", &[]);
    assert_eq!(samples(&out), samples(&RECORDING));
    let replayed = out.with_extension("jsonl");
    let ended = run_linetwin(["replay", out.to_str().unwrap(), "--alerts", replayed.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let live = fs::read_to_string(RECORDING.join("alerts.jsonl")).unwrap();
    assert!(live.lines().count() > 3, "{live}");
    assert_eq!(fs::read_to_string(replayed).unwrap(), live);
}

#[test]
fn a_part_is_exported_as_csv_and_line_protocol_sample_by_sample() {
    let part = ["--from", "+1h", "--to", "+2h", "--signal", "weld-20/*"];
    let parquet = export("parquet", "part.parquet", &part);
    let expected = samples(&parquet);
    assert!(expected > 1000, "{expected}");
    let csv = fs::read_to_string(export("csv", "part.csv", &part)).unwrap();
    assert_eq!(csv.lines().count(), expected + 1);
    assert!(csv.lines().skip(1).all(|line| line.contains(",weld-20/") && line.ends_with(",good")), "{}", &csv[..500]);
    let lines = fs::read_to_string(export("line-protocol", "part.lp", &part)).unwrap();
    assert_eq!(lines.lines().count(), expected);
    let start = "telemetry,link=weld-plc,quality=good,signal=";
    assert!(
        lines.lines().all(|line| line.starts_with(start) && line.contains(",station=weld-20 ")),
        "{}",
        &lines[..500]
    );

    let none = run_linetwin([
        "export",
        RECORDING.to_str().unwrap(),
        "--format",
        "csv",
        "--out",
        "-",
        "--signal",
        "weld-20/nothing",
    ]);
    assert_eq!(none.code, Some(1));
    assert!(none.errors.contains("no such signal"), "{none:?}");
}

/// What other people's tools find in the files, as JSON.
fn ask_python(files: &[&Path]) -> Value {
    let mut command = Command::new(python());
    command.arg("-B").arg(workspace_root().join("tests/peers/read_files.py")).args(files);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn duckdb_pandas_polars_and_mcap_read_the_files_as_they_are() {
    let segment = RECORDING.join("000001.parquet");
    let mcap = export("mcap", "part.mcap", &["--from", "+1h", "--to", "+2h"]);
    let part = samples(&export("parquet", "hour.parquet", &["--from", "+1h", "--to", "+2h"]));
    let found = ask_python(&[&segment, &mcap]);
    for tool in ["duckdb", "pandas", "polars"] {
        assert_eq!(found[tool]["samples"], samples(&segment), "{tool}: {found}");
        assert_eq!(found[tool]["first_received"], "2026-11-23T06:00:00.250000+00:00", "{tool}: {found}");
        assert_eq!(found[tool]["currents"], found["duckdb"]["currents"], "{tool}: {found}");
    }
    assert!(found["duckdb"]["currents"].as_u64().unwrap() > 50, "{found}");
    assert_eq!(found["mcap"]["samples"], part, "{found}");
    assert_eq!(found["mcap"]["has_value_of"], "weld-20/current", "{found}");
}

/// A Parquet file of another tool, and back through the import.
#[test]
fn a_table_in_parquet_of_another_tool_is_imported() {
    let folder = tempfile::tempdir().unwrap();
    let table = folder.path().join("table.parquet");
    let made = Command::new(python())
        .arg("-B")
        .arg(workspace_root().join("tests/peers/write_parquet.py"))
        .arg(&table)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let out = folder.path().join("imported");
    let ended = run_linetwin(["import", table.to_str().unwrap(), "--time", "time", "--out", out.to_str().unwrap()]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let mut found = Vec::new();
    for input in Reader::open(&out).unwrap() {
        if let Event::Samples(batch) = input.unwrap().event {
            found.extend(batch.samples.iter().map(|sample| format!("{} {}", sample.source_time, sample.value)));
        }
    }
    assert_eq!(
        found,
        [
            "2026-11-23T06:00:00Z 11.5",
            "2026-11-23T06:00:00Z 3",
            "2026-11-23T06:00:00Z EV1",
            "2026-11-23T06:00:00Z true",
            "2026-11-23T06:00:00.25Z 12.25",
            "2026-11-23T06:00:00.25Z EV2",
            "2026-11-23T06:00:00.25Z false",
        ]
    );
}
