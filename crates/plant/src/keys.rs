//! The keys of `plant.toml`, one struct for each table. Ranges and defaults stand here and nowhere else; the doc
//! comments are the descriptions in the JSON Schema.

use std::collections::BTreeMap;

use jiff::civil::Weekday;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use crate::alarms::AlarmKeys;
use crate::genealogy::GenealogyKeys;
use crate::ingest::IngestKeys;
use crate::modbus::ModbusKeys;
use crate::mqtt::MqttKeys;
use crate::opcua::OpcuaKeys;
use crate::open_protocol::OpenProtocolKeys;
use crate::runbook::{ENGLISH, languages_schema};
use crate::schema::{kind_schema, material_schema, name_schema};
use crate::simulated::SimulatedKeys;
use crate::{CsvSettings, Detection, RecipeSettings, SheetMaterial, StationKind, named};

/// Where the line is, after ISA-95, and how it is watched.
#[derive(Debug, Deserialize, JsonSchema)]
pub(crate) struct LineKeys {
    /// The enterprise.
    #[schemars(schema_with = "name_schema")]
    pub(crate) enterprise: String,
    /// The site within the enterprise.
    #[schemars(schema_with = "name_schema")]
    pub(crate) site: String,
    /// The area within the site.
    #[schemars(schema_with = "name_schema")]
    pub(crate) area: String,
    /// The line within the area.
    #[schemars(schema_with = "name_schema")]
    pub(crate) line: String,
    /// How willing the line is to be disturbed, and how the twin learns.
    #[serde(default)]
    pub(crate) detection: DetectionKeys,
    /// How the history of parts is kept.
    #[serde(default)]
    pub(crate) genealogy: GenealogyKeys,
    /// How incidents are told.
    #[serde(default)]
    pub(crate) alarms: AlarmKeys,
    /// When the line works; if absent always, in shifts of `detection.shift_h` from midnight UTC.
    pub(crate) calendar: Option<CalendarKeys>,
    /// The languages that alerts are told in, after ISO 639-1: that of the line, and further ones.
    #[serde(default = "english")]
    #[schemars(schema_with = "languages_schema")]
    pub(crate) languages: Vec<String>,
}

fn english() -> Vec<String> {
    vec![ENGLISH.to_owned()]
}

/// When the line works.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CalendarKeys {
    /// Whose clock the shifts follow: a name of the IANA database, such as `Europe/Berlin`.
    #[schemars(length(min = 1))]
    pub(crate) time_zone: String,
    /// The shifts of a week.
    #[schemars(length(min = 1, max = 50))]
    pub(crate) shift: Vec<ShiftKeys>,
}

/// A shift, as it comes again each week.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ShiftKeys {
    /// Name, unique in the calendar.
    #[schemars(schema_with = "name_schema")]
    pub(crate) name: String,
    /// The days on which it begins.
    #[schemars(length(min = 1, max = 7))]
    pub(crate) days: Vec<DayName>,
    /// When it begins, by the clock of the time zone.
    #[schemars(title = "time such as 06:00", regex(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    pub(crate) start: String,
    /// When it ends; on the next day if that is not after its start.
    #[schemars(title = "time such as 14:00", regex(pattern = "^([01][0-9]|2[0-3]):[0-5][0-9]$"))]
    pub(crate) end: String,
    /// Its breaks, in order.
    #[serde(default)]
    #[schemars(schema_with = "breaks_schema")]
    pub(crate) breaks: Vec<String>,
    /// Good parts it is to make, by variant.
    #[serde(default)]
    pub(crate) planned_output: BTreeMap<String, u32>,
}

/// A day of the week.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(title = "day")]
pub(crate) enum DayName {
    Mon,
    Tue,
    Wed,
    Thu,
    Fri,
    Sat,
    Sun,
}

impl DayName {
    pub(crate) fn weekday(self) -> Weekday {
        match self {
            Self::Mon => Weekday::Monday,
            Self::Tue => Weekday::Tuesday,
            Self::Wed => Weekday::Wednesday,
            Self::Thu => Weekday::Thursday,
            Self::Fri => Weekday::Friday,
            Self::Sat => Weekday::Saturday,
            Self::Sun => Weekday::Sunday,
        }
    }
}

fn breaks_schema(_: &mut SchemaGenerator) -> Schema {
    const TIME: &str = "([01][0-9]|2[0-3]):[0-5][0-9]";
    let pattern = format!("^{TIME}-{TIME}$");
    let one = json_schema!({ "title": "break such as 09:00-09:15", "type": "string", "pattern": pattern });
    json_schema!({ "type": "array", "maxItems": 20, "items": one })
}

