//! Which messages a signal's values are in: topics, some with wildcards.

use std::collections::{BTreeMap, HashMap};

use adapter::AddressError;
use plant::{Link, Signal};

/// The longest topic that MQTT can carry, bytes.
const TOPIC_BYTES_MAX: usize = 65_535;
/// The most levels of a topic: Mosquitto takes no more.
const LEVELS_MAX: usize = 200;

/// A signal and where it is in a message.
#[derive(Debug, Clone)]
pub(crate) struct Field<At> {
    pub(crate) signal: Signal,
    pub(crate) at: At,
}

/// What is read from the messages of the topics that fit a filter.
#[derive(Debug, Clone)]
pub(crate) struct Filter<At> {
    pub(crate) name: String,
    pub(crate) fields: Vec<Field<At>>,
}

/// All filters of a link, each once.
#[derive(Debug)]
pub(crate) struct Topics<At> {
    /// Sorted by name.
    filters: Vec<Filter<At>>,
    root: Level,
}

/// What may follow a part of a topic.
#[derive(Debug, Default)]
struct Level {
    /// The filter that ends here.
    ends: Option<usize>,
    named: HashMap<String, Level>,
    /// What follows any one level.
    any: Option<Box<Level>>,
}

impl<At> Topics<At> {
    /// Reads the address of every signal: a topic, and after a # what `parse` makes of the rest, if there is a rest.
    ///
    /// # Errors
    /// All problems.
    pub(crate) fn new(
        signals: &[&Signal],
        parse: impl Fn(&Signal, Option<&str>) -> Result<At, String>,
    ) -> Result<Self, Vec<AddressError>> {
        let mut filters: BTreeMap<String, Vec<Field<At>>> = BTreeMap::new();
        let mut errors = Vec::new();
        for &signal in signals {
            let (topic, rest) = match signal.address.split_once('#') {
                Some((topic, rest)) => (topic, Some(rest)),
                None => (signal.address.as_str(), None),
            };
            match check_topic(topic).and_then(|()| parse(signal, rest)) {
                Ok(at) => filters.entry(topic.to_owned()).or_default().push(Field { signal: signal.clone(), at }),
                Err(problem) => errors.push(AddressError::of(signal, problem)),
            }
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let filters: Vec<_> = filters.into_iter().map(|(name, fields)| Filter { name, fields }).collect();
        let mut root = Level::default();
        for (index, filter) in filters.iter().enumerate() {
            root.insert(&filter.name, index);
        }
        Ok(Self { filters, root })
    }

    /// What to subscribe to: no filter that another one covers, for which a broker might send messages twice.
    pub(crate) fn subscriptions(&self) -> Vec<String> {
        let wide: Vec<&str> = self.names().filter(|name| name.contains('+')).collect();
        let is_covered = |name: &str| wide.iter().any(|&wide| wide != name && covers(wide, name));
        self.names().filter(|name| !is_covered(name)).map(str::to_owned).collect()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.filters.iter().map(|filter| filter.name.as_str())
    }

    /// The filters that a topic fits; none if it is none of ours.
    pub(crate) fn of(&self, topic: &str) -> Vec<&Filter<At>> {
        let mut found = Vec::new();
        self.root.find(topic, &mut found);
        found.into_iter().map(|index| &self.filters[index]).collect()
    }
}

impl Level {
    fn insert(&mut self, filter: &str, index: usize) {
        let end = filter.split('/').fold(self, |level, name| match name {
            "+" => level.any.get_or_insert_default(),
            name => level.named.entry(name.to_owned()).or_default(),
        });
        end.ends = Some(index);
    }

