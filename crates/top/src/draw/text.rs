//! Text in cells: cut, filled and wrapped by what a terminal shows of it.

use contract::{PriorityName, StationStateName};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub(crate) const MUTED: Style = Style::new().fg(Color::DarkGray);
pub(crate) const BOLD: Style = Style::new().add_modifier(Modifier::BOLD);
/// What is chosen: in reverse, so that it is seen without colours; a `>` stands before it as well.
pub(crate) const CHOSEN: Style = Style::new().add_modifier(Modifier::REVERSED);

/// What a priority looks like; a mark and the word are beside it.
pub(crate) const fn of_priority(priority: PriorityName) -> (&'static str, Style) {
    match priority {
        PriorityName::High => ("!!!", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)),
        PriorityName::Medium => ("!! ", Style::new().fg(Color::Yellow).add_modifier(Modifier::BOLD)),
        PriorityName::Low => ("!  ", Style::new().fg(Color::Cyan)),
    }
}

/// What a state looks like: grey is normal.
pub(crate) const fn of_state(state: StationStateName) -> (&'static str, Style) {
    match state {
        StationStateName::Running => (">", Style::new()),
        StationStateName::Starved => ("<", Style::new().fg(Color::Cyan)),
        StationStateName::Blocked => ("|", Style::new().fg(Color::Yellow)),
        StationStateName::Down => ("X", Style::new().fg(Color::Red).add_modifier(Modifier::BOLD)),
        StationStateName::Held => ("=", Style::new().fg(Color::Yellow)),
        StationStateName::Changeover => ("~", Style::new().fg(Color::Cyan)),
        StationStateName::Idle | StationStateName::NotScheduled => (".", MUTED),
        StationStateName::Unknown => ("?", Style::new().fg(Color::Magenta)),
    }
}

/// A text in exactly that many cells: cut with `…`, or filled with spaces.
pub(crate) fn cell(text: &str, width: usize) -> String {
    let cut = cut(text, width);
    let missing = width.saturating_sub(cut.width());
    cut + &" ".repeat(missing)
}

/// The same, against the right edge.
pub(crate) fn figure(text: &str, width: usize) -> String {
    let cut = cut(text, width);
    " ".repeat(width.saturating_sub(cut.width())) + &cut
}

/// As much of a text as there is room for.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 1;
    for letter in text.chars() {
        used += letter.width().unwrap_or(0);
        if used > width {
            break;
        }
        cut.push(letter);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

/// A text in lines of at most that many cells, broken between words; a longer word is broken where it must.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        for letter in word.chars() {
            if line.width() + letter.width().unwrap_or(0) > width.max(1) {
                lines.push(std::mem::take(&mut line));
            }
            line.push(letter);
        }
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// A heading between blocks of text.
pub(crate) fn heading(text: &str) -> Line<'static> {
    Line::from(Span::styled(text.to_owned(), BOLD.add_modifier(Modifier::UNDERLINED)))
}

/// A text below a heading, wrapped; `mark` stands before its first line and the others stand below its first letter.
pub(crate) fn item(mark: &str, text: &str, width: usize) -> Vec<Line<'static>> {
    let indent = mark.width();
    let lines = wrapped(text, width.saturating_sub(indent));
    let mark_of = |place| if place == 0 { mark.to_owned() } else { " ".repeat(indent) };
    lines.into_iter().enumerate().map(|(place, line)| Line::from(mark_of(place) + &line)).collect()
}

/// A label and what there is to say of it, if there is anything.
pub(crate) fn fact(label: &str, text: Option<String>, width: usize) -> Vec<Line<'static>> {
    const LABEL_WIDTH: usize = 26;
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Vec::new() };
    item(&format!("{} ", cell(label, LABEL_WIDTH)), &text, width)
}

/// Which rows are shown of a list in a window of that height, so that the chosen one is among them.
pub(crate) fn window(rows: usize, chosen: Option<usize>, height: usize) -> std::ops::Range<usize> {
    let first = chosen.map_or(0, |chosen| (chosen + 1).saturating_sub(height)).min(rows.saturating_sub(height));
    first..rows.min(first + height)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_takes_the_cells_it_is_given() {
        assert_eq!(cell("weld-20", 9), "weld-20  ");
        assert_eq!(cell("Punktschweißen", 6), "Punkt…");
        assert_eq!(cell("日本語", 4), "日… ");
        assert_eq!(figure("7", 3), "  7");
        assert_eq!(wrapped("one two  three", 7), ["one two", "three"]);
        assert_eq!(wrapped("abcdefgh", 3), ["abc", "def", "gh"]);
        assert!(wrapped("", 3).is_empty());
    }

    #[test]
    fn what_is_chosen_is_in_the_window() {
        assert_eq!(window(10, Some(0), 4), 0..4);
        assert_eq!(window(10, Some(4), 4), 1..5);
        assert_eq!(window(10, Some(9), 4), 6..10);
        assert_eq!(window(3, None, 4), 0..3);
        assert_eq!(window(0, None, 4), 0..0);
    }
}
