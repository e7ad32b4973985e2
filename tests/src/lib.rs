//! End-to-end tests, and what they share: whole plants that run without a socket, and the daemon among real peers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use linetwin::simulated::START;
use plant::{Files, Overrides, Plant};
use recording::RecordingHeader;

pub mod broker;
pub mod browser;
pub mod daemon;
pub mod demo;
pub mod fast_clock;
pub mod influx;
pub mod net;
pub mod peers;
pub mod program;
pub mod proxy;
pub mod site;
pub mod terminal;
pub mod wait;
pub mod wide_line;

/// What a recording says of a plant, without its configuration.
pub fn recording_header(plant: &Plant) -> RecordingHeader {
    RecordingHeader {
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        created: START,
        signals: plant.signals.iter().map(|signal| (signal.id, signal.path.clone())).collect(),
        links: plant.links.iter().map(|link| (link.id, link.name.clone())).collect(),
        configuration: Default::default(),
        overrides: Default::default(),
    }
}

/// Root of the workspace.
pub fn workspace_root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.parent().unwrap_or(folder).to_owned()
}

/// The example plant, as `config/` describes it.
///
/// # Panics
/// If the example has a problem.
pub fn example_plant() -> Arc<Plant> {
    let files = Files::read_dir(&workspace_root().join("config")).unwrap_or_else(|error| panic!("{error}"));
    let configuration = plant::load(&files, &Overrides::default()).unwrap_or_else(|problems| panic!("{problems}"));
    Arc::new(configuration.plant)
}
