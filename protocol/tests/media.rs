//! Media end to end: a sender, a path that loses, doubles and reorders, a relay's hop check, a receiver.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeSet;
use std::sync::Arc;

use common::network::{Network, Path};
use common::random::{Random, for_seeds};
use conclave_protocol::hop::{HopHeader, HopKeys};
use conclave_protocol::id::{Epoch, ParticipantId, SequenceNumber, SessionId, StreamId};
use conclave_protocol::keyring::{HandOut, KEPT_GENERATION, OwnKey};
use conclave_protocol::packetize::{MAX_FRAME_BYTES, PacketizeError};
use conclave_protocol::receiver::{DropReason, HELD_FOR, HELD_PACKETS, Received, Receiver};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::PictureSize;
use conclave_protocol::wire::control::{AudioCodec, Layer, Media, Picture, Suite};
use conclave_protocol::wire::header::{HEADER_BYTES, HOP_HEADER_BYTES, Header, Kind, TAG_BYTES};
use conclave_protocol::{MAX_DATAGRAM, id::FrameNumber};
use proptest::prelude::*;

const ANA: ParticipantId = ParticipantId(1);
const EVE: ParticipantId = ParticipantId(2);
const VIDEO: StreamId = StreamId(10);
const AUDIO: StreamId = StreamId(11);
const HOP_SECRET: Secret<32> = Secret([5; 32]);
const T0: Instant = Instant(1_000_000);

fn camera() -> Media {
    Media::Camera(Picture {
        layer: Layer::Full,
        size: PictureSize {
            width: 640,
            height: 480,
        },
        fps: 30,
    })
}

fn sender_key(suite: Suite) -> SenderKey {
    SenderKey::fresh(0, suite, Secret([9; 32]))
}

fn uplink() -> Arc<Uplink> {
    Arc::new(Uplink::new(SessionId(7), &HOP_SECRET))
}

fn stream(kind: Kind, stream: StreamId, key: &SenderKey) -> StreamSender {
    StreamSender::starting_at(uplink(), kind, stream, key, SequenceNumber(0))
}

/// A receiver that knows Ana and both her streams, and has her key.
fn receiver(key: &SenderKey) -> Receiver {
    let mut receiver = Receiver::new();
    receiver.add_participant(ANA);
    receiver.add_stream(ANA, VIDEO, camera());
    receiver.add_stream(ANA, AUDIO, Media::Audio(AudioCodec::L16Mono16k));
    assert!(receiver.set_key(ANA, key.clone(), T0).is_empty());
    receiver
}

/// What a relay sends on of each datagram: the packet, once it is proven.
fn packets(batch: &DatagramBatch) -> Vec<Vec<u8>> {
    let hop = HopKeys::derive(&HOP_SECRET);
    batch
        .datagrams()
        .map(|datagram| hop.prove_media(datagram).unwrap().to_vec())
        .collect()
}

fn sealed(sender: &mut StreamSender, frame: &[u8], captured: Instant) -> Vec<Vec<u8>> {
    let mut batch = DatagramBatch::default();
    sender
        .seal_frame(&[frame], 0, captured, &mut batch)
        .unwrap();
    packets(&batch)
}

fn picture(receiver: &mut Receiver, packet: &[u8], now: Instant) -> Option<(FrameNumber, Vec<u8>)> {
    match receiver.handle_packet(&mut packet.to_vec(), now) {
        Ok(Received::Picture { frame, .. }) => Some((frame.frame, frame.bytes.to_vec())),
        _ => None,
    }
}

fn refusal(receiver: &mut Receiver, packet: &[u8], now: Instant) -> Option<DropReason> {
    receiver.handle_packet(&mut packet.to_vec(), now).err()
}

