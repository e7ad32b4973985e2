use std::collections::VecDeque;

use contract::{CommandReplyV1, CommandV1};

use mqtt_client::AnswerTo;

/// The most commands whose answers are waited for. Each is answered at once; a few more than the daemon lets wait.
const MAX_WAITING: usize = 100;

/// Who asked for what and wants the answer at a topic of their own.
///
/// The core answers a command without knowing who sent it, so an answer belongs to the oldest command that it repeats. Two
/// that asked the same get each other's answers, which say the same.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    waiting: VecDeque<(CommandV1, AnswerTo)>,
}

impl Asked {
    /// Somebody wants the answer to that command there. The oldest who wait are forgotten when there are too many; their
    /// answers go where all others go.
    pub(crate) fn note(&mut self, command: CommandV1, answer_to: AnswerTo) {
        if self.waiting.len() == MAX_WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back((command, answer_to));
    }

    /// Where that answer is wanted, if somebody has said so.
    pub(crate) fn take(&mut self, reply: &CommandReplyV1) -> Option<AnswerTo> {
        let place = self.waiting.iter().position(|(command, _)| reply.answers(command))?;
        self.waiting.remove(place).map(|(_, answer_to)| answer_to)
    }
}
