//! What a person does with a historian's export before anything is connected: import and replay it, or look for changes.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::{Path, PathBuf};

use e2e::daemon::run_linetwin;
use e2e::program::Ended;
use e2e::workspace_root;
use recording::Reader;
use telemetry::{Event, LinkState, Quality, Reason, Timestamp, Value};

fn fixture(name: &str) -> String {
    workspace_root().join("tests/fixtures").join(name).display().to_string()
}

/// Runs `linetwin` with arguments that are separated by spaces, and more.
fn run(arguments: &str, more: &[&str]) -> Ended {
    run_linetwin(arguments.split(' ').chain(more.iter().copied()))
}

#[track_caller]
fn check_refused(ended: &Ended, expected: &[&str]) {
    assert!(ended.code.is_some_and(|code| code != 0), "{ended:?}");
    for text in expected {
        assert!(ended.errors.contains(text), "expected {text:?} in: {}", ended.errors);
    }
}

/// The example of `docs/exports.md`, with another map if there is one.
fn import_weld(recording: &Path, map: &str) -> Ended {
    let config = workspace_root().join("config").display().to_string();
    let format = ["--time-format", "%d.%m.%Y %H:%M:%S"];
    let more = ["--config", &config, "--map", map, "--out", recording.to_str().unwrap(), &fixture("weld-20.csv")];
    run("import --time Time --time-zone Europe/Berlin", &[&format[..], &more].concat())
}

#[test]
fn a_drift_in_an_export_is_an_alert_when_it_is_replayed() {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("recording");
    let imported = import_weld(&recording, &fixture("weld-20-map.csv"));
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let expected = format!(
        "{}: 320 rows from 2026-11-23T06:00:00Z to 2026-11-23T07:46:41Z\n  8 of 9 columns are signals\n  \
         left out: Operator, 160 values, not in the map\n  bad: weld-20/resistance, 1 values, type mismatch\n\
         Recorded 1760 samples, 1 of them bad, in 6722 inputs: 320 batches, 6401 ticks, 1 for links that came up.\n\
         Next: linetwin replay {}",
        fixture("weld-20.csv"),
        recording.display()
    );
    assert_eq!(imported.output, expected);
    // In truth the resistance falls from 2026-11-23T07:13 UTC on.
    let replayed = run("replay", &[recording.to_str().unwrap()]);
    assert_eq!(replayed.code, Some(0), "{replayed:?}");
    let alert = replayed.output.lines().find(|line| line.contains("ALERT")).unwrap_or_default().to_owned();
    assert!(alert.contains("weld resistance low since 07:1") && alert.contains("electrode wear"), "{replayed:?}");
    assert_eq!(replayed.output.matches("ALERT").count(), 1, "{}", replayed.output);
    check_refused(&import_weld(&recording, &fixture("weld-20-map.csv")), &["holds a recording already"]);
}

#[test]
fn every_problem_of_a_map_is_told_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let map = folder.path().join("map.csv");
    fs::write(
        &map,
        "column,signal,scale\nW20.Force,weld-20/force,\nW20.Forze,weld-20/energy,\n\nW20.Water,weld-20/watre,\n\
         W20.Force,weld-20/current,\nW20.Tip,weld-20/force,\nW20.Active,weld-20/cycle_active,2\n",
    )
    .unwrap();
    let recording = folder.path().join("recording");
    let refused = import_weld(&recording, map.to_str().unwrap());
    let expected = [
        "map.csv:3: column: \"W20.Forze\" is not a column of the export",
        "map.csv:5: signal: \"weld-20/watre\" is not a signal of the configuration",
        "map.csv:6: column: \"W20.Force\" is already in line 2",
        "map.csv:7: signal: \"weld-20/force\" is already in line 2",
        "map.csv:8: scale: weld-20/cycle_active is of type bool",
    ];
    check_refused(&refused, &expected);
    assert_eq!(refused.errors.lines().count(), expected.len(), "{}", refused.errors);
    assert!(!recording.exists(), "something was recorded");
}

