//! Sensors that fail, and what the twin makes of it.

use std::ops::Range;
use std::sync::Arc;

use alarms::Detector;
use plant::{LinkSettings, OpcuaSettings, Plant, Redundant, Role, Signal};
use proptest::prelude::*;
use telemetry::{InterventionKind, Quality, Reason, Sample, SignalId};
use twin::{FeatureView, Output, Twin};

use crate::tiny::*;

/// What a cycle shows of the weld's resistance.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Shown {
    Value(f64),
    /// The device says that the sensor has failed.
    Bad,
    /// No word of it.
    Silence,
}

use Shown::{Bad, Silence, Value as Good};

fn weld_showing(cycle: usize, shown: Shown) -> Vec<Sample> {
    let mut samples = weld(cycle, if let Good(value) = shown { value } else { 0.0 });
    let place = samples.iter().position(|sample| sample.signal == RESISTANCE).unwrap();
    match shown {
        Good(_) => {}
        Bad => samples[place].quality = Quality::Bad(Reason::DeviceFault),
        Silence => drop(samples.remove(place)),
    }
    samples
}

impl Line {
    fn of(plant: Plant) -> Self {
        Self { twin: Twin::new(Arc::new(plant)) }
    }

    /// Those cycles, with what each shows.
    fn shows(&mut self, cycles: Range<usize>, shown: impl Fn(usize) -> Shown) -> Vec<Output> {
        cycles.flat_map(|cycle| self.batch(PLC, weld_showing(cycle, shown(cycle)))).collect()
    }

    fn resistance(&self) -> FeatureView {
        let station = self.twin.view().stations.swap_remove(WELD.index());
        station.features.into_iter().find(|feature| feature.name == "weld resistance").unwrap()
    }
}

/// Whether the last cycle had a value of the weld's resistance that counts.
fn is_judged(outputs: &[Output]) -> bool {
    let last = outputs.iter().rev().find_map(|output| match output {
        Output::Cycle(cycle) => Some(cycle.features[0].is_some()),
        _ => None,
    });
    last.unwrap()
}

/// The link of the weld tells only changes.
fn subscribed() -> Plant {
    let mut plant = (*plant()).clone();
    plant.links[PLC.index()].settings = LinkSettings::Opcua(OpcuaSettings {
        publishing_interval_s: 1.0,
        sampling_interval_s: 1.0,
        queue_size: 1,
        ..OpcuaSettings::at("")
    });
    plant
}

#[test]
fn a_sensor_that_drops_out_is_one_incident_and_comes_back() {
    for missing in [Bad, Silence] {
        let mut line = Line::new();
        assert!(incidents(&line.shows(0..150, |_| Good(100.0))).is_empty());
        let outputs = line.shows(150..180, |_| missing);
        assert_eq!(incidents(&outputs), ["raised sensor-dropout"], "{missing:?}");
        let incident = line.twin.open_incidents().next().unwrap();
        let evidence = &incident.evidence[0];
        assert_eq!((evidence.detector, evidence.name.as_str()), (Detector::Dropout, "weld/resistance"));
        assert_eq!((incident.station, incident.onset), (Some(WELD), at(150.0 * TAKT_S)), "{missing:?}");
        assert!(evidence.false_alarms_per_shift > 0.0 && evidence.false_alarms_per_shift < 0.05, "{evidence:?}");
        assert!(!is_judged(&line.shows(180..183, |_| Good(100.0))), "not before it is sure");
        let outputs = line.shows(183..210, |_| Good(100.0));
        assert_eq!(incidents(&outputs), ["returned sensor-dropout"], "{missing:?}");
        assert!(is_judged(&outputs));
    }
}

/// A device that tells only changes is silent about a value that holds.
#[test]
fn on_a_link_that_tells_only_changes_silence_is_a_value_that_holds() {
    let mut line = Line::of(subscribed());
    line.shows(0..150, |_| Good(100.0));
    assert_eq!(incidents(&line.shows(150..180, |_| Silence)), ["raised sensor-flat-line"]);
    let mut line = Line::of(subscribed());
    line.shows(0..150, |_| Good(100.0));
    // Once told that it is bad, it stays bad until another word.
    let outputs = line.shows(150..180, |cycle| if cycle == 150 { Bad } else { Silence });
    assert_eq!(incidents(&outputs), ["raised sensor-dropout"]);
}

