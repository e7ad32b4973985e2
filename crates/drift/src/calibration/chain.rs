//! Markov chains that come to an end: every chart is one, with the alarm as the end.

/// Observations after which a chart whose mean moves is held to have ended.
const OBSERVATIONS_MAX: u32 = 1_000_000;
/// A run that lasts on with no more than this probability adds nothing that counts.
const NEGLIGIBLE: f64 = 1e-11;
/// Steps after which a chain that has not ended is held to have settled.
const SETTLING_STEPS_MAX: u32 = 20_000;

/// Probabilities of going from state to state and of ending, in one step.
pub(crate) struct Chain {
    to: Vec<Vec<f64>>,
    end: Vec<f64>,
}

impl Chain {
    /// A chain of that many states, `to(from, to)` and `end(from)` being its probabilities. Those of a state add up to 1.
    pub(crate) fn new(states: usize, to: impl Fn(usize, usize) -> f64, end: impl Fn(usize) -> f64) -> Self {
        let row = |from: usize| (0..states).map(|state| to(from, state)).collect();
        Self { to: (0..states).map(row).collect(), end: (0..states).map(end).collect() }
    }

    /// Mean number of steps to the end, from each state; infinite if there is no way to it.
    ///
    /// States are taken out one by one, from the last, and those that are left inherit their steps; then the lengths are
    /// put back in, from the first. Nothing is ever subtracted, so a run length of 1e12 has as many digits as one of 10:
    /// W. K. Grassmann, M. I. Taksar and D. P. Heyman, Operations Research 33 (1985) 1107. A library's elimination would
    /// lose them, and use the fused operations of the machine it runs on; the same threshold must come out everywhere.
    pub(crate) fn run_lengths(mut self) -> Vec<f64> {
        let mut lengths = vec![1.0; self.end.len()];
        for last in (1..lengths.len()).rev() {
            let (rows, gone) = self.to.split_at_mut(last);
            let gone = &gone[0][..last];
            let leaves = gone.iter().sum::<f64>() + self.end[last];
            for (from, row) in rows.iter_mut().enumerate() {
                let visits = row[last] / leaves.max(f64::MIN_POSITIVE);
                if visits > 0.0 {
                    lengths[from] += visits * lengths[last];
                    self.end[from] += visits * self.end[last];
                    for (value, onward) in row.iter_mut().zip(gone) {
                        *value += visits * onward;
                    }
                }
            }
        }
        for state in 0..lengths.len() {
            let (known, open) = lengths.split_at_mut(state);
            let onward = &self.to[state][..state];
            let after: f64 =
                onward.iter().zip(known.iter()).filter(|(p, _)| **p > 0.0).map(|(p, length)| p * length).sum();
            open[0] = (open[0] + after) / (onward.iter().sum::<f64>() + self.end[state]);
        }
        lengths
    }

    /// Where a chain is that has not ended for long: its distribution over the states (the quasi-stationary one).
    pub(crate) fn settled(&self) -> Vec<f64> {
        let mut share = vec![1.0 / self.end.len() as f64; self.end.len()];
        for _ in 0..SETTLING_STEPS_MAX {
            let next = step(&share, |from, to| self.to[from][to]);
            let left: f64 = next.iter().sum();
            let next: Vec<f64> = next.iter().map(|value| value / left).collect();
            let change: f64 = share.iter().zip(&next).map(|(old, new)| (old - new).abs()).sum();
            share = next;
            if change < NEGLIGIBLE {
                break;
            }
        }
        share
    }
}

/// Mean number of steps from state 0 to the end of a chain that changes as it goes: `to(step, from, to)` are its
/// probabilities in that step, the first of which is 1.
pub(crate) fn run_length_of_moving(states: usize, to: impl Fn(u32, usize, usize) -> f64) -> f64 {
    let mut share = vec![0.0; states];
    share[0] = 1.0;
    let mut length = 1.0;
    for number in 1..OBSERVATIONS_MAX {
        share = step(&share, |from, state| to(number, from, state));
        let lasting: f64 = share.iter().sum();
        length += lasting;
        if lasting < NEGLIGIBLE {
            break;
        }
    }
    length
}

fn step(share: &[f64], to: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    (0..share.len()).map(|state| share.iter().enumerate().map(|(from, p)| p * to(from, state)).sum()).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// From state i to i + 1 or the one before, held at 0, until the last is passed.
    fn walk(states: usize, up: f64) -> Chain {
        let to = move |from: usize, to: usize| {
            let rise = if to == from + 1 { up } else { 0.0 };
            let fall = if to == from.saturating_sub(1) { 1.0 - up } else { 0.0 };
            rise + fall
        };
        Chain::new(states, to, move |from| if from + 1 == states { up } else { 0.0 })
    }

    /// W. Feller, An Introduction to Probability Theory and Its Applications I, chapter XIV: a walk of -1 and +1 that is
    /// held at 0 passes n - 1 after `n / d - q / d^2 (1 - (q / p)^n)` steps, d = p - q.
    #[test]
    fn a_long_run_has_all_its_digits() {
        for (n, p) in [(3, 0.3), (8, 0.45), (30, 0.2)] {
            let (q, d) = (1.0 - p, 2.0 * p - 1.0);
            let exact = f64::from(n) / d - q / (d * d) * (1.0 - (q / p).powi(n));
            let length = walk(n as usize, p).run_lengths()[0];
            assert!((length / exact - 1.0).abs() < 1e-12, "{length}, exact {exact}");
        }
    }

    proptest! {
        /// The defining equation: one step, and what is left from where it leads.
        #[test]
        fn run_lengths_are_one_step_more_than_those_from_the_next_state(
            weights in prop::collection::vec(prop::collection::vec(0.0..1.0f64, 5), 4),
        ) {
            let p = |from: usize, to: usize| weights[from][to] / weights[from].iter().sum::<f64>().max(1e-300);
            prop_assume!(weights.iter().all(|row| row[4] > 1e-3));
            let lengths = Chain::new(4, p, |from| p(from, 4)).run_lengths();
            for from in 0..4 {
                let onward: f64 = (0..4).map(|to| p(from, to) * lengths[to]).sum();
                prop_assert!((lengths[from] / (1.0 + onward) - 1.0).abs() < 1e-9);
            }
            let moving = run_length_of_moving(4, |_, from, to| p(from, to));
            prop_assert!((moving / lengths[0] - 1.0).abs() < 1e-6, "{moving}, {}", lengths[0]);
        }
    }

    /// A settled chain keeps its shape, and ends with the same probability in every step.
    #[test]
    fn a_settled_chain_keeps_its_shape() {
        let chain = walk(5, 0.4);
        let share = chain.settled();
        let next = step(&share, |from, to| chain.to[from][to]);
        let left: f64 = next.iter().sum();
        assert!((left - (1.0 - share[4] * 0.4)).abs() < 1e-9);
        for (old, new) in share.iter().zip(&next) {
            assert!((new / left - old).abs() < 1e-9);
        }
    }
}
