use opcua::types::{ExpandedNodeId, Identifier, NodeId};

/// Where a signal's value is at a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// The variable.
    pub(crate) place: Place,
    /// The way to the value inside of the variable's: names of fields and indices of arrays. Empty for all of it.
    pub(crate) part: Vec<String>,
}

/// A variable of a server.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    /// By its node id.
    Node(ExpandedNodeId),
    /// By the way to it from the root.
    Path(Vec<Step>),
}

/// One step of a browse path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Step {
    pub(crate) relation: Relation,
    pub(crate) namespace: Namespace,
    pub(crate) name: String,
}

/// How a step leads on: the signs are those of part 4, annex A.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Relation {
    /// `/`: any hierarchical reference.
    Hierarchical,
    /// `.`: to a component or property.
    Aggregates,
}

/// The namespace of a browse name.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Namespace {
    /// As this session numbers it.
    Index(u16),
    /// By its URI.
    Uri(String),
}

/// The most steps of a path, and of a way inside of a value.
const STEPS_MAX: usize = 32;

/// Where the value is that a signal's address names.
///
/// The variable is `nsu=<namespace URI>;<identifier>`, `ns=<namespace index>;<identifier>`, or the identifier alone for the
/// namespace of the standard. An identifier is `s=<text>`, `i=<number>`, `g=<GUID>` or `b=<base64>`. In a URI, `;` is
/// written `%3B` and `%` is written `%25`. Or it is a path of browse names from the root, `/Objects/2:Line/nsu=urn:plc;Weld`,
/// in the text of part 4, annex A, with `/` and `.` between names and `&` before signs that mean nothing. After `#`, as a
/// JSON pointer, comes a part of its value: `#/3`, `#/Joint/Torque`. A node that has `#/` in its own identifier ends with
/// another `#/` if all of its value is meant.
///
/// # Errors
/// What is wrong and what was expected, in words.
pub(crate) fn parse(address: &str) -> Result<Address, String> {
    let (variable, part) = match address.rsplit_once("#/") {
        Some((variable, "")) if variable.contains("#/") => (variable, Vec::new()),
        Some((variable, part)) => (variable, part.split('/').map(str::to_owned).collect()),
        None => (address, Vec::new()),
    };
    if part.len() > STEPS_MAX || part.iter().any(String::is_empty) {
        return Err(explained("what is after # has an empty or a 33rd step".into()));
    }
    let place = if variable.starts_with('/') { parse_path(variable) } else { parse_node(variable).map(Place::Node) }?;
    Ok(Address { place, part })
}

fn parse_path(path: &str) -> Result<Place, String> {
    let mut steps: Vec<Step> = Vec::new();
    let mut rest = path;
    while let Some(sign) = rest.chars().next() {
        let relation = if sign == '.' { Relation::Aggregates } else { Relation::Hierarchical };
        rest = &rest[1..];
        let namespace;
        (namespace, rest) = step_namespace(rest);
        let name;
        (name, rest) = step_name(rest)?;
        steps.push(Step { relation, namespace, name });
        if steps.len() > STEPS_MAX {
            return Err(explained(format!("`{path}` has more than {STEPS_MAX} steps")));
        }
    }
    Ok(Place::Path(steps))
}

/// The namespace at the begin of a step, and what is after it.
fn step_namespace(text: &str) -> (Namespace, &str) {
    if let Some((uri, rest)) = text.strip_prefix("nsu=").and_then(|text| text.split_once(';')) {
        return (Namespace::Uri(unescaped(uri)), rest);
    }
    if let Some((index, rest)) = text.split_once(':')
        && let Ok(index) = index.parse()
    {
        return (Namespace::Index(index), rest);
    }
    (Namespace::Index(0), text)
}

