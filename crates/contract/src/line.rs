use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rim::schema_tag;
use crate::{
    AlertV1, CountsV1, FeatureV1, InterventionName, LinkV1, Message, OutOfServiceV1, RangeV1, ReplayV1, SignalV1,
    StateV1, StationKindName, StationStateName, StationV1, TimeV1,
};

schema_tag!(LineSchema = "linetwin/line/v1");

/// How many features closest to an alert are told.
const NEAREST_MAX: usize = 10;
/// The signals that say most of a station without cycles.
const SHOWN_ROLES: [&str; 2] = ["buffer.level", "loop.supply_temperature"];

/// What the live stream tells: the line without its signals and features, at first all of it, then what has changed. What
/// it takes does not grow with the number of signals.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LineV1 {
    /// Version of this message.
    pub schema: LineSchema,
    /// Whether this is all of the line. If not, stations that are not in it are as they were, and so is each list that is
    /// left out.
    pub whole: bool,
    /// The twin's time: when the last input was received.
    pub now: TimeV1,
    /// Sequence number of the last input.
    pub sequence: u64,
    /// The enterprise.
    pub enterprise: String,
    /// The site within the enterprise.
    pub site: String,
    /// The area within the site.
    pub area: String,
    /// The line within the area.
    pub line: String,
    /// What has been counted since the log began.
    pub counts: CountsV1,
    /// The shift in short.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shift: Option<ShiftNowV1>,
    /// What is wrong with the recording and what to do; absent if nothing is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recording_problem: Option<String>,
    /// How the replay stands, if this is not life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replay: Option<ReplayV1>,
    /// The places that are out of service, in the order they were removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub out_of_service: Vec<OutOfServiceV1>,
    /// Since when there are so many alerts that only those of high priority are told one by one; absent if there are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flood_since: Option<TimeV1>,
    /// The links, in the order of the configuration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub links: Option<Vec<LinkV1>>,
    /// Stations, in the order of the configuration: all, or those that have changed.
    pub stations: Vec<StationBriefV1>,
    /// The incidents that are not closed, in the order they were raised.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Vec<AlertV1>>,
    /// The features closest to an alert, the closest first; at most 10.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nearest: Option<Vec<NearestV1>>,
}

/// A station without its signals and features.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StationBriefV1 {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: StationKindName,
    /// What it is doing.
    pub state: StationStateName,
    /// Since when; absent if it has never been heard of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<TimeV1>,
    /// The part in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// The variant of that part.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// Duration of the last cycle, seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_cycle_s: Option<f64>,
    /// The cycle time it was designed for, seconds; absent where it has no cycles.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ideal_cycle_s: Option<f64>,
    /// Names of the stations that parts come from.
    pub upstream: Vec<String>,
    /// Names of the stations whose media it depends on.
    pub utilities: Vec<String>,
    /// Ids of the alerts to be mended here or shown here.
    pub alerts: Vec<String>,
    /// The neighbour that it waits for, while it is starved or blocked; `supply` at the start of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// Who is to blame: the other end of the chain of stations that wait for each other.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root: Option<String>,
    /// What was reported or seen to be done there while it stands.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<InterventionName>,
    /// Whether some of its features are not judged yet: their baselines are still being learnt.
    pub is_learning: bool,
    /// Of a station without cycles the signal that says most, such as the level of a buffer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shown: Option<SignalV1>,
}

/// The shift under way, or the time between two, in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShiftNowV1 {
    /// Name of the shift; absent without a calendar and between shifts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it is a shift; if not, it is the time between two.
    pub is_shift: bool,
    /// When it began.
    pub start: TimeV1,
    /// When it ends, by plan.
    pub end: TimeV1,
    /// Parts that have left the line.
    pub produced: u32,
    /// Of these, parts known to be scrap or to need rework.
    pub scrap: u32,
    /// Good parts planned for the whole shift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planned_output: Option<u32>,
    /// Overall equipment effectiveness of the line; absent unless every part was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oee: Option<f64>,
    /// Good parts that the whole shift may come to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub forecast: Option<RangeV1>,
    /// Probability of at least as many as planned, 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub odds: Option<f64>,
    /// The station that has now been active the longest without a wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bottleneck: Option<String>,
}

/// A feature and how near it is to an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct NearestV1 {
    /// The station.
    pub station: String,
    /// The feature.
    pub feature: FeatureV1,
}

impl LineV1 {
    /// All of the line.
    pub fn whole(state: &StateV1) -> Self {
        Self {
            whole: true,
            links: Some(state.links.clone()),
            stations: state.stations.iter().map(StationBriefV1::from).collect(),
            alerts: Some(state.alerts.clone()),
            nearest: Some(nearest(state)),
            ..Self::without_lists(state)
        }
    }

    /// What of the line is another than it was `before`.
    pub fn since(before: &StateV1, state: &StateV1) -> Self {
        let is_same_line = before.stations.len() == state.stations.len();
        if !is_same_line {
            return Self::whole(state);
        }
        let briefs = |state: &StateV1| state.stations.iter().map(StationBriefV1::from).collect::<Vec<_>>();
        let changed = briefs(before).into_iter().zip(briefs(state)).filter(|(before, now)| before != now);
        let nearest_now = nearest(state);
        Self {
            whole: false,
            links: (before.links != state.links).then(|| state.links.clone()),
            stations: changed.map(|(_, now)| now).collect(),
            alerts: (before.alerts != state.alerts).then(|| state.alerts.clone()),
            nearest: (nearest(before) != nearest_now).then_some(nearest_now),
            ..Self::without_lists(state)
        }
    }

