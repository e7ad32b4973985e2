use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};

use crate::line::outcome::{Tally, Visit};
use crate::line::sequence::Supply;
use crate::line::server::{Interrupted, Served, Server};
use crate::line::start::{PartStart, Progress};
use crate::line::{LineModel, Start};

/// Runs a line in which parts part and meet, from event to event in order of time.
///
/// A serial line gives the same as the recursion of departure times, bit for bit: each station meets the same parts with
/// the same chance, and every moment is the same maximum of the same sums.
pub(crate) fn run(model: &LineModel, start: &Start, tally: Tally, seed: u64, replication: u64) -> Tally {
    let end_s = tally.end_s();
    let mut network = Network::new(model, tally, seed, replication);
    network.take_in(start);
    for place in 0..model.places.len() {
        network.supply(place, 0.0);
    }
    while let Some(Event { at_s, place, what }) = network.events.pop() {
        if at_s >= end_s {
            break;
        }
        match what {
            What::Done => network.move_on(place, at_s),
            What::Supplied => network.supply(place, at_s),
        }
    }
    network.finish()
}

/// Something that happens at a place.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Event {
    at_s: f64,
    place: usize,
    what: What,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The part that leaves next is done.
    Done,
    /// A part is there for an entry.
    Supplied,
}

struct Network<'m> {
    model: &'m LineModel,
    downstream: Vec<Vec<usize>>,
    sites: Vec<Site<'m>>,
    events: BinaryHeap<Event>,
    /// Empty but while parts move; kept for its memory.
    freed: Vec<usize>,
    tally: Tally,
}

/// A place, and what is in it.
struct Site<'m> {
    server: Option<Server<'m>>,
    parts: VecDeque<Inside>,
    /// Until when the station is stopped that was stopped at the begin.
    up_from_s: f64,
    /// At an entry.
    supply: Option<Supply<'m>>,
    /// When the next part is there for an entry.
    supplied_s: f64,
}

/// A part in a place.
#[derive(Debug, Clone, Copy)]
struct Inside {
    variant: usize,
    visit: Visit,
    is_scrap: bool,
}

impl Eq for Event {}

/// The earliest event is the greatest, as the heap gives the greatest first; of those at one moment, the one nearest to
/// the end of the line.
impl Ord for Event {
    fn cmp(&self, other: &Self) -> Ordering {
        other.at_s.total_cmp(&self.at_s).then(self.place.cmp(&other.place)).then(other.what.cmp(&self.what))
    }
}

impl PartialOrd for Event {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'m> Network<'m> {
    fn new(model: &'m LineModel, tally: Tally, seed: u64, replication: u64) -> Self {
        let site = |(index, place): (usize, &'m crate::line::Place)| Site {
            server: place.station().map(|station| Server::new(station, seed, replication, index)),
            parts: VecDeque::new(),
            up_from_s: 0.0,
            supply: place.upstream.is_empty().then(|| Supply::new(model, index, seed, replication)),
            supplied_s: 0.0,
        };
        Self {
            model,
            downstream: model.downstream(),
            sites: model.places.iter().enumerate().map(site).collect(),
            events: BinaryHeap::new(),
            freed: Vec::new(),
            tally,
        }
    }

    fn take_in(&mut self, start: &Start) {
        for (place, site) in self.sites.iter_mut().enumerate() {
            if let (Some(server), Some(down_s)) = (&mut site.server, start.at(place).down_s) {
                site.up_from_s = server.rest_of_stop_s(down_s);
            }
        }
        for place in (0..self.sites.len()).rev() {
            for part in &start.at(place).parts {
                self.place(place, part);
            }
        }
    }

    /// Puts a part where it is at the begin.
    fn place(&mut self, place: usize, part: &PartStart) {
        let variant = part.variant.unwrap_or_else(|| {
            let mut supplies = self.sites.iter_mut().filter_map(|site| site.supply.as_mut());
            supplies.next().map_or(0, Supply::any_variant)
        });
        let site = &mut self.sites[place];
        let served = match (&mut site.server, part.progress) {
            (Some(server), Progress::Working { worked_s }) => {
                Some(server.resume(site.up_from_s, variant, Interrupted { worked_s }))
            }
            (Some(server), Progress::Waiting) => Some(server.serve(site.up_from_s, variant)),
            (None, _) | (_, Progress::Done) => None,
        };
        let Served { end_s: done_s, work_s, stopped_from_s, is_scrap } = served.unwrap_or(Served::untouched(0.0));
        let began_s = done_s.min(site.up_from_s);
        let visit = Visit { entered_s: 0.0, ready_s: 0.0, began_s, work_s, done_s, stopped_from_s };
        self.add(place, Inside { variant, visit, is_scrap });
    }

