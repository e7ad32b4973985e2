//! `linetwin` as an installed program: its process and its HTTP face.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use contract::{LinkStateName, SignalV1, StateV1, StationV1};
use rustix::process::Signal;

use crate::program::{Ended, Program};
use crate::wait::wait_for;

/// The program as cargo has built it.
///
/// # Panics
/// If it is not there, or older than its sources.
#[track_caller]
pub fn linetwin() -> Command {
    let test = std::env::current_exe().expect("a test knows its own program");
    let folder = test.parent().expect("a program is in a folder");
    // Cargo puts tests below the programs.
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    let program = folder.join("linetwin");
    let build = "build it with `cargo build -p linetwin`, or run everything with `cargo xtask test`";
    assert!(program.exists(), "{} is missing; {build}", program.display());
    if let Some(newer) = newer_source(&program, &test) {
        panic!("{} is older than {newer}; {build}", program.display());
    }
    let mut command = Command::new(program);
    command.env("NO_COLOR", "1");
    command
}

/// A source file that was changed after the program was built and before the test was, by the list that cargo writes
/// beside the program. What is changed while tests run is for the next run.
fn newer_source(program: &Path, test: &Path) -> Option<String> {
    let modified = |path: &Path| std::fs::metadata(path).and_then(|data| data.modified()).ok();
    let (built, tested) = (modified(program)?, modified(test)?);
    let list = std::fs::read_to_string(program.with_extension("d")).ok()?;
    let (_, sources) = list.split_once(": ")?;
    let is_newer = |source: &&str| modified(Path::new(source)).is_some_and(|at| built < at && at < tested);
    sources.split_whitespace().find(is_newer).map(str::to_owned)
}

/// Runs `linetwin` with these arguments to its end.
#[track_caller]
pub fn run_linetwin<S: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = S>) -> Ended {
    Program::start("linetwin", linetwin().args(arguments)).wait()
}

/// A running daemon.
pub struct Daemon {
    program: Program,
    http: String,
}

