//! One run of the simulated plant through the twin, and how well the twin did.

use std::sync::Arc;

use alarms::{Change, Incident};
use flow::line::ForecastOptions;
use flow::{ShiftForecast, ShiftReport};
use plant::{Cause, Plant};
use plant_sim::{Fault, FaultError, FaultPlan, SimConfig, SimPlant, Truth, TruthEvent};
use telemetry::Timestamp;
use twin::Output;

use crate::simulated::{START, SimulatedTwin};

/// An incident's change as the twin gave it.
#[derive(Debug, Clone)]
pub struct Told {
    /// When, by the twin's time.
    pub at: Timestamp,
    /// What changed.
    pub change: Change,
    /// The incident after the change.
    pub incident: Incident,
}

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Trial {
    /// The plant.
    pub plant: Arc<Plant>,
    /// Every change of an incident.
    pub told: Vec<Told>,
    /// What truly happened.
    pub truth: Vec<TruthEvent>,
    /// The shifts that ended.
    pub shifts: Vec<ShiftReport>,
    /// Forecasts of its shifts, one each hour; none if the plant had a fault, which nobody can foretell.
    pub forecasts: Vec<ShiftForecast>,
}

/// From one forecast to the next, s.
const FORECAST_EVERY_S: f64 = 3600.0;
/// How often the rest of a shift is run for it.
const REPLICATIONS: u32 = 200;

/// Runs the simulated plant for `hours` with those faults, seen as `plant` says.
///
/// # Errors
/// If a fault is planned where it cannot strike.
pub fn run(plant: &Arc<Plant>, seed: u64, faults: Vec<FaultPlan>, hours: f64) -> Result<Trial, FaultError> {
    let has_fault = !faults.is_empty();
    let sim = SimPlant::new(SimConfig { seed, start: START, faults })?;
    let mut simulated = SimulatedTwin::new(sim, plant);
    let (mut shifts, mut forecasts, mut forecast_at) = (Vec::new(), Vec::new(), START);
    let end = START.plus_seconds(hours * 3600.0);
    let (mut outputs, mut told) = (Vec::new(), Vec::new());
    while simulated.source.sim().now() < end {
        let received = simulated.step(&mut outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Incident { change, incident } => {
                    told.push(Told { at: received, change, incident: *incident });
                }
                Output::Shift(report) => shifts.push(*report),
                _ => {}
            }
        }
        if received >= forecast_at && !has_fault {
            forecast_at = forecast_at.plus_seconds(FORECAST_EVERY_S);
            let options = ForecastOptions { replications: REPLICATIONS, seed };
            forecasts.extend(simulated.twin.prospect().and_then(|prospect| prospect.forecast(options).ok()));
        }
    }
    Ok(Trial { plant: plant.clone(), told, truth: simulated.source.truth().to_vec(), shifts, forecasts })
}

/// The cause that the twin should name for a fault.
pub fn cause_of(fault: Fault) -> Cause {
    match fault {
        Fault::ElectrodeWear => Cause::ElectrodeWear,
        Fault::WaterRestriction => Cause::WeldWaterRestriction,
        Fault::TorqueFriction => Cause::JointFriction,
        Fault::NozzleClog => Cause::NozzleClog,
        Fault::LeakTesterDrift => Cause::LeakTester,
        Fault::ChillerFouling => Cause::ChillerFouling,
        Fault::PumpWear => Cause::PumpWear,
        Fault::ForceLoss => Cause::ElectrodeForce,
        Fault::FocusShift => Cause::LaserFocus,
        Fault::ThreadDamage => Cause::ThreadDamage,
        Fault::BlockedColdPlates => Cause::ColdPlate,
        Fault::MixedModules => Cause::CellSorting,
        Fault::StuckValve => Cause::StuckValve,
        Fault::CoolantLeak => Cause::CoolantLeak,
        Fault::GearboxWear => Cause::GearboxWear,
        Fault::RobotSlowDown => Cause::RobotSlowDown,
        Fault::MicroStops => Cause::MicroStops,
        Fault::StarvedSupply => Cause::SupplyStarved,
        Fault::SensorFlatLine => Cause::SensorFlatLine,
        Fault::SensorDropout => Cause::SensorDropout,
        Fault::SensorSpikes => Cause::SensorSpikes,
        Fault::SensorDrift => Cause::SensorDrift,
        Fault::LinkLoss => Cause::LinkLoss,
        Fault::CrossThread => Cause::ThreadDamage,
        Fault::WeakBolts => Cause::JointYield,
        Fault::CellLot => Cause::CellSorting,
        Fault::FullStrainer => Cause::LoopRestriction,
        Fault::BoltBins => Cause::JointFriction,
        Fault::SheetLot => Cause::SheetMaterial,
    }
}

