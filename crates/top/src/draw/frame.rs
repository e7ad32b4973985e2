//! What is around every view: whose line it is and how it is heard, what a person is asked and told, and the keys.

use contract::LinkStateName;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;
use unicode_width::UnicodeWidthStr;

use super::text::{self, BOLD, CHOSEN, MUTED};
use crate::format::{date, time};
use crate::keys::HELP;
use crate::live::Lost;
use crate::model::{Connection, Model, Prompt, View};

const WARNING: Style = Style::new().fg(Color::Black).bg(Color::Yellow);

/// The line's name and its views.
pub(super) fn head(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let words = &model.words;
    let Some(line) = &model.line else {
        let waiting = Line::from(format!("linetwin  {}  {}", model.server, words.word("page.connecting")));
        return frame.render_widget(Paragraph::new(waiting), area);
    };
    let place = format!("{} / {} / {}", line.enterprise, line.site, line.area);
    let links = line.links.as_deref().unwrap_or_default();
    let not_up = links.iter().filter(|link| link.state != LinkStateName::Up).count();
    let all = words.counted(links.len());
    let links = if not_up == 0 {
        words.count("links.up", links.len() as u64, &all)
    } else {
        words.tell("links.notUp", &[("n", &words.counted(not_up)), ("all", &all)])
    };
    let how = match (model.is_live(), line.replay.is_some()) {
        (false, _) => format!("! {}", words.word("page.notLive")),
        (true, true) => words.word("replay.mark").to_owned(),
        (true, false) => words.word("page.live").to_owned(),
    };
    let when = format!("{} {} UTC  {how}", date(line.now), time(line.now));
    let named = vec![Span::styled(line.line.clone(), BOLD), Span::styled(format!("  {place}"), MUTED)];
    let open = model.alerts().filter(|alert| !alert.state.is_hidden()).count();
    let tab = |view: View, key: &'static str, count: usize| {
        let count = if count > 0 { format!(" ({count})") } else { String::new() };
        let text = format!(" {}{count} ", words.word(key));
        let is_here = match model.view() {
            View::Incident(_) | View::Station(_) => view == View::Line,
            other => *other == view,
        };
        // Brackets as well as reverse: a terminal may have neither colour nor reverse.
        if is_here { Span::styled(format!("[{}]", text.trim()), CHOSEN) } else { Span::raw(text) }
    };
    let tabs = vec![
        tab(View::Line, "page.line", open),
        Span::raw(" "),
        tab(View::Shift, "page.shift", 0),
        Span::raw(" "),
        tab(View::Health, "page.health", 0),
    ];
    frame.render_widget(Paragraph::new(vec![ends(named, when, area.width), ends(tabs, links, area.width)]), area);
}

/// One text at the left, another at the right, which has the right of way.
fn ends(left: Vec<Span<'static>>, right: String, width: u16) -> Line<'static> {
    let mut room = usize::from(width).saturating_sub(right.width() + 1);
    let mut spans = Vec::new();
    for span in left {
        let cut = text::cut(&span.content, room);
        room -= cut.width();
        spans.push(Span::styled(cut, span.style));
    }
    spans.push(Span::raw(" ".repeat(room + 1)));
    spans.push(Span::raw(right));
    Line::from(spans)
}

/// What a person must know before anything else, one below the other.
pub(super) fn notices(model: &Model, width: u16) -> Vec<Line<'static>> {
    let words = &model.words;
    let mut told = Vec::new();
    if let Some(why) = why_not_live(model) {
        told.push(match &model.line {
            Some(line) => {
                let span = words.span(model.quiet_s as f64);
                words.tell("top.away", &[("why", &why), ("time", &time(line.now)), ("span", &span)])
            }
            None => words.tell("top.never", &[("why", &why), ("server", &model.server)]),
        });
    }
    if let Some(line) = &model.line {
        let problem = line.recording_problem.as_ref();
        told.extend(problem.map(|problem| words.tell("page.recording", &[("problem", problem)])));
        let flood = line.flood_since.map(|since| words.moment(since, line.now));
        told.extend(flood.map(|since| words.tell("incidents.flood", &[("time", &since)])));
    }
    let width = usize::from(width);
    let lines = told.iter().flat_map(|text| text::wrapped(&format!("! {text}"), width));
    lines.map(|line| Line::styled(text::cell(&line, width), WARNING)).collect()
}

