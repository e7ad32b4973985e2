//! What MQTT 5 adds for a supervisor, and encryption, with Mosquitto and its own clients.

#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::Command;

use contract::CommandReplyV1;
use e2e::broker::{Mosquitto, Subscriber};
use e2e::daemon::Daemon;
use e2e::net::free_port;
use e2e::program::Program;
use e2e::site::{self, BASE_TOPIC, Site, mqtt_link};
use e2e::wait::wait_for;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};

/// A line with one link to nobody, which is an incident at once.
fn site() -> Site {
    let rows = "weld-20/active,cycle.active,cell,cell/weld-20#/active,bool,,,,,,,\n";
    Site::new(&(mqtt_link("cell", free_port()) + &site::station("weld-20", "spot-weld", &[])), rows)
}

fn start(site: &Site, settings: &[&str]) -> Daemon {
    Daemon::start(&mut site.command(&[&["mqtt.enabled=true", "detection.link_loss_s=0"], settings].concat()))
}

fn port(broker: &Mosquitto) -> String {
    format!("mqtt.port={}", broker.port())
}

fn said(daemon: &Daemon, what: &str) {
    wait_for(&format!("the daemon to say {what:?}"), || {
        daemon.log().iter().any(|line| line.contains(what)).then_some(())
    });
}

/// Asks as `mosquitto_rr` does, with a response topic and correlation data.
fn ask(broker: &Mosquitto, response_topic: &str, options: &[&str], command: &str) -> Vec<String> {
    let mut asking = Command::new("mosquitto_rr");
    asking.args(["-h", "127.0.0.1", "-p", &broker.port().to_string(), "-V", "5", "-q", "1", "-W", "20"]);
    asking.args(["-t", &format!("{BASE_TOPIC}/cmd"), "-e", response_topic, "-m", command]);
    asking.args(["-D", "publish", "correlation-data", "shift-7", "-F", "%D %C %p"]).args(options);
    let ended = Program::start("mosquitto_rr", &mut asking).wait();
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    ended.output.lines().map(str::to_owned).collect()
}

fn incident(supervisor: &Subscriber) -> String {
    supervisor.wait_for("an incident", |message| {
        message.topic.contains("/alerts/").then(|| message.json()["id"].as_str().map(str::to_owned))?
    })
}

