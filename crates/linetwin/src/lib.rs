//! The daemon: command line, wiring, shutdown. The only place that knows every part.
//!
//! One loop, [`engine::Engine::run`], receives everything that can wake the daemon, stamps it, records it, applies it to
//! the twin and hands on what follows. Around it, adapters and sinks each have their own task.

mod access;
pub mod backtest;
pub mod broker;
pub mod browse;
pub mod bulk;
pub mod caller;
pub mod cli;
pub mod commands;
pub mod console;
pub mod daemon;
pub mod demo;
pub mod detect;
pub mod doctor;
pub mod durability;
pub mod engine;
pub mod example;
pub mod export;
mod feeds;
pub mod figures;
mod forecaster;
pub mod history;
pub mod import;
pub mod inputs;
pub mod journal;
pub mod links;
mod notifying;
pub mod parts;
pub mod probe;
pub mod recorder;
pub mod reload;
pub mod replay;
pub mod report;
pub mod setup;
pub mod shadow;
pub mod shifts;
pub mod simulate;
pub mod simulated;
pub mod table;
mod teller;
pub mod top;
pub mod trust;
pub mod user;
pub mod verify;
