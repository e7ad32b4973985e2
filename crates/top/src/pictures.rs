//! What is shown of a line that was recorded from the demo, row by row, beside pictures that a person has looked at.
//! `UPDATE=1 cargo test -p top` takes them anew.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use contract::{LineV1, MeV1, RoleName, SeriesLimitV1, SeriesV1};
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Style;
use serde::de::DeserializeOwned;

use crate::draw::draw;
use crate::live::{Heard, Lost};
use crate::model::{Answer, Look, Model, Wish};
use crate::words::Language;

fn fixture<T: DeserializeOwned>(name: &str) -> T {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(name);
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The line of the demo. Its worn electrodes, whose plant knows no limit, get one here, and their onset is moved into what is
/// kept of the cycles.
fn line() -> LineV1 {
    let mut line: LineV1 = fixture("line.json");
    let series = series();
    let alert = line.alerts.iter_mut().flatten().find(|alert| alert.id == WORN).unwrap();
    alert.evidence[0].onset = series.points[series.points.len() / 2].at;
    line
}

fn series() -> SeriesV1 {
    let mut series: SeriesV1 = fixture("series.json");
    let variants = ["ev-long", "ev-std"].map(|name| Some(name.to_owned()));
    series.limits = variants.map(|variant| SeriesLimitV1 { variant, low: Some(78.0), high: None }).into();
    series
}

/// The incident of the worn electrodes.
const WORN: &str = "145178-0";

/// A terminal that has been looked at for a moment, in the hands of a supervisor.
fn model(language: Language) -> Model {
    let mut model = Model::new("twin:8443".to_owned(), language);
    model.hear(Heard::Line(Box::new(line())));
    model.take(&Look::Me, Answer::Me(fixture("me.json")));
    model.take(&Look::Words, Answer::Words(fixture("words.json")));
    model
}

/// Presses keys, a letter each; `>` is enter, `<` esc, `^` tab, `v` down. Returns the last wish.
fn press(model: &mut Model, keys: &str) -> Option<Wish> {
    let mut wish = None;
    for key in keys.chars() {
        let code = match key {
            '>' => KeyCode::Enter,
            '<' => KeyCode::Esc,
            '^' => KeyCode::Tab,
            'v' => KeyCode::Down,
            letter => KeyCode::Char(letter),
        };
        wish = model.press(KeyEvent::new(code, KeyModifiers::NONE));
        // What is in the chart is known once the station is.
        answer(model);
        answer(model);
    }
    wish
}

/// Answers what is looked up.
fn answer(model: &mut Model) {
    for look in model.looks() {
        let answer = match &look {
            Look::Station(_) => Answer::Station(fixture("station.json")),
            Look::Series { .. } => Answer::Series(series()),
            Look::Flow => Answer::Flow(fixture("flow.json")),
            Look::Signals { .. } => Answer::Signals(fixture("signals.json")),
            Look::Me | Look::Words => continue,
        };
        model.take(&look, answer);
    }
}

fn terminal(model: &Model, width: u16, height: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| _ = draw(model, frame)).unwrap();
    terminal
}

/// The letters of the picture, row by row.
fn picture(model: &Model, width: u16, height: u16) -> String {
    let terminal = terminal(model, width, height);
    let buffer = terminal.backend().buffer();
    let rows = buffer.content.chunks(width.into());
    rows.map(|row| row.iter().map(|cell| cell.symbol()).collect::<String>().trim_end().to_owned() + "\n").collect()
}

#[track_caller]
fn check(name: &str, model: &Model, width: u16, height: u16) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.txt"));
    let shown = picture(model, width, height);
    if std::env::var_os("UPDATE").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &shown).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(shown == expected, "{name} is shown as\n{shown}\nand not as\n{expected}\n(UPDATE=1 takes it anew)");
}

#[test]
fn the_line_is_shown_with_its_incidents() {
    let mut model = model(Language::English);
    check("line", &model, 80, 24);
    check("line-wide", &model, 130, 34);
    press(&mut model, "hvv");
    check("line-stations", &model, 80, 24);
    check("line-german", &self::model(Language::German), 80, 24);
}

#[test]
fn an_incident_is_shown_with_its_chart_and_what_to_do() {
    for (name, language) in [("incident", Language::English), ("incident-german", Language::German)] {
        let mut model = model(language);
        model.incident = Some(WORN.to_owned());
        press(&mut model, ">");
        check(name, &model, 80, 24);
        check(&format!("{name}-wide"), &model, 140, 40);
    }
}

#[test]
fn a_station_the_shift_and_the_health_are_shown() {
    let mut model = model(Language::English);
    press(&mut model, "hv>");
    check("station", &model, 80, 30);
    press(&mut model, "<^");
    check("shift", &model, 80, 30);
    press(&mut model, "^");
    check("health", &model, 80, 30);
    press(&mut model, "?");
    check("help", &model, 80, 24);
}

#[test]
fn a_daemon_that_is_away_is_told_with_since_when() {
    let mut model = model(Language::English);
    model.hear(Heard::Lost(Lost::Away("connection refused".to_owned())));
    (0..75).for_each(|_| model.second());
    check("away", &model, 80, 24);
    model.hear(Heard::Line(Box::new(line())));
    assert!(!picture(&model, 80, 24).contains("Not live"));
    (0..11).for_each(|_| model.second());
    assert!(picture(&model, 80, 24).contains("The twin has sent nothing for a while. Shown is"));
    let mut nothing = Model::new("twin:8443".to_owned(), Language::English);
    nothing.hear(Heard::Lost(Lost::Away("connection refused".to_owned())));
    assert!(picture(&nothing, 80, 24).contains("twin:8443 has not"));
}

