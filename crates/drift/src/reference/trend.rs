use serde::{Deserialize, Serialize};

use crate::{Direction, is_measurement, special};

/// A straight line through a value over time, since an onset.
///
/// Least squares, updated value by value: the means by Welford's method (B. P. Welford, Technometrics 4 (1962) 419), slope
/// and residual squares by the recursive residual of each value (R. L. Brown, J. Durbin and J. M. Evans, JRSS B 37 (1975)
/// 149). Times and values are taken from those of the first point on, so a large offset of either costs no digits.
///
/// Its errors hold for values that scatter independently around the line. Where neighbours resemble each other, as in a
/// fast-sampled signal, they are too small. An onset that was chosen from the same values makes a slope look a little
/// surer than it is.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Trend {
    count: u32,
    origin_s: f64,
    origin: f64,
    /// The latest time and the mean time, seconds from the origin.
    latest_s: f64,
    mean_s: f64,
    /// Sum of the squared distances of the times from their mean.
    time_squares: f64,
    /// Height of the line at the mean time, from the origin: the mean of the values.
    mean: f64,
    per_s: f64,
    residual_squares: f64,
}

/// The slope of a [`Trend`], in the value's unit per second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Slope {
    /// By so much the value changes in a second.
    pub per_s: f64,
    /// One standard error of it.
    pub standard_error_per_s: f64,
    /// Degrees of freedom of the error; slope by error follows Student's distribution with these if there is no trend.
    pub degrees: u32,
}

/// When a line comes to a limit, in seconds after the latest point of the trend.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeTo {
    /// Where the fitted line crosses; 0 if it has.
    pub expected_s: f64,
    /// The early end of the interval; 0 if the line may have crossed already.
    pub earliest_s: f64,
    /// The late end of the interval; 0 if the line has surely crossed.
    pub latest_s: f64,
}

impl Trend {
    /// Times beyond this, thirty thousand years, are no times.
    const TIME_MAX_S: f64 = 1e12;
    /// Times closer than this are the same.
    const TIME_RESOLUTION_S: f64 = 1e-9;

    /// Takes a value in. A time or value that is not a number, a time beyond 1e12 or a value beyond 1e100, changes
    /// nothing. Times may come in any order.
    pub fn observe(&mut self, time_s: f64, value: f64) {
        if time_s.is_nan() || time_s.abs() > Self::TIME_MAX_S || !is_measurement(value) {
            return;
        }
        if self.count == 0 {
            *self = Self { origin_s: time_s, origin: value, ..Self::default() };
        }
        self.add(time_s - self.origin_s, value - self.origin);
    }

    fn add(&mut self, since_s: f64, value: f64) {
        let before = f64::from(self.count);
        self.count = self.count.saturating_add(1);
        let share = 1.0 / (before + 1.0);
        let mut from_mean_s = since_s - self.mean_s;
        if from_mean_s.abs() < Self::TIME_RESOLUTION_S {
            from_mean_s = 0.0;
        }
        let error = value - self.mean - self.per_s * from_mean_s;
        // What this point adds to the spread of the times, and what the spread was without it.
        let added = before * share * from_mean_s * from_mean_s;
        let (spread_before, spread) = (self.time_squares, self.time_squares + added);
        self.latest_s = if before == 0.0 { since_s } else { self.latest_s.max(since_s) };
        self.mean_s += share * from_mean_s;
        self.mean += share * (error + self.per_s * from_mean_s);
        self.time_squares = spread;
        if spread > 0.0 {
            self.per_s += error * before * share * from_mean_s / spread;
            // The error's weight is 1 / (1 + leverage); two points give a line without error.
            self.residual_squares += error * error * before * share * (spread_before / spread);
        } else {
            self.residual_squares += error * error * before * share;
        }
    }

