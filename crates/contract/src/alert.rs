use alarms::{Acknowledgement, Evidence, Incident, RankedCause};
use plant::{Plant, StationId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::headline::headline;
use crate::rim::{deviation_sigma, finite, schema_tag, text};
use crate::{
    CauseName, CommonV1, DetectorName, DirectionName, InterventionV1, Message, PriorityName, RecentChangeV1, StateName,
    StationKindName, TimeV1,
};

schema_tag!(AlertSchema = "linetwin/alert/v1");

/// One incident as it is now: what is wrong, where, since when, why, how long until a limit, and what to do.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlertV1 {
    /// Version of this message.
    pub schema: AlertSchema,
    /// The incident, such as `412-0`. A replay of the same log gives the same id.
    #[schemars(regex(pattern = r"^[0-9]+-[0-9]+$"))]
    pub id: String,
    /// Where it is in its life.
    pub state: StateName,
    /// How soon somebody should act.
    pub priority: PriorityName,
    /// The enterprise.
    pub enterprise: String,
    /// The site within the enterprise.
    pub site: String,
    /// The area within the site.
    pub area: String,
    /// The line within the area.
    pub line: String,
    /// The station where the cause is to be mended; absent for a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station: Option<String>,
    /// What that station does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station_kind: Option<StationKindName>,
    /// The link, if the cause is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// All of it in one sentence for a supervisor. Wording may change; do not parse it.
    pub headline: String,
    /// The most likely cause.
    pub cause: CauseV1,
    /// The other possible causes, most likely first.
    pub rivals: Vec<CauseV1>,
    /// What to do about the most likely cause.
    pub advice: String,
    /// When it began, as far as the detectors can tell.
    pub onset: TimeV1,
    /// When it was raised.
    pub raised: TimeV1,
    /// When it last changed.
    pub updated: TimeV1,
    /// Who took it on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acknowledged: Option<AcknowledgementV1>,
    /// When it went away.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<TimeV1>,
    /// What was done that ended it: it did not go away by itself, and whether all is well is judged anew from then on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<InterventionV1>,
    /// Seconds from `updated` until a limit is crossed if it goes on like this; 0 if one is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_to_limit_s: Option<f64>,
    /// The early end of the interval around `time_to_limit_s`, in the same seconds; 0 if the limit may be crossed already.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_to_limit_earliest_s: Option<f64>,
    /// The late end of the interval around `time_to_limit_s`, in the same seconds; absent if what goes on may be too weak
    /// to lead to the limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_to_limit_latest_s: Option<f64>,
    /// Names of other stations that show it.
    pub affected: Vec<String>,
    /// What was done at its stations and their utilities shortly before they showed it, the latest last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent_interventions: Vec<InterventionV1>,
    /// What speaks for it, in the order it came.
    pub evidence: Vec<EvidenceV1>,
    /// Lots, tools and programs that its stations had come to use when they first showed it, by time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent_changes: Vec<RecentChangeV1>,
    /// What the cycles that show it have in common and the others have not, the strongest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_common: Vec<CommonV1>,
}

/// A possible cause.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CauseV1 {
    /// The cause.
    pub name: CauseName,
    /// The cause in a person's words.
    pub title: String,
    /// Its share of the evidence's weight, 0 to 1; those of an alert sum to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub share: f64,
}

