#![allow(clippy::unwrap_used)]

use plant_sim::{Truth, TruthEvent};

use super::*;
use crate::setup::Setup;

fn at(text: &str) -> Timestamp {
    format!("2026-11-24T{text}Z").parse().unwrap()
}

fn plant() -> std::sync::Arc<Plant> {
    Setup::new(crate::example::files(), plant::Overrides::default()).unwrap().plant
}

fn read(text: &str) -> anyhow::Result<LabelFile> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("labels.jsonl");
    fs::write(&path, text).unwrap();
    LabelFile::read(&path)
}

/// The labels of a recording `shift-1` from 06:00 to 14:00.
fn labels(text: &str) -> anyhow::Result<Vec<Label>> {
    let labelled = read(text)?.of_recording("shift-1", &plant())?;
    let labelled = seen(labelled, (at("06:00:00"), at("14:00:00")));
    Ok(labelled.into_iter().map(|labelled| labelled.label).collect())
}

#[track_caller]
fn check_refused(text: &str, expected: &[&str]) {
    let error = format!("{:#}", labels(text).unwrap_err());
    for part in expected {
        assert!(error.contains(part), "expected {part:?} in: {error}");
    }
}

#[test]
fn a_person_writes_a_fault_in_one_line() {
    let text = "# Kim, early shift\n\n{\"station\": \"weld-20\", \"began\": \"2026-11-24T08:00:00+01:00\", \"ended\": \
                \"2026-11-24T09:00:00Z\", \"limit\": \"2026-11-24T08:30:00Z\", \"cause\": \"electrode-wear\"}\n";
    let expected = Label {
        place: "weld-20".to_owned(),
        fault: None,
        cause: Some(Cause::ElectrodeWear),
        began: at("07:00:00"),
        ended: Some(at("09:00:00")),
        limit: Some(at("08:30:00")),
    };
    assert_eq!(labels(text).unwrap(), [expected]);
}

#[test]
fn faults_that_overlap_at_one_station_keep_their_own_end_and_limit() {
    let line = |began: &str, limit: &str, ended: &str| {
        format!(
            "{{\"station\":\"leak-80\",\"began\":\"2026-11-24T{began}Z\",\"limit\":\"2026-11-24T{limit}Z\",\
             \"ended\":\"2026-11-24T{ended}Z\"}}\n"
        )
    };
    let text = line("07:00:00", "08:20:00", "08:30:00") + &line("08:00:00", "08:40:00", "09:00:00");
    let found: Vec<_> = labels(&text).unwrap().iter().map(|label| (label.limit, label.ended)).collect();
    let expected =
        [("08:20:00", "08:30:00"), ("08:40:00", "09:00:00")].map(|(limit, ended)| (Some(at(limit)), Some(at(ended))));
    assert_eq!(found, expected);
}

#[test]
fn the_simulators_truth_is_read_as_it_is_written() {
    let events = [
        ("07:00:00", Truth::LimitCrossed { station: "weld-30", quantity: "x_mm", value: 3.9, limit: 4.0 }),
        ("08:00:00", Truth::FaultBegan { fault: "electrode-wear", station: "weld-30", family: "electrode" }),
        ("08:10:00", Truth::FaultBegan { fault: "micro-stops", station: "weld-30", family: "micro-stops" }),
        ("08:20:00", Truth::PartScrapped { station: "weld-30", part: "P1".to_owned(), quantity: "x_mm" }),
        ("08:30:00", Truth::FaultEnded { fault: "electrode-wear", station: "weld-30" }),
        ("08:40:00", Truth::LimitCrossed { station: "weld-30", quantity: "y_mm", value: 3.9, limit: 4.0 }),
        ("08:50:00", Truth::TipDressed { station: "weld-30", parts: 3 }),
    ];
    let lines = events.map(|(time, what)| serde_json::to_string(&TruthEvent { at: at(time), what }).unwrap());
    let found = labels(&lines.join("\n")).unwrap();
    let brief: Vec<_> = found.iter().map(|label| (label.cause, label.ended, label.limit)).collect();
    let expected = [
        (Some(Cause::ElectrodeWear), Some(at("08:30:00")), None),
        (Some(Cause::MicroStops), None, Some(at("08:40:00"))),
    ];
    assert_eq!(brief, expected);
}

#[test]
fn a_label_is_of_the_recording_that_it_names_or_that_saw_it() {
    let line =
        |more: &str, began: &str| format!("{{\"station\":\"leak-80\",\"began\":\"2026-11-24T{began}Z\"{more}}}\n");
    let text = [
        line("", "07:00:00"),
        line(",\"recording\":\"shift-1\"", "08:00:00"),
        line(",\"recording\":\"shift-2\"", "09:00:00"),
        line("", "15:00:00"),
        // Began before and nobody saw it end: of the recording in which it began.
        line("", "05:00:00"),
        line(",\"ended\":\"2026-11-24T06:30:00Z\"", "05:30:00"),
    ];
    let began: Vec<_> = labels(&text.concat()).unwrap().iter().map(|label| label.began).collect();
    assert_eq!(began, ["05:30:00", "07:00:00", "08:00:00"].map(at));
}

#[test]
fn a_line_that_cannot_be_right_is_refused_with_its_number() {
    let began = r#"{"station":"weld-20","began":"2026-11-24T08:00:00Z"}"#;
    check_refused(&format!("{began}\nweld-20 broke"), &["labels.jsonl:2", "expected a JSON object"]);
    let line = |more: &str| began.replace('}', &format!(",{more}}}"));
    check_refused(&line(r#""casue":"x""#), &["labels.jsonl:1", "casue", "cause"]);
    check_refused(&line(r#""cause":"wear""#), &["labels.jsonl:1", "wear", "electrode-wear"]);
    check_refused(&line(r#""ended":"2026-11-24T07:00:00Z""#), &["labels.jsonl:1", "ended is before began"]);
    check_refused(&line(r#""ended":"noon""#), &["labels.jsonl:1", "noon", "RFC 3339"]);
    check_refused(&began.replace("weld-20", "weld-02"), &["labels.jsonl:1", "weld-02", "weld-20"]);
    check_refused(&line(r#""event":"fault-begun""#), &["labels.jsonl:1", "fault-begun", "fault-began"]);
    let ended = r#"{"at":"2026-11-24T07:00:00Z","event":"fault-ended","station":"weld-20"}"#;
    check_refused(&format!("{began}\n{ended}"), &["labels.jsonl:2", "has not begun"]);
}
