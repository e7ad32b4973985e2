//! Modbus TCP: polling, decoding, browsing.
//!
//! A tag's address is `coil:N`, `discrete:N`, `input:N` or `holding:N`, N counted from 0 as the protocol does. A bit of a
//! register is `holding:7.3`, 0 the lowest; a text over R registers is `holding:40/R`. The word order `badc` or `dcba`
//! swaps the bytes of every register, so of a single one too; `cdab` acts on values that span several.
//!
//! Tags are merged into few requests, which go one at a time over a single socket. Nothing is ever written to a device.
//! A request that the device refuses costs the quality of its own tags; everything else that goes wrong (no answer in
//! time, an answer to another request, a closed socket) ends the connection, and the twin is told why.

mod browse;
mod connection;
mod decode;
mod plan;
mod poll;
mod tag;

use std::convert::Infallible;
use std::time::Duration;

use adapter::{AddressError, Context, LinkError, keep_connected, without_farewell};
use plant::{Link, ModbusSettings, Signal};
use tokio::time::{Instant, sleep_until};

pub use browse::browse;
use connection::Device;
use plan::Merging;
use poll::Poller;
use tag::{REGISTERS_MAX, Tag};

/// The shortest and longest wait for an answer, seconds.
const TIMEOUT_S: std::ops::RangeInclusive<f64> = 0.001..=3600.0;

/// A Modbus TCP link as configured, with every address checked.
#[derive(Debug)]
pub struct ModbusAdapter {
    link: String,
    device: Device,
    poll_interval_s: f64,
    merging: Merging,
    tags: Vec<Tag>,
}

impl ModbusAdapter {
    /// The adapter of a link and its signals. Connects to nothing.
    ///
    /// # Errors
    /// Every signal whose address, type or order cannot be read over Modbus.
    pub fn new(link: &Link, settings: &ModbusSettings, signals: &[&Signal]) -> Result<Self, Vec<AddressError>> {
        let max_registers = settings.max_registers.clamp(1, REGISTERS_MAX);
        Ok(Self {
            link: link.name.clone(),
            device: Device {
                host: settings.host.clone(),
                port: settings.port,
                unit: settings.unit,
                timeout: Duration::from_secs_f64(settings.timeout_s.clamp(*TIMEOUT_S.start(), *TIMEOUT_S.end())),
            },
            poll_interval_s: settings.poll_interval_s,
            merging: Merging { max_registers, max_gap: settings.max_gap },
            tags: tag::tags(signals, max_registers)?,
        })
    }

    /// Polls until the context is stopped.
    ///
    /// The poll interval runs on the context's clock. A poll that takes longer than the interval leaves out the slots it
    /// ran over, and counts each as lost at the source. The timeout is the network's and runs in life.
    pub async fn run(self, context: Context) {
        keep_connected(&context, |context| without_farewell(context, self.session(context))).await;
    }

    async fn session(&self, context: &Context) -> Result<Infallible, LinkError> {
        let mut connection = self.device.connect().await.map_err(LinkError::Lost)?;
        let mut poller = Poller::new(&self.tags, self.merging);
        let mut slots = Slots::new(context.clock.duration(self.poll_interval_s));
        let mut up = false;
        loop {
            let mut samples = Vec::with_capacity(self.tags.len());
            let polled = poller.poll(&mut connection, &context.clock, &mut samples).await;
            if polled.is_ok() && !up {
                let (signals, requests) = (self.tags.len(), poller.requests());
                tracing::info!(link = self.link, "{}: up, reads {signals} signals in {requests} requests", self.device);
                context.link_up().await?;
                up = true;
            }
            if up {
                context.deliver(samples).await?;
            } else {
                context.counters.add_unusable(samples.len() as u64);
            }
            polled.map_err(LinkError::Lost)?;
            let missed = slots.next();
            context.counters.add_lost_at_source(missed);
            sleep_until(slots.due).await;
        }
    }
}

/// The moments at which polls are due.
struct Slots {
    interval: Duration,
    due: Instant,
}

impl Slots {
    fn new(interval: Duration) -> Self {
        Self { interval, due: Instant::now() }
    }

    /// Moves on to the next slot that is not wholly past. Returns how many were.
    fn next(&mut self) -> u64 {
        self.due += self.interval;
        let late = Instant::now().saturating_duration_since(self.due);
        let missed = u32::try_from(late.as_nanos() / self.interval.as_nanos()).unwrap_or(u32::MAX);
        self.due += self.interval * missed;
        missed.into()
    }
}
