//! A plant with logins: users are added at the terminal, and a command that comes over HTTP reaches the twin.

#![allow(clippy::unwrap_used)]

use std::fs;

use e2e::daemon::{Daemon, linetwin};
use e2e::net::free_port;
use e2e::program::{Ended, Program};
use e2e::site::{self, Site, modbus_link};
use e2e::wait::wait_for;
use serde_json::Value;

const REPORT: &str = r#"{"command":"report-intervention","place":"weld-20","kind":"retool"}"#;

/// A line whose users file is beside its configuration.
fn site() -> Site {
    let plant = modbus_link("plc", free_port()) + &site::station("weld-20", "spot-weld", &[]);
    let site = Site::new(&plant, "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\n");
    let users = site.config().join("users.toml");
    site.write(
        "linetwin.toml",
        &format!("node = \"e2e\"\n[http]\nport = 0\nusers = {:?}\n", users.display().to_string()),
    );
    site
}

/// `linetwin user`, given a line on its standard input.
fn user(site: &Site, arguments: &[&str], input: &str) -> Ended {
    let mut command = linetwin();
    command.arg("user").args(arguments).arg("--config").arg(site.config());
    let mut program = Program::start("linetwin user", &mut command);
    program.send(input);
    program.wait()
}

/// Adds a machine and gives its token.
fn add_machine(site: &Site, name: &str, role: &str) -> String {
    let Ended { code, output, errors } = user(site, &["add", name, "--role", role, "--token"], "");
    assert_eq!(code, Some(0), "{errors}");
    output.split_once("not shown again: ").unwrap().1.trim().to_owned()
}

fn command(daemon: &Daemon, token: &str, body: &str) -> (u16, Value) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let url = format!("{}/api/v1/command", daemon.url());
    let posted =
        agent.post(&url).header("authorization", format!("Bearer {token}")).content_type("application/json").send(body);
    let mut answer = posted.unwrap();
    (answer.status().as_u16(), answer.body_mut().read_json().unwrap())
}

#[test]
fn a_command_over_http_reaches_the_twin_and_is_answered_recorded_and_audited() {
    let site = site();
    let [mes, display] =
        [("mes", "supervisor"), ("display", "viewer")].map(|(name, role)| add_machine(&site, name, role));
    let daemon = site.start();
    assert_eq!(daemon.get("/api/v1/state").0, 401);
    assert_eq!(daemon.get("/healthz").0, 200);

    let (status, answer) = command(&daemon, &mes, REPORT);
    assert_eq!((status, answer["ok"].as_bool(), answer["by"].as_str()), (200, Some(true), Some("mes")), "{answer}");
    let (status, answer) = command(&daemon, &mes, r#"{"command":"acknowledge","incident":"1-0"}"#);
    assert_eq!((status, answer["ok"].as_bool()), (409, Some(false)), "{answer}");
    assert!(answer["error"].as_str().unwrap().contains("1-0"), "{answer}");
    assert_eq!(command(&daemon, &display, REPORT).0, 403);
    assert_eq!(command(&daemon, &mes, r#"{"command":"remove-from-service","place":"weld-20"}"#).0, 403);

    assert_eq!(user(&site, &["remove", "mes"], "").code, Some(0));
    wait_for("the daemon to know that mes is gone", || (command(&daemon, &mes, REPORT).0 == 401).then_some(()));

    daemon.stop();
    let audit = fs::read_to_string(site.recording().join("audit.jsonl")).unwrap();
    let entries: Vec<Value> = audit.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |what: &str| entries.iter().filter(|entry| entry["what"] == what).count();
    assert!(of("command") >= 2 && of("refused") == 2 && of("users-changed") == 1, "{audit}");
    assert_eq!(entries[0]["command"]["by"], "mes", "{audit}");
}

#[test]
fn users_are_added_with_care() {
    let site = site();
    let check = |arguments: &[&str], input: &str, code: i32, expected: &str| {
        let Ended { code: ended, output, errors } = user(&site, arguments, input);
        assert_eq!(ended, Some(code), "{errors}");
        assert!(output.contains(expected) || errors.contains(expected), "{expected:?} in: {output}{errors}");
    };
    let add = ["add", "kim", "--role", "supervisor", "--password-stdin"];
    check(&["list"], "", 1, "`linetwin user add NAME --role ROLE` makes one");
    check(&add, "too short", 1, "a password of 9 characters; expected 12 to 256");
    check(&["add", "kim", "--role", "supervisor"], "", 1, "use --password-stdin");
    check(&add, "correct horse battery", 0, "kim is supervisor now");
    check(&add, "correct horse battery", 1, "there is a user \"kim\" already");
    check(&["set-role", "kim", "--role", "boss"], "", 2, "expected viewer, supervisor or engineer");
    check(&["set-role", "kim", "--role", "engineer"], "", 0, "kim is engineer now");
    check(&["set-password", "kim", "--password-stdin"], "another horse battery", 0, "kim has another password");
    check(&["list"], "", 0, "engineer   password kim");
    check(&["remove", "lou"], "", 1, "there is no user \"lou\"; there are kim");
}

#[test]
fn passwords_do_not_cross_the_network_in_the_clear() {
    let site = site();
    user(&site, &["add", "kim", "--role", "viewer", "--token"], "");
    let Ended { code, errors, .. } = Program::start("linetwin", &mut site.command(&["http.host=0.0.0.0"])).wait();
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("http.users: lets people log in over the network in the clear"), "{errors}");
    let tls = ["http.host=0.0.0.0", "http.tls.certificate=nowhere.pem", "http.tls.key=nowhere.pem"];
    let Ended { code, errors, .. } = Program::start("linetwin", &mut site.command(&tls)).wait();
    assert_eq!(code, Some(2), "{errors}");
    assert!(errors.contains("http.tls: nowhere.pem: it cannot be read"), "{errors}");
}
