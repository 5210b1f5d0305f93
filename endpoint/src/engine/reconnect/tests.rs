//! Reconnecting in virtual time: the test is the relay, and the network between.

use super::*;
use conclave_protocol::id::SessionId;
use conclave_protocol::identity::Identity;
use conclave_protocol::name::Username;
use conclave_protocol::wire::control::ClosingReason;
use std::io::{Error, ErrorKind};

const PATIENCE: Micros = Micros::from_secs(10);
const SECOND_MS: u64 = 1_000;

struct Bench {
    reconnect: Reconnect,
    timers: Timers,
    now: Instant,
}

impl Bench {
    fn new() -> Self {
        let (mut timers, now) = (Timers::default(), Instant(5_000_000));
        Self {
            reconnect: Reconnect::new(PATIENCE, now, &mut timers),
            timers,
            now,
        }
    }

    fn signed_in() -> Self {
        let mut bench = Self::new();
        bench.connect();
        bench.sign_in(1);
        bench
    }

    /// Waits for the next attempt to connect, and gives how long that took, in ms.
    fn connect(&mut self) -> u64 {
        let begun = self.now;
        self.now = self.timers.at(Timer::Connect).expect("it is tried again");
        assert_eq!(self.timers.take_expired(self.now), Some(Timer::Connect));
        self.reconnect.heard(self.now, &mut self.timers);
        self.now.since(begun).as_millis()
    }

    fn sign_in(&mut self, secret: u8) {
        let signed_in = SignedIn {
            session: SessionId(secret.into()),
            hop_secret: Secret([secret; 32]),
            resume_secret: Secret([secret + 100; 32]),
            resume_for: Micros::from_secs(10),
            username: Username::parse("ana").unwrap(),
            room: None,
        };
        self.reconnect
            .signed_in(&signed_in, self.now, &mut self.timers);
    }

    fn pass(&mut self, ms: u64) {
        self.now += Micros::from_millis(ms);
    }

    fn fail(&mut self, kind: ErrorKind) -> News {
        let error = ConnectionError::Io(Error::from(kind));
        match self.reconnect.failed(error, self.now, &mut self.timers) {
            AfterLoss::Retry(news) => news,
            other => panic!("{other:?}"),
        }
    }

    fn lose(&mut self, loss: ConnectionLoss) -> News {
        self.reconnect.lost(&loss, self.now, &mut self.timers)
    }

    fn refuse(&mut self, resuming: bool, refusal: Refusal) -> AfterRefusal {
        let (now, timers) = (self.now, &mut self.timers);
        self.reconnect.refused(resuming, refusal, now, timers)
    }

    /// Which of the timers is due next, and after how many ms.
    fn next(&self) -> Option<(Timer, u64)> {
        let timers = [Timer::Connect, Timer::Silence, Timer::Ping];
        let due = timers
            .into_iter()
            .filter_map(|timer| Some((self.timers.at(timer)?, timer)));
        let (at, timer) = due.min_by_key(|(at, _)| *at)?;
        Some((timer, at.since(self.now).as_millis()))
    }
}

#[test]
fn the_first_attempt_is_made_at_once() {
    assert_eq!(Bench::new().connect(), 0);
}

#[test]
fn waits_between_attempts_grow_to_one_second_and_no_further() {
    let mut bench = Bench::signed_in();
    bench.lose(ConnectionLoss::Silent);
    let mut waits = vec![bench.connect()];
    for _ in 0..20 {
        bench.fail(ErrorKind::ConnectionRefused);
        waits.push(bench.connect());
    }
    assert_eq!(waits[..5], [200, 300, 450, 675, 1_000]);
    assert!(waits[5..].iter().all(|wait| *wait == 1_000), "{waits:?}");
}

#[test]
fn after_signing_in_again_the_waits_begin_short_again() {
    let mut bench = Bench::signed_in();
    for _ in 0..3 {
        for _ in 0..10 {
            bench.fail(ErrorKind::ConnectionReset);
            bench.connect();
        }
        bench.sign_in(1);
        bench.lose(ConnectionLoss::Stuck);
        assert_eq!(bench.connect(), 200);
    }
}

#[test]
fn a_connection_that_stands_without_being_signed_in_does_not_shorten_the_waits() {
    let mut bench = Bench::new();
    bench.connect();
    bench.lose(ConnectionLoss::Closing(ClosingReason::RelayStops));
    bench.connect();
    bench.lose(ConnectionLoss::Closing(ClosingReason::RelayStops));
    assert_eq!(bench.connect(), 300);
}

