//! The jitter buffer in virtual time: what a listener would hear of a stream over a path.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::network::{Network, Path};
use common::random::{Random, for_seeds};
use conclave_protocol::id::SequenceNumber;
use conclave_protocol::jitter::{JitterBuffer, Playout, PlayoutCounts};
use conclave_protocol::l16::{BLOCK_SAMPLES, BLOCK_TIME, Block};
use conclave_protocol::time::{Instant, Micros};
use proptest::prelude::*;

/// A sender's block under way.
#[derive(Clone)]
struct Sent {
    sequence: SequenceNumber,
    captured: Instant,
}

/// One stream from a microphone through a network and a jitter buffer to an ear.
struct Call {
    network: Network<Sent>,
    buffer: JitterBuffer,
    /// When the microphone has its next block, and when the listener needs one.
    spoken_at: Instant,
    heard_at: Instant,
    sequence: u64,
    /// How far the sender's clock is ahead; it must not matter.
    sender_ahead: i64,
    /// How much faster the sender's clock runs.
    ppm: i64,
    started: Instant,
    /// While set, the sender is silent.
    muted: bool,
    whispering: bool,
    /// While set, no packet is lost.
    stalled_until: Instant,
    heard: Vec<Heard>,
}

/// What the listener heard.
struct Heard {
    at: Instant,
    playout: Playout,
    /// The time from microphone to listener, for the sender's own blocks.
    delay_us: Option<i64>,
}

impl Call {
    fn new(path: Path, seed: u64) -> Self {
        let started = Instant(1_000_000_000);
        Self {
            network: Network::new(path, seed),
            buffer: JitterBuffer::new(),
            spoken_at: started,
            // The listener's blocks begin at any time between the microphone's.
            heard_at: started + Micros(Random::new(seed).below(BLOCK_TIME.0)),
            sequence: 0,
            sender_ahead: Random::new(!seed).below(1 << 50).cast_signed() - (1 << 49),
            ppm: 0,
            started,
            muted: false,
            whispering: false,
            stalled_until: Instant(0),
            heard: Vec::new(),
        }
    }

    fn sender_clock(&self, now: Instant) -> Instant {
        let drift = now.since(self.started).0.cast_signed() * self.ppm / 1_000_000;
        Instant(now.0.wrapping_add_signed(self.sender_ahead + drift))
    }

    fn run_for(&mut self, span: Micros) {
        let end = self.heard_at + span;
        while self.heard_at < end {
            if self.spoken_at <= self.heard_at {
                self.speak();
            } else {
                self.hear();
            }
        }
    }

    fn speak(&mut self) {
        let now = self.spoken_at;
        if !self.muted {
            let sent = Sent {
                sequence: SequenceNumber(self.sequence),
                captured: self.sender_clock(now),
            };
            self.sequence += 1;
            if now < self.stalled_until {
                self.network.deliver_at(&sent, self.stalled_until);
            } else {
                self.network.send(&sent, now);
            }
        }
        // 20 ms of the sender's clock.
        let period = BLOCK_TIME.0.cast_signed() * 1_000_000 / (1_000_000 + self.ppm);
        self.spoken_at += Micros(period.unsigned_abs());
    }

    fn hear(&mut self) {
        let now = self.heard_at;
        while let Some((at, sent)) = self.network.arrived(now) {
            let mut block = [0; BLOCK_SAMPLES];
            block[0] = sent.sequence.0 as i16;
            // Loud enough not to count as quiet, unless it is meant to be quiet.
            block[1] = if self.whispering { 0 } else { 1_000 };
            block[0] %= if self.whispering { 100 } else { i16::MAX };
            self.buffer.push(sent.sequence, sent.captured, at, &block);
        }
        let mut block = [0; BLOCK_SAMPLES];
        let playout = self.buffer.pop(now, &mut block);
        let delay_us = match playout {
            Playout::Heard { captured } => Some(
                self.sender_clock(now)
                    .0
                    .wrapping_sub(captured.0)
                    .cast_signed(),
            ),
            _ => None,
        };
        self.heard.push(Heard {
            at: now,
            playout,
            delay_us,
        });
        self.heard_at += BLOCK_TIME;
    }

