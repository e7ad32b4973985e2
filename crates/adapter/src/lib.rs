//! What every adapter shares: the clock, the hand-over to the twin, link state, reconnect and counters.
//!
//! An adapter is two things. Its configuration is plain data, built from the plant and checked with nothing connected;
//! every problem is an [`AddressError`]. Its running task owns all connection state and speaks to the rest only through
//! a [`Context`]: it delivers samples, says when the link is up, and returns a [`LinkError`] when the link ends.
//! [`keep_connected`] does the rest.
//!
//! Nothing is dropped between an adapter and the twin. The queue is bounded; when it is full an adapter waits, so that
//! the pressure goes back to the device, and the wait is counted. A source that can repeat what it sent is told what it
//! may forget: [`Context::deliver_durably`] says what to wait for, [`Context::durable`] when that is so.

mod browse;
mod clock;
mod context;
mod convert;
mod counters;
mod durability;
pub mod json;
mod password;
mod reconnect;
pub mod rows;
pub mod tcp;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
pub mod time;

pub use browse::{BrowseError, BrowsedTag, host_and_port};
pub use clock::Clock;
pub use context::{Closed, Context, queue};
pub use convert::{Raw, bad_sample, convert, sample};
pub use counters::{Counters, CountersSnapshot};
pub use durability::{Durability, DurabilityTeller, durability};
pub use password::read_password;
pub use reconnect::{LinkError, keep_connected, without_farewell};

use plant::{Link, Origin, Signal};

/// A signal whose address, type or order the link's protocol cannot serve. Found with nothing connected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{origin}: {signal}: address `{address}`: {problem}")]
pub struct AddressError {
    /// Where the signal was configured.
    pub origin: Origin,
    /// The signal's path.
    pub signal: String,
    /// The address as configured.
    pub address: String,
    /// What is wrong, what was expected, and what to do.
    pub problem: String,
}

impl AddressError {
    /// That something is wrong with the address of that signal.
    pub fn of(signal: &Signal, problem: String) -> Self {
        let Signal { origin, path, address, .. } = signal.clone();
        Self { origin, signal: path, address, problem }
    }

    /// That something is wrong with what a key of that link says.
    pub fn of_key(link: &Link, key: &str, value: &str, problem: String) -> Self {
        let Link { origin, name, .. } = link;
        Self { origin: origin.clone(), signal: format!("{key} of link {name}"), address: value.to_owned(), problem }
    }
}
