use std::collections::BTreeMap;

use plant_sim::Fault;

use crate::backtest::judge::{Load, Score, Told};
use crate::backtest::tally::spread;
use crate::backtest::trial::Trial;
use crate::simulated::START;
use telemetry::Timestamp;

/// The printed table, and what its sums are made of.
#[derive(Debug, Default)]
pub(super) struct Table {
    runs: usize,
    found: usize,
    right_cause: usize,
    limits: usize,
    in_time: usize,
    shifts: usize,
    false_in_shifts: usize,
    /// Forecasts of shifts without a fault: the shift came to less than P10, was within, came to more than P90.
    forecasts: [usize; 3],
    /// Alarms of all runs after the twin has learnt, the ten minutes in them, and the most alarms in any ten minutes.
    load: Load,
    ten_minutes: f64,
    /// False alerts of all runs, by what they said.
    false_alerts: BTreeMap<String, usize>,
}

impl Table {
    pub(super) fn print_head() {
        println!(
            "{:19} {:>7} {:>11} {:>10} {:>9} {:>8} {:>6}",
            "fault", "found", "right cause", "delay min", "won min", "in time", "false"
        );
    }

    pub(super) fn print_fault(&mut self, fault: Fault, trials: &[Trial], history_s: f64) {
        self.count_load(trials, history_s);
        let scores: Vec<Score> = trials.iter().filter_map(|trial| trial.score(fault)).collect();
        let number = |test: fn(&Score) -> bool| scores.iter().filter(|score| test(score)).count();
        let found = number(|score| score.delay_s.is_some());
        let right_cause = number(|score| score.cause_is_right);
        let limits = number(|score| score.limit_crossed);
        let in_time = number(|score| score.time_won_s.is_some_and(|won| won > 0.0));
        println!(
            "{:19} {:>7} {:>11} {:>10} {:>9} {:>8} {:>6}",
            fault.name(),
            format!("{found}/{}", trials.len()),
            right_cause,
            median_min(scores.iter().filter_map(|score| score.delay_s)),
            median_min(scores.iter().filter_map(|score| score.time_won_s)),
            if limits == 0 { "-".to_owned() } else { format!("{in_time}/{limits}") },
            trials.iter().map(|trial| trial.false_alarms(fault).len()).sum::<usize>()
        );
        self.runs += trials.len();
        self.found += found;
        self.right_cause += right_cause;
        self.limits += limits;
        self.in_time += in_time;
        for trial in trials {
            self.count_false(trial, trial.false_alarms(fault).into_iter());
        }
    }

    pub(super) fn print_shifts(&mut self, trials: &[Trial], history_s: f64) {
        self.count_load(trials, history_s);
        let mut per_shift = Vec::new();
        for trial in trials {
            let begin = START.plus_seconds(history_s);
            per_shift.push(trial.alerts.raised().filter(|told| told.at >= begin).count());
            self.count_false(trial, trial.alerts.raised());
            self.count_forecasts(trial, begin);
        }
        println!("{:19} alerts in each shift without a fault: {per_shift:?}", "none");
        self.shifts += trials.len();
        self.false_in_shifts += per_shift.iter().sum::<usize>();
    }

    pub(super) fn print_sums(&self) {
        if self.runs > 0 {
            println!(
                "all faults: found at the right station {}, right cause first {}, before the limit {}",
                share(self.found, self.runs),
                share(self.right_cause, self.runs),
                share(self.in_time, self.limits)
            );
        }
        if self.shifts > 0 {
            let per_shift = self.false_in_shifts as f64 / self.shifts as f64;
            println!(
                "no fault: {} alerts in {} shifts, {per_shift:.2} a shift, those while learning not counted",
                self.false_in_shifts, self.shifts
            );
        }
        if self.ten_minutes > 0.0 {
            println!(
                "alarms after learning: {:.3} in 10 min on average, {} at most (EEMUA 191: 1 and 10)",
                self.load.alarms as f64 / self.ten_minutes,
                self.load.peak
            );
        }
        let [below, within, above] = self.forecasts;
        if self.forecasts != [0; 3] {
            let all = below + within + above;
            println!(
                "hourly forecasts of these shifts: within P10 to P90 {}, below {below}, above {above}",
                share(within, all)
            );
        }
        println!("false alerts by place, feature and cause, over all runs:");
        for (what, count) in &self.false_alerts {
            println!("  {count:4}  {what}");
        }
    }

    fn count_load(&mut self, trials: &[Trial], history_s: f64) {
        let begin = START.plus_seconds(history_s);
        for trial in trials {
            let load = trial.alerts.load(begin);
            self.load = Load { alarms: self.load.alarms + load.alarms, peak: self.load.peak.max(load.peak) };
            self.ten_minutes += trial.until.seconds_since(begin).max(0.0) / 600.0;
        }
    }

    fn count_forecasts(&mut self, trial: &Trial, since: Timestamp) {
        for (forecast, shift) in trial.judged_forecasts(since) {
            let good = f64::from(shift.line.not_scrap());
            let place = usize::from(good >= forecast.output.p10) + usize::from(good > forecast.output.p90);
            self.forecasts[place] += 1;
        }
    }

    fn count_false<'a>(&mut self, trial: &Trial, told: impl Iterator<Item = &'a Told>) {
        for told in told {
            let Some(evidence) = told.incident.evidence.first() else { continue };
            let way = evidence.direction.map_or(String::new(), |direction| format!(" {direction:?}"));
            let what =
                format!("{} {}{way} {}", trial.alerts.place_of(&told.incident), evidence.name, told.incident.cause());
            *self.false_alerts.entry(what).or_default() += 1;
        }
    }
}

/// Every alert of a trial: when it was raised, where and what it was in the end, and what spoke for it.
pub(super) fn print_alerts(seed: u64, trial: &Trial) {
    for raised in trial.alerts.raised() {
        let incident = &trial.alerts.last_of(&raised.incident).unwrap_or(raised).incident;
        let evidence: Vec<String> = incident.evidence.iter().map(|evidence| evidence.name.clone()).collect();
        println!(
            "  seed {seed} {} {} {} {}: {}",
            raised.at,
            trial.alerts.place_of(incident),
            incident.cause(),
            incident.state.name(),
            evidence.join(", ")
        );
    }
}

fn share(count: usize, of: usize) -> String {
    match of {
        0 => "-".to_owned(),
        of => format!("{count}/{of} ({:.1} %)", 100.0 * count as f64 / of as f64),
    }
}

fn median_min(seconds: impl Iterator<Item = f64>) -> String {
    spread(seconds).map_or("-".to_owned(), |spread| format!("{:.1}", spread.median_s / 60.0))
}
