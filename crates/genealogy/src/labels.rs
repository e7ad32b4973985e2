use serde::{Deserialize, Serialize};
use telemetry::{SignalId, Symbol, Timestamp};

use crate::record::{Action, Label};

/// What a station told of a cycle besides its measurements.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Labels {
    /// The tool that was used.
    pub tool: Option<Symbol>,
    /// Its life at the end of the cycle: cycles, welds or parts since it was dressed or changed.
    pub tool_life: Option<f64>,
    /// Who worked there, if that may be kept.
    pub operator: Option<Symbol>,
    /// Lots of material that were used, by signal; two of one signal if the lot was changed in the cycle.
    pub lots: Vec<Label>,
    /// Serials of what was mounted, in the order they were told.
    pub children: Vec<Label>,
    /// Serials that did not fit.
    pub children_dropped: u32,
    /// What was done at the station since the last part, in the order it was told.
    pub actions: Vec<Action>,
    /// Actions that did not fit: the earliest.
    pub actions_dropped: u32,
}

impl Labels {
    /// The most serials of mounted parts that a cycle keeps.
    pub const CHILDREN_MAX: usize = 256;
    /// The most actions that a cycle keeps.
    pub const ACTIONS_MAX: usize = 16;
    /// The most lots that a cycle keeps.
    pub const LOTS_MAX: usize = 32;

    fn add_lot(&mut self, lot: Label) {
        if !self.lots.contains(&lot) && self.lots.len() < Self::LOTS_MAX {
            self.lots.push(lot);
        }
    }

    fn add_child(&mut self, child: Label) {
        if self.children.len() < Self::CHILDREN_MAX {
            self.children.push(child);
        } else {
            self.children_dropped = self.children_dropped.saturating_add(1);
        }
    }
}

/// Follows what a station tells besides its measurements, and says which cycle it belongs to.
///
/// Tool, tool life, operator and lots are those at the end of the cycle; a lot that was replaced in the cycle was used,
/// too. A mounted part belongs to the cycle in which it is told, or before which if no cycle was under way. What comes
/// after the end of a cycle with a time before it belongs to that cycle.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct StationLabels {
    /// What holds now, with what the next cycle to end will have of its own; of lots, those that are used up.
    present: Labels,
    /// The lot of each signal that is in use.
    lots: Vec<Label>,
    /// The latest serial of each signal that tells them: told again it is no other part.
    last_children: Vec<Label>,
    /// When the cycle under way began.
    begun: Option<Timestamp>,
    /// The cycle that ended last, until it is taken.
    ended: Option<(Timestamp, Labels)>,
}

impl StationLabels {
    /// A cycle begins; a second begin is ignored.
    pub fn begin(&mut self, at: Timestamp) {
        self.begun.get_or_insert(at);
    }

    /// The cycle ends; an end without a begin is ignored.
    pub fn end(&mut self, at: Timestamp) {
        if self.begun.take().is_none() {
            return;
        }
        let Labels { tool, tool_life, operator, .. } = self.present;
        let next = Labels { tool, tool_life, operator, ..Labels::default() };
        let mut labels = std::mem::replace(&mut self.present, next);
        self.lots.iter().for_each(|lot| labels.add_lot(*lot));
        self.ended = Some((at, labels));
    }

    /// What the cycle that ended last had, until it is taken.
    pub fn ended(&self) -> Option<&Labels> {
        self.ended.as_ref().map(|(_, labels)| labels)
    }

    /// What the cycle that ended last had. Empty if none did.
    pub fn take(&mut self) -> Labels {
        self.ended.take().map(|(_, labels)| labels).unwrap_or_default()
    }

    /// The station could not be seen all the time: what belongs to the cycle under way is not known.
    pub fn abandon(&mut self) {
        self.begun = None;
        self.ended = None;
        self.present.children.clear();
        self.present.children_dropped = 0;
        self.present.lots.clear();
    }

    /// Moments later than `latest` were told by a clock that was wrong: what they belong to is given up.
    pub fn forget_after(&mut self, latest: Timestamp) {
        let ended = self.ended.as_ref().map(|(at, _)| *at);
        if self.begun.max(ended).is_some_and(|moment| moment > latest) {
            self.abandon();
        }
    }

    /// The tool in the station; `None` if it has none.
    pub fn tool(&mut self, tool: Option<Symbol>, at: Timestamp) {
        self.hold(at, |labels| labels.tool = tool);
    }

    /// The life of the tool in the station.
    pub fn tool_life(&mut self, life: f64, at: Timestamp) {
        self.hold(at, |labels| labels.tool_life = Some(life));
    }

    /// Who works at the station; `None` for nobody.
    pub fn operator(&mut self, operator: Option<Symbol>, at: Timestamp) {
        self.hold(at, |labels| labels.operator = operator);
    }

    fn hold(&mut self, at: Timestamp, set: impl Fn(&mut Labels)) {
        set(&mut self.present);
        if let Some((_, labels)) = self.ended.as_mut().filter(|(ended, _)| at <= *ended) {
            set(labels);
        }
    }

