use std::collections::{BTreeMap, VecDeque};

use plant::StationId;
use serde::{Deserialize, Serialize};
use telemetry::{Symbol, Timestamp};

use crate::record::{Ending, IncidentMark, PartCycle, PartRecord};

/// How long a part stays at its last station's end before it has left, if no other comes there, seconds. Until then a
/// repeated test belongs to its record.
const LEFT_AFTER_S: f64 = 600.0;

/// When a part is no longer on the line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rules {
    /// The most parts on the line that are kept, at least 1.
    pub on_line_max: usize,
    /// How long a part may not be seen before it is taken to have left elsewhere, seconds.
    pub lost_after_s: f64,
}

/// Records that were closed, in order.
pub type Closed = Vec<PartRecord>;

/// The parts on the line.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct PartBook {
    parts: BTreeMap<Symbol, OnLine>,
    /// By station, the part that was the last to finish there; it may have been taken back into the line since.
    finished: BTreeMap<StationId, Symbol>,
    /// Parts whose record was closed, with the end of the last cycle in it; the latest last, as many as may be on the line.
    closed: VecDeque<(Symbol, Timestamp)>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct OnLine {
    /// When a cycle of it was last told, by the twin's time.
    seen: Timestamp,
    /// The station at whose end it leaves the line, once it has a cycle there.
    finished_at: Option<StationId>,
    /// By begin, then by station.
    cycles: Vec<PartCycle>,
    cycles_dropped: u32,
}

impl PartBook {
    /// Parts on the line.
    pub fn len(&self) -> usize {
        self.parts.len()
    }

    /// Whether no part is on the line.
    pub fn is_empty(&self) -> bool {
        self.parts.is_empty()
    }

    /// The cycles of a part that is on the line, by begin, then by station; empty if it is not.
    pub fn cycles(&self, part: Symbol) -> &[PartCycle] {
        self.parts.get(&part).map_or(&[], |on_line| &on_line.cycles)
    }

    /// Takes a cycle of a part in. `is_last` says whether parts of its variant leave the line at the end of that station.
    ///
    /// A part that has finished there before leaves when another comes.
    pub fn take(
        &mut self,
        part: Symbol,
        cycle: PartCycle,
        is_last: bool,
        now: Timestamp,
        rules: Rules,
        closed: &mut Closed,
    ) {
        let station = cycle.station;
        let is_finished =
            |other: &Symbol| self.parts.get(other).is_some_and(|other| other.finished_at == Some(station));
        if let Some(&other) = self.finished.get(&station).filter(|other| **other != part && is_finished(other)) {
            self.close(other, Ending::Left, now, rules, closed);
        }
        if self.parts.get(&part).is_some_and(|on_line| on_line.is_lost(now, rules)) {
            self.close(part, Ending::NotSeen, now, rules, closed);
        }
        if !self.parts.contains_key(&part) && self.has_closed(part, cycle.end) {
            closed.push(PartRecord { part, ending: Ending::Late, closed: now, cycles: vec![cycle], cycles_dropped: 0 });
            return;
        }
        let on_line = self.parts.entry(part).or_insert(OnLine {
            seen: now,
            finished_at: None,
            cycles: Vec::new(),
            cycles_dropped: 0,
        });
        on_line.add(cycle, is_last, now);
        if let Some(station) = on_line.finished_at {
            self.finished.insert(station, part);
        }
        self.make_room(part, now, rules, closed);
    }

    /// Time has passed.
    pub fn pass(&mut self, now: Timestamp, rules: Rules, closed: &mut Closed) {
        for on_line in self.parts.values_mut() {
            // The clock may have been put back.
            on_line.seen = on_line.seen.min(now);
        }
        self.close_where(now, rules, closed, |_, on_line| match on_line.finished_at {
            Some(_) => (now.seconds_since(on_line.seen) >= LEFT_AFTER_S).then_some(Ending::Left),
            None => on_line.is_lost(now, rules).then_some(Ending::NotSeen),
        });
    }

    /// An incident was raised of which these stations' cycles since its onset may be part.
    pub fn mark(&mut self, stations: &[StationId], onset: Timestamp, mark: IncidentMark) {
        let cycles = self.parts.values_mut().flat_map(|on_line| &mut on_line.cycles);
        for cycle in cycles.filter(|cycle| cycle.end >= onset && stations.contains(&cycle.station)) {
            cycle.mark(mark);
        }
    }

    /// Whether the part's record was closed with a cycle that ended at that time or later.
    fn has_closed(&self, part: Symbol, end: Timestamp) -> bool {
        self.closed.iter().rev().find(|(known, _)| *known == part).is_some_and(|(_, last)| end <= *last)
    }

    fn make_room(&mut self, newest: Symbol, now: Timestamp, rules: Rules, closed: &mut Closed) {
        while self.parts.len() > rules.on_line_max.max(1) {
            let others = self.parts.iter().filter(|(part, _)| **part != newest);
            let Some((&oldest, _)) = others.min_by_key(|(part, on_line)| (on_line.seen, **part)) else { return };
            self.close(oldest, Ending::NoRoom, now, rules, closed);
        }
    }

    fn close(&mut self, part: Symbol, ending: Ending, now: Timestamp, rules: Rules, closed: &mut Closed) {
        let Some(OnLine { cycles, cycles_dropped, .. }) = self.parts.remove(&part) else { return };
        self.closed.extend(cycles.iter().map(|cycle| cycle.end).max().map(|last| (part, last)));
        while self.closed.len() > rules.on_line_max.max(1) {
            self.closed.pop_front();
        }
        closed.push(PartRecord { part, ending, closed: now, cycles, cycles_dropped });
    }

    /// Closes the records for which there is an ending, those not seen for longest first.
    fn close_where(
        &mut self,
        now: Timestamp,
        rules: Rules,
        closed: &mut Closed,
        ending: impl Fn(&Symbol, &OnLine) -> Option<Ending>,
    ) {
        let mut leaving: Vec<(Timestamp, Symbol, Ending)> = self
            .parts
            .iter()
            .filter_map(|(part, on_line)| Some((on_line.seen, *part, ending(part, on_line)?)))
            .collect();
        leaving.sort_unstable();
        for (_, part, ending) in leaving {
            self.close(part, ending, now, rules, closed);
        }
    }
}

impl OnLine {
    fn is_lost(&self, now: Timestamp, rules: Rules) -> bool {
        now.seconds_since(self.seen) >= rules.lost_after_s
    }

    fn add(&mut self, cycle: PartCycle, is_last: bool, now: Timestamp) {
        self.seen = now;
        // One that was told late says nothing of where the part is now.
        if self.cycles.iter().all(|known| known.end <= cycle.end) {
            self.finished_at = is_last.then_some(cycle.station);
        }
        let place = self.cycles.partition_point(|known| (known.start, known.station) <= (cycle.start, cycle.station));
        self.cycles.insert(place, cycle);
        if self.cycles.len() > PartRecord::CYCLES_MAX {
            self.cycles.remove(0);
            self.cycles_dropped = self.cycles_dropped.saturating_add(1);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
