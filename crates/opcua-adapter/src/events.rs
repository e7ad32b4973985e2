//! Alarms and conditions of a server (OPC UA part 9), as the values of signals.

use std::collections::{HashMap, HashSet};

use adapter::{Context, Raw, sample};
use opcua::types::{
    AttributeId, EventFieldList, EventFilter, ExtensionObject, NodeId, ObjectTypeId, QualifiedName,
    SimpleAttributeOperand, Variant,
};
use plant::{DataType, Signal};
use telemetry::{Quality, Reason, Sample, Symbol, Timestamp};

use crate::value::Skew;

/// How the address of a signal begins that comes from events.
pub(crate) const EVENT_PREFIX: &str = "event:";
/// Events that the server is asked to keep between two publishings.
pub(crate) const EVENTS_QUEUED: u32 = 1000;
/// The most conditions of a server that are known to be active at once.
const ACTIVE_MAX: usize = 10_000;

/// A signal that tells of conditions, or of events that are none.
#[derive(Debug)]
pub(crate) struct EventSignal {
    pub(crate) signal: Signal,
    wanted: Wanted,
    field: Field,
}

/// Which events a signal tells of: those of that source, of that condition, or both.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    source: Option<String>,
    condition: Option<String>,
}

/// What a signal tells of the conditions that it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    /// Whether one of them is active.
    Active,
    /// The severity of the most severe that is active, else 0.
    Severity,
    /// What that one says, else nothing.
    Message,
    /// Whether all that are active are acknowledged at the machine.
    Acknowledged,
}

impl EventSignal {
    /// The signal that an address of events names: `event:SourceName=Weld20;ConditionName=Overheat`, one of the two or both,
    /// with `%3B` for `;` and `%25` for `%` in a name, and after `#/` what is told of them.
    ///
    /// # Errors
    /// What is wrong and what was expected, in words.
    pub(crate) fn parse(signal: &Signal) -> Result<Self, String> {
        let text = signal.address.strip_prefix(EVENT_PREFIX).unwrap_or_default();
        let (names, field) = match text.rsplit_once("#/") {
            Some((names, field)) => (names, parse_field(field)?),
            None => (text, Field::Active),
        };
        let mut wanted = Wanted { source: None, condition: None };
        for name in names.split(';') {
            let place = match name.split_once('=') {
                Some(("SourceName", name)) if wanted.source.is_none() => Some((&mut wanted.source, name)),
                Some(("ConditionName", name)) if wanted.condition.is_none() => Some((&mut wanted.condition, name)),
                _ => None,
            };
            let (place, name) = place.filter(|(_, name)| !name.is_empty()).ok_or_else(|| explained(name))?;
            *place = Some(name.replace("%3B", ";").replace("%3b", ";").replace("%25", "%"));
        }
        let fits = match field {
            Field::Active | Field::Acknowledged => signal.data_type != DataType::Text,
            Field::Severity => !matches!(signal.data_type, DataType::Text | DataType::Bool),
            Field::Message => signal.data_type == DataType::Text,
        };
        if !fits {
            let expected = match field {
                Field::Active | Field::Acknowledged => "bool",
                Field::Severity => "a number such as u16",
                Field::Message => "text",
            };
            return Err(format!("it is not of type {}; expected {expected}", signal.data_type.name()));
        }
        Ok(Self { signal: signal.clone(), wanted, field })
    }

    /// What the signal is now, by the conditions that are active.
    fn sample(&self, active: &HashMap<NodeId, Condition>, time: Timestamp, quality: Quality) -> Sample {
        let of_it = || active.values().filter(|condition| self.wanted.fits(&condition.source, Some(&condition.name)));
        let worst = of_it().max_by_key(|condition| (condition.severity, condition.time));
        let raw = match self.field {
            Field::Active => Raw::Integer(worst.is_some().into()),
            Field::Severity => Raw::Integer(worst.map_or(0, |worst| worst.severity).into()),
            Field::Message => Raw::Text(worst.map_or("", |worst| &worst.message)),
            Field::Acknowledged => Raw::Integer(of_it().all(|condition| condition.is_acknowledged).into()),
        };
        sample(&self.signal, raw, time, quality)
    }

