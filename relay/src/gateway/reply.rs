//! What the gateway says in text frames: JSON, as the reference gives it.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use conclave_protocol::id::RequestId;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{
    Answer, ChatLine, ClosingReason, Event, Joined, Layer, LeaveReason, Link, Media, Participant,
    Picture, Refusal, RoomSummary, SignedIn, Stream,
};
use serde_json::{Value, json};

use super::message::Invalid;
use super::participant::playable;

/// The reply to a request that was granted.
pub(super) fn granted(id: RequestId, ok: Value) -> String {
    json!({"reply": id.0, "ok": ok}).to_string()
}

/// The reply to a request that was not.
pub(super) fn refused(id: RequestId, refusal: Refusal) -> String {
    let word = refusal_word(refusal);
    match refusal {
        Refusal::RateLimited { retry_after_ms } => {
            json!({"reply": id.0, "refused": word, "retry_after_ms": retry_after_ms})
        }
        _ => json!({"reply": id.0, "refused": word}),
    }
    .to_string()
}

/// The reply to a request with a field that breaks its rule.
pub(super) fn invalid(id: RequestId, invalid: Invalid) -> String {
    let mut value = json!({"reply": id.0, "refused": "invalid", "field": invalid.field});
    if let Some(why) = invalid.why {
        value["why"] = why.into();
    }
    value.to_string()
}

/// The answer to a ping.
pub(super) fn pong(sent: u64, relay: Instant) -> String {
    json!({"pong": sent, "relay_us": relay.0}).to_string()
}

/// What everyone in the room can compare aloud.
pub(super) fn safety_number(digits: &str) -> String {
    json!({"event": "safety_number", "digits": digits}).to_string()
}

/// A session that is open; `room` is where it still is.
pub(super) fn signed_in(
    signed_in: &SignedIn,
    room: Option<&Joined>,
    link_room: Option<&RoomSummary>,
) -> Value {
    let mut value = json!({
        "username": signed_in.username.as_str(),
        "resume": BASE64_URL_SAFE_NO_PAD.encode(signed_in.resume_secret.expose()),
        "resume_for_ms": signed_in.resume_for.as_millis(),
        "room": room.map(joined),
        "guest": link_room.is_some(),
    });
    if let Some(link_room) = link_room {
        value["link_room"] = self::room(link_room);
    }
    value
}

/// An answer, but for a sign-in's.
pub(super) fn answer(answer: &Answer) -> Value {
    match answer {
        Answer::Rooms { rooms, more } => {
            json!({"rooms": rooms.iter().map(room).collect::<Vec<_>>(), "more": more})
        }
        Answer::Created { room } => json!({"room": room.0}),
        Answer::Joined(of) => joined(of),
        Answer::Said { id, at } => json!({"id": id.0, "at": at.0}),
        Answer::History { lines, more } => {
            json!({"lines": lines.iter().map(line).collect::<Vec<_>>(), "more": more})
        }
        Answer::Published { stream } => json!({"stream": stream.0}),
        Answer::SignedIn(of) => signed_in(of, of.room.as_ref(), None),
        Answer::Link(link) => json!({"url": link_url(link), "expires_at": link.expires_at.0}),
        // The gateway hands keys out itself.
        Answer::Done | Answer::KeysPutOff { .. } => json!({}),
    }
}

/// An event, unless it is not for browsers.
pub(super) fn event(event: &Event) -> Option<String> {
    let value = match event {
        Event::RoomChanged(of) => json!({"event": "room_changed", "room": room(of)}),
        Event::RoomClosed { room } => json!({"event": "room_closed", "room": room.0}),
        Event::ParticipantJoined(of) => {
            json!({"event": "participant_joined", "participant": participant(of)})
        }
        Event::ParticipantLeft {
            participant,
            reason,
        } => json!({
            "event": "participant_left",
            "participant": participant.0,
            "reason": leave_word(*reason),
        }),
        Event::DevicesChanged {
            participant,
            devices,
        } => json!({
            "event": "devices_changed",
            "participant": participant.0,
            "microphone": devices.microphone,
            "camera": devices.camera,
        }),
        Event::ClockChanged { participant, clock } => json!({
            "event": "clock_changed",
            "participant": participant.0,
            "clock_us": clock.0,
        }),
        Event::StreamPublished {
            participant,
            stream: of,
        } => json!({
            "event": "stream_published",
            "participant": participant.0,
            "stream": stream(of)?,
        }),
        Event::StreamUnpublished { stream } => {
            json!({"event": "stream_unpublished", "stream": stream.0})
        }
        Event::Chat(of) => {
            let mut value = line(of);
            value["event"] = "chat".into();
            value
        }
        Event::Closing { reason } => {
            json!({"event": "closing", "reason": closing_word(*reason)})
        }
        Event::BrowsersAllowed { allowed } => {
            json!({"event": "browsers_allowed", "allowed": allowed})
        }
        Event::SignedInElsewhere { address } => {
            json!({"event": "signed_in_elsewhere", "address": address})
        }
        Event::AwayChanged { participant, away } => {
            json!({"event": "away_changed", "participant": participant.0, "away": away})
        }
        // The gateway holds the keys.
        Event::Keys { .. } | Event::KeysWanted { .. } => return None,
    };
    Some(value.to_string())
}

