use genealogy::factors::Table;
use telemetry::InterventionKind;

use super::{Left, Moment, Movement, Phrases, Shared, TimeUnit};

pub(super) struct English;

impl Phrases for English {
    fn movement(&self, movement: Movement) -> &'static str {
        match movement {
            Movement::Rising => "rising",
            Movement::Falling => "falling",
            Movement::High => "high",
            Movement::Low => "low",
            Movement::Scattering => "scatters",
            Movement::Unchanged => "unchanged",
            Movement::Missing => "missing in many cycles",
            Movement::Silent => "silent",
            Movement::Wild => "with wild values",
            Movement::AgainstPeers => "not as its peers say",
            Movement::Active => "active",
            Movement::NotAsExpected => "not as expected",
        }
    }

    fn no_data(&self) -> &'static str {
        "no data"
    }

    fn shown_at(&self, station: &str) -> String {
        format!("at {station}")
    }

    fn since(&self, moment: &Moment) -> String {
        format!("since {}", clock(moment))
    }

    fn likely(&self, title: &str, percent: &str) -> String {
        format!("{title} likely ({percent} %)")
    }

    fn judged_anew(&self, after: InterventionKind, moment: &Moment) -> String {
        format!("judged anew after {} at {}", self.intervention(after), clock(moment))
    }

    fn normal_again(&self, moment: &Moment) -> String {
        format!("normal again since {}", clock(moment))
    }

    fn limit_crossed(&self) -> &'static str {
        "limit crossed"
    }

    fn limit_in(&self, left: &Left) -> String {
        match *left {
            Left::NoTime => "limit in less than a minute".to_owned(),
            Left::About(expected) => format!("limit in about {}", self.span(expected)),
            Left::Between(expected, earliest, latest) => {
                let [earliest, latest] = self.ends(earliest, latest);
                format!("limit in about {}, {earliest} to {latest}", self.span(expected))
            }
            Left::NotBefore(expected, earliest) => {
                format!("limit in about {}, {} at the earliest", self.span(expected), self.span(earliest))
            }
        }
    }

    fn goes_with(&self, shared: Shared, name: &str, table: Table) -> String {
        let Table { bad_with, bad_without, good_with, good_without } = table;
        let (bad, good) = (bad_with + bad_without, good_with + good_without);
        let of_bad = if bad_without == 0 { format!("all {bad}") } else { format!("{bad_with} of {bad}") };
        let with = match shared {
            Shared::Lot => "from lot",
            Shared::Tool => "with tool",
            Shared::Program => "with program",
            Shared::Variant => "of variant",
            Shared::Station => "from",
        };
        format!("{of_bad} {with} {name}, {good_with} of {good} others")
    }

    fn begun_with(&self, shared: Shared, name: &str) -> String {
        let what = match shared {
            Shared::Lot => "lot ",
            Shared::Tool => "tool ",
            Shared::Program => "program ",
            Shared::Variant => "variant ",
            Shared::Station => "",
        };
        format!("begun with {what}{name}")
    }

    fn intervention(&self, kind: InterventionKind) -> &'static str {
        kind.title()
    }

    fn number(&self, number: f64) -> String {
        number.to_string()
    }

    fn unit(&self, unit: TimeUnit) -> &'static str {
        match unit {
            TimeUnit::Minutes => "min",
            TimeUnit::Hours => "h",
            TimeUnit::Days => "days",
        }
    }
}

fn clock(moment: &Moment) -> String {
    match &moment.date {
        None => format!("{} UTC", moment.minute),
        Some(date) => format!("{} {} UTC", date.join("-"), moment.minute),
    }
}
