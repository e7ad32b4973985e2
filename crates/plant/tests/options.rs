//! `config/` shows every option that there is: in use, or commented out and right as it stands there.
#![allow(clippy::unwrap_used)]

use std::ops::Range;
use std::path::Path;

use plant::{Files, Overrides, TagRow, load, schema, write_tags};
use serde_json::{Map, Value};

const DAEMON: &str = "linetwin.toml";
const PLANT: &str = "plant.toml";

fn example() -> Files {
    Files::read_dir(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config")).unwrap()
}

fn text_of<'a>(files: &'a Files, wanted: &str) -> &'a str {
    files.iter().find(|(name, _)| *name == wanted).unwrap().1
}

/// The schema knows all options; none is listed here.
#[test]
fn example_configuration_covers_every_option() {
    let example = example();
    let mut shown = vec![tables(&example)];
    for name in [DAEMON, PLANT] {
        let text = Text::of(text_of(&example, name));
        let mut all = Vec::new();
        text.with_each_choice(0..text.0.len(), &|text| problems_of(&example, name, text), &mut all);
        shown.extend(all.iter().map(|text| tables(&changed(&example, name, text))));
    }
    let mut missing = Vec::new();
    find_missing(&schema(), &shown.iter().collect::<Vec<_>>(), "", &mut missing);
    assert!(missing.is_empty(), "config/ shows no {}", missing.join(", "));

    let columns: Vec<&str> = example.iter().filter_map(tag_columns).flatten().collect();
    let missing: Vec<String> = known_columns().into_iter().filter(|name| !columns.contains(&name.as_str())).collect();
    assert!(missing.is_empty(), "no list in config/tags has the column {}", missing.join(", "));
}

#[test]
fn an_option_that_is_not_shown_or_wrong_is_found() {
    let example = example();
    let without = text_of(&example, PLANT).replace("poll_interval_s = ", "poll_interval = ");
    let shown = tables(&changed(&example, PLANT, &Text::of(&without)));
    let mut missing = Vec::new();
    find_missing(&schema(), &[&shown], "", &mut missing);
    assert!(missing.contains(&"link.modbus.poll_interval_s".to_owned()), "{missing:?}");

    let wrong = Text::of("[http]\n# Where. [none]\n# users = \"u.toml\"\n# audit = 7\n");
    let [users, audit] = wrong.choices().try_into().unwrap();
    assert!(problems_of(&example, DAEMON, &wrong.with(&users)).is_none());
    let problems = problems_of(&example, DAEMON, &wrong.with(&audit)).unwrap();
    assert!(problems.contains("http.audit"), "{problems}");
}

/// What is wrong with the example if one of its files is that. A link that nothing comes over gets a signal.
fn problems_of(example: &Files, name: &str, text: &Text) -> Option<String> {
    let files = changed(example, name, text);
    let rows: Vec<TagRow> = links_without_tags(&files);
    let list = write_tags(&rows);
    let files = Files::from_pairs(files.iter().chain([("tags/added.csv", list.as_str())]));
    load(&files, &Overrides::default()).err().map(|problems| problems.to_string())
}

fn links_without_tags(files: &Files) -> Vec<TagRow> {
    let tables = tables(files);
    let names = tables["link"].as_array().into_iter().flatten().filter_map(|link| link["name"].as_str());
    let has_tags = |name: &str| files.iter().any(|(_, text)| text.contains(&format!(",{name},")));
    let row = |name: &str| TagRow {
        signal: format!("cooling-1/of-{name}"),
        link: name.to_owned(),
        address: "anywhere".to_owned(),
        data_type: "f64".to_owned(),
        ..TagRow::default()
    };
    names.filter(|name| !has_tags(name)).map(row).collect()
}

fn changed(files: &Files, name: &str, text: &Text) -> Files {
    let text = text.0.join("\n");
    Files::from_pairs(files.iter().map(|(other, old)| (other, if other == name { text.as_str() } else { old })))
}

/// Both files in one; what is no TOML shows nothing.
fn tables(files: &Files) -> Value {
    let tables = [DAEMON, PLANT].map(|name| toml::from_str::<Map<String, Value>>(text_of(files, name)));
    tables.into_iter().flatten().flatten().collect::<Map<_, _>>().into()
}

fn tag_columns<'a>((name, text): (&str, &'a str)) -> Option<std::str::Split<'a, char>> {
    name.starts_with("tags/").then(|| text.lines().next().unwrap_or_default().split(','))
}

fn known_columns() -> Vec<String> {
    write_tags(&[]).trim_end().split(',').map(str::to_owned).collect()
}

