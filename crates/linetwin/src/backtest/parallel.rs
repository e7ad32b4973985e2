//! Work on all processors.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What `work` makes of each item, in the items' order.
///
/// # Errors
/// If it panics.
pub(super) fn in_parallel<I: Sync, O: Send>(items: &[I], work: impl Fn(&I) -> O + Sync) -> anyhow::Result<Vec<O>> {
    let next = AtomicUsize::new(0);
    let take_some = || {
        let mut done = Vec::new();
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { return done };
            done.push((place, work(item)));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, NonZeroUsize::get).min(items.len());
    let done: Vec<_> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(take_some)).collect();
        workers.into_iter().map(|worker| worker.join()).collect()
    });
    let mut results = Vec::with_capacity(items.len());
    for of_worker in done {
        results.extend(of_worker.map_err(|_| anyhow::anyhow!("a run of the backtest ended in a panic"))?);
    }
    results.sort_by_key(|(place, _)| *place);
    Ok(results.into_iter().map(|(_, result)| result).collect())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items_whoever_did_them() {
        let items: Vec<u64> = (0..1000).collect();
        assert_eq!(in_parallel(&items, |item| item * 2).unwrap(), (0..2000).step_by(2).collect::<Vec<u64>>());
        assert_eq!(in_parallel(&[], |item: &u64| *item).unwrap(), [0; 0]);
    }

    #[test]
    fn a_panic_is_an_error() {
        assert!(in_parallel(&[1, 2, 3], |item| assert_ne!(*item, 2, "as this test wants")).is_err());
    }
}
