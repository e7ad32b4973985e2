//! The page in a real browser: what a supervisor sees and does, and whether everybody can.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use e2e::browser::{ACROSS, Browser, UPRIGHT};
use e2e::daemon::{Daemon, linetwin, run_linetwin};
use e2e::demo::Demo;
use e2e::net::free_port;
use e2e::program::Program;
use e2e::site::{Site, modbus_link, station};
use e2e::workspace_root;
use serde_json::json;
use tempfile::TempDir;

/// Names the folder for the pictures of the documentation; without it they are thrown away.
const PICTURES: &str = "LINETWIN_PICTURES";
/// A plant in which something happens within seconds: water that runs low, then worn electrodes.
const SOON: [&str; 6] = ["--seed", "7", "--speed", "60", "--fault", "water-restriction@2m"];

/// A folder that is gone in the end.
struct Scratch(TempDir);

impl Scratch {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn browser(&self) -> Browser {
        Browser::start(self.0.path())
    }
}

/// Waits until the alert of [`SOON`] is in the list.
#[track_caller]
fn wait_for_alert(browser: &mut Browser) {
    browser.sees(".incident .alert-head strong", "weld-30");
}

#[test]
fn every_view_is_for_everybody_light_and_dark_in_english_and_german() {
    let demo = Demo::start(&SOON);
    let wanted = std::env::var_os(PICTURES).map(|folder| workspace_root().join(PathBuf::from(folder)));
    let scratch = Scratch::new();
    let mut browser = Browser::start(wanted.as_deref().unwrap_or(scratch.0.path()));
    let views = [
        ("line", "#/", "main h2", ["Open incidents", "Offene Vorfälle"]),
        ("station", "#/station/weld-30", "main h1", ["spot weld", "Punktschweißen"]),
        ("shift", "#/shift", "main h1", ["Shift early", "Schicht early"]),
        ("health", "#/health", "main h1", ["Health", "Zustand"]),
        ("part-search", "#/part", "main h1", ["Part", "Teil"]),
        ("part", "#/part/EV1-000147", "main .cycle .muted", [""; 2]),
    ];
    for (viewer, language) in [(ACROSS, 0), (UPRIGHT, 1)] {
        browser.open(demo.page(), viewer);
        wait_for_alert(&mut browser);
        let name = |view: &str| if language == 0 { view.to_owned() } else { format!("{view}-dark") };
        for (view, address, heading, words) in views {
            browser.go(address);
            browser.sees(heading, words[language]);
            browser.ask("sees_not", &json!({ "selector": "main [aria-busy]" }));
            if view == "station" {
                browser.sees(".chart .chart-text", "");
            }
            if view == "health" {
                browser.ask("counts", &json!({ "selector": "tr[data-quality] .quality", "is": 53 }));
            }
            browser.is_accessible();
            if (language == 0 && view != "part-search") || view == "line" {
                browser.picture(&name(view));
            }
        }
        browser.go("#/");
        browser.click(".incident-link");
        browser.sees("main h1", "weld-30");
        browser.sees(".chart .chart-text", "");
        browser.is_accessible();
        browser.picture(&name("incident"));
        browser.is_quiet();
    }
}

#[test]
fn an_alert_that_comes_is_said_shown_filtered_and_opened_with_its_chart() {
    let demo = Demo::start(&SOON);
    let scratch = Scratch::new();
    let mut browser = scratch.browser();
    browser.open(demo.page(), ACROSS);
    browser.sees("#incidents .empty", "No open incidents. All 11 stations are watched; 1 still learning.");
    wait_for_alert(&mut browser);
    browser.sees("#announcer", "New alert, priority Low. weld-30");
    browser.sees("#views .count", "1");
    browser.ask("choose", &json!({ "selector": "select[name=station]", "value": "weld-30" }));
    browser.ask("address", &json!({ "is": "#/?station=weld-30" }));
    browser.ask("counts", &json!({ "selector": ".incident", "is": 1 }));
    browser.click(".incident-link");
    browser.sees("main h1", "gun water flow low");
    browser.sees(".chart-title", "Gun water flow of weld-30");
    browser.sees(".chart", "began");
    browser.sees(".advice", "Check the gun's hoses");
    browser.sees(".causes", "restricted gun water");
    // Nobody takes it on.
    browser.sees(".history", "Escalated");
    browser.sees(".facts", "Escalatedstep");
    browser.ask("back", &json!({}));
    browser.ask("address", &json!({ "is": "#/?station=weld-30" }));
    browser.sees("#incidents h2", "Open incidents");
    browser.go("#/incident/1-0");
    browser.sees("main h1", "Incident 1-0 is not open.");
    browser.is_quiet();
}

