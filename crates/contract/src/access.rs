use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rim::schema_tag;
use crate::{Message, TimeV1};

/// What somebody may do; each role may also do what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RoleName {
    /// Read.
    Viewer,
    /// Answer alerts, report what was done, steer a replay.
    Supervisor,
    /// Take stations out of service and back.
    Engineer,
}

impl RoleName {
    /// Every role, the one that may least first.
    pub const ALL: [Self; 3] = [Self::Viewer, Self::Supervisor, Self::Engineer];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Supervisor => "supervisor",
            Self::Engineer => "engineer",
        }
    }
}

impl fmt::Display for RoleName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for RoleName {
    type Err = NotARole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|role| role.name() == text).ok_or_else(|| NotARole(text.to_owned()))
    }
}

/// A text that is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a role; expected viewer, supervisor or engineer")]
pub struct NotARole(String);

/// Who logs in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginV1 {
    /// The name.
    #[schemars(length(min = 1, max = 64))]
    pub user: String,
    /// The password.
    #[schemars(length(min = 1, max = 256))]
    pub password: String,
}

impl LoginV1 {
    /// A login that would be understood.
    pub const EXAMPLE: &'static str = r#"{"user":"kim","password":"..."}"#;
}

impl Message for LoginV1 {}

/// Without the password, which belongs into no log.
impl fmt::Debug for LoginV1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginV1").field("user", &self.user).finish_non_exhaustive()
    }
}

schema_tag!(MeSchema = "linetwin/me/v1");

/// Who asks, as the daemon sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MeV1 {
    /// Version of this message.
    pub schema: MeSchema,
    /// Whether there are logins at all; without, everybody may read and nobody may command.
    pub logins: bool,
    /// Who is logged in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What they may do; nothing if absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleName>,
    /// What each POST of this session has to carry in the header `x-csrf-token`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub csrf: Option<String>,
}

impl Message for MeV1 {}

/// One line of the audit log: who did what, from where, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AuditV1 {
    /// When, by the daemon's own clock.
    pub at: TimeV1,
    /// Who, if that is known. A name that is nobody's is not kept: it may be a password in the wrong field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The network address that it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub what: AuditWhatV1,
}

impl Message for AuditV1 {}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "what", rename_all = "kebab-case")]
pub enum AuditWhatV1 {
    /// Somebody logged in.
    Login,
    /// Somebody tried to, with a wrong name or password.
    LoginFailed,
    /// Somebody logged out.
    Logout,
    /// A session ended by itself.
    SessionEnded {
        /// Why.
        why: String,
    },
    /// A command was given to the twin.
    Command {
        /// The command.
        command: serde_json::Value,
        /// Whether it was carried out.
        ok: bool,
        /// Why it was not.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// A replay was steered.
    Replay {
        /// How.
        command: serde_json::Value,
        /// Whether it was done.
        ok: bool,
        /// Why it was not.
        #[serde(skip_serializing_if = "Option::is_none")]
        error: Option<String>,
    },
    /// Somebody who is known asked for what they may not.
    Refused {
        /// What they asked for, such as `POST /api/v1/command`.
        request: String,
        /// Why it was refused.
        why: String,
    },
    /// The users file has changed, by a command at the terminal or by hand.
    UsersChanged {
        /// New users.
        added: Vec<String>,
        /// Users that are no more.
        removed: Vec<String>,
        /// Users with another role, password or token.
        changed: Vec<String>,
    },
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{assert_valid, at};

    #[test]
    fn roles_are_ordered_and_read_what_they_print() {
        assert!(RoleName::Viewer < RoleName::Supervisor && RoleName::Supervisor < RoleName::Engineer);
        for role in RoleName::ALL {
            assert_eq!(role.to_string().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        assert!(
            "admin".parse::<RoleName>().unwrap_err().to_string().contains("expected viewer, supervisor or engineer")
        );
    }

    #[test]
    fn a_password_is_in_no_log() {
        let login: LoginV1 = serde_json::from_str(r#"{"user":"kim","password":"correct horse"}"#).unwrap();
        assert!(!format!("{login:?}").contains("horse"));
        assert_valid("login-v1", &login.to_json());
    }

    #[test]
    fn what_is_said_fits_its_schema() {
        let nobody = MeV1 { schema: MeSchema::V1, logins: true, user: None, role: None, csrf: None };
        assert_eq!(nobody.to_json(), r#"{"schema":"linetwin/me/v1","logins":true}"#);
        assert_valid("me-v1", &nobody.to_json());
        let entry = AuditV1 {
            at: at("2026-11-24T08:14:00Z").into(),
            user: Some("kim".into()),
            address: Some("10.0.0.7".into()),
            what: AuditWhatV1::Refused { request: "POST /api/v1/command".into(), why: "no".into() },
        };
        let expected = concat!(
            r#"{"at":"2026-11-24T08:14:00Z","user":"kim","address":"10.0.0.7","what":"refused","#,
            r#""request":"POST /api/v1/command","why":"no"}"#
        );
        assert_eq!(entry.to_json(), expected);
        assert_valid("audit-v1", expected);
    }
}
