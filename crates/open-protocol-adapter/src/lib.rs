//! Open Protocol, which tightening controllers of many makers speak: results as they are made.
//!
//! A result is acknowledged when it is durable, not before, and results that were made while nobody listened are fetched by their
//! ids. Nothing that is sent changes what a controller does: [`Request`](frame::Request) lists all of it.

mod connection;
mod frame;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod result;

use std::convert::Infallible;
use std::mem;
use std::ops::RangeInclusive;
use std::sync::Mutex;
use std::time::Duration;

use adapter::time::{TimeFormat, TimeReader, time_zone};
use adapter::{AddressError, Context, LinkError, keep_connected};
use plant::{Link, OpenProtocolSettings, Signal};
use telemetry::{Quality, Reason, Sample, Timestamp};

use connection::{Connection, Refused};
use frame::{Message, Request};
use result::{LIGHT, Tightening};

/// How a controller writes times.
const TIME_PATTERN: &str = "%Y-%m-%d:%H:%M:%S";
/// The revisions of the communication start that are tried. What is answered makes no difference; some know only one.
const STARTS: [u16; 6] = [1, 6, 5, 4, 3, 2];
/// The revisions of results that are asked for, the one that tells most first.
const RESULTS: [u16; 3] = [2, 1, LIGHT];
/// How long a result waits to become durable. Then it is acknowledged all the same, which is counted: the controller sends no
/// other before, and alerts must go on while a disk is full.
const PATIENCE: Duration = Duration::from_secs(10);

/// No ids: they are counted from 1.
const NONE: RangeInclusive<u64> = 0..=0;

/// A controller as configured, with every field's name checked.
#[derive(Debug)]
pub struct OpenProtocolAdapter {
    link: String,
    settings: OpenProtocolSettings,
    signals: Vec<Signal>,
    times: TimeReader,
    /// What was taken last, over all connections.
    taken: Mutex<Option<Taken>>,
}

/// A result that was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Taken {
    id: u64,
    time: Timestamp,
}

impl OpenProtocolAdapter {
    /// The adapter of a link and its signals. Connects to nothing.
    ///
    /// # Errors
    /// Every signal whose address is no field of a result, and a time zone that is none.
    pub fn new(link: &Link, settings: &OpenProtocolSettings, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        let unknown = signals.iter().filter(|signal| result::names().all(|name| name != signal.address));
        let names = || result::names().collect::<Vec<_>>().join(", ");
        let problem = || format!("is no field of a result; expected one of {}", names());
        let mut errors: Vec<_> = unknown.map(|signal| AddressError::of(signal, problem())).collect();
        let zone_name = settings.time_zone.as_deref();
        let wrong_zone =
            |problem: String| AddressError::of_key(link, "time_zone", zone_name.unwrap_or_default(), problem);
        let zone = time_zone(zone_name).map_err(|problem| wrong_zone(problem.to_string()));
        match zone {
            Ok(zone) if errors.is_empty() => Ok(Self {
                link: link.name.clone(),
                settings: settings.clone(),
                signals: signals.iter().map(|&signal| signal.clone()).collect(),
                times: TimeReader::new(TimeFormat::Pattern(TIME_PATTERN.to_owned()), zone),
                taken: Mutex::new(None),
            }),
            zone => {
                errors.extend(zone.err());
                Err(errors)
            }
        }
    }

    /// Keeps the controller connected and delivers until the context is stopped.
    pub async fn run(self, context: Context) {
        keep_connected(&context, |context| self.session(context)).await;
    }

    async fn session(&self, context: &Context) -> LinkError {
        let opened = context.stop.run_until_cancelled(Connection::open(&self.settings.host, self.settings.port)).await;
        let mut connection = match opened {
            Some(Ok(connection)) => connection,
            Some(Err(error)) => return error,
            None => return LinkError::Stopping,
        };
        let stop = context.stop.clone();
        match stop.run_until_cancelled(self.listen(&mut connection, context)).await {
            Some(Ok(never)) => match never {},
            Some(Err(error)) => error,
            None => {
                // One who does not take it hears of the end of the connection.
                let _ = connection.send(Request::Stop).await;
                LinkError::Stopping
            }
        }
    }

    /// Subscribes, fetches what was missed, and takes results for as long as the connection lasts.
    async fn listen(&self, connection: &mut Connection, context: &Context) -> Result<Infallible, LinkError> {
        first_accepted(connection, STARTS.map(Request::Start)).await?;
        let revision = first_accepted(connection, RESULTS.map(Request::Subscribe)).await?;
        let revision = RESULTS[revision];
        tracing::info!(
            link = self.link,
            "{}:{}: up, results in revision {revision}",
            self.settings.host,
            self.settings.port
        );
        self.tell_missing_fields(revision);
        context.link_up().await?;
        let mut fetched = self.catch_up(connection, revision, context).await?;
        loop {
            let message = connection.next_result().await?;
            // One that cannot be read is let go: it would hold all others up.
            if let Some(result) = read(&message, context)
                && !fetched.contains(&result.id)
                // One that comes again was taken, and the acknowledgement of it lost.
                && self.taken().is_none_or(|taken| taken.id != result.id)
            {
                self.deliver(&result, context).await?;
                // From now on they are new, even if the controller counts from the begin again.
                fetched = NONE;
            }
            connection.send(Request::Acknowledge).await?;
        }
    }

