use serde::{Deserialize, Serialize};
use telemetry::NANOS_PER_SECOND;

/// How many handovers are remembered, and how many are needed to say what is usual.
const REMEMBERED: usize = 32;
const NEEDED: usize = 8;
/// Until then: what may pass for a handover, nanoseconds.
const FIRST_LIMIT_NS: i64 = 15 * NANOS_PER_SECOND;
/// A handover may take twice as long as usual, and this long more, before something must be holding it up: signals are
/// read once or twice a second.
const SLACK_NS: i64 = 2 * NANOS_PER_SECOND;
/// Where parts come from outside, nothing tells when one is there, and a wait of up to this long may be a handover.
const ENTRY_MAX_NS: i64 = 5 * NANOS_PER_SECOND;

/// How long handovers between stations take that are alike: from the moment that the station is free and a part is there
/// to the begin of work on it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Handovers {
    /// Nanoseconds, in a ring.
    latest_ns: Vec<i64>,
    next: usize,
    /// The lower quartile and the median of them, once they are enough.
    learnt_ns: Option<(i64, i64)>,
}

/// What may pass for a handover, nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usual {
    /// What counts as one if it takes longer than it may.
    pub(crate) usual_ns: i64,
    /// How long it may take.
    pub(crate) limit_ns: i64,
}

impl Handovers {
    /// One took so long.
    pub(crate) fn learn(&mut self, nanos: i64) {
        match self.latest_ns.get_mut(self.next) {
            Some(oldest) => *oldest = nanos,
            None => self.latest_ns.push(nanos),
        }
        self.next = (self.next + 1) % REMEMBERED;
        if self.latest_ns.len() >= NEEDED {
            let mut sorted = [0; REMEMBERED];
            let sorted = &mut sorted[..self.latest_ns.len()];
            sorted.copy_from_slice(&self.latest_ns);
            sorted.sort_unstable();
            self.learnt_ns = Some((sorted[sorted.len() / 4], sorted[sorted.len() / 2]));
        }
    }

    /// What is usual between stations.
    pub(crate) fn usual(&self) -> Usual {
        match self.learnt_ns {
            Some((_, median)) => {
                Usual { usual_ns: median, limit_ns: median.saturating_mul(2).saturating_add(SLACK_NS) }
            }
            None => Usual { usual_ns: FIRST_LIMIT_NS, limit_ns: FIRST_LIMIT_NS },
        }
    }

    /// What is usual at an entry of the line. A wait there may be one for parts; a short one is none.
    pub(crate) fn at_entry(&self) -> Usual {
        let nanos = self.learnt_ns.map_or(ENTRY_MAX_NS, |(quartile, _)| quartile.min(ENTRY_MAX_NS));
        Usual { usual_ns: nanos, limit_ns: nanos }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_usual_is_learnt_and_rare_long_ones_do_not_count() {
        let mut handovers = Handovers::default();
        assert_eq!(handovers.usual().limit_ns, FIRST_LIMIT_NS);
        let second = NANOS_PER_SECOND;
        for number in 0..40 {
            handovers.learn(if number % 10 == 0 { 300 * second } else { 3 * second });
        }
        assert_eq!(handovers.usual(), Usual { usual_ns: 3 * second, limit_ns: 8 * second });
        assert_eq!(handovers.at_entry(), Usual { usual_ns: 3 * second, limit_ns: 3 * second });
    }
}
