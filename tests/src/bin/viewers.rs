//! Measures what the page costs the daemon: processor time with 10,000 live signals and nobody, then 20 people looking.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use adapter::Clock;
use anyhow::{Context as _, ensure};
use e2e::wide_line::WideLine;
use linetwin::daemon::{Daemon, Parts};
use linetwin::engine::{Engine, Sinks};
use linetwin::example;
use linetwin::setup::Setup;
use plant::Overrides;
use twin::Twin;

const VIEWERS: usize = 20;
/// Polls of every signal, and what lies between two.
const POLLS: u32 = 120;
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// How long each part of the measurement takes.
const MEASURED: Duration = Duration::from_secs(15);
/// How long the daemon has to come to rest before.
const SETTLING: Duration = Duration::from_secs(3);
/// What those who look at more than the line ask for, once a second; each the next.
const CLOSER_LOOKS: [&str; 4] = [
    "/api/v1/signals?rows=50",
    "/api/v1/station/weld-0500",
    "/api/v1/flow",
    "/api/v1/station/weld-0500/series?feature=weld%20resistance",
];

fn main() -> anyhow::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => measure(),
        ["look", address, how] => look(address, how == "closer"),
        _ => anyhow::bail!("expected no arguments"),
    }
}

/// Runs a daemon on the wide line in this process, so that its processor time is that of the daemon alone.
fn measure() -> anyhow::Result<()> {
    let mut setup = Setup::new(example::files(), Overrides::default())?;
    setup.daemon.mqtt.enabled = false;
    setup.daemon.parts.enabled = false;
    setup.plant = Arc::new(WideLine::LARGE.plant());
    let twin = Twin::new(setup.plant.clone());
    println!("{} signals of {} stations, each twice a second", setup.plant.signals.len(), setup.plant.stations.len());
    let engine = Engine::new(twin, 0, None, Sinks::default(), Arc::default());
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?.to_string();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let daemon = runtime.block_on(async {
        let parts = Parts {
            setup: &setup,
            clock: Clock::system(),
            devices: Vec::new(),
            listener,
            security: Default::default(),
            console: None,
            drive: Some(Box::new(|mut engine, queue| {
                feed(&mut engine, || queue.is_closed());
                engine.finish();
            })),
            reload: None,
        };
        Daemon::start(engine, parts)
    })?;
    std::thread::sleep(SETTLING);
    report("nobody looks", used_in(MEASURED)?);
    for (how, what) in [("line", "at the line"), ("closer", "at signals, stations and the shift")] {
        let mut viewers = Command::new(std::env::current_exe()?)
            .args(["look", &address, how])
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the viewers")?;
        std::thread::sleep(SETTLING);
        report(&format!("{VIEWERS} look {what}"), used_in(MEASURED)?);
        let ended = viewers.wait()?;
        ensure!(ended.success(), "the viewers failed: {ended}");
        for told in viewers.stdout.take().into_iter().flat_map(|stdout| BufReader::new(stdout).lines()) {
            println!("  {}", told?);
        }
    }
    runtime.block_on(daemon.stop())
}

/// Gives the engine the wide line's samples, as fast as they would come.
fn feed(engine: &mut Engine, is_over: impl Fn() -> bool) {
    let (begun, mut first) = (Instant::now(), None);
    for input in WideLine::LARGE.inputs(POLLS, POLL_INTERVAL.as_secs_f64()) {
        let first = *first.get_or_insert(input.received);
        let due = Duration::from_secs_f64(input.received.seconds_since(first));
        std::thread::sleep(due.saturating_sub(begun.elapsed()));
        if is_over() {
            return;
        }
        engine.take(input.event, input.received);
    }
}

fn report(what: &str, used: Duration) {
    println!("{what:50} {:5.1} % of a core", 100.0 * used.as_secs_f64() / MEASURED.as_secs_f64());
}

/// Processor time that this process uses in the next so long.
fn used_in(span: Duration) -> anyhow::Result<Duration> {
    let before = used()?;
    std::thread::sleep(span);
    Ok(used()?.saturating_sub(before))
}

/// Processor time of this process's threads so far.
fn used() -> anyhow::Result<Duration> {
    let mut nanos = 0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat")).unwrap_or_default();
        nanos += text.split(' ').next().and_then(|field| field.parse::<u64>().ok()).unwrap_or_default();
    }
    Ok(Duration::from_nanos(nanos))
}

/// Looks at the page's data as so many browsers do, and says how much was read.
fn look(address: &str, is_closer: bool) -> anyhow::Result<()> {
    let until = Instant::now() + SETTLING + MEASURED + SETTLING;
    let read: Vec<u64> = std::thread::scope(|scope| {
        let viewers: Vec<_> = (0..VIEWERS)
            .map(|viewer| {
                if is_closer {
                    scope.spawn(move || ask_again(address, CLOSER_LOOKS[viewer % CLOSER_LOOKS.len()], until));
                }
                scope.spawn(move || follow(address, until))
            })
            .collect();
        viewers.into_iter().map(|viewer| viewer.join().unwrap_or(Ok(0)).unwrap_or(0)).collect()
    });
    ensure!(read.iter().all(|&bytes| bytes > 0), "a viewer was told nothing: {read:?}");
    let seconds = (SETTLING + MEASURED + SETTLING).as_secs_f64();
    let each = read.iter().sum::<u64>() as f64 / VIEWERS as f64 / seconds / 1000.0;
    println!("the live stream takes {each:.1} kB a second for each");
    Ok(())
}

/// Reads the live stream.
fn follow(address: &str, until: Instant) -> std::io::Result<u64> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(format!("GET /api/v1/stream HTTP/1.1\r\nhost: {address}\r\n\r\n").as_bytes())?;
    let (mut reader, mut line, mut bytes) = (BufReader::new(stream), String::new(), 0);
    while Instant::now() < until {
        line.clear();
        bytes += reader.read_line(&mut line)? as u64;
    }
    Ok(bytes)
}

/// Asks for something once a second.
fn ask_again(address: &str, path: &str, until: Instant) {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    while Instant::now() < until {
        let answer = agent.get(format!("http://{address}{path}")).call();
        let _ = answer.map(|mut answer| answer.body_mut().read_to_vec().map(|body| body.len()));
        std::thread::sleep(Duration::from_secs(1));
    }
}
