use serde::{Deserialize, Serialize};

use super::{Direction, Shift, Step};

/// Chart of a smoothed level: it finds what has gone farther than anything that a process wanders in normal operation,
/// however slowly it went there.
///
/// What wanders is known from few independent excursions, so no rate of false alarms can be solved for; the limit is so
/// far out that a level with a known, normal spread would be beyond it once in 500 million values.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct Level {
    /// Mark of the last observation before the level left the middle, and observations since then.
    since: Option<(i64, u32)>,
    standing: Option<Direction>,
}

impl Level {
    /// The limit, standard deviations.
    pub(crate) const LIMIT: f64 = 6.0;
    /// A level that was beyond the limit stands until it is within this again, standard deviations.
    pub(crate) const CLEARED: f64 = 3.0;
    /// The middle, standard deviations: where a level comes from is where its shift began.
    const MIDDLE: f64 = 1.0;

    /// Whether a shift stands.
    pub(crate) fn is_standing(&self) -> bool {
        self.standing.is_some()
    }

    /// Takes the level after an observation in, standard deviations. `is_worth_telling` says whether a shift may be raised.
    /// The statistic of a shift is the level.
    pub(crate) fn observe(&mut self, level: f64, is_worth_telling: bool, mark: i64) -> Step {
        let size = level.abs();
        let (onset_mark, run) = match self.since {
            Some((onset_mark, run)) if size > Self::MIDDLE => (onset_mark, run.saturating_add(1)),
            _ => (mark, 1),
        };
        self.since = Some((onset_mark, run));
        let direction = if level >= 0.0 { Direction::Up } else { Direction::Down };
        let shift = Shift { direction, statistic: size, onset_mark, run, size };
        match self.standing {
            None if size > Self::LIMIT && is_worth_telling => {
                self.standing = Some(direction);
                Step::Raised(shift)
            }
            None => Step::Quiet,
            Some(standing) if size > Self::CLEARED && standing == direction => Step::Standing(shift),
            Some(_) => {
                self.standing = None;
                Step::Cleared
            }
        }
    }

    /// Forgets all. Returns whether a shift had stood.
    pub(crate) fn reset(&mut self) -> bool {
        std::mem::take(self).is_standing()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_beyond_the_limit_stands_until_it_is_well_within() {
        let mut chart = Level::default();
        let levels = [0.5, -0.8, -2.0, -5.9, -6.1, -7.0, -3.5, -2.9, -3.5];
        let steps: Vec<Step> = (0..).zip(levels).map(|(mark, level)| chart.observe(level, true, mark)).collect();
        let down =
            |statistic, run| Shift { direction: Direction::Down, statistic, onset_mark: 1, run, size: statistic };
        assert_eq!(steps[..4], [Step::Quiet; 4]);
        assert_eq!(steps[4], Step::Raised(down(6.1, 4)));
        assert_eq!(steps[6], Step::Standing(down(3.5, 6)));
        assert_eq!(steps[7..], [Step::Cleared, Step::Quiet]);
    }

    #[test]
    fn what_is_not_worth_telling_is_not_raised() {
        let mut chart = Level::default();
        assert!((0..50).all(|mark| chart.observe(9.0, false, mark) == Step::Quiet));
        assert!(matches!(chart.observe(9.0, true, 50), Step::Raised(Shift { onset_mark: 0, run: 51, .. })));
    }
}