/// How willing the line is to be disturbed, and how the twin learns.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct DetectionKeys {
    /// False alarms the whole line may have in a shift, on average.
    #[schemars(range(min = 0.001, max = 1000.0))]
    false_alarms_per_shift: f64,
    /// Length of a shift, hours.
    #[schemars(range(min = 0.1, max = 24.0))]
    shift_h: f64,
    /// Cycles of one variant at one station before their baseline is used.
    #[schemars(range(min = 10, max = 100_000))]
    pub(crate) warm_up_cycles: u32,
    /// How long a link may be down before that is an incident, seconds.
    #[schemars(range(min = 0.0, max = 86_400.0))]
    link_loss_s: f64,
    /// How far a device's clock may be off from that of the host before its times are corrected, seconds.
    #[schemars(range(min = 1.0, max = 86_400.0))]
    clock_off_max_s: f64,
}

impl Default for DetectionKeys {
    fn default() -> Self {
        Self { false_alarms_per_shift: 0.5, shift_h: 8.0, warm_up_cycles: 25, link_loss_s: 10.0, clock_off_max_s: 60.0 }
    }
}

/// As it is if `plant.toml` says nothing.
impl Default for Detection {
    fn default() -> Self {
        DetectionKeys::default().into()
    }
}

impl From<DetectionKeys> for Detection {
    fn from(keys: DetectionKeys) -> Self {
        let DetectionKeys { false_alarms_per_shift, shift_h, warm_up_cycles, link_loss_s, clock_off_max_s } = keys;
        Self { false_alarms_per_shift, shift_h, warm_up_cycles, link_loss_s, clock_off_max_s }
    }
}

/// Something the line builds.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariantKeys {
    /// Name, as a text signal gives it; at most 30 bytes.
    #[schemars(length(min = 1))]
    pub(crate) name: String,
    /// Number, as an integer signal gives it.
    #[schemars(range(min = -9_007_199_254_740_991_i64, max = 9_007_199_254_740_991_i64))]
    pub(crate) code: i64,
    /// How much of what is built is of it, as a weight among all variants; until the twin has seen what comes.
    #[serde(default = "one")]
    #[schemars(range(min = 0.001, max = 1000.0))]
    pub(crate) share: f64,
    /// The station or buffer behind which it leaves the line; at the end if absent.
    pub(crate) leaves_after: Option<String>,
}

/// A place in the line.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StationKeys {
    /// Name, unique in the plant.
    #[schemars(schema_with = "name_schema")]
    pub(crate) name: String,
    /// What it does.
    #[serde(deserialize_with = "named::deserialize")]
    #[schemars(schema_with = "kind_schema")]
    pub(crate) kind: StationKind,
    /// The stations that parts come from.
    #[serde(default)]
    pub(crate) upstream: Vec<String>,
    /// The cooling loops that it depends on.
    #[serde(default)]
    pub(crate) utilities: Vec<String>,
    /// The cycle time it was designed for, seconds. Every kind needs one except `cooling-loop` and `buffer`.
    #[schemars(range(min = 0.1, max = 86_400.0))]
    pub(crate) ideal_cycle_s: Option<f64>,
    /// Parts that a buffer holds; any number if absent. Only for `buffer`.
    #[schemars(range(min = 1, max = 100_000))]
    pub(crate) capacity: Option<u32>,
    /// From a part's leaving the place before to the begin of work on it, or to where it can leave the buffer, seconds; 0 if
    /// absent.
    #[schemars(range(min = 0.0, max = 3600.0))]
    pub(crate) transfer_s: Option<f64>,
    /// Standard deviation of the time at work by design, as a share of its mean; 0.02 if absent.
    #[schemars(range(min = 0.0, max = 2.0))]
    pub(crate) cycle_scatter: Option<f64>,
    /// Mean time at work from one stop to the next by design, minutes; no stops if absent.
    #[schemars(range(min = 0.1, max = 1_000_000.0))]
    pub(crate) mtbf_min: Option<f64>,
    /// Mean time that a stop lasts by design, minutes; goes with `mtbf_min`.
    #[schemars(range(min = 0.001, max = 100_000.0))]
    pub(crate) mttr_min: Option<f64>,
    /// Share of its parts that the station rejects by design; 0 if absent.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub(crate) scrap_share: Option<f64>,
    /// Where a variant has another by design: that, by the variant's name, seconds.
    #[serde(default)]
    #[schemars(schema_with = "cycle_times_schema")]
    pub(crate) variant_cycle_s: BTreeMap<String, f64>,
}

fn one() -> f64 {
    1.0
}

fn cycle_times_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "additionalProperties": { "type": "number", "minimum": 0.1, "maximum": 86_400.0 } })
}

/// Beyond these values of a cycle's feature the part is scrap or must be reworked.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LimitKeys {
    /// Path of the signal, `station/name`.
    pub(crate) signal: String,
    /// Name of the variant it holds for; all if absent.
    pub(crate) variant: Option<String>,
    /// Lowest allowed value, in the signal's unit.
    pub(crate) low: Option<f64>,
    /// Highest allowed value, in the signal's unit.
    pub(crate) high: Option<f64>,
}

/// Signals that measure the same thing, each with a sensor of its own; the twin tells when one parts from the others.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedundantKeys {
    /// Paths of the signals, `station/name`, all of one station and in one unit. Of three or more it can be told which
    /// one is off.
    #[schemars(length(min = 2, max = 8))]
    pub(crate) signals: Vec<String>,
}