#[test]
fn a_signal_that_comes_rarely_or_never_is_not_missing() {
    let mut line = Line::new();
    let outputs = line.shows(0..400, |cycle| if cycle % 3 == 0 { Good(100.0) } else { Silence });
    assert!(incidents(&outputs).is_empty(), "every third cycle from the first on");
    let mut line = Line::new();
    assert!(incidents(&line.shows(0..400, |_| Bad)).is_empty(), "never seen");
}

/// Whether the sensor's own link is down or the one that tells the cycles.
#[test]
fn a_lost_link_is_no_sensor_that_drops_out() {
    let mut line = Line::new();
    line.shows(0..150, |_| Good(100.0));
    for cycle in (150..350).step_by(2) {
        line.take(cycle as f64 * TAKT_S - 2.0, down(PLC));
        line.take(cycle as f64 * TAKT_S + 4.0, up(PLC));
        let outputs = line.shows(cycle..cycle + 1, |_| Silence);
        assert!(!incidents(&outputs).iter().any(|told| told.contains("sensor")), "{outputs:?}");
    }

    let mut plant = (*plant()).clone();
    plant.signals[RESISTANCE.index()].link = BROKER;
    let mut line = Line::of(plant);
    let mut told = Vec::new();
    for cycle in 0..250 {
        let mut samples = weld_showing(cycle, if cycle < 150 { Good(100.0) } else { Silence });
        samples.sort_by_key(|sample| sample.signal == RESISTANCE);
        let measured = samples.split_off(4.min(samples.len()));
        if cycle == 150 {
            line.take(cycle as f64 * TAKT_S, down(BROKER));
        }
        told.extend(incidents(&line.take(cycle as f64 * TAKT_S + 8.0, batch(BROKER, measured))));
        told.extend(incidents(&line.batch(PLC, samples)));
    }
    assert_eq!(told, ["raised link-loss"]);
}

/// As if the cycle had not been measured.
#[test]
fn a_single_wild_value_teaches_nothing_and_no_chart_sees_it() {
    let after = |odd: Shown| {
        let mut line = Line::new();
        assert!(incidents(&line.shows(0..230, |cycle| if cycle == 210 { odd } else { Good(100.0) })).is_empty());
        line.resistance()
    };
    assert_eq!(after(Good(160.0)), after(Silence));
    assert_eq!(after(Good(40.0)), after(Silence));
    assert_ne!(after(Good(102.0)), after(Silence), "an ordinary value is learnt");
}

/// Held back for a cycle, then believed.
#[test]
fn a_value_that_stays_is_no_spike() {
    let mut line = Line::new();
    line.shows(0..210, |_| Good(100.0));
    let outputs = line.shows(210..216, |_| Good(60.0));
    assert_eq!(incidents(&outputs), ["raised electrode-wear"]);
    assert_eq!(line.twin.open_incidents().next().unwrap().onset, at(210.0 * TAKT_S));
}

#[test]
fn a_sensor_that_spikes_again_and_again_is_one_incident_and_comes_back() {
    let mut line = Line::new();
    let wild =
        |from: usize| move |cycle: usize| Good(if cycle >= from && cycle.is_multiple_of(4) { 160.0 } else { 100.0 });
    assert!(incidents(&line.shows(0..250, wild(1000))).is_empty());
    let outputs = line.shows(250..400, wild(250));
    assert_eq!(incidents(&outputs), ["raised sensor-spikes"]);
    assert!(!is_judged(&outputs));
    let incident = line.twin.open_incidents().next().unwrap();
    assert_eq!(incident.evidence[0].detector, Detector::Spikes);
    assert!((incident.onset.seconds_since(at(250.0 * TAKT_S))).abs() <= 8.0 * TAKT_S, "{}", incident.onset);
    let outputs = line.shows(400..500, |_| Good(100.0));
    assert_eq!(incidents(&outputs), ["returned sensor-spikes"]);
    assert!(is_judged(&outputs));
}

