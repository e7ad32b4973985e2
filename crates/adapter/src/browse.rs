use plant::{DataType, WordOrder};

/// A value that a device offers, as found by browsing: what a row of a tag list needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowsedTag {
    /// A name for the signal, made from what the device calls it.
    pub signal: String,
    /// The address, in the words of the protocol's tag lists.
    pub address: String,
    /// How the device encodes it.
    pub data_type: DataType,
    /// Order of its bytes, where the protocol has one to choose.
    pub order: Option<WordOrder>,
    /// Unit; empty where the device tells none.
    pub unit: String,
    /// What the device says of it, or what it held when it was found.
    pub description: String,
}

/// Why nothing could be browsed: what failed, where, what was expected, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BrowseError(pub String);

/// Splits `host:port`, `host` or `[IPv6]:port` of a browse address into host, without brackets, and port.
///
/// # Errors
/// If the host is empty or the port is no number from 1 to 65535.
pub fn host_and_port(text: &str, default_port: u16) -> Result<(String, u16), BrowseError> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, port.parse().ok().filter(|&port| port != 0)),
        _ => (text, Some(default_port)),
    };
    match port {
        Some(port) if !host.is_empty() => Ok((host.trim_matches(['[', ']']).to_owned(), port)),
        _ => Err(BrowseError(format!("{text:?} is no host and port; expected one like 192.0.2.10:{default_port}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<(&str, u16)>) {
        assert_eq!(host_and_port(text, 502).ok(), expected.map(|(host, port)| (host.to_owned(), port)), "{text}");
    }

    #[test]
    fn a_host_may_come_with_a_port() {
        check("plc", Some(("plc", 502)));
        check("plc:1502", Some(("plc", 1502)));
        check("[::1]", Some(("::1", 502)));
        check("[::1]:1502", Some(("::1", 1502)));
        check("", None);
        check(":502", None);
        check("plc:0", None);
        check("plc:70000", None);
    }
}
