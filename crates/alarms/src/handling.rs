use plant::{Consequence, Priority};
use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::{Change, Place};

/// How people and the plant's rules have dealt with an incident.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Handling {
    /// How often it came again.
    pub repeats: u32,
    /// What comes of it if nobody does anything, and what that costs; `None` before its cause is ranked.
    pub stake: Option<Stake>,
    /// How often the like was marked false since it was last marked true; each incident of it is less urgent then.
    pub marked_false: u32,
    /// Who wants it not to be shown for a while.
    pub shelved: Option<Shelved>,
    /// What it is not shown for by design.
    pub suppressed: Option<Suppressor>,
    /// What is being maintained.
    pub out_of_service: Option<Removed>,
    /// What somebody said of it.
    pub judged: Option<Judged>,
    /// Who is told because nobody acknowledges.
    pub escalation: Option<Escalation>,
    /// What happened to it, the latest last; of more than [`Handling::HISTORY_MAX`] the latest.
    pub history: Vec<Step>,
}

impl Handling {
    /// The most steps of the history that are kept.
    pub const HISTORY_MAX: usize = 50;

    /// Adds a step to the history.
    pub(crate) fn remember(&mut self, step: Step) {
        if self.history.len() == Self::HISTORY_MAX {
            self.history.remove(0);
        }
        self.history.push(step);
    }
}

/// What comes of an incident if nobody does anything.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Stake {
    /// What.
    pub consequence: Consequence,
    /// What that costs an hour from when the limit is crossed, in the plant's currency; `None` if that is not known.
    pub cost_per_h: Option<f64>,
}

/// Somebody wants an incident not to be shown for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shelved {
    /// Who.
    pub by: String,
    /// Since when.
    pub at: Timestamp,
    /// Until when; `None`: until it is no longer there.
    pub until: Option<Timestamp>,
}

/// What an incident is not shown for by design.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Suppressor {
    /// A rule, by index into [`plant::AlarmPolicy::suppressions`].
    Rule(u16),
    /// There are so many that only the urgent ones are told one by one.
    Flood,
}

/// A place that is being maintained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// The place.
    pub place: Place,
    /// Its name, as people call it.
    pub name: String,
    /// Who removed it from service.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// What they added; may be empty.
    pub comment: String,
}

/// What somebody said of an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    /// What.
    pub judgement: Judgement,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
}

/// Whether an incident is what it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Judgement {
    /// There is something wrong.
    True,
    /// Nothing is wrong.
    False,
    /// Something is different, and is meant to be so.
    Planned,
}

/// Who is told because nobody acknowledges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// The step, by index into [`plant::AlarmPolicy::escalation`].
    pub step: u16,
    /// Since when.
    pub since: Timestamp,
    /// Who.
    pub to: Vec<Recipient>,
}

/// Somebody who is told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recipient {
    /// In which role.
    pub role: String,
    /// Who has that role now; `None` if nobody is entered.
    pub name: Option<String>,
}

/// Something that happened to an incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// What.
    pub change: Change,
    /// Its priority then.
    pub priority: Priority,
    /// Who did it; `None` if it came of itself.
    pub by: Option<String>,
    /// What they added; may be empty.
    pub comment: String,
}
