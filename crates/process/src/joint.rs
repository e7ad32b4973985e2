//! The torque over the angle of a screw joint that is tightened.
//!
//! The curve has a zone in which the screw runs down, one in which the parts are drawn together, one in which the joint is
//! clamped and torque rises in proportion to the angle, and, if it is driven on, one in which the screw yields: R. S.
//! Shoberg, Engineering Fundamentals of Threaded Fastener Design and Analysis (2000); J. H. Bickford, An Introduction to
//! the Design and Behavior of Bolted Joints, 3rd ed. (1995), chapter 8. VDI 2230 part 1 and VDI/VDE 2645 name what is
//! read from it.

use crate::trace::CurvePoint;

/// The zone that is taken for clamping, as shares of the highest torque: above what is left of running down, which is nearly
/// half where a screw forms its thread, below what may be yield already.
const CLAMPING: (f64, f64) = (0.6, 0.9);
/// Of the gradient in the clamping zone, the share under which the screw yields; the controllers that tighten to the yield
/// point stop at about as much (VDI 2230 part 1, yield-controlled tightening).
const YIELD_SHARE: f64 = 0.5;
/// Over which part of the clamping zone's angle the gradient is taken that is held against this.
const YIELD_WINDOW_SHARE: f64 = 0.5;

/// What the curve of a joint comes to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Joint {
    /// Highest torque, N·m.
    pub peak_nm: f64,
    /// Slope of the straight line through the clamping zone, by least squares, N·m/°; ISO 5393 calls it the torque rate.
    pub gradient_nm_deg: f64,
    /// From the begin to the snug point, °. The snug point is where that line, drawn back, meets no torque (Shoberg's
    /// elastic origin): unlike a threshold, it does not move with the torque that the thread itself takes.
    pub rundown_deg: f64,
    /// Highest torque before the snug point, N·m; `None` if the curve begins behind it.
    pub rundown_peak_nm: Option<f64>,
    /// From the snug point to the highest angle, °.
    pub clamping_deg: f64,
    /// Work done from the snug point to the highest angle, J: torque over the angle in radians.
    pub energy_j: f64,
    /// Gradient from the end of the clamping zone to the highest angle, as a share of that in the zone: 1 for a joint that
    /// is elastic to the end, 0 for one that yields. `None` if nothing was turned after the zone.
    pub final_gradient_share: Option<f64>,
    /// Torque from which on the gradient is less than half of that in the clamping zone, to the end, N·m; `None` if the
    /// joint does not yield.
    pub yield_nm: Option<f64>,
}

/// What is watched of a joint; by the fields of [`Joint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JointValue {
    /// [`Joint::peak_nm`].
    Peak,
    /// [`Joint::gradient_nm_deg`].
    Gradient,
    /// [`Joint::rundown_deg`].
    Rundown,
    /// [`Joint::rundown_peak_nm`].
    RundownPeak,
    /// [`Joint::clamping_deg`].
    Clamping,
    /// [`Joint::energy_j`].
    Energy,
    /// [`Joint::final_gradient_share`].
    FinalGradient,
}

impl JointValue {
    /// All, in their order.
    pub(crate) const ALL: &'static [Self] = &[
        Self::Peak,
        Self::Gradient,
        Self::Rundown,
        Self::RundownPeak,
        Self::Clamping,
        Self::Energy,
        Self::FinalGradient,
    ];

    pub(crate) const fn unit(self) -> &'static str {
        match self {
            Self::Peak | Self::RundownPeak => "N·m",
            Self::Gradient => "N·m/°",
            Self::Rundown | Self::Clamping => "°",
            Self::Energy => "J",
            Self::FinalGradient => "",
        }
    }
}

impl Joint {
    /// What a curve of torque over angle comes to, up to its first highest angle: after that the tool lets go. `None` if it is no tightening: too few points, or no rise from below 60 % of its highest torque.
    pub fn of(points: &[CurvePoint]) -> Option<Self> {
        let end = first_highest(points, |point| point.leading)?;
        let points = &points[..=end];
        let peak = first_highest(points, |point| point.answering)?;
        let peak_nm = points[peak].answering;
        let [low_nm, high_nm] = [CLAMPING.0, CLAMPING.1].map(|share| share * peak_nm);
        // The last rise: a joint that is tightened in steps gives way in between.
        let low = points[..peak].iter().rposition(|point| point.answering < low_nm)? + 1;
        let high = low + points[low..].iter().position(|point| point.answering >= high_nm)?;
        let [begin, finish] = [(low, low_nm), (high, high_nm)].map(|(at, torque_nm)| crossing(points, at, torque_nm));
        let zone = std::iter::once(begin).chain(points[low..high].iter().copied()).chain([finish]);
        let line = Line::through(zone).filter(|line| line.slope > 0.0)?;
        let past = std::iter::once(finish).chain(points[high..].iter().copied());

        let (first_deg, last_deg) = (points[0].leading, points[end].leading);
        let snug_deg = line.x_mean - line.y_mean / line.slope;
        let rundown = points[..low].iter().filter(|point| point.leading < snug_deg);
        Some(Self {
            peak_nm,
            gradient_nm_deg: line.slope,
            rundown_deg: snug_deg - first_deg,
            rundown_peak_nm: rundown.map(|point| point.answering).reduce(f64::max),
            clamping_deg: last_deg - snug_deg,
            energy_j: energy_j(points, snug_deg),
            final_gradient_share: Line::through(past).map(|past| past.slope / line.slope),
            yield_nm: yield_nm(points, high, line.slope, YIELD_WINDOW_SHARE * (finish.leading - begin.leading)),
        })
    }

