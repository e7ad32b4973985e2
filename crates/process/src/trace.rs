//! Curves: two signals that a controller samples side by side while one operation lasts, such as the torque and the angle
//! of a joint, or the voltage and the current of a spot.
//!
//! [`TraceBuilder`] puts the samples of a cycle in order of their source time, cuts them into operations, and keeps of
//! each operation only what its curve comes to.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::joint::{Joint, JointValue};
use crate::spot::{Spot, SpotValue};

/// How late a sample may come behind a later one of its cycle and still count, by source time, seconds: what subscriptions
/// of several signals, which each come in a parcel of their own, are apart.
const REORDER_S: f64 = 1.0;
/// Most samples that wait for earlier ones; the earliest goes on when there are more.
const WAITING_MAX: usize = 4096;
/// Most points of one signal in one operation; where there are more, neighbours become their mean.
const POINTS_MAX: usize = 512;

/// The kind of operation that a curve is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Operation {
    /// The tightening of one joint: torque over angle. It begins where the angle is set back.
    Joint,
    /// One spot weld: voltage over current. It lasts as long as the current flows.
    Spot,
}

/// What a curve comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CurveValue {
    /// Of a joint's torque over its angle.
    Joint(JointValue),
    /// Of a spot's resistance over time.
    Spot(SpotValue),
}

impl CurveValue {
    const COUNT: usize =
        if JointValue::ALL.len() > SpotValue::ALL.len() { JointValue::ALL.len() } else { SpotValue::ALL.len() };

    /// Its unit; empty where it has none.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Joint(value) => value.unit(),
            Self::Spot(value) => value.unit(),
        }
    }

    const fn place(self) -> usize {
        match self {
            Self::Joint(value) => value as usize,
            Self::Spot(value) => value as usize,
        }
    }
}

/// One point of an operation's curve.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct CurvePoint {
    /// Since the operation's begin, s.
    pub seconds: f64,
    /// What the operation is controlled by: angle, °, or current, kA.
    pub leading: f64,
    /// What answers to it: torque, N·m, or voltage, V.
    pub answering: f64,
}

/// The two signals of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Channel {
    /// That which the operation is cut by; of two samples of one moment it comes first.
    Leading,
    /// The other.
    Answering,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Waiting {
    at: Timestamp,
    channel: Channel,
    value: f64,
}

/// The means over a cycle's operations of what their curves come to.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct CurveMeans {
    sums: [(f64, u32); CurveValue::COUNT],
}

impl CurveMeans {
    fn add(&mut self, what: CurveValue, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            let (sum, count) = &mut self.sums[what.place()];
            (*sum, *count) = (*sum + value, count.saturating_add(1));
        }
    }

    /// `None` if no operation of the cycle has it.
    pub(crate) fn get(&self, value: CurveValue) -> Option<f64> {
        let (sum, count) = self.sums[value.place()];
        (count > 0).then(|| sum / f64::from(count))
    }
}

/// What was lost of a cycle's curves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TraceLosses {
    /// Samples that became one point with their neighbour.
    pub merged: u32,
    /// Samples that came too late to find their place.
    pub late: u32,
}

/// Turns the samples of two signals into what the curves of a cycle's operations come to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TraceBuilder {
    operation: Operation,
    /// In order of time, and of [`Channel`] at one moment.
    waiting: VecDeque<Waiting>,
    /// Up to where samples have gone on.
    released: Option<Timestamp>,
    open: Option<OpenCurve>,
    means: CurveMeans,
    losses: TraceLosses,
}

impl TraceBuilder {
    pub(crate) fn new(operation: Operation) -> Self {
        Self {
            operation,
            waiting: VecDeque::new(),
            released: None,
            open: None,
            means: CurveMeans::default(),
            losses: TraceLosses::default(),
        }
    }

    /// A sample of the cycle. What is no number says nothing.
    pub(crate) fn observe(&mut self, channel: Channel, value: f64, at: Timestamp) {
        if !value.is_finite() {
            return;
        }
        if self.released.is_some_and(|released| at < released) {
            self.losses.late = self.losses.late.saturating_add(1);
            return;
        }
        let place = self.waiting.partition_point(|known| (known.at, known.channel) <= (at, channel));
        self.waiting.insert(place, Waiting { at, channel, value });
        let latest = self.waiting.back().map_or(at, |last| last.at);
        while let Some(&first) = self.waiting.front() {
            if self.waiting.len() <= WAITING_MAX && latest.seconds_since(first.at) <= REORDER_S {
                break;
            }
            self.waiting.pop_front();
            self.release(first);
        }
    }

