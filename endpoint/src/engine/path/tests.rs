//! The path in virtual time: probes are answered, or not, as the test says.

use super::*;

const MS: u64 = 1_000;
const BEGIN: Instant = Instant(1_000_000);

struct Bench {
    path: MediaPath,
    timers: Timers,
    now: Instant,
    /// When probes were sent, in ms since the beginning, and which answer they say was seen.
    probes: Vec<(u64, Option<u64>)>,
    /// Each path that was taken, and when.
    taken: Vec<(u64, Path)>,
    next_answer: u64,
}

impl Bench {
    fn new() -> Self {
        let mut bench = Self {
            path: MediaPath::new(),
            timers: Timers::default(),
            now: BEGIN,
            probes: Vec::new(),
            taken: Vec::new(),
            next_answer: 0,
        };
        bench.path.begin(bench.now, &mut bench.timers);
        bench
    }

    fn ms(&self) -> u64 {
        self.now.since(BEGIN).as_millis()
    }

    /// Lets time pass in steps of 10 ms; each probe is answered at once while `answered`.
    fn pass(&mut self, ms: u64, answered: bool) {
        for _ in 0..ms / 10 {
            self.now += Micros(10 * MS);
            while let Some(timer) = self.timers.take_expired(self.now) {
                match timer {
                    Timer::Probe => {
                        let probe = self.path.probe(self.now, &mut self.timers);
                        let Probe::Ask { sent, seen, .. } = probe else {
                            panic!("{probe:?}");
                        };
                        assert_eq!(sent, self.now);
                        self.probes.push((self.ms(), seen));
                        if answered {
                            self.answer();
                        }
                    }
                    Timer::UdpPatience => self.path.lose_patience(),
                    other => panic!("{other:?} is not the path's"),
                }
                self.note();
            }
        }
    }

    fn answer(&mut self) {
        self.next_answer += 1;
        self.answer_with(self.next_answer, LONGEST_PACKET);
    }

    fn answer_with(&mut self, counter: u64, bytes: usize) {
        let (now, timers) = (self.now, &mut self.timers);
        let answer = Answered {
            counter,
            sent: Instant(now.0 - 3 * MS),
            datagram_bytes: bytes,
        };
        self.path.handle_answer(answer, now, timers);
        self.note();
    }

    fn note(&mut self) {
        let path = self.path.now();
        let last = self.taken.last().map_or(Path::None, |(_, path)| *path);
        if path != last {
            self.taken.push((self.ms(), path));
        }
    }

    /// How many probes were sent in the last so many ms.
    fn probes_within(&self, ms: u64) -> usize {
        let since = self.ms() - ms;
        self.probes.iter().filter(|(at, _)| *at > since).count()
    }
}

#[test]
fn udp_is_taken_at_the_first_answer_and_the_relay_hears_of_it_at_once() {
    let mut bench = Bench::new();
    bench.pass(10, true);
    assert_eq!(bench.taken, [(10, Path::Udp)]);
    let seen: Vec<_> = bench.probes.iter().map(|(_, seen)| *seen).collect();
    assert_eq!(seen, [None, Some(1)], "a second probe follows the answer");
}

#[test]
fn without_an_answer_media_goes_by_tcp_after_two_seconds_and_udp_is_tried_on() {
    let mut bench = Bench::new();
    bench.pass(1_990, false);
    assert_eq!(bench.taken, []);
    bench.pass(10, false);
    assert_eq!(bench.taken, [(2_000, Path::Tcp)]);
    bench.pass(60_000, false);
    assert_eq!(bench.taken.len(), 1, "TCP is taken once");
    assert_eq!(bench.probes_within(1_000), 5);
}

#[test]
fn udp_that_begins_to_work_later_is_taken_then() {
    let mut bench = Bench::new();
    bench.pass(30_000, false);
    bench.pass(200, true);
    assert_eq!(bench.path.now(), Path::Udp);
}

