//! A backtest as one page that needs no other file: for a meeting, and for the file that says why a change went live.

mod chart;
mod timeline;

use contract::{
    AlarmsV1, BacktestConfigurationV1, BacktestRecordingV1, BacktestV1, DifferenceV1, FindV1, FoundV1, JudgedAlertV1,
    LabelledFaultV1, ThresholdV1, TimeV1, WorthName,
};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::backtest::words::{NOTHING, count, counted, earlier, minutes, per_shift, share, spread_min};

const STYLE: &str = include_str!("report/report.css");

/// The page.
///
/// # Errors
/// If a plot cannot be drawn.
pub(super) fn page(backtest: &BacktestV1) -> anyhow::Result<String> {
    let title = format!("Backtest of line {}", backtest.line);
    let recordings: Vec<Markup> =
        backtest.recordings.iter().map(|recording| section(backtest, recording)).collect::<anyhow::Result<_>>()?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    h1 { (title) }
                    p.about { (about(backtest)) }
                }
                (verdict(&backtest.thresholds))
                (cards(&backtest.configurations))
                (plots(backtest)?)
                @for (place, configuration) in backtest.configurations.iter().enumerate() {
                    (tables(configuration, place))
                }
                @for recording in recordings { (recording) }
                (notes(backtest))
            }
        }
    };
    Ok(page.into_string())
}

fn about(backtest: &BacktestV1) -> String {
    let recordings = counted(backtest.recordings.len(), "recording", "recordings");
    let labelled = backtest.recordings.iter().filter(|recording| recording.labelled).count();
    let configurations: Vec<&str> =
        backtest.configurations.iter().map(|configuration| configuration.name.as_str()).collect();
    format!(
        "{recordings}, {labelled} with labels. Configuration {}. linetwin {}.",
        configurations.join(" against "),
        backtest.version
    )
}

/// Whether the configuration does what was asked of it.
fn verdict(thresholds: &[ThresholdV1]) -> Markup {
    let all_met = thresholds.iter().all(|threshold| threshold.met);
    html! {
        @if !thresholds.is_empty() {
            section class=(if all_met { "verdict met" } else { "verdict missed" }) {
                h2 { (if all_met { "All thresholds met" } else { "A threshold is missed" }) }
                ul {
                    @for threshold in thresholds {
                        li {
                            strong { (if threshold.met { "met" } else { "missed" }) } " "
                            code { "--" (threshold.name) } " " (threshold.told)
                        }
                    }
                }
            }
        }
    }
}

/// One figure of a configuration, as it is told.
type Figure = fn(&BacktestConfigurationV1) -> String;

/// The figures that matter, those of the other configuration below.
fn cards(configurations: &[BacktestConfigurationV1]) -> Markup {
    let of_labelled: [(&str, Figure); 5] = [
        ("faults found", |of| share(of.found.found, of.found.faults)),
        ("right cause first", |of| share(of.found.right_cause, of.found.with_cause)),
        ("median delay, min", |of| minutes(of.found.delay_s.map(|spread| spread.median_s))),
        ("median time won, min", |of| minutes(of.found.time_won_s.map(|spread| spread.median_s))),
        ("false alarms a shift", |of| per_shift(of.alarms.false_alarms)),
    ];
    let of_unlabelled: (&str, Figure) = ("alerts a shift, no labels", |of| per_shift(of.alarms.unlabelled));
    let has = |test: fn(&AlarmsV1) -> bool| configurations.iter().any(|of| test(&of.alarms));
    let card = |(name, figure): &(&str, Figure)| {
        let mut told = configurations.iter().map(figure);
        html! {
            div.card {
                div.figure { (told.next().unwrap_or_default()) }
                div.name { (name) }
                @for other in told { div.other { "against " (other) } }
            }
        }
    };
    html! {
        section.cards {
            @if has(|alarms| alarms.false_alarms.is_some()) {
                @for figure in &of_labelled { (card(figure)) }
            }
            @if has(|alarms| alarms.unlabelled.is_some()) { (card(&of_unlabelled)) }
        }
    }
}

fn plots(backtest: &BacktestV1) -> anyhow::Result<Markup> {
    let delay = chart::strips(backtest, |find| find.delay_s)?;
    let won = chart::strips(backtest, |find| find.time_won_s)?;
    let plot = |title: &str, text: &str, svg: Option<String>| {
        html! {
            @if let Some(svg) = svg {
                figure {
                    figcaption { strong { (title) } " " (text) }
                    (PreEscaped(svg))
                }
            }
        }
    };
    Ok(html! {
        section.plots {
            (plot("Delay", "From the begin of a fault to its alert, min. The bar is the median.", delay))
            (plot("Time won", "From the alert to the moment a limit was left, min; left of 0 it came too late.", won))
        }
        @if backtest.configurations.len() > 1 {
            p.legend { span.dot.judged {} (backtest.configurations[0].name) span.dot.against {} (backtest.configurations[1].name) }
        }
    })
}

