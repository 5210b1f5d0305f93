//! The way to a host that has several addresses: "happy eyeballs" (RFC 8305).
//!
//! An address that swallows what is sent to it costs a quarter of a second, not the whole of the time that a connection
//! may take: the next one is tried meanwhile, and the first that answers is used.

use super::ConnectionError;
use crate::clock;
use conclave_protocol::time::{Instant, Micros};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// How long an address is waited for alone (RFC 8305 §5). Higher keeps people waiting behind a dead one; lower
/// opens connections that are never used where an answer takes as long.
const STAGGER: Micros = Micros::from_millis(250);
/// Addresses of a host that are tried; more are left out. So many can begin before a connection counts as failed.
const MOST_ADDRESSES: usize = 16;

/// Connects to a host and port. The caller bounds how long that may take.
///
/// # Errors
/// When the name is not known, or no address answers: what was said of the last one that failed.
pub(super) async fn connect(relay: &str) -> Result<TcpStream, ConnectionError> {
    let addresses = tokio::net::lookup_host(relay).await;
    let addresses = addresses.map_err(ConnectionError::NameUnknown)?;
    Ok(first_to_answer(addresses).await?)
}

/// The connection that is made first; all others are dropped.
async fn first_to_answer(addresses: impl Iterator<Item = SocketAddr>) -> io::Result<TcpStream> {
    let mut attempts = Attempts::new(addresses, clock::now());
    let mut running = JoinSet::new();
    let mut error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    loop {
        let now = clock::now();
        while let Some(address) = attempts.start(now) {
            running.spawn(TcpStream::connect(address));
        }
        let pause = attempts.next_at().unwrap_or(now).since(now);
        tokio::select! {
            Some(ended) = running.join_next() => match ended.map_err(io::Error::other) {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(failure)) | Err(failure) => {
                    error = failure;
                    attempts.failed(clock::now());
                }
            },
            () = tokio::time::sleep(pause.as_duration()), if attempts.next_at().is_some() => {}
            else => return Err(error),
        }
    }
}

/// Which address is tried when.
struct Attempts {
    waiting: VecDeque<SocketAddr>,
    next_at: Instant,
}

