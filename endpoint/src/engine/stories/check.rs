//! What must hold at each moment of a story, and what all sides must agree on once it has settled.

use super::seat::Seat;
use super::world::World;
use crate::engine::messages::LineState;
use conclave_protocol::id::{ParticipantId, RoomId};
use conclave_protocol::time::{Instant, Micros};
use std::collections::{BTreeMap, BTreeSet};

/// Media is back so soon after a session goes on.
const BACK_WITHIN: Micros = Micros::from_secs(1);

/// How long a person waits at the screen, and a little for the last answer.
const WISH_LASTS: Micros = Micros::from_millis(15_100);

/// What must hold at each moment.
#[derive(Default)]
pub(super) struct During {
    pub(super) faults: Vec<String>,
    /// Since when each seat waits for media after a session went on.
    waits: BTreeMap<usize, (Instant, u64)>,
    last_signed_in: BTreeMap<usize, Instant>,
}

impl During {
    pub(super) fn look(&mut self, world: &mut World) {
        for seat in &mut world.seats {
            self.wishes_expire(seat, world.now);
        }
        for (number, seat) in world.seats.iter().enumerate() {
            self.devices_are_as_shown(seat);
            self.media_comes_back(number, seat, world);
        }
    }

    fn add(&mut self, fault: String) {
        if self.faults.len() < 8 && !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    /// Nobody is in a room whose person has long gone away from the screen.
    fn wishes_expire(&mut self, seat: &mut Seat, now: Instant) {
        if !seat.seen.borrow().in_room {
            return;
        }
        if let Some(touched) = seat.touched.take()
            && now.since(touched) > WISH_LASTS
        {
            let waited = now.since(touched).as_millis();
            self.add(format!("{}: enters {waited} ms after the touch", seat.name));
        }
    }

    /// Devices are open in a room alone, and as its page shows them.
    fn devices_are_as_shown(&mut self, seat: &Seat) {
        let stage = &seat.stage;
        let in_room = seat.seen.borrow().in_room && seat.engine.is_some();
        for (what, is_open) in [
            ("camera", stage.camera_is_open()),
            ("microphone", stage.microphone_is_open()),
            ("speaker", stage.speaker_is_open()),
        ] {
            if is_open && !in_room {
                self.add(format!("{}: the {what} is open outside a room", seat.name));
            }
        }
        if in_room && stage.camera_is_open() != seat.wish.camera {
            self.add(format!("{}: the camera is not as switched", seat.name));
        }
    }

    /// After a session went on in its room, others are heard within a second.
    fn media_comes_back(&mut self, number: usize, seat: &Seat, world: &World) {
        let seen = seat.seen.borrow();
        let signed_in = seen.signed_in_at;
        let heard: u64 = seat.opened().values().sum();
        let is_new = signed_in.is_some() && self.last_signed_in.get(&number) != signed_in.as_ref();
        if let (true, Some(at)) = (is_new, signed_in) {
            self.last_signed_in.insert(number, at);
            if seen.in_room {
                self.waits.insert(number, (at, heard));
            }
        }
        let others_talk = world.seats.iter().enumerate().any(|(of, other)| {
            of != number
                && !world.is_out(of)
                && other.wish.microphone
                && other.seen.borrow().in_room
                && !other.seen.borrow().interrupted
                && other.room() == seat.room()
        });
        let Some((since, before)) = self.waits.get(&number).copied() else {
            return;
        };
        let gone = !seen.in_room || seen.interrupted || world.is_out(number) || !others_talk;
        if gone || heard != before {
            self.waits.remove(&number);
        } else if world.now.since(since) > BACK_WITHIN {
            self.waits.remove(&number);
            let name = seat.name;
            self.add(format!(
                "{name}: hears nothing 1 s after its session went on"
            ));
        }
    }
}

/// What all sides must agree on.
pub(super) fn settled(world: &mut World) -> Vec<String> {
    let mut faults = Vec::new();
    rooms(world, &mut faults);
    rosters(world, &mut faults);
    media(world, &mut faults);
    chat(world, &mut faults);
    faults
}

fn in_room(seat: &Seat) -> bool {
    seat.me().is_some()
}

fn rooms(world: &World, faults: &mut Vec<String>) {
    for seat in &world.seats {
        let (name, seen) = (seat.name, seat.seen.borrow());
        let wants = seat.goal().is_some();
        let wanted = seat
            .goal()
            .map(|goal| RoomId(if goal == "next" { 2 } else { 1 }));
        if in_room(seat) && seat.room() != wanted {
            faults.push(format!(
                "{name}: is in {:?}, and wants {wanted:?}",
                seat.room()
            ));
        }
        if seat.engine.is_some() && wants != in_room(seat) {
            faults.push(format!(
                "{name}: wants a room: {wants}, is in one: {}",
                in_room(seat)
            ));
        }
        if seat.engine.is_some() && seen.in_room != in_room(seat) {
            faults.push(format!("{name}: the screen shows a room: {}", seen.in_room));
        }
        if seat.engine.is_some() && in_room(seat) && seen.interrupted {
            faults.push(format!("{name}: the screen still shows a lost connection"));
        }
        let stage = &seat.stage;
        if in_room(seat) != stage.microphone_is_open() || in_room(seat) != stage.speaker_is_open() {
            faults.push(format!("{name}: sound devices are not as the room"));
        }
    }
}

/// Everyone in the room sees the same people with the same switches, which are those that their persons want.
fn rosters(world: &World, faults: &mut Vec<String>) {
    let members: Vec<_> = world.seats.iter().filter(|seat| in_room(seat)).collect();
    for seat in &members {
        let same: Vec<_> = members
            .iter()
            .filter(|other| other.room() == seat.room())
            .collect();
        let seen = seat.seen.borrow();
        let shown: BTreeSet<_> = seen.people.iter().map(|person| person.id).collect();
        let there: BTreeSet<_> = same.iter().filter_map(|other| other.me()).collect();
        if shown != there {
            faults.push(format!(
                "{}: shows {shown:?}, there are {there:?}",
                seat.name
            ));
        }
        for other in same {
            let Some(person) = seen
                .people
                .iter()
                .find(|person| Some(person.id) == other.me())
            else {
                continue;
            };
            let is_own = other.me() == seat.me();
            if person.confirmed != other.wish {
                faults.push(format!(
                    "{} has {:?} of {}, whose person wants {:?}",
                    seat.name, person.confirmed, other.name, other.wish
                ));
            }
            if person.away {
                faults.push(format!("{}: {} counts as away", seat.name, other.name));
            }
            if !is_own && other.wish.camera && person.picture.is_none() {
                faults.push(format!("{}: {} has no picture", seat.name, other.name));
            }
        }
    }
}

/// What is shown as on is sent and opened by everyone; what is shown as off is not sent.
fn media(world: &mut World, faults: &mut Vec<String>) {
    let before: Vec<_> = world.seats.iter().map(Seat::opened).collect();
    let taken = |world: &World, seat: usize, is_sound| world.taken(seat, is_sound);
    let sent_before: Vec<_> = (0..world.seats.len())
        .map(|seat| [false, true].map(|is_sound| taken(world, seat, is_sound)))
        .collect();
    world.pass(Micros::from_secs(1));
    for (number, seat) in world.seats.iter().enumerate() {
        for (is_sound, is_on) in [(false, seat.wish.camera), (true, seat.wish.microphone)] {
            let before = sent_before[number][usize::from(is_sound)];
            let sent = taken(world, number, is_sound) - before;
            if sent > 0 && !(is_on && in_room(seat)) {
                let name = seat.name;
                faults.push(format!(
                    "{name}: sends {sent} packets that its screen does not show"
                ));
            }
        }
    }
    let grown = |seat: usize, of: ParticipantId, is_sound: bool| {
        let now = world.seats[seat].opened();
        let at = |counts: &BTreeMap<(ParticipantId, bool), u64>| {
            counts.get(&(of, is_sound)).copied().unwrap_or_default()
        };
        at(&now).saturating_sub(at(&before[seat]))
    };
    for (number, seat) in world.seats.iter().enumerate() {
        for other in &world.seats {
            let (Some(me), Some(of)) = (seat.me(), other.me()) else {
                continue;
            };
            if me == of || seat.room() != other.room() {
                continue;
            }
            for (what, is_on, is_sound) in [
                ("sound", other.wish.microphone, true),
                ("pictures", other.wish.camera, false),
            ] {
                let packets = grown(number, of, is_sound);
                if is_on && packets < 5 {
                    let name = seat.name;
                    faults.push(format!(
                        "{name}: {packets} packets of {}'s {what}",
                        other.name
                    ));
                }
                if !is_on && packets > 0 {
                    faults.push(format!("{}: {what} are sent, and shown as off", other.name));
                }
            }
        }
    }
}

/// Every line that a person wrote is stored once, or that person is told that it is not; everyone in the room has all
/// lines, in order.
fn chat(world: &World, faults: &mut Vec<String>) {
    let stored: Vec<_> = [RoomId(1), RoomId(2)]
        .into_iter()
        .flat_map(|room| world.relay.lines(room))
        .collect();
    for seat in &world.seats {
        let name = seat.name;
        let seen = seat.seen.borrow();
        let mut last = None;
        for text in &seat.written {
            let there: Vec<_> = stored
                .iter()
                .filter(|line| line.text.as_str() == text)
                .collect();
            let own = seen.own_lines.values().find(|(own, _)| own == text);
            match (&there[..], own) {
                ([line], None) => {
                    if last > Some(line.id) {
                        faults.push(format!("{name}: {text:?} was overtaken"));
                    }
                    last = Some(line.id);
                }
                ([], Some((_, LineState::Failed(_)))) => {}
                // The answer was lost, and the room left: the line is found when the room is entered again.
                ([_], Some((_, LineState::Failed(_)))) if !in_room(seat) => {}
                ([], Some((_, LineState::Waiting))) if seat.engine.is_none() || !in_room(seat) => {}
                (there, own) => faults.push(format!(
                    "{name}: {text:?} is stored {} times, and the screen shows {own:?}",
                    there.len()
                )),
            }
        }
        if !in_room(seat) || seat.engine.is_none() {
            continue;
        }
        let told: Vec<_> = seen.told.iter().map(|(id, _)| *id).collect();
        if !told.is_sorted() {
            faults.push(format!("{name}: lines are told out of order: {told:?}"));
        }
        let Some(room) = seat.room() else { continue };
        let lines = world.relay.lines(room);
        let from = told.first().copied();
        let expected: Vec<_> = lines
            .iter()
            .map(|line| line.id)
            .filter(|id| from.is_none_or(|from| *id >= from))
            .collect();
        let since = seen.stay_since.0 / 1_000;
        let missed = lines
            .iter()
            .filter(|line| line.at.0 > since && !told.contains(&line.id));
        let missed = missed.count();
        if missed > 0 {
            faults.push(format!("{name}: was never told {missed} lines of its stay"));
        }
        if told != expected {
            faults.push(format!("{name}: was told {told:?} of {expected:?}"));
        }
    }
}
