use crate::board::{StationPoints, tag};
use crate::process::{Cycle, Floor, Lots, Process};
use crate::random::{Random, Wander};
use crate::truth::{Bound, Truth};
use crate::variant::{Part, Variant};
use crate::{Fault, PointId};

/// Resistance spot welding of zinc-coated steel with a constant-current inverter.
///
/// Typical values after ISO 14373 (schedules: about 3 kN and 9 to 10 kA for 2 × 1.2 mm), ISO 5821 (6 mm face) and
/// Zhang and Senkara, Resistance Welding, 2nd ed., ch. 2 to 4 (terms of the resistance, growth of the face by alloying
/// with zinc, roughly 0.1 to 1 mm in a thousand welds). The heat is I²Rt by definition.
pub(crate) struct SpotWeld {
    points: WeldPoints,
    random: Random,
    sensors: Random,
    /// What the weld controller finds in the curve of a spot.
    curves: Random,
    /// Noise of the curve itself.
    traces: Random,
    expulsions: u32,
    /// Speed of this station, as a share of the schedule's cycle.
    pace: f64,
    schedule: Schedule,
    /// Diameter of the electrode's face, mm.
    face_mm: f64,
    parts_since_dress: u32,
    coils: Lots,
    /// Whether the sheets are of the bad coil.
    is_rough: bool,
    /// Heat in the gun that the water has not taken yet, J.
    stored_j: f64,
    water_out_c: f64,
    water_flow_l_min: f64,
    valve: Wander,
    /// Slow variation of the sheets' surface from coil to coil.
    surface: Wander,
    air_line: Wander,
}

struct WeldPoints {
    current: PointId,
    resistance: PointId,
    force: PointId,
    energy: PointId,
    tool_life: PointId,
    water_flow: PointId,
    water_temperature: PointId,
    resistance_peak: PointId,
    peak_time: PointId,
    expulsions: PointId,
    coil: PointId,
    curve: Option<CurvePoints>,
}

/// The curve of a spot as the controller records it.
#[derive(Clone, Copy)]
struct CurvePoints {
    voltage: PointId,
    current: PointId,
}

/// How the spots of one variant are welded.
#[derive(Clone, Copy)]
struct Schedule {
    /// The thinner sheet of the two, mm.
    sheet_mm: f64,
    current_ka: f64,
    weld_s: f64,
    force_kn: f64,
    spots: u32,
    cycle_s: f64,
}

impl Schedule {
    fn of(variant: Variant) -> Self {
        match variant {
            Variant::EvStd => {
                Self { sheet_mm: 1.2, current_ka: 9.6, weld_s: 0.28, force_kn: 3.0, spots: 10, cycle_s: 38.0 }
            }
            Variant::EvLong => {
                Self { sheet_mm: 1.5, current_ka: 10.6, weld_s: 0.34, force_kn: 3.5, spots: 11, cycle_s: 39.5 }
            }
            Variant::EvCity => {
                Self { sheet_mm: 1.0, current_ka: 8.9, weld_s: 0.24, force_kn: 2.7, spots: 10, cycle_s: 37.0 }
            }
            Variant::Ice => {
                Self { sheet_mm: 0.8, current_ka: 8.2, weld_s: 0.20, force_kn: 2.3, spots: 9, cycle_s: 36.0 }
            }
        }
    }

    /// Heat of a spot with a fresh electrode, J.
    fn nominal_heat_j(&self) -> f64 {
        heat_j(self.current_ka, resistance_uohm(self.sheet_mm, FACE_NEW_MM, self.force_kn), self.weld_s)
    }
}

const FACE_NEW_MM: f64 = 6.0;
/// Growth of the face per spot, mm: 0.2 mm between two dressings.
const GROWTH_MM: f64 = 0.2 / (PARTS_PER_DRESS as f64 * 10.0);
/// How much faster a face grows that alloys and mushrooms, and what dressing then leaves of the excess.
const FAULT_GROWTH: f64 = 3.5;
const FAULT_EXCESS_LEFT: f64 = 0.4;
/// What a gun without air pressure loses of its force.
const FORCE_LOSS: f64 = 0.15;
/// Expulsions in a hundred spots of the schedule; how they grow e-fold with the heat, and with less force.
const USUAL_EXPULSIONS: f64 = 0.012;
const EXPULSION_HEAT: f64 = 10.0;
const EXPULSION_FORCE: f64 = 8.0;
/// Parts whose sheets come from one coil, and what a rough coating makes of their resistance.
const PARTS_PER_COIL: u32 = 90;
const ROUGH_COATING: f64 = 1.05;
const PARTS_PER_DRESS: u32 = 150;
const DRESS_S: f64 = 7.0;

