//! `linetwin doctor`: why a tag is silent, in words.
//!
//! It asks the running daemon, and tries the network itself only where nothing comes: a device that delivers is left alone,
//! since many serve one connection only.

mod reach;
mod silence;

use std::collections::BTreeMap;

use api_client::Client;
use contract::{HealthV1, LinkStateName, LinkV1, SignalV1, StateV1};
use plant::{Link, Plant, Signal};

use crate::caller::CallerArguments;
use crate::setup::{ConfigArguments, Setup};
use reach::Reach;
use silence::Silence;

/// How many signals of one kind of silence are named.
const NAMED_MAX: usize = 8;

/// `linetwin doctor`.
#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    config: ConfigArguments,
    /// Where the daemon's page is, as a browser shows it; taken from the configuration if left out.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    #[command(flatten)]
    caller: CallerArguments,
    /// Signals to tell all of, such as weld-10/current; all that are silent if none is named.
    #[arg(value_name = "SIGNAL")]
    signals: Vec<String>,
}

/// Something is wrong, and was told.
#[derive(Debug, thiserror::Error)]
#[error("{0} of this is wrong; see above")]
struct Wrong(usize);

/// Tells how the daemon, its links and their signals are.
///
/// # Errors
/// If the configuration cannot run, a signal that was named is not in it, the daemon lets nobody in, or anything is wrong.
pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let setup = Setup::read(&arguments.config.config, &arguments.config.set)?;
    let named = named(&setup.plant, &arguments.signals)?;
    let url = arguments.url.clone().unwrap_or_else(|| url_of(&setup));
    let client = Client::new(&url, arguments.caller.ca.as_deref(), arguments.caller.credentials()?)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut report = Report::default();
    runtime.block_on(async {
        let state = ask(&client, &url, &mut report).await?;
        report.links(&setup.plant, state.as_ref()).await;
        match &state {
            Some(state) if named.is_empty() => report.silent(&setup.plant, state),
            Some(state) => named.iter().for_each(|signal| report.signal(&setup.plant, signal, state)),
            None => {}
        }
        anyhow::Ok(())
    })?;
    print!("{}", report.text);
    anyhow::ensure!(report.wrong == 0, Wrong(report.wrong));
    Ok(())
}

/// Where a daemon of this configuration has its page, seen from its own machine.
fn url_of(setup: &Setup) -> String {
    let http = &setup.daemon.http;
    let scheme = if http.tls.is_some() { "https" } else { "http" };
    let is_any = http.host.parse().is_ok_and(|address: std::net::IpAddr| address.is_unspecified());
    let host = if is_any { "127.0.0.1" } else { &http.host };
    format!("{scheme}://{host}:{}", http.port)
}

fn named<'a>(plant: &'a Plant, names: &[String]) -> anyhow::Result<Vec<&'a Signal>> {
    let find = |name: &String| plant.signals.iter().find(|signal| signal.path == *name);
    let unknown: Vec<&str> = names.iter().filter(|name| find(name).is_none()).map(String::as_str).collect();
    anyhow::ensure!(
        unknown.is_empty(),
        "no tag list has {}; expected names as in the column signal, such as {}",
        unknown.join(", "),
        plant.signals.first().map_or("station/name", |signal| signal.path.as_str())
    );
    Ok(names.iter().filter_map(find).collect())
}

/// What the daemon says; nothing if it does not run.
async fn ask(client: &Client, url: &str, report: &mut Report) -> anyhow::Result<Option<StateV1>> {
    let state = client.get::<StateV1>("/api/v1/state").await;
    match state {
        Ok(state) => {
            report.daemon(url, &state, &client.health().await?);
            Ok(Some(state))
        }
        Err(error) if error.is_shut_out() => {
            anyhow::bail!("{url}: {error}; --user NAME says who logs in")
        }
        Err(error) => {
            report.bad(format!("daemon {url}: {error}"));
            report.advice("start it with `linetwin run --config DIR`, or say with --url where it is; without it only the network can be tried");
            Ok(None)
        }
    }
}

/// What was found, in the order in which it is told.
#[derive(Debug, Default)]
struct Report {
    text: String,
    wrong: usize,
}

impl Report {
    fn good(&mut self, line: impl AsRef<str>) {
        self.line("ok   ", line.as_ref());
    }

    fn bad(&mut self, line: impl AsRef<str>) {
        self.wrong += 1;
        self.line("WRONG", line.as_ref());
    }

    fn advice(&mut self, line: impl AsRef<str>) {
        self.line("     ", line.as_ref());
    }

    fn line(&mut self, mark: &str, line: &str) {
        self.text.push_str(&format!("{mark} {line}\n"));
    }

