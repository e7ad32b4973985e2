//! The clocks of devices: how far each is off, as its samples show, and what is done about it.
//!
//! A sample has two times: when the device says that its value was true, and when it was received. What lies between is the
//! way, which is short, and what the clock of the device is off. The smallest of a while is that almost alone: old values,
//! told late, only lie further back. A clock that is off by little is believed, as its times order what happened at the
//! device best; one that is off by more, and steadily so, is put right by what it is off.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};
use telemetry::{LinkId, Sample, Timestamp};

use crate::model::Route;
use crate::twin::{Step, Twin};
use crate::view::ClockOff;

/// For so long the smallest difference is taken together, seconds.
const SLOT_S: f64 = 10.0;
/// So many of these in a row must agree before anything follows.
const SLOTS: usize = 6;
/// Within this they agree, seconds. What is told late after a break is caught up with, and so does not.
const AGREEMENT_S: f64 = 5.0;

/// What is known of the clock of one device.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub(crate) struct DeviceClock {
    /// The latest, oldest first; the last is still open.
    slots: VecDeque<Slot>,
    /// What is added to its times, seconds; 0 if they are believed.
    correction_s: f64,
}

/// What was heard in a while.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Slot {
    begin: Timestamp,
    /// The smallest difference from a source time to the time of receipt, seconds.
    least_s: f64,
}

impl DeviceClock {
    /// What is added to its times, seconds; 0 if they are believed.
    pub(crate) fn correction_s(&self) -> f64 {
        self.correction_s
    }

    /// Takes in that a sample of that source time was received. A clock may be off by `allowed_s`. Returns whether its times
    /// are corrected by something else from now on.
    pub(crate) fn observe(&mut self, source: Timestamp, received: Timestamp, allowed_s: f64) -> bool {
        let behind_s = received.seconds_since(source);
        if self.correction_s != 0.0 && behind_s.abs() <= allowed_s {
            // Somebody has set it.
            *self = Self::default();
            return true;
        }
        match self.slots.back_mut() {
            Some(slot) if received.seconds_since(slot.begin) < SLOT_S => {
                slot.least_s = slot.least_s.min(behind_s);
                return false;
            }
            _ => {}
        }
        let measured_s = self.measured_s();
        if self.slots.len() == SLOTS {
            self.slots.pop_front();
        }
        self.slots.push_back(Slot { begin: received, least_s: behind_s });
        let Some(measured_s) = measured_s else { return false };
        let correction_s = if measured_s.abs() > allowed_s { measured_s } else { 0.0 };
        let is_new = (correction_s - self.correction_s).abs() > AGREEMENT_S;
        if is_new {
            self.correction_s = correction_s;
        }
        is_new
    }

    /// The host's clock was put back: what was measured against it before is nothing any more.
    pub(crate) fn forget(&mut self) {
        self.slots.clear();
    }

    /// What it is behind, seconds, if the latest slots agree.
    fn measured_s(&self) -> Option<f64> {
        let of_slots = || self.slots.iter().map(|slot| slot.least_s);
        let (least_s, most_s) = (of_slots().reduce(f64::min)?, of_slots().reduce(f64::max)?);
        (self.slots.len() == SLOTS && most_s - least_s <= AGREEMENT_S).then_some(least_s)
    }
}

impl Twin {
    /// Puts a sample's time right, as far as the clock of its device is known to be off. When that is found or changes, what
    /// is under way at its station has two times, and is given up.
    pub(crate) fn correct_time(&mut self, sample: &mut Sample, route: Route, step: &mut Step<'_>) {
        let Some(device) = route.device else { return };
        let allowed_s = self.model.plant.detection.clock_off_max_s;
        let clock = &mut self.state.clocks[device];
        let is_new = clock.observe(sample.source_time, self.state.now, allowed_s);
        let correction_s = clock.correction_s();
        if is_new {
            self.lose_sight_of(route.station, step);
        }
        if correction_s != 0.0 {
            self.state.counts.corrected_samples += 1;
            sample.source_time = sample.source_time.plus_seconds(correction_s);
        }
    }

    /// When what a sample says was true: its own time, put right as far as the clock of its device is known to be off now.
    pub fn time_of(&self, sample: &Sample) -> Timestamp {
        let device = self.model.routes.get(sample.signal.index()).and_then(|route| route.device);
        let correction_s = device.map_or(0.0, |device| self.state.clocks[device].correction_s());
        if correction_s == 0.0 { sample.source_time } else { sample.source_time.plus_seconds(correction_s) }
    }

    /// The clocks behind a link that are off.
    pub(crate) fn clocks_off(&self, link: LinkId) -> Vec<ClockOff> {
        let clocks = self.model.devices.iter().zip(&self.state.clocks);
        let off = clocks.filter(|((of, _), clock)| *of == link && clock.correction_s() != 0.0);
        off.map(|(&(_, station), clock)| ClockOff { station, behind_s: clock.correction_s() }).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALLOWED_S: f64 = 60.0;

    fn at(seconds: f64) -> Timestamp {
        Timestamp::from_millis(1_795_413_600_000).plus_seconds(seconds)
    }

    /// A device that tells each second, and how far behind its clock is then; the correction after each second.
    fn corrections(seconds: u32, behind_s: impl Fn(f64) -> f64) -> Vec<f64> {
        let mut clock = DeviceClock::default();
        let correction = |second: u32| {
            let now = f64::from(second);
            clock.observe(at(now - behind_s(now)), at(now), ALLOWED_S);
            clock.correction_s()
        };
        (0..seconds).map(correction).collect()
    }

    #[test]
    fn a_clock_that_is_off_by_little_is_believed() {
        for behind_s in [-50.0, 0.0, 0.2, 59.0] {
            assert_eq!(corrections(600, |_| behind_s), [0.0; 600]);
        }
    }

    #[test]
    fn a_clock_that_is_steadily_off_is_put_right_after_a_minute() {
        for behind_s in [-3600.0, 3600.0, 8.4e8] {
            // What is under way for longer than usual lies further back, and says nothing.
            let told = corrections(120, |now| behind_s + (now * 0.37) % 2.0);
            assert!(told[..60].iter().all(|&correction_s| correction_s == 0.0));
            assert!(told[60..].iter().all(|&correction_s| (correction_s - behind_s).abs() < 2.0), "{told:?}");
        }
    }

    #[test]
    fn what_is_told_late_after_a_break_is_no_wrong_clock() {
        // Ten times as fast as it happened, from an hour back.
        assert_eq!(corrections(900, |now| (3600.0 - 9.0 * now).max(0.0)), [0.0; 900]);
        // An old value again and again.
        assert_eq!(corrections(900, |now| 3600.0 + now), [0.0; 900]);
    }

    #[test]
    fn a_clock_that_was_set_is_believed_at_once() {
        let told = corrections(200, |now| if now < 100.0 { 3600.0 } else { 0.1 });
        assert_eq!((told[99], told[100]), (3600.0, 0.0));
        assert!(told[100..].iter().all(|&correction_s| correction_s == 0.0));
    }

    #[test]
    fn one_that_runs_wrong_is_followed_in_steps() {
        let told = corrections(40_000, |now| 0.01 * now);
        let steps = told.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!((40..100).contains(&steps), "{steps}");
        assert!((told[39_999] - 400.0).abs() < 10.0);
    }
}
