use telemetry::{Symbol, Timestamp, Value};

use crate::variant::Variant;
use crate::{Point, PointId, SimLink, Update};

/// Every point of the plant with its present value: what the devices' memories hold.
#[derive(Default)]
pub(crate) struct Board {
    points: Vec<Point>,
    values: Vec<Value>,
    sensors: Vec<Sensor>,
    /// Points whose values come in bursts, each with a time of its own.
    in_bursts: Vec<PointId>,
    burst: Vec<Update>,
}

/// How well the sensor of a point works.
#[derive(Clone, Copy)]
struct Sensor {
    /// Whether its value stays as it is.
    is_frozen: bool,
    /// Whether every fourth of its values is wild.
    spikes: bool,
    /// Values it has given.
    values: u32,
}

impl Board {
    pub(crate) fn points(&self) -> &[Point] {
        &self.points
    }

    pub(crate) fn value(&self, id: PointId) -> Value {
        self.values[id.0 as usize]
    }

    /// The point with that path.
    pub(crate) fn find(&self, path: &str) -> Option<PointId> {
        self.points.iter().position(|point| point.path == path).map(|index| PointId(index as u32))
    }

    /// Lets every sensor work as it should.
    pub(crate) fn mend(&mut self) {
        for sensor in &mut self.sensors {
            (sensor.is_frozen, sensor.spikes) = (false, false);
        }
    }

    /// Holds a point at its present value.
    pub(crate) fn freeze(&mut self, id: PointId) {
        self.sensors[id.0 as usize].is_frozen = true;
    }

    /// Opens the cable of a point's sensor: the device shows what no sensor gives, 21 mA where 4 to 20 mA are its range
    /// (NAMUR NE 43).
    pub(crate) fn open_cable(&mut self, id: PointId) {
        const OPEN_SHARE: f64 = (21.0 - 4.0) / (20.0 - 4.0);
        let index = id.0 as usize;
        self.sensors[index].is_frozen = true;
        if let Some((low, high)) = self.points[index].range {
            self.values[index] = Value::Float(low + OPEN_SHARE * (high - low));
        }
    }

    /// Lets a sensor give a wild value now and then.
    pub(crate) fn spike(&mut self, id: PointId) {
        self.sensors[id.0 as usize].spikes = true;
    }

    /// Shows a measurement, as far as the sensor's range and the device's encoding can.
    pub(crate) fn set(&mut self, id: PointId, measured: f64) {
        let point = &self.points[id.0 as usize];
        let sensor = &mut self.sensors[id.0 as usize];
        sensor.values = sensor.values.wrapping_add(1);
        let is_wild = sensor.spikes && sensor.values.is_multiple_of(SPIKE_EVERY);
        let measured = point.range.map_or(measured, |(low, high)| match is_wild {
            true => low + WILD_SHARE * (high - low),
            false => measured.clamp(low, high),
        });
        let shown = match point.data_type {
            "u16" => (measured / point.scale).round() * point.scale,
            "f32" => f64::from(three_decimals(measured) as f32),
            _ => three_decimals(measured),
        };
        self.put(id, Value::Float(shown));
    }

    /// Gives a value with a time of its own: a device's record of something too quick for the plant's steps.
    pub(crate) fn record(&mut self, id: PointId, at: Timestamp, measured: f64) {
        self.set(id, measured);
        self.burst.push(Update { point: id, at, value: self.value(id) });
    }

    /// Takes what was recorded since the last time, in the order of its times.
    pub(crate) fn take_recorded(&mut self) -> Vec<Update> {
        self.burst.sort_by_key(|update| update.at);
        std::mem::take(&mut self.burst)
    }

    /// Whether a point only gives what is recorded.
    pub(crate) fn is_recorded(&self, id: PointId) -> bool {
        self.in_bursts.contains(&id)
    }

    pub(crate) fn set_flag(&mut self, id: PointId, flag: bool) {
        self.put(id, Value::Boolean(flag));
    }

    pub(crate) fn set_count(&mut self, id: PointId, count: u32) {
        self.put(id, Value::Integer(i64::from(count)));
    }

    pub(crate) fn set_text(&mut self, id: PointId, text: Symbol) {
        self.put(id, Value::Symbol(text));
    }

    /// Shows a variant as the device knows it: by code where the point is a number, else by name.
    pub(crate) fn set_variant(&mut self, id: PointId, variant: Variant) {
        match self.points[id.0 as usize].data_type {
            "text" => self.set_text(id, variant.symbol()),
            _ => self.set_count(id, variant.code()),
        }
    }

