use serde::{Deserialize, Serialize};

use super::Finding;
use crate::{ColumnMonitor, Residual, Step, Thresholds, Verdict};

/// Watches sensors that measure the same thing for one that drifts away from the others.
///
/// Each sensor's difference to the median of its peers has a [`ColumnMonitor`]: what is constant between them, such as an
/// offset, is learnt as it goes, and what all share cancels. With three or more, the one that is off is the one whose
/// difference has moved furthest of late: with three it moves by the whole drift, that of the others, against a mean of
/// two, by half of it; with more, theirs hardly at all. With two there is one difference, and no way to tell.
///
/// Every sensor's monitor is solved for as many times the run length as there are monitors, so that together, however
/// they depend on each other, they have at most one false alarm in it, as far as each holds its own. Only a shift of the
/// mean counts, not of the spread, so there are fewer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PeerDrift {
    sensors: usize,
    /// By sensor; with two sensors only the first has one.
    watches: Vec<Watch>,
    standing: bool,
    /// The values of the others, for their median.
    peers: Vec<f64>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Watch {
    column: ColumnMonitor,
    /// How far the difference has moved of late, in the sensors' unit.
    moved: f64,
    /// While it has shifted.
    finding: Option<(f64, i64)>,
}

/// Which sensor has drifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspect {
    /// The one at this place.
    Sensor(usize),
    /// One of the two that there are.
    EitherOfTwo,
}

/// Sensors that ought to agree have parted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PeerShift {
    /// Which has drifted; it may become surer while the shift stands.
    pub suspect: Suspect,
    /// How far its difference to its peers has moved of late, in the sensors' unit; with two, the first less the second.
    pub moved: f64,
    /// What that rests on.
    pub finding: Finding,
}

impl PeerDrift {
    /// Weight of the newest value in how far a difference has moved.
    const MOVED_WEIGHT: f64 = 0.1;

    /// A watch over that many sensors which learns from the first `warm_up` rows, and has one false alarm in `run_length`
    /// rows on average. `None` for fewer than two sensors. Takes about a tenth of a second.
    pub fn new(sensors: usize, warm_up: u32, run_length: f64) -> Option<Self> {
        let watches = match sensors {
            0 | 1 => return None,
            2 => 1,
            more => more,
        };
        let thresholds = Thresholds::solve(run_length * watches as f64);
        let watch = Watch { column: ColumnMonitor::new(thresholds, warm_up), moved: 0.0, finding: None };
        let watches = vec![watch; watches];
        Some(Self { sensors, watches, standing: false, peers: vec![0.0; sensors - 1] })
    }

    /// Whether a sensor is held to have drifted.
    pub fn is_standing(&self) -> bool {
        self.standing
    }

    /// Takes a row in, a value of each sensor at the same time; `mark` is the caller's name for it. That a difference
    /// departs by up to `floor`, in the sensors' unit, from what it was is of no interest. A row with another number of
    /// values, or with one that is not finite, is passed over.
    pub fn observe(&mut self, values: &[f64], floor: f64, mark: i64) -> Step<PeerShift> {
        if values.len() != self.sensors || !values.iter().all(|value| value.is_finite()) {
            return self.shift().map_or(Step::Quiet, Step::Standing);
        }
        for (place, watch) in self.watches.iter_mut().enumerate() {
            let (before, after) = self.peers.split_at_mut(place);
            before.copy_from_slice(&values[..place]);
            after.copy_from_slice(&values[place + 1..]);
            watch.observe(values[place] - median(&mut self.peers), floor, mark);
        }
        let shift = self.shift();
        match (std::mem::replace(&mut self.standing, shift.is_some()), shift) {
            (false, Some(shift)) => Step::Raised(shift),
            (true, Some(shift)) => Step::Standing(shift),
            (true, None) => Step::Cleared,
            (false, None) => Step::Quiet,
        }
    }

    /// What stands: told of the watch whose difference has moved furthest, and of all the earliest onset.
    fn shift(&self) -> Option<PeerShift> {
        let statistic = self.watches.iter().filter_map(|watch| watch.finding).map(|(statistic, _)| statistic);
        let statistic = statistic.reduce(f64::max)?;
        let onset_mark = self.watches.iter().filter_map(|watch| watch.finding).map(|(_, mark)| mark).min()?;
        let further = |best: usize, place: usize| match self.watches[place].moved.abs() > self.watches[best].moved.abs()
        {
            true => place,
            false => best,
        };
        let place = (0..self.watches.len()).fold(0, further);
        let suspect = if self.sensors == 2 { Suspect::EitherOfTwo } else { Suspect::Sensor(place) };
        let Watch { moved, column, .. } = &self.watches[place];
        let threshold = column.monitor().mean().threshold();
        Some(PeerShift { suspect, moved: *moved, finding: Finding { statistic, threshold, onset_mark } })
    }
}

impl Watch {
    fn observe(&mut self, difference: f64, floor: f64, mark: i64) {
        let seen = self.column.observe_beyond(floor, difference, mark);
        let Some((Residual { expected, .. }, Verdict { mean, .. })) = seen else { return };
        self.moved += PeerDrift::MOVED_WEIGHT * (difference - expected - self.moved);
        self.finding = match mean {
            Step::Raised(shift) | Step::Standing(shift) => Some((shift.statistic, shift.onset_mark)),
            Step::Quiet | Step::Cleared => None,
        };
    }
}

