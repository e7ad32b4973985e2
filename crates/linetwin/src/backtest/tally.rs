//! What the finds and alerts of a configuration come to.

use std::collections::BTreeMap;

use contract::{
    AlarmsV1, BacktestConfigurationV1, BacktestFaultV1, BacktestPlaceV1, BacktestRecordingV1, FindV1, FoundV1,
    JudgedAlertV1, LabelledFaultV1, RateV1, SpreadV1, WorthName,
};

/// What one configuration came to, by its place among those that were run.
pub(super) fn configuration(
    name: String,
    place: usize,
    recordings: &[BacktestRecordingV1],
    places: &[String],
) -> BacktestConfigurationV1 {
    let finds: Vec<(&LabelledFaultV1, &FindV1)> = recordings
        .iter()
        .flat_map(|recording| {
            let of_fault = |find: &FindV1| &recording.faults[find.fault as usize];
            recording.runs[place].finds.iter().map(move |find| (of_fault(find), find))
        })
        .collect();
    let mut by_fault: BTreeMap<Option<&str>, Vec<(&LabelledFaultV1, &FindV1)>> = BTreeMap::new();
    for &find in &finds {
        by_fault.entry(find.0.fault.as_deref()).or_default().push(find);
    }
    BacktestConfigurationV1 {
        name,
        found: found(&finds),
        alarms: alarms(recordings, place, |_| true),
        faults: by_fault
            .into_iter()
            .map(|(fault, finds)| BacktestFaultV1 { fault: fault.map(str::to_owned), found: found(&finds) })
            .collect(),
        places: places
            .iter()
            .map(|name| {
                let there: Vec<_> = finds.iter().copied().filter(|(fault, _)| fault.place == *name).collect();
                let alarms = alarms(recordings, place, |alert| alert.place == *name);
                BacktestPlaceV1 { place: name.clone(), found: found(&there), alarms }
            })
            .collect(),
    }
}

fn found(finds: &[(&LabelledFaultV1, &FindV1)]) -> FoundV1 {
    let count = |test: fn(&LabelledFaultV1, &FindV1) -> bool| {
        finds.iter().filter(|(fault, find)| test(fault, find)).count() as u32
    };
    FoundV1 {
        faults: finds.len() as u32,
        found: count(|_, find| find.alert.is_some()),
        with_cause: count(|fault, _| fault.cause.is_some()),
        right_cause: count(|_, find| find.cause_is_right),
        delay_s: spread(finds.iter().filter_map(|(_, find)| find.delay_s)),
        with_limit: count(|fault, _| fault.limit.is_some()),
        in_time: count(|_, find| find.time_won_s.is_some_and(|won_s| won_s > 0.0)),
        time_won_s: spread(finds.iter().filter_map(|(_, find)| find.time_won_s)),
    }
}

fn alarms(recordings: &[BacktestRecordingV1], place: usize, is_there: impl Fn(&JudgedAlertV1) -> bool) -> AlarmsV1 {
    let rate = |labelled: bool, worth: WorthName| {
        let runs: Vec<_> = recordings
            .iter()
            .filter(|recording| recording.labelled == labelled)
            .map(|recording| &recording.runs[place])
            .collect();
        let alerts = runs.iter().flat_map(|run| &run.alerts);
        let count = alerts.filter(|alert| alert.worth == worth && is_there(alert)).count() as u32;
        let shifts = runs.iter().map(|run| run.shifts).fold(0.0, |sum, shifts| sum + shifts);
        let per_shift = (shifts > 0.0).then(|| f64::from(count) / shifts);
        (!runs.is_empty()).then_some(RateV1 { count, shifts, per_shift })
    };
    AlarmsV1 { false_alarms: rate(true, WorthName::False), unlabelled: rate(false, WorthName::Unlabelled) }
}

/// Where durations lie; `None` if there are none.
pub(super) fn spread(seconds: impl Iterator<Item = f64>) -> Option<SpreadV1> {
    let mut seconds: Vec<f64> = seconds.collect();
    seconds.sort_by(f64::total_cmp);
    let (&min_s, &median_s, &max_s) = (seconds.first()?, seconds.get(seconds.len() / 2)?, seconds.last()?);
    Some(SpreadV1 { min_s, median_s, max_s })
}
