//! The media plane over real sockets: what goes through, and what does not.

use std::net::UdpSocket;

use conclave_protocol::wire::control::{Request, ToRelay, Want};
use conclave_protocol::wire::header::{HOP_HEADER_BYTES, Kind};

use crate::harness::{Caller, Endpoint, Serving, TestRelay, elsewhere, wait_until};

#[test]
fn a_frame_reaches_every_other_member_byte_for_byte() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, room) = relay.call();
    let (eve, _) = relay.enter("Eve", 3, room);
    let mut eve = Caller::new(eve);
    for packet in ana.send_frame(34) {
        assert_eq!(bob.receive(), packet);
        assert_eq!(eve.receive(), packet);
    }
    ana.check_frame_from(&mut bob);
}

#[test]
fn without_udp_media_goes_over_the_control_connection() {
    let relay = TestRelay::start();
    let (mut ana, _bob, room) = relay.call();
    let (mut eve, _) = relay.enter("Eve", 3, room);
    // Down: Eve has shown no address.
    for packet in ana.send_frame(5) {
        while eve.datagrams.is_empty() {
            eve.read().unwrap();
        }
        assert_eq!(eve.datagrams.pop_front(), Some(packet));
    }
    // Up: Ana's next frame takes the other way in.
    let packets = ana.frame(5);
    for packet in &packets {
        let datagram = ana.tagged(packet);
        ana.control.send(&ToRelay::Datagram(datagram)).unwrap();
    }
    for packet in packets {
        while eve.datagrams.is_empty() {
            eve.read().unwrap();
        }
        assert_eq!(eve.datagrams.pop_front(), Some(packet));
    }
    // A probe crosses the same way and is answered the same way.
    let probe = ana.probe_bytes();
    ana.control.send(&ToRelay::Datagram(probe)).unwrap();
    while ana.control.datagrams.is_empty() {
        ana.control.read().unwrap();
    }
    assert_eq!(ana.control.datagrams[0][0], Kind::Probe as u8);
}

#[test]
fn a_session_moves_to_where_an_answer_reached_it_last() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, _) = relay.call();
    let late = bob.probe_bytes();
    let before = bob.udp.try_clone().unwrap();
    bob.udp = UdpSocket::bind((elsewhere(9), 0)).unwrap();
    bob.udp
        .set_read_timeout(Some(crate::harness::PATIENCE))
        .unwrap();
    bob.udp.connect(relay.address).unwrap();
    // What is sent from there alone does not show that anything arrives there.
    let packets = bob.send_frame(1);
    assert_eq!(ana.receive(), packets[0]);
    assert_eq!(relay.metrics.address_moves.get(), 0);
    bob.probe();
    bob.check_frame_from(&mut ana);
    assert_eq!(relay.metrics.address_moves.get(), 1);
    // What was overtaken on the way does not move it back.
    before.send(&late).unwrap();
    wait_until("the late probe", || relay.metrics.probes.get() >= 7);
    bob.check_frame_from(&mut ana);
    assert_eq!(relay.metrics.address_moves.get(), 1);
}

#[test]
fn where_no_answer_is_acknowledged_media_goes_over_the_control_connection() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, room) = relay.call();
    // Eve's probes come, and no answer reaches her.
    let mut eve = Caller::unproven(relay.enter("Eve", 3, room).0);
    for _ in 0..20 {
        let probe = eve.probe_bytes();
        eve.udp.send(&probe).unwrap();
    }
    wait_until("the probes", || relay.metrics.probes.get() >= 24);
    for packet in ana.send_frame(5) {
        assert_eq!(bob.receive(), packet);
        while eve.control.datagrams.is_empty() {
            eve.control.read().unwrap();
        }
        assert_eq!(eve.control.datagrams.pop_front(), Some(packet));
    }
}

#[test]
fn an_answer_is_as_long_as_its_probe_and_no_longer() {
    let relay = TestRelay::start();
    let (mut ana, _bob, _) = relay.call();
    for length in [100, 500, 1200] {
        let probe = ana.padded_probe_bytes(length);
        assert_eq!(probe.len(), length);
        ana.udp.send(&probe).unwrap();
        while ana.udp.recv(&mut [0; 2048]).unwrap() != length {}
    }
}

