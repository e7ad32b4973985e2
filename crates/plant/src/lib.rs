//! The configured plant: enterprise, site, area, line, stations, signals, variants, limits and links.
//!
//! [`Plant`] is plain data, checked as a whole before anything connects. [`load`] reads it from TOML files and CSV tag
//! lists, layered with environment and command line, and reports every problem at once.

mod alarms;
mod cause;
mod entries;
mod files;
mod flow;
mod genealogy;
mod ingest;
mod keys;
mod links;
mod load;
mod modbus;
mod model;
mod mqtt;
mod named;
mod opcua;
mod open_protocol;
mod password;
mod plan;
mod problem;
mod recipes;
mod redundant;
mod role;
mod runbook;
mod sampling;
mod schema;
mod settings;
mod signals;
mod simulated;
mod station_state;
mod stations;
mod tags;
mod templates;
mod tree;

pub use alarms::{AlarmPolicy, Condition, Costs, Duty, EscalationStep, Flood, Priority, Suppression};
pub use cause::{Cause, ChangeKind, Consequence, Locus};
pub use files::{Files, FilesError};
pub use flow::{FlowDesign, StationFlow, StopsDesign, VariantFlow};
pub use genealogy::Genealogy;
pub use ingest::IngestSettings;
pub use load::{Configuration, load};
pub use modbus::{HostPort, ModbusSettings, ModbusTls, ModbusTransport, OwnCertificate, Parity, PollGroup, SerialLine};
pub use model::{
    CsvSettings, DataType, Detection, Limit, Link, LinkSettings, Origin, Plant, Recipe, RecipeSettings, Redundant,
    SheetMaterial, Signal, Station, StationId, StationKind, Variant, WordOrder,
};
pub use mqtt::{MqttCsv, MqttPayload, MqttSettings, SparkplugHost};
pub use opcua::{OpcuaAccess, OpcuaMode, OpcuaPolicy, OpcuaSecurity, OpcuaSettings, OpcuaUser};
pub use open_protocol::OpenProtocolSettings;
pub use password::Password;
pub use plan::{Calendar, Plan, Shift};
pub use problem::{Problem, Problems};
pub use role::Role;
pub use runbook::{Runbook, Texts};
pub use sampling::{Deadband, Sampling};
pub use schema::schema;
pub use settings::{
    Anonymous, BrokerTlsSettings, DaemonSettings, HistorianSettings, HttpSettings, NotifySettings, PartsSettings,
    QueueSettings, RecordingSettings, SparkplugSettings, TlsSettings,
};
pub use simulated::SimulatedSettings;
pub use station_state::StationState;
pub use tags::{TagRow, write_tags};
pub use tree::Overrides;
