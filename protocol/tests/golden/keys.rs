//! Identities, sender keys, their envelopes, and the handshake.

use conclave_protocol::channel::{ChannelEvent, EndpointChannel, RelayChannel};
use conclave_protocol::id::{ParticipantId, RoomId};
use conclave_protocol::identity::{Identity, PublicKey};
use conclave_protocol::member_key::{JoinNonce, MemberKey, safety_number};
use conclave_protocol::secret::Secret;
use conclave_protocol::sender_key::{EnvelopeContext, SenderKey};
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{KeyEnvelope, Suite, ToEndpoint, ToRelay};
use serde_json::json;

use crate::common::random::Random;
use crate::vectors::{Vector, check, hex, written};

const CONTEXT: EnvelopeContext = EnvelopeContext {
    room: RoomId(300),
    sender: ParticipantId(7),
    sender_nonce: JoinNonce([0x0a; 32]),
};
/// The nonce of Ben's join.
const BEN_NONCE: JoinNonce = JoinNonce([0x0b; 32]);
const GENERATION_KEY: [u8; 32] = [0x53; 32];

fn ana() -> Identity {
    Identity::from_secret(Secret([0xa1; 32]))
}

fn ben() -> Identity {
    Identity::from_secret(Secret([0xbe; 32]))
}

#[test]
fn identities_and_what_people_compare_have_their_bytes() {
    let (ana, ben) = (ana().public(), ben().public());
    let member = |identity, nonce| MemberKey { identity, nonce };
    let members = [member(ben, BEN_NONCE), member(ana, CONTEXT.sender_nonce)];
    let member_bytes = members.map(|m| hex(&[m.identity.0, m.nonce.0].concat()));
    let vectors = [
        Vector::new("public key", json!({ "secret": hex(&[0xa1; 32]) }), ana.0),
        Vector::new(
            "fingerprint",
            json!({ "public_key": hex(&ana.0), "text": ana.fingerprint() }),
            ana.fingerprint(),
        ),
        Vector::new(
            "words",
            json!({ "public_key": hex(&ana.0), "text": ana.words() }),
            ana.words(),
        ),
        Vector::new(
            "safety number",
            json!({ "keys_and_nonces": member_bytes, "text": safety_number(&members) }),
            safety_number(&members),
        ),
    ];
    check("identity.json", &vectors);
    let read = PublicKey(written("identity.json", "public key").try_into().unwrap());
    assert_eq!(read, ana);
    let fingerprint = String::from_utf8(written("identity.json", "fingerprint")).unwrap();
    assert!(read.has_fingerprint(&fingerprint));
}

#[test]
fn sender_keys_and_their_envelopes_have_their_bytes() {
    let mut random = Random::new(1);
    let mut vectors = Vec::new();
    let to = MemberKey {
        identity: ben().public(),
        nonce: BEN_NONCE,
    };
    let mut key = SenderKey::fresh(2, Suite::Aes256Gcm, Secret(GENERATION_KEY));
    for step in 0..3 {
        let suite = if step == 2 {
            Suite::ChaCha20Poly1305
        } else {
            Suite::Aes256Gcm
        };
        if step == 2 {
            let fresh = SenderKey::fresh(2, suite, Secret(GENERATION_KEY));
            key = fresh.ratchet().and_then(|key| key.ratchet()).unwrap();
        }
        let envelope = key.envelope(&ana(), &to, CONTEXT, &mut random).unwrap();
        let given = json!({
            "from_public": hex(&ana().public().0), "to_secret": hex(&[0xbe; 32]),
            "room": CONTEXT.room.0, "sender": CONTEXT.sender.0, "epoch": key.epoch().0,
            "sender_nonce": hex(&CONTEXT.sender_nonce.0), "receiver_nonce": hex(&BEN_NONCE.0),
            "suite": suite.number(), "generation_key": hex(&GENERATION_KEY), "ratchet_steps": step,
        });
        let bytes = postcard::to_allocvec(&envelope).unwrap();
        vectors.push(Vector::new(
            &format!("envelope of step {step}"),
            given,
            bytes,
        ));
        key = key.ratchet().unwrap();
    }
    check("envelopes.json", &vectors);

    let mut ratcheted = SenderKey::fresh(2, Suite::Aes256Gcm, Secret(GENERATION_KEY));
    for step in 0..2 {
        let bytes = written("envelopes.json", &format!("envelope of step {step}"));
        let envelope: KeyEnvelope = postcard::from_bytes(&bytes).unwrap();
        let opened = SenderKey::open(&envelope, &ben(), BEN_NONCE, &ana().public(), CONTEXT);
        assert_eq!(opened.as_ref(), Ok(&ratcheted), "step {step}");
        ratcheted = ratcheted.ratchet().unwrap();
    }
}

#[test]
fn a_handshake_and_the_first_messages_have_their_bytes() {
    let (endpoint_secret, relay_secret) = ([0xa1; 32], [0xbe; 32]);
    let (endpoint_ephemeral, relay_ephemeral) = ([0xe1; 32], [0xe2; 32]);
    let pinned = Some(ben().public());
    let mut endpoint = EndpointChannel::initiator(&ana(), pinned, Secret(endpoint_ephemeral));
    let mut relay = RelayChannel::responder(&ben(), Secret(relay_ephemeral));
    let ping = ToRelay::Ping {
        sent: Instant(1_000_000),
    };
    let pong = ToEndpoint::Pong {
        sent: Instant(1_000_000),
        relay: Instant(2_000_000),
    };
    let given = |what: &str| {
        json!({
            "what": what, "endpoint_secret": hex(&endpoint_secret), "relay_secret": hex(&relay_secret),
            "endpoint_ephemeral": hex(&endpoint_ephemeral), "relay_ephemeral": hex(&relay_ephemeral),
        })
    };
    let first = endpoint.take_output();
    assert_eq!(relay.receive(&mut &first[..]), Ok(None));
    let second = relay.take_output();
    assert!(matches!(
        endpoint.receive(&mut &second[..]),
        Ok(Some(ChannelEvent::Established { .. }))
    ));
    let third = endpoint.take_output();
    assert!(matches!(
        relay.receive(&mut &third[..]),
        Ok(Some(ChannelEvent::Established { .. }))
    ));
    endpoint.send(&ping).unwrap();
    relay.send(&pong).unwrap();
    let (up, down) = (endpoint.take_output(), relay.take_output());
    let vectors = [
        Vector::new("endpoint: preface and first message", given("e"), first),
        Vector::new("relay: second message", given("e, ee, s, es"), second),
        Vector::new("endpoint: third message", given("s, se"), third),
        Vector::new("endpoint: ping", given("Ping { sent: 1 s }"), up),
        Vector::new("relay: pong", given("Pong { sent: 1 s, relay: 2 s }"), down),
    ];
    check("handshake.json", &vectors);

    let up = written("handshake.json", "endpoint: ping");
    assert_eq!(
        relay.receive(&mut &up[..]),
        Ok(Some(ChannelEvent::Message(ping)))
    );
    let down = written("handshake.json", "relay: pong");
    assert_eq!(
        endpoint.receive(&mut &down[..]),
        Ok(Some(ChannelEvent::Message(pong)))
    );
}