const GUN_FLOW_L_MIN: f64 = 6.0;
const WATER_HEAT_J_KG_K: f64 = 4186.0;
/// Heat to the gun's water per joule in the weld: electrodes, shanks, cables and transformer.
const GUN_HEAT_PER_WELD: f64 = 2.2;
const GUN_TIME_CONSTANT_S: f64 = 25.0;
/// Of the gun's heat, the share that passes the electrode, and its thermal resistance at full flow, K/W.
const ELECTRODE_HEAT_SHARE: f64 = 0.3;
const ELECTRODE_K_PER_W: f64 = 0.12;
/// The electrode's usual temperature, °C, and by how much more its wear grows e-fold.
const ELECTRODE_USUAL_C: f64 = 74.0;
const SOFTENING_K: f64 = 38.0;

/// Resistance of the stack at the end of the current flow, µΩ: hot bulk of two sheets, with the current spreading by
/// half a sheet's thickness, and what remains of the contacts.
fn resistance_uohm(sheet_mm: f64, face_mm: f64, force_kn: f64) -> f64 {
    const HOT_STEEL_UOHM_MM: f64 = 900.0;
    const CONTACTS_UOHM: f64 = 35.0;
    let diameter_mm = face_mm + 0.5 * sheet_mm;
    let area_mm2 = std::f64::consts::FRAC_PI_4 * diameter_mm * diameter_mm;
    let bulk = HOT_STEEL_UOHM_MM * 2.0 * sheet_mm / area_mm2;
    let contacts = CONTACTS_UOHM * libm::pow(3.0 / force_kn, 0.8) * FACE_NEW_MM / face_mm;
    bulk + contacts
}

/// Resistance at the peak of the curve, µΩ: the contacts are still cold where the bulk is hot already.
fn peak_uohm(sheet_mm: f64, face_mm: f64, force_kn: f64) -> f64 {
    const COLD_CONTACTS: f64 = 0.55;
    resistance_uohm(sheet_mm, face_mm, force_kn) + COLD_CONTACTS * 35.0 * libm::pow(3.0 / force_kn, 1.2)
}

/// From the begin of the current to the peak, ms: a third of the weld time at the nominal heat.
fn peak_time_ms(weld_s: f64, heat: f64) -> f64 {
    1000.0 * weld_s / 3.0 * libm::pow(heat, -1.2)
}

/// From one sample of a spot's curve to the next, s.
const SAMPLE_S: f64 = 0.0125;
/// What the contacts have besides, cold and rough, at the begin of the current, µΩ, and how fast they break down, s.
const COLD_CONTACT_UOHM: f64 = 80.0;
const BREAKDOWN_S: f64 = 0.012;
/// Of the peak, what the cold bulk has; what an expulsion takes at once.
const COLD_BULK: f64 = 0.72;
const EXPELLED: f64 = 0.12;

/// The dynamic resistance of a spot.
struct Curve {
    weld_s: f64,
    current_ka: f64,
    contact_uohm: f64,
    peak_uohm: f64,
    peak_s: f64,
    end_uohm: f64,
    expels_s: Option<f64>,
}

impl Curve {
    /// Contacts that break down, over a bulk that heats up to the peak and then gives way to the nugget.
    fn resistance_uohm(&self, after_s: f64) -> f64 {
        let contact = self.contact_uohm * libm::exp(-after_s / BREAKDOWN_S);
        let bulk = if after_s < self.peak_s {
            let left = 1.0 - after_s / self.peak_s;
            self.peak_uohm * (1.0 - (1.0 - COLD_BULK) * left * left)
        } else {
            let melted = (after_s - self.peak_s) / (self.weld_s - self.peak_s).max(SAMPLE_S);
            self.peak_uohm + (self.end_uohm - self.peak_uohm) * libm::pow(melted, 1.2)
        };
        let is_expelled = self.expels_s.is_some_and(|expels_s| after_s >= expels_s);
        contact + if is_expelled { (1.0 - EXPELLED) * bulk } else { bulk }
    }
}

