//! Members who replay, forge, send as others, or make up numbers.

use crate::ends::*;
use conclave_protocol::id::{Epoch, ParticipantId, SequenceNumber, StreamId};
use conclave_protocol::receiver::{DropReason, HELD_FOR, NumberReused, Received, Receiver};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::StreamSender;
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{AudioCodec, Media, Suite};
use conclave_protocol::wire::header::{HEADER_BYTES, Kind};
use proptest::prelude::*;

#[test]
fn a_packet_is_taken_once_and_nothing_altered_is_taken() {
    let key = sender_key(Suite::Aes256Gcm);
    let (mut sender, mut receiver) = (stream(Kind::Audio, AUDIO, &key), receiver(&key));
    let packet = sealed(&mut sender, &[1; 640], T0).remove(0);
    for at in 0..packet.len() {
        let mut altered = packet.clone();
        altered[at] ^= 1;
        assert!(
            !matches!(
                receiver.handle_packet(&mut altered, T0),
                Ok(Received::Audio { .. })
            ),
            "byte {at}"
        );
    }
    assert!(
        refusal(&mut receiver, &packet, T0).is_none(),
        "the true one still counts"
    );
    assert_eq!(
        refusal(&mut receiver, &packet, T0),
        Some(DropReason::Replayed)
    );
    let (.., counts) = receiver.counts().find(|&(_, id, ..)| id == AUDIO).unwrap();
    assert_eq!(
        (counts.packets, counts.bytes, counts.packets_lost),
        (1, 640, 0)
    );
}

#[test]
fn nobody_sends_as_somebody_else() {
    let (ana, eve) = (
        sender_key(Suite::Aes256Gcm),
        SenderKey::fresh(0, Suite::Aes256Gcm, Secret([66; 32])),
    );
    let mut receiver = receiver(&ana);
    receiver.add_participant(EVE).unwrap();
    assert!(receiver.set_key(EVE, eve.clone(), T0).is_empty());
    let forged = sealed(&mut stream(Kind::Audio, AUDIO, &eve), &[1; 640], T0);
    assert_eq!(
        refusal(&mut receiver, &forged[0], T0),
        Some(DropReason::Forged)
    );
    let unknown = sealed(&mut stream(Kind::Audio, StreamId(99), &ana), &[1; 640], T0);
    assert_eq!(
        refusal(&mut receiver, &unknown[0], T0),
        Some(DropReason::UnknownStream)
    );
    let other_kind = sealed(&mut stream(Kind::Screen, VIDEO, &ana), &[1; 640], T0);
    assert_eq!(
        refusal(&mut receiver, &other_kind[0], T0),
        Some(DropReason::WrongKind)
    );
    // A stream's number is replaced by that of another stream of the same sender, which has a different key.
    let mut moved = sealed(&mut stream(Kind::Audio, StreamId(12), &ana), &[1; 640], T0).remove(0);
    moved[4..8].copy_from_slice(&AUDIO.0.to_le_bytes());
    assert_eq!(refusal(&mut receiver, &moved, T0), Some(DropReason::Forged));
}

#[test]
fn who_left_is_heard_no_more() {
    let key = sender_key(Suite::Aes256Gcm);
    let (mut sender, mut receiver) = (stream(Kind::Audio, AUDIO, &key), receiver(&key));
    let packets: Vec<_> = (0..3)
        .flat_map(|_| sealed(&mut sender, &[1; 640], T0))
        .collect();
    assert!(refusal(&mut receiver, &packets[0], T0).is_none());
    receiver.remove_stream(AUDIO);
    assert_eq!(
        refusal(&mut receiver, &packets[1], T0),
        Some(DropReason::UnknownStream)
    );
    receiver.remove_participant(ANA);
    assert_eq!(
        refusal(&mut receiver, &packets[2], T0),
        Some(DropReason::UnknownStream)
    );
    assert_eq!(receiver.counts().count(), 0);
}