    fn daemon(&mut self, url: &str, state: &StateV1, health: &HealthV1) {
        // Links have lines of their own.
        let is_of_link =
            |problem: &str| state.links.iter().any(|link| problem.starts_with(&format!("link {} ", link.name)));
        let problems: Vec<&String> = health.problems.iter().filter(|problem| !is_of_link(problem)).collect();
        if problems.is_empty() {
            self.good(format!(
                "daemon {url}: line {}, {} inputs taken, the last at {}",
                state.line, state.sequence, state.now
            ));
        }
        for problem in problems {
            self.bad(format!("daemon {url}: {problem}"));
        }
    }

    async fn links(&mut self, plant: &Plant, state: Option<&StateV1>) {
        for link in &plant.links {
            let shown = state.and_then(|state| state.links.iter().find(|shown| shown.name == link.name));
            self.link(link, shown, state.is_some()).await;
        }
    }

    async fn link(&mut self, link: &Link, shown: Option<&LinkV1>, is_running: bool) {
        let reach = Reach::of(&link.settings);
        let name = format!("link {} ({reach})", link.name);
        let Some(shown) = shown else {
            if is_running {
                self.bad(format!("{name}: the daemon runs with another configuration, without this link"));
                self.advice("restart the daemon, or give the configuration that it runs with");
                return;
            }
            match reach.attempt().await {
                Ok(well) => self.good(format!("{name}: {well}")),
                Err(why) => self.bad(format!("{name}: {why}")),
            }
            return;
        };
        let since = shown.since.map(|since| format!(" since {since}")).unwrap_or_default();
        match shown.state {
            LinkStateName::Up => self.good(format!("{name}: up{since}")),
            LinkStateName::Down | LinkStateName::Unknown => {
                let reason = shown.reason.as_deref().unwrap_or("nothing has been heard of it yet");
                self.bad(format!("{name}: down{since}: {reason}"));
                match reach.attempt().await {
                    Ok(well) => {
                        self.advice(format!("{well}, so the network is not the reason; the daemon's words above are"))
                    }
                    Err(why) => self.advice(why),
                }
            }
        }
        for clock in &shown.clocks_off {
            let (seconds, side) = (clock.behind_s.abs(), if clock.behind_s < 0.0 { "ahead" } else { "behind" });
            self.bad(format!("{name}: the clock at station {} is {seconds:.1} s {side}", clock.station));
            self.advice("its times are corrected; set it, or have the device follow a time server");
        }
    }

    /// Signals that say nothing usable, those of one reason together.
    fn silent(&mut self, plant: &Plant, state: &StateV1) {
        let mut kinds: BTreeMap<(&str, Silence), Vec<&Signal>> = BTreeMap::new();
        let mut heard = 0;
        for signal in &plant.signals {
            let Some(shown) = shown(plant, signal, state) else { continue };
            let link = &plant.links[signal.link.index()];
            match Silence::of(signal, shown, state) {
                Some(silence) => kinds.entry((&link.name, silence)).or_default().push(signal),
                None => heard += 1,
            }
        }
        self.good(format!("signals: {heard} of {} are heard of", plant.signals.len()));
        for ((_, silence), signals) in kinds {
            let names: Vec<&str> = signals.iter().take(NAMED_MAX).map(|signal| signal.path.as_str()).collect();
            let more = signals.len() - names.len();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            self.bad(format!("{}{more}: {silence}", names.join(", ")));
            if let Some(signal) = signals.first() {
                self.advice(silence.advice(signal, &plant.links[signal.link.index()]));
            }
        }
    }

    /// All that is known of one signal.
    fn signal(&mut self, plant: &Plant, signal: &Signal, state: &StateV1) {
        let link = &plant.links[signal.link.index()];
        let place = format!("{} ({} at link {}, {})", signal.path, signal.address, link.name, signal.origin);
        let Some(shown) = shown(plant, signal, state) else {
            self.bad(format!("{place}: the daemon runs with another configuration, without this signal"));
            return;
        };
        let value = shown.value.as_ref().map(|value| {
            let unit = shown.unit.as_deref().map(|unit| format!(" {unit}")).unwrap_or_default();
            let at = shown.at.map(|at| format!(" at {at}")).unwrap_or_default();
            format!("{value}{unit}{at}")
        });
        match Silence::of(signal, shown, state) {
            None => self.good(format!("{place}: {}", value.unwrap_or_default())),
            Some(silence) => {
                let last = value.map(|value| format!("; the last value is {value}")).unwrap_or_default();
                self.bad(format!("{place}: {silence}{last}"));
                self.advice(silence.advice(signal, link));
            }
        }
    }
}

/// The signal as the daemon knows it.
fn shown<'a>(plant: &Plant, signal: &Signal, state: &'a StateV1) -> Option<&'a SignalV1> {
    let station = &plant.stations[signal.station.index()].name;
    let name = signal.path.strip_prefix(station.as_str())?.strip_prefix('/')?;
    let station = state.stations.iter().find(|shown| shown.name == *station)?;
    station.signals.iter().find(|shown| shown.name == name)
}
