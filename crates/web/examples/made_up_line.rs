//! Serves a made-up line, for work on the page: `cargo run -p web --example made_up_line -- 127.0.0.1:8080 [calm]`.
//!
//! With `calm` the line has no alert and two stations that still learn.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use contract::{CauseName, HealthV1, StateV1, WordsSchema, WordsV1};
use plant::{Cause, Runbook};
use serde_json::{Value, json};
use telemetry::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use web::{Metric, MetricKind, Security, Sources};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("say where to listen, such as 127.0.0.1:8080")?;
    let calm = arguments.next().is_some_and(|word| word == "calm");
    let listener = tokio::net::TcpListener::bind(&address).await?;
    println!("http://{}", listener.local_addr()?);

    let (sender, state) = watch::channel(Arc::new(line(0, calm)?));
    let sources = Sources {
        state,
        metrics: Arc::new(metrics),
        health: Arc::new(health),
        parts: Arc::new(|_| Ok(Vec::new())),
        series: Arc::new(|station, feature| Err(format!("{station}: nobody has made up cycles of {feature}"))),
        words: Arc::new(|| {
            Arc::new(WordsV1 { schema: WordsSchema::V1, features: BTreeMap::new(), interventions: BTreeMap::new() })
        }),
        replay: None,
        commands: None,
    };
    let stop = CancellationToken::new();
    let serving = tokio::spawn(web::serve(listener, sources, Security::default(), stop.clone()));
    let mut seconds = 0;
    loop {
        tokio::select! {
            pressed = tokio::signal::ctrl_c() => {
                pressed?;
                stop.cancel();
                return Ok(serving.await??);
            }
            () = tokio::time::sleep(Duration::from_secs(1)) => seconds += 1,
        }
        sender.send_replace(Arc::new(line(seconds, calm)?));
    }
}

fn metrics() -> Vec<Metric> {
    vec![Metric {
        name: "linetwin_link_samples".into(),
        help: "Samples handed to the twin, whatever their quality.".into(),
        kind: MetricKind::Counter,
        labels: vec![("link", "weld-plc".into())],
        value: 118_423.0,
    }]
}

fn health() -> HealthV1 {
    HealthV1::of(Vec::new())
}

/// The moment so many seconds before now.
fn before(seconds: f64) -> String {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::EPOCH.plus_seconds(since_1970.as_secs_f64() - seconds).to_string()
}

/// The UTC time of day so many seconds before now.
fn minute(seconds: f64) -> String {
    before(seconds).chars().skip(11).take(5).collect()
}

/// The line after it was shown for so many seconds.
fn line(seconds: u64, calm: bool) -> Result<StateV1, serde_json::Error> {
    let mut alerts = if calm { Vec::new() } else { vec![cap_wear(), lost_link(), low_flow()] };
    for alert in &mut alerts {
        let place = json!({"schema": "linetwin/alert/v1", "enterprise": "Northfield", "site": "Zwickau",
            "area": "Battery", "line": "Pack line 2"});
        merge(alert, place);
    }
    let pack_link = if calm {
        json!({"name": "pack-opcua", "protocol": "opcua", "state": "up", "since": before(8_000.0)})
    } else {
        json!({"name": "pack-opcua", "protocol": "opcua", "state": "down", "since": before(95.0),
            "reason": "opc.tcp://10.20.4.31:4840: no answer within 5 s; is the server running and the port open?"})
    };
    serde_json::from_value(json!({
        "schema": "linetwin/state/v1", "now": before(0.0), "sequence": 184_120 + seconds,
        "enterprise": "Northfield", "site": "Zwickau", "area": "Battery", "line": "Pack line 2",
        "links": [
            {"name": "weld-plc", "protocol": "modbus", "state": "up", "since": before(30_500.0)},
            pack_link,
            {"name": "utilities-mqtt", "protocol": "mqtt", "state": "up", "since": before(30_480.0)},
        ],
        "stations": stations(seconds, calm),
        "alerts": alerts,
        "counts": {"inputs": 184_120 + seconds, "samples": 1_482_310 + 60 * seconds, "bad_samples": 212,
            "late_samples": 37, "future_samples": 0, "unknown_samples": 0, "clock_steps_back": 0, "cycles": 4_711,
            "incidents": 9, "baselines_evicted": 0},
    }))
}

fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn stations(seconds: u64, calm: bool) -> Vec<Value> {
    let wobble = |phase: f64| (seconds as f64 * 0.7 + phase).sin();
    let pack_state = if calm { "running" } else { "unknown" };
    vec![
        station(
            "robot-10",
            "robot",
            "running",
            &[],
            (56.4 + 0.3 * wobble(0.0), 57.0),
            vec![
                feature("motion time", "s", 31.2 + 0.1 * wobble(1.0), 31.2, 0.15, 0.9),
                feature("axis torque", "%", 61.8, 61.0, 1.4, 1.7),
            ],
        ),
        station(
            "weld-20",
            "spot-weld",
            "running",
            &["robot-10"],
            (58.9, 57.0),
            vec![
                feature("weld resistance", "µΩ", 131.0 + 0.4 * wobble(2.0), 142.5, 2.6, if calm { 1.1 } else { 9.8 }),
                feature("weld energy", "J", 1_640.0, 1_702.0, 28.0, if calm { 0.7 } else { 4.6 }),
                feature("weld force", "kN", 3.21, 3.2, 0.03, 0.4),
                feature("gun water rise", "K", 6.9 + 0.1 * wobble(0.4), 6.4, 0.4, 3.1),
            ],
        ),
        station(
            "weld-30",
            "spot-weld",
            "running",
            &["weld-20"],
            (56.8, 57.0),
            vec![
                feature("weld resistance", "µΩ", 139.8 + 0.5 * wobble(3.0), 140.2, 2.4, 0.8),
                feature("weld energy", "J", 1_688.0, 1_690.0, 25.0, 1.2),
                feature("gun water rise", "K", 6.8, 6.3, 0.4, 2.9),
            ],
        ),
        station("buffer-35", "buffer", "running", &["weld-30"], (0.0, 0.0), vec![]),
        station(
            "laser-40",
            "laser-weld",
            "running",
            &["buffer-35"],
            (57.3, 57.0),
            vec![feature("plasma", "", 0.812, 0.82, 0.012, 2.2), feature("seam width", "mm", 1.48, 1.5, 0.02, 1.9)],
        ),
        station(
            "robot-50",
            "robot",
            "blocked",
            &["laser-40"],
            (55.9, 57.0),
            vec![feature("motion time", "s", 28.4, 28.3, 0.12, 0.5)],
        ),
        station(
            "tighten-60",
            "pack-assembly",
            "down",
            &["robot-50"],
            (66.1, 57.0),
            vec![
                feature("torque", "N·m", 24.9, 25.0, 0.12, 2.4),
                feature("angle", "°", 148.0 + wobble(4.0), 142.0, 3.1, 3.9),
            ],
        ),
        station(
            "dispense-70",
            "pack-assembly",
            "starved",
            &["tighten-60"],
            (56.7, 57.0),
            vec![learning("mass", "g", 41.2, 12), learning("nozzle pressure", "bar", 4.6, 12)],
        ),
        station(
            "leak-80",
            "pack-assembly",
            pack_state,
            &["dispense-70"],
            (57.1, 57.0),
            vec![feature("pressure drop", "Pa", 12.4, 12.1, 0.9, 0.6)],
        ),
        station(
            "eol-90",
            "pack-assembly",
            pack_state,
            &["leak-80"],
            (56.2, 57.0),
            vec![learning("insulation", "MΩ", 812.0, 21)],
        ),
        station(
            "cooling-1",
            "cooling-loop",
            "running",
            &[],
            (0.0, 0.0),
            vec![
                feature("supply temperature", "°C", 18.3 + 0.05 * wobble(5.0), 18.0, 0.2, 3.3),
                feature("flow", "l/min", 84.2, 88.0, 1.1, if calm { 2.0 } else { 5.9 }),
            ],
        ),
    ]
}

