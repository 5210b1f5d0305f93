//! One member of a room, from the join to the leave: the other members, their keys, and what is received from them.
//!
//! ```text
//!   Joined ──► enter ──┐                                        ┌──► next_ask     requests for the relay
//!   events ──► handle_event                                     ├──► next_change  what happened in the room
//!   wishes ──► want         │                                   │
//!   answers ─► answered ├──► roster, own key, others' keys ─────┤
//!   packets ─► handle_packet                                    ├──► key          what own media is sealed under
//!   time ────► handle_time ┘                                    └──► Received     what packets brought
//!
//!   connection lost ──► lose ──► SignedIn with the same place ──► resume
//!   left, or the session ended ──► drop it
//! ```
//! Endpoints and the relay's gateway, for its browsers, use this state machine.
//!
//! After each call take everything that [`Attendance::next_ask`] and [`Attendance::next_change`] give. While the
//! connection is lost the machine makes no requests. The roster is bounded by the room's capacity and by what one
//! member may publish; everything else is bounded by the roster.

mod change;
mod entropy;
mod keys;
mod missing;
mod own;
mod place;
mod roster;

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use rand_core::TryCryptoRng;

use crate::hand_out::KeyHandOut;
use crate::id::{ParticipantId, SourceId, StreamId};
use crate::identity::Identity;
use crate::keyring::HandOut;
use crate::leave_pace::LeavePace;
use crate::member_key::{MemberKey, safety_number};
use crate::receiver::{DropReason, Received, StreamCounts};
use crate::sender_key::{EnvelopeContext, SenderKey};
use crate::time::Instant;
use crate::wire::control::{
    Answer, Devices, Event, LeaveReason, Media, Participant, Refusal, Request,
};
pub use change::{Asked, Change, Fault};
use missing::MissingKeys;
use own::Own;
pub use own::Wish;
pub use place::{Abilities, Place};
use roster::Roster;

/// One member of a room.
pub struct Attendance {
    identity: Identity,
    place: Place,
    roster: Roster,
    keys: KeyHandOut,
    leaves: LeavePace,
    missing: MissingKeys,
    own: Own,
    is_lost: bool,
    asks: VecDeque<(Request, Asked)>,
    changes: VecDeque<Change>,
}

impl Attendance {
    /// Enters a room by a join of which nothing was known before. The first key goes to every member.
    ///
    /// # Errors
    /// Those of `rng`.
    pub fn enter<R: TryCryptoRng>(
        identity: Identity,
        place: Place,
        roster: &[Participant],
        abilities: Abilities,
        rng: &mut R,
    ) -> Result<Self, R::Error> {
        let context = EnvelopeContext {
            room: place.room,
            sender: place.me,
            sender_nonce: place.nonce,
        };
        let random = entropy::secret(rng)?;
        let mut entered = Self {
            identity,
            place,
            roster: Roster::new(abilities),
            keys: KeyHandOut::new(context, abilities.suite, random),
            leaves: LeavePace::default(),
            missing: MissingKeys::default(),
            own: Own::default(),
            is_lost: false,
            asks: VecDeque::new(),
            changes: VecDeque::new(),
        };
        entered.confirm_own(roster);
        for member in roster.iter().filter(|member| member.id != place.me) {
            entered.roster.meet(member, &mut entered.changes);
        }
        entered.hand_out(HandOut::Everyone, &[], rng)?;
        Ok(entered)
    }

    /// The connection is lost: pending requests will not be answered, and no request is made until [`Self::resume`].
    pub fn lose(&mut self) {
        self.is_lost = true;
        self.asks.clear();
        self.keys.forget_sent();
    }

