use std::collections::BTreeMap;

use contract::Message as _;
use telemetry::IncidentId;

use crate::lane::{Content, Lane, MAX_ATTEMPTS, Queued};
use crate::{Event, Publication, Report};
use mqtt_client::AnswerTo;

/// The most events kept.
const MAX_EVENTS: usize = 10_000;
/// The most bytes of events kept.
const MAX_EVENT_BYTES: usize = 32 * 1024 * 1024;
/// The most replies kept: few, so that a flood of wrong commands displaces nothing else.
const MAX_REPLIES: usize = 100;
/// The most bytes of replies kept.
const MAX_REPLY_BYTES: usize = 1024 * 1024;

/// What the broker has not been told yet, and what it should retain. No I/O and no clock.
///
/// It is in memory. Of what it holds only events must outlive the daemon, and they do: each is in the daemon's log before
/// it comes here, and the [`Ledger`](crate::Ledger) says up to which the broker has them.
///
/// One message is on its way at a time. Alerts come first, in the order they were raised, then reports, then events, then replies, in
/// the order they came. Alerts need no bound of their own: there is one for each open incident, and the line can have no
/// more of those than it has things to watch.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    alerts: BTreeMap<IncidentId, Retained>,
    /// The latest of each report.
    reports: BTreeMap<Report, Retained>,
    events: Lane<Event, MAX_EVENTS, MAX_EVENT_BYTES>,
    replies: Lane<Reply, MAX_REPLIES, MAX_REPLY_BYTES>,
    on_its_way: Option<Message>,
}

/// A message for the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Message {
    /// To be retained; empty to retain nothing.
    Alert { incident: IncidentId, content: String },
    /// To be retained: the latest of a report.
    Report { report: Report, content: String },
    /// For the events' topic.
    Event(Queued<Event>),
    /// For who asked.
    Reply(Queued<Reply>),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reply {
    /// A [`CommandReplyV1`](contract::CommandReplyV1).
    pub(crate) content: String,
    /// Where it goes.
    pub(crate) to: Recipient,
}

/// Who gets an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recipient {
    /// Everybody who listens for answers.
    Everybody,
    /// Everybody who listens for what was refused.
    WatchersOfErrors,
    /// Who asked, at a topic of their own.
    Asker(AnswerTo),
}

impl Content for Event {
    fn bytes(&self) -> usize {
        self.content.len()
    }
}

impl Content for Reply {
    fn bytes(&self) -> usize {
        self.content.len()
    }
}

#[derive(Debug, Default)]
struct Retained {
    /// What the broker should retain; `None` if nothing.
    content: Option<String>,
    /// Whether the broker may retain something.
    at_broker: bool,
    /// Whether the newest content has been handed over in this session.
    handed_over: bool,
    attempts: u8,
}

impl Outbox {
    /// Takes a publication. Returns how many older ones had to make room.
    pub(crate) fn push(&mut self, publication: Publication) -> u64 {
        match publication {
            Publication::Alert { incident, content } => self.set_alert(incident, content),
            Publication::Report { report, content } => {
                self.reports.insert(report, Retained { content: Some(content), ..Retained::default() });
            }
            Publication::Event(event) => return self.events.push_back(event),
            Publication::Reply(reply) => return self.answer(reply.to_json(), Recipient::Everybody),
        }
        0
    }

    /// Takes an answer. Returns how many older ones had to make room.
    pub(crate) fn answer(&mut self, content: String, to: Recipient) -> u64 {
        self.replies.push_back(Reply { content, to })
    }

    /// The broker retains an alert of this incident. Returns whether it has to be cleared for that.
    pub(crate) fn found_at_broker(&mut self, incident: IncidentId) -> bool {
        let stale = !self.alerts.contains_key(&incident);
        if stale {
            self.alerts.insert(incident, Retained { at_broker: true, ..Retained::default() });
        }
        stale
    }

