use std::collections::BTreeMap;

use super::chain::Chain;
use crate::chart::{Marks, Pattern, Rule};
use crate::normal;

/// More states than this are not solved: the time goes with their cube.
const STATES_MAX: usize = 2_000;

/// Average run length in control of a Shewhart chart with limits at ± 3 and all of [`Rule::NELSON`], over independent
/// normal values; in observations. By simulation of two million runs, which leave a standard error of 0.05:
/// two of the rules look at more than zones, so that no finite chain gives it.
pub const NELSON_ARL: f64 = 73.5;

/// Average run length of a Shewhart chart with these rules and control limits at ± `limit`, over independent normal values
/// with mean `shift` and unit variance. All in standard deviations; the result in observations. `None` if a rule looks at
/// more than the zones of points ([`Rule::SixRisingOrFalling`], [`Rule::FourteenAlternating`]), or if the rules together
/// have more than 2000 states.
///
/// The Markov chain of C. W. Champ and W. H. Woodall, Technometrics 29 (1987) 393. Its states are not written down but
/// found: they are all the histories that the chart itself can come to have from the start, each without what cannot help
/// any rule any more.
pub fn runs_rules_arl(rules: &[Rule], limit: f64, shift: f64) -> Option<f64> {
    let patterns: Vec<Pattern> = rules.iter().map(|rule| rule.pattern()).collect();
    if !patterns.iter().all(|pattern| pattern.mark.is_of_zone()) {
        return None;
    }
    let zones = zones(limit);
    let onward = histories(&patterns, limit, &zones)?;
    let probability: Vec<f64> = zones.iter().map(|zone| zone.probability(shift)).collect();
    let of = |from: usize, to: Option<usize>| -> f64 {
        onward[from].iter().zip(&probability).filter(|(next, _)| **next == to).map(|(_, p)| p).sum()
    };
    let chain = Chain::new(onward.len(), |from, to| of(from, Some(to)), |from| of(from, None));
    chain.run_lengths().first().copied()
}

/// Values that no rule tells from each other.
struct Zone {
    from: f64,
    to: f64,
}

impl Zone {
    fn probability(&self, shift: f64) -> f64 {
        let (from, to) = (self.from - shift, self.to - shift);
        // The smaller tails, so that far zones keep their digits.
        if from > 0.0 {
            normal::cumulative(-from) - normal::cumulative(-to)
        } else {
            normal::cumulative(to) - normal::cumulative(from)
        }
    }

    /// A value inside.
    fn inside(&self) -> f64 {
        match (self.from.is_finite(), self.to.is_finite()) {
            (true, true) => 0.5 * (self.from + self.to),
            (true, false) => self.from + 1.0,
            _ => self.to - 1.0,
        }
    }
}

fn zones(limit: f64) -> Vec<Zone> {
    let mut edges = vec![-limit, -2.0, -1.0, 0.0, 1.0, 2.0, limit, f64::NEG_INFINITY, f64::INFINITY];
    edges.sort_by(f64::total_cmp);
    edges.dedup();
    edges.windows(2).map(|pair| Zone { from: pair[0], to: pair[1] }).collect()
}

