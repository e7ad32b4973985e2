//! What `linetwin detect` tells a person.

use std::fmt;
use std::path::Path;

use drift::Shift;
use telemetry::Timestamp;

use super::Columns;
use super::judge::{Event, Judge, RowScore, Source, in_words};
use crate::table::{Found, Table};

/// Alarms that are listed; all are counted.
const LISTED_MAX: usize = 50;

/// The alarms of a file.
#[derive(Debug, Default)]
pub(super) struct Alarms {
    listed: Vec<Alarm>,
    count: u64,
    rows: u64,
    rows_in_alarm: u64,
}

#[derive(Debug)]
struct Alarm {
    source: Source,
    shift: Shift,
    begun: Timestamp,
    ended: Option<Timestamp>,
}

impl Alarms {
    /// Takes in that an alarm begins or ends.
    pub(super) fn take(&mut self, event: Event) {
        match event.begun {
            Some(shift) => {
                self.count += 1;
                if self.listed.len() < LISTED_MAX {
                    self.listed.push(Alarm { source: event.source, shift, begun: event.at, ended: None });
                }
            }
            None => {
                let is_it = |alarm: &&mut Alarm| alarm.ended.is_none() && is_of(alarm.source, event.source);
                if let Some(alarm) = self.listed.iter_mut().rfind(is_it) {
                    alarm.ended = Some(event.at);
                }
            }
        }
    }

    /// Takes in what a row came to.
    pub(super) fn count(&mut self, score: &RowScore) {
        self.rows += 1;
        self.rows_in_alarm += u64::from(score.onset.is_some());
    }
}

/// Whether an alarm of the one source is ended by the other. All columns together have one alarm, whichever is worst.
fn is_of(alarm: Source, end: Source) -> bool {
    alarm == end || matches!((alarm, end), (Source::Rows(_), Source::Rows(_)))
}

/// The summary of a run.
pub(super) struct Told<'a> {
    pub(super) file: &'a Path,
    pub(super) table: &'a Table,
    pub(super) columns: &'a Columns,
    pub(super) judge: &'a Judge,
    pub(super) train_rows: u64,
    pub(super) false_alarms: f64,
    pub(super) alarms: &'a Alarms,
}

impl Told<'_> {
    fn alarm(&self, f: &mut fmt::Formatter<'_>, alarm: &Alarm) -> fmt::Result {
        let (Source::Mean(place) | Source::Spread(place) | Source::Rows(place)) = alarm.source;
        let name = self.columns.used.get(place).map(|(_, name)| name.as_str()).unwrap_or_default();
        let onset = Timestamp::from_nanos(alarm.shift.onset_mark);
        write!(f, "  {}  {name}: {} since {onset}", alarm.begun, in_words(alarm.source, &alarm.shift))?;
        match alarm.ended {
            Some(ended) => writeln!(f, ", gone at {ended}"),
            None => writeln!(f, ", stands at the end"),
        }
    }
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
        let (watched, steady): (Vec<_>, Vec<_>) =
            self.columns.used.iter().enumerate().partition(|&(place, _)| self.judge.is_watched(place));
        let watched: Vec<&str> = watched.into_iter().map(|(_, (_, name))| name.as_str()).collect();
        writeln!(f, "  watched: {}", watched.join(", "))?;
        for (_, (_, name)) in steady {
            writeln!(f, "  left out: {name}, it varies by no more than rounding in the training rows")?;
        }
        for (name, reason) in &self.columns.left_out {
            writeln!(f, "  left out: {name}, {reason}")?;
        }
        writeln!(f, "  learnt from the first {} rows, judged the other {}", self.train_rows, alarms.rows)?;
        let detector = match self.judge {
            Judge::Each(_) => "each column by itself, for a shift of its mean or a wider spread",
            Judge::Together(_) => "all columns together, against the training rows",
        };
        writeln!(f, "  detector: {detector}; {} false alarms accepted in these rows", self.false_alarms)?;
        if alarms.count == 0 {
            return writeln!(f, "No alarms.");
        }
        let share = 100.0 * alarms.rows_in_alarm as f64 / alarms.rows as f64;
        writeln!(f, "{} alarms, which stand in {} rows ({share:.1} %):", alarms.count, alarms.rows_in_alarm)?;
        alarms.listed.iter().try_for_each(|alarm| self.alarm(f, alarm))?;
        match alarms.count - alarms.listed.len() as u64 {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }
}
