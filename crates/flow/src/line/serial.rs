use crate::line::outcome::{Tally, Visit};
use crate::line::sequence::Supply;
use crate::line::server::{Interrupted, Served, Server};
use crate::line::start::{PartStart, Progress};
use crate::line::{Blocking, LineModel, Place, Start};

/// Runs a serial line part by part, from each place on to the next: the recursion of departure times.
///
/// A part enters a place when it is done with the one before and the place has room: when the part that came as many
/// parts before it as the place holds has left. That needs no list of events, and is exact (Dallery and Gershwin 1992,
/// section 4; Buzacott and Shanthikumar 1993, section 5.3).
pub(crate) fn run(model: &LineModel, start: &Start, tally: Tally, seed: u64, replication: u64) -> Tally {
    let end_s = tally.end_s();
    let mut line = Line::new(model, tally, seed, replication);
    let mut supply = Supply::new(model, 0, seed, replication);
    line.take_in(start, &mut supply);
    let mut supplied_s: f64 = 0.0;
    loop {
        let entered_s = supplied_s.max(line.sites[0].room.free_s());
        if entered_s >= end_s {
            return line.tally;
        }
        let variant = supply.next_variant();
        line.pass(0, variant, entered_s);
        supplied_s = entered_s + supply.next_gap_s();
    }
}

/// When a place has had room, has it and will have it.
struct Room {
    /// When each of the last parts left, as many as the place holds; empty if it holds any number.
    left_s: Box<[f64]>,
    /// The place in `left_s` of the part that left longest ago.
    oldest: usize,
    /// When the last part left.
    last_left_s: f64,
}

struct Line<'m> {
    model: &'m LineModel,
    sites: Vec<Site<'m>>,
    tally: Tally,
}

/// A place, and how far it is.
struct Site<'m> {
    /// The station that it is.
    server: Option<Server<'m>>,
    room: Room,
    transfer_s: f64,
    /// Until when the station is stopped that was stopped at the begin.
    up_from_s: f64,
}

impl Room {
    fn new(capacity: Option<u32>) -> Self {
        let left_s = vec![0.0; capacity.unwrap_or(0) as usize].into_boxed_slice();
        Self { left_s, oldest: 0, last_left_s: 0.0 }
    }

    /// When the next part can come in.
    #[inline]
    fn free_s(&self) -> f64 {
        self.left_s.get(self.oldest).copied().unwrap_or(0.0)
    }

    /// The next part that came in leaves again.
    #[inline]
    fn left(&mut self, at_s: f64) {
        self.last_left_s = at_s;
        if let Some(oldest) = self.left_s.get_mut(self.oldest) {
            *oldest = at_s;
            self.oldest += 1;
            if self.oldest == self.left_s.len() {
                self.oldest = 0;
            }
        }
    }
}

impl<'m> Line<'m> {
    fn new(model: &'m LineModel, tally: Tally, seed: u64, replication: u64) -> Self {
        let site = |(index, place): (usize, &'m Place)| Site {
            server: place.station().map(|station| Server::new(station, seed, replication, index)),
            room: Room::new(place.capacity()),
            transfer_s: place.transfer_s,
            up_from_s: 0.0,
        };
        let sites = model.places.iter().enumerate().map(site).collect();
        Self { model, sites, tally }
    }

    /// Takes in what is in the line at the begin; the parts nearest to its end are ahead of all others.
    fn take_in(&mut self, start: &Start, supply: &mut Supply<'_>) {
        for (place, site) in self.sites.iter_mut().enumerate() {
            if let (Some(server), Some(down_s)) = (&mut site.server, start.at(place).down_s) {
                site.up_from_s = server.rest_of_stop_s(down_s);
            }
        }
        for place in (0..self.model.places.len()).rev() {
            for part in &start.at(place).parts {
                let variant = part.variant.unwrap_or_else(|| supply.any_variant());
                self.go_on(place, variant, part);
            }
        }
    }