/// The options of a schema that none of the values has.
fn find_missing(schema: &Value, values: &[&Value], path: &str, missing: &mut Vec<String>) {
    for (key, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        let found: Vec<&Value> = values.iter().filter_map(|value| value.get(key)).collect();
        if found.is_empty() {
            missing.push(path);
        } else {
            find_missing(below, &found, &path, missing);
        }
    }
    let entries: Vec<&Value> = values.iter().filter_map(|value| value.as_array()).flatten().collect();
    if !entries.is_empty() {
        find_missing(&schema["items"], &entries, path, missing);
    }
    for branch in schema["allOf"].as_array().into_iter().flatten() {
        let protocol = &branch["if"]["properties"]["protocol"]["const"];
        let of_branch: Vec<&Value> = values.iter().copied().filter(|value| value["protocol"] == *protocol).collect();
        find_missing(&branch["then"], &of_branch, &format!("{path}.{}", protocol.as_str().unwrap()), missing);
    }
    if schema["else"].is_object() {
        let tables: Vec<&Value> = values.iter().copied().filter(|value| value.is_object()).collect();
        find_missing(&schema["else"], &tables, path, missing);
    }
}

/// The lines of a file.
#[derive(Clone)]
struct Text(Vec<String>);

impl Text {
    fn of(text: &str) -> Self {
        Self(text.lines().map(str::to_owned).collect())
    }

    /// Where something is commented out that could be in use: an option, or a table with all of its options.
    fn choices(&self) -> Vec<Range<usize>> {
        let mut choices: Vec<Range<usize>> = Vec::new();
        for (at, line) in self.0.iter().enumerate() {
            let is_taken = choices.last().is_some_and(|last| last.contains(&at));
            match commented(line) {
                Some(option) if !is_taken && is_header(option) => choices.push(at..self.end_of_comment(at)),
                Some(_) if !is_taken => choices.push(at..at + 1),
                _ => {}
            }
        }
        choices
    }

    fn end_of_comment(&self, start: usize) -> usize {
        let lines = self.0[start..].iter().take_while(|line| line.starts_with('#'));
        start + lines.count()
    }

    /// With a choice in use, instead of what the table says otherwise.
    fn with(&self, choice: &Range<usize>) -> Self {
        let mut on = self.clone();
        for line in &mut on.0[choice.clone()] {
            if let Some(option) = commented(line) {
                *line = option.to_owned();
            }
        }
        let key = key_of(&on.0[choice.start]).map(str::to_owned);
        for at in self.table(choice.start).filter(|at| key.is_some() && !choice.contains(at)) {
            if key_of(&on.0[at]) == key.as_deref() {
                on.0[at].clear();
            }
        }
        on
    }

    /// The table that a line is in.
    fn table(&self, at: usize) -> Range<usize> {
        let start = (0..at).rev().find(|&line| is_header(&self.0[line])).map_or(0, |header| header + 1);
        let end = (at + 1..self.0.len()).find(|&line| is_header(&self.0[line])).unwrap_or(self.0.len());
        start..end
    }

    /// Collects the text with each of the choices of a range in use, one at a time. Each must be right, alone or with one
    /// other option of its table switched on or off: a password needs a user's name, and a token in a file stands instead of
    /// one in the text. A table that comes into use may have options that are still commented out.
    fn with_each_choice(
        &self,
        range: Range<usize>,
        problems_of: &dyn Fn(&Self) -> Option<String>,
        all: &mut Vec<Self>,
    ) {
        for choice in self.choices().into_iter().filter(|choice| range.contains(&choice.start)) {
            let on = self.with(&choice);
            if let Some(problems) = problems_of(&on) {
                let is_right = on.with_one_more_switched(&choice).any(|text| problems_of(&text).is_none());
                assert!(is_right, "line {} is wrong once it is in use:\n{problems}", choice.start + 1);
            }
            on.with_each_choice(choice, problems_of, all);
            all.push(on);
        }
    }

    fn with_one_more_switched(&self, choice: &Range<usize>) -> impl Iterator<Item = Self> {
        let table = self.table(choice.start);
        let choices = self.choices().into_iter().filter(|other| table.contains(&other.start));
        let on: Vec<Self> = choices.map(|other| self.with(&other)).collect();
        let others = table.filter(|at| !choice.contains(at) || choice.len() > 1);
        let off: Vec<Self> = others.filter(|&at| key_of(&self.0[at]).is_some()).map(|at| self.without(at)).collect();
        on.into_iter().chain(off)
    }

    fn without(&self, line: usize) -> Self {
        let mut text = self.clone();
        text.0[line].clear();
        text
    }
}

/// The option that a comment holds, if it holds one.
fn commented(line: &str) -> Option<&str> {
    let option = line.strip_prefix("# ")?;
    let inner = option.strip_prefix("# ").unwrap_or(option);
    (is_header(inner) || key_of(inner).is_some()).then_some(option)
}

fn is_header(line: &str) -> bool {
    line.starts_with('[')
        && line.ends_with(']')
        && line.chars().all(|sign| sign.is_ascii_lowercase() || "[]._".contains(sign))
}

/// The key that a line sets.
fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(" = ")?;
    key.chars().all(|sign| sign.is_ascii_lowercase() || sign.is_ascii_digit() || sign == '_').then_some(key)
}
