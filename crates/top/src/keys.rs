//! What each key does.

use contract::{AskV1, CommandV1, InterventionName, RoleName};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::model::{Model, Pane, Prompt, View, Wish};

/// How far a page leads.
const PAGE: isize = 10;
/// How many signals are asked for at once.
pub(crate) const SIGNALS_ROWS: usize = 200;
/// The longest filter.
const FILTER_MAX_CHARS: usize = 60;

/// The keys and what they do, as the help tells it.
pub(crate) const HELP: [(&str, &str); 17] = [
    ("↑ ↓  j k", "key.move"),
    ("PgUp PgDn", "key.page"),
    ("← →  h l", "key.side"),
    ("enter", "key.enter"),
    ("esc", "key.esc"),
    ("tab", "key.tab"),
    ("/", "key.filter"),
    ("a", "key.a"),
    ("s", "key.s"),
    ("u", "key.u"),
    ("c", "key.c"),
    ("m", "key.m"),
    ("o", "key.o"),
    ("e", "key.e"),
    ("f", "key.f"),
    ("L", "key.language"),
    ("q", "key.q"),
];

impl Model {
    /// Takes a key; says what the person wants that this alone cannot do.
    pub(crate) fn press(&mut self, key: KeyEvent) -> Option<Wish> {
        if key.modifiers.contains(KeyModifiers::CONTROL) {
            return (key.code == KeyCode::Char('c')).then_some(Wish::Quit);
        }
        if self.is_help {
            self.is_help = false;
            return None;
        }
        if let Some(prompt) = self.prompt.take() {
            return self.answer(prompt, key.code);
        }
        self.said = None;
        match key.code {
            KeyCode::Char('q') => return Some(Wish::Quit),
            KeyCode::Char('?') => self.is_help = true,
            KeyCode::Char('L') => self.words.language = self.words.language.other(),
            KeyCode::Char('/') => self.prompt = Some(Prompt::Filter),
            KeyCode::Tab => return self.next_view(1),
            KeyCode::BackTab => return self.next_view(2),
            KeyCode::Esc | KeyCode::Backspace => return self.leave(),
            KeyCode::Enter => return self.enter(),
            KeyCode::Down | KeyCode::Char('j') => self.step(1),
            KeyCode::Up | KeyCode::Char('k') => self.step(-1),
            KeyCode::PageDown | KeyCode::Char(' ') => self.step(PAGE),
            KeyCode::PageUp => self.step(-PAGE),
            KeyCode::Left | KeyCode::Char('h') => return self.aside(false),
            KeyCode::Right | KeyCode::Char('l') => return self.aside(true),
            KeyCode::Char('e' | 'f') => return self.next_chart(),
            KeyCode::Char(letter @ ('a' | 's' | 'u' | 'c' | 'm')) => return self.on_incident(letter),
            KeyCode::Char('o') => self.on_station(),
            _ => {}
        }
        None
    }

    fn next_view(&mut self, steps: usize) -> Option<Wish> {
        const TABS: [View; 3] = [View::Line, View::Shift, View::Health];
        let at = TABS.iter().position(|tab| tab == self.view()).unwrap_or(0);
        self.switch(TABS[(at + steps) % TABS.len()].clone());
        Some(Wish::Look)
    }

    fn leave(&mut self) -> Option<Wish> {
        if *self.view() == View::Line {
            self.filter.clear();
        }
        self.back();
        Some(Wish::Look)
    }

    fn enter(&mut self) -> Option<Wish> {
        let wanted = match (self.view(), self.pane) {
            (View::Line, Pane::Incidents) => self.meant().map(View::Incident),
            (View::Line, Pane::Stations) => self.station.clone().map(View::Station),
            (View::Incident(id), _) => self.alert(id)?.station.clone().map(View::Station),
            (View::Station(_) | View::Shift | View::Health, _) => None,
        };
        self.open(wanted?);
        Some(Wish::Look)
    }