    /// What an event says that is no condition, if the signal tells such a thing.
    fn sample_of_event(&self, event: &Event, time: Timestamp) -> Option<Sample> {
        let raw = match self.field {
            Field::Severity => Raw::Integer(event.severity.into()),
            Field::Message => Raw::Text(&event.message),
            Field::Active | Field::Acknowledged => return None,
        };
        self.wanted.fits(&event.source, None).then(|| sample(&self.signal, raw, time, Quality::Good))
    }
}

impl Wanted {
    fn fits(&self, source: &str, condition: Option<&str>) -> bool {
        self.source.as_deref().is_none_or(|wanted| wanted == source)
            && self.condition.as_deref().is_none_or(|wanted| Some(wanted) == condition)
    }
}

fn parse_field(text: &str) -> Result<Field, String> {
    match text {
        "ActiveState" => Ok(Field::Active),
        "Severity" => Ok(Field::Severity),
        "Message" => Ok(Field::Message),
        "AckedState" => Ok(Field::Acknowledged),
        _ => Err(format!("`{text}` is not told of an event; expected ActiveState, Severity, Message or AckedState")),
    }
}

fn explained(found: &str) -> String {
    format!(
        "`{found}` does not say which events are meant; expected an address such as \
         `event:SourceName=Weld20;ConditionName=Overheat`, with one of the two names or both"
    )
}

/// What is asked of every event, in this order: the type that has the field, and the way to it. An event of another type has
/// nothing there. The last is the node of the condition itself.
const FIELDS: [(ObjectTypeId, &[&str]); 13] = [
    (ObjectTypeId::BaseEventType, &["EventType"]),
    (ObjectTypeId::BaseEventType, &["SourceName"]),
    (ObjectTypeId::BaseEventType, &["Time"]),
    (ObjectTypeId::BaseEventType, &["Message"]),
    (ObjectTypeId::BaseEventType, &["Severity"]),
    (ObjectTypeId::ConditionType, &["ConditionName"]),
    (ObjectTypeId::ConditionType, &["BranchId"]),
    (ObjectTypeId::ConditionType, &["Retain"]),
    (ObjectTypeId::ConditionType, &["EnabledState", "Id"]),
    (ObjectTypeId::AcknowledgeableConditionType, &["AckedState", "Id"]),
    (ObjectTypeId::AlarmConditionType, &["ActiveState", "Id"]),
    (ObjectTypeId::AlarmConditionType, &["SuppressedOrShelved"]),
    (ObjectTypeId::ConditionType, &[]),
];

/// What a server is asked to tell of its events.
pub(crate) fn filter() -> ExtensionObject {
    let select = FIELDS.map(|(of_type, way)| SimpleAttributeOperand {
        type_definition_id: of_type.into(),
        browse_path: Some(way.iter().map(|&name| QualifiedName::new(0, name)).collect()),
        attribute_id: if way.is_empty() { AttributeId::NodeId } else { AttributeId::Value } as u32,
        ..SimpleAttributeOperand::default()
    });
    ExtensionObject::from_message(EventFilter { select_clauses: Some(select.into()), ..EventFilter::default() })
}

/// An event, as far as it is of interest.
struct Event {
    kind: NodeId,
    source: String,
    time: Option<Timestamp>,
    message: String,
    severity: u16,
    condition: Option<(NodeId, ConditionState)>,
}

/// What an event says of its condition.
struct ConditionState {
    name: String,
    is_active: bool,
    is_acknowledged: bool,
}

/// A condition that is active.
struct Condition {
    source: String,
    name: String,
    severity: u16,
    message: String,
    is_acknowledged: bool,
    time: Timestamp,
}

impl Event {
    /// The event of the fields that [`filter`] asks for; what is not there, or of another type, is taken for not said. None of an
    /// earlier state of a condition that waits for acknowledgement: that is for who acknowledges.
    fn read(fields: Option<Vec<Variant>>, skew: Skew) -> Option<Self> {
        let fields: [Variant; FIELDS.len()] = fields?.try_into().ok()?;
        let [kind, source, time, message, severity, name, branch, retain, enabled, acked, active, hidden, id] = fields;
        if node(branch).is_some() {
            return None;
        }
        let condition = node(id).map(|id| {
            let is_shown = condition(&enabled) != Some(false) && condition(&hidden) != Some(true);
            let is_active = is_shown && condition(&active).or(condition(&retain)).unwrap_or(false);
            let is_acknowledged = condition(&acked).unwrap_or(true);
            (id, ConditionState { name: text(name), is_active, is_acknowledged })
        });
        let time = match time {
            Variant::DateTime(time) => skew.restore(*time),
            _ => None,
        };
        let severity = if let Variant::UInt16(severity) = severity { severity } else { 0 };
        let kind = node(kind).unwrap_or_default();
        Some(Self { kind, source: text(source), time, message: short(text(message)), severity, condition })
    }
}

