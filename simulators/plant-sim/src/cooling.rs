use telemetry::Timestamp;

use crate::board::{StationPoints, tag};
use crate::process::Floor;
use crate::random::{Random, Wander};
use crate::truth::Bound;
use crate::{Fault, PointId};

/// The cooling loop: a pump, a chiller that holds the supply's temperature, and the water between them.
///
/// Typical values: a process chiller of 15 kW with a COP of 3 to 5, about 0.42 of Carnot's; a small centrifugal pump at
/// 60 l/min and 3 bar (Incropera, ch. 11, for the heat balance; Gülich, Centrifugal Pumps, ch. 4, for the curve and the
/// leak past a worn ring).
pub(crate) struct CoolingLoop {
    points: LoopPoints,
    sensors: Random,
    more_sensors: Random,
    /// Of the tank, %.
    level_percent: f64,
    second_thermometer: Random,
    weather: Random,
    hall: Wander,
    resistance: Wander,
    valve: Valve,
    supply_c: f64,
    return_c: f64,
    /// The controller's integral part, W.
    integral_w: f64,
    chiller_w: f64,
    /// Heat that the condenser gives off, W.
    condenser_w: f64,
    pump: Pump,
    air_c: f64,
}

struct LoopPoints {
    flow: PointId,
    supply_temperature: PointId,
    second_supply_temperature: PointId,
    return_temperature: PointId,
    pump_pressure: PointId,
    pump_power: PointId,
    chiller_power: PointId,
    ambient_temperature: PointId,
    condensing_temperature: PointId,
    level: PointId,
}

/// The balancing valve.
struct Valve {
    command: PointId,
    position: PointId,
    pressure_drop: PointId,
    trim: Wander,
    random: Random,
    command_percent: f64,
    position_percent: f64,
}

impl Valve {
    fn new(points: &mut StationPoints<'_>, seed: u64) -> Self {
        let mut random = Random::new(seed, "balancing valve");
        Self {
            command: points.measure(
                tag("valve_command", "valve.command", "Opening that the balancing valve is told"),
                "%",
                (0.0, 100.0),
            ),
            position: points.measure(
                tag("valve_position", "valve.position", "Opening that the balancing valve has"),
                "%",
                (0.0, 100.0),
            ),
            pressure_drop: points.measure(
                tag("valve_pressure_drop", "valve.pressure_drop", "Pressure lost in the balancing valve"),
                "bar",
                (0.0, 10.0),
            ),
            trim: Wander::new(VALVE_TRIM, 3600.0, &mut random),
            random,
            command_percent: VALVE_PERCENT,
            position_percent: VALVE_PERCENT,
        }
    }

    /// Lets it follow its command, as far as it can.
    fn step(&mut self, seconds: f64, stuck: f64) {
        const FOLLOWING_S: f64 = 20.0;
        self.trim.elapse(seconds, &mut self.random);
        self.command_percent = VALVE_PERCENT * (1.0 + self.trim.value());
        let aim_percent = self.command_percent + stuck * (STUCK_PERCENT - self.command_percent);
        self.position_percent += (aim_percent - self.position_percent) * (seconds / FOLLOWING_S).min(1.0);
    }

    /// Its resistance as a share of the loop's usual: with the inverse square of its opening, as its passage is linear.
    fn resistance(&self) -> f64 {
        let opening = self.position_percent / VALVE_PERCENT;
        VALVE_SHARE / (opening * opening)
    }

    fn show(&mut self, lost_bar: f64, board: &mut crate::board::Board) {
        board.set(self.command, self.command_percent);
        board.set(self.position, self.position_percent + 0.15 * self.random.normal());
        board.set(self.pressure_drop, lost_bar * self.random.factor(0.006));
    }
}

/// Where the pump's curve meets the loop's.
#[derive(Clone, Copy)]
struct Pump {
    flow_l_min: f64,
    pressure_bar: f64,
    power_w: f64,
}

pub(crate) const STATION: &str = "cooling-1";

const FLOW_L_MIN: f64 = 60.0;
const PRESSURE_BAR: f64 = 3.2;
/// Pressure of the new pump at no flow, bar.
const SHUT_OFF_BAR: f64 = 4.2;
const PUMP_EFFICIENCY: f64 = 0.55;