#[test]
fn a_frame_comes_out_as_it_went_in_under_either_suite() {
    let mut random = Random::new(1);
    for suite in [Suite::Aes256Gcm, Suite::ChaCha20Poly1305] {
        let key = sender_key(suite);
        let (mut sender, mut receiver) = (stream(Kind::Video, VIDEO, &key), receiver(&key));
        for (number, length) in [1, 1123, 1124, 1125, 40_000, MAX_FRAME_BYTES]
            .into_iter()
            .enumerate()
        {
            let frame = random.bytes(length);
            let packets = sealed(&mut sender, &frame, T0);
            assert_eq!(packets.len(), length.div_ceil(1124));
            let mut pictures = packets.iter().filter_map(|p| picture(&mut receiver, p, T0));
            assert_eq!(pictures.next(), Some((FrameNumber(number as u32), frame)));
        }
    }
}

#[test]
fn all_but_the_last_datagram_are_full() {
    let mut sender = stream(Kind::Video, VIDEO, &sender_key(Suite::Aes256Gcm));
    let mut batch = DatagramBatch::default();
    sender.seal_frame(&[&[1; 3000]], 0, T0, &mut batch).unwrap();
    let lengths: Vec<_> = batch.datagrams().map(<[u8]>::len).collect();
    assert_eq!(
        lengths,
        [
            MAX_DATAGRAM,
            MAX_DATAGRAM,
            3000 - 2 * 1124 + HOP_HEADER_BYTES + HEADER_BYTES + TAG_BYTES
        ]
    );
}

#[test]
fn an_empty_or_too_long_frame_is_refused_and_nothing_is_counted() {
    let key = sender_key(Suite::Aes256Gcm);
    let mut sender = stream(Kind::Video, VIDEO, &key);
    let mut batch = DatagramBatch::default();
    sender.seal_frame(&[b"before"], 0, T0, &mut batch).unwrap();
    assert_eq!(
        sender.seal_frame(&[&[], &[]], 0, T0, &mut batch),
        Err(PacketizeError::Empty)
    );
    assert!(batch.bytes().is_empty(), "nothing old is left to be sent");
    let long = vec![0; MAX_FRAME_BYTES];
    let too_long = sender.seal_frame(&[&long, &[1]], 0, T0, &mut batch);
    assert_eq!(too_long, Err(PacketizeError::TooLong(MAX_FRAME_BYTES + 1)));
    let next = Header::parse(&sealed(&mut sender, b"after", T0)[0]).unwrap();
    assert_eq!(
        (next.sequence, next.frame),
        (SequenceNumber(1), FrameNumber(1))
    );
}