/// For each history that can come about, where each zone leads: to another one, or to an alarm. The first is the start.
fn histories(patterns: &[Pattern], limit: f64, zones: &[Zone]) -> Option<Vec<Vec<Option<usize>>>> {
    let mut found = vec![Marks::default()];
    let mut number = BTreeMap::from([(Marks::default(), 0)]);
    let mut onward = Vec::new();
    while onward.len() < found.len() {
        let from = found[onward.len()];
        let mut leads = Vec::with_capacity(zones.len());
        for zone in zones {
            let mut marks = from;
            marks.push(zone.inside(), None, limit);
            let alarm = patterns.iter().any(|&pattern| (0..2).any(|side| pattern.is_in(marks.of(pattern.mark, side))));
            marks.keep_useful(patterns);
            leads.push((!alarm).then(|| {
                *number.entry(marks).or_insert_with(|| {
                    found.push(marks);
                    found.len() - 1
                })
            }));
        }
        onward.push(leads);
        if found.len() > STATES_MAX {
            return None;
        }
    }
    Some(onward)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::shewhart_arl;
    use super::*;
    use crate::testing::Noise;
    use crate::{Shewhart, Step};

    const C1: Rule = Rule::BeyondLimits;
    const C2: Rule = Rule::TwoOfThreeBeyondTwoSigma;
    const C3: Rule = Rule::FourOfFiveBeyondOneSigma;
    const C4: Rule = Rule::EightOnOneSide;

    /// Champ and Woodall (1987), table 1.
    #[test]
    fn champ_and_woodalls_table_is_reproduced() {
        for (rules, shift, arl) in [
            (&[C1][..], 0.0, 370.40),
            (&[C1, C2], 0.0, 225.44),
            (&[C1, C3], 0.0, 166.05),
            (&[C1, C4], 0.0, 152.73),
            (&[C1, C2], 1.0, 20.01),
            (&[C1, C3], 1.0, 12.66),
            (&[C1, C4], 1.0, 14.58),
            (&[C1, C2, C3, C4], 0.0, 91.75),
            (&[C1, C2, C3, C4], 1.0, 9.22),
            (&[C1, C2, C3, C4], 3.0, 1.67),
        ] {
            let ours = runs_rules_arl(rules, 3.0, shift).unwrap();
            assert!((ours - arl).abs() < 0.00501, "{rules:?}, shift {shift}: {ours}, expected {arl}");
        }
    }

    #[test]
    fn limits_alone_have_the_closed_form() {
        for (limit, shift) in [(3.0, 0.5), (1.5, 0.0), (4.5, 1.0)] {
            let ours = runs_rules_arl(&[C1], limit, shift).unwrap();
            assert!((ours / shewhart_arl(limit, 1, shift) - 1.0).abs() < 1e-9);
        }
    }

    /// A run of r points with a mark of probability p takes (p^-r - 1) / (1 - p) points on average (W. Feller, An
    /// Introduction to Probability Theory and Its Applications I, chapter XIII).
    #[test]
    fn runs_within_and_beyond_one_sigma_have_the_closed_form() {
        let within = 1.0 - 2.0 * normal::cumulative(-1.0);
        for (rule, p, length) in
            [(Rule::FifteenWithinOneSigma, within, 15), (Rule::EightBeyondOneSigma, 1.0 - within, 8)]
        {
            let ours = runs_rules_arl(&[rule], 3.0, 0.0).unwrap();
            assert!((ours / ((p.powi(-length) - 1.0) / (1.0 - p)) - 1.0).abs() < 1e-9, "{rule:?}: {ours}");
        }
    }

    /// Mean run length of Nelson's rules over that many runs, with its standard error.
    fn nelson_simulated(runs: u32) -> (f64, f64) {
        let mut noise = Noise::new(17);
        let mut chart = Shewhart::new(3.0, &Rule::NELSON);
        let mut length = || {
            chart.reset();
            1.0 + (0..).take_while(|_| chart.observe(noise.normal(), 0) == Step::Quiet).count() as f64
        };
        let lengths: Vec<f64> = (0..runs).map(|_| length()).collect();
        let mean = lengths.iter().sum::<f64>() / f64::from(runs);
        let squares: f64 = lengths.iter().map(|length| (length - mean).powi(2)).sum();
        (mean, squares.sqrt() / f64::from(runs))
    }

    #[test]
    fn nelsons_rules_have_the_run_length_that_is_told() {
        let (mean, error) = nelson_simulated(10_000);
        assert!((mean - NELSON_ARL).abs() < 3.0 * error, "{mean} +- {error}");
    }

    #[test]
    fn rules_that_look_at_more_than_zones_have_no_chain() {
        assert_eq!(runs_rules_arl(&Rule::NELSON, 3.0, 0.0), None);
    }
}