    /// The session continues in the same place, with this roster. The counts of received streams continue.
    ///
    /// What was missed meanwhile is unknown: this draws a new key for every member, and asks every member for theirs.
    ///
    /// # Errors
    /// Those of `rng`.
    pub fn resume<R: TryCryptoRng>(
        &mut self,
        roster: &[Participant],
        now: Instant,
        rng: &mut R,
    ) -> Result<(), R::Error> {
        let random = entropy::secret(rng)?;
        self.lose();
        self.is_lost = false;
        self.roster.renew(roster, self.place.me, &mut self.changes);
        self.confirm_own(roster);
        self.own.settle(now, &mut self.asks);
        self.forget_keys_of_absent();
        for of in self.roster.ids() {
            self.missing.ask_at_once(of, now);
        }
        self.ask_for_missing(now);
        // This generation also serves for all members who left before.
        self.leaves = LeavePace::default();
        let to = self.keys.somebody_left(random);
        self.hand_out(to, &[], rng)
    }

    /// The room and the place of this join in it.
    #[must_use]
    pub const fn place(&self) -> Place {
        self.place
    }

    /// All other members, by rising number.
    pub fn others(&self) -> impl Iterator<Item = &Participant> {
        self.roster.others()
    }

    /// Another member who is in the room.
    #[must_use]
    pub fn member(&self, id: ParticipantId) -> Option<&Participant> {
        self.roster.get(id)
    }

    /// The key that own media is sealed under: the newest one that every member has, once there is one.
    #[must_use]
    pub const fn key(&self) -> Option<&Arc<SenderKey>> {
        self.keys.used()
    }

    /// The number that all members can compare aloud.
    #[must_use]
    pub fn safety_number(&self) -> String {
        let own = MemberKey {
            identity: self.identity.public(),
            nonce: self.place.nonce,
        };
        let others = self.roster.others().map(Participant::key);
        safety_number(&others.chain([own]).collect::<Vec<_>>())
    }

    /// What this member wants to show of itself from now on, whatever becomes of the connection. Without a wish this
    /// machine asks for nothing of that.
    pub fn want(&mut self, wish: Wish, now: Instant) {
        self.own.want(wish);
        if !self.is_lost {
            self.own.settle(now, &mut self.asks);
        }
    }

    /// What the relay shows the others as switched on here: what it confirmed last.
    #[must_use]
    pub const fn confirmed(&self) -> Devices {
        self.own.devices()
    }

    /// The stream in which a source sends, once it is published as what it is to send.
    #[must_use]
    pub fn own_stream(&self, source: SourceId) -> Option<StreamId> {
        self.own.stream(source)
    }

    /// The next request for the relay. Give the value beside it to [`Self::answered`] with the answer.
    pub fn next_ask(&mut self) -> Option<(Request, Asked)> {
        self.asks.pop_front()
    }

    /// The next change in the room.
    pub fn next_change(&mut self) -> Option<Change> {
        self.changes.pop_front()
    }

    /// Takes an event from the relay. Events that are not about this room's members and keys change nothing.
    ///
    /// # Errors
    /// Those of `rng`.
    pub fn handle_event<R: TryCryptoRng>(
        &mut self,
        event: &Event,
        now: Instant,
        rng: &mut R,
    ) -> Result<(), R::Error> {
        match event {
            Event::ParticipantJoined(member) => self.meet(member, rng)?,
            Event::ParticipantLeft {
                participant,
                reason,
            } => self.forget(*participant, *reason, now, rng)?,
            Event::DevicesChanged {
                participant,
                devices,
            } => {
                if let Some(member) = self.roster.get_mut(*participant) {
                    member.devices = *devices;
                }
            }
            Event::ClockChanged { participant, clock } => {
                if let Some(member) = self.roster.get_mut(*participant) {
                    member.clock = *clock;
                }
            }
            Event::AwayChanged { participant, away } => {
                if let Some(member) = self.roster.get_mut(*participant) {
                    member.away = *away;
                }
            }
            Event::StreamPublished {
                participant,
                stream,
            } => self
                .roster
                .add_stream(*participant, stream, &mut self.changes),
            Event::StreamUnpublished { stream } => {
                self.roster.end_stream(*stream, &mut self.changes);
            }
            Event::Keys { from, envelope } => self.take_key(*from, envelope, now),
            Event::KeysWanted { by } if self.roster.get(*by).is_some() => {
                self.keys.wanted(*by, now);
                self.handle_time(now, rng)?;
            }
            _ => {}
        }
        Ok(())
    }