    fn without_lists(state: &StateV1) -> Self {
        Self {
            schema: LineSchema::V1,
            whole: false,
            now: state.now,
            sequence: state.sequence,
            enterprise: state.enterprise.clone(),
            site: state.site.clone(),
            area: state.area.clone(),
            line: state.line.clone(),
            counts: state.counts,
            shift: ShiftNowV1::new(state),
            recording_problem: state.recording_problem.clone(),
            replay: state.replay,
            out_of_service: state.out_of_service.clone(),
            flood_since: state.flood_since,
            links: None,
            stations: Vec::new(),
            alerts: None,
            nearest: None,
        }
    }
}

impl Message for LineV1 {}

impl From<&StationV1> for StationBriefV1 {
    fn from(station: &StationV1) -> Self {
        let is_shown = |signal: &&SignalV1| SHOWN_ROLES.contains(&signal.role.as_str());
        let shown = station.ideal_cycle_s.is_none().then(|| station.signals.iter().find(is_shown).cloned()).flatten();
        Self {
            name: station.name.clone(),
            kind: station.kind,
            state: station.state,
            since: station.since,
            part: station.part.clone(),
            variant: station.variant.clone(),
            last_cycle_s: station.last_cycle_s,
            ideal_cycle_s: station.ideal_cycle_s,
            upstream: station.upstream.clone(),
            utilities: station.utilities.clone(),
            alerts: station.alerts.clone(),
            waits_for: station.waits_for.clone(),
            root: station.root.clone(),
            reason: station.reason,
            is_learning: station.features.iter().any(|feature| !feature.is_judged()),
            shown,
        }
    }
}

impl ShiftNowV1 {
    fn new(state: &StateV1) -> Option<Self> {
        let flow = state.flow.as_ref()?;
        let shift = flow.shift.as_ref()?;
        Some(Self {
            name: shift.name.clone(),
            is_shift: shift.is_shift,
            start: shift.start,
            end: shift.end,
            produced: shift.produced,
            scrap: shift.scrap,
            planned_output: shift.planned_output,
            oee: shift.oee,
            forecast: flow.forecast.as_ref().map(|forecast| forecast.output),
            odds: flow.forecast.as_ref().and_then(|forecast| forecast.odds),
            bottleneck: flow.bottleneck.now.clone(),
        })
    }
}

impl FeatureV1 {
    /// Whether its baseline is learnt.
    fn is_judged(&self) -> bool {
        self.baseline_cycles >= self.warm_up_cycles
    }

    /// The detector's statistic as a share of its threshold; `None` where there is none.
    fn nearness(&self) -> Option<f64> {
        let threshold = self.threshold.filter(|&threshold| threshold > 0.0 && self.is_judged())?;
        Some(self.statistic? / threshold)
    }
}

fn nearest(state: &StateV1) -> Vec<NearestV1> {
    let features = state.stations.iter().flat_map(|station| station.features.iter().map(move |one| (station, one)));
    let mut judged: Vec<_> =
        features.filter_map(|(station, feature)| Some((feature.nearness()?, station, feature))).collect();
    judged.sort_by(|(one, ..), (other, ..)| other.total_cmp(one));
    judged.truncate(NEAREST_MAX);
    let told = judged.into_iter();
    told.map(|(_, station, feature)| NearestV1 { station: station.name.clone(), feature: feature.clone() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_valid, state};

    #[test]
    fn what_has_not_changed_is_not_told_again() {
        let before = state();
        let mut now = before.clone();
        now.sequence += 1;
        now.stations[1].part = Some("P-2".to_owned());
        let change = LineV1::since(&before, &now);
        assert_valid("line-v1", &change.to_json());
        let names: Vec<_> = change.stations.iter().map(|station| station.name.as_str()).collect();
        assert_eq!((names, change.whole), (vec![now.stations[1].name.as_str()], false));
        assert_eq!((change.links, change.alerts, change.nearest), (None, None, None));
    }

    #[test]
    fn all_of_the_line_is_told_without_its_signals() {
        let json = LineV1::whole(&state()).to_json();
        assert_valid("line-v1", &json);
        assert!(json.contains(r#""whole":true"#) && !json.contains("signals"), "{json}");
    }

    #[test]
    fn the_feature_nearest_to_an_alert_comes_first() {
        let mut state = state();
        let feature = |name: &str, statistic: f64, baseline_cycles| FeatureV1 {
            name: name.to_owned(),
            unit: None,
            value: None,
            baseline: None,
            sigma: None,
            deviation_sigma: None,
            baseline_cycles,
            warm_up_cycles: 30,
            statistic: Some(statistic),
            threshold: Some(5.0),
        };
        state.stations[0].features = vec![feature("far", 1.0, 30), feature("near", 4.0, 31)];
        state.stations[1].features = vec![feature("learning", 4.9, 29)];
        let told = LineV1::whole(&state);
        let names = |line: LineV1| line.nearest.into_iter().flatten().map(|one| one.feature.name).collect::<Vec<_>>();
        let learning: Vec<_> = told.stations.iter().map(|station| station.is_learning).collect();
        assert_eq!(learning, [false, true]);
        assert_eq!(names(told), ["near", "far"]);
    }
}
