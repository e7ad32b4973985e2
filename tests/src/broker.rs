//! A mosquitto of the test's own, and its command-line clients.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

use crate::net::{free_port, is_listened_on};
use crate::program::{Ended, Program};
use crate::wait::wait_for;

/// Where subscribers listen for a sign that they are subscribed.
const PROBE: &str = "probe";

/// A broker that forgets everything when it ends.
pub struct Mosquitto {
    program: Program,
    port: u16,
    _config: TempDir,
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
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let file = folder.path().join("mosquitto.conf");
        let config = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nlog_dest stderr\nlog_type all\n"
        );
        std::fs::write(&file, config).expect("a temporary file can be written");
        // Debian keeps the broker out of some users' PATH.
        let binary = ["/usr/sbin/mosquitto", "mosquitto"].into_iter().find(|path| Path::new(path).exists());
        let mut command = Command::new(binary.unwrap_or("mosquitto"));
        let program = start_client("mosquitto", command.arg("-c").arg(file));
        wait_for("mosquitto to listen", || is_listened_on(port).then_some(()));
        Self { program, port, _config: folder }
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

    /// Subscribes to a filter, as `mosquitto_sub` does.
    #[track_caller]
    pub fn subscribe(&self, filter: &str) -> Subscriber {
        let mut command = self.client("mosquitto_sub");
        command.args(["-q", "1", "-t", filter, "-t", PROBE, "-F", "%r %t %p"]);
        let subscriber = Subscriber(start_client("mosquitto_sub", &mut command));
        // It does not say when it is subscribed, so it is told something until it hears it.
        wait_for("mosquitto_sub to be subscribed", || {
            self.publish(PROBE, "-");
            (!subscriber.0.output().is_empty()).then_some(())
        });
        subscriber
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["-h", "127.0.0.1", "-p", &self.port.to_string()]);
        command
    }
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
fn start_client(name: &str, command: &mut Command) -> Program {
    let program = command.get_program().to_owned();
    let found = std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())
        .any(|folder| folder.join(&program).is_file());
    assert!(found, "{name} is not installed: run `cargo xtask peers`");
    Program::start(name, command)
}