    fn counts(&self) -> PlayoutCounts {
        self.buffer.counts()
    }

    fn since(&self, at: Instant) -> impl Iterator<Item = &Heard> {
        self.heard.iter().filter(move |heard| heard.at >= at)
    }

    fn worst_delay_ms(&self, since: Instant) -> i64 {
        self.since(since)
            .filter_map(|heard| heard.delay_us)
            .max()
            .unwrap()
            / 1000
    }

    fn concealed_per_mille(&self, since: Instant) -> usize {
        let made_up = |heard: &&Heard| heard.playout == Playout::Concealed;
        self.since(since).filter(made_up).count() * 1000 / self.since(since).count()
    }
}

fn difference(now: PlayoutCounts, before: PlayoutCounts) -> PlayoutCounts {
    PlayoutCounts {
        heard: now.heard - before.heard,
        concealed: now.concealed - before.concealed,
        gaps: now.gaps - before.gaps,
        late: now.late - before.late,
        skipped: now.skipped - before.skipped,
        stretched: now.stretched - before.stretched,
    }
}

#[test]
fn a_steady_sound_is_heard_whole_without_a_joint() {
    for_seeds(0..20, |seed| {
        let path = Path {
            delay: Micros(700),
            ..Path::PERFECT
        };
        let mut call = Call::new(path, seed);
        call.run_for(Micros::from_secs(60));
        let counts = call.counts();
        assert!(counts.heard >= 2990, "{counts:?}");
        // The delay begins above its final value, but no joint is audible.
        let whole = PlayoutCounts {
            heard: counts.heard,
            ..PlayoutCounts::default()
        };
        assert_eq!(counts, whole);
        let worst = call.worst_delay_ms(call.started);
        assert!(worst <= 60, "{worst} ms");
    });
}

#[test]
fn a_silence_is_used_to_lower_the_delay() {
    for_seeds(0..20, |seed| {
        let path = Path {
            delay: Micros(700),
            ..Path::PERFECT
        };
        let mut call = Call::new(path, seed);
        call.run_for(Micros::from_secs(15));
        call.whispering = true;
        call.run_for(Micros::from_secs(2));
        let settled = call.worst_delay_ms(call.started + Micros::from_secs(16));
        assert!(settled <= 40, "{settled} ms");
        assert!(call.counts().skipped <= 1);
    });
}

#[test]
fn jitter_and_loss_are_heard_as_little_more_than_the_loss() {
    for_seeds(0..10, |seed| {
        let path = Path {
            delay: Micros::from_millis(10),
            jitter: Micros::from_millis(40),
            lost_per_mille: 10,
            doubled_per_mille: 0,
        };
        let mut call = Call::new(path, seed);
        call.run_for(Micros::from_secs(10));
        let (warm, before) = (call.heard_at, call.counts());
        call.run_for(Micros::from_secs(120));
        let counts = difference(call.counts(), before);
        let concealed = call.concealed_per_mille(warm);
        assert!(concealed <= 15, "{concealed} in 1000 made up, {counts:?}");
        assert!(counts.late <= 30, "{counts:?}");
        assert!(
            counts.gaps <= counts.concealed + counts.late + counts.skipped,
            "{counts:?}"
        );
        assert!(
            (40..=120).contains(&counts.gaps),
            "about 60 were lost: {counts:?}"
        );
        assert!(
            call.worst_delay_ms(warm) <= 10 + 100,
            "{} ms",
            call.worst_delay_ms(warm)
        );
    });
}

