//! The control channel's two ends against each other, and against other peers.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use common::random::Random;
use conclave_protocol::channel::{
    ChannelError, ChannelEvent, EndpointChannel, RelayChannel, SendError,
};
use conclave_protocol::id::{ParticipantId, RequestId, RoomId, SessionId, SourceId, StreamId};
use conclave_protocol::identity::{Identity, PublicKey};
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::secret::Secret;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::{ClockOffset, PictureSize};
use conclave_protocol::wire::control::{
    Answer, AudioCodec, ClosingReason, Devices, Event, Joined, Layer, MAX_ROOM_CAPACITY, Media,
    Participant, Picture, Request, RoomSummary, SignedIn, Stream, StreamOffer, ToEndpoint, ToRelay,
};
use conclave_protocol::wire::framing::{self, MAX_HANDSHAKE, MAX_TO_ENDPOINT, MAX_TO_RELAY};
use proptest::prelude::*;

fn endpoint_identity() -> Identity {
    Identity::from_secret(Secret([1; 32]))
}

fn relay_identity() -> Identity {
    Identity::from_secret(Secret([2; 32]))
}

fn ends() -> (EndpointChannel, RelayChannel) {
    let pinned = Some(relay_identity().public());
    (
        EndpointChannel::initiator(&endpoint_identity(), pinned, Secret([3; 32])),
        RelayChannel::responder(&relay_identity(), Secret([4; 32])),
    )
}

/// All events of these bytes.
fn drain<I, O>(
    channel: &mut conclave_protocol::channel::Channel<I, O>,
    mut bytes: &[u8],
) -> Result<Vec<ChannelEvent<I>>, ChannelError>
where
    I: serde::de::DeserializeOwned,
    O: serde::Serialize,
{
    let mut events = Vec::new();
    while let Some(event) = channel.receive(&mut bytes)? {
        events.push(event);
    }
    assert!(bytes.is_empty(), "all is taken");
    Ok(events)
}

fn established() -> (EndpointChannel, RelayChannel) {
    let (mut endpoint, mut relay) = ends();
    assert_eq!(drain(&mut relay, &endpoint.take_output()), Ok(vec![]));
    let events = drain(&mut endpoint, &relay.take_output()).unwrap();
    let peer = relay_identity().public();
    assert_eq!(events, [ChannelEvent::Established { peer }]);
    let events = drain(&mut relay, &endpoint.take_output()).unwrap();
    let peer = endpoint_identity().public();
    assert_eq!(events, [ChannelEvent::Established { peer }]);
    (endpoint, relay)
}

fn request(id: u32) -> ToRelay {
    ToRelay::Request {
        id: RequestId(id),
        request: Request::LeaveRoom,
    }
}

fn ping(sent: u64) -> ToRelay {
    ToRelay::Ping {
        sent: Instant(sent),
    }
}

/// A sealed message of exactly `plain` bytes of plaintext.
fn datagrams(plain: usize) -> Option<ToRelay> {
    let overhead = 1 + if plain > 129 { 2 } else { 1 };
    (plain >= overhead).then(|| ToRelay::Datagram(vec![7; plain - overhead]))
}

fn rooms(count: usize, name: usize) -> ToEndpoint {
    let room = RoomSummary {
        id: conclave_protocol::id::RoomId(1),
        name: "r".repeat(name).parse().unwrap(),
        members: 0,
        capacity: 1,
        locked: false,
    };
    ToEndpoint::Reply {
        id: RequestId(1),
        result: Ok(Answer::Rooms {
            rooms: vec![room; count],
            more: false,
        }),
    }
}

#[test]
fn both_ends_learn_who_the_other_is() {
    let (endpoint, relay) = established();
    assert!(endpoint.is_established() && relay.is_established());
}

#[test]
fn nothing_is_sent_before_the_handshake_is_through() {
    let (mut endpoint, mut relay) = ends();
    assert_eq!(endpoint.send(&ping(1)), Err(SendError::NotEstablished));
    let closing = ToEndpoint::Event(Event::Closing {
        reason: ClosingReason::RelayStops,
    });
    assert_eq!(relay.send(&closing), Err(SendError::NotEstablished));
}

