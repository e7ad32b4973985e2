use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::{Command, CommandAction, IncidentAction, InterventionKind, NotAnIncidentId, Shelf};
use twin::Output;

use crate::rim::schema_tag;
use crate::{InterventionName, Message, TimeV1};

/// What a person wants done, as a client sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = closed)]
pub struct CommandV1 {
    /// What.
    #[serde(flatten)]
    pub ask: AskV1,
    /// Who asks: a name or a role, 1 to 64 characters on one line.
    #[schemars(length(min = 1, max = 64))]
    pub by: String,
    /// What they add, up to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 500))]
    pub comment: Option<String>,
}

/// What can be asked for. An incident is given as `412-0`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum AskV1 {
    /// "I have seen this incident and take it on."
    Acknowledge {
        /// The incident.
        #[schemars(regex(pattern = r"^[0-9]+-[0-9]+$"))]
        incident: String,
    },
    /// "Do not show it for a while": until a time, for some minutes, or until it is no longer there if neither is given.
    Shelve {
        /// The incident.
        #[schemars(regex(pattern = r"^[0-9]+-[0-9]+$"))]
        incident: String,
        /// Until when.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<TimeV1>,
        /// For how long, minutes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(range(min = 1, max = 10_080))]
        minutes: Option<u32>,
    },
    /// "Show it again."
    Unshelve {
        /// The incident.
        #[schemars(regex(pattern = r"^[0-9]+-[0-9]+$"))]
        incident: String,
    },
    /// "The comment is worth knowing of it."
    Comment {
        /// The incident.
        #[schemars(regex(pattern = r"^[0-9]+-[0-9]+$"))]
        incident: String,
    },
    /// "There is something wrong, as it says." What was marked false before no longer makes the like less urgent.
    MarkTrue {
        /// The incident.
        #[schemars(regex(pattern = r"^[0-9]+-[0-9]+$"))]
        incident: String,
    },
    /// "Nothing is wrong." The like is less urgent from now on.
    MarkFalse {
        /// The incident.
        #[schemars(regex(pattern = r"^[0-9]+-[0-9]+$"))]
        incident: String,
    },
    /// "This was planned": it is acknowledged, and what was done is reported for its station.
    MarkPlanned {
        /// The incident.
        #[schemars(regex(pattern = r"^[0-9]+-[0-9]+$"))]
        incident: String,
        /// What was done; a program or parameter was changed, if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<InterventionName>,
    },
    /// "This was done here": what stood before may say nothing of what comes.
    ReportIntervention {
        /// Where: a station's name, or a signal's path such as `weld-20/current` for what concerns only that signal.
        place: String,
        /// What was done.
        kind: InterventionName,
        /// When it was done, at most 24 h ago; now, if left out.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        at: Option<TimeV1>,
    },
    /// "No alerts from here until I say so."
    RemoveFromService {
        /// Where: a station, a link, or `station/name` of a signal or a feature.
        place: String,
    },
    /// "Alerts from here again."
    PlaceInService {
        /// Where, as it was removed.
        place: String,
    },
}

/// Nothing else may stand in a command. What each ask may have, it cannot say by itself: it knows nothing of `by`.
fn closed(schema: &mut schemars::Schema) {
    schema.insert("unevaluatedProperties".to_owned(), false.into());
    for ask in schema.get_mut("oneOf").and_then(|asks| asks.as_array_mut()).into_iter().flatten() {
        if let Some(ask) = ask.as_object_mut() {
            ask.remove("additionalProperties");
        }
    }
}