    fn find(&self, topic: &str, found: &mut Vec<usize>) {
        let (name, rest) = match topic.split_once('/') {
            Some((name, rest)) => (name, Some(rest)),
            None => (topic, None),
        };
        for next in self.named.get(name).into_iter().chain(self.any.as_deref()) {
            match rest {
                Some(rest) => next.find(rest, found),
                None => found.extend(next.ends),
            }
        }
    }
}

/// Whether every topic that fits `narrow` fits `wide`.
fn covers(wide: &str, narrow: &str) -> bool {
    let (mut wide, mut narrow) = (wide.split('/'), narrow.split('/'));
    loop {
        match (wide.next(), narrow.next()) {
            (None, None) => return true,
            (Some(wide), Some(narrow)) if wide == "+" || wide == narrow => {}
            _ => return false,
        }
    }
}

fn check_topic(topic: &str) -> Result<(), String> {
    if topic.is_empty() || topic.len() > TOPIC_BYTES_MAX {
        return Err(format!("the topic must have 1 to {TOPIC_BYTES_MAX} bytes, such as ev1/cooling-1"));
    }
    if topic.split('/').nth(LEVELS_MAX).is_some() {
        return Err(format!("the topic has more than {LEVELS_MAX} levels; a level is what stands between two slashes"));
    }
    if topic.contains('\0') || topic.split('/').any(|level| level.contains('+') && level != "+") {
        return Err("a + stands for a whole level of the topic, as in ev1/+/cooling-1".to_owned());
    }
    if topic.starts_with("$share/") {
        return Err("a shared subscription is the link's key share, not part of an address".to_owned());
    }
    Ok(())
}

/// Checks a link's pointer to the time of a message.
pub(crate) fn check_time_pointer(link: &Link, pointer: &str) -> Result<(), AddressError> {
    check_pointer(pointer).map_err(|problem| AddressError::of_key(link, "time_pointer", pointer, problem))
}

/// The JSON pointer (RFC 6901) of an address; empty for the whole payload.
pub(crate) fn pointer(_: &Signal, rest: Option<&str>) -> Result<String, String> {
    let pointer = rest.unwrap_or_default();
    check_pointer(pointer).map(|()| pointer.to_owned())
}

fn check_pointer(pointer: &str) -> Result<(), String> {
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(format!("the JSON pointer {pointer:?} must start with a slash; {EXPECTED}"));
    }
    if pointer.split('~').skip(1).any(|escape| !escape.starts_with(['0', '1'])) {
        return Err(format!("in a JSON pointer a ~ is written ~0 and a / within a name ~1, unlike in {pointer:?}"));
    }
    Ok(())
}

const EXPECTED: &str = "expected TOPIC#/JSON/POINTER, such as ev1/cooling-1#/flow, or just TOPIC if the whole payload is \
                        the value";

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use adapter::testing::signal;
    use plant::DataType;

    use super::*;

    fn topics(addresses: &[&str]) -> Result<Topics<String>, Vec<AddressError>> {
        let signals: Vec<_> = (0..).zip(addresses).map(|(id, address)| signal(id, address, DataType::F64)).collect();
        Topics::new(&signals.iter().collect::<Vec<_>>(), pointer)
    }

    fn check_refused(address: &str, expected: &str) {
        let problem = topics(&[address]).unwrap_err().remove(0).to_string();
        assert!(problem.contains(expected), "{address}: {problem}");
    }

    /// The ids of the signals that a message at a topic carries.
    fn check_found(addresses: &[&str], topic: &str, expected: &[u32]) {
        let topics = topics(addresses).unwrap();
        let fields = topics.of(topic).into_iter().flat_map(|filter| &filter.fields);
        let mut found: Vec<u32> = fields.map(|field| field.signal.id.0).collect();
        found.sort_unstable();
        assert_eq!(found, expected, "{topic}");
    }

    #[test]
    fn a_topic_is_found_by_name_and_by_wildcards() {
        let addresses = ["a/b#/x", "a/+#/y", "+/b", "a/b/c", "a/+/c#/z", "a//c"];
        check_found(&addresses, "a/b", &[0, 1, 2]);
        check_found(&addresses, "a/d", &[1]);
        check_found(&addresses, "a/b/c", &[3, 4]);
        check_found(&addresses, "a//c", &[4, 5]);
        check_found(&addresses, "a", &[]);
        check_found(&addresses, "a/b/c/d", &[]);
        check_found(&addresses, "", &[]);
    }

    #[test]
    fn a_filter_that_another_covers_is_not_subscribed_to() {
        let subscriptions = |addresses: &[&str]| topics(addresses).unwrap().subscriptions();
        assert_eq!(subscriptions(&["b#/x", "a#/y", "b#/z"]), ["a", "b"]);
        assert_eq!(subscriptions(&["a/b", "a/+", "a/+/c", "a/b/c", "+/b/c"]), ["+/b/c", "a/+", "a/+/c"]);
    }

    #[test]
    fn a_wrong_address_is_refused_with_what_to_write() {
        check_refused("", "1 to 65535 bytes");
        check_refused("#/flow", "1 to 65535 bytes");
        check_refused(&"/".repeat(200), "more than 200 levels");
        check_refused("ev1/a+/flow", "whole level");
        check_refused("$share/a/b", "the link's key share");
        check_refused("ev1#flow", "start with a slash");
        check_refused("ev1#/a~b", "~0");
        check_refused("ev1#/a~", "~0");
    }

    #[test]
    fn all_problems_are_told_at_once_with_file_and_line() {
        let errors = topics(&["a+", "a#y"]).unwrap_err();
        assert_eq!(errors.len(), 2);
        assert!(errors[1].to_string().starts_with("tags/plc.csv:3: station/signal-1: address `a#y`: the JSON pointer"));
    }
}