#[test]
fn a_relay_of_another_version_says_which_versions_it_speaks_and_the_endpoint_which_side_is_too_old()
{
    let (_, mut relay) = ends();
    let mut foreign = framing::preface();
    foreign[5] = 9;
    assert_eq!(
        drain(&mut relay, &foreign),
        Err(ChannelError::EndpointVersion {
            endpoint: 9,
            relay: framing::VERSION
        })
    );
    assert_eq!(
        relay.take_output(),
        framing::version_refusal(),
        "and this is to be written still"
    );

    for (range, older) in [([0, 2, 0, 3], "endpoint"), ([0, 0, 0, 0], "relay")] {
        for split in 0..8 {
            let (mut endpoint, _) = ends();
            let refusal = [&framing::MAGIC[..], &range].concat();
            assert_eq!(drain(&mut endpoint, &refusal[..split]), Ok(vec![]));
            let error = drain(&mut endpoint, &refusal[split..]).unwrap_err();
            assert!(
                error.to_string().ends_with(&format!("update the {older}")),
                "{error}"
            );
        }
    }
}

#[test]
fn a_stranger_s_first_bytes_are_foreign_to_either_side() {
    for hello in [
        *b"GET / HT",
        *b"CNCX\0\x01\0\0",
        *b"CNCL\0\x01\0\x01",
        [0x16, 3, 1, 2, 0, 1, 0, 1],
    ] {
        let (_, mut relay) = ends();
        assert_eq!(
            drain(&mut relay, &hello),
            Err(ChannelError::Foreign),
            "{hello:?}"
        );
        assert!(relay.take_output().is_empty(), "no answer to strangers");
    }
    let (mut endpoint, _) = ends();
    assert_eq!(
        drain(&mut endpoint, b"CNXX\0\x01\0\x01"),
        Err(ChannelError::Foreign)
    );
}

#[test]
fn a_changed_relay_identity_is_refused_with_both_fingerprints_before_ours_is_shown() {
    let known = PublicKey([9; 32]);
    let mut endpoint =
        EndpointChannel::initiator(&endpoint_identity(), Some(known), Secret([3; 32]));
    let (_, mut relay) = ends();
    drain(&mut relay, &endpoint.take_output()).unwrap();
    let error = drain(&mut endpoint, &relay.take_output()).unwrap_err();
    let met = relay_identity().public();
    assert_eq!(error, ChannelError::IdentityChanged { known, met });
    assert!(error.to_string().contains(&known.fingerprint()));
    assert!(error.to_string().contains(&met.fingerprint()));
    assert!(endpoint.take_output().is_empty());
}

#[test]
fn without_a_pin_any_relay_is_met_and_reported() {
    let mut endpoint = EndpointChannel::initiator(&endpoint_identity(), None, Secret([3; 32]));
    let (_, mut relay) = ends();
    drain(&mut relay, &endpoint.take_output()).unwrap();
    let peer = relay_identity().public();
    assert_eq!(
        drain(&mut endpoint, &relay.take_output()),
        Ok(vec![ChannelEvent::Established { peer }])
    );
}

#[test]
fn a_length_beyond_the_limit_ends_the_channel_at_the_prefix() {
    let too_long = |length: usize, limit: usize| Err(ChannelError::TooLong { length, limit });
    let (_, mut relay) = ends();
    drain(&mut relay, &framing::preface()).unwrap();
    assert_eq!(
        drain(&mut relay, &[1, 1]).map(|_| ()),
        too_long(257, MAX_HANDSHAKE)
    );

    let (mut endpoint, mut relay) = established();
    let limit = framing::max_sealed(MAX_TO_RELAY);
    let prefix = u16::try_from(limit + 1).unwrap().to_be_bytes();
    assert_eq!(
        drain(&mut relay, &prefix).map(|_| ()),
        too_long(limit + 1, limit)
    );
    let limit = framing::max_sealed(MAX_TO_ENDPOINT);
    let prefix = u16::try_from(limit + 1).unwrap().to_be_bytes();
    assert_eq!(
        drain(&mut endpoint, &prefix).map(|_| ()),
        too_long(limit + 1, limit)
    );
}