const WATER_J_KG_K: f64 = 4186.0;
const WATER_KG: f64 = 350.0;
const SET_POINT_C: f64 = 18.0;
/// Cabinets and transformers on the loop, W.
const BASE_HEAT_W: f64 = 3000.0;

const GAIN_W_K: f64 = 15_000.0;
const RESET_S: f64 = 225.0;
const COMPRESSOR_MAX_W: f64 = 3400.0;
const COMPRESSOR_MIN_W: f64 = 300.0;
const CARNOT_SHARE: f64 = 0.42;
/// Water to evaporating refrigerant, K.
const EVAPORATOR_K: f64 = 8.0;
/// Clean condenser, W/K, and what dust takes of it.
const CONDENSER_W_K: f64 = 1200.0;
const FOULING: f64 = 0.78;

/// What the second thermometer of the supply shows more than the first, K, and how far the first can drift.
const SECOND_OFFSET_K: f64 = 0.15;
const DRIFT_K: f64 = 1.5;

/// Opening that the balancing valve is told, %, how that wanders as the operators trim the loop, and where it creeps to when
/// it sticks, %.
const VALVE_PERCENT: f64 = 70.0;
const VALVE_TRIM: f64 = 0.012;
const STUCK_PERCENT: f64 = 44.3;
/// Of the loop's resistance at that opening, the valve's share; what a full strainer adds.
const VALVE_SHARE: f64 = 0.3;
const STRAINER: f64 = 0.45;
const LEVEL_PERCENT: f64 = 80.0;
const LEAK_PERCENT_S: f64 = 10.0 / 3600.0;
const LEVEL_MIN_PERCENT: f64 = 70.0;

const SUPPLY_MAX_C: f64 = 21.0;
const FLOW_MIN_L_MIN: f64 = 52.0;

impl Pump {
    /// Where a pump of that wear (0 to 1) works in a loop of `resistance` times the usual.
    fn at(wear: f64, resistance: f64) -> Self {
        let shut_off_bar = SHUT_OFF_BAR * (1.0 - 0.2 * wear);
        let steepness = (SHUT_OFF_BAR - PRESSURE_BAR) / (FLOW_L_MIN * FLOW_L_MIN);
        let load = PRESSURE_BAR / (FLOW_L_MIN * FLOW_L_MIN) * resistance;
        // What leaks back past the ring goes with the root of the pressure, as the loop's flow does: a fixed share.
        let through_impeller = 1.0 + 0.35 * wear;
        let flow_l_min = (shut_off_bar / (load + steepness * through_impeller * through_impeller)).sqrt();
        let pressure_bar = load * flow_l_min * flow_l_min;
        let hydraulic_w = flow_l_min * through_impeller / 60_000.0 * pressure_bar * 1e5;
        Self { flow_l_min, pressure_bar, power_w: hydraulic_w / (PUMP_EFFICIENCY * (1.0 - 0.2 * wear)) }
    }

    fn kg_s(&self) -> f64 {
        self.flow_l_min / 60.0
    }
}

impl CoolingLoop {
    pub(crate) fn new(mut points: StationPoints<'_>, seed: u64) -> Self {
        let mut weather = Random::new(seed, "weather");
        let mut sensors = Random::new(seed, "loop sensors");
        Self {
            points: LoopPoints::new(&mut points),
            hall: Wander::new(0.5, 2700.0, &mut weather),
            resistance: Wander::new(0.008, 3600.0, &mut sensors),
            valve: Valve::new(&mut points, seed),
            sensors,
            more_sensors: Random::new(seed, "more loop sensors"),
            level_percent: LEVEL_PERCENT,
            second_thermometer: Random::new(seed, "second thermometer"),
            weather,
            supply_c: SET_POINT_C,
            return_c: SET_POINT_C + 2.5,
            integral_w: 10_000.0,
            chiller_w: 2500.0,
            condenser_w: 12_500.0,
            pump: Pump::at(0.0, 1.0),
            air_c: 22.0,
        }
    }

    /// Air of the hall, °C.
    pub(crate) fn air_c(&self) -> f64 {
        self.air_c
    }

