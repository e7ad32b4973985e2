//! What is a point, and what it looks like in InfluxDB's line protocol.

use glob::Pattern;
use influxdb_line_protocol::LineProtocolBuilder;
use plant::{HistorianSettings, Plant, Signal, StationId};
use telemetry::{Event, Input, Quality, Sample, Timestamp, Value};
use twin::{Cycle, Output, Twin};

use crate::counters::Counters;
use crate::{Batch, HistorianError};

/// The measurement of samples.
const SIGNAL: &str = "linetwin_signal";
/// That of what cycles came to.
const CYCLE: &str = "linetwin_cycle";
/// That of what stations do.
const STATE: &str = "linetwin_state";

/// Makes points of what the twin of a plant takes in and gives out.
#[derive(Debug)]
pub struct Points {
    /// By signal.
    is_written: Vec<bool>,
    /// By signal: the field that its values have had so far.
    fields: Vec<Option<&'static str>>,
    cycles: bool,
    states: bool,
}

impl Points {
    /// Points of what the settings choose.
    ///
    /// # Errors
    /// If a pattern is none, or there is no signal that it fits.
    pub(crate) fn new(settings: &HistorianSettings, plant: &Plant) -> Result<Self, HistorianError> {
        let wrong =
            |pattern: &String, problem: String| HistorianError(format!("historian.signals: {pattern:?} {problem}"));
        let mut is_written = vec![false; plant.signals.len()];
        for text in &settings.signals {
            let pattern = Pattern::new(text).map_err(|error| wrong(text, format!("is no pattern: {error}")))?;
            let mut fits = false;
            for signal in plant.signals.iter().filter(|signal| pattern.matches(&signal.path)) {
                is_written[signal.id.index()] = true;
                fits = true;
            }
            if !fits {
                let problem = "fits no signal; expected a path such as weld-20/current, or a pattern such as weld-20/*";
                return Err(wrong(text, problem.to_owned()));
            }
        }
        let fields = vec![None; is_written.len()];
        Ok(Self { is_written, fields, cycles: settings.cycles, states: settings.states })
    }

    /// Adds the points of an input and of what followed from it, the twin being what it was after it.
    pub(crate) fn add(
        &mut self,
        input: &Input,
        outputs: &[Output],
        twin: &Twin,
        batch: &mut Batch,
        counters: &Counters,
    ) {
        if let Event::Samples(samples) = &input.event {
            for sample in &samples.samples {
                if self.is_written.get(sample.signal.index()) == Some(&true) {
                    self.add_sample(sample, twin, batch, counters);
                }
            }
        }
        for output in outputs {
            match output {
                Output::Cycle(cycle) if self.cycles => batch.push(&cycle_line(cycle, twin)),
                Output::Station { station, state, at } if self.states => {
                    let line = LineProtocolBuilder::new().measurement(STATE);
                    let [site, line_name, station] = place(twin.plant(), *station);
                    let line = line.tag("line", line_name).tag("site", site).tag("station", station);
                    batch.push(&line.field("state", state.name()).timestamp(at.as_nanos()).close_line().build());
                }
                _ => {}
            }
        }
    }

    fn add_sample(&mut self, sample: &Sample, twin: &Twin, batch: &mut Batch, counters: &Counters) {
        let signal = twin.plant().signal(sample.signal);
        if let (Some(field), Some(known)) = (field(sample), self.fields.get_mut(sample.signal.index())) {
            let before = known.replace(field);
            if before.is_some_and(|before| before != field) {
                Counters::add(&counters.type_flips, 1);
                tracing::warn!(
                    "{}: its values were of the field {}, from now on they are of {field}: both stay readable in InfluxDB",
                    signal.path,
                    before.unwrap_or_default()
                );
            }
        }
        match sample_line(sample, signal, twin.time_of(sample), twin.plant()) {
            Some(line) => batch.push(&line),
            None => Counters::add(&counters.unfit, 1),
        }
    }
}

/// The field that a value is in. Each has one type for ever, so that a signal that changes its own never meets a value of the
/// other type: InfluxDB drops the point then. Numbers are floats, whether or not they have decimals today.
fn field(sample: &Sample) -> Option<&'static str> {
    sample.quality.is_usable().then_some(match sample.value {
        Value::Float(_) | Value::Integer(_) => "value",
        Value::Boolean(_) => "value_boolean",
        Value::Symbol(_) => "value_text",
    })
}

fn sample_line(sample: &Sample, signal: &Signal, at: Timestamp, plant: &Plant) -> Option<Vec<u8>> {
    let quality = match sample.quality {
        Quality::Good => "good",
        Quality::Uncertain(_) => "uncertain",
        Quality::Bad(_) => "bad",
    };
    let [site, line_name, station] = place(plant, signal.station);
    let name = signal.path.split_once('/').map_or(signal.path.as_str(), |(_, name)| name);
    let line = LineProtocolBuilder::new().measurement(SIGNAL);
    let line = line.tag("line", line_name).tag("quality", quality).tag("signal", name);
    let line = line.tag("site", site).tag("station", station);
    let line = match (field(sample), sample.value, sample.quality) {
        // What stands in the place of a value is none.
        (None, _, quality) => line.field("reason", quality.reason()?.to_string().as_str()),
        (Some(_), Value::Float(number), _) if !number.is_finite() => return None,
        (Some(field), Value::Float(number), _) => line.field(field, number),
        (Some(field), Value::Integer(number), _) => line.field(field, number as f64),
        (Some(field), Value::Boolean(condition), _) => line.field(field, condition),
        (Some(field), Value::Symbol(text), _) => line.field(field, text.as_str()),
    };
    Some(line.timestamp(at.as_nanos()).close_line().build())
}

fn cycle_line(cycle: &Cycle, twin: &Twin) -> Vec<u8> {
    let plant = twin.plant();
    let [site, line_name, station] = place(plant, cycle.station);
    let line = LineProtocolBuilder::new().measurement(CYCLE);
    let mut line = line.tag("line", line_name).tag("site", site).tag("station", station);
    if let Some(variant) = cycle.variant.and_then(|variant| plant.variants.get(variant)) {
        line = line.tag("variant", &variant.name);
    }
    let mut line = line.field("duration_s", cycle.end.seconds_since(cycle.start));
    for (feature, value) in twin.features(cycle.station).iter().zip(&cycle.features) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            line = line.field(feature.spec.name, value);
        }
    }
    if let Some(part) = cycle.part.filter(|part| !part.as_str().is_empty()) {
        line = line.field("part", part.as_str());
    }
    line.timestamp(cycle.end.as_nanos()).close_line().build()
}

/// Site, line and station.
fn place(plant: &Plant, station: StationId) -> [&str; 3] {
    [&plant.site, &plant.line, &plant.station(station).name]
}
