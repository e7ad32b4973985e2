//! The line: its stations, where the shift stands, and the open incidents.

use contract::{AlertV1, LineV1, StationBriefV1, StationKindName};
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::text::{self, BOLD, CHOSEN, MUTED};
use crate::format::seconds_between;
use crate::model::{Model, Pane, seconds_left};
use crate::words::Words;

/// An incident takes two rows: what it is, and since when.
const INCIDENT_ROWS: usize = 2;

pub(super) fn draw(model: &Model, line: &LineV1, frame: &mut Frame<'_>, area: Rect) {
    let stations = model.stations();
    let now = now(model, line, area.width);
    // The pane that the keys are for has the most of the room; the other one at least something.
    let rest = area.height.saturating_sub(now.len() as u16);
    let most = match model.pane {
        Pane::Stations => rest.saturating_sub(4),
        Pane::Incidents => rest.saturating_sub(9).max(rest / 3),
    };
    let wanted = (stations.len() as u16 + 1).min(most);
    let rows = [wanted, now.len() as u16].map(Constraint::Length).into_iter().chain([Constraint::Min(0)]);
    let [upper, middle, lower] = Layout::vertical(rows).areas(area);
    frame.render_widget(Paragraph::new(station_rows(model, line, &stations, upper)), upper);
    frame.render_widget(Paragraph::new(now), middle);
    frame.render_widget(Paragraph::new(incident_rows(model, line, lower)), lower);
}

fn station_rows(model: &Model, line: &LineV1, stations: &[&StationBriefV1], area: Rect) -> Vec<Line<'static>> {
    let words = &model.words;
    let is_active = model.pane == Pane::Stations;
    let title = title(words.word("shift.station"), is_active);
    let name_width = stations.iter().map(|station| station.name.len()).max().unwrap_or(0).clamp(8, 24);
    let chosen = stations.iter().position(|station| Some(&station.name) == model.station.as_ref());
    let shown = text::window(stations.len(), chosen, usize::from(area.height).saturating_sub(1));
    let hidden = stations.len() - shown.len();
    let more = if hidden > 0 { format!(" (+{hidden})") } else { String::new() };
    let mut rows = vec![Line::from(vec![title, Span::styled(more, MUTED)])];
    for station in &stations[shown] {
        let (mark, style) = text::of_state(station.state);
        let is_chosen = is_active && Some(&station.name) == model.station.as_ref();
        let pointer = if is_chosen { ">" } else { " " };
        let name = format!("{pointer} {} {mark} ", text::cell(&station.name, name_width));
        let state = text::cell(&doing(words, station), 21);
        let figure = text::figure(&figure_of(words, station), 14);
        let variant = text::cell(station.variant.as_deref().unwrap_or_default(), 8);
        let style = if is_chosen { CHOSEN } else { style };
        let room = usize::from(area.width).saturating_sub(name_width + 5 + 21 + 14 + 2 + 8 + 1);
        let (note, urgent) = notes(model, line, station, room);
        let note = Span::styled(text::cut(&note, room), urgent.map_or(BOLD, |priority| text::of_priority(priority).1));
        rows.push(Line::from(vec![Span::styled(format!("{name}{state}{figure}  {variant} "), style), note]));
    }
    rows
}

/// What a station does, and whom it waits for.
pub(super) fn doing(words: &Words, station: &StationBriefV1) -> String {
    let state = words.of("state", station.state);
    let source = |name: &str| if name == "supply" { words.word("loss.supply").to_owned() } else { name.to_owned() };
    let Some(other) = &station.waits_for else { return state.into_owned() };
    words.tell("state.by", &[("state", &state), ("station", &source(other))])
}

