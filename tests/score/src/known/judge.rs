use std::fmt::Display;

use super::simulate::{Estimate, RUNS, RUNS_OF_DOUBTFUL};
use super::table::Printed;

/// How far a solver may be off, as a share.
const SOLVER_TOLERANCE: f64 = 0.005;
/// How far a simulation may be off, in its own standard errors.
const STANDARD_ERRORS: f64 = 4.0;

/// What became of one table.
pub(super) struct Judge {
    name: &'static str,
    solved: Tally,
    simulated: Tally,
    stepped: Tally,
    /// Cells that were simulated again.
    repeated: usize,
    /// The cells that were not reproduced, with what was expected.
    pub(super) misses: Vec<String>,
}

#[derive(Default)]
struct Tally {
    cells: usize,
    reproduced: usize,
    worst: f64,
}

impl Judge {
    pub(super) const HEADING: &str =
        "| table | solved | worst | simulated | worst | again | steps | worst |\n|---|---|---|---|---|---|---|---|";

    pub(super) fn new(name: &'static str) -> Self {
        let (solved, simulated, stepped) = Default::default();
        Self { name, solved, simulated, stepped, repeated: 0, misses: Vec::new() }
    }

    /// A solver's answer.
    pub(super) fn solved(&mut self, what: impl Display, expected: Printed, answer: f64) {
        let beyond_rounding = ((answer - expected.value).abs() - expected.rounding).max(0.0);
        let off = if beyond_rounding == 0.0 { 0.0 } else { beyond_rounding / expected.value.abs() };
        if !self.solved.take(off, SOLVER_TOLERANCE) {
            self.misses.push(format!("{}, {what}: expected {}, solved {answer}", self.name, expected.value));
        }
    }

    /// A simulation's answer, from as many runs as it is asked for; one that is outside is asked for again, with more.
    pub(super) fn simulated(
        &mut self,
        what: impl Display,
        expected: Printed,
        mut simulate: impl FnMut(u32) -> Estimate,
    ) {
        let errors = |estimate: Estimate| {
            ((estimate.mean - expected.value).abs() - expected.rounding).max(0.0) / estimate.standard_error
        };
        let mut estimate = simulate(RUNS);
        if errors(estimate) > STANDARD_ERRORS {
            self.repeated += 1;
            estimate = simulate(RUNS_OF_DOUBTFUL);
        }
        if !self.simulated.take(errors(estimate), STANDARD_ERRORS) {
            let (expected, Estimate { mean, standard_error }) = (expected.value, estimate);
            self.misses
                .push(format!("{}, {what}: expected {expected}, simulated {mean} ± {standard_error}", self.name));
        }
    }

    /// A number of a worked example: nothing but rounding may part them.
    pub(super) fn stepped(&mut self, what: impl Display, expected: Printed, answer: f64) {
        let off = (answer - expected.value).abs();
        // A hair for decimal numbers that end in 5, which binary ones do not hit.
        if !self.stepped.take(off, expected.rounding + 1e-9) {
            self.misses.push(format!("{}, {what}: expected {}, charted {answer}", self.name, expected.value));
        }
    }

    /// Prints the line of the table.
    pub(super) fn done(self) -> Self {
        let line = [
            self.solved.text(|worst| format!("{:.4} %", 100.0 * worst)),
            self.simulated.text(|worst| format!("{worst:.1} s.e.")),
            self.repeated.to_string(),
            self.stepped.text(|worst| format!("{worst:.6}")),
        ];
        println!("| {} | {} |", self.name, line.join(" | "));
        self
    }
}

impl Tally {
    fn take(&mut self, off: f64, tolerance: f64) -> bool {
        let good = off <= tolerance;
        self.cells += 1;
        self.reproduced += usize::from(good);
        self.worst = self.worst.max(if off.is_nan() { f64::INFINITY } else { off });
        good
    }

    fn text(&self, worst: impl Fn(f64) -> String) -> String {
        if self.cells == 0 {
            return "- | -".to_owned();
        }
        format!("{} of {} | {}", self.reproduced, self.cells, worst(self.worst))
    }
}