#[test]
fn the_first_failure_of_a_sensor_is_told_and_a_second_neither_adds_to_it_nor_clears_it() {
    let mut line = Line::new();
    line.shows(0..150, |_| Good(100.0));
    let stuck = |cycle: usize| Good(100.0 - noise(cycle));
    assert_eq!(incidents(&line.shows(150..170, stuck)), ["raised sensor-flat-line"]);
    assert!(incidents(&line.shows(170..200, |_| Bad)).is_empty());
    // The flat line is gone, the missing values are still too many.
    let outputs = line.shows(200..202, |_| Good(100.0));
    assert_eq!(incidents(&outputs), ["returned sensor-flat-line", "updated sensor-dropout"]);
    assert_eq!(incidents(&line.shows(202..230, |_| Good(100.0))), ["returned sensor-dropout"]);
}

#[test]
fn a_changed_sensor_is_judged_anew() {
    for place in ["weld", "weld/resistance"] {
        let mut line = Line::new();
        line.shows(0..150, |_| Good(100.0));
        line.shows(150..180, |_| Bad);
        let outputs = line.take(1800.0, report(place, InterventionKind::SensorChange));
        assert_eq!(incidents(&outputs), ["returned sensor-dropout"], "{place}");
        assert!(incidents(&line.shows(180..330, |_| Good(100.0))).is_empty());
        assert_eq!(incidents(&line.shows(330..350, |_| Bad)), ["updated sensor-dropout"], "it has learnt again");
    }
}

/// The weld's resistance is measured by so many sensors.
fn redundant(sensors: u32) -> Plant {
    let mut plant = (*plant()).clone();
    let resistance = plant.signals[RESISTANCE.index()].clone();
    let others = (0..sensors - 1).map(|number| SignalId(SIGNALS + number));
    for id in others.clone() {
        let path = format!("weld/resistance_{}", id.0);
        plant.signals.push(Signal { id, path, role: Role::Other, ..resistance.clone() });
    }
    let signals = std::iter::once(RESISTANCE).chain(others).collect();
    plant.redundant.push(Redundant { station: WELD, signals });
    plant
}

impl Line {
    /// Those cycles, in which the sensors show the same but for noise of their own and what is added to each.
    fn agrees(&mut self, cycles: Range<usize>, added: &[f64]) -> Vec<Output> {
        let peers = |cycle: usize| {
            let mut samples = weld(cycle, 100.0 + added[0]);
            let place = samples.iter().position(|sample| sample.signal == RESISTANCE).unwrap();
            for (number, added) in (0..).zip(&added[1..]) {
                let own = noise(cycle) + 0.2 * noise(3 * cycle + 5 * number as usize);
                let sample = self::number(SignalId(SIGNALS + number), cycle as f64 * TAKT_S + 6.0, 100.0 + own + added);
                samples.insert(place, sample);
            }
            samples
        };
        cycles.flat_map(|cycle| self.batch(PLC, peers(cycle))).collect()
    }
}

/// The peers' names and what is said of them, of the open incidents.
fn parted(line: &Line) -> Vec<(String, String)> {
    let evidence = line.twin.open_incidents().flat_map(|incident| incident.evidence.clone());
    evidence.map(|evidence| (evidence.name, evidence.note)).collect()
}

#[test]
fn of_three_sensors_the_one_that_drifts_is_named_and_its_features_are_blind() {
    let mut line = Line::of(redundant(3));
    assert!(incidents(&line.agrees(0..300, &[0.0, 3.0, -2.0])).is_empty(), "an offset is none");
    let outputs = line.agrees(300..340, &[6.0, 3.0, -2.0]);
    let denied = ["raised sheet-material", "raised sensor-drift", "returned sheet-material"];
    assert_eq!(incidents(&outputs), denied, "what it seemed to be is taken back");
    assert!(!is_judged(&outputs));
    let incident = line.twin.open_incidents().find(|incident| incident.returned.is_none()).unwrap();
    assert!((incident.onset.seconds_since(at(3000.0))).abs() <= 3.0 * TAKT_S, "{}", incident.onset);
    let (name, note) = &parted(&line)[1];
    assert_eq!(name, "weld/resistance");
    assert!(note.ends_with("above weld/resistance_12, weld/resistance_13"), "{note}");
    let calibrated = report("weld/resistance", InterventionKind::SensorChange);
    assert_eq!(incidents(&line.take(3400.0, calibrated)), ["returned sensor-drift"]);
    assert!(incidents(&line.agrees(340..500, &[6.0, 3.0, -2.0])).is_empty(), "that is how they differ now");
}

