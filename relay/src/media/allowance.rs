//! What one receiver may still ask for: a quarter more than it is sent, and so many requests a second.

use conclave_protocol::id::{SequenceNumber, StreamId};
use conclave_protocol::nack::LossMeter;
use conclave_protocol::time::{Instant, Micros};

use super::budget::Bucket;

/// Requests a second that are looked at.
pub(super) const REQUESTS_PER_SECOND: u32 = 250;
/// One packet is answered for so many sent.
const SENT_FOR_ONE: u32 = 4;
/// Answers that may be made at once.
pub(super) const MOST_AT_ONCE: u32 = 64;
/// The same packet is not answered twice within this time: the request was repeated in case it was lost.
const ONCE_WITHIN: Micros = Micros::from_millis(4);
const REMEMBERED: usize = 64;

/// What a receiver may still ask for.
#[derive(Debug)]
pub(super) struct Allowance {
    /// In quarters of a packet.
    credit: u32,
    requests: Bucket,
    loss: LossMeter,
    answered: Vec<(StreamId, SequenceNumber, Instant)>,
    place: usize,
}

impl Allowance {
    pub(super) const fn new(now: Instant) -> Self {
        Self {
            credit: MOST_AT_ONCE * SENT_FOR_ONE,
            requests: Bucket::full(REQUESTS_PER_SECOND, now),
            loss: LossMeter::new(),
            answered: Vec::new(),
            place: 0,
        }
    }

    /// Packets were sent to the receiver.
    pub(super) fn earn(&mut self, packets: u32) {
        self.credit = (self.credit + packets).min(MOST_AT_ONCE * SENT_FOR_ONE);
        self.loss.count(packets);
    }

    /// Whether so much is lost that what has to come in time is sent twice, within the allowance.
    pub(super) fn doubles(&mut self, packets: u32) -> bool {
        let is_rich = self.credit > MOST_AT_ONCE * SENT_FOR_ONE / 2;
        is_rich && self.loss.is_high() && self.pay(packets)
    }

    /// Whether another request of this session is looked at.
    pub(super) fn may_ask(&mut self, now: Instant) -> bool {
        self.requests.take_one(REQUESTS_PER_SECOND, now)
    }

    /// A packet that was sent is missing there; `false` when it may not be sent again.
    pub(super) fn miss_one(&mut self) -> bool {
        self.loss.miss(1);
        self.pay(1)
    }

    fn pay(&mut self, packets: u32) -> bool {
        let rest = self.credit.checked_sub(packets * SENT_FOR_ONE);
        self.credit = rest.unwrap_or(self.credit);
        rest.is_some()
    }

    /// Whether a packet was answered just now; if not, it is from now on.
    pub(super) fn was_answered(
        &mut self,
        stream: StreamId,
        sequence: SequenceNumber,
        now: Instant,
    ) -> bool {
        let is_it = |known: &(StreamId, SequenceNumber, Instant)| {
            known.0 == stream && known.1 == sequence && now.since(known.2) < ONCE_WITHIN
        };
        if self.answered.iter().any(is_it) {
            return true;
        }
        let entry = (stream, sequence, now);
        if self.answered.len() < REMEMBERED {
            self.answered.push(entry);
        } else {
            self.answered[self.place] = entry;
            self.place = (self.place + 1) % REMEMBERED;
        }
        false
    }
}
