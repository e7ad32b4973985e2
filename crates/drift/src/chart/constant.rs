use serde::{Deserialize, Serialize};

use super::{Direction, Shift, Step};

/// Watches what never varied: a set point, a mode, a counter of faults that there were none of.
///
/// Nothing tells how unlikely another value is, so no false-alarm rate is solved for: any other value is a change beyond
/// doubt, which is told once. It stands until the old value has been back for [`Constant::BACK`] observations in a row, so
/// that a value which goes to and fro is one change and not hundreds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Constant {
    low: f64,
    high: f64,
    away: Option<Away>,
}

/// A value that has left what it was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Away {
    onset_mark: i64,
    run: u32,
    back: u32,
    /// The last value that was not the old one, less that.
    departure: f64,
}

impl Constant {
    /// Observations in a row at the old value after which the change is gone.
    pub const BACK: u32 = 20;
    /// A departure below so many units in the last place is one of rounding.
    const ROUNDING: f64 = 8.0;

    /// Learns what the value is; `None` if there is no number, or they vary by more than rounding.
    pub fn learn(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let numbers = values.into_iter().filter(|value| value.is_finite());
        let (low, high) =
            numbers.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
        let rounding = Self::ROUNDING * f64::EPSILON * low.abs().max(high.abs());
        (low <= high && high - low <= rounding).then_some(Self {
            low: low - rounding,
            high: high + rounding,
            away: None,
        })
    }

    /// Whether the value is another one, or was a short while ago.
    pub fn is_standing(&self) -> bool {
        self.away.is_some()
    }

    /// Takes the next observation in. `mark` is the caller's name for it; it comes back as onset. The size of the shift is
    /// in the unit of the observations, and its statistic is the same number. An observation that is not finite changes
    /// nothing.
    pub fn observe(&mut self, value: f64, mark: i64) -> Step {
        if !value.is_finite() {
            return Step::Quiet;
        }
        let departure = if value > self.high { value - self.high } else { (value - self.low).min(0.0) };
        match &mut self.away {
            None if departure == 0.0 => Step::Quiet,
            None => {
                let away = Away { onset_mark: mark, run: 1, back: 0, departure };
                self.away = Some(away);
                Step::Raised(away.shift())
            }
            Some(away) => {
                away.run = away.run.saturating_add(1);
                away.back = if departure == 0.0 { away.back + 1 } else { 0 };
                if away.back == Self::BACK {
                    self.away = None;
                    return Step::Cleared;
                }
                away.departure = if departure == 0.0 { away.departure } else { departure };
                Step::Standing(away.shift())
            }
        }
    }

    /// Forgets what was observed: the process was changed on purpose. Returns whether a change had stood.
    pub fn reset(&mut self) -> bool {
        self.away.take().is_some()
    }
}

impl Away {
    fn shift(&self) -> Shift {
        Shift {
            direction: if self.departure > 0.0 { Direction::Up } else { Direction::Down },
            statistic: self.departure.abs(),
            onset_mark: self.onset_mark,
            run: self.run,
            size: self.departure.abs(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::assert_goes_on_alike;

    #[test]
    fn what_varies_is_not_constant_and_what_varies_by_rounding_is() {
        assert_eq!(Constant::learn([]), None);
        assert_eq!(Constant::learn([f64::NAN, f64::INFINITY]), None);
        assert_eq!(Constant::learn([1.0, 1.0 + 1e-9]), None);
        for value in [0.0, -7.1, 1e9, 1e-300] {
            let mut constant = Constant::learn([value, f64::NAN, value * (1.0 + f64::EPSILON)]).unwrap();
            for value in [value, value * (1.0 + f64::EPSILON), value * (1.0 - f64::EPSILON), f64::NAN] {
                assert_eq!(constant.observe(value, 0), Step::Quiet, "{value}");
            }
            assert!(matches!(constant.observe(value + 1e-6 * value.abs().max(1.0), 3), Step::Raised(_)), "{value}");
        }
    }

    /// How often it is cleared by that many old values.
    fn cleared(constant: &mut Constant, values: usize) -> usize {
        (0..values).filter(|_| constant.observe(5.0, 99) == Step::Cleared).count()
    }

    #[test]
    fn a_change_is_told_once_and_stands_until_the_old_value_is_back_for_long() {
        let mut constant = Constant::learn([5.0; 30]).unwrap();
        assert_eq!(constant.observe(5.0, 0), Step::Quiet);
        let Step::Raised(shift) = constant.observe(4.5, 1) else { panic!("not told") };
        assert_eq!((shift.direction, shift.onset_mark, shift.run), (Direction::Down, 1, 1));
        assert!((shift.size - 0.5).abs() < 1e-9);
        assert_eq!(cleared(&mut constant, 19), 0);
        assert!(matches!(
            constant.observe(6.0, 21),
            Step::Standing(Shift { direction: Direction::Up, onset_mark: 1, .. })
        ));
        assert_eq!([19, 1, 30].map(|values| cleared(&mut constant, values)), [0, 1, 0]);
    }

    proptest! {
        #[test]
        fn a_restored_one_goes_on_alike(
            values in prop::collection::vec(prop_oneof![8 => Just(2.0), 1 => any::<f64>()], 2..80), at in 0usize..79,
        ) {
            let constant = Constant::learn([2.0]).unwrap();
            assert_goes_on_alike(constant, &values, at, |constant, value, mark| constant.observe(value, mark));
        }
    }
}