fn tables(configuration: &BacktestConfigurationV1, place: usize) -> Markup {
    let head = |name: &str| {
        html! { th { (name) } th { "found" } th { "right cause" } th { "delay, min" } th { "time won, min" } th { "in time" } }
    };
    html! {
        section {
            h2 { (if place == 0 { "Configuration " } else { "Held against " }) (configuration.name) }
            @if !configuration.faults.is_empty() {
                table {
                    thead { tr { (head("fault")) } }
                    tbody {
                        @for fault in &configuration.faults {
                            tr { (found_cells(fault.fault.as_deref().unwrap_or("(no name)"), &fault.found)) }
                        }
                    }
                }
            }
            table {
                thead { tr { (head("station or link")) (alarm_heads(&configuration.alarms)) } }
                tbody {
                    @for place in &configuration.places {
                        tr { (found_cells(&place.place, &place.found)) (alarm_cells(&place.alarms)) }
                    }
                }
                tfoot { tr { (found_cells("all", &configuration.found)) (alarm_cells(&configuration.alarms)) } }
            }
        }
    }
}

fn found_cells(name: &str, found: &FoundV1) -> Markup {
    let is_short = found.found < found.faults;
    html! {
        th { (name) }
        td class=[is_short.then_some("bad")] { (share(found.found, found.faults)) }
        td { (share(found.right_cause, found.with_cause)) }
        td { (spread_min(found.delay_s)) }
        td { (spread_min(found.time_won_s)) }
        td { (share(found.in_time, found.with_limit)) }
    }
}

/// Columns only for what there is: recordings with labels, without, or both.
fn alarm_heads(alarms: &AlarmsV1) -> Markup {
    html! {
        @if alarms.false_alarms.is_some() { th { "false alarms" } th { "a shift" } }
        @if alarms.unlabelled.is_some() { th { "alerts, no labels" } th { "a shift" } }
    }
}

fn alarm_cells(alarms: &AlarmsV1) -> Markup {
    html! {
        @for rate in [alarms.false_alarms, alarms.unlabelled].into_iter().filter(Option::is_some) {
            td { (count(rate)) } td { (per_shift(rate)) }
        }
    }
}

fn section(backtest: &BacktestV1, recording: &BacktestRecordingV1) -> anyhow::Result<Markup> {
    let timeline = timeline::draw(recording, backtest.learning_s)?;
    let several = backtest.configurations.len() > 1;
    Ok(html! {
        section.recording {
            h2 { "Recording " (recording.name) }
            p.about {
                (time(recording.from)) " to " (time(recording.until)) " UTC, "
                (format!("{:.2}", recording.runs[0].shifts)) " shifts judged, "
                (if recording.labelled { counted(recording.faults.len(), "labelled fault", "labelled faults") } else { "no labels".to_owned() })
            }
            @if let Some(svg) = timeline {
                figure.wide { (PreEscaped(svg)) }
                p.legend {
                    span.bar.fault {} "labelled fault"
                    span.bar.limit {} "limit left"
                    @if recording.labelled { span.dot.true {} "alert of a fault" span.dot.false {} "false alarm" }
                    @else { span.dot.unlabelled {} "alert" }
                    span.dot.not-judged {} "alert not judged"
                    @if several {
                        span.lanes { "Upper: " (backtest.configurations[0].name) "; lower: " (backtest.configurations[1].name) }
                    }
                }
            } @else {
                p { "No fault and no alert." }
            }
            @if !recording.faults.is_empty() { (faults(backtest, recording)) }
            @if let Some(difference) = &recording.difference { (differences(backtest, recording, difference)) }
            @for (run, configuration) in recording.runs.iter().zip(&backtest.configurations) {
                @if !run.alerts.is_empty() {
                    details open[!recording.labelled && !several] {
                        summary { (counted(run.alerts.len(), "alert", "alerts")) " under " (configuration.name) }
                        (alerts(&run.alerts))
                    }
                }
            }
        }
    })
}

/// Every labelled fault and what became of it under each configuration.
fn faults(backtest: &BacktestV1, recording: &BacktestRecordingV1) -> Markup {
    html! {
        table {
            thead {
                tr {
                    th { "fault" } th { "at" } th { "began" } th { "ended" } th { "expected cause" }
                    @for configuration in &backtest.configurations { th { "under " (configuration.name) } }
                }
            }
            tbody {
                @for (place, fault) in recording.faults.iter().enumerate() {
                    tr {
                        th { (fault.fault.as_deref().unwrap_or("(no name)")) } td { (fault.place) }
                        td.time { (time(fault.began)) } td.time { (fault.ended.map_or_else(|| NOTHING.to_owned(), time)) }
                        td { (fault.cause.map_or(NOTHING, |cause| cause.name())) }
                        @for run in 0..recording.runs.len() { (find_cell(recording, run, place, fault)) }
                    }
                }
            }
        }
    }
}

