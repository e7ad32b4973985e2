//! Modbus over TCP, TLS and serial lines: polling, decoding, browsing, probing.
//!
//! A tag's address is `coil:N`, `discrete:N`, `input:N` or `holding:N`, N counted from 0 as the protocol does, or from 1 if
//! the link's `base_address` says so. A bit of a register is `holding:7.3`, 0 the lowest; a byte `holding:7.high` or `.low`;
//! a text over R registers is `holding:40/R`. The word order `badc` or `dcba` swaps the bytes of every register, so of a
//! single one too; `cdab` acts on values that span several.
//!
//! Tags are merged into few requests, which go one at a time over the single connection that an endpoint has; links to one
//! endpoint take turns ([`Buses`]). Nothing is ever written to a device: no request but a read can be made. A request that
//! the device refuses costs the quality of its own tags; one that is not answered in time that of one poll; a unit that
//! goes on not to answer is a link that is down and asked less often; a broken connection takes down who used it.

mod browse;
mod bus;
#[cfg(test)]
mod day;
mod decode;
mod device;
mod frame;
mod plan;
mod poll;
mod probe;
mod schedule;
mod session;
mod tag;
mod transport;

#[cfg(feature = "fuzzing")]
pub mod fuzzing;

use std::time::Duration;

use adapter::{AddressError, Context, keep_connected, without_farewell};
use plant::{Link, ModbusSettings, Signal};
use tokio::sync::Mutex;

pub use browse::{PORT, browse};
pub use bus::Buses;
pub use probe::{Probe, ProbedUnit, probe, scan_units};

use bus::Pauses;
use device::Device;
use plan::Merging;
use session::Memory;
use tag::{BITS_MAX, REGISTERS_MAX, Reading, Tag};
use transport::Endpoint;

/// The shortest and longest wait for an answer, seconds.
const TIMEOUT_S: std::ops::RangeInclusive<f64> = 0.001..=3600.0;

/// A Modbus link as configured, with every address checked.
#[derive(Debug)]
pub struct ModbusAdapter {
    link: String,
    device: Device,
    groups: Vec<Group>,
    merging: Merging,
    tags: Vec<Tag>,
}

/// Tags that are polled together.
#[derive(Debug)]
struct Group {
    name: String,
    interval_s: f64,
    /// Indices of the tags; none only if the link has no tag at all.
    members: Vec<usize>,
}

impl ModbusAdapter {
    /// The adapter of a link and its signals. Connects to nothing. Links to one endpoint share a bus of `buses`.
    ///
    /// # Errors
    /// Every signal whose address, type or order cannot be read over Modbus.
    pub fn new(
        link: &Link,
        settings: &ModbusSettings,
        signals: &[&Signal],
        buses: &mut Buses,
    ) -> Result<Self, Vec<AddressError>> {
        let max_registers = settings.max_registers.clamp(1, REGISTERS_MAX);
        let tags = tag::tags(signals, Reading { max_registers, base_address: settings.base_address })?;
        let pauses = Pauses {
            after_connect: Duration::from_secs_f64(settings.pause_after_connect_s.max(0.0)),
            between_requests: Duration::from_secs_f64(settings.pause_between_requests_s.max(0.0)),
        };
        Ok(Self {
            link: link.name.clone(),
            device: Device {
                bus: buses.join(Endpoint(settings.transport.clone()), pauses),
                unit: settings.unit,
                patience: Duration::from_secs_f64(settings.timeout_s.clamp(*TIMEOUT_S.start(), *TIMEOUT_S.end())),
                busy_retries: settings.busy_retries,
            },
            groups: groups(settings, &tags),
            merging: Merging {
                max_registers,
                max_bits: settings.max_bits.clamp(1, BITS_MAX),
                max_gap: settings.max_gap,
            },
            tags,
        })
    }

    /// Polls until the context is stopped.
    ///
    /// Poll intervals run on the context's clock. A poll that takes longer than its interval leaves out the slots it ran
    /// over, and counts each as lost at the source. Timeouts and pauses are the network's and run in life.
    pub async fn run(self, context: Context) {
        let memory = Mutex::new(Memory::new(&self));
        keep_connected(&context, |context| {
            let session = async { memory.lock().await.session(&self, context).await };
            without_farewell(context, session)
        })
        .await;
    }
}

/// The poll groups that have tags: the link's own interval first.
fn groups(settings: &ModbusSettings, tags: &[Tag]) -> Vec<Group> {
    let named = settings.poll_groups.iter().map(|group| (Some(group.name.as_str()), group.interval_s));
    std::iter::once((None, settings.poll_interval_s))
        .chain(named)
        .map(|(name, interval_s)| Group {
            name: name.unwrap_or_default().to_owned(),
            interval_s,
            members: (0..tags.len()).filter(|&tag| tags[tag].signal.poll.as_deref() == name).collect(),
        })
        .filter(|group| !group.members.is_empty() || tags.is_empty())
        .collect()
}
