//! The deterministic core: one input in, outputs out