/// Why a command cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The payload is too long to be a command.
    #[error("a command of {bytes} bytes; at most {} are read", CommandV1::MAX_BYTES)]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It is not the JSON that it should be.
    #[error("not a command: {0}; expected JSON such as {example}", example = CommandV1::EXAMPLE)]
    NotACommand(#[from] serde_json::Error),
    /// It names no incident.
    #[error("incident: {0}")]
    Incident(#[from] NotAnIncidentId),
    /// It does not say properly who asks.
    #[error("by: expected who asks in 1 to {} characters on one line, got {chars} characters", CommandV1::BY_MAX_CHARS)]
    By {
        /// How many characters it has.
        chars: usize,
    },
    /// It says twice for how long.
    #[error("until, minutes: expected one of both, or neither to shelve it until it is no longer there")]
    TwoShelves,
    /// It shelves for no time, or too long.
    #[error("minutes: {minutes} is not from 1 to {}", CommandV1::SHELVE_MAX_MIN)]
    Minutes {
        /// The minutes.
        minutes: u32,
    },
    /// What is added is too long.
    #[error("comment: {chars} characters; at most {} fit", CommandV1::COMMENT_MAX_CHARS)]
    Comment {
        /// How many characters it has.
        chars: usize,
    },
}

impl CommandV1 {
    /// The longest payload that is read, bytes.
    pub const MAX_BYTES: usize = 16 * 1024;
    /// The most characters of `by`.
    pub const BY_MAX_CHARS: usize = 64;
    /// The most characters of `comment`.
    pub const COMMENT_MAX_CHARS: usize = 500;
    /// The longest that an incident can be shelved by any plant, minutes.
    pub const SHELVE_MAX_MIN: u32 = 7 * 24 * 60;
    /// A command that would be understood.
    pub const EXAMPLE: &'static str = r#"{"command":"acknowledge","incident":"412-0","by":"shift lead"}"#;

    /// Reads a command.
    ///
    /// # Errors
    /// If the payload is too long or is not a command. What the command asks for is checked by the conversion into a
    /// [`Command`].
    pub fn from_json(payload: &[u8]) -> Result<Self, CommandError> {
        if payload.len() > Self::MAX_BYTES {
            return Err(CommandError::TooLong { bytes: payload.len() });
        }
        // Read as an object first: serde would also take an array of the fields' values.
        let mut object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(payload)?;
        // What stands beside the ask; in front of it, an ask could not tell what it does not know.
        let beside: serde_json::Map<_, _> =
            ["by", "comment"].iter().filter_map(|&key| object.remove_entry(key)).collect();
        let Beside { by, comment } = serde_json::from_value(beside.into())?;
        Ok(Self { ask: serde_json::from_value(object.into())?, by, comment })
    }
}

impl Message for CommandV1 {}

#[derive(Deserialize)]
struct Beside {
    by: String,
    comment: Option<String>,
}

impl TryFrom<CommandV1> for Command {
    type Error = CommandError;

    fn try_from(wire: CommandV1) -> Result<Self, Self::Error> {
        let CommandV1 { ask, by, comment } = wire;
        Ok(Self { action: ask.try_into()?, by: checked_by(&by)?, comment: checked_comment(comment)? })
    }
}

impl TryFrom<AskV1> for CommandAction {
    type Error = CommandError;

    fn try_from(ask: AskV1) -> Result<Self, Self::Error> {
        let on = |incident: String, action| Ok(Self::OnIncident { incident: incident.parse()?, action });
        match ask {
            AskV1::Acknowledge { incident } => on(incident, IncidentAction::Acknowledge),
            AskV1::Shelve { incident, until, minutes } => on(incident, IncidentAction::Shelve(shelf(until, minutes)?)),
            AskV1::Unshelve { incident } => on(incident, IncidentAction::Unshelve),
            AskV1::Comment { incident } => on(incident, IncidentAction::Comment),
            AskV1::MarkTrue { incident } => on(incident, IncidentAction::MarkTrue),
            AskV1::MarkFalse { incident } => on(incident, IncidentAction::MarkFalse),
            AskV1::MarkPlanned { incident, kind } => {
                let kind = kind.map_or(InterventionKind::ProgramChange, InterventionKind::from);
                on(incident, IncidentAction::MarkPlanned(kind))
            }
            AskV1::ReportIntervention { place, kind, at } => {
                Ok(Self::ReportIntervention { place, kind: kind.into(), done: at.map(|at| at.0) })
            }
            AskV1::RemoveFromService { place } => Ok(Self::RemoveFromService { place }),
            AskV1::PlaceInService { place } => Ok(Self::PlaceInService { place }),
        }
    }
}

fn shelf(until: Option<TimeV1>, minutes: Option<u32>) -> Result<Shelf, CommandError> {
    match (until, minutes) {
        (None, None) => Ok(Shelf::Once),
        (Some(until), None) => Ok(Shelf::Until(until.0)),
        (None, Some(minutes @ 1..=CommandV1::SHELVE_MAX_MIN)) => Ok(Shelf::ForSeconds(minutes * 60)),
        (None, Some(minutes)) => Err(CommandError::Minutes { minutes }),
        (Some(_), Some(_)) => Err(CommandError::TwoShelves),
    }
}

fn checked_by(by: &str) -> Result<String, CommandError> {
    let by = by.trim();
    let chars = by.chars().count();
    if chars == 0 || chars > CommandV1::BY_MAX_CHARS || by.contains(char::is_control) {
        return Err(CommandError::By { chars });
    }
    Ok(by.to_owned())
}

fn checked_comment(comment: Option<String>) -> Result<String, CommandError> {
    let comment = comment.unwrap_or_default();
    let chars = comment.chars().count();
    if chars > CommandV1::COMMENT_MAX_CHARS {
        return Err(CommandError::Comment { chars });
    }
    Ok(comment)
}

schema_tag!(CommandReplySchema = "linetwin/command-reply/v1");

/// What came of a command. Of a command that could not be read, it repeats what could.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommandReplyV1 {
    /// Version of this message.
    pub schema: CommandReplySchema,
    /// Whether it was carried out.
    pub ok: bool,
    /// What was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// The incident it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<String>,
    /// The station or signal it was about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// What was reported as done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Who asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why it was not carried out, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

impl CommandReplyV1 {
    /// The reply to a command; `error` says why it was not carried out.
    fn to_command(command: &Command, error: Option<String>) -> Self {
        let blank = Self {
            schema: CommandReplySchema::V1,
            ok: error.is_none(),
            command: None,
            incident: None,
            place: None,
            kind: None,
            by: Some(command.by.clone()),
            error,
        };
        let named = |name: &str| Self { command: Some(name.to_owned()), ..blank.clone() };
        match &command.action {
            CommandAction::OnIncident { incident, action } => {
                let kind = match action {
                    IncidentAction::MarkPlanned(kind) => Some(kind.name().to_owned()),
                    _ => None,
                };
                Self { incident: Some(incident.to_string()), kind, ..named(action_name(*action)) }
            }
            CommandAction::ReportIntervention { place, kind, .. } => {
                let (place, kind) = (Some(place.clone()), Some(kind.name().to_owned()));
                Self { place, kind, ..named("report-intervention") }
            }
            CommandAction::RemoveFromService { place } => {
                Self { place: Some(place.clone()), ..named("remove-from-service") }
            }
            CommandAction::PlaceInService { place } => Self { place: Some(place.clone()), ..named("place-in-service") },
        }
    }

    /// The reply to a payload that was not taken as a command.
    pub fn refused(payload: &[u8], error: String) -> Self {
        let content: serde_json::Value = match payload.len() {
            ..=CommandV1::MAX_BYTES => serde_json::from_slice(payload).unwrap_or_default(),
            _ => serde_json::Value::Null,
        };
        let repeat =
            |key: &str| content.get(key)?.as_str().map(|text| text.chars().take(CommandV1::BY_MAX_CHARS).collect());
        Self {
            schema: CommandReplySchema::V1,
            ok: false,
            command: repeat("command"),
            incident: repeat("incident"),
            place: repeat("place"),
            kind: repeat("kind"),
            by: repeat("by"),
            error: Some(error),
        }
    }

    /// Whether it is the reply to that command. A reply repeats what was asked; two that asked the same get each other's,
    /// which say the same.
    pub fn answers(&self, command: &CommandV1) -> bool {
        let Ok(command) = Command::try_from(command.clone()) else { return false };
        let gist = |reply: Self| {
            let Self { command, incident, place, kind, by, schema: _, ok: _, error: _ } = reply;
            (command, incident, place, kind, by)
        };
        gist(self.clone()) == gist(Self::to_command(&command, None))
    }

    /// The reply that an output of the twin is, if it is what came of a command.
    pub fn from_output(output: &Output) -> Option<Self> {
        match output {
            Output::Command { command, refused } => Some(Self::to_command(command, refused.clone())),
            Output::Incident { .. }
            | Output::Intervention(_)
            | Output::Station { .. }
            | Output::Cycle(_)
            | Output::Part(_)
            | Output::Shift(_) => None,
        }
    }
}

/// The name of a command about an incident.
fn action_name(action: IncidentAction) -> &'static str {
    match action {
        IncidentAction::Acknowledge => "acknowledge",
        IncidentAction::Shelve(_) => "shelve",
        IncidentAction::Unshelve => "unshelve",
        IncidentAction::Comment => "comment",
        IncidentAction::MarkTrue => "mark-true",
        IncidentAction::MarkFalse => "mark-false",
        IncidentAction::MarkPlanned(_) => "mark-planned",
    }
}

