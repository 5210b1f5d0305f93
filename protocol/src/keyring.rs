//! Which of a sender's keys open packets at a receiver, and which key a sender uses next.

use alloc::vec::Vec;

use crate::id::{Epoch, StreamId};
use crate::seal::MediaKey;
use crate::secret::Secret;
use crate::sender_key::SenderKey;
use crate::time::{Instant, Micros};
use crate::wire::control::Suite;

/// How long a generation still opens packets after the next one arrived.
pub const KEPT_GENERATION: Micros = Micros::from_secs(2);
/// Former generations that are kept at a time: if several members leave at once, a sender continues under the
/// generation that all members have until the last of them is handed out.
///
/// A higher value costs about 100 bytes for each generation and sender; a lower one loses what is sent meanwhile.
pub const EARLIER_GENERATIONS: usize = 4;
/// Ratchet steps that a packet may be ahead of the highest proven one; each costs a hash to follow.
///
/// A lower value fails for a receiver that misses a burst of joins; a higher one lets a forged epoch cost more.
pub const MAX_STEPS_AHEAD: u8 = 64;

/// A receiver's keys of one sender: the current generation and, for a while, the former ones.
#[derive(Debug, Default)]
pub struct Keyring {
    current: Option<Generation>,
    /// The oldest first, each with the time from which it opens no packets.
    earlier: Vec<(Generation, Instant)>,
}

#[derive(Debug)]
struct Generation {
    /// The earliest step that was handed out; later ones are derived from it.
    base: SenderKey,
    /// The highest step that opened a packet, or was handed out.
    proven: u8,
}

impl Keyring {
    /// Takes a key from an envelope. No key replaces another one of its generation: a sender never begins a
    /// generation again, so one of two such keys is forged or from the past.
    pub fn insert(&mut self, key: SenderKey, now: Instant) {
        let generation = Generation {
            proven: key.epoch().step(),
            base: key,
        };
        match &mut self.current {
            None => self.current = Some(generation),
            Some(current)
                if current.base.epoch().generation() == generation.base.epoch().generation() =>
            {
                if current.leads_to(&generation.base) {
                    // The envelope proves that the sender has reached this step. Without it, a receiver that gets no
                    // packets from the sender while many members join could not follow.
                    current.proven = current.proven.max(generation.proven);
                } else if generation.leads_to(&current.base) {
                    // An earlier step arrived late.
                    current.base = generation.base;
                }
            }
            // An envelope of an earlier generation is late or replayed.
            Some(current) if !current.is_before(&generation) => {}
            Some(_) => {
                if self.earlier.len() >= EARLIER_GENERATIONS {
                    self.earlier.remove(0);
                }
                let before = self.current.replace(generation);
                let until = now + KEPT_GENERATION;
                self.earlier.extend(before.map(|before| (before, until)));
            }
        }
    }

    /// Derives the cipher of a stream in an epoch, if the epoch can be reached.
    #[must_use]
    pub fn media_key(&self, stream: StreamId, epoch: Epoch, now: Instant) -> Option<MediaKey> {
        let generation = self.reaching(epoch, now)?;
        generation.at(epoch).map(|key| key.media_key(stream))
    }

    /// Whether an epoch can be reached now; a cipher derived for another epoch is stale.
    #[must_use]
    pub fn reaches(&self, epoch: Epoch, now: Instant) -> bool {
        self.reaching(epoch, now).is_some()
    }

    fn reaching(&self, epoch: Epoch, now: Instant) -> Option<&Generation> {
        let earlier = self.earlier.iter().filter(|(_, until)| now < *until);
        let earlier = earlier.map(|(old, _)| old);
        let of = |g: &&Generation| g.base.epoch().generation() == epoch.generation();
        let generation = self.current.iter().chain(earlier).find(of)?;
        let furthest = generation.proven.saturating_add(MAX_STEPS_AHEAD);
        (generation.base.epoch().step()..=furthest)
            .contains(&epoch.step())
            .then_some(generation)
    }

