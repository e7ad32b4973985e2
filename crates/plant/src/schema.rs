use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Map, Value, json};

use crate::ingest::IngestKeys;
use crate::keys::{CsvKeys, LimitKeys, LineKeys, RecipeKeys, RedundantKeys, StationKeys, VariantKeys};
use crate::modbus::ModbusKeys;
use crate::mqtt::MqttKeys;
use crate::named::{NAME_PATTERN, NAME_WORDS, Named};
use crate::opcua::OpcuaKeys;
use crate::open_protocol::OpenProtocolKeys;
use crate::problem::Findings;
use crate::simulated::SimulatedKeys;
use crate::tree::{Tree, child};
use crate::{DaemonSettings, SheetMaterial, StationKind};

/// The JSON Schema (draft 2020-12) of `linetwin.toml` and `plant.toml` together: what loading checks against.
pub fn schema() -> Value {
    let mut generator =
        SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut line = LineKeys::json_schema(&mut generator).to_value();
    let mut properties = DaemonSettings::json_schema(&mut generator).to_value()["properties"].take();
    if let (Value::Object(all), Value::Object(more)) = (&mut properties, line["properties"].take()) {
        all.extend(more);
        all.extend([
            list("variant", "What the line builds.", 1, VariantKeys::json_schema(&mut generator)),
            list("link", "The ways to the outside.", 1, link_schema(&mut generator)),
            list("station", "The places in the line.", 1, StationKeys::json_schema(&mut generator)),
            list("limit", "Process limits.", 0, LimitKeys::json_schema(&mut generator)),
            list("recipe", "What stations are set to.", 0, RecipeKeys::json_schema(&mut generator)),
            list("redundant", "Signals that measure the same.", 0, RedundantKeys::json_schema(&mut generator)),
        ]);
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "linetwin.toml and plant.toml",
        "type": "object",
        "properties": properties,
        "required": ["enterprise", "site", "area", "line", "variant", "link", "station"],
        "additionalProperties": false,
    });
    without_null(&mut schema);
    schema
}

/// The most entries of a list: far above any line, and within the ids.
const ENTRIES_MAX: u32 = 1000;

fn list(name: &str, description: &str, entries_min: u32, entry: Schema) -> (String, Value) {
    let list = json!({
        "description": description,
        "type": "array",
        "minItems": entries_min,
        "maxItems": ENTRIES_MAX,
        "items": entry,
    });
    (name.to_owned(), list)
}

/// One branch for each protocol, chosen by `protocol`. An `if` for each, not a `oneOf`, so that an error names the key
/// that is wrong and not just "fits none of three".
fn link_schema(generator: &mut SchemaGenerator) -> Schema {
    let protocols = [
        ("modbus", ModbusKeys::json_schema(generator)),
        ("opcua", OpcuaKeys::json_schema(generator)),
        ("mqtt", MqttKeys::json_schema(generator)),
        ("csv", CsvKeys::json_schema(generator)),
        ("http", IngestKeys::json_schema(generator)),
        ("open-protocol", OpenProtocolKeys::json_schema(generator)),
        ("simulated", SimulatedKeys::json_schema(generator)),
    ];
    let name = name_schema(generator);
    let names = protocols.each_ref().map(|(protocol, _)| *protocol);
    let branches = protocols.map(|(protocol, keys)| {
        let mut branch = keys.to_value();
        branch["properties"]["name"] = name.clone().to_value();
        branch["properties"]["name"]["description"] = json!("Name, unique in the plant.");
        branch["properties"]["protocol"] = json!({ "const": protocol });
        branch["additionalProperties"] = json!(false);
        let mut required = match branch["required"].take() {
            Value::Array(required) => required,
            _ => Vec::new(),
        };
        for key in required.iter().filter_map(Value::as_str) {
            without_default(&mut branch["properties"][key]);
        }
        required.push(json!("name"));
        branch["required"] = required.into();
        json!({
            "if": { "properties": { "protocol": { "const": protocol } }, "required": ["protocol"] },
            "then": branch,
        })
    });
    json_schema!({
        "type": "object",
        "properties": { "protocol": { "description": "What the link speaks.", "title": "protocol", "enum": names } },
        "required": ["protocol"],
        "allOf": branches,
    })
}

/// A key that is required has no default, though its struct must have one.
fn without_default(key: &mut Value) {
    if let Value::Object(key) = key {
        key.remove("default");
    }
}

/// The schema of a name; for `#[schemars(schema_with)]`.
pub(crate) fn name_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "title": NAME_WORDS, "type": "string", "pattern": NAME_PATTERN })
}

/// The schema of a station kind; for `#[schemars(schema_with)]`.
pub(crate) fn kind_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "title": StationKind::WHAT, "enum": StationKind::names().collect::<Vec<_>>() })
}

/// The schema of what sheets are made of; for `#[schemars(schema_with)]`.
pub(crate) fn material_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "title": SheetMaterial::WHAT, "enum": SheetMaterial::names().collect::<Vec<_>>() })
}

/// TOML has no null: an optional key is absent, or of its type.
fn without_null(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if map.get("default").is_some_and(Value::is_null) {
                map.remove("default");
            }
            if let Some(Value::Array(types)) = map.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    map.insert("type".to_owned(), only);
                }
            }
            map.values_mut().for_each(without_null);
        }
        Value::Array(list) => list.iter_mut().for_each(without_null),
        _ => {}
    }
}