/// The median; of an even number the mean of the middle two. There is at least one.
fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        0 => 0.5 * values[middle - 1] + 0.5 * values[middle],
        _ => values[middle],
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Noise;

    /// Sensors with offsets and noise of their own over a process that wanders a long way; `drift` is added to one from
    /// row 600 on.
    fn row(noise: &mut Noise, sensors: usize, place: usize, drift: f64, offset: f64) -> impl FnMut(i64) -> Vec<f64> {
        let mut process = offset;
        move |mark| {
            process += noise.normal();
            let own = if mark >= 600 { drift } else { 0.0 };
            (0..sensors)
                .map(|sensor| process + 3.0 * sensor as f64 + noise.normal() + if sensor == place { own } else { 0.0 })
                .collect()
        }
    }

    fn first_alarm(watch: &mut PeerDrift, rows: i64, mut row: impl FnMut(i64) -> Vec<f64>) -> Option<(i64, PeerShift)> {
        (0..rows).find_map(|mark| match watch.observe(&row(mark), 0.0, mark) {
            Step::Raised(shift) => Some((mark, shift)),
            _ => None,
        })
    }

    /// Which sensor it is can only be told with some odds: one of nine may be wrong.
    #[test]
    fn the_sensor_that_drifts_is_named_and_how_far() {
        let mut noise = Noise::new(21);
        let mut named = 0;
        for sensors in [3, 4, 5] {
            let fresh = PeerDrift::new(sensors, 200, 1e6).unwrap();
            for (drift, within) in [(2.5, 40), (-4.0, 30), (50.0, 30)] {
                let place = sensors - 2;
                let mut watch = fresh.clone();
                let mut rows = row(&mut noise, sensors, place, drift, 1e6);
                let (mark, shift) = first_alarm(&mut watch, 700, &mut rows).unwrap();
                assert!((600..600 + within).contains(&mark), "{sensors} {drift}: {mark}");
                assert!((590..610).contains(&shift.finding.onset_mark), "{sensors} {drift}: {shift:?}");
                let Step::Standing(shift) =
                    (mark + 1..mark + 60).map(|mark| watch.observe(&rows(mark), 0.0, mark)).last().unwrap()
                else {
                    panic!("{sensors} {drift}: it is gone");
                };
                if shift.suspect == Suspect::Sensor(place) {
                    named += 1;
                    assert!((shift.moved - drift).abs() < 1.2, "{sensors} {drift}: {shift:?}");
                }
            }
        }
        assert!(named >= 8, "{named} of 9");
    }

    #[test]
    fn of_two_either_may_be_off() {
        let mut noise = Noise::new(22);
        let mut watch = PeerDrift::new(2, 50, 1e5).unwrap();
        let (_, shift) = first_alarm(&mut watch, 800, row(&mut noise, 2, 1, 3.0, 0.0)).unwrap();
        assert_eq!(shift.suspect, Suspect::EitherOfTwo);
        assert!(shift.moved < 0.0, "the first less the second, which rose");
        assert_eq!(PeerDrift::new(1, 50, 1e5), None);
    }

    /// A drift of a tenth of what is of interest is none, however sure it is.
    #[test]
    fn what_is_of_no_interest_is_not_told() {
        let mut noise = Noise::new(24);
        let fresh = PeerDrift::new(3, 200, 1e6).unwrap();
        let mut alarm = |floor: f64| {
            let (mut watch, mut rows) = (fresh.clone(), row(&mut noise, 3, 1, 5.0, 0.0));
            (0..800).any(|mark| matches!(watch.observe(&rows(mark), floor, mark), Step::Raised(_)))
        };
        assert!(alarm(1.0));
        assert!(!alarm(50.0));
    }

    /// 60 watches of 1,000 rows with a run length of 5,000: 12 false alarms at most on average, with three standard
    /// errors, though all differences share the same values.
    #[test]
    fn a_process_that_all_follow_is_no_drift() {
        let mut noise = Noise::new(23);
        let fresh = PeerDrift::new(3, 200, 5_000.0).unwrap();
        let alarms =
            (0..60).filter(|_| first_alarm(&mut fresh.clone(), 1_200, row(&mut noise, 3, 0, 0.0, 0.0)).is_some());
        assert!(alarms.count() <= 22);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn nothing_breaks_it_and_a_restored_one_goes_on_alike(
            rows in prop::collection::vec(prop::collection::vec(prop_oneof![any::<f64>(), -1.0..1.0f64], 2..5), 40..120),
        ) {
            static FRESH: std::sync::LazyLock<PeerDrift> =
                std::sync::LazyLock::new(|| PeerDrift::new(3, 10, 50.0).unwrap());
            let mut watch = FRESH.clone();
            let mut other = watch.clone();
            for (place, row) in rows.iter().enumerate() {
                if place == rows.len() / 2 {
                    other = postcard::from_bytes(&postcard::to_stdvec(&watch).unwrap()).unwrap();
                }
                let before = watch.clone();
                prop_assert_eq!(watch.observe(row, 0.1, place as i64), other.observe(row, 0.1, place as i64));
                prop_assert!(row.iter().all(|value| value.is_finite()) && row.len() == 3 || watch == before);
            }
        }
    }
}
