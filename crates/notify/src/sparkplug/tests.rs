//! The life of a node, read back from the bytes.

#![allow(clippy::unwrap_used)]

use contract::{StateV1, StationStateName};
use prost::Message as _;

use super::node::{EdgeNode, Identity, Letter, asks_for_rebirth};
use mqtt_client::sparkplug::{Metric, Payload, Property, Value};

const AT_MS: u64 = 1_800_000_000_000;

fn state(edit: impl FnOnce(&mut StateV1)) -> StateV1 {
    let station = |name: &str, state: &str| {
        serde_json::json!({
            "name": name, "kind": "spot-weld", "state": state, "cycles": 12, "upstream": [], "utilities": [], "signals": [],
            "alerts": [],
            "features": [{"name": "weld resistance", "unit": "µΩ", "value": 182.5, "baseline_cycles": 9, "warm_up_cycles": 9}],
        })
    };
    let counts = contract::CountsV1 {
        inputs: 0,
        samples: 0,
        bad_samples: 0,
        late_samples: 0,
        future_samples: 0,
        corrected_samples: 0,
        unknown_samples: 0,
        clock_steps_back: 0,
        cycles: 0,
        incidents: 0,
        baselines_evicted: 0,
        cycles_without_part: 0,
        parts_closed: 0,
        parts_incomplete: 0,
        parts_late: 0,
        trace_samples_merged: 0,
        trace_samples_late: 0,
    };
    let mut state = serde_json::from_value(serde_json::json!({
        "schema": "linetwin/state/v1", "now": "2027-01-15T08:00:00Z", "sequence": 7, "enterprise": "acme", "site": "ulm",
        "area": "body", "line": "l1", "links": [], "alerts": [], "counts": counts,
        "stations": [station("weld-20", "running"), station("weld-30", "unknown")],
    }))
    .unwrap();
    edit(&mut state);
    state
}

fn node() -> EdgeNode {
    EdgeNode::new(Identity { group: "ulm".into(), node: "l1".into() }, 5)
}

fn read(letter: &Letter) -> Payload {
    Payload::decode(&*letter.payload).unwrap()
}

fn topics(letters: &[Letter]) -> Vec<&str> {
    letters.iter().map(|letter| letter.topic.strip_prefix("spBv1.0/ulm/").unwrap()).collect()
}

fn seqs(letters: &[Letter]) -> Vec<Option<u64>> {
    letters.iter().map(|letter| read(letter).seq).collect()
}

fn named<'a>(payload: &'a Payload, name: &str) -> &'a Metric {
    payload.metrics.iter().find(|metric| metric.name.as_deref() == Some(name)).unwrap()
}

#[test]
fn a_birth_has_every_metric_and_only_stations_that_are_seen() {
    let letters = node().birth(&state(|_| {}), AT_MS);
    assert_eq!(topics(&letters), ["NBIRTH/l1", "DBIRTH/l1/weld-20"]);
    assert_eq!(seqs(&letters), [Some(0), Some(1)]);
    let (birth, device) = (read(&letters[0]), read(&letters[1]));
    assert_eq!(birth.timestamp, Some(AT_MS));
    let bd_seq = named(&birth, "bdSeq");
    assert_eq!((bd_seq.alias, &bd_seq.value), (None, &Some(Value::Long(5))));
    assert_eq!(named(&birth, "Node Control/Rebirth").alias, None);
    assert_eq!(named(&birth, "Line/Name").value, Some(Value::Text("l1".into())));
    assert_eq!(named(&birth, "Shift/OEE").is_null, Some(true));
    let value = named(&device, "Features/weld resistance/Value");
    assert_eq!((&value.value, value.datatype), (&Some(Value::Double(182.5)), Some(10)));
    assert_eq!(value.properties.as_ref().unwrap().values[0].value, Some(Property::Text("µΩ".into())));
    let mut aliases: Vec<u64> = birth.metrics.iter().chain(&device.metrics).filter_map(|metric| metric.alias).collect();
    let count = aliases.len();
    aliases.sort_unstable();
    aliases.dedup();
    assert_eq!(aliases.len(), count, "an alias is unique in the node");
}

#[test]
fn only_what_changes_is_told_by_its_alias() {
    let mut node = node();
    let births = node.birth(&state(|_| {}), AT_MS);
    assert_eq!(node.update(&state(|_| {}), AT_MS), []);
    let letters = node.update(&state(|line| line.stations[0].cycles = 13), AT_MS + 1000);
    assert_eq!(topics(&letters), ["DDATA/l1/weld-20"]);
    let data = read(&letters[0]);
    assert_eq!((data.metrics.len(), data.seq), (1, Some(2)));
    let expected = named(&read(&births[1]), "Cycles").alias;
    assert_eq!((&data.metrics[0].name, data.metrics[0].alias), (&None, expected));
    assert_eq!(data.metrics[0].value, Some(Value::Long(13)));
}

#[test]
fn a_station_dies_with_its_link_and_is_born_again() {
    let mut node = node();
    node.birth(&state(|_| {}), AT_MS);
    let lost = state(|line| line.stations[0].state = StationStateName::Unknown);
    let letters = node.update(&lost, AT_MS);
    assert_eq!(topics(&letters), ["DDEATH/l1/weld-20"]);
    assert_eq!((read(&letters[0]).metrics.len(), seqs(&letters)), (0, vec![Some(2)]));
    assert_eq!(node.update(&lost, AT_MS), []);
    assert_eq!(topics(&node.update(&state(|_| {}), AT_MS)), ["DBIRTH/l1/weld-20"]);
}

#[test]
fn a_device_with_new_metrics_is_born_again() {
    let mut node = node();
    node.birth(&state(|_| {}), AT_MS);
    let letters = node.update(&state(|line| line.stations[0].features[0].name = "weld time".into()), AT_MS);
    assert_eq!(topics(&letters), ["DBIRTH/l1/weld-20"]);
    assert!(named(&read(&letters[0]), "Features/weld time/Value").alias.is_some());
}

#[test]
fn the_places_of_messages_go_from_255_to_0_and_a_birth_begins_anew() {
    let mut node = node();
    let mut all = seqs(&node.birth(&state(|_| {}), AT_MS));
    for cycles in 100..400 {
        all.extend(seqs(&node.update(&state(|line| line.stations[0].cycles = cycles), AT_MS)));
    }
    let expected: Vec<Option<u64>> = (0..302).map(|place| Some(place % 256)).collect();
    assert_eq!(all, expected);
    assert_eq!(seqs(&node.birth(&state(|_| {}), AT_MS)), [Some(0), Some(1)]);
}

#[test]
fn a_death_belongs_to_its_birth_and_has_no_place() {
    let death = Identity { group: "ulm".into(), node: "l1".into() }.death(5, AT_MS);
    let payload = read(&death);
    assert_eq!((topics(std::slice::from_ref(&death)), payload.seq), (vec!["NDEATH/l1"], None));
    assert_eq!(named(&payload, "bdSeq").value, Some(Value::Long(5)));
}

#[test]
fn only_a_true_rebirth_asks_for_one() {
    let command = |name: &str, value: Value| {
        let metric = Metric { name: Some(name.into()), value: Some(value), ..Metric::default() };
        asks_for_rebirth(&Payload { metrics: vec![metric], ..Payload::default() }.encode_to_vec())
    };
    assert!(command("Node Control/Rebirth", Value::Boolean(true)));
    assert!(!command("Node Control/Rebirth", Value::Boolean(false)));
    assert!(!command("Node Control/Reboot", Value::Boolean(true)));
    assert!(!asks_for_rebirth(b"rebirth"));
}
