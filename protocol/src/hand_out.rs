//! A sender's own key, from a change of it to the first packet that is sealed under it.
//!
//! ```text
//!   a member joins ──► ratchet ──────┐
//!   a member leaves ─► generation ───┤
//!                                    ▼
//!       envelopes ──► on the way ──► all answered ──► used
//!                        │  ▲
//!                put off ▼  │ due, once more
//!                     retries ──► put off again ──┐
//!                                                 ▼
//!   a member asks ──► at most once a second ──► repeats, which nothing waits for
//! ```
//! A key is used once the members who lacked it were handed it: before that, they could not open what it seals. A
//! member whom the relay puts off twice is no longer waited for, so that no member delays the others.

use alloc::collections::BTreeMap;
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
use crate::wire::control::{AddressedEnvelope, Answer, Refusal, Suite};

/// How long to wait before handing out a key again that the relay did not pass on.
const AGAIN_AFTER: Micros = Micros::from_millis(500);
/// The least time between two keys handed to one member who asks. This is less often than the relay allows from one
/// member to another, so that requests never use up what a change of the key needs.
const REPEAT_EVERY: Micros = Micros::from_secs(1);

/// Why a key is handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// It is new, and is used once these members have it.
    Change,
    /// The relay put these members off once.
    Retry,
    /// They asked for it, or the relay put them off a second time.
    Repeat,
}

/// A request with envelopes that waits for its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    to: Vec<ParticipantId>,
    purpose: Purpose,
}

/// One sender's key in one room.
#[derive(Debug)]
pub struct KeyHandOut {
    own: OwnKey,
    context: EnvelopeContext,
    used: Option<Arc<SenderKey>>,
    /// Requests without an answer yet, for which the key waits.
    on_the_way: u32,
    /// Members whom the relay put off once, and when to try again.
    retries: Option<(Instant, Vec<ParticipantId>)>,
    /// Members who get the key without being waited for, and when.
    repeats: BTreeMap<ParticipantId, Instant>,
    /// When members were handed the key because they asked, within the last second.
    repeated: BTreeMap<ParticipantId, Instant>,
}

impl KeyHandOut {
    /// The key to enter a room with, from 32 random bytes; it goes to every member.
    #[must_use]
    pub const fn new(context: EnvelopeContext, suite: Suite, random: Secret<32>) -> Self {
        Self {
            own: OwnKey::new(suite, random),
            context,
            used: None,
            on_the_way: 0,
            retries: None,
            repeats: BTreeMap::new(),
            repeated: BTreeMap::new(),
        }
    }

    /// A participant joined: returns who must be handed the key that follows.
    pub fn somebody_came(&mut self, random: Secret<32>) -> HandOut {
        self.own.somebody_came(random)
    }

    /// A participant left, or may have left: returns who must be handed the key that follows.
    pub fn somebody_left(&mut self, random: Secret<32>) -> HandOut {
        self.own.somebody_left(random)
    }

    /// The newest key that all members who need it have, once there is one.
    #[must_use]
    pub const fn used(&self) -> Option<&Arc<SenderKey>> {
        self.used.as_ref()
    }