    /// Notes that a packet of this epoch was opened, so that later steps are accepted.
    pub fn proven(&mut self, epoch: Epoch) {
        if let Some(current) = &mut self.current
            && current.base.epoch().generation() == epoch.generation()
        {
            current.proven = current.proven.max(epoch.step());
        }
    }

    /// Forgets former generations whose time has ended.
    pub fn expire(&mut self, now: Instant) {
        self.earlier.retain(|(_, until)| now < *until);
    }
}

impl Generation {
    /// Whether another generation comes after this one, over the wrap of the number.
    const fn is_before(&self, other: &Self) -> bool {
        let ahead = other
            .base
            .epoch()
            .generation()
            .wrapping_sub(self.base.epoch().generation());
        ahead != 0 && ahead < 128
    }

    fn at(&self, epoch: Epoch) -> Option<SenderKey> {
        let steps = epoch.step().checked_sub(self.base.epoch().step())?;
        (0..steps).try_fold(self.base.clone(), |key, _| key.ratchet())
    }

    fn leads_to(&self, key: &SenderKey) -> bool {
        self.at(key.epoch()).as_ref() == Some(key)
    }
}

/// The members to whom a new key must be sent before it is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandOut {
    /// Only the newcomers: the other members derive it.
    Newcomers,
    /// Every member in the room.
    Everyone,
}

/// A sender's own key, from join to leave.
#[derive(Debug)]
pub struct OwnKey {
    key: SenderKey,
}

impl OwnKey {
    /// The key to enter a room with, from 32 random bytes; it goes to every member.
    #[must_use]
    pub const fn new(suite: Suite, random: Secret<32>) -> Self {
        Self {
            key: SenderKey::fresh(0, suite, random),
        }
    }

    /// The present key.
    #[must_use]
    pub const fn key(&self) -> &SenderKey {
        &self.key
    }

    /// A participant joined: one ratchet step, or a new generation if no step is left.
    pub fn somebody_came(&mut self, random: Secret<32>) -> HandOut {
        match self.key.ratchet() {
            Some(next) => {
                self.key = next;
                HandOut::Newcomers
            }
            None => self.somebody_left(random),
        }
    }

