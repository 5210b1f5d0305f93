//! What operators look at.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::{Command, Stdio};

use crate::harness::TestRelay;

fn fetch(admin: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: relay\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn health_and_metrics_are_served() {
    let relay = TestRelay::start();
    let (_ana, _bob, _) = relay.call();
    assert!(fetch(relay.admin, "/healthz").ends_with("ok\n"));
    let metrics = fetch(relay.admin, "/metrics");
    for line in [
        "conclave_relay_sessions 2",
        "conclave_relay_participants 2",
        "conclave_relay_rooms 1",
        "conclave_relay_probes_total 4",
        "# EOF",
    ] {
        assert!(metrics.contains(line), "{line} is not in {metrics}");
    }
    for secret in ["Ana", "example.org"] {
        assert!(!metrics.contains(secret));
    }
    assert!(fetch(relay.admin, "/other").starts_with("HTTP/1.1 404"));
}

#[test]
fn the_ready_line_tells_where_browsers_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_conclave-relay"))
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", "off"])
        .args(["--announce", "off"])
        .args(["--web", "127.0.0.1:0", "--data-dir"])
        .arg(folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.as_mut().unwrap())
        .read_line(&mut ready)
        .unwrap();
    let web = ready
        .split_whitespace()
        .find_map(|word| word.strip_prefix("web="));
    let web: SocketAddr = web.unwrap().parse().unwrap();
    assert_ne!(web.port(), 0, "the real port");
    assert!(TcpStream::connect(web).is_ok());
    child.kill().unwrap();
    child.wait().unwrap();
}