fn heat_j(current_ka: f64, resistance_uohm: f64, weld_s: f64) -> f64 {
    current_ka * current_ka * resistance_uohm * weld_s
}

/// Diameter of the nugget, mm. `heat` is the heat per area of the face as a share of its nominal; below
/// [`NO_NUGGET_HEAT`] nothing melts, and at the nominal the nugget has 5.5·√t.
fn nugget_mm(sheet_mm: f64, heat: f64) -> f64 {
    const NO_NUGGET_HEAT: f64 = 0.45;
    5.5 * sheet_mm.sqrt() * ((heat - NO_NUGGET_HEAT) / (1.0 - NO_NUGGET_HEAT)).max(0.0).sqrt()
}

impl SpotWeld {
    /// `pace` is the station's speed, as a share of the schedule's cycle; `records` whether its controller publishes curves.
    pub(crate) fn new(points: &mut StationPoints<'_>, pace: f64, records: bool, seed: u64) -> Self {
        let mut random = Random::new(seed, &format!("{} spots", points.station));
        let mut sensors = Random::new(seed, &format!("{} water", points.station));
        let parts_since_dress = random.between(0.0, f64::from(PARTS_PER_DRESS)) as u32;
        Self {
            points: WeldPoints::new(points, records),
            pace,
            schedule: Schedule::of(Variant::EvStd),
            face_mm: FACE_NEW_MM + 10.0 * GROWTH_MM * f64::from(parts_since_dress),
            parts_since_dress,
            coils: Lots::new("C", 4711, PARTS_PER_COIL),
            is_rough: false,
            stored_j: 0.0,
            water_out_c: 20.0,
            water_flow_l_min: GUN_FLOW_L_MIN,
            valve: Wander::new(0.006, 1800.0, &mut sensors),
            surface: Wander::new(0.004, 2400.0, &mut sensors),
            air_line: Wander::new(0.006, 300.0, &mut sensors),
            random,
            sensors,
            curves: Random::new(seed, &format!("{} curves", points.station)),
            traces: Random::new(seed, &format!("{} traces", points.station)),
            expulsions: 0,
        }
    }

    /// What the water takes now, W.
    fn water_heat_w(&self) -> f64 {
        self.stored_j / GUN_TIME_CONSTANT_S
    }

    /// Temperature of the electrode's body, °C. The resistance to the water goes with its speed to the power of 0.8
    /// (Dittus and Boelter).
    fn electrode_c(&self) -> f64 {
        let to_water = ELECTRODE_K_PER_W * libm::pow(GUN_FLOW_L_MIN / self.water_flow_l_min, 0.8);
        self.water_out_c + ELECTRODE_HEAT_SHARE * self.water_heat_w() * to_water
    }

    /// How much faster a hot electrode wears.
    fn softening(&self) -> f64 {
        libm::exp((self.electrode_c() - ELECTRODE_USUAL_C) / SOFTENING_K)
    }

    /// Records the curve of a spot that has just ended, and the rest after it.
    fn record(&mut self, curve: &Curve, floor: &mut Floor<'_>) {
        let Some(points) = self.points.curve else { return };
        let now = floor.faults.now;
        let samples = (curve.weld_s / SAMPLE_S) as u32;
        for sample in 0..=samples {
            let after_s = f64::from(sample) * SAMPLE_S;
            let at = now.plus_seconds(after_s - curve.weld_s - SAMPLE_S);
            let current_ka = curve.current_ka * self.traces.factor(0.003);
            let voltage = current_ka * curve.resistance_uohm(after_s) / 1000.0 * self.traces.factor(0.004);
            floor.board.record(points.voltage, at, voltage);
            floor.board.record(points.current, at, current_ka);
        }
        floor.board.record(points.voltage, now, 0.0);
        floor.board.record(points.current, now, 0.0);
    }