/// Who took an incident on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AcknowledgementV1 {
    /// Who.
    pub by: String,
    /// When.
    pub at: TimeV1,
    /// What they added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What a verdict rests on. Numbers are in `unit` unless their name says otherwise.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceV1 {
    /// The station that shows it; absent for a link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub station: Option<String>,
    /// Name of the feature, the signal's path or the link's name.
    pub name: String,
    /// Unit of the values; absent where they have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The variant that was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variant: Option<String>,
    /// The part that was built.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub part: Option<String>,
    /// Which way it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub direction: Option<DirectionName>,
    /// The latest value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// What was expected of it in its context.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<f64>,
    /// Spread of the residual in that context, one standard deviation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sigma: Option<f64>,
    /// How many cycles the baseline was learnt from.
    pub baseline_cycles: u32,
    /// How many standard deviations the value is from its baseline; negative below.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deviation_sigma: Option<f64>,
    /// What noticed it.
    pub detector: DetectorName,
    /// The detector's statistic, in the detector's own measure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub statistic: Option<f64>,
    /// The threshold that the statistic crossed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub threshold: Option<f64>,
    /// How often this detector alone cries wolf: false alarms a shift.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub false_alarms_per_shift: Option<f64>,
    /// When it began, as far as the detector can tell.
    pub onset: TimeV1,
    /// More, in words: a link's reason, a program name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl AlertV1 {
    /// The alert of an incident of that plant.
    pub fn new(incident: &Incident, plant: &Plant) -> Self {
        let name = |id: StationId| plant.station(id).name.clone();
        let cause = CauseV1::from(incident.causes[0]);
        Self {
            schema: AlertSchema::V1,
            id: incident.id.to_string(),
            state: incident.state.into(),
            priority: incident.priority.into(),
            enterprise: plant.enterprise.clone(),
            site: plant.site.clone(),
            area: plant.area.clone(),
            line: plant.line.clone(),
            station: incident.station.map(name),
            station_kind: incident.station.map(|id| plant.station(id).kind.into()),
            link: incident.link.map(|id| plant.link(id).name.clone()),
            headline: headline(incident, plant),
            advice: cause.name.advice().to_owned(),
            cause,
            rivals: incident.causes[1..].iter().map(|&rival| rival.into()).collect(),
            onset: incident.onset.into(),
            raised: incident.raised.into(),
            updated: incident.updated.into(),
            acknowledged: incident.acknowledged.as_ref().map(AcknowledgementV1::from),
            returned: incident.returned.map(TimeV1),
            ended_by: incident.ended_by.as_ref().map(|ended| InterventionV1::new(ended, plant)),
            time_to_limit_s: finite(incident.time_to_limit.map(|time| time.expected_s)),
            time_to_limit_earliest_s: finite(incident.time_to_limit.map(|time| time.earliest_s)),
            time_to_limit_latest_s: finite(incident.time_to_limit.and_then(|time| time.latest_s)),
            affected: incident.affected.iter().map(|&id| name(id)).collect(),
            recent_interventions: incident
                .recent_interventions
                .iter()
                .map(|recent| InterventionV1::new(recent, plant))
                .collect(),
            evidence: incident.evidence.iter().map(|evidence| EvidenceV1::new(evidence, plant)).collect(),
            recent_changes: incident.recent_changes.iter().map(|recent| RecentChangeV1::new(recent, plant)).collect(),
            in_common: incident.in_common.iter().map(|common| CommonV1::new(common, plant)).collect(),
        }
    }
}

impl Message for AlertV1 {}

impl From<RankedCause> for CauseV1 {
    fn from(ranked: RankedCause) -> Self {
        let name = CauseName::from(ranked.cause);
        let share = finite(ranked.share).unwrap_or_default().clamp(0.0, 1.0);
        Self { name, title: name.title().to_owned(), share }
    }
}

impl From<&Acknowledgement> for AcknowledgementV1 {
    fn from(acknowledgement: &Acknowledgement) -> Self {
        let Acknowledgement { by, at, comment } = acknowledgement;
        Self { by: by.clone(), at: (*at).into(), comment: text(comment) }
    }
}

impl EvidenceV1 {
    fn new(evidence: &Evidence, plant: &Plant) -> Self {
        Self {
            station: evidence.source.station().map(|id| plant.station(id).name.clone()),
            name: evidence.name.clone(),
            unit: text(&evidence.unit),
            variant: evidence.variant.map(|variant| variant.to_string()),
            part: evidence.part.map(|part| part.to_string()),
            direction: evidence.direction.map(DirectionName::from),
            value: finite(evidence.value),
            baseline: finite(evidence.baseline),
            sigma: finite(evidence.sigma),
            baseline_cycles: evidence.baseline_cycles,
            deviation_sigma: deviation_sigma(evidence.value, evidence.baseline, evidence.sigma),
            detector: evidence.detector.into(),
            statistic: finite(evidence.statistic),
            threshold: finite(evidence.threshold),
            false_alarms_per_shift: finite(evidence.false_alarms_per_shift),
            onset: evidence.onset.into(),
            note: text(&evidence.note),
        }
    }
}

#[cfg(test)]
mod tests {
    use alarms::{Detector, Direction, IncidentState, Intervention, Priority, Source, TimeToLimit};
    use genealogy::Recent;
    use plant::Cause;
    use proptest::prelude::*;
    use proptest::sample::select;
    use telemetry::{IncidentId, InterventionKind, LinkId, SignalId, Symbol, Timestamp};

    use super::*;
    use crate::testing::{COOL, WELD, assert_valid, plant};

    fn moment() -> impl Strategy<Value = Timestamp> {
        any::<i64>().prop_map(Timestamp::from_nanos)
    }

