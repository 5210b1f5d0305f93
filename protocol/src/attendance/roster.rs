//! The other members of a room, their streams, and which of these are received.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

use super::{Abilities, Change, Fault};
use crate::id::{ParticipantId, StreamId};
use crate::receiver::{DropReason, Received, Receiver};
use crate::time::Instant;
use crate::wire::control::{
    LeaveReason, MAX_ROOM_CAPACITY, MAX_STREAMS, Media, Participant, Stream,
};
use crate::wire::header::{HEADER_BYTES, Header, TAG_BYTES};

/// All other members, each with those of their streams that are received.
pub(super) struct Roster {
    others: BTreeMap<ParticipantId, Participant>,
    pub(super) receiver: Receiver,
    plays: fn(Media) -> bool,
}

impl Roster {
    pub(super) const fn new(abilities: Abilities) -> Self {
        Self {
            others: BTreeMap::new(),
            receiver: Receiver::with_memory(abilities.frame_memory),
            plays: abilities.plays,
        }
    }

    pub(super) fn others(&self) -> impl Iterator<Item = &Participant> {
        self.others.values()
    }

    pub(super) fn ids(&self) -> Vec<ParticipantId> {
        self.others.keys().copied().collect()
    }

    pub(super) fn get(&self, id: ParticipantId) -> Option<&Participant> {
        self.others.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: ParticipantId) -> Option<&mut Participant> {
        self.others.get_mut(&id)
    }

    /// Takes a packet; if no key opens it, also returns its sender.
    pub(super) fn handle_packet<'r>(
        &'r mut self,
        packet: &'r mut [u8],
        now: Instant,
    ) -> (Result<Received<'r>, DropReason>, Option<ParticipantId>) {
        // Only the header's bytes are copied: the packet itself is lent to the receiver.
        let head: Option<[u8; HEADER_BYTES + TAG_BYTES]> = packet.first_chunk().copied();
        let received = self.receiver.handle_packet(packet, now);
        let waits = matches!(received, Ok(Received::Held) | Err(DropReason::NoKey));
        let header = head.filter(|_| waits).map(|head| Header::parse(&head));
        let header = header.and_then(Result::ok);
        let sender = header.and_then(|header| owner(&self.others, header.stream));
        (received, sender)
    }

    /// Adds a new member; returns whether they are new. A known member stays unchanged.
    pub(super) fn meet(&mut self, member: &Participant, changes: &mut VecDeque<Change>) -> bool {
        if self.others.contains_key(&member.id) {
            return false;
        }
        // The members together with this one.
        let added = if self.others.len() + 1 < usize::from(MAX_ROOM_CAPACITY) {
            self.receiver
                .add_participant(member.id)
                .map_err(Fault::from)
        } else {
            Err(Fault::TooMany)
        };
        if let Err(fault) = added {
            changes.push_back(Change::Refused(member.id, fault));
            return false;
        }
        let known = Participant {
            streams: Vec::new(),
            ..member.clone()
        };
        self.others.insert(member.id, known);
        changes.push_back(Change::Came(member.id));
        for stream in &member.streams {
            self.add_stream(member.id, stream, changes);
        }
        true
    }

    /// After a lost connection: forgets members who left, adds new ones, and takes the roster's values for those who
    /// stayed. What was received from them stays, so that no packet opens twice.
    pub(super) fn renew(
        &mut self,
        roster: &[Participant],
        me: ParticipantId,
        changes: &mut VecDeque<Change>,
    ) {
        let stays = |known: &Participant| {
            let mut now = roster.iter();
            now.any(|member| member.id == known.id && member.key() == known.key())
        };
        let gone = self.others.values().filter(|known| !stays(known));
        for id in gone.map(|known| known.id).collect::<Vec<_>>() {
            self.forget(id, None, changes);
        }
        for member in roster.iter().filter(|member| member.id != me) {
            let Some(known) = self.others.get_mut(&member.id) else {
                self.meet(member, changes);
                continue;
            };
            (known.devices, known.clock) = (member.devices, member.clock);
            known.away = member.away;
            let ended = |own: &&Stream| member.streams.iter().all(|stream| stream.id != own.id);
            let ended: Vec<_> = known
                .streams
                .iter()
                .filter(ended)
                .map(|own| own.id)
                .collect();
            for stream in ended {
                self.end_stream(stream, changes);
            }
            for stream in &member.streams {
                self.add_stream(member.id, stream, changes);
            }
        }
    }

    /// A member left, with all their streams; returns whether they were here.
    pub(super) fn forget(
        &mut self,
        id: ParticipantId,
        reason: Option<LeaveReason>,
        changes: &mut VecDeque<Change>,
    ) -> bool {
        let Some(gone) = self.others.remove(&id) else {
            return false;
        };
        for stream in &gone.streams {
            self.stop_receiving(stream.id, changes);
        }
        self.receiver.remove_participant(id);
        changes.push_back(Change::Left(Box::new(gone), reason));
        true
    }

    /// A member publishes a stream; a known stream stays unchanged.
    pub(super) fn add_stream(
        &mut self,
        participant: ParticipantId,
        stream: &Stream,
        changes: &mut VecDeque<Change>,
    ) {
        let Some(member) = self.others.get_mut(&participant) else {
            return;
        };
        let is_known = member.streams.iter().any(|known| known.id == stream.id);
        if is_known || !(self.plays)(stream.offer.media) {
            return;
        }
        let added = if member.streams.len() < MAX_STREAMS {
            let media = stream.offer.media;
            let added = self.receiver.add_stream(participant, stream.id, media);
            added.map_err(Fault::from)
        } else {
            Err(Fault::TooMany)
        };
        changes.push_back(match added {
            Ok(()) => {
                member.streams.push(stream.clone());
                Change::StreamBegan(participant, stream.clone())
            }
            Err(fault) => Change::Refused(participant, fault),
        });
    }

    /// A stream ended.
    pub(super) fn end_stream(&mut self, stream: StreamId, changes: &mut VecDeque<Change>) {
        let owner = owner(&self.others, stream);
        if let Some(owner) = owner.and_then(|owner| self.others.get_mut(&owner)) {
            owner.streams.retain(|own| own.id != stream);
            self.stop_receiving(stream, changes);
        }
    }

    fn stop_receiving(&mut self, stream: StreamId, changes: &mut VecDeque<Change>) {
        if let Some(counts) = self.receiver.remove_stream(stream) {
            changes.push_back(Change::StreamEnded(stream, counts));
        }
    }
}

fn owner(others: &BTreeMap<ParticipantId, Participant>, stream: StreamId) -> Option<ParticipantId> {
    let publishes = |member: &&Participant| member.streams.iter().any(|own| own.id == stream);
    others.values().find(publishes).map(|owner| owner.id)
}