/// Logs in as whom the demo names, from the page and back to it.
#[track_caller]
fn log_in(browser: &mut Browser, demo: &Demo) {
    let (name, password) = demo.login();
    browser.click("#session a");
    browser.is_accessible();
    browser.ask("fill", &json!({ "selector": "#user", "text": name }));
    browser.ask("fill", &json!({ "selector": "#password", "text": password }));
    browser.click("#submit");
    browser.sees("#session", "demo (supervisor)");
    browser.ask("live", &json!({}));
}

#[test]
fn a_supervisor_takes_an_alert_on_shelves_it_and_says_what_it_was() {
    let demo = Demo::start(&SOON);
    let scratch = Scratch::new();
    let mut browser = scratch.browser();
    browser.open(demo.page(), ACROSS);
    wait_for_alert(&mut browser);
    browser.click(".incident-link");
    browser.sees(".commands", "Log in as a supervisor to act on it.");
    browser.ask("counts", &json!({ "selector": "[data-action]", "is": 0 }));
    log_in(&mut browser, &demo);
    browser.sees("main h1", "weld-30");
    browser.ask("fill", &json!({ "selector": ".remark", "text": "Looking at the hoses" }));
    browser.click("[data-action=acknowledge]");
    browser.sees(".answer", "Done");
    browser.sees(".history", "Taken on by demo: “Looking at the hoses”");
    browser.sees(".alert-priority", "taken on");
    browser.ask("counts", &json!({ "selector": "[data-action=acknowledge]", "is": 0 }));
    browser.click("[data-action=shelve30]");
    browser.sees(".alert-priority", "shelved");
    browser.is_accessible();
    browser.picture("shelved");
    browser.go("#/");
    browser.sees("#incidents .aside summary", "Shelved, suppressed, out of service (1)");
    browser.sees("#incidents .empty", "No open incidents.");
    browser.click("#incidents .aside summary");
    browser.click("#incidents .aside .incident-link");
    browser.click("[data-action=unshelve]");
    browser.sees(".history", "Brought back by demo");
    browser.click("[data-action=mark-true]");
    browser.sees(".facts", "true, by demo");
    // A comment without words is nothing to know: the twin's own answer is shown.
    browser.click("[data-action=comment]");
    browser.sees(".answer", "Not done:");
    browser.click("#session button");
    browser.sees("h1", "Log in");
}

#[test]
fn an_engineer_takes_a_station_out_of_service_and_a_restart_asks_who_is_there() {
    let stations = modbus_link("plc", free_port()) + &station("weld-20", "spot-weld", &[]);
    let site = Site::new(&stations, "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\n");
    let port = free_port();
    let users = site.config().join("users.toml");
    site.write("linetwin.toml", &format!("node = \"e2e\"\n[http]\nport = {port}\nusers = {users:?}\n"));
    let password = "a word of passage";
    let mut adding = linetwin();
    adding.args(["user", "add", "kim", "--role", "engineer", "--password-stdin", "--config"]).arg(site.config());
    let mut adding = Program::start("linetwin user add", &mut adding);
    adding.send(password);
    let added = adding.wait();
    assert_eq!(added.code, Some(0), "{}", added.errors);
    let daemon = site.start();
    let scratch = Scratch::new();
    let mut browser = scratch.browser();
    browser.ask(
        "visit",
        &json!({ "url": format!("http://127.0.0.1:{port}/#/station/weld-20"), "viewer": UPRIGHT.to_json() }),
    );
    let log_in = |browser: &mut Browser| {
        browser.sees("h1", "Anmelden");
        browser.is_accessible();
        browser.ask("fill", &json!({ "selector": "#user", "text": "kim" }));
        browser.ask("fill", &json!({ "selector": "#password", "text": password }));
        browser.click("#submit");
        browser.ask("live", &json!({}));
    };
    log_in(&mut browser);
    browser.sees("#session", "kim (Technik)");
    browser.go("#/station/weld-20");
    browser.click(".commands .action");
    browser.sees(".commands .lead", "Außer Betrieb seit");
    browser.sees(".commands .lead", "von kim");
    browser.is_accessible();
    browser.go("#/");
    browser.sees("[data-station=weld-20]", "außer Betrieb");
    daemon.stop();
    browser.ask("lost", &json!({}));
    let daemon = site.start();
    log_in(&mut browser);
    browser.go("#/station/weld-20");
    browser.click(".commands .action");
    browser.sees(".commands .lead", "In Betrieb.");
    daemon.stop();
}

