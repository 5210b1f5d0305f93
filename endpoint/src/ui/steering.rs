//! What a person wants of the engine: told at once, or kept until there is an engine that hears it.
//!
//! An engine ends by itself, when the relay refuses it or the account signs in elsewhere, and a kiosk may have yet to
//! find its relay. What a person wants to be so (to be in a room, a camera, a volume) holds for the next engine. What
//! asks something of an engine in a room is the caller's to keep when it was not heard.

use crate::engine::Intent;
use std::mem::discriminant;
use tokio::sync::mpsc;

/// What may be told before the engine has got to it; more is a stuck engine, for which the rest is kept.
const INTENTS: usize = 64;

/// The way to the engine there is, and what waits for one.
#[derive(Default)]
pub(super) struct Steering {
    engine: Option<mpsc::Sender<Intent>>,
    /// The last of each kind.
    kept: Vec<Intent>,
}

impl Steering {
    /// Another engine is about to run: it hears what was kept, and what is wanted from now on.
    pub(super) fn begin(&mut self) -> mpsc::Receiver<Intent> {
        let (engine, heard) = mpsc::channel(INTENTS);
        self.engine = Some(engine);
        self.tell_kept();
        heard
    }

    /// Ends the engine there is: one ends when the sender of its intents is dropped.
    pub(super) fn end(&mut self) {
        self.engine = None;
    }

    /// Nothing is wanted any more.
    pub(super) fn forget(&mut self) {
        self.kept.clear();
    }

    /// Whether an engine listens.
    pub(super) fn is_heard(&self) -> bool {
        self.engine
            .as_ref()
            .is_some_and(|engine| !engine.is_closed())
    }

    /// Whether the engine that listened has ended by itself.
    pub(super) fn has_ended(&self) -> bool {
        self.engine.as_ref().is_some_and(mpsc::Sender::is_closed)
    }

    /// Wants something to be so, now or as soon as an engine listens.
    pub(super) fn want(&mut self, intent: Intent) {
        self.kept.retain(|kept| !replaces(&intent, kept));
        // Without an engine there is no room to leave.
        if self.is_heard() || !matches!(intent, Intent::LeaveRoom) {
            self.kept.push(intent);
        }
        self.tell_kept();
    }

    /// Asks something of the engine there is; whether it was heard.
    #[must_use]
    pub(super) fn ask(&mut self, intent: Intent) -> bool {
        self.tell_kept();
        let engine = self.engine.as_ref().filter(|_| self.kept.is_empty());
        engine.is_some_and(|engine| engine.try_send(intent).is_ok())
    }

    /// Tells what was kept, as far as the engine takes it.
    pub(super) fn tell_kept(&mut self) {
        let Some(engine) = &self.engine else { return };
        while !self.kept.is_empty() {
            let Ok(place) = engine.try_reserve() else {
                return;
            };
            place.send(self.kept.remove(0));
        }
    }
}

/// Whether the newer one makes the older one void: of each switch the last counts, and of the ways into and out of
/// rooms.
fn replaces(newer: &Intent, older: &Intent) -> bool {
    let is_way = |intent: &Intent| {
        use Intent::{AwaitPlace, Enter, LeaveRoom};
        matches!(intent, Enter(_) | AwaitPlace(_) | LeaveRoom)
    };
    discriminant(newer) == discriminant(older) || (is_way(newer) && is_way(older))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Room;

    fn enter(name: &str) -> Intent {
        Intent::Enter(Room {
            name: name.parse().unwrap(),
            pin: None,
            create: None,
        })
    }

    fn heard(intents: &mut mpsc::Receiver<Intent>) -> Vec<String> {
        std::iter::from_fn(|| intents.try_recv().ok())
            .map(|intent| match intent {
                Intent::Enter(room) => format!("enter {}", room.name),
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn what_was_wanted_without_an_engine_is_told_to_the_next_one() {
        let mut steering = Steering::default();
        steering.want(Intent::Camera(true));
        steering.want(Intent::Volume(30));
        steering.want(enter("Maple"));
        steering.want(Intent::Volume(40));
        steering.want(enter("Birch"));
        let mut engine = steering.begin();
        assert_eq!(
            heard(&mut engine),
            ["Camera(true)", "Volume(40)", "enter Birch"]
        );
        assert!(steering.is_heard() && !steering.has_ended());
        drop(engine);
        assert!(!steering.is_heard() && steering.has_ended());
        steering.want(enter("Maple"));
        assert_eq!(heard(&mut steering.begin()), ["enter Maple"]);
    }

    #[test]
    fn a_wish_that_was_taken_back_reaches_no_engine() {
        let mut steering = Steering::default();
        steering.want(enter("Maple"));
        steering.want(Intent::LeaveRoom);
        assert_eq!(heard(&mut steering.begin()), [""; 0]);
        steering.end();
        steering.want(enter("Maple"));
        steering.forget();
        assert_eq!(heard(&mut steering.begin()), [""; 0]);
    }

    #[test]
    fn a_stuck_engine_hears_all_of_it_later_and_in_order() {
        let mut steering = Steering::default();
        let mut engine = steering.begin();
        for _ in 0..INTENTS {
            assert!(steering.ask(Intent::TestTone));
        }
        steering.want(Intent::Camera(false));
        steering.want(enter("Maple"));
        assert!(!steering.ask(Intent::EarlierChat), "and says so");
        assert_eq!(heard(&mut engine).len(), INTENTS);
        steering.tell_kept();
        assert_eq!(heard(&mut engine), ["Camera(false)", "enter Maple"]);
    }
}