    /// The cycle is over: gives what its curves come to, and what was lost of them, and begins anew.
    pub(crate) fn finish(&mut self) -> (CurveMeans, TraceLosses) {
        while let Some(sample) = self.waiting.pop_front() {
            self.release(sample);
        }
        self.close();
        self.released = None;
        (std::mem::take(&mut self.means), std::mem::take(&mut self.losses))
    }

    fn release(&mut self, sample: Waiting) {
        self.released = Some(sample.at);
        match (self.operation, sample.channel) {
            (Operation::Joint, Channel::Leading) => self.turn(sample),
            (Operation::Spot, Channel::Leading) => self.conduct(sample),
            (_, Channel::Answering) => self.push(sample),
        }
    }

    /// The angle of a joint: set back, it is the next one's.
    fn turn(&mut self, sample: Waiting) {
        if self.open.as_ref().is_some_and(|open| sample.value < RESET_SHARE * open.leading_max) {
            self.close();
        }
        self.open.get_or_insert_with(|| OpenCurve::new(sample.at));
        self.push(sample);
    }

    /// The current of a spot: it begins and ends with it.
    fn conduct(&mut self, sample: Waiting) {
        if sample.value < CONDUCTING_KA {
            return self.close();
        }
        self.open.get_or_insert_with(|| OpenCurve::new(sample.at));
        self.push(sample);
    }

    fn push(&mut self, sample: Waiting) {
        let Some(open) = &mut self.open else { return };
        let seconds = sample.at.seconds_since(open.begin);
        let channel = match sample.channel {
            Channel::Leading => {
                open.leading_max = open.leading_max.max(sample.value);
                &mut open.leading
            }
            Channel::Answering => &mut open.answering,
        };
        let merged = channel.push(seconds, sample.value);
        self.losses.merged = self.losses.merged.saturating_add(merged);
    }

    fn close(&mut self) {
        let Some(open) = self.open.take() else { return };
        let points = open.points();
        match self.operation {
            Operation::Joint => {
                let Some(joint) = Joint::of(&points) else { return };
                JointValue::ALL.iter().for_each(|&value| self.means.add(CurveValue::Joint(value), joint.get(value)));
            }
            Operation::Spot => {
                let Some(spot) = Spot::of(&points) else { return };
                SpotValue::ALL.iter().for_each(|&value| self.means.add(CurveValue::Spot(value), spot.get(value)));
            }
        }
    }
}

/// An angle below this share of the highest of the joint was set back; tools turn back by a few degrees only when they let
/// go.
const RESET_SHARE: f64 = 0.5;
/// Current from which a spot is being welded, kA: below the least that any schedule has (ISO 14373 begins at 5 kA), above
/// what a sensor shows without any.
const CONDUCTING_KA: f64 = 1.0;

/// The curve of an operation that is going on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OpenCurve {
    begin: Timestamp,
    leading_max: f64,
    leading: Points,
    answering: Points,
}

impl OpenCurve {
    fn new(begin: Timestamp) -> Self {
        Self { begin, leading_max: 0.0, leading: Points::default(), answering: Points::default() }
    }

    /// The points of the curve: each value of the answering signal with that of the leading one at its time, on a straight
    /// line between its neighbours. Without a neighbour on both sides there is no point.
    fn points(&self) -> Vec<CurvePoint> {
        let leading = &self.leading.all;
        let pair = |point: &Point| {
            let next = leading.partition_point(|known| known.seconds < point.seconds);
            let after = leading.get(next)?;
            let before = if after.seconds > point.seconds { leading.get(next.checked_sub(1)?)? } else { after };
            let span_s = after.seconds - before.seconds;
            let share = if span_s > 0.0 { (point.seconds - before.seconds) / span_s } else { 0.0 };
            let leading = before.value + share * (after.value - before.value);
            Some(CurvePoint { seconds: point.seconds, leading, answering: point.value })
        };
        self.answering.all.iter().filter_map(pair).collect()
    }
}

/// The values of one signal in one operation, in order of time: at most [`POINTS_MAX`], each the mean of as many samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Points {
    all: Vec<Point>,
    /// Samples that go into one point.
    samples: u32,
}

