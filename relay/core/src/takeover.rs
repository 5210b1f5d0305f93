//! Devices that put each other out in turns, as two with one identity do: each turn has to wait longer than the last.
//!
//! A device that starts again has lost its connection, and takes nothing over. One whose network changed takes over
//! once or twice. What goes on is a copied card, and the one who is there stays for a while.

use std::collections::HashMap;

use conclave_protocol::time::{Instant, Micros};

/// Takeovers that wait for nothing.
const FREE: u32 = 2;
/// How long the first one after them waits, and each later one twice as long as the one before.
const FIRST_WAIT: Micros = Micros::from_secs(30);
/// Doublings: 30 s to 8 min.
const DOUBLINGS: u32 = 4;
/// Longer than the longest wait; after so long nothing is remembered.
const CALM: Micros = Micros::from_secs(20 * 60);
/// Accounts that are remembered. Higher costs about 100 B each.
const MOST: usize = 4_096;

/// Which connection took the place of which other one, and how often.
#[derive(Default)]
pub(super) struct Takeovers(HashMap<String, Turns>);

struct Turns {
    count: u32,
    last: Instant,
}

impl Takeovers {
    /// One who signs in takes over a session whose connection is open.
    ///
    /// # Errors
    /// How long to wait, when there were too many.
    pub(super) fn take(&mut self, account: &str, now: Instant) -> Result<(), Micros> {
        if self.0.len() >= MOST {
            self.forget_old(now);
        }
        let Some(turns) = self.0.get_mut(account) else {
            if self.0.len() < MOST {
                self.0.insert(
                    account.to_owned(),
                    Turns {
                        count: 1,
                        last: now,
                    },
                );
            }
            return Ok(());
        };
        let since = now.since(turns.last);
        if since >= CALM {
            turns.count = 0;
        }
        let wait = match turns.count.checked_sub(FREE) {
            Some(more) => Micros(FIRST_WAIT.0 << more.min(DOUBLINGS)),
            None => Micros::ZERO,
        };
        if since < wait {
            return Err(Micros(wait.0 - since.0));
        }
        turns.count += 1;
        turns.last = now;
        Ok(())
    }

    pub(super) fn forget_old(&mut self, now: Instant) {
        self.0.retain(|_, turns| now.since(turns.last) < CALM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_turn_waits_longer_and_in_the_end_nothing_is_remembered() {
        let mut takeovers = Takeovers::default();
        let mut now = Instant(0) + Micros::from_secs(1_000);
        for _ in 0..FREE {
            assert_eq!(takeovers.take("ana", now), Ok(()));
        }
        for wait in [30, 60, 120, 240, 480, 480, 480] {
            let wait = Micros::from_secs(wait);
            assert_eq!(takeovers.take("ana", now), Err(wait));
            now += Micros(wait.0 - 1);
            assert_eq!(takeovers.take("ana", now), Err(Micros(1)));
            now += Micros(1);
            assert_eq!(takeovers.take("ana", now), Ok(()));
        }
        assert_eq!(takeovers.take("ben", now), Ok(()));
        now += CALM;
        assert_eq!(takeovers.take("ana", now), Ok(()));
        takeovers.forget_old(now);
        assert_eq!(takeovers.0.len(), 1);
    }
}