/// Newest row first, a row a value, as many historians export.
#[test]
fn a_long_export_newest_first_becomes_a_recording_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (export, recording) = (folder.path().join("long.csv"), folder.path().join("recording"));
    fs::write(
        &export,
        "tag,value,when\nstate,run,1795413602\nflow,NaN,1795413601.5\nflow,2.5,1795413600\nok,true,1795413600\nn,7,1795413600\n",
    )
    .unwrap();
    let arguments = "import --time when --tag tag --value value --out";
    let imported = run(arguments, &[recording.to_str().unwrap(), export.to_str().unwrap()]);
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert!(imported.output.contains("2 rows are earlier than the row above"), "{}", imported.output);
    assert!(imported.output.contains("bad: flow, 1 values, out of range"), "{}", imported.output);

    let start: Timestamp = "2026-11-23T06:00:00Z".parse().unwrap();
    let mut reader = Reader::open(&recording).unwrap();
    let (mut inputs, mut sequence) = (Vec::new(), 1..);
    while let Some(input) = reader.next() {
        let input = input.unwrap();
        assert_eq!(Some(input.sequence), sequence.next());
        let after_s = input.received.seconds_since(start);
        match input.event {
            Event::Link { state: LinkState::Up, .. } => inputs.push(format!("{after_s} up")),
            Event::Tick => inputs.push(format!("{after_s} tick")),
            Event::Samples(batch) => {
                for sample in batch.samples {
                    assert_eq!(sample.source_time, input.received);
                    let path = &reader.header().signals[&sample.signal];
                    let value = match (sample.value, sample.quality) {
                        (_, Quality::Bad(Reason::OutOfRange)) => "bad".to_owned(),
                        (Value::Float(float), Quality::Good) => format!("float {float}"),
                        (Value::Integer(integer), Quality::Good) => format!("integer {integer}"),
                        (Value::Boolean(condition), Quality::Good) => format!("boolean {condition}"),
                        (Value::Symbol(symbol), Quality::Good) => format!("symbol {symbol}"),
                        other => format!("{other:?}"),
                    };
                    inputs.push(format!("{after_s} {path} {value}"));
                }
            }
            other => inputs.push(format!("{after_s} {other:?}")),
        }
    }
    let expected = [
        "0 up",
        "0 flow float 2.5",
        "0 ok boolean true",
        "0 n integer 7",
        "1 tick",
        "1.5 flow bad",
        "2 tick",
        "2 state symbol run",
    ];
    assert_eq!(inputs, expected);
}

#[test]
fn an_export_that_cannot_be_read_is_refused_before_anything_is_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let (export, recording) = (folder.path().join("cut.csv"), folder.path().join("recording"));
    fs::write(&export, "t,a,b\r\n2026-01-01 00:00:00,1,2\r\n2026-01-01 00:00:01,1\r\n").unwrap();
    let refused = run("import --time t --out", &[recording.to_str().unwrap(), export.to_str().unwrap()]);
    check_refused(&refused, &["cut.csv:3: the row has 2 fields, the header 3"]);
    assert!(!recording.exists(), "something was recorded");
    check_refused(&run("import --time t --map m.csv --out r", &[export.to_str().unwrap()]), &["--config"]);
}