    /// Moves what is chosen, or what is scrolled.
    fn step(&mut self, by: isize) {
        if *self.view() != View::Line {
            self.scroll = self.scroll.saturating_add_signed(by as i16).min(self.scroll_max);
            return;
        }
        match self.pane {
            Pane::Incidents => {
                let ids: Vec<_> = self.incidents().iter().map(|alert| alert.id.clone()).collect();
                self.incident = moved(&ids, self.incident.as_ref(), by);
            }
            Pane::Stations => {
                let names: Vec<_> = self.stations().iter().map(|station| station.name.clone()).collect();
                self.station = moved(&names, self.station.as_ref(), by);
            }
        }
    }

    /// To the other list of the line; to other signals.
    fn aside(&mut self, is_right: bool) -> Option<Wish> {
        match self.view() {
            View::Line => {
                self.pane = match self.pane {
                    Pane::Incidents => Pane::Stations,
                    Pane::Stations => Pane::Incidents,
                };
                None
            }
            View::Health => {
                let found = self.looked.signals.as_ref().map_or(0, |signals| signals.found);
                let next = self.signals_from + SIGNALS_ROWS;
                self.signals_from = match is_right {
                    true if next < found => next,
                    true => self.signals_from,
                    false => self.signals_from.saturating_sub(SIGNALS_ROWS),
                };
                Some(Wish::Look)
            }
            View::Incident(_) | View::Station(_) | View::Shift => None,
        }
    }

    fn next_chart(&mut self) -> Option<Wish> {
        match self.view() {
            View::Incident(_) => self.evidence += 1,
            View::Station(_) => self.feature += 1,
            View::Line | View::Shift | View::Health => return None,
        }
        Some(Wish::Look)
    }

    /// The incident that is shown, or chosen in the list.
    fn meant(&self) -> Option<String> {
        match self.view() {
            View::Incident(id) => self.alert(id).map(|alert| alert.id.clone()),
            // What the filter hides is not meant.
            View::Line if self.pane == Pane::Incidents => {
                self.incident.clone().filter(|id| self.incidents().iter().any(|alert| alert.id == *id))
            }
            View::Line | View::Station(_) | View::Shift | View::Health => None,
        }
    }

    fn on_incident(&mut self, letter: char) -> Option<Wish> {
        let Some(incident) = self.meant() else {
            self.said = Some(self.words.word("top.chooseFirst").to_owned());
            return None;
        };
        if let Err(why) = self.may(RoleName::Supervisor) {
            self.said = Some(why);
            return None;
        }
        self.prompt = match letter {
            's' => Some(Prompt::Shelve { incident, minutes: String::new() }),
            'c' => Some(Prompt::Comment { incident, text: String::new() }),
            'm' => Some(Prompt::Judge { incident }),
            'u' => return self.send(AskV1::Unshelve { incident }, None),
            _ => return self.send(AskV1::Acknowledge { incident }, None),
        };
        None
    }

    fn on_station(&mut self) {
        let View::Station(place) = self.view().clone() else { return };
        let is_out = self.is_out(&place);
        match self.may(RoleName::Engineer) {
            Ok(()) => self.prompt = Some(Prompt::Service { place, is_out }),
            Err(why) => self.said = Some(why),
        }
    }

    /// Takes a key for what the person was asked for. `esc` gives it up.
    fn answer(&mut self, prompt: Prompt, key: KeyCode) -> Option<Wish> {
        if key == KeyCode::Esc {
            return None;
        }
        match prompt {
            Prompt::Filter => self.answer_filter(key),
            Prompt::Comment { incident, mut text } => {
                if key == KeyCode::Enter && !text.trim().is_empty() {
                    return self.send(AskV1::Comment { incident }, Some(text.trim().to_owned()));
                }
                edit(&mut text, key, CommandV1::COMMENT_MAX_CHARS);
                self.prompt = Some(Prompt::Comment { incident, text });
                None
            }
            Prompt::Shelve { incident, minutes } => self.answer_shelve(incident, minutes, key),
            Prompt::Judge { incident } => match key {
                KeyCode::Char('1') => self.send(AskV1::MarkTrue { incident }, None),
                KeyCode::Char('2') => self.send(AskV1::MarkFalse { incident }, None),
                KeyCode::Char('3') => self.send(AskV1::MarkPlanned { incident, kind: None::<InterventionName> }, None),
                _ => {
                    self.prompt = Some(Prompt::Judge { incident });
                    None
                }
            },
            Prompt::Service { place, is_out } => match key {
                KeyCode::Enter if is_out => self.send(AskV1::PlaceInService { place }, None),
                KeyCode::Enter => self.send(AskV1::RemoveFromService { place }, None),
                _ => {
                    self.prompt = Some(Prompt::Service { place, is_out });
                    None
                }
            },
        }
    }