/// The schemas of the value at a path of keys and list indices. There may be several: one for each protocol of a link.
pub(crate) fn schemas_at<'a>(schema: &'a Value, path: &[&str]) -> Vec<&'a Value> {
    let Some((step, rest)) = path.split_first() else { return vec![schema] };
    let branches = schema["allOf"].as_array().into_iter().flatten().map(|branch| &branch["then"]);
    std::iter::once(schema)
        .chain(branches)
        .filter_map(|schema| schema["properties"].get(step).or_else(|| schema.get("items")))
        .flat_map(|next| schemas_at(next, rest))
        .collect()
}

/// Checks the merged configuration against its schema.
pub(crate) fn check(tree: &Tree, schema: &Value, findings: &mut Findings) {
    let validator = match jsonschema::validator_for(schema) {
        Ok(validator) => validator,
        Err(error) => return findings.add(tree.place(""), format!("the schema itself is broken: {error}"), ""),
    };
    let instance = tree.json();
    for error in validator.iter_errors(&instance) {
        report(&error, tree, schema, findings);
    }
}

fn report(error: &ValidationError<'_>, tree: &Tree, schema: &Value, findings: &mut Findings) {
    let pointer = error.instance_path().as_str();
    let keyword = error.schema_path().as_str();
    let node = keyword.rsplit_once('/').and_then(|(node, _)| schema.pointer(node)).unwrap_or(&Value::Null);
    let place = tree.place(pointer);
    let value = shown(error.instance(), pointer);
    let message = match error.kind() {
        ValidationErrorKind::AdditionalProperties { unexpected } => {
            let known = || node["properties"].as_object().into_iter().flat_map(Map::keys).map(String::as_str);
            for key in unexpected {
                findings.add_unknown(tree.place(&child(pointer, key)), key, "key here", known());
            }
            return;
        }
        ValidationErrorKind::Required { property } => {
            let key = property.as_str().unwrap_or_default();
            // A file that could not be read may well hold it.
            if !pointer.is_empty() || tree.is_whole() {
                let missing = tree.place(&child(pointer, key));
                let expected = node["properties"].get(key).map(expectation).unwrap_or_default();
                findings.add(missing, "is missing", expected);
            }
            return;
        }
        ValidationErrorKind::Enum { options } => {
            let names = options.as_array().into_iter().flatten().filter_map(Value::as_str);
            let what = node["title"].as_str().unwrap_or("choice");
            return match error.instance().as_str() {
                Some(name) => findings.add_unknown(place, name, what, names),
                None => findings.add(place, format!("{value} is not a {what}"), expectation(node)),
            };
        }
        ValidationErrorKind::Type { .. } if error.instance().is_null() => "has no usable value".to_owned(),
        ValidationErrorKind::Type { .. } => format!("{value} is a {}", type_in_words(error.instance())),
        ValidationErrorKind::Minimum { .. } => format!("{value} is too small"),
        ValidationErrorKind::Maximum { .. } => format!("{value} is too large"),
        ValidationErrorKind::MinLength { .. } => "is empty".to_owned(),
        ValidationErrorKind::Pattern { .. } => format!("{value} does not fit"),
        ValidationErrorKind::MinItems { .. } => "has too few entries".to_owned(),
        ValidationErrorKind::MaxItems { .. } => "has too many entries".to_owned(),
        _ => error.masked_with(value).to_string(),
    };
    findings.add(place, message, expectation(node));
}

/// What a schema asks for, in words.
fn expectation(node: &Value) -> String {
    if let Some(options) = node["enum"].as_array() {
        let names: Vec<_> = options.iter().filter_map(Value::as_str).collect();
        return format!("one of {}", names.join(", "));
    }
    if let Some(title) = node["title"].as_str() {
        return format!("a {title}");
    }
    let range = range_in_words(&node["minimum"], &node["maximum"]);
    match node["type"].as_str() {
        Some("integer") => format!("a whole number{range}"),
        Some("number") => format!("a number{range}"),
        Some("string") if node.get("minLength").is_some() => "a text that is not empty".to_owned(),
        Some("string") => "a text".to_owned(),
        Some("boolean") => "true or false".to_owned(),
        Some("object") => "a table".to_owned(),
        Some("array") => match (node["items"]["type"].as_str(), &node["minItems"], &node["maxItems"]) {
            (Some("string"), Value::Number(min), Value::Number(max)) => format!("a list of {min} to {max} texts"),
            (Some("string"), ..) => "a list of texts".to_owned(),
            (_, Value::Number(min), Value::Number(max)) => format!("{min} to {max} tables"),
            _ => "a list".to_owned(),
        },
        _ => String::new(),
    }
}

fn range_in_words(min: &Value, max: &Value) -> String {
    match (min.as_f64(), max.as_f64()) {
        (Some(min), Some(max)) => format!(" from {min} to {max}"),
        (Some(min), None) => format!(" of at least {min}"),
        (None, Some(max)) => format!(" of at most {max}"),
        (None, None) => String::new(),
    }
}

fn type_in_words(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "text",
        Value::Array(_) => "list",
        Value::Object(_) => "table",
    }
}

/// A value as an error message shows it: short, and never a password.
fn shown(value: &Value, pointer: &str) -> String {
    const CHARS_MAX: usize = 60;
    match value {
        _ if pointer.ends_with("/password") => "what stands here".to_owned(),
        Value::Array(_) | Value::Object(_) => "what stands here".to_owned(),
        _ => {
            let text = value.to_string();
            match text.char_indices().nth(CHARS_MAX) {
                Some((end, _)) => format!("{}…", &text[..end]),
                None => text,
            }
        }
    }
}