    /// Water that the loop delivers, °C.
    pub(crate) fn supply_c(&self) -> f64 {
        self.supply_c
    }

    /// Flow as a share of the nominal.
    pub(crate) fn flow_share(&self) -> f64 {
        self.pump.flow_l_min / FLOW_L_MIN
    }

    /// Lets a step pass, under the heat of the stations.
    pub(crate) fn step(&mut self, seconds: f64, stations_w: f64, floor: &mut Floor<'_>) {
        self.hall.elapse(seconds, &mut self.weather);
        self.resistance.elapse(seconds, &mut self.sensors);
        self.air_c = daily_mean_c(floor.faults.now) + self.hall.value();
        self.valve.step(seconds, floor.severity(Fault::StuckValve));
        self.pump = Pump::at(floor.severity(Fault::PumpWear), self.resistance_share(floor));
        self.level_percent -= LEAK_PERCENT_S * floor.severity(Fault::CoolantLeak) * seconds;
        let heat_w = stations_w + BASE_HEAT_W + self.pump.power_w;
        let taken_w = self.chill(seconds, floor.severity(Fault::ChillerFouling));
        self.supply_c += (heat_w - taken_w) * seconds / (WATER_KG * WATER_J_KG_K);
        let settled_c = self.supply_c + heat_w / (self.pump.kg_s() * WATER_J_KG_K);
        self.return_c += (settled_c - self.return_c) * seconds / 20.0;
        floor.within("supply_temperature_c", self.supply_c, Bound::AtMost(SUPPLY_MAX_C));
        floor.within("coolant_level_percent", self.level_percent, Bound::AtLeast(LEVEL_MIN_PERCENT));
        floor.within("loop_flow_l_min", self.pump.flow_l_min, Bound::AtLeast(FLOW_MIN_L_MIN));
        self.show(floor);
    }

    /// What the loop takes of pressure for its flow, as a share of the usual.
    fn resistance_share(&self, floor: &Floor<'_>) -> f64 {
        (1.0 + self.resistance.value()) * self.fixed_and_valve(floor)
    }

    /// Of pipes, strainer and valve, as a share of the usual.
    fn fixed_and_valve(&self, floor: &Floor<'_>) -> f64 {
        1.0 - VALVE_SHARE + STRAINER * floor.severity(Fault::FullStrainer) + self.valve.resistance()
    }

    /// The temperature at which the condenser gives its heat off, °C.
    fn condensing_c(&self, fouling: f64) -> f64 {
        self.air_c + self.condenser_w / (CONDENSER_W_K * (1.0 - FOULING * fouling))
    }

    /// Runs the chiller for a step; gives the heat it takes from the water, W.
    fn chill(&mut self, seconds: f64, fouling: f64) -> f64 {
        let evaporating_k = self.supply_c - EVAPORATOR_K + 273.15;
        let condensing_k = self.condensing_c(fouling) + 273.15;
        let cop = CARNOT_SHARE * evaporating_k / (condensing_k - evaporating_k).max(10.0);
        let error_k = self.supply_c - SET_POINT_C;
        let asked_w = GAIN_W_K * error_k + self.integral_w;
        let taken_w = asked_w.clamp(COMPRESSOR_MIN_W * cop, COMPRESSOR_MAX_W * cop);
        if taken_w == asked_w {
            self.integral_w += GAIN_W_K / RESET_S * error_k * seconds;
        }
        self.chiller_w = taken_w / cop;
        self.condenser_w += (taken_w + self.chiller_w - self.condenser_w) * seconds / 60.0;
        taken_w
    }