#[test]
fn a_rough_path_gives_only_true_frames_in_rising_order_and_most_of_them() {
    for_seeds(0..8, |seed| {
        let key = sender_key(Suite::Aes256Gcm);
        let (mut sender, mut receiver) = (stream(Kind::Video, VIDEO, &key), receiver(&key));
        let mut random = Random::new(seed);
        let mut network = Network::new(
            Path {
                lost_per_mille: 5,
                ..Path::ROUGH
            },
            seed,
        );
        let (mut sent, mut got) = (Vec::new(), Vec::new());
        for number in 0..100u64 {
            let now = T0 + Micros(number * 33_333);
            let length = 1 + random.below(20_000) as usize;
            sent.push(random.bytes(length));
            for packet in sealed(&mut sender, &sent[number as usize], now) {
                network.send(&packet, now);
            }
            while let Some((at, packet)) = network.arrived(now) {
                got.extend(picture(&mut receiver, &packet, at));
            }
        }
        assert!(got.len() > 60, "{} of 100 came", got.len());
        assert!(got.is_sorted_by(|a, b| a.0 < b.0));
        assert!(
            got.iter()
                .all(|(number, bytes)| *bytes == sent[number.0 as usize])
        );
        let (.., counts) = receiver.counts().find(|&(_, id, ..)| id == VIDEO).unwrap();
        assert_eq!(counts.frames.complete, got.len() as u64);
        assert!(counts.packets_lost > 0 && counts.jitter > Micros::ZERO);
    });
}

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
    receiver.add_participant(EVE);
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
    // A stream's number moved to another stream of the same sender: its key is another.
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
fn keys_change_under_a_running_stream_when_somebody_comes_and_when_somebody_leaves() {
    let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([1; 32]));
    let mut sender = stream(Kind::Audio, AUDIO, own.key());
    let (mut stays, mut comes) = (receiver(own.key()), Receiver::new());
    let first = sealed(&mut sender, &[1; 640], T0).remove(0);
    assert!(refusal(&mut stays, &first, T0).is_none());

    assert_eq!(own.somebody_came(Secret([2; 32])), HandOut::Newcomers);
    sender.rekey(own.key());
    comes.add_participant(ANA);
    comes.add_stream(ANA, AUDIO, Media::Audio(AudioCodec::L16Mono16k));
    assert!(comes.set_key(ANA, own.key().clone(), T0).is_empty());
    let second = sealed(&mut sender, &[2; 640], T0).remove(0);
    assert!(
        refusal(&mut stays, &second, T0).is_none(),
        "who was there derives it"
    );
    assert!(refusal(&mut comes, &second, T0).is_none());
    assert!(
        matches!(
            comes.handle_packet(&mut first.clone(), T0),
            Ok(Received::Held)
        ),
        "what was before is closed to the newcomer"
    );

    assert_eq!(own.somebody_left(Secret([3; 32])), HandOut::Everyone);
    sender.rekey(own.key());
    let third = sealed(&mut sender, &[3; 640], T0).remove(0);
    assert!(
        matches!(
            comes.handle_packet(&mut third.clone(), T0),
            Ok(Received::Held)
        ),
        "who left and has no new key cannot open it"
    );
    assert!(stays.set_key(ANA, own.key().clone(), T0).is_empty());
    assert!(refusal(&mut stays, &third, T0).is_none());
}

#[test]
fn the_generation_before_is_of_no_use_after_two_seconds_even_where_it_was_in_use() {
    let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([1; 32]));
    let mut sender = stream(Kind::Audio, AUDIO, own.key());
    let mut receiver = receiver(own.key());
    let old: Vec<_> = (0..3)
        .flat_map(|_| sealed(&mut sender, &[1; 640], T0))
        .collect();
    assert!(refusal(&mut receiver, &old[0], T0).is_none());
    own.somebody_left(Secret([2; 32]));
    assert!(receiver.set_key(ANA, own.key().clone(), T0).is_empty());
    let just_before = Instant((T0 + KEPT_GENERATION).0 - 1);
    assert!(refusal(&mut receiver, &old[1], just_before).is_none());
    let after = T0 + KEPT_GENERATION;
    assert!(!matches!(
        receiver.handle_packet(&mut old[2].clone(), after),
        Ok(Received::Audio { .. })
    ));
}

#[test]
fn a_generation_s_number_that_comes_round_does_not_bring_its_old_key_back() {
    let old = SenderKey::fresh(3, Suite::Aes256Gcm, Secret([1; 32]));
    let anew = SenderKey::fresh(3, Suite::Aes256Gcm, Secret([2; 32]));
    let mut receiver = receiver(&old);
    let packet = sealed(&mut stream(Kind::Audio, AUDIO, &old), &[1; 640], T0).remove(0);
    assert!(refusal(&mut receiver, &packet, T0).is_none());
    assert!(receiver.set_key(ANA, anew.clone(), T0).is_empty());
    let mut sender =
        StreamSender::starting_at(uplink(), Kind::Audio, AUDIO, &anew, SequenceNumber(5));
    let packet = sealed(&mut sender, &[2; 640], T0).remove(0);
    assert!(refusal(&mut receiver, &packet, T0).is_none());
}

