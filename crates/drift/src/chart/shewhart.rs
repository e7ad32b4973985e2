use serde::{Deserialize, Serialize};

use super::rule::{Marks, Rule};
use super::{Direction, Shift, Step};

/// Points that the longest rule looks at.
const POINTS_MAX: usize = 15;

/// Shewhart chart of standardised observations, with the run rules that are asked for.
///
/// W. A. Shewhart, Economic Control of Quality of Manufactured Product (1931); for the rules see [`Rule`]. A shift stands
/// as long as some rule is broken on its side. For people who know the rules: together they alarm far more often than the
/// limits alone (see [`runs_rules_arl`](crate::calibration::runs_rules_arl)), so no false-alarm budget is spent on them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shewhart {
    limit: f64,
    asked: u16,
    marks: Marks,
    /// A ring: the newest is at `count - 1`, modulo its length.
    recent: [(f64, i64); POINTS_MAX],
    count: u64,
    broken: [u16; 2],
    standing: Option<Run>,
}

/// The points that a shift is seen in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Run {
    direction: Direction,
    onset_mark: i64,
    points: u32,
    total: f64,
}

impl Shewhart {
    /// A chart with control limits at ± `limit` standard deviations (by tradition 3), that looks for these rules.
    pub fn new(limit: f64, rules: &[Rule]) -> Self {
        Self {
            limit,
            asked: rules.iter().fold(0, |all, &rule| all | bit(rule)),
            marks: Marks::default(),
            recent: [(0.0, 0); POINTS_MAX],
            count: 0,
            broken: [0; 2],
            standing: None,
        }
    }

    /// The limit, standard deviations.
    pub fn threshold(&self) -> f64 {
        self.limit
    }

    /// Whether a rule is broken.
    pub fn is_standing(&self) -> bool {
        self.standing.is_some()
    }

    /// The rules that the latest observation broke, the plainest first.
    pub fn broken(&self) -> impl Iterator<Item = Rule> + '_ {
        let all = self.broken[0] | self.broken[1];
        Rule::ALL.into_iter().filter(move |&rule| all & bit(rule) != 0)
    }

    /// Takes the next observation in. `mark` is the caller's name for it (a time, a number); it comes back as onset: that
    /// of the first point of the plainest rule broken. An observation that is not finite changes nothing.
    pub fn observe(&mut self, z: f64, mark: i64) -> Step {
        if !z.is_finite() {
            return Step::Quiet;
        }
        let before = (self.count > 0).then(|| self.back(1).0);
        self.marks.push(z, before, self.limit);
        self.recent[(self.count % POINTS_MAX as u64) as usize] = (z, mark);
        self.count += 1;
        self.broken = [self.broken_on(0), self.broken_on(1)];

        let stood = self.standing.take();
        let Some((side, rule)) = self.plainest(z) else {
            return if stood.is_some() { Step::Cleared } else { Step::Quiet };
        };
        let direction = if side == 0 { Direction::Up } else { Direction::Down };
        let (run, raised) = match stood {
            Some(run) if run.direction == direction => {
                (Run { points: run.points.saturating_add(1), total: run.total + z, ..run }, false)
            }
            _ => (self.run_of(rule, side, direction), true),
        };
        self.standing = Some(run);
        let size = (run.total / f64::from(run.points)).abs();
        let shift = Shift { direction, statistic: z.abs(), onset_mark: run.onset_mark, run: run.points, size };
        if raised { Step::Raised(shift) } else { Step::Standing(shift) }
    }

    /// Forgets all observations: the process was changed on purpose. Returns whether a rule was broken.
    pub fn reset(&mut self) -> bool {
        let stood = self.is_standing();
        *self = Self { asked: self.asked, ..Self::new(self.limit, &[]) };
        stood
    }

    /// The observation that many places back, the newest being 1.
    fn back(&self, places: u64) -> (f64, i64) {
        self.recent[((self.count - places) % POINTS_MAX as u64) as usize]
    }

    fn broken_on(&self, side: usize) -> u16 {
        let is_broken = |rule: &Rule| {
            let pattern = rule.pattern();
            self.asked & bit(*rule) != 0 && pattern.is_in(self.marks.of(pattern.mark, side))
        };
        Rule::ALL.into_iter().filter(is_broken).fold(0, |all, rule| all | bit(rule))
    }

    /// The plainest rule broken and its side; what is broken on both sides counts for that of the observation.
    fn plainest(&self, z: f64) -> Option<(usize, Rule)> {
        let own = usize::from(z < 0.0);
        let rule = self.broken().next()?;
        let side = if self.broken[own] & bit(rule) != 0 { own } else { 1 - own };
        Some((side, rule))
    }

    fn run_of(&self, rule: Rule, side: usize, direction: Direction) -> Run {
        let pattern = rule.pattern();
        let points = pattern.length(self.marks.of(pattern.mark, side));
        let total = (1..=u64::from(points)).map(|places| self.back(places).0).sum();
        Run { direction, onset_mark: self.back(u64::from(points)).1, points, total }
    }
}