#[test]
fn after_a_stall_nothing_stale_is_heard() {
    for_seeds(0..20, |seed| {
        for stall_ms in [150, 300, 500, 2_000] {
            let path = Path {
                jitter: Micros::from_millis(5),
                ..Path::PERFECT
            };
            let mut call = Call::new(path, seed);
            call.run_for(Micros::from_secs(10));
            call.stalled_until = call.spoken_at + Micros::from_millis(stall_ms);
            let over = call.stalled_until;
            call.run_for(Micros::from_secs(20));
            let worst = call.worst_delay_ms(over);
            assert!(worst <= 200, "{worst} ms after a stall of {stall_ms} ms");
            let calm = call.worst_delay_ms(over + Micros::from_secs(8));
            assert!(calm <= 70, "{calm} ms at last, after {stall_ms} ms");
            let counts = call.counts();
            assert_eq!(counts.gaps, 1, "one gap was heard: {counts:?}");
        }
    });
}

#[test]
fn a_sender_that_pauses_makes_no_gap() {
    for_seeds(0..20, |seed| {
        let mut call = Call::new(
            Path {
                jitter: Micros::from_millis(3),
                ..Path::PERFECT
            },
            seed,
        );
        for pause_ms in [200, 1_000, 20_000] {
            call.run_for(Micros::from_secs(3));
            call.muted = true;
            call.run_for(Micros::from_millis(pause_ms));
            call.muted = false;
        }
        call.run_for(Micros::from_secs(3));
        let counts = call.counts();
        assert_eq!(
            (counts.gaps, counts.concealed, counts.late),
            (0, 0, 0),
            "{counts:?}"
        );
        assert!(call.worst_delay_ms(call.started) <= 70);
    });
}

#[test]
fn a_pause_in_which_the_last_block_was_lost_is_silent_after_60_ms() {
    let mut call = Call::new(Path::PERFECT, 1);
    call.run_for(Micros::from_secs(3));
    call.muted = true;
    let muted = call.heard_at;
    call.run_for(Micros::from_secs(1));
    assert!(
        call.since(muted + Micros::from_millis(120))
            .all(|heard| heard.playout == Playout::Silent)
    );
}

#[test]
fn clocks_that_drift_apart_keep_the_delay() {
    for_seeds(0..3, |seed| {
        for ppm in [-200, 200] {
            let mut call = Call::new(
                Path {
                    jitter: Micros::from_millis(4),
                    ..Path::PERFECT
                },
                seed,
            );
            call.ppm = ppm;
            call.run_for(Micros::from_secs(600));
            // The clocks drift apart by 120 ms, which is 6 blocks skipped or added.
            let counts = call.counts();
            let corrected = counts.skipped + counts.stretched + counts.concealed;
            assert!((4..=12).contains(&corrected), "{ppm} ppm: {counts:?}");
            assert_eq!(counts.late, 0, "{ppm} ppm: {counts:?}");
            assert!(
                call.worst_delay_ms(call.started) <= 80,
                "{ppm} ppm: {}",
                call.worst_delay_ms(call.started)
            );
        }
    });
}

#[test]
fn a_lost_block_is_one_gap_and_one_block_made_up() {
    for_seeds(0..20, |seed| {
        let mut call = Call::new(
            Path {
                jitter: Micros::from_millis(2),
                ..Path::PERFECT
            },
            seed,
        );
        call.run_for(Micros::from_secs(3));
        for lost in 1..=5 {
            call.sequence += 1;
            call.spoken_at += BLOCK_TIME;
            call.run_for(Micros::from_secs(1));
            let counts = call.counts();
            assert_eq!((counts.gaps, counts.concealed), (lost, lost), "{counts:?}");
        }
    });
}

#[test]
fn a_route_that_grows_longer_is_followed() {
    let mut call = Call::new(Path::PERFECT, 3);
    call.run_for(Micros::from_secs(10));
    // The same as the buffer sees it: the sender's clock is set back by 80 ms.
    call.sender_ahead -= 80_000;
    let changed = call.heard_at;
    call.run_for(Micros::from_secs(20));
    let settled = changed + Micros::from_secs(12);
    let counts_settled = call
        .since(settled)
        .filter(|heard| heard.delay_us.is_none())
        .count();
    assert_eq!(counts_settled, 0);
    assert!(
        call.worst_delay_ms(settled) <= 60,
        "{} ms",
        call.worst_delay_ms(settled)
    );
}