    fn put(&mut self, id: PointId, value: Value) {
        let index = id.0 as usize;
        if !self.sensors[index].is_frozen {
            self.values[index] = value;
        }
    }

    fn add(&mut self, point: Point, value: Value) -> PointId {
        self.points.push(point);
        self.values.push(value);
        self.sensors.push(Sensor { is_frozen: false, spikes: false, values: 0 });
        PointId((self.points.len() - 1) as u32)
    }
}

/// Of a sensor that spikes, one value in so many is wild, and where in the sensor's range that is.
const SPIKE_EVERY: u32 = 4;
const WILD_SHARE: f64 = 0.9;

/// No sensor of the plant has more.
fn three_decimals(measured: f64) -> f64 {
    (measured * 1000.0).round() / 1000.0
}

/// Registers of a Modbus text: 16 characters.
const TEXT_REGISTERS: u16 = 8;
const OPCUA_NAMESPACE: &str = "urn:plant-sim";

/// The MQTT topic of a station.
fn topic(station: &str) -> String {
    format!("ev1/{station}")
}

/// Adds one station's points to the board; each gets the next free address of the station's link.
pub(crate) struct StationPoints<'a> {
    board: &'a mut Board,
    pub(crate) station: &'static str,
    device: Device,
}

/// Where the next point goes.
enum Device {
    Modbus { holding: u16, input: u16, discrete: u16, flags: Flags, order: &'static str },
    Opcua,
    Mqtt,
}

/// How a Modbus device shows conditions.
enum Flags {
    /// As bits of its first holding register.
    InStatusWord { next_bit: u16 },
    /// As discrete inputs.
    Discrete,
}

impl<'a> StationPoints<'a> {
    /// A welding controller behind the PLC: status word first, words swapped, analogue inputs as scaled integers.
    pub(crate) fn weld_controller(board: &'a mut Board, station: &'static str, base: u16) -> Self {
        let flags = Flags::InStatusWord { next_bit: 0 };
        let device = Device::Modbus { holding: base + 1, input: base, discrete: base, flags, order: "cdab" };
        Self { board, station, device }
    }

    /// A device behind the PLC with discrete inputs and the standard's order of words.
    pub(crate) fn plc(board: &'a mut Board, station: &'static str, base: u16) -> Self {
        let device =
            Device::Modbus { holding: base, input: base, discrete: base, flags: Flags::Discrete, order: "abcd" };
        Self { board, station, device }
    }

    /// A station of the pack line's OPC UA server.
    pub(crate) fn opcua(board: &'a mut Board, station: &'static str) -> Self {
        Self { board, station, device: Device::Opcua }
    }

    /// A station that publishes over MQTT.
    pub(crate) fn mqtt(board: &'a mut Board, station: &'static str) -> Self {
        Self { board, station, device: Device::Mqtt }
    }

    /// A measurement.
    pub(crate) fn measure(&mut self, tag: Tag, unit: &'static str, range: (f64, f64)) -> PointId {
        let (address, data_type, order) = match &mut self.device {
            Device::Modbus { holding, order, .. } => (format!("holding:{}", take(holding, 2)), "f32", *order),
            _ => (self.address(tag.name), "f64", ""),
        };
        let start = range.0.max(0.0);
        self.add(tag, address, Encoding { data_type, order, unit, scale: 1.0, range: Some(range) }, Value::Float(start))
    }

    /// A measurement that a controller records over a moment and publishes with times of its own, over MQTT.
    pub(crate) fn measure_recorded(&mut self, tag: Tag, unit: &'static str, range: (f64, f64)) -> PointId {
        let mut publisher = StationPoints { board: &mut *self.board, station: self.station, device: Device::Mqtt };
        let address = format!("{}/curve#/{}", topic(self.station), tag.name);
        let encoding = Encoding { data_type: "f64", order: "", unit, scale: 1.0, range: Some(range) };
        let id = publisher.add(tag, address, encoding, Value::Float(0.0));
        self.board.in_bursts.push(id);
        id
    }

    /// A measurement that a Modbus device gives as an input register in steps of `scale`.
    pub(crate) fn measure_scaled(&mut self, tag: Tag, unit: &'static str, range: (f64, f64), scale: f64) -> PointId {
        let Device::Modbus { input, .. } = &mut self.device else { return self.measure(tag, unit, range) };
        let address = format!("input:{}", take(input, 1));
        let encoding = Encoding { data_type: "u16", order: "", unit, scale, range: Some(range) };
        self.add(tag, address, encoding, Value::Float(range.0.max(0.0)))
    }

