use telemetry::{Timestamp, Value};

/// A link of the simulated plant to the outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SimLink {
    /// The welding cell's PLC, Modbus TCP.
    WeldPlc,
    /// The battery-pack line's server, OPC UA.
    PackOpcua,
    /// Cooling plant and robots, MQTT.
    UtilitiesMqtt,
}

/// Index of a point in [`crate::SimPlant::points`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PointId(pub u32);

/// One value that the simulated plant offers to the outside.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// `station/name`, as the example configuration calls the signal.
    pub path: String,
    /// The role the example configuration gives it.
    pub role: &'static str,
    /// The link it is offered on.
    pub link: SimLink,
    /// Address in the tag list's words: `holding:12`, `nsu=urn:plant-sim;s=tighten-60.torque`, `topic#/pointer`.
    pub address: String,
    /// Type in the tag list's words: `bool`, `u16`, `u32`, `f32`, `f64`, `i64`, `text`.
    pub data_type: &'static str,
    /// Byte order in the tag list's words for a Modbus value of several registers: `abcd`, `cdab`; else empty.
    pub order: &'static str,
    /// Unit of the value; empty where it has none.
    pub unit: &'static str,
    /// Raw value at the device = (value − 0) / scale; 1 except for integers that carry a decimal.
    pub scale: f64,
    /// The range its sensor can give, in `unit`.
    pub range: Option<(f64, f64)>,
    /// What it is, for a person.
    pub description: String,
}

/// A value that the plant's devices gave to their link.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Update {
    /// The point.
    pub point: PointId,
    /// The device's time.
    pub at: Timestamp,
    /// The value in the point's unit.
    pub value: Value,
}
