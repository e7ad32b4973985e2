use std::net::IpAddr;

use hyper::Uri;
use hyper::http::uri::Scheme;

/// Where a daemon's page is: `https://twin:8443`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) is_tls: bool,
}

/// A text that is no address of a daemon.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{url:?} is not the address of a daemon's page: {problem}; expected something like http://127.0.0.1:8080 or https://twin:8443"
)]
pub struct NotAnAddress {
    url: String,
    problem: &'static str,
}

impl Address {
    /// Reads an address as a browser shows it; which view of the page it is of makes no difference.
    pub(crate) fn read(url: &str) -> Result<Self, NotAnAddress> {
        let wrong = |problem| NotAnAddress { url: url.to_owned(), problem };
        let uri: Uri = url.parse().map_err(|_| wrong("it cannot be read as a URL"))?;
        let is_tls = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTP => false,
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            _ => return Err(wrong("it begins with neither http:// nor https://")),
        };
        let authority = uri.authority().ok_or_else(|| wrong("it names no host"))?;
        if authority.as_str().contains('@') {
            return Err(wrong("names and passwords do not belong into it; use --user"));
        }
        if !matches!(uri.path(), "" | "/") {
            return Err(wrong("it has a path, and the page has none"));
        }
        let host = authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
        if host.is_empty() {
            return Err(wrong("it names no host"));
        }
        let port = authority.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        Ok(Self { host, port, is_tls })
    }

    /// Host and port, as the header `host` has them.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// Whether what is sent there can be read by nobody on the way.
    pub(crate) fn is_private(&self) -> bool {
        let is_loopback = self.host.parse().is_ok_and(|address: IpAddr| address.is_loopback());
        self.is_tls || is_loopback || self.host == "localhost"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, expected: Result<(&str, bool), &str>) {
        let read = Address::read(url);
        let told = read.as_ref().map(|address| (address.authority(), address.is_private()));
        match expected {
            Ok((authority, is_private)) => assert_eq!(told, Ok((authority.to_owned(), is_private)), "{url}"),
            Err(problem) => assert!(read.is_err_and(|error| error.to_string().contains(problem)), "{url}"),
        }
    }

    #[test]
    fn an_address_is_read_as_a_browser_shows_it() {
        check("http://127.0.0.1:8080/", Ok(("127.0.0.1:8080", true)));
        check("https://twin", Ok(("twin:443", true)));
        check("http://twin:8080/#/shift", Ok(("twin:8080", false)));
        check("http://[::1]:8080", Ok(("[::1]:8080", true)));
        check("twin:8080", Err("neither http:// nor https://"));
        check("ftp://twin", Err("neither http:// nor https://"));
        check("https://twin/ev1", Err("it has a path"));
        check("https://kim:secret@twin", Err("use --user"));
        check("two words", Err("cannot be read"));
    }
}
