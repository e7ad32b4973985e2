use alarms::{Change, Intervention};
use plant::Plant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use telemetry::{Command, CommandAction, NotAnIncidentId};
use twin::Output;

use crate::rim::schema_tag;
use crate::{InterventionName, Message, TimeV1};

/// What a person wants done, as a client sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "command", rename_all = "kebab-case", deny_unknown_fields)]
pub enum CommandV1 {
    /// "I have seen this incident and take it on."
    Acknowledge {
        /// The incident, such as `412-0`.
        #[schemars(regex(pattern = r"^[0-9]+-[0-9]+$"))]
        incident: String,
        /// Who asks: a name or a role, 1 to 64 characters on one line.
        #[schemars(length(min = 1, max = 64))]
        by: String,
        /// What they add, up to 500 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 500))]
        comment: Option<String>,
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
        /// Who reports it: a name or a role, 1 to 64 characters on one line.
        #[schemars(length(min = 1, max = 64))]
        by: String,
        /// What they add, up to 500 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schemars(length(max = 500))]
        comment: Option<String>,
    },
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
        let object: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(payload)?;
        Ok(serde_json::from_value(object.into())?)
    }
}

impl Message for CommandV1 {}

impl TryFrom<CommandV1> for Command {
    type Error = CommandError;

    fn try_from(wire: CommandV1) -> Result<Self, Self::Error> {
        Ok(match wire {
            CommandV1::Acknowledge { incident, by, comment } => {
                let incident = incident.parse()?;
                Self {
                    by: checked_by(&by)?,
                    action: CommandAction::Acknowledge { incident, comment: checked_comment(comment)? },
                }
            }
            CommandV1::ReportIntervention { place, kind, at, by, comment } => Self {
                by: checked_by(&by)?,
                action: CommandAction::ReportIntervention {
                    place,
                    kind: kind.into(),
                    done: at.map(|at| at.0),
                    comment: checked_comment(comment)?,
                },
            },
        })
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
        match &command.action {
            CommandAction::Acknowledge { incident, .. } => {
                Self { command: Some("acknowledge".to_owned()), incident: Some(incident.to_string()), ..blank }
            }
            CommandAction::ReportIntervention { place, kind, .. } => Self {
                command: Some("report-intervention".to_owned()),
                place: Some(place.clone()),
                kind: Some(kind.name().to_owned()),
                ..blank
            },
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

    /// The reply that an output of the twin is, if it came from a command.
    pub fn from_output(output: &Output, plant: &Plant) -> Option<Self> {
        match output {
            Output::CommandRefused { command, reason } => Some(Self::to_command(command, Some(reason.clone()))),
            Output::Incident { change: Change::Acknowledged | Change::Closed, incident } => {
                // An incident is also closed by going away, long after it was acknowledged: nobody asked for that.
                let acknowledged = incident.acknowledged.as_ref().filter(|ack| ack.at == incident.updated)?;
                let action = CommandAction::Acknowledge { incident: incident.id, comment: String::new() };
                Some(Self::to_command(&Command { by: acknowledged.by.clone(), action }, None))
            }
            Output::Intervention(Intervention { kind, station, signal, at, by: Some(by), .. }) => {
                let place = signal.map_or(&plant.station(*station).name, |signal| &plant.signal(signal).path);
                let action = CommandAction::ReportIntervention {
                    place: place.clone(),
                    kind: *kind,
                    done: Some(*at),
                    comment: String::new(),
                };
                Some(Self::to_command(&Command { by: by.clone(), action }, None))
            }
            Output::Incident { .. }
            | Output::Intervention(_)
            | Output::Station { .. }
            | Output::Cycle(_)
            | Output::Part(_)
            | Output::Shift(_) => None,
        }
    }
}

impl Message for CommandReplyV1 {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use alarms::Acknowledgement;
    use telemetry::{IncidentId, InterventionKind};

    use super::*;
    use crate::testing::{assert_valid, at, incident, plant, tool_dress};

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
            action: CommandAction::Acknowledge { incident, comment: comment.into() },
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
            action: CommandAction::ReportIntervention { place: "weld-20".into(), kind, done, comment: String::new() },
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
    fn a_refusal_says_what_was_expected() {
        check_refused("", "EOF while parsing a value at line 1 column 0; expected JSON such as {\"command\"");
        check_refused("\u{0}", "expected value");
        check_refused(r#"["acknowledge","1-0","x",null]"#, "invalid type: sequence, expected a map");
        check_refused("{}", "missing field `command`");
        check_refused(
            r#"{"command":"shelve"}"#,
            "unknown variant `shelve`, expected `acknowledge` or `report-intervention`",
        );
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
    fn only_what_was_asked_for_is_answered() {
        let check = |change, acknowledged: Option<&str>, expected: bool| {
            let mut incident = incident();
            incident.acknowledged = acknowledged.map(|moment| Acknowledgement {
                by: "lead".into(),
                at: at(moment),
                comment: String::new(),
            });
            let reply =
                CommandReplyV1::from_output(&Output::Incident { change, incident: Box::new(incident) }, &plant());
            assert_eq!(reply.is_some_and(|reply| reply.ok), expected, "{change:?} {acknowledged:?}");
        };
        check(Change::Raised, None, false);
        check(Change::Acknowledged, Some("2026-11-24T08:20:00Z"), true);
        check(Change::Closed, Some("2026-11-24T08:20:00Z"), true);
        check(Change::Closed, Some("2026-11-24T08:19:00Z"), false);
        check(Change::Updated, Some("2026-11-24T08:20:00Z"), false);
        let reply = |output: &Output| CommandReplyV1::from_output(output, &plant()).map(|reply| reply.to_json());
        let command = read(CommandV1::EXAMPLE).unwrap();
        let refused = reply(&Output::CommandRefused { command, reason: "closed".into() }).unwrap();
        let expected = concat!(
            r#"{"schema":"linetwin/command-reply/v1","ok":false,"command":"acknowledge","incident":"412-0","#,
            r#""by":"shift lead","error":"closed"}"#
        );
        assert_eq!(refused, expected);
        let reported = reply(&Output::Intervention(tool_dress())).unwrap();
        let expected = concat!(
            r#"{"schema":"linetwin/command-reply/v1","ok":true,"command":"report-intervention","place":"weld-20","#,
            r#""kind":"tool-dress","by":"Kim"}"#
        );
        assert_eq!(reported, expected);
        let asked = |kind: &str| {
            let payload =
                format!(r#"{{"command":"report-intervention","place":"weld-20","kind":"{kind}","by":"Kim"}}"#);
            CommandV1::from_json(payload.as_bytes()).unwrap()
        };
        let reported: CommandReplyV1 = serde_json::from_str(&reported).unwrap();
        assert!(reported.ok && reported.answers(&asked("tool-dress")));
        assert!(!reported.answers(&asked("retool")));
        assert_valid("command-reply-v1", &reported.to_json());
        assert_eq!(reply(&Output::Intervention(Intervention { by: None, ..tool_dress() })), None);
    }
}
