use serde::{Deserialize, Serialize};

use super::{Direction, Shift, Step};

/// What is known of observations as long as nothing has changed, in their unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounded {
    /// None is ever below this.
    pub low: f64,
    /// None is ever above this.
    pub high: f64,
    /// Whatever came before, the next one's mean is not beyond this: not above it for [`EDetector::rising`], not below
    /// it for [`EDetector::falling`].
    pub mean: f64,
}

/// A chart whose run length between false alarms holds for every distribution within known bounds, skewed, discrete or
/// changing, and for observations that depend on each other, as long as the mean of each, given those before it, is not
/// beyond the stated one. Not asymptotic, not calibrated: proved.
///
/// It is the mixture of Shiryaev-Roberts e-detectors of J. Shin, A. Ramdas and A. Rinaldo, "E-detectors: a nonparametric
/// framework for sequential change detection", New England Journal of Statistics in Data Science 2 (2023); arXiv
/// 2203.03532. For an observation `y`, scaled to 0 ..= 1 with mean at most `m`, each of a few bets has the increment
/// `1 + bet (y / m - 1)`, of mean at most 1; its evidence `E` becomes `(E + 1)` times that. After n observations of a
/// process that has not changed the mean evidence is at most n, so the mean run length to a threshold is at least the
/// threshold, and the chance of a false alarm within n observations at most n by the threshold. The CUSUM form, which
/// takes the larger of `E` and 1, is never above this one and has no better bound.
///
/// The paper's increment for bounded observations, with an exponential, is a lower bound of this one; it needs the
/// logarithm of a bet only to be summed, and adding 1 before every product keeps the evidence above 1 - bet, so that
/// plain products neither vanish nor, held to what decides, overflow. Bets lie on a geometric grid from the one that is
/// best for the smallest shift of interest if all scatter is between the two bounds, as of yes and no, to
/// nine tenths; less scatter favours larger bets. Bets count alike: a mixture loses at most the logarithm of
/// their number against the best of them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EDetector {
    direction: Direction,
    low: f64,
    high: f64,
    mean: f64,
    run_length: f64,
    bets: [Bet; EDetector::BETS],
    /// The bet that spoke for the shift most when it was raised, while that stands.
    raised_by: Option<usize>,
}

/// One bet's evidence for a change at some time, and its best account of when that was.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Bet {
    share: f64,
    evidence: f64,
    /// The largest product of increments over any run that ends here, and that run.
    likeliest: f64,
    onset_mark: i64,
    run: u32,
    total: f64,
}

impl EDetector {
    /// The number of bets.
    const BETS: usize = 10;
    /// The largest bet: a single observation at the far bound leaves a tenth of the evidence.
    const BET_MAX: f64 = 0.9;
    /// The longest run length and the smallest scaled mean that evidence can be counted for in numbers.
    const RUN_LENGTH_MAX: f64 = 1e100;
    const MEAN_MIN: f64 = 1e-100;

    /// A chart for a mean that rises above `known.mean`. `shift`, in the observations' unit, is the smallest one of
    /// interest; `run_length`, observations, the least mean number between false alarms, above 1. `None` if the mean
    /// does not lie between the bounds, or there is no room for the shift.
    pub fn rising(known: Bounded, shift: f64, run_length: f64) -> Option<Self> {
        Self::new(Direction::Up, known, shift, run_length)
    }

    /// As [`EDetector::rising`], for a mean that falls below `known.mean`.
    pub fn falling(known: Bounded, shift: f64, run_length: f64) -> Option<Self> {
        Self::new(Direction::Down, known, shift, run_length)
    }

