//! One incident: what it is and what to do, its chart, what may be behind it, what is at stake, and what was done about it.

use contract::{
    AlertV1, CommonV1, DetectorName, EvidenceV1, FactorName, FactorV1, HistoryStepV1, LineV1, RelationName, TimeV1,
};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::line::{limit, since};
use super::text::{self, BOLD, fact, heading, item};
use super::{chart, scrolled};
use crate::model::Model;
use crate::words::Words;

/// From this width on chart and text stand side by side.
const WIDE: u16 = 120;
/// The least of a chart that shows anything.
const CHART_ROWS_MIN: u16 = 7;
/// What a chart above the text leaves to that: the likely causes.
const TEXT_ROWS: u16 = 4;

pub(super) fn draw(model: &Model, id: &str, line: &LineV1, frame: &mut Frame<'_>, area: Rect) -> u16 {
    let words = &model.words;
    let Some(alert) = model.alert(id) else {
        let mut lines = vec![heading(&words.tell("incident.notOpen", &[("id", id)]))];
        lines.extend(item("", words.word("incident.notOpenMore"), area.width.into()));
        frame.render_widget(Paragraph::new(lines), area);
        return 0;
    };
    let alert = words.translated(alert.clone());
    let top = head(words, &alert, area.width.into());
    let [head, body] = Layout::vertical([Constraint::Length(top.len() as u16), Constraint::Min(0)]).areas(area);
    frame.render_widget(Paragraph::new(top), head);
    let drawn = model.chosen_evidence(&alert);
    let (picture, rest) = split(body, drawn.is_some());
    if let Some(evidence) = drawn {
        let of = chart::Of {
            station: evidence.station.as_deref().unwrap_or_default(),
            feature: &evidence.name,
            variant: evidence.variant.as_deref(),
            onset: Some(evidence.onset),
            now: line.now,
        };
        chart::draw(words, &of, model.series(), frame, picture);
    }
    scrolled(lines(words, &alert, line, rest.width.into()), model.scroll, frame, rest)
}

/// The place of the chart, and that of the text.
fn split(area: Rect, is_drawn: bool) -> (Rect, Rect) {
    if !is_drawn || area.height < CHART_ROWS_MIN {
        return (Rect::default(), area);
    }
    if area.width >= WIDE {
        let halves = Layout::horizontal([Constraint::Percentage(55), Constraint::Min(0)]).spacing(2);
        let [left, right] = halves.areas(area);
        return (left, right);
    }
    let rows = area.height.saturating_sub(TEXT_ROWS).min(area.height / 4 * 3).max(CHART_ROWS_MIN);
    let [upper, lower] = Layout::vertical([Constraint::Length(rows), Constraint::Min(0)]).areas(area);
    (upper, lower)
}

fn head(words: &Words, alert: &AlertV1, width: usize) -> Vec<Line<'static>> {
    let (mark, style) = text::of_priority(alert.priority);
    let state = words.of("alertState", alert.state);
    let place = alert.station.as_ref().or(alert.link.as_ref()).cloned().unwrap_or_default();
    let told = format!("{mark} {} · {state} · {place}  ", words.of("priority", alert.priority));
    let of = words.tell("incident.of", &[("id", &alert.id)]);
    let mut lines = vec![Line::from(vec![Span::styled(told, style), Span::raw(of)])];
    lines.extend(text::wrapped(&alert.headline, width).into_iter().map(|line| Line::styled(line, BOLD)));
    lines.extend(item(&format!("{}: ", words.word("incident.do")), &alert.advice, width));
    lines
}

fn lines(words: &Words, alert: &AlertV1, line: &LineV1, width: usize) -> Vec<Line<'static>> {
    let mut lines = vec![heading(words.word("incident.cause"))];
    for cause in [&alert.cause].into_iter().chain(&alert.rivals) {
        let bar = "#".repeat((cause.share * 10.0).round() as usize);
        let share = text::figure(&words.percent(Some(cause.share)), 5);
        lines.push(Line::from(format!("{share} {} {}", text::cell(&bar, 10), cause.title)));
    }
    lines.push(heading(words.word("incident.state")));
    lines.extend(overview(words, alert, line, width));
    lines.push(heading(words.word("incident.evidence")));
    for evidence in &alert.evidence {
        lines.extend(evidence_lines(words, evidence, line.now, width));
    }
    let notes = notes(words, alert, line.now);
    if !notes.is_empty() {
        lines.push(heading(words.word("incident.common")));
        lines.extend(notes.iter().flat_map(|note| item("- ", note, width)));
    }
    lines.push(heading(words.word("incident.history")));
    lines.extend(alert.history.iter().rev().flat_map(|step| item("- ", &step_text(words, step, line.now), width)));
    lines
}

