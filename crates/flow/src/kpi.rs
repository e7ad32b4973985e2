//! Key performance indicators after ISO 22400-2:2014, "Key performance indicators (KPIs) for manufacturing operations
//! management, definitions and descriptions", with its names and abbreviations.

use serde::{Deserialize, Serialize};

use crate::ledger::Ledger;
use crate::{Loss, Made};

/// The time and quantity elements of one station and period, and the indicators that follow from them.
///
/// How what was seen becomes the standard's elements stands at each field. Time in which the station was not seen is in
/// none of them. `None` is what is not known; nothing is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Kpis {
    /// Planned busy time, PBT, seconds: the period without the breaks in which the station did not work.
    pub planned_busy_s: f64,
    /// Actual production time, APT, seconds: work and handovers.
    pub production_s: f64,
    /// Of this, the time that parts took on their way in, as far as that is usual, seconds.
    pub handover_s: f64,
    /// Actual unit setup time, AUST, seconds: changeovers.
    pub setup_s: f64,
    /// Actual unit delay time, ADET, seconds: down, and held by something of its own.
    pub delay_s: f64,
    /// Actual unit down time, ADOT, seconds: available and not executing: starved, blocked or idle.
    pub down_s: f64,
    /// Actual unit processing time, AUPT = APT + AUST, seconds.
    pub processing_s: f64,
    /// Actual unit busy time, AUBT = AUPT + ADET, seconds; PBT = AUBT + ADOT.
    pub busy_s: f64,
    /// Planned run time of what was made, the sum of PRI over all parts, seconds: PRI is by variant.
    pub planned_run_s: Option<f64>,
    /// Produced quantity, PQ.
    pub produced: u32,
    /// Good quantity, GQ, if every part was judged.
    pub good: Option<u32>,
    /// Parts known to be scrap or to need rework; there can be more if not every part was judged.
    pub scrap: u32,
    /// Failure events, FE.
    pub failures: u32,
    /// Availability = APT / PBT.
    pub availability: Option<f64>,
    /// Effectiveness = PRI × PQ / APT; above 1 if the station is faster than planned.
    pub effectiveness: Option<f64>,
    /// Quality ratio = GQ / PQ.
    pub quality_ratio: Option<f64>,
    /// Overall equipment effectiveness = availability × effectiveness × quality ratio.
    pub oee: Option<f64>,
    /// Net equipment effectiveness = AUPT / PBT × effectiveness × quality ratio.
    pub nee: Option<f64>,
    /// Allocation efficiency = AUBT / PBT.
    pub allocation_efficiency: Option<f64>,
    /// Utilization efficiency = APT / AUBT.
    pub utilization_efficiency: Option<f64>,
    /// Technical efficiency = APT / (APT + ADET).
    pub technical_efficiency: Option<f64>,
    /// Setup ratio = AUST / AUPT.
    pub setup_ratio: Option<f64>,
    /// Throughput rate = PQ over the time seen in the period, breaks left out, 1/h. The standard divides by the execution
    /// time of an order, of which a line in flow has none.
    pub throughput_per_h: Option<f64>,
    /// Operating time between failures, seconds: APT / FE. Known from the first failure on.
    pub between_failures_s: Option<f64>,
    /// Time to restoration, seconds: time down with a fault / FE. Known from the first failure on.
    pub to_restoration_s: Option<f64>,
}

pub(crate) const NANOS: f64 = telemetry::NANOS_PER_SECOND as f64;

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