#[test]
fn nobody_gets_what_they_do_not_want() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, _) = relay.call();
    let stream = ana.stream;
    let choose = |want| Request::Subscribe { stream, want };
    bob.control.request(choose(Want::Nothing)).unwrap();
    ana.send_frame(10);
    wait_until("the frame", || relay.metrics.packets_taken.get() == 10);
    bob.control
        .request(choose(Want::AtMost { fps: 10 }))
        .unwrap();
    // 30 frames a second by their capture times: each third passes, whole.
    let mut sent = Vec::new();
    for _ in 0..9 {
        sent.push(ana.send_frame(4));
    }
    wait_until("the frames", || relay.metrics.packets_taken.get() == 46);
    bob.control.request(choose(Want::All)).unwrap();
    let last = ana.send_frame(4);
    let mut got = Vec::new();
    while got.last() != last.last() {
        got.push(bob.receive());
    }
    got.truncate(got.len() - last.len());
    assert!(
        got.len() % 4 == 0,
        "{} packets are not whole frames",
        got.len()
    );
    assert!(
        (2..=4).contains(&(got.len() / 4)),
        "{} frames passed",
        got.len() / 4
    );
    assert_eq!(got[..4], sent[0]);
}

#[test]
fn what_is_not_proven_is_met_with_silence_and_counted() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, _) = relay.call();
    let metrics = &relay.metrics;
    let stranger = UdpSocket::bind((elsewhere(7), 0)).unwrap();
    stranger.connect(relay.address).unwrap();

    let packet = ana.packet(Kind::Video, 0, 1, 1000);
    let good = ana.tagged(&packet);
    let mut unknown = good.clone();
    unknown[0] ^= 1;
    stranger.send(&unknown).unwrap();
    wait_until("unknown session", || {
        metrics.datagrams_unknown_session.get() == 1
    });

    let mut forged = good.clone();
    forged[HOP_HEADER_BYTES - 1] ^= 1;
    stranger.send(&forged).unwrap();
    let mut forged_header = good.clone();
    forged_header[HOP_HEADER_BYTES + 5] ^= 1;
    stranger.send(&forged_header).unwrap();
    wait_until("wrong tags", || metrics.datagrams_forged.get() == 2);

    let mut wrong_kind = good.clone();
    wrong_kind[HOP_HEADER_BYTES] = 77;
    stranger.send(&wrong_kind).unwrap();
    stranger.send(&good[..HOP_HEADER_BYTES]).unwrap();
    stranger.send(&[0; 1300]).unwrap();
    wait_until("malformed", || metrics.datagrams_malformed.get() == 3);

    ana.udp.send(&good).unwrap();
    assert_eq!(bob.receive(), packet);
    // The same again, and from a third address: a copy proves nothing.
    ana.udp.send(&good).unwrap();
    stranger.send(&good).unwrap();
    wait_until("replays", || metrics.datagrams_replayed.get() == 2);
    assert_eq!(metrics.address_moves.get(), 0);

    // Proven, but not Ana's to send.
    let (own, theirs) = (ana.stream, bob.stream);
    ana.stream = theirs;
    let foreign = ana.packet(Kind::Video, 0, 1, 10);
    ana.stream = conclave_protocol::id::StreamId(4_000_000);
    let none = ana.packet(Kind::Video, 0, 1, 10);
    ana.stream = own;
    for packet in [foreign, none] {
        let datagram = ana.tagged(&packet);
        ana.udp.send(&datagram).unwrap();
    }
    wait_until("foreign streams", || {
        metrics.packets_foreign_stream.get() == 2
    });
    let sound = ana.packet(Kind::Audio, 0, 1, 10);
    let beyond = ana.packet(Kind::Video, 3, 3, 10);
    for packet in [sound, beyond] {
        let datagram = ana.tagged(&packet);
        ana.udp.send(&datagram).unwrap();
    }
    wait_until("wrong kinds", || metrics.packets_wrong_kind.get() == 2);

    // The stranger was told nothing, and the call goes on.
    stranger.set_nonblocking(true).unwrap();
    bob.check_frame_from(&mut ana);
    ana.check_frame_from(&mut bob);
    assert!(stranger.recv(&mut [0; 100]).is_err());
}