#[test]
fn a_hostile_member_s_numbers_are_survived() {
    let key = sender_key(Suite::Aes256Gcm);
    let mut receiver = receiver(&key);
    for sequence in [0, 1, u64::MAX - 2, u64::MAX - 3, 5] {
        for captured in [Instant(0), Instant(u64::MAX), Instant(1 << 63)] {
            for (kind, id) in [(Kind::Audio, AUDIO), (Kind::Video, VIDEO)] {
                let mut sender =
                    StreamSender::starting_at(uplink(), kind, id, &key, SequenceNumber(sequence));
                for packet in sealed(&mut sender, &[1; 64], captured) {
                    for now in [Instant(0), Instant(u64::MAX)] {
                        let _ = receiver.handle_packet(&mut packet.clone(), now);
                    }
                }
            }
            let heard = receiver.counts().filter(|(.., counts)| counts.packets > 0);
            assert_eq!(heard.count(), 2);
        }
    }
    // The last number is never accepted: no number could follow it.
    let mut sender = StreamSender::starting_at(
        uplink(),
        Kind::Audio,
        AUDIO,
        &key,
        SequenceNumber(u64::MAX - 1),
    );
    let mut packet = sealed(&mut sender, &[1], T0).remove(0);
    packet[8..16].fill(0xff);
    assert_eq!(
        refusal(&mut receiver, &packet, T0),
        Some(DropReason::Replayed)
    );
}

#[test]
fn a_stream_that_is_over_does_not_begin_again_by_its_number() {
    let key = sender_key(Suite::Aes256Gcm);
    let mut receiver = receiver(&key);
    let packet = sealed(&mut stream(Kind::Audio, AUDIO, &key), &[1; 640], T0).remove(0);
    assert_eq!(refusal(&mut receiver, &packet, T0), None);
    receiver.remove_stream(AUDIO);
    let sound = Media::Audio(AudioCodec::L16Mono16k);
    assert_eq!(receiver.add_stream(ANA, AUDIO, sound), Err(NumberReused));
    assert_eq!(
        receiver.add_stream(ANA, StreamId(9), sound),
        Err(NumberReused),
        "nor does an earlier one"
    );
    assert_eq!(
        refusal(&mut receiver, &packet, T0),
        Some(DropReason::UnknownStream)
    );
    assert_eq!(receiver.add_stream(ANA, StreamId(12), sound), Ok(()));
}

#[test]
fn who_is_gone_does_not_come_back_by_their_number_with_what_they_said() {
    let key = sender_key(Suite::Aes256Gcm);
    let mut receiver = receiver(&key);
    let packet = sealed(&mut stream(Kind::Audio, AUDIO, &key), &[1; 640], T0).remove(0);
    assert_eq!(refusal(&mut receiver, &packet, T0), None);
    receiver.remove_participant(ANA);
    assert_eq!(receiver.add_participant(ANA), Err(NumberReused));
    assert_eq!(receiver.add_participant(EVE), Ok(()));
    let sound = Media::Audio(AudioCodec::L16Mono16k);
    assert_eq!(receiver.add_stream(ANA, AUDIO, sound), Ok(()));
    assert!(receiver.set_key(ANA, key, T0).is_empty());
    assert_eq!(
        refusal(&mut receiver, &packet, T0),
        Some(DropReason::UnknownStream)
    );
}

#[test]
fn nobody_s_stream_becomes_another_s() {
    let mut receiver = receiver(&sender_key(Suite::Aes256Gcm));
    receiver.add_participant(EVE).unwrap();
    let sound = Media::Audio(AudioCodec::L16Mono16k);
    assert_eq!(receiver.add_stream(EVE, AUDIO, sound), Err(NumberReused));
}

/// A hostile member with the maximum number of streams, who begins frames and never completes them.
fn begin_frames(receiver: &mut Receiver, packets_a_frame: usize) {
    let key = SenderKey::fresh(0, Suite::Aes256Gcm, Secret([66; 32]));
    receiver.add_participant(EVE).unwrap();
    assert!(receiver.set_key(EVE, key.clone(), T0).is_empty());
    for id in 100..108 {
        receiver.add_stream(EVE, StreamId(id), camera()).unwrap();
        let mut sender = stream(Kind::Video, StreamId(id), &key);
        for _ in 0..4 {
            let packets = sealed(&mut sender, &[1; 700_000], T0);
            for packet in &packets[..packets_a_frame] {
                assert!(refusal(receiver, packet, T0).is_none());
            }
        }
    }
}

