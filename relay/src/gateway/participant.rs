//! One gateway participant: what an endpoint does for itself, done here for a browser.
//!
//! Events of the room and replies to its own requests go in, requests come out of [`Participant::next_ask`].
//! This module and those who hold a [`Participant`] are the only place of the relay with a media key.

use std::collections::BTreeMap;
use std::sync::Arc;

use conclave_common::entropy::{self, NoEntropy};
use conclave_protocol::attendance::{Abilities, Asked, Attendance, Change, Place};
use conclave_protocol::id::{ParticipantId, StreamId};
use conclave_protocol::identity::Identity;
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::receiver::{DropReason, Received};
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{
    Answer, AudioCodec, Event, Joined, Media, Refusal, Request, SignedIn, Suite,
};
use conclave_protocol::wire::header::Kind;
use getrandom::SysRng;

use super::media_frame::MediaFrame;

/// Bytes of incomplete pictures that the gateway holds for one browser. Higher costs memory for each browser when
/// members begin pictures and do not end them; lower loses pictures where many large ones come at once.
const FRAME_MEMORY: usize = 8 << 20;

/// What browsers do with media.
const ABILITIES: Abilities = Abilities {
    suite: Suite::Aes256Gcm,
    frame_memory: FRAME_MEMORY,
    plays: |media| playable(media).is_some(),
};

/// A block or picture for the browser.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Delivery {
    /// A block of another member's sound.
    Sound(ParticipantId, Vec<u8>),
    /// A whole picture of a stream.
    Picture(StreamId, Vec<u8>),
}

/// Why a frame of the browser's is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unsent {
    /// Not a stream that it publishes, or of another kind.
    NoStream,
    /// Not everybody has the key yet.
    NoKey,
    /// It cannot be cut into packets.
    Malformed,
}

/// One gateway participant, over its sockets' coming and going.
pub(super) struct Participant {
    identity: Identity,
    uplink: Option<Arc<Uplink>>,
    room: Option<InRoom>,
}

struct InRoom {
    attendance: Attendance,
    published: BTreeMap<StreamId, Published>,
}

struct Published {
    kind: Kind,
    /// Made with the first frame, when there is a key; and the key that it seals under.
    sender: Option<(StreamSender, Arc<SenderKey>)>,
}

/// The nonce for a join that is about to be asked for.
pub(super) fn draw_nonce() -> Result<JoinNonce, NoEntropy> {
    let mut nonce = JoinNonce([0; 32]);
    entropy::fill(&mut nonce.0)?;
    Ok(nonce)
}

/// The kind of a stream's packets, unless browsers cannot play it.
pub(super) const fn playable(media: Media) -> Option<Kind> {
    match media {
        Media::Audio(AudioCodec::L16Mono16k) => Some(Kind::Audio),
        Media::Audio(AudioCodec::OpusMono48k) => None,
        Media::Camera(_) => Some(Kind::Video),
        Media::Screen(_) => Some(Kind::Screen),
    }
}

impl Participant {
    pub(super) const fn new(identity: Identity) -> Self {
        Self {
            identity,
            uplink: None,
            room: None,
        }
    }

    /// What it wants to ask the core for, and what comes back to [`Self::handle_reply`] with the answer.
    pub(super) fn next_ask(&mut self) -> Option<(Request, Asked)> {
        self.room.as_mut()?.attendance.next_ask()
    }

    /// When to call [`Self::handle_time`].
    pub(super) fn next_time(&self) -> Option<Instant> {
        self.room.as_ref()?.attendance.next_time()
    }

    /// What everyone in the room can compare aloud.
    pub(super) fn safety_number(&self) -> Option<String> {
        Some(self.room.as_ref()?.attendance.safety_number())
    }

    /// A session is open; a resumed one has new hop keys, too.
    pub(super) fn signed_in(&mut self, signed_in: &SignedIn) {
        if signed_in.room.is_none() {
            // The room that it was in is closed, or has removed it.
            self.leave();
        }
        let uplink = Arc::new(Uplink::new(signed_in.session, &signed_in.hop_secret));
        if let Some(room) = &mut self.room {
            for sender in room
                .published
                .values_mut()
                .filter_map(|p| p.sender.as_mut())
            {
                sender.0.set_uplink(Arc::clone(&uplink));
            }
        }
        self.uplink = Some(uplink);
    }

    /// In a room, newly or, after a resumption, still.
    pub(super) fn enter(&mut self, joined: &Joined, now: Instant) -> Result<(), NoEntropy> {
        // Its nonce was drawn by `draw_nonce`; the core, which gives it back, is of this process.
        let Some(place) = Place::of(joined) else {
            return Ok(());
        };
        let own = joined.roster.iter().find(|member| member.id == place.me);
        let own = own.map_or(&[][..], |own| &own.streams);
        match &mut self.room {
            Some(room) if room.attendance.place() == place => {
                let is_published = |id: &StreamId| own.iter().any(|own| own.id == *id);
                room.published.retain(|id, _| is_published(id));
                // The answer for one may have been lost with the socket.
                for stream in own {
                    if let Some(kind) = playable(stream.offer.media) {
                        let published = Published { kind, sender: None };
                        room.published.entry(stream.id).or_insert(published);
                    }
                }
                room.attendance.resume(&joined.roster, now, &mut SysRng)?;
            }
            _ => {
                let identity = self.identity.clone();
                let roster = &joined.roster;
                let attendance =
                    Attendance::enter(identity, place, roster, ABILITIES, &mut SysRng)?;
                self.room = Some(InRoom {
                    attendance,
                    published: BTreeMap::new(),
                });
            }
        }
        self.follow(now, &mut Vec::new());
        Ok(())
    }

