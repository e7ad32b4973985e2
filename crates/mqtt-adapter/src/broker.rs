use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;
use std::{fmt, io};

use adapter::{read_password, tcp};
use futures_util::StreamExt as _;
use mqtt_client::{
    Client, Failure, Happening, Happenings, Introduction, Memory, MqttVersion, Outgoing, Received, Versions, connect,
};
use plant::{BrokerTlsSettings, MqttSettings, Password};
use tls_files::Own;
use tokio::time::{sleep, timeout};

/// How long connecting and subscribing may take together.
const SUBSCRIBE_MAX: Duration = Duration::from_secs(10);
/// The most messages that a broker may send before it acknowledges the subscription.
const EARLY_MESSAGES_MAX: usize = 1000;

/// A broker and who we are there.
#[derive(Clone)]
pub(crate) struct Broker {
    pub(crate) host: String,
    pub(crate) port: u16,
    /// The only version to speak; if `None`, 5 and then 3.1.1.
    pub(crate) version: Option<MqttVersion>,
    pub(crate) tls: Option<BrokerTlsSettings>,
    pub(crate) client_id: String,
    /// User name and password.
    pub(crate) login: Option<(String, Password)>,
}

impl fmt::Display for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MQTT broker {}:{}", self.host, self.port)
    }
}

/// As displayed, so that no password gets into a log.
impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&MqttSettings> for Broker {
    fn from(settings: &MqttSettings) -> Self {
        let MqttSettings { host, port, version, tls, client_id, login, .. } = settings.clone();
        let version = version.map(|number| if number == 3 { MqttVersion::V3 } else { MqttVersion::V5 });
        Self { host, port, version, tls, client_id, login }
    }
}

impl Broker {
    /// Connects and subscribes to the filters with quality of service 1. The broker says `will` if we are gone.
    ///
    /// # Errors
    /// In words for a person: what failed, where, and what was expected.
    pub(crate) async fn subscribe(
        &self,
        filters: &[String],
        memory: Memory,
        will: Option<Outgoing>,
    ) -> Result<Subscription, String> {
        let subscribed = async {
            let late = |_| Err(format!("the subscription was not acknowledged within {SUBSCRIBE_MAX:?}"));
            timeout(SUBSCRIBE_MAX, self.try_subscribe(filters, memory, will)).await.unwrap_or_else(late)
        };
        let subscribed = tokio::select! {
            subscribed = subscribed => subscribed,
            problem = self.machine_off() => Err(problem),
        };
        subscribed.map_err(|problem| format!("{self}: {problem}"))
    }

    /// Waits until it is sure that the broker's machine drops everything. The client library has one time for connecting, securing
    /// and being let in, which has to do for a slow broker: a machine that is off would be found late when it is back.
    async fn machine_off(&self) -> String {
        sleep(tcp::ANSWER_MAX).await;
        match tcp::connect((self.host.as_str(), self.port)).await {
            Err(error) if error.kind() == io::ErrorKind::TimedOut => error.to_string(),
            // It is there, or the library is told what is wrong.
            _ => pending().await,
        }
    }

    async fn try_subscribe(
        &self,
        filters: &[String],
        memory: Memory,
        will: Option<Outgoing>,
    ) -> Result<Subscription, String> {
        let broker = self.with_secrets()?;
        let mut versions = Versions::of(&broker);
        let introduction = || Introduction { client_id: &self.client_id, memory, will: will.clone() };
        let (mut client, mut happenings) = connect(&broker, introduction(), versions.current());
        let (mut early, mut connected, mut is_remembered) = (VecDeque::new(), false, false);
        loop {
            match next(&mut happenings).await {
                Err(failure) if !connected && failure.can_be_of_version && versions.fall_back() => {
                    tracing::debug!("{self}: {}; {} is tried", failure.reason, versions.current());
                    (client, happenings) = connect(&broker, introduction(), versions.current());
                }
                Err(failure) => return Err(failure.reason),
                Ok(Happening::Connected { is_remembered: remembered }) => {
                    (connected, is_remembered) = (true, remembered);
                    client.subscribe(filters.iter().cloned()).map_err(|failure| failure.reason)?;
                }
                Ok(Happening::Subscribed(granted)) => {
                    self.check(filters, &granted)?;
                    return Ok(Subscription::new(self, client, happenings, early, None));
                }
                // The broker kept the subscriptions, and has much to tell.
                Ok(Happening::Received(message)) if is_remembered && early.len() == EARLY_MESSAGES_MAX => {
                    early.push_back(message);
                    return Ok(Subscription::new(self, client, happenings, early, Some(filters.to_vec())));
                }
                Ok(Happening::Received(_)) if early.len() == EARLY_MESSAGES_MAX => {
                    return Err(format!(
                        "it sent more than {EARLY_MESSAGES_MAX} messages before it acknowledged the subscription"
                    ));
                }
                Ok(Happening::Received(message)) => early.push_back(message),
                Ok(_) => {}
            }
        }
    }

