use crate::line::random::{Purpose, Random};
use crate::line::{Distribution, Station, StopClock, Stops};

/// A station at work in one replication: its chance, and how far it is from its next stops.
#[derive(Debug, Clone)]
pub(crate) struct Server<'m> {
    station: &'m Station,
    work: Random,
    scrap: Random,
    stops: Vec<NextStop<'m>>,
}

#[derive(Debug, Clone)]
struct NextStop<'m> {
    stops: &'m Stops,
    random: Random,
    due: Due,
}

/// When a stop comes.
#[derive(Debug, Clone, Copy)]
enum Due {
    /// After so much more work, s.
    Working { left_s: f64 },
    /// From one moment to another.
    Elapsed { from_s: f64, to_s: f64 },
}

/// What became of one part.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served {
    pub(crate) end_s: f64,
    pub(crate) work_s: f64,
    /// When its last stop began; infinite without one.
    pub(crate) stopped_from_s: f64,
    pub(crate) is_scrap: bool,
}

impl Served {
    /// Nothing was done: the part was there until then.
    pub(crate) fn untouched(end_s: f64) -> Self {
        Self { end_s, work_s: 0.0, stopped_from_s: f64::INFINITY, is_scrap: false }
    }
}

/// How far a station is with the part that it has.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Interrupted {
    /// How long it has worked on it, s.
    pub(crate) worked_s: f64,
}

impl<'m> Server<'m> {
    pub(crate) fn new(station: &'m Station, seed: u64, replication: u64, place: usize) -> Self {
        let stream = |purpose| Random::new(seed, replication, place, purpose);
        let next_stop = |(cause, stops): (usize, &'m Stops)| NextStop::new(stops, stream(Purpose::Stops(cause)));
        Self {
            station,
            work: stream(Purpose::Work),
            scrap: stream(Purpose::Scrap),
            stops: station.stops.iter().enumerate().map(next_stop).collect(),
        }
    }

    /// Works on a part of that variant from `start_s` on.
    #[inline]
    pub(crate) fn serve(&mut self, start_s: f64, variant: usize) -> Served {
        let work_s = self.station.work_of(variant).draw(&mut self.work);
        self.finish(start_s, work_s)
    }

    /// Goes on with a part of that variant that it has worked on already.
    pub(crate) fn resume(&mut self, start_s: f64, variant: usize, interrupted: Interrupted) -> Served {
        let left_s = self.station.work_of(variant).draw_rest(interrupted.worked_s, &mut self.work);
        self.finish(start_s, left_s)
    }

    /// What is left of a stop that has lasted `down_s` already, s; of the first cause, as nothing tells which it is.
    pub(crate) fn rest_of_stop_s(&mut self, down_s: f64) -> f64 {
        self.stops.first_mut().map_or(0.0, |next| next.stops.repair.draw_rest(down_s, &mut next.random))
    }

    #[inline]
    fn finish(&mut self, start_s: f64, work_s: f64) -> Served {
        let (end_s, stopped_from_s) =
            if self.stops.is_empty() { (start_s + work_s, f64::INFINITY) } else { self.end_of(start_s, work_s) };
        let is_scrap = self.station.scrap_share > 0.0 && self.scrap.uniform() < self.station.scrap_share;
        Served { end_s, work_s, stopped_from_s, is_scrap }
    }

    /// When `work_s` of work are done, stops in between, and when the last of these began.
    fn end_of(&mut self, start_s: f64, work_s: f64) -> (f64, f64) {
        let (mut now_s, mut left_s, mut stopped_from_s) = (start_s, work_s, f64::INFINITY);
        'at_work: loop {
            for next in &mut self.stops {
                if let Some(end_s) = next.stopped_until_s(now_s) {
                    (now_s, stopped_from_s) = (end_s, now_s);
                    continue 'at_work;
                }
            }
            let (mut run_s, mut cause) = (left_s, None);
            for (place, next) in self.stops.iter().enumerate() {
                let until_s = next.work_until_stop_s(now_s);
                if until_s < run_s {
                    (run_s, cause) = (until_s, Some(place));
                }
            }
            self.stops.iter_mut().for_each(|next| next.has_worked(run_s));
            now_s += run_s;
            left_s -= run_s;
            match cause {
                None => return (now_s, stopped_from_s),
                Some(cause) => {
                    stopped_from_s = now_s;
                    now_s += self.stops[cause].stop_s();
                }
            }
        }
    }
}

impl<'m> NextStop<'m> {
    fn new(stops: &'m Stops, mut random: Random) -> Self {
        let every_s = drawn_above_zero(&stops.every, &mut random);
        let due = match stops.clock {
            StopClock::Working => Due::Working { left_s: every_s },
            StopClock::Elapsed => Due::Elapsed { from_s: every_s, to_s: every_s + stops.repair.draw(&mut random) },
        };
        Self { stops, random, due }
    }

    /// Until when it is stopped, if it is stopped at `now_s`.
    fn stopped_until_s(&mut self, now_s: f64) -> Option<f64> {
        let Due::Elapsed { mut from_s, mut to_s } = self.due else { return None };
        while to_s <= now_s {
            from_s = to_s + drawn_above_zero(&self.stops.every, &mut self.random);
            to_s = from_s + self.stops.repair.draw(&mut self.random);
        }
        self.due = Due::Elapsed { from_s, to_s };
        (from_s <= now_s).then_some(to_s)
    }

    fn work_until_stop_s(&self, now_s: f64) -> f64 {
        match self.due {
            Due::Working { left_s } => left_s,
            Due::Elapsed { from_s, .. } => from_s - now_s,
        }
    }

    fn has_worked(&mut self, run_s: f64) {
        if let Due::Working { left_s } = &mut self.due {
            *left_s -= run_s;
        }
    }

    /// The stop has come. Returns how long it lasts from now on; a stop by the clock says so itself.
    fn stop_s(&mut self) -> f64 {
        let Due::Working { left_s } = &mut self.due else { return 0.0 };
        *left_s = drawn_above_zero(&self.stops.every, &mut self.random);
        self.stops.repair.draw(&mut self.random)
    }
}

/// A time until the next stop: without a shortest, stops could follow each other for ever within one part.
fn drawn_above_zero(every: &Distribution, random: &mut Random) -> f64 {
    const SHORTEST_S: f64 = 1e-9;
    every.draw(random).max(SHORTEST_S)
}
