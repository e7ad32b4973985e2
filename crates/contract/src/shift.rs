use ::flow::{Kpis, Loss, LossTree, Made, ShiftReport, Source, StationShift};
use plant::Plant;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rim::{finite, schema_tag};
use crate::{InterventionName, Message, ShareV1, TimeV1};

schema_tag!(ShiftSchema = "linetwin/shift/v1");

/// What a shift came to, or has come to so far: key performance indicators after ISO 22400-2, and where its time went.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShiftV1 {
    /// Version of this message.
    pub schema: ShiftSchema,
    /// The enterprise.
    pub enterprise: String,
    /// The site within the enterprise.
    pub site: String,
    /// The area within the site.
    pub area: String,
    /// The line within the area.
    pub line: String,
    /// Name of the shift; absent without a calendar and between shifts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is a shift; if not, it is the time between two.
    pub is_shift: bool,
    /// When it began.
    pub start: TimeV1,
    /// When it ends, by plan.
    pub end: TimeV1,
    /// Up to when it is accounted for: `end` once it is over.
    pub until: TimeV1,
    /// Parts that have left the line.
    pub produced: u32,
    /// Of these, good ones; absent unless every part was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub good: Option<u32>,
    /// Of these, parts known to be scrap or to need rework.
    pub scrap: u32,
    /// Good parts planned for the whole shift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_output: Option<u32>,
    /// Planned busy time over planned output, seconds a part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub takt_s: Option<f64>,
    /// Parts an hour of planned busy time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub throughput_per_h: Option<f64>,
    /// Overall equipment effectiveness with the line for the work unit; absent unless every part was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oee: Option<f64>,
    /// The same for all parts, good or not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub performance: Option<f64>,
    /// Parts that have left the line, by variant.
    pub made: Vec<MadeV1>,
    /// The station that was the bottleneck most.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bottleneck: Option<String>,
    /// Which stations were the bottleneck, largest share first.
    pub bottlenecks: Vec<ShareV1>,
    /// Its stations with cycles, in the order of the configuration.
    pub stations: Vec<StationShiftV1>,
}

/// Parts of a variant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MadeV1 {
    /// The variant; absent for parts that are not known to be of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Known to be good.
    pub good: u32,
    /// Known to be scrap or to need rework.
    pub scrap: u32,
    /// Nothing tells whether they are good.
    pub unjudged: u32,
}

/// What a station's shift came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StationShiftV1 {
    /// The station.
    pub station: String,
    /// Its indicators.
    pub kpis: KpisV1,
    /// Where its time went.
    pub losses: LossTreeV1,
}

/// Where the time went, from all of it down to what made good parts. The parts add up to `total_s`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LossTreeV1 {
    /// All of the time so far, seconds.
    pub total_s: f64,
    /// What was lost before anything was produced.
    pub losses: Vec<LossV1>,
    /// Production time beyond what was planned for the parts made, seconds; negative if the station was faster.
    pub speed_s: f64,
    /// Planned run time of scrap, seconds.
    pub scrap_s: f64,
    /// Planned run time of parts of which nothing tells whether they are good, seconds.
    pub unjudged_s: f64,
    /// Planned run time of good parts, seconds.
    pub good_s: f64,
}

/// Time that was lost to one thing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LossV1 {
    /// To what.
    pub loss: LossName,
    /// Starved, blocked: by which station, `supply` at the start of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Down, held: what was done meanwhile, if that was reported or seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<InterventionName>,
    /// How much, seconds.
    pub lost_s: f64,
}

/// Where time is lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LossName {
    /// The station was not seen.
    Unseen,
    /// A break, or time between shifts.
    Break,
    /// Stopped with a fault of its own.
    Down,
    /// Held back by something of its own.
    Held,
    /// Set up for another variant.
    Changeover,
    /// Not at work, and not known why.
    Idle,
    /// No part came.
    Starved,
    /// The part was not taken.
    Blocked,
}

impl LossName {
    /// The name as the JSON has it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unseen => "unseen",
            Self::Break => "break",
            Self::Down => "down",
            Self::Held => "held",
            Self::Changeover => "changeover",
            Self::Idle => "idle",
            Self::Starved => "starved",
            Self::Blocked => "blocked",
        }
    }
}

