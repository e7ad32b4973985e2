//! The picture: a pure function of what is known and of the terminal's size.

mod chart;
mod frame;
mod health;
mod incident;
mod line;
mod shift;
mod station;
mod text;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph, Wrap};

use crate::model::{Model, View};

/// The least of a terminal that anything can be shown on.
const WIDTH_MIN: u16 = 40;
const HEIGHT_MIN: u16 = 12;

/// Draws all of it, and says how far the view can be scrolled.
pub(crate) fn draw(model: &Model, frame: &mut Frame<'_>) -> u16 {
    let area = frame.area();
    if area.width < WIDTH_MIN || area.height < HEIGHT_MIN {
        frame.render_widget(Paragraph::new(model.words.word("top.narrow")).wrap(Wrap { trim: true }), area);
        return 0;
    }
    let notices = frame::notices(model, area.width);
    let rows = [2, notices.len() as u16].map(Constraint::Length).into_iter();
    let rows = rows.chain([Constraint::Min(0), Constraint::Length(2)]);
    let [head, notice, body, foot] = Layout::vertical(rows).areas(area);
    frame::head(model, frame, head);
    frame.render_widget(Paragraph::new(notices), notice);
    frame::foot(model, frame, foot);
    if model.is_help {
        frame.render_widget(Clear, body);
        return scrolled(frame::help(model), 0, frame, body);
    }
    let Some(line) = &model.line else { return 0 };
    match model.view() {
        View::Line => {
            line::draw(model, line, frame, body);
            0
        }
        View::Incident(id) => incident::draw(model, id, line, frame, body),
        View::Station(name) => station::draw(model, name, line, frame, body),
        View::Shift => scrolled(shift::lines(model, line, body.width.into()), model.scroll, frame, body),
        View::Health => scrolled(health::lines(model, line, body.width.into()), model.scroll, frame, body),
    }
}

/// Shows lines from one on, and says how far they can be scrolled. At the right edge of the last row stands what is below.
fn scrolled(lines: Vec<Line<'static>>, scroll: u16, frame: &mut Frame<'_>, area: Rect) -> u16 {
    let max = (lines.len() as u16).saturating_sub(area.height);
    let first = scroll.min(max);
    frame.render_widget(Paragraph::new(lines).scroll((first, 0)), area);
    let below = max - first;
    if below > 0 && area.height > 0 {
        let mark = format!(" ↓ {below} ");
        let width = (mark.chars().count() as u16).min(area.width);
        let corner = Rect { x: area.right() - width, y: area.bottom() - 1, width, height: 1 };
        frame.render_widget(Paragraph::new(mark).style(text::CHOSEN), corner);
    }
    max
}
