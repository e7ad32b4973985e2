use std::collections::VecDeque;
use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize};

/// What holds no more than `MAX` values and has room for all of them from the start, so that nothing is allocated after
/// construction. A vector by itself has room for no more than it holds once it was cloned or restored.
#[derive(Debug, PartialEq, Serialize)]
#[serde(transparent)]
pub(crate) struct Room<C, const MAX: usize>(C);

/// What can be made to have room.
pub(crate) trait Reserve {
    /// Makes room for as many values as it lacks of `max`.
    fn reserve_up_to(&mut self, max: usize);
}

impl<T> Reserve for Vec<T> {
    fn reserve_up_to(&mut self, max: usize) {
        self.reserve_exact(max.saturating_sub(self.len()));
    }
}

impl<T> Reserve for VecDeque<T> {
    fn reserve_up_to(&mut self, max: usize) {
        self.reserve_exact(max.saturating_sub(self.len()));
    }
}

impl<C: Reserve, const MAX: usize> Room<C, MAX> {
    fn of(mut values: C) -> Self {
        values.reserve_up_to(MAX);
        Self(values)
    }
}

impl<C: Reserve + Default, const MAX: usize> Default for Room<C, MAX> {
    fn default() -> Self {
        Self::of(C::default())
    }
}

impl<C: Reserve + Clone, const MAX: usize> Clone for Room<C, MAX> {
    fn clone(&self) -> Self {
        Self::of(self.0.clone())
    }
}

impl<'de, C: Reserve + Deserialize<'de>, const MAX: usize> Deserialize<'de> for Room<C, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        C::deserialize(deserializer).map(Self::of)
    }
}

impl<C, const MAX: usize> Deref for Room<C, MAX> {
    type Target = C;

    fn deref(&self) -> &C {
        &self.0
    }
}

impl<C, const MAX: usize> DerefMut for Room<C, MAX> {
    fn deref_mut(&mut self) -> &mut C {
        &mut self.0
    }
}
