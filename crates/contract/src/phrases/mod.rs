//! The words between the names in what a person reads: one file for each language, all of the same shape.
//!
//! A further language is a file beside `german.rs` and a line in [`of`]; what it leaves out does not compile. The names
//! themselves, of causes and features, are in the runbook.

mod english;
mod german;

use genealogy::factors::Table;
use telemetry::{InterventionKind, Timestamp};

use english::English;
use german::German;

/// The phrases of a language, by its code after ISO 639-1; the English ones where the program has none.
pub(crate) fn of(language: &str) -> &'static dyn Phrases {
    match language {
        "de" => &German,
        _ => &English,
    }
}

/// What a person reads between the names, in one language.
pub(crate) trait Phrases {
    /// How a value is. Stands between its name and since when.
    fn movement(&self, movement: Movement) -> &'static str;

    /// A link tells nothing. Stands for name and movement.
    fn no_data(&self) -> &'static str;

    /// Where it shows, if that is another station. Stands after the value's name.
    fn shown_at(&self, station: &str) -> String;

    /// Since when.
    fn since(&self, moment: &Moment) -> String;

    /// The most likely cause, and its share in %.
    fn likely(&self, title: &str, percent: &str) -> String;

    /// What was done ended it: whether all is well is judged anew from then on.
    fn judged_anew(&self, after: InterventionKind, moment: &Moment) -> String;

    /// It is no longer there.
    fn normal_again(&self, moment: &Moment) -> String;

    /// A limit is crossed.
    fn limit_crossed(&self) -> &'static str;

    /// When a limit will be crossed if it goes on like this.
    fn limit_in(&self, left: &Left) -> String;

    /// The cycles that show it have something in common; how many of them and of the others have it.
    fn goes_with(&self, shared: Shared, name: &str, table: Table) -> String;

    /// It began with something.
    fn begun_with(&self, shared: Shared, name: &str) -> String;

    /// What was done, as a noun.
    fn intervention(&self, kind: InterventionKind) -> &'static str;

    /// A number as it is written.
    fn number(&self, number: f64) -> String;

    /// A unit of time after a number above 1.
    fn unit(&self, unit: TimeUnit) -> &'static str;

    /// A span of time: `25 min`.
    fn span(&self, span: Span) -> String {
        format!("{} {}", self.number(span.number), self.unit(span.unit))
    }

    /// The ends of an interval, without their unit if both have the same: `18`, `40`.
    fn ends(&self, earliest: Span, latest: Span) -> [String; 2] {
        if earliest.unit == latest.unit {
            return [earliest, latest].map(|end| self.number(end.number));
        }
        [earliest, latest].map(|end| self.span(end))
    }
}

/// How a value is, beside what was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Movement {
    /// It goes up, to a limit.
    Rising,
    /// It goes down, to a limit.
    Falling,
    /// It is above what was expected.
    High,
    /// It is below what was expected.
    Low,
    /// It scatters more.
    Scattering,
    /// It does not change any more.
    Unchanged,
    /// It is often not there.
    Missing,
    /// It is not heard of.
    Silent,
    /// Single values are wild.
    Wild,
    /// It has parted from those that measure the same.
    AgainstPeers,
    /// It is an alarm of the machine, and there.
    Active,
    /// It is otherwise than expected.
    NotAsExpected,
}

/// What cycles can have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shared {
    /// A lot, coil or batch of material.
    Lot,
    /// A tool.
    Tool,
    /// A program.
    Program,
    /// A variant.
    Variant,
    /// One of several stations that parts can pass.
    Station,
}

/// How long until a limit is crossed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Left {
    /// Less than a minute.
    NoTime,
    /// About so long, and no other number is worth telling.
    About(Span),
    /// About so long, between these.
    Between(Span, Span, Span),
    /// About so long, and not before this.
    NotBefore(Span, Span),
}

/// A span of time, no more exact than a person would say it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Span {
    /// So many.
    pub(crate) number: f64,
    /// Of these.
    pub(crate) unit: TimeUnit,
}

/// A unit of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeUnit {
    /// Minutes.
    Minutes,
    /// Hours.
    Hours,
    /// Days.
    Days,
}

/// The time of day; with the date if that is not the day on which it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moment {
    /// Year, month, day.
    pub(crate) date: Option<[String; 3]>,
    /// Hour and minute: `08:14`.
    pub(crate) minute: String,
}

impl Moment {
    /// A moment that is told at another.
    pub(crate) fn new(moment: Timestamp, told: Timestamp) -> Self {
        let (date, minute) = date_and_minute(moment);
        let is_today = date == date_and_minute(told).0;
        Self { date: (!is_today).then_some(date), minute }
    }
}

fn date_and_minute(moment: Timestamp) -> ([String; 3], String) {
    let text = moment.to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    let mut parts = date.rsplitn(3, '-').map(str::to_owned);
    let [day, month, year] = [(); 3].map(|()| parts.next().unwrap_or_default());
    ([year, month, day], time.chars().take(5).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn english_interventions_are_called_what_the_log_calls_them() {
        for &kind in InterventionKind::ALL {
            assert_eq!(of("en").intervention(kind), kind.title());
        }
    }

    #[test]
    fn every_intervention_has_a_name_of_its_own() {
        for language in ["en", "de"] {
            let mut names: Vec<_> = InterventionKind::ALL.iter().map(|&kind| of(language).intervention(kind)).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), InterventionKind::ALL.len(), "{language}: {names:?}");
        }
    }
}