#[test]
fn another_sensor_that_drifts_blinds_nothing_that_does_not_need_it() {
    let mut line = Line::of(redundant(3));
    line.agrees(0..300, &[0.0; 3]);
    let outputs = line.agrees(300..340, &[0.0, 6.0, 0.0]);
    assert_eq!(incidents(&outputs), ["raised sensor-drift"]);
    assert_eq!(parted(&line)[0].0, "weld/resistance_12");
    assert!(is_judged(&outputs));
}

#[test]
fn of_two_sensors_it_is_said_that_they_disagree_and_both_are_doubted() {
    let mut line = Line::of(redundant(2));
    line.agrees(0..300, &[0.0; 2]);
    let outputs = line.agrees(300..340, &[0.0, 6.0]);
    assert_eq!(incidents(&outputs)[0], "raised sensor-drift");
    assert_eq!(line.twin.open_incidents().count(), 1);
    let told = parted(&line);
    let names: Vec<&str> = told.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["weld/resistance", "weld/resistance_12"]);
    assert!(told.iter().all(|(_, note)| note.contains("which of the two is off is not known")), "{told:?}");
    assert!(!is_judged(&outputs));
}

/// What all sensors show is the process, and of a sensor that is missing its peers say nothing.
#[test]
fn what_peers_share_is_no_drift_of_a_sensor() {
    let mut line = Line::of(redundant(3));
    line.agrees(0..300, &[0.0; 3]);
    assert_eq!(incidents(&line.agrees(300..340, &[-12.0; 3])), ["raised electrode-wear"]);
    let mut line = Line::of(redundant(3));
    line.agrees(0..300, &[0.0; 3]);
    assert_eq!(incidents(&line.shows(300..340, |_| Good(100.0))), ["raised sensor-dropout", "updated sensor-dropout"]);
}

fn any_shown() -> impl Strategy<Value = Shown> {
    prop_oneof![4 => (90.0..110.0f64).prop_map(Good), 1 => any::<f64>().prop_map(Good), 2 => Just(Bad), 2 => Just(Silence)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever a sensor shows or does not, there is one verdict of it at a time.
    #[test]
    fn nothing_that_a_sensor_shows_breaks_the_twin(shown in prop::collection::vec(any_shown(), 120..260)) {
        let mut line = Line::new();
        for (cycle, &shown) in shown.iter().enumerate() {
            line.shows(cycle..cycle + 1, |_| shown);
            let view = line.twin.view();
            let of_sensor = view.incidents.iter().flat_map(|incident| &incident.evidence);
            let count = of_sensor.filter(|evidence| evidence.name == "weld/resistance").count();
            prop_assert!(count <= 1);
        }
    }

    /// A value is missing only while the link is down, which it is at any time for any time.
    #[test]
    fn link_loss_makes_no_dropout(losses in prop::collection::vec((0.0..600.0f64, 0.1..300.0f64), 1..20)) {
        let mut line = Line::new();
        line.shows(0..150, |_| Good(100.0));
        let mut told = Vec::new();
        let mut now_s = 1500.0;
        let mut cycle = 150;
        for (up_s, down_s) in losses {
            let lost_s = now_s + up_s;
            while (cycle as f64 + 1.0) * TAKT_S <= lost_s {
                told.extend(incidents(&line.shows(cycle..cycle + 1, |_| Good(100.0))));
                cycle += 1;
            }
            told.extend(incidents(&line.take(lost_s, down(PLC))));
            now_s = lost_s + down_s;
            told.extend(incidents(&line.take(now_s, up(PLC))));
            // The rest of what was under way, and a first cycle of which the begin was not seen with a value.
            cycle = (now_s / TAKT_S) as usize;
            told.extend(incidents(&line.shows(cycle..cycle + 1, |_| Silence)));
            cycle += 1;
        }
        prop_assert!(told.iter().all(|told| told.ends_with("link-loss")), "{told:?}");
    }
}
