//! A simulated plant with physics, faults and a ground truth, served over Modbus, OPC UA and MQTT.
//!
//! [`SimPlant`] is the plant: it advances in steps of [`STEP_S`] and says what its devices gave to their links. The same
//! seed, start and faults give the same updates bit for bit on every machine: it reads no clock and draws all its
//! chance from seeded generators. What truly goes on inside is told apart, as [`TruthEvent`]s.
//!
//! It shares no code and no formula with the twin that judges it. Sizes are typical of the trade; where a law or a
//! value comes from a book or a standard, the process that uses it says so.

mod board;
mod cooling;
mod fault;
mod line;
mod link;
mod plant;
mod point;
mod process;
mod random;
pub mod serve;
mod station;
mod tags;
mod truth;
mod variant;

pub use fault::{Fault, FaultError, FaultPlan, parse_span_s};
pub use plant::{SimConfig, SimPlant};
pub use point::{Point, PointId, SimLink, Update};
pub use tags::{points, tag_list};
pub use truth::{Production, Truth, TruthEvent};

/// One step of the plant, seconds.
pub const STEP_S: f64 = 0.25;