    /// The lot that a signal tells; `None` for none.
    pub fn lot(&mut self, signal: SignalId, lot: Option<Symbol>, at: Timestamp) {
        let place = self.lots.iter().position(|known| known.signal == signal);
        if place.map(|place| self.lots[place].text) == lot {
            return;
        }
        let replaced = place.map(|place| self.lots.remove(place));
        // A lot that is told together with the cycle's begin replaces one that the cycle never used.
        if let Some(replaced) = replaced.filter(|_| self.begun.is_some_and(|begun| at > begun)) {
            self.present.add_lot(replaced);
        }
        let Some(text) = lot else { return };
        let lot = Label { signal, text };
        self.lots.push(lot);
        if let Some((_, labels)) = self.ended.as_mut().filter(|(ended, _)| at <= *ended) {
            labels.add_lot(lot);
        }
    }

    /// The serial of a mounted part that a signal tells; `None` for none.
    pub fn child(&mut self, signal: SignalId, serial: Option<Symbol>, at: Timestamp) {
        let last = self.last_children.iter().position(|known| known.signal == signal);
        let Some(text) = serial else {
            if let Some(last) = last {
                self.last_children.remove(last);
            }
            return;
        };
        let child = Label { signal, text };
        match last {
            Some(last) if self.last_children[last] == child => return,
            Some(last) => self.last_children[last] = child,
            None => self.last_children.push(child),
        }
        match self.ended.as_mut().filter(|(ended, _)| at <= *ended) {
            Some((_, labels)) => labels.add_child(child),
            None => self.present.add_child(child),
        }
    }

    /// Something was done at the station.
    pub fn action(&mut self, action: Action) {
        let labels = &mut self.present;
        if labels.actions.len() == Labels::ACTIONS_MAX {
            labels.actions.remove(0);
            labels.actions_dropped = labels.actions_dropped.saturating_add(1);
        }
        labels.actions.push(action);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use telemetry::InterventionKind;

    use super::*;

    const COIL: SignalId = SignalId(3);
    const MODULE: SignalId = SignalId(4);

    fn at(seconds: f64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(seconds)
    }

    fn symbol(text: &str) -> Option<Symbol> {
        Some(Symbol::new(text).unwrap())
    }

    fn texts(labels: &[Label]) -> Vec<String> {
        labels.iter().map(|label| label.text.to_string()).collect()
    }

    #[test]
    fn a_lot_is_that_at_the_end_and_one_that_was_used_up_in_the_cycle() {
        let mut station = StationLabels::default();
        let mut cycle = |begin_s: f64, told: &[(&str, f64)]| {
            station.begin(at(begin_s));
            let lot = |text: &str| symbol(text).filter(|lot| !lot.as_str().is_empty());
            told.iter().for_each(|&(text, seconds)| station.lot(COIL, lot(text), at(seconds)));
            station.end(at(begin_s + 8.0));
            texts(&station.take().lots)
        };
        assert_eq!(cycle(0.0, &[("4711", 0.0)]), ["4711"]);
        assert_eq!(cycle(10.0, &[]), ["4711"]);
        assert_eq!(cycle(20.0, &[("4712", 20.0)]), ["4712"], "told with the begin");
        assert_eq!(cycle(30.0, &[("4713", 34.0)]), ["4712", "4713"]);
        assert_eq!(cycle(40.0, &[("4712", 44.0), ("4713", 45.0)]), ["4713", "4712"], "back and forth");
        assert_eq!(cycle(50.0, &[("", 54.0)]), ["4713"], "taken out in the cycle");
        assert_eq!(cycle(60.0, &[]), Vec::<String>::new());
    }

    #[test]
    fn a_mounted_part_is_of_the_cycle_it_is_told_in_and_counts_once() {
        let mut station = StationLabels::default();
        station.child(MODULE, symbol("M1"), at(0.0));
        station.begin(at(1.0));
        station.child(MODULE, symbol("M1"), at(1.0));
        station.child(MODULE, symbol("M2"), at(5.0));
        station.end(at(9.0));
        station.child(MODULE, symbol("M3"), at(8.5));
        station.child(MODULE, symbol("M4"), at(9.5));
        assert_eq!(texts(&station.take().children), ["M1", "M2", "M3"]);
        station.begin(at(11.0));
        station.end(at(12.0));
        assert_eq!(texts(&station.take().children), ["M4"]);
        station.begin(at(13.0));
        station.child(MODULE, symbol("M5"), at(14.0));
        station.abandon();
        station.begin(at(15.0));
        station.end(at(16.0));
        assert_eq!(texts(&station.take().children), Vec::<String>::new(), "the cycle that mounted it was not seen");
    }

    #[test]
    fn what_was_done_is_of_the_next_part_and_a_tool_holds() {
        let mut station = StationLabels::default();
        let action = |minute: f64| Action {
            kind: InterventionKind::ToolDress,
            signal: None,
            at: at(60.0 * minute),
            by: None,
            comment: String::new(),
        };
        (0..20).for_each(|minute| station.action(action(f64::from(minute))));
        station.tool(symbol("G7"), at(0.0));
        station.begin(at(1.0));
        station.tool_life(4.0, at(2.0));
        station.end(at(9.0));
        station.tool_life(5.0, at(9.0));
        station.tool_life(0.0, at(9.2));
        let first = station.take();
        assert_eq!((first.actions.len(), first.actions_dropped), (Labels::ACTIONS_MAX, 4));
        assert_eq!((first.tool, first.tool_life), (symbol("G7"), Some(5.0)), "the dress came after the cycle");
        station.begin(at(10.0));
        station.end(at(11.0));
        let second = station.take();
        assert_eq!((second.actions.len(), second.tool, second.tool_life), (0, symbol("G7"), Some(0.0)));
    }
}