/// What a station is set to for a variant, as far as its process model needs to know it and no signal tells.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecipeKeys {
    /// Name of the station.
    pub(crate) station: String,
    /// Name of the variant it holds for; all that have no recipe of their own if absent.
    pub(crate) variant: Option<String>,
    /// Spot weld: what the sheets are made of.
    #[serde(default, deserialize_with = "named::deserialize_option")]
    #[schemars(schema_with = "material_schema")]
    material: Option<SheetMaterial>,
    /// Spot weld: thickness of all sheets together, mm.
    #[schemars(range(min = 0.2, max = 20.0))]
    stack_mm: Option<f64>,
    /// Spot weld: diameter of the electrode's face after dressing, mm.
    #[schemars(range(min = 1.0, max = 30.0))]
    face_mm: Option<f64>,
    /// Spot weld: time of the current flow, ms.
    #[schemars(range(min = 1.0, max = 5000.0))]
    weld_time_ms: Option<f64>,
    /// Spot weld: resistance at the end of the current flow with freshly dressed electrodes, µΩ.
    #[schemars(range(min = 1.0, max = 10000.0))]
    fresh_resistance_uohm: Option<f64>,
    /// Spot weld: smallest diameter of the nugget that is good, mm.
    #[schemars(range(min = 0.5, max = 30.0))]
    nugget_min_mm: Option<f64>,
    /// Tightening: torque from which the angle is counted, N·m.
    #[schemars(range(min = 0.0, max = 100000.0))]
    snug_torque_nm: Option<f64>,
    /// Leak test: volume under pressure, part and hose, l.
    #[schemars(range(min = 0.001, max = 10000.0))]
    test_volume_l: Option<f64>,
    /// Leak test: time over which the loss of pressure is measured, s.
    #[schemars(range(min = 0.1, max = 3600.0))]
    test_time_s: Option<f64>,
}

impl RecipeKeys {
    /// What it sets.
    pub(crate) fn settings(&self) -> RecipeSettings {
        RecipeSettings {
            material: self.material,
            stack_mm: self.stack_mm,
            face_mm: self.face_mm,
            weld_time_ms: self.weld_time_ms,
            fresh_resistance_uohm: self.fresh_resistance_uohm,
            nugget_min_mm: self.nugget_min_mm,
            snug_torque_nm: self.snug_torque_nm,
            test_volume_l: self.test_volume_l,
            test_time_s: self.test_time_s,
        }
    }
}

/// A way to the outside, by protocol. Its name is read with the list; see [`crate::entries`].
#[derive(Debug, Deserialize)]
#[serde(tag = "protocol", rename_all = "lowercase")]
pub(crate) enum LinkKeys {
    Modbus(ModbusKeys),
    Opcua(OpcuaKeys),
    Mqtt(MqttKeys),
    Csv(CsvKeys),
    Http(IngestKeys),
    #[serde(rename = "open-protocol")]
    OpenProtocol(OpenProtocolKeys),
    Simulated(SimulatedKeys),
}

/// CSV files, dropped into a folder.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["folder", "time_column"]))]
pub(crate) struct CsvKeys {
    /// The folder that files are dropped into. The daemon makes `done` and `bad` in it.
    #[schemars(length(min = 1))]
    pub(crate) folder: String,
    /// What stands between two cells.
    #[schemars(title = "comma, semicolon, bar or tab", regex(pattern = "^[,;|\t]$"))]
    pub(crate) delimiter: String,
    /// What stands between the whole part and the decimals of a number.
    #[schemars(title = "point or comma", regex(pattern = "^[.,]$"))]
    pub(crate) decimal_mark: String,
    /// Name of the column with the time of each row.
    #[schemars(length(min = 1))]
    pub(crate) time_column: String,
    /// How times are written: iso, unix-s, unix-ms, unix-us, unix-ns, or a pattern such as "%d.%m.%Y %H:%M:%S".
    pub(crate) time_format: String,
    /// Time zone of times that name no offset from UTC, such as Europe/Berlin; UTC if absent.
    pub(crate) time_zone: Option<String>,
    /// How long a file must have stayed as it is before it is read, seconds.
    #[schemars(range(min = 0.1, max = 3600.0))]
    pub(crate) settle_s: f64,
}

impl Default for CsvKeys {
    fn default() -> Self {
        Self {
            folder: String::new(),
            delimiter: ",".to_owned(),
            decimal_mark: ".".to_owned(),
            time_column: String::new(),
            time_format: "iso".to_owned(),
            time_zone: None,
            settle_s: 2.0,
        }
    }
}

impl From<CsvKeys> for CsvSettings {
    fn from(keys: CsvKeys) -> Self {
        let CsvKeys { folder, delimiter, decimal_mark, time_column, time_format, time_zone, settle_s } = keys;
        let one = |text: &str, default| text.chars().next().unwrap_or(default);
        let (delimiter, decimal_mark) = (one(&delimiter, ','), one(&decimal_mark, '.'));
        Self { folder, delimiter, decimal_mark, time_column, time_format, time_zone, settle_s }
    }
}
