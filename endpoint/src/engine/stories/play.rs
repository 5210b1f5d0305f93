//! How a story is played: its steps at the pace of a quick person, the outage at its place, and somebody else who acts
//! meanwhile.

use super::Story;
use super::check::{self, During};
use super::world::{Outage, World};
use crate::data_dir::DataDir;
use crate::engine::messages::Intent;
use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::HISTORY_LINES_A_PAGE;
use std::cell::RefCell;
use std::fmt;

/// Between two steps.
const PACE: Micros = Micros::from_millis(700);
/// After the last step and the outage: longer than a session waits, than a wish lasts and than the slowest retry.
const SETTLE: Micros = Micros::from_secs(20);

/// Where the outage is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) side: usize,
    /// Before this step; after the last one if it is none's.
    pub(super) step: usize,
    pub(super) kind: Outage,
    pub(super) lasts: Micros,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = ["me", "other"][self.side];
        let ms = self.lasts.as_millis();
        write!(f, "{side}/{}/{:?}/{ms}", self.step, self.kind)
    }
}

const NAMES: [&str; 4] = ["me", "other", "third", "me"];

thread_local! {
    /// Identities and what was met are kept from story to story: drawing them takes longer than a story.
    static FOLDERS: RefCell<Vec<tempfile::TempDir>> = const { RefCell::new(Vec::new()) };
}

pub(super) fn keep(seat: usize) -> DataDir {
    FOLDERS.with_borrow_mut(|folders| {
        // The second device of `me` has a copy of its card.
        let seat = if seat == 3 { 0 } else { seat };
        while folders.len() <= seat {
            folders.push(tempfile::tempdir().unwrap());
        }
        DataDir::open(folders[seat].path()).unwrap()
    })
}

/// Plays a story, and gives what was not as it should be.
pub(super) fn play(story: &Story, place: Option<Place>, aloud: bool) -> Vec<String> {
    let mut world = World::new(story.capacity, story.pin.as_deref());
    for (seat, name) in NAMES.into_iter().enumerate().take(3) {
        world.seat(name, keep(seat));
    }
    let mut during = During::default();
    let mut player = Player {
        story,
        aloud,
        world: &mut world,
        during: &mut during,
    };
    player.pass(Micros::from_secs(1));
    for step in 0..=story.steps.len() {
        if let Some(place) = place.filter(|place| place.step == step) {
            player
                .world
                .begin_outage(place.side, place.kind, place.lasts);
            player.pass(Micros::from_millis(100));
        }
        if let Some(step) = story.steps.get(step) {
            player.act(step);
        }
        player.pass(PACE);
        if place.is_some_and(|place| place.step == step) {
            player.meanwhile(place.map_or(Micros::ZERO, |place| place.lasts));
        }
    }
    while (0..player.world.seats.len()).any(|seat| player.world.is_out(seat)) {
        player.pass(Micros::from_secs(1));
    }
    player.pass(SETTLE);
    let mut faults = std::mem::take(&mut during.faults);
    faults.extend(check::settled(&mut world));
    faults
}

struct Player<'p> {
    story: &'p Story,
    aloud: bool,
    world: &'p mut World,
    during: &'p mut During,
}

impl Player<'_> {
    fn pass(&mut self, span: Micros) {
        let until = self.world.now + span;
        while self.world.now < until {
            self.world.step();
            self.during.look(self.world);
        }
        if self.aloud {
            for seat in &self.world.seats {
                let seen = seat.seen.borrow();
                println!(
                    "  {} {}: goal {:?}, in room {}, {} people, not entered {:?}, own lines {:?}",
                    self.world.now.0 / 1_000,
                    seat.name,
                    seat.goal(),
                    seen.in_room,
                    seen.people.len(),
                    seen.not_entered,
                    seen.own_lines
                );
            }
        }
    }

    /// Somebody else acts while the network is out. In a long outage they write more lines than a page of history has.
    fn meanwhile(&mut self, lasts: Micros) {
        let now = self.world.now;
        let third = &mut self.world.seats[2];
        third.wish.camera = !third.wish.camera;
        let camera = third.wish.camera;
        third.intend(now, Intent::Camera(camera));
        let lines = if lasts >= Micros::from_secs(20) {
            HISTORY_LINES_A_PAGE + 5
        } else {
            1
        };
        for line in 0..lines {
            third.say(now, format!("meanwhile at {}, {line}", now.0));
        }
    }

    fn act(&mut self, step: &serde_json::Value) {
        let text = |at: usize| step.get(at).and_then(serde_json::Value::as_str);
        let on = step.get(2).and_then(serde_json::Value::as_bool);
        let (who, act) = (text(0).unwrap_or_default(), text(1).unwrap_or_default());
        if self.aloud {
            println!("{} {step}", self.world.now.0 / 1_000);
        }
        if who == "wait" {
            let ms = step.get(1).and_then(serde_json::Value::as_u64);
            return self.pass(Micros::from_millis(ms.unwrap()));
        }
        if who == "relay" {
            if act == "close_room" {
                self.world.relay.remove_room();
            }
            return self.world.restart_relay();
        }
        let seat = NAMES.iter().position(|name| *name == who);
        let seat = seat.unwrap_or_else(|| panic!("nobody is called {who}: {step}"));
        if act == "second_device" {
            let second = self.world.seat(NAMES[3], keep(3));
            return self.pass_and_enter(second);
        }
        let now = self.world.now;
        let number = self.world.steps_taken();
        let seat = &mut self.world.seats[seat];
        match act {
            "enter" => seat.enter(now, "room", self.story.pin.as_deref()),
            "pin" => seat.enter(now, "room", text(2)),
            "enter_next" => seat.enter(now, "next", None),
            "leave" => seat.intend(now, Intent::LeaveRoom),
            "microphone" => {
                seat.wish.microphone = on.unwrap();
                seat.intend(now, Intent::Microphone(on.unwrap()));
            }
            "camera" => {
                seat.wish.camera = on.unwrap();
                seat.intend(now, Intent::Camera(on.unwrap()));
            }
            "say" => {
                let said = format!("{} ({number})", text(2).unwrap_or("hello"));
                seat.say(now, said);
            }
            other => panic!("a story does not know {other}: {step}"),
        }
    }

    fn pass_and_enter(&mut self, seat: usize) {
        self.pass(Micros::from_millis(300));
        let now = self.world.now;
        let pin = self.story.pin.clone();
        self.world.seats[seat].enter(now, "room", pin.as_deref());
    }
}