/// Whole where the public address is known; the page knows where itself came from.
fn link_url(link: &Link) -> String {
    match &link.base {
        // The host is not asked for then.
        Some(_) => link.url(""),
        None => format!("/#j={}", link.token),
    }
}

fn room(room: &RoomSummary) -> Value {
    json!({
        "id": room.id.0,
        "name": room.name.as_str(),
        "members": room.members,
        "capacity": room.capacity,
        "locked": room.locked,
    })
}

fn joined(joined: &Joined) -> Value {
    json!({
        "room": room(&joined.room),
        "me": joined.me.0,
        "roster": joined.roster.iter().map(participant).collect::<Vec<_>>(),
    })
}

fn participant(participant: &Participant) -> Value {
    json!({
        "id": participant.id.0,
        "username": participant.username.as_str(),
        "display_name": participant.display_name.as_str(),
        "via_gateway": participant.via_gateway,
        "away": participant.away,
        "microphone": participant.devices.microphone,
        "camera": participant.devices.camera,
        "clock_us": participant.clock.0,
        "streams": participant.streams.iter().filter_map(stream).collect::<Vec<_>>(),
    })
}

/// A stream, unless browsers cannot play it.
fn stream(stream: &Stream) -> Option<Value> {
    playable(stream.offer.media)?;
    Some(json!({
        "id": stream.id.0,
        "source": stream.offer.source.0,
        "media": media(stream.offer.media),
    }))
}

fn media(media: Media) -> Value {
    let picture = |kind: &str, picture: Picture| {
        json!({
            "kind": kind,
            "width": picture.size.width,
            "height": picture.size.height,
            "fps": picture.fps,
            "layer": match picture.layer {
                Layer::Full => "full",
                Layer::Half => "half",
                Layer::Thumbnail => "thumbnail",
            },
        })
    };
    match media {
        Media::Audio(_) => json!({"kind": "audio"}),
        Media::Camera(of) => picture("camera", of),
        Media::Screen(of) => picture("screen", of),
    }
}

fn line(line: &ChatLine) -> Value {
    json!({
        "id": line.id.0,
        "at": line.at.0,
        "from": line.from.as_str(),
        "from_name": line.from_name.as_str(),
        "to": line.to.as_ref().map(|to| to.as_str()),
        "text": line.text.as_str(),
        "mark": line.mark.0,
    })
}

const fn leave_word(reason: LeaveReason) -> &'static str {
    match reason {
        LeaveReason::Left => "left",
        LeaveReason::Lost => "lost",
        LeaveReason::TooSlow => "too_slow",
        LeaveReason::Removed => "removed",
    }
}

const fn closing_word(reason: ClosingReason) -> &'static str {
    match reason {
        ClosingReason::RelayStops => "relay_stops",
        ClosingReason::Replaced => "replaced",
        ClosingReason::Malformed => "malformed",
        ClosingReason::Silent => "silent",
        ClosingReason::TooSlow => "too_slow",
    }
}

const fn refusal_word(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotSignedIn => "not_signed_in",
        Refusal::AlreadySignedIn => "already_signed_in",
        Refusal::NameTaken => "name_taken",
        Refusal::EmailDiffers => "email_differs",
        Refusal::Blocked => "blocked",
        Refusal::SessionOver => "session_over",
        Refusal::NoSuchRoom => "no_such_room",
        Refusal::RoomExists => "room_exists",
        Refusal::RoomFull => "room_full",
        Refusal::WrongPin => "wrong_pin",
        Refusal::NotInRoom => "not_in_room",
        Refusal::AlreadyInRoom => "already_in_room",
        Refusal::NoSuchParticipant => "no_such_participant",
        Refusal::NoSuchStream => "no_such_stream",
        Refusal::TooMany => "too_many",
        Refusal::OutOfRange => "out_of_range",
        Refusal::RateLimited { .. } => "rate_limited",
        Refusal::StorageFailed => "storage_failed",
        Refusal::RelayFull => "relay_full",
        Refusal::LinkInvalid => "link_invalid",
        Refusal::BrowsersRefused => "browsers_refused",
        Refusal::NotAllowed => "not_allowed",
        Refusal::NoGateway => "no_gateway",
    }
}
