use std::collections::BTreeMap;

use config::{Config, ConfigError, Map, Source, Value, ValueKind};
use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use crate::files::{Files, LINETWIN_TOML, PLANT_TOML};
use crate::problem::{Findings, Place};
use crate::schema::schemas_at;

/// What environment and command line put over the configuration's files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Overrides {
    /// Environment variables. `LINETWIN__HTTP__PORT` sets `http.port`, `LINETWIN__LINK__0__HOST` sets `link[0].host`;
    /// those that do not begin with `LINETWIN__` are left alone.
    pub environment: BTreeMap<String, String>,
    /// Settings of the command line, `key=value` such as `http.port=8080` or `link[0].host=10.0.0.7`. They win over
    /// the environment, and later ones over earlier ones.
    pub set: Vec<String>,
}

const ENVIRONMENT_PREFIX: &str = "LINETWIN__";
const ENVIRONMENT: &str = "environment";
const COMMAND_LINE: &str = "command line";

/// The highest list index that an override may name: the schema allows no longer list.
const INDEX_MAX: u32 = 999;

/// Files, environment and command line merged into one tree, where each value knows the place it comes from.
#[derive(Debug)]
pub(crate) struct Tree {
    root: Value,
    /// Where each top-level key was written: merging keeps the origin of values, but not that of their tables.
    top: BTreeMap<String, String>,
    whole: bool,
}

impl Tree {
    /// Merges all layers. What cannot be read is reported and left out.
    pub(crate) fn read(files: &Files, overrides: &Overrides, schema: &Json, findings: &mut Findings) -> Self {
        let (mut layers, whole) = read_files(files, findings);
        layers.extend(read_overrides(overrides, schema, findings));
        let top = layers.iter().rev().flat_map(Layer::origins).collect();
        let builder = layers.into_iter().fold(Config::builder(), |builder, layer| builder.add_source(layer));
        match builder.build() {
            Ok(config) => Self { root: config.cache, top, whole },
            Err(error) => {
                findings.add(Place::new(COMMAND_LINE, 0, ""), format!("the layers cannot be merged: {error}"), "");
                Self { root: Value::new(None, ValueKind::Nil), top, whole: false }
            }
        }
    }

    /// One file by itself; `None` if it cannot be read, which is reported.
    pub(crate) fn of_file(name: &str, text: &str, findings: &mut Findings) -> Option<Self> {
        let layer = Layer::of_file(name, text, findings)?;
        let top = layer.origins().collect();
        Some(Self { root: Value::new(None, ValueKind::Table(layer.0)), top, whole: true })
    }

    /// Whether every file could be read. If not, what is missing may well be in the other one.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The merged values.
    pub(crate) fn json(&self) -> Json {
        to_json(&self.root)
    }

    /// Where the value at a JSON pointer was written; for a missing one, where its table was.
    pub(crate) fn place(&self, pointer: &str) -> Place {
        let mut key = String::new();
        let mut origin = None;
        let mut value = Some(&self.root);
        for step in pointer.split('/').skip(1).map(unescape) {
            value = value.and_then(|value| match &value.kind {
                ValueKind::Table(table) => table.get(&step),
                ValueKind::Array(list) => list.get(step.parse::<usize>().ok()?),
                _ => None,
            });
            let top = if key.is_empty() { self.top.get(&step).map(String::as_str) } else { None };
            origin = value.and_then(Value::origin).or(top).or(origin);
            match step.parse::<usize>() {
                Ok(index) => key += &format!("[{index}]"),
                Err(_) if key.is_empty() => key = step,
                Err(_) => key += &format!(".{step}"),
            }
        }
        match origin.map(|origin| origin.rsplit_once(':').unwrap_or((origin, ""))) {
            Some((file, line)) => Place::new(file, line.parse().unwrap_or(0), &key),
            None => Place::new(PLANT_TOML, 0, &key),
        }
    }
}