    /// The broker with what its files hold now: a renewed certificate or password needs no restart.
    fn with_secrets(&self) -> Result<mqtt_client::Broker, String> {
        let tls = self.tls.as_ref().map(|tls| {
            let own = Own::of(tls.certificate.as_deref(), tls.key.as_deref());
            tls_files::client(tls.ca.as_deref(), own).map_err(|error| format!("tls: {error}"))
        });
        let login = self
            .login
            .as_ref()
            .map(|(username, password)| Ok::<_, String>((username.clone(), read_password(password)?)));
        let (host, port, version) = (self.host.clone(), self.port, self.version);
        Ok(mqtt_client::Broker { host, port, version, login: login.transpose()?, tls: tls.transpose()? })
    }

    fn check(&self, filters: &[String], granted: &[Result<(), String>]) -> Result<(), String> {
        if granted.len() != filters.len() {
            let (got, expected) = (granted.len(), filters.len());
            return Err(format!("it acknowledged {got} subscriptions; expected {expected}"));
        }
        let refused: Vec<&str> = filters
            .iter()
            .zip(granted)
            .filter(|(_, granted)| granted.is_err())
            .map(|(filter, _)| filter.as_str())
            .collect();
        if refused.is_empty() {
            return Ok(());
        }
        let client_id = &self.client_id;
        Err(format!("it refuses the subscription to {}; allow client {client_id:?} to read there", refused.join(", ")))
    }
}

async fn next(happenings: &mut Happenings) -> Result<Happening, Failure> {
    let ended = || Failure { reason: "the connection has ended".to_owned(), can_be_of_version: false };
    happenings.next().await.unwrap_or_else(|| Err(ended()))
}

/// A subscription that stands. Nothing is taken from the broker but by [`Self::next`], so a slow reader slows it down.
pub(crate) struct Subscription {
    broker: Broker,
    client: Client,
    happenings: Happenings,
    waiting: VecDeque<Received>,
    /// The filters, while the broker has not answered that it takes them.
    unanswered: Option<Vec<String>>,
}

impl Subscription {
    fn new(
        broker: &Broker,
        client: Client,
        happenings: Happenings,
        waiting: VecDeque<Received>,
        unanswered: Option<Vec<String>>,
    ) -> Self {
        Self { broker: broker.clone(), client, happenings, waiting, unanswered }
    }

    /// Who sends. What it is asked for is sent while the next message is waited for.
    pub(crate) fn client(&self) -> Client {
        self.client.clone()
    }

    /// Ends a subscription that the broker remembers from an earlier configuration.
    pub(crate) fn forget(&self, topic: &str) {
        // It fails only when the connection has ended, which the next message tells.
        drop(self.client.unsubscribe(topic.to_owned()));
    }

    /// The next message. Those that had arrived when the connection ended still come before the error. It can be
    /// interrupted without a loss.
    ///
    /// # Errors
    /// If the connection ended, in words for a person.
    pub(crate) async fn next(&mut self) -> Result<Received, String> {
        if let Some(message) = self.waiting.pop_front() {
            return Ok(message);
        }
        loop {
            match next(&mut self.happenings).await {
                Ok(Happening::Received(message)) => return Ok(message),
                Ok(Happening::Subscribed(granted)) => {
                    if let Some(filters) = self.unanswered.take() {
                        let checked = self.broker.check(&filters, &granted);
                        checked.map_err(|problem| format!("{}: {problem}", self.broker))?;
                    }
                }
                Ok(_) => {}
                Err(failure) => return Err(format!("{}: {}", self.broker, failure.reason)),
            }
        }
    }
}