/// Repeatable numbers without a pattern, between -1 and 1.
fn noise(step: u64) -> f64 {
    let bits = (step + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let bits = (bits ^ (bits >> 31)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((bits ^ (bits >> 29)) >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
}

const ROWS: u64 = 800;
/// The row, from 0, from which on the pressure is lower.
const ONSET: u64 = 600;

/// The row from which on the set point is another one.
const MOVED: u64 = 700;

/// An export of a pump, a row a second: its pressure falls by one and a half standard deviations, and its set point, which
/// never varied, moves.
fn pump_export(folder: &Path) -> PathBuf {
    let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
    let mut text = "time,flow,pressure,set point,state\n".to_owned();
    for row in 0..ROWS {
        let fall = if row < ONSET { 0.0 } else { 0.087 };
        let (flow, pressure) = (12.0 + 0.3 * noise(2 * row), 2.4 + 0.1 * noise(2 * row + 1) - fall);
        // Now and then a value is missing.
        let flow = if row % 50 == 7 { String::new() } else { format!("{flow:.4}") };
        let set_point = if row < MOVED { 5.0 } else { 5.5 };
        text += &format!("{},{flow},{pressure:.4},{set_point},run\n", start.plus_seconds(row as f64));
    }
    let path = folder.join("pump.csv");
    fs::write(&path, text).unwrap();
    path
}

/// Runs the detector over the pump's export; `within` is how many rows it may take.
#[track_caller]
fn check_detected(mode: &[&str], within: u64) -> String {
    let folder = tempfile::tempdir().unwrap();
    let (export, scores) = (pump_export(folder.path()), folder.path().join("scores.csv"));
    let more = [mode, &["--out", scores.to_str().unwrap(), export.to_str().unwrap()]].concat();
    let ended = run("detect --time time --train-rows 300", &more);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    for expected in [
        "800 rows from 2026-01-01T00:00:00Z to 2026-01-01T00:13:19Z",
        "watched: flow, pressure\n",
        "constant in the training rows, told if it moves: set point",
        "set point: up by 0.5000, had never varied, since 2026-01-01T00:11:40Z, stands at the end",
        "left out: state, it is text",
        "learnt from the first 300 rows, judged the other 500",
        "pressure: ",
    ] {
        assert!(ended.output.contains(expected), "expected {expected:?} in: {}", ended.output);
    }
    assert!(!ended.output.contains("flow: "), "{}", ended.output);

    let text = fs::read_to_string(&scores).unwrap();
    let rows: Vec<Vec<&str>> = text.lines().skip(1).map(|line| line.split(',').collect()).collect();
    assert_eq!(text.lines().next(), Some("time,score,threshold,alarm,columns,onset,change"));
    assert_eq!(rows.len() as u64, ROWS);
    assert!(rows[..300].iter().all(|row| row[1..].iter().all(|cell| cell.is_empty())), "training has scores");
    let first = rows.iter().position(|row| row[3] == "1").unwrap() as u64;
    assert!((ONSET..ONSET + within).contains(&first), "the first alarm is in row {first}");
    for row in rows[300..].iter().filter(|row| !row[1].is_empty()) {
        let (score, threshold): (f64, f64) = (row[1].parse().unwrap(), row[2].parse().unwrap());
        assert!(score <= threshold || row[3] == "1", "{row:?}");
        assert_eq!(row[5].is_empty(), row[3] == "0", "{row:?}");
    }
    let alarm = &rows[first as usize];
    assert!(alarm[4].starts_with("pressure ("), "{alarm:?}");
    let start: Timestamp = rows[0][0].parse().unwrap();
    let onset_s = alarm[5].parse::<Timestamp>().unwrap().seconds_since(start);
    assert!((onset_s - ONSET as f64).abs() < 10.0, "estimated at {onset_s} s");
    assert_eq!(alarm[6].is_empty(), mode.contains(&"--multivariate") && !ended.output.contains("change point"));
    ended.output
}

#[test]
fn a_change_of_a_column_is_found_by_itself() {
    let told = check_detected(&[], 40);
    assert!(told.contains("0.1 false alarms accepted") && told.contains("pressure: down by"), "{told}");
}

#[test]
fn a_change_of_a_column_is_found_among_all_and_its_change_point_is_told() {
    let told = check_detected(&["--multivariate"], 40);
    assert!(told.contains("0.1 false alarms accepted") && told.contains("pressure: down by"), "{told}");
    assert!(told.contains("pressure: change point, down by") && told.contains(" change point"), "{told}");
    assert_eq!(
        check_detected(&["--detector", "rows"], 40).lines().skip(1).collect::<Vec<_>>(),
        told.lines().skip(1).collect::<Vec<_>>()
    );
}

/// Single points find a shift of one and a half standard deviations late or not at all, so they are not in this list.
#[test]
fn a_change_of_a_column_is_found_by_the_charts_of_the_textbooks() {
    for (detector, within, expected) in [
        ("cusum", 40, "CUSUM with reference value 0.5, threshold"),
        ("cusum-fir", 40, "head start of half the threshold"),
        ("ewma", 40, "EWMA with weight 0.2, limits at"),
        ("e-detector", 60, "pressure: mean down by at least 0.0"),
        ("mewma", 40, "MEWMA with weight 0.2, threshold"),
    ] {
        let told = check_detected(&["--detector", detector], within);
        assert!(told.contains(expected) && told.contains("0.1 false alarms accepted"), "{detector}: {told}");
    }
}

/// Rules cannot be set to a budget: 2 columns of 500 rows at one false alarm in 92 and 74 values.
#[test]
fn rules_say_which_they_are_and_how_often_they_are_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let export = pump_export(folder.path()).display().to_string();
    for (detector, expected) in [
        ("western-electric", "once in 92 values of noise: at least 11 false alarms"),
        ("nelson", "once in 74 values of noise: at least 14 false alarms"),
    ] {
        let told = run("detect --time time --train-rows 300 --detector", &[detector, &export]).output;
        assert!(told.contains(expected), "{told}");
        assert!(told.contains("standard deviations, four of five points beyond one sigma since"), "{told}");
    }
}

/// Faults of a machine, 3 in 10 rows on average and then 12: counted, and as true and false.
#[test]
fn counts_are_charted_by_their_own_law() {
    let folder = tempfile::tempdir().unwrap();
    let mut text = "time,faults,scrap,alarm,level\n".to_owned();
    for row in 0..800_u64 {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().unwrap();
        let share = if row < ONSET { 0.1 } else { 0.4 };
        let faults = (0..3).filter(|place| 0.5 + 0.5 * noise(4 * row + place) < share).count();
        let scrap = 0.5 + 0.5 * noise(4 * row + 3) < share;
        text += &format!("{},{faults},{scrap},false,{:.3}\n", start.plus_seconds(row as f64), noise(row));
    }
    let export = folder.path().join("faults.csv");
    fs::write(&export, text).unwrap();
    let ended = run("detect --time time --train-rows 300 --detector counts", &[export.to_str().unwrap()]);
    for expected in ["watched: faults, scrap, alarm\n", "is no count", "faults: rate up by", "scrap: rate up by"] {
        assert!(ended.output.contains(expected), "expected {expected:?} in: {ended:?}");
    }
    let ended = run("detect --time time --train-rows 300", &[export.to_str().unwrap()]);
    assert!(ended.output.contains("left out: scrap, it is true or false; --detector counts"), "{ended:?}");
}

/// Six weeks of a load that has days and weekends, hour by hour, and is higher in the last two days.
#[test]
fn a_season_is_learnt_and_a_change_is_found_under_it() {
    let folder = tempfile::tempdir().unwrap();
    let start: Timestamp = "2026-01-05T00:00:00Z".parse().unwrap();
    let mut text = "time,load\n".to_owned();
    for hour in 0..1008_u64 {
        let day = if hour / 24 % 7 < 5 { 40.0 } else { 10.0 };
        let usual = day * if (6..22).contains(&(hour % 24)) { 2.0 } else { 1.0 };
        let more = if hour < 960 { 0.0 } else { 4.0 };
        text += &format!("{},{:.3}\n", start.plus_seconds(3600.0 * hour as f64), usual + more + 2.0 * noise(hour));
    }
    let export = folder.path().join("load.csv");
    fs::write(&export, text).unwrap();
    let export = export.to_str().unwrap();
    let ended = run("detect --time time --train-rows 504 --season 1w", &[export]);
    let alarms: Vec<&str> = ended.output.lines().filter(|line| line.contains("  load: ")).collect();
    assert!(alarms.iter().all(|line| line.starts_with("  2026-02-14T0")), "{ended:?}");
    assert!(alarms.iter().any(|line| line.contains("up by") && line.contains("since 2026-02-13T23")), "{ended:?}");
    check_refused(
        &run("detect --time time --train-rows 100 --season 1w", &[export]),
        &["load: 0 training rows come after"],
    );
    check_refused(&run("detect --time time --season 1w --detector counts", &[export]), &["no counts"]);
}

#[test]
fn an_export_with_nothing_to_learn_from_is_refused_with_the_reasons() {
    let folder = tempfile::tempdir().unwrap();
    let export = pump_export(folder.path()).display().to_string();
    let refused = run("detect --time time --train-rows 10", &[&export]);
    check_refused(&refused, &["no column can be watched", "pressure: 10 numbers in the training rows; 20 are needed"]);
    let refused = run("detect --time time --train-rows 800", &[&export]);
    check_refused(&refused, &["leave nothing to judge of 800 rows", "--train-rows"]);
    check_refused(&run("detect --time time --false-alarms 0", &[&export]), &["expected a number above 0"]);
    check_refused(&run("detect --time time --false-alarms 900", &[&export]), &["--false-alarms"]);
    check_refused(&run("detect --time time --detector magic", &[&export]), &["magic", "western-electric", "cusum"]);
    check_refused(&run("detect --time time --multivariate --detector t2", &[&export]), &["--multivariate"]);
}