    /// Takes the relay's answer to a request, with the value that [`Self::next_ask`] gave beside it.
    pub fn answered(&mut self, asked: Asked, answer: &Result<Answer, Refusal>, now: Instant) {
        match asked {
            Asked::Keys(sent) => {
                self.keys.answered(sent, answer, now);
                // They may have left meanwhile.
                self.forget_keys_of_absent();
            }
            Asked::Devices(devices) => self.own.devices_answered(devices, answer, now),
            Asked::Publish(source, media) => {
                self.own.publish_answered(source, media, answer, now);
            }
            Asked::Nothing => return,
        }
        if !self.is_lost {
            self.own.settle(now, &mut self.asks);
        }
    }

    /// When to call [`Self::handle_time`].
    #[must_use]
    pub fn next_time(&self) -> Option<Instant> {
        if self.is_lost {
            return None;
        }
        let times = [
            self.keys.next_time(),
            self.leaves.next_time(),
            self.missing.next_time(),
            self.own.next_time(),
        ];
        times.into_iter().flatten().min()
    }

    /// Does what is due: hands out keys that were put off, draws a new key for members who left before, asks for
    /// missing keys, and again for what was refused.
    ///
    /// # Errors
    /// Those of `rng`.
    pub fn handle_time<R: TryCryptoRng>(
        &mut self,
        now: Instant,
        rng: &mut R,
    ) -> Result<(), R::Error> {
        if self.is_lost {
            return Ok(());
        }
        if self.leaves.is_due(now) {
            self.begin_generation(rng)?;
        }
        while let Some((to, purpose)) = self.keys.due(now) {
            self.send_keys(purpose, |id| to.contains(&id), rng)?;
        }
        self.ask_for_missing(now);
        self.own.settle(now, &mut self.asks);
        Ok(())
    }

    /// Takes a packet of another member, and opens it in place.
    ///
    /// # Errors
    /// [`DropReason`] if the packet is of no use; then nothing has changed.
    pub fn handle_packet<'r>(
        &'r mut self,
        packet: &'r mut [u8],
        now: Instant,
    ) -> Result<Received<'r>, DropReason> {
        let (received, waits_for) = self.roster.handle_packet(packet, now);
        if let Some(sender) = waits_for {
            self.missing.packet_waits(sender, now);
        }
        received
    }

    /// The counts of each stream so far.
    pub fn counts(&self) -> impl Iterator<Item = (ParticipantId, StreamId, Media, StreamCounts)> {
        self.roster.receiver.counts()
    }

    fn confirm_own(&mut self, roster: &[Participant]) {
        let own = roster.iter().find(|member| member.id == self.place.me);
        self.own.confirm(own);
    }

    fn meet<R: TryCryptoRng>(&mut self, member: &Participant, rng: &mut R) -> Result<(), R::Error> {
        if member.id == self.place.me || !self.roster.meet(member, &mut self.changes) {
            return Ok(());
        }
        let to = self.keys.somebody_came(entropy::secret(rng)?);
        self.hand_out(to, &[member.id], rng)
    }

    fn forget<R: TryCryptoRng>(
        &mut self,
        id: ParticipantId,
        reason: LeaveReason,
        now: Instant,
        rng: &mut R,
    ) -> Result<(), R::Error> {
        if id == self.place.me {
            self.changes.push_back(Change::Removed);
            return Ok(());
        }
        if self.roster.forget(id, Some(reason), &mut self.changes) {
            self.forget_keys_of_absent();
            if self.leaves.somebody_left(now) {
                self.begin_generation(rng)?;
            }
        }
        Ok(())
    }
}
