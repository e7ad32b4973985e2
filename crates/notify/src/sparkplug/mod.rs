//! The line as an edge node of Sparkplug B, after the specification 3.0.0.
//!
//! The node is the twin of the line, its own metrics are those of the line, and each station that is seen is a device. The
//! node has a connection to the broker of its own, because its last will is its death.
//!
//! Everything that is told comes from the state of the line, and a birth tells all of it. So nothing needs to be kept for a
//! broker that is away, and a message that is lost costs no more than a rebirth, which any host can ask for.

mod birth_number;
mod metrics;
mod node;
mod task;
#[cfg(test)]
mod tests;

pub use task::{SparkplugNode, SparkplugSettings};
