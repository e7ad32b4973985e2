//! What a backtest of recordings tells in the terminal.

use std::fmt;

use contract::{
    AlarmsV1, BacktestConfigurationV1, BacktestRecordingV1, BacktestV1, DifferenceV1, FoundV1, JudgedAlertV1, WorthName,
};

use crate::backtest::words::{count, counted, earlier, minutes, per_shift, share, spread_min};

/// The tables; with `list_alerts` every alert as well.
pub(super) struct Tables<'a> {
    pub(super) backtest: &'a BacktestV1,
    pub(super) list_alerts: bool,
}

impl fmt::Display for Tables<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backtest, list_alerts } = self;
        for recording in &backtest.recordings {
            write_recording(f, recording)?;
        }
        if backtest.learning_s > 0.0 {
            writeln!(f, "The first {} min of each are not judged.", minutes(Some(backtest.learning_s)))?;
        }
        for configuration in &backtest.configurations {
            writeln!(f, "\nConfiguration {}", configuration.name)?;
            write_configuration(f, configuration)?;
        }
        if let [judged, against] = &backtest.configurations[..] {
            writeln!(f, "\n{} against {}, alert by alert", judged.name, against.name)?;
            backtest.recordings.iter().try_for_each(|recording| write_difference(f, recording, judged, against))?;
        }
        if *list_alerts {
            for (place, configuration) in backtest.configurations.iter().enumerate() {
                writeln!(f, "\nAlerts under {}", configuration.name)?;
                backtest.recordings.iter().try_for_each(|recording| write_alerts(f, recording, place))?;
            }
        }
        let met: Vec<_> = backtest.thresholds.iter().filter(|threshold| threshold.met).collect();
        if !met.is_empty() {
            writeln!(f)?;
        }
        met.into_iter().try_for_each(|threshold| writeln!(f, "--{} met: {}", threshold.name, threshold.told))
    }
}

fn write_recording(f: &mut fmt::Formatter<'_>, recording: &BacktestRecordingV1) -> fmt::Result {
    let BacktestRecordingV1 { name, from, until, runs, .. } = recording;
    let labels = match recording.labelled {
        true => counted(recording.faults.len(), "labelled fault", "labelled faults"),
        false => "no labels".to_owned(),
    };
    writeln!(f, "{name}: {from} to {until}, {:.2} shifts, {labels}", runs[0].shifts)?;
    let too_early = recording.faults.iter().filter(|fault| !fault.judged).count();
    if too_early > 0 {
        let faults = counted(too_early, "fault is", "faults are");
        writeln!(f, "  {faults} not judged: there before the twin had learnt")?;
    }
    Ok(())
}

fn write_configuration(f: &mut fmt::Formatter<'_>, configuration: &BacktestConfigurationV1) -> fmt::Result {
    if configuration.found.faults > 0 {
        write_found(f, &["fault", "found", "right cause", "delay, min", "won, min", "in time"])?;
        for fault in &configuration.faults {
            write_found(f, &found(fault.fault.as_deref().unwrap_or("(no name)"), &fault.found))?;
        }
    }
    if configuration.alarms.false_alarms.is_some() {
        write_place(f, &["place", "found", "right cause", "delay, min", "won, min", "in time"], ["false", "a shift"])?;
        for place in &configuration.places {
            write_place(
                f,
                &found(&place.place, &place.found),
                false_alarms(&place.alarms).each_ref().map(String::as_str),
            )?;
        }
        let all = false_alarms(&configuration.alarms);
        write_place(f, &found("all", &configuration.found), all.each_ref().map(String::as_str))?;
    }
    if let Some(rate) = configuration.alarms.unlabelled {
        let alerts = counted(rate.count as usize, "alert", "alerts");
        let (shifts, a_shift) = (rate.shifts, per_shift(Some(rate)));
        writeln!(f, "recordings without labels: {alerts} in {shifts:.2} shifts, {a_shift} a shift")?;
        for place in
            configuration.places.iter().filter(|place| place.alarms.unlabelled.is_some_and(|rate| rate.count > 0))
        {
            writeln!(f, "  {:18} {:>6}", place.place, count(place.alarms.unlabelled))?;
        }
    }
    Ok(())
}

