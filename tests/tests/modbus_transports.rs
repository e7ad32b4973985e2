//! Modbus over every transport, against real peers.

#![allow(clippy::unwrap_used)]

use std::path::Path;

use contract::LinkStateName::Up;
use contract::{QualityName, SignalV1, ValueV1};
use e2e::daemon::{Daemon, run_linetwin};
use e2e::net::free_port;
use e2e::peers::{ModbusDevice, SerialCable};
use e2e::site::{self, Site};
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use recording::Reader;
use telemetry::{Quality, Reason, Sample, Value};

/// A station at unit 1, over a link with these keys.
fn site(keys: &str) -> Site {
    let link =
        format!("[[link]]\nprotocol = \"modbus\"\nname = \"plc\"\npoll_interval_s = 0.05\ntimeout_s = 0.5\n{keys}\n");
    let tags = "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\nweld-20/count,other,plc,holding:0,u16,,,,,,,\n";
    Site::new(&(link + &site::station("weld-20", "spot-weld", &[])), tags)
}

#[track_caller]
fn check_count(daemon: &Daemon, count: i64) {
    let is =
        |signal: &SignalV1| signal.quality == Some(QualityName::Good) && signal.value == Some(ValueV1::Integer(count));
    daemon.wait_for_signal("weld-20/count", &format!("good, {count}"), is);
}

/// The daemon reads what the device has, now and when it changes.
#[track_caller]
fn check(keys: &str, mut device: ModbusDevice) {
    device.registers(0, &[7]);
    let site = site(keys);
    let daemon = site.start();
    daemon.wait_for_link("plc", Up, "");
    check_count(&daemon, 7);
    device.registers(0, &[8]);
    check_count(&daemon, 8);
    daemon.stop();
}

#[test]
fn rtu_over_tcp_is_read() {
    let device = ModbusDevice::start_with(&["--transport", "rtu-over-tcp"]);
    check(&format!("transport = \"rtu-over-tcp\"\nhost = \"127.0.0.1\"\nport = {}", device.port()), device);
}

#[test]
fn a_serial_line_is_read() {
    let cable = SerialCable::start();
    let [near, far] = cable.ends();
    let device = ModbusDevice::start_on(free_port(), &["--transport", "rtu", "--line", &far]);
    check(&format!("transport = \"rtu\"\nserial = {{ device = \"{near}\", parity = \"none\" }}"), device);
}

#[test]
fn a_late_answer_on_a_serial_line_is_never_taken_for_the_next() {
    let cable = SerialCable::start();
    let [near, far] = cable.ends();
    let mut device = ModbusDevice::start_on(free_port(), &["--transport", "rtu", "--line", &far]);
    device.registers(0, &[7]);
    // Two requests of the same kind in each poll: an answer that came one too late would fit.
    let link = format!(
        "[[link]]\nprotocol = \"modbus\"\nname = \"plc\"\npoll_interval_s = 0.05\ntimeout_s = 0.3\nmax_gap = 0\n\
         transport = \"rtu\"\nserial = {{ device = \"{near}\", parity = \"none\" }}\n"
    );
    let tags = "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\nweld-20/count,other,plc,holding:0,u16,,,,,,,\n\
                weld-20/other,other,plc,holding:9,u16,,,,,,,\n";
    device.registers(9, &[9]);
    let site = Site::new(&(link + &site::station("weld-20", "spot-weld", &[])), tags);
    let daemon = site.start();
    check_count(&daemon, 7);
    device.answer_late(0.45);
    daemon.wait_for_signal("weld-20/count", "bad", |signal| signal.quality == Some(QualityName::Bad));
    device.answer_late(0.0);
    check_count(&daemon, 7);
    daemon.stop();
    let mut reader = Reader::open(&site.recording()).unwrap();
    let signals = reader.header().signals.clone();
    let samples: Vec<Sample> = reader.by_ref().flat_map(|input| input.unwrap().event.samples().to_vec()).collect();
    for (path, value) in [("weld-20/count", 7), ("weld-20/other", 9)] {
        let (id, _) = signals.iter().find(|(_, known)| *known == path).unwrap();
        let of_signal = || samples.iter().filter(|sample| sample.signal == *id);
        assert!(
            of_signal().any(|sample| sample.quality == Quality::Bad(Reason::Timeout)),
            "{path} must have been late"
        );
        let mut good = of_signal().filter(|sample| sample.quality == Quality::Good);
        assert!(good.all(|sample| sample.value == Value::Integer(value)), "{path}");
    }
}