    fn grow_face(&mut self, fault: f64) {
        self.face_mm += GROWTH_MM * self.softening() * (1.0 + (FAULT_GROWTH - 1.0) * fault);
    }
}

impl WeldPoints {
    fn new(points: &mut StationPoints<'_>, records: bool) -> Self {
        Self {
            current: points.measure(
                tag("current", "weld.current", "Welding current (RMS) of the last spot"),
                "kA",
                (0.0, 20.0),
            ),
            resistance: points.measure(
                tag("resistance", "weld.resistance", "Resistance at the end of the last spot"),
                "µΩ",
                (0.0, 500.0),
            ),
            force: points.measure(tag("force", "weld.force", "Electrode force of the last spot"), "kN", (0.0, 8.0)),
            energy: points.measure(tag("energy", "weld.energy", "Heat input of the last spot"), "J", (0.0, 20_000.0)),
            tool_life: points.counter(tag("tool_life", "tool.life", "Parts welded since the last tip dress")),
            water_flow: points.measure_scaled(
                tag("water_flow", "gun.water_flow", "Cooling water through the gun"),
                "l/min",
                (0.0, 20.0),
                0.01,
            ),
            water_temperature: points.measure_scaled(
                tag("water_temperature", "gun.water_temperature", "Cooling water leaving the gun"),
                "°C",
                (0.0, 100.0),
                0.1,
            ),
            resistance_peak: points.measure(
                tag("resistance_peak", "weld.resistance_peak", "Highest resistance in the curve of the last spot"),
                "µΩ",
                (0.0, 500.0),
            ),
            peak_time: points.measure(
                tag("peak_time", "weld.peak_time", "Time to the highest resistance of the last spot"),
                "ms",
                (0.0, 1000.0),
            ),
            expulsions: points.counter(tag("expulsions", "weld.expulsions", "Spots with expulsion on the part so far")),
            coil: points.text(tag("coil", "material.lot", "Coil that the sheets in the station were cut from")),
            curve: records.then(|| CurvePoints {
                voltage: points.measure_recorded(
                    tag("voltage_trace", "weld.voltage_trace", "Voltage between the electrodes over a spot"),
                    "V",
                    (0.0, 10.0),
                ),
                current: points.measure_recorded(
                    tag("current_trace", "weld.current_trace", "Welding current over a spot"),
                    "kA",
                    (0.0, 20.0),
                ),
            }),
        }
    }
}

impl Process for SpotWeld {
    fn begin(&mut self, part: Part, floor: &mut Floor<'_>) -> Cycle {
        self.schedule = Schedule::of(part.variant);
        self.expulsions = 0;
        // All sheets are of one delivery, whichever station the fault is planned for.
        self.is_rough = floor.faults.severity(Fault::SheetLot, Fault::SheetLot.targets()[0]) > 0.0;
        floor.board.set_text(self.points.coil, self.coils.take(self.is_rough));
        let length_s = self.schedule.cycle_s * self.pace * self.random.factor(0.012);
        Cycle { length_s, operations: self.schedule.spots }
    }

