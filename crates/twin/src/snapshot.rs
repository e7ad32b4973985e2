use std::sync::Arc;

use plant::{Origin, Plant, Signal, Station};
use serde::{Deserialize, Serialize};

use crate::twin::{State, Twin};

/// Grows with every change to what the twin remembers.
const VERSION: u32 = 7;

/// What stands before the state in a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    version: u32,
    /// CRC-32 of all that the meaning of the state depends on.
    meaning: u32,
    /// CRC-32 of the state's bytes.
    state: u32,
}

/// Why a twin cannot be restored from a snapshot. A replay of the log gives the same twin.
#[derive(Debug, thiserror::Error)]
pub enum SnapshotError {
    /// The bytes are no snapshot, or not a whole one.
    #[error("the snapshot cannot be read ({0}); replay the recording instead")]
    Unreadable(#[from] postcard::Error),
    /// Another version of the program wrote it.
    #[error("the snapshot has version {found}, this program reads version {VERSION}; replay the recording instead")]
    OtherVersion {
        /// The version found.
        found: u32,
    },
    /// Its bytes are not those that were written.
    #[error("the snapshot is damaged; replay the recording instead")]
    Damaged,
    /// It is of a plant with other stations, features, signals, limits or links, or that learns otherwise.
    #[error("the snapshot is of another configuration; replay the recording instead")]
    OtherPlant,
}

/// CRC-32 of all that the meaning of the state depends on: the plant as far as it does not only say where things are
/// written and reached, and the process models.
fn meaning(twin: &Twin) -> u32 {
    let plant = twin.plant();
    let links: Vec<&str> = plant.links.iter().map(|link| link.name.as_str()).collect();
    let nowhere = || Origin { file: String::new(), line: 0 };
    let station = |station: &Station| Station { origin: nowhere(), ..station.clone() };
    let signal = |signal: &Signal| Signal { origin: nowhere(), address: String::new(), ..signal.clone() };
    let stations: Vec<Station> = plant.stations.iter().map(station).collect();
    let signals: Vec<Signal> = plant.signals.iter().map(signal).collect();
    let own = (&plant.variants, links, stations, signals, &plant.limits, &plant.detection);
    let more = (&plant.redundant, &plant.recipes, &plant.genealogy, &plant.flow, &plant.plan);
    crc32fast::hash(format!("{own:?} {more:?} {:?}", twin.model.stations).as_bytes())
}

impl Twin {
    /// All that the twin remembers, for [`Twin::restore`]. A cache of the log, not a format: only the same version of
    /// the program with the same plant reads it.
    ///
    /// # Errors
    /// If the state cannot be encoded.
    pub fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        let state = postcard::to_stdvec(&self.state)?;
        let header = Header { version: VERSION, meaning: meaning(self), state: crc32fast::hash(&state) };
        let mut snapshot = postcard::to_stdvec(&header)?;
        snapshot.extend(state);
        Ok(snapshot)
    }

    /// Whether a snapshot of the one restores the other: their plants mean the same, wherever things are written and reached.
    pub fn is_like(&self, other: &Self) -> bool {
        meaning(self) == meaning(other)
    }

    /// The twin as it was at the snapshot: given the same inputs from there on, it gives the same outputs.
    ///
    /// # Errors
    /// If the bytes are not a snapshot of this version of the program and this plant.
    pub fn restore(plant: Arc<Plant>, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        let (version, _) = postcard::take_from_bytes::<u32>(snapshot)?;
        if version != VERSION {
            return Err(SnapshotError::OtherVersion { found: version });
        }
        let (header, state) = postcard::take_from_bytes::<Header>(snapshot)?;
        if header.state != crc32fast::hash(state) {
            return Err(SnapshotError::Damaged);
        }
        let mut twin = Self::new(plant);
        if header.meaning != meaning(&twin) {
            return Err(SnapshotError::OtherPlant);
        }
        twin.state = postcard::from_bytes::<State>(state)?;
        Ok(twin)
    }
}
