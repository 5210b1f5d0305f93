//! A sender's own key, from a change of it to the first packet that is sealed under it.
//!
//! ```text
//!   somebody comes ──► ratchet ──────┐
//!   somebody leaves ─► generation ───┤
//!                                    ▼
//!       envelopes ──► on the way ──► all answered ──► used
//!                        │  ▲
//!                refused ▼  │ due
//!                     put off
//! ```
//! A key is used once everyone whom it was handed to can have it: before, nobody could open what it seals.

use alloc::sync::Arc;
use alloc::vec::Vec;
use rand_core::CryptoRng;

use crate::id::ParticipantId;
use crate::identity::Identity;
use crate::keyring::{HandOut, OwnKey};
use crate::member_key::MemberKey;
use crate::secret::Secret;
use crate::sender_key::{EnvelopeContext, EnvelopeError, SenderKey};
use crate::time::{Instant, Micros};
use crate::wire::control::{AddressedEnvelope, Refusal, Suite};

/// How long to wait before a key is handed out again that the relay did not pass on.
const AGAIN_AFTER: Micros = Micros::from_millis(500);

/// One sender's key in one room.
#[derive(Debug)]
pub struct KeyHandOut {
    own: OwnKey,
    context: EnvelopeContext,
    used: Option<Arc<SenderKey>>,
    /// Requests with envelopes that are not answered yet.
    on_the_way: u32,
    /// Whom the relay did not pass the key on to, and when to try again.
    put_off: Option<(Instant, Vec<ParticipantId>)>,
}

impl KeyHandOut {
    /// The key to enter a room with, from 32 random bytes; it goes to everyone who is there.
    #[must_use]
    pub const fn new(context: EnvelopeContext, suite: Suite, random: Secret<32>) -> Self {
        Self {
            own: OwnKey::new(suite, random),
            context,
            used: None,
            on_the_way: 0,
            put_off: None,
        }
    }

    /// Somebody came: who must be handed the key that follows.
    pub fn somebody_came(&mut self, random: Secret<32>) -> HandOut {
        self.own.somebody_came(random)
    }

    /// Somebody left, or may have: who must be handed the key that follows.
    pub fn somebody_left(&mut self, random: Secret<32>) -> HandOut {
        self.own.somebody_left(random)
    }

    /// The key that everyone has by now, once there is one.
    #[must_use]
    pub const fn used(&self) -> Option<&Arc<SenderKey>> {
        self.used.as_ref()
    }

    /// Seals the key for those of `members` who lack it; `wrong` hears of those whose public key cannot be one.
    ///
    /// What it gives is to be sent as one request, whose answer goes to [`Self::answered`]. Nothing is given where there
    /// is nobody to send it to: then the key is used at once.
    pub fn envelopes(
        &mut self,
        identity: &Identity,
        members: impl Iterator<Item = (ParticipantId, MemberKey)>,
        rng: &mut impl CryptoRng,
        mut wrong: impl FnMut(ParticipantId, EnvelopeError),
    ) -> Vec<AddressedEnvelope> {
        let (key, context) = (self.own.key(), self.context);
        let mut envelopes = Vec::new();
        for (to, member) in members {
            match key.envelope(identity, &member, context, rng) {
                Ok(envelope) => envelopes.push(AddressedEnvelope { to, envelope }),
                Err(error) => wrong(to, error),
            }
        }
        if envelopes.is_empty() {
            self.use_if_all_have_it();
        } else {
            self.on_the_way += 1;
        }
        envelopes
    }

    /// The relay answered a request with envelopes to these; those whom it refused are tried again later.
    pub fn answered(&mut self, to: Vec<ParticipantId>, refusal: Option<Refusal>, now: Instant) {
        self.on_the_way = self.on_the_way.saturating_sub(1);
        if let Some(refusal) = refusal {
            let wait = match refusal {
                Refusal::RateLimited { retry_after_ms } => {
                    Micros::from_millis(retry_after_ms.into())
                }
                _ => AGAIN_AFTER,
            };
            let put_off = self.put_off.get_or_insert((now + wait, Vec::new()));
            put_off.0 = put_off.0.max(now + wait);
            put_off.1.extend(to);
            put_off.1.sort_unstable();
            put_off.1.dedup();
        }
        self.use_if_all_have_it();
    }

    /// When [`Self::due`] has something to give.
    #[must_use]
    pub fn next_time(&self) -> Option<Instant> {
        self.put_off.as_ref().map(|(at, _)| *at)
    }