    fn new(direction: Direction, Bounded { low, high, mean }: Bounded, shift: f64, run_length: f64) -> Option<Self> {
        let range = high - low;
        let scaled_mean = match direction {
            Direction::Up => (mean - low) / range,
            Direction::Down => (high - mean) / range,
        };
        // The likelihood ratio of yes and no with means m and m + shift is the bet shift / (1 - m).
        let smallest = shift / range / (1.0 - scaled_mean);
        let is_possible = range > 0.0
            && range.is_finite()
            && (Self::MEAN_MIN..1.0).contains(&scaled_mean)
            && smallest > 0.0
            && smallest <= 1.0
            && run_length > 1.0
            && run_length <= Self::RUN_LENGTH_MAX;
        if !is_possible {
            return None;
        }
        let smallest = smallest.min(Self::BET_MAX);
        let ratio = libm::pow(Self::BET_MAX / smallest, 1.0 / (Self::BETS - 1) as f64);
        let mut share = smallest;
        let bets = std::array::from_fn(|_| {
            let bet = Bet::new(share.min(Self::BET_MAX));
            share *= ratio;
            bet
        });
        Some(Self { direction, low, high, mean: scaled_mean, run_length, bets, raised_by: None })
    }

    /// The evidence, in the unit of the threshold.
    pub fn statistic(&self) -> f64 {
        self.bets.iter().map(|bet| bet.evidence).sum::<f64>() / Self::BETS as f64
    }

    /// The threshold: the least mean run length between false alarms, observations.
    pub fn threshold(&self) -> f64 {
        self.run_length
    }

    /// Whether a shift stands.
    pub fn is_standing(&self) -> bool {
        self.raised_by.is_some()
    }

    /// Takes the next observation in; `mark` is the caller's name for it. One that is not finite changes nothing, one
    /// beyond the bounds counts as at the bound. The onset of a shift is the begin of the run that speaks for it most;
    /// its size is in the unit of the observations. It is cleared, and all forgotten, once the bet that found it would
    /// have lost from any begin on.
    pub fn observe(&mut self, value: f64, mark: i64) -> Step {
        if !value.is_finite() {
            return if self.is_standing() { Step::Standing(self.shift()) } else { Step::Quiet };
        }
        let value = value.clamp(self.low, self.high);
        let range = self.high - self.low;
        let scaled = match self.direction {
            Direction::Up => (value - self.low) / range,
            Direction::Down => (self.high - value) / range,
        };
        // A bet at this alone is beyond the threshold: more evidence decides nothing.
        let evidence_max = self.run_length * Self::BETS as f64;
        for bet in &mut self.bets {
            bet.observe(scaled, self.mean, self.run_length, evidence_max, mark);
        }
        match self.raised_by {
            Some(bet) if self.bets[bet].likeliest <= 1.0 => {
                self.reset();
                Step::Cleared
            }
            Some(_) => Step::Standing(self.shift()),
            None if self.statistic() >= self.run_length => {
                self.raised_by = Some(self.strongest());
                Step::Raised(self.shift())
            }
            None => Step::Quiet,
        }
    }

    /// Forgets all observations: the process was changed on purpose. Returns whether a shift had stood.
    pub fn reset(&mut self) -> bool {
        for bet in &mut self.bets {
            *bet = Bet::new(bet.share);
        }
        self.raised_by.take().is_some()
    }

    fn strongest(&self) -> usize {
        let stronger = |best: usize, bet: usize| match self.bets[bet].likeliest > self.bets[best].likeliest {
            true => bet,
            false => best,
        };
        (0..Self::BETS).fold(0, stronger)
    }

    fn shift(&self) -> Shift {
        let bet = &self.bets[self.strongest()];
        let scaled = bet.total / f64::from(bet.run.max(1)) - self.mean;
        Shift {
            direction: self.direction,
            statistic: self.statistic(),
            onset_mark: bet.onset_mark,
            run: bet.run,
            size: (scaled * (self.high - self.low)).max(0.0),
        }
    }
}

impl Bet {
    fn new(share: f64) -> Self {
        Self { share, evidence: 0.0, likeliest: 0.0, onset_mark: 0, run: 0, total: 0.0 }
    }