impl Attempts {
    /// The families of the addresses take turns, in the system's order otherwise (RFC 8305 §4): it puts first what it
    /// would use itself.
    fn new(addresses: impl Iterator<Item = SocketAddr>, now: Instant) -> Self {
        let all: Vec<_> = addresses.collect();
        let first_family = all.first().is_some_and(SocketAddr::is_ipv6);
        let (first, second): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|address| address.is_ipv6() == first_family);
        let (mut first, mut second) = (first.into_iter(), second.into_iter());
        let mut waiting = VecDeque::new();
        while waiting.len() < MOST_ADDRESSES {
            let turn = [first.next(), second.next()];
            if turn == [None, None] {
                break;
            }
            waiting.extend(turn.into_iter().flatten());
        }
        waiting.truncate(MOST_ADDRESSES);
        Self {
            waiting,
            next_at: now,
        }
    }

    /// The address to try now, if one is due.
    fn start(&mut self, now: Instant) -> Option<SocketAddr> {
        if now < self.next_at {
            return None;
        }
        self.next_at = now + STAGGER;
        self.waiting.pop_front()
    }

    /// An attempt has failed: the next one need not wait.
    const fn failed(&mut self, now: Instant) {
        self.next_at = now;
    }

    /// When the next address is due; never when none is left.
    fn next_at(&self) -> Option<Instant> {
        (!self.waiting.is_empty()).then_some(self.next_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const PATIENCE: Duration = Duration::from_secs(30);

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    fn at(milliseconds: u64) -> Instant {
        Instant(0) + Micros::from_millis(milliseconds)
    }

    #[test]
    fn the_families_take_turns_and_the_systems_first_choice_begins() {
        let found = addresses(&[
            "[fd00::1]:1",
            "[fd00::2]:1",
            "[fd00::3]:1",
            "192.0.2.1:1",
            "192.0.2.2:1",
        ]);
        let turns = addresses(&[
            "[fd00::1]:1",
            "192.0.2.1:1",
            "[fd00::2]:1",
            "192.0.2.2:1",
            "[fd00::3]:1",
        ]);
        assert_eq!(Attempts::new(found.into_iter(), at(0)).waiting, turns);
        let found = addresses(&["192.0.2.1:1", "192.0.2.2:1", "[fd00::1]:1"]);
        let turns = addresses(&["192.0.2.1:1", "[fd00::1]:1", "192.0.2.2:1"]);
        assert_eq!(Attempts::new(found.into_iter(), at(0)).waiting, turns);
        let none = Attempts::new(std::iter::empty(), at(0));
        assert!(none.waiting.is_empty() && none.next_at().is_none());
        let many = (1..=1_000).map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        assert_eq!(Attempts::new(many, at(0)).waiting.len(), MOST_ADDRESSES);
    }

    #[test]
    fn a_silent_address_costs_a_quarter_of_a_second_and_a_refusal_nothing() {
        let found = addresses(&["[fd00::1]:1", "192.0.2.1:1", "192.0.2.2:1"]);
        let mut attempts = Attempts::new(found.clone().into_iter(), at(0));
        assert_eq!(attempts.start(at(0)), Some(found[0]));
        assert_eq!(attempts.start(at(249)), None);
        assert_eq!(attempts.next_at(), Some(at(250)));
        assert_eq!(attempts.start(at(250)), Some(found[1]));
        assert_eq!(attempts.start(at(260)), None);
        attempts.failed(at(260));
        assert_eq!(attempts.start(at(260)), Some(found[2]));
        assert_eq!(attempts.next_at(), None);
        assert_eq!(attempts.start(at(9_000)), None);
    }

    #[test]
    fn many_silent_addresses_all_begin_within_the_time_of_a_connection() {
        let many = (1..=100).map(|port| SocketAddr::from(([192, 0, 2, 1], port)));
        let mut attempts = Attempts::new(many, at(0));
        let mut begun = 0;
        while let Some(due) = attempts.next_at() {
            assert!(due < Instant(0) + super::super::CONNECT_TIMEOUT.into());
            assert!(attempts.start(due).is_some());
            begun += 1;
        }
        assert_eq!(begun, MOST_ADDRESSES);
    }

    fn run<T>(work: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap()
            .block_on(async { tokio::time::timeout(PATIENCE, work).await.unwrap() })
    }

    /// A listener whose queue is full, so that the kernel drops who knocks; and what keeps it so.
    async fn silent_listener() -> (tokio::net::TcpListener, TcpStream) {
        let socket = tokio::net::TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let listener = socket.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        (listener, TcpStream::connect(address).await.unwrap())
    }

    #[test]
    fn an_address_that_answers_is_reached_past_one_that_is_silent() {
        run(async {
            let (full, _waits) = silent_listener().await;
            let silent = full.local_addr().unwrap();
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let good = listener.local_addr().unwrap();
            let stream = first_to_answer([silent, silent, good].into_iter()).await;
            assert_eq!(stream.unwrap().peer_addr().unwrap(), good);
        });
    }

    #[test]
    fn when_every_address_refuses_the_refusal_is_told_at_once() {
        run(async {
            // Bound, so that no other program gets the port, and not listening.
            let closed = tokio::net::TcpSocket::new_v4().unwrap();
            closed.bind("127.0.0.1:0".parse().unwrap()).unwrap();
            let address = closed.local_addr().unwrap();
            let error = first_to_answer([address, address].into_iter()).await;
            assert_eq!(error.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
            let error = first_to_answer(std::iter::empty()).await.unwrap_err();
            assert_eq!(error.to_string(), "the name has no address");
        });
    }
}
