//! Whether every part of the relay is alive: a relay that has lost one must not look well.
//!
//! Each part holds a [`Pulse`]. One that ends before the relay stops ends the relay; one that has not beaten for
//! `PATIENCE` is named by `/healthz`, and systemd's watchdog is then not fed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use conclave_protocol::time::{Instant, Micros};
use tokio::sync::mpsc;

use crate::clock;

/// How often a part that has nothing to do says that it is alive.
pub(crate) const BEAT_EACH: Duration = Duration::from_secs(1);
/// How long a part may be silent. Higher restarts a stuck relay later; lower takes a slow disk for a dead thread.
const PATIENCE: Micros = Micros::from_secs(10);
/// Of the watchdog's time passes between two feedings: one may be late, or two get lost.
const FEEDINGS: u32 = 3;

/// What a relay cannot do without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The loop that owns the core.
    Loop,
    /// The media thread.
    Media,
    /// The thread of the database.
    Store,
    /// The thread that hashes PINs.
    Pins,
    /// The task that accepts endpoints.
    Endpoints,
    /// The task that accepts browsers.
    Browsers,
    /// The task that serves metrics and health.
    Admin,
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Loop => "the loop of rooms and sessions",
            Self::Media => "the media thread",
            Self::Store => "the database thread",
            Self::Pins => "the PIN thread",
            Self::Endpoints => "the listener for endpoints",
            Self::Browsers => "the listener for browsers",
            Self::Admin => "the listener for metrics",
        })
    }
}

/// Parts that must beat, in the order of [`Health::beats`].
const BEATING: [Part; 4] = [Part::Loop, Part::Media, Part::Store, Part::Pins];

/// What is known of the parts.
pub struct Health {
    beats: [AtomicU64; BEATING.len()],
    deaths: mpsc::Sender<Part>,
}

/// One part's sign of life: its end is told when this is dropped.
pub struct Pulse {
    part: Part,
    health: Arc<Health>,
}

/// Parts that ended, for [`crate::Relay::run`].
pub struct Deaths(mpsc::Receiver<Part>);

impl Health {
    /// All parts are taken to be alive now.
    #[must_use]
    pub fn new() -> (Arc<Self>, Deaths) {
        // The first one that ends is the reason; others may follow it.
        let (deaths, ended) = mpsc::channel(1);
        let now = clock::now().0;
        let health = Self {
            beats: std::array::from_fn(|_| AtomicU64::new(now)),
            deaths,
        };
        (Arc::new(health), Deaths(ended))
    }

    /// For the part to hold as long as it runs.
    #[must_use]
    pub fn pulse(self: &Arc<Self>, part: Part) -> Pulse {
        let health = Arc::clone(self);
        let pulse = Pulse { part, health };
        pulse.beat();
        pulse
    }

    /// The first part that has shown no sign of life for 10 s, and for how long.
    #[must_use]
    pub fn missing(&self) -> Option<(Part, Micros)> {
        self.missing_at(clock::now())
    }

    fn missing_at(&self, now: Instant) -> Option<(Part, Micros)> {
        BEATING
            .into_iter()
            .zip(&self.beats)
            .map(|(part, beat)| (part, now.since(Instant(beat.load(Ordering::Relaxed)))))
            .find(|(_, silent_for)| *silent_for > PATIENCE)
    }

    /// Feeds the service manager's watchdog for as long as every part is alive; at once over where there is none.
    pub async fn feed_watchdog(&self) {
        let Some(patience) = sd_notify::watchdog_enabled() else {
            return;
        };
        let mut feed = tokio::time::interval(patience / FEEDINGS);
        let mut was_missing = None;
        loop {
            feed.tick().await;
            let missing = self.missing().map(|(part, _)| part);
            match missing {
                None => {
                    // A manager that does not listen restarts the relay, and there is no other program to tell.
                    let _ = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
                }
                Some(part) if was_missing != missing => {
                    tracing::error!(%part, "no sign of life: the watchdog is not fed");
                }
                Some(_) => {}
            }
            was_missing = missing;
        }
    }
}

impl Pulse {
    /// Says that the part is alive.
    pub(crate) fn beat(&self) {
        if let Some(at) = BEATING.iter().position(|part| *part == self.part) {
            self.health.beats[at].store(clock::now().0, Ordering::Relaxed);
        }
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        // A full queue holds an earlier death.
        let _ = self.health.deaths.try_send(self.part);
    }
}

impl Deaths {
    /// Waits for the first part that ends.
    pub(crate) async fn first(&mut self) -> Part {
        match self.0.recv().await {
            Some(part) => part,
            // The relay itself holds the other end.
            None => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_does_not_beat_is_named() {
        let (health, _deaths) = Health::new();
        let pulses = BEATING.map(|part| health.pulse(part));
        let later = clock::now() + Micros::from_secs(11);
        assert_eq!(health.missing(), None);
        assert_eq!(
            health.missing_at(later).map(|(part, _)| part),
            Some(Part::Loop)
        );
        for (beat, part) in health.beats.iter().zip(BEATING) {
            if part != Part::Store {
                beat.store(later.0, Ordering::Relaxed);
            }
        }
        let (part, silent_for) = health.missing_at(later).unwrap();
        assert_eq!(part, Part::Store);
        assert!(silent_for > PATIENCE);
        pulses[2].beat();
        assert_eq!(health.missing(), None);
    }

    #[tokio::test]
    async fn the_first_part_that_ends_is_the_reason() {
        let (health, mut deaths) = Health::new();
        let (store, media) = (health.pulse(Part::Store), health.pulse(Part::Media));
        let thread = std::thread::spawn(move || {
            let _pulse = media;
            panic!("injected");
        });
        assert!(thread.join().is_err());
        drop(store);
        assert_eq!(deaths.first().await, Part::Media);
    }
}