    /// Out of the room.
    pub(super) fn leave(&mut self) {
        self.room = None;
    }

    /// Something happened; `true` when others came or went. What waited for a key goes to `deliver`.
    pub(super) fn handle_event(
        &mut self,
        event: &Event,
        now: Instant,
        deliver: &mut Vec<Delivery>,
    ) -> Result<bool, NoEntropy> {
        let Some(room) = &mut self.room else {
            return Ok(false);
        };
        room.attendance.handle_event(event, now, &mut SysRng)?;
        Ok(self.follow(now, deliver))
    }

    /// A request of its own was answered.
    pub(super) fn handle_reply(
        &mut self,
        asked: Asked,
        answer: &Result<Answer, Refusal>,
        now: Instant,
    ) {
        if let Some(room) = &mut self.room {
            room.attendance.answered(asked, answer, now);
        }
    }

    /// Asks for what is due now.
    pub(super) fn handle_time(&mut self, now: Instant) -> Result<(), NoEntropy> {
        if let Some(room) = &mut self.room {
            room.attendance.handle_time(now, &mut SysRng)?;
        }
        Ok(())
    }

    /// Takes what happened in the room; `true` when others came or went.
    fn follow(&mut self, now: Instant, deliver: &mut Vec<Delivery>) -> bool {
        let mut company_changed = false;
        while let Some(change) = self.next_change() {
            match change {
                Change::Came(_) | Change::Left(..) => company_changed = true,
                Change::StreamBegan(..) | Change::StreamEnded(..) => {}
                Change::Opened(packets) => {
                    for mut packet in packets {
                        // What does not open now never will.
                        let _ = self.handle_packet(&mut packet, now, deliver);
                    }
                }
                Change::Removed => self.leave(),
                Change::Refused(participant, fault) => {
                    tracing::debug!(%fault, %participant, "of another member");
                }
            }
        }
        company_changed
    }

    fn next_change(&mut self) -> Option<Change> {
        self.room.as_mut()?.attendance.next_change()
    }

    /// The browser publishes a stream.
    pub(super) fn published(&mut self, stream: StreamId, media: Media) {
        if let (Some(room), Some(kind)) = (&mut self.room, playable(media)) {
            let sender = None;
            room.published.insert(stream, Published { kind, sender });
        }
    }

    /// The browser publishes a stream no more.
    pub(super) fn unpublished(&mut self, stream: StreamId) {
        if let Some(room) = &mut self.room {
            room.published.remove(&stream);
        }
    }

    /// Seals a frame of the browser's into `out`.
    pub(super) fn send(
        &mut self,
        frame: &MediaFrame,
        body: &[u8],
        out: &mut DatagramBatch,
    ) -> Result<(), Unsent> {
        let (Some(uplink), Some(room)) = (&self.uplink, &mut self.room) else {
            return Err(Unsent::NoStream);
        };
        let published = room.published.get_mut(&frame.stream);
        let published = published.filter(|published| published.kind == frame.kind);
        let published = published.ok_or(Unsent::NoStream)?;
        let key = room.attendance.key().ok_or(Unsent::NoKey)?;
        let (sender, under) = published.sender.get_or_insert_with(|| {
            let sender = StreamSender::new(Arc::clone(uplink), frame.kind, frame.stream, key);
            (sender, Arc::clone(key))
        });
        // Not by its epoch, which comes round after 256 generations.
        if !Arc::ptr_eq(under, key) {
            sender.rekey(key);
            *under = Arc::clone(key);
        }
        sender
            .seal_frame(&[body], frame.level, frame.captured, out)
            .map_err(|_| Unsent::Malformed)
    }

    /// Opens a packet of another member's; what it makes whole goes to `deliver`.
    pub(super) fn handle_packet(
        &mut self,
        packet: &mut [u8],
        now: Instant,
        deliver: &mut Vec<Delivery>,
    ) -> Result<(), DropReason> {
        // The header's first byte, which is proven before anything comes of it.
        let kind = packet.first().and_then(|&byte| Kind::from_byte(byte));
        // Packets that wait in the media plane for a browser may come after it left.
        let room = self.room.as_mut().ok_or(DropReason::UnknownStream)?;
        match room.attendance.handle_packet(packet, now)? {
            Received::Audio {
                participant,
                header,
                payload,
            } => {
                let frame = MediaFrame {
                    kind: Kind::Audio,
                    level: header.level,
                    stream: header.stream,
                    captured: header.timestamp,
                    // It wraps, as a frame's number does.
                    number: header.sequence.0 as u32,
                };
                deliver.push(Delivery::Sound(participant, frame.emit(payload)));
            }
            Received::Picture { stream, frame, .. } => {
                let header = MediaFrame {
                    kind: kind.unwrap_or(Kind::Video),
                    level: 0,
                    stream,
                    captured: frame.captured,
                    number: frame.frame.0,
                };
                deliver.push(Delivery::Picture(stream, header.emit(frame.bytes)));
            }
            Received::Fragment | Received::Held => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
