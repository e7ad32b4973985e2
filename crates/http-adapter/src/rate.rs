//! How often a link may be posted to.

use std::time::Duration;

use tokio::time::Instant;

/// A bucket of so many requests, which fills again in a second.
#[derive(Debug)]
pub(crate) struct Rate {
    per_s: f64,
    left: f64,
    at: Instant,
}

impl Rate {
    pub(crate) fn new(per_s: u32, now: Instant) -> Self {
        Self { per_s: f64::from(per_s), left: f64::from(per_s), at: now }
    }

    /// Takes one request.
    ///
    /// # Errors
    /// If there is none left: how long until there is.
    pub(crate) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let since = now.saturating_duration_since(self.at).as_secs_f64();
        self.left = (self.left + since * self.per_s).min(self.per_s);
        self.at = now;
        if self.left < 1.0 {
            return Err(Duration::from_secs_f64((1.0 - self.left) / self.per_s));
        }
        self.left -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_a_second_allows_may_come_at_once() {
        let now = Instant::now();
        let mut rate = Rate::new(4, now);
        assert!((0..4).all(|_| rate.take(now).is_ok()));
        assert_eq!(rate.take(now), Err(Duration::from_millis(250)));
        assert_eq!(rate.take(now + Duration::from_millis(250)), Ok(()));
        assert!(rate.take(now + Duration::from_millis(260)).is_err());
        let later = now + Duration::from_secs(3600);
        assert_eq!((0..100).filter(|_| rate.take(later).is_ok()).count(), 4, "no more are saved up");
    }
}
