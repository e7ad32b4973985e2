//! The example configuration in `config/`, and what loading makes of a sound configuration.
#![allow(clippy::unwrap_used)]

mod fixture;

use std::path::Path;

use fixture::{TAGS, files};
use plant::{
    Configuration, DataType, Files, HostPort, LinkSettings, ModbusTransport, Overrides, Password, Role, StationKind,
    TagRow, WordOrder, load, write_tags,
};
use telemetry::{LinkId, SignalId};

fn small(overrides: &Overrides) -> Configuration {
    load(&files(), overrides).unwrap_or_else(|problems| panic!("{problems}"))
}

#[test]
fn the_example_loads_without_a_problem() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config");
    let files = Files::read_dir(&folder).unwrap();
    let Configuration { plant, daemon } =
        load(&files, &Overrides::default()).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!((plant.variants.len(), plant.links.len(), plant.stations.len()), (4, 3, 11));
    assert_eq!(daemon, plant::DaemonSettings::default(), "the example shows every key with its default");
    for station in plant.stations.iter().filter(|station| station.ideal_cycle_s.is_some()) {
        for role in [Role::CycleActive, Role::PartId, Role::Variant, Role::Fault] {
            assert!(plant.signal_in_role(station.id, role).is_some(), "{} {role}", station.name);
        }
    }
}

#[test]
fn every_cell_of_a_row_reaches_its_signal() {
    let plant = small(&Overrides::default()).plant;
    let paths: Vec<_> = plant.signals.iter().map(|signal| signal.path.as_str()).collect();
    let expected = ["weld-1/active", "weld-1/current", "weld-1/energy", "store-2/level", "loop-1/flow", "loop-1/lamp"];
    assert_eq!(paths, expected, "sorted by station, then name");
    let current = plant.signal(SignalId(1));
    assert_eq!((current.role, current.link, current.data_type), (Role::WeldCurrent, LinkId(0), DataType::U16));
    assert_eq!((current.scale, current.offset), (0.01, 0.0));
    assert_eq!((current.range_low, current.range_high), (Some(0.0), Some(20.0)));
    assert_eq!((current.unit.as_str(), current.address.as_str()), ("kA", "holding:0"));
    assert_eq!(current.origin.to_string(), "tags/all.csv:3");
    let energy = plant.signal(SignalId(2));
    assert_eq!((energy.word_order, energy.scale, energy.range_low), (WordOrder::Cdab, 1.0, None));
    assert_eq!(plant.signal(SignalId(5)).role, Role::Other, "an empty role");
    assert_eq!(plant.limits[0].signal, current.id);
    assert_eq!(plant.limits[0].variant, Some(0));
    assert_eq!(plant.station(plant.stations[1].upstream[0]).name, "weld-1");
    assert_eq!(plant.station(plant.stations[0].utilities[0]).kind, StationKind::CoolingLoop);
}

#[test]
fn what_is_left_out_has_its_default() {
    let Configuration { plant, daemon } = small(&Overrides::default());
    assert_eq!((daemon.http.host.as_str(), daemon.http.port), ("127.0.0.1", 8090));
    assert_eq!(plant.detection.false_alarms_per_shift, 0.5);
    let LinkSettings::Modbus(modbus) = &plant.links[0].settings else { panic!("{:?}", plant.links[0]) };
    let to = HostPort { host: "plc-1".into(), port: 502 };
    assert_eq!((&modbus.transport, modbus.unit), (&ModbusTransport::Tcp(to), 1));
    let LinkSettings::Mqtt(mqtt) = &plant.links[1].settings else { panic!("{:?}", plant.links[1]) };
    assert_eq!((mqtt.port, mqtt.client_id.as_str()), (1883, "linetwin-b1-broker"));
}