    /// One of its values.
    pub(crate) fn get(&self, value: JointValue) -> Option<f64> {
        match value {
            JointValue::Peak => Some(self.peak_nm),
            JointValue::Gradient => Some(self.gradient_nm_deg),
            JointValue::Rundown => Some(self.rundown_deg),
            JointValue::RundownPeak => self.rundown_peak_nm,
            JointValue::Clamping => Some(self.clamping_deg),
            JointValue::Energy => Some(self.energy_j),
            JointValue::FinalGradient => self.final_gradient_share,
        }
    }
}

/// The first of the points at which a value is highest.
pub(crate) fn first_highest(points: &[CurvePoint], value: impl Fn(&CurvePoint) -> f64) -> Option<usize> {
    let places = 0..points.len();
    places.reduce(|best, place| if value(&points[place]) > value(&points[best]) { place } else { best })
}

/// Where the curve passes that torque, between the point at `place` and the one before.
fn crossing(points: &[CurvePoint], place: usize, torque_nm: f64) -> CurvePoint {
    let after = points[place];
    let before = points[place.saturating_sub(1)];
    let rise = after.answering - before.answering;
    let share = if rise > 0.0 { (torque_nm - before.answering) / rise } else { 1.0 };
    CurvePoint {
        seconds: before.seconds + share * (after.seconds - before.seconds),
        leading: before.leading + share * (after.leading - before.leading),
        answering: torque_nm,
    }
}

/// Torque over the angle in radians from `snug_deg` on, by trapezoids.
fn energy_j(points: &[CurvePoint], snug_deg: f64) -> f64 {
    let of_step = |step: &[CurvePoint]| {
        let turned_deg = step[1].leading - step[0].leading;
        let before_deg = (snug_deg - step[0].leading).clamp(0.0, turned_deg.max(0.0));
        let begin_share = if turned_deg > 0.0 { before_deg / turned_deg } else { 0.0 };
        let begin_nm = step[0].answering + begin_share * (step[1].answering - step[0].answering);
        0.5 * (begin_nm + step[1].answering) * (turned_deg - before_deg).to_radians()
    };
    points.windows(2).map(of_step).sum()
}

/// The torque from which on, to the end, the gradient over the last `window_deg` is too small.
fn yield_nm(points: &[CurvePoint], high: usize, gradient: f64, window_deg: f64) -> Option<f64> {
    let yields = |&place: &usize| {
        let window =
            points[..=place].iter().rev().take_while(|point| points[place].leading - point.leading <= window_deg);
        let before = place.checked_sub(1).map(|before| points[before]).into_iter();
        // At least the last step, where the points are far apart.
        let line = Line::through(window.copied()).or_else(|| Line::through(before.chain([points[place]])));
        line.is_some_and(|line| line.slope < YIELD_SHARE * gradient)
    };
    let from = (high..points.len()).rev().take_while(yields).last()?;
    Some(points[from].answering)
}

/// A straight line by least squares.
struct Line {
    slope: f64,
    x_mean: f64,
    y_mean: f64,
}