    fn number() -> impl Strategy<Value = f64> {
        prop_oneof![proptest::num::f64::ANY, Just(0.0), Just(f64::NAN), Just(f64::INFINITY)]
    }

    fn source() -> impl Strategy<Value = Source> {
        select(vec![
            Source::Feature { station: WELD, feature: 3 },
            Source::Sensor { station: COOL, signal: SignalId(0) },
            Source::Link { link: LinkId(0) },
        ])
    }

    fn symbol() -> impl Strategy<Value = Option<Symbol>> {
        proptest::option::of("\\PC{0,7}".prop_filter_map("too long", |text| Symbol::new(&text).ok()))
    }

    prop_compose! {
        fn evidence()(
            (source, name, unit, note) in (source(), ".{0,20}", ".{0,4}", ".{0,40}"),
            (variant, part) in (symbol(), symbol()),
            direction in proptest::option::of(select(vec![Direction::Up, Direction::Down])),
            detector in select(vec![
                Detector::MeanShift, Detector::SpreadGrowth, Detector::FlatLine, Detector::Dropout, Detector::Spikes,
                Detector::PeerDrift, Detector::LinkWatch,
            ]),
            numbers in proptest::array::uniform3(proptest::option::of(number())),
            (statistic, threshold, false_alarms_per_shift) in (number(), number(), number()),
            (baseline_cycles, onset) in (any::<u32>(), moment()),
        ) -> Evidence {
            let [value, baseline, sigma] = numbers;
            Evidence {
                source, name, unit, variant, part, direction, value, baseline, sigma, baseline_cycles, detector,
                statistic, threshold, false_alarms_per_shift, onset, note,
            }
        }
    }

    prop_compose! {
        fn acknowledgement()(by in ".{1,64}", at in moment(), comment in ".{0,80}") -> Acknowledgement {
            Acknowledgement { by, at, comment }
        }
    }

    prop_compose! {
        fn intervention()(
            kind in select(InterventionKind::ALL),
            station in select(vec![COOL, WELD]),
            signal in proptest::option::of(Just(SignalId(0))),
            at in moment(),
            by in proptest::option::of(".{1,64}"),
            comment in ".{0,80}",
        ) -> Intervention {
            Intervention { kind, station, signal, at, by, comment }
        }
    }

    prop_compose! {
        fn time_to_limit()(
            (expected_s, earliest_s) in (number(), number()),
            latest_s in proptest::option::of(number()),
        ) -> TimeToLimit {
            TimeToLimit { expected_s, earliest_s, latest_s }
        }
    }

    prop_compose! {
        fn incident()(
            (sequence, ordinal) in (any::<u64>(), any::<u16>()),
            state in select(vec![
                IncidentState::Unacknowledged, IncidentState::Acknowledged,
                IncidentState::ReturnedUnacknowledged, IncidentState::Closed,
            ]),
            priority in select(vec![Priority::Low, Priority::Medium, Priority::High]),
            station in proptest::option::of(select(vec![COOL, WELD])),
            link in proptest::option::of(Just(LinkId(0))),
            causes in proptest::collection::vec((select(Cause::ALL.to_vec()), number()), 1..5),
            affected in proptest::collection::vec(select(vec![COOL, WELD]), 0..3),
            evidence in proptest::collection::vec(evidence(), 0..4),
            (onset, raised, updated) in (moment(), moment(), moment()),
            (returned, time_to_limit) in (proptest::option::of(moment()), proptest::option::of(time_to_limit())),
            acknowledged in proptest::option::of(acknowledgement()),
            ended_by in proptest::option::of(intervention()),
            recent_interventions in proptest::collection::vec(intervention(), 0..3),
            in_common in proptest::collection::vec(crate::common::tests::common(), 0..3),
        ) -> Incident {
            Incident {
                id: IncidentId { sequence, ordinal },
                causes: causes.into_iter().map(|(cause, share)| RankedCause { cause, share }).collect(),
                state, priority, station, link, affected, evidence, onset, raised, updated, time_to_limit,
                acknowledged, returned, ended_by, recent_interventions,
                recent_changes: in_common.iter().map(|common| Recent { factor: common.factor, since: common.since }).collect(),
                in_common,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_alert_is_valid_and_reads_as_it_was_written(incident in incident()) {
            let json = AlertV1::new(&incident, &plant()).to_json();
            assert_valid("alert-v1", &json);
            let alert: AlertV1 = serde_json::from_str(&json)?;
            prop_assert_eq!(alert.to_json(), json);
        }
    }
}