impl Daemon {
    /// Starts it and waits until it is there.
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        let mut daemon = Self { program: Program::start("linetwin", command), http: String::new() };
        daemon.http = wait_for("linetwin to say where its API is", || {
            assert!(!daemon.program.has_ended(), "linetwin has ended");
            let said = daemon.program.errors().join("\n");
            let (_, rest) = said.split_once("API at ")?;
            rest.split_once(',').map(|(address, _)| address.to_owned())
        });
        daemon
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.program.id()
    }

    /// Where its API is, such as `http://127.0.0.1:8080`.
    pub fn url(&self) -> &str {
        &self.http
    }

    /// What is at a path of the API, with the status code.
    ///
    /// # Panics
    /// If nobody answers.
    #[track_caller]
    pub fn get(&self, path: &str) -> (u16, String) {
        let url = format!("{}{path}", self.http);
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut answer = agent.get(&url).call().unwrap_or_else(|error| panic!("{url}: {error}"));
        let text = answer.body_mut().read_to_string().unwrap_or_else(|error| panic!("{url}: {error}"));
        (answer.status().as_u16(), text)
    }

    /// What a path of the API answers to JSON, with the status code.
    ///
    /// # Panics
    /// If nobody answers with JSON.
    #[track_caller]
    pub fn post(&self, path: &str, body: &str) -> (u16, serde_json::Value) {
        let url = format!("{}{path}", self.http);
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let posted = agent.post(&url).content_type("application/json").send(body);
        let mut answer = posted.unwrap_or_else(|error| panic!("{url}: {error}"));
        let json = answer.body_mut().read_json().unwrap_or_else(|error| panic!("{url}: {error}"));
        (answer.status().as_u16(), json)
    }

    /// A counter or gauge of every link, by the link's name.
    #[track_caller]
    pub fn of_links(&self, metric: &str) -> BTreeMap<String, f64> {
        let (status, text) = self.get("/metrics");
        assert_eq!(status, 200, "{text}");
        let of_metric = text.lines().filter_map(|line| line.strip_prefix(metric)?.strip_prefix("{link=\""));
        of_metric
            .filter_map(|rest| rest.split_once("\"} "))
            .map(|(link, value)| (link.to_owned(), value.parse().unwrap_or(f64::NAN)))
            .collect()
    }

    /// What every link has counted of something, such as its `samples`, by the link's name.
    #[track_caller]
    pub fn counted(&self, what: &str) -> BTreeMap<String, f64> {
        self.of_links(&format!("linetwin_link_{what}_total"))
    }

    /// Waits until every one of these links is up, or none.
    #[track_caller]
    pub fn wait_for_links<S: AsRef<str>>(&self, links: &[S], are_up: bool) {
        let wanted = f64::from(u8::from(are_up));
        wait_for(&format!("up of {} links to be {wanted}", links.len()), || {
            let now = self.of_links("linetwin_link_up");
            links.iter().all(|link| now.get(link.as_ref()) == Some(&wanted)).then_some(())
        });
    }

    /// How often any of its links has failed.
    #[track_caller]
    pub fn failures(&self) -> f64 {
        self.counted("failures").values().sum()
    }

    /// The line now.
    #[track_caller]
    pub fn state(&self) -> StateV1 {
        let (status, text) = self.get("/api/v1/state");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    /// Waits until the line is in a state, and returns what `look` makes of it.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, look: impl Fn(&StateV1) -> Option<T>) -> T {
        wait_for(what, || look(&self.state()))
    }

    /// Waits until a link is up, or down for a reason that has this text in it.
    #[track_caller]
    pub fn wait_for_link(&self, link: &str, state: LinkStateName, reason: &str) {
        self.wait_for(&format!("link {link} to be {state:?} with {reason:?}"), |line| {
            let link = line.links.iter().find(|known| known.name == link)?;
            let told = link.reason.as_deref().unwrap_or_default();
            (link.state == state && told.contains(reason)).then_some(())
        });
    }

    /// Waits until a signal is as wanted.
    #[track_caller]
    pub fn wait_for_signal(&self, path: &str, what: &str, is: impl Fn(&SignalV1) -> bool) {
        self.wait_for(&format!("{path} to be {what}"), |line| is(signal(line, path)?).then_some(()));
    }

    /// The lines of its log so far.
    pub fn log(&self) -> Vec<String> {
        self.program.errors()
    }

    /// Has it read its configuration again, as a service manager does. Returns what it says came of that.
    #[track_caller]
    pub fn reload(&self) -> String {
        let before = self.log().len();
        self.program.signal(Signal::HUP);
        let ends = ["the new configuration is in force", "the plant is configured as it was", "nothing has changed"];
        wait_for("linetwin to say what came of the configuration", || {
            self.log().into_iter().skip(before).find(|line| ends.iter().any(|end| line.contains(end)))
        })
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(mut self) {
        self.kill_at_once();
    }

    /// As [`Self::kill`], where another takes its place.
    pub fn kill_at_once(&mut self) {
        self.program.kill();
    }

    /// Stops it in order, as a service manager does.
    ///
    /// # Panics
    /// If that is not a success.
    #[track_caller]
    pub fn stop(mut self) {
        self.program.signal(Signal::TERM);
        let ended = self.program.wait();
        assert_eq!(ended.code, Some(0), "{}", ended.errors);
    }
}

/// A station of the line.
pub fn station<'a>(line: &'a StateV1, name: &str) -> Option<&'a StationV1> {
    line.stations.iter().find(|station| station.name == name)
}

/// A signal of the line.
pub fn signal<'a>(line: &'a StateV1, path: &str) -> Option<&'a SignalV1> {
    let (name, signal) = path.split_once('/')?;
    station(line, name)?.signals.iter().find(|known| known.name == signal)
}
