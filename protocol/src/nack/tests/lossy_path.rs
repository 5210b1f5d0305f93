//! How many frames come whole over a path that loses packets of both directions.

use alloc::vec::Vec;

use super::*;

/// The share of 900 frames that come whole before the next one does, and how late at most, on a path that
/// loses packets, requests and answers.
fn whole_at(loss_percent: u64, round_trip: Micros, seed: u64) -> (u32, Micros) {
    let (mut tracker, mut random) = (GapTracker::for_streams(8), seed);
    tracker.set_round_trip(round_trip);
    let mut is_lost = move || {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % 100 < loss_percent
    };
    let (mut whole, mut latest) = (0, Micros::ZERO);
    for frame in 0..900u32 {
        let begin = START + Micros(u64::from(frame) * 33_333);
        let mut under_way: Vec<(Instant, u16)> = Vec::new();
        let mut came = 0;
        let sent = (0..FRAGMENTS).filter(|_| !is_lost());
        under_way.extend(sent.map(|fragment| (begin, fragment)));
        while came < FRAGMENTS {
            under_way.sort_unstable();
            let arrival = under_way.first().map(|(at, _)| *at);
            let request = tracker.next_time();
            let next = arrival.into_iter().chain(request).min();
            let Some(now) = next.filter(|next| next.since(begin) < Micros(33_333)) else {
                break;
            };
            if arrival == Some(now) {
                let (_, fragment) = under_way.remove(0);
                let noted = tracker.note(&packet(VIDEO, frame, fragment), now);
                came += u16::from(noted != Came::Needless);
                latest = latest.max(now.since(begin));
            } else if let Some(nack) = tracker.ask(now) {
                let copies = if tracker.is_lossy() { 2 } else { 1 };
                if (0..copies).all(|_| is_lost()) {
                    continue;
                }
                for (_, number) in asked(&nack) {
                    let fragment = (number - 100) % u64::from(FRAGMENTS);
                    let frame_of = (number - 100) / u64::from(FRAGMENTS);
                    if frame_of == u64::from(frame) && !(0..copies).all(|_| is_lost()) {
                        under_way.push((now + round_trip, u16::try_from(fragment).unwrap()));
                    }
                }
            }
        }
        whole += u32::from(came == FRAGMENTS);
    }
    (whole, latest)
}

#[test]
fn most_frames_come_whole_in_time_where_packets_are_lost() {
    for (loss, round_trip, at_least) in [
        (1, 2, 899),
        (5, 2, 890),
        (1, 8, 895),
        (5, 8, 880),
        (5, 20, 800),
        (20, 2, 800),
    ] {
        for seed in 1..=5 {
            let (whole, latest) = whole_at(loss, Micros::from_millis(round_trip), seed);
            assert!(
                whole >= at_least,
                "{loss} %, {round_trip} ms, seed {seed}: {whole} of 900, latest {latest:?}"
            );
        }
    }
}