#[test]
fn a_first_connection_that_fails_for_too_long_ends_the_engine() {
    let mut bench = Bench::new();
    while bench.now.since(Instant(5_000_000)) < PATIENCE {
        bench.fail(ErrorKind::ConnectionRefused);
        bench.connect();
    }
    let error = ConnectionError::Io(ErrorKind::ConnectionRefused.into());
    let after = bench.reconnect.failed(error, bench.now, &mut bench.timers);
    assert!(
        matches!(after, AfterLoss::End(ConnectionError::Io(_))),
        "{after:?}"
    );
}

#[test]
fn a_relay_that_takes_a_first_connection_and_says_nothing_is_unreachable_too() {
    let mut bench = Bench::new();
    bench.connect();
    bench.pass(7 * SECOND_MS);
    let after = bench.reconnect.silent(bench.now, &mut bench.timers);
    assert!(matches!(after, AfterLoss::Retry(News::NotConnected)));
    bench.connect();
    bench.pass(7 * SECOND_MS);
    let after = bench.reconnect.silent(bench.now, &mut bench.timers);
    assert!(
        matches!(after, AfterLoss::End(ConnectionError::TimedOut)),
        "{after:?}"
    );
}

#[test]
fn once_it_was_signed_in_a_lost_relay_is_tried_for_ever() {
    let mut bench = Bench::signed_in();
    bench.lose(ConnectionLoss::Silent);
    for _ in 0..100_000 {
        bench.connect();
        bench.fail(ErrorKind::HostUnreachable);
    }
    assert!(bench.now.since(Instant(0)) > Micros::from_secs(24 * 3_600));
}

#[test]
fn silence_counts_from_what_was_heard_last() {
    let mut bench = Bench::signed_in();
    bench.timers.stop(Timer::Ping);
    bench.pass(6_999);
    bench.reconnect.heard(bench.now, &mut bench.timers);
    assert_eq!(bench.next(), Some((Timer::Silence, 7_000)));
}

#[test]
fn a_relay_that_is_silent_from_the_beginning_is_given_up_too() {
    let mut bench = Bench::new();
    bench.connect();
    assert_eq!(bench.next(), Some((Timer::Silence, 7_000)));
}

#[test]
fn a_lost_connection_is_neither_pinged_nor_timed() {
    let mut bench = Bench::signed_in();
    bench.lose(ConnectionLoss::Stuck);
    assert_eq!(bench.next(), Some((Timer::Connect, 200)));
    bench.connect();
    // A ping would be answered by a relay that does not answer the signing in, and hide that for ever.
    assert_eq!(bench.next(), Some((Timer::Silence, 7_000)));
}

#[test]
fn five_pings_follow_the_signing_in_and_then_one_each_two_seconds() {
    let mut bench = Bench::signed_in();
    for _ in 0..2 {
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let due = bench.timers.at(Timer::Ping).unwrap();
            pauses.push(due.since(bench.now).as_millis());
            bench.now = due;
            bench.reconnect.pinged(bench.now, &mut bench.timers);
        }
        assert_eq!(pauses, [0, 40, 40, 40, 40, 2_000, 2_000, 2_000]);
        bench.lose(ConnectionLoss::Silent);
        bench.connect();
        bench.sign_in(1);
    }
}

#[test]
fn a_loss_is_told_once_and_a_new_reason_is_told_again() {
    let mut bench = Bench::signed_in();
    assert_eq!(bench.fail(ErrorKind::ConnectionReset), News::Interrupted);
    assert_eq!(bench.fail(ErrorKind::ConnectionReset), News::None);
    assert_eq!(bench.fail(ErrorKind::ConnectionRefused), News::NotConnected);
    assert_eq!(bench.fail(ErrorKind::ConnectionRefused), News::None);
    assert_eq!(bench.lose(ConnectionLoss::Silent), News::NotConnected);
}

#[test]
fn a_second_loss_is_told_like_the_first_though_its_reasons_are_the_same() {
    let mut bench = Bench::signed_in();
    for _ in 0..2 {
        assert_eq!(bench.lose(ConnectionLoss::Silent), News::Interrupted);
        assert_eq!(bench.fail(ErrorKind::ConnectionRefused), News::NotConnected);
        assert_eq!(bench.fail(ErrorKind::ConnectionRefused), News::None);
        bench.connect();
        bench.sign_in(1);
    }
}

#[test]
fn a_lost_session_is_resumed_with_the_newest_secret() {
    let mut bench = Bench::new();
    assert_eq!(bench.reconnect.resume_secret(), None);
    for secret in [1, 2, 2, 3] {
        bench.connect();
        bench.sign_in(secret);
        bench.lose(ConnectionLoss::Silent);
        let resume = bench.reconnect.resume_secret();
        assert_eq!(resume, Some(Secret([secret + 100; 32])));
    }
    assert_eq!(bench.reconnect.reconnects(), 3);
}

