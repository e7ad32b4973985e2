//! A mosquitto of the test's own, and its command-line clients.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::fast_clock::FastClock;
use crate::net::{free_port, is_listened_on};
use crate::program::{Ended, Program};
use crate::wait::wait_for;

/// Where subscribers listen for a sign that they are subscribed.
const PROBE: &str = "probe";
/// The file of the configuration.
const CONFIG: &str = "mosquitto.conf";
/// Sessions and messages are on the disk a second after they change. It stays the user that it is started as: another one
/// could not write to the test's folder.
const REMEMBERING: &str = "allow_anonymous true\nuser root\npersistence true\npersistence_location FOLDER/\n\
                           autosave_on_changes true\nautosave_interval 1\nmax_queued_messages 0\n";

/// However many messages wait for a client, they are in memory only.
const KEEPING: &str = "allow_anonymous true\npersistence false\nmax_queued_messages 0\n";

/// A broker, which forgets everything when it ends unless it is started to remember.
pub struct Mosquitto {
    program: Program,
    port: u16,
    folder: TempDir,
}

/// A message as a subscriber got it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Whether it had been retained before the subscription.
    pub retained: bool,
    /// The topic.
    pub topic: String,
    /// The payload.
    pub payload: String,
}

impl Mosquitto {
    /// Starts a broker on a free port.
    #[track_caller]
    pub fn start() -> Self {
        Self::start_on(free_port())
    }

    /// Starts a broker on that port.
    #[track_caller]
    pub fn start_on(port: u16) -> Self {
        Self::start_with(port, "allow_anonymous true\npersistence false\n", |_| {})
    }

    /// Starts a broker on a free port that keeps what it knows of its clients on the disk, as one in a plant does.
    #[track_caller]
    pub fn start_remembering() -> Self {
        Self::start_with(free_port(), REMEMBERING, |_| {})
    }

    /// Starts a broker on that port with more lines of configuration; `prepare` may put files into its folder, where `FOLDER`
    /// in these lines is.
    #[track_caller]
    pub fn start_with(port: u16, more: &str, prepare: impl FnOnce(&Path)) -> Self {
        Self::launch(port, more, prepare, None)
    }

    /// Starts a broker on a free port that keeps all that it has for clients that are away, in memory.
    #[track_caller]
    pub fn start_keeping() -> Self {
        Self::launch(free_port(), KEEPING, |_| {}, None)
    }

    /// The same, where it lives by a clock.
    #[track_caller]
    pub fn start_by(clock: &FastClock) -> Self {
        Self::launch(free_port(), KEEPING, |_| {}, Some(clock))
    }

    #[track_caller]
    fn launch(port: u16, more: &str, prepare: impl FnOnce(&Path), clock: Option<&FastClock>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        prepare(folder.path());
        let more = more.replace("FOLDER", &folder.path().display().to_string());
        let config = format!("listener {port} 127.0.0.1\nlog_dest stderr\nlog_type all\n{more}");
        std::fs::write(folder.path().join(CONFIG), config).expect("a temporary file can be written");
        Self { program: start_in(folder.path(), port, clock), port, folder }
    }

    /// Ends it at once, as a power cut would, and starts it again when `meanwhile` is done.
    #[track_caller]
    pub fn kill_and_restart(&mut self, meanwhile: impl FnOnce()) {
        self.program.kill();
        meanwhile();
        self.program = start_in(self.folder.path(), self.port, None);
    }

    /// The folder of its files.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Its TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it, and with it everything that it had retained.
    pub fn stop(mut self) {
        self.program.kill();
    }

    /// Publishes one message, as `mosquitto_pub` does, and waits until the broker has it.
    #[track_caller]
    pub fn publish(&self, topic: &str, payload: &str) {
        let mut command = self.client("mosquitto_pub");
        let Ended { code, errors, .. } =
            start_client("mosquitto_pub", command.args(["-q", "1", "-t", topic, "-m", payload])).wait();
        assert_eq!(code, Some(0), "mosquitto_pub: {errors}");
    }

    /// A client that publishes at a topic what it is sent, with quality of service 1.
    #[track_caller]
    pub fn publisher(&self, topic: &str) -> Publisher {
        let mut command = self.client("mosquitto_pub");
        Publisher(start_client("mosquitto_pub", command.args(["-q", "1", "-t", topic, "-l"])))
    }

    /// Publishes a message several times a second until what is returned is dropped, as a device does.
    #[track_caller]
    pub fn keep_publishing(&self, topic: &str, payload: &str) -> impl Drop + use<> {
        let mut command = self.client("mosquitto_pub");
        let often = ["--repeat", "1000", "--repeat-delay", "0.2"];
        start_client("mosquitto_pub", command.args(["-t", topic, "-m", payload]).args(often))
    }

    /// How many messages a client has acknowledged.
    pub fn acknowledgements_of(&self, client_id: &str) -> usize {
        let said = format!("Received PUBACK from {client_id} ");
        self.program.errors().iter().filter(|line| line.contains(&said)).count()
    }

