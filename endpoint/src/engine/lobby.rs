//! The lobby: which rooms there are, and the way from a room's name into it; it is made if that is wanted.

use super::asked::Attempt;
use super::messages::{Room, WhyNotEntered};
use super::timers::{Timer, Timers};
use conclave_protocol::id::RoomId;
use conclave_protocol::name::{Pin, RoomName};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{Refusal, RoomSummary};
use std::collections::BTreeMap;

/// How long to wait for a room that another participant is making.
const LOOK_AGAIN_AFTER: Micros = Micros::from_millis(100);
/// How long a person's wish to be in a room counts: after it nobody stands at the screen any more who knows of it, and
/// camera and microphone are not to be switched on then. Longer than a relay takes to start again.
const WISH_LASTS: Micros = Micros::from_secs(15);
/// How often a full room is tried.
const TRY_PLACE_EACH: Micros = Micros::from_secs(3);
/// How long a wish for a place in a full room counts, which the screen shows with a way to give it up.
const PLACE_WISH_LASTS: Micros = Micros::from_secs(600);

/// The rooms that the relay told of, and the one to be in.
#[derive(Default)]
pub(super) struct Lobby {
    rooms: BTreeMap<RoomId, RoomSummary>,
    /// Whether all pages have come.
    complete: bool,
    /// Whether something changed that has not been told.
    changed: bool,
    goal: Option<Goal>,
    last_attempt: u32,
    /// What the relay has yet to answer. One thing at a time: of two answers one would be to a goal that is none any
    /// more.
    asking: Option<Attempt>,
}

/// A room to be in.
struct Goal {
    room: Room,
    /// A refusal ends the engine, because no person is there to choose another room.
    required: bool,
    /// A full room is waited for.
    awaits_place: bool,
    pursuit: Pursuit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Pursuit {
    NotBegun,
    Asked(Attempt),
    /// The room is full, and a place in it is waited for.
    AwaitsPlace(RoomId),
    Entered,
}

/// What is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Create,
    Join,
}

impl Act {
    const fn name(self) -> &'static str {
        match self {
            Self::Create => "creating the room",
            Self::Join => "joining the room",
        }
    }
}

/// What to do next.
#[derive(Debug)]
pub(super) enum Step {
    /// Ask for a page of rooms.
    List { after: Option<RoomId> },
    /// Ask for a room to be made.
    Create {
        name: RoomName,
        pin: Option<Pin>,
        capacity: u16,
        attempt: Attempt,
    },
    /// Ask to be let into a room.
    Join {
        room: RoomId,
        pin: Option<Pin>,
        attempt: Attempt,
    },
    /// Leave a room that is not the goal any more, and list the rooms.
    GoBack,
    /// There is no way in.
    NotEntered {
        act: &'static str,
        why: WhyNotEntered,
        /// Which ends the engine.
        required: bool,
    },
    /// The room is full, and a place in it is waited for.
    AwaitPlace,
}

impl Lobby {
    /// Lists the rooms from the beginning.
    pub(super) fn list(&mut self) -> Step {
        self.rooms.clear();
        (self.complete, self.changed) = (false, false);
        Step::List { after: None }
    }

    /// A page of rooms came.
    pub(super) fn listed(
        &mut self,
        rooms: Vec<RoomSummary>,
        more: bool,
        signed_in: bool,
    ) -> Option<Step> {
        // Of the page, not of all that is known: events tell of rooms on pages that are yet to come.
        let last = rooms.iter().map(|room| room.id).max();
        self.rooms
            .extend(rooms.into_iter().map(|room| (room.id, room)));
        if more && last.is_some() {
            return Some(Step::List { after: last });
        }
        (self.complete, self.changed) = (true, true);
        self.pursue(signed_in)
    }

    /// The relay asks to wait before the rooms are listed again.
    pub(super) fn list_later(&self, wait: Micros, now: Instant, timers: &mut Timers) {
        timers.set(Timer::LookAgain, now + wait);
    }

    /// [`Timer::LookAgain`] is due.
    pub(super) fn look_again(&mut self) -> Step {
        if self.asking.is_none() {
            self.begin_again();
        }
        self.list()
    }

