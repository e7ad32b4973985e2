//! The words of the terminal: those of the page, from the page's own table, and those for keys, which a page has none of.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::LazyLock;

use contract::{AlertV1, InterventionName, WordsV1, wire_name};

/// The table of the page, a module of JavaScript: `"key": ["English", "German"],`.
const PAGE: &str = include_str!("../../web/assets/words.js");

/// What only a terminal says.
const OWN: [(&str, [&str; 2]); 34] = [
    ("top.away", ["{why} Shown is {time} UTC, {span} ago.", "{why} Gezeigt ist der Stand von {time} UTC, vor {span}."]),
    ("top.never", ["{why} {server} has not been heard yet.", "{why} Von {server} war noch nichts zu hören."]),
    (
        "top.narrow",
        ["The terminal is too small: 40 by 12 is the least.", "Das Terminal ist zu klein: 40 mal 12 braucht es."],
    ),
    ("top.help", ["Keys", "Tasten"]),
    ("top.utc", ["Times are UTC.", "Zeiten sind UTC."]),
    ("top.chooseFirst", ["Choose an incident first.", "Zuerst einen Vorfall wählen."]),
    (
        "top.noLogins",
        [
            "This twin has no logins: nobody may act on it from here.",
            "Dieser Zwilling kennt keine Anmeldung: von hier darf niemand handeln.",
        ],
    ),
    ("top.logIn", ["Start with --user NAME to act on it.", "Zum Handeln mit --user NAME starten."]),
    ("top.mayNot", ["This needs the role {role}.", "Das braucht die Rolle {role}."]),
    ("top.busy", ["The last command is still under way.", "Der letzte Befehl ist noch unterwegs."]),
    ("top.sent", ["Sent; waiting for the twin.", "Gesendet; wartet auf den Zwilling."]),
    ("top.filtered", ["Filter: {text}", "Filter: {text}"]),
    ("top.minutes", ["or type minutes", "oder Minuten tippen"]),
    ("top.wrongMinutes", ["Minutes are a number from 1 to {max}.", "Minuten sind eine Zahl von 1 bis {max}."]),
    ("key.move", ["move", "bewegen"]),
    ("key.side", ["stations or incidents", "Stationen oder Vorfälle"]),
    ("key.enter", ["open", "öffnen"]),
    ("key.station", ["to its station", "zu ihrer Station"]),
    ("key.esc", ["back", "zurück"]),
    ("key.tab", ["next view", "nächste Ansicht"]),
    ("key.page", ["a page up, down", "eine Seite auf, ab"]),
    ("key.a", ["take on", "übernehmen"]),
    ("key.s", ["shelve", "zurückstellen"]),
    ("key.u", ["bring back", "zurückholen"]),
    ("key.c", ["comment", "kommentieren"]),
    ("key.m", ["judge: true, false, planned", "bewerten: echt, falsch, geplant"]),
    ("key.o", ["out of service and back", "außer Betrieb und zurück"]),
    ("key.e", ["next evidence in the chart", "nächster Beleg im Diagramm"]),
    ("key.f", ["next feature in the chart", "nächstes Merkmal im Diagramm"]),
    ("key.filter", ["filter", "filtern"]),
    ("key.language", ["English, German", "Deutsch, Englisch"]),
    ("key.help", ["help", "Hilfe"]),
    ("key.q", ["quit", "beenden"]),
    ("key.send", ["enter sends, esc cancels", "Enter sendet, Esc bricht ab"]),
];

static WORDS: LazyLock<BTreeMap<String, [String; 2]>> = LazyLock::new(|| {
    let mut words =
        of_the_page(PAGE).unwrap_or_else(|problem| unreachable!("a test reads the page's words: {problem}"));
    words.extend(OWN.map(|(key, pair)| (key.to_owned(), pair.map(str::to_owned))));
    words
});

/// The page's table without what JSON does not know: comments and the comma after the last item.
fn of_the_page(module: &str) -> Result<BTreeMap<String, [String; 2]>, serde_json::Error> {
    let lines = module.lines().map(str::trim).filter(|line| !line.starts_with("//"));
    let joined: String = lines.collect();
    let table = joined.find('{').zip(joined.rfind('}')).map_or("", |(start, end)| &joined[start..=end]);
    serde_json::from_str(&table.replace(",]", "]").replace(",}", "}"))
}

/// The language of the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// English.
    English,
    /// German.
    German,
}

impl Language {
    /// Its code after ISO 639-1.
    pub const fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
        }
    }

    /// The language of a locale such as `de_DE.UTF-8`: German, else English.
    pub fn of_locale(locale: &str) -> Self {
        if locale.starts_with(Self::German.code()) { Self::German } else { Self::English }
    }

    pub(crate) const fn other(self) -> Self {
        match self {
            Self::English => Self::German,
            Self::German => Self::English,
        }
    }
}

/// A text that is no language of the terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a language of the terminal; expected en or de")]
pub struct NotALanguage(String);

impl FromStr for Language {
    type Err = NotALanguage;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = [Self::English, Self::German].into_iter().find(|language| language.code() == text);
        found.ok_or_else(|| NotALanguage(text.to_owned()))
    }
}

/// What is put into a phrase in place of `{name}`.
pub(crate) type Put<'a> = (&'a str, &'a str);

