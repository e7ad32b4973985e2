use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rim::schema_tag;
use crate::{Message, QualityName, SignalV1, StateV1, TimeV1};

schema_tag!(SignalsSchema = "linetwin/signals/v1");

/// Some signals of the line, as asked for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SignalsV1 {
    /// Version of this message.
    pub schema: SignalsSchema,
    /// The twin's time: when the last input was received.
    pub now: TimeV1,
    /// How many signals there are that were searched for, whatever their quality.
    pub searched: CountedV1,
    /// How many of them are of the quality asked for.
    pub found: usize,
    /// Place of the first row among those found, from 0.
    pub first: usize,
    /// Signals by station and name.
    pub rows: Vec<PlacedSignalV1>,
}

/// How many signals are of which quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct CountedV1 {
    /// Their last value can be trusted.
    pub good: usize,
    /// There is a doubt about their last value.
    pub uncertain: usize,
    /// They have no value that may be used.
    pub bad: usize,
    /// They have never been heard of.
    pub unheard: usize,
}

/// A signal and its station.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PlacedSignalV1 {
    /// The station.
    pub station: String,
    /// The signal.
    #[serde(flatten)]
    pub signal: SignalV1,
}

/// Which signals are asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalsQueryV1 {
    /// A part of `STATION/NAME`, of the role or of the link's name, in capitals or not; all signals if left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only those of that quality.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quality: Option<SignalQualityName>,
    /// Place of the first row wanted among those found, from 0.
    #[serde(default)]
    pub first: usize,
    /// How many rows are wanted: 50 if left out, 200 at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rows: Option<usize>,
}

/// What can be asked for of a signal's quality.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignalQualityName {
    /// Trust it.
    Good,
    /// A value is there, with a doubt.
    Uncertain,
    /// Do not use the value.
    Bad,
    /// Never heard of.
    Unheard,
    /// All but good.
    NotGood,
}

impl SignalsQueryV1 {
    /// How many rows are told at most.
    pub const ROWS_MAX: usize = 200;
    /// How many rows are told if nobody says how many.
    const ROWS: usize = 50;

    fn rows(&self) -> usize {
        self.rows.unwrap_or(Self::ROWS).min(Self::ROWS_MAX)
    }
}

impl SignalQualityName {
    fn is(self, quality: Option<QualityName>) -> bool {
        match self {
            Self::Good => quality == Some(QualityName::Good),
            Self::Uncertain => quality == Some(QualityName::Uncertain),
            Self::Bad => quality == Some(QualityName::Bad),
            Self::Unheard => quality.is_none(),
            Self::NotGood => quality != Some(QualityName::Good),
        }
    }
}

impl CountedV1 {
    fn count(&mut self, quality: Option<QualityName>) {
        *match quality {
            Some(QualityName::Good) => &mut self.good,
            Some(QualityName::Uncertain) => &mut self.uncertain,
            Some(QualityName::Bad) => &mut self.bad,
            None => &mut self.unheard,
        } += 1;
    }
}

impl SignalsV1 {
    /// Those signals of the line that are asked for.
    pub fn find(state: &StateV1, query: &SignalsQueryV1) -> Self {
        let search = query.search.as_deref().unwrap_or_default().trim().to_lowercase();
        let (mut searched, mut found, mut rows) = (CountedV1::default(), 0, Vec::new());
        let all = state.stations.iter().flat_map(|station| station.signals.iter().map(move |one| (station, one)));
        for (station, signal) in all.filter(|(station, signal)| is_found(&station.name, signal, &search)) {
            searched.count(signal.quality);
            if query.quality.is_some_and(|wanted| !wanted.is(signal.quality)) {
                continue;
            }
            if found >= query.first && rows.len() < query.rows() {
                rows.push(PlacedSignalV1 { station: station.name.clone(), signal: signal.clone() });
            }
            found += 1;
        }
        Self { schema: SignalsSchema::V1, now: state.now, searched, found, first: query.first, rows }
    }
}

impl Message for SignalsV1 {}

fn is_found(station: &str, signal: &SignalV1, search: &str) -> bool {
    if search.is_empty() {
        return true;
    }
    let SignalV1 { name, role, link, .. } = signal;
    let link = link.as_deref().unwrap_or_default();
    [&format!("{station}/{name}"), role.as_str(), link].iter().any(|text| text.to_lowercase().contains(search))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{assert_valid, state};

    #[track_caller]
    fn check(query: SignalsQueryV1, expected: &[&str], found: usize) {
        let signals = SignalsV1::find(&state(), &query);
        assert_valid("signals-v1", &signals.to_json());
        let paths: Vec<_> = signals.rows.iter().map(|row| format!("{}/{}", row.station, row.signal.name)).collect();
        assert_eq!((paths.iter().map(String::as_str).collect::<Vec<_>>(), signals.found), (expected.to_vec(), found));
    }

    #[test]
    fn signals_are_found_by_station_name_role_link_and_quality() {
        let all = SignalsV1::find(&state(), &SignalsQueryV1::default());
        assert_eq!((all.found, all.rows.len()), (1, 1));
        let search = |text: &str| SignalsQueryV1 { search: Some(text.to_owned()), ..Default::default() };
        check(search("CURRENT"), &["weld-20/current"], 1);
        check(search("weld-20/cur"), &["weld-20/current"], 1);
        check(search("plc-weld"), &["weld-20/current"], 1);
        check(search("weld.curr"), &["weld-20/current"], 1);
        check(search("no such"), &[], 0);
        check(SignalsQueryV1 { quality: Some(SignalQualityName::Bad), ..search("current") }, &["weld-20/current"], 1);
        check(SignalsQueryV1 { quality: Some(SignalQualityName::Good), ..search("current") }, &[], 0);
        check(SignalsQueryV1 { first: 1, ..search("current") }, &[], 1);
        check(SignalsQueryV1 { rows: Some(0), ..search("current") }, &[], 1);
    }
}