#[test]
fn packets_that_overtake_their_key_are_held_and_released_by_it() {
    let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([1; 32]));
    let mut receiver = receiver(own.key());
    own.somebody_left(Secret([2; 32]));
    let mut sender = stream(Kind::Audio, AUDIO, own.key());
    let early: Vec<_> = (0..HELD_PACKETS + 1)
        .flat_map(|_| sealed(&mut sender, &[1; 640], T0))
        .collect();
    for packet in &early[..HELD_PACKETS] {
        assert!(matches!(
            receiver.handle_packet(&mut packet.clone(), T0),
            Ok(Received::Held)
        ));
    }
    assert_eq!(
        refusal(&mut receiver, &early[HELD_PACKETS], T0),
        Some(DropReason::NoKey)
    );
    let released = receiver.set_key(ANA, own.key().clone(), T0 + HELD_FOR);
    assert_eq!(released, early[..HELD_PACKETS]);
    for packet in &released {
        assert!(refusal(&mut receiver, packet, T0 + HELD_FOR).is_none());
    }
}

#[test]
fn what_was_held_too_long_is_gone() {
    let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([1; 32]));
    let mut receiver = receiver(own.key());
    own.somebody_left(Secret([2; 32]));
    let mut sender = stream(Kind::Audio, AUDIO, own.key());
    for _ in 0..HELD_PACKETS {
        let packet = sealed(&mut sender, &[1; 640], T0).remove(0);
        assert!(matches!(
            receiver.handle_packet(&mut packet.clone(), T0),
            Ok(Received::Held)
        ));
    }
    let later = T0 + HELD_FOR + Micros(1);
    let packet = sealed(&mut sender, &[1; 640], T0).remove(0);
    assert!(matches!(
        receiver.handle_packet(&mut packet.clone(), later),
        Ok(Received::Held)
    ));
    assert_eq!(receiver.set_key(ANA, own.key().clone(), later), [packet]);
}

#[test]
fn reports_say_what_came_of_each_stream() {
    let key = sender_key(Suite::Aes256Gcm);
    let (mut sender, mut receiver) = (stream(Kind::Audio, AUDIO, &key), receiver(&key));
    assert_eq!(
        receiver.reports().count(),
        0,
        "nothing came, nothing to say"
    );
    for number in 0..10u64 {
        let packet = sealed(&mut sender, &[1; 640], T0 + Micros(number * 20_000)).remove(0);
        if number % 5 != 1 {
            let queue_grows = Micros(number * 21_000);
            assert!(refusal(&mut receiver, &packet, T0 + queue_grows).is_none());
        }
        if number == 4 {
            assert_eq!(receiver.reports().count(), 1);
        }
    }
    let report = receiver.reports().next().unwrap();
    assert_eq!(
        (report.stream, report.highest, report.lost),
        (AUDIO, SequenceNumber(9), 2)
    );
    assert_eq!(
        report.trend_us, 5_000,
        "5 blocks, each 1 ms later than the one before"
    );
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
            assert_eq!(receiver.reports().count(), 2);
        }
    }
    // The last number is never taken: nothing could come after it.
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
fn two_streams_that_a_relay_numbers_alike_share_no_nonce() {
    let (key, uplink) = (sender_key(Suite::Aes256Gcm), uplink());
    let mut nonces = BTreeSet::new();
    for _ in 0..3 {
        let mut sender = StreamSender::new(Arc::clone(&uplink), Kind::Video, VIDEO, &key);
        for packet in sealed(&mut sender, &[1; 5000], T0) {
            assert!(nonces.insert(Header::parse(&packet).unwrap().sequence));
        }
    }
}

