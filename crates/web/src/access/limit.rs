//! How often somebody may ask: a bounded table of who asked lately.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use tokio::time::Instant;

/// The most keys that are followed. Of more, the one that would be let in soonest is forgotten.
const KEYS_MAX: usize = 4096;

/// Lets each key in `burst` times at once, and once every `interval` in the long run: the generic cell rate algorithm.
#[derive(Debug)]
pub(crate) struct Limiter<K> {
    burst: u32,
    interval: Duration,
    /// For each key when it will have its whole burst again. A key that has it is as good as unknown.
    whole_at: HashMap<K, Instant>,
}

impl<K: Eq + Hash + Clone> Limiter<K> {
    pub(crate) fn new(burst: u32, interval: Duration) -> Self {
        Self { burst, interval, whole_at: HashMap::new() }
    }

    /// Lets a key in, or says how long it has to wait.
    pub(crate) fn take(&mut self, key: &K, now: Instant) -> Result<(), Duration> {
        let next = self.whole_at.get(key).copied().unwrap_or(now).max(now) + self.interval;
        let ahead = next - now;
        let room = self.interval * self.burst;
        if ahead > room {
            return Err(ahead - room);
        }
        self.make_room(key, now);
        self.whole_at.insert(key.clone(), next);
        Ok(())
    }

    /// Takes one time back: it was in order.
    pub(crate) fn give_back(&mut self, key: &K) {
        if let Some(whole_at) = self.whole_at.get_mut(key)
            && let Some(earlier) = whole_at.checked_sub(self.interval)
        {
            *whole_at = earlier;
        }
    }

    fn make_room(&mut self, key: &K, now: Instant) {
        if self.whole_at.len() < KEYS_MAX || self.whole_at.contains_key(key) {
            return;
        }
        self.whole_at.retain(|_, whole_at| *whole_at > now);
        if self.whole_at.len() >= KEYS_MAX {
            let soonest = self.whole_at.iter().min_by_key(|(_, whole_at)| **whole_at).map(|(key, _)| key.clone());
            if let Some(soonest) = soonest {
                self.whole_at.remove(&soonest);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_burst_is_let_in_and_then_one_each_interval() {
        let (mut limiter, now) = (Limiter::new(3, SECOND), Instant::now());
        assert_eq!([0; 3].map(|_| limiter.take(&"a", now)), [Ok(()); 3]);
        assert_eq!(limiter.take(&"a", now), Err(SECOND));
        assert_eq!(limiter.take(&"b", now), Ok(()), "another key has its own burst");
        assert_eq!(limiter.take(&"a", now + SECOND / 2), Err(SECOND / 2));
        assert_eq!(limiter.take(&"a", now + SECOND), Ok(()));
        assert_eq!(limiter.take(&"a", now + SECOND), Err(SECOND));
        assert_eq!(
            [0; 3].map(|_| limiter.take(&"a", now + 10 * SECOND)),
            [Ok(()); 3],
            "rest gives no more than a burst"
        );
        assert!(limiter.take(&"a", now + 10 * SECOND).is_err());
    }

    #[test]
    fn what_was_in_order_does_not_count() {
        let (mut limiter, now) = (Limiter::new(1, SECOND), Instant::now());
        for _ in 0..10 {
            assert_eq!(limiter.take(&"a", now), Ok(()));
            limiter.give_back(&"a");
        }
        assert_eq!(limiter.take(&"a", now), Ok(()));
        assert!(limiter.take(&"a", now).is_err());
    }

    #[test]
    fn the_table_is_bounded_and_the_worst_stay_in_it() {
        let (mut limiter, now) = (Limiter::new(2, SECOND), Instant::now());
        for _ in 0..2 {
            limiter.take(&0, now).ok();
        }
        for key in 1..3 * KEYS_MAX {
            assert_eq!(limiter.take(&key, now), Ok(()));
        }
        assert_eq!(limiter.whole_at.len(), KEYS_MAX);
        assert!(
            limiter.take(&0, now).is_err(),
            "one that has spent its burst is not forgotten for those that have not"
        );
        assert_eq!(limiter.take(&0, now + 5 * SECOND), Ok(()));
    }
}