impl Line {
    /// `None` if the points do not spread over the angle.
    fn through(points: impl Iterator<Item = CurvePoint> + Clone) -> Option<Self> {
        let count = points.clone().count() as f64;
        let mean = |value: fn(&CurvePoint) -> f64| points.clone().map(|point| value(&point)).sum::<f64>() / count;
        let (x_mean, y_mean) = (mean(|point| point.leading), mean(|point| point.answering));
        let (mut xx, mut xy) = (0.0, 0.0);
        for point in points {
            let x = point.leading - x_mean;
            xx += x * x;
            xy += x * (point.answering - y_mean);
        }
        let slope = xy / xx;
        (xx > 0.0 && slope.is_finite()).then_some(Self { slope, x_mean, y_mean })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// A joint whose torque is given by its angle, turned from 0 to `end_deg`.
    fn turned(end_deg: f64, step_deg: f64, torque_nm: impl Fn(f64) -> f64) -> Vec<CurvePoint> {
        let steps = (end_deg / step_deg).round() as u32;
        let angles = (0..=steps).map(|step| f64::from(step) * step_deg);
        angles.map(|deg| CurvePoint { seconds: deg / 100.0, leading: deg, answering: torque_nm(deg) }).collect()
    }

    /// Runs down at 2 N·m for 1,000°, then gains 0.7 N·m/° up to 50 N·m.
    fn elastic(deg: f64) -> f64 {
        2.0 + 0.7 * (deg - 1000.0).max(0.0)
    }

    const END_DEG: f64 = 1000.0 + 48.0 / 0.7;

    fn near(value: f64, expected: f64, by: f64) {
        assert!((value - expected).abs() <= by, "{value}, expected {expected}");
    }

    /// As often as a spindle gives its values: every quarter of a degree, or only every seven.
    #[test]
    fn a_straight_joint_gives_back_what_it_was_made_of() {
        // The trapezoids cut the corner at the head's touch.
        for (steps, by) in [(4000.0, 1e-5), (150.0, 2e-2)] {
            let joint = Joint::of(&turned(END_DEG, END_DEG / steps, elastic)).unwrap();
            near(joint.peak_nm, 50.0, 1e-9);
            near(joint.gradient_nm_deg, 0.7, 1e-9);
            near(joint.rundown_deg, 1000.0 - 2.0 / 0.7, 1e-6);
            near(joint.clamping_deg, 50.0 / 0.7, 1e-6);
            near(joint.rundown_peak_nm.unwrap(), 2.0, 1e-9);
            near(joint.final_gradient_share.unwrap(), 1.0, 1e-6);
            assert_eq!(joint.yield_nm, None);
            // 2 N·m over 2.86°, then the trapezoid from 2 to 50 N·m over 68.57°.
            let exact_j = (2.0 * 2.0 / 0.7 + 0.5 * 52.0 * 48.0 / 0.7_f64).to_radians();
            near(joint.energy_j / exact_j, 1.0, by);
        }
    }

    #[test]
    fn a_joint_that_yields_says_from_which_torque_on() {
        let yields = |deg: f64| elastic(deg).min(46.0 + 0.15 * (elastic(deg) - 46.0));
        let end_deg = 1000.0 + 44.0 / 0.7 + 4.0 / 0.105;
        let joint = Joint::of(&turned(end_deg, 0.25, yields)).unwrap();
        near(joint.yield_nm.unwrap(), 46.0, 1.5);
        near(joint.gradient_nm_deg, 0.7, 1e-9);
        assert!(joint.final_gradient_share.unwrap() < 0.5, "{joint:?}");
        near(joint.clamping_deg, 46.0 / 0.7 + 4.0 / 0.105, 0.25);
    }

    #[test]
    fn a_crossed_thread_shows_a_short_rundown() {
        let crossed = |deg: f64| 2.0 + 0.7 * (deg - 300.0).max(0.0);
        let joint = Joint::of(&turned(300.0 + 48.0 / 0.7, 0.5, crossed)).unwrap();
        near(joint.rundown_deg, 300.0 - 2.0 / 0.7, 1e-6);
    }

    /// What the tool does when it has stopped, and torque that was let go, is not of the joint.
    #[test]
    fn holding_and_letting_go_change_nothing() {
        let mut points = turned(END_DEG, 0.25, elastic);
        let joint = Joint::of(&points);
        let last = points[points.len() - 1];
        for (angle_off, torque_nm) in [(0.2, 50.0), (0.1, 50.0), (-1.0, 20.0), (-3.0, 0.0)] {
            points.push(CurvePoint { leading: last.leading + angle_off, answering: torque_nm, ..last });
        }
        let held = Joint::of(&points).unwrap();
        near(held.gradient_nm_deg, joint.unwrap().gradient_nm_deg, 1e-9);
        near(held.peak_nm, 50.0, 1e-9);
        assert_eq!(held.yield_nm, None);
    }

    #[test]
    fn what_is_no_tightening_is_none() {
        for points in [
            Vec::new(),
            turned(0.0, 1.0, |_| 50.0),
            turned(500.0, 1.0, |_| 2.0),
            turned(500.0, 1.0, |_| 0.0),
            turned(500.0, 1.0, |_| -3.0),
            turned(500.0, 1.0, |deg| 50.0 - 0.1 * deg),
        ] {
            assert_eq!(Joint::of(&points), None, "{} points", points.len());
        }
    }
}