/// The browse name at the begin of a text, and what is after it.
fn step_name(text: &str) -> Result<(String, &str), String> {
    let mut name = String::new();
    let mut signs = text.char_indices();
    while let Some((at, sign)) = signs.next() {
        match sign {
            '&' => name.extend(signs.next().map(|(_, escaped)| escaped)),
            '/' | '.' if name.is_empty() => break,
            '/' | '.' => return Ok((name, &text[at..])),
            '<' | '>' | ':' | '#' | '!' => {
                let problem = format!("`{sign}` in a browse path means something that is not known here");
                return Err(explained(format!("{problem}; write it `&{sign}` if it is part of a name")));
            }
            _ => name.push(sign),
        }
    }
    if name.is_empty() { Err(explained("a step of the browse path has no name".into())) } else { Ok((name, "")) }
}

fn parse_node(address: &str) -> Result<ExpandedNodeId, String> {
    let (namespace, identifier) = match address.split_once(';') {
        Some((namespace, identifier)) if namespace.starts_with("ns") => (namespace, identifier),
        _ => ("ns=0", address),
    };
    let identifier = parse_identifier(identifier).map_err(explained)?;
    if let Some(uri) = namespace.strip_prefix("nsu=") {
        if uri.is_empty() {
            return Err(explained("the namespace URI is empty".into()));
        }
        return Ok(ExpandedNodeId::from((NodeId { namespace: 0, identifier }, unescaped(uri).as_str())));
    }
    match namespace.strip_prefix("ns=").and_then(|index| index.parse().ok()) {
        Some(index) => Ok(NodeId { namespace: index, identifier }.into()),
        None => Err(explained(format!("`{namespace}` is no namespace; a namespace index goes from 0 to 65535"))),
    }
}

/// The address that [`parse`] reads as that node: with the namespace's URI if it is known, because a server may number
/// its namespaces anew at each start.
pub(crate) fn format(node: &NodeId, namespace_uri: Option<&str>) -> String {
    let address = match namespace_uri {
        Some(uri) if node.namespace != 0 => format!("nsu={};{}", escaped(uri), node.identifier),
        _ => node.to_string(),
    };
    if address.contains("#/") { address + "#/" } else { address }
}

fn parse_identifier(text: &str) -> Result<Identifier, String> {
    let expected = match text.get(..2) {
        Some("s=") => "a text",
        Some("i=") => "a number from 0 to 4294967295",
        Some("g=") => "a GUID",
        Some("b=") => "base64",
        _ => return Err(format!("`{text}` does not begin with s=, i=, g= or b=")),
    };
    let filled = text.len() > 2;
    text.parse().ok().filter(|_| filled).ok_or_else(|| format!("`{text}` is not {} and {expected}", &text[..2]))
}

fn explained(problem: String) -> String {
    format!(
        "{problem}; expected a node id such as `nsu=http://example.com/line;s=Weld20.Current`, `ns=2;s=Weld20.Current` or \
         `i=2258`, or a path such as `/Objects/2:Weld20/2:Current`; browsing the server lists what it has"
    )
}

fn escaped(uri: &str) -> String {
    uri.replace('%', "%25").replace(';', "%3B")
}

