//! Whose a request is that a proxy brings: the last address in `X-Forwarded-For`, which the proxy itself wrote.
//!
//! The other side may have made up what comes before it. Only the proxy of the configuration is believed.

use std::net::{IpAddr, SocketAddr};

use hyper::header::{HeaderMap, HeaderName};

const FORWARDED: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Whether a connection is the trusted proxy's.
pub(super) fn is_proxy(peer: IpAddr, trusted: Option<IpAddr>) -> bool {
    trusted.is_some_and(|trusted| trusted.to_canonical() == peer.to_canonical())
}

/// Who asks: the peer, or whom the trusted proxy names.
pub(super) fn origin(headers: &HeaderMap, peer: IpAddr, trusted: Option<IpAddr>) -> IpAddr {
    let named = || {
        let header = headers.get_all(FORWARDED).iter().next_back()?;
        let last = header.to_str().ok()?.rsplit(',').next()?.trim();
        let with_port = |text: &str| text.parse().ok().map(|address: SocketAddr| address.ip());
        last.parse().ok().or_else(|| with_port(last))
    };
    match is_proxy(peer, trusted) {
        true => named().unwrap_or(peer),
        false => peer,
    }
    .to_canonical()
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper::header::HeaderValue;

    const PROXY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1));

    fn origin_of(lines: &[&str], peer: &str, trusted: Option<IpAddr>) -> String {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(FORWARDED, HeaderValue::from_str(line).unwrap());
        }
        origin(&headers, peer.parse().unwrap(), trusted).to_string()
    }

    #[test]
    fn the_proxy_is_believed_about_the_last_address_alone() {
        for (lines, expected) in [
            (&["192.0.2.7"][..], "192.0.2.7"),
            (&["1.1.1.1, 192.0.2.7"], "192.0.2.7"),
            (&["1.1.1.1", "2.2.2.2 ,192.0.2.7"], "192.0.2.7"),
            (&["192.0.2.7:4711"], "192.0.2.7"),
            (&["[2001:db8::1]:4711"], "2001:db8::1"),
            (&["2001:db8::1"], "2001:db8::1"),
            (&["::ffff:192.0.2.7"], "192.0.2.7"),
            // It did not name anybody: then it is the proxy's own.
            (&[], "10.0.0.1"),
            (&["192.0.2.7, unknown"], "10.0.0.1"),
            (&["192.0.2.7,"], "10.0.0.1"),
        ] {
            assert_eq!(
                origin_of(lines, "10.0.0.1", Some(PROXY)),
                expected,
                "{lines:?}"
            );
            assert_eq!(origin_of(lines, "::ffff:10.0.0.1", Some(PROXY)), expected);
        }
    }

    #[test]
    fn nobody_else_is_believed() {
        for trusted in [None, Some(PROXY)] {
            assert_eq!(origin_of(&["192.0.2.7"], "10.0.0.2", trusted), "10.0.0.2");
        }
        assert_eq!(origin_of(&["192.0.2.7"], "10.0.0.1", None), "10.0.0.1");
    }
}
