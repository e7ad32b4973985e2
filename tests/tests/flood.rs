//! What one cause shifts at hundreds of features at once is a handful of incidents.

#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::sync::Arc;

use alarms::{Change, IncidentState};
use e2e::wide_line::WideLine;
use plant::Cause;
use twin::{Output, Twin};

const INTERVAL_S: f64 = 5.0;
/// Of forty seconds of a cycle each; the twin has learnt by then.
const CYCLES_BEFORE: u32 = 60;
const CYCLES_AFTER: u32 = 30;
const POLLS_PER_CYCLE: u32 = 8;

#[test]
fn five_hundred_features_that_one_cause_shifts_are_at_most_five_incidents() {
    let shifted_from = CYCLES_BEFORE * POLLS_PER_CYCLE;
    let line = WideLine { stations: 200, shifted_from: Some(shifted_from) };
    let mut twin = Twin::new(Arc::new(line.plant()));
    let (mut outputs, mut asked, mut told) = (Vec::new(), BTreeSet::new(), 0);
    for input in line.inputs(shifted_from + CYCLES_AFTER * POLLS_PER_CYCLE, INTERVAL_S) {
        twin.apply(&input, &mut outputs);
        for output in outputs.drain(..) {
            let Output::Incident { change, incident } = output else { continue };
            told += 1;
            if change == Change::Raised {
                asked.insert(incident.id);
            }
        }
    }
    let open: Vec<_> = twin.open_incidents().collect();
    let features: usize = open.iter().map(|incident| incident.evidence.len()).sum();
    assert!(features >= 500, "{features} features have shifted");
    assert!(asked.len() <= 5, "{} incidents for {features} features", asked.len());
    assert!(open.iter().all(|incident| incident.state == IncidentState::Unacknowledged), "nothing is held back");
    let largest = open.iter().max_by_key(|incident| incident.evidence.len()).unwrap();
    assert_eq!(largest.cause(), Cause::CommonCause, "{} of {features} features", largest.evidence.len());
    assert!(told <= 100, "{told} changes were told");
}