fn found(name: &str, found: &FoundV1) -> [String; 6] {
    [
        name.to_owned(),
        share(found.found, found.faults),
        share(found.right_cause, found.with_cause),
        spread_min(found.delay_s),
        spread_min(found.time_won_s),
        share(found.in_time, found.with_limit),
    ]
}

fn false_alarms(alarms: &AlarmsV1) -> [String; 2] {
    [count(alarms.false_alarms), per_shift(alarms.false_alarms)]
}

fn write_found(f: &mut fmt::Formatter<'_>, cells: &[impl AsRef<str>; 6]) -> fmt::Result {
    writeln!(f, "{}", found_row(cells).trim_end())
}

fn write_place(f: &mut fmt::Formatter<'_>, cells: &[impl AsRef<str>; 6], more: [&str; 2]) -> fmt::Result {
    writeln!(f, "{} {:>6} {:>8}", found_row(cells), more[0], more[1])
}

fn found_row(cells: &[impl AsRef<str>; 6]) -> String {
    let [name, found, cause, delay, won, in_time] = cells.each_ref().map(AsRef::as_ref);
    format!("{name:20} {found:>7} {cause:>11} {delay:>22} {won:>22} {in_time:>8}")
}

fn write_difference(
    f: &mut fmt::Formatter<'_>,
    recording: &BacktestRecordingV1,
    judged: &BacktestConfigurationV1,
    against: &BacktestConfigurationV1,
) -> fmt::Result {
    let Some(DifferenceV1 { matched, only_judged, only_against }) = &recording.difference else { return Ok(()) };
    let number = |test: fn(f64) -> bool| matched.iter().filter(|pair| test(pair.earlier_s)).count();
    writeln!(
        f,
        "{}: {} in both ({} earlier, {} later, {} with another cause), {} only in {}, {} only in {}",
        recording.name,
        matched.len(),
        number(|seconds| seconds > 0.0),
        number(|seconds| seconds < 0.0),
        matched.iter().filter(|pair| pair.cause_changed).count(),
        only_judged.len(),
        judged.name,
        only_against.len(),
        against.name
    )?;
    for pair in matched.iter().filter(|pair| pair.earlier_s != 0.0 || pair.cause_changed) {
        let (Some(ours), Some(theirs)) = (recording.alert(0, &pair.judged), recording.alert(1, &pair.against)) else {
            continue;
        };
        let cause = match pair.cause_changed {
            true => format!("{}, not {}", ours.cause.name(), theirs.cause.name()),
            false => ours.cause.name().to_owned(),
        };
        writeln!(f, "  = {} {} {cause}: {}", ours.raised, ours.place, earlier(pair))?;
    }
    for (mark, run, ids) in [('+', 0, only_judged), ('-', 1, only_against)] {
        for alert in ids.iter().filter_map(|id| recording.alert(run, id)) {
            write_alert(f, mark, alert)?;
        }
    }
    Ok(())
}

fn write_alerts(f: &mut fmt::Formatter<'_>, recording: &BacktestRecordingV1, run: usize) -> fmt::Result {
    writeln!(f, "{}", recording.name)?;
    recording.runs[run].alerts.iter().try_for_each(|alert| write_alert(f, ' ', alert))
}

fn write_alert(f: &mut fmt::Formatter<'_>, mark: char, alert: &JudgedAlertV1) -> fmt::Result {
    let JudgedAlertV1 { raised, place, cause, worth, .. } = alert;
    let worth = match worth {
        WorthName::True => " (true)",
        WorthName::False => " (false)",
        WorthName::Unlabelled => "",
        WorthName::NotJudged => " (not judged)",
    };
    writeln!(f, "  {mark} {raised} {place} {}{worth}: {}", cause.name(), alert.evidence.join(", "))
}