    /// Forgets all points: the next one is the onset.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Points taken in since the onset.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Height of the line at the latest time, in the value's unit; `None` before the first point.
    pub fn level(&self) -> Option<f64> {
        (self.count > 0).then_some(self.origin + self.mean + self.per_s * (self.latest_s - self.mean_s))
    }

    /// The slope with its error; `None` with fewer than three points or if no time has passed.
    pub fn slope(&self) -> Option<Slope> {
        let degrees = self.count.checked_sub(2).filter(|&degrees| degrees > 0)?;
        let variance = self.residual_squares / f64::from(degrees) / self.time_squares;
        (self.time_squares > 0.0).then(|| Slope {
            per_s: self.per_s,
            standard_error_per_s: libm::sqrt(variance),
            degrees,
        })
    }

    /// When the line comes to a limit that lies in that direction, with an interval that holds the crossing of the true
    /// line with this `confidence`, 0 ..= 1. `None` unless the slope is sure to have that direction: zero lies outside
    /// its own interval of the same confidence; nor if the limit is out of all reach.
    ///
    /// The interval is Fieller's for the ratio of room to slope, with the errors of both (E. C. Fieller, JRSS B 16 (1954)
    /// 175): all times at which the limit lies within the confidence band of the line. It is bounded just when the
    /// slope's sign is sure. It is about the line; single values cross earlier, by their scatter.
    pub fn time_to(&self, limit: f64, direction: Direction, confidence: f64) -> Option<TimeTo> {
        let slope = self.slope()?;
        let sign = match direction {
            Direction::Up => 1.0,
            Direction::Down => -1.0,
        };
        let per_s = sign * slope.per_s;
        let quantile = special::student_quantile(0.5 * (1.0 + confidence), slope.degrees);
        let room = sign * (limit - self.origin - self.mean);
        // Error and room in slopes, so that no square leaves the range of numbers; times from the mean time on.
        let doubt = quantile * slope.standard_error_per_s / per_s;
        let reach_s = room / per_s;
        let is_sure = per_s > 0.0 && doubt < 1.0;
        if !is_sure || !reach_s.is_finite() {
            return None;
        }
        // Roots of (reach_s - t)^2 = scatter_s^2 + (doubt t)^2.
        let scatter_s = doubt * libm::sqrt(self.time_squares / f64::from(self.count));
        let certainty = (1.0 - doubt) * (1.0 + doubt);
        let half_s = libm::hypot(doubt * reach_s, scatter_s * libm::sqrt(certainty));
        let from_latest_s = |from_mean_s: f64| (from_mean_s - (self.latest_s - self.mean_s)).max(0.0);
        Some(TimeTo {
            expected_s: from_latest_s(reach_s),
            earliest_s: from_latest_s((reach_s - half_s) / certainty),
            latest_s: from_latest_s((reach_s + half_s) / certainty),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn trend(points: &[(f64, f64)]) -> Trend {
        let mut trend = Trend::default();
        for &(time_s, value) in points {
            trend.observe(time_s, value);
        }
        trend
    }

    /// Slope, its standard error, mean time, mean, sum of squares of the times: least squares by definition.
    fn by_definition(points: &[(f64, f64)]) -> (f64, f64, f64, f64, f64) {
        let n = points.len() as f64;
        let (t, v) = (points.iter().map(|p| p.0).sum::<f64>() / n, points.iter().map(|p| p.1).sum::<f64>() / n);
        let squares: f64 = points.iter().map(|p| (p.0 - t).powi(2)).sum();
        let slope = points.iter().map(|p| (p.0 - t) * (p.1 - v)).sum::<f64>() / squares;
        let residual: f64 = points.iter().map(|p| (p.1 - v - slope * (p.0 - t)).powi(2)).sum();
        (slope, (residual / (n - 2.0) / squares).sqrt(), t, v, squares)
    }

    /// The line y = 2 + 3 t with errors +1, -2, +1 at t = 0, 1, 2, so that no error has a slope or a mean.
    #[test]
    fn a_small_example_comes_out_by_hand() {
        let slope = trend(&[(0.0, 3.0), (1.0, 3.0), (2.0, 9.0)]).slope().unwrap();
        assert!((slope.per_s - 3.0).abs() < 1e-12);
        assert!((slope.standard_error_per_s - 3f64.sqrt()).abs() < 1e-12);
        assert_eq!(slope.degrees, 1);
    }

    #[test]
    fn a_line_without_error_tells_its_crossing_exactly() {
        let rising = trend(&(0..20).map(|i| (1e9 + f64::from(i), 5.0 + 0.5 * f64::from(i))).collect::<Vec<_>>());
        let time = rising.time_to(20.0, Direction::Up, 0.95).unwrap();
        assert!((time.expected_s - 11.0).abs() < 1e-6);
        assert!(time.latest_s - time.earliest_s < 1e-6);
        assert_eq!(rising.time_to(14.0, Direction::Up, 0.95).unwrap().latest_s, 0.0);
        assert_eq!(rising.time_to(0.0, Direction::Down, 0.95), None);
        assert_eq!(rising.level().map(f64::round), Some(15.0)); // 14.5 and no less
    }

    #[test]
    fn what_has_no_sure_slope_has_no_time() {
        for points in [
            vec![],
            vec![(0.0, 1.0)],
            vec![(0.0, 1.0), (1.0, 2.0)],
            vec![(5.0, 1.0), (5.0, 2.0), (5.0, 4.0)],
            vec![(0.0, 7.0); 50],
            (0..50).map(|i| (f64::from(i), 7.0)).collect(),
            (0..50).map(|i| (f64::from(i), f64::from(i * 7919 % 11))).collect(),
        ] {
            for direction in [Direction::Up, Direction::Down] {
                assert_eq!(trend(&points).time_to(100.0, direction, 0.95), None, "{points:?}");
            }
        }
    }

    /// Ten years of seconds, every hour a value: the noise of 1e-3 on an offset of 1e9 keeps its spread.
    #[test]
    fn long_times_and_huge_offsets_keep_their_digits() {
        let noise = |i: u32| 1e-3 * (f64::from(i * 7919 % 101) - 50.0) / 29.2;
        let points: Vec<_> = (0..87_600u32)
            .map(|i| (1.7e9 + 3600.0 * f64::from(i), 1e9 + 1e-9 * 3600.0 * f64::from(i) + noise(i)))
            .collect();
        let slope = trend(&points).slope().unwrap();
        let expected_error = 1e-3 / (3600.0 * 87_600f64.powf(1.5) / 12f64.sqrt());
        assert!((slope.per_s / 1e-9 - 1.0).abs() < 1e-3, "{slope:?}");
        assert!((slope.standard_error_per_s / expected_error - 1.0).abs() < 0.02, "{slope:?}");
    }

    /// The interval against the truth, where the slope is nearly always sure.
    #[test]
    fn the_interval_holds_the_crossing_as_often_as_it_says() {
        let mut noise = crate::testing::Noise::new(5);
        let (mut told, mut held) = (0, 0);
        for _ in 0..4_000 {
            let points: Vec<_> = (0..12).map(|i| (f64::from(i), 0.5 * f64::from(i) + noise.normal())).collect();
            if let Some(time) = trend(&points).time_to(14.5, Direction::Up, 0.8) {
                told += 1;
                held += u32::from(time.earliest_s <= 18.0 && 18.0 <= time.latest_s);
            }
        }
        assert!(told > 3_990, "{told}");
        let share = f64::from(held) / f64::from(told);
        assert!((share - 0.8).abs() < 0.02, "{share}"); // three standard errors
    }

    /// Any number, and more of those that are taken in than there are among all.
    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![any::<f64>(), any::<i32>().prop_map(f64::from), -1e-9..1e-9f64, -1e12..1e12f64]
    }

    proptest! {
        #[test]
        fn the_recursion_is_least_squares(
            points in prop::collection::vec((-50.0..50.0f64, -5.0..5.0f64), 4..40),
            slope in -3.0..3.0f64,
            offset in prop::sample::select(vec![0.0_f64, 1e6, -1e9]),
        ) {
            let points: Vec<_> = points.into_iter().map(|(t, noise)| (t, slope * t + noise)).collect();
            let (per_s, error_per_s, _, _, squares) = by_definition(&points);
            prop_assume!(squares > 1.0);
            let moved: Vec<_> = points.iter().map(|&(t, v)| (t + offset.abs(), v + offset)).collect();
            let ours = trend(&moved).slope().unwrap();
            let lost_digits = offset.abs() * f64::EPSILON * 200.0;
            prop_assert!((ours.per_s - per_s).abs() < 1e-9 + lost_digits);
            prop_assert!((ours.standard_error_per_s - error_per_s).abs() < 1e-9 + lost_digits);
        }

        /// Each end of the interval lies on the confidence band of the line, and the expected time on the line.
        #[test]
        fn the_interval_is_where_the_limit_meets_the_confidence_band(
            noise in prop::collection::vec(-1.0..1.0f64, 5..40),
            room in 1.0..100.0f64,
        ) {
            let points: Vec<_> = noise.iter().enumerate().map(|(i, e)| (i as f64, -0.5 * i as f64 + e)).collect();
            let (per_s, error_per_s, mean_s, mean, squares) = by_definition(&points);
            let n = points.len() as f64;
            let limit = -0.5 * n - 5.0 - room;
            let Some(time) = trend(&points).time_to(limit, Direction::Down, 0.9) else { return Ok(()) };
            let quantile = special::student_quantile(0.95, points.len() as u32 - 2);
            let sigmas = |after_s: f64| {
                let t = after_s + (n - 1.0) - mean_s;
                (mean + per_s * t - limit) / (error_per_s * (squares / n + t * t).sqrt())
            };
            prop_assert!(time.earliest_s <= time.expected_s && time.expected_s <= time.latest_s);
            prop_assert!(sigmas(time.expected_s).abs() < 1e-6);
            prop_assert!(time.earliest_s == 0.0 || (sigmas(time.earliest_s) - quantile).abs() < 1e-5);
            prop_assert!((sigmas(time.latest_s) + quantile).abs() < 1e-5);
        }

        #[test]
        fn nothing_breaks_it(points in prop::collection::vec((number(), number()), 0..60), limit in any::<f64>()) {
            let trend = trend(&points);
            if let Some(slope) = trend.slope() {
                prop_assert!(slope.per_s.is_finite() && slope.standard_error_per_s.is_finite());
            }
            for direction in [Direction::Up, Direction::Down] {
                if let Some(time) = trend.time_to(limit, direction, 0.95) {
                    prop_assert!(time.earliest_s <= time.expected_s && time.expected_s <= time.latest_s, "{time:?}");
                }
            }
        }

        #[test]
        fn what_is_no_number_changes_nothing(points in prop::collection::vec((0.0..9.0f64, 0.0..9.0f64), 0..20)) {
            let mut trend = trend(&points);
            let before = trend;
            for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e300] {
                trend.observe(bad, 1.0);
                trend.observe(1.0, bad);
            }
            prop_assert_eq!(trend, before);
        }

        #[test]
        fn a_restored_trend_goes_on_alike(points in prop::collection::vec((0.0..9.0f64, 0.0..9.0f64), 2..40)) {
            let (before, after) = points.split_at(points.len() / 2);
            let mut restored: Trend = postcard::from_bytes(&postcard::to_stdvec(&trend(before)).unwrap()).unwrap();
            after.iter().for_each(|&(time_s, value)| restored.observe(time_s, value));
            prop_assert_eq!(restored, trend(&points));
        }
    }
}