#[test]
fn counters_out_of_order_are_taken_once_within_the_window() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, _) = relay.call();
    let packets = ana.frame(20);
    let mut datagrams: Vec<_> = packets.iter().map(|packet| ana.tagged(packet)).collect();
    datagrams.reverse();
    for datagram in &datagrams {
        ana.udp.send(datagram).unwrap();
    }
    let mut got: Vec<_> = (0..20).map(|_| bob.receive()).collect();
    got.reverse();
    assert_eq!(got, packets);
    let old = ana.packet(Kind::Video, 0, 1, 10);
    let old = ana.tagged(&old);
    ana.counter += 2000;
    bob.check_frame_from(&mut ana);
    ana.udp.send(&old).unwrap();
    wait_until("too old", || relay.metrics.datagrams_replayed.get() == 1);
}

#[test]
fn a_hundred_thousand_random_datagrams_move_nothing() {
    let relay = TestRelay::start();
    let (mut ana, mut bob, _) = relay.call();
    bob.check_frame_from(&mut ana);
    let before = crate::harness::resident_kib();
    let stranger = UdpSocket::bind((elsewhere(8), 0)).unwrap();
    stranger.connect(relay.address).unwrap();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = [0; 1400];
    for n in 0..100_000 {
        for word in bytes.chunks_mut(8) {
            // xorshift64*: the same datagrams each run.
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            word.copy_from_slice(
                &state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()[..word.len()],
            );
        }
        // Some claim a live session, to get further in.
        if n % 3 == 0 {
            bytes[..4].copy_from_slice(&ana.session.0.to_le_bytes());
            bytes[HOP_HEADER_BYTES] = (n % 6) as u8;
        }
        let length = (state % 1300) as usize;
        let _ = stranger.send(&bytes[..length]);
    }
    // The stranger's are out of the relay's queue then, where they might have left no room for a frame; and the
    // paths are fresh again, however long it took.
    ana.refresh();
    bob.refresh();
    bob.check_frame_from(&mut ana);
    ana.check_frame_from(&mut bob);
    let grown = crate::harness::resident_kib().saturating_sub(before);
    assert!(grown < 16 * 1024, "{grown} KiB more");
    stranger.set_nonblocking(true).unwrap();
    assert!(stranger.recv(&mut bytes).is_err());
}

#[test]
fn who_sends_too_much_is_limited_and_nobody_else() {
    let relay = TestRelay::start_with(|config| config.media.packets_per_second = 50);
    let (mut ana, mut bob, _) = relay.call();
    for _ in 0..10 {
        ana.send_frame(34);
    }
    wait_until("the limit", || relay.metrics.datagrams_limited.get() > 100);
    assert!(relay.metrics.packets_taken.get() < 200);
    let packets = bob.send_frame(34);
    // Ana's own queue holds nothing of hers, so the first she gets is Bob's.
    assert_eq!(ana.receive(), packets[0]);
}

#[test]
fn the_limit_that_a_session_runs_into_is_named_in_the_log_once() {
    for (variable, limit, key) in [
        ("PACKETS_PER_SECOND", "50", "media.packets_per_second"),
        ("BYTES_PER_SECOND", "2000", "media.bytes_per_second"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = std::fs::File::create(&path).unwrap();
        let variable = format!("CONCLAVE_RELAY__MEDIA__{variable}");
        let serving = Serving::start_with(folder.path(), &[(&variable, limit)], log.into());
        let mut ana = Endpoint::connect(serving.control, 1);
        ana.sign_in("Ana").unwrap();
        let room = ana.create("x", None, 4).unwrap();
        ana.join(room, None).unwrap();
        let mut ana = Caller::new(ana);
        let log = || std::fs::read_to_string(&path).unwrap();
        wait_until(key, || {
            ana.send_frame(34);
            log().contains(key)
        });
        for _ in 0..100 {
            ana.send_frame(34);
        }
        ana.refresh();
        assert_eq!(log().matches(key).count(), 1, "{}", log());
    }
}

#[test]
fn what_goes_beyond_a_senders_budget_is_dropped_and_counted_and_the_others_go_on() {
    let relay = TestRelay::start_with(|config| config.media.fan_out_bytes_per_second = 20_000);
    let (mut ana, mut bob, _) = relay.call();
    for _ in 0..10 {
        ana.send_frame(34);
    }
    wait_until("the budget", || {
        relay.metrics.packets_over_budget.get() > 100
    });
    assert_eq!(relay.metrics.packets_over_offer.get(), 0);
    let packets = bob.send_frame(20);
    // Ana's own queue holds nothing of hers, so the first she gets is Bob's.
    assert_eq!(ana.receive(), packets[0]);
}
