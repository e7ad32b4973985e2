use std::fmt;

use telemetry::{LinkId, SignalId, Value};

use crate::{
    AlarmPolicy, FlowDesign, Genealogy, IngestSettings, OpcuaSettings, OpenProtocolSettings, Plan, Role, Runbook,
    SimulatedSettings,
};

/// A station of the line: dense from 0, in configuration order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct StationId(pub u16);

impl StationId {
    /// The id as an index into [`Plant::stations`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// One line and all that the twin must know of it. Named after ISA-95: enterprise / site / area / line / station.
/// The default has nothing on it yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plant {
    /// The enterprise.
    pub enterprise: String,
    /// The site within the enterprise.
    pub site: String,
    /// The area within the site.
    pub area: String,
    /// The line within the area.
    pub line: String,
    /// What the line builds.
    pub variants: Vec<Variant>,
    /// The links, by [`LinkId`].
    pub links: Vec<Link>,
    /// The stations, by [`StationId`].
    pub stations: Vec<Station>,
    /// The signals, by [`SignalId`]; sorted by station, then name.
    pub signals: Vec<Signal>,
    /// Process limits, in configuration order.
    pub limits: Vec<Limit>,
    /// Groups of signals that measure the same, in configuration order; a signal is in one at most.
    pub redundant: Vec<Redundant>,
    /// What stations are set to, in configuration order; one for each station and variant at most.
    pub recipes: Vec<Recipe>,
    /// How willing the line is to be disturbed.
    pub detection: Detection,
    /// How the history of parts is kept.
    pub genealogy: Genealogy,
    /// How incidents are told.
    pub alarms: AlarmPolicy,
    /// How parts flow through the line by its design.
    pub flow: FlowDesign,
    /// What the line is planned to do.
    pub plan: Plan,
    /// What its people are told, and in which languages.
    pub runbook: Runbook,
}

impl Plant {
    /// The link with that id. Ids come from this plant, so it is there.
    pub fn link(&self, id: LinkId) -> &Link {
        &self.links[id.index()]
    }

    /// The station with that id.
    pub fn station(&self, id: StationId) -> &Station {
        &self.stations[id.index()]
    }

    /// The signal with that id.
    pub fn signal(&self, id: SignalId) -> &Signal {
        &self.signals[id.index()]
    }

    /// The signals of a station, in name order.
    pub fn signals_of(&self, station: StationId) -> impl Iterator<Item = &Signal> {
        self.signals.iter().filter(move |signal| signal.station == station)
    }

    /// The station's signal in that role, if it has one.
    pub fn signal_in_role(&self, station: StationId, role: Role) -> Option<&Signal> {
        self.signals_of(station).find(|signal| signal.role == role)
    }

    /// What a station is set to for a variant: its own recipe, or that for all variants; empty if there is neither.
    pub fn recipe(&self, station: StationId, variant: Option<usize>) -> RecipeSettings {
        let of = |variant: Option<usize>| {
            self.recipes.iter().find(|recipe| (recipe.station, recipe.variant) == (station, variant))
        };
        of(variant).or_else(|| of(None)).map_or_else(RecipeSettings::default, |recipe| recipe.settings)
    }

    /// Whether parts of that variant leave the line at the end of that station: behind it, or behind the buffer that it
    /// fills.
    pub fn is_last(&self, station: StationId, variant: Option<usize>) -> bool {
        let of_variant = variant.and_then(|variant| self.flow.variants.get(variant)?.leaves_after);
        match of_variant.map(|place| self.station(place)) {
            Some(place) if place.kind == StationKind::Buffer => place.upstream.contains(&station),
            Some(place) => place.id == station,
            None => self.stations.iter().all(|other| !other.upstream.contains(&station)),
        }
    }

    /// Whether parts come to a station after they were at the other, directly or by way of others.
    pub fn is_upstream(&self, station: StationId, of: StationId) -> bool {
        let (mut seen, mut next) = (vec![of], 0);
        while let Some(&place) = seen.get(next) {
            let more = self.station(place).upstream.iter().filter(|&upstream| !seen.contains(upstream));
            let more: Vec<StationId> = more.copied().collect();
            if more.contains(&station) {
                return true;
            }
            seen.extend(more);
            next += 1;
        }
        false
    }

