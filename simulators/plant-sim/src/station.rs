use crate::board::{StationPoints, tag};
use crate::process::{Cycle, Floor, Process};
use crate::random::Random;
use crate::truth::{Production, Truth};
use crate::variant::Part;
use crate::{Fault, PointId};

/// A station with cycles: takes a part, works on it, holds it until the next place is free.
pub(crate) struct Station {
    pub(crate) name: &'static str,
    process: Box<dyn Process>,
    points: CyclePoints,
    phase: Phase,
    random: Random,
    made: u64,
    scrapped: u64,
}

struct CyclePoints {
    active: PointId,
    fault: PointId,
    variant: PointId,
    part_id: PointId,
}

enum Phase {
    /// Ready for a part.
    Empty,
    /// A part is on its way in.
    Loading { part: Part, left_s: f64 },
    /// At work; the part is stopped in the station while `stop` lasts.
    Working { part: Part, cycle: Cycle, progress_s: f64, operations_done: u32, stop: Stop },
    /// The part waits for the next place.
    Done { part: Part },
    /// The tool is being serviced.
    Service { left_s: f64 },
}

/// A short stop in a cycle: a sensor that did not make, a part that jammed.
struct Stop {
    at_progress_s: f64,
    left_s: f64,
}

/// From a part's leaving one place to the start of work on it in the next, seconds.
const TRANSFER_S: f64 = 2.5;
/// Cycles with a short stop in normal operation: about three a shift and station.
const USUAL_STOP_SHARE: f64 = 0.004;
/// Cycles with one under the fault of micro-stops.
const FAULT_STOP_SHARE: f64 = 0.35;

impl Station {
    pub(crate) fn new(
        mut points: StationPoints<'_>,
        seed: u64,
        process: impl FnOnce(&mut StationPoints<'_>) -> Box<dyn Process>,
    ) -> Self {
        Self {
            name: points.station,
            points: CyclePoints {
                active: points.flag(tag("cycle_active", "cycle.active", "The station works on a part")),
                fault: points.flag(tag("fault", "fault", "The station has stopped with a fault of its own")),
                variant: points.variant(tag("variant", "variant", "Variant of the part in the station")),
                part_id: points.text(tag("part_id", "part.id", "Serial of the part in the station")),
            },
            process: process(&mut points),
            phase: Phase::Empty,
            random: Random::new(seed, &format!("{} stops", points.station)),
            made: 0,
            scrapped: 0,
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        matches!(self.phase, Phase::Empty)
    }

    pub(crate) fn parts_inside(&self) -> u64 {
        u64::from(!matches!(self.phase, Phase::Empty | Phase::Service { .. }))
    }

    pub(crate) fn heat_w(&self) -> f64 {
        self.process.heat_w()
    }

    pub(crate) fn production(&self) -> Production {
        Production { station: self.name, made: self.made, scrapped: self.scrapped }
    }

    pub(crate) fn load_programs(&mut self) {
        self.process.load_programs();
    }

    pub(crate) fn forget_production(&mut self) {
        (self.made, self.scrapped) = (0, 0);
    }

    /// Takes a part in; the station is empty.
    pub(crate) fn load(&mut self, part: Part) {
        self.phase = Phase::Loading { part, left_s: TRANSFER_S };
    }

    /// The finished part, if there is one that may go on; `None` also while it is still worked on.
    pub(crate) fn finished(&self) -> Option<Part> {
        match self.phase {
            Phase::Done { part } => Some(part),
            _ => None,
        }
    }

    /// Whether the finished part was found good.
    pub(crate) fn passed(&self) -> bool {
        self.process.passed()
    }

    /// Lets the finished part go; the tool may need service before the next.
    pub(crate) fn release(&mut self, floor: &mut Floor<'_>) {
        let left_s = self.process.service_s(floor);
        self.phase = if left_s > 0.0 { Phase::Service { left_s } } else { Phase::Empty };
    }

    /// Lets a step pass.
    pub(crate) fn step(&mut self, seconds: f64, floor: &mut Floor<'_>) {
        self.process.elapse(seconds, floor);
        match &mut self.phase {
            Phase::Empty | Phase::Done { .. } => {}
            Phase::Service { left_s } => {
                *left_s -= seconds;
                if *left_s <= 0.0 {
                    self.phase = Phase::Empty;
                }
            }
            Phase::Loading { part, left_s } => {
                *left_s -= seconds;
                if *left_s <= 0.0 && !floor.is_break {
                    let part = *part;
                    self.begin(part, floor);
                }
            }
            Phase::Working { .. } => self.work(seconds, floor),
        }
    }

    fn begin(&mut self, part: Part, floor: &mut Floor<'_>) {
        let cycle = self.process.begin(part, floor);
        let stop = self.next_stop(cycle, floor.severity(Fault::MicroStops));
        floor.board.set_text(self.points.part_id, part.serial());
        floor.board.set_variant(self.points.variant, part.variant);
        floor.board.set_flag(self.points.active, true);
        self.phase = Phase::Working { part, cycle, progress_s: 0.0, operations_done: 0, stop };
    }

    /// The stop that this cycle will have, if any. Always draws three times.
    fn next_stop(&mut self, cycle: Cycle, micro_stops: f64) -> Stop {
        let drawn = self.random.uniform();
        let at_progress_s = cycle.length_s * self.random.between(0.1, 0.9);
        let length = self.random.uniform();
        let left_s = match drawn {
            _ if drawn < USUAL_STOP_SHARE => 5.0 + 25.0 * length * length,
            _ if drawn < FAULT_STOP_SHARE * micro_stops => 8.0 + 17.0 * length,
            _ => 0.0,
        };
        Stop { at_progress_s, left_s }
    }

    fn work(&mut self, seconds: f64, floor: &mut Floor<'_>) {
        let Phase::Working { part, cycle, progress_s, operations_done, stop } = &mut self.phase else { return };
        let is_stopped = stop.left_s > 0.0 && *progress_s >= stop.at_progress_s;
        floor.board.set_flag(self.points.fault, is_stopped);
        if is_stopped {
            stop.left_s -= seconds;
            return;
        }
        *progress_s += seconds;
        while *operations_done < cycle.operations_over(*progress_s) {
            self.process.operate(*operations_done, floor);
            *operations_done += 1;
        }
        if let Some(quantity) = floor.spoilt.take()
            && !part.scrapped
        {
            part.scrapped = true;
            self.scrapped += 1;
            let part = part.serial().to_string();
            floor.tell(Truth::PartScrapped { station: self.name, part, quantity });
        }
        if *progress_s >= cycle.length_s {
            self.made += 1;
            floor.board.set_flag(self.points.active, false);
            self.phase = Phase::Done { part: *part };
        }
    }
}