fn why_not_live(model: &Model) -> Option<String> {
    let words = &model.words;
    match &model.connection {
        Connection::Connecting => None,
        Connection::Live if model.is_live() => None,
        Connection::Live => Some(words.word("page.silent").to_owned()),
        Connection::Lost(Lost::Away(problem)) => {
            Some(format!("{} ({problem}).", words.word("page.lost").trim_end_matches('.')))
        }
        Connection::Lost(Lost::Refused(error)) => {
            let error = error.trim_end_matches('.');
            Some(words.tell("page.refused", &[("error", error)]))
        }
        Connection::Lost(Lost::Versions(problem)) => Some(words.tell("page.cannotShow", &[("error", problem)])),
    }
}

/// What a person is asked or told, and the keys of the view.
pub(super) fn foot(model: &Model, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    let asked = model.prompt.as_ref().map(|prompt| asked(model, prompt));
    let filter = if *model.view() == View::Health { &model.search } else { &model.filter };
    let filtered = (!filter.is_empty()).then(|| model.words.tell("top.filtered", &[("text", filter)]));
    let told = asked.or_else(|| model.said.clone()).or(filtered).unwrap_or_default();
    // Of what is typed the end is seen.
    let skipped = told.width().saturating_sub(width);
    let told: String = told.chars().skip(skipped).collect();
    let keys = Line::styled(text::cell(&keys(model), width), MUTED.add_modifier(Modifier::REVERSED));
    frame.render_widget(Paragraph::new(vec![Line::styled(told, BOLD), keys]), area);
}

fn asked(model: &Model, prompt: &Prompt) -> String {
    let words = &model.words;
    match prompt {
        Prompt::Filter if *model.view() == View::Health => format!("/{}_", model.search),
        Prompt::Filter => format!("/{}_", model.filter),
        Prompt::Comment { incident, text } => {
            format!("{incident} {} ({}): {text}_", words.word("do.remark"), words.word("key.send"))
        }
        Prompt::Shelve { incident, minutes } => {
            let to_end = model.shift_end().map(|_| format!(", [e] {}", words.word("do.shelveShift")));
            let once = words.word("do.shelveOnce");
            let shelve = words.word("do.shelveFor");
            format!(
                "{incident} {shelve} [r] {once}{}, {}: {minutes}_",
                to_end.unwrap_or_default(),
                words.word("top.minutes")
            )
        }
        Prompt::Judge { incident } => {
            let names = ["do.mark-true", "do.mark-false", "do.mark-planned"];
            let choices = names.iter().zip(1..).map(|(name, key)| format!("[{key}] {}", words.word(name)));
            format!("{incident} {}", choices.collect::<Vec<_>>().join("  "))
        }
        Prompt::Service { place, is_out } => {
            let what = words.word(if *is_out { "do.place" } else { "do.remove" });
            format!("{place}: {what}? ({})", words.word("key.send"))
        }
    }
}

fn keys(model: &Model) -> String {
    let words = &model.words;
    let of_view: &[(&str, &str)] = match model.view() {
        View::Line => &[
            ("enter", "key.enter"),
            ("a", "key.a"),
            ("s", "key.s"),
            ("c", "key.c"),
            ("/", "key.filter"),
            ("tab", "key.tab"),
        ],
        View::Incident(_) => {
            &[("esc", "key.esc"), ("a", "key.a"), ("s", "key.s"), ("c", "key.c"), ("enter", "key.station")]
        }
        View::Station(_) => &[("esc", "key.esc"), ("f", "key.f"), ("o", "key.o")],
        View::Shift => &[("↑↓", "key.move"), ("tab", "key.tab")],
        View::Health => &[("↑↓", "key.move"), ("/", "key.filter"), ("tab", "key.tab")],
    };
    // The last two first: whoever knows no other key finds these in any width.
    let all = [("?", "key.help"), ("q", "key.q")].iter().chain(of_view);
    let told: Vec<String> = all.map(|(key, what)| format!("{key} {}", words.named_key(what))).collect();
    format!(" {}", told.join("  "))
}

/// All keys.
pub(super) fn help(model: &Model) -> Vec<Line<'static>> {
    let words = &model.words;
    let mut lines = vec![text::heading(words.word("top.help"))];
    lines.extend(HELP.map(|(key, what)| Line::from(format!("  {} {}", text::cell(key, 12), words.named_key(what)))));
    lines.push(Line::styled(words.word("top.utc").to_owned(), MUTED));
    lines
}