#[test]
fn a_resumed_session_counts_on_and_one_with_other_keys_begins_at_zero() {
    let mut bench = Bench::signed_in();
    let first = Arc::clone(bench.reconnect.uplink().unwrap());
    bench.lose(ConnectionLoss::Silent);
    bench.connect();
    bench.sign_in(1);
    assert!(Arc::ptr_eq(&first, bench.reconnect.uplink().unwrap()));
    bench.lose(ConnectionLoss::Silent);
    bench.connect();
    bench.sign_in(2);
    assert!(!Arc::ptr_eq(&first, bench.reconnect.uplink().unwrap()));
}

#[test]
fn a_session_that_is_over_is_begun_anew_on_the_same_connection() {
    let mut bench = Bench::signed_in();
    for _ in 0..2 {
        bench.lose(ConnectionLoss::Silent);
        bench.connect();
        assert!(bench.reconnect.resume_secret().is_some());
        let after = bench.refuse(true, Refusal::SessionOver);
        assert_eq!(after, AfterRefusal::BeginAnew);
        assert_eq!(bench.reconnect.resume_secret(), None);
        assert!(bench.reconnect.uplink().is_none());
        assert_eq!(bench.timers.at(Timer::Connect), None);
        bench.sign_in(2);
    }
}

#[test]
fn a_new_session_that_is_said_to_be_over_ends_the_engine_instead_of_turning_in_a_circle() {
    let mut bench = Bench::new();
    bench.connect();
    assert_eq!(bench.refuse(false, Refusal::SessionOver), AfterRefusal::End);
}

#[test]
fn a_taken_name_ends_the_engine() {
    let mut bench = Bench::new();
    bench.connect();
    assert_eq!(bench.refuse(false, Refusal::NameTaken), AfterRefusal::End);
}

#[test]
fn a_relay_that_asks_to_wait_is_left_alone_for_so_long() {
    let mut bench = Bench::new();
    let wait = Refusal::RateLimited {
        retry_after_ms: 4_000,
    };
    for news in [News::NotConnected, News::None, News::None] {
        bench.connect();
        let after = bench.refuse(false, wait);
        assert_eq!(after, AfterRefusal::Wait(ConnectionLoss::AskedToWait, news));
        assert_eq!(bench.next(), Some((Timer::Connect, 4_000)));
    }
}

#[test]
fn a_copied_card_is_named_with_the_address_of_the_other_device_until_it_signs_in() {
    let mut bench = Bench::signed_in();
    let other = IpAddr::from([192, 0, 2, 7]);
    let wait = Refusal::RateLimited { retry_after_ms: 10 };
    bench.reconnect.set_elsewhere(other);
    bench.lose(ConnectionLoss::Closing(ClosingReason::RelayStops));
    bench.connect();
    let after = bench.refuse(true, wait);
    let expected = AfterRefusal::Wait(ConnectionLoss::CopiedCard(other), News::NotConnected);
    assert_eq!(after, expected);
    bench.connect();
    bench.sign_in(1);
    bench.lose(ConnectionLoss::Silent);
    bench.connect();
    let after = bench.refuse(true, wait);
    assert!(matches!(
        after,
        AfterRefusal::Wait(ConnectionLoss::AskedToWait, _)
    ));
}

#[test]
fn another_identity_at_the_address_is_never_tried_again() {
    let mut bench = Bench::signed_in();
    let key = |byte: u8| Identity::from_secret(Secret([byte; 32])).public();
    let error = ChannelError::IdentityChanged {
        known: key(1),
        met: key(2),
    };
    let (now, timers) = (bench.now, &mut bench.timers);
    let after = bench.reconnect.failed(error.into(), now, timers);
    assert!(matches!(after, AfterLoss::IdentityChanged(_)), "{after:?}");
    assert_eq!(bench.timers.at(Timer::Connect), None);
}

#[test]
fn a_relay_of_another_version_is_never_tried_again() {
    let mut bench = Bench::signed_in();
    let error = ChannelError::RelayVersion {
        lowest: 7,
        highest: 9,
        ours: 1,
    };
    let (now, timers) = (bench.now, &mut bench.timers);
    let after = bench.reconnect.failed(error.into(), now, timers);
    assert!(matches!(after, AfterLoss::End(_)), "{after:?}");
}

#[test]
fn a_call_that_was_never_signed_in_ends_with_the_last_reason() {
    let mut bench = Bench::new();
    bench.connect();
    bench.fail(ErrorKind::ConnectionRefused);
    assert!(matches!(
        bench.reconnect.never_signed_in(),
        Some(ConnectionError::Io(_))
    ));
    let mut bench = Bench::signed_in();
    bench.fail(ErrorKind::ConnectionRefused);
    assert!(bench.reconnect.never_signed_in().is_none());
}