/// The last cycle against the ideal one; of a station without cycles the signal that says most.
fn figure_of(words: &Words, station: &StationBriefV1) -> String {
    if let Some(ideal) = station.ideal_cycle_s {
        return format!("{} / {} s", words.tenths(station.last_cycle_s), words.tenths(Some(ideal)));
    }
    let Some(signal) = &station.shown else { return String::new() };
    let is_bad = signal.quality == Some(contract::QualityName::Bad);
    match (&signal.value, station.kind) {
        (None, _) => String::new(),
        _ if is_bad => String::new(),
        (Some(contract::ValueV1::Integer(parts)), StationKindName::Buffer) => {
            words.count("line.parts", parts.unsigned_abs(), &words.counted(parts.unsigned_abs()))
        }
        _ => words.value(signal),
    }
}

/// What is to be known of a station beside its state, in that many cells, and how urgent that is.
fn notes(
    model: &Model,
    line: &LineV1,
    station: &StationBriefV1,
    room: usize,
) -> (String, Option<contract::PriorityName>) {
    const ROOMY: usize = 24;
    let words = &model.words;
    let raised = || model.alerts().filter(|alert| station.alerts.contains(&alert.id));
    let worst = raised().map(|alert| alert.priority).max();
    let mut notes = Vec::new();
    if let Some(worst) = worst {
        let count = raised().count();
        let number = words.counted(count);
        let alerts = if room < ROOMY { number } else { words.count("line.alerts", count as u64, &number) };
        notes.push(format!("{} {alerts}", text::of_priority(worst).0.trim_end()));
    }
    let is_bottleneck = line.shift.as_ref().and_then(|shift| shift.bottleneck.as_ref()) == Some(&station.name);
    notes.extend(is_bottleneck.then(|| words.word("line.bottleneck").to_owned()));
    notes.extend(model.is_out(&station.name).then(|| words.named("alertState", "out-of-service").into_owned()));
    (notes.join(", "), worst)
}

/// Where the shift stands: what was made of what is planned, what may come of it, OEE and bottleneck.
fn now(model: &Model, line: &LineV1, width: u16) -> Vec<Line<'static>> {
    let words = &model.words;
    let Some(shift) = &line.shift else { return Vec::new() };
    let made = words.counted(shift.produced);
    let made = match shift.planned_output {
        Some(planned) => words.tell("line.madeOf", &[("made", &made), ("planned", &words.counted(planned))]),
        None => made,
    };
    let forecast = shift.forecast.map(|range| {
        let [p10, p50, p90] = words.range(range);
        words.tell("line.forecastOf", &[("p10", &p10), ("p50", &p50), ("p90", &p90)])
    });
    let facts = [
        ("line.made", Some(made)),
        ("line.forecast", forecast),
        ("line.odds", shift.odds.map(|odds| words.percent(Some(odds)))),
        ("line.oee", shift.oee.map(|oee| words.percent(Some(oee)))),
        ("line.bottleneck", shift.bottleneck.clone()),
    ];
    let told = facts.into_iter().filter_map(|(key, text)| Some(format!("{}: {}", words.named_key(key), text?)));
    let text = told.collect::<Vec<_>>().join(" · ");
    let lines = text::wrapped(&text, usize::from(width)).into_iter().map(Line::from);
    [Line::default()].into_iter().chain(lines).chain([Line::default()]).collect()
}

fn incident_rows(model: &Model, line: &LineV1, area: Rect) -> Vec<Line<'static>> {
    let words = &model.words;
    let all = model.incidents();
    let aside = all.iter().filter(|alert| alert.state.is_hidden()).count();
    let is_active = model.pane == Pane::Incidents;
    let mut head = vec![title(words.word("incidents.title"), is_active), Span::raw(format!(" {}", all.len() - aside))];
    if aside > 0 {
        let text = words.tell("incidents.aside", &[("n", &words.counted(aside))]);
        head.push(Span::styled(format!("  {text}"), MUTED));
    }
    let mut rows = vec![Line::from(head)];
    if all.is_empty() {
        let is_filtered = model.alerts().next().is_some();
        let none = words.word(if is_filtered { "incidents.noneSuch" } else { "incidents.none" });
        rows.extend(text::item("  ", &format!("{none} {}", watched(words, line)), area.width.into()));
    }
    let chosen = all.iter().position(|alert| Some(&alert.id) == model.incident.as_ref());
    let height = usize::from(area.height).saturating_sub(1) / INCIDENT_ROWS;
    for alert in &all[text::window(all.len(), chosen, height)] {
        let is_chosen = is_active && Some(&alert.id) == model.incident.as_ref();
        rows.extend(incident_row(words, line, alert, is_chosen, area.width.into()));
    }
    rows
}

