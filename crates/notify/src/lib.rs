//! Alerts and the daemon's status over MQTT 5 or 3.1.1, commands back; and the line as a Sparkplug B edge node.
//!
//! What a [`Notifier`] keeps at the broker, with `<base>` = `linetwin/v1/<enterprise>/<site>/<area>/<line>`:
//!
//! | topic | retained | holds |
//! |---|---|---|
//! | `<base>/alerts/<id>` | yes | `AlertV1` of an incident that is not closed; nothing once it is |
//! | `<base>/shift`, `<base>/forecast` | yes | `ShiftV1` of the last shift, `ForecastV1` of the one under way |
//! | `<base>/recording` | yes | `RecordingV1`: whether the daemon can record |
//! | `<base>/events` | no | `EventV1` for each change of an incident |
//! | `<base>/cmd` | no | `CommandV1`, from a client |
//! | `<base>/cmd/reply` | no | `CommandReplyV1`, unless who asked has a response topic |
//! | `<base>/cmd/error` | no | `CommandReplyV1` of what was refused |
//! | `linetwin/v1/<node>/status` | yes | `StatusV1`; `offline` also as last will |
//!
//! A replay uses the same topics below a prefix and retains nothing: [`Topics::below`], [`NotifySettings::retain`].
//!
//! All with quality of service 1: a message may come twice, never out of order. One line has one notifier: it clears
//! every alert of its line that it does not know.
//!
//! While the broker is away, the newest state of every open incident is kept whatever happens, and events are kept in a
//! bounded queue in memory; the oldest make room and are counted. When it is back, the status comes first, then all open
//! alerts and the clearing of those closed meanwhile, then the events in order.
//!
//! What is in memory may be lost with the process, and still no event is: the daemon has each in its log before it is told,
//! and a [`Ledger`] says up to which the broker has confirmed them. The next life takes what follows out of the log.

mod ask;
mod asked;
mod counters;
mod lane;
mod ledger;
mod notifier;
mod outbox;
mod publication;
mod session;
mod settings;
mod sparkplug;
mod topics;

pub use ask::{AskError, ask};
pub use counters::{Counters, CountersSnapshot, SparkplugCounters, SparkplugCountersSnapshot};
pub use ledger::Ledger;
pub use notifier::Notifier;
pub use publication::{Event, Publication, Report};
pub use settings::NotifySettings;
pub use sparkplug::{SparkplugNode, SparkplugSettings};
pub use topics::Topics;
