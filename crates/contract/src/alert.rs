use alarms::{Acknowledgement, Evidence, Incident, Intervention, RankedCause};
use plant::{Plant, StationId, Texts};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::handling::suppressed_by;
use crate::headline::{evidence_title, headline};
use crate::phrases;
use crate::rim::{deviation_sigma, finite, is_zero, schema_tag, text};
use crate::{
    CauseName, CommonV1, DetectorName, DirectionName, EscalationV1, HistoryStepV1, InterventionV1, JudgedV1, Message,
    OutOfServiceV1, PriorityName, RecentChangeV1, ShelvedV1, StakeV1, StateName, StationKindName, TimeV1,
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
    /// The language of the texts in it, by its code after ISO 639-1; English, `en`, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
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
    /// What speaks for it, in the order it came; of more than 50 pieces the first.
    pub evidence: Vec<EvidenceV1>,
    /// How many pieces more there are.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub evidence_left_out: u32,
    /// Lots, tools and programs that its stations had come to use when they first showed it, by time.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent_changes: Vec<RecentChangeV1>,
    /// What the cycles that show it have in common and the others have not, the strongest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub in_common: Vec<CommonV1>,
    /// How often it came again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub repeats: u32,
    /// What comes of it if nobody does anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stake: Option<StakeV1>,
    /// How often the like was marked false since it was last marked true: that makes it one step less urgent.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub marked_false: u32,
    /// Who wants it not to be shown for a while.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shelved: Option<ShelvedV1>,
    /// What it is not shown for by design: the name of a rule of the plant, or `flood`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressed_by: Option<String>,
    /// What is being maintained.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub out_of_service: Option<OutOfServiceV1>,
    /// What somebody said of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judged: Option<JudgedV1>,
    /// Who is told because nobody acknowledges.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub escalation: Option<EscalationV1>,
    /// What happened to it, the latest last; of more than 50 steps the latest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub history: Vec<HistoryStepV1>,
    /// Its texts in the further languages of the line.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub translations: Vec<TranslationV1>,
}

/// The texts of an alert in a further language: each stands for the text of that name. Lists are in the alert's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TranslationV1 {
    /// The language, by its code after ISO 639-1, such as `de`.
    pub language: String,
    /// All of it in one sentence. Wording may change; do not parse it.
    pub headline: String,
    /// Title of the most likely cause.
    pub cause: String,
    /// Titles of its rivals.
    pub rivals: Vec<String>,
    /// What to do about the most likely cause.
    pub advice: String,
    /// Title of what ended it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_by: Option<String>,
    /// Titles of what was done shortly before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recent_interventions: Vec<String>,
    /// What the evidence is about, in a person's words.
    pub evidence: Vec<String>,
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
    /// That in a person's words in the language of the line; absent if it is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
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
        let texts = &plant.runbook.line;
        let cause = |ranked: &RankedCause| CauseV1::new(*ranked, incident.station, texts);
        let handling = &incident.handling;
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
            language: (texts.language() != "en").then(|| texts.language().to_owned()),
            headline: headline(incident, plant, texts),
            cause: cause(&incident.causes[0]),
            rivals: incident.causes[1..].iter().map(cause).collect(),
            advice: texts.advice(incident.cause(), incident.station).to_owned(),
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
            evidence: shown(incident).iter().map(|evidence| EvidenceV1::new(evidence, plant)).collect(),
            evidence_left_out: (incident.evidence.len() - shown(incident).len()) as u32,
            recent_changes: incident.recent_changes.iter().map(|recent| RecentChangeV1::new(recent, plant)).collect(),
            in_common: incident.in_common.iter().map(|common| CommonV1::new(common, plant)).collect(),
            repeats: handling.repeats,
            stake: handling.stake.map(|stake| StakeV1::new(stake, plant)),
            marked_false: handling.marked_false,
            shelved: handling.shelved.as_ref().map(ShelvedV1::from),
            suppressed_by: handling.suppressed.map(|suppressor| suppressed_by(suppressor, plant)),
            out_of_service: handling.out_of_service.as_ref().map(OutOfServiceV1::from),
            judged: handling.judged.as_ref().map(JudgedV1::from),
            escalation: handling.escalation.as_ref().map(EscalationV1::from),
            history: handling.history.iter().map(HistoryStepV1::from).collect(),
            translations: plant
                .runbook
                .further
                .iter()
                .map(|texts| TranslationV1::new(incident, plant, texts))
                .collect(),
        }
    }
}

impl Message for AlertV1 {}

/// The evidence that an alert shows: a common cause of many stations can have hundreds of pieces, and nobody reads them.
fn shown(incident: &Incident) -> &[Evidence] {
    const EVIDENCE_MAX: usize = 50;
    &incident.evidence[..incident.evidence.len().min(EVIDENCE_MAX)]
}

impl TranslationV1 {
    fn new(incident: &Incident, plant: &Plant, texts: &Texts) -> Self {
        let title = |ranked: &RankedCause| texts.title(ranked.cause, incident.station).to_owned();
        let done = |done: &Intervention| phrases::of(texts.language()).intervention(done.kind).to_owned();
        Self {
            language: texts.language().to_owned(),
            headline: headline(incident, plant, texts),
            cause: title(&incident.causes[0]),
            rivals: incident.causes[1..].iter().map(title).collect(),
            advice: texts.advice(incident.cause(), incident.station).to_owned(),
            ended_by: incident.ended_by.as_ref().map(done),
            recent_interventions: incident.recent_interventions.iter().map(done).collect(),
            evidence: shown(incident).iter().map(|evidence| evidence_title(evidence, texts).to_owned()).collect(),
        }
    }
}

