use serde::{Deserialize, Serialize};

use super::{Finding, RareEvents};
use crate::Step;
use crate::room::Room;

/// Watches for spikes: single values far from both neighbours, to the same side. A spike is no drift, but a sensor that
/// spikes more often than it used to has a loose contact, a bad shield or a failing converter.
///
/// Each value is judged when the next one has come. Far is more than [`Spike::FAR`] times the usual step, the median of
/// the last [`Spike::STEPS`] steps from value to value past the spikes, and no less than is of interest. No distribution
/// is assumed: skewed noise has values that look like spikes, and [`RareEvents`] learns how often; it also tells the false
/// alarms, at most one in `run_length` values on average.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spike {
    /// Sizes of the last steps; when full, the oldest is overwritten, at `oldest`.
    steps: Room<Vec<f64>, { Spike::STEPS }>,
    oldest: usize,
    /// The last two values, newest first.
    last: Option<Point>,
    before: Option<Point>,
    /// The last value that turned out to be no spike.
    trusted: f64,
    events: RareEvents,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Point {
    value: f64,
    mark: i64,
}

/// What a value did to a [`Spike`] watch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpikeStep {
    /// Whether the value itself may turn out to be a spike, because it is far from the last one that is none: what it
    /// says is better held back until the next has come.
    pub is_suspect: bool,
    /// The mark of the value before, if that turned out to be a spike.
    pub spike: Option<i64>,
    /// Whether spikes have become more frequent.
    pub share: Step<Finding>,
}

impl Spike {
    /// Steps that the usual one is the median of.
    pub const STEPS: usize = 32;
    /// A value so many usual steps away from both neighbours is a spike. By simulation one independent normal
    /// value in 13,000 is.
    pub const FAR: f64 = 6.0;

    /// A watch that learns from `learn_values` how often spikes are normal, and from then on has at most one false alarm
    /// in `run_length` values on average.
    pub fn new(learn_values: u32, run_length: f64) -> Self {
        Self {
            steps: Room::default(),
            oldest: 0,
            last: None,
            before: None,
            trusted: 0.0,
            events: RareEvents::new(learn_values, run_length),
        }
    }

    /// Whether spikes are held to have become more frequent.
    pub fn is_standing(&self) -> bool {
        self.events.is_standing()
    }

    /// Takes the next value in; `mark` is the caller's name for it. Less than `least` away from its neighbours, in the
    /// values' unit, is no spike; 0 if all are of interest. A value that is not finite is passed over.
    pub fn observe(&mut self, value: f64, least: f64, mark: i64) -> SpikeStep {
        let mut told = SpikeStep { is_suspect: false, spike: None, share: Step::Quiet };
        if !value.is_finite() {
            return told;
        }
        let next = Point { value, mark };
        if let (Some(last), Some(before)) = (self.last, self.before) {
            let far = self.usual_step().map(|usual| (Self::FAR * usual).max(least));
            let is_spike = far.is_some_and(|far| distance(last.value, before.value, next.value) > far);
            told.spike = is_spike.then_some(last.mark);
            if far.is_some() {
                told.share = self.events.observe(is_spike, last.mark);
            }
            if !is_spike {
                self.learn((last.value - self.trusted).abs());
                self.trusted = last.value;
            }
            told.is_suspect = far.is_some_and(|far| (value - self.trusted).abs() > far);
        } else if self.last.is_none() {
            self.trusted = value;
        }
        (self.before, self.last) = (self.last, Some(next));
        told
    }

    fn learn(&mut self, step: f64) {
        if self.steps.len() < Self::STEPS {
            self.steps.push(step);
            return;
        }
        self.steps[self.oldest] = step;
        self.oldest = (self.oldest + 1) % Self::STEPS;
    }

    /// The upper median of the last steps; `None` until there are enough.
    fn usual_step(&self) -> Option<f64> {
        let mut steps: [f64; Self::STEPS] = self.steps.as_slice().try_into().ok()?;
        let (_, median, _) = steps.select_nth_unstable_by(Self::STEPS / 2, f64::total_cmp);
        Some(*median)
    }
}

