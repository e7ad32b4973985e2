//! Simulated sources, chosen by name: for a line whose devices are not there yet, and for trying a configuration.
//!
//! A tag's address names its source: a point of the simulated plant, `plant:weld-20/current`, or a wave such as
//! `sine(20, 25, 60)`. All points of a link are of one plant. Nothing is simulated of the way between device and daemon; for that
//! the simulated plant has servers of its own.

mod browse;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod plant_source;
mod source;
mod wave;
mod wave_source;

use std::convert::Infallible;
use std::time::Duration;

use adapter::{AddressError, Context, LinkError, keep_connected, without_farewell};
use plant::{Link, Signal, SimulatedSettings};
use plant_sim::FaultPlan;
use telemetry::Timestamp;

pub use browse::browse;
use plant_source::PlantSource;
use source::Source;
use wave_source::WaveSource;

/// How far the clock may be from when something is due. Beyond that it was set, and everything begins anew.
const CLOCK_STEP_S: f64 = 60.0;
/// The longest sleep until the clock is looked at again.
const LOOK_INTERVAL: Duration = Duration::from_secs(1);

/// A link of simulated sources as configured, with every name known.
#[derive(Debug)]
pub struct SimulatedAdapter {
    link: String,
    settings: SimulatedSettings,
    faults: Vec<FaultPlan>,
    signals: Vec<(Signal, Source)>,
}

impl SimulatedAdapter {
    /// The adapter of a link and its signals. Simulates nothing yet.
    ///
    /// # Errors
    /// Every signal whose address names no source, and every fault that the plant cannot have.
    pub fn new(link: &Link, settings: &SimulatedSettings, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        let (mut errors, mut faults, mut sources) = (Vec::new(), Vec::new(), Vec::new());
        for text in &settings.faults {
            match FaultPlan::parse(text) {
                Ok(plan) => faults.push(plan),
                Err(error) => errors.push(AddressError::of_key(link, "faults", text, error.to_string())),
            }
        }
        let points = plant_sim::points();
        for &signal in signals {
            match Source::parse(&signal.address, &points) {
                Ok(source) => sources.push((signal.clone(), source)),
                Err(problem) => errors.push(AddressError::of(signal, problem)),
            }
        }
        match errors.is_empty() {
            true => Ok(Self { link: link.name.clone(), settings: settings.clone(), faults, signals: sources }),
            false => Err(errors),
        }
    }

    /// Delivers until the context is stopped.
    pub async fn run(self, context: Context) {
        keep_connected(&context, |context| without_farewell(context, self.session(context))).await;
    }

    async fn session(&self, context: &Context) -> Result<Infallible, LinkError> {
        let start = context.clock.now();
        let mut waves = WaveSource::new(self, start);
        let mut plant = PlantSource::new(self, start).map_err(|error| LinkError::Lost(error.to_string()))?;
        tracing::warn!(link = self.link, "up; what comes over this link is simulated, not measured");
        context.link_up().await?;
        let mut batches = Vec::new();
        loop {
            let due = plant.as_ref().map_or(waves.due(), |plant| plant.due().min(waves.due()));
            let now = wait_until(due, self.settings.interval_s, context).await?;
            waves.give(now, &mut batches);
            if let Some(plant) = &mut plant {
                plant.give(now, &mut batches);
            }
            for samples in batches.drain(..) {
                context.deliver(samples).await?;
            }
        }
    }
}

