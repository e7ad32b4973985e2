//! Links and signals: what delivers, and of every value its age and quality.

use contract::{LineV1, LinkStateName, LinkV1, ProtocolName, SignalV1, TimeV1};
use ratatui::style::{Color, Style};
use ratatui::text::Line;

use super::text::{self, MUTED, heading, item};
use crate::format::NOTHING;
use crate::model::Model;
use crate::words::Words;

const BAD: Style = Style::new().fg(Color::Red);

pub(super) fn lines(model: &Model, line: &LineV1, width: usize) -> Vec<Line<'static>> {
    let words = &model.words;
    let mut lines = vec![heading(words.word("health.links"))];
    for link in line.links.iter().flatten() {
        lines.extend(link_lines(words, link, line.now, width));
    }
    let counts = line.counts;
    let counted = [counts.samples, counts.bad_samples, counts.late_samples, counts.cycles, line.sequence];
    let counted = counted.map(|count| words.counted(count));
    let names = ["samples", "bad", "late", "cycles", "sequence"];
    let put: Vec<_> = names.into_iter().zip(counted.iter().map(String::as_str)).collect();
    lines.extend(item("", &words.tell("health.counts", &put), width));
    lines.push(heading(words.word("health.signals")));
    let Some(signals) = &model.looked.signals else {
        lines.push(Line::styled(words.word("page.waiting"), MUTED));
        return lines;
    };
    let last = signals.first + signals.rows.len();
    let places = [(signals.first + 1).min(last), last, signals.found].map(|place| words.counted(place));
    let [first, last, found] = &places;
    let shown = words.tell("health.shown", &[("first", first), ("last", last), ("found", found)]);
    let searched = &signals.searched;
    let counts = [
        ("quality.good", searched.good),
        ("quality.uncertain", searched.uncertain),
        ("quality.bad", searched.bad),
        ("quality.unheard", searched.unheard),
    ];
    let told = counts.into_iter().filter(|(_, count)| *count > 0);
    let told: Vec<_> = told.map(|(key, count)| format!("{} {}", words.counted(count), words.named_key(key))).collect();
    lines.extend(item("", &format!("{shown}. {}.", told.join(", ")), width));
    for row in &signals.rows {
        let path = format!("{}/{}", row.station, row.signal.name);
        lines.push(signal_line(words, &path, &row.signal, line.now, width));
    }
    lines
}

fn link_lines(words: &Words, link: &LinkV1, now: TimeV1, width: usize) -> Vec<Line<'static>> {
    let (mark, style) = match link.state {
        LinkStateName::Up => ('+', Style::new()),
        LinkStateName::Down => ('x', BAD),
        LinkStateName::Unknown => ('?', MUTED),
    };
    let protocol = match link.protocol {
        ProtocolName::Modbus => "Modbus TCP",
        ProtocolName::Opcua => "OPC UA",
        ProtocolName::Mqtt => "MQTT",
        ProtocolName::Csv => "CSV",
        ProtocolName::Http => "HTTP",
        ProtocolName::OpenProtocol => "Open Prot.",
        ProtocolName::Simulated => "simulated",
    };
    let since = link.since.map(|since| format!("{} ({})", words.moment(since, now), words.age(Some(since), now)));
    let since = since.unwrap_or_else(|| NOTHING.to_owned());
    let state = format!("{mark} {}", words.of("link", link.state));
    let told =
        format!("{} {} {} {since}", text::cell(&link.name, 18), text::cell(protocol, 11), text::cell(&state, 22));
    let why = link.reason.iter().flat_map(|reason| item("    ", reason, width));
    [Line::styled(text::cut(&told, width), style)].into_iter().chain(why).collect()
}

/// A signal with its value, quality and age.
pub(super) fn signal_line(words: &Words, name: &str, signal: &SignalV1, now: TimeV1, width: usize) -> Line<'static> {
    let name = text::cell(name, (width / 3).clamp(16, 48));
    let value = text::figure(&words.value(signal), 18);
    let age = text::figure(&words.age(signal.at, now), 8);
    let is_bad = signal.quality == Some(contract::QualityName::Bad);
    let told = format!("{name}{value}  {age}  {}", words.quality(signal));
    Line::styled(text::cut(&told, width), if is_bad { BAD } else { Style::new() })
}
