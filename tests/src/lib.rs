//! End-to-end tests, and what they share: whole plants that run without a socket, and the daemon among real peers.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use plant::{Files, Overrides, Plant};

pub mod broker;
pub mod daemon;
pub mod net;
pub mod peers;
pub mod program;
pub mod site;
pub mod wait;
pub mod wide_line;

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