fn overview(words: &Words, alert: &AlertV1, line: &LineV1, width: usize) -> Vec<Line<'static>> {
    let by_at =
        |by: &str, at: TimeV1| words.tell("incident.byAt", &[("by", by), ("time", &words.moment(at, line.now))]);
    let times = |count: u32| words.count("incident.times", count.into(), &words.counted(count));
    let stake = alert.stake.as_ref().map(|stake| {
        let what = words.of("consequence", stake.consequence);
        let Some(cost) = stake.cost_per_h else { return what.into_owned() };
        let currency = stake.currency.as_deref().unwrap_or_default();
        format!("{what}, {}", words.tell("incident.cost", &[("cost", &words.whole(cost)), ("currency", currency)]))
    });
    let shelved = alert.shelved.as_ref().map(|shelved| {
        let until =
            shelved.until.map(|until| words.tell("incident.until", &[("time", &words.moment(until, line.now))]));
        format!(
            "{}, {}",
            by_at(&shelved.by, shelved.at),
            until.unwrap_or_else(|| words.word("do.shelveOnce").to_owned())
        )
    });
    let escalated = alert.escalation.as_ref().map(|escalation| {
        let to =
            escalation.to.iter().map(|to| to.name.as_ref().unwrap_or(&to.role).as_str()).collect::<Vec<_>>().join(", ");
        let time = words.moment(escalation.since, line.now);
        words.tell("incident.escalatedTo", &[("step", &words.counted(escalation.step)), ("to", &to), ("time", &time)])
    });
    let acknowledged = alert.acknowledged.as_ref();
    let judged = alert.judged.as_ref();
    let out = alert.out_of_service.as_ref();
    let facts = [
        (words.word("incident.when"), Some(since(words, alert, line))),
        (words.word("incident.untilLimit"), Some(limit(words, alert, line))),
        (words.word("incident.also"), Some(alert.affected.join(", "))),
        (words.word("incident.stake"), stake),
        (words.word("incident.count"), (alert.repeats > 0).then(|| times(alert.repeats + 1))),
        (words.word("incident.acknowledged"), acknowledged.map(|by| by_at(&by.by, by.at))),
        (words.word("change.shelved"), shelved),
        (words.word("change.suppressed"), alert.suppressed_by.clone()),
        (
            words.word("change.removed-from-service"),
            out.map(|out| format!("{}, {}", out.place, by_at(&out.by, out.at))),
        ),
        (
            words.word("incident.judged"),
            judged.map(|judged| format!("{}, {}", words.of("as", judged.judgement), by_at(&judged.by, judged.at))),
        ),
        (words.word("incident.cried"), (alert.marked_false > 0).then(|| times(alert.marked_false))),
        (words.word("incident.escalated"), escalated),
    ];
    facts.into_iter().flat_map(|(label, text)| fact(label, text, width)).collect()
}

fn evidence_lines(words: &Words, evidence: &EvidenceV1, now: TimeV1, width: usize) -> Vec<Line<'static>> {
    let name = evidence.title.clone().unwrap_or_else(|| words.feature(&evidence.name));
    let place = evidence.station.as_ref().map(|station| format!("{station} · ")).unwrap_or_default();
    let part = evidence.part.as_ref().map(|part| words.tell("incident.part", &[("part", part)]));
    let context = part.into_iter().chain(evidence.variant.clone()).collect::<Vec<_>>().join(", ");
    let context = if context.is_empty() { context } else { format!(" ({context})") };
    let began = words.tell("incident.began", &[("time", &words.moment(evidence.onset, now))]);
    let mut lines = item("- ", &format!("{place}{name}{context}, {began}"), width);
    let texts = [measured(words, evidence), Some(judged(words, evidence)), evidence.note.clone()];
    lines.extend(texts.into_iter().flatten().flat_map(|text| item("  ", &text, width)));
    lines
}

/// What was measured where something else was expected.
fn measured(words: &Words, evidence: &EvidenceV1) -> Option<String> {
    let unit = evidence.unit.as_deref();
    let value = words.measured(Some(evidence.value?), unit);
    let Some(baseline) = evidence.baseline else { return Some(value) };
    let deviation =
        evidence.deviation_sigma.map(|sigmas| format!(", {}", words.sigmas(Some(sigmas)))).unwrap_or_default();
    let cycles =
        words.count("incident.cycles", evidence.baseline_cycles.into(), &words.counted(evidence.baseline_cycles));
    let expected = words.measured(Some(baseline), unit);
    let put = [("value", &*value), ("expected", &expected), ("deviation", &deviation), ("cycles", &cycles)];
    Some(words.tell("incident.measured", &put))
}

