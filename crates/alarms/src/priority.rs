//! How urgent an incident is: what it costs, and how long there is to act (ISA-18.2, EEMUA 191).

use plant::{AlarmPolicy, Cause, Consequence, Plant, Priority, StationId};

use crate::Stake;

/// Seconds to a limit at or below which there is no time to lose.
const NOW_S: f64 = 15.0 * 60.0;
/// Seconds to a limit at or below which something should be done within the hour.
const SOON_S: f64 = 60.0 * 60.0;

/// How bad it is if nobody acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Severity {
    Minor,
    Major,
    Severe,
}

/// How long there is to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Left {
    Long,
    Soon,
    Now,
}

/// What comes of a cause at a station if nobody acts.
pub(crate) fn stake(cause: Cause, station: Option<StationId>, plant: &Plant) -> Stake {
    let consequence = cause.consequence();
    let costs = plant.alarms.costs.as_ref();
    let parts_per_h = || Some(3600.0 / plant.station(station?).ideal_cycle_s?);
    let cost_per_h = costs.and_then(|costs| match consequence {
        Consequence::Scrap => Some(costs.scrap_per_part * parts_per_h()?),
        Consequence::Stop => Some(costs.downtime_per_h),
        Consequence::Slow => Some(costs.downtime_per_h * costs.slow_share),
        Consequence::Blind => None,
    });
    Stake { consequence, cost_per_h }
}

/// How urgent it is, by what it costs and the seconds to a limit. A lost link leaves no time: nothing is seen behind it.
pub(crate) fn priority(cause: Cause, stake: Stake, time_to_limit_s: Option<f64>, policy: &AlarmPolicy) -> Priority {
    let left = match time_to_limit_s {
        _ if cause == Cause::LinkLoss => Left::Now,
        Some(seconds) if seconds <= NOW_S => Left::Now,
        Some(seconds) if seconds <= SOON_S => Left::Soon,
        _ => Left::Long,
    };
    match (severity(stake, policy), left) {
        (Severity::Minor, Left::Long | Left::Soon) | (Severity::Major, Left::Long) => Priority::Low,
        (Severity::Minor, Left::Now) | (Severity::Major, Left::Soon) | (Severity::Severe, Left::Long) => {
            Priority::Medium
        }
        (Severity::Major, Left::Now) | (Severity::Severe, Left::Soon | Left::Now) => Priority::High,
    }
}

/// What costs nobody knows is taken to be major.
fn severity(stake: Stake, policy: &AlarmPolicy) -> Severity {
    match (stake.cost_per_h, &policy.costs) {
        (Some(cost), Some(costs)) if cost < costs.minor_below => Severity::Minor,
        (Some(cost), Some(costs)) if cost >= costs.severe_from => Severity::Severe,
        _ => Severity::Major,
    }
}

/// The highest severity, of OPC UA's 1 to 1000, that is low, and that is medium: its classic bands are of 200 each, low,
/// medium-low, medium, medium-high and high.
const LOW_TO: f64 = 400.0;
const MEDIUM_TO: f64 = 800.0;

/// How urgent it is, by what the machine itself says.
pub(crate) fn machine_priority(severity: f64) -> Priority {
    match severity {
        severity if severity <= LOW_TO => Priority::Low,
        severity if severity <= MEDIUM_TO => Priority::Medium,
        _ => Priority::High,
    }
}

/// One step less urgent.
pub(crate) fn lowered(priority: Priority) -> Priority {
    match priority {
        Priority::High => Priority::Medium,
        Priority::Medium | Priority::Low => Priority::Low,
    }
}
