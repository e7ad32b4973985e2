use std::fmt;

use telemetry::{Timestamp, Value};

use crate::board::{Board, StationPoints};
use crate::cooling::{self, CoolingLoop};
use crate::fault::{BoundFault, Faults};
use crate::line::{Buffer, Line};
use crate::link::Offer;
use crate::process::{Dispense, EndOfLine, Floor, Job, LaserWeld, LeakTest, Robot, SpotWeld, Surroundings, Tighten};
use crate::station::Station;
use crate::truth::{Truth, TruthEvent, TruthLog};
use crate::{Fault, FaultError, FaultPlan, Point, PointId, Production, STEP_S, SimLink, Update};

/// What a simulated plant is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct SimConfig {
    /// Decides all chance.
    pub seed: u64,
    /// The plant's time at its start; it decides the weather of the day.
    pub start: Timestamp,
    /// What will go wrong; any number at once.
    pub faults: Vec<FaultPlan>,
}

/// The plant. At its start it has been in production for half an hour: full of parts, and warm.
pub struct SimPlant {
    start: Timestamp,
    /// Steps since the start; negative while the plant warms up before it.
    steps: i64,
    board: Board,
    truth: TruthLog,
    faults: Vec<BoundFault>,
    /// Faults of sensors, each with its point.
    failing: Vec<(BoundFault, PointId)>,
    line: Line,
    cooling: CoolingLoop,
    offers: Vec<Offer>,
    is_break: bool,
}

const WARM_UP_STEPS: i64 = (1800.0 / STEP_S) as i64;
const STEP_NANOS: i64 = (STEP_S * 1e9) as i64;
const HOUR_STEPS: i64 = (3600.0 / STEP_S) as i64;

impl SimPlant {
    /// The plant at its start.
    ///
    /// # Errors
    /// If a fault cannot strike where or when its plan says.
    pub fn new(config: SimConfig) -> Result<Self, FaultError> {
        let SimConfig { seed, start, faults } = config;
        let faults: Vec<BoundFault> =
            faults.iter().map(|plan| BoundFault::new(plan, start)).collect::<Result<_, _>>()?;
        let mut board = Board::default();
        let Stations { line, cooling } = build_stations(&mut board, seed);
        let failing = faults.iter().filter_map(|fault| Some((*fault, failing_point(fault, &board)?))).collect();
        let offers = Vec::new();
        let truth = TruthLog::default();
        let steps = -WARM_UP_STEPS;
        let mut plant = Self { start, steps, board, truth, faults, failing, line, cooling, offers, is_break: false };
        plant.warm_up();
        plant.offers = SimLink::ALL.map(|link| Offer::new(link, &plant.board)).into();
        Ok(plant)
    }

    fn warm_up(&mut self) {
        while self.steps < 0 {
            self.steps += 1;
            self.advance();
        }
        self.truth = TruthLog::default();
        self.board.take_recorded();
        self.line.forget_production();
    }

    /// Every point that the plant offers, by [`PointId`].
    pub fn points(&self) -> &[Point] {
        self.board.points()
    }

    /// The plant's time: that of the last step.
    pub fn now(&self) -> Timestamp {
        self.start.plus_nanos(self.steps * STEP_NANOS)
    }

    /// What the device of a point of this plant holds now, whether or not its link is up.
    pub fn value(&self, point: PointId) -> Value {
        self.board.value(point)
    }

    /// Whether a link delivers now.
    pub fn link_is_up(&self, link: SimLink) -> bool {
        self.offers.iter().any(|offer| offer.link == link && offer.is_up)
    }

    /// What truly happened in the last step.
    pub fn truth(&self) -> &[TruthEvent] {
        &self.truth.events
    }

    /// What each station has made since the start, in the line's order.
    pub fn production(&self) -> impl Iterator<Item = Production> {
        self.line.production()
    }

    /// A break begins, or is over: in it stations finish the part that they work on and begin no other.
    pub fn set_break(&mut self, is_break: bool) {
        self.is_break = is_break;
    }

    /// A new version of a robot's programs is loaded: other names, a motion that is smoother and a little shorter. Nothing
    /// happens at a station without programs.
    pub fn load_programs(&mut self, station: &str) {
        self.line.load_programs(station);
    }

    /// Advances the plant by [`STEP_S`] and appends what its devices gave to their links.
    ///
    /// A link that is down gives nothing. The PLC's points come all together every 0.5 s, as a poll sees them; OPC UA
    /// points when they have changed, and all of them after their link was down; the points of an MQTT topic together,
    /// once a second and at once when a cycle begins or ends; curves as they were recorded, each value with its time.
    pub fn step(&mut self, updates: &mut Vec<Update>) {
        self.truth.events.clear();
        self.steps += 1;
        self.tell_faults();
        self.advance();
        self.fail_sensors();
        self.switch_links();
        let (step, now) = (self.steps.unsigned_abs(), self.now());
        for offer in &mut self.offers {
            offer.give(step, now, &self.board, updates);
        }
        for update in self.board.take_recorded() {
            if self.link_is_up(self.board.points()[update.point.0 as usize].link) {
                updates.push(update);
            }
        }
        if self.steps % HOUR_STEPS == 0 {
            for production in self.line.production() {
                self.truth.tell(now, Truth::Production(production));
            }
        }
    }

