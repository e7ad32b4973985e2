//! The daemon among a PLC, an OPC UA server, a robot's broker and a supervisor: from a shift of the process to a
//! supervisor who knows, and on over a crash.

#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use contract::{SignalV1, StateV1, ValueV1};
use e2e::broker::{Mosquitto, Subscriber};
use e2e::daemon::{Daemon, run_linetwin, signal, station};
use e2e::net::free_port;
use e2e::peers::{ModbusDevice, OpcuaServer};
use e2e::site::{self, BASE_TOPIC, Site, modbus_link, mqtt_link, opcua_link};
use e2e::wait::wait_for;
use serde_json::{Value, json};

/// Cycles to learn from, with some to spare over the configured sixty: a shift is told soon only where much was learnt.
const LEARNT: u32 = 100;
/// Cycles after the shift within which it must be told.
const TOLD: u32 = 30;

/// Three stations in a row, each over a protocol of its own.
struct Cells {
    plc: ModbusDevice,
    pack: OpcuaServer,
    broker: Mosquitto,
    cycles: u32,
}

/// What a cycle measures.
#[derive(Clone, Copy)]
struct Measured {
    resistance: f64,
    motion_s: f64,
    angle: f64,
}

const IN_CONTROL: Measured = Measured { resistance: 180.0, motion_s: 20.0, angle: 60.0 };
const SHIFTED: Measured = Measured { resistance: 160.0, motion_s: 23.0, angle: 75.0 };

impl Cells {
    fn start() -> Self {
        let mut pack = OpcuaServer::start(free_port());
        pack.add("Active", "Boolean", false);
        pack.add("Angle", "Double", 0.0);
        pack.add("Torque", "Double", 0.0);
        Self { plc: ModbusDevice::start(), pack, broker: Mosquitto::start(), cycles: 0 }
    }

    fn site(&self) -> Site {
        let plant = [
            modbus_link("plc", self.plc.port()),
            opcua_link("pack", self.pack.port()),
            mqtt_link("cell", self.broker.port()),
            site::station("weld-20", "spot-weld", &[]),
            site::station("robot-50", "robot", &["weld-20"]),
            site::station("tighten-60", "pack-assembly", &["robot-50"]),
        ];
        let tags = "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\n\
             weld-20/part,part.id,plc,holding:0,u16,,,,,,,\n\
             weld-20/resistance,weld.resistance,plc,holding:2,f32,,µΩ,,,0,500,\n\
             robot-50/active,cycle.active,cell,cell/robot-50#/active,bool,,,,,,,\n\
             robot-50/motion,robot.motion_time,cell,cell/robot-50#/motion,f64,,s,,,,,\n\
             tighten-60/active,cycle.active,pack,nsu=urn:linetwin:e2e;s=Active,bool,,,,,,,\n\
             tighten-60/angle,tighten.angle,pack,nsu=urn:linetwin:e2e;s=Angle,f64,,deg,,,,,\n\
             tighten-60/torque,tighten.torque,pack,nsu=urn:linetwin:e2e;s=Torque,f64,,N·m,,,,,\n";
        Site::new(&plant.concat(), tags)
    }

    /// One cycle at every station; each step only when the twin has seen the one before.
    fn cycle(&mut self, daemon: &Daemon, mean: Measured) {
        let noise = f64::from(self.cycles * 37 % 11) - 5.0;
        self.cycles += 1;
        self.plc.registers(0, &[self.cycles as u16]);
        self.active(daemon, true);
        let resistance = (mean.resistance + 0.2 * noise) as f32;
        let (motion, angle, torque) = (mean.motion_s + 0.05 * noise, mean.angle + 0.2 * noise, 50.0 - 0.02 * noise);
        self.plc.float(2, resistance);
        self.pack.set("Torque", torque);
        self.pack.set("Angle", angle);
        self.broker.publish("cell/robot-50", &json!({ "ts": now_ms(), "motion": motion }).to_string());
        daemon.wait_for("a cycle's values", |line| {
            let all = is(line, "weld-20/resistance", f64::from(resistance))
                && is(line, "robot-50/motion", motion)
                && is(line, "tighten-60/torque", torque)
                && is(line, "tighten-60/angle", angle);
            all.then_some(())
        });
        self.active(daemon, false);
    }

