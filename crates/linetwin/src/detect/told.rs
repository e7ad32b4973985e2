//! What `linetwin detect` tells a person.

use std::fmt;
use std::path::Path;

use drift::Rule;
use drift::calibration::{NELSON_ARL, runs_rules_arl};
use telemetry::Timestamp;

use super::columns::{Columns, Used};
use super::detector::{Budget, Detector};
use super::judge::{Judge, RowScore};
use super::sign::{Event, Finding, Happening, Source};
use crate::table::{Found, Table};

/// Alarms and change points that are listed; all are counted.
const LISTED_MAX: usize = 50;

/// The alarms and change points of a file.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    listed: Vec<Entry>,
    count: u64,
    changes: u64,
    rows: u64,
    rows_in_alarm: u64,
    rows_not_judged: u64,
}

#[derive(Debug)]
struct Entry {
    at: Timestamp,
    finding: Finding,
    /// Of an alarm: what it is of, and when it ended.
    alarm: Option<(Source, Option<Timestamp>)>,
}

impl Alarms {
    /// Takes in that an alarm begins or ends, or that a change point is told.
    pub(super) fn take(&mut self, Event { at, happening }: Event) {
        match happening {
            Happening::Begins(source, finding) => {
                self.count += 1;
                self.list(Entry { at, finding, alarm: Some((source, None)) });
            }
            Happening::Changes(finding) => {
                self.changes += 1;
                self.list(Entry { at, finding, alarm: None });
            }
            Happening::Ends(source) => {
                let alarms = self.listed.iter_mut().filter_map(|entry| entry.alarm.as_mut());
                if let Some((_, ended)) = alarms.rev().find(|(of, ended)| *of == source && ended.is_none()) {
                    *ended = Some(at);
                }
            }
        }
    }

    fn list(&mut self, entry: Entry) {
        if self.listed.len() < LISTED_MAX {
            self.listed.push(entry);
        }
    }

    /// Takes in what a row came to; nothing, if it could not be judged.
    pub(super) fn count(&mut self, score: Option<&RowScore>) {
        self.rows += 1;
        self.rows_not_judged += u64::from(score.is_none());
        self.rows_in_alarm += u64::from(score.is_some_and(|score| score.onset.is_some()));
    }

    /// How many there were.
    fn counted(&self) -> String {
        let changes = match self.changes {
            0 => String::new(),
            1 => "1 change point".to_owned(),
            changes => format!("{changes} change points"),
        };
        let share = 100.0 * self.rows_in_alarm as f64 / self.rows.max(1) as f64;
        let (alarms, rows) = (self.count, self.rows_in_alarm);
        match (alarms, self.changes) {
            (0, 0) => "No alarms.".to_owned(),
            (0, _) => format!("No alarms; {changes}:"),
            (_, 0) => format!("{alarms} alarms, which stand in {rows} rows ({share:.1} %):"),
            _ => format!("{alarms} alarms, which stand in {rows} rows ({share:.1} %), and {changes}:"),
        }
    }
}

/// The summary of a run.
pub(super) struct Told<'a> {
    pub(super) file: &'a Path,
    pub(super) table: &'a Table,
    pub(super) columns: &'a Columns,
    pub(super) judge: &'a Judge,
    pub(super) detector: Detector,
    pub(super) train_rows: u64,
    pub(super) budget: Budget,
    pub(super) alarms: &'a Alarms,
}

impl Told<'_> {
    fn columns(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |is_constant: bool| {
            let used = self.columns.used.iter().filter(move |column| column.constant.is_some() == is_constant);
            used.map(|column| column.name.as_str()).collect::<Vec<_>>().join(", ")
        };
        for (title, names) in
            [("watched", names(false)), ("constant in the training rows, told if it moves", names(true))]
        {
            if !names.is_empty() {
                writeln!(f, "  {title}: {names}")?;
            }
        }
        self.columns.left_out.iter().try_for_each(|(name, reason)| writeln!(f, "  left out: {name}, {reason}"))
    }

    fn detector(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { judge, budget, .. } = self;
        write!(f, "  detector: {}; ", judge.about())?;
        let Some(run_length) = self.detector.rules().and_then(rules_run_length) else {
            return writeln!(f, "{} false alarms accepted in these rows", budget.false_alarms);
        };
        let varying = self.columns.used.iter().filter(|column| column.constant.is_none()).count();
        let expected = budget.rows * varying as f64 / run_length;
        writeln!(
            f,
            "fixed rules, which alarm once in {run_length:.0} values of noise: at least {expected:.0} false alarms in these \
             rows, whatever is accepted"
        )
    }

    /// The columns that mislead the detector.
    fn correlated(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |column: &Used| {
            let correlation = column.correlation.filter(|_| column.constant.is_none())?;
            Some(format!("{} ({correlation:.2})", column.name))
        };
        let columns: Vec<String> = self.columns.used.iter().filter_map(shown).collect();
        if columns.is_empty() || !self.detector.needs_independence() {
            return Ok(());
        }
        writeln!(
            f,
            "  follows its own past (correlation): {}; this detector does not know of that and may alarm too often",
            columns.join(", ")
        )
    }

    fn entry(&self, f: &mut fmt::Formatter<'_>, Entry { at, finding, alarm }: &Entry) -> fmt::Result {
        let name = self.columns.used.get(finding.place).map_or("", |column| column.name.as_str());
        let (kind, onset) = (if alarm.is_some() { "" } else { "change point, " }, finding.onset());
        write!(f, "  {at}  {name}: {kind}{finding} since {onset}")?;
        match alarm {
            None => writeln!(f),
            Some((_, Some(ended))) => writeln!(f, ", gone at {ended}"),
            Some((_, None)) => writeln!(f, ", stands at the end"),
        }
    }
}

/// Average run length of rules at 3 sigma over noise.
fn rules_run_length(rules: &[Rule]) -> Option<f64> {
    if rules == Rule::NELSON { Some(NELSON_ARL) } else { runs_rules_arl(rules, 3.0, 0.0) }
}

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Found { rows, span, .. }, alarms) = (self.table.found(), self.alarms);
        write!(f, "{}: {rows} rows", self.file.display())?;
        if let Some((first, last)) = span {
            write!(f, " from {first} to {last}")?;
        }
        writeln!(f)?;
        self.table.found().tell_oddities(f)?;
        self.columns(f)?;
        writeln!(f, "  learnt from the first {} rows, judged the other {}", self.train_rows, alarms.rows)?;
        self.detector(f)?;
        self.correlated(f)?;
        if alarms.rows_not_judged > 0 {
            writeln!(f, "  not judged: {} rows without the numbers that are needed", alarms.rows_not_judged)?;
        }
        writeln!(f, "{}", alarms.counted())?;
        alarms.listed.iter().try_for_each(|entry| self.entry(f, entry))?;
        match alarms.count + alarms.changes - alarms.listed.len() as u64 {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }
}