/// What happens to a participant who sends.
#[derive(Clone, Debug)]
enum Step {
    Frame { stream: usize, length: usize },
    Refused,
    Feedback,
    SomebodyCame,
    SomebodyLeft,
    Republished { stream: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => (0usize..3, 1usize..4000).prop_map(|(stream, length)| Step::Frame { stream, length }),
        1 => Just(Step::Refused),
        2 => Just(Step::Feedback),
        2 => Just(Step::SomebodyCame),
        1 => Just(Step::SomebodyLeft),
        1 => (0usize..3).prop_map(|stream| Step::Republished { stream }),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_nonce_is_used_twice(steps in steps()) {
        let uplink = uplink();
        let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([0; 32]));
        let mut random = Random::new(1);
        // A hostile relay: two of the three streams have one number.
        let ids = [StreamId(1), StreamId(1), StreamId(2)];
        let start = |key: &SenderKey, i: usize| StreamSender::new(Arc::clone(&uplink), Kind::Video, ids[i], key);
        let mut senders: Vec<_> = (0..3).map(|i| start(own.key(), i)).collect();
        let (mut sealed, mut counters, mut batch) = (BTreeSet::new(), BTreeSet::new(), DatagramBatch::default());
        for step in steps {
            match step {
                Step::Frame { stream, length } => {
                    senders[stream].seal_frame(&[&vec![0; length]], 0, T0, &mut batch).unwrap();
                    for datagram in batch.datagrams() {
                        let header = Header::parse(&datagram[HOP_HEADER_BYTES..]).unwrap();
                        prop_assert!(sealed.insert((header.epoch, header.stream, header.sequence)));
                        prop_assert!(counters.insert(HopHeader::parse(datagram).unwrap().counter));
                    }
                }
                Step::Refused => { let _ = senders[0].seal_frame(&[], 0, T0, &mut batch); }
                Step::Feedback => {
                    let mut out = [0; MAX_DATAGRAM];
                    let length = uplink.seal(Kind::Probe, &1u8, &mut out).unwrap();
                    prop_assert!(counters.insert(HopHeader::parse(&out[..length]).unwrap().counter));
                }
                Step::SomebodyCame | Step::SomebodyLeft => {
                    if matches!(step, Step::SomebodyCame) {
                        own.somebody_came(Secret(random.secret()));
                    } else {
                        own.somebody_left(Secret(random.secret()));
                    }
                    senders.iter_mut().for_each(|sender| sender.rekey(own.key()));
                }
                Step::Republished { stream } => senders[stream] = start(own.key(), stream),
            }
        }
    }

    #[test]
    fn parts_split_anywhere_give_the_same_datagrams(
        length in 1usize..5000, cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let frame = Random::new(length as u64).bytes(length);
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(length + 1)).collect();
        cuts.sort_unstable();
        let mut parts = Vec::new();
        let mut start = 0;
        for cut in cuts {
            parts.push(&frame[start..cut]);
            start = cut;
        }
        parts.push(&frame[start..]);
        let key = sender_key(Suite::Aes256Gcm);
        let (mut whole, mut pieces) = (DatagramBatch::default(), DatagramBatch::default());
        stream(Kind::Video, VIDEO, &key).seal_frame(&[&frame], 3, T0, &mut whole).unwrap();
        stream(Kind::Video, VIDEO, &key).seal_frame(&parts, 3, T0, &mut pieces).unwrap();
        prop_assert_eq!(whole.bytes(), pieces.bytes());
    }

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
        prop_assert_eq!(receiver.reports().count(), 0);
    }
}

#[test]
fn layers_of_one_source_are_streams_of_their_own() {
    let key = sender_key(Suite::Aes256Gcm);
    let (full, half) = (StreamId(20), StreamId(21));
    let mut receiver = Receiver::new();
    receiver.add_participant(ANA);
    for stream in [full, half] {
        receiver.add_stream(ANA, stream, camera());
    }
    assert!(receiver.set_key(ANA, key.clone(), T0).is_empty());
    let a = sealed(&mut stream(Kind::Video, full, &key), b"full", T0).remove(0);
    let b = sealed(&mut stream(Kind::Video, half, &key), b"half", T0).remove(0);
    assert_eq!(
        picture(&mut receiver, &a, T0),
        Some((FrameNumber(0), b"full".to_vec()))
    );
    assert_eq!(
        picture(&mut receiver, &b, T0),
        Some((FrameNumber(0), b"half".to_vec()))
    );
}