fn find_cell(recording: &BacktestRecordingV1, run: usize, place: usize, fault: &LabelledFaultV1) -> Markup {
    let find = recording.runs[run].finds.iter().find(|find| find.fault as usize == place);
    let Some(FindV1 { alert, delay_s, time_won_s, cause_is_right, .. }) = find else {
        return html! { td.dim { "not judged: there before the twin had learnt" } };
    };
    let Some(alert) = alert.as_deref().and_then(|id| recording.alert(run, id)) else {
        return html! { td.bad { "not found" } };
    };
    let is_wrong = fault.cause.is_some() && !cause_is_right;
    html! {
        td {
            "after " (minutes(*delay_s)) " min"
            @if let Some(won_s) = time_won_s {
                @if *won_s > 0.0 { ", " (minutes(Some(*won_s))) " min before the limit" }
                @else { ", " span.bad { (minutes(Some(-won_s))) " min after the limit" } }
            }
            ", " span class=[is_wrong.then_some("bad")] { (alert.cause.name()) }
        }
    }
}

fn differences(backtest: &BacktestV1, recording: &BacktestRecordingV1, difference: &DifferenceV1) -> Markup {
    let DifferenceV1 { matched, only_judged, only_against } = difference;
    let names = [&backtest.configurations[0].name, &backtest.configurations[1].name];
    let pairs = matched
        .iter()
        .filter_map(|pair| Some((pair, recording.alert(0, &pair.judged)?, recording.alert(1, &pair.against)?)));
    let alone = [(0, only_judged), (1, only_against)]
        .into_iter()
        .flat_map(|(run, ids)| ids.iter().filter_map(move |id| Some((run, recording.alert(run, id)?))));
    html! {
        h3 { "Alert by alert" }
        table {
            thead { tr { th { "station or link" } th { (names[0]) } th { (names[1]) } th { "difference" } } }
            tbody {
                @for (pair, ours, theirs) in pairs {
                    tr {
                        th { (ours.place) } td { (brief(ours)) } td { (brief(theirs)) }
                        td { (earlier(pair)) @if pair.cause_changed { ", " strong { "another cause" } } }
                    }
                }
                @for (run, alert) in alone {
                    tr.alone {
                        th { (alert.place) }
                        @if run == 0 { td { (brief(alert)) } td {} } @else { td {} td { (brief(alert)) } }
                        td { "only under " (names[run]) }
                    }
                }
            }
        }
    }
}

fn brief(alert: &JudgedAlertV1) -> Markup {
    html! { (time(alert.raised)) " " (alert.cause.name()) " " (worth(alert.worth)) }
}

fn alerts(alerts: &[JudgedAlertV1]) -> Markup {
    html! {
        table {
            thead { tr { th { "raised" } th { "gone" } th { "at" } th { "what was told last" } th { "" } } }
            tbody {
                @for alert in alerts {
                    tr {
                        td.time { (time(alert.raised)) } td.time { (alert.gone.map_or_else(|| NOTHING.to_owned(), time)) }
                        th { (alert.place) } td { (alert.headline) } td { (worth(alert.worth)) }
                    }
                }
            }
        }
    }
}

fn worth(worth: WorthName) -> Markup {
    match worth {
        WorthName::True => html! { span.tag.true { "true" } },
        WorthName::False => html! { span.tag.false { "false alarm" } },
        WorthName::Unlabelled => html! {},
        WorthName::NotJudged => html! { span.tag { "not judged" } },
    }
}

/// To the second, as a person reads it.
fn time(at: TimeV1) -> String {
    let text = at.to_string();
    text.get(..19).map_or(text.clone(), |text| text.replace('T', " "))
}

fn notes(backtest: &BacktestV1) -> Markup {
    html! {
        section.notes {
            h2 { "How to read it" }
            p {
                "Found: an alert at the fault's place that was raised while the fault was there, or after it of something that \
                 began before its end. Right cause: the first cause of that alert, as last told, is the labelled one. Delay and \
                 time won are the median and in brackets the range. A false alarm is an alert of no labelled fault; a shift is as \
                 long as the configuration says, and pauses of the recording of more than an hour do not count. All times are UTC."
            }
            @if backtest.learning_s > 0.0 {
                p { "The first " (minutes(Some(backtest.learning_s))) " min of each recording are not judged: the twin learns." }
            }
        }
    }
}
