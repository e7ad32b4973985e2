//! Why a signal says nothing usable, and what to do.

use std::fmt;

use contract::{QualityName, SignalV1, StateV1};
use plant::{Link, LinkSettings, ModbusTransport, MqttPayload, MqttSettings, Signal};
use telemetry::Reason;

/// Why a signal says nothing usable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Silence {
    /// It has not been heard of since the log began.
    NeverHeard,
    /// What was heard last cannot be used, or only with a doubt.
    NotGood(Reason),
    /// It was heard of so long ago, in seconds, that it should have been since.
    Old(u64),
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NeverHeard => f.write_str("never heard of"),
            Self::NotGood(why) => write!(f, "not good: {why}"),
            Self::Old(seconds) => write!(f, "not heard of for {seconds} s, longer than stale_after_s allows"),
        }
    }
}

impl Silence {
    /// What is wrong with a signal as the daemon knows it; `None` if nothing is. That a value is old is wrong only where the
    /// tag list says so: many are sent only when they change.
    pub(super) fn of(signal: &Signal, shown: &SignalV1, state: &StateV1) -> Option<Self> {
        match shown.quality {
            None => Some(Self::NeverHeard),
            Some(QualityName::Bad | QualityName::Uncertain) => Some(Self::NotGood(reason(shown))),
            Some(QualityName::Good) => {
                let age_s = state.now.0.seconds_since(shown.at?.0);
                (age_s > signal.stale_after_s?).then_some(Self::Old(age_s as u64))
            }
        }
    }

    /// What to look at, in the words of the link's protocol.
    pub(super) fn advice(self, signal: &Signal, link: &Link) -> String {
        let address = &signal.address;
        match self {
            Self::NeverHeard => never_heard(address, &link.settings),
            Self::Old(_) => {
                "the source still lives, but this value has stopped coming: look at the sensor and its program"
                    .to_owned()
            }
            Self::NotGood(why) => match why {
                Reason::NotConnected => format!("its link {} is down; see there", link.name),
                Reason::Timeout => {
                    format!(
                        "the device does not answer for {address}: is it on, and is the unit number of link {} its own?",
                        link.name
                    )
                }
                Reason::DeviceFault => {
                    "the device itself says that the channel or the sensor has failed: look there".to_owned()
                }
                Reason::UnknownAddress => unknown_address(address, link),
                Reason::TypeMismatch => {
                    format!(
                        "the device sends another type than {}; correct the column type at {}",
                        signal.data_type.name(),
                        signal.origin
                    )
                }
                Reason::OutOfRange => format!(
                    "outside range_low to range_high, or no number: a broken sensor, or scale, offset or byte order are wrong at {}{}",
                    signal.origin,
                    probe(address, &link.settings).map(|probe| format!("; {probe}")).unwrap_or_default()
                ),
                Reason::Malformed => format!(
                    "what comes at {address} is not what is expected there; the daemon's log shows the first of it"
                ),
                Reason::Stale => {
                    "the source says itself that the value is old: look at what feeds the source".to_owned()
                }
                Reason::Substituted => {
                    "somebody has put a value in place of the measured one at the device: lift it there".to_owned()
                }
                Reason::Unspecified => {
                    "the device says no more than that the value is not good: look at its own diagnosis".to_owned()
                }
            },
        }
    }
}

/// Why its value is not good, which the daemon says in words.
fn reason(shown: &SignalV1) -> Reason {
    let is_told = |known: &&Reason| shown.reason.as_deref() == Some(known.to_string().as_str());
    Reason::ALL.iter().find(is_told).copied().unwrap_or(Reason::Unspecified)
}

fn never_heard(address: &str, settings: &LinkSettings) -> String {
    match settings {
        LinkSettings::Modbus(_) => {
            format!(
                "no poll has given {address} yet: is its poll group's interval long, or the unit asked less often because it does not answer?"
            )
        }
        LinkSettings::Opcua(opcua) => {
            format!("the server has sent no value for {address}; `linetwin browse {}` lists what it has", opcua.url)
        }
        LinkSettings::Mqtt(MqttSettings { payload: MqttPayload::SparkplugB(_), .. }) => {
            let node = address.split('#').next().unwrap_or(address);
            format!(
                "no birth of {node} has told of {address}: is the edge node alive, is the metric spelt so, and may we publish at its \
                 NCMD to ask for a birth?"
            )
        }
        LinkSettings::Mqtt(mqtt) => {
            let topic = address.split('#').next().unwrap_or(address);
            let user = mqtt.login.as_ref().map_or_else(|| "nobody".to_owned(), |(user, _)| format!("user {user}"));
            format!(
                "nothing usable has come at topic {topic}: is it published, spelt so, and may {user} read it? Brokers refuse without a \
                 word. `linetwin browse {}://{}:{}/{topic}` shows what comes",
                if mqtt.tls.is_some() { "mqtts" } else { "mqtt" },
                mqtt.host,
                mqtt.port
            )
        }
        LinkSettings::Http(http) => {
            format!(
                "nobody has posted a row for {address} yet; senders post to http port {} of this machine, with the token of the link",
                http.port
            )
        }
        LinkSettings::OpenProtocol(_) => {
            format!(
                "no result with {address} has come yet: has there been a tightening, and does this controller tell {address}?"
            )
        }
        LinkSettings::Csv(csv) => format!("no file in {} has had a value in the column {address} yet", csv.folder),
        LinkSettings::Simulated(_) => format!("the simulated {address} has told nothing yet: some tell once a part"),
    }
}

fn unknown_address(address: &str, link: &Link) -> String {
    match &link.settings {
        LinkSettings::Modbus(modbus) => {
            let base = modbus.base_address;
            let look = probe(address, &link.settings).unwrap_or_else(|| "read the device's manual again".to_owned());
            format!(
                "the device has no {address}: perhaps its manual counts from {}, see base_address; {look}",
                1 - base.min(1)
            )
        }
        LinkSettings::Opcua(opcua) => {
            format!("the server has no {address}; `linetwin browse {}` lists what it has", opcua.url)
        }
        LinkSettings::Mqtt(_) => format!("the payload has nothing at {address}: has its sender been changed?"),
        LinkSettings::Http(_) => format!("the rows that are posted have no {address}"),
        LinkSettings::OpenProtocol(_) => format!("the controller's results have no {address}"),
        LinkSettings::Csv(csv) => format!("the files in {} have no column {address}", csv.folder),
        LinkSettings::Simulated(_) => format!("there is no simulated {address}"),
    }
}

/// The command that shows what a Modbus device has, where it is known how to get to it.
fn probe(address: &str, settings: &LinkSettings) -> Option<String> {
    let LinkSettings::Modbus(modbus) = settings else { return None };
    let (ModbusTransport::Tcp(to), Some((table, _))) = (&modbus.transport, address.split_once(':')) else {
        return None;
    };
    Some(format!(
        "`linetwin probe modbus {}:{} {table}:START/COUNT --unit {}` shows what is there",
        to.host, to.port, modbus.unit
    ))
}