fn bit(rule: Rule) -> u16 {
    1 << rule as u16
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::assert_goes_on_alike;

    /// Whether the last of these points breaks the rule, by its words.
    fn breaks(rule: Rule, values: &[f64]) -> bool {
        let last = |n: usize| values.len().checked_sub(n).map(|from| &values[from..]);
        let all =
            |n: usize, holds: &dyn Fn(f64) -> bool| last(n).is_some_and(|points| points.iter().all(|&z| holds(z)));
        let either = |holds: &dyn Fn(f64) -> bool| [1.0, -1.0].into_iter().any(holds);
        let some = |sign: f64, need: usize, of: usize, beyond: f64| {
            let marked = |z: &&f64| sign * **z > beyond;
            let newest = values.last().is_some_and(|z| sign * z > beyond);
            newest && values.iter().rev().take(of).filter(marked).count() >= need
        };
        let moves =
            |n: usize| last(n).map(|points| points.windows(2).map(|pair| pair[1] - pair[0]).collect::<Vec<_>>());
        match rule {
            Rule::BeyondLimits => all(1, &|z| z.abs() > 3.0),
            Rule::TwoOfThreeBeyondTwoSigma => either(&|sign| some(sign, 2, 3, 2.0)),
            Rule::FourOfFiveBeyondOneSigma => either(&|sign| some(sign, 4, 5, 1.0)),
            Rule::EightOnOneSide => either(&|sign| all(8, &|z| sign * z > 0.0)),
            Rule::NineOnOneSide => either(&|sign| all(9, &|z| sign * z > 0.0)),
            Rule::SixRisingOrFalling => {
                moves(6).is_some_and(|moves| either(&|sign| moves.iter().all(|step| sign * step > 0.0)))
            }
            Rule::FourteenAlternating => {
                moves(14).is_some_and(|moves| moves.windows(2).all(|pair| pair[0] * pair[1] < 0.0))
            }
            Rule::FifteenWithinOneSigma => all(15, &|z| z.abs() < 1.0),
            Rule::EightBeyondOneSigma => all(8, &|z| z.abs() > 1.0),
        }
    }

    proptest! {
        /// Noise, slow waves and teeth, so that each of the rules is broken now and then.
        #[test]
        fn rules_are_broken_by_their_words(
            noise in prop::collection::vec(-1.0..1.0f64, 60),
            scale in 0.1..3.5f64, slope in -0.3..0.3f64, tooth in -2.0..2.0f64,
        ) {
            let mut chart = Shewhart::new(3.0, &Rule::ALL);
            let mut values = Vec::new();
            for (mark, noise) in noise.into_iter().enumerate() {
                let t = mark as f64;
                values.push(scale * noise + slope * (t - 30.0) + if mark % 2 == 0 { tooth } else { -tooth });
                chart.observe(values[mark], mark as i64);
                let expected: Vec<Rule> = Rule::ALL.into_iter().filter(|&rule| breaks(rule, &values)).collect();
                prop_assert_eq!(chart.broken().collect::<Vec<_>>(), expected);
            }
        }

        #[test]
        fn a_restored_chart_goes_on_alike(values in prop::collection::vec(-4.0..4.0f64, 2..80), at in 0usize..79) {
            assert_goes_on_alike(Shewhart::new(3.0, &Rule::NELSON), &values, at, |chart, z, mark| chart.observe(z, mark));
        }

        #[test]
        fn what_is_not_finite_changes_nothing(
            values in prop::collection::vec(
                prop_oneof![-4.0..4.0f64, prop::num::f64::ANY, Just(f64::NAN), Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
                0..60,
            ),
        ) {
            let mut chart = Shewhart::new(3.0, &Rule::ALL);
            let mut clean = chart.clone();
            for (mark, &z) in values.iter().enumerate() {
                chart.observe(z, mark as i64);
                if z.is_finite() {
                    clean.observe(z, mark as i64);
                }
            }
            prop_assert_eq!(chart, clean);
        }
    }

    #[test]
    fn a_run_on_one_side_is_dated_to_its_first_point() {
        let mut chart = Shewhart::new(3.0, &[Rule::EightOnOneSide]);
        let mut steps = Vec::new();
        for mark in 0..14 {
            let z = if (3..12).contains(&mark) { -0.5 } else { 0.5 };
            steps.push(chart.observe(z, mark));
        }
        let shift = |run| Shift { direction: Direction::Down, statistic: 0.5, onset_mark: 3, run, size: 0.5 };
        assert!(steps[..10].iter().all(|step| *step == Step::Quiet));
        assert_eq!(steps[10..], [Step::Raised(shift(8)), Step::Standing(shift(9)), Step::Cleared, Step::Quiet]);
    }

    #[test]
    fn a_trend_is_dated_to_the_point_it_rises_from() {
        let mut chart = Shewhart::new(3.0, &[Rule::SixRisingOrFalling]);
        let step =
            [0.3, 0.2, 0.4, 0.6, 0.7, 0.8, 0.9].into_iter().zip(0..).map(|(z, mark)| chart.observe(z, mark)).last();
        assert!(
            matches!(step, Some(Step::Raised(Shift { direction: Direction::Up, onset_mark: 1, run: 6, .. }))),
            "{step:?}"
        );
    }

    /// Points that are all too good: nothing has shifted, but the chart does not fit the process.
    #[test]
    fn a_reset_forgets_the_points_and_keeps_the_rules() {
        let mut chart = Shewhart::new(3.0, &[Rule::FifteenWithinOneSigma]);
        for _ in 0..2 {
            let steps: Vec<Step> = (0..15).map(|mark| chart.observe(0.1, mark)).collect();
            assert!(matches!(steps[13], Step::Quiet) && matches!(steps[14], Step::Raised(_)));
            assert!(chart.reset());
        }
    }
}
