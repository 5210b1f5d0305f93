//! HTTP: accepts connections, speaks TLS, gives the page, and turns `/ws` into sockets.

mod plain;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use http_body_util::Full as HttpBody;
use hyper::body::{Bytes, Incoming};
use hyper::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN,
    RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::admission::{Full, Place};
use super::forwarded::{is_proxy, origin};
use super::pages::{Reply, bare};
use super::{Gateway, socket};
use crate::clock;
use crate::clock_steps::ClockSteps;
use crate::metrics::Held;
use crate::task;

/// What the socket speaks.
const SUBPROTOCOL: &str = "conclave.v1";
/// Where the certificate is that devices are to trust.
const AUTHORITY: &str = "/ca.crt";
/// How long TLS, and then a request's head, may take.
const HEAD: Duration = Duration::from_secs(10);
/// How long a connection that is no socket may stay open: the page is loaded by then.
const PAGE: Duration = Duration::from_secs(60);
/// Bytes of a request's head and its buffer; the least that hyper takes.
const HEAD_BYTES: usize = 8 * 1024;
/// Bytes that the kernel may hold unsent. Higher delays control behind media on a slow path.
const UNSENT: u32 = 64 * 1024;
/// Pause after an accept that failed, as it does without file descriptors.
const PAUSE: Duration = Duration::from_millis(50);
/// Characters of an unknown host that are logged.
const LOGGED_HOST: usize = 100;
/// How often ended connections are forgotten.
const FORGET_EACH: Duration = Duration::from_secs(30);
/// How often the certificate is looked at, beside when the clock is set.
const RENEW_EACH: Duration = Duration::from_secs(24 * 60 * 60);

/// Accepts connections until it is dropped.
pub(super) async fn accept(listener: TcpListener, gateway: Arc<Gateway>) {
    let mut forget = tokio::time::interval(FORGET_EACH);
    let mut clock_steps = ClockSteps::watch();
    // Also at once: the clock may have been set since the certificate was loaded.
    let mut renew = tokio::time::interval(RENEW_EACH);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = forget.tick() => {
                gateway.parking.forget_old();
                gateway.admission.forget_idle();
                continue;
            }
            _ = renew.tick() => {
                gateway.renew_certificate();
                continue;
            }
            () = clock_steps.next() => {
                tracing::info!("the clock was set: looking at the certificate again");
                gateway.renew_certificate();
                continue;
            }
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::debug!(%error, "cannot accept");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        // The proxy's connections are many people's, so that they count in all alone.
        let whose = Some(peer.ip()).filter(|&ip| !is_proxy(ip, gateway.trusted_proxy));
        let Some(place) = gateway.admission.admit_connection(whose) else {
            continue;
        };
        gateway.metrics.web_accepted.inc();
        let held = Held::new(&gateway.metrics.web_connections);
        let served = Arc::clone(&gateway);
        task::spawn(&gateway.metrics, "web connection", async move {
            let _held = held;
            serve(stream, peer.ip(), place, &served).await;
        });
    }
}

async fn serve(stream: TcpStream, peer: IpAddr, place: Place, gateway: &Arc<Gateway>) {
    // Small messages must not wait for each other.
    let _ = stream.set_nodelay(true);
    // What the kernel holds cannot be overtaken: media there would delay control.
    let _ = socket2::SockRef::from(&stream).set_tcp_notsent_lowat(UNSENT);
    let here = stream.local_addr().map_or(peer, |here| here.ip());
    let Some(certificate) = gateway.certificate_at(here) else {
        return speak_http(stream, peer, place, gateway).await;
    };
    let mut first = [0];
    let begun = tokio::select! {
        begun = tokio::time::timeout(HEAD, stream.peek(&mut first)) => begun,
        () = place.pushed_out() => return,
    };
    if matches!(begun, Ok(Ok(1))) && first != [plain::TLS] {
        tokio::select! {
            () = plain::lead_to_tls(stream, gateway) => {}
            () = place.pushed_out() => {}
        }
        return;
    }
    let acceptor = TlsAcceptor::from(Arc::clone(&certificate.config));
    let accepted = tokio::select! {
        accepted = tokio::time::timeout(HEAD, acceptor.accept(stream)) => accepted,
        () = place.pushed_out() => return,
    };
    match accepted {
        Ok(Ok(stream)) => speak_http(stream, peer, place, gateway).await,
        _ => drop(gateway.metrics.web_handshakes_failed.inc()),
    }
}