    /// A session with the broker begins: whatever it retains may be lost, so every alert is told again.
    pub(crate) fn connected(&mut self) {
        for retained in self.alerts.values_mut().chain(self.reports.values_mut()) {
            retained.handed_over = false;
        }
    }

    /// The next message, if none is on its way.
    pub(crate) fn next(&mut self) -> Option<&Message> {
        if self.on_its_way.is_some() {
            return None;
        }
        self.on_its_way = self
            .next_alert()
            .or_else(|| self.next_report())
            .or_else(|| self.events.pop_front().map(Message::Event))
            .or_else(|| self.replies.pop_front().map(Message::Reply));
        self.on_its_way.as_ref()
    }

    /// The broker has confirmed the message that was on its way, or it is given up for good. Returns the event that it was.
    pub(crate) fn confirmed(&mut self) -> Option<Event> {
        match self.on_its_way.take()? {
            Message::Alert { incident, .. } => {
                let alert = self.alerts.get_mut(&incident)?;
                alert.attempts = 0;
                if alert.content.is_none() && alert.handed_over {
                    self.alerts.remove(&incident);
                }
                None
            }
            Message::Report { report, .. } => {
                self.reports.entry(report).and_modify(|retained| retained.attempts = 0);
                None
            }
            Message::Event(queued) => Some(queued.message),
            Message::Reply(_) => None,
        }
    }

    /// The session has ended: the message that was on its way is to be sent again, unless that was tried too often.
    /// Returns that message if it is given up.
    pub(crate) fn disconnected(&mut self) -> Option<Message> {
        match self.on_its_way.take()? {
            Message::Event(queued) => self.events.return_front(queued).map(Message::Event),
            Message::Reply(queued) => self.replies.return_front(queued).map(Message::Reply),
            Message::Report { report, content } => {
                let retained = self.reports.get_mut(&report)?;
                retained.handed_over = false;
                retained.attempts += 1;
                (!retained.is_due()).then_some(Message::Report { report, content })
            }
            Message::Alert { incident, content } => {
                let alert = self.alerts.get_mut(&incident)?;
                alert.handed_over = false;
                alert.attempts += 1;
                if alert.is_due() {
                    return None;
                }
                if alert.content.is_none() {
                    self.alerts.remove(&incident);
                }
                Some(Message::Alert { incident, content })
            }
        }
    }

    /// How many messages are still to be sent or confirmed.
    pub(crate) fn unconfirmed(&self) -> u64 {
        let retained = self.alerts.values().chain(self.reports.values());
        let retained = retained.filter(|retained| retained.is_due()).count();
        let on_its_way = usize::from(self.on_its_way.is_some());
        (retained + self.events.len() + self.replies.len() + on_its_way) as u64
    }

    /// How many of these are events.
    pub(crate) fn events(&self) -> u64 {
        let on_its_way = usize::from(matches!(self.on_its_way, Some(Message::Event(_))));
        (self.events.len() + on_its_way) as u64
    }

    fn set_alert(&mut self, incident: IncidentId, content: Option<String>) {
        let alert = self.alerts.entry(incident).or_default();
        *alert = Retained { content, at_broker: alert.at_broker, handed_over: false, attempts: 0 };
        if alert.content.is_none() && !alert.at_broker {
            self.alerts.remove(&incident);
        }
    }

    fn next_report(&mut self) -> Option<Message> {
        let (&report, retained) = self.reports.iter_mut().find(|(_, retained)| retained.is_due())?;
        retained.handed_over = true;
        Some(Message::Report { report, content: retained.content.clone().unwrap_or_default() })
    }

    fn next_alert(&mut self) -> Option<Message> {
        let (&incident, alert) = self.alerts.iter_mut().find(|(_, alert)| alert.is_due())?;
        alert.handed_over = true;
        alert.at_broker = true;
        Some(Message::Alert { incident, content: alert.content.clone().unwrap_or_default() })
    }
}

