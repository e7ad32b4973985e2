use plant::Plant;
use telemetry::IncidentId;

use crate::Report;

/// The topics of one line and one node.
///
/// In names the characters that mean something in a topic (`+`, `#`, `/`) and control characters become `_`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Topics {
    base: String,
    status: String,
}

impl Topics {
    /// The topics of the plant's line, told by that node.
    pub fn new(plant: &Plant, node: &str) -> Self {
        let [enterprise, site, area, line, node] =
            [&plant.enterprise, &plant.site, &plant.area, &plant.line, node].map(level);
        Self {
            base: format!("linetwin/v1/{enterprise}/{site}/{area}/{line}"),
            status: format!("linetwin/v1/{node}/status"),
        }
    }

    /// The same topics below another one, so that nobody takes what is told there for what is told here.
    pub fn below(self, prefix: &str) -> Self {
        let prefix = prefix.trim_end_matches('/');
        Self { base: format!("{prefix}/{}", self.base), status: format!("{prefix}/{}", self.status) }
    }

    /// Where an incident's alert is retained.
    pub fn alert(&self, incident: IncidentId) -> String {
        format!("{}/alerts/{incident}", self.base)
    }

    /// A filter for every alert of the line.
    pub fn alerts(&self) -> String {
        format!("{}/alerts/+", self.base)
    }

    /// The incident whose alert is retained there.
    pub(crate) fn incident_of(&self, topic: &str) -> Option<IncidentId> {
        topic.strip_prefix(&self.base)?.strip_prefix("/alerts/")?.parse().ok()
    }

    /// Where changes of incidents are told.
    pub fn events(&self) -> String {
        format!("{}/events", self.base)
    }

    /// Where the latest of a report is retained.
    pub fn report(&self, report: Report) -> String {
        format!("{}/{}", self.base, report.name())
    }

    /// Where commands are taken.
    pub fn commands(&self) -> String {
        format!("{}/cmd", self.base)
    }

    /// Where commands are answered.
    pub fn command_replies(&self) -> String {
        format!("{}/cmd/reply", self.base)
    }

    /// Where the answers to refused commands are told, too.
    pub fn command_errors(&self) -> String {
        format!("{}/cmd/error", self.base)
    }

    /// Whether an answer may be sent there if somebody wants it there: not where the daemon tells something else, or listens.
    pub(crate) fn may_answer_at(&self, topic: &str) -> bool {
        let is_topic = !topic.is_empty() && !topic.starts_with('$') && !topic.contains(['+', '#', '\0']);
        let is_taken = topic == self.status
            || topic == self.commands()
            || (topic.starts_with(&self.base) && !topic.starts_with(&format!("{}/cmd/", self.base)));
        is_topic && !is_taken
    }

    /// Where the node's status is retained.
    pub fn status(&self) -> &str {
        &self.status
    }
}

/// A name as one level of a topic.
pub(crate) fn level(name: &str) -> String {
    if name.is_empty() {
        return "_".to_owned();
    }
    name.chars().map(|c| if matches!(c, '+' | '#' | '/') || c.is_control() { '_' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_becomes_one_level() {
        for (name, expected) in
            [("body shop", "body shop"), ("a/b+c#d\0e\n", "a_b_c_d_e_"), ("", "_"), ("Schweißen", "Schweißen")]
        {
            assert_eq!(level(name), expected);
        }
    }
}
