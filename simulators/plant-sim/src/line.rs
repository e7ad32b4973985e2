use std::collections::VecDeque;

use crate::board::{StationPoints, tag};
use crate::process::Floor;
use crate::random::Random;
use crate::station::Station;
use crate::truth::Production;
use crate::variant::{Part, Sequence, Variant};
use crate::{Fault, PointId};

/// The line: stations one after another, a buffer between two of them, and the supply of parts at its entry.
pub(crate) struct Line {
    stations: Vec<Station>,
    buffer: Buffer,
    supply: Supply,
    /// Parts that have left: good, rejected, or of the variant that leaves after the buffer.
    left: u64,
}

/// The station after which the buffer lies, by index.
const BUFFER_AFTER: usize = 2;

impl Line {
    /// A line of `stations`, with `buffer` after the third.
    pub(crate) fn new(stations: Vec<Station>, buffer: Buffer, seed: u64) -> Self {
        Self { stations, buffer, supply: Supply::new(seed), left: 0 }
    }

    /// Lets a step pass. Stations move from the last to the first, so that a place that becomes free is used at once.
    pub(crate) fn step(&mut self, seconds: f64, floor: &mut Floor<'_>) {
        for index in (0..self.stations.len()).rev() {
            floor.station = self.stations[index].name;
            self.stations[index].step(seconds, floor);
            self.pass_on(index, floor);
        }
        self.buffer.step(seconds);
        self.left += self.buffer.leave_line();
        self.feed(BUFFER_AFTER + 1);
        floor.board.set_count(self.buffer.level, self.buffer.parts.len() as u32);
        floor.station = self.stations[0].name;
        self.supply.step(seconds);
        if self.stations[0].is_empty()
            && let Some(part) = self.supply.take(floor.severity(Fault::StarvedSupply))
        {
            self.stations[0].load(part);
        }
    }

    /// Moves a station's finished part on, if its next place is free.
    fn pass_on(&mut self, index: usize, floor: &mut Floor<'_>) {
        let Some(part) = self.stations[index].finished() else { return };
        let next = index + 1;
        if next == self.stations.len() || !self.stations[index].passed() {
            self.left += 1;
        } else if index == BUFFER_AFTER {
            if !self.buffer.put(part) {
                return;
            }
        } else if self.stations[next].is_empty() {
            self.stations[next].load(part);
        } else {
            return;
        }
        self.stations[index].release(floor);
    }

    /// Moves the buffer's next part into a station, if that is free.
    fn feed(&mut self, index: usize) {
        if self.stations[index].is_empty()
            && let Some(part) = self.buffer.take()
        {
            self.stations[index].load(part);
        }
    }

    /// Heat given to the cooling loop, W.
    pub(crate) fn heat_w(&self) -> f64 {
        self.stations.iter().map(Station::heat_w).sum()
    }

    pub(crate) fn load_programs(&mut self, station: &str) {
        self.stations.iter_mut().filter(|known| known.name == station).for_each(Station::load_programs);
    }

    /// What each station has made.
    pub(crate) fn production(&self) -> impl Iterator<Item = Production> {
        self.stations.iter().map(Station::production)
    }

    pub(crate) fn forget_production(&mut self) {
        self.stations.iter_mut().for_each(Station::forget_production);
    }

    /// Whether every part that has entered is in the line or has left it.
    pub(crate) fn is_conserved(&self) -> bool {
        let inside: u64 = self.stations.iter().map(Station::parts_inside).sum();
        self.supply.entered == inside + self.buffer.parts.len() as u64 + self.left
    }
}

/// A first-in, first-out store of parts.
pub(crate) struct Buffer {
    level: PointId,
    parts: VecDeque<Stored>,
}

struct Stored {
    part: Part,
    /// Until it has travelled through, seconds.
    travel_s: f64,
}

impl Buffer {
    const CAPACITY: usize = 8;
    const TRAVEL_S: f64 = 6.0;

    pub(crate) fn new(mut points: StationPoints<'_>) -> Self {
        Self { level: points.count(tag("level", "buffer.level", "Parts in the buffer")), parts: VecDeque::new() }
    }

    fn step(&mut self, seconds: f64) {
        for stored in &mut self.parts {
            stored.travel_s -= seconds;
        }
    }

    fn put(&mut self, part: Part) -> bool {
        let has_room = self.parts.len() < Self::CAPACITY;
        if has_room {
            self.parts.push_back(Stored { part, travel_s: Self::TRAVEL_S });
        }
        has_room
    }

    fn take(&mut self) -> Option<Part> {
        self.parts.pop_front_if(|stored| stored.travel_s <= 0.0).map(|stored| stored.part)
    }

    /// Lets a part that does not go to the pack line leave, if it is at the head; says how many left.
    fn leave_line(&mut self) -> u64 {
        let goes = |stored: &mut Stored| stored.travel_s <= 0.0 && stored.part.variant == Variant::Ice;
        u64::from(self.parts.pop_front_if(goes).is_some())
    }
}

/// Where parts come from.
struct Supply {
    sequence: Sequence,
    random: Random,
    /// Until the next part is there, seconds.
    wait_s: f64,
    entered: u64,
}

impl Supply {
    fn new(seed: u64) -> Self {
        Self { sequence: Sequence::new(seed), random: Random::new(seed, "supply"), wait_s: 0.0, entered: 0 }
    }

    fn step(&mut self, seconds: f64) {
        self.wait_s -= seconds;
    }

    /// The next part, if it is there. `starved` is how late parts come, 0 to 1.
    fn take(&mut self, starved: f64) -> Option<Part> {
        if self.wait_s > 0.0 {
            return None;
        }
        let usual_s = self.random.between(10.0, 34.0);
        let late_s = 38.0 + 16.0 * self.random.factor(0.5);
        self.wait_s = usual_s + starved * (late_s - usual_s);
        self.entered += 1;
        Some(self.sequence.next())
    }
}
