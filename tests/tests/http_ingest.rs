//! Rows posted by real clients, curl and Python's requests: durable when they are answered, and refused in words.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::process::Command;

use contract::{LinkStateName, ValueV1};
use e2e::daemon::{Daemon, run_linetwin};
use e2e::net::free_port;
use e2e::peers::python;
use e2e::site::{self, Site};
use e2e::workspace_root;

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A station that a system of the plant posts the results of.
fn site(port: u16, more: &str) -> Site {
    let link =
        format!("[[link]]\nprotocol = \"http\"\nname = \"mes\"\nport = {port}\ntoken_file = \"TOKEN\"\n{more}\n");
    let rows = "weld-20/active,cycle.active,mes,active,bool,,,,,,,\nweld-20/part,part.id,mes,part,text,,,,,,,\n\
                weld-20/current,weld.current,mes,current,f64,,kA,,,,,\n";
    let site = Site::new("", rows);
    let token = site.config().join("mes.token");
    site.write("mes.token", &format!("{TOKEN}\n"));
    let plant = fs::read_to_string(site.config().join("plant.toml")).unwrap();
    let link = link.replace("TOKEN", &token.display().to_string());
    site.write("plant.toml", &(plant + &link + &site::station("weld-20", "spot-weld", &[])));
    site
}

/// What curl says: the status, the headers and the body.
fn curl(arguments: &[&str]) -> (u16, String) {
    let mut command = Command::new("curl");
    command.args(["-s", "-S", "-i", "--max-time", "30", "-H", "Expect:"]).args(arguments);
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let status = said.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.unwrap_or_else(|| panic!("{said} {}", String::from_utf8_lossy(&output.stderr))), said)
}

fn post(port: u16, body: &str) -> (u16, String) {
    let bearer = format!("authorization: Bearer {TOKEN}");
    curl(&["-H", &bearer, "--data-binary", body, &url(port)])
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}/ingest/v1/mes")
}

fn wait_for_part(daemon: &Daemon, part: &str) {
    daemon.wait_for_signal("weld-20/part", part, |signal| signal.value == Some(ValueV1::Text(part.to_owned())));
}