    /// A condition.
    pub(crate) fn flag(&mut self, tag: Tag) -> PointId {
        let address = match &mut self.device {
            Device::Modbus { holding, flags: Flags::InStatusWord { next_bit }, .. } => {
                let status_word = *holding - 1;
                format!("holding:{status_word}.{}", take(next_bit, 1))
            }
            Device::Modbus { discrete, flags: Flags::Discrete, .. } => format!("discrete:{}", take(discrete, 1)),
            _ => self.address(tag.name),
        };
        self.add(tag, address, Encoding::plain("bool"), Value::Boolean(false))
    }

    /// A small count.
    pub(crate) fn count(&mut self, tag: Tag) -> PointId {
        let (address, data_type) = match &mut self.device {
            Device::Modbus { input, .. } => (format!("input:{}", take(input, 1)), "u16"),
            _ => (self.address(tag.name), "i64"),
        };
        self.add(tag, address, Encoding::plain(data_type), Value::Integer(0))
    }

    /// A count that may grow large.
    pub(crate) fn counter(&mut self, tag: Tag) -> PointId {
        let (address, data_type, order) = match &mut self.device {
            Device::Modbus { holding, order, .. } => (format!("holding:{}", take(holding, 2)), "u32", *order),
            _ => (self.address(tag.name), "i64", ""),
        };
        self.add(tag, address, Encoding { order, ..Encoding::plain(data_type) }, Value::Integer(0))
    }

    /// A variant: a code at a Modbus device, a name elsewhere.
    pub(crate) fn variant(&mut self, tag: Tag) -> PointId {
        let Device::Modbus { holding, .. } = &mut self.device else { return self.text(tag) };
        let address = format!("holding:{}", take(holding, 1));
        self.add(tag, address, Encoding::plain("u16"), Value::Integer(0))
    }

    /// A text.
    pub(crate) fn text(&mut self, tag: Tag) -> PointId {
        let address = match &mut self.device {
            Device::Modbus { holding, .. } => format!("holding:{}/{TEXT_REGISTERS}", take(holding, TEXT_REGISTERS)),
            _ => self.address(tag.name),
        };
        self.add(tag, address, Encoding::plain("text"), Value::Symbol(symbol("")))
    }

    fn address(&self, name: &str) -> String {
        match self.device {
            Device::Mqtt => format!("{}#/{name}", topic(self.station)),
            _ => format!("nsu={OPCUA_NAMESPACE};s={}.{name}", self.station),
        }
    }

    fn add(&mut self, tag: Tag, address: String, encoding: Encoding, value: Value) -> PointId {
        let link = match self.device {
            Device::Modbus { .. } => SimLink::WeldPlc,
            Device::Opcua => SimLink::PackOpcua,
            Device::Mqtt => SimLink::UtilitiesMqtt,
        };
        let point = Point {
            path: format!("{}/{}", self.station, tag.name),
            role: tag.role,
            link,
            address,
            data_type: encoding.data_type,
            order: encoding.order,
            unit: encoding.unit,
            scale: encoding.scale,
            range: encoding.range,
            description: tag.about.to_owned(),
        };
        self.board.add(point, value)
    }
}

/// What a point is: its name within the station, its role, and what it means to a person.
#[derive(Clone, Copy)]
pub(crate) struct Tag {
    pub(crate) name: &'static str,
    pub(crate) role: &'static str,
    pub(crate) about: &'static str,
}

/// The tag of that name and role.
pub(crate) const fn tag(name: &'static str, role: &'static str, about: &'static str) -> Tag {
    Tag { name, role, about }
}

struct Encoding {
    data_type: &'static str,
    order: &'static str,
    unit: &'static str,
    scale: f64,
    range: Option<(f64, f64)>,
}

impl Encoding {
    fn plain(data_type: &'static str) -> Self {
        Self { data_type, order: "", unit: "", scale: 1.0, range: None }
    }
}

/// Takes the next `count` free addresses.
fn take(next: &mut u16, count: u16) -> u16 {
    let first = *next;
    *next += count;
    first
}

/// The symbol of one of the plant's own texts, all of which are short.
pub(crate) fn symbol(text: &str) -> Symbol {
    Symbol::new(text).expect("the plant's own texts fit a symbol")
}