/// How well one fault was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score {
    /// Seconds from the fault's begin until an incident of it is told to be at its place; `None` if none was.
    pub delay_s: Option<f64>,
    /// Whether a true process quantity left its limit at the fault's place.
    pub limit_crossed: bool,
    /// Seconds from that incident to the moment the limit was left; negative if the incident came too late.
    pub time_won_s: Option<f64>,
    /// Whether that incident came to have the right cause as its first.
    pub cause_is_right: bool,
    /// Incidents that were never at its place, or before the fault.
    pub false_incidents: usize,
}

impl Trial {
    /// Incidents raised.
    pub fn raised(&self) -> impl Iterator<Item = &Told> {
        self.told.iter().filter(|told| told.change == Change::Raised)
    }

    /// Incidents that are not the fault's: never at its place, or before it.
    pub fn false_incidents(&self, fault: Option<Fault>) -> impl Iterator<Item = &Told> {
        let truth = fault.and_then(|_| self.fault());
        let comes_true = move |raised: &&Told| {
            let is_same = |told: &&Told| told.incident.id == raised.incident.id;
            truth.is_some_and(|truth| self.told.iter().filter(is_same).any(|told| self.is_true(told, truth)))
        };
        self.raised().filter(move |raised| !comes_true(raised))
    }

    /// Where an incident is, by name: a station or a link.
    pub fn place_of(&self, incident: &Incident) -> &str {
        match (incident.station, incident.link) {
            (Some(station), _) => &self.plant.station(station).name,
            (_, Some(link)) => &self.plant.link(link).name,
            _ => "",
        }
    }

    /// How well the one planned fault was found.
    pub fn score(&self, fault: Fault) -> Score {
        let truth = self.fault();
        let false_incidents = self.false_incidents(Some(fault)).count();
        let Some((onset, target)) = truth else {
            let delay_s = None;
            return Score { delay_s, limit_crossed: false, time_won_s: None, cause_is_right: false, false_incidents };
        };
        let found = self.told.iter().find(|told| self.is_true(told, (onset, target)));
        let limit = self.truth.iter().find_map(|event| match event.what {
            Truth::LimitCrossed { station, .. } if event.at >= onset && station == target => Some(event.at),
            _ => None,
        });
        let last_of = |id| self.told.iter().rev().find(|told| told.incident.id == id);
        Score {
            delay_s: found.map(|told| told.at.seconds_since(onset)),
            limit_crossed: limit.is_some(),
            time_won_s: found.zip(limit).map(|(told, limit)| limit.seconds_since(told.at)),
            cause_is_right: found
                .and_then(|told| last_of(told.incident.id))
                .is_some_and(|told| told.incident.cause() == cause_of(fault)),
            false_incidents,
        }
    }

    /// Each forecast of a shift that began at `since` or later and has ended, with what the shift came to.
    pub fn judged_forecasts(&self, since: Timestamp) -> impl Iterator<Item = (&ShiftForecast, &ShiftReport)> {
        let of_shift = |forecast: &ShiftForecast| self.shifts.iter().find(|shift| shift.start == forecast.start);
        let late = self.forecasts.iter().filter(move |forecast| forecast.start >= since);
        late.filter_map(move |forecast| Some((forecast, of_shift(forecast)?)))
    }

    /// When and where the planned fault began.
    fn fault(&self) -> Option<(Timestamp, &'static str)> {
        self.truth.iter().find_map(|event| match event.what {
            Truth::FaultBegan { station, .. } => Some((event.at, station)),
            _ => None,
        })
    }

    fn is_true(&self, told: &Told, (onset, target): (Timestamp, &str)) -> bool {
        told.incident.raised >= onset && self.place_of(&told.incident) == target
    }
}