impl Default for Points {
    fn default() -> Self {
        Self { all: Vec::new(), samples: 1 }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Point {
    seconds: f64,
    value: f64,
    samples: u32,
}

impl Point {
    fn add(&mut self, other: Self) {
        let samples = self.samples.saturating_add(other.samples);
        let share = f64::from(other.samples) / f64::from(samples);
        self.seconds += share * (other.seconds - self.seconds);
        self.value += share * (other.value - self.value);
        self.samples = samples;
    }
}

impl Points {
    /// Takes a sample that is not earlier than those before. Returns how many points became one with another.
    fn push(&mut self, seconds: f64, value: f64) -> u32 {
        let point = Point { seconds, value, samples: 1 };
        if let Some(last) = self.all.last_mut().filter(|last| last.samples < self.samples) {
            last.add(point);
            return 1;
        }
        self.all.push(point);
        if self.all.len() <= POINTS_MAX {
            return 0;
        }
        self.samples = self.samples.saturating_mul(2);
        let before = self.all.len();
        let mut kept: Vec<Point> = Vec::with_capacity(POINTS_MAX);
        for &point in &self.all {
            match kept.last_mut().filter(|last| last.samples.saturating_add(point.samples) <= self.samples) {
                Some(last) => last.add(point),
                None => kept.push(point),
            }
        }
        self.all = kept;
        (before - self.all.len()) as u32
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(seconds)
    }

    type Told = (Channel, f64, f64);

    /// A joint of that gradient, N·m/°, begun at `from_s`, at 100°/s and that many samples a second of each signal: 500° of
    /// running down at 2 N·m, and up to 50 N·m.
    fn joint(gradient: f64, from_s: f64, samples_s: f64) -> Vec<Told> {
        let end_deg = 500.0 + 48.0 / gradient;
        let samples = (end_deg / 100.0 * samples_s) as u32;
        let told = |sample: u32| {
            let after_s = f64::from(sample) / samples_s;
            let deg = 100.0 * after_s;
            let nm = 2.0 + gradient * (deg - 500.0).max(0.0);
            [(Channel::Answering, nm, from_s + after_s), (Channel::Leading, deg, from_s + after_s)]
        };
        (0..=samples).flat_map(told).collect()
    }

    fn finished(operation: Operation, told: &[Told]) -> (CurveMeans, TraceLosses) {
        let mut builder = TraceBuilder::new(operation);
        told.iter().for_each(|&(channel, value, seconds)| builder.observe(channel, value, at(seconds)));
        builder.finish()
    }

    fn gradient(means: &CurveMeans) -> f64 {
        means.get(CurveValue::Joint(JointValue::Gradient)).unwrap()
    }

    #[test]
    fn a_cycle_has_the_mean_of_its_joints() {
        let told = [joint(0.6, 0.0, 50.0), joint(0.8, 10.0, 50.0)].concat();
        let (means, losses) = finished(Operation::Joint, &told);
        assert!((gradient(&means) - 0.7).abs() < 1e-3, "{}", gradient(&means));
        assert_eq!(losses, TraceLosses::default());
    }

    /// Subscribed signals each come in a parcel of their own, and not sampled at the same moments.
    #[test]
    fn parcels_of_either_signal_and_moments_apart_give_the_same_curve() {
        let even = joint(0.7, 0.0, 50.0);
        let moved = |&(channel, value, seconds): &Told| match channel {
            Channel::Leading => (channel, value + 0.4, seconds + 0.004),
            Channel::Answering => (channel, value, seconds),
        };
        let mut parcels: Vec<Told> = even.iter().map(moved).collect();
        for parcel in parcels.chunks_mut(40) {
            parcel.sort_by_key(|&(channel, ..)| channel);
        }
        let (expected, (means, losses)) = (finished(Operation::Joint, &even).0, finished(Operation::Joint, &parcels));
        assert!((gradient(&means) - gradient(&expected)).abs() < 1e-6);
        assert_eq!(losses, TraceLosses::default());
    }

    #[test]
    fn a_long_curve_is_thinned_and_stays_what_it_is() {
        let (means, losses) = finished(Operation::Joint, &joint(0.7, 0.0, 10_000.0));
        assert!((gradient(&means) - 0.7).abs() < 2e-3, "{}", gradient(&means));
        assert!(losses.merged > 50_000, "{losses:?}");
    }

    #[test]
    fn a_spot_lasts_as_long_as_its_current() {
        let spot = |from_s: f64, uohm: f64| {
            let at_s = (0..30).map(move |step| from_s + 0.01 * f64::from(step));
            at_s.flat_map(move |s| [(Channel::Leading, 10.0, s), (Channel::Answering, uohm / 100.0, s)])
        };
        let rest = |from_s: f64| [(Channel::Leading, 0.0, from_s), (Channel::Answering, 0.0, from_s)];
        let told: Vec<Told> = spot(1.0, 90.0).chain(rest(1.3)).chain(spot(3.0, 110.0)).chain(rest(3.3)).collect();
        let (means, _) = finished(Operation::Spot, &told);
        let contact = means.get(CurveValue::Spot(SpotValue::Contact)).unwrap();
        assert!((contact - 100.0).abs() < 1e-9, "{contact}");
        assert_eq!(means.get(CurveValue::Spot(SpotValue::Beta)), None, "an even resistance has no peak");
    }

    #[test]
    fn what_comes_too_late_is_counted() {
        let mut told = joint(0.7, 0.0, 50.0);
        let early = told.remove(20);
        told.push(early);
        let (means, losses) = finished(Operation::Joint, &told);
        assert_eq!(losses, TraceLosses { merged: 0, late: 1 });
        assert!((gradient(&means) - 0.7).abs() < 1e-3);
    }

    fn any_told() -> impl Strategy<Value = Told> {
        let channel = prop::sample::select(vec![Channel::Leading, Channel::Answering]);
        let value = prop_oneof![
            8 => -10.0..2000.0f64,
            1 => any::<f64>(),
            1 => prop::sample::select(vec![f64::NAN, f64::INFINITY, f64::MAX, -0.0, 1e-300]),
        ];
        let seconds = prop_oneof![20 => 0.0..30.0f64, 1 => prop::sample::select(vec![-1e9, 1e9])];
        (channel, value, seconds)
    }

    proptest! {
        /// Whatever comes in whatever order, what is kept is bounded and what comes out is a number.
        #[test]
        fn nothing_breaks_it(told in prop::collection::vec(any_told(), 0..3000), of_joint in any::<bool>()) {
            let mut builder = TraceBuilder::new(if of_joint { Operation::Joint } else { Operation::Spot });
            for (channel, value, seconds) in told {
                builder.observe(channel, value, at(seconds));
                prop_assert!(builder.waiting.len() <= WAITING_MAX);
                let most = builder.open.as_ref().map_or(0, |open| open.leading.all.len().max(open.answering.all.len()));
                prop_assert!(most <= POINTS_MAX);
            }
            let (means, _) = builder.finish();
            for &(sum, count) in &means.sums {
                prop_assert!(sum.is_finite() || count > 0, "{sum} of {count}");
            }
        }

        /// The order within the time that is waited does not matter.
        #[test]
        fn any_order_within_a_second_gives_the_same(keys in prop::collection::vec(any::<u32>(), 1200)) {
            let told = [joint(0.6, 0.0, 50.0), joint(0.8, 5.82, 50.0)].concat();
            let mut shuffled: Vec<(u32, Told)> = keys.into_iter().zip(told.iter().copied()).collect();
            for parcel in shuffled.chunks_mut(90) {
                parcel.sort_by_key(|&(key, _)| key);
            }
            let shuffled: Vec<Told> = shuffled.into_iter().map(|(_, told)| told).collect();
            prop_assert_eq!(finished(Operation::Joint, &shuffled), finished(Operation::Joint, &told));
        }

        /// A snapshot in the middle of a curve changes nothing.
        #[test]
        fn a_snapshot_goes_on_where_it_was(cut in 0usize..600) {
            let told = [joint(0.6, 0.0, 50.0), joint(0.8, 10.0, 50.0)].concat();
            let mut builder = TraceBuilder::new(Operation::Joint);
            for (place, &(channel, value, seconds)) in told.iter().enumerate() {
                if place == cut {
                    let bytes = postcard::to_stdvec(&builder).unwrap();
                    builder = postcard::from_bytes(&bytes).unwrap();
                }
                builder.observe(channel, value, at(seconds));
            }
            prop_assert_eq!(builder.finish(), finished(Operation::Joint, &told));
        }
    }
}
