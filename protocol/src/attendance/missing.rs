//! Which members' keys are missing here, and when to ask for them.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::id::ParticipantId;
use crate::receiver::HELD_FOR;
use crate::time::{Instant, Micros};

/// The least time between two requests to one sender. A lower value asks more often than a sender answers; a higher
/// one lengthens a silence.
const ASK_EVERY: Micros = Micros::from_secs(1);

/// Senders whose key has not arrived.
#[derive(Default)]
pub(super) struct MissingKeys(BTreeMap<ParticipantId, Missing>);

struct Missing {
    /// When the first packet arrived that no key opens.
    since: Instant,
    asked: Option<Instant>,
    /// When to ask the sender.
    ask_at: Option<Instant>,
}

impl Missing {
    const fn since(now: Instant) -> Self {
        Self {
            since: now,
            asked: None,
            ask_at: None,
        }
    }
}

impl MissingKeys {
    /// A packet of theirs arrived that no key opens. Packets often overtake their key, so the sender is asked only
    /// when another one arrives after the time for which packets wait.
    pub(super) fn packet_waits(&mut self, of: ParticipantId, now: Instant) {
        let missing = self.0.entry(of).or_insert(Missing::since(now));
        if now.since(missing.since) >= HELD_FOR {
            let at = missing.asked.map_or(now, |asked| asked + ASK_EVERY);
            missing.ask_at.get_or_insert(at.max(now));
        }
    }

    /// Their present key may have been missed.
    pub(super) fn ask_at_once(&mut self, of: ParticipantId, now: Instant) {
        let missing = self.0.entry(of).or_insert(Missing::since(now));
        missing.ask_at = Some(now);
    }

    /// A key of theirs arrived.
    pub(super) fn came(&mut self, of: ParticipantId) {
        self.0.remove(&of);
    }

    pub(super) fn keep_only(&mut self, is_here: impl Fn(ParticipantId) -> bool) {
        self.0.retain(|&of, _| is_here(of));
    }

    pub(super) fn next_time(&self) -> Option<Instant> {
        self.0.values().filter_map(|missing| missing.ask_at).min()
    }

    /// The members to ask now.
    pub(super) fn due(&mut self, now: Instant) -> impl Iterator<Item = ParticipantId> + use<> {
        let is_due = |missing: &mut Missing| {
            let due = missing.ask_at.take_if(|at| now >= *at).is_some();
            missing.asked = if due { Some(now) } else { missing.asked };
            due
        };
        let due = self.0.iter_mut();
        let due = due.filter_map(|(&of, missing)| is_due(missing).then_some(of));
        due.collect::<Vec<_>>().into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: Instant = Instant(5_000_000);
    const ANA: ParticipantId = ParticipantId(1);

    fn asked(missing: &mut MissingKeys, now: Instant) -> bool {
        missing.due(now).next().is_some()
    }

    #[test]
    fn a_packet_that_overtakes_its_key_asks_for_nothing() {
        let mut missing = MissingKeys::default();
        missing.packet_waits(ANA, T0);
        missing.packet_waits(ANA, T0 + Micros(HELD_FOR.0 - 1));
        assert_eq!(missing.next_time(), None);
        missing.came(ANA);
        missing.packet_waits(ANA, T0 + HELD_FOR);
        assert!(!asked(&mut missing, T0 + HELD_FOR));
    }

    #[test]
    fn a_sender_whose_packets_go_on_waiting_is_asked_once_a_second() {
        let mut missing = MissingKeys::default();
        let mut asks = 0;
        for packet in 0..500 {
            let now = T0 + Micros::from_millis(20 * packet);
            missing.packet_waits(ANA, now);
            asks += u32::from(asked(&mut missing, now));
        }
        assert_eq!(asks, 10, "in 10 s");
    }

    #[test]
    fn a_sender_who_is_gone_is_not_asked() {
        let mut missing = MissingKeys::default();
        missing.ask_at_once(ANA, T0);
        missing.keep_only(|_| false);
        assert!(!asked(&mut missing, T0));
    }
}