    fn active(&mut self, daemon: &Daemon, active: bool) {
        self.plc.coil(0, active);
        self.pack.set("Active", active);
        self.broker.publish("cell/robot-50", &json!({ "ts": now_ms(), "active": active }).to_string());
        daemon.wait_for("all stations to change", |line| {
            let is = |station: &str| signal(line, &format!("{station}/active")).is_some_and(|s| is_active(s, active));
            ["weld-20", "robot-50", "tighten-60"].into_iter().all(is).then_some(())
        });
    }
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

fn is(line: &StateV1, path: &str, value: f64) -> bool {
    signal(line, path).is_some_and(|signal| signal.value == Some(ValueV1::Number(value)))
}

fn is_active(signal: &SignalV1, active: bool) -> bool {
    signal.value == Some(ValueV1::Boolean(active))
}

/// The alert at the supervisor that is about this station and names this cause first.
fn alert_of(supervisor: &Subscriber, station: &str, cause: &str) -> Option<Value> {
    let alerts = format!("{BASE_TOPIC}/alerts/");
    let mut messages = supervisor.messages();
    messages.retain(|message| message.topic.starts_with(&alerts) && !message.payload.is_empty());
    messages.iter().rev().map(|message| message.json()).find(|alert| {
        let names = |pointer: &str, name: &str| alert.pointer(pointer).is_some_and(|value| value == name);
        names("/station", station) && names("/cause/name", cause)
    })
}

/// Where the daemon's node says whether it is there.
const STATUS: &str = "linetwin/v1/e2e/status";

/// Waits until a subscriber who comes now gets a message in that state.
#[track_caller]
fn is_retained(broker: &Mosquitto, what: &str, topic: &str, state: &str) {
    wait_for(what, || {
        let messages = broker.subscribe(topic).messages();
        messages.iter().any(|message| message.retained && message.json()["state"] == state).then_some(())
    });
}

/// What a replay of a recording alerts of.
fn replayed(recording: &Path) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts.jsonl");
    let arguments = ["replay".as_ref(), recording.as_os_str(), "--alerts".as_ref(), file.as_os_str()];
    let ended = run_linetwin(arguments);
    assert_eq!(ended.code, Some(0), "{}", ended.errors);
    (fs::read_to_string(file).unwrap(), ended.errors)
}

#[test]
fn a_shift_at_any_station_reaches_the_supervisor_who_acknowledges_it_reports_a_retool_and_replays_the_same() {
    let mut cells = Cells::start();
    let site = cells.site();
    let supervisor = cells.broker.subscribe("linetwin/#");
    let daemon = site.start_telling(cells.broker.port());
    is_retained(&cells.broker, "that it is there", STATUS, "online");
    daemon.wait_for("all links to be up", |line| {
        line.links.iter().all(|link| link.state == contract::LinkStateName::Up).then_some(())
    });

    for _ in 0..LEARNT {
        cells.cycle(&daemon, IN_CONTROL);
    }
    let expected = [("weld-20", "electrode-wear"), ("robot-50", "robot-slow-down"), ("tighten-60", "joint-friction")];
    let all_told = || expected.iter().all(|&(station, cause)| alert_of(&supervisor, station, cause).is_some());
    for _ in 0..TOLD {
        cells.cycle(&daemon, SHIFTED);
        if all_told() {
            break;
        }
    }
    for (station, cause) in expected {
        assert!(alert_of(&supervisor, station, cause).is_some(), "{station}: {cause} in {:?}", supervisor.messages());
    }
    assert_eq!(station(&daemon.state(), "weld-20").unwrap().part.as_deref(), Some(&*cells.cycles.to_string()));

    speaks_german(&supervisor);
    acknowledge(&cells, &supervisor, &daemon);
    report_a_retool(&cells, &site, &supervisor, &daemon);
    the_api_agrees_with_mqtt(&cells, &daemon);
    daemon.stop();
    is_retained(&cells.broker, "that it has stopped", STATUS, "offline");
    let live = fs::read_to_string(site.recording().join("alerts.jsonl")).unwrap();
    assert!(live.lines().count() > expected.len(), "{live}");
    assert_eq!(replayed(&site.recording()).0, live);
    in_german(&site.recording());
}