/// The indicators' wire type: the same fields, with `None` and what is not finite left out.
macro_rules! kpis {
    ($($(#[$doc:meta])* $field:ident: $kind:ident $type:ty;)*) => {
        /// Time elements and key performance indicators of a station after ISO 22400-2, of the time in which it was
        /// seen. What is not known is left out.
        #[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
        pub struct KpisV1 {
            $($(#[$doc])* #[serde(skip_serializing_if = "Option::is_none")] pub $field: Option<$type>,)*
        }

        impl KpisV1 {
            /// Names and values, in the order of the fields.
            pub fn named(&self) -> Vec<(&'static str, Option<f64>)> {
                vec![$((stringify!($field), self.$field.map(f64::from)),)*]
            }
        }

        impl From<&Kpis> for KpisV1 {
            fn from(kpis: &Kpis) -> Self {
                Self { $($field: kpis!(@ $kind kpis.$field),)* }
            }
        }
    };
    (@ number $value:expr) => { finite($value) };
    (@ count $value:expr) => { Some($value) };
    (@ maybe $value:expr) => { $value };
}

kpis! {
    /// Planned busy time, PBT, seconds.
    planned_busy_s: number f64;
    /// Actual production time, APT, seconds.
    production_s: number f64;
    /// Of this, the time that parts took on their way in, seconds.
    handover_s: number f64;
    /// Actual unit setup time, AUST, seconds.
    setup_s: number f64;
    /// Actual unit delay time, ADET, seconds.
    delay_s: number f64;
    /// Actual unit down time, ADOT, seconds.
    down_s: number f64;
    /// Actual unit processing time, AUPT, seconds.
    processing_s: number f64;
    /// Actual unit busy time, AUBT, seconds.
    busy_s: number f64;
    /// Planned run time of what was made, the sum of PRI, seconds.
    planned_run_s: number f64;
    /// Produced quantity, PQ.
    produced: count u32;
    /// Good quantity, GQ; absent unless every part was judged.
    good: maybe u32;
    /// Parts known to be scrap or to need rework.
    scrap: count u32;
    /// Failure events, FE.
    failures: count u32;
    /// APT / PBT.
    availability: number f64;
    /// PRI × PQ / APT.
    effectiveness: number f64;
    /// GQ / PQ.
    quality_ratio: number f64;
    /// Availability × effectiveness × quality ratio.
    oee: number f64;
    /// AUPT / PBT × effectiveness × quality ratio.
    nee: number f64;
    /// AUBT / PBT.
    allocation_efficiency: number f64;
    /// APT / AUBT.
    utilization_efficiency: number f64;
    /// APT / (APT + ADET).
    technical_efficiency: number f64;
    /// AUST / AUPT.
    setup_ratio: number f64;
    /// PQ / PBT, parts an hour.
    throughput_per_h: number f64;
    /// APT / FE, seconds.
    between_failures_s: number f64;
    /// Time down with a fault / FE, seconds.
    to_restoration_s: number f64;
}

impl ShiftV1 {
    /// The report of a shift of that plant's line.
    pub fn new(report: &ShiftReport, plant: &Plant) -> Self {
        let line = &report.line;
        let name = |station| plant.station(station).name.clone();
        Self {
            schema: ShiftSchema::V1,
            enterprise: plant.enterprise.clone(),
            site: plant.site.clone(),
            area: plant.area.clone(),
            line: plant.line.clone(),
            name: shift_name(report.shift, plant),
            is_shift: report.shift.is_some(),
            start: report.start.into(),
            end: report.end.into(),
            until: report.until.into(),
            produced: line.produced,
            good: line.good,
            scrap: line.scrap,
            planned_output: line.planned_output,
            takt_s: finite(line.takt_s),
            throughput_per_h: finite(line.throughput_per_h),
            oee: finite(line.oee),
            performance: finite(line.performance),
            made: made(&report.made, plant),
            bottleneck: report.bottleneck().map(name),
            bottlenecks: report.bottlenecks.iter().map(|share| ShareV1::new(share, plant)).collect(),
            stations: report.stations.iter().map(|station| StationShiftV1::new(station, plant)).collect(),
        }
    }
}

impl Message for ShiftV1 {}

fn made(made: &[Made], plant: &Plant) -> Vec<MadeV1> {
    let one = |(variant, made): (usize, &Made)| MadeV1 {
        variant: variant_name(variant, plant),
        good: made.good,
        scrap: made.scrap,
        unjudged: made.unjudged,
    };
    made.iter().enumerate().filter(|(_, made)| made.produced() > 0).map(one).collect()
}

impl StationShiftV1 {
    fn new(shift: &StationShift, plant: &Plant) -> Self {
        Self {
            station: plant.station(shift.station).name.clone(),
            kpis: (&shift.kpis).into(),
            losses: LossTreeV1::new(&shift.losses, plant),
        }
    }
}

fn seconds(nanos: i64) -> f64 {
    nanos as f64 / telemetry::NANOS_PER_SECOND as f64
}

impl LossTreeV1 {
    fn new(tree: &LossTree, plant: &Plant) -> Self {
        Self {
            total_s: seconds(tree.total_ns),
            losses: tree.losses.iter().map(|&(loss, nanos)| LossV1::new(loss, nanos, plant)).collect(),
            speed_s: seconds(tree.speed_ns),
            scrap_s: seconds(tree.scrap_ns),
            unjudged_s: seconds(tree.unjudged_ns),
            good_s: seconds(tree.good_ns),
        }
    }
}

impl LossV1 {
    fn new(loss: Loss, nanos: i64, plant: &Plant) -> Self {
        let (name, by, reason) = match loss {
            Loss::Unseen => (LossName::Unseen, None, None),
            Loss::Break => (LossName::Break, None, None),
            Loss::Down(reason) => (LossName::Down, None, reason),
            Loss::Held(reason) => (LossName::Held, None, reason),
            Loss::Changeover => (LossName::Changeover, None, None),
            Loss::Idle => (LossName::Idle, None, None),
            Loss::Starved(by) => (LossName::Starved, Some(by), None),
            Loss::Blocked(by) => (LossName::Blocked, Some(by), None),
        };
        Self {
            loss: name,
            by: by.map(|source| source_name(source, plant)),
            reason: reason.map(InterventionName::from),
            lost_s: seconds(nanos),
        }
    }
}

/// The name of whom a station waits for.
pub(crate) fn source_name(source: Source, plant: &Plant) -> String {
    match source {
        Source::Supply => "supply".to_owned(),
        Source::Station(station) => plant.station(station).name.clone(),
    }
}

/// The name of a variant, if there is one.
pub(crate) fn variant_name(variant: usize, plant: &Plant) -> Option<String> {
    plant.variants.get(variant).map(|variant| variant.name.clone())
}

/// The name of a shift, if it has one.
pub(crate) fn shift_name(shift: Option<u16>, plant: &Plant) -> Option<String> {
    let calendar = plant.plan.calendar.as_ref()?;
    calendar.shifts.get(usize::from(shift?)).map(|shift| shift.name.clone())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{assert_valid, flow, plant};

    #[test]
    fn a_shift_names_what_is_known_and_leaves_out_the_rest() {
        let json = ShiftV1::new(&flow().past[0], &plant()).to_json();
        assert_valid("shift-v1", &json);
        let shift: serde_json::Value = serde_json::from_str(&json).unwrap();
        let check = |pointer: &str, expected: &str| {
            assert_eq!(
                shift.pointer(pointer).map(ToString::to_string).as_deref(),
                Some(expected),
                "{pointer} of {json}"
            );
        };
        check("/schema", r#""linetwin/shift/v1""#);
        check("/until", r#""2026-11-24T08:00:00Z""#);
        check("/stations/0/station", r#""weld-20""#);
        check("/stations/0/losses/losses/0", r#"{"loss":"unseen","lost_s":28740.0}"#);
        check("/stations/0/losses/speed_s", "2.0");
        check("/stations/0/losses/good_s", "58.0");
        check("/stations/0/kpis/oee", "0.9666666666666667");
        check("/made", r#"[{"good":1,"scrap":0,"unjudged":0,"variant":"EV1"}]"#);
        assert_eq!(shift.pointer("/stations/0/kpis/to_restoration_s"), None, "it has not failed in that shift");
        assert_eq!(shift.pointer("/name"), None, "there is no calendar");
    }

    #[test]
    fn the_parts_of_a_loss_tree_add_up() {
        let shift = ShiftV1::new(&flow().shift.unwrap(), &plant());
        let tree = &shift.stations[0].losses;
        let lost_s: f64 = tree.losses.iter().map(|loss| loss.lost_s).sum();
        assert_eq!(lost_s + tree.speed_s + tree.scrap_s + tree.unjudged_s + tree.good_s, tree.total_s);
        assert_eq!(tree.total_s, 10.0);
    }
}
