use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rim::schema_tag;
use crate::{CauseName, Message, TimeV1};

schema_tag!(BacktestSchema = "linetwin/backtest/v1");

/// How well a configuration does on recordings, and beside it the one it is held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BacktestV1 {
    /// Version of this message.
    pub schema: BacktestSchema,
    /// Version of the program that judged.
    pub version: String,
    /// The line that the configuration describes.
    pub line: String,
    /// What each recording begins with for the twin to learn from, seconds: nothing in it is judged.
    pub learning_s: f64,
    /// The configuration that is judged; then the one it is held against, if there is one.
    pub configurations: Vec<BacktestConfigurationV1>,
    /// The recordings, in the order they were named.
    pub recordings: Vec<BacktestRecordingV1>,
    /// What was asked of the configuration.
    pub thresholds: Vec<ThresholdV1>,
}

/// How well one configuration does on all recordings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BacktestConfigurationV1 {
    /// Its folder as it was named; `recorded` for what each recording was made under.
    pub name: String,
    /// How the faults were found.
    pub found: FoundV1,
    /// How often there was an alarm without one.
    pub alarms: AlarmsV1,
    /// How the faults of each name were found, by name.
    pub faults: Vec<BacktestFaultV1>,
    /// Each station and link that has a fault or an alarm, in the order of the configuration.
    pub places: Vec<BacktestPlaceV1>,
}

/// How the faults of one name were found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BacktestFaultV1 {
    /// Their name; absent for those without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// How they were found.
    pub found: FoundV1,
}

/// How well it does at one station or link.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BacktestPlaceV1 {
    /// Name of the station or the link.
    pub place: String,
    /// How the faults there were found.
    pub found: FoundV1,
    /// How often there was an alarm without one.
    pub alarms: AlarmsV1,
}

/// How faults were found.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FoundV1 {
    /// Faults that are labelled and judged.
    pub faults: u32,
    /// Of these, those with an alert at their place.
    pub found: u32,
    /// Faults whose cause is labelled.
    pub with_cause: u32,
    /// Of these, those whose alert came to have it as its first.
    pub right_cause: u32,
    /// From the begin of a fault to its alert, of those found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<SpreadV1>,
    /// Faults that brought a true quantity out of its limit.
    pub with_limit: u32,
    /// Of these, those with an alert before that.
    pub in_time: u32,
    /// From the alert to the moment the limit was left; negative for an alert that came later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_won_s: Option<SpreadV1>,
}

/// Where durations lie, seconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SpreadV1 {
    /// The shortest.
    pub min_s: f64,
    /// The one in the middle.
    pub median_s: f64,
    /// The longest.
    pub max_s: f64,
}

/// How often there was an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AlarmsV1 {
    /// Alerts of none of the labelled faults, in recordings with labels; absent if there is no such recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub false_alarms: Option<RateV1>,
    /// All alerts in recordings without labels, true or not; absent if there is no such recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unlabelled: Option<RateV1>,
}

/// A count and the time it was counted in.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RateV1 {
    /// How many.
    pub count: u32,
    /// In how many shifts, by the configuration's length of a shift.
    pub shifts: f64,
    /// How many a shift; absent if no time was judged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_shift: Option<f64>,
}

/// What came of one recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BacktestRecordingV1 {
    /// Name of its folder.
    pub name: String,
    /// When its first input was received.
    pub from: TimeV1,
    /// When its last input was received.
    pub until: TimeV1,
    /// Whether it is known what truly happened.
    pub labelled: bool,
    /// Its stations and links with a fault or an alert, in the order of the configuration.
    pub places: Vec<String>,
    /// What truly was wrong, by time.
    pub faults: Vec<LabelledFaultV1>,
    /// What each configuration made of it, in their order.
    pub runs: Vec<BacktestRunV1>,
    /// What tells the alerts of the two configurations apart; absent if there is only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub difference: Option<DifferenceV1>,
}

impl BacktestRecordingV1 {
    /// The alert of that id in one of the runs.
    pub fn alert(&self, run: usize, id: &str) -> Option<&JudgedAlertV1> {
        self.runs.get(run)?.alerts.iter().find(|alert| alert.id == id)
    }
}

/// Something that truly was wrong.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LabelledFaultV1 {
    /// Name of the station or the link.
    pub place: String,
    /// What, in the words of who labelled it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// The cause that an alert should name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<CauseName>,
    /// When it began.
    pub began: TimeV1,
    /// When it was gone; absent if it was there to the end of the recording.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<TimeV1>,
    /// When a true quantity left its limit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<TimeV1>,
    /// Whether it is judged: not if it was there before the twin had learnt.
    pub judged: bool,
}

/// What one configuration made of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BacktestRunV1 {
    /// How many shifts were judged, by the configuration's length of a shift.
    pub shifts: f64,
    /// What became of each fault that is judged, in the order of the recording's faults.
    pub finds: Vec<FindV1>,
    /// Every alert, by the time it was raised.
    pub alerts: Vec<JudgedAlertV1>,
}

/// What became of a fault.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FindV1 {
    /// Its place among the recording's faults, from 0.
    pub fault: u32,
    /// Its alert; absent if it was not found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alert: Option<String>,
    /// Seconds from its begin to its alert.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delay_s: Option<f64>,
    /// Seconds from its alert to the moment a limit was left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_won_s: Option<f64>,
    /// Whether its alert came to have the labelled cause as its first.
    pub cause_is_right: bool,
}

