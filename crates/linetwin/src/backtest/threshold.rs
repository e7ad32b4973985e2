//! What is asked of a configuration before it may go live.

use contract::{BacktestConfigurationV1, ThresholdV1};

use crate::setup::Misconfigured;

/// What is asked; a threshold that is missed is told on standard error, and the exit code is 1.
#[derive(Debug, clap::Args)]
pub(super) struct Thresholds {
    /// The most false alarms a shift that the configuration may have.
    #[arg(long, value_name = "X", requires = "recordings", value_parser = not_negative)]
    max_false_per_shift: Option<f64>,
    /// The least share of the labelled faults that it must find, in percent.
    #[arg(long, value_name = "PERCENT", requires = "recordings", value_parser = percent)]
    min_found: Option<f64>,
    /// It must find no fewer of the labelled faults and have no more false alarms than the one it is held against.
    #[arg(long, requires_all = ["recordings", "against"])]
    no_worse: bool,
}

fn not_negative(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0);
    number.ok_or_else(|| "expected a number from 0".to_owned())
}

fn percent(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.0..=100.0).contains(number));
    number.ok_or_else(|| "expected a number from 0 to 100".to_owned())
}

/// The configuration does not do what was asked of it; a line for each threshold that it misses.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Missed(String);

impl Missed {
    /// # Errors
    /// If a threshold was not met.
    pub(super) fn of(thresholds: &[ThresholdV1]) -> anyhow::Result<()> {
        let missed = thresholds.iter().filter(|threshold| !threshold.met);
        let lines: Vec<String> = missed.map(|missed| format!("--{} missed: {}", missed.name, missed.told)).collect();
        if lines.is_empty() { Ok(()) } else { Err(Self(lines.join("\n")).into()) }
    }
}

impl Thresholds {
    /// Whether they can be judged at all, before the work is done.
    ///
    /// # Errors
    /// If one is asked for, and no recording has labels.
    pub(super) fn check(&self, is_labelled: bool) -> anyhow::Result<()> {
        let asked = [
            (self.max_false_per_shift.is_some(), "max-false-per-shift"),
            (self.min_found.is_some(), "min-found"),
            (self.no_worse, "no-worse"),
        ];
        match asked.into_iter().find(|(is_asked, _)| *is_asked) {
            Some((_, option)) if !is_labelled => Err(unlabelled(option, "a recording with labels")),
            _ => Ok(()),
        }
    }

    /// Whether the first configuration does what is asked of it; the second is the one it is held against.
    ///
    /// # Errors
    /// If that cannot be said without labels.
    pub(super) fn judge(&self, configurations: &[BacktestConfigurationV1]) -> anyhow::Result<Vec<ThresholdV1>> {
        let judged = &configurations[0];
        let mut thresholds = Vec::new();
        if let Some(most) = self.max_false_per_shift {
            let per_shift = judged.alarms.false_alarms.and_then(|rate| rate.per_shift);
            let per_shift = per_shift.ok_or_else(|| unlabelled("max-false-per-shift", "a recording with labels"))?;
            thresholds.push(ThresholdV1 {
                name: "max-false-per-shift".to_owned(),
                met: per_shift <= most,
                told: format!("{per_shift:.2} false alarms a shift, at most {most} wanted"),
            });
        }
        if let Some(least) = self.min_found {
            let (found, faults) = (judged.found.found, judged.found.faults);
            if faults == 0 {
                return Err(unlabelled("min-found", "a labelled fault"));
            }
            let percent = 100.0 * f64::from(found) / f64::from(faults);
            thresholds.push(ThresholdV1 {
                name: "min-found".to_owned(),
                met: percent >= least,
                told: format!("{found} of {faults} faults found, {percent:.1} %, at least {least} % wanted"),
            });
        }
        if let (true, [_, against]) = (self.no_worse, configurations) {
            thresholds.push(no_worse(judged, against)?);
        }
        Ok(thresholds)
    }
}

fn no_worse(judged: &BacktestConfigurationV1, against: &BacktestConfigurationV1) -> anyhow::Result<ThresholdV1> {
    let (Some(ours), Some(theirs)) = (judged.alarms.false_alarms, against.alarms.false_alarms) else {
        return Err(unlabelled("no-worse", "a recording with labels"));
    };
    let (found, were_found) = (judged.found.found, against.found.found);
    Ok(ThresholdV1 {
        name: "no-worse".to_owned(),
        met: found >= were_found && ours.count <= theirs.count,
        told: format!(
            "{found} faults found and {} false alarms, {were_found} and {} under {}",
            ours.count, theirs.count, against.name
        ),
    })
}

fn unlabelled(option: &str, wanted: &str) -> anyhow::Error {
    let problem = format!(
        "--{option} needs {wanted}: give --labels, or put labels.jsonl into the recording's folder, empty if nothing was \
         wrong"
    );
    Misconfigured::new(problem).into()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use contract::{AlarmsV1, FoundV1, RateV1};

    use super::*;

    fn configuration(faults: u32, found: u32, false_alarms: Option<(u32, f64)>) -> BacktestConfigurationV1 {
        let rate = |(count, shifts)| RateV1 { count, shifts, per_shift: Some(f64::from(count) / shifts) };
        BacktestConfigurationV1 {
            name: "x".to_owned(),
            found: FoundV1 {
                faults,
                found,
                with_cause: 0,
                right_cause: 0,
                delay_s: None,
                with_limit: 0,
                in_time: 0,
                time_won_s: None,
            },
            alarms: AlarmsV1 { false_alarms: false_alarms.map(rate), unlabelled: None },
            faults: Vec::new(),
            places: Vec::new(),
        }
    }

    const ASKED: Thresholds = Thresholds { max_false_per_shift: Some(0.5), min_found: Some(75.0), no_worse: true };

    #[track_caller]
    fn check(judged: BacktestConfigurationV1, against: BacktestConfigurationV1, met: [bool; 3]) {
        let thresholds = ASKED.judge(&[judged, against]).unwrap();
        assert_eq!(thresholds.iter().map(|threshold| threshold.met).collect::<Vec<_>>(), met);
        assert_eq!(Missed::of(&thresholds).is_ok(), met == [true; 3]);
    }

    #[test]
    fn a_threshold_is_met_at_its_value_and_missed_beyond_it() {
        let against = || configuration(4, 3, Some((2, 4.0)));
        check(configuration(4, 3, Some((2, 4.0))), against(), [true, true, true]);
        check(configuration(4, 2, Some((2, 4.0))), against(), [true, false, false]);
        check(configuration(4, 4, Some((3, 4.0))), against(), [false, true, false]);
    }

    #[test]
    fn without_labels_a_threshold_cannot_be_judged() {
        for judged in [configuration(0, 0, None), configuration(0, 0, Some((0, 1.0)))] {
            let error = ASKED.judge(&[judged.clone(), judged]).unwrap_err();
            assert!(error.downcast_ref::<Misconfigured>().is_some(), "{error}");
        }
    }

    #[test]
    fn what_is_missed_is_told_a_line_each() {
        let thresholds =
            ASKED.judge(&[configuration(4, 1, Some((9, 3.0))), configuration(4, 3, Some((0, 3.0)))]).unwrap();
        let told = Missed::of(&thresholds).unwrap_err().to_string();
        assert_eq!(
            told,
            "--max-false-per-shift missed: 3.00 false alarms a shift, at most 0.5 wanted\n\
             --min-found missed: 1 of 4 faults found, 25.0 %, at least 75 % wanted\n\
             --no-worse missed: 1 faults found and 9 false alarms, 3 and 0 under x"
        );
    }
}
