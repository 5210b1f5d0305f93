//! No nonce is used twice, whatever happens to a participant and whatever numbers the relay assigns.

use crate::common::random::Random;
use crate::ends::*;
use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::hop::HopHeader;
use conclave_protocol::id::StreamId;
use conclave_protocol::keyring::OwnKey;
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{DatagramBatch, StreamSender};
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::wire::control::Suite;
use conclave_protocol::wire::header::{HOP_HEADER_BYTES, Header, Kind};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;

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

/// An event in the life of a sending participant.
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
        // A hostile relay gives two of the three streams the same number.
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
}