#[test]
fn a_handshake_message_of_any_wrong_length_is_refused() {
    for length in [0u16, 1, 31, 33, 95, 256] {
        let (_, mut relay) = ends();
        drain(&mut relay, &framing::preface()).unwrap();
        let mut frame = length.to_be_bytes().to_vec();
        frame.extend(vec![0; usize::from(length)]);
        let outcome = drain(&mut relay, &frame);
        // From 32 on it has an ephemeral key, which is of low order here.
        assert_eq!(outcome, Err(ChannelError::Seal), "{length} bytes");
    }
}

#[test]
fn messages_to_the_relay_end_at_16_kib_and_to_the_endpoint_at_60_kib() {
    let (mut endpoint, mut relay) = established();
    // The longest existing messages are below the limit; longer ones are never sent.
    let most = datagrams(MAX_TO_RELAY + 1).unwrap();
    assert_eq!(endpoint.send(&most), Err(SendError::TooLong));
    let fits = datagrams(MAX_TO_RELAY).unwrap();
    assert_eq!(endpoint.send(&fits), Ok(()));
    assert_eq!(
        drain(&mut relay, &endpoint.take_output()),
        Err(ChannelError::Malformed),
        "a datagram of 16 KiB passes the seal, but is none"
    );

    let length = |rooms: &ToEndpoint| postcard::to_allocvec(rooms).unwrap().len();
    let count = (1..5000)
        .rfind(|&n| length(&rooms(n, 48)) <= MAX_TO_ENDPOINT)
        .unwrap();
    assert_eq!(relay.send(&rooms(count, 48)), Ok(()));
    assert_eq!(relay.send(&rooms(count + 1, 48)), Err(SendError::TooLong));
    assert_eq!(
        drain(&mut endpoint, &relay.take_output()),
        Ok(vec![ChannelEvent::Message(rooms(count, 48))])
    );
}

#[test]
fn a_full_room_of_the_longest_names_fits_one_message() {
    let picture = |layer| Picture {
        layer,
        size: PictureSize {
            width: u16::MAX,
            height: u16::MAX,
        },
        fps: u8::MAX,
    };
    let layers = [Layer::Full, Layer::Half, Layer::Thumbnail];
    let cameras = layers.map(|layer| Media::Camera(picture(layer)));
    let screens = layers.map(|layer| Media::Screen(picture(layer)));
    let sound = Media::Audio(AudioCodec::L16Mono16k);
    let stream = |media| Stream {
        id: StreamId(u32::MAX),
        offer: StreamOffer {
            source: SourceId(u16::MAX),
            media,
        },
    };
    let participant = Participant {
        id: ParticipantId(u32::MAX),
        username: "\u{10400}".repeat(32).parse().unwrap(),
        display_name: "\u{4f1a}".repeat(48).parse().unwrap(),
        identity: [0xff; 32],
        nonce: JoinNonce([0xff; 32]),
        devices: Devices::default(),
        clock: ClockOffset(i64::MIN),
        via_gateway: true,
        away: true,
        streams: [sound]
            .into_iter()
            .chain(cameras)
            .chain(screens)
            .map(stream)
            .collect(),
    };
    let joined = Joined {
        room: RoomSummary {
            id: RoomId(u32::MAX),
            name: "\u{10400}".repeat(48).parse().unwrap(),
            members: MAX_ROOM_CAPACITY,
            capacity: MAX_ROOM_CAPACITY,
            locked: true,
        },
        me: participant.id,
        roster: vec![participant.clone(); usize::from(MAX_ROOM_CAPACITY)],
    };
    let signed_in = SignedIn {
        session: SessionId(u32::MAX),
        hop_secret: Secret([0xff; 32]),
        resume_secret: Secret([0xff; 32]),
        resume_for: Micros::from_secs(30),
        username: participant.username,
        room: Some(joined),
    };
    let (_, mut relay) = established();
    let reply = ToEndpoint::Reply {
        id: RequestId(u32::MAX),
        result: Ok(Answer::SignedIn(Box::new(signed_in))),
    };
    assert_eq!(relay.send(&reply), Ok(()));
}

