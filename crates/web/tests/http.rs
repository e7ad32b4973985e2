//! The routes over real sockets.

#![allow(clippy::unwrap_used, missing_docs)]

use std::sync::Arc;
use std::time::Duration;

use contract::{HealthV1, LineV1, PartV1, ReplayCommandV1, ReplayV1, SeriesV1, SpeedV1, StateV1};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use web::{Metric, MetricKind, ReplayControl, Security, Sources};

/// Nothing here takes a tenth of it; a test that waits longer hangs.
const PATIENCE: Duration = Duration::from_secs(20);
const STREAMS_MAX: usize = 64;

struct Server {
    address: String,
    state: watch::Sender<Arc<StateV1>>,
    health: watch::Sender<HealthV1>,
    stop: CancellationToken,
    serving: JoinHandle<std::io::Result<()>>,
}

struct Answer {
    status: u16,
    headers: String,
    body: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    fn header(&self, name: &str) -> Option<&str> {
        let value = |line: &'_ str| line.split_once(": ").filter(|(key, _)| *key == name).map(|(key, _)| key.len() + 2);
        self.headers.lines().find_map(|line| value(line).map(|start| &line[start..]))
    }
}

impl Server {
    async fn start() -> Self {
        Self::start_with(None).await
    }

    async fn start_with(replay: Option<ReplayControl>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let standing = replay.as_ref().map(|_| standing());
        let (state, states) = watch::channel(Arc::new(StateV1 { replay: standing, ..line(1) }));
        let (health, healths) = watch::channel(HealthV1::of(Vec::new()));
        let sources = Sources {
            state: states,
            metrics: Arc::new(|| vec![samples()]),
            health: Arc::new(move || healths.borrow().clone()),
            parts: Arc::new(|serial| match serial {
                "broken" => Err("the disk is gone".to_owned()),
                serial => Ok([part()].into_iter().filter(|record| record.part == serial).collect()),
            }),
            series: Arc::new(|station, feature| match feature {
                "current" => Ok(series(station)),
                _ => Err(format!("{station} has no feature {feature:?}; it has current")),
            }),
            words: Arc::new(|| Arc::new(serde_json::from_value(words()).unwrap())),
            replay,
            commands: None,
        };
        let stop = CancellationToken::new();
        let serving = tokio::spawn(web::serve(listener, sources, Security::default(), stop.clone()));
        Self { address, state, health, stop, serving }
    }

    async fn send(&self, request_line: &str, headers: &str) -> TcpStream {
        let mut connection = TcpStream::connect(&self.address).await.unwrap();
        let request = format!("{request_line} HTTP/1.1\r\nhost: {}\r\n{headers}\r\n", self.address);
        connection.write_all(request.as_bytes()).await.unwrap();
        connection
    }

    async fn ask(&self, request_line: &str, headers: &str) -> Answer {
        self.ask_with(request_line, headers, "").await
    }

    async fn ask_with(&self, request_line: &str, headers: &str, body: &str) -> Answer {
        let mut connection = self.send(request_line, &format!("connection: close\r\n{headers}")).await;
        connection.write_all(body.as_bytes()).await.unwrap();
        let mut text = String::new();
        in_time(connection.read_to_string(&mut text)).await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let (status, headers) = head.split_once("\r\n").unwrap();
        let status = status.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, headers: headers.to_owned(), body: body.to_owned() }
    }

    async fn post(&self, path: &str, content_type: &str, body: &str) -> Answer {
        let headers = format!("content-type: {content_type}\r\ncontent-length: {}\r\n", body.len());
        self.ask_with(&format!("POST {path}"), &headers, body).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(&format!("GET {path}"), "").await
    }

    async fn stream(&self) -> Stream {
        let mut stream = Stream(BufReader::new(self.send("GET /api/v1/stream", "").await));
        assert_eq!(stream.line().await.unwrap(), "HTTP/1.1 200 OK");
        while stream.line().await.unwrap() != "" {}
        stream
    }

    async fn metric(&self, name: &str) -> Option<String> {
        let text = self.get("/metrics").await.body;
        text.lines().find_map(|line| line.strip_prefix(&format!("{name} ")).map(str::to_owned))
    }
}