    /// The time that a part of that variant may take at a station by design, seconds: the planned run time per item of
    /// ISO 22400-2; `None` where the station has no cycles.
    pub fn planned_cycle_s(&self, station: StationId, variant: Option<usize>) -> Option<f64> {
        let own = variant.and_then(|variant| self.plan.variant_cycle_s.get(&(station, variant)));
        own.copied().or(self.station(station).ideal_cycle_s)
    }

    /// The variant that a value of a `variant` signal means: by name if it is a text, by code if it is a number.
    pub fn variant_of(&self, value: Value) -> Option<usize> {
        self.variants.iter().position(|variant| match value {
            Value::Symbol(name) => name.as_str() == variant.name,
            Value::Integer(code) => code == variant.code,
            Value::Float(code) => code == variant.code as f64,
            Value::Boolean(_) => false,
        })
    }
}

/// Something the line builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variant {
    /// Its name, as a text signal gives it.
    pub name: String,
    /// Its number, as an integer signal gives it.
    pub code: i64,
}

/// Where a piece of configuration was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Origin {
    /// File, relative to the configuration folder; or `environment`, `command line`.
    pub file: String,
    /// Line in the file, from 1; 0 where there is none.
    pub line: u32,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => f.write_str(&self.file),
            line => write!(f, "{}:{line}", self.file),
        }
    }
}

/// A way to the outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// Its name, unique in the plant.
    pub name: String,
    /// Protocol and settings.
    pub settings: LinkSettings,
    /// Where it was configured.
    pub origin: Origin,
}

impl Link {
    /// Whether silence about a signal means that its value holds, and not that nothing was measured: the device tells
    /// changes only. An MQTT publisher may do either, so there silence counts as a missing value. Of what is simulated nothing
    /// can be missing.
    pub fn tells_only_changes(&self) -> bool {
        matches!(self.settings, LinkSettings::Opcua(_) | LinkSettings::Simulated(_))
    }

    /// Whether what lies between a value's own time and its receipt says how far the device's clock is off. Of files it says
    /// when they were put there.
    pub fn shows_clocks(&self) -> bool {
        !matches!(self.settings, LinkSettings::Csv(_) | LinkSettings::Http(_))
    }
}

/// Protocol of a link, with that protocol's settings.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkSettings {
    /// Modbus, polled.
    Modbus(crate::ModbusSettings),
    /// OPC UA, subscribed.
    Opcua(OpcuaSettings),
    /// MQTT 5 or 3.1.1, subscribed.
    Mqtt(crate::MqttSettings),
    /// CSV files, dropped into a folder.
    Csv(CsvSettings),
    /// Rows that are posted over HTTP.
    Http(IngestSettings),
    /// Open Protocol, as tightening controllers speak it.
    OpenProtocol(OpenProtocolSettings),
    /// Simulated sources by name.
    Simulated(SimulatedSettings),
}

/// What the files in a folder look like.
#[derive(Debug, Clone, PartialEq)]
pub struct CsvSettings {
    /// The folder.
    pub folder: String,
    /// What stands between two cells; one of the ASCII characters.
    pub delimiter: char,
    /// What stands between the whole part and the decimals of a number.
    pub decimal_mark: char,
    /// Name of the column with the time of each row.
    pub time_column: String,
    /// How times are written: iso, unix-s, unix-ms, unix-us, unix-ns, or a pattern of `strptime`.
    pub time_format: String,
    /// Time zone of times that name no offset from UTC; UTC without one.
    pub time_zone: Option<String>,
    /// How long a file must have stayed as it is before it is read, seconds.
    pub settle_s: f64,
}

