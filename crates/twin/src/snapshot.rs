use std::sync::Arc;

use plant::Plant;
use serde::{Deserialize, Serialize};

use crate::twin::{State, Twin};

/// Grows with every change to what the twin remembers.
const VERSION: u32 = 1;

/// What stands before the state in a snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Header {
    version: u32,
    signals: Vec<String>,
    /// Per station: name and the names of its features.
    stations: Vec<(String, Vec<String>)>,
    links: Vec<String>,
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
    /// It is of a plant with other stations, features, signals or links.
    #[error("the snapshot is of another configuration; replay the recording instead")]
    OtherPlant,
}

impl Header {
    fn of(twin: &Twin) -> Self {
        let plant = twin.plant();
        let features = |place: usize| {
            twin.model.stations[place].features.iter().map(|feature| feature.spec.name.to_owned()).collect()
        };
        Self {
            version: VERSION,
            signals: plant.signals.iter().map(|signal| signal.path.clone()).collect(),
            stations: plant
                .stations
                .iter()
                .enumerate()
                .map(|(place, station)| (station.name.clone(), features(place)))
                .collect(),
            links: plant.links.iter().map(|link| link.name.clone()).collect(),
        }
    }
}

impl Twin {
    /// All that the twin remembers, for [`Twin::restore`]. A cache of the log, not a format: only the same version of
    /// the program with the same plant reads it.
    ///
    /// # Errors
    /// If the state cannot be encoded.
    pub fn snapshot(&self) -> Result<Vec<u8>, SnapshotError> {
        let header = postcard::to_stdvec(&Header::of(self))?;
        Ok(postcard::to_extend(&self.state, header)?)
    }

    /// The twin as it was at the snapshot: given the same inputs from there on, it gives the same outputs.
    ///
    /// # Errors
    /// If the bytes are not a snapshot of this version of the program and this plant.
    pub fn restore(plant: Arc<Plant>, snapshot: &[u8]) -> Result<Self, SnapshotError> {
        let mut twin = Self::new(plant);
        let (version, _) = postcard::take_from_bytes::<u32>(snapshot)?;
        if version != VERSION {
            return Err(SnapshotError::OtherVersion { found: version });
        }
        let (header, rest) = postcard::take_from_bytes::<Header>(snapshot)?;
        if header != Header::of(&twin) {
            return Err(SnapshotError::OtherPlant);
        }
        twin.state = postcard::from_bytes::<State>(rest)?;
        Ok(twin)
    }
}
