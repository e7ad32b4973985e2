use std::collections::BTreeMap;

use adapter::AddressError;
use plant::{Link, Signal};

/// The longest topic that MQTT can carry, bytes.
const TOPIC_BYTES_MAX: usize = 65_535;

/// A topic and the signals that its messages carry.
#[derive(Debug, Clone)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) fields: Vec<Field>,
}

/// A signal and where it is in a message.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) signal: Signal,
    /// JSON pointer (RFC 6901); empty for the whole payload.
    pub(crate) pointer: String,
}

/// Reads the address of every signal; returns the topics, each once and sorted by name, or all problems.
pub(crate) fn topics(signals: &[&Signal]) -> Result<Vec<Topic>, Vec<AddressError>> {
    let mut topics: BTreeMap<String, Vec<Field>> = BTreeMap::new();
    let mut errors = Vec::new();
    for &signal in signals {
        match parse(&signal.address) {
            Ok((topic, pointer)) => {
                let field = Field { signal: signal.clone(), pointer: pointer.to_owned() };
                topics.entry(topic.to_owned()).or_default().push(field);
            }
            Err(problem) => errors.push(AddressError {
                origin: signal.origin.clone(),
                signal: signal.path.clone(),
                address: signal.address.clone(),
                problem,
            }),
        }
    }
    if errors.is_empty() {
        Ok(topics.into_iter().map(|(name, fields)| Topic { name, fields }).collect())
    } else {
        Err(errors)
    }
}

/// Checks a link's pointer to the time of a message.
pub(crate) fn check_time_pointer(link: &Link, pointer: &str) -> Result<(), AddressError> {
    check_pointer(pointer).map_err(|problem| AddressError {
        origin: link.origin.clone(),
        signal: format!("time_pointer of link {}", link.name),
        address: pointer.to_owned(),
        problem,
    })
}

fn parse(address: &str) -> Result<(&str, &str), String> {
    let (topic, pointer) = address.split_once('#').unwrap_or((address, ""));
    if topic.is_empty() || topic.len() > TOPIC_BYTES_MAX {
        return Err(format!("the topic must have 1 to {TOPIC_BYTES_MAX} bytes; {EXPECTED}"));
    }
    if topic.contains(['+', '\0']) {
        return Err(format!("a signal comes from one topic, so wildcards are not allowed; {EXPECTED}"));
    }
    check_pointer(pointer)?;
    Ok((topic, pointer))
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

    fn check_refused(address: &str, expected: &str) {
        let problem = parse(address).unwrap_err();
        assert!(problem.contains(expected), "{address}: {problem}");
    }

    #[test]
    fn an_address_is_a_topic_and_a_pointer() {
        assert_eq!(parse("ev1/cooling-1#/flow/0"), Ok(("ev1/cooling-1", "/flow/0")));
        assert_eq!(parse("ev1/cooling-1#"), Ok(("ev1/cooling-1", "")));
        assert_eq!(parse("ev1/cooling-1"), Ok(("ev1/cooling-1", "")));
        assert_eq!(parse("t#/a~1b~0c"), Ok(("t", "/a~1b~0c")));
    }

    #[test]
    fn a_wrong_address_is_refused_with_what_to_write() {
        check_refused("", "1 to 65535 bytes");
        check_refused("#/flow", "1 to 65535 bytes");
        check_refused("ev1/+/flow", "wildcards");
        check_refused("ev1#flow", "start with a slash");
        check_refused("ev1#/a~b", "~0");
        check_refused("ev1#/a~", "~0");
    }

    #[test]
    fn each_topic_is_subscribed_once() {
        let signals =
            [signal(0, "b#/x", DataType::F64), signal(1, "a#/y", DataType::F64), signal(2, "b#/z", DataType::F64)];
        let topics = topics(&signals.each_ref()).unwrap();
        let found: Vec<_> = topics.iter().map(|topic| (topic.name.as_str(), topic.fields.len())).collect();
        assert_eq!(found, [("a", 1), ("b", 2)]);
    }

    #[test]
    fn all_problems_are_told_at_once_with_file_and_line() {
        let signals = [signal(0, "+", DataType::F64), signal(1, "a#y", DataType::F64)];
        let errors = topics(&signals.each_ref()).unwrap_err();
        assert_eq!(errors.len(), 2);
        assert!(errors[1].to_string().starts_with("tags/plc.csv:3: station/signal-1: address `a#y`: the JSON pointer"));
    }
}