#[test]
fn the_page_is_used_with_the_keyboard_alone() {
    let demo = Demo::start(&SOON);
    let scratch = Scratch::new();
    let mut browser = scratch.browser();
    browser.open(demo.page(), ACROSS);
    wait_for_alert(&mut browser);
    let press = |browser: &mut Browser, keys: &[&str]| browser.ask("press", &json!({ "keys": keys }));
    press(&mut browser, &["Tab"]);
    browser.ask("focused", &json!({ "selector": "#skip" }));
    press(&mut browser, &["Enter"]);
    browser.ask("focused", &json!({ "selector": "main" }));
    press(&mut browser, &["Tab"]);
    browser.ask("focused", &json!({ "selector": "[data-station=robot-10]" }));
    press(&mut browser, &["Enter"]);
    browser.ask("address", &json!({ "is": "#/station/robot-10" }));
    browser.ask("focused", &json!({ "selector": "main h1" }));
    browser.sees("main h1", "robot-10: robot");
    // Updates come four times a second; none may take the keyboard away.
    press(&mut browser, &["Tab", "Tab"]);
    browser.sees(".chart .chart-text", "");
    browser.ask("focused", &json!({ "selector": "select, summary, button, .scroller, a" }));
    browser.is_quiet();
}

#[test]
fn signals_are_searched_and_a_page_can_be_sent_on() {
    let demo = Demo::start(&SOON);
    let scratch = Scratch::new();
    let mut browser = scratch.browser();
    browser.open(&format!("{}#/health?search=water_flow", demo.page()), ACROSS);
    browser.ask("counts", &json!({ "selector": "tr[data-quality] .quality", "is": 5 }));
    browser.sees("main", "weld-20");
    browser.ask("fill", &json!({ "selector": "input[type=search]", "text": "no such signal" }));
    browser.sees("main .table .empty", "");
    browser.ask("address", &json!({ "is": "#/health?search=no+such+signal" }));
    browser.sees("main", "No signal fits.");
    browser.go("#/part/no-such-part");
    browser.sees("main [role=status]", "no record of");
    browser.ask("choose", &json!({ "selector": "#language", "value": "de" }));
    browser.sees("#views", "Schicht");
    browser.sees("main h1", "Teil no-such-part");
}

#[test]
fn a_replay_is_paused_and_scrubbed_and_never_taken_for_life() {
    let scratch = Scratch::new();
    let recording = scratch.0.path().join("recording");
    let demo = ["demo", "--http-port", "0", "--mqtt-port", "0", "--speed", "max", "--history", "1h", "--for", "30m"];
    let kept = run_linetwin(demo.into_iter().chain(["--recording", recording.to_str().unwrap()]));
    assert_eq!(kept.code, Some(0), "{}", kept.errors);
    let mut command = linetwin();
    command.arg("replay").arg(&recording).args(["--http", "127.0.0.1:0", "--speed", "10"]);
    let daemon = Daemon::start(&mut command);
    let mut browser = scratch.browser();
    browser.open(daemon.url(), ACROSS);
    browser.sees("#replay", "REPLAY");
    browser.sees("#connection", "Replay");
    browser.click("#replay-pause");
    browser.sees("#replay-pause", "Resume");
    browser.sees("#replay-now", "Paused at");
    browser.is_accessible();
    browser.ask("slide", &json!({ "selector": "#replay-place", "share": 0.9 }));
    let (from, to) = standing(&daemon);
    let wanted = from + 0.85 * (to - from);
    e2e::wait::wait_for("the replay to be where the slider was put", || (now_of(&daemon) > wanted).then_some(()));
    browser.sees(".incident .alert-head strong", "weld-30");
    browser.picture("replay");
    browser.click("#replay-pause");
    browser.sees("#replay-pause", "Pause");
    browser.is_quiet();
}

fn standing(daemon: &Daemon) -> (f64, f64) {
    let replay = daemon.state().replay.unwrap();
    (seconds(replay.from), seconds(replay.to))
}

fn now_of(daemon: &Daemon) -> f64 {
    seconds(daemon.state().replay.unwrap().now)
}

fn seconds(time: contract::TimeV1) -> f64 {
    time.0.seconds_since(telemetry::Timestamp::EPOCH)
}

#[test]
fn the_page_says_that_the_daemon_is_away_and_comes_back_by_itself() {
    let stations = modbus_link("plc", free_port()) + &station("weld-20", "spot-weld", &[]);
    let site = Site::new(&stations, "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\n");
    let port = format!("http.port={}", free_port());
    let start = || Daemon::start(&mut site.command(&[&port]));
    let daemon = start();
    let scratch = Scratch::new();
    let mut browser = scratch.browser();
    browser.open(daemon.url(), ACROSS);
    browser.sees("#links", "1 of 1 links not up");
    browser.go("#/health");
    browser.sees("main", "Connection refused");
    browser.is_quiet();
    daemon.stop();
    browser.ask("lost", &json!({}));
    browser.sees("#stale", "The connection to the twin is lost. What is shown is of");
    let daemon = start();
    browser.ask("live", &json!({}));
    browser.ask("sees_not", &json!({ "selector": "#stale" }));
    browser.sees("#links", "1 of 1 links not up");
    browser.is_quiet();
    daemon.stop();
}