/// Where the service leaves the connection that is to become a socket.
type Upgrading = Arc<Mutex<Option<(OnUpgrade, Place, IpAddr)>>>;

async fn speak_http<S>(stream: S, peer: IpAddr, mut place: Place, gateway: &Arc<Gateway>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let upgrading = Upgrading::default();
    let service = service_fn(|request| {
        let reply = answer(request, peer, gateway, &upgrading);
        async move { Ok::<_, std::convert::Infallible>(reply) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    let spoken = tokio::select! {
        spoken = tokio::time::timeout(PAGE, connection) => spoken,
        () = place.pushed_out() => return,
    };
    match spoken {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::debug!(%error, "a web connection ended");
            gateway.metrics.web_handshakes_failed.inc();
            return;
        }
        Err(_) => return,
    }
    let upgrading = upgrading
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    let Some((upgrade, socket_place, address)) = upgrading else {
        return;
    };
    place.settle();
    // The connection itself comes back, with what was read of it beyond the request.
    let Ok(upgraded) = upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<S>>() else {
        return;
    };
    let config = Some(socket::config());
    let stream = parts.io.into_inner();
    let read = parts.read_buf.to_vec();
    let stream = WebSocketStream::from_partially_read(stream, read, Role::Server, config).await;
    gateway.metrics.web_sockets_opened.inc();
    let _held = (Held::new(&gateway.metrics.web_sockets), socket_place);
    socket::serve(stream, address, Arc::clone(gateway)).await;
}

fn answer(
    mut request: Request<Incoming>,
    peer: IpAddr,
    gateway: &Gateway,
    upgrading: &Upgrading,
) -> Reply {
    let host = request
        .headers()
        .get(HOST)
        .and_then(|host| host.to_str().ok());
    if !host.is_some_and(|host| gateway.hosts.knows(host)) {
        return unknown_host(gateway, host.unwrap_or_default());
    }
    let path = request.uri().path();
    if path != "/ws" {
        return match *request.method() {
            Method::GET | Method::HEAD if path == AUTHORITY => authority(gateway, peer),
            Method::GET | Method::HEAD => gateway.pages.reply(path, request.headers()),
            _ => bare(StatusCode::METHOD_NOT_ALLOWED),
        };
    }
    let headers = request.headers();
    let address = origin(headers, peer, gateway.trusted_proxy);
    if !is_same_origin(headers, gateway.public_host.as_deref()) {
        gateway.metrics.web_foreign_origin.inc();
        return bare(StatusCode::FORBIDDEN);
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .filter(|_| asks_for_socket(&request));
    let Some(accept) = key.and_then(|key| {
        let accept = derive_accept_key(key.as_bytes());
        HeaderValue::from_str(&accept).ok()
    }) else {
        gateway.metrics.web_no_subprotocol.inc();
        // A page whose socket was refused asks so why, as browsers do not tell it.
        let full = gateway.admission.socket_is_kept_out(address);
        return full.map_or_else(|| bare(StatusCode::BAD_REQUEST), kept_out);
    };
    let place = match gateway.admission.admit_socket(address) {
        Ok(place) => place,
        Err(full) => return kept_out(full),
    };
    let upgrade = hyper::upgrade::on(&mut request);
    *upgrading.lock().unwrap_or_else(PoisonError::into_inner) = Some((upgrade, place, address));
    switch_to_socket(accept)
}

fn switch_to_socket(accept: HeaderValue) -> Reply {
    let mut reply = Response::new(HttpBody::<Bytes>::default());
    *reply.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = reply.headers_mut();
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    headers.insert(
        SEC_WEBSOCKET_PROTOCOL,
        HeaderValue::from_static(SUBPROTOCOL),
    );
    reply
}

/// The certificate that devices are to trust, where the relay's own is what browsers see.
fn authority(gateway: &Gateway, peer: IpAddr) -> Reply {
    let loaded = gateway.tls.as_ref().map(ArcSwap::load_full);
    let authority = loaded.and_then(|loaded| loaded.authority.clone());
    let Some(der) = authority.filter(|_| !is_proxy(peer, gateway.trusted_proxy)) else {
        return bare(StatusCode::NOT_FOUND);
    };
    let mut reply = bare(StatusCode::OK);
    *reply.body_mut() = HttpBody::from(der);
    let headers = reply.headers_mut();
    // By this type phones offer to install it.
    let certificate = HeaderValue::from_static("application/x-x509-ca-cert");
    headers.insert(CONTENT_TYPE, certificate);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    reply
}

/// Another site's page asks, or the relay has a name that it does not know of.
fn unknown_host(gateway: &Gateway, host: &str) -> Reply {
    gateway.metrics.web_unknown_host.inc();
    if let Some(unsaid) = gateway.log.may_say("web.names", clock::now()) {
        let host: String = host.chars().take(LOGGED_HOST).collect();
        tracing::warn!(
            host = ?host,
            unsaid,
            "a browser asked for a host that is not the relay: if it is, name it in web.names or web.public_url"
        );
    }
    let text = "This name is not known to be the relay. Its operator names it in web.names or web.public_url.\n";
    let mut reply = bare(StatusCode::MISDIRECTED_REQUEST);
    *reply.body_mut() = HttpBody::from(Bytes::from_static(text.as_bytes()));
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    reply.headers_mut().insert(CONTENT_TYPE, plain);
    reply
}

/// No more sockets now, and whose limit says so.
fn kept_out(full: Full) -> Reply {
    let word: &'static [u8] = match full {
        Full::Relay => b"relay_full",
        Full::Address => b"address_full",
    };
    let mut reply = Response::new(HttpBody::from(Bytes::from_static(word)));
    *reply.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    let headers = reply.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(RETRY_AFTER, HeaderValue::from_static("30"));
    reply
}

/// Whether a request is RFC 6455's (§4.1) and offers the subprotocol.
fn asks_for_socket(request: &Request<Incoming>) -> bool {
    let headers = request.headers();
    request.method() == Method::GET
        && lists(headers, &CONNECTION, "upgrade")
        && lists(headers, &UPGRADE, "websocket")
        && lists(headers, &SEC_WEBSOCKET_VERSION, "13")
        && lists(headers, &SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
}

/// Whether a header's comma-separated values hold this one, without case.
fn lists(headers: &HeaderMap, name: &HeaderName, wanted: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|value| value.trim().eq_ignore_ascii_case(wanted))
}

/// Whether the page that asks is the relay's own. Programs that are no browser name no page.
fn is_same_origin(headers: &HeaderMap, public_host: Option<&str>) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let Some(origin) = origins.next() else {
        return true;
    };
    let host = headers.get(HOST).and_then(|host| host.to_str().ok());
    let page = origin.to_str().ok().and_then(|origin| {
        let (scheme, host) = origin.split_once("://")?;
        matches!(scheme, "http" | "https").then_some(host)
    });
    let is_it = |known: Option<&str>| {
        let pair = page.zip(known);
        pair.is_some_and(|(page, known)| page.eq_ignore_ascii_case(known))
    };
    origins.next().is_none() && (is_it(host) || is_it(public_host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        let pair = |(name, value): &(HeaderName, &str)| {
            (name.clone(), HeaderValue::from_str(value).unwrap())
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn the_relay_s_own_page_may_ask_and_others_may_not() {
        let from = |origin: &str| {
            let headers = headers(&[(ORIGIN, origin), (HOST, "relay.example:7480")]);
            is_same_origin(&headers, Some("calls.example"))
        };
        for own in [
            "https://relay.example:7480",
            "http://Relay.Example:7480",
            "https://calls.example",
        ] {
            assert!(from(own), "{own}");
        }
        for foreign in [
            "https://relay.example",
            "https://relay.example:7481",
            "https://evil.example",
            "https://relay.example:7480.evil.example",
            "file://relay.example:7480",
            "null",
            "",
        ] {
            assert!(!from(foreign), "{foreign}");
        }
        assert!(is_same_origin(&HeaderMap::new(), None), "no browser");
    }

    #[test]
    fn values_are_found_in_lists_without_case() {
        let headers = headers(&[(CONNECTION, "keep-alive, Upgrade")]);
        assert!(lists(&headers, &CONNECTION, "upgrade"));
        assert!(!lists(&headers, &CONNECTION, "grade"));
        assert!(!lists(&headers, &UPGRADE, "websocket"));
    }
}
