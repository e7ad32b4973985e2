//! What the head of a request says of who sent it, and from where.

use std::net::{IpAddr, Ipv6Addr};

use axum::http::{HeaderMap, HeaderName, header};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// The value of a cookie; of several of that name the first.
pub(super) fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value)
}

/// The token that a machine sends.
pub(super) fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
}

/// The address that a request came from. A proxy in front adds it at the end of `x-forwarded-for`; what stands before that
/// the client may have written itself.
pub(crate) fn client(peer: IpAddr, headers: &HeaderMap, is_behind_proxy: bool) -> IpAddr {
    let last =
        || headers.get_all(X_FORWARDED_FOR).iter().next_back()?.to_str().ok()?.rsplit(',').next()?.trim().parse().ok();
    let client: IpAddr = if is_behind_proxy { last().unwrap_or(peer) } else { peer };
    client.to_canonical()
}

/// The address as limits count it: of IPv6 a whole network of 64 bits, which one household or machine has for itself.
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}

/// Whether a page of somebody else had the browser send this. A client that is no browser says nothing of it.
pub(crate) fn is_cross_site(headers: &HeaderMap, is_behind_proxy: bool) -> bool {
    if let Some(site) = headers.get(SEC_FETCH_SITE) {
        return site != "same-origin";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return false };
    let text = |name: HeaderName| headers.get(name)?.to_str().ok();
    let forwarded = if is_behind_proxy { text(X_FORWARDED_HOST) } else { None };
    let host = forwarded.or_else(|| text(header::HOST));
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    !matches!((origin, host), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use axum::http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let line = |(name, value): &(&'static str, &str)| {
            (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap())
        };
        lines.iter().map(line).collect()
    }

    #[test]
    fn a_cookie_is_found() {
        let check = |line: &str, expected| assert_eq!(cookie(&headers(&[("cookie", line)]), "id"), expected, "{line}");
        check("id=7", Some("7"));
        check("a=1; id=7; b=2", Some("7"));
        check("xid=1;id=7=8", Some("7=8"));
        check("id", None);
        check("idx=7", None);
        assert_eq!(cookie(&headers(&[("cookie", "a=1"), ("cookie", "id=7")]), "id"), Some("7"));
    }

    #[test]
    fn a_token_is_found() {
        let check = |line: &str, expected| assert_eq!(bearer(&headers(&[("authorization", line)])), expected, "{line}");
        check("Bearer abc", Some("abc"));
        check("bearer  abc ", Some("abc"));
        check("Basic abc", None);
        check("Bearer", None);
    }

    #[test]
    fn only_a_proxy_is_believed_where_a_request_comes_from() {
        let peer: IpAddr = "10.0.0.1".parse().unwrap();
        let check = |line: &str, is_behind_proxy, expected: &str| {
            let client = client(peer, &headers(&[("x-forwarded-for", line)]), is_behind_proxy);
            assert_eq!(client.to_string(), expected, "{line}");
        };
        check("192.0.2.7", false, "10.0.0.1");
        check("192.0.2.7", true, "192.0.2.7");
        check("6.6.6.6, 192.0.2.7", true, "192.0.2.7");
        check("2001:db8::1", true, "2001:db8::1");
        check("unknown", true, "10.0.0.1");
        assert_eq!(client("::ffff:10.0.0.1".parse().unwrap(), &HeaderMap::new(), false), peer);
        let network = |address: &str| counted(address.parse().unwrap()).to_string();
        assert_eq!(
            (network("2001:db8:1:2:3:4:5:6"), network("10.0.0.1")),
            ("2001:db8:1:2::".into(), "10.0.0.1".into())
        );
    }

    #[test]
    fn a_page_of_somebody_else_is_told_apart() {
        let check = |lines: &[(&'static str, &str)], expected| {
            assert_eq!(is_cross_site(&headers(lines), false), expected, "{lines:?}");
        };
        check(&[("host", "twin:8080")], false);
        check(&[("host", "twin:8080"), ("sec-fetch-site", "same-origin"), ("origin", "https://twin:8080")], false);
        for site in ["cross-site", "same-site", "none"] {
            check(&[("host", "twin:8080"), ("sec-fetch-site", site)], true);
        }
        check(&[("host", "twin:8080"), ("origin", "http://twin:8080")], false);
        check(&[("host", "twin:8080"), ("origin", "http://twin:8081")], true);
        check(&[("host", "twin"), ("origin", "null")], true);
        check(&[("origin", "http://twin")], true);
        let proxied = headers(&[("host", "inner"), ("x-forwarded-host", "twin"), ("origin", "https://twin")]);
        assert!(is_cross_site(&proxied, false) && !is_cross_site(&proxied, true));
    }

    proptest! {
        #[test]
        fn no_head_is_a_panic_and_a_cookie_is_found_among_any(before in "[ -~]{0,40}", value in "[a-zA-Z0-9_-]{0,43}") {
            let text = HeaderValue::from_str(&before).unwrap();
            let names = ["cookie", "authorization", "x-forwarded-for", "x-forwarded-host", "origin"];
            let all: HeaderMap = names.map(|name| (HeaderName::from_static(name), text.clone())).into_iter().collect();
            let peer = IpAddr::V6(Ipv6Addr::LOCALHOST);
            let _ = (cookie(&all, "id"), bearer(&all), client(peer, &all, true), is_cross_site(&all, true));
            prop_assume!(!before.contains("id="));
            let line = format!("{before};id={value}");
            let head = headers(&[("cookie", &line)]);
            prop_assert_eq!(cookie(&head, "id"), Some(value.as_str()));
        }
    }
}