/// The words of one language, and what the line calls its features and interventions.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    pub(crate) language: Language,
    pub(crate) of_line: Option<WordsV1>,
}

impl Words {
    pub(crate) const fn new(language: Language) -> Self {
        Self { language, of_line: None }
    }

    /// A label with nothing to put in; the key itself if there is none.
    pub(crate) fn word(&self, key: &'static str) -> &'static str {
        find(self.language, key).unwrap_or(key)
    }

    /// The same for a key that is only known at run time, as of a table of keys.
    pub(crate) fn named_key(&self, key: &str) -> &'static str {
        find(self.language, key).unwrap_or_default()
    }

    /// A label with what is put into it.
    pub(crate) fn tell(&self, key: &'static str, put: &[Put<'_>]) -> String {
        fill(self.word(key), put)
    }

    /// A label of two forms apart by `|`: for one, and for any other number `{n}`.
    pub(crate) fn count(&self, key: &'static str, number: u64, told: &str) -> String {
        let text = self.word(key);
        let (one, other) = text.split_once('|').unwrap_or((text, text));
        fill(if number == 1 { one } else { other }, &[("n", told)])
    }

    /// The label of a name of the contract, such as `state` and `not-scheduled`; the name in plain words if there is none.
    pub(crate) fn named(&self, kind: &str, name: &str) -> Cow<'static, str> {
        let label = find(self.language, &format!("{kind}.{name}"));
        label.map_or_else(|| plain(name).into(), Cow::Borrowed)
    }

    /// The same for one of a closed set.
    pub(crate) fn of(&self, kind: &str, one: impl serde::Serialize) -> Cow<'static, str> {
        self.named(kind, &wire_name(one))
    }

    /// A feature as the line calls it.
    pub(crate) fn feature(&self, name: &str) -> String {
        let known = self.of_line.as_ref().and_then(|words| words.features.get(self.language.code())?.get(name));
        capital(&known.cloned().unwrap_or_else(|| plain(name)))
    }

    /// What was done, as the line calls it.
    pub(crate) fn intervention(&self, kind: InterventionName) -> String {
        let name = wire_name(kind);
        let known = self.of_line.as_ref().and_then(|words| words.interventions.get(self.language.code())?.get(&name));
        known.cloned().unwrap_or_else(|| plain(&name))
    }

    /// An alert with its texts in this language, if it has them.
    pub(crate) fn translated(&self, mut alert: AlertV1) -> AlertV1 {
        let Some(told) = alert.translations.iter().find(|told| told.language == self.language.code()).cloned() else {
            return alert;
        };
        alert.headline = told.headline;
        alert.advice = told.advice;
        alert.cause.title = told.cause;
        for (rival, title) in alert.rivals.iter_mut().zip(told.rivals) {
            rival.title = title;
        }
        for (evidence, title) in alert.evidence.iter_mut().zip(told.evidence) {
            evidence.title = Some(title);
        }
        for (done, title) in alert.recent_interventions.iter_mut().zip(told.recent_interventions) {
            done.title = title;
        }
        alert
    }
}

fn find(language: Language, key: &str) -> Option<&'static str> {
    let [english, german] = WORDS.get(key)?;
    Some(match language {
        Language::English => english,
        Language::German => german,
    })
}

fn fill(text: &str, put: &[Put<'_>]) -> String {
    put.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

fn plain(name: &str) -> String {
    name.replace(['-', '_'], " ")
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_s_words_are_read_and_put_together() {
        let read = of_the_page(PAGE).unwrap_or_else(|problem| panic!("{problem}"));
        assert!(read.len() > 200, "{}", read.len());
        let [english, german] = [Language::English, Language::German].map(Words::new);
        assert_eq!(german.word("state.starved"), "Wartet auf Teile");
        assert_eq!(english.count("links.up", 1, "1"), "1 link up");
        assert_eq!(english.count("links.up", 0, "0"), "0 links up");
        assert_eq!(english.tell("incident.of", &[("id", "412-0")]), "Incident 412-0");
        assert_eq!(german.named("alertState", "out-of-service"), "außer Betrieb");
        assert_eq!(german.named("alertState", "no-such"), "no such");
        assert_eq!(english.feature("gun_water_flow"), "Gun water flow");
    }

    /// Each word that the sources ask for is there.
    #[test]
    fn every_word_that_is_asked_for_is_there() {
        let mut asked = 0;
        for source in sources() {
            let text = std::fs::read_to_string(&source).unwrap_or_default();
            for call in [".word(\"", ".tell(\"", ".count(\""] {
                for (at, _) in text.match_indices(call) {
                    let key = text[at + call.len()..].split('"').next().unwrap_or_default();
                    assert!(WORDS.contains_key(key), "{}: there is no word {key:?}", source.display());
                    asked += 1;
                }
            }
        }
        assert!(asked > 80, "{asked}");
    }

    fn sources() -> Vec<std::path::PathBuf> {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let entries = |folder: std::path::PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
        let files = ["", "client", "draw"].into_iter().flat_map(|folder| entries(root.join(folder)));
        files.map(|entry| entry.path()).filter(|path| path.extension().is_some_and(|kind| kind == "rs")).collect()
    }
}