    /// Fetches the results that were made while nobody listened. Returns the ids of those that were: they may come again.
    async fn catch_up(
        &self,
        connection: &mut Connection,
        revision: u16,
        context: &Context,
    ) -> Result<RangeInclusive<u64>, LinkError> {
        let most = u64::from(self.settings.catch_up_results);
        // There is no light form of these.
        let revision = if revision == LIGHT { 1 } else { revision };
        if most == 0 {
            return Ok(NONE);
        }
        let last = match fetch(connection, 0, revision, context).await? {
            Ok(Some(last)) => last,
            Ok(None) => return Ok(NONE),
            Err(refused) => {
                tracing::warn!(link = self.link, "results of a break cannot be fetched: {}", refused.words());
                return Ok(NONE);
            }
        };
        // A controller that counts from the begin again has forgotten what was before.
        let taken = self.taken().filter(|taken| taken.id <= last.id).map(|taken| taken.id);
        let first = taken.map_or(1, |taken| taken + 1).max((last.id + 1).saturating_sub(most));
        let (last_id, mut last) = (last.id, Some(last));
        let (mut lost, mut missing) = (0, taken.map_or(0, |taken| first - taken - 1));
        for id in first..=last_id {
            let found = if id == last_id { Ok(last.take()) } else { fetch(connection, id, revision, context).await? };
            match found {
                Ok(Some(result)) => {
                    // With the next that is taken, and not before: after another break they are missed again.
                    context.counters.add_lost_at_source(missing);
                    lost += mem::take(&mut missing);
                    self.deliver(&result, context).await?;
                }
                // After a start it is not known how many there are.
                Ok(None) | Err(_) => missing += u64::from(taken.is_some()),
            }
        }
        if lost > 0 {
            tracing::warn!(
                link = self.link,
                "{lost} results of a break are lost: the controller does not have them, or there were more than catch_up_results"
            );
        }
        Ok(first..=last_id)
    }

    /// Hands a result over, and waits until it is durable.
    async fn deliver(&self, result: &Tightening, context: &Context) -> Result<(), LinkError> {
        let (time, quality) = self.time(result, context);
        let samples = self.signals.iter().filter_map(|signal| sample(signal, result, time, quality)).collect();
        let events = context.deliver_durably(samples).await?;
        if let Ok(mut taken) = self.taken.lock() {
            *taken = Some(Taken { id: result.id, time });
        }
        if !context.durable_within(events, PATIENCE).await? {
            context.counters.add_acknowledged_unrecorded();
            tracing::warn!(
                link = self.link,
                "result {} is acknowledged although it could not be recorded in time",
                result.id
            );
        }
        Ok(())
    }

    /// When a result was made. Times have whole seconds: two results of one second come after each other.
    fn time(&self, result: &Tightening, context: &Context) -> (Timestamp, Quality) {
        let Some(moment) = self.times.read(&result.time) else {
            context.counters.add_unusable(1);
            return (context.clock.now(), Quality::Uncertain(Reason::Malformed));
        };
        let quality = if moment.in_clock_change { Quality::Uncertain(Reason::Malformed) } else { Quality::Good };
        let last = self.taken().map(|taken| taken.time);
        let is_same_second = |last: &Timestamp| (0.0..1.0).contains(&last.seconds_since(moment.time));
        (last.filter(is_same_second).map_or(moment.time, |last| last.plus_seconds(0.001)), quality)
    }

    fn taken(&self) -> Option<Taken> {
        self.taken.lock().ok().and_then(|taken| *taken)
    }

    fn tell_missing_fields(&self, revision: u16) {
        let has = |signal: &Signal| result::has(revision, &signal.address);
        let missing: Vec<&str> =
            self.signals.iter().filter(|signal| !has(signal)).map(|signal| signal.path.as_str()).collect();
        if !missing.is_empty() {
            tracing::warn!(
                link = self.link,
                "its results have no such field in revision {revision}: {}",
                missing.join(", ")
            );
        }
    }
}

/// Asks for one after another until one is accepted, and returns which.
async fn first_accepted<const N: usize>(
    connection: &mut Connection,
    requests: [Request; N],
) -> Result<usize, LinkError> {
    let mut last = None;
    for (place, request) in requests.into_iter().enumerate() {
        match connection.ask(request).await? {
            Ok(_) => return Ok(place),
            Err(Refused { code: Refused::ALREADY_SUBSCRIBED, .. }) => return Ok(place),
            Err(refused) if refused.code == Refused::REVISION => last = Some(refused),
            Err(refused) => return Err(LinkError::Lost(refused.words())),
        }
    }
    Err(LinkError::Lost(last.map_or_else(String::new, Refused::words)))
}

/// Reads a result; `None` if it is none that can be read, which is counted and told.
fn read(message: &Message, context: &Context) -> Option<Tightening> {
    let told =
        |problem: &String| tracing::error!(link = context.link.0, "a result is lost: {problem}: {:?}", message.data);
    let read = Tightening::read(message).inspect_err(told);
    if read.is_err() {
        context.counters.add_unusable(1);
    }
    read.ok()
}

/// Fetches a result by its id, 0 for the last; `None` if there is none.
async fn fetch(
    connection: &mut Connection,
    id: u64,
    revision: u16,
    context: &Context,
) -> Result<Result<Option<Tightening>, Refused>, LinkError> {
    match connection.ask(Request::Fetch(id, revision)).await? {
        Ok(message) => Ok(Ok(read(&message, context))),
        Err(Refused { code: Refused::NOT_FOUND, .. }) => Ok(Ok(None)),
        // A controller may know fewer forms of these than of what it sends by itself.
        Err(refused) if refused.code == Refused::REVISION && revision > 1 => {
            Box::pin(fetch(connection, id, 1, context)).await
        }
        Err(refused) => Ok(Err(refused)),
    }
}

/// The sample of a signal; `None` if the result does not have its field.
fn sample(signal: &Signal, result: &Tightening, time: Timestamp, quality: Quality) -> Option<Sample> {
    let raw = result.field(&signal.address)?;
    Some(adapter::sample(signal, raw, time, quality))
}