fn row(part: &str, second: u32) -> String {
    format!(r#"{{"tag": "part", "value": "{part}", "time": "2026-11-24T08:{:02}:{:02}Z"}}"#, second / 60, second % 60)
}

#[test]
fn what_is_answered_survives_a_kill() {
    const ROWS: u32 = 30;
    let port = free_port();
    let site = site(port, "");
    let mut daemon = site.start();
    daemon.wait_for_link("mes", LinkStateName::Up, "");
    for number in 0..ROWS {
        let (status, said) = post(port, &row(&format!("K-{number}"), number));
        assert_eq!((status, said.ends_with(r#"{"rows":1}"#)), (200, true), "{said}");
        if number % 10 == 9 {
            daemon.kill();
            daemon = site.start();
            daemon.wait_for_link("mes", LinkStateName::Up, "");
        }
    }
    daemon.kill();
    let recording = site.recording().display().to_string();
    let exported = run_linetwin(["export", &recording, "--format", "csv", "--out", "-", "--signal", "weld-20/part"]);
    for number in 0..ROWS {
        assert!(exported.output.contains(&format!("K-{number}")), "{number} is lost");
    }
}

#[test]
fn lines_arrays_and_requests_of_python_are_taken() {
    let port = free_port();
    let site = site(port, "");
    let daemon = site.start();
    daemon.wait_for_link("mes", LinkStateName::Up, "");
    let lines = format!("{}\n{}\n", row("EV1-1", 0), r#"{"signal": "weld-20/current", "value": 8.25}"#);
    let (status, said) = post(port, &lines);
    assert_eq!((status, said.contains(r#"{"rows":2}"#)), (200, true), "{said}");
    wait_for_part(&daemon, "EV1-1");
    daemon.wait_for_signal("weld-20/current", "8.25", |signal| signal.value == Some(ValueV1::Number(8.25)));
    assert_eq!(post_with_requests(&url(port), &format!("[{}]", row("EV1-2", 1)), ""), "200 {\"rows\":1}");
    wait_for_part(&daemon, "EV1-2");
    daemon.stop();
}

fn post_with_requests(url: &str, rows: &str, authority: &str) -> String {
    let script = workspace_root().join("tests/peers/post_rows.py");
    let output = Command::new(python()).arg("-B").arg(script).args([url, TOKEN, rows, authority]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).trim().to_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn what_cannot_be_taken_is_refused_in_words() {
    let port = free_port();
    let site = site(port, "body_max_kib = 1\nrequests_per_s = 15");
    let daemon = site.start();
    daemon.wait_for_link("mes", LinkStateName::Up, "");
    let refused = |(status, said): (u16, String), expected: u16, words: &str| {
        assert!(status == expected && said.contains(words), "{expected} {words}: {said}");
    };
    let good = row("EV1-1", 0);
    let bearer = format!("authorization: Bearer {TOKEN}");
    refused(curl(&["--data-binary", &good, &url(port)]), 401, "www-authenticate: Bearer");
    refused(
        curl(&["-H", "authorization: Bearer wrong", "--data-binary", &good, &url(port)]),
        401,
        "send the token of this link",
    );
    refused(
        curl(&["-H", &bearer, "--data-binary", &good, &url(port).replace("mes", "msr")]),
        404,
        "is not the link that listens here",
    );
    refused(curl(&["-H", &bearer, &url(port)]), 405, "");
    refused(
        curl(&["-H", &bearer, "-H", "content-encoding: gzip", "--data-binary", &good, &url(port)]),
        415,
        "send the rows as they are",
    );
    refused(post(port, &"x".repeat(2000)), 413, "expected at most 1024 bytes");
    let bad = r#"{"tag": "part", "value": 7}"#;
    refused(post(port, &format!("{good}\n{bad}\n{}", r#"{"tag": "prat", "value": "a"}"#)), 422, r#""rows_wrong":2"#);
    refused(
        post(port, bad),
        422,
        r#"{"row":1,"error":"value: the integer 7 is no usable value, type mismatch; weld-20/part takes text"}"#,
    );
    let url = url(port);
    let flood: Vec<&str> = ["-Z", "-H", &bearer, "--data-binary", &good].into_iter().chain([&*url; 60]).collect();
    let (_, said) = curl(&flood);
    for words in ["HTTP/1.1 200", "HTTP/1.1 429", "retry-after: 1", "send more rows in each"] {
        assert!(said.contains(words), "{words}: {said}");
    }
    daemon.stop();
}

#[test]
fn tls_is_spoken_by_curl_and_requests() {
    let port = free_port();
    let site = site(port, "host = \"127.0.0.1\"\ntls = { certificate = \"CERT\", key = \"KEY\" }");
    let (certificate, key) = (site.config().join("cert.pem"), site.config().join("key.pem"));
    let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned(), "localhost".to_owned()]).unwrap();
    fs::write(&certificate, signed.cert.pem()).unwrap();
    fs::write(&key, signed.signing_key.serialize_pem()).unwrap();
    replace(&site, &certificate, &key);
    let daemon = site.start();
    daemon.wait_for_link("mes", LinkStateName::Up, "");
    let url = format!("https://localhost:{port}/ingest/v1/mes");
    let (bearer, authority) = (format!("authorization: Bearer {TOKEN}"), certificate.display().to_string());
    let (status, said) = curl(&["--cacert", &authority, "-H", &bearer, "--data-binary", &row("EV1-1", 0), &url]);
    assert_eq!(status, 200, "{said}");
    assert_eq!(post_with_requests(&url, &format!("[{}]", row("EV1-2", 1)), &authority), "200 {\"rows\":1}");
    wait_for_part(&daemon, "EV1-2");
    daemon.stop();
}

fn replace(site: &Site, certificate: &Path, key: &Path) {
    let plant = fs::read_to_string(site.config().join("plant.toml")).unwrap();
    let plant = plant.replace("CERT", &certificate.display().to_string()).replace("KEY", &key.display().to_string());
    site.write("plant.toml", &plant);
}

#[test]
fn a_token_that_can_be_guessed_is_told_and_none_gets_into_a_recording() {
    let port = free_port();
    let site = site(port, "");
    site.write("mes.token", "short");
    let daemon = site.start();
    daemon.wait_for_link("mes", LinkStateName::Down, "has fewer than 16 characters");
    daemon.stop();
    let config = site.config().display().to_string();
    let open = run_linetwin(["check", "--config", &config, "--set", "link[0].host=0.0.0.0"]);
    assert!(open.errors.contains("lets the token cross the network in the clear"), "{}", open.errors);
}