/// How far a value sticks out of its neighbours; 0 if it lies between them.
fn distance(value: f64, before: f64, after: f64) -> f64 {
    let (from_before, from_after) = (value - before, value - after);
    if (from_before > 0.0) != (from_after > 0.0) {
        return 0.0;
    }
    from_before.abs().min(from_after.abs())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Noise;

    /// Places of the spikes that are told, and of the first alarm.
    fn told(watch: &mut Spike, values: impl IntoIterator<Item = f64>) -> (Vec<i64>, Option<usize>) {
        let (mut spikes, mut alarm) = (Vec::new(), None);
        for (place, value) in values.into_iter().enumerate() {
            let step = watch.observe(value, 0.0, place as i64);
            spikes.extend(step.spike);
            if matches!(step.share, Step::Raised(_)) {
                alarm = alarm.or(Some(place));
            }
        }
        (spikes, alarm)
    }

    #[test]
    fn a_spike_is_told_once_by_its_place_and_a_step_or_a_ramp_is_none() {
        for (offset, scale) in [(0.0, 1.0), (1e9, 1e-3)] {
            let mut noise = Noise::new(7);
            let values = (0..400).map(|place| {
                let event = match place {
                    100 => 12.0,
                    200 => -12.0,
                    250.. => 30.0 + 0.3 * f64::from(place - 250),
                    _ => 0.0,
                };
                offset + scale * (event + noise.normal())
            });
            assert_eq!(told(&mut Spike::new(100, 1e6), values), (vec![100, 200], None));
        }
    }

    #[test]
    fn one_normal_value_in_thirteen_thousand_looks_like_a_spike() {
        let mut noise = Noise::new(8);
        let (spikes, _) = told(&mut Spike::new(1_000, 1e6), (0..600_000).map(|_| noise.normal()));
        assert!((26..66).contains(&spikes.len()), "{}", spikes.len());
    }

    /// One value in ten spikes, or every second, whatever the noise; before there were none. It is found, and nothing
    /// before.
    #[test]
    fn spikes_that_come_more_often_raise_an_alarm() {
        for (skewed, every) in [(false, 10), (true, 10), (false, 3), (false, 2)] {
            let mut noise = Noise::new(9);
            let mut watch = Spike::new(1_000, 1e6);
            let values = (0..4_000).map(|place| {
                let usual = if skewed { -libm::log(1.0 - noise.uniform()) } else { noise.normal() };
                let spikes = place >= 3_000 && place % every == 0;
                if spikes { usual + 40.0 } else { usual }
            });
            let (_, alarm) = told(&mut watch, values);
            assert!(alarm.is_some_and(|place| (3_000..3_300).contains(&place)), "{skewed} {every}: {alarm:?}");
        }
    }

    #[test]
    fn what_never_varies_has_no_spikes_until_it_has() {
        let mut watch = Spike::new(100, 1e6);
        let values = (0..300).map(|place| if place == 200 { 7.5 } else { 7.0 });
        assert_eq!(told(&mut watch, values), (vec![200], None));
    }

    /// As a suspect until the next value tells, which then is none, except where it is as far.
    #[test]
    fn what_may_be_a_spike_is_suspected_at_once_if_it_is_far_enough_to_matter() {
        let told = |least: f64, values: &[f64]| {
            let mut noise = Noise::new(10);
            let mut watch = Spike::new(100, 1e6);
            for place in 0..60 {
                watch.observe(noise.normal(), 0.0, place);
            }
            let steps = values.iter().map(|&value| watch.observe(value, least, 60));
            steps.map(|step| (step.is_suspect, step.spike.is_some())).collect::<Vec<_>>()
        };
        assert_eq!(told(0.0, &[30.0, 0.0, 0.0]), [(true, false), (false, true), (false, false)]);
        assert_eq!(told(0.0, &[30.0, 30.0, 30.0]), [(true, false), (false, false), (false, false)]);
        assert_eq!(told(0.0, &[30.0, -30.0, 0.0]), [(true, false), (true, true), (false, true)]);
        assert_eq!(told(40.0, &[30.0, 0.0, 0.0]), [(false, false); 3]);
    }

    proptest! {
        #[test]
        fn what_is_no_number_is_passed_over(values in prop::collection::vec(-9.0..9.0f64, 40..120), at in 0usize..40) {
            let (mut watch, mut other) = (Spike::new(20, 50.0), Spike::new(20, 50.0));
            for (place, &value) in values.iter().enumerate() {
                if place == at {
                    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
                        watch.observe(bad, 0.0, -1);
                    }
                }
                prop_assert_eq!(watch.observe(value, 0.5, place as i64), other.observe(value, 0.5, place as i64));
            }
        }

        #[test]
        fn nothing_breaks_it_and_a_restored_one_goes_on_alike(values in prop::collection::vec(any::<f64>(), 2..160)) {
            let mut watch = Spike::new(20, 50.0);
            let mut other = watch.clone();
            for (place, &value) in values.iter().enumerate() {
                if place == values.len() / 2 {
                    other = postcard::from_bytes(&postcard::to_stdvec(&watch).unwrap()).unwrap();
                }
                prop_assert_eq!(watch.observe(value, 0.5, place as i64), other.observe(value, 0.5, place as i64));
            }
        }
    }
}