#[test]
fn the_command_line_wins_over_the_environment_and_that_over_the_files() {
    let variables = [
        ("LINETWIN__HTTP__PORT", "1"),
        ("LINETWIN__HTTP__HOST", "::1"),
        ("LINETWIN__NODE", "42"),
        ("LINETWIN__LINK__1__USERNAME", "u"),
        ("LINETWIN__LINK__1__PASSWORD", "007"),
        ("LINETWIN_LOG", "not ours"),
        ("PATH", "not ours"),
    ];
    let overrides = Overrides {
        environment: variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
        set: ["http.port=2", "link[0].port = 1502", "http.port=3", "link[0].timeout_s=0.5"].map(str::to_owned).into(),
    };
    let Configuration { plant, daemon } = small(&overrides);
    assert_eq!((daemon.http.host.as_str(), daemon.http.port, daemon.node.as_str()), ("::1", 3, "42"));
    let LinkSettings::Modbus(modbus) = &plant.links[0].settings else { panic!("{:?}", plant.links[0]) };
    let to = HostPort { host: "plc-1".into(), port: 1502 };
    assert_eq!((&modbus.transport, modbus.timeout_s), (&ModbusTransport::Tcp(to), 0.5));
    let LinkSettings::Mqtt(mqtt) = &plant.links[1].settings else { panic!("{:?}", plant.links[1]) };
    assert_eq!(mqtt.login.as_ref().unwrap().1, Password::Text("007".into()), "a text stays as it is");
}

#[test]
fn a_written_tag_list_is_read_as_it_is() {
    let row = |signal: &str, address: &str, description: &str| TagRow {
        signal: signal.to_owned(),
        link: "plc".to_owned(),
        address: address.to_owned(),
        data_type: "f32".to_owned(),
        order: "dcba".to_owned(),
        unit: "µΩ".to_owned(),
        description: description.to_owned(),
        ..TagRow::default()
    };
    let rows = [row("weld-1/a", "holding:40/8", "a, \"b\"\nc"), row("loop-1/b", "holding:7.3", "")];
    let written = write_tags(&rows);
    let files = Files::from_pairs(files().iter().chain([("tags/browsed.csv", written.as_str())]));
    let plant = load(&files, &Overrides::default()).unwrap_or_else(|problems| panic!("{problems}")).plant;
    let found = plant.signals.iter().find(|signal| signal.path == "weld-1/a").unwrap();
    assert_eq!((found.role, found.word_order, found.unit.as_str()), (Role::Other, WordOrder::Dcba, "µΩ"));
    assert_eq!(found.address, "holding:40/8");
    let found = plant.signals.iter().find(|signal| signal.path == "loop-1/b").unwrap();
    assert_eq!(found.origin.to_string(), "tags/browsed.csv:4", "after a description of two lines");
    let least: Vec<&str> = TAGS.1.lines().next().unwrap().split(',').collect();
    let header = write_tags(&[]);
    let all: Vec<&str> = header.trim_end().split(',').collect();
    assert!(least.iter().all(|column| all.contains(column)), "{all:?}");
}

#[test]
fn a_signal_may_be_silent_for_a_time_that_is_one() {
    let loaded = |stale_after_s: &str| {
        let row = TagRow {
            signal: "weld-1/a".to_owned(),
            link: "plc".to_owned(),
            address: "holding:40".to_owned(),
            data_type: "u16".to_owned(),
            stale_after_s: stale_after_s.to_owned(),
            ..TagRow::default()
        };
        let list = write_tags(&[row]);
        load(&Files::from_pairs(files().iter().chain([("tags/one.csv", list.as_str())])), &Overrides::default())
    };
    let plant = loaded("2.5").unwrap_or_else(|problems| panic!("{problems}")).plant;
    let found = plant.signals.iter().find(|signal| signal.path == "weld-1/a").unwrap();
    assert_eq!(found.stale_after_s, Some(2.5));
    let problems = loaded("0.5").map(drop).unwrap_err().to_string();
    let expected = "tags/one.csv:2: stale_after_s: 0.5 is no such time; expected from 1 s to 604800 s, or nothing";
    assert!(problems.contains(expected), "{problems}");
}

#[test]
fn a_folder_is_read_by_name_and_the_rest_of_it_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("tags")).unwrap();
    for (name, text) in files().iter().chain([("README.md", "no"), ("tags/old.csv.bak", "no")]) {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    assert_eq!(Files::read_dir(folder.path()).unwrap(), files());
    std::fs::write(folder.path().join("plant.toml"), b"line = \"\xff\"").unwrap();
    let error = Files::read_dir(folder.path()).unwrap_err().to_string();
    assert!(error.contains("plant.toml") && error.contains("UTF-8"), "{error}");
    let error = Files::read_dir(&folder.path().join("none")).unwrap_err().to_string();
    assert!(error.contains("none") && error.contains("configuration folder"), "{error}");
}