    /// A room by its name, as far as the relay has told.
    pub(super) fn find(&self, name: &RoomName) -> Option<RoomId> {
        let wanted = name.key();
        let mut rooms = self.rooms.values();
        rooms
            .find(|room| room.name.key() == wanted)
            .map(|room| room.id)
    }

    /// A room has changed. A place that was waited for is asked for.
    pub(super) fn room_changed(&mut self, room: RoomSummary, signed_in: bool) -> Option<Step> {
        let (id, has_place) = (room.id, room.members < room.capacity);
        self.rooms.insert(id, room);
        self.changed = true;
        if has_place && self.pursuit() == Some(Pursuit::AwaitsPlace(id)) {
            self.begin_again();
            return self.pursue(signed_in);
        }
        None
    }

    fn pursuit(&self) -> Option<Pursuit> {
        Some(self.goal.as_ref()?.pursuit)
    }

    /// A room was closed. Returns whether this endpoint, which is in `inside`, is removed from it.
    pub(super) fn room_closed(&mut self, room: RoomId, inside: Option<RoomId>) -> bool {
        self.rooms.remove(&room);
        self.changed = true;
        let puts_out = inside == Some(room);
        if puts_out {
            self.goal = None;
        }
        puts_out
    }

    /// The rooms, when they have changed and this endpoint is in none.
    pub(super) fn news(&mut self, is_inside: bool) -> Option<Vec<RoomSummary>> {
        let is_news = self.complete && !is_inside && std::mem::take(&mut self.changed);
        is_news.then(|| self.rooms.values().cloned().collect())
    }

    /// Must be in this room and no other, however long that takes.
    pub(super) fn require(&mut self, room: Room) {
        self.goal = Some(Goal {
            room,
            required: true,
            awaits_place: false,
            pursuit: Pursuit::NotBegun,
        });
    }

    /// A person wants to be in this room and no other; if it is full, perhaps as soon as it has a place.
    pub(super) fn wish(
        &mut self,
        room: Room,
        awaits_place: bool,
        now: Instant,
        timers: &mut Timers,
    ) {
        self.goal = Some(Goal {
            room,
            required: false,
            awaits_place,
            pursuit: Pursuit::NotBegun,
        });
        let lasts = if awaits_place {
            PLACE_WISH_LASTS
        } else {
            WISH_LASTS
        };
        timers.set(Timer::WishExpires, now + lasts);
    }

    /// [`Timer::WishExpires`] is due: a wish that is not fulfilled counts no more.
    pub(super) fn expire(&mut self) -> Option<Step> {
        let awaits_place = match self.pursuit()? {
            Pursuit::Entered => return None,
            Pursuit::AwaitsPlace(_) => true,
            Pursuit::NotBegun | Pursuit::Asked(_) => false,
        };
        let why = if awaits_place {
            WhyNotEntered::Refused(Refusal::RoomFull)
        } else {
            WhyNotEntered::NoConnection
        };
        self.give_up(Act::Join, why)
    }

    /// Wants to be in no room.
    pub(super) fn clear_goal(&mut self, timers: &mut Timers) {
        self.goal = None;
        timers.stop(Timer::WishExpires);
    }

    /// The room to be in.
    pub(super) fn goal(&self) -> Option<&Room> {
        Some(&self.goal.as_ref()?.room)
    }

    /// The next step towards the goal, unless one is being asked for.
    pub(super) fn pursue(&mut self, signed_in: bool) -> Option<Step> {
        if !self.complete || !signed_in || self.asking.is_some() {
            return None;
        }
        let goal = self.goal.as_ref()?;
        if goal.pursuit != Pursuit::NotBegun {
            return None;
        }
        match (self.find(&goal.room.name), goal.room.create) {
            (Some(room), _) => self.join(room),
            (None, Some(capacity)) => {
                let (name, pin) = (goal.room.name.clone(), goal.room.pin.clone());
                Some(Step::Create {
                    name,
                    pin,
                    capacity,
                    attempt: self.attempt(),
                })
            }
            (None, None) => self.give_up(Act::Join, WhyNotEntered::Refused(Refusal::NoSuchRoom)),
        }
    }