/// An open live stream.
struct Stream(BufReader<TcpStream>);

impl Stream {
    /// The next line; `None` at the end.
    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let bytes = in_time(self.0.read_line(&mut line)).await.unwrap();
        (bytes > 0).then(|| line.trim_end().to_owned())
    }

    /// What is told next of the line; `None` at the end.
    async fn told(&mut self) -> Option<LineV1> {
        loop {
            if let Some(data) = self.line().await?.strip_prefix("data: ") {
                return Some(serde_json::from_str(data).unwrap());
            }
        }
    }

    /// The sequence of what is told next; `None` at the end.
    async fn sequence(&mut self) -> Option<u64> {
        self.told().await.map(|line| line.sequence)
    }
}

async fn in_time<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.unwrap()
}

fn samples() -> Metric {
    let labels = vec![("link", "weld-plc".into())];
    let kind = MetricKind::Counter;
    Metric { name: "linetwin_link_samples".into(), help: "Samples.".into(), kind, labels, value: 7.0 }
}

fn line(sequence: u64) -> StateV1 {
    let now = "2027-01-15T08:00:00Z";
    let station = |name: &str| {
        json!({"name": name, "kind": "spot-weld", "state": "running", "cycles": 0, "upstream": [], "utilities": [],
            "signals": [{"name": "current", "role": "weld.current", "link": "plc", "value": 9.5, "quality": "good"}],
            "features": [], "alerts": []})
    };
    let alert = |id: &str, station: &str, affected: &[&str]| {
        json!({"schema": "linetwin/alert/v1", "id": id, "state": "unacknowledged", "priority": "high",
            "enterprise": "E", "site": "S", "area": "A", "line": "pack", "station": station, "headline": "something",
            "cause": {"name": "electrode-wear", "title": "electrode wear", "share": 1.0}, "rivals": [], "advice": "Dress.",
            "onset": now, "raised": now, "updated": now, "affected": affected, "evidence": []})
    };
    serde_json::from_value(json!({
        "schema": "linetwin/state/v1", "now": now, "sequence": sequence, "enterprise": "E", "site": "S", "area": "A",
        "line": "pack", "links": [], "stations": [station("weld-20"), station("weld-30"), station("käfig 1")],
        "alerts": [alert("1-0", "weld-20", &["weld-30"]), alert("2-0", "weld-30", &[])],
        "counts": {"inputs": 0, "samples": 0, "bad_samples": 0, "late_samples": 0, "future_samples": 0,
            "unknown_samples": 0, "clock_steps_back": 0, "cycles": 0, "incidents": 0, "baselines_evicted": 0},
        "flow": {"is_planned": true, "planned_left_s": 60.5, "bottleneck": {"now": "weld-30", "last_hour": []}, "shifts": []},
    }))
    .unwrap()
}

fn series(station: &str) -> SeriesV1 {
    let point = json!({"at": "2027-01-15T08:00:00Z", "value": 9.5});
    let series = json!({"schema": "linetwin/series/v1", "station": station, "feature": "current", "limits": [],
        "points": [point]});
    serde_json::from_value(series).unwrap()
}

fn words() -> Value {
    json!({"schema": "linetwin/words/v1", "features": {"de": {"current": "Strom"}}})
}

#[tokio::test]
async fn the_page_and_all_it_refers_to_are_served() {
    let server = Server::start().await;
    let page = server.get("/").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let mut left = vec![page.body];
    let mut seen = vec!["index.html".to_owned()];
    while let Some(text) = left.pop() {
        let linked = text.split("\"/assets/").skip(1).chain(text.split("from \"./").skip(1));
        for name in linked.map(|rest| rest.split('"').next().unwrap().to_owned()) {
            if seen.contains(&name) {
                continue;
            }
            let asset = server.get(&format!("/assets/{name}")).await;
            assert_eq!(asset.status, 200, "{name}");
            assert!(!asset.body.is_empty(), "{name}");
            seen.push(name);
            left.push(asset.body);
        }
    }
    assert!(seen.len() >= 9, "{seen:?}");
}