fn node(value: Variant) -> Option<NodeId> {
    match value {
        Variant::NodeId(node) if !node.is_null() => Some(*node),
        _ => None,
    }
}

fn condition(value: &Variant) -> Option<bool> {
    if let Variant::Boolean(condition) = value { Some(*condition) } else { None }
}

fn text(value: Variant) -> String {
    match value {
        Variant::String(text) => text.as_ref().to_owned(),
        Variant::LocalizedText(text) => text.text.as_ref().to_owned(),
        _ => String::new(),
    }
}

/// As much of a text as a signal can hold.
fn short(mut text: String) -> String {
    const CUT: char = '…';
    if text.len() > Symbol::MAX_BYTES {
        text.truncate(text.floor_char_boundary(Symbol::MAX_BYTES - CUT.len_utf8()));
        text.push(CUT);
    }
    text
}

/// The conditions of a server that are active, as a session has heard of them.
pub(crate) struct Conditions<'a> {
    signals: &'a [EventSignal],
    active: HashMap<NodeId, Condition>,
    /// While the server tells again what stands: what it has told so far.
    refreshed: Option<HashSet<NodeId>>,
    /// By signal: until when it has been told, so that no value is earlier than the one before.
    told: Vec<Timestamp>,
}

/// What comes of an event.
#[derive(Default)]
pub(crate) struct Heard {
    pub(crate) samples: Vec<Sample>,
    /// Whether something is missing, so that the server is to tell again what stands.
    pub(crate) is_incomplete: bool,
}

impl<'a> Conditions<'a> {
    pub(crate) fn new(signals: &'a [EventSignal]) -> Self {
        let told = vec![Timestamp::EPOCH; signals.len()];
        Self { signals, active: HashMap::new(), refreshed: None, told }
    }

    /// Takes an event in.
    pub(crate) fn hear(&mut self, fields: EventFieldList, skew: Skew, context: &Context) -> Heard {
        let Some(event) = Event::read(fields.event_fields, skew) else { return Heard::default() };
        let time = event.time.unwrap_or_else(|| context.clock.now());
        if event.kind == ObjectTypeId::RefreshStartEventType {
            self.refreshed = Some(HashSet::new());
        } else if event.kind == ObjectTypeId::RefreshEndEventType {
            if let Some(refreshed) = self.refreshed.take() {
                self.active.retain(|id, _| refreshed.contains(id));
            }
            return Heard { samples: self.tell(|_| true, time, Quality::Good), is_incomplete: false };
        } else if event.kind == ObjectTypeId::RefreshRequiredEventType {
            return Heard { is_incomplete: true, ..Heard::default() };
        } else if event.kind == ObjectTypeId::EventQueueOverflowEventType {
            context.counters.add_lost_at_source(1);
            return Heard { is_incomplete: true, ..Heard::default() };
        } else if event.condition.is_some() {
            return Heard { samples: self.hear_condition(event, time, context), is_incomplete: false };
        }
        let samples = self.signals.iter().filter_map(|signal| signal.sample_of_event(&event, time)).collect();
        Heard { samples, is_incomplete: false }
    }

    fn hear_condition(&mut self, event: Event, time: Timestamp, context: &Context) -> Vec<Sample> {
        let Event { source, message, severity, condition: Some((id, state)), .. } = event else { return Vec::new() };
        let ConditionState { name, is_active, is_acknowledged } = state;
        let (of_source, of_condition) = (source.clone(), name.clone());
        let concerns = |signal: &EventSignal| signal.wanted.fits(&of_source, Some(&of_condition));
        if !self.signals.iter().any(concerns) {
            return Vec::new();
        }
        if !is_active {
            self.active.remove(&id);
        } else if self.active.len() < ACTIVE_MAX || self.active.contains_key(&id) {
            self.refreshed.iter_mut().for_each(|refreshed| _ = refreshed.insert(id.clone()));
            self.active.insert(id, Condition { source, name, severity, message, is_acknowledged, time });
        } else {
            context.counters.add_unusable(1);
        }
        self.tell(concerns, time, Quality::Good)
    }