fn station(name: &str, kind: &str, state: &str, upstream: &[&str], cycle_s: (f64, f64), features: Vec<Value>) -> Value {
    let cooled = ["weld-20", "weld-30", "laser-40"].contains(&name);
    let mut station = json!({
        "name": name, "kind": kind, "state": state, "since": before(name.len() as f64 * 5.0), "cycles": 0,
        "upstream": upstream, "utilities": if cooled { vec!["cooling-1"] } else { vec![] },
        "signals": signals(kind, state), "features": features,
        "alerts": match name {
            "weld-20" => vec!["183012-0"],
            "cooling-1" => vec!["181377-0"],
            "weld-30" | "laser-40" => vec!["181377-0"],
            _ => vec![],
        },
    });
    let (last, ideal) = cycle_s;
    if ideal > 0.0 {
        merge(&mut station, json!({"cycles": 471, "last_cycle_s": last, "ideal_cycle_s": ideal}));
    }
    if ideal > 0.0 && state != "starved" && state != "unknown" {
        merge(&mut station, json!({"part": format!("PK26-00{}", 4_820 - name.len()), "variant": "LR-82"}));
    }
    station
}

fn feature(name: &str, unit: &str, value: f64, baseline: f64, sigma: f64, statistic: f64) -> Value {
    let mut feature = json!({"name": name, "value": value, "baseline": baseline, "sigma": sigma,
        "deviation_sigma": (value - baseline) / sigma, "baseline_cycles": 240, "warm_up_cycles": 30,
        "statistic": statistic, "threshold": 5.2});
    if !unit.is_empty() {
        merge(&mut feature, json!({"unit": unit}));
    }
    feature
}

fn learning(name: &str, unit: &str, value: f64, cycles: u32) -> Value {
    json!({"name": name, "unit": unit, "value": value, "baseline_cycles": cycles, "warm_up_cycles": 30})
}

fn signals(kind: &str, state: &str) -> Vec<Value> {
    let cycle =
        [("active", "cycle.active", json!(state == "running"), ""), ("fault", "fault", json!(state == "down"), "")];
    let own: &[(&str, &str, Value, &str)] = match kind {
        "spot-weld" => &[
            ("current", "weld.current", json!(9.84), "kA"),
            ("force", "weld.force", json!(3.21), "kN"),
            ("resistance", "weld.resistance", json!(131.2), "µΩ"),
            ("tip_life", "tool.life", json!(1_322), ""),
            ("water_flow", "gun.water_flow", json!(0.0), "l/min"),
            ("water_out", "gun.water_temperature", json!(24.9), "°C"),
        ],
        "buffer" => &[("level", "buffer.level", json!(6), "")],
        "cooling-loop" => &[
            ("flow", "loop.flow", json!(84.2), "l/min"),
            ("supply", "loop.supply_temperature", json!(18.3), "°C"),
            ("return", "loop.return_temperature", json!(24.1), "°C"),
            ("pump_power", "pump.power", json!(2.31), "kW"),
        ],
        _ => &[("program", "robot.program", json!("PICK_L2"), ""), ("spare", "other", Value::Null, "")],
    };
    let cycle = if ["buffer", "cooling-loop"].contains(&kind) { &[][..] } else { &cycle[..] };
    cycle.iter().chain(own).enumerate().map(|(place, signal)| sampled(signal, place)).collect()
}

fn sampled((name, role, value, unit): &(&str, &str, Value, &str), place: usize) -> Value {
    let mut signal = json!({"name": name, "role": role});
    if !unit.is_empty() {
        merge(&mut signal, json!({"unit": unit}));
    }
    let sample = match *name {
        "spare" => return signal,
        "water_flow" => json!({"value": value, "quality": "bad", "reason": "device fault", "at": before(640.0)}),
        "water_out" => json!({"value": value, "quality": "uncertain", "reason": "stale", "at": before(192.0)}),
        _ => json!({"value": value, "quality": "good", "at": before(0.2 * place as f64)}),
    };
    merge(&mut signal, sample);
    signal
}

fn cause(cause: Cause, share: f64) -> Value {
    let title = Runbook::default().line.title(cause, None).to_owned();
    json!({"name": CauseName::from(cause), "title": title, "share": share})
}

fn advice(cause: Cause) -> String {
    Runbook::default().line.advice(cause, None).to_owned()
}

