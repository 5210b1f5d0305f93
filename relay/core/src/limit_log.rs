//! Tells the operator which limit people run into: one line a key and minute, that names the key.

use std::collections::HashMap;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};

use conclave_protocol::time::{Instant, Micros};

/// How often a key is named at most. Higher hides what goes on; lower fills the log while an attacker floods the relay.
const AGAIN_AFTER: Micros = Micros::from_secs(60);

/// The keys that were named, and when.
#[derive(Default)]
pub struct LimitLog(Mutex<HashMap<&'static str, Told>>);

struct Told {
    at: Instant,
    unsaid: u64,
}

impl LimitLog {
    /// A request was refused by the limit that `key` of the configuration sets.
    pub fn reached(
        &self,
        key: &'static str,
        limit: impl Display,
        whose: impl Display,
        now: Instant,
    ) {
        if let Some(unsaid) = self.may_say(key, now) {
            tracing::warn!(
                key,
                %limit,
                address = %whose,
                unsaid,
                "a limit is reached: raise the key if these are people who belong here"
            );
        }
    }

    /// How many were not told since the last line, if it is time for another.
    pub fn may_say(&self, key: &'static str, now: Instant) -> Option<u64> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told.get_mut(key) {
            Some(last) if now.since(last.at) < AGAIN_AFTER => {
                last.unsaid += 1;
                None
            }
            Some(last) => {
                let unsaid = std::mem::take(&mut last.unsaid);
                last.at = now;
                Some(unsaid)
            }
            None => {
                told.insert(key, Told { at: now, unsaid: 0 });
                Some(0)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_is_named_once_a_minute_with_what_was_left_out() {
        let log = LimitLog::default();
        let at = |seconds| Instant(0) + Micros::from_secs(seconds);
        assert_eq!(log.may_say("limits.rooms", at(100)), Some(0));
        for _ in 0..500 {
            assert_eq!(log.may_say("limits.rooms", at(159)), None);
        }
        assert_eq!(log.may_say("limits.sessions", at(159)), Some(0));
        assert_eq!(log.may_say("limits.rooms", at(160)), Some(500));
    }
}