#[tokio::test]
async fn every_answer_is_fenced_in() {
    let server = Server::start().await;
    for path in ["/", "/api/v1/state", "/metrics", "/nowhere"] {
        let answer = server.get(path).await;
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self';") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{path}");
    }
}

#[tokio::test]
async fn a_file_the_browser_has_is_not_sent_again() {
    let server = Server::start().await;
    let first = server.get("/assets/style.css").await;
    let tag = first.header("etag").unwrap();
    let same = server.ask("GET /assets/style.css", &format!("if-none-match: \"other\", W/{tag}\r\n")).await;
    assert_eq!((same.status, same.body.as_str(), same.header("etag")), (304, "", Some(tag)));
    let other = server.ask("GET /assets/style.css", "if-none-match: \"other\"\r\n").await;
    assert_eq!(other.status, 200);
    assert_eq!(server.get("/assets/other.css").await.status, 404);
}

#[tokio::test]
async fn the_state_is_the_latest() {
    let server = Server::start().await;
    server.state.send_replace(Arc::new(line(5)));
    let answer = server.get("/api/v1/state").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("application/json")));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(serde_json::from_str::<StateV1>(&answer.body).unwrap(), line(5));
}

#[tokio::test]
async fn the_flow_can_be_had_by_itself() {
    let server = Server::start().await;
    let flow = server.get("/api/v1/flow").await.json();
    assert_eq!((flow["planned_left_s"].as_f64(), flow["bottleneck"]["now"].as_str()), (Some(60.5), Some("weld-30")));
}

#[tokio::test]
async fn alerts_are_of_the_line_or_of_a_station() {
    let server = Server::start().await;
    let check = async |path: &str, expected: &[&str]| {
        let answer = server.get(path).await.json();
        let ids: Vec<_> = answer.as_array().unwrap().iter().map(|alert| alert["id"].as_str().unwrap()).collect();
        assert_eq!(ids, expected, "{path}");
    };
    check("/api/v1/alerts", &["1-0", "2-0"]).await;
    check("/api/v1/alerts?station=weld-20", &["1-0"]).await;
    check("/api/v1/alerts?station=weld-30", &["1-0", "2-0"]).await;
    check("/api/v1/alerts?station=k%C3%A4fig+1", &[]).await;
}

#[tokio::test]
async fn what_cannot_be_answered_says_why() {
    let server = Server::start().await;
    let check = async |request: &str, status: u16, words: &[&str]| {
        let answer = server.ask(request, "").await;
        assert_eq!((answer.status, answer.header("content-type")), (status, Some("application/json")), "{request}");
        let error = answer.json()["error"].as_str().unwrap().to_owned();
        assert!(words.iter().all(|word| error.contains(word)), "{request}: {error}");
    };
    check("GET /api/v1/alerts?station=weld-2", 400, &["\"weld-2\"", "weld-20, weld-30"]).await;
    check("GET /api/v1/alerts?sation=weld-20", 400, &["sation", "station"]).await;
    check("GET /api/v1/station/weld-2", 404, &["\"weld-2\"", "weld-20, weld-30"]).await;
    check("GET /api/v1/station/weld-2/series?feature=current", 404, &["\"weld-2\"", "weld-20, weld-30"]).await;
    check("GET /api/v1/station/weld-20/series?feature=x", 404, &["weld-20", "\"x\"", "current"]).await;
    check("GET /api/v1/station/weld-20/series", 400, &["feature"]).await;
    check("GET /api/v1/signals?quality=fine", 400, &["fine", "not-good"]).await;
    check("GET /api/v2/state", 404, &["/api/v2/state"]).await;
    check("GET /assets/../../secret", 404, &["secret"]).await;
    check("POST /api/v1/state", 405, &["POST", "GET"]).await;
    check("GET /api/v1/command", 405, &["GET", "expected POST with JSON"]).await;
    let server = Server::start_with(Some(Arc::new(steer))).await;
    let routes = server.get("/nowhere").await.json()["routes"].clone();
    let paths: Vec<_> = routes.as_array().unwrap().iter().map(|route| route["path"].as_str().unwrap()).collect();
    assert!(paths.contains(&"/api/v1/stream"), "{paths:?}");
    for path in paths.iter().filter(|path| **path != "/api/v1/stream") {
        let is_posted = ["/api/v1/command", "/api/v1/login", "/api/v1/logout"].contains(path);
        let path = path.replace("SERIAL", ODD_ENCODED).replace("FEATURE", "current").replace("NAME", "weld-20");
        assert_eq!(server.get(&path).await.status, if is_posted { 405 } else { 200 }, "{path}");
    }
}

