use opcua::types::{ExpandedNodeId, Identifier, NodeId};

/// The node id that a signal's address names.
///
/// `nsu=<namespace URI>;<identifier>`, `ns=<namespace index>;<identifier>`, or the identifier alone for the namespace of
/// the standard. An identifier is `s=<text>`, `i=<number>`, `g=<GUID>` or `b=<base64>`. In a URI, `;` is written `%3B`
/// and `%` is written `%25`.
///
/// # Errors
/// What is wrong and what was expected, in words.
pub(crate) fn parse(address: &str) -> Result<ExpandedNodeId, String> {
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
    match namespace_uri {
        Some(uri) if node.namespace != 0 => format!("nsu={};{}", escaped(uri), node.identifier),
        _ => node.to_string(),
    }
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
         `i=2258`; browsing the server lists what it has"
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
        let found = parse(address).ok().map(|node| {
            (node.node_id.namespace, node.namespace_uri.as_ref().to_owned(), node.node_id.identifier.to_string())
        });
        assert_eq!(found, expected.map(|(index, uri, id)| (index, uri.to_owned(), id.to_owned())), "{address}");
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
                let known = parse(&format(&node, Some(&uri)));
                let expected = ExpandedNodeId::from((NodeId { namespace: 0, ..node.clone() }, uri.as_str()));
                prop_assert_eq!(known, Ok(expected));
                prop_assert_eq!(parse(&format(&node, None)), Ok(ExpandedNodeId::from(node)));
            }
        }

        #[test]
        fn never_panics(address in ".*") {
            let _ = parse(&address);
        }
    }
}