fn acknowledge(incident: &str, by: &str) -> String {
    format!(r#"{{"command":"acknowledge","incident":"{incident}","by":"{by}"}}"#)
}

#[test]
fn who_asks_with_a_response_topic_is_answered_there() {
    let broker = Mosquitto::start();
    let site = site();
    let supervisor = broker.subscribe(&format!("{BASE_TOPIC}/#"));
    let daemon = start(&site, &[&port(&broker)]);
    said(&daemon, "with MQTT 5");
    let id = incident(&supervisor);
    let answers = ask(&broker, "tablets/7", &[], &acknowledge(&id, "Kim"));
    let [answer] = &answers[..] else { panic!("{answers:?}") };
    let json = answer.strip_prefix("shift-7 application/json ").unwrap_or_else(|| panic!("{answer}"));
    let reply: CommandReplyV1 = serde_json::from_str(json).unwrap();
    assert!(reply.ok && reply.incident.as_deref() == Some(&*id), "{reply:?}");

    let answers = ask(&broker, "tablets/7", &[], &acknowledge("999999-0", "Kim"));
    assert!(answers[0].contains(r#""ok":false"#), "{answers:?}");
    let topics = |part: &str| {
        let messages = supervisor.messages();
        messages.iter().filter(|message| message.topic.ends_with(part)).count()
    };
    wait_for("the refusal to be where errors are", || (topics("/cmd/error") == 1).then_some(()));
    assert_eq!(topics("/cmd/reply"), 0, "who asked has been answered, and nobody else");
    daemon.stop();
}

#[test]
fn an_answer_goes_nowhere_where_it_would_be_taken_for_something_else() {
    let broker = Mosquitto::start();
    let site = site();
    let supervisor = broker.subscribe(&format!("{BASE_TOPIC}/cmd/#"));
    let daemon = start(&site, &[&port(&broker)]);
    said(&daemon, "with MQTT 5");
    for topic in ["cmd", "alerts/1-0", "events"].map(|level| format!("{BASE_TOPIC}/{level}")) {
        let mut command = Command::new("mosquitto_pub");
        command.args(["-h", "127.0.0.1", "-p", &broker.port().to_string(), "-V", "5", "-q", "1"]);
        command.args(["-t", &format!("{BASE_TOPIC}/cmd"), "-m", &acknowledge("1-0", &topic[topic.len() - 3..])]);
        command.args(["-D", "publish", "response-topic", &topic]);
        assert_eq!(Program::start("mosquitto_pub", &mut command).wait().code, Some(0));
        supervisor.wait_for("a refusal", |message| {
            (message.topic.ends_with("/cmd/reply") && message.payload.contains(&format!("response topic \\\"{topic}")))
                .then_some(())
        });
    }
    daemon.stop();
}

#[test]
fn a_message_says_what_it_is_and_how_long_it_is_of_use() {
    let broker = Mosquitto::start();
    let site = site();
    let mut command = Command::new("mosquitto_sub");
    command.args(["-h", "127.0.0.1", "-p", &broker.port().to_string(), "-V", "5", "-q", "1"]);
    command.args(["-t", &format!("{BASE_TOPIC}/events"), "-F", "%C %E %P"]);
    let seen = Program::start("mosquitto_sub", &mut command);
    broker.wait_for_subscription(&format!("{BASE_TOPIC}/events"));
    let daemon = start(&site, &[&port(&broker)]);
    let line = wait_for("an event", || seen.output().first().cloned());
    assert_eq!(line, "application/json 604800 schema:linetwin/event/v1");
    daemon.stop();
}

#[test]
fn a_broker_that_takes_only_one_version_is_spoken_to_in_it() {
    let broker = Mosquitto::start();
    let site = site();
    for (version, name) in [("mqtt.version=3", "with MQTT 3.1.1"), ("mqtt.version=5", "with MQTT 5")] {
        let daemon = start(&site, &[&port(&broker), version]);
        said(&daemon, name);
        daemon.stop();
    }
    let old = format!("mqtt.port={}", linetwin::broker::start(0).unwrap());
    let daemon = start(&site, &[&old]);
    said(&daemon, "with MQTT 3.1.1");
    daemon.stop();
}

/// Files of a certificate authority of the test's own, a broker that it has signed, and a daemon.
fn certificates(folder: &Path) {
    let params = |name: &str| {
        let mut params = CertificateParams::new(vec![name.to_owned(), "127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params
    };
    let mut authority = params("authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    for name in ["broker", "daemon"] {
        let key = KeyPair::generate().unwrap();
        let certificate = params(name).signed_by(&key, &authority).unwrap();
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).unwrap();
        std::fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
    }
}

#[test]
fn a_broker_is_spoken_to_in_secret_and_each_knows_the_other() {
    let encrypted = "user root\nallow_anonymous false\npassword_file FOLDER/passwords\ncafile FOLDER/ca.pem\n\
                     certfile FOLDER/broker.pem\nkeyfile FOLDER/broker.key\nrequire_certificate true\n";
    let broker = Mosquitto::start_with(free_port(), encrypted, |folder| {
        certificates(folder);
        let mut password = Command::new("mosquitto_passwd");
        password.args(["-b", "-c"]).arg(folder.join("passwords")).args(["linetwin", "sesame"]);
        assert_eq!(Program::start("mosquitto_passwd", &mut password).wait().code, Some(0));
    });
    let file = |key: &str, name: &str| format!("mqtt.tls.{key}={}", broker.folder().join(name).display());
    let (ca, certificate, key) = (file("ca", "ca.pem"), file("certificate", "daemon.pem"), file("key", "daemon.key"));
    let site = site();
    let login = ["mqtt.username=linetwin", "mqtt.password=sesame"];
    let port = port(&broker);

    for version in ["mqtt.version=5", "mqtt.version=3"] {
        let daemon = start(&site, &[&port, &ca, &certificate, &key, login[0], login[1], version]);
        said(&daemon, "broker connected");
        daemon.stop();
    }
    let check = |settings: &[&str], expected: &str| {
        let daemon = start(&site, &[&[&*port], settings].concat());
        wait_for(&format!("the daemon to be refused, {expected:?}"), || {
            let log = daemon.log();
            assert!(!log.iter().any(|line| line.contains("broker connected")), "{log:?}");
            log.iter().any(|line| line.contains("broker lost") && line.contains(expected)).then_some(())
        });
        daemon.stop();
    };
    check(&[&ca, login[0], login[1]], "");
    check(&[&ca, &certificate, &key, login[0], "mqtt.password=open"], "not authorised");
    let stranger = tempfile::tempdir().unwrap();
    certificates(stranger.path());
    let other = format!("mqtt.tls.ca={}", stranger.path().join("ca.pem").display());
    check(&[&other, &certificate, &key, login[0], login[1]], "invalid peer certificate");
}