    /// A part that is at a place at the begin goes on from there.
    fn go_on(&mut self, place: usize, variant: usize, part: &PartStart) {
        let site = &mut self.sites[place];
        let up_from_s = site.up_from_s;
        let served = match (&mut site.server, part.progress) {
            (Some(server), Progress::Working { worked_s }) => {
                Some(server.resume(up_from_s, variant, Interrupted { worked_s }))
            }
            (Some(server), Progress::Waiting) => Some(server.serve(up_from_s, variant)),
            (None, _) | (_, Progress::Done) => None,
        };
        let Served { end_s: done_s, work_s, stopped_from_s, is_scrap } =
            served.unwrap_or(Served::untouched(site.room.last_left_s));
        let began_s = done_s.min(up_from_s);
        let visit = Visit { entered_s: 0.0, ready_s: 0.0, began_s, work_s, done_s, stopped_from_s };
        if let Some(entered_s) = self.leave(place, variant, &visit, is_scrap) {
            self.pass(place + 1, variant, entered_s);
        }
    }

    /// A part goes through the line from a place on, which it enters at `entered_s`.
    fn pass(&mut self, from: usize, variant: usize, mut entered_s: f64) {
        for place in from..self.sites.len() {
            let room_to_begin_s = self.room_to_begin_s(place);
            let site = &mut self.sites[place];
            let ready_s = entered_s + site.transfer_s;
            let began_s = ready_s.max(room_to_begin_s).max(site.up_from_s);
            let served = match &mut site.server {
                Some(server) => server.serve(began_s, variant),
                // First in, first out: not before the part ahead.
                None => Served::untouched(ready_s.max(site.room.last_left_s)),
            };
            let Served { end_s: done_s, work_s, stopped_from_s, is_scrap } = served;
            let visit = Visit { entered_s, ready_s, began_s, work_s, done_s, stopped_from_s };
            match self.leave(place, variant, &visit, is_scrap) {
                Some(next_s) => entered_s = next_s,
                None => return,
            }
        }
    }

    /// Before when a station must not begin, because the next place would have no room for the part.
    #[inline]
    fn room_to_begin_s(&self, place: usize) -> f64 {
        let Blocking::BeforeService { early_s } = self.model.blocking else { return 0.0 };
        self.sites.get(place + 1).map_or(0.0, |next| next.room.free_s() - early_s)
    }

    /// A part that is done leaves a place as soon as it can. Returns when it enters the next one, if it goes on.
    #[inline]
    fn leave(&mut self, place: usize, variant: usize, visit: &Visit, is_scrap: bool) -> Option<f64> {
        let leaves_line = self.model.variants[variant].leaves_after == Some(place);
        let next = if is_scrap || leaves_line { None } else { self.sites.get(place + 1) };
        let left_s = next.map_or(visit.done_s, |next| visit.done_s.max(next.room.free_s()));
        let goes_on = next.is_some();
        self.sites[place].room.left(left_s);
        self.tally.visit(place, variant, visit, left_s);
        if goes_on {
            return Some(left_s);
        }
        if is_scrap {
            self.tally.scrap(left_s)
        } else {
            self.tally.output(variant, left_s)
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line::{Horizon, Station};

    /// By hand: 2 s, 3 s and 1 s of work; no room between the first two, one place between the last two.
    #[test]
    fn departures_are_as_worked_out_by_hand() {
        let line = LineModel::serial([2.0, 3.0, 1.0].map(Station::constant)).with_buffer(2, Some(1));
        let horizon = Horizon { warm_up_s: 0.0, length_s: 12.5, interval_s: 1.0 };
        let (outcome, _) = run(&line, &Start::default(), Tally::new(&line, horizon), 0, 0).finish();
        // Parts leave the second station at 5, 8, 11 s and the line 1 s later.
        let expected: Vec<u32> = (0..13).map(|second| u32::from([6, 9, 12].contains(&second))).collect();
        assert_eq!(outcome.output, expected);
        let [first, second, buffer, last] = outcome.places[..] else { panic!("four places") };
        assert_eq!((first.working_s, first.blocked_s), (2.0 + 2.0 + 2.0 + 2.0 + 1.5, 1.0 + 1.0 + 1.0));
        assert_eq!((second.working_s, second.blocked_s, second.starved_s(12.5)), (10.5, 0.0, 2.0));
        assert_eq!((buffer.part_seconds, last.working_s), (0.0, 3.0));
    }
}