#[test]
fn frames_that_are_begun_and_not_ended_cost_what_came_of_them() {
    let mut receiver = receiver(&sender_key(Suite::Aes256Gcm));
    begin_frames(&mut receiver, 1);
    let bytes = receiver.frame_bytes();
    assert!(bytes < 64 * 1024, "{bytes} B for 32 packets");
}

#[test]
fn who_begins_more_frames_than_there_is_memory_loses_their_own() {
    const BOUND: usize = 8 << 20;
    let key = sender_key(Suite::Aes256Gcm);
    let mut receiver = Receiver::with_memory(BOUND);
    receiver.add_participant(ANA).unwrap();
    receiver.add_stream(ANA, VIDEO, camera()).unwrap();
    assert!(receiver.set_key(ANA, key.clone(), T0).is_empty());
    let mut sender = stream(Kind::Video, VIDEO, &key);
    let ana = sealed(&mut sender, &[5; 300_000], T0);
    let (last, first) = ana.split_last().unwrap();
    for packet in first {
        assert!(refusal(&mut receiver, packet, T0).is_none());
    }
    begin_frames(&mut receiver, 600);
    let bytes = receiver.frame_bytes();
    assert!(bytes <= BOUND + (2 << 20), "{bytes} B");
    let seen = picture(&mut receiver, last, T0);
    assert!(seen.is_some(), "Ana's picture is still whole");
    receiver.remove_participant(EVE);
    receiver.remove_participant(ANA);
    let bytes = receiver.frame_bytes();
    assert!(bytes <= BOUND / 8 + (1 << 20), "{bytes} B without a member");
}

#[test]
fn packets_without_a_key_have_a_bound_for_all_senders_together() {
    const BOUND: usize = 1 << 20;
    let mut receiver = Receiver::with_memory(BOUND);
    let key = sender_key(Suite::Aes256Gcm);
    let mut held = 0;
    for id in 1..=20 {
        receiver.add_participant(ParticipantId(id)).unwrap();
        receiver
            .add_stream(ParticipantId(id), StreamId(id), camera())
            .unwrap();
        let mut sender = stream(Kind::Video, StreamId(id), &key);
        for mut packet in sealed(&mut sender, &[1; 40_000], T0) {
            if let Ok(Received::Held) = receiver.handle_packet(&mut packet, T0) {
                held += packet.len();
            }
        }
    }
    assert!(held > 0 && held <= BOUND / 8, "{held} B");
    // They are given up for others as soon as they are too old.
    let later = T0 + HELD_FOR + Micros(1);
    let mut sender = stream(Kind::Video, StreamId(1), &key);
    let mut packet = sealed(&mut sender, &[1; 1000], T0).remove(0);
    let outcome = receiver.handle_packet(&mut packet, later);
    assert!(matches!(outcome, Ok(Received::Held)), "{outcome:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_packets_are_survived(packets in proptest::collection::vec(
        (proptest::collection::vec(any::<u8>(), 0..200), any::<u16>(), any::<u64>()), 0..40)
    ) {
        let mut receiver = receiver(&sender_key(Suite::ChaCha20Poly1305));
        for (mut packet, epoch, now) in packets {
            if packet.len() >= HEADER_BYTES {
                packet[0] %= 2;
                packet[2..4].copy_from_slice(&Epoch(epoch).0.to_le_bytes());
                let stream = 10 + u32::from(packet[4] & 1);
                packet[4..8].copy_from_slice(&stream.to_le_bytes());
            }
            let outcome = receiver.handle_packet(&mut packet, Instant(now));
            prop_assert!(matches!(outcome, Err(_) | Ok(Received::Held)));
        }
        prop_assert!(receiver.counts().all(|(.., counts)| counts.packets == 0));
    }
}
