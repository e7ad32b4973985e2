//! A line whose devices are not there yet, on simulated sources.

#![allow(clippy::unwrap_used)]

use contract::{LinkStateName, QualityName, ValueV1};
use e2e::daemon::{run_linetwin, signal};
use e2e::site::{self, Site};

const LINK: &str = "[[link]]\nprotocol = \"simulated\"\nname = \"sim\"\ninterval_s = 0.1\n";
const STATIONS: [(&str, &str); 2] = [("weld-20", "spot-weld"), ("tighten-60", "pack-assembly")];

/// The tag list that browsing gives, with the roles that a person would give, of those stations.
fn browsed() -> String {
    let browsed = run_linetwin(["browse", "simulated://plant", "--link", "sim"]);
    assert_eq!(browsed.code, Some(0), "{}", browsed.errors);
    let points = plant_sim::points();
    let with_role = |row: &str| {
        let (path, rest) = row.split_once(',').unwrap();
        let point = points.iter().find(|point| point.path == path).unwrap();
        format!("{path},{}{rest}\n", point.role)
    };
    let is_of_stations = |row: &&str| STATIONS.iter().any(|(station, _)| row.starts_with(&format!("{station}/")));
    let mut lines = browsed.output.lines();
    let header = lines.next().unwrap().to_owned() + "\n";
    header + &lines.filter(is_of_stations).map(with_role).collect::<String>()
}

#[test]
fn what_is_browsed_of_the_simulated_plant_is_a_tag_list_whose_every_signal_speaks() {
    let stations: String = STATIONS.iter().map(|(name, kind)| site::station(name, kind, &[])).collect();
    let tags = browsed();
    let site = Site::new(&(LINK.to_owned() + &stations), "");
    site.write("tags/all.csv", &tags);
    let daemon = site.start();
    daemon.wait_for_link("sim", LinkStateName::Up, "");
    let paths: Vec<&str> = tags.lines().skip(1).map(|row| row.split(',').next().unwrap()).collect();
    assert!(paths.len() > 30, "{paths:?}");
    daemon.wait_for("each signal to be good", |line| {
        paths.iter().all(|path| signal(line, path).unwrap().quality == Some(QualityName::Good)).then_some(())
    });
    daemon.stop();
}

#[test]
fn a_line_of_waves_has_cycles_is_told_to_be_simulated_and_replays_as_it_was() {
    let rows = "weld-20/active,cycle.active,sim,\"square(1, 0.6)\",bool,,,,,,,\n\
                weld-20/current,weld.current,sim,\"noise(8.2, 0.1)\",f64,,kA,,,,,\n\
                weld-20/part,part.id,sim,\"serial(EV1-, 1)\",text,,,,,,,\n";
    let site = Site::new(&(LINK.to_owned() + &site::station("weld-20", "spot-weld", &[])), rows);
    let daemon = site.start();
    daemon.wait_for("three cycles", |line| (line.stations[0].cycles >= 3).then_some(()));
    daemon.wait_for_signal(
        "weld-20/part",
        "a serial number",
        |signal| matches!(&signal.value, Some(ValueV1::Text(part)) if part.starts_with("EV1-")),
    );
    let config = site.config().display().to_string();
    let doctor = run_linetwin(["doctor", "--config", &config, "--url", daemon.url()]);
    assert!(doctor.output.contains("ok    link sim (simulated, not measured): up"), "{}", doctor.output);
    assert!(daemon.log().iter().any(|line| line.contains("simulated, not measured")), "{:?}", daemon.log());
    daemon.stop();
    let recording = site.recording().display().to_string();
    let verified = run_linetwin(["verify", &recording, "--replay"]);
    assert_eq!(verified.code, Some(0), "{}{}", verified.output, verified.errors);
}
