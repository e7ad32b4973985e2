//! CUSUMs of counts: rejected parts, faults, micro-stops. Observations are whole numbers or outcomes, so no observation
//! can be wrong, and sums are whole numbers, so no rounding can decide an alarm.

mod sum;

use serde::{Deserialize, Serialize};
pub use sum::CountCusum;

use super::{Direction, Step};
use crate::calibration::{CountDesign, CountLaw, InControlRate};

/// Number of events per interval: the Poisson CUSUM.
///
/// `S = max(0, S + X - k)`, an alarm when S reaches the threshold; downward with the signs changed. J. M. Lucas,
/// "Counted data CUSUM's", Technometrics 27 (1985) 129.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PoissonCusum(CountCusum);

/// Part by part, good or bad: the Bernoulli CUSUM.
///
/// `S = max(0, S + X - k)`, X being 1 for a bad part and 0 for a good one. It needs no samples to be formed, and finds a
/// shift sooner than charts of sample proportions. M. R. Reynolds and Z. G. Stoumbos, Journal of Quality Technology 31
/// (1999) 87.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BernoulliCusum(CountCusum);

/// Good parts between one bad part and the next: the geometric CUSUM, where a station tells only its faults and a
/// counter.
///
/// It is the Bernoulli CUSUM looked at when a bad part comes, and gives the same alarms (Reynolds and Stoumbos, 1999),
/// so its run length is that of the Bernoulli chart, in parts. P. D. Bourke, Journal of Quality Technology 23 (1991) 225.
/// Upward only: that bad parts have become rare is to be said before the next one comes, which [`BernoulliCusum`] does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GeometricCusum(CountCusum);

impl PoissonCusum {
    /// A chart for a rate in events per interval. `multiple` is the multiple of it to be found soonest, more than 1 to
    /// look upward and less to look downward; `run_length` the mean number of intervals from one false alarm to the next,
    /// at least. `None` if there is no such chart, for example for a rate that is not positive. Beyond about 100 events
    /// per interval a chart of standardised values ([`crate::Cusum`]) is the simpler choice.
    pub fn new(in_control: InControlRate, multiple: f64, run_length: f64) -> Option<Self> {
        CountDesign::new(CountLaw::Poisson, in_control, multiple, run_length).map(CountCusum::new).map(Self)
    }

    /// Takes the events of the next interval in. `mark` is the caller's name for it.
    pub fn observe(&mut self, events: u64, mark: i64) -> Step {
        self.0.observe(events, mark)
    }

    /// What the chart holds.
    pub fn sum(&self) -> &CountCusum {
        &self.0
    }

    /// Forgets all observations: the process was changed on purpose. Returns whether a shift had stood.
    pub fn reset(&mut self) -> bool {
        self.0.reset()
    }
}

impl BernoulliCusum {
    /// A chart for a rate in bad parts per part. `multiple` is the multiple of it to be found soonest, more than 1 to
    /// look upward and less to look downward; `run_length` the mean number of parts from one false alarm to the next, at
    /// least. `None` if there is no such chart: the rate and its multiple must lie between 0 and 1.
    pub fn new(in_control: InControlRate, multiple: f64, run_length: f64) -> Option<Self> {
        CountDesign::new(CountLaw::Bernoulli, in_control, multiple, run_length).map(CountCusum::new).map(Self)
    }

    /// Takes the next part in. `mark` is the caller's name for it.
    pub fn observe(&mut self, is_bad: bool, mark: i64) -> Step {
        self.0.observe(u64::from(is_bad), mark)
    }

    /// What the chart holds.
    pub fn sum(&self) -> &CountCusum {
        &self.0
    }

    /// Forgets all observations: the process was changed on purpose. Returns whether a shift had stood.
    pub fn reset(&mut self) -> bool {
        self.0.reset()
    }
}

impl GeometricCusum {
    /// A chart for a rate in bad parts per part. `multiple` of it, more than 1, is to be found soonest; `run_length` is
    /// the mean number of parts from one false alarm to the next, at least. `None` if there is no such chart.
    pub fn new(in_control: InControlRate, multiple: f64, run_length: f64) -> Option<Self> {
        let design = CountDesign::new(CountLaw::Bernoulli, in_control, multiple, run_length)?;
        (design.lattice.direction == Direction::Up).then(|| Self(CountCusum::new(design)))
    }

    /// Takes the next bad part in, and the good ones that came before it and after the last bad one. `mark` is the
    /// caller's name for the bad part.
    pub fn observe(&mut self, good_before: u64, mark: i64) -> Step {
        self.0.observe_after(good_before, mark)
    }

    /// What the chart holds.
    pub fn sum(&self) -> &CountCusum {
        &self.0
    }

