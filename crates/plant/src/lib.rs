//! The configured plant: enterprise, site, area, line, stations, signals, variants, limits and links.
//!
//! [`Plant`] is plain data, checked as a whole before anything connects. [`load`] reads it from TOML files and CSV tag
//! lists, layered with environment and command line, and reports every problem at once.

mod model;
mod role;

pub use model::{
    DataType, Detection, Limit, Link, LinkSettings, ModbusSettings, MqttSettings, OpcuaSettings, Origin, Plant, Signal,
    Station, StationId, StationKind, Variant, WordOrder,
};
pub use role::Role;
