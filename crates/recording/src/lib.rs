//! The durable log: write, recover, read