    /// Forgets all observations: the process was changed on purpose. Returns whether a shift had stood.
    pub fn reset(&mut self) -> bool {
        self.0.reset()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KNOWN: fn(f64) -> InControlRate = InControlRate::Known;

    /// Uniform numbers between 0 and 1, the same every time.
    fn uniforms(seed: u64) -> impl Iterator<Item = f64> {
        (1u64..).map(move |step| {
            let mut bits = seed.wrapping_add(step.wrapping_mul(0x9E37_79B9_7F4A_7C15));
            bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((bits ^ (bits >> 31)) >> 11) as f64 / (1u64 << 53) as f64
        })
    }

    fn poisson(rate: f64, uniforms: &mut impl Iterator<Item = f64>) -> u64 {
        let (limit, mut product, mut count) = ((-rate).exp(), uniforms.next().unwrap(), 0);
        while product > limit {
            product *= uniforms.next().unwrap();
            count += 1;
        }
        count
    }

    /// Mean run length of that many runs from the start, with its standard error.
    fn simulated(runs: u32, mut is_raised: impl FnMut(bool) -> bool) -> (f64, f64) {
        let mut length = || 1 + (0..).take_while(|&n| !is_raised(n == 0)).count();
        let lengths: Vec<f64> = (0..runs).map(|_| length() as f64).collect();
        let mean = lengths.iter().sum::<f64>() / f64::from(runs);
        let variance = lengths.iter().map(|length| (length - mean).powi(2)).sum::<f64>() / f64::from(runs - 1);
        (mean, (variance / f64::from(runs)).sqrt())
    }

    #[test]
    fn poisson_run_lengths_hold_in_simulation() {
        for (rate, multiple) in [(0.3, 2.0), (4.0, 1.5), (4.0, 0.6)] {
            let mut chart = PoissonCusum::new(KNOWN(rate), multiple, 200.0).unwrap();
            let mut uniforms = uniforms(7);
            let (mean, error) = simulated(3_000, |starts| {
                if starts {
                    chart.reset();
                }
                matches!(chart.observe(poisson(rate, &mut uniforms), 0), Step::Raised(_))
            });
            let solved = chart.sum().run_length();
            assert!((mean - solved).abs() < 3.0 * error, "{rate} * {multiple}: {mean} +- {error}, solved {solved}");
        }
    }

    #[test]
    fn bernoulli_run_lengths_hold_in_simulation() {
        for (rate, multiple) in [(0.02, 3.0), (0.1, 2.0), (0.2, 0.4)] {
            let mut chart = BernoulliCusum::new(KNOWN(rate), multiple, 500.0).unwrap();
            let mut uniforms = uniforms(11);
            let (mean, error) = simulated(3_000, |starts| {
                if starts {
                    chart.reset();
                }
                matches!(chart.observe(uniforms.next().unwrap() < rate, 0), Step::Raised(_))
            });
            let solved = chart.sum().run_length();
            assert!((mean - solved).abs() < 3.0 * error, "{rate} * {multiple}: {mean} +- {error}, solved {solved}");
        }
    }

    /// One part in a million bad: hundreds of thousands of states, solved all the same.
    #[test]
    fn the_rarest_events_have_a_chart() {
        let chart = BernoulliCusum::new(KNOWN(1e-6), 4.0, 1e8).unwrap();
        assert!(chart.sum().run_length() >= 1e8 && chart.sum().run_length() < 1.001e8);
        assert!(chart.sum().threshold() > 1.0 && chart.sum().threshold() < 6.0);
    }

    #[test]
    fn impossible_charts_are_refused() {
        for (rate, multiple) in
            [(0.0, 2.0), (1.0, 0.5), (0.4, 3.0), (0.1, 1.0), (0.1, 0.0), (0.1, -1.0), (0.1, f64::NAN)]
        {
            assert_eq!(BernoulliCusum::new(KNOWN(rate), multiple, 100.0), None, "{rate} * {multiple}");
        }
        assert_eq!(PoissonCusum::new(KNOWN(f64::INFINITY), 2.0, 100.0), None);
        assert_eq!(PoissonCusum::new(KNOWN(1.0), 2.0, f64::INFINITY), None);
        assert_eq!(PoissonCusum::new(KNOWN(1.0), 2.0, f64::NAN), None);
        assert_eq!(GeometricCusum::new(KNOWN(0.1), 0.5, 100.0), None);
    }

    /// Periods without trouble are drawn, charts built from what was seen in them, and their true run length taken: it
    /// falls short in no more than one period in ten.
    #[test]
    fn a_chart_from_few_parts_keeps_its_run_length() {
        let (rate, parts, asked) = (0.02, 200, 1_000.0);
        let mut uniforms = uniforms(3);
        let mut short = 0;
        for _ in 0..300 {
            let events = (0..parts).filter(|_| uniforms.next().unwrap() < rate).count() as u64;
            let estimated = InControlRate::Estimated { events, observations: parts };
            let chart = BernoulliCusum::new(estimated, 3.0, asked).unwrap();
            // The run length falls as the rate rises, so it is short exactly if the rate was taken too low.
            short += u32::from(chart.sum().rate() < rate);
        }
        assert!(short <= 45, "{short} of 300");
    }

    #[test]
    fn a_shift_is_raised_from_its_onset_stands_and_clears() {
        let mut chart = BernoulliCusum::new(KNOWN(0.05), 4.0, 500.0).unwrap();
        let mut raised = None;
        for mark in 0..200 {
            let is_bad = (100..120).contains(&mark);
            match chart.observe(is_bad, mark) {
                Step::Raised(shift) => raised = Some(shift),
                Step::Cleared => {
                    let shift = raised.unwrap();
                    assert_eq!((shift.onset_mark, shift.direction), (100, Direction::Up));
                    assert!(shift.run <= 4 && shift.statistic >= chart.sum().threshold());
                    assert!((shift.size - 0.95 / (0.05_f64 * 0.95).sqrt()).abs() < 1e-9);
                    assert!((121..180).contains(&mark), "cleared at {mark}");
                    return;
                }
                _ => {}
            }
        }
        panic!("never cleared, {raised:?}");
    }

    proptest! {
        /// The recursion against the definition: the largest sum over any run that ends here.
        #[test]
        fn the_statistic_is_the_largest_sum_of_a_recent_run(counts in prop::collection::vec(0u64..7, 1..60), up in any::<bool>()) {
            let mut chart = PoissonCusum::new(KNOWN(2.0), if up { 1.5 } else { 0.5 }, 1e5).unwrap();
            for (mark, &count) in counts.iter().enumerate() {
                chart.observe(count, mark as i64);
                prop_assume!(chart.sum().statistic() < 2.0 * chart.sum().threshold());
            }
            let (sign, k) = (if up { 1.0 } else { -1.0 }, chart.sum().reference());
            let largest = (0..=counts.len())
                .map(|from| counts[from..].iter().map(|&count| sign * (count as f64 - k)).sum::<f64>())
                .fold(0.0, f64::max);
            prop_assert!((chart.sum().statistic() - largest).abs() < 1e-9);
        }

        /// Told only of bad parts, the chart says at each of them what it says when told of every part.
        #[test]
        fn runs_of_good_parts_give_the_same_alarms(runs in prop::collection::vec(0u64..60, 1..60)) {
            let mut by_run = GeometricCusum::new(KNOWN(0.03), 3.0, 300.0).unwrap();
            let mut by_part = BernoulliCusum::new(KNOWN(0.03), 3.0, 300.0).unwrap();
            for (mark, &good) in runs.iter().enumerate() {
                (0..good).for_each(|_| { by_part.observe(false, mark as i64); });
                by_part.observe(true, mark as i64);
                by_run.observe(good, mark as i64);
                prop_assert_eq!(by_run.sum(), by_part.sum());
            }
        }

        #[test]
        fn a_restored_chart_goes_on_alike(counts in prop::collection::vec(0u64..8, 2..80), at in 0usize..79) {
            let mut charts = (
                PoissonCusum::new(KNOWN(2.0), 1.5, 50.0).unwrap(),
                BernoulliCusum::new(KNOWN(0.3), 0.3, 50.0).unwrap(),
                GeometricCusum::new(KNOWN(0.2), 2.0, 50.0).unwrap(),
            );
            let mut others = charts.clone();
            for (mark, &count) in (0i64..).zip(&counts) {
                if mark == at as i64 {
                    let bytes = postcard::to_stdvec(&others).unwrap();
                    others = postcard::from_bytes(&bytes).unwrap();
                }
                prop_assert_eq!(charts.0.observe(count, mark), others.0.observe(count, mark));
                prop_assert_eq!(charts.1.observe(count > 4, mark), others.1.observe(count > 4, mark));
                prop_assert_eq!(charts.2.observe(count, mark), others.2.observe(count, mark));
                prop_assert_eq!(&charts, &others);
            }
        }

        /// Whatever is counted, the sum is held, the verdict is a number, and its clearing takes reasonable time.
        #[test]
        fn no_count_is_too_large(counts in prop::collection::vec(prop_oneof![Just(0), Just(u64::MAX), 0u64..1000], 1..40)) {
            let mut charts = [
                PoissonCusum::new(KNOWN(3.0), 1.5, 1e4).unwrap(),
                PoissonCusum::new(KNOWN(3.0), 0.5, 1e4).unwrap(),
            ];
            for (mark, &count) in (0i64..).zip(&counts) {
                for chart in &mut charts {
                    if let Step::Raised(shift) | Step::Standing(shift) = chart.observe(count, mark) {
                        prop_assert!(shift.size.is_finite() && shift.size >= 0.0);
                        prop_assert!(shift.statistic <= 2.0 * chart.sum().threshold());
                    }
                }
            }
        }
    }
}
