//! One run of the simulated plant through the twin, and how well the twin did.

use std::sync::Arc;

use flow::line::ForecastOptions;
use flow::{ShiftForecast, ShiftReport};
use plant::{Cause, Plant};
use plant_sim::{Fault, FaultError, FaultPlan, SimConfig, SimPlant, Truth, TruthEvent};
use telemetry::Timestamp;
use twin::Output;

use crate::backtest::judge::{Alerts, Label, Score, Told};
use crate::simulated::{START, SimulatedTwin};

/// What a run came to.
#[derive(Debug, Clone)]
pub struct Trial {
    /// What the twin told.
    pub alerts: Alerts,
    /// When it ended.
    pub until: Timestamp,
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
    let alerts = Alerts { plant: plant.clone(), told };
    let until = simulated.source.sim().now();
    Ok(Trial { alerts, until, truth: simulated.source.truth().to_vec(), shifts, forecasts })
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

impl Trial {
    /// The planned fault, with the cause that the twin should name for it; none if it has not begun.
    pub fn label(&self, fault: Fault) -> Option<Label> {
        let (began, target) = self.truth.iter().find_map(|event| match event.what {
            Truth::FaultBegan { station, .. } => Some((event.at, station)),
            _ => None,
        })?;
        let limit = self.truth.iter().find_map(|event| match event.what {
            Truth::LimitCrossed { station, .. } if event.at >= began && station == target => Some(event.at),
            _ => None,
        });
        let (name, cause) = (Some(fault.name().to_owned()), Some(cause_of(fault)));
        Some(Label { place: target.to_owned(), fault: name, cause, began, ended: None, limit })
    }

    /// How well the one planned fault was found; `None` if it has not begun.
    pub fn score(&self, fault: Fault) -> Option<Score> {
        self.label(fault).map(|label| self.alerts.score(&label))
    }

    /// Incidents that are not the fault's.
    pub fn false_alarms(&self, fault: Fault) -> Vec<&Told> {
        let label = self.label(fault);
        self.alerts.false_alarms(label.as_slice()).collect()
    }

    /// Each forecast of a shift that began at `since` or later and has ended, with what the shift came to.
    pub fn judged_forecasts(&self, since: Timestamp) -> impl Iterator<Item = (&ShiftForecast, &ShiftReport)> {
        let of_shift = |forecast: &ShiftForecast| self.shifts.iter().find(|shift| shift.start == forecast.start);
        let late = self.forecasts.iter().filter(move |forecast| forecast.start >= since);
        late.filter_map(move |forecast| Some((forecast, of_shift(forecast)?)))
    }
}