impl Kpis {
    /// The indicators of a ledger. `planned_run_ns` is the planned run time of all that was made, if it is planned.
    pub(crate) fn new(ledger: &Ledger, planned_run_ns: Option<i64>) -> Self {
        let seconds = |nanos: i64| nanos as f64 / NANOS;
        let fault_s = seconds(ledger.lost_ns(|loss| matches!(loss, Loss::Down(_))));
        let held_s = seconds(ledger.lost_ns(|loss| matches!(loss, Loss::Held(_))));
        let waits = |loss| matches!(loss, Loss::Starved(_) | Loss::Blocked(_) | Loss::Idle);
        let production_s = seconds(ledger.productive_ns());
        let setup_s = seconds(ledger.lost_ns(|loss| loss == Loss::Changeover));
        let (delay_s, down_s) = (fault_s + held_s, seconds(ledger.lost_ns(waits)));
        let processing_s = production_s + setup_s;
        let busy_s = processing_s + delay_s;
        let planned_busy_s = busy_s + down_s;
        let made = ledger.made_in_all();
        let (produced, good, failures) = (made.produced(), made.good_known(), ledger.failures());
        let planned_run_s = planned_run_ns.map(seconds);
        let availability = ratio(production_s, planned_busy_s);
        let effectiveness = planned_run_s.and_then(|run_s| ratio(run_s, production_s));
        let quality_ratio = good.and_then(|good| ratio(f64::from(good), f64::from(produced)));
        let yields = effectiveness.zip(quality_ratio).map(|(effectiveness, quality)| effectiveness * quality);
        let times_yields = |share: Option<f64>| share.zip(yields).map(|(share, yields)| share * yields);
        let per_failure = |seconds: f64| ratio(seconds, f64::from(failures));
        Self {
            planned_busy_s,
            production_s,
            handover_s: seconds(ledger.handover_ns()),
            setup_s,
            delay_s,
            down_s,
            processing_s,
            busy_s,
            planned_run_s,
            produced,
            good,
            scrap: made.scrap,
            failures,
            availability,
            effectiveness,
            quality_ratio,
            oee: times_yields(availability),
            nee: times_yields(ratio(processing_s, planned_busy_s)),
            allocation_efficiency: ratio(busy_s, planned_busy_s),
            utilization_efficiency: ratio(production_s, busy_s),
            technical_efficiency: ratio(production_s, production_s + delay_s),
            setup_ratio: ratio(setup_s, processing_s),
            throughput_per_h: ratio(f64::from(produced) * 3600.0, planned_busy_s),
            between_failures_s: per_failure(production_s),
            to_restoration_s: per_failure(fault_s),
        }
    }
}

/// Where the time of a period went, from all of it down to what made good parts. The parts add up to `total_ns` exactly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LossTree {
    /// All of the time, nanoseconds.
    pub total_ns: i64,
    /// What was lost before anything was produced, in the order of the losses, nanoseconds.
    pub losses: Vec<(Loss, i64)>,
    /// Production time beyond what was planned for the parts made, nanoseconds; negative if the station was faster. The
    /// part under way is in it.
    pub speed_ns: i64,
    /// Planned run time of parts that are scrap or to be reworked, nanoseconds.
    pub scrap_ns: i64,
    /// Planned run time of parts of which nothing tells whether they are good, nanoseconds.
    pub unjudged_ns: i64,
    /// Planned run time of good parts, nanoseconds.
    pub good_ns: i64,
}

impl LossTree {
    /// The tree of a ledger; `cycle_ns` is the planned run time per item by variant, as the ledger counts them, 0 where
    /// none is planned.
    pub(crate) fn new(ledger: &Ledger, cycle_ns: &[i64]) -> Self {
        let planned = |count: fn(&Made) -> u32| -> i64 {
            ledger.made().iter().zip(cycle_ns).map(|(made, cycle_ns)| i64::from(count(made)) * cycle_ns).sum()
        };
        let (scrap_ns, unjudged_ns) = (planned(|made| made.scrap), planned(|made| made.unjudged));
        let good_ns = planned(|made| made.good);
        let speed_ns = ledger.productive_ns() - scrap_ns - unjudged_ns - good_ns;
        Self { total_ns: ledger.total_ns(), losses: ledger.losses(), speed_ns, scrap_ns, unjudged_ns, good_ns }
    }

    /// All that it was divided into, nanoseconds.
    pub fn sum_ns(&self) -> i64 {
        let lost: i64 = self.losses.iter().map(|(_, nanos)| nanos).sum();
        lost + self.speed_ns + self.scrap_ns + self.unjudged_ns + self.good_ns
    }
}