/// Whatever the size, nothing panics, and what a person must know is there.
#[test]
fn every_view_is_shown_on_every_terminal() {
    let mut model = model(Language::German);
    for keys in ["", ">", "e", "<hv>", "f", "<^", "^", "?"] {
        press(&mut model, keys);
        for (width, height) in [(1, 1), (20, 5), (40, 12), (41, 13), (60, 15), (80, 24), (200, 60)] {
            let shown = picture(&model, width, height);
            if width >= 40 && height >= 12 {
                assert!(shown.contains("ev1") && shown.contains("q beenden"), "{width}x{height}:\n{shown}");
            }
        }
    }
}

#[test]
fn what_is_pressed_is_for_what_is_chosen() {
    let mut model = model(Language::English);
    let first = model.incident.clone().unwrap();
    let acknowledge = |incident: &str| {
        let ask = contract::AskV1::Acknowledge { incident: incident.to_owned() };
        Some(Wish::Command { ask, comment: None })
    };
    assert_eq!(press(&mut model, "a"), acknowledge(&first));
    assert_eq!(press(&mut model, "a"), None, "one at a time");
    model.commanded(Err("the daemon stops".to_owned()));
    assert!(picture(&model, 80, 24).contains("Not done: the daemon stops"));
    // Another order of the list, and what is chosen is the same.
    let mut line = line();
    line.alerts.as_mut().unwrap().iter_mut().find(|alert| alert.id == first).unwrap().priority =
        contract::PriorityName::Low;
    model.hear(Heard::Line(Box::new(line.clone())));
    assert_ne!(model.incidents()[0].id, first);
    assert_eq!(press(&mut model, "a"), acknowledge(&first));
    model.commanded(Err(String::new()));
    // It is gone: nothing is chosen, and nothing is sent.
    line.alerts.as_mut().unwrap().retain(|alert| alert.id != first);
    model.hear(Heard::Line(Box::new(line)));
    assert_eq!(press(&mut model, "a"), None);
    assert!(picture(&model, 80, 24).contains("Choose an incident first."));
}

#[test]
fn shelving_asks_how_long_and_a_comment_is_typed() {
    use contract::AskV1::{Comment, Shelve};
    let mut model = model(Language::English);
    let incident = model.incident.clone().unwrap();
    press(&mut model, "s");
    assert!(
        picture(&model, 120, 24)
            .contains("Shelve for [r] until it returns, [e] to the end of the shift, or type minutes")
    );
    let shelve = |until, minutes| {
        Some(Wish::Command { ask: Shelve { incident: incident.clone(), until, minutes }, comment: None })
    };
    assert_eq!(press(&mut model, "45>"), shelve(None, Some(45)));
    model.is_commanding = false;
    assert_eq!(press(&mut model, "se"), shelve(model.shift_end(), None));
    model.is_commanding = false;
    assert_eq!(press(&mut model, "sr"), shelve(None, None));
    model.is_commanding = false;
    assert_eq!(press(&mut model, "s0>"), None);
    assert!(picture(&model, 120, 24).contains("0_"), "it asks again");
    assert_eq!(press(&mut model, "<q"), Some(Wish::Quit));
    let comment = Some("caps ordered, q".to_owned());
    assert_eq!(press(&mut model, "ccaps ordered, q>"), Some(Wish::Command { ask: Comment { incident }, comment }));
}

#[test]
fn who_may_not_is_told_why() {
    let mut model = model(Language::English);
    let me: MeV1 = fixture("me.json");
    let check = |model: &mut Model, me: MeV1, expected: &str| {
        model.me = Some(me);
        assert_eq!(press(model, "a"), None);
        assert_eq!(model.said.as_deref(), Some(expected));
    };
    check(&mut model, MeV1 { role: Some(RoleName::Viewer), ..me.clone() }, "This needs the role supervisor.");
    check(&mut model, MeV1 { user: None, role: None, ..me.clone() }, "Start with --user NAME to act on it.");
    let nobody = MeV1 { logins: false, user: None, role: None, ..me };
    check(&mut model, nobody, "This twin has no logins: nobody may act on it from here.");
}

#[test]
fn a_filter_holds_at_each_letter_and_esc_on_the_line_takes_it_away() {
    let mut model = model(Language::English);
    let all = model.incidents().len();
    press(&mut model, "/weld-20>");
    assert_eq!(model.incidents().iter().map(|alert| alert.id.as_str()).collect::<Vec<_>>(), [WORN]);
    assert!(picture(&model, 80, 24).contains("Filter: weld-20"));
    press(&mut model, "/x>");
    assert!(picture(&model, 80, 24).contains("No incident fits the filter."));
    assert_eq!(press(&mut model, "a"), None, "what is not seen is not meant");
    press(&mut model, "<");
    assert_eq!(model.incidents().len(), all);
}

/// Nothing is told by colour alone: without any style, each row that has one differs from its neighbours in letters too.
#[test]
fn what_is_chosen_and_how_urgent_it_is_is_seen_without_colours() {
    let model = model(Language::English);
    let terminal = terminal(&model, 80, 24);
    let is_styled = terminal.backend().buffer().content.iter().any(|cell| cell.style() != Style::reset());
    assert!(is_styled);
    let shown = picture(&model, 80, 24);
    assert!(
        shown.contains("> !!! High") && shown.contains("[Open incidents]") && shown.contains("[Line (3)]"),
        "{shown}"
    );
}
