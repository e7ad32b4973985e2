//! One station: what it does, a chart of one of its features, all features and signals, and what was done there.

use contract::{FeatureV1, LineV1, StationV1};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::health::signal_line;
use super::incident::at_by;
use super::line::doing;
use super::text::{self, BOLD, MUTED, heading, item};
use super::{chart, scrolled};
use crate::model::Model;
use crate::words::Words;

/// The chart leaves at least as many rows to the text.
const TEXT_ROWS_MIN: u16 = 6;
const CHART_ROWS: u16 = 9;

pub(super) fn draw(model: &Model, name: &str, line: &LineV1, frame: &mut Frame<'_>, area: Rect) -> u16 {
    let words = &model.words;
    let brief = line.stations.iter().find(|station| station.name == name);
    let Some(brief) = brief else {
        let unknown = words.tell("station.unknown", &[("name", name)]);
        frame.render_widget(Paragraph::new(unknown), area);
        return 0;
    };
    let station = model.looked.station.as_ref().filter(|station| station.name == name);
    let title =
        format!("{name}: {}   {} {}", words.of("kind", brief.kind), text::of_state(brief.state).0, doing(words, brief));
    let mut head = vec![Line::styled(text::cut(&title, area.width.into()), BOLD)];
    let lead =
        station.map(|station| lead(words, station, line)).unwrap_or_else(|| words.word("chart.waiting").to_owned());
    head.extend(text::wrapped(&lead, area.width.into()).into_iter().map(Line::from));
    let out = line.out_of_service.iter().find(|out| out.place == name);
    head.extend(out.map(|out| {
        let time = words.moment(out.at, line.now);
        Line::styled(format!("! {}", words.tell("service.out", &[("time", &time), ("by", &out.by)])), BOLD)
    }));
    let charted = model.charted();
    let rows = if charted.is_some() && area.height >= CHART_ROWS + TEXT_ROWS_MIN { CHART_ROWS } else { 0 };
    let rows = [head.len() as u16, rows].map(Constraint::Length).into_iter().chain([Constraint::Min(0)]);
    let [upper, picture, lower] = Layout::vertical(rows).areas(area);
    frame.render_widget(Paragraph::new(head), upper);
    if let Some((_, feature)) = charted.filter(|_| picture.height > 0) {
        let evidence = model.alerts().flat_map(|alert| &alert.evidence);
        let mut own = evidence.filter(|one| one.station.as_deref() == Some(name) && one.name == feature);
        let of = chart::Of {
            station: name,
            feature: &feature,
            variant: brief.variant.as_deref(),
            onset: own.next().map(|evidence| evidence.onset),
            now: line.now,
        };
        chart::draw(words, &of, model.series(), frame, picture);
    }
    let lines = station.map(|station| lines(model, station, line, lower.width.into())).unwrap_or_default();
    scrolled(lines, model.scroll, frame, lower)
}

fn lead(words: &Words, station: &StationV1, line: &LineV1) -> String {
    let state = words.of("state", station.state);
    let doing = match station.since {
        Some(since) => words.tell("station.since", &[("state", &state), ("span", &words.age(Some(since), line.now))]),
        None => words.word("station.unheard").to_owned(),
    };
    let holds = match (&station.part, &station.variant) {
        (Some(part), Some(variant)) => words.tell("station.partOf", &[("part", part), ("variant", variant)]),
        (Some(part), None) => words.tell("station.part", &[("part", part)]),
        (None, _) => String::new(),
    };
    let cycles = words.count("station.counted", station.cycles, &words.counted(station.cycles));
    let pace = station.ideal_cycle_s.map(|ideal| {
        let (last, ideal) = (words.tenths(station.last_cycle_s), words.tenths(Some(ideal)));
        match station.last_cycle_s {
            Some(_) => words.tell("station.last", &[("last", &last), ("ideal", &ideal), ("cycles", &cycles)]),
            None => words.tell("station.noCycle", &[("ideal", &ideal)]),
        }
    });
    [doing, holds, pace.unwrap_or_default()].join(" ")
}

fn lines(model: &Model, station: &StationV1, line: &LineV1, width: usize) -> Vec<Line<'static>> {
    let words = &model.words;
    let mut lines = Vec::new();
    let open: Vec<_> = model.alerts().filter(|alert| station.alerts.contains(&alert.id)).collect();
    if !open.is_empty() {
        lines.push(heading(words.word("station.alerts")));
        for alert in open {
            let mark = text::of_priority(alert.priority).0;
            lines.extend(item(&format!("{mark} "), &words.translated(alert.clone()).headline, width));
        }
    }
    lines.push(heading(words.word("station.features")));
    if station.features.is_empty() {
        lines.extend(item("", words.word("station.noFeatures"), width));
    } else {
        lines.push(Line::styled(feature_head(words), MUTED));
    }
    let charted = model.charted().map(|(_, feature)| feature);
    lines.extend(
        station.features.iter().map(|feature| feature_line(words, feature, charted.as_ref() == Some(&feature.name))),
    );
    lines.push(heading(words.word("station.signals")));
    lines.extend(station.signals.iter().map(|signal| signal_line(words, &signal.name, signal, line.now, width)));
    if !station.interventions.is_empty() {
        lines.push(heading(words.word("station.done")));
        for done in station.interventions.iter().rev() {
            let when = at_by(words, done.at, done.by.as_deref(), done.comment.as_deref(), line.now);
            lines.extend(item("- ", &format!("{} {when}", words.intervention(done.kind)), width));
        }
    }
    lines
}

const FEATURE_WIDTHS: [usize; 5] = [26, 14, 14, 11, 14];

fn feature_head(words: &Words) -> String {
    let names = ["station.feature", "station.value", "station.expected", "station.deviation", "station.towards"];
    let mut cells = names.map(|name| words.named_key(name)).into_iter().zip(FEATURE_WIDTHS);
    let first = cells.next().map(|(name, width)| text::cell(&format!("  {name}"), width));
    let rest = cells.map(|(name, width)| text::figure(&text::cut(name, width - 1), width));
    first.into_iter().chain(rest).collect()
}

/// What was measured, what was expected, how far that is, and how near an alert is.
fn feature_line(words: &Words, feature: &FeatureV1, is_charted: bool) -> Line<'static> {
    let unit = feature.unit.as_deref();
    let is_learning = feature.baseline_cycles < feature.warm_up_cycles;
    let towards = match (feature.statistic, feature.threshold) {
        _ if is_learning => format!("{}/{}", feature.baseline_cycles, feature.warm_up_cycles),
        (Some(statistic), Some(threshold)) => {
            let (statistic, threshold) = (words.tenths(Some(statistic)), words.tenths(Some(threshold)));
            words.tell("station.progress", &[("statistic", &statistic), ("threshold", &threshold)])
        }
        _ => words.word("station.notJudged").to_owned(),
    };
    let figures = [
        words.measured(feature.value, unit),
        words.measured(feature.baseline, unit),
        words.sigmas(feature.deviation_sigma),
        towards,
    ];
    let mark = if is_charted { "*" } else { " " };
    let name = text::cell(&format!("{mark} {}", words.feature(&feature.name)), FEATURE_WIDTHS[0]);
    let figures = figures.iter().zip(&FEATURE_WIDTHS[1..]).map(|(figure, width)| text::figure(figure, *width));
    Line::from([name].into_iter().chain(figures).collect::<String>())
}
