//! The example configuration of the project, built into the program for the demo.

use plant::Files;

/// The files of `config/`; without the runbook, which is built in.
pub fn files() -> Files {
    Files::from_pairs([
        ("linetwin.toml", include_str!("../../../config/linetwin.toml")),
        ("plant.toml", include_str!("../../../config/plant.toml")),
        ("tags/weld-plc.csv", include_str!("../../../config/tags/weld-plc.csv")),
        ("tags/pack-opcua.csv", include_str!("../../../config/tags/pack-opcua.csv")),
        ("tags/utilities-mqtt.csv", include_str!("../../../config/tags/utilities-mqtt.csv")),
    ])
}
