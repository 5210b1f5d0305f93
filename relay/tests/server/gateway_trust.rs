//! Certificates that devices can be told to trust, and plain HTTP that is led to them.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::browser::{Browser, fetch};
use crate::harness::{PATIENCE, TestRelay, wait_until};
use crate::trusting::{trusting, trusting_alone};

fn relay_with_tls() -> TestRelay {
    TestRelay::start_with(|config| {
        config.web.plain_http = false;
        config.web.names = "relay.lan 192.0.2.7".to_owned().try_into().unwrap();
    })
}

fn connect(relay: &TestRelay) -> TcpStream {
    let stream = TcpStream::connect(relay.web()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// A request's answer: its head, and its body.
fn ask(mut stream: impl Read + Write, request: &str) -> (String, Vec<u8>) {
    let request = format!("{request} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = answer.split_off(end.unwrap() + 4);
    (String::from_utf8(answer).unwrap(), body)
}

fn authority(relay: &TestRelay) -> Vec<u8> {
    let (head, body) = ask(trusting(connect(relay)), "GET /ca.crt");
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(head.contains("application/x-x509-ca-cert"), "{head}");
    body
}

#[test]
fn who_trusts_the_authority_needs_to_answer_no_warning_for_the_page_or_its_socket() {
    let relay = relay_with_tls();
    let authority = authority(&relay);
    for name in ["localhost", "127.0.0.1", "relay.lan", "192.0.2.7"] {
        let (head, _) = ask(trusting_alone(connect(&relay), &authority, name), "GET /");
        assert!(head.starts_with("HTTP/1.1 200"), "{name}: {head}");
    }
    let stream = trusting_alone(connect(&relay), &authority, "relay.lan");
    let mut ana = Browser::open(stream, relay.web());
    ana.sign_in("Ana", 1, None).unwrap();
    drop(ana);
    let mut tls = trusting_alone(connect(&relay), &authority, "bank.example");
    assert!(tls.write_all(b"GET / HTTP/1.1\r\n\r\n").is_err());
    drop(tls);

    // It stays, or devices would have to be told again.
    let relay = relay.restart();
    let (head, body) = ask(
        trusting_alone(connect(&relay), &authority, "relay.lan"),
        "GET /ca.crt",
    );
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(body, authority);
    let (head, body) = ask(trusting(connect(&relay)), "HEAD /ca.crt");
    assert!(
        head.starts_with("HTTP/1.1 200") && body.is_empty(),
        "{head}"
    );
}

#[test]
fn where_another_s_certificate_is_seen_none_is_offered() {
    let relay = TestRelay::start();
    let answer = fetch(relay.web(), "/ca.crt");
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let behind_a_proxy = TestRelay::start_with(|config| {
        config.web.plain_http = false;
        config.web.trusted_proxy = "127.0.0.1".to_owned().try_into().unwrap();
    });
    let (head, _) = ask(trusting(connect(&behind_a_proxy)), "GET /ca.crt");
    assert!(head.starts_with("HTTP/1.1 404"), "{head}");
}

#[test]
fn who_forgets_the_https_is_led_to_it_and_nowhere_else() {
    let relay = relay_with_tls();
    let metrics = &relay.metrics;
    let plain = |request: &str, host: &str| {
        let mut stream = connect(&relay);
        write!(stream, "{request} HTTP/1.1\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        String::from_utf8(answer).unwrap()
    };
    let answer = plain("GET /?a=b", "relay.lan:7480");
    assert!(answer.starts_with("HTTP/1.1 308"), "{answer}");
    assert!(
        answer.contains("location: https://relay.lan:7480/?a=b\r\n"),
        "{answer}"
    );
    let absolute = plain("GET http://evil.example//x", "relay.lan:7480");
    assert!(
        absolute.contains("location: https://relay.lan:7480//x\r\n"),
        "{absolute}"
    );
    for host in ["evil.example", "relay.lan@evil.example", ""] {
        let answer = plain("GET /", host);
        assert!(answer.starts_with("HTTP/1.1 421"), "{host}: {answer}");
        assert!(!answer.contains("location:"), "{host}: {answer}");
    }
    assert!(plain("POST /", "localhost").starts_with("HTTP/1.1 405"));
    assert_eq!(metrics.web_plain_http.get(), 6);
    // What is neither gets no more than a request's head to say it in.
    let mut stream = connect(&relay);
    let failed = metrics.web_handshakes_failed.get();
    let _ = stream.write_all(&[b'x'; 64 * 1024]);
    wait_until("the end of what is no HTTP", || {
        metrics.web_handshakes_failed.get() > failed
    });
    assert_eq!(metrics.web_plain_http.get(), 6);
}