    fn show(&mut self, floor: &mut Floor<'_>) {
        let drift_k = DRIFT_K * floor.severity(Fault::SensorDrift);
        let condensing_c = self.condensing_c(floor.severity(Fault::ChillerFouling));
        let valve_share = self.valve.resistance() / self.fixed_and_valve(floor);
        self.valve.show(self.pump.pressure_bar * valve_share, floor.board);
        let (points, sensors, board) = (&self.points, &mut self.sensors, &mut *floor.board);
        board.set(points.flow, self.pump.flow_l_min * sensors.factor(0.004));
        board.set(points.supply_temperature, self.supply_c + drift_k + 0.05 * sensors.normal());
        let second_c = self.supply_c + SECOND_OFFSET_K + 0.05 * self.second_thermometer.normal();
        board.set(points.second_supply_temperature, second_c);
        board.set(points.return_temperature, self.return_c + 0.05 * sensors.normal());
        board.set(points.pump_pressure, self.pump.pressure_bar * sensors.factor(0.004));
        board.set(points.pump_power, self.pump.power_w / 1000.0 * sensors.factor(0.008));
        board.set(points.chiller_power, self.chiller_w / 1000.0 * sensors.factor(0.012));
        board.set(points.ambient_temperature, self.air_c + 0.1 * sensors.normal());
        let more = &mut self.more_sensors;
        board.set(points.condensing_temperature, condensing_c + 0.15 * more.normal());
        board.set(points.level, self.level_percent + 0.2 * more.normal());
    }
}

/// The hall over the day, °C: 22 on average, coolest before sunrise, warmest in the afternoon (UTC).
fn daily_mean_c(now: Timestamp) -> f64 {
    const DAY_S: f64 = 86_400.0;
    const WARMEST_S: f64 = 15.0 * 3600.0;
    let second_of_day = now.seconds_since(Timestamp::EPOCH).rem_euclid(DAY_S);
    22.0 + 3.0 * libm::cos(std::f64::consts::TAU * (second_of_day - WARMEST_S) / DAY_S)
}

impl LoopPoints {
    fn new(points: &mut StationPoints<'_>) -> Self {
        Self {
            flow: points.measure(tag("flow", "loop.flow", "Flow of the cooling loop"), "l/min", (0.0, 150.0)),
            supply_temperature: points.measure(
                tag("supply_temperature", "loop.supply_temperature", "Water to the stations"),
                "°C",
                (-20.0, 100.0),
            ),
            return_temperature: points.measure(
                tag("return_temperature", "loop.return_temperature", "Water from the stations"),
                "°C",
                (-20.0, 100.0),
            ),
            pump_pressure: points.measure(
                tag("pump_pressure", "pump.pressure", "Pressure that the pump adds"),
                "bar",
                (0.0, 10.0),
            ),
            pump_power: points.measure(
                tag("pump_power", "pump.power", "Electrical power of the pump"),
                "kW",
                (0.0, 5.0),
            ),
            chiller_power: points.measure(
                tag("chiller_power", "chiller.power", "Electrical power of the chiller"),
                "kW",
                (0.0, 20.0),
            ),
            second_supply_temperature: points.measure(
                tag("supply_temperature_2", "", "Water to the stations; the second thermometer"),
                "°C",
                (-20.0, 100.0),
            ),
            ambient_temperature: points.measure(
                tag("ambient_temperature", "ambient.temperature", "Air around the chiller's condenser"),
                "°C",
                (-30.0, 60.0),
            ),
            condensing_temperature: points.measure(
                tag(
                    "condensing_temperature",
                    "chiller.condensing_temperature",
                    "Condensing temperature of the chiller",
                ),
                "°C",
                (-20.0, 100.0),
            ),
            level: points.measure(tag("level", "loop.level", "Level of the loop's tank"), "%", (0.0, 100.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_pump_works_at_its_nominal_point_and_a_worn_one_below() {
        let new = Pump::at(0.0, 1.0);
        assert!((new.flow_l_min - FLOW_L_MIN).abs() < 1e-9);
        assert!((new.pressure_bar - PRESSURE_BAR).abs() < 1e-9);
        let worn = Pump::at(1.0, 1.0);
        assert!(worn.flow_l_min < FLOW_MIN_L_MIN);
        assert!(worn.power_w / worn.flow_l_min > 1.05 * new.power_w / new.flow_l_min);
    }

    #[test]
    fn the_afternoon_is_warmest() {
        assert!((daily_mean_c(Timestamp::from_millis(15 * 3_600_000)) - 25.0).abs() < 1e-9);
        assert!((daily_mean_c(Timestamp::from_millis(3 * 3_600_000)) - 19.0).abs() < 1e-9);
    }
}
