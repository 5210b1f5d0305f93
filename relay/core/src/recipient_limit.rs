//! How often one session may make the relay queue a message for one other, whatever else it sends.
//!
//! Without this bound a few requests of one member would fill another's queue, and put it out.

use conclave_protocol::id::SessionId;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::Refusal;
use rustc_hash::FxHashMap;

/// Messages at once to one recipient; a queue holds many times as many.
const BURST: u64 = 8;
/// Then one each such span.
const EACH: Micros = Micros::from_millis(500);
/// Recipients after which those that are as good as new are forgotten: more than a room holds.
const FORGET_FROM: usize = 256;

/// One sender's messages by recipient.
///
/// It grows no further than the sender's own limits let it: a recipient is forgotten after 4 s.
#[derive(Debug, Default)]
pub(super) struct RecipientLimit {
    /// When the recipient's whole burst is there again.
    whole_at: FxHashMap<SessionId, Instant>,
}

impl RecipientLimit {
    /// Whether one more message may go to `to`.
    pub(super) fn check(&self, to: SessionId, now: Instant) -> Result<(), Refusal> {
        let whole_at = self.whole_at.get(&to).copied().unwrap_or(now);
        let wait = (whole_at.max(now) + EACH).since(now + Micros(EACH.0 * BURST));
        if wait == Micros::ZERO {
            return Ok(());
        }
        Err(Refusal::RateLimited {
            retry_after_ms: u32::try_from(wait.0.div_ceil(1_000)).unwrap_or(u32::MAX),
        })
    }

    /// Counts one message to `to`.
    pub(super) fn count(&mut self, to: SessionId, now: Instant) {
        if self.whole_at.len() >= FORGET_FROM {
            self.whole_at.retain(|_, whole_at| *whole_at > now);
        }
        let whole_at = self.whole_at.entry(to).or_insert(now);
        *whole_at = (*whole_at).max(now) + EACH;
    }
}