fn unescaped(uri: &str) -> String {
    uri.replace("%3B", ";").replace("%3b", ";").replace("%25", "%")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(address: &str, expected: Option<(u16, &str, &str)>) {
        let found = parse_node(address).ok().map(|node| {
            (node.node_id.namespace, node.namespace_uri.as_ref().to_owned(), node.node_id.identifier.to_string())
        });
        assert_eq!(found, expected.map(|(index, uri, id)| (index, uri.to_owned(), id.to_owned())), "{address}");
    }

    #[test]
    fn a_node_with_the_sign_of_a_part_in_its_id_is_found_again() {
        let node = NodeId::new(2, "Weld#/1");
        let address = format(&node, None);
        assert_eq!(address, "ns=2;s=Weld#/1#/");
        assert_eq!(parse(&address), Ok(Address { place: Place::Node(node.into()), part: Vec::new() }));
    }

    #[test]
    fn reads_every_kind_of_node_id() {
        check("i=2258", Some((0, "", "i=2258")));
        check("ns=2;s=Weld20.Current", Some((2, "", "s=Weld20.Current")));
        check("ns=65535;i=1", Some((65535, "", "i=1")));
        check("nsu=http://example.com/line;s=a;b=c", Some((0, "http://example.com/line", "s=a;b=c")));
        check("nsu=urn:a%3Bb%253B;i=4294967295", Some((0, "urn:a;b%3B", "i=4294967295")));
        check("ns=1;g=c496578a-0dfe-4b8f-870a-745238c6aeae", Some((1, "", "g=c496578a-0dfe-4b8f-870a-745238c6aeae")));
        check("ns=1;b=AQID", Some((1, "", "b=AQID")));
        check("s=ns;x", Some((0, "", "s=ns;x")));
    }

    #[test]
    fn refuses_what_is_no_node_id() {
        for address in [
            "",
            "Weld20.Current",
            "i=",
            "s=",
            "i=-1",
            "i=4294967296",
            "g=12",
            "b=*",
            "ns=2",
            "ns=;i=1",
            "ns=65536;i=1",
            "nsu=;i=1",
            "nsu=urn:a;ns=1;i=2",
            "ns2;i=1",
            "ä=1",
            "svr=1;i=1",
        ] {
            check(address, None);
        }
    }

    #[track_caller]
    fn check_path(address: &str, expected: &[(Relation, Namespace, &str)], part: &[&str]) {
        let steps = expected.iter().map(|(relation, namespace, name)| Step {
            relation: *relation,
            namespace: namespace.clone(),
            name: (*name).to_owned(),
        });
        let part = part.iter().map(|&step| step.to_owned()).collect();
        assert_eq!(parse(address), Ok(Address { place: Place::Path(steps.collect()), part }), "{address}");
    }

    #[test]
    fn reads_browse_paths_and_parts_of_values() {
        use Namespace::{Index, Uri};
        use Relation::{Aggregates, Hierarchical};
        let uri = || Uri("http://example.com/line;1".into());
        check_path("/Objects", &[(Hierarchical, Index(0), "Objects")], &[]);
        let steps =
            [(Hierarchical, Index(0), "Objects"), (Hierarchical, Index(2), "Line"), (Aggregates, Index(2), "Weld")];
        check_path("/Objects/2:Line.2:Weld#/3", &steps, &["3"]);
        let steps = [(Hierarchical, Index(0), "Objects"), (Hierarchical, uri(), "Weld.20/a")];
        check_path("/Objects/nsu=http://example.com/line%3B1;Weld&.20&/a#/Joint/0", &steps, &["Joint", "0"]);
        let siemens = parse("ns=3;s=\"DB1\".\"curve\"[3]#/7").map(|address| address.part);
        assert_eq!(siemens, Ok(vec!["7".to_owned()]));
        for wrong in ["/", "//a", "/Objects/", "/a<b>c", "/a!b", "i=1#/", "i=1#/a//b"] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_refusal_says_what_was_expected() {
        let problem = parse("ns=two;i=1").unwrap_err();
        assert!(
            problem.starts_with("`ns=two` is no namespace;") && problem.contains("ns=2;s=Weld20.Current"),
            "{problem}"
        );
    }

    proptest! {
        #[test]
        fn reads_what_it_writes(uri in ".{1,40}", text in ".{1,40}", bytes in prop::collection::vec(any::<u8>(), 1..20)) {
            let text = Identifier::from(text);
            let bytes = Identifier::from(opcua::types::ByteString::from(bytes));
            for identifier in [text, bytes, Identifier::from(7)] {
                let node = NodeId { namespace: 3, identifier };
                let whole = |node| Ok(Address { place: Place::Node(node), part: Vec::new() });
                let known = ExpandedNodeId::from((NodeId { namespace: 0, ..node.clone() }, uri.as_str()));
                prop_assert_eq!(parse(&format(&node, Some(&uri))), whole(known));
                prop_assert_eq!(parse(&format(&node, None)), whole(node.into()));
            }
        }

        #[test]
        fn never_panics(address in ".*") {
            let _ = parse(&address);
        }
    }
}
