use plant::StationId;
use serde::{Deserialize, Serialize};
use telemetry::Timestamp;

use crate::{BottleneckShare, FlowModel, Kpis, LossTree, Made, Period};

/// What a shift came to, or has come to so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ShiftReport {
    /// The shift, by index into the calendar's list, 0 without a calendar; `None` between shifts.
    pub shift: Option<u16>,
    /// When it began.
    pub start: Timestamp,
    /// When it ends, by plan.
    pub end: Timestamp,
    /// Up to when it is accounted for: `end` once it is over.
    pub until: Timestamp,
    /// The line as a whole.
    pub line: LineKpis,
    /// Its stations with cycles, in the order of the configuration.
    pub stations: Vec<StationShift>,
    /// Which stations were the bottleneck, largest share first.
    pub bottlenecks: Vec<BottleneckShare>,
    /// Parts that have left the line, by variant; the last is what is not known to be of one.
    pub made: Vec<Made>,
}

/// What a station's shift came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StationShift {
    /// The station.
    pub station: StationId,
    /// Its indicators.
    pub kpis: Kpis,
    /// Where its time went.
    pub losses: LossTree,
}

/// What a line did in a shift; a part counts where its variant leaves the line.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LineKpis {
    /// Parts that have left the line.
    pub produced: u32,
    /// Of these, good ones, if every part was judged.
    pub good: Option<u32>,
    /// Of these, parts known to be scrap or to need rework.
    pub scrap: u32,
    /// Good parts planned for the whole shift.
    pub planned_output: Option<u32>,
    /// Planned busy time of the whole shift over its planned output, seconds a part.
    pub takt_s: Option<f64>,
    /// Parts an hour of planned busy time.
    pub throughput_per_h: Option<f64>,
    /// Effectiveness of the line as one machine: planned run time of its good parts, at the pace of its slowest station
    /// by plan, over its planned busy time; that of its end where that was seen. It is the OEE of ISO 22400-2 with the
    /// line for the work unit. `None` unless every part was judged.
    pub oee: Option<f64>,
    /// The same for all parts that have left the line, good or not.
    pub performance: Option<f64>,
}

impl ShiftReport {
    /// The station that was the bottleneck most.
    pub fn bottleneck(&self) -> Option<StationId> {
        self.bottlenecks.first().map(|share| share.station)
    }
}

impl LineKpis {
    /// Parts that are not known to be bad: the good ones, if every part was judged.
    pub fn not_scrap(&self) -> u32 {
        self.produced.saturating_sub(self.scrap)
    }

    /// The indicators of a period, of its stations and what has left the line in it.
    pub(crate) fn new(model: &FlowModel, period: &Period, stations: &[StationShift], made: &[Made]) -> Self {
        let mut all = Made::default();
        made.iter().for_each(|made| all.add(*made));
        let ends = stations.iter().filter(|station| model.is_exit(station.station.index()));
        let busy_s = ends.map(|end| end.kpis.planned_busy_s).fold(0.0, f64::max);
        let of_busy = |value: f64| (busy_s > 0.0).then(|| value / busy_s);
        let planned_output = model.planned_output(period.shift);
        let planned_s = model.calendar().planned_s(period.start, period.end);
        let good = all.good_known();
        Self {
            produced: all.produced(),
            good,
            scrap: all.scrap,
            planned_output,
            takt_s: planned_output.filter(|&parts| parts > 0).map(|parts| planned_s / f64::from(parts)),
            throughput_per_h: of_busy(f64::from(all.produced()) * 3600.0),
            oee: good.and_then(|_| of_busy(model.line_run_s(made, |made| made.good))),
            performance: of_busy(model.line_run_s(made, Made::produced)),
        }
    }
}