    /// Seals the key for those of `members` who lack it. `wrong` is called for members whose public key is not valid.
    ///
    /// Send the returned envelopes as one request, and give its answer to [`Self::answered`]. Without recipients it
    /// returns nothing, and uses a new key at once.
    pub fn envelopes(
        &mut self,
        purpose: Purpose,
        identity: &Identity,
        members: impl Iterator<Item = (ParticipantId, MemberKey)>,
        rng: &mut impl CryptoRng,
        mut wrong: impl FnMut(ParticipantId, EnvelopeError),
    ) -> Option<(Vec<AddressedEnvelope>, Sent)> {
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
            return None;
        }
        if purpose != Purpose::Repeat {
            self.on_the_way += 1;
        }
        let to = envelopes.iter().map(|envelope| envelope.to).collect();
        Some((envelopes, Sent { to, purpose }))
    }

    /// The relay answered a request with envelopes. Members to whom it did not pass them on are tried again later.
    pub fn answered(&mut self, sent: Sent, answer: &Result<Answer, Refusal>, now: Instant) {
        let Sent { mut to, purpose } = sent;
        let wait = match answer {
            Ok(Answer::KeysPutOff {
                to: put_off,
                retry_after_ms,
            }) => {
                to.retain(|id| put_off.contains(id));
                Micros::from_millis((*retry_after_ms).into())
            }
            Ok(_) => {
                to.clear();
                Micros::ZERO
            }
            Err(Refusal::RateLimited { retry_after_ms }) => {
                Micros::from_millis((*retry_after_ms).into())
            }
            Err(_) => AGAIN_AFTER,
        };
        if purpose == Purpose::Change && !to.is_empty() {
            let (_, retries) = self.retries.get_or_insert((now + wait, Vec::new()));
            retries.append(&mut to);
            retries.sort_unstable();
            retries.dedup();
        }
        for id in to {
            let at = self.not_before(id, now + wait);
            self.repeats.entry(id).or_insert(at);
        }
        if purpose != Purpose::Repeat {
            self.on_the_way = self.on_the_way.saturating_sub(1);
        }
        self.use_if_all_have_it();
    }

    /// A member asks for the key: [`Self::due`] returns them, at once or when a second has passed.
    pub fn wanted(&mut self, by: ParticipantId, now: Instant) {
        self.repeated.retain(|_, at| now.since(*at) < REPEAT_EVERY);
        let at = self.not_before(by, now);
        self.repeats.entry(by).or_insert(at);
    }

    fn not_before(&self, id: ParticipantId, at: Instant) -> Instant {
        let repeated = self.repeated.get(&id);
        repeated.map_or(at, |last| at.max(*last + REPEAT_EVERY))
    }

    /// When [`Self::due`] has something to return.
    #[must_use]
    pub fn next_time(&self) -> Option<Instant> {
        let retries = self.retries.as_ref().map(|(at, _)| *at);
        let repeats = self.repeats.values().min().copied();
        retries.into_iter().chain(repeats).min()
    }

    /// The members to hand the key to again now, and why. Call it until there are none.
    pub fn due(&mut self, now: Instant) -> Option<(Vec<ParticipantId>, Purpose)> {
        if let Some((_, to)) = self.retries.take_if(|(at, _)| now >= *at) {
            return Some((to, Purpose::Retry));
        }
        let repeats = self.repeats.iter().filter(|(_, at)| now >= **at);
        let to: Vec<_> = repeats.map(|(&id, _)| id).collect();
        for id in &to {
            self.repeats.remove(id);
            self.repeated.insert(*id, now);
        }
        (!to.is_empty()).then_some((to, Purpose::Repeat))
    }

    /// The connection is lost: requests on the way will not be answered.
    pub fn forget_sent(&mut self) {
        (self.on_the_way, self.retries) = (0, None);
        self.repeats.clear();
    }

    /// Members left: nothing is put off for them, and no key waits for them.
    pub fn keep_only(&mut self, is_here: impl Fn(ParticipantId) -> bool) {
        self.repeats.retain(|&id, _| is_here(id));
        self.repeated.retain(|&id, _| is_here(id));
        let nobody_left = self.retries.take_if(|(_, to)| {
            to.retain(|&id| is_here(id));
            to.is_empty()
        });
        if nobody_left.is_some() {
            self.use_if_all_have_it();
        }
    }

    /// If several changes follow each other closely, only the last one counts.
    fn use_if_all_have_it(&mut self) {
        if self.on_the_way == 0 && self.retries.is_none() {
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
    const DONE: Result<Answer, Refusal> = Ok(Answer::Done);

    fn hand_out() -> KeyHandOut {
        let context = EnvelopeContext {
            room: RoomId(1),
            sender: ParticipantId(9),
            sender_nonce: JoinNonce([9; 32]),
        };
        KeyHandOut::new(context, Suite::Aes256Gcm, Secret([1; 32]))
    }

    fn send(keys: &mut KeyHandOut, purpose: Purpose, to: &[ParticipantId]) -> Option<Sent> {
        let identity = |byte| Identity::from_secret(Secret([byte; 32]));
        let member = |id: ParticipantId| MemberKey {
            identity: identity(id.0 as u8).public(),
            nonce: JoinNonce([id.0 as u8; 32]),
        };
        let members = to.iter().map(|&id| (id, member(id)));
        let wrong = |id, error| panic!("{id}: {error}");
        let rng = &mut UnwrapErr(SysRng);
        let (envelopes, sent) = keys.envelopes(purpose, &identity(99), members, rng, wrong)?;
        assert!(envelopes.iter().map(|envelope| &envelope.to).eq(to));
        Some(sent)
    }

    fn change(keys: &mut KeyHandOut, to: &[ParticipantId]) -> Sent {
        send(keys, Purpose::Change, to).unwrap()
    }

    fn put_off(to: &[ParticipantId]) -> Result<Answer, Refusal> {
        Ok(Answer::KeysPutOff {
            to: to.to_vec(),
            retry_after_ms: 40,
        })
    }

    fn used(keys: &KeyHandOut) -> Option<Epoch> {
        keys.used().map(|key| key.epoch())
    }

    #[test]
    fn a_key_is_used_once_those_who_lack_it_were_handed_it() {
        let mut keys = hand_out();
        let sent = change(&mut keys, &[ANA, BEN]);
        assert_eq!(used(&keys), None, "no member has it yet");
        keys.answered(sent, &DONE, T0);
        assert_eq!(used(&keys), Some(Epoch::new(0, 0)));
    }

    #[test]
    fn alone_in_a_room_the_key_is_used_at_once() {
        let mut keys = hand_out();
        assert_eq!(send(&mut keys, Purpose::Change, &[]), None);
        assert_eq!(used(&keys), Some(Epoch::new(0, 0)));
    }

    #[test]
    fn of_several_changes_in_a_row_the_last_one_is_used() {
        let mut keys = hand_out();
        let first = change(&mut keys, &[ANA]);
        keys.somebody_left(Secret([2; 32]));
        let second = change(&mut keys, &[BEN]);
        keys.answered(first, &DONE, T0);
        assert_eq!(used(&keys), None, "Ben may not have the newer one yet");
        keys.answered(second, &DONE, T0);
        assert_eq!(used(&keys), Some(Epoch::new(1, 0)));
    }

    #[test]
    fn whom_the_relay_put_off_is_tried_again_and_the_key_waits_for_them_once() {
        let mut keys = hand_out();
        let sent = change(&mut keys, &[ANA, BEN]);
        keys.answered(sent, &put_off(&[BEN]), T0);
        assert_eq!(used(&keys), None);
        let at = T0 + Micros::from_millis(40);
        assert_eq!(keys.next_time(), Some(at));
        assert_eq!(keys.due(T0), None);
        assert_eq!(keys.due(at), Some((vec![BEN], Purpose::Retry)));
        let again = send(&mut keys, Purpose::Retry, &[BEN]).unwrap();
        assert_eq!(used(&keys), None);
        keys.answered(again, &put_off(&[BEN]), at);
        assert_eq!(used(&keys), Some(Epoch::new(0, 0)), "Ana waits no longer");
        let later = at + Micros::from_millis(40);
        assert_eq!(keys.due(later), Some((vec![BEN], Purpose::Repeat)));
    }

    #[test]
    fn who_asks_without_end_is_answered_once_a_second_and_holds_up_nobody_s_change() {
        let mut keys = hand_out();
        let mut answers = 0;
        for tenth in 0..100 {
            let now = T0 + Micros::from_millis(100 * tenth);
            keys.wanted(BEN, now);
            while let Some((to, purpose)) = keys.due(now) {
                assert_eq!((&to[..], purpose), (&[BEN][..], Purpose::Repeat));
                // The relay passes none of them on.
                let sent = send(&mut keys, purpose, &to).unwrap();
                keys.answered(sent, &put_off(&[BEN]), now);
                answers += 1;
            }
            if tenth == 50 {
                keys.somebody_left(Secret([2; 32]));
                let sent = change(&mut keys, &[ANA]);
                keys.answered(sent, &DONE, now);
                assert_eq!(used(&keys), Some(Epoch::new(1, 0)));
            }
        }
        assert_eq!(answers, 10, "in 10 s");
    }

    #[test]
    fn who_asks_twice_within_a_second_is_answered_once_more_when_it_is_over() {
        let mut keys = hand_out();
        keys.wanted(BEN, T0);
        assert_eq!(keys.due(T0), Some((vec![BEN], Purpose::Repeat)));
        let soon = T0 + Micros::from_millis(10);
        keys.wanted(BEN, soon);
        keys.wanted(BEN, soon);
        assert_eq!(keys.due(soon), None);
        assert_eq!(keys.next_time(), Some(T0 + REPEAT_EVERY));
        let to = Some((vec![BEN], Purpose::Repeat));
        assert_eq!(keys.due(T0 + REPEAT_EVERY), to);
        assert_eq!(keys.next_time(), None);
    }

    #[test]
    fn what_was_sent_over_a_connection_that_is_gone_is_not_waited_for() {
        let mut keys = hand_out();
        let _ = change(&mut keys, &[ANA]);
        keys.forget_sent();
        keys.somebody_left(Secret([2; 32]));
        let sent = change(&mut keys, &[ANA]);
        keys.answered(sent, &DONE, T0);
        assert_eq!(used(&keys), Some(Epoch::new(1, 0)));
    }
}
