//! The keys of a browser, without the browser.

use conclave_protocol::hop::HopKeys;
use conclave_protocol::id::{RoomId, SessionId};
use conclave_protocol::secret::Secret;
use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::{
    Devices, LeaveReason, Participant as Member, RoomSummary, Stream, StreamOffer,
};
use conclave_protocol::wire::header::Header;

use super::*;

const ME: ParticipantId = ParticipantId(1);
const SOUND: StreamId = StreamId(1);
const HOP_SECRET: Secret<32> = Secret([5; 32]);
const NOW: Instant = Instant(1_000_000);

fn identity(byte: u8) -> Identity {
    Identity::from_secret(Secret([byte; 32]))
}

fn member(id: ParticipantId) -> Member {
    Member {
        id,
        username: format!("member{}", id.0).parse().unwrap(),
        display_name: format!("Member {}", id.0).parse().unwrap(),
        identity: identity(2).public().0,
        nonce: JoinNonce([2; 32]),
        devices: Devices::default(),
        clock: conclave_protocol::units::ClockOffset(0),
        via_gateway: false,
        away: false,
        streams: Vec::new(),
    }
}

/// The room with the browser alone, which publishes sound in these streams.
fn joined(streams: &[StreamId]) -> Joined {
    let source = conclave_protocol::id::SourceId(0);
    let media = Media::Audio(AudioCodec::L16Mono16k);
    let offer = StreamOffer { source, media };
    let streams = streams.iter().map(|&id| Stream {
        id,
        offer: offer.clone(),
    });
    Joined {
        room: RoomSummary {
            id: RoomId(3),
            name: "room".parse().unwrap(),
            members: 1,
            capacity: 8,
            locked: false,
        },
        me: ME,
        roster: vec![Member {
            streams: streams.collect(),
            ..member(ME)
        }],
    }
}

/// A browser alone in a room, which publishes sound.
fn alone() -> Participant {
    let mut participant = Participant::new(identity(1));
    participant.signed_in(&SignedIn {
        session: SessionId(7),
        hop_secret: HOP_SECRET,
        resume_secret: Secret([6; 32]),
        resume_for: Micros::from_secs(30),
        username: "ana".parse().unwrap(),
        room: None,
    });
    participant.enter(&joined(&[]), NOW).unwrap();
    participant.published(SOUND, Media::Audio(AudioCodec::L16Mono16k));
    participant
}

/// A block of the browser's as the relay sends it on, opened under the key that is used.
fn opened(participant: &mut Participant) -> Option<Vec<u8>> {
    let frame = MediaFrame {
        kind: Kind::Audio,
        level: 0,
        stream: SOUND,
        captured: NOW,
        number: 0,
    };
    let mut batch = DatagramBatch::default();
    participant.send(&frame, &[7; 640], &mut batch).unwrap();
    let proven = HopKeys::derive(&HOP_SECRET).prove_media(batch.bytes());
    let mut packet = proven.unwrap().to_vec();
    let header = Header::parse(&packet).unwrap();
    let key = participant
        .room
        .as_ref()?
        .attendance
        .key()?
        .media_key(SOUND);
    let payload = key.open(&mut packet, header.sequence).ok()?;
    Some(payload.to_vec())
}

#[test]
fn after_a_resume_the_browser_publishes_what_the_roster_says() {
    let mut participant = alone();
    let lost = StreamId(2);
    let mut batch = DatagramBatch::default();
    let mut sends = |participant: &mut Participant, stream| {
        let frame = MediaFrame {
            kind: Kind::Audio,
            level: 0,
            stream,
            captured: NOW,
            number: 0,
        };
        participant.send(&frame, &[7; 640], &mut batch).is_ok()
    };
    assert!(sends(&mut participant, SOUND) && !sends(&mut participant, lost));
    // The answer to the second stream was lost, and the first one was taken back.
    for _ in 0..2 {
        participant.enter(&joined(&[lost]), NOW).unwrap();
        assert!(!sends(&mut participant, SOUND) && sends(&mut participant, lost));
    }
}

#[test]
fn a_stream_is_sealed_under_the_newest_key_when_its_epoch_has_come_round_meanwhile() {
    let mut participant = alone();
    assert_eq!(opened(&mut participant), Some(vec![7; 640]));
    let epoch = |participant: &Participant| {
        let room = participant.room.as_ref().unwrap();
        room.attendance.key().unwrap().epoch()
    };
    let first = epoch(&participant);
    for id in 2..258 {
        // Each leave is a generation of its own.
        let now = NOW + Micros::from_secs(id.into());
        let participant_id = ParticipantId(id);
        let mut deliver = Vec::new();
        let mut told = |event: &Event| participant.handle_event(event, now, &mut deliver);
        assert!(told(&Event::ParticipantJoined(Box::new(member(participant_id)))).unwrap());
        let (_, asked) = participant.next_ask().unwrap();
        participant.handle_reply(asked, &Ok(Answer::Done), now);
        let left = Event::ParticipantLeft {
            participant: participant_id,
            reason: LeaveReason::Left,
        };
        assert!(participant.handle_event(&left, now, &mut deliver).unwrap());
    }
    assert_eq!(epoch(&participant), first, "256 generations later");
    assert_eq!(opened(&mut participant), Some(vec![7; 640]));
}
