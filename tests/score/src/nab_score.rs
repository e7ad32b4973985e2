//! The score of the Numenta anomaly benchmark (A. Lavin and S. Ahmad, IEEE ICMLA 2015, 38) in the form in which SKAB's
//! leaderboard applies it to change points.
//!
//! A true change point at time t opens the window t ..= t + width; a window that would begin before the one before it
//! has ended begins at that one's end. The first detection in a window earns between +1, at its beginning, and the weight
//! of a false alarm, at its end, along a hyperbolic tangent; further ones in it count nothing. A window without any costs
//! the weight of a miss, a detection outside all windows that of a false alarm. The sum over all series is put on a scale
//! from 0, for a detector that says nothing, to 100, for one that finds every change point at once and nothing else.

/// What a false alarm and a miss weigh; a timely detection weighs 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Profile {
    false_alarm: f64,
    miss: f64,
}

impl Profile {
    pub(crate) const STANDARD: Self = Self { false_alarm: -0.11, miss: -1.0 };
    pub(crate) const LOW_FALSE_POSITIVES: Self = Self { false_alarm: -0.22, miss: -1.0 };
    pub(crate) const LOW_FALSE_NEGATIVES: Self = Self { false_alarm: -0.11, miss: -2.0 };
}

/// Detections of any number of series, sorted into hits, misses and false alarms.
#[derive(Debug, Clone, Default)]
pub(crate) struct Detections {
    /// Where in its window each hit is, 0 at the beginning and 1 at the end.
    hits: Vec<f64>,
    misses: u32,
    false_alarms: u32,
}

impl Detections {
    /// Adds a series. Times are in seconds, in order.
    pub(crate) fn add(&mut self, changes: &[i64], detections: &[i64], width: i64) {
        let mut end = i64::MIN;
        let mut outside = vec![true; detections.len()];
        for &change in changes {
            let begin = change.max(end);
            end = change + width;
            let within = |time: i64| (begin..=end).contains(&time);
            for (outside, &time) in outside.iter_mut().zip(detections) {
                *outside &= !within(time);
            }
            match detections.iter().find(|&&time| within(time)) {
                Some(time) => self.hits.push((time - begin) as f64 / (end - begin).max(1) as f64),
                None => self.misses += 1,
            }
        }
        self.false_alarms += outside.iter().filter(|&&outside| outside).count() as u32;
    }

    /// Adds what another has sorted.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.hits.extend(&other.hits);
        self.misses += other.misses;
        self.false_alarms += other.false_alarms;
    }

    /// The score, 0 to 100, and below 0 for more harm than silence does.
    pub(crate) fn score(&self, profile: Profile) -> f64 {
        let earned: f64 = self.hits.iter().map(|&position| earned(position, profile.false_alarm)).sum();
        let missed = profile.miss * f64::from(self.misses);
        let sum = earned + missed + profile.false_alarm * f64::from(self.false_alarms);
        let changes = self.hits.len() as f64 + f64::from(self.misses);
        let silent = profile.miss * changes;
        100.0 * (sum - silent) / (changes - silent)
    }

    /// Change points found, change points missed, false alarms.
    pub(crate) fn counts(&self) -> (usize, u32, u32) {
        (self.hits.len(), self.misses, self.false_alarms)
    }
}

/// What a hit at that position of its window earns. The leaderboard reads it off a table of a thousand steps.
fn earned(position: f64, false_alarm: f64) -> f64 {
    const STEPS: f64 = 1000.0;
    let half_pi = core::f64::consts::FRAC_PI_2;
    let step = (position * STEPS).floor().min(STEPS - 1.0);
    let x = half_pi * (2.0 * step / (STEPS - 1.0) - 1.0);
    let falling = -x.tanh() / half_pi.tanh();
    false_alarm + (1.0 - false_alarm) * 0.5 * (1.0 + falling)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(changes: &[i64], detections: &[i64]) -> f64 {
        let mut sorted = Detections::default();
        sorted.add(changes, detections, 60);
        sorted.score(Profile::STANDARD)
    }

    #[test]
    fn silence_scores_0_and_perfection_100() {
        assert_eq!(score(&[100, 500], &[]), 0.0);
        assert!((score(&[100, 500], &[100, 500]) - 100.0).abs() < 1e-9);
    }

    /// One hit out of two at the very end of its window earns -0.11, the other is a miss: (-0.11 - 1 + 2) / 4.
    #[test]
    fn a_late_hit_is_worth_little_more_than_a_miss_and_a_false_alarm() {
        assert!((score(&[100, 500], &[160]) - 22.25).abs() < 1e-9);
        assert!((score(&[100, 500], &[161]) + 100.0 * 0.11 / 4.0).abs() < 1e-9);
    }

    #[test]
    fn only_the_first_detection_in_a_window_counts_and_windows_do_not_overlap() {
        assert_eq!(score(&[100], &[110, 120, 130]), score(&[100], &[110]));
        // The second window begins at 160, the end of the first.
        let mut sorted = Detections::default();
        sorted.add(&[100, 130], &[140, 165], 60);
        assert_eq!(sorted.counts(), (2, 0, 0));
        assert!((sorted.hits[1] - 5.0 / 30.0).abs() < 1e-12);
    }
}