    /// Lets the plant itself go one step on.
    fn advance(&mut self) {
        let surroundings = Surroundings {
            air_c: self.cooling.air_c(),
            water_c: self.cooling.supply_c(),
            water_flow: self.cooling.flow_share(),
        };
        let faults = Faults { all: &self.faults, now: self.start.plus_nanos(self.steps * STEP_NANOS) };
        let (board, truth) = (&mut self.board, &mut self.truth);
        let mut floor = Floor {
            board,
            truth,
            faults,
            surroundings,
            station: cooling::STATION,
            is_break: self.is_break,
            spoilt: None,
        };
        self.cooling.step(STEP_S, self.line.heat_w(), &mut floor);
        self.line.step(STEP_S, &mut floor);
        debug_assert!(self.line.is_conserved(), "a part was lost or made from nothing");
    }

    fn tell_faults(&mut self) {
        let now = self.now();
        let before = now.plus_nanos(-STEP_NANOS);
        for bound in &self.faults {
            let (fault, station) = (bound.fault.name(), bound.target);
            // A fault from the very start is there in the first step.
            let was_present = bound.is_present(before) && before != self.start;
            match (was_present, bound.is_present(now)) {
                (false, true) => {
                    let family = bound.fault.family();
                    self.truth.tell(bound.onset, Truth::FaultBegan { fault, station, family });
                }
                (true, false) => self.truth.tell(now, Truth::FaultEnded { fault, station }),
                _ => {}
            }
        }
    }

    fn fail_sensors(&mut self) {
        let now = self.now();
        self.board.mend();
        for (bound, point) in self.failing.iter().filter(|(bound, _)| bound.is_present(now)) {
            match bound.fault {
                Fault::SensorDropout if bound.opens_cable(now) => self.board.open_cable(*point),
                Fault::SensorDropout => {}
                Fault::SensorSpikes => self.board.spike(*point),
                _ => self.board.freeze(*point),
            }
        }
    }

    fn switch_links(&mut self) {
        let now = self.now();
        for offer in &mut self.offers {
            let is_up = !self.faults.iter().any(|fault| fault.cuts(offer.link, now));
            let link = offer.link.name();
            match (offer.is_up, is_up) {
                (true, false) => self.truth.tell(now, Truth::LinkDown { link }),
                (false, true) => self.truth.tell(now, Truth::LinkUp { link }),
                _ => {}
            }
            offer.is_up = is_up;
        }
    }
}

impl fmt::Debug for SimPlant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SimPlant").field("now", &self.now()).field("faults", &self.faults).finish_non_exhaustive()
    }
}

/// The point whose sensor fails while `fault` is there, if it is that kind of fault.
fn failing_point(fault: &BoundFault, board: &Board) -> Option<PointId> {
    let names: &[&str] = match fault.fault {
        Fault::SensorFlatLine | Fault::SensorDropout => {
            &["water_temperature", "supply_temperature", "axis_temperature"]
        }
        Fault::SensorSpikes => &["mass", "pressure_drop"],
        _ => return None,
    };
    names.iter().find_map(|name| board.find(&format!("{}/{name}", fault.target)))
}

/// Everything in the plant that has points.
pub(crate) struct Stations {
    line: Line,
    cooling: CoolingLoop,
}

/// Builds the example plant and puts all its points on the board.
pub(crate) fn build_stations(board: &mut Board, seed: u64) -> Stations {
    let robot = |board: &mut Board, name, job| {
        Station::new(StationPoints::mqtt(board, name), seed, |points| Box::new(Robot::new(points, job, seed)))
    };
    let weld = |board: &mut Board, name, base, pace, records| {
        let points = StationPoints::weld_controller(board, name, base);
        Station::new(points, seed, |points| Box::new(SpotWeld::new(points, pace, records, seed)))
    };
    let robot_10 = robot(board, "robot-10", Job::LoadBody);
    let weld_20 = weld(board, "weld-20", 0, 1.0, false);
    let weld_30 = weld(board, "weld-30", 100, 0.985, true);
    let buffer = Buffer::new(StationPoints::plc(board, "buffer-35", 200));
    let laser = StationPoints::plc(board, "laser-40", 300);
    let laser_40 = Station::new(laser, seed, |points| Box::new(LaserWeld::new(points, seed)));
    let robot_50 = robot(board, "robot-50", Job::PlaceCover);
    let tighten = StationPoints::opcua(board, "tighten-60");
    let tighten_60 = Station::new(tighten, seed, |points| Box::new(Tighten::new(points, seed)));
    let dispense = StationPoints::opcua(board, "dispense-70");
    let dispense_70 = Station::new(dispense, seed, |points| Box::new(Dispense::new(points, seed)));
    let leak = StationPoints::opcua(board, "leak-80");
    let leak_80 = Station::new(leak, seed, |points| Box::new(LeakTest::new(points, seed)));
    let eol = StationPoints::opcua(board, "eol-90");
    let eol_90 = Station::new(eol, seed, |points| Box::new(EndOfLine::new(points, seed)));
    let cooling = CoolingLoop::new(StationPoints::mqtt(board, cooling::STATION), seed);
    let stations = vec![robot_10, weld_20, weld_30, laser_40, robot_50, tighten_60, dispense_70, leak_80, eol_90];
    Stations { line: Line::new(stations, buffer, seed), cooling }
}