/// Waits until the clock shows at least that time, and returns what it shows.
async fn wait_until(due: Timestamp, interval_s: f64, context: &Context) -> Result<Timestamp, LinkError> {
    loop {
        let now = context.clock.now();
        let left_s = due.seconds_since(now);
        if left_s < -CLOCK_STEP_S || left_s > interval_s + CLOCK_STEP_S {
            return Err(LinkError::Lost(format!(
                "the clock was set from about {due} to {now}: the sources begin anew"
            )));
        }
        if left_s <= 0.0 {
            return Ok(now);
        }
        tokio::time::sleep(context.clock.duration(left_s).min(LOOK_INTERVAL)).await;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::testing::signal;
    use adapter::{Clock, queue};
    use plant::{DataType, LinkSettings, Origin};
    use plant_sim::{SimConfig, SimPlant};
    use telemetry::{Event, LinkId, LinkState, Quality, Sample, Value};
    use tokio_util::sync::CancellationToken;

    use super::*;

    const SPEED: f64 = 200.0;

    fn settings(faults: &[&str]) -> SimulatedSettings {
        let faults = faults.iter().map(|&fault| fault.to_owned()).collect();
        SimulatedSettings { interval_s: 0.5, seed: 7, faults }
    }

    fn adapter(settings: &SimulatedSettings, signals: &[Signal]) -> Result<SimulatedAdapter, Vec<AddressError>> {
        let origin = Origin { file: "plant.toml".into(), line: 3 };
        let link =
            Link { id: LinkId(0), name: "sim".into(), settings: LinkSettings::Simulated(settings.clone()), origin };
        SimulatedAdapter::new(&link, settings, &signals.iter().collect::<Vec<_>>())
    }

    fn context(clock: Clock) -> (Context, tokio::sync::mpsc::Receiver<Event>) {
        let (sender, events) = queue(1000);
        (Context::new(LinkId(0), clock, CancellationToken::new(), sender), events)
    }

    fn clock() -> Clock {
        Clock::scaled("2026-11-24T08:00:00.1Z".parse().unwrap(), SPEED)
    }

    /// The first samples of these signals.
    async fn first(signals: &[Signal], count: usize) -> Vec<Sample> {
        let (context, mut events) = context(clock());
        let stop = context.stop.clone();
        let running = tokio::spawn(adapter(&settings(&["link-loss@5s+5s"]), signals).unwrap().run(context));
        assert_eq!(events.recv().await, Some(Event::Link { link: LinkId(0), state: LinkState::Up }));
        let mut samples = Vec::new();
        while samples.len() < count {
            samples.extend_from_slice(events.recv().await.unwrap().samples());
        }
        stop.cancel();
        running.await.unwrap();
        samples.truncate(count);
        samples
    }

    #[tokio::test]
    async fn the_plants_points_come_as_the_plant_gives_them() {
        let points = plant_sim::points();
        let tags = browse("simulated://plant").unwrap();
        let signals: Vec<Signal> = (0..).zip(&tags).map(|(id, tag)| signal(id, &tag.address, tag.data_type)).collect();
        let samples = first(&signals, 5000).await;
        assert!(samples.iter().all(|sample| sample.quality == Quality::Good), "each type takes its values");

        let start = samples[0].source_time.plus_seconds(-plant_sim::STEP_S);
        let faults = vec![FaultPlan::parse("link-loss@5s+5s").unwrap()];
        let mut plant = SimPlant::new(SimConfig { seed: 7, start, faults }).unwrap();
        let mut updates = Vec::new();
        while updates.len() < samples.len() {
            plant.step(&mut updates);
        }
        for (sample, update) in samples.iter().zip(&updates) {
            let point = &points[update.point.0 as usize];
            assert_eq!((sample.signal.0, sample.source_time), (update.point.0, update.at), "{}", point.path);
            let is_alike = match (sample.value, update.value) {
                (Value::Float(number), Value::Integer(whole)) => number == whole as f64,
                (one, other) => one == other,
            };
            assert!(is_alike, "{}: {:?} for {:?}", point.path, sample.value, update.value);
        }
    }

    #[tokio::test]
    async fn every_wave_comes_at_every_whole_interval_of_a_clock_however_fast() {
        let signals = [
            signal(0, "square(10, 4)", DataType::Bool),
            signal(1, "count(10, 1000)", DataType::U16),
            signal(2, "noise(20, 2)", DataType::F32),
            signal(3, "serial(EV-, 10)", DataType::Text),
            signal(4, "sine(0, 1, 10)", DataType::Bool),
        ];
        let samples = first(&signals, 200).await;
        let begin: Timestamp = "2026-11-24T08:00:00.5Z".parse().unwrap();
        for (tick, batch) in samples.chunks(signals.len()).enumerate() {
            let at = begin.plus_seconds(0.5 * tick as f64);
            assert!(batch.iter().all(|sample| sample.source_time == at), "{batch:?} of {at}");
            let second = (at.seconds_since(begin) + 0.5) % 10.0;
            assert_eq!(batch[0].value, Value::Boolean(second < 4.0), "{at}");
            assert!(matches!(batch[2].value, Value::Float(number) if (10.0..30.0).contains(&number)), "{batch:?}");
            assert_eq!(batch[4].quality, Quality::Bad(telemetry::Reason::TypeMismatch), "no number is a condition");
        }
    }

    #[test]
    fn all_problems_are_told_at_once_with_file_and_line() {
        let signals = [signal(0, "plant:weld-20/none", DataType::F64), signal(1, "sine(1)", DataType::F64)];
        let errors = adapter(&settings(&["electrode-ware@2h"]), &signals).unwrap_err();
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        for (told, parts) in told.iter().zip([
            ["plant.toml:3", "faults of link sim", "did you mean `electrode-wear`"],
            ["plc.csv:2", "plant:weld-20/none", "no point of the simulated plant"],
            ["plc.csv:3", "sine(1)", "sine(LOW, HIGH, PERIOD_S)"],
        ]) {
            assert!(parts.iter().all(|part| told.contains(part)), "{told}");
        }
        assert_eq!(told.len(), 3);
    }

    #[tokio::test]
    async fn a_clock_that_is_set_ends_the_session() {
        let (context, _events) = context(clock());
        let now = context.clock.now();
        for (due_in_s, is_lost) in [(0.0, false), (0.5, false), (-59.0, false), (-70.0, true), (3600.0, true)] {
            let waited = wait_until(now.plus_seconds(due_in_s), 0.5, &context).await;
            assert_eq!(waited.is_err(), is_lost, "due in {due_in_s} s: {waited:?}");
        }
    }
}