    /// Waits until somebody has subscribed to a filter.
    #[track_caller]
    pub fn wait_for_subscription(&self, filter: &str) {
        let said = format!("\t{filter} (QoS");
        wait_for(&format!("a subscription to {filter}"), || {
            self.program.errors().iter().any(|line| line.contains(&said)).then_some(())
        });
    }

    /// Subscribes to a filter, as `mosquitto_sub` does.
    #[track_caller]
    pub fn subscribe(&self, filter: &str) -> Subscriber {
        self.subscribe_with(filter, &[])
    }

    /// As [`Self::subscribe`], with more options.
    #[track_caller]
    pub fn subscribe_with(&self, filter: &str, options: &[&str]) -> Subscriber {
        subscribe(self.port, filter, options)
    }

    /// Subscribes to a filter as `mosquitto_sub` does, with a session at the broker that outlives the connection.
    #[track_caller]
    pub fn subscribe_for_good(&self, client_id: &str, filter: &str) -> Subscriber {
        self.subscribe_with(filter, &["-c", "-i", client_id])
    }

    fn client(&self, program: &str) -> Command {
        client(program, self.port)
    }
}

/// Subscribes to a filter at the broker on that port with quality of service 1, as `mosquitto_sub` does, with more options.
///
/// # Panics
/// If that broker does not let it.
#[track_caller]
pub fn subscribe(port: u16, filter: &str, options: &[&str]) -> Subscriber {
    let mut command = client("mosquitto_sub", port);
    command.args(["-q", "1", "-t", filter, "-t", PROBE, "-F", "%r %t %p"]).args(options);
    let subscriber = Subscriber(start_client("mosquitto_sub", &mut command));
    // It does not say when it is subscribed, so it is told something until it hears it.
    wait_for("mosquitto_sub to be subscribed", || {
        publish_all(port, PROBE, ["-"]);
        (!subscriber.0.output().is_empty()).then_some(())
    });
    subscriber
}

/// Publishes messages at the broker on that port in one go, as `mosquitto_pub` does, and waits until the broker has them.
///
/// # Panics
/// If it does not take them.
#[track_caller]
pub fn publish_all<'a>(port: u16, topic: &str, payloads: impl IntoIterator<Item = &'a str>) {
    let mut command = client("mosquitto_pub", port);
    let mut publisher = start_client("mosquitto_pub", command.args(["-q", "1", "-t", topic, "-l"]));
    payloads.into_iter().for_each(|payload| publisher.send(payload));
    let Ended { code, errors, .. } = publisher.wait();
    assert_eq!(code, Some(0), "mosquitto_pub: {errors}");
}

fn client(program: &str, port: u16) -> Command {
    let mut command = Command::new(program);
    command.args(["-h", "127.0.0.1", "-p", &port.to_string()]);
    command
}

/// A client that publishes on a connection that it keeps.
pub struct Publisher(Program);

impl Publisher {
    /// Publishes a message when those before are.
    #[track_caller]
    pub fn publish(&mut self, payload: &str) {
        self.0.send(payload);
    }
}

/// What `mosquitto_sub` shows a supervisor.
pub struct Subscriber(Program);

impl Subscriber {
    /// All messages so far, in order.
    pub fn messages(&self) -> Vec<Message> {
        let output = self.0.output();
        output.iter().filter_map(|line| Message::parse(line)).filter(|message| message.topic != PROBE).collect()
    }

    /// Waits for a message, and returns what `look` makes of it.
    #[track_caller]
    pub fn wait_for<T>(&self, what: &str, look: impl Fn(&Message) -> Option<T>) -> T {
        wait_for(what, || self.messages().iter().find_map(&look))
    }
}

impl Message {
    fn parse(line: &str) -> Option<Self> {
        let mut parts = line.splitn(3, ' ');
        let (retained, topic, payload) = (parts.next()?, parts.next()?, parts.next()?);
        Some(Self { retained: retained == "1", topic: topic.to_owned(), payload: payload.to_owned() })
    }

    /// The payload as JSON.
    ///
    /// # Panics
    /// If it is none.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.payload).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

#[track_caller]
fn start_in(folder: &Path, port: u16, clock: Option<&FastClock>) -> Program {
    // Debian keeps the broker out of some users' PATH.
    let binary = ["/usr/sbin/mosquitto", "mosquitto"].into_iter().find(|path| Path::new(path).exists());
    let mut command = Command::new(binary.unwrap_or("mosquitto"));
    command.arg("-c").arg(folder.join(CONFIG));
    if let Some(clock) = clock {
        clock.set(&mut command);
    }
    let program = start_client("mosquitto", &mut command);
    wait_for("mosquitto to listen", || is_listened_on(port).then_some(()));
    program
}

#[track_caller]
fn start_client(name: &str, command: &mut Command) -> Program {
    let program = command.get_program().to_owned();
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(&program).is_file());
    assert!(found, "{name} is not installed: run `cargo xtask peers`");
    Program::start(name, command)
}