impl CauseV1 {
    fn new(ranked: RankedCause, station: Option<StationId>, texts: &Texts) -> Self {
        let RankedCause { cause, share } = ranked;
        let title = texts.title(cause, station).to_owned();
        Self { name: cause.into(), title, share: finite(share).unwrap_or_default().clamp(0.0, 1.0) }
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
            title: Some(evidence_title(evidence, &plant.runbook.line))
                .filter(|title| *title != evidence.name)
                .map(str::to_owned),
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
    use alarms::{
        Change, Detector, Direction, Escalation, Handling, IncidentState, Judged, Judgement, Place, Priority,
        Recipient, Removed, Shelved, Source, Stake, Step, Suppressor, TimeToLimit,
    };
    use genealogy::Recent;
    use plant::{Cause, Consequence, Runbook};
    use proptest::prelude::*;
    use proptest::sample::select;
    use telemetry::{IncidentId, InterventionKind, LinkId, SignalId, Symbol, Timestamp};

    use super::*;
    use crate::testing::{self, COOL, WELD, assert_valid, plant};

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
            Source::Machine { station: COOL, signal: SignalId(0) },
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
                Detector::PeerDrift, Detector::Silence, Detector::LinkWatch, Detector::MachineAlarm,
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
        fn step()(
            at in moment(),
            change in select(Change::ALL.to_vec()),
            priority in select(Priority::ALL.to_vec()),
            by in proptest::option::of(".{1,64}"),
            comment in ".{0,80}",
        ) -> Step {
            Step { at, change, priority, by, comment }
        }
    }

    prop_compose! {
        fn handling()(
            (repeats, marked_false) in (any::<u32>(), any::<u32>()),
            (cost_per_h, by, name, comment) in (proptest::option::of(number()), ".{1,64}", ".{1,40}", ".{0,80}"),
            (at, until) in (moment(), proptest::option::of(moment())),
            judgement in select(vec![Judgement::True, Judgement::False, Judgement::Planned]),
            (shelved, removed, judged, escalated) in any::<(bool, bool, bool, bool)>(),
            suppressed in proptest::option::of(select(vec![Suppressor::Flood, Suppressor::Rule(7)])),
            history in proptest::collection::vec(step(), 0..4),
        ) -> Handling {
            let place = Place::Station(WELD);
            let to = vec![Recipient { role: name.clone(), name: None }, Recipient { role: name.clone(), name: Some(by.clone()) }];
            Handling {
                repeats, marked_false, suppressed, history,
                stake: Some(Stake { consequence: Consequence::Scrap, cost_per_h }),
                shelved: shelved.then(|| Shelved { by: by.clone(), at, until }),
                out_of_service: removed.then(|| Removed { place, name, by: by.clone(), at, comment }),
                judged: judged.then_some(Judged { judgement, by, at }),
                escalation: escalated.then_some(Escalation { step: 1, since: at, to }),
            }
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
            state in select(IncidentState::ALL.to_vec()),
            priority in select(Priority::ALL.to_vec()),
            handling in handling(),
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
                acknowledged, returned, ended_by, recent_interventions, handling,
                recent_changes: in_common.iter().map(|common| Recent { factor: common.factor, since: common.since }).collect(),
                in_common,
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_alert_is_valid_and_reads_as_it_was_written(
            incident in incident(),
            (line, further) in select(vec![("en", &[][..]), ("en", &["de"][..]), ("de", &["en", "fr"][..])]),
        ) {
            let plant = Plant { runbook: Runbook::built_in(line, further), ..plant() };
            let json = AlertV1::new(&incident, &plant).to_json();
            assert_valid("alert-v1", &json);
            let alert: AlertV1 = serde_json::from_str(&json)?;
            prop_assert_eq!(alert.to_json(), json);
            prop_assert_eq!(alert.translations.len(), further.len());
            for translation in &alert.translations {
                prop_assert_eq!(translation.rivals.len(), alert.rivals.len());
                prop_assert_eq!(translation.evidence.len(), alert.evidence.len());
                prop_assert_eq!(translation.recent_interventions.len(), alert.recent_interventions.len());
                prop_assert_eq!(translation.ended_by.is_some(), alert.ended_by.is_some());
            }
        }
    }

    #[test]
    fn a_line_may_speak_another_language_and_translate_into_english() {
        let plant = Plant { runbook: Runbook::built_in("de", &["en"]), ..plant() };
        let mut incident = testing::incident();
        incident.recent_interventions = vec![testing::tool_dress()];
        let german = AlertV1::new(&incident, &plant);
        let english = AlertV1::new(&incident, &testing::plant());
        assert_eq!(german.language.as_deref(), Some("de"));
        assert_eq!(german.cause.title, "Elektrodenverschleiß");
        assert_eq!(german.evidence[0].title.as_deref(), Some("Schweißwiderstand"));
        assert_eq!(german.recent_interventions[0].title, "Nachfräsen des Werkzeugs");
        let translation = TranslationV1 {
            language: "en".to_owned(),
            headline: english.headline,
            cause: english.cause.title,
            rivals: vec!["changed sheet or fit-up".to_owned()],
            advice: english.advice,
            ended_by: None,
            recent_interventions: vec!["tool dress".to_owned()],
            evidence: vec!["weld resistance".to_owned()],
        };
        assert_eq!(german.translations, [translation]);
    }
}