impl Message for CommandReplyV1 {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telemetry::IncidentId;

    use super::*;
    use crate::testing::{assert_valid, at, tool_dress};

    fn read(payload: &str) -> Result<Command, String> {
        let wire = CommandV1::from_json(payload.as_bytes()).map_err(|problem| problem.to_string())?;
        Command::try_from(wire).map_err(|problem| problem.to_string())
    }

    fn check_refused(payload: &str, expected: &str) {
        let error = read(payload).unwrap_err();
        assert!(error.contains(expected), "{error}");
        assert_valid("command-reply-v1", &CommandReplyV1::refused(payload.as_bytes(), error).to_json());
    }

    fn acknowledge(incident: &str, by: &str, comment: &str) -> String {
        format!(r#"{{"command":"acknowledge","incident":"{incident}","by":"{by}","comment":"{comment}"}}"#)
    }

    #[test]
    fn an_acknowledgement_is_read() {
        let incident = IncidentId { sequence: 412, ordinal: 0 };
        let expected = |comment: &str| Command {
            by: "shift lead".into(),
            action: CommandAction::OnIncident { incident, action: IncidentAction::Acknowledge },
            comment: comment.into(),
        };
        assert_eq!(read(CommandV1::EXAMPLE), Ok(expected("")));
        assert_eq!(read(&acknowledge("412-0", " shift lead ", "caps\\nordered")), Ok(expected("caps\nordered")));
        assert!(read(&acknowledge("412-0", &"x".repeat(64), &"ä".repeat(500))).is_ok());
        assert_valid("command-v1", CommandV1::EXAMPLE);
    }

    #[test]
    fn a_report_of_an_intervention_is_read() {
        let report = |kind, done| Command {
            by: "Kim".into(),
            action: CommandAction::ReportIntervention { place: "weld-20".into(), kind, done },
            comment: String::new(),
        };
        let payload = r#"{"command":"report-intervention","place":"weld-20","kind":"retool","by":"Kim"}"#;
        assert_eq!(read(payload), Ok(report(InterventionKind::Retool, None)));
        assert_valid("command-v1", payload);
        let payload = r#"{"command":"report-intervention","place":"weld-20","kind":"tool-dress","by":"Kim","at":"2026-11-24T08:18:00Z"}"#;
        assert_eq!(read(payload), Ok(report(InterventionKind::ToolDress, Some(at("2026-11-24T08:18:00Z")))));
        assert_valid("command-v1", payload);
        let refused = |rest: &str, expected: &str| {
            check_refused(
                &format!(r#"{{"command":"report-intervention","place":"weld-20","by":"Kim"{rest}}}"#),
                expected,
            );
        };
        refused("", "missing field `kind`");
        refused(r#","kind":"repaint""#, "unknown variant `repaint`, expected one of `retool`, `changeover`");
        refused(r#","kind":"retool","at":"yesterday""#, "\"yesterday\" is not an RFC 3339 time");
        refused(r#","kind":"retool","incident":"1-0""#, "unknown field `incident`");
        refused(&format!(r#","kind":"retool","comment":"{}""#, "x".repeat(501)), "at most 500 fit");
    }

    #[test]
    fn every_ask_is_read_and_repeated_in_its_reply() {
        let incident = |command: &str, rest: &str| {
            format!(r#"{{"command":"{command}","incident":"412-0"{rest},"by":"Kim","comment":"why"}}"#)
        };
        let place = |command: &str| format!(r#"{{"command":"{command}","place":"weld-20","by":"Kim"}}"#);
        for payload in [
            incident("acknowledge", ""),
            incident("shelve", ""),
            incident("shelve", r#","minutes":30"#),
            incident("shelve", r#","until":"2026-11-24T09:00:00Z""#),
            incident("unshelve", ""),
            incident("comment", ""),
            incident("mark-true", ""),
            incident("mark-false", ""),
            incident("mark-planned", ""),
            incident("mark-planned", r#","kind":"retool""#),
            place("remove-from-service"),
            place("place-in-service"),
        ] {
            assert_valid("command-v1", &payload);
            let wire = CommandV1::from_json(payload.as_bytes()).unwrap();
            let read_back: CommandV1 = serde_json::from_str(&wire.to_json()).unwrap();
            assert_eq!(read_back, wire);
            let command = Command::try_from(wire.clone()).unwrap();
            let reply = CommandReplyV1::from_output(&Output::Command { command, refused: None }).unwrap();
            let content: serde_json::Value = serde_json::from_str(&payload).unwrap();
            assert_eq!(reply.command.as_deref(), content["command"].as_str());
            assert!(reply.answers(&wire));
        }
    }

    #[test]
    fn a_shelf_has_one_length() {
        let shelve = |rest: &str| format!(r#"{{"command":"shelve","incident":"412-0","by":"Kim"{rest}}}"#);
        check_refused(&shelve(r#","minutes":0"#), "minutes: 0 is not from 1 to 10080");
        check_refused(&shelve(r#","minutes":10081"#), "minutes: 10081 is not from 1 to 10080");
        check_refused(&shelve(r#","minutes":5,"until":"2026-11-24T09:00:00Z""#), "expected one of both");
        check_refused(&shelve(r#","minutes":-5"#), "invalid value: integer `-5`");
    }

    #[test]
    fn a_refusal_says_what_was_expected() {
        check_refused("", "EOF while parsing a value at line 1 column 0; expected JSON such as {\"command\"");
        check_refused("\u{0}", "expected value");
        check_refused(r#"["acknowledge","1-0","x",null]"#, "invalid type: sequence, expected a map");
        check_refused("{}", "missing field `by`");
        check_refused(r#"{"by":"x"}"#, "missing field `command`");
        check_refused(
            r#"{"command":"stop","by":"x"}"#,
            "unknown variant `stop`, expected one of `acknowledge`, `shelve`, `unshelve`",
        );
        check_refused(r#"{"command":"shelve","by":"x"}"#, "missing field `incident`");
        check_refused(r#"{"command":"acknowledge","incident":"1-0","by":"x","why":1}"#, "unknown field `why`");
        check_refused(r#"{"command":"acknowledge","incident":7,"by":"x"}"#, "invalid type: integer `7`");
        check_refused(
            &acknowledge("seven", "x", ""),
            "incident: \"seven\" is not an incident id; one looks like 412-0",
        );
        check_refused(&acknowledge("1-0", "  ", ""), "by: expected who asks in 1 to 64 characters on one line, got 0");
        check_refused(&acknowledge("1-0", &"x".repeat(65), ""), "got 65 characters");
        check_refused(&acknowledge("1-0", "a\\nb", ""), "on one line");
        check_refused(&acknowledge("1-0", "x", &"y".repeat(501)), "comment: 501 characters; at most 500 fit");
        check_refused(&"{".repeat(CommandV1::MAX_BYTES + 1), "a command of 16385 bytes; at most 16384 are read");
        check_refused(&r#"{"a":"#.repeat(3000), "recursion limit exceeded");
    }

    #[test]
    fn a_refusal_repeats_what_could_be_read() {
        let payload = format!(r#"{{"command":"stop","incident":"1-0","by":"{}"}}"#, "x".repeat(1000));
        let reply = CommandReplyV1::refused(payload.as_bytes(), "no".into());
        let expected = format!(
            r#"{{"schema":"linetwin/command-reply/v1","ok":false,"command":"stop","incident":"1-0","by":"{}","error":"no"}}"#,
            "x".repeat(64)
        );
        assert_eq!(reply.to_json(), expected);
    }

    #[test]
    fn what_came_of_a_command_is_its_reply() {
        let reply = |output: &Output| CommandReplyV1::from_output(output).map(|reply| reply.to_json());
        assert_eq!(reply(&Output::Intervention(tool_dress())), None);
        let command = read(CommandV1::EXAMPLE).unwrap();
        let refused = reply(&Output::Command { command, refused: Some("closed".into()) }).unwrap();
        let expected = concat!(
            r#"{"schema":"linetwin/command-reply/v1","ok":false,"command":"acknowledge","incident":"412-0","#,
            r#""by":"shift lead","error":"closed"}"#
        );
        assert_eq!(refused, expected);
        let asked = |kind: &str| {
            let payload =
                format!(r#"{{"command":"report-intervention","place":"weld-20","kind":"{kind}","by":"Kim"}}"#);
            CommandV1::from_json(payload.as_bytes()).unwrap()
        };
        let command = Command::try_from(asked("tool-dress")).unwrap();
        let reported = reply(&Output::Command { command, refused: None }).unwrap();
        let expected = concat!(
            r#"{"schema":"linetwin/command-reply/v1","ok":true,"command":"report-intervention","place":"weld-20","#,
            r#""kind":"tool-dress","by":"Kim"}"#
        );
        assert_eq!(reported, expected);
        assert_valid("command-reply-v1", &reported);
        let reported: CommandReplyV1 = serde_json::from_str(&reported).unwrap();
        assert!(reported.ok && reported.answers(&asked("tool-dress")));
        assert!(!reported.answers(&asked("retool")));
    }
}
