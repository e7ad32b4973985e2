//! End-to-end tests, and what they share: whole plants that run without a socket, and the daemon among real peers.

use std::path::{Path, PathBuf};

pub mod broker;
pub mod daemon;
pub mod net;
pub mod peers;
pub mod program;
pub mod site;
pub mod trial;
pub mod wait;

/// Root of the workspace.
pub fn workspace_root() -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    folder.parent().unwrap_or(folder).to_owned()
}