    /// A participant left: a new generation.
    pub fn somebody_left(&mut self, random: Secret<32>) -> HandOut {
        let generation = self.key.epoch().generation().wrapping_add(1);
        self.key = SenderKey::fresh(generation, self.key.suite(), random);
        HandOut::Everyone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant(0);
    const STREAM: StreamId = StreamId(1);

    fn fresh(generation: u8) -> SenderKey {
        SenderKey::fresh(generation, Suite::Aes256Gcm, Secret([generation; 32]))
    }

    #[test]
    fn steps_after_the_one_handed_out_open_and_earlier_ones_do_not() {
        let mut ring = Keyring::default();
        let handed = fresh(1).ratchet().unwrap();
        ring.insert(handed, T0);
        assert!(
            ring.media_key(STREAM, Epoch::new(1, 0), T0).is_none(),
            "older than the newcomer"
        );
        assert!(ring.media_key(STREAM, Epoch::new(1, 1), T0).is_some());
        assert!(ring.media_key(STREAM, Epoch::new(1, 5), T0).is_some());
        assert!(ring.media_key(STREAM, Epoch::new(2, 0), T0).is_none());
    }

    #[test]
    fn the_generation_before_opens_for_two_seconds() {
        let mut ring = Keyring::default();
        ring.insert(fresh(1), T0);
        ring.insert(fresh(2), T0);
        let just_before = Instant(KEPT_GENERATION.0 - 1);
        assert!(
            ring.media_key(STREAM, Epoch::new(1, 0), just_before)
                .is_some()
        );
        assert!(
            ring.media_key(STREAM, Epoch::new(1, 0), T0 + KEPT_GENERATION)
                .is_none()
        );
        ring.expire(T0 + KEPT_GENERATION);
        assert!(ring.earlier.is_empty());
        assert!(
            ring.media_key(STREAM, Epoch::new(2, 0), T0 + KEPT_GENERATION)
                .is_some()
        );
    }

    #[test]
    fn where_several_leave_at_once_the_generation_in_use_still_opens() {
        let mut ring = Keyring::default();
        for generation in 1..=4 {
            ring.insert(fresh(generation), T0);
        }
        assert!(ring.reaches(Epoch::new(1, 0), T0), "in use until now");
        ring.insert(fresh(5), T0);
        ring.insert(fresh(6), T0);
        assert!(!ring.reaches(Epoch::new(1, 0), T0), "too many are not kept");
        assert_eq!(ring.earlier.len(), EARLIER_GENERATIONS);
        for generation in 2..=6 {
            assert!(ring.reaches(Epoch::new(generation, 0), T0));
        }
        ring.expire(T0 + KEPT_GENERATION);
        assert!(ring.earlier.is_empty());
    }

    #[test]
    fn an_earlier_step_that_comes_late_forgets_nothing() {
        let mut ring = Keyring::default();
        let mut late = fresh(1);
        for _ in 0..100 {
            late = late.ratchet().unwrap();
        }
        ring.insert(late, T0);
        ring.insert(fresh(1), T0);
        assert!(ring.reaches(Epoch::new(1, 0), T0));
        assert!(ring.reaches(Epoch::new(1, 100), T0));
    }

    #[test]
    fn a_later_step_that_is_handed_out_is_followed_however_far_it_is() {
        let mut ring = Keyring::default();
        ring.insert(fresh(1), T0);
        let mut later = fresh(1);
        for _ in 0..100 {
            later = later.ratchet().unwrap();
        }
        assert!(!ring.reaches(Epoch::new(1, 100), T0));
        ring.insert(later, T0);
        assert!(ring.reaches(Epoch::new(1, 100), T0));
        assert!(ring.reaches(Epoch::new(1, 0), T0), "what is on its way");
    }

    #[test]
    fn no_key_replaces_another_one_of_its_generation() {
        let mut ring = Keyring::default();
        ring.insert(fresh(1), T0);
        let other = SenderKey::fresh(1, Suite::Aes256Gcm, Secret([77; 32]));
        ring.insert(other.clone(), T0);
        ring.insert(other.ratchet().unwrap(), T0);
        assert_eq!(ring.current.map(|current| current.base), Some(fresh(1)));
    }

    #[test]
    fn an_envelope_of_an_earlier_generation_changes_nothing() {
        let mut ring = Keyring::default();
        ring.insert(fresh(255), T0);
        ring.insert(fresh(0), T0);
        ring.insert(fresh(255), T0);
        let later = T0 + KEPT_GENERATION;
        assert!(ring.media_key(STREAM, Epoch::new(0, 0), later).is_some());
        assert!(ring.media_key(STREAM, Epoch::new(255, 0), later).is_none());
    }

    #[test]
    fn a_forged_epoch_far_ahead_costs_nothing() {
        let mut ring = Keyring::default();
        ring.insert(fresh(1), T0);
        assert!(
            ring.media_key(STREAM, Epoch::new(1, MAX_STEPS_AHEAD), T0)
                .is_some()
        );
        assert!(
            ring.media_key(STREAM, Epoch::new(1, MAX_STEPS_AHEAD + 1), T0)
                .is_none()
        );
        ring.proven(Epoch::new(1, 1));
        assert!(
            ring.media_key(STREAM, Epoch::new(1, MAX_STEPS_AHEAD + 1), T0)
                .is_some()
        );
    }

    #[test]
    fn a_leave_is_a_new_generation_for_everyone_and_a_join_a_step_for_the_newcomer() {
        let mut own = OwnKey::new(Suite::Aes256Gcm, Secret([1; 32]));
        assert_eq!(own.somebody_came(Secret([2; 32])), HandOut::Newcomers);
        assert_eq!(own.key().epoch(), Epoch::new(0, 1));
        assert_eq!(own.somebody_left(Secret([3; 32])), HandOut::Everyone);
        assert_eq!(own.key().epoch(), Epoch::new(1, 0));
        for _ in 0..255 {
            assert_eq!(own.somebody_came(Secret([4; 32])), HandOut::Newcomers);
        }
        assert_eq!(own.somebody_came(Secret([5; 32])), HandOut::Everyone);
        assert_eq!(own.key().epoch(), Epoch::new(2, 0));
    }
}