/// An alert and what it was worth.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JudgedAlertV1 {
    /// The alert's id, as in `alerts.jsonl`.
    pub id: String,
    /// Name of the station or the link, as last told.
    pub place: String,
    /// Its first cause, as last told.
    pub cause: CauseName,
    /// Names of what spoke for it.
    pub evidence: Vec<String>,
    /// All of it in one sentence, as last told. Wording may change; do not parse it.
    pub headline: String,
    /// When it began, as far as the detectors can tell.
    pub onset: TimeV1,
    /// When it was raised.
    pub raised: TimeV1,
    /// When it was gone; absent if it was there to the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gone: Option<TimeV1>,
    /// What it was worth.
    pub worth: WorthName,
}

/// What an alert was worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WorthName {
    /// It is of a labelled fault.
    True,
    /// It is of none.
    False,
    /// Nobody labelled the recording.
    Unlabelled,
    /// It came while the twin learnt, or is of a fault that is not judged.
    NotJudged,
}

/// What tells the alerts of two configurations apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DifferenceV1 {
    /// Alerts of both that are about the same.
    pub matched: Vec<MatchV1>,
    /// Ids of alerts that only the judged configuration has.
    pub only_judged: Vec<String>,
    /// Ids of alerts that only the other has.
    pub only_against: Vec<String>,
}

/// Two alerts about the same: at one place, with a feature or the cause in common, and there at the same time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MatchV1 {
    /// Id of the judged configuration's.
    pub judged: String,
    /// Id of the other's.
    pub against: String,
    /// By how many seconds the judged configuration's was raised before the other's; negative if later.
    pub earlier_s: f64,
    /// Whether the two ended with different causes.
    pub cause_changed: bool,
}

/// One thing that was asked of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ThresholdV1 {
    /// What, as on the command line, such as `max-false-per-shift`.
    pub name: String,
    /// Whether it was met.
    pub met: bool,
    /// What was asked and what came of it, in one sentence.
    pub told: String,
}

impl Message for BacktestV1 {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::testing::{assert_valid, at};

    fn backtest() -> BacktestV1 {
        let time = |time: &str| TimeV1(at(time));
        let found = FoundV1 {
            faults: 1,
            found: 1,
            with_cause: 1,
            right_cause: 0,
            delay_s: Some(SpreadV1 { min_s: 90.0, median_s: 90.0, max_s: 90.0 }),
            with_limit: 0,
            in_time: 0,
            time_won_s: None,
        };
        let rate = RateV1 { count: 0, shifts: 0.5, per_shift: Some(0.0) };
        let alarms = AlarmsV1 { false_alarms: Some(rate), unlabelled: None };
        let alert = JudgedAlertV1 {
            id: "412-0".to_owned(),
            place: "weld-20".to_owned(),
            cause: CauseName::SheetMaterial,
            evidence: vec!["weld resistance".to_owned()],
            headline: "weld-20: weld resistance low".to_owned(),
            onset: time("2026-11-24T08:14:30Z"),
            raised: time("2026-11-24T08:20:00Z"),
            gone: None,
            worth: WorthName::True,
        };
        let find = FindV1 {
            fault: 0,
            alert: Some("412-0".to_owned()),
            delay_s: Some(90.0),
            time_won_s: None,
            cause_is_right: false,
        };
        let pair =
            MatchV1 { judged: "412-0".to_owned(), against: "412-0".to_owned(), earlier_s: 0.0, cause_changed: false };
        BacktestV1 {
            schema: BacktestSchema::V1,
            version: "0.1.0".to_owned(),
            line: "line-1".to_owned(),
            learning_s: 0.0,
            configurations: vec![BacktestConfigurationV1 {
                name: "recorded".to_owned(),
                found,
                alarms,
                faults: vec![BacktestFaultV1 { fault: None, found }],
                places: vec![BacktestPlaceV1 { place: "weld-20".to_owned(), found, alarms }],
            }],
            recordings: vec![BacktestRecordingV1 {
                name: "early".to_owned(),
                from: time("2026-11-24T06:00:00Z"),
                until: time("2026-11-24T10:00:00Z"),
                labelled: true,
                places: vec!["weld-20".to_owned()],
                faults: vec![LabelledFaultV1 {
                    place: "weld-20".to_owned(),
                    fault: None,
                    cause: Some(CauseName::ElectrodeWear),
                    began: time("2026-11-24T08:18:30Z"),
                    ended: None,
                    limit: None,
                    judged: true,
                }],
                runs: vec![BacktestRunV1 { shifts: 0.5, finds: vec![find], alerts: vec![alert] }],
                difference: Some(DifferenceV1 {
                    matched: vec![pair],
                    only_judged: Vec::new(),
                    only_against: Vec::new(),
                }),
            }],
            thresholds: vec![ThresholdV1 { name: "min-found".to_owned(), met: true, told: "1 of 1".to_owned() }],
        }
    }

    #[test]
    fn a_backtest_fits_its_schema_and_is_read_again() {
        let backtest = backtest();
        assert_valid("backtest-v1", &backtest.to_json());
        assert_eq!(serde_json::from_str::<BacktestV1>(&backtest.to_json()).unwrap(), backtest);
    }

    #[test]
    fn an_alert_is_looked_up_in_its_own_run() {
        let recording = &backtest().recordings[0];
        assert_eq!(recording.alert(0, "412-0").map(|alert| &*alert.place), Some("weld-20"));
        assert_eq!((recording.alert(1, "412-0"), recording.alert(0, "413-0")), (None, None));
    }
}