    fn join(&mut self, room: RoomId) -> Option<Step> {
        let pin = self.goal.as_ref()?.room.pin.clone();
        let attempt = self.attempt();
        Some(Step::Join { room, pin, attempt })
    }

    fn attempt(&mut self) -> Attempt {
        self.last_attempt = self.last_attempt.wrapping_add(1);
        let attempt = Attempt(self.last_attempt);
        self.asking = Some(attempt);
        if let Some(goal) = &mut self.goal {
            goal.pursuit = Pursuit::Asked(attempt);
        }
        attempt
    }

    /// An answer came; whether it is to what is wanted still.
    fn answered(&mut self, attempt: Attempt) -> bool {
        self.asking.take_if(|asking| *asking == attempt);
        let goal = self.goal.as_ref();
        goal.is_some_and(|goal| goal.pursuit == Pursuit::Asked(attempt))
    }

    /// The room was made.
    pub(super) fn created(&mut self, attempt: Attempt, room: RoomId) -> Option<Step> {
        if self.answered(attempt) {
            self.join(room)
        } else {
            self.pursue(true)
        }
    }

    /// The relay let this endpoint in: [`Step::GoBack`] when another room is wanted meanwhile, or none.
    pub(super) fn joined(
        &mut self,
        attempt: Attempt,
        room: &RoomName,
        timers: &mut Timers,
    ) -> Option<Step> {
        if !self.answered(attempt) {
            return Some(Step::GoBack);
        }
        self.entered(room, timers)
    }

    /// A resumed session is still in a room: [`Step::GoBack`] when it is not the one that is wanted.
    pub(super) fn entered(&mut self, room: &RoomName, timers: &mut Timers) -> Option<Step> {
        match &mut self.goal {
            Some(goal) if goal.room.name.key() == room.key() => {
                goal.pursuit = Pursuit::Entered;
                timers.stop(Timer::WishExpires);
                None
            }
            _ => {
                self.begin_again();
                Some(Step::GoBack)
            }
        }
    }

    /// The relay refuses a step.
    pub(super) fn refused(
        &mut self,
        attempt: Attempt,
        act: Act,
        refusal: Refusal,
        now: Instant,
        timers: &mut Timers,
    ) -> Option<Step> {
        if !self.answered(attempt) {
            return self.pursue(true);
        }
        let wait = match (act, refusal) {
            // Another participant is making it: it is listed as soon as it is stored.
            (Act::Create, Refusal::RoomExists) => LOOK_AGAIN_AFTER,
            (_, Refusal::RateLimited { retry_after_ms }) => {
                Micros::from_millis(retry_after_ms.into())
            }
            (Act::Join, Refusal::RoomFull) if self.awaits_place() => {
                return self.await_place(now, timers);
            }
            _ => return self.give_up(act, WhyNotEntered::Refused(refusal)),
        };
        timers.set(Timer::LookAgain, now + wait);
        None
    }

    fn awaits_place(&self) -> bool {
        self.goal.as_ref().is_some_and(|goal| goal.awaits_place)
    }

    /// The room is full: it is joined when the relay tells of a place, and tried now and then, because a member who is
    /// away gives theirs to one who asks.
    fn await_place(&mut self, now: Instant, timers: &mut Timers) -> Option<Step> {
        let goal = self.goal.as_ref()?;
        let room = self.find(&goal.room.name)?;
        self.goal.as_mut()?.pursuit = Pursuit::AwaitsPlace(room);
        timers.set(Timer::LookAgain, now + TRY_PLACE_EACH);
        Some(Step::AwaitPlace)
    }

    fn give_up(&mut self, act: Act, why: WhyNotEntered) -> Option<Step> {
        let required = self.goal.take()?.required;
        Some(Step::NotEntered {
            act: act.name(),
            why,
            required,
        })
    }

    /// The way in is to be looked for again from the list of rooms.
    pub(super) fn begin_again(&mut self) {
        if let Some(goal) = &mut self.goal {
            goal.pursuit = Pursuit::NotBegun;
        }
    }

    /// The connection is lost: what was asked is not answered any more.
    pub(super) fn lose(&mut self, timers: &mut Timers) {
        self.asking = None;
        self.begin_again();
        timers.stop(Timer::LookAgain);
    }
}

#[cfg(test)]
mod tests;