/// What the detector says, and how often it cries wolf.
fn judged(words: &Words, evidence: &EvidenceV1) -> String {
    let unit = match evidence.detector {
        DetectorName::MeanShift | DetectorName::SpreadGrowth | DetectorName::PeerDrift => {
            words.word("unit.log-likelihood")
        }
        DetectorName::FlatLine => words.word("unit.cycles"),
        DetectorName::Dropout | DetectorName::Spikes => words.word("unit.to 1"),
        DetectorName::Silence | DetectorName::LinkWatch => "s",
        DetectorName::MachineAlarm => words.word("unit.of 1000"),
    };
    let figure = |number| words.measured(number, Some(unit));
    let (statistic, threshold) = (figure(evidence.statistic), figure(evidence.threshold));
    let detector = words.of("detector", evidence.detector);
    let put = [("detector", &*detector), ("statistic", &statistic), ("threshold", &threshold)];
    let told = words.tell("incident.judgedBy", &put);
    let Some(alarms) = evidence.false_alarms_per_shift else { return format!("{told}.") };
    format!("{told}; {}.", words.tell("incident.falseAlarms", &[("number", &words.number(alarms))]))
}

/// What speaks for one cause or another: what the bad cycles have in common, what was done, what is new.
fn notes(words: &Words, alert: &AlertV1, now: TimeV1) -> Vec<String> {
    let common = alert.in_common.iter().map(|common| common_text(words, common, now));
    let recent = alert.recent_interventions.iter().map(|done| {
        let what = words.intervention(done.kind);
        format!(
            "{}: {}, {what} {}",
            words.word("incident.recent"),
            done.station,
            at_by(words, done.at, done.by.as_deref(), done.comment.as_deref(), now)
        )
    });
    let changed = alert.recent_changes.iter().map(|change| {
        let factor = factor_text(words, &change.factor);
        format!("{}: {factor}, {}", words.word("incident.changed"), words.moment(change.since, now))
    });
    common.chain(recent).chain(changed).collect()
}

fn common_text(words: &Words, common: &CommonV1, now: TimeV1) -> String {
    let factor = factor_text(words, &common.factor);
    let counts = [common.bad_with, common.bad, common.good_with, common.good].map(|count| words.counted(count));
    let time = words.moment(common.since, now);
    let names = ["bad_with", "bad", "good_with", "good"];
    let mut put: Vec<_> = names.into_iter().zip(counts.iter().map(String::as_str)).collect();
    put.extend([("factor", &*factor), ("time", &*time)]);
    match common.relation {
        RelationName::GoesWith => words.tell("incident.goesWith", &put),
        RelationName::BegunWith => words.tell("incident.begunWith", &put),
    }
}

fn factor_text(words: &Words, factor: &FactorV1) -> String {
    let own = factor.station.as_ref().filter(|_| factor.kind != FactorName::Station);
    let place = factor.signal.as_ref().or(own).map(|place| format!(" ({place})")).unwrap_or_default();
    format!("{} {}{place}", words.of("factor", factor.kind), factor.name)
}

/// When something was done, by whom and with which comment: `at 10:12 by Kim (12 passes)`.
pub(super) fn at_by(words: &Words, at: TimeV1, by: Option<&str>, comment: Option<&str>, now: TimeV1) -> String {
    let at = Some(words.tell("incident.at", &[("time", &words.moment(at, now))]));
    let by = by.map(|by| words.tell("incident.by", &[("by", by)]));
    let comment = comment.map(|comment| format!("({comment})"));
    [at, by, comment].into_iter().flatten().collect::<Vec<_>>().join(" ")
}

fn step_text(words: &Words, step: &HistoryStepV1, now: TimeV1) -> String {
    let change = words.of("change", step.change);
    format!("{} {change} {}", words.moment(step.at, now), by_comment(words, step)).trim_end().to_owned()
}

fn by_comment(words: &Words, step: &HistoryStepV1) -> String {
    let by = step.by.as_ref().map(|by| words.tell("incident.by", &[("by", by)]));
    let comment = step.comment.as_ref().map(|comment| format!("({comment})"));
    by.into_iter().chain(comment).collect::<Vec<_>>().join(" ")
}