/// A place in the line.
#[derive(Debug, Clone, PartialEq)]
pub struct Station {
    /// Its id.
    pub id: StationId,
    /// Its name, unique in the plant.
    pub name: String,
    /// What it does.
    pub kind: StationKind,
    /// The stations that parts come from.
    pub upstream: Vec<StationId>,
    /// The cooling loops and the like that it depends on.
    pub utilities: Vec<StationId>,
    /// The cycle time it was designed for, seconds; `None` where it has no cycles.
    pub ideal_cycle_s: Option<f64>,
    /// Where it was configured.
    pub origin: Origin,
}

/// What a station does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum StationKind {
    /// Resistance spot welding.
    SpotWeld,
    /// Laser welding of tabs and busbars.
    LaserWeld,
    /// Battery-pack assembly: tightening, dispensing, leak test, end-of-line electrical test, as its roles say.
    PackAssembly,
    /// A coolant loop with pump and chiller; a utility of other stations.
    CoolingLoop,
    /// A handling robot.
    Robot,
    /// A store of parts between stations.
    Buffer,
}

impl StationKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::SpotWeld, Self::LaserWeld, Self::PackAssembly, Self::CoolingLoop, Self::Robot, Self::Buffer];

    /// The kind's name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SpotWeld => "spot-weld",
            Self::LaserWeld => "laser-weld",
            Self::PackAssembly => "pack-assembly",
            Self::CoolingLoop => "cooling-loop",
            Self::Robot => "robot",
            Self::Buffer => "buffer",
        }
    }
}

/// One value that a device gives.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// Its id.
    pub id: SignalId,
    /// Its path within the line, `station/name`; unique, and how recordings name it.
    pub path: String,
    /// The station it belongs to.
    pub station: StationId,
    /// What it means.
    pub role: Role,
    /// The link it comes over.
    pub link: LinkId,
    /// Where it is at the device, in the words of the link's protocol.
    pub address: String,
    /// How the device encodes it.
    pub data_type: DataType,
    /// How a Modbus device orders the bytes of a value that spans registers.
    pub word_order: WordOrder,
    /// The poll group of its Modbus link that it is in, if it is in one.
    pub poll: Option<String>,
    /// How its OPC UA server is to look at it, where that is other than its link says.
    pub sampling: crate::Sampling,
    /// Unit of the scaled value; empty where it has none.
    pub unit: String,
    /// Scaled value = raw value × `scale` + `offset`.
    pub scale: f64,
    /// See `scale`; in `unit`.
    pub offset: f64,
    /// Lowest value the sensor can give, in `unit`.
    pub range_low: Option<f64>,
    /// Highest value the sensor can give, in `unit`.
    pub range_high: Option<f64>,
    /// The longest that it may give no usable value while its link is up, seconds; `None` where silence is normal.
    pub stale_after_s: Option<f64>,
    /// Where it was configured.
    pub origin: Origin,
}

/// How a device encodes a value. OPC UA and MQTT carry their own types; there it says what to convert to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DataType {
    /// A condition.
    Bool,
    /// 8-bit unsigned integer.
    U8,
    /// 8-bit signed integer.
    I8,
    /// 16-bit unsigned integer.
    U16,
    /// 16-bit signed integer.
    I16,
    /// 32-bit unsigned integer.
    U32,
    /// 32-bit signed integer.
    I32,
    /// 64-bit unsigned integer.
    U64,
    /// 64-bit signed integer.
    I64,
    /// 32-bit IEEE 754 number.
    F32,
    /// 64-bit IEEE 754 number.
    F64,
    /// Text.
    Text,
}

impl DataType {
    /// Every type.
    pub const ALL: [Self; 12] = [
        Self::Bool,
        Self::U8,
        Self::I8,
        Self::U16,
        Self::I16,
        Self::U32,
        Self::I32,
        Self::U64,
        Self::I64,
        Self::F32,
        Self::F64,
        Self::Text,
    ];

    /// The type's name in a tag list.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "u8",
            Self::I8 => "i8",
            Self::U16 => "u16",
            Self::I16 => "i16",
            Self::U32 => "u32",
            Self::I32 => "i32",
            Self::U64 => "u64",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Text => "text",
        }
    }
}

