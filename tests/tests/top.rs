//! `linetwin top` in a real terminal, with a real daemon over TLS.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::process::Command;

use contract::StateName;
use e2e::daemon::{Daemon, linetwin, run_linetwin};
use e2e::net::free_port;
use e2e::program::Program;
use e2e::site::{self, Site, modbus_link};
use e2e::terminal::Terminal;
use e2e::wait::wait_for;

const PASSWORD: &str = "a word of passage";

/// A line with one link to nobody, which is an incident at once; its page is on that port, over TLS and for Kim.
fn site(port: u16) -> Site {
    let plant = modbus_link("plc", free_port()) + &site::station("weld-20", "spot-weld", &[]);
    let site = Site::new(&plant, "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\n");
    let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    site.write("cert.pem", &signed.cert.pem());
    site.write("key.pem", &signed.signing_key.serialize_pem());
    let file = |name: &str| site.config().join(name);
    let (certificate, key, users) = (file("cert.pem"), file("key.pem"), file("users.toml"));
    let http = format!("port = {port}\nusers = {users:?}\ntls = {{ certificate = {certificate:?}, key = {key:?} }}\n");
    site.write("linetwin.toml", &format!("node = \"e2e\"\n[http]\n{http}"));
    let mut adding = linetwin();
    adding.args(["user", "add", "kim", "--role", "supervisor", "--password-stdin", "--config"]).arg(site.config());
    let mut adding = Program::start("linetwin user add", &mut adding);
    adding.send(PASSWORD);
    assert_eq!(adding.wait().code, Some(0));
    site
}

fn start(site: &Site) -> Daemon {
    Daemon::start(&mut site.command(&["detection.link_loss_s=0"]))
}

fn top(site: &Site, port: u16, password: &str) -> Command {
    let mut command = linetwin();
    command.env("LINETWIN_PASSWORD", password);
    command.args(["top", &format!("https://localhost:{port}"), "--user", "kim", "--language", "en", "--ca"]);
    command.arg(site.config().join("cert.pem"));
    command
}

/// What the daemon has recorded of what became of its incidents.
fn told(site: &Site) -> String {
    fs::read_to_string(site.recording().join("alerts.jsonl")).unwrap_or_default()
}

#[test]
fn an_incident_is_seen_and_taken_on_and_a_daemon_that_was_away_comes_back() {
    let port = free_port();
    let site = site(port);
    let daemon = start(&site);
    let mut terminal = Terminal::start(&top(&site, port, PASSWORD));
    terminal.sees("e2e  acme / ulm / body");
    terminal.sees("Live");
    terminal.sees("[Open incidents] 1");
    terminal.sees("1 of 1 links not up");
    terminal.press("\r");
    terminal.sees("Likely causes");
    terminal.sees("Link watch");
    terminal.press("a");
    terminal.sees("Done: the twin has taken it.");
    terminal.sees("· taken on ·");
    wait_for("the daemon to tell it", || told(&site).contains(r#""by":"kim""#).then_some(()));
    terminal.press("ccaps ordered\r");
    terminal.sees("Done: the twin has taken it.");
    wait_for("the comment", || told(&site).contains("caps ordered").then_some(()));
    terminal.press("s7\r");
    terminal.sees("· shelved ·");
    terminal.press("\x1b");
    terminal.sees("Shelved, suppressed, out of service (1)");

    daemon.stop();
    terminal.sees("! Not live");
    terminal.sees("The connection to the twin is lost");
    terminal.sees("ago.");
    let daemon = start(&site);
    // The sessions of a daemon end with it: the terminal logs in again.
    terminal.sees("Live");
    wait_for("the notice to go", || (!terminal.screen().contains("Not live")).then_some(()));
    terminal.press("\t");
    terminal.sees("[Shift]");
    terminal.press("\t");
    terminal.sees("weld-20/active");
    terminal.press("q");
    assert_eq!(terminal.ended(), 0);
    wait_for("the terminal to be as before", || terminal.is_restored().then_some(()));
    daemon.stop();
    let state = told(&site);
    assert!(state.contains(&format!("\"{}\"", contract::wire_name(StateName::Shelved))), "{state}");
}

#[test]
fn who_is_not_let_in_is_told_in_the_shell() {
    let port = free_port();
    let site = site(port);
    let daemon = start(&site);
    let mut terminal = Terminal::start(&top(&site, port, "a wrong password"));
    assert_eq!(terminal.ended(), 1);
    terminal.sees(&format!("localhost:{port}: "));
    assert!(terminal.is_restored());
    daemon.stop();
}

#[test]
fn wrong_use_is_told_before_anything_is_shown() {
    let ended = run_linetwin(["top"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.errors.contains("needs a terminal"), "{}", ended.errors);
    let check = |arguments: &[&str], expected: &str| {
        let mut command = linetwin();
        command.env("LINETWIN_PASSWORD", PASSWORD).arg("top").args(arguments);
        let mut terminal = Terminal::start(&command);
        assert_ne!(terminal.ended(), 0);
        wait_for(expected, || terminal.screen().replace('\n', "").contains(expected).then_some(()));
    };
    check(&["twin:8080"], "begins with neither http:// nor https://");
    check(&["http://192.0.2.1:8080", "--user", "kim"], "would cross the network in the clear");
    check(&["https://localhost", "--ca", "nowhere.pem"], "nowhere.pem");
    check(&["--language", "fr"], "expected en or de");
}