fn incident_row(words: &Words, line: &LineV1, alert: &AlertV1, is_chosen: bool, width: usize) -> [Line<'static>; 2] {
    let (mark, style) = text::of_priority(alert.priority);
    let translated = words.translated(alert.clone());
    let pointer = if is_chosen { ">" } else { " " };
    let style_of = |style| if is_chosen { CHOSEN } else { style };
    let told = format!("{pointer} {mark} {} ", text::cell(&words.of("priority", alert.priority), 7));
    let room = width.saturating_sub(told.chars().count());
    let first = Line::from(vec![
        Span::styled(told, style_of(style)),
        Span::styled(text::cell(&translated.headline, room), style_of(BOLD)),
    ]);
    let state = words.of("alertState", alert.state);
    let times = format!("{state}. {}. {}", since(words, alert, line), limit(words, alert, line));
    let second = Line::styled(text::cut(&format!("       {times}"), width), MUTED);
    [first, second]
}

/// Since when, and whether it has gone: `Since 10:12 (14 min), gone since 10:20`.
pub(super) fn since(words: &Words, alert: &AlertV1, line: &LineV1) -> String {
    let (time, span) = (words.moment(alert.onset, line.now), words.age(Some(alert.onset), line.now));
    let since = words.tell("incidents.since", &[("time", &time), ("span", &span)]);
    let Some(returned) = alert.returned else { return since };
    format!("{since}, {}", words.tell("incidents.gone", &[("time", &words.moment(returned, line.now))]))
}

/// How long until the limit, with its interval; empty if there is none.
pub(super) fn limit(words: &Words, alert: &AlertV1, line: &LineV1) -> String {
    let Some(left) = seconds_left(alert, line) else { return String::new() };
    if alert.time_to_limit_s == Some(0.0) {
        return words.word("incidents.crossed").to_owned();
    }
    if left == 0.0 {
        return words.word("incidents.due").to_owned();
    }
    let gone = seconds_between(alert.updated, line.now);
    let earliest = (alert.time_to_limit_earliest_s.unwrap_or(0.0) - gone).max(0.0);
    let time = words.span(left);
    match alert.time_to_limit_latest_s {
        None => words.tell("incidents.limitOpen", &[("time", &time), ("earliest", &words.span(earliest))]),
        Some(latest) => {
            let range = words.spans(earliest, (latest - gone).max(left));
            words.tell("incidents.limit", &[("time", &time), ("range", &range)])
        }
    }
}

/// What silence is worth: which stations are seen, and which are not judged yet.
fn watched(words: &Words, line: &LineV1) -> String {
    let all = line.stations.len();
    let unseen = line.stations.iter().filter(|station| station.state == contract::StationStateName::Unknown).count();
    let learning = line.stations.iter().filter(|station| station.is_learning).count();
    let n = words.counted(all);
    let seen = if unseen == 0 {
        words.tell("incidents.watched", &[("n", &n)])
    } else {
        let (seen, unseen) = (words.counted(all - unseen), words.counted(unseen));
        words.tell("incidents.unseen", &[("n", &n), ("seen", &seen), ("unseen", &unseen)])
    };
    let learnt = match learning {
        0 => words.word("incidents.learnt").to_owned(),
        number => words.count("incidents.learning", number as u64, &words.counted(number)),
    };
    format!("{seen}; {learnt}.")
}

/// A heading of a pane, marked if the keys are for it.
fn title(text: &str, is_active: bool) -> Span<'static> {
    if is_active { Span::styled(format!("[{text}]"), CHOSEN) } else { Span::styled(format!(" {text} "), BOLD) }
}
