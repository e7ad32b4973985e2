//! One MQTT client for versions 5 and 3.1.1, with TLS and logins, and the payload of Sparkplug B: what telling and listening
//! over MQTT share. It knows no plant.
//!
//! [`connect`] begins a connection and gives its two ends: a [`Client`] that sends, and the [`Happenings`] on it. What only
//! version 5 can say is left out where 3.1.1 is spoken. [`Versions`] says which of the two to speak.

mod broker;
mod client;
mod failure;
pub mod sparkplug;
mod version;

pub use broker::{Broker, MqttVersion};
pub use client::{
    About, AnswerTo, Client, Happening, Happenings, Introduction, Memory, Outgoing, Received, Refusal, connect,
};
pub use failure::Failure;
pub use rumqttc::{QoS, valid_filter};
pub use version::Versions;
