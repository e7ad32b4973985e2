use std::collections::VecDeque;

use plant::{Flood, Priority};
use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

/// Least time between two incidents that are told after a flood, seconds.
const RELEASE_S: f64 = 60.0;

/// Watches how many incidents ask for attention. After EEMUA 191 a flood begins with more than so many in a window and is
/// over when there are fewer than half as many in one; then those that were held back come up one by one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct FloodWatch {
    /// When incidents asked for attention, within the window; no more than make a flood.
    asked: VecDeque<Timestamp>,
    since: Option<Timestamp>,
    released: Option<Timestamp>,
}

impl FloodWatch {
    /// Since when there is a flood.
    pub(crate) fn since(&self) -> Option<Timestamp> {
        self.since
    }

    /// Lets time pass.
    pub(crate) fn pass_time(&mut self, now: Timestamp, flood: Flood) {
        let window_s = flood.window_min * 60.0;
        // Of what is still to come, the clock was put back.
        self.asked.retain(|&at| (0.0..=window_s).contains(&now.seconds_since(at)));
        if self.asked.len() * 2 < flood.alarms_max as usize {
            self.since = None;
        }
    }

    /// Whether an incident that would ask for attention now may do so. If it may, it counts.
    pub(crate) fn admits(&mut self, priority: Priority, now: Timestamp, flood: Flood) -> bool {
        if self.since.is_none() && self.asked.len() >= flood.alarms_max as usize {
            self.since = Some(now);
        }
        if self.since.is_some() && priority < Priority::High {
            return false;
        }
        self.count(now, flood);
        true
    }

    /// Whether one of those that were held back may come up. If it may, it counts.
    pub(crate) fn releases(&mut self, now: Timestamp, flood: Flood) -> bool {
        let is_due = self.released.is_none_or(|released| now.seconds_since(released).abs() >= RELEASE_S);
        let releases = self.since.is_none() && is_due;
        if releases {
            self.released = Some(now);
            self.count(now, flood);
        }
        releases
    }

    fn count(&mut self, now: Timestamp, flood: Flood) {
        if self.asked.len() >= flood.alarms_max as usize {
            self.asked.pop_front();
        }
        self.asked.push_back(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOD: Flood = Flood { alarms_max: 10, window_min: 10.0 };

    fn at(seconds: f64) -> Timestamp {
        Timestamp::EPOCH.plus_seconds(seconds)
    }

    #[test]
    fn the_eleventh_in_ten_minutes_is_held_back_unless_it_is_urgent() {
        let mut watch = FloodWatch::default();
        for place in 0..10 {
            assert!(watch.admits(Priority::Low, at(f64::from(place)), FLOOD));
        }
        assert!(!watch.admits(Priority::Medium, at(11.0), FLOOD));
        assert!(watch.admits(Priority::High, at(12.0), FLOOD));
        assert_eq!(watch.since(), Some(at(11.0)));
    }

    #[test]
    fn after_a_flood_one_a_minute_comes_up() {
        let mut watch = FloodWatch::default();
        for _ in 0..11 {
            watch.admits(Priority::Low, at(0.0), FLOOD);
        }
        watch.pass_time(at(600.0), FLOOD);
        assert!(!watch.releases(at(600.0), FLOOD));
        watch.pass_time(at(601.0), FLOOD);
        assert_eq!(watch.since(), None);
        assert!(watch.releases(at(601.0), FLOOD));
        assert!(!watch.releases(at(602.0), FLOOD));
        assert!(watch.releases(at(661.0), FLOOD));
    }
}
