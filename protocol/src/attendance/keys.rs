//! Keys: the own one for everyone who is here, and everyone's for this member.

use rand_core::TryCryptoRng;

use super::entropy::{self, Entropy};
use super::{Asked, Attendance, Change, Fault};
use crate::hand_out::Purpose;
use crate::id::ParticipantId;
use crate::keyring::HandOut;
use crate::sender_key::{EnvelopeContext, SenderKey};
use crate::time::Instant;
use crate::wire::control::{KeyEnvelope, Participant, Request};

impl Attendance {
    /// Draws a key that former members never had, for every member who stays.
    pub(super) fn begin_generation<R: TryCryptoRng>(
        &mut self,
        rng: &mut R,
    ) -> Result<(), R::Error> {
        let to = self.keys.somebody_left(entropy::secret(rng)?);
        self.hand_out(to, &[], rng)
    }

    pub(super) fn hand_out<R: TryCryptoRng>(
        &mut self,
        to: HandOut,
        newcomers: &[ParticipantId],
        rng: &mut R,
    ) -> Result<(), R::Error> {
        let is_chosen = |id| to == HandOut::Everyone || newcomers.contains(&id);
        self.send_keys(Purpose::Change, is_chosen, rng)
    }

    /// Seals the key for the members who lack it; it is used once the relay has passed it on.
    pub(super) fn send_keys<R: TryCryptoRng>(
        &mut self,
        purpose: Purpose,
        is_chosen: impl Fn(ParticipantId) -> bool,
        rng: &mut R,
    ) -> Result<(), R::Error> {
        let others = self.roster.others().filter(|member| is_chosen(member.id));
        let members = others.map(|member| (member.id, member.key()));
        let (keys, changes) = (&mut self.keys, &mut self.changes);
        let mut entropy = Entropy::of(rng);
        let wrong = |of, error| changes.push_back(Change::Refused(of, Fault::PublicKey(error)));
        let sealed = keys.envelopes(purpose, &self.identity, members, &mut entropy, wrong);
        entropy.result()?;
        if let Some((envelopes, sent)) = sealed {
            let request = Request::SendKeys { envelopes };
            self.asks.push_back((request, Asked::Keys(sent)));
        }
        Ok(())
    }

    pub(super) fn take_key(&mut self, from: ParticipantId, envelope: &KeyEnvelope, now: Instant) {
        let Some(sender) = self.roster.get(from).map(Participant::key) else {
            return;
        };
        let context = EnvelopeContext {
            room: self.place.room,
            sender: from,
            sender_nonce: sender.nonce,
        };
        let (me, nonce) = (&self.identity, self.place.nonce);
        match SenderKey::open(envelope, me, nonce, &sender.identity, context) {
            Ok(key) => {
                self.missing.came(from);
                let waited = self.roster.receiver.set_key(from, key, now);
                if !waited.is_empty() {
                    self.changes.push_back(Change::Opened(waited));
                }
            }
            Err(error) => {
                let fault = Fault::Envelope(error);
                self.changes.push_back(Change::Refused(from, fault));
            }
        }
    }

    pub(super) fn ask_for_missing(&mut self, now: Instant) {
        let asks = self.missing.due(now);
        self.asks
            .extend(asks.map(|of| (Request::AskKeys { of }, Asked::Nothing)));
    }

    pub(super) fn forget_keys_of_absent(&mut self) {
        let is_here = |id| self.roster.get(id).is_some();
        self.keys.keep_only(is_here);
        self.missing.keep_only(is_here);
    }
}
