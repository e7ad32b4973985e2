//! Who may do what.

use contract::{AskV1, CommandV1, RoleName};

/// Something to be allowed or refused.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Action<'a> {
    /// To see the line.
    Read,
    /// To give the twin a command.
    Command(&'a CommandV1),
    /// To pause a replay, change its speed or jump.
    Steer,
}

impl Action<'_> {
    /// The least role that may do it: the one place that decides.
    pub(crate) fn role(self) -> RoleName {
        match self {
            Self::Read => RoleName::Viewer,
            Self::Steer => RoleName::Supervisor,
            // Without a rest, so that a new command does not compile before it is decided who may give it.
            Self::Command(command) => match command.ask {
                AskV1::Acknowledge { .. }
                | AskV1::Shelve { .. }
                | AskV1::Unshelve { .. }
                | AskV1::Comment { .. }
                | AskV1::MarkTrue { .. }
                | AskV1::MarkFalse { .. }
                | AskV1::MarkPlanned { .. }
                | AskV1::ReportIntervention { .. } => RoleName::Supervisor,
                AskV1::RemoveFromService { .. } | AskV1::PlaceInService { .. } => RoleName::Engineer,
            },
        }
    }
}

/// Whether somebody with this role may do that.
pub(crate) fn may(role: Option<RoleName>, action: Action<'_>) -> bool {
    role.is_some_and(|role| role >= action.role())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn each_role_may_what_it_should() {
        let command = |text: &str| CommandV1::from_json(text.as_bytes()).unwrap();
        let acknowledge = command(CommandV1::EXAMPLE);
        let remove = command(r#"{"command":"remove-from-service","place":"weld-20","by":"kim"}"#);
        let check = |action, expected: [bool; 4]| {
            let [viewer, supervisor, engineer] = RoleName::ALL.map(Some);
            assert_eq!([None, viewer, supervisor, engineer].map(|role| may(role, action)), expected, "{action:?}");
        };
        check(Action::Read, [false, true, true, true]);
        check(Action::Steer, [false, false, true, true]);
        check(Action::Command(&acknowledge), [false, false, true, true]);
        check(Action::Command(&remove), [false, false, false, true]);
    }
}