fn standing() -> ReplayV1 {
    serde_json::from_value(json!({"schema": "linetwin/replay/v1", "from": "2027-01-15T06:00:00Z",
        "to": "2027-01-15T14:00:00Z", "now": "2027-01-15T08:00:00Z", "speed": 10.0, "paused": false}))
    .unwrap()
}

/// Follows every command but a jump.
fn steer(command: ReplayCommandV1) -> Result<ReplayV1, String> {
    let ReplayV1 { speed, paused, .. } = standing();
    match command.to {
        Some(_) => Err("to: not in the replay".to_owned()),
        None => Ok(ReplayV1 {
            speed: command.speed.unwrap_or(speed),
            paused: command.paused.unwrap_or(paused),
            ..standing()
        }),
    }
}

#[tokio::test]
async fn a_replay_is_told_as_such_and_can_be_steered() {
    let server = Server::start_with(Some(Arc::new(steer))).await;
    assert_eq!(server.get("/api/v1/replay").await.json(), serde_json::to_value(standing()).unwrap());
    assert_eq!(server.get("/api/v1/state").await.json()["replay"]["now"], "2027-01-15T08:00:00Z");
    let answer = server.post("/api/v1/replay", "application/json", r#"{"paused": true, "speed": 600}"#).await;
    let expected = ReplayV1 { paused: true, speed: SpeedV1::Times(600.0), ..standing() };
    assert_eq!((answer.status, answer.json()), (200, serde_json::to_value(expected).unwrap()));
    let check = async |content_type: &str, body: &str, status: u16, word: &str| {
        let answer = server.post("/api/v1/replay", content_type, body).await;
        let error = answer.json()["error"].as_str().unwrap_or_default().to_owned();
        assert!(answer.status == status && error.contains(word), "{body}: {} {error}", answer.status);
    };
    check("application/json", r#"{"to": "2027-01-16T00:00:00Z"}"#, 400, "not in the replay").await;
    check("application/json", r#"{"acknowledge": "1-0"}"#, 422, "acknowledge").await;
    check("application/json", r#"{"speed": "fast"}"#, 422, "expected something like").await;
    check("text/plain", r#"{"paused": true}"#, 415, "application/json").await;
}

#[tokio::test]
async fn life_cannot_be_steered() {
    let server = Server::start().await;
    assert_eq!(server.get("/api/v1/state").await.json().get("replay"), None);
    for answer in [
        server.get("/api/v1/replay").await,
        server.post("/api/v1/replay", "application/json", r#"{"paused":true}"#).await,
    ] {
        assert_eq!(answer.status, 404);
        assert!(answer.body.contains("not a replay"), "{}", answer.body);
    }
}

#[tokio::test]
async fn health_is_a_status_and_its_reasons() {
    let server = Server::start().await;
    assert_eq!(server.get("/healthz").await.status, 200);
    server.health.send_replace(HealthV1::of(vec!["the recording's disk is full".into()]));
    let answer = server.get("/healthz").await;
    assert_eq!(answer.status, 503);
    let problems = ["the recording's disk is full"];
    assert_eq!(answer.json(), json!({"schema": "linetwin/health/v1", "ok": false, "problems": problems}));
}

#[tokio::test]
async fn metrics_are_the_daemons_and_our_own() {
    let server = Server::start().await;
    let answer = server.get("/metrics").await;
    assert_eq!(answer.header("content-type"), Some("application/openmetrics-text; version=1.0.0; charset=utf-8"));
    assert!(answer.body.contains("linetwin_link_samples_total{link=\"weld-plc\"} 7.0\n"), "{}", answer.body);
    assert!(answer.body.contains("linetwin_web_streams 0.0\n"), "{}", answer.body);
    assert!(answer.body.ends_with("# EOF\n"));
}

#[tokio::test]
async fn a_stream_gives_the_state_then_each_change_and_ends_on_stop() {
    let server = Server::start().await;
    let mut stream = server.stream().await;
    assert_eq!(stream.sequence().await, Some(1));
    server.state.send_replace(Arc::new(line(2)));
    assert_eq!(stream.sequence().await, Some(2));
    server.stop.cancel();
    let before = std::time::Instant::now();
    assert_eq!(stream.sequence().await, None);
    in_time(server.serving).await.unwrap().unwrap();
    assert!(before.elapsed() < Duration::from_secs(1), "a stream does not hold up the daemon's end");
}

#[tokio::test]
async fn a_stream_tells_what_has_changed_and_to_a_newcomer_all() {
    let server = Server::start().await;
    let mut stream = server.stream().await;
    let names = |told: &LineV1| told.stations.iter().map(|station| station.name.clone()).collect::<Vec<_>>();
    let first = stream.told().await.unwrap();
    assert_eq!((first.whole, names(&first).len(), first.alerts.map(|alerts| alerts.len())), (true, 3, Some(2)));
    let mut next = line(2);
    next.stations[1].part = Some("P-2".to_owned());
    next.alerts.pop();
    server.state.send_replace(Arc::new(next));
    let change = stream.told().await.unwrap();
    assert_eq!((change.whole, names(&change)), (false, vec!["weld-30".to_owned()]));
    assert_eq!((change.alerts.map(|alerts| alerts.len()), change.links), (Some(1), None));
    let newcomer = server.stream().await.told().await.unwrap();
    assert_eq!((newcomer.whole, newcomer.sequence, names(&newcomer).len()), (true, 2, 3));
}

#[tokio::test]
async fn a_closer_look_is_had_at_a_station_its_cycles_and_its_signals() {
    let server = Server::start().await;
    let check = async |path: &str, pointer: &str, expected: Value| {
        let answer = server.get(path).await.json();
        assert_eq!(answer.pointer(pointer), Some(&expected), "{path}: {answer}");
    };
    check("/api/v1/station/k%C3%A4fig%201", "/signals/0/name", json!("current")).await;
    check("/api/v1/station/weld-20/series?feature=current", "/points/0/value", json!(9.5)).await;
    check("/api/v1/signals?search=WELD-2&quality=good", "/rows/0/station", json!("weld-20")).await;
    check("/api/v1/signals?quality=not-good", "/searched/good", json!(3)).await;
    check("/api/v1/signals?rows=1&first=1", "/rows/0/station", json!("weld-30")).await;
    check("/api/v1/words", "/features/de/current", json!("Strom")).await;
}

#[tokio::test]
async fn a_burst_of_changes_is_one_update() {
    let server = Server::start().await;
    let mut stream = server.stream().await;
    assert_eq!(stream.sequence().await, Some(1));
    for sequence in 2..=50 {
        server.state.send_replace(Arc::new(line(sequence)));
    }
    let mut updates = 0;
    while stream.sequence().await != Some(50) {
        updates += 1;
    }
    assert!(updates <= 2, "{updates} updates before the last one of the burst");
}

#[tokio::test]
async fn streams_are_limited_and_places_come_back() {
    let server = Server::start().await;
    let mut open = Vec::new();
    for _ in 0..STREAMS_MAX {
        open.push(server.stream().await);
    }
    let refused = server.get("/api/v1/stream").await;
    assert_eq!(refused.status, 503);
    assert!(refused.json()["error"].as_str().unwrap().contains("all 64 live streams are taken"));
    assert_eq!(server.metric("linetwin_web_streams_refused_total").await.as_deref(), Some("1.0"));
    assert_eq!(server.metric("linetwin_web_streams").await.as_deref(), Some("64.0"));
    open.clear();
    in_time(async {
        while server.metric("linetwin_web_streams").await.as_deref() != Some("0.0") {
            tokio::task::yield_now().await;
        }
    })
    .await;
    server.stream().await;
}

#[tokio::test]
async fn a_connection_that_never_asks_does_not_hold_up_the_end() {
    let server = Server::start().await;
    let _silent = TcpStream::connect(&server.address).await.unwrap();
    assert_eq!(server.get("/healthz").await.status, 200);
    server.stop.cancel();
    in_time(server.serving).await.unwrap().unwrap();
}

/// A part whose serial is all that a text can do to a page or a path.
const ODD: &str = "../<b>\"'&Ü/1";
const ODD_ENCODED: &str = "..%2F%3Cb%3E%22%27%26%C3%9C%2F1";

fn part() -> PartV1 {
    let value = json!({"name": "pack voltage", "role": "eol.voltage", "unit": "V", "value": 396.123456, "low": 390.0,
        "high": 400.0, "in_limits": true});
    let cycle = json!({"station": "eol-90", "kind": "pack-assembly", "attempt": 2, "start": "2026-11-24T08:13:00Z",
        "end": "2026-11-24T08:13:38Z", "lots": [{"signal": "eol-90/lot", "text": "<4711>"}], "values": [value]});
    serde_json::from_value(json!({"schema": "linetwin/part/v1", "part": ODD, "sequence": 7,
        "closed": "2026-11-24T08:15:00Z", "ending": "left", "enterprise": "acme", "site": "ulm", "area": "body",
        "line": "line-1", "in_limits": true, "cycles": [cycle]}))
    .unwrap()
}

#[tokio::test]
async fn a_part_is_found_by_its_serial_however_odd_that_is() {
    let server = Server::start().await;
    let answer = server.get(&format!("/api/v1/part/{ODD_ENCODED}")).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["part"], ODD);
    assert_eq!(answer.json()["records"][0], serde_json::to_value(part()).unwrap());
    assert_eq!(answer.json()["passport"][0]["values"][0], ODD);
    let page = server.get(&format!("/part/{ODD_ENCODED}")).await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'unsafe-inline';"), "{policy}");
    for expected in ["../&lt;b&gt;&quot;&#39;&amp;Ü/1", "396.12 V", "attempt 2", "&lt;4711&gt;", "Not from this line"]
    {
        assert!(page.body.contains(expected), "{expected} in {}", page.body);
    }
    assert!(!page.body.contains("<b>") && !page.body.contains("<script") && !page.body.contains("http"));
}

#[tokio::test]
async fn a_part_that_is_not_known_or_cannot_be_read_is_told_as_such() {
    let server = Server::start().await;
    for path in ["/part/nobody", "/api/v1/part/..%2F..%2Fetc%2Fpasswd", "/api/v1/part/%00"] {
        let answer = server.get(path).await;
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
        assert!(answer.body.contains("there is no record of"), "{}", answer.body);
    }
    assert_eq!(server.get("/api/v1/part/%FF").await.status, 400, "no UTF-8");
    let answer = server.get("/api/v1/part/broken").await;
    assert_eq!((answer.status, answer.json()["error"].as_str()), (500, Some("the disk is gone")));
}