#[test]
fn a_refused_message_leaves_the_channel_as_it_was() {
    let (mut endpoint, mut relay) = established();
    endpoint.send(&ping(1)).unwrap();
    let before = endpoint.send(&datagrams(MAX_TO_RELAY + 1).unwrap());
    assert_eq!(before, Err(SendError::TooLong));
    endpoint.send(&ping(2)).unwrap();
    assert_eq!(
        drain(&mut relay, &endpoint.take_output()),
        Ok(vec![
            ChannelEvent::Message(ping(1)),
            ChannelEvent::Message(ping(2))
        ])
    );
}

#[test]
fn a_replayed_reordered_or_altered_message_ends_the_channel() {
    let sealed = |endpoint: &mut EndpointChannel, id| {
        endpoint.send(&request(id)).unwrap();
        endpoint.take_output()
    };
    let (mut endpoint, mut relay) = established();
    let first = sealed(&mut endpoint, 1);
    assert!(drain(&mut relay, &first).is_ok());
    assert_eq!(
        drain(&mut relay, &first),
        Err(ChannelError::Seal),
        "replayed"
    );
    assert_eq!(
        drain(&mut relay, &sealed(&mut endpoint, 2)),
        Err(ChannelError::Seal),
        "and it stays over"
    );

    let (mut endpoint, mut relay) = established();
    let (_first, second) = (sealed(&mut endpoint, 1), sealed(&mut endpoint, 2));
    assert_eq!(
        drain(&mut relay, &second),
        Err(ChannelError::Seal),
        "reordered"
    );

    let whole = {
        let (mut endpoint, _) = established();
        sealed(&mut endpoint, 1)
    };
    for at in 2..whole.len() {
        let (_, mut relay) = established();
        let mut altered = whole.clone();
        altered[at] ^= 1;
        assert_eq!(
            drain(&mut relay, &altered),
            Err(ChannelError::Seal),
            "byte {at}"
        );
    }
}

#[test]
fn an_altered_handshake_never_establishes() {
    let (mut endpoint, mut relay) = ends();
    let first = endpoint.take_output();
    drain(&mut relay, &first).unwrap();
    let second = relay.take_output();
    for at in 2..second.len() {
        let (mut endpoint, _) = ends();
        let mut altered = second.clone();
        altered[at] ^= 0x10;
        assert!(drain(&mut endpoint, &altered).is_err(), "byte {at}");
        assert!(!endpoint.is_established());
    }
    let (mut endpoint, _) = ends();
    let _ = endpoint.take_output();
    drain(&mut endpoint, &second).unwrap();
    let third = endpoint.take_output();
    for at in 2..third.len() {
        let (_, mut relay) = ends();
        drain(&mut relay, &first).unwrap();
        let mut altered = third.clone();
        altered[at] ^= 0x10;
        assert!(drain(&mut relay, &altered).is_err(), "byte {at}");
    }
}

#[test]
fn after_malformed_plaintext_the_relay_can_still_say_why_it_closes() {
    let (mut endpoint, mut relay) = established();
    // Longer than any datagram: the relay refuses what this end allowed.
    endpoint.send(&ToRelay::Datagram(vec![0; 1201])).unwrap();
    assert_eq!(
        drain(&mut relay, &endpoint.take_output()),
        Err(ChannelError::Malformed)
    );
    let closing = ToEndpoint::Event(Event::Closing {
        reason: ClosingReason::Malformed,
    });
    assert_eq!(relay.send(&closing), Ok(()));
    assert_eq!(
        drain(&mut endpoint, &relay.take_output()),
        Ok(vec![ChannelEvent::Message(closing)])
    );
}