    fn operate(&mut self, index: u32, floor: &mut Floor<'_>) {
        let schedule = self.schedule;
        let current_ka = schedule.current_ka * self.random.factor(0.004);
        let air = (1.0 + self.air_line.value()) * (1.0 - FORCE_LOSS * floor.severity(Fault::ForceLoss));
        let force_kn = schedule.force_kn * air * self.random.factor(0.010);
        // Where a spot sits decides its fit-up and its shunt; that is the same on every part.
        let place = 1.0 + 0.012 * libm::sin(2.4 * f64::from(index));
        let hot_contact = 1.0 - 0.0005 * (self.electrode_c() - ELECTRODE_USUAL_C);
        let rough = if self.is_rough { ROUGH_COATING } else { 1.0 };
        let sheets = rough * place * hot_contact * (1.0 + self.surface.value()) * self.random.factor(0.013);
        let resistance = resistance_uohm(schedule.sheet_mm, self.face_mm, force_kn) * sheets;
        let heat_j = heat_j(current_ka, resistance, schedule.weld_s);

        let face_area = (self.face_mm / FACE_NEW_MM) * (self.face_mm / FACE_NEW_MM);
        let heat = heat_j / schedule.nominal_heat_j() / face_area;
        let nugget_mm = nugget_mm(schedule.sheet_mm, heat);
        floor.require("nugget_diameter_mm", nugget_mm, Bound::AtLeast(4.0 * schedule.sheet_mm.sqrt()));

        let lack = 1.0 - force_kn / schedule.force_kn;
        let expelled = USUAL_EXPULSIONS * libm::exp(EXPULSION_HEAT * (heat - 1.0) + EXPULSION_FORCE * lack);
        let is_expelled = self.curves.uniform() < expelled;
        self.expulsions += u32::from(is_expelled);
        let peak = peak_uohm(schedule.sheet_mm, self.face_mm, force_kn) * sheets * self.curves.factor(0.012);
        let peak_ms = peak_time_ms(schedule.weld_s, heat) * self.curves.factor(0.02);

        let curve = Curve {
            weld_s: schedule.weld_s,
            current_ka,
            contact_uohm: COLD_CONTACT_UOHM * libm::pow(3.0 / force_kn, 0.8) * sheets,
            peak_uohm: peak,
            peak_s: peak_ms / 1000.0,
            end_uohm: resistance,
            expels_s: is_expelled.then_some(0.8 * schedule.weld_s),
        };
        self.record(&curve, floor);
        self.stored_j += GUN_HEAT_PER_WELD * heat_j;
        self.grow_face(floor.severity(Fault::ElectrodeWear));

        let points = &self.points;
        floor.board.set(points.current, current_ka * self.random.factor(0.002));
        floor.board.set(points.force, force_kn * self.random.factor(0.005));
        floor.board.set(points.resistance, resistance * self.random.factor(0.004));
        floor.board.set(points.energy, heat_j * self.random.factor(0.003));
        floor.board.set(points.resistance_peak, peak);
        floor.board.set(points.peak_time, peak_ms);
        floor.board.set_count(points.expulsions, self.expulsions);
        if index + 1 == schedule.spots {
            self.parts_since_dress += 1;
            floor.board.set_count(points.tool_life, self.parts_since_dress);
        }
    }

    fn elapse(&mut self, seconds: f64, floor: &mut Floor<'_>) {
        for slow in [&mut self.valve, &mut self.surface, &mut self.air_line] {
            slow.elapse(seconds, &mut self.sensors);
        }
        let restriction = 1.0 - 0.5 * floor.severity(Fault::WaterRestriction);
        let water = floor.surroundings;
        self.water_flow_l_min = GUN_FLOW_L_MIN * water.water_flow * (1.0 + self.valve.value()) * restriction;
        let heat_w = self.water_heat_w();
        self.stored_j -= heat_w * seconds;
        let kg_s = self.water_flow_l_min / 60.0;
        let settled_c = water.water_c + heat_w / (kg_s * WATER_HEAT_J_KG_K);
        self.water_out_c += (settled_c - self.water_out_c) * seconds / 10.0;
        floor.board.set(self.points.water_flow, self.water_flow_l_min * self.sensors.factor(0.004));
        floor.board.set(self.points.water_temperature, self.water_out_c + 0.08 * self.sensors.normal());
    }

    fn heat_w(&self) -> f64 {
        self.water_heat_w()
    }

    fn service_s(&mut self, floor: &mut Floor<'_>) -> f64 {
        if self.parts_since_dress < PARTS_PER_DRESS {
            return 0.0;
        }
        floor.tell(Truth::TipDressed { station: floor.station, parts: self.parts_since_dress });
        let sick = if floor.severity(Fault::ElectrodeWear) > 0.0 { FAULT_EXCESS_LEFT } else { 0.0 };
        self.face_mm = FACE_NEW_MM + sick * (self.face_mm - FACE_NEW_MM) + 0.015 * self.random.uniform();
        self.parts_since_dress = 0;
        floor.board.set_count(self.points.tool_life, 0);
        DRESS_S + self.random.between(0.0, 2.0)
    }
}