    /// Whom to hand the key to once more, now.
    pub fn due(&mut self, now: Instant) -> Option<Vec<ParticipantId>> {
        self.put_off.take_if(|(at, _)| now >= *at).map(|(_, to)| to)
    }

    /// The connection is gone: what was on its way is not answered any more.
    pub fn forget_sent(&mut self) {
        (self.on_the_way, self.put_off) = (0, None);
    }

    /// Of several changes that follow each other closely, only the last one counts.
    fn use_if_all_have_it(&mut self) {
        if self.on_the_way == 0 && self.put_off.is_none() {
            let is_used = self
                .used
                .as_ref()
                .is_some_and(|used| **used == *self.own.key());
            if !is_used {
                self.used = Some(Arc::new(self.own.key().clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{Epoch, RoomId};
    use crate::member_key::JoinNonce;
    use alloc::vec;
    use getrandom::{SysRng, rand_core::UnwrapErr};

    const T0: Instant = Instant(0);
    const ANA: ParticipantId = ParticipantId(1);
    const BEN: ParticipantId = ParticipantId(2);

    fn hand_out() -> KeyHandOut {
        let context = EnvelopeContext {
            room: RoomId(1),
            sender: ParticipantId(9),
            sender_nonce: JoinNonce([9; 32]),
        };
        KeyHandOut::new(context, Suite::Aes256Gcm, Secret([1; 32]))
    }

    fn seal(keys: &mut KeyHandOut, to: &[ParticipantId]) -> Vec<ParticipantId> {
        let identity = |byte| Identity::from_secret(Secret([byte; 32]));
        let member = |id: ParticipantId| MemberKey {
            identity: identity(id.0 as u8).public(),
            nonce: JoinNonce([id.0 as u8; 32]),
        };
        let members = to.iter().map(|&id| (id, member(id)));
        let wrong = |id, error| panic!("{id}: {error}");
        let envelopes = keys.envelopes(&identity(99), members, &mut UnwrapErr(SysRng), wrong);
        envelopes.iter().map(|envelope| envelope.to).collect()
    }

    fn used(keys: &KeyHandOut) -> Option<Epoch> {
        keys.used().map(|key| key.epoch())
    }

    #[test]
    fn a_key_is_used_once_those_who_lack_it_were_handed_it() {
        let mut keys = hand_out();
        assert_eq!(seal(&mut keys, &[ANA, BEN]), [ANA, BEN]);
        assert_eq!(used(&keys), None, "nobody has it yet");
        keys.answered(vec![ANA, BEN], None, T0);
        assert_eq!(used(&keys), Some(Epoch::new(0, 0)));
    }

    #[test]
    fn alone_in_a_room_the_key_is_used_at_once() {
        let mut keys = hand_out();
        assert!(seal(&mut keys, &[]).is_empty());
        assert_eq!(used(&keys), Some(Epoch::new(0, 0)));
    }

    #[test]
    fn of_several_changes_in_a_row_the_last_one_is_used() {
        let mut keys = hand_out();
        seal(&mut keys, &[ANA]);
        keys.somebody_left(Secret([2; 32]));
        seal(&mut keys, &[BEN]);
        keys.answered(vec![ANA], None, T0);
        assert_eq!(used(&keys), None, "Ben may not have the newer one yet");
        keys.answered(vec![BEN], None, T0);
        assert_eq!(used(&keys), Some(Epoch::new(1, 0)));
    }

    #[test]
    fn whom_the_relay_refused_is_tried_again_and_the_key_waits_for_them() {
        let mut keys = hand_out();
        seal(&mut keys, &[ANA, BEN]);
        let retry_after_ms = 40;
        keys.answered(vec![BEN], Some(Refusal::RateLimited { retry_after_ms }), T0);
        assert_eq!(used(&keys), None);
        let at = T0 + Micros::from_millis(40);
        assert_eq!(keys.next_time(), Some(at));
        assert_eq!(keys.due(T0), None);
        assert_eq!(keys.due(at), Some(vec![BEN]));
        seal(&mut keys, &[BEN]);
        keys.answered(vec![BEN], None, at);
        assert_eq!(used(&keys), Some(Epoch::new(0, 0)));
    }

    #[test]
    fn what_was_sent_over_a_connection_that_is_gone_is_not_waited_for() {
        let mut keys = hand_out();
        seal(&mut keys, &[ANA]);
        keys.forget_sent();
        keys.somebody_left(Secret([2; 32]));
        seal(&mut keys, &[ANA]);
        keys.answered(vec![ANA], None, T0);
        assert_eq!(used(&keys), Some(Epoch::new(1, 0)));
    }
}
