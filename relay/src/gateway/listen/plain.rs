//! Plain HTTP at the port of HTTPS: who typed the address without `https` is led there, and nothing else is answered.

use http_body_util::Full as HttpBody;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, HeaderValue, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;

use super::{HEAD, HEAD_BYTES, unknown_host};
use crate::gateway::Gateway;
use crate::gateway::pages::{Reply, bare};

/// The first byte of TLS: a record of its handshake (RFC 8446, §5.1). No request begins so.
pub(super) const TLS: u8 = 0x16;

/// Answers one request of a connection that does not speak TLS.
pub(super) async fn lead_to_tls(stream: TcpStream, gateway: &Gateway) {
    let service = service_fn(|request| {
        let reply = answer(&request, gateway);
        async move { Ok::<_, std::convert::Infallible>(reply) }
    });
    let spoken = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    if !matches!(tokio::time::timeout(HEAD, spoken).await, Ok(Ok(()))) {
        gateway.metrics.web_handshakes_failed.inc();
    }
}

fn answer(request: &Request<Incoming>, gateway: &Gateway) -> Reply {
    gateway.metrics.web_plain_http.inc();
    let host = request.headers().get(HOST);
    let host = host.and_then(|host| host.to_str().ok()).unwrap_or_default();
    if !is_plain(host) || !gateway.hosts.knows(host) {
        return unknown_host(gateway, host);
    }
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return bare(StatusCode::METHOD_NOT_ALLOWED);
    }
    let path = request.uri().path_and_query();
    let path = path.map_or("/", |path| path.as_str());
    let Ok(location) = HeaderValue::from_str(&format!("https://{host}{path}")) else {
        return bare(StatusCode::BAD_REQUEST);
    };
    let mut reply = bare(StatusCode::PERMANENT_REDIRECT);
    *reply.body_mut() = HttpBody::from(Bytes::from_static(b"This is at https.\n"));
    let headers = reply.headers_mut();
    headers.insert(LOCATION, location);
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    // The relay may speak plain HTTP tomorrow, behind a proxy.
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// Whether this is a host with or without a port, and nothing that would lead elsewhere.
fn is_plain(host: &str) -> bool {
    let may_be_there = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    !host.is_empty() && host.bytes().all(may_be_there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_with_or_without_a_port() {
        for host in [
            "relay.lan",
            "relay.lan:7480",
            "192.0.2.7",
            "[2001:db8::1]:7480",
        ] {
            assert!(is_plain(host), "{host}");
        }
        for other in [
            "",
            "relay.lan@evil.example",
            "relay.lan/evil",
            "relay.lan?x",
            "relay.lan#x",
            "relay.lan\\evil.example",
            "relay .lan",
        ] {
            assert!(!is_plain(other), "{other}");
        }
    }
}
