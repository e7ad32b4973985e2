//! Waiting for a state, with a bound.

use std::time::{Duration, Instant};

/// How long a state may take to come about, on a slow machine with everything in debug builds.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// From one look to the next.
const INTERVAL: Duration = Duration::from_millis(20);

/// Looks again and again until there is something to see, and returns it.
///
/// # Panics
/// After [`PATIENCE`]. `what` says what was waited for.
#[track_caller]
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} in vain for {what}");
        std::thread::sleep(INTERVAL);
    }
}