    fn answer_filter(&mut self, key: KeyCode) -> Option<Wish> {
        if key == KeyCode::Enter {
            return None;
        }
        self.prompt = Some(Prompt::Filter);
        if *self.view() != View::Health {
            edit(&mut self.filter, key, FILTER_MAX_CHARS);
            return None;
        }
        edit(&mut self.search, key, FILTER_MAX_CHARS);
        (self.signals_from, self.scroll) = (0, 0);
        Some(Wish::Look)
    }

    /// Minutes are typed; letters choose the rest, so that a digit is never two things.
    fn answer_shelve(&mut self, incident: String, mut minutes: String, key: KeyCode) -> Option<Wish> {
        let shift_end = self.shift_end();
        let (until, minutes_wanted) = match key {
            KeyCode::Char('r') => (None, None),
            KeyCode::Char('e') if shift_end.is_some() => (shift_end, None),
            KeyCode::Enter => match minutes.parse() {
                Ok(wanted @ 1..=CommandV1::SHELVE_MAX_MIN) => (None, Some(wanted)),
                _ => {
                    let max = self.words.counted(CommandV1::SHELVE_MAX_MIN);
                    self.said = Some(self.words.tell("top.wrongMinutes", &[("max", &max)]));
                    self.prompt = Some(Prompt::Shelve { incident, minutes });
                    return None;
                }
            },
            _ => {
                if matches!(key, KeyCode::Backspace) || matches!(key, KeyCode::Char(digit) if digit.is_ascii_digit()) {
                    edit(&mut minutes, key, CommandV1::SHELVE_MAX_MIN.to_string().len());
                }
                self.prompt = Some(Prompt::Shelve { incident, minutes });
                return None;
            }
        };
        self.send(AskV1::Shelve { incident, until, minutes: minutes_wanted }, None)
    }

    /// When the shift under way ends.
    pub(crate) fn shift_end(&self) -> Option<contract::TimeV1> {
        self.line.as_ref()?.shift.as_ref().filter(|shift| shift.is_shift).map(|shift| shift.end)
    }

    fn send(&mut self, ask: AskV1, comment: Option<String>) -> Option<Wish> {
        if self.is_commanding {
            self.said = Some(self.words.word("top.busy").to_owned());
            return None;
        }
        self.is_commanding = true;
        self.said = Some(self.words.word("top.sent").to_owned());
        Some(Wish::Command { ask, comment })
    }
}

/// The name that many places after the chosen one; the first if none is.
fn moved(names: &[String], chosen: Option<&String>, by: isize) -> Option<String> {
    let at = names.iter().position(|name| Some(name) == chosen);
    let next = at.map_or(0, |at| at.saturating_add_signed(by).min(names.len() - 1));
    names.get(next).cloned()
}

fn edit(text: &mut String, key: KeyCode, chars_max: usize) {
    match key {
        KeyCode::Backspace => {
            text.pop();
        }
        KeyCode::Char(letter) if !letter.is_control() && text.chars().count() < chars_max => text.push(letter),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::{Language, Words};

    #[test]
    fn every_key_of_the_help_says_what_it_does() {
        for language in [Language::English, Language::German] {
            for (key, what) in HELP {
                assert!(!Words::new(language).named_key(what).is_empty(), "{key}");
            }
        }
    }
}