fn cap_wear() -> Value {
    json!({
        "id": "183012-0", "state": "unacknowledged", "priority": "high", "station": "weld-20",
        "station_kind": "spot-weld",
        "headline": format!("weld-20: weld resistance falling since {} UTC, electrode wear likely (78 %); limit in about \
            25 min, 18 to 40", minute(2_520.0)),
        "cause": cause(Cause::ElectrodeWear, 0.78),
        "rivals": [cause(Cause::ElectrodeForce, 0.15), cause(Cause::WeldWaterRestriction, 0.07)],
        "advice": advice(Cause::ElectrodeWear),
        "onset": before(2_520.0), "raised": before(1_080.0), "updated": before(60.0),
        "time_to_limit_s": 1_500.0, "time_to_limit_earliest_s": 1_080.0, "time_to_limit_latest_s": 2_460.0,
        "affected": [],
        "recent_interventions": [
            {"kind": "tool-dress", "title": "tool dress", "station": "weld-20", "at": before(9_000.0),
             "comment": "tool life fell from 480 to 0"},
            {"kind": "filter-change", "title": "filter change", "station": "cooling-1", "at": before(5_400.0),
             "by": "M. Huber", "comment": "strainer of pump 2"},
        ],
        "evidence": [
            {"station": "weld-20", "name": "weld resistance", "unit": "µΩ", "variant": "LR-82", "part": "PK26-004813",
             "direction": "down", "value": 131.2, "baseline": 142.5, "sigma": 2.6, "baseline_cycles": 240,
             "deviation_sigma": -4.35, "detector": "mean-shift", "statistic": 9.8, "threshold": 5.2,
             "false_alarms_per_shift": 0.011, "onset": before(2_520.0)},
            {"station": "weld-20", "name": "weld energy", "unit": "J", "variant": "LR-82", "part": "PK26-004813",
             "direction": "down", "value": 1_640.0, "baseline": 1_702.0, "sigma": 28.0, "baseline_cycles": 240,
             "deviation_sigma": -2.21, "detector": "mean-shift", "statistic": 5.6, "threshold": 5.2,
             "false_alarms_per_shift": 0.011, "onset": before(1_900.0)},
        ],
    })
}

fn lost_link() -> Value {
    json!({
        "id": "184033-0", "state": "unacknowledged", "priority": "high", "link": "pack-opcua",
        "headline": format!("pack-opcua: no data since {} UTC: link down", minute(95.0)),
        "cause": cause(Cause::LinkLoss, 1.0), "rivals": [], "advice": advice(Cause::LinkLoss),
        "onset": before(95.0), "raised": before(65.0), "updated": before(65.0), "affected": ["leak-80", "eol-90"],
        "evidence": [
            {"name": "pack-opcua", "baseline_cycles": 0, "detector": "link-watch", "statistic": 95.0, "threshold": 30.0,
             "onset": before(95.0), "note": "opc.tcp://10.20.4.31:4840: no answer within 5 s"},
        ],
    })
}

fn low_flow() -> Value {
    json!({
        "id": "181377-0", "state": "acknowledged", "priority": "medium", "station": "cooling-1",
        "station_kind": "cooling-loop",
        "headline": format!("cooling-1: flow low since {} UTC, coolant pump wear likely (64 %)", minute(8_400.0)),
        "cause": cause(Cause::PumpWear, 0.64), "rivals": [cause(Cause::LoopRestriction, 0.36)],
        "advice": advice(Cause::PumpWear),
        "onset": before(8_400.0), "raised": before(7_300.0), "updated": before(300.0),
        "acknowledged": {"by": "M. Huber", "at": before(6_900.0), "comment": "Maintenance comes at the break"},
        "affected": ["weld-30", "laser-40"],
        "evidence": [
            {"station": "cooling-1", "name": "flow", "unit": "l/min", "direction": "down", "value": 84.2,
             "baseline": 88.0, "sigma": 1.1, "baseline_cycles": 300, "deviation_sigma": -3.45, "detector": "mean-shift",
             "statistic": 5.9, "threshold": 5.2, "false_alarms_per_shift": 0.011, "onset": before(8_400.0)},
        ],
    })
}