#[test]
fn a_proven_path_is_probed_once_a_second() {
    let mut bench = Bench::new();
    bench.pass(60_000, true);
    assert_eq!(bench.probes_within(10_000), 10);
    assert_eq!(bench.taken.len(), 1);
}

#[test]
fn two_lost_probes_do_not_give_udp_up() {
    let mut bench = Bench::new();
    bench.pass(5_010, true);
    bench.pass(2_500, false);
    bench.pass(1_000, true);
    assert_eq!(bench.taken.len(), 1, "{:?}", bench.taken);
}

#[test]
fn udp_that_fails_is_given_up_after_three_seconds_and_probed_quickly_again() {
    let mut bench = Bench::new();
    bench.pass(10_000, true);
    bench.pass(4_000, false);
    let (at, path) = bench.taken[1];
    assert_eq!(path, Path::Tcp);
    let answered = bench.probes.iter().rfind(|(sent, _)| *sent <= 10_000);
    let last_answered = answered.unwrap().0;
    assert_eq!(at - last_answered, 3_000);
    bench.pass(1_000, false);
    assert_eq!(bench.probes_within(1_000), 5);
}

#[test]
fn udp_that_comes_and_goes_is_taken_and_given_up_each_time() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.pass(5_000, true);
        bench.pass(5_000, false);
    }
    let paths: Vec<_> = bench.taken.iter().map(|(_, path)| *path).collect();
    assert_eq!(paths, [Path::Udp, Path::Tcp].repeat(3));
}

#[test]
fn an_answer_too_short_for_a_picture_proves_nothing() {
    let mut bench = Bench::new();
    bench.pass(100, false);
    bench.answer_with(7, LONGEST_PACKET - 1);
    bench.pass(1_900, false);
    assert_eq!(bench.taken, [(2_000, Path::Tcp)]);
    assert!(bench.probes.iter().all(|(_, seen)| seen.is_none()));
}

#[test]
fn an_answer_that_is_repeated_does_not_hold_udp() {
    let mut bench = Bench::new();
    bench.pass(10, false);
    bench.answer_with(1, LONGEST_PACKET);
    for _ in 0..10 {
        bench.pass(500, false);
        bench.answer_with(1, LONGEST_PACKET);
    }
    assert_eq!(bench.path.now(), Path::Tcp);
}

#[test]
fn answers_out_of_order_both_count_and_the_highest_is_told() {
    let mut bench = Bench::new();
    bench.answer_with(9, LONGEST_PACKET);
    bench.pass(2_900, false);
    bench.answer_with(8, LONGEST_PACKET);
    bench.pass(2_900, false);
    assert_eq!(bench.path.now(), Path::Udp, "the second held it, too");
    assert_eq!(bench.probes.last().unwrap().1, Some(9));
}

#[test]
fn after_a_loss_nothing_is_probed_and_a_late_answer_proves_nothing() {
    let mut bench = Bench::new();
    bench.pass(5_000, true);
    bench.path.end(&mut bench.timers);
    assert_eq!(bench.path.now(), Path::None);
    let before = bench.probes.len();
    bench.answer();
    bench.pass(10_000, true);
    assert_eq!(bench.path.now(), Path::None);
    assert_eq!(bench.probes.len(), before);
}

#[test]
fn a_session_that_goes_on_proves_udp_again_and_falls_back_as_at_first() {
    let mut bench = Bench::new();
    for _ in 0..2 {
        bench.pass(5_000, true);
        bench.path.end(&mut bench.timers);
        bench.path.begin(bench.now, &mut bench.timers);
        assert_eq!(bench.path.now(), Path::None);
        bench.pass(1_990, false);
        assert_eq!(bench.path.now(), Path::None);
        assert!(bench.probes.last().unwrap().1.is_none(), "not yet seen");
        bench.pass(10, false);
        assert_eq!(bench.path.now(), Path::Tcp);
    }
}