#[test]
fn a_low_order_point_ends_the_handshake() {
    let (_, mut relay) = ends();
    let mut hello = framing::preface().to_vec();
    hello.extend(32u16.to_be_bytes());
    hello.extend([0; 32]);
    assert_eq!(drain(&mut relay, &hello), Err(ChannelError::Seal));
}

/// All messages of both ends in a short session, split into pieces of the given lengths, over and over.
fn talk_in_pieces(lengths: &[usize], seed: u64) {
    let (mut endpoint, mut relay) = ends();
    let mut random = Random::new(seed);
    let (mut up, mut down) = (Vec::new(), Vec::new());
    let (mut met, mut sent, mut heard, mut answered) = (0, 0, Vec::new(), Vec::new());
    let mut piece = lengths.iter().cycle();
    for _ in 0..20_000 {
        up.extend(endpoint.take_output());
        down.extend(relay.take_output());
        if up.is_empty() && down.is_empty() && sent == 8 {
            break;
        }
        let length = *piece.next().unwrap();
        let taken: Vec<u8> = up.drain(..length.min(up.len())).collect();
        for event in drain(&mut relay, &taken).unwrap() {
            match event {
                ChannelEvent::Established { .. } => met += 1,
                ChannelEvent::Message(message) => {
                    heard.push(message);
                    relay.send(&rooms(random.below(40) as usize, 9)).unwrap();
                    answered.push(());
                }
            }
        }
        let taken: Vec<u8> = down.drain(..length.min(down.len())).collect();
        for event in drain(&mut endpoint, &taken).unwrap() {
            match event {
                ChannelEvent::Established { .. } => met += 1,
                ChannelEvent::Message(_) => drop(answered.pop()),
            }
        }
        if endpoint.is_established() && sent < 8 {
            sent += 1;
            endpoint.send(&request(sent)).unwrap();
        }
    }
    assert_eq!(met, 2);
    assert_eq!(heard, (1..=8).map(request).collect::<Vec<_>>());
    assert!(answered.is_empty());
}

#[test]
fn a_session_that_comes_byte_by_byte_is_the_same_session() {
    talk_in_pieces(&[1], 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_splitting_of_the_stream_gives_the_same_messages(
        lengths in proptest::collection::vec(1usize..700, 1..30), seed: u64,
    ) {
        talk_in_pieces(&lengths, seed);
    }

    #[test]
    fn any_bytes_are_survived_before_the_handshake(
        bytes in proptest::collection::vec(any::<u8>(), 0..700), spoken: bool, piece in 1usize..100,
    ) {
        let (mut endpoint, mut relay) = ends();
        if spoken {
            drain(&mut relay, &framing::preface()).unwrap();
        }
        for piece in bytes.chunks(piece) {
            let _ = drain(&mut relay, piece);
            let _ = drain(&mut endpoint, piece);
        }
        prop_assert!(!relay.is_established() && !endpoint.is_established());
    }

    #[test]
    fn any_bytes_are_survived_after_the_handshake(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
        let (mut endpoint, mut relay) = established();
        // A forged seal is practically impossible, so every complete frame ends the channel.
        prop_assert!(drain(&mut relay, &bytes).is_ok_and(|events| events.is_empty()) || !relay.is_established());
        prop_assert!(drain(&mut endpoint, &bytes).is_ok_and(|events| events.is_empty()) || !endpoint.is_established());
    }

    #[test]
    fn any_plaintext_is_a_message_with_one_encoding_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        if let Ok((message, rest)) = postcard::take_from_bytes::<ToRelay>(&bytes) {
            let again = postcard::to_allocvec(&message).unwrap();
            prop_assert!(again.len() <= bytes.len() - rest.len());
        }
        let _ = postcard::take_from_bytes::<ToEndpoint>(&bytes);
    }
}