    /// The server does not tell again what stands: what it has not told of since is taken for over, but nobody can be sure.
    pub(crate) fn assume(&mut self, now: Timestamp) -> Vec<Sample> {
        self.tell(|_| true, now, Quality::Uncertain(Reason::Unspecified))
    }

    /// These signals as they are now. An alarm's message and severity come before it and go after it, so that it is never
    /// without them.
    fn tell(&mut self, of: impl Fn(&EventSignal) -> bool, time: Timestamp, quality: Quality) -> Vec<Sample> {
        let mut samples: Vec<(u8, Sample)> = Vec::new();
        for (signal, told) in self.signals.iter().zip(&mut self.told).filter(|(signal, _)| of(signal)) {
            *told = time.max(*told);
            let sample = signal.sample(&self.active, *told, quality);
            let place = match (signal.field, sample.value.as_f64()) {
                (Field::Active, Some(0.0)) => 0,
                (Field::Active, _) => 2,
                _ => 1,
            };
            samples.push((place, sample));
        }
        samples.sort_by_key(|&(place, _)| place);
        samples.into_iter().map(|(_, sample)| sample).collect()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::testing::signal;
    use adapter::{Clock, queue};
    use opcua::types::{ByteString, DateTime, LocalizedText};
    use telemetry::{LinkId, Value};
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn signals(rows: &[(&str, DataType)]) -> Vec<EventSignal> {
        let row = |(id, &(address, data_type)): (usize, &(&str, DataType))| {
            EventSignal::parse(&signal(id as u32, address, data_type)).unwrap()
        };
        rows.iter().enumerate().map(row).collect()
    }

    #[test]
    fn an_address_says_which_events_and_what_of_them() {
        let read = |address, data_type| EventSignal::parse(&signal(0, address, data_type));
        let found = read("event:SourceName=a%3Bb%25;ConditionName=c=d#/Message", DataType::Text).unwrap();
        assert_eq!(found.wanted, Wanted { source: Some("a;b%".into()), condition: Some("c=d".into()) });
        assert_eq!(found.field, Field::Message);
        assert_eq!(read("event:ConditionName=c", DataType::Bool).unwrap().field, Field::Active);
        for (address, data_type) in [
            ("event:", DataType::Bool),
            ("event:SourceName=", DataType::Bool),
            ("event:SourceName=a;SourceName=b", DataType::Bool),
            ("event:Name=a", DataType::Bool),
            ("event:SourceName=a#/EventId", DataType::Text),
            ("event:SourceName=a#/", DataType::Text),
            ("event:SourceName=a", DataType::Text),
            ("event:SourceName=a#/Severity", DataType::Bool),
            ("event:SourceName=a#/Message", DataType::Bool),
        ] {
            assert!(read(address, data_type).is_err(), "{address}");
        }
    }

    #[test]
    fn a_long_message_is_cut() {
        assert_eq!(short("ä".repeat(15)), "ä".repeat(15));
        assert_eq!(short("ä".repeat(16)), "ä".repeat(13) + "…");
    }

    /// What a server sends of a condition, or of an event that is none.
    fn event(kind: ObjectTypeId, id: Option<u32>, active: bool, severity: u16, second: u16) -> EventFieldList {
        let time = DateTime::ymd_hms(2026, 11, 24, 3, 0, second);
        let node = |id: Option<u32>| id.map_or(Variant::Empty, |id| Variant::from(NodeId::new(2, id)));
        let named = |name: &str| id.map_or(Variant::Empty, |_| Variant::from(name));
        let event_fields = vec![
            Variant::from(NodeId::from(kind)),
            Variant::from("Weld20"),
            Variant::from(time),
            Variant::from(LocalizedText::from("hot")),
            Variant::from(severity),
            named("Overheat"),
            Variant::Empty,
            Variant::from(active),
            Variant::Empty,
            Variant::from(false),
            Variant::from(active),
            Variant::Empty,
            node(id),
        ];
        EventFieldList { client_handle: 1, event_fields: Some(event_fields) }
    }

    fn context() -> Context {
        let (sender, _) = queue(1);
        Context::new(LinkId(0), Clock::scaled(Timestamp::EPOCH, 1.0), CancellationToken::new(), sender)
    }

    const ALARM: ObjectTypeId = ObjectTypeId::AlarmConditionType;
    const ROWS: [(&str, DataType); 3] = [
        ("event:SourceName=Weld20", DataType::Bool),
        ("event:SourceName=Weld20#/Severity", DataType::U16),
        ("event:SourceName=Weld20;ConditionName=Overheat#/Message", DataType::Text),
    ];

    /// What comes of an event, as signal and value in order.
    fn hear(conditions: &mut Conditions<'_>, event: EventFieldList) -> Vec<(u32, String)> {
        let heard = conditions.hear(event, Skew::default(), &context());
        assert!(heard.samples.is_sorted_by_key(|sample| sample.source_time));
        heard.samples.iter().map(|sample| (sample.signal.0, sample.value.to_string())).collect()
    }

    fn told(values: [(u32, &str); 3]) -> Vec<(u32, String)> {
        values.map(|(signal, value)| (signal, value.to_owned())).into()
    }

    #[test]
    fn the_most_severe_of_what_is_active_is_told() {
        let signals = signals(&ROWS);
        let mut conditions = Conditions::new(&signals);
        let both = |severity| told([(1, severity), (2, "hot"), (0, "true")]);
        assert_eq!(hear(&mut conditions, event(ALARM, Some(1), true, 300, 1)), both("300"));
        assert_eq!(hear(&mut conditions, event(ALARM, Some(2), true, 700, 2)), both("700"));
        assert_eq!(hear(&mut conditions, event(ALARM, Some(2), false, 700, 1)), both("300"));
        let over = told([(0, "false"), (1, "0"), (2, "")]);
        assert_eq!(hear(&mut conditions, event(ALARM, Some(1), false, 300, 4)), over);
        let plain = [(1, "10".to_owned())];
        assert_eq!(hear(&mut conditions, event(ObjectTypeId::BaseEventType, None, false, 10, 5)), plain);
    }

    #[test]
    fn what_the_server_does_not_tell_again_is_over() {
        let signals = signals(&ROWS[..1]);
        let mut conditions = Conditions::new(&signals);
        let mut check = |event, expected: &[&str]| {
            let found = hear(&mut conditions, event);
            assert_eq!(found.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(), expected);
        };
        let start = |second| event(ObjectTypeId::RefreshStartEventType, None, false, 0, second);
        let end = |second| event(ObjectTypeId::RefreshEndEventType, None, false, 0, second);
        check(start(1), &[]);
        check(end(1), &["false"]);
        check(event(ALARM, Some(1), true, 300, 2), &["true"]);
        check(start(3), &[]);
        check(event(ALARM, Some(1), true, 300, 2), &["true"]);
        check(end(3), &["true"]);
        check(start(4), &[]);
        check(end(4), &["false"]);
    }

    #[test]
    fn what_is_missing_is_asked_for() {
        let signals = signals(&ROWS);
        let mut conditions = Conditions::new(&signals);
        let context = context();
        for kind in [ObjectTypeId::RefreshRequiredEventType, ObjectTypeId::EventQueueOverflowEventType] {
            assert!(conditions.hear(event(kind, None, false, 0, 1), Skew::default(), &context).is_incomplete);
        }
        assert_eq!(context.counters.snapshot().lost_at_source, 1);
        let assumed = conditions.assume(Timestamp::EPOCH);
        assert_eq!(
            (assumed[0].value, assumed[0].quality),
            (Value::Boolean(false), Quality::Uncertain(Reason::Unspecified))
        );
    }

    #[test]
    fn what_is_malformed_says_nothing() {
        let signals = signals(&ROWS);
        let mut conditions = Conditions::new(&signals);
        let mut check = |event_fields| {
            let heard = conditions.hear(EventFieldList { client_handle: 1, event_fields }, Skew::default(), &context());
            assert!(heard.samples.is_empty() && !heard.is_incomplete);
        };
        check(None);
        check(Some(vec![]));
        check(Some(vec![Variant::Empty; 12]));
        check(Some(vec![Variant::from(ByteString::from(vec![1])); 13]));
        // An earlier state that waits for acknowledgement.
        let mut branch = event(ALARM, Some(1), true, 300, 1).event_fields.unwrap();
        branch[6] = Variant::from(NodeId::new(2, 9));
        check(Some(branch));
    }
}