#[test]
fn a_tone_that_breaks_off_fades_out_within_60_ms_and_never_clips() {
    // 440 Hz at full scale, without trigonometry: a rotation by a fixed angle.
    let (cos, sin) = (0.985_109_3_f64, 0.171_929_1_f64);
    let (mut x, mut y) = (32_700.0, 0.0);
    let mut tone = || {
        let mut block = [0i16; BLOCK_SAMPLES];
        for sample in &mut block {
            (x, y) = (x * cos - y * sin, x * sin + y * cos);
            *sample = x as i16;
        }
        block
    };
    let mut buffer = JitterBuffer::new();
    let mut out = [0; BLOCK_SAMPLES];
    let mut now = Instant(50_000_000);
    for sequence in 0..50 {
        buffer.push(SequenceNumber(sequence), now, now, &tone());
        now += BLOCK_TIME;
        buffer.pop(now, &mut out);
    }
    let loudest = |block: &Block| block.iter().map(|s| s.unsigned_abs()).max().unwrap();
    let energy = |block: &Block| {
        block
            .iter()
            .map(|&s| i64::from(s) * i64::from(s))
            .sum::<i64>()
    };
    let mut last = (energy(&out), out[BLOCK_SAMPLES - 1]);
    // Blocks that are still held are played first.
    let mut concealed = 0;
    for _ in 0..8 {
        now += BLOCK_TIME;
        let playout = buffer.pop(now, &mut out);
        if playout == Playout::Concealed {
            concealed += 1;
            assert!(loudest(&out) <= 32_700, "no louder than what was heard");
            assert!(energy(&out) < last.0, "each block is softer");
            let jump = i32::from(out[0]) - i32::from(last.1);
            assert!(jump.abs() < 12_000, "no click: a jump of {jump}");
        }
        last = (energy(&out), out[BLOCK_SAMPLES - 1]);
    }
    assert_eq!(concealed, 3);
    assert_eq!(out, [0; BLOCK_SAMPLES], "and then it is silent");
}

proptest! {
    #[test]
    fn any_numbers_and_times_are_survived(
        steps in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u64>(), 0u8..4), 1..200)
    ) {
        let mut buffer = JitterBuffer::new();
        let (mut out, mut pushed) = ([0; BLOCK_SAMPLES], 0);
        for (sequence, captured, now, which) in steps {
            let extreme = |n: u64| match n % 5 { 0 => u64::MAX - n % 64, 1 => n % 64, 2 => (1 << 63) - 32 + n % 64, _ => n };
            let (sequence, captured, now) = (extreme(sequence), extreme(captured), extreme(now));
            if which > 0 {
                pushed += 1;
                buffer.push(SequenceNumber(sequence), Instant(captured), Instant(now), &[i16::MIN; BLOCK_SAMPLES]);
            } else {
                buffer.pop(Instant(now), &mut out);
            }
        }
        for _ in 0..40 {
            buffer.pop(Instant(u64::MAX), &mut out);
            buffer.pop(Instant(0), &mut out);
        }
        let counts = buffer.counts();
        prop_assert!(counts.heard + counts.late + counts.skipped <= pushed);
    }

    #[test]
    fn no_block_is_heard_twice_or_out_of_order(
        numbers in proptest::collection::vec((0u64..60, 0u64..40_000), 1..200)
    ) {
        let (mut buffer, mut out, mut last) = (JitterBuffer::new(), [0; BLOCK_SAMPLES], None);
        let mut now = Instant(1_000_000);
        for (sequence, gap) in numbers {
            let captured = Instant(sequence * BLOCK_TIME.0);
            let block = [sequence as i16; BLOCK_SAMPLES];
            buffer.push(SequenceNumber(sequence), captured, now, &block);
            now += Micros(gap);
            if let Playout::Heard { captured } = buffer.pop(now, &mut out) {
                prop_assert!(last.is_none_or(|last| captured > last));
                prop_assert_eq!(i64::from(out[BLOCK_SAMPLES - 1]), (captured.0 / BLOCK_TIME.0).cast_signed());
                last = Some(captured);
            }
        }
    }
}
