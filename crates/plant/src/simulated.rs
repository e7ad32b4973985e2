//! A link to simulated sources: its keys in `plant.toml`, and what they mean.

use schemars::JsonSchema;
use serde::Deserialize;

/// Simulated sources, for a line whose devices are not there yet.
#[derive(Debug, Clone, PartialEq)]
pub struct SimulatedSettings {
    /// From one value of a wave to the next, s.
    pub interval_s: f64,
    /// Decides all chance.
    pub seed: u64,
    /// What goes wrong in the simulated plant, each as `fault[:station]@onset[+duration]`.
    pub faults: Vec<String>,
}

/// Simulated sources by name.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default)]
pub(crate) struct SimulatedKeys {
    /// From one value of a wave to the next, seconds.
    #[schemars(range(min = 0.05, max = 3600))]
    interval_s: f64,
    /// Decides all chance: noise, and what happens in the simulated plant.
    #[schemars(range(min = 0, max = 9_007_199_254_740_991_i64))]
    seed: u64,
    /// What goes wrong in the simulated plant, counted from the link's start: fault, perhaps a station, onset and perhaps a
    /// duration, such as "electrode-wear:weld-20@2h" or "link-loss@10m+90s".
    faults: Vec<String>,
}

impl Default for SimulatedKeys {
    fn default() -> Self {
        Self { interval_s: 0.5, seed: 1, faults: Vec::new() }
    }
}

impl From<SimulatedKeys> for SimulatedSettings {
    fn from(keys: SimulatedKeys) -> Self {
        let SimulatedKeys { interval_s, seed, faults } = keys;
        Self { interval_s, seed, faults }
    }
}
