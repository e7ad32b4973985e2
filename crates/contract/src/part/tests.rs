use std::sync::Arc;

use genealogy::{Expectation, Labels};
use plant::{Cause, Role, StationKind};
use telemetry::{IncidentId, InterventionKind, SignalId, Symbol};

use super::*;
use crate::testing::{CURRENT, WELD, assert_valid, at, plant};

/// The small plant with the coil of the weld station told, too.
fn twin() -> Twin {
    let mut plant = plant();
    let mut coil = plant.signals[0].clone();
    (coil.id, coil.path, coil.role) = (SignalId(1), "weld-20/coil".into(), Role::MaterialLot);
    plant.signals.push(coil);
    Twin::new(Arc::new(plant))
}

fn symbol(text: &str) -> Symbol {
    Symbol::new(text).unwrap()
}

fn record() -> PartRecord {
    let value = PartValue {
        feature: 0,
        value: 9.5,
        lowest: 9.25,
        highest: 9.75,
        expected: Some(Expectation { value: 9.625, sigma: 0.125 }),
        low: Some(9.0),
        high: Some(9.7),
    };
    let action = Action {
        kind: InterventionKind::ToolDress,
        signal: None,
        at: at("2026-11-24T08:12:00Z"),
        by: None,
        comment: "tool life fell from 150 to 0".into(),
    };
    let labels = Labels {
        tool: Some(symbol("G7")),
        tool_life: Some(1.0),
        lots: vec![Label { signal: SignalId(1), text: symbol("4711") }],
        actions: vec![action],
        ..Labels::default()
    };
    let cycle = PartCycle {
        station: WELD,
        start: at("2026-11-24T08:13:00Z"),
        end: at("2026-11-24T08:13:38Z"),
        variant: Some(0),
        program: Some(symbol("P1")),
        labels,
        values: vec![value],
        incidents: vec![IncidentMark {
            incident: IncidentId { sequence: 412, ordinal: 0 },
            cause: Cause::ElectrodeWear,
        }],
    };
    let again = PartCycle {
        start: at("2026-11-24T08:14:00Z"),
        end: at("2026-11-24T08:14:38Z"),
        labels: Labels::default(),
        values: vec![PartValue { highest: 9.5, lowest: 9.5, expected: None, ..value }],
        incidents: Vec::new(),
        ..cycle.clone()
    };
    PartRecord {
        part: symbol("P-\"Ü\""),
        ending: Ending::Left,
        closed: at("2026-11-24T08:15:00Z"),
        cycles: vec![cycle, again],
        cycles_dropped: 0,
    }
}

#[test]
fn a_record_is_one_line_that_fits_its_schema_and_is_read_again() {
    let output = Output::Part(Box::new(record()));
    let line = part_line(&output, &twin(), 7).unwrap();
    let expected = concat!(
        r#"{"schema":"linetwin/part/v1","part":"P-\"Ü\"","sequence":7,"closed":"2026-11-24T08:15:00Z","ending":"left","#,
        r#""enterprise":"acme","site":"ulm","area":"body","line":"line-1","variant":"EV1","in_limits":true,"cycles":["#,
        r#"{"station":"weld-20","kind":"spot-weld","attempt":1,"start":"2026-11-24T08:13:00Z","#,
        r#""end":"2026-11-24T08:13:38Z","variant":"EV1","program":"P1","tool":"G7","tool_life":1.0,"#,
        r#""lots":[{"signal":"weld-20/coil","text":"4711"}],"values":[{"name":"weld current","role":"weld.current","#,
        r#""unit":"kA","value":9.5,"lowest":9.25,"highest":9.75,"expected":9.625,"sigma":0.125,"low":9.0,"high":9.7,"#,
        r#""in_limits":false}],"actions":[{"kind":"tool-dress","at":"2026-11-24T08:12:00Z","#,
        r#""comment":"tool life fell from 150 to 0"}],"incidents":[{"id":"412-0","cause":"electrode-wear"}]},"#,
        r#"{"station":"weld-20","kind":"spot-weld","attempt":2,"start":"2026-11-24T08:14:00Z","#,
        r#""end":"2026-11-24T08:14:38Z","variant":"EV1","program":"P1","values":[{"name":"weld current","#,
        r#""role":"weld.current","unit":"kA","value":9.5,"low":9.0,"high":9.7,"in_limits":true}]}]}"#,
        "\n"
    );
    assert_eq!(line, expected, "reworked within limits, so the part is");
    assert_valid("part-v1", line.trim_end());
    let read: PartV1 = serde_json::from_str(&line).unwrap();
    assert_eq!(read, PartV1::new(&record(), &twin(), 7));
    let history = PartHistoryV1::new("P-\"Ü\"", vec![read]);
    assert!(history.passport.is_empty(), "no battery was assembled");
    assert_valid("part-history-v1", &history.to_json());
}

#[test]
fn a_passport_has_what_the_line_knows_and_names_what_it_does_not() {
    let mut plant = plant();
    plant.stations[WELD.index()].kind = StationKind::PackAssembly;
    plant.signals[CURRENT.index()].role = Role::EolResistance;
    plant.signals[CURRENT.index()].unit = "mΩ".into();
    let twin = Twin::new(Arc::new(plant));
    let mut record = record();
    let child = |text: &str| Label { signal: CURRENT, text: symbol(text) };
    record.cycles[0].labels.lots.clear();
    record.cycles[0].labels.children = vec![child("M1"), child("M2")];
    let history = PartHistoryV1::new("P1", vec![PartV1::new(&record, &twin, 7)]);
    assert_valid("part-history-v1", &history.to_json());
    let values = |name: &str| {
        let mut fields = history.passport.iter();
        fields.find(|field| field.name.contains(name)).map(|field| (field.from_this_line, field.values.join(" ")))
    };
    assert_eq!(values("place of manufacture"), Some((true, "acme, ulm".into())));
    assert_eq!(values("date of manufacture"), Some((true, "2026-11".into())));
    assert_eq!(values("serials of modules"), Some((true, "M1 M2".into())));
    assert_eq!(values("internal resistance of the pack"), Some((true, "9.5".into())));
    assert_eq!(values("insulation"), Some((false, String::new())), "this line does not test it");
    assert_eq!(values("carbon footprint"), Some((false, String::new())));
    let asked: Vec<&str> = history.passport.iter().filter_map(|field| field.regulation.as_deref()).collect();
    for point in 'a'..='s' {
        // (a) is all of Annex VI Part A.
        let wanted = if point == 'a' { "Annex VI Part A".to_owned() } else { format!("Annex XIII point 1({point})") };
        assert!(asked.iter().any(|asked| asked.contains(&wanted)), "{wanted} is missing");
    }
    for point in 1..=10 {
        let wanted = format!("Annex VI Part A point {point}");
        assert!(asked.iter().any(|asked| asked.split("; ").any(|part| part == wanted)), "{wanted} is missing");
    }
}