/// What the supervisor's broker and clients made of the German text is what was written.
fn speaks_german(supervisor: &Subscriber) {
    let alert = alert_of(supervisor, "weld-20", "electrode-wear").unwrap();
    let german = &alert["translations"][0];
    assert_eq!((&german["language"], &german["cause"]), (&json!("de"), &json!("Elektrodenverschleiß")), "{alert}");
    assert!(german["headline"].as_str().unwrap().contains("wahrscheinlich Elektrodenverschleiß ("), "{german}");
    assert!(german["evidence"].as_array().unwrap().contains(&json!("Schweißwiderstand")), "{german}");
}

/// A replay can be read in a language of the line, and in no other.
fn in_german(recording: &Path) {
    let replay = |language: &str| {
        run_linetwin(["replay".as_ref(), recording.as_os_str(), "--language".as_ref(), language.as_ref()])
    };
    let told = replay("de");
    assert!(told.code == Some(0) && told.output.contains("wahrscheinlich Elektrodenverschleiß ("), "{told:?}");
    let refused = replay("fr");
    assert!(refused.code == Some(1) && refused.errors.contains("told in en, de"), "{refused:?}");
}

fn acknowledge(cells: &Cells, supervisor: &Subscriber, daemon: &Daemon) {
    let alert = alert_of(supervisor, "weld-20", "electrode-wear").unwrap();
    let id = alert["id"].as_str().unwrap();
    let commands = format!("{BASE_TOPIC}/cmd");
    let reply = |ok: bool| {
        supervisor.wait_for("a reply to the command", |message| {
            (message.topic == format!("{commands}/reply") && message.json()["ok"] == ok).then(|| message.json())
        })
    };
    cells.broker.publish(&commands, r#"{"command":"explode"}"#);
    assert!(reply(false)["error"].as_str().unwrap().contains("acknowledge"));
    let command = json!({ "command": "acknowledge", "incident": id, "by": "shift lead", "comment": "caps on order" });
    cells.broker.publish(&commands, &command.to_string());
    assert_eq!(reply(true)["incident"], id);
    is_retained(&cells.broker, "that it is acknowledged", &format!("{BASE_TOPIC}/alerts/{id}"), "acknowledged");
    daemon.wait_for("the API to know of it", |line| {
        let acknowledged = line.alerts.iter().find(|alert| alert.id == id)?.acknowledged.as_ref()?;
        (acknowledged.by == "shift lead" && acknowledged.comment.as_deref() == Some("caps on order")).then_some(())
    });
}

/// What the robot's new gripper does is normal from now on, and what it did before is no matter for an alert.
fn report_a_retool(cells: &Cells, site: &Site, supervisor: &Subscriber, daemon: &Daemon) {
    let id = alert_of(supervisor, "robot-50", "robot-slow-down").unwrap()["id"].as_str().unwrap().to_owned();
    let command = json!({ "command": "report-intervention", "place": "robot-5", "kind": "retool", "by": "Kim" });
    cells.broker.publish(&format!("{BASE_TOPIC}/cmd"), &command.to_string());
    let refused = supervisor.wait_for("a reply to the report", |message| {
        let is_it = message.topic == format!("{BASE_TOPIC}/cmd/reply") && message.json()["place"] == "robot-5";
        is_it.then(|| message.json())
    });
    assert!(refused["error"].as_str().unwrap().contains("there is no station \"robot-5\""), "{refused}");
    let (config, broker) = (site.config(), format!("mqtt.port={}", cells.broker.port()));
    let report = |place: &str| {
        let what = ["--place", place, "--kind", "retool", "--by", "Kim", "--comment", "new gripper"];
        run_linetwin([&["report", "--config", config.to_str().unwrap(), "--set", &broker], &what[..]].concat())
    };
    let refused = report("robot-5");
    assert!(refused.code == Some(1) && refused.errors.contains("there is no station"), "{refused:?}");
    let reported = report("robot-50");
    assert_eq!(reported.code, Some(0), "{reported:?}");
    let topic = format!("{BASE_TOPIC}/alerts/{id}");
    is_retained(&cells.broker, "that it is judged anew", &topic, "returned-unacknowledged");
    daemon.wait_for("the API to know what was done", |line| {
        let ended = line.alerts.iter().find(|alert| alert.id == id)?.ended_by.as_ref()?;
        let robot = station(line, "robot-50")?;
        let done = robot.interventions.last()?;
        let learns_anew = robot.features.iter().all(|feature| feature.baseline_cycles == 0);
        (ended == done && done.by.as_deref() == Some("Kim") && learns_anew).then_some(())
    });
}

fn the_api_agrees_with_mqtt(cells: &Cells, daemon: &Daemon) {
    let gist = |alert: &Value| ["id", "state", "station"].map(|key| alert[key].clone());
    let late = cells.broker.subscribe(&format!("{BASE_TOPIC}/alerts/+"));
    wait_for("the API's alerts to be those retained", || {
        let (_, text) = daemon.get("/api/v1/alerts");
        let mut api: Vec<_> = serde_json::from_str::<Vec<Value>>(&text).unwrap().iter().map(gist).collect();
        let mut retained: Vec<_> = late.messages().iter().map(|message| gist(&message.json())).collect();
        api.sort_by_key(|gist| gist[0].to_string());
        retained.sort_by_key(|gist| gist[0].to_string());
        (!api.is_empty() && api == retained).then_some(())
    });
    let (_, metrics) = daemon.get("/metrics");
    for line in
        ["linetwin_link_up{link=\"plc\"} 1", "linetwin_link_up{link=\"pack\"} 1", "linetwin_link_up{link=\"cell\"} 1"]
    {
        assert!(metrics.lines().any(|known| known.starts_with(line)), "{line} in {metrics}");
    }
    let open = daemon.state().alerts.len();
    let counted = |line: &str| line.strip_prefix("linetwin_open_alerts ")?.parse::<f64>().ok();
    assert_eq!(metrics.lines().find_map(counted), Some(open as f64), "{metrics}");
    let (status, health) = daemon.get("/healthz");
    assert_eq!((status, &*health), (200, r#"{"schema":"linetwin/health/v1","ok":true,"problems":[]}"#));
}

/// Inputs that the operating system may not have had yet when the daemon was killed: one second of polls and ticks.
const LOST_MAX: u64 = 40;

#[test]
fn a_killed_daemon_loses_at_most_the_last_second_and_goes_on() {
    let (mut plc, broker) = (ModbusDevice::start(), Mosquitto::start());
    let plant = [
        modbus_link("plc", plc.port()),
        modbus_link("gone", free_port()),
        site::station("weld-20", "spot-weld", &[]),
        site::station("robot-50", "robot", &["weld-20"]),
    ];
    let tags = "weld-20/active,cycle.active,plc,coil:0,bool,,,,,,,\n\
         robot-50/active,cycle.active,gone,coil:0,bool,,,,,,,\n";
    let site = Site::new(&plant.concat(), tags);
    let mut cycle = |daemon: &Daemon| {
        for active in [true, false] {
            plc.coil(0, active);
            daemon.wait_for_signal("weld-20/active", "changed", |signal| is_active(signal, active));
        }
    };

    let daemon = site.start_telling(broker.port());
    cycle(&daemon);
    let alert = daemon.wait_for("the lost link to be raised", |line| Some(line.alerts.first()?.id.clone()));
    cycle(&daemon);
    let before = daemon.state();
    daemon.kill();
    is_retained(&broker, "the last will", STATUS, "offline");

    let daemon = site.start_telling(broker.port());
    daemon.wait_for_link("plc", contract::LinkStateName::Up, "");
    cycle(&daemon);
    let after = daemon.wait_for("the twin to have seen another cycle", |line| {
        (station(line, "weld-20")?.cycles > station(&before, "weld-20")?.cycles).then(|| line.clone())
    });
    assert!(after.sequence + LOST_MAX > before.sequence, "{} after {}", after.sequence, before.sequence);
    assert_eq!(after.counts.inputs, after.sequence, "the log has neither a gap nor a repetition");
    assert!(after.alerts.iter().any(|known| known.id == alert), "{:?}", after.alerts);
    assert!(daemon.log().iter().any(|line| line.contains("the twin goes on from input")), "{:?}", daemon.log());
    is_retained(&broker, "that it is back", STATUS, "online");
    is_retained(&broker, "the open alert", &format!("{BASE_TOPIC}/alerts/{alert}"), "unacknowledged");
    daemon.stop();

    let (alerts, said) = replayed(&site.recording());
    assert_eq!(alerts, fs::read_to_string(site.recording().join("alerts.jsonl")).unwrap());
    let inputs: u64 = said.lines().find_map(|line| line.split_once(" inputs with ")?.0.parse().ok()).unwrap();
    assert!(inputs >= after.sequence, "{said}");
}