/// Order of the bytes of a 32-bit value A B C D (A most significant) in two Modbus registers; 64-bit values likewise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum WordOrder {
    /// Big-endian words, big-endian bytes: what the standard implies.
    #[default]
    Abcd,
    /// Words swapped.
    Cdab,
    /// Bytes swapped within each word.
    Badc,
    /// Both swapped: little-endian.
    Dcba,
}

impl WordOrder {
    /// Every order.
    pub const ALL: [Self; 4] = [Self::Abcd, Self::Cdab, Self::Badc, Self::Dcba];

    /// The order's name in a tag list.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Abcd => "abcd",
            Self::Cdab => "cdab",
            Self::Badc => "badc",
            Self::Dcba => "dcba",
        }
    }
}

/// Beyond these values of a cycle's feature the part is scrap or must be reworked.
#[derive(Debug, Clone, PartialEq)]
pub struct Limit {
    /// The signal whose values in the cycle count.
    pub signal: SignalId,
    /// The variant it holds for, by index into [`Plant::variants`]; all if `None`.
    pub variant: Option<usize>,
    /// Lowest allowed value, in the signal's unit.
    pub low: Option<f64>,
    /// Highest allowed value, in the signal's unit.
    pub high: Option<f64>,
}

/// Signals that measure the same thing, each with a sensor of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redundant {
    /// The station of all of them.
    pub station: StationId,
    /// The signals, two or more, in configuration order; numbers in one unit.
    pub signals: Vec<SignalId>,
}

/// What a station is set to for a variant.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// The station.
    pub station: StationId,
    /// The variant it holds for, by index into [`Plant::variants`]; all that have none of their own if `None`.
    pub variant: Option<usize>,
    /// To what.
    pub settings: RecipeSettings,
}

/// What process models need to know and no signal tells; `None` where it is not known.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct RecipeSettings {
    /// Spot weld: what the sheets are made of.
    pub material: Option<SheetMaterial>,
    /// Spot weld: thickness of all sheets together, mm.
    pub stack_mm: Option<f64>,
    /// Spot weld: diameter of the electrode's face after dressing, mm.
    pub face_mm: Option<f64>,
    /// Spot weld: time of the current flow, ms.
    pub weld_time_ms: Option<f64>,
    /// Spot weld: resistance at the end of the current flow with freshly dressed electrodes, µΩ.
    pub fresh_resistance_uohm: Option<f64>,
    /// Spot weld: smallest diameter of the nugget that is good, mm; ISO 14373 and many plants ask for 3.5·√t to 4·√t.
    pub nugget_min_mm: Option<f64>,
    /// Tightening: torque from which the angle is counted, N·m.
    pub snug_torque_nm: Option<f64>,
    /// Leak test: volume under pressure, part and hose, l.
    pub test_volume_l: Option<f64>,
    /// Leak test: time over which the loss of pressure is measured, s.
    pub test_time_s: Option<f64>,
}

/// What sheets are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SheetMaterial {
    /// Low-carbon and high-strength steel, bare or coated.
    Steel,
    /// Aluminium and its alloys.
    Aluminium,
}

impl SheetMaterial {
    /// Every material.
    pub const ALL: [Self; 2] = [Self::Steel, Self::Aluminium];

    /// The material's name in the configuration.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steel => "steel",
            Self::Aluminium => "aluminium",
        }
    }
}

/// How willing the line is to be disturbed, and how the twin learns.
#[derive(Debug, Clone, PartialEq)]
pub struct Detection {
    /// False alarms the whole line may have in a shift, on average.
    pub false_alarms_per_shift: f64,
    /// Length of a shift, hours.
    pub shift_h: f64,
    /// Cycles of one variant at one station before their baseline is used, at least 10.
    pub warm_up_cycles: u32,
    /// How long a link may be down before that is an incident, seconds.
    pub link_loss_s: f64,
    /// How far a device's clock may be off from that of the host before its times are corrected, seconds. A time so far after
    /// that of receipt is never believed.
    pub clock_off_max_s: f64,
}
