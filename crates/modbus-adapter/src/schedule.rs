use std::time::Duration;

use tokio::time::Instant;

/// The moments at which polls are due.
pub(crate) struct Slots {
    interval: Duration,
    due: Instant,
    /// From the first poll to the second, unless that has been.
    phase: Option<Duration>,
}

impl Slots {
    /// A first poll at once; the others in a phase of their own, which `name` makes: what comes up together does not poll
    /// together for ever.
    pub(crate) fn new(interval: Duration, name: &str) -> Self {
        let phase = interval.mul_f64(0.5 + 0.5 * share(name));
        Self { interval, due: Instant::now(), phase: Some(phase) }
    }

    pub(crate) fn due(&self) -> Instant {
        self.due
    }

    /// Moves on to the next slot that is not wholly past. Returns how many were.
    pub(crate) fn advance(&mut self) -> u64 {
        self.due += self.phase.take().unwrap_or(self.interval);
        let late = Instant::now().saturating_duration_since(self.due);
        let missed = u32::try_from(late.as_nanos() / self.interval.as_nanos()).unwrap_or(u32::MAX);
        self.due += self.interval * missed;
        missed.into()
    }
}

/// From 0 to 1, spread over names, and the same for a name on every machine: the hash is FNV-1a.
fn share(name: &str) -> f64 {
    let hash = name
        .bytes()
        .fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01B3));
    // The upper half is the better mixed one; short names still need a stir.
    f64::from((hash.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spread() {
        let mut shares: Vec<f64> = (0..100).map(|link| share(&format!("plc-{link}/fast"))).collect();
        shares.sort_by(f64::total_cmp);
        let widest = shares.windows(2).map(|pair| pair[1] - pair[0]).fold(0.0, f64::max);
        assert!(widest < 0.1 && shares[0] < 0.1 && shares[99] > 0.9, "{widest}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_that_was_missed_is_counted_and_the_phase_stays() {
        let mut slots = Slots::new(Duration::from_secs(1), "plc");
        let first = slots.due();
        assert_eq!(slots.advance(), 0);
        let second = slots.due();
        assert!(second - first >= Duration::from_millis(500) && second - first <= Duration::from_secs(1));
        tokio::time::advance(Duration::from_millis(3700)).await;
        let missed = slots.advance();
        assert_eq!(slots.due(), second + Duration::from_secs(1) * (missed as u32 + 1));
        assert!(missed >= 1);
    }
}