#[test]
fn tls_is_read_with_certificates_on_both_sides() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name).display().to_string();
    certificates(folder.path());
    let server = ["--certificate", &file("plc.pem"), "--key", &file("plc.key"), "--ca", &file("ca.pem")];
    let device = ModbusDevice::start_with(&[&["--transport", "tls"], &server[..]].concat());
    let keys = format!(
        "transport = \"tls\"\nhost = \"127.0.0.1\"\nport = {}\ntls = {{ ca = \"{}\", certificate = \"{}\", key = \"{}\", \
         server_name = \"plc-1\" }}",
        device.port(),
        file("ca.pem"),
        file("twin.pem"),
        file("twin.key"),
    );
    check(&keys, device);
}

/// An authority, and what it signed: a device called plc-1 and the daemon.
fn certificates(folder: &Path) {
    let authority_key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::new(Vec::new()).unwrap();
    authority.distinguished_name.push(DnType::CommonName, "authority");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(folder.join("ca.pem"), authority.self_signed(&authority_key).unwrap().pem()).unwrap();
    let issuer = Issuer::new(authority, authority_key);
    for (file, name, usage) in [
        ("plc", "plc-1", ExtendedKeyUsagePurpose::ServerAuth),
        ("twin", "linetwin", ExtendedKeyUsagePurpose::ClientAuth),
    ] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        std::fs::write(folder.join(format!("{file}.pem")), params.signed_by(&key, &issuer).unwrap().pem()).unwrap();
        std::fs::write(folder.join(format!("{file}.key")), key.serialize_pem()).unwrap();
    }
}

#[test]
fn links_to_one_endpoint_share_a_connection_to_a_device_that_has_just_one() {
    let mut device = ModbusDevice::start_libmodbus();
    device.registers(0, &[7]);
    let link = |name: &str, unit: u8| {
        format!(
            "[[link]]\nprotocol = \"modbus\"\nname = \"{name}\"\nhost = \"127.0.0.1\"\nport = {}\nunit = {unit}\n\
             poll_interval_s = 0.05\n",
            device.port()
        )
    };
    let plant = [link("plc", 1), link("plc-2", 2), site::station("weld-20", "spot-weld", &[])].concat();
    let tags = "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\nweld-20/count,other,plc-2,holding:0,u16,,,,,,,\n";
    let site = Site::new(&plant, tags);
    let daemon = site.start();
    daemon.wait_for_link("plc", Up, "");
    daemon.wait_for_link("plc-2", Up, "");
    check_count(&daemon, 7);
    daemon.stop();
}

#[test]
fn probe_prints_every_reading_and_finds_units() {
    let mut device = ModbusDevice::start_with(&["--units", "1", "3"]);
    device.registers(0, &[0x0000, 0x4148, 0x4556, 0x3100]);
    let to = format!("127.0.0.1:{}", device.port());
    let read = run_linetwin(["probe", "modbus", &to, "holding:0/4"]);
    assert_eq!(read.code, Some(0), "{}", read.errors);
    let has = |text: &str| assert!(read.output.contains(text), "{text} in\n{}", read.output);
    ["1.25e1", "4148", "16712", "cdab", "holding:3"].into_iter().for_each(has);
    let scanned = run_linetwin(["probe", "modbus", &to, "--units", "1-3", "--timeout", "0.2"]).output;
    let said = |unit: &str, what: &str| scanned.lines().any(|line| line.starts_with(unit) && line.contains(what));
    // This device refuses what is for a unit that it does not have.
    assert!(said("unit 1", "holds") && said("unit 2", "refuses") && said("unit 3", "holds"), "{scanned}");
    let hole = run_linetwin(["probe", "modbus", &to, "holding:100/2"]);
    assert!(hole.code == Some(1) && hole.errors.contains("one address lower or higher"), "{}", hole.errors);
}