/// The layers of the two files, and whether both could be read.
fn read_files(files: &Files, findings: &mut Findings) -> (Vec<Layer>, bool) {
    let mut layers = Vec::new();
    let mut whole = true;
    for name in [LINETWIN_TOML, PLANT_TOML] {
        let Some(text) = files.get(name) else {
            // Each of the daemon's settings has a default.
            if name == PLANT_TOML {
                findings.add(Place::new(name, 0, ""), "is missing", "this file in the configuration folder");
                whole = false;
            }
            continue;
        };
        match Layer::of_file(name, text, findings) {
            Some(layer) => layers.push(layer),
            None => whole = false,
        }
    }
    report_twice(&layers, findings);
    (layers, whole)
}

/// A layer for each override, weakest first.
fn read_overrides(overrides: &Overrides, schema: &Json, findings: &mut Findings) -> Vec<Layer> {
    let mut layers = Vec::new();
    for (variable, text) in &overrides.environment {
        if let Some(path) = variable.strip_prefix(ENVIRONMENT_PREFIX) {
            layers.extend(Layer::of_override(ENVIRONMENT, &key_of_variable(path), text, schema, findings));
        }
    }
    for setting in &overrides.set {
        if let Some((key, text)) = setting.split_once('=') {
            layers.extend(Layer::of_override(COMMAND_LINE, key.trim(), text.trim(), schema, findings));
        } else {
            let message = format!("{setting:?} sets nothing");
            findings.add(Place::new(COMMAND_LINE, 0, ""), message, "key=value, such as http.port=8080");
        }
    }
    layers
}

/// The JSON pointer to a key below a pointer.
pub(crate) fn child(pointer: &str, key: &str) -> String {
    format!("{pointer}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn unescape(step: &str) -> String {
    step.replace("~1", "/").replace("~0", "~")
}

/// One source of values; its own type because `config`'s file sources keep the name of the file but not the line.
#[derive(Debug, Clone)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

impl Layer {
    /// The top-level keys, or paths, and where they were written.
    fn origins(&self) -> impl Iterator<Item = (String, String)> {
        self.0.iter().filter_map(|(key, value)| Some((key.clone(), value.origin()?.to_owned())))
    }

    fn of_file(name: &str, text: &str, findings: &mut Findings) -> Option<Self> {
        let lines = Lines::of(name, text);
        let (table, errors) = DeTable::parse_recoverable(text);
        let mut line_before = None;
        for error in &errors {
            let place = lines.place(error.span().map_or(0, |span| span.start));
            // What follows on a line that is broken already is seldom a second mistake.
            if line_before.replace(place.origin.line) != Some(place.origin.line) {
                findings.add(place, format!("not TOML: {}", error.message()), "");
            }
        }
        if !errors.is_empty() {
            return None;
        }
        let mut layer = Map::new();
        for (key, value) in table.into_inner() {
            // `config` takes the keys of a layer for paths; a path in a file is surely a mistake.
            if key.get_ref().contains(|sign: char| !sign.is_ascii_alphanumeric() && !"_-".contains(sign)) {
                let place = lines.place(key.span().start);
                findings.add(place, format!("{:?} is not a key here", key.get_ref()), "letters, digits, `-` and `_`");
                continue;
            }
            let origin = lines.origin(value.span().start);
            layer.insert(key.into_inner().into_owned(), to_value(&origin, value.into_inner(), Some(&lines)));
        }
        Some(Self(layer))
    }

    /// The schema decides whether a value is a text as it stands or TOML.
    fn of_override(origin: &str, key: &str, text: &str, schema: &Json, findings: &mut Findings) -> Option<Self> {
        let path = key.replace('[', ".").replace(']', "");
        let path: Vec<_> = path.split('.').collect();
        let is_index = |step: &&str| step.parse::<i64>().is_ok();
        if path.iter().any(|step| is_index(step) && step.parse().ok().is_none_or(|index: u32| index > INDEX_MAX)) {
            let message = "names a list entry that cannot be";
            findings.add(Place::new(origin, 0, key), message, format!("an index from 0 to {INDEX_MAX}"));
            return None;
        }
        let is_text = schemas_at(schema, &path)
            .iter()
            .any(|schema| schema["type"] == "string" || schema.get("enum").is_some() || schema.get("const").is_some());
        let origin = origin.to_owned();
        let value = match DeValue::parse(text) {
            Ok(value) if !is_text => to_value(&origin, value.into_inner(), None),
            _ => Value::new(Some(&origin), text),
        };
        Some(Self(Map::from([(key.to_owned(), value)])))
    }
}

/// `LINK__0__HOST` as `link[0].host`.
fn key_of_variable(path: &str) -> String {
    let mut key = String::new();
    for step in path.to_lowercase().split("__") {
        match step.parse::<u32>() {
            Ok(index) => key += &format!("[{index}]"),
            Err(_) if key.is_empty() => key += step,
            Err(_) => key += &format!(".{step}"),
        }
    }
    key
}

/// A table may be spread over both files, but not silently: the second would win over the first.
fn report_twice(layers: &[Layer], findings: &mut Findings) {
    let [Layer(first), Layer(second)] = layers else { return };
    for (key, value) in second {
        if let (Some(origin), Some(other)) = (value.origin(), first.get(key).and_then(Value::origin))
            && let Some((file, line)) = origin.rsplit_once(':')
        {
            let place = Place::new(file, line.parse().unwrap_or(0), key);
            findings.add(place, format!("is already in {other}"), "it in one of the two files");
        }
    }
}

/// The lines of a file.
struct Lines<'a> {
    file: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    fn of(file: &'a str, text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { file, starts }
    }

    fn line(&self, byte: usize) -> usize {
        self.starts.partition_point(|&start| start <= byte)
    }

    fn origin(&self, byte: usize) -> String {
        format!("{}:{}", self.file, self.line(byte))
    }

    fn place(&self, byte: usize) -> Place {
        Place::new(self.file, u32::try_from(self.line(byte)).unwrap_or(0), "")
    }
}

