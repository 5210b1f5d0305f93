//! Functions that take bytes from browsers and must not panic on any.

#[allow(dead_code, reason = "the relay needs more of it")]
#[path = "../../core/src/link_token.rs"]
mod link_token;
#[path = "../../src/gateway/media_frame.rs"]
mod media_frame;
#[allow(dead_code, reason = "what a request holds is the relay's business")]
#[path = "../../src/gateway/message/mod.rs"]
mod message;

use conclave_protocol::id::RoomId;
use conclave_protocol::name::LinkToken;
use conclave_protocol::secret::Secret;
use conclave_protocol::units::UnixMillis;
use link_token::Claim;
use media_frame::MediaFrame;
use message::{Incoming, MAX_TEXT_BYTES};

/// Takes bytes, and panics if the gateway breaks a promise.
pub type Target = fn(&[u8]);

/// Every target with its name.
pub const ALL: [(&str, Target); 3] = [
    ("browser_text", browser_text),
    ("browser_media", browser_media),
    ("link_token", link_token),
];

const KEY: Secret<32> = Secret([6; 32]);

/// The names of the requests, so that their fields are reached.
const ASKS: [&str; 19] = [
    "ping",
    "sign_in",
    "enter_link",
    "list_rooms",
    "create_room",
    "join_room",
    "leave_room",
    "say",
    "history",
    "publish",
    "unpublish",
    "set_devices",
    "set_clock",
    "subscribe",
    "make_link",
    "revoke_links",
    "allow_browsers",
    "sign_out",
    "unknown",
];

/// The bytes as they are, and as the fields of each request.
fn browser_text(bytes: &[u8]) {
    let Some((&choice, rest)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = std::str::from_utf8(rest) else {
        return;
    };
    let understood = Incoming::parse(text).is_ok();
    assert!(!understood || text.len() <= MAX_TEXT_BYTES);
    let ask = ASKS[usize::from(choice) % ASKS.len()];
    let with_fields = format!(r#"{{"id": 7, "do": "{ask}", {text}}}"#);
    if let Ok(Incoming::Ping { .. }) = Incoming::parse(&with_fields) {
        panic!("a ping with a number: {with_fields}");
    }
    let _ = Incoming::parse(&format!(r#"{{"do": "{ask}", {text}}}"#));
}

/// A parsed frame encodes to the same bytes.
fn browser_media(bytes: &[u8]) {
    if let Ok((frame, body)) = MediaFrame::parse(bytes) {
        assert_eq!(frame.emit(body), bytes);
    }
}

/// Only tokens that the key's owner made are accepted.
fn link_token(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(token) = LinkToken::parse(text)
    {
        assert_eq!(Claim::prove(&token, &KEY), None, "a forged token");
    }
    if let Some((fields, _)) = bytes.split_first_chunk::<16>() {
        let [
            r0,
            r1,
            r2,
            r3,
            m0,
            m1,
            m2,
            m3,
            m4,
            m5,
            l0,
            l1,
            g0,
            g1,
            g2,
            g3,
        ] = *fields;
        let claim = Claim {
            room: RoomId(u32::from_le_bytes([r0, r1, r2, r3])),
            // A token has as many bytes for the time as 8900 years need.
            made_at: UnixMillis(u64::from_le_bytes([m0, m1, m2, m3, m4, m5, 0, 0])),
            lifetime_minutes: u16::from_le_bytes([l0, l1]),
            generation: u32::from_le_bytes([g0, g1, g2, g3]),
        };
        assert_eq!(Claim::prove(&claim.token(&KEY), &KEY), Some(claim));
    }
}