impl Retained {
    fn is_due(&self) -> bool {
        !self.handed_over && self.attempts < MAX_ATTEMPTS
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use telemetry::Timestamp;

    use super::*;

    const A: IncidentId = IncidentId { sequence: 1, ordinal: 0 };
    const B: IncidentId = IncidentId { sequence: 2, ordinal: 0 };

    fn alert(incident: IncidentId, content: &str) -> Publication {
        Publication::Alert { incident, content: (!content.is_empty()).then(|| content.to_owned()) }
    }

    fn event(content: &str) -> Publication {
        Publication::Event(Event { id: content.to_owned(), at: Timestamp::EPOCH, content: content.to_owned() })
    }

    /// Everything that is sent from now on, each confirmed at once; an alert as `id=content`.
    fn drain(outbox: &mut Outbox) -> Vec<String> {
        let mut sent = Vec::new();
        while let Some(message) = outbox.next() {
            sent.push(match message {
                Message::Alert { incident, content } => format!("{incident}={content}"),
                Message::Report { report, content } => format!("{}={content}", report.name()),
                Message::Event(queued) => queued.message.content.clone(),
                Message::Reply(queued) => queued.message.content.clone(),
            });
            outbox.confirmed();
        }
        sent
    }

    fn check(publications: impl IntoIterator<Item = Publication>, expected: &[&str]) {
        let mut outbox = Outbox::default();
        let dropped: u64 = publications.into_iter().map(|publication| outbox.push(publication)).sum();
        assert_eq!(drain(&mut outbox), expected);
        assert_eq!(dropped, 0);
        assert_eq!(outbox.unconfirmed(), 0);
    }

    #[test]
    fn alerts_come_first_and_only_the_newest_of_each() {
        check(
            [event("e1"), alert(B, "b1"), event("e2"), alert(A, "a1"), alert(B, "b2")],
            &["1-0=a1", "2-0=b2", "e1", "e2"],
        );
    }

    #[test]
    fn the_last_shift_is_told_in_each_session_until_there_is_a_newer_one() {
        let shift = |content: &str| Publication::Report { report: Report::Shift, content: content.to_owned() };
        check([event("e1"), shift("early"), alert(A, "a1"), shift("late")], &["1-0=a1", "shift=late", "e1"]);
        let mut outbox = Outbox::default();
        outbox.push(shift("early"));
        assert_eq!(drain(&mut outbox), ["shift=early"]);
        outbox.connected();
        assert!(outbox.next().is_some());
        outbox.push(shift("late"));
        outbox.confirmed();
        assert_eq!(drain(&mut outbox), ["shift=late"]);
    }

    #[test]
    fn what_the_broker_has_never_seen_is_not_cleared() {
        check([alert(A, "a1"), event("raised"), alert(A, ""), event("closed")], &["raised", "closed"]);
    }

    #[test]
    fn a_new_session_tells_all_open_alerts_and_clears_those_closed_meanwhile() {
        let mut outbox = Outbox::default();
        for publication in [alert(A, "a1"), alert(B, "b1")] {
            outbox.push(publication);
        }
        assert_eq!(drain(&mut outbox), ["1-0=a1", "2-0=b1"]);
        outbox.push(alert(A, ""));
        outbox.connected();
        assert_eq!(drain(&mut outbox), ["1-0=", "2-0=b1"]);
        outbox.connected();
        assert_eq!(drain(&mut outbox), ["2-0=b1"]);
    }

    #[test]
    fn a_change_on_the_way_is_told_as_well() {
        let mut outbox = Outbox::default();
        outbox.push(alert(A, "a1"));
        assert!(outbox.next().is_some());
        outbox.push(alert(A, ""));
        assert_eq!(outbox.next(), None, "one message is on its way");
        outbox.confirmed();
        assert_eq!(drain(&mut outbox), ["1-0="]);
    }

    #[test]
    fn the_oldest_events_make_room_and_are_counted() {
        let mut outbox = Outbox::default();
        let dropped: u64 = (0..MAX_EVENTS + 3).map(|number| outbox.push(event(&number.to_string()))).sum();
        assert_eq!(dropped, 3);
        assert_eq!(outbox.push(event(&"x".repeat(MAX_EVENT_BYTES))), MAX_EVENTS as u64);
        assert_eq!(outbox.push(event("last")), 1);
        assert_eq!(drain(&mut outbox), ["last"]);
    }

    #[test]
    fn many_replies_displace_no_event() {
        let mut outbox = Outbox::default();
        outbox.push(event("e1"));
        let mut answer = |number: usize| outbox.answer(number.to_string(), Recipient::Everybody);
        let dropped: u64 = (0..MAX_REPLIES + 7).map(&mut answer).sum();
        assert_eq!(dropped, 7);
        assert_eq!(drain(&mut outbox)[..2], ["e1", "7"]);
    }

    #[test]
    fn a_message_that_ends_every_session_is_given_up() {
        for publication in [
            event("poison"),
            alert(A, "poison"),
            Publication::Report { report: Report::Forecast, content: "poison".to_owned() },
        ] {
            let mut outbox = Outbox::default();
            outbox.push(publication);
            outbox.push(event("e2"));
            for attempt in 1..=MAX_ATTEMPTS {
                outbox.connected();
                assert!(outbox.next().is_some());
                assert_eq!(outbox.disconnected().is_some(), attempt == MAX_ATTEMPTS);
            }
            outbox.connected();
            assert_eq!(drain(&mut outbox), ["e2"]);
        }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Alert(u64, bool),
        Event,
        Send,
        Confirm,
        Reconnect { broker_forgets: bool },
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..4u64, any::<bool>()).prop_map(|(incident, open)| Step::Alert(incident, open)),
            Just(Step::Event),
            Just(Step::Send),
            Just(Step::Confirm),
            any::<bool>().prop_map(|broker_forgets| Step::Reconnect { broker_forgets }),
        ]
    }

    /// A broker that takes each message when it is sent, whether or not the confirmation comes through.
    #[derive(Default)]
    struct Broker {
        retained: BTreeMap<IncidentId, String>,
        events: Vec<usize>,
    }

    impl Broker {
        fn take(&mut self, message: &Message) {
            match message {
                Message::Alert { incident, content } if content.is_empty() => {
                    self.retained.remove(incident);
                }
                Message::Alert { incident, content } => {
                    self.retained.insert(*incident, content.clone());
                }
                Message::Event(queued) => self.events.extend(queued.message.content.parse::<usize>()),
                Message::Reply(_) | Message::Report { .. } => {}
            }
        }
    }

    proptest! {
        #[test]
        fn in_the_end_the_broker_holds_what_is_open_and_has_every_event_in_order(
            steps in proptest::collection::vec(step(), 0..60),
        ) {
            let (mut outbox, mut broker) = (Outbox::default(), Broker::default());
            let (mut open, mut events, mut given_up) = (BTreeMap::new(), 0, Vec::new());
            for (number, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Alert(incident, is_open) => {
                        let incident = IncidentId { sequence: incident, ordinal: 0 };
                        let content = is_open.then(|| number.to_string());
                        match &content {
                            Some(content) => open.insert(incident, content.clone()),
                            None => open.remove(&incident),
                        };
                        outbox.push(Publication::Alert { incident, content });
                    }
                    Step::Event => {
                        outbox.push(event(&events.to_string()));
                        events += 1;
                    }
                    Step::Send => {
                        if let Some(message) = outbox.next() {
                            broker.take(message);
                        }
                    }
                    Step::Confirm => {
                        outbox.confirmed();
                    }
                    Step::Reconnect { broker_forgets } => {
                        given_up.extend(outbox.disconnected());
                        if broker_forgets {
                            broker.retained.clear();
                        }
                        outbox.connected();
                    }
                }
            }
            prop_assume!(given_up.is_empty());
            outbox.confirmed();
            while let Some(message) = outbox.next() {
                broker.take(message);
                outbox.confirmed();
            }
            prop_assert_eq!(broker.retained, open);
            broker.events.dedup();
            prop_assert_eq!(broker.events, (0..events).collect::<Vec<_>>());
        }
    }
}