    /// A part comes in at `at_s`.
    fn enter(&mut self, place: usize, variant: usize, at_s: f64) {
        let site = &mut self.sites[place];
        let ready_s = at_s + self.model.places[place].transfer_s;
        let (began_s, served) = match &mut site.server {
            Some(server) => {
                let began_s = ready_s.max(site.up_from_s);
                (began_s, server.serve(began_s, variant))
            }
            None => (ready_s, Served::untouched(ready_s)),
        };
        let Served { end_s: done_s, work_s, stopped_from_s, is_scrap } = served;
        let visit = Visit { entered_s: at_s, ready_s, began_s, work_s, done_s, stopped_from_s };
        self.add(place, Inside { variant, visit, is_scrap });
    }

    fn add(&mut self, place: usize, part: Inside) {
        let site = &mut self.sites[place];
        site.parts.push_back(part);
        if site.parts.len() == 1 {
            self.events.push(Event { at_s: part.visit.done_s, place, what: What::Done });
        }
    }

    /// Lets the part that leaves a place next go on, if it is done and has somewhere to go; then those that the room is
    /// for which it leaves.
    fn move_on(&mut self, place: usize, at_s: f64) {
        let mut freed = std::mem::take(&mut self.freed);
        freed.push(place);
        while let Some(place) = freed.pop() {
            let Some(&part) = self.sites[place].parts.front() else { continue };
            if part.visit.done_s > at_s {
                continue;
            }
            let Some(next) = self.next_of(place, &part) else { continue };
            self.sites[place].parts.pop_front();
            self.tally.visit(place, part.variant, &part.visit, at_s);
            match next {
                Next::Place(next) => self.enter(next, part.variant, at_s),
                Next::Out if part.is_scrap => self.tally.scrap(at_s),
                Next::Out => self.tally.output(part.variant, at_s),
            }
            if let Some(behind) = self.sites[place].parts.front() {
                // Through a buffer they come one after the other.
                self.events.push(Event { at_s: behind.visit.done_s.max(at_s), place, what: What::Done });
            }
            freed.extend(self.first_waiting(place, at_s));
            self.supply(place, at_s);
        }
        self.freed = freed;
    }

    /// Where a part goes from a place; `None` if it must wait.
    fn next_of(&self, place: usize, part: &Inside) -> Option<Next> {
        let leaves_line = self.model.variants[part.variant].leaves_after == Some(place);
        let next = &self.downstream[place];
        if part.is_scrap || leaves_line || next.is_empty() {
            return Some(Next::Out);
        }
        next.iter().copied().find(|&next| self.has_room(next)).map(Next::Place)
    }

    fn has_room(&self, place: usize) -> bool {
        let capacity = self.model.places[place].capacity();
        capacity.is_none_or(|capacity| self.sites[place].parts.len() < capacity as usize)
    }

    /// Of the places before a place, the one whose finished part has waited longest.
    fn first_waiting(&self, place: usize, at_s: f64) -> Option<usize> {
        let waiting = |&before: &usize| {
            let done_s = self.sites[before].parts.front()?.visit.done_s;
            (done_s <= at_s).then_some((done_s, before))
        };
        let waiting = self.model.places[place].upstream.iter().filter_map(waiting);
        waiting.min_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1))).map(|(_, before)| before)
    }

    /// Lets a part into an entry that has room, as soon as there is one.
    fn supply(&mut self, place: usize, at_s: f64) {
        if self.sites[place].supply.is_none() || !self.has_room(place) {
            return;
        }
        if self.sites[place].supplied_s > at_s {
            let at_s = self.sites[place].supplied_s;
            self.events.push(Event { at_s, place, what: What::Supplied });
            return;
        }
        let Some(supply) = &mut self.sites[place].supply else { return };
        let (variant, gap_s) = (supply.next_variant(), supply.next_gap_s());
        self.sites[place].supplied_s = at_s + gap_s;
        self.enter(place, variant, at_s);
    }

    /// What is still in the line counts for where it is.
    fn finish(mut self) -> Tally {
        for (place, site) in self.sites.iter().enumerate() {
            for part in &site.parts {
                self.tally.visit(place, part.variant, &part.visit, f64::INFINITY);
            }
        }
        self.tally
    }
}

/// Where a part goes.
enum Next {
    Place(usize),
    Out,
}