    fn observe(&mut self, scaled: f64, mean: f64, likeliest_max: f64, evidence_max: f64, mark: i64) {
        let increment = 1.0 + self.share * (scaled / mean - 1.0);
        self.evidence = ((self.evidence + 1.0) * increment).min(evidence_max);
        if self.likeliest <= 1.0 {
            (self.likeliest, self.onset_mark, self.run, self.total) = (1.0, mark, 0, 0.0);
        }
        // Held to the threshold, so that a shift that has gone is seen to have gone in reasonable time.
        self.likeliest = (self.likeliest * increment).min(likeliest_max);
        self.run = self.run.saturating_add(1);
        self.total += scaled;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::Noise;

    const PERCENT: Bounded = Bounded { low: 0.0, high: 100.0, mean: 20.0 };

    /// Processes in 0 ..= 1 whose next mean, whatever came before, is 0.2.
    fn nasty(kind: u32, noise: &mut Noise, before: f64) -> f64 {
        let coin = |noise: &mut Noise, chance: f64| if noise.uniform() < chance { 1.0 } else { 0.0 };
        match kind {
            0 => coin(noise, 0.2),
            1 => noise.uniform().powi(4),
            2 if before > 0.2 => coin(noise, 0.2), // calm after a low value, wild after a high one
            2 => 0.2 + 0.1 * (noise.uniform() - 0.5),
            3 => coin(noise, 0.4) * 0.5,
            _ => 0.2,
        }
    }

    /// The mean run length against the bound, and the share of short runs against theirs.
    #[test]
    fn false_alarms_are_no_more_often_than_proved_whatever_the_distribution() {
        const RUN_LENGTH: f64 = 60.0;
        let mut noise = Noise::new(3);
        for kind in 0..5 {
            for direction in [Direction::Up, Direction::Down] {
                let (mut lengths, mut short) = (Vec::new(), 0);
                for _ in 0..600 {
                    let known = match direction {
                        Direction::Up => Bounded { low: 0.0, high: 1.0, mean: 0.2 },
                        Direction::Down => Bounded { low: -1.0, high: 0.0, mean: -0.2 },
                    };
                    let mut chart = EDetector::new(direction, known, 0.1, RUN_LENGTH).unwrap();
                    let mut value = 0.0;
                    let length = (1..3_000i64).find(|&mark| {
                        value = nasty(kind, &mut noise, value);
                        let seen = if direction == Direction::Up { value } else { -value };
                        matches!(chart.observe(seen, mark), Step::Raised(_))
                    });
                    lengths.push(length.unwrap_or(3_000) as f64);
                    short += u32::from(length.is_some_and(|length| length <= 12));
                }
                let mean = lengths.iter().sum::<f64>() / lengths.len() as f64;
                assert!(mean >= RUN_LENGTH, "kind {kind}: {mean}");
                // 12 of 60: at most a fifth of all runs, with three standard errors.
                assert!(f64::from(short) < 600.0 * 0.2 + 30.0, "kind {kind}: {short}");
            }
        }
    }

    /// With the one bet that is the likelihood ratio the run length of a coin comes near the bound, so the test above can
    /// fail.
    #[test]
    fn the_bound_is_nearly_reached() {
        let mut noise = Noise::new(4);
        let known = Bounded { low: 0.0, high: 1.0, mean: 0.2 };
        let mut total = 0;
        for _ in 0..1_000 {
            let mut chart = EDetector::rising(known, 0.8, 60.0).unwrap();
            total += (1i64..)
                .find(|&mark| matches!(chart.observe(nasty(0, &mut noise, 0.0), mark), Step::Raised(_)))
                .unwrap();
        }
        let mean = total as f64 / 1_000.0;
        assert!((60.0..400.0).contains(&mean), "{mean}");
    }

    #[test]
    fn a_shift_is_found_told_when_and_seen_to_go() {
        let mut noise = Noise::new(9);
        for direction in [Direction::Up, Direction::Down] {
            let known = match direction {
                Direction::Up => PERCENT,
                Direction::Down => Bounded { mean: 80.0, ..PERCENT },
            };
            let mut chart = EDetector::new(direction, known, 5.0, 1e6).unwrap();
            let (mut raised, mut cleared) = (None, None);
            for mark in 0..2_000 {
                let share = if (500..800).contains(&mark) { 0.5 } else { 0.1 };
                let distance = 100.0 * share * 2.0 * noise.uniform();
                let value = if direction == Direction::Up { distance } else { 100.0 - distance };
                match chart.observe(value, mark) {
                    Step::Raised(shift) => raised = raised.or(Some((mark, shift))),
                    Step::Cleared => cleared = Some(mark),
                    _ => {}
                }
            }
            let (mark, shift) = raised.unwrap();
            assert!((505..540).contains(&mark), "{mark}");
            assert!((495..510).contains(&shift.onset_mark), "{shift:?}");
            assert!((shift.size - 30.0).abs() < 10.0, "{shift:?}");
            assert_eq!(shift.direction, direction);
            assert!(cleared.is_some_and(|mark| (800..1_000).contains(&mark)), "{cleared:?}");
        }
    }

    #[test]
    fn what_cannot_be_is_no_chart() {
        let cases = [
            (PERCENT, 0.0, 100.0),
            (PERCENT, 81.0, 100.0),
            (PERCENT, 5.0, 1.0),
            (PERCENT, f64::NAN, 100.0),
            (PERCENT, 5.0, f64::INFINITY),
            (Bounded { mean: 0.0, ..PERCENT }, 5.0, 100.0),
            (Bounded { mean: 100.0, ..PERCENT }, 5.0, 100.0),
            (Bounded { low: 7.0, high: 7.0, mean: 7.0 }, 5.0, 100.0),
            (Bounded { low: f64::NEG_INFINITY, ..PERCENT }, 5.0, 100.0),
        ];
        for (known, shift, run_length) in cases {
            assert_eq!(EDetector::rising(known, shift, run_length), None, "{known:?} {shift} {run_length}");
        }
        assert!(EDetector::rising(PERCENT, 80.0, 100.0).is_some());
    }

    proptest! {
        /// The recursion against the definition: for each bet the sum over all starts of the product from there on.
        #[test]
        fn the_evidence_is_the_sum_over_all_starts(values in prop::collection::vec(0.0..100.0f64, 1..25)) {
            let mut chart = EDetector::rising(PERCENT, 5.0, 1e90).unwrap();
            values.iter().for_each(|&value| { chart.observe(value, 0); });
            let evidence = |share: f64| (0..values.len())
                .map(|from| values[from..].iter().map(|value| 1.0 + share * (value / 20.0 - 1.0)).product::<f64>())
                .sum::<f64>();
            let mean = chart.bets.iter().map(|bet| evidence(bet.share)).sum::<f64>() / EDetector::BETS as f64;
            prop_assert!((chart.statistic() / mean - 1.0).abs() < 1e-9);
        }

        #[test]
        fn nothing_breaks_it(
            values in prop::collection::vec(any::<f64>(), 0..200),
            mean in 1e-12..99.0f64,
            run_length in prop::sample::select(vec![2.0, 1e6, 1e100]),
        ) {
            let Some(mut chart) = EDetector::rising(Bounded { mean, ..PERCENT }, 1.0, run_length) else { return Ok(()) };
            for value in values {
                let before = chart.clone();
                chart.observe(value, 0);
                prop_assert!(chart.statistic().is_finite() && chart.statistic() >= 0.0);
                prop_assert!(value.is_finite() || chart == before);
            }
        }

        #[test]
        fn a_large_offset_changes_no_verdict(values in prop::collection::vec(0u32..100, 1..200)) {
            let mut chart = EDetector::rising(PERCENT, 5.0, 1e3).unwrap();
            let offset = |value: f64| 1e9 + value;
            let known = Bounded { low: offset(0.0), high: offset(100.0), mean: offset(20.0) };
            let mut moved = EDetector::rising(known, 5.0, 1e3).unwrap();
            for (mark, value) in values.into_iter().enumerate() {
                let value = f64::from(value);
                prop_assert_eq!(chart.observe(value, mark as i64), moved.observe(offset(value), mark as i64));
            }
        }

        #[test]
        fn a_restored_chart_goes_on_alike(values in prop::collection::vec(0.0..100.0f64, 2..80), at in 0usize..79) {
            let mut chart = EDetector::rising(PERCENT, 5.0, 50.0).unwrap();
            let mut other = chart.clone();
            for (mark, &value) in values.iter().enumerate() {
                if mark == at {
                    other = postcard::from_bytes(&postcard::to_stdvec(&other).unwrap()).unwrap();
                }
                prop_assert_eq!(chart.observe(value, mark as i64), other.observe(value, mark as i64));
            }
        }
    }
}
