//! Frames in, frames out: any length, any parts, any path.

use crate::common::network::{Network, Path};
use crate::common::random::{Random, for_seeds};
use crate::ends::*;
use conclave_protocol::id::{SequenceNumber, StreamId};
use conclave_protocol::packetize::{MAX_FRAME_BYTES, PacketizeError};
use conclave_protocol::receiver::Receiver;
use conclave_protocol::sender::{DatagramBatch, StreamSender};
use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::Suite;
use conclave_protocol::wire::header::{HEADER_BYTES, HOP_HEADER_BYTES, Header, Kind, TAG_BYTES};
use conclave_protocol::{MAX_DATAGRAM, id::FrameNumber};
use proptest::prelude::*;

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
fn a_stream_that_is_numbered_again_is_seen_at_once_and_has_lost_nothing() {
    let key = sender_key(Suite::Aes256Gcm);
    let mut receiver = receiver(&key);
    let mut first = StreamSender::new(uplink(), Kind::Video, VIDEO, &key);
    let mut second = StreamSender::new(uplink(), Kind::Video, VIDEO, &key);
    for number in 0..100u32 {
        let packet = sealed(&mut first, b"before", T0).remove(0);
        let seen = picture(&mut receiver, &packet, T0);
        assert_eq!(seen, Some((FrameNumber(number), b"before".to_vec())));
    }
    // Half of a picture is under way when the device changes.
    let half = sealed(&mut first, &[1; 2000], T0).remove(0);
    assert_eq!(picture(&mut receiver, &half, T0), None);
    let packet = sealed(&mut second, b"after", T0).remove(0);
    let seen = picture(&mut receiver, &packet, T0);
    assert_eq!(seen, Some((FrameNumber(0), b"after".to_vec())));
    let _ = sealed(&mut second, b"lost", T0);
    let packet = sealed(&mut second, b"again", T0).remove(0);
    assert!(picture(&mut receiver, &packet, T0).is_some());
    let (.., counts) = receiver.counts().find(|&(_, id, ..)| id == VIDEO).unwrap();
    assert_eq!((counts.packets, counts.packets_lost), (103, 1));
}

#[test]
fn layers_of_one_source_are_streams_of_their_own() {
    let key = sender_key(Suite::Aes256Gcm);
    let (full, half) = (StreamId(20), StreamId(21));
    let mut receiver = Receiver::new();
    receiver.add_participant(ANA).unwrap();
    for stream in [full, half] {
        receiver.add_stream(ANA, stream, camera()).unwrap();
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

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
}
