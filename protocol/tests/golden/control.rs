//! Every control message, in both directions, and a proof that none is missing.

use std::collections::BTreeSet;
use std::fmt::Debug;

use conclave_protocol::wire::control::{
    Answer, ClosingReason, Event, LeaveReason, Refusal, Request, ToEndpoint, ToRelay,
};
use conclave_protocol::wire::framing;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::json;

use crate::control_values::{
    CLOSING_REASONS, LEAVE_REASONS, REFUSALS, answers, events, requests, to_endpoint, to_relay,
};
use crate::vectors::{Vector, check, written};

fn check_both_ways<T>(file: &str, values: Vec<(String, T)>)
where
    T: Serialize + DeserializeOwned + PartialEq + Debug,
{
    let vector = |(name, value): &(String, T)| {
        let bytes = postcard::to_allocvec(value).unwrap();
        Vector::new(name, json!(format!("{value:?}")), bytes)
    };
    check(file, &values.iter().map(vector).collect::<Vec<_>>());
    for (name, value) in values {
        let bytes = written(file, &name);
        assert_eq!(postcard::from_bytes::<T>(&bytes), Ok(value), "{name}");
        for end in 0..bytes.len() {
            let cut = postcard::from_bytes::<T>(&bytes[..end]);
            assert!(
                cut.is_err(),
                "{name}: {end} of its bytes are a message already"
            );
        }
    }
}

#[test]
fn every_message_to_the_relay_has_its_bytes() {
    check_both_ways::<ToRelay>("to_relay.json", to_relay());
}

#[test]
fn every_message_to_the_endpoint_has_its_bytes() {
    check_both_ways::<ToEndpoint>("to_endpoint.json", to_endpoint());
}

#[test]
fn preface_and_version_refusal_have_their_bytes() {
    let vectors = [
        Vector::new("preface", json!("version 1"), framing::preface()),
        Vector::new(
            "version refusal",
            json!("versions 1 to 1"),
            framing::version_refusal(),
        ),
    ];
    check("framing.json", &vectors);
    let read = |name| written("framing.json", name).try_into().unwrap();
    assert_eq!(
        framing::parse_preface(&read("preface")),
        framing::Preface::Spoken
    );
    assert_eq!(
        framing::parse_version_refusal(&read("version refusal")),
        Some((1, 1))
    );
}

/// The variants of an enum that the vectors hold, by their first byte.
fn numbers<T: Serialize>(values: impl IntoIterator<Item = T>) -> BTreeSet<u8> {
    let number = |value: T| postcard::to_allocvec(&value).unwrap()[0];
    values.into_iter().map(number).collect()
}

/// The number of variants: a new one does not compile until its vector exists.
macro_rules! variants {
    ($type:ident, $($variant:pat),+ $(,)?) => {{
        fn _every_variant_is_named(value: $type) {
            match value { $($variant => {}),+ }
        }
        [$(stringify!($variant)),+].len() as u8
    }};
}

#[test]
fn no_variant_is_without_a_vector() {
    let count = variants!(
        Request,
        Request::SignIn { .. },
        Request::ListRooms { .. },
        Request::CreateRoom { .. },
        Request::JoinRoom { .. },
        Request::LeaveRoom,
        Request::Say { .. },
        Request::History { .. },
        Request::Publish(_),
        Request::Unpublish { .. },
        Request::SetDevices(_),
        Request::SetClock { .. },
        Request::SendKeys { .. },
        Request::AskKeys { .. },
        Request::Subscribe { .. },
        Request::SignOut,
        Request::MakeLink { .. },
        Request::RevokeLinks { .. },
        Request::AllowBrowsers { .. },
    );
    assert_eq!(
        numbers(requests().into_iter().map(|r| r.1)),
        (0..count).collect()
    );
    let count = variants!(
        Answer,
        Answer::Done,
        Answer::SignedIn(_),
        Answer::Rooms { .. },
        Answer::Created { .. },
        Answer::Joined(_),
        Answer::Said { .. },
        Answer::History { .. },
        Answer::Published { .. },
        Answer::Link(_),
        Answer::KeysPutOff { .. },
    );
    assert_eq!(
        numbers(answers().into_iter().map(|a| a.1)),
        (0..count).collect()
    );
    let count = variants!(
        Event,
        Event::RoomChanged(_),
        Event::RoomClosed { .. },
        Event::ParticipantJoined(_),
        Event::ParticipantLeft { .. },
        Event::DevicesChanged { .. },
        Event::ClockChanged { .. },
        Event::StreamPublished { .. },
        Event::StreamUnpublished { .. },
        Event::Chat(_),
        Event::Keys { .. },
        Event::KeysWanted { .. },
        Event::Closing { .. },
        Event::BrowsersAllowed { .. },
        Event::SignedInElsewhere { .. },
        Event::AwayChanged { .. },
    );
    assert_eq!(
        numbers(events().into_iter().map(|e| e.1)),
        (0..count).collect()
    );
    let count = variants!(
        Refusal,
        Refusal::NotSignedIn,
        Refusal::AlreadySignedIn,
        Refusal::NameTaken,
        Refusal::EmailDiffers,
        Refusal::Blocked,
        Refusal::SessionOver,
        Refusal::NoSuchRoom,
        Refusal::RoomExists,
        Refusal::RoomFull,
        Refusal::WrongPin,
        Refusal::NotInRoom,
        Refusal::AlreadyInRoom,
        Refusal::NoSuchParticipant,
        Refusal::NoSuchStream,
        Refusal::TooMany,
        Refusal::OutOfRange,
        Refusal::RateLimited { .. },
        Refusal::StorageFailed,
        Refusal::RelayFull,
        Refusal::LinkInvalid,
        Refusal::BrowsersRefused,
        Refusal::NotAllowed,
        Refusal::NoGateway,
    );
    assert_eq!(numbers(REFUSALS), (0..count).collect());
    let count = variants!(
        LeaveReason,
        LeaveReason::Left,
        LeaveReason::Lost,
        LeaveReason::TooSlow,
        LeaveReason::Removed,
    );
    assert_eq!(numbers(LEAVE_REASONS), (0..count).collect());
    let count = variants!(
        ClosingReason,
        ClosingReason::RelayStops,
        ClosingReason::Replaced,
        ClosingReason::Malformed,
        ClosingReason::Silent,
        ClosingReason::TooSlow,
    );
    assert_eq!(numbers(CLOSING_REASONS), (0..count).collect());
    let count = variants!(
        ToRelay,
        ToRelay::Request { .. },
        ToRelay::Datagram(_),
        ToRelay::Ping { .. },
    );
    assert_eq!(
        numbers(to_relay().into_iter().map(|m| m.1)),
        (0..count).collect()
    );
    let count = variants!(
        ToEndpoint,
        ToEndpoint::Reply { .. },
        ToEndpoint::Event(_),
        ToEndpoint::Datagram(_),
        ToEndpoint::Pong { .. },
    );
    assert_eq!(
        numbers(to_endpoint().into_iter().map(|m| m.1)),
        (0..count).collect()
    );
}