fn to_value(origin: &String, value: DeValue<'_>, lines: Option<&Lines<'_>>) -> Value {
    let origin_at = |byte: usize| lines.map_or_else(|| origin.clone(), |lines| lines.origin(byte));
    let kind = match value {
        DeValue::String(text) => ValueKind::String(text.into_owned()),
        // One that is too long for 64 bits is out of every range there is; as a float it is reported as that.
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => ValueKind::I64(number),
            Err(_) => ValueKind::Float(number.as_str().parse().unwrap_or(f64::INFINITY)),
        },
        DeValue::Float(number) => ValueKind::Float(number.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(condition) => ValueKind::Boolean(condition),
        DeValue::Datetime(moment) => ValueKind::String(moment.to_string()),
        DeValue::Array(list) => ValueKind::Array(
            list.into_iter().map(|item| to_value(&origin_at(item.span().start), item.into_inner(), lines)).collect(),
        ),
        DeValue::Table(table) => ValueKind::Table(
            table
                .into_iter()
                .map(|(key, value)| {
                    let origin = origin_at(value.span().start);
                    (key.into_inner().into_owned(), to_value(&origin, value.into_inner(), lines))
                })
                .collect(),
        ),
    };
    Value::new(Some(origin), kind)
}

/// Up to here a float holds every integer.
const INTEGER_MAX: f64 = (1_i64 << f64::MANTISSA_DIGITS) as f64;

/// A number that is not finite becomes null, which no schema here allows.
fn to_json(value: &Value) -> Json {
    match &value.kind {
        ValueKind::Nil | ValueKind::I128(_) | ValueKind::U128(_) => Json::Null,
        ValueKind::Boolean(condition) => (*condition).into(),
        ValueKind::I64(number) => (*number).into(),
        ValueKind::U64(number) => (*number).into(),
        // To JSON Schema 502.0 is an integer, to serde it is not.
        ValueKind::Float(number) if number.fract() == 0.0 && number.abs() < INTEGER_MAX => (*number as i64).into(),
        ValueKind::Float(number) => (*number).into(),
        ValueKind::String(text) => text.as_str().into(),
        ValueKind::Table(table) => {
            Json::Object(table.iter().map(|(key, value)| (key.clone(), to_json(value))).collect())
        }
        ValueKind::Array(list) => list.iter().map(to_json).collect(),
    }
}
