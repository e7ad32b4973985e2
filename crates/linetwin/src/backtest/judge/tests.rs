#![allow(clippy::unwrap_used)]

use alarms::{IncidentState, Priority, RankedCause};

use super::*;
use crate::setup::Setup;

fn at(minutes: f64) -> Timestamp {
    Timestamp::EPOCH.plus_seconds(minutes * 60.0)
}

/// What is told of an incident in these tests: number, place, cause, when, how, and its onset.
type Line = (u64, &'static str, Cause, f64, Change, f64);

/// The example plant with incidents that are told so. An incident is raised when it is first told.
fn alerts(lines: &[Line]) -> Alerts {
    let plant = Setup::new(crate::example::files(), plant::Overrides::default()).unwrap().plant;
    let told = lines.iter().map(|&(number, place, cause, minutes, change, onset)| {
        let raised = lines.iter().find(|line| line.0 == number).unwrap().3;
        let station = plant.stations.iter().find(|station| station.name == place).map(|station| station.id);
        let link = plant.links.iter().find(|link| link.name == place).map(|link| link.id);
        let incident = Incident {
            id: IncidentId { sequence: number, ordinal: 0 },
            state: IncidentState::Unacknowledged,
            priority: Priority::Low,
            station,
            link,
            causes: vec![RankedCause { cause, share: 1.0 }],
            affected: Vec::new(),
            evidence: Vec::new(),
            onset: at(onset),
            raised: at(raised),
            updated: at(minutes),
            time_to_limit: None,
            acknowledged: None,
            returned: None,
            ended_by: None,
            recent_interventions: Vec::new(),
            recent_changes: Vec::new(),
            in_common: Vec::new(),
            handling: alarms::Handling::default(),
        };
        Told { at: at(minutes), change, incident }
    });
    Alerts { told: told.collect(), plant: plant.clone() }
}

fn label(place: &str, cause: Option<Cause>, began: f64, ended: Option<f64>, limit: Option<f64>) -> Label {
    let (ended, limit) = (ended.map(at), limit.map(at));
    Label { place: place.to_owned(), fault: None, cause, began: at(began), ended, limit }
}

const WEAR: Cause = Cause::ElectrodeWear;
const SHEET: Cause = Cause::SheetMaterial;
use Change::{Raised, Updated};

/// Numbers of the incidents that are false.
fn false_alarms(alerts: &Alerts, labels: &[Label]) -> Vec<u64> {
    alerts.false_alarms(labels).map(|told| told.incident.id.sequence).collect()
}

#[test]
fn a_fault_is_found_by_the_first_alert_at_its_place_and_judged_by_its_last_cause() {
    let alerts = alerts(&[
        (1, "weld-30", WEAR, 11.0, Raised, 10.0),
        (2, "weld-20", SHEET, 20.0, Raised, 12.0),
        (2, "weld-20", WEAR, 30.0, Updated, 12.0),
        (3, "weld-20", SHEET, 40.0, Raised, 12.0),
    ]);
    let fault = label("weld-20", Some(WEAR), 10.0, None, Some(35.0));
    let expected = Score {
        found: Some(IncidentId { sequence: 2, ordinal: 0 }),
        delay_s: Some(600.0),
        limit_crossed: true,
        time_won_s: Some(900.0),
        cause_is_right: true,
    };
    assert_eq!(alerts.score(&fault), expected);
    let other_cause = label("weld-20", Some(SHEET), 10.0, None, Some(15.0));
    let score = alerts.score(&other_cause);
    assert_eq!((score.cause_is_right, score.time_won_s), (false, Some(-300.0)));
    assert!(!alerts.score(&label("weld-20", None, 10.0, None, None)).cause_is_right, "no cause to be right");
    assert_eq!(false_alarms(&alerts, &[fault]), [1]);
}

#[test]
fn an_alert_is_of_a_fault_only_from_its_begin_to_what_began_before_its_end() {
    let raised = |number, minutes, onset| (number, "weld-20", WEAR, minutes, Raised, onset);
    // Before; in it; late, of what began in it; after it.
    let alerts = alerts(&[raised(1, 9.0, 8.0), raised(2, 15.0, 9.0), raised(3, 70.0, 55.0), raised(4, 80.0, 65.0)]);
    let fault = label("weld-20", Some(WEAR), 10.0, Some(60.0), None);
    assert_eq!(false_alarms(&alerts, std::slice::from_ref(&fault)), [1, 4]);
    let later = label("weld-20", Some(WEAR), 60.0, None, None);
    assert_eq!(alerts.score(&later).found, Some(IncidentId { sequence: 3, ordinal: 0 }));
    assert_eq!(false_alarms(&alerts, &[fault, later]), [1]);
    assert_eq!(false_alarms(&alerts, &[]), [1, 2, 3, 4], "nothing was wrong");
}

#[test]
fn an_alert_that_comes_to_be_at_the_place_is_found_when_it_does() {
    let alerts = alerts(&[
        (1, "weld-20", WEAR, 20.0, Raised, 12.0),
        (1, "cooling-1", Cause::PumpWear, 26.0, Updated, 12.0),
        (2, "pack-opcua", Cause::LinkLoss, 27.0, Raised, 27.0),
    ]);
    let pump = label("cooling-1", Some(Cause::PumpWear), 10.0, None, None);
    let score = alerts.score(&pump);
    assert_eq!((score.delay_s, score.cause_is_right), (Some(960.0), true));
    let link = label("pack-opcua", Some(Cause::LinkLoss), 26.0, None, None);
    assert_eq!(alerts.score(&link).delay_s, Some(60.0));
    assert_eq!(false_alarms(&alerts, &[pump, link]), [0; 0]);
}
