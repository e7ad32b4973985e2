use genealogy::factors::Table;
use telemetry::InterventionKind;

use super::{Left, Moment, Movement, Phrases, Shared, TimeUnit};

pub(super) struct German;

impl Phrases for German {
    fn movement(&self, movement: Movement) -> &'static str {
        match movement {
            Movement::Rising => "steigt",
            Movement::Falling => "fällt",
            Movement::High => "zu hoch",
            Movement::Low => "zu niedrig",
            Movement::Scattering => "streut",
            Movement::Unchanged => "unverändert",
            Movement::Missing => "fehlt in vielen Zyklen",
            Movement::Silent => "sendet nichts mehr",
            Movement::Wild => "mit Ausreißern",
            Movement::AgainstPeers => "abweichend von den Vergleichssensoren",
            Movement::Active => "steht an",
            Movement::NotAsExpected => "nicht wie erwartet",
        }
    }

    fn no_data(&self) -> &'static str {
        "keine Daten"
    }

    fn shown_at(&self, station: &str) -> String {
        format!("an {station}")
    }

    fn since(&self, moment: &Moment) -> String {
        format!("seit {}", date_and_clock(moment))
    }

    fn likely(&self, title: &str, percent: &str) -> String {
        format!("wahrscheinlich {title} ({percent} %)")
    }

    fn judged_anew(&self, after: InterventionKind, moment: &Moment) -> String {
        let on = moment.date.as_ref().map_or_else(String::new, |date| format!("am {} ", day(date)));
        format!("neu beurteilt nach {} {on}um {} UTC", self.intervention(after), moment.minute)
    }

    fn normal_again(&self, moment: &Moment) -> String {
        format!("wieder normal seit {}", date_and_clock(moment))
    }

    fn limit_crossed(&self) -> &'static str {
        "Grenze verletzt"
    }

    fn limit_in(&self, left: &Left) -> String {
        match *left {
            Left::NoTime => "Grenze in weniger als einer Minute".to_owned(),
            Left::About(expected) => format!("Grenze in etwa {}", self.span(expected)),
            Left::Between(expected, earliest, latest) => {
                let [earliest, latest] = self.ends(earliest, latest);
                format!("Grenze in etwa {} ({earliest} bis {latest})", self.span(expected))
            }
            Left::NotBefore(expected, earliest) => {
                format!("Grenze in etwa {}, frühestens in {}", self.span(expected), self.span(earliest))
            }
        }
    }

    fn goes_with(&self, shared: Shared, name: &str, table: Table) -> String {
        let Table { bad_with, bad_without, good_with, good_without } = table;
        let (bad, good) = (bad_with + bad_without, good_with + good_without);
        let of_bad = if bad_without == 0 { format!("alle {bad}") } else { format!("{bad_with} von {bad}") };
        let with = match shared {
            Shared::Lot => "aus Los",
            Shared::Tool => "mit Werkzeug",
            Shared::Program => "mit Programm",
            Shared::Variant => "der Variante",
            Shared::Station => "von",
        };
        format!("{of_bad} {with} {name}, {good_with} von {good} anderen")
    }

    fn begun_with(&self, shared: Shared, name: &str) -> String {
        let what = match shared {
            Shared::Lot => "Los ",
            Shared::Tool => "Werkzeug ",
            Shared::Program => "Programm ",
            Shared::Variant => "Variante ",
            Shared::Station => "",
        };
        format!("begonnen mit {what}{name}")
    }

    /// Each stands after "nach", without an article.
    fn intervention(&self, kind: InterventionKind) -> &'static str {
        match kind {
            InterventionKind::Retool => "Umbau",
            InterventionKind::Changeover => "Umrüsten",
            InterventionKind::ToolDress => "Nachfräsen des Werkzeugs",
            InterventionKind::ToolChange => "Werkzeugwechsel",
            InterventionKind::FilterChange => "Filterwechsel",
            InterventionKind::ProgramChange => "Programmänderung",
            InterventionKind::SensorChange => "Sensorwechsel",
            InterventionKind::Cleaning => "Reinigung",
            InterventionKind::Other => "Arbeiten",
        }
    }

    fn number(&self, number: f64) -> String {
        number.to_string().replace('.', ",")
    }

    /// After "in", which asks for the dative.
    fn unit(&self, unit: TimeUnit) -> &'static str {
        match unit {
            TimeUnit::Minutes => "min",
            TimeUnit::Hours => "h",
            TimeUnit::Days => "Tagen",
        }
    }
}

fn date_and_clock(moment: &Moment) -> String {
    let date = moment.date.as_ref().map_or_else(String::new, |date| format!("{} ", day(date)));
    format!("{date}{} UTC", moment.minute)
}

/// After DIN 5008, as it is spoken: day, month, year.
fn day([year, month, day]: &[String; 3]) -> String {
    format!("{day}.{month}.{year}")
}
