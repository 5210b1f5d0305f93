//! How often a wrong guess is allowed: a budget for each key that refills with time; a right answer takes nothing
//! of it.
//!
//! `governor` cannot give back what was taken, and what is being compared must count until its answer is known:
//! else many guesses at once would cost one.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::Refusal;

use super::address::{Network, SITE_SHARE};
use super::quota::SetClock;

/// Keys of one budget. Higher costs about 100 B a key; lower lets many keys crowd out new ones sooner.
const MAX_KEYS: usize = 16_384;

/// `at_once` guesses, then one each `each`, for each key.
struct Budget<K> {
    each: Micros,
    at_once: u64,
    /// When a key's budget is whole again; keys whose budget is whole are not kept.
    whole_at: HashMap<K, Instant>,
}

impl<K: Hash + Eq> Budget<K> {
    fn new(each: Micros, at_once: u64) -> Self {
        Self {
            each,
            at_once,
            whole_at: HashMap::new(),
        }
    }

    fn check(&mut self, key: &K, now: Instant) -> Result<(), Refusal> {
        let limited = |wait: Micros| Refusal::RateLimited {
            retry_after_ms: u32::try_from(wait.0 / 1_000).unwrap_or(u32::MAX).max(1),
        };
        let Some(whole_at) = self.whole_at.get(key) else {
            if self.whole_at.len() >= MAX_KEYS {
                self.forget_whole(now);
            }
            return match self.whole_at.len() < MAX_KEYS {
                true => Ok(()),
                false => Err(limited(Micros::from_secs(1))),
            };
        };
        let missing = whole_at.since(now).0;
        let most = self.each.0 * (self.at_once - 1);
        match missing.checked_sub(most) {
            None | Some(0) => Ok(()),
            Some(wait) => Err(limited(Micros(wait))),
        }
    }

    fn take(&mut self, key: K, now: Instant) {
        let whole_at = self.whole_at.entry(key).or_insert(now);
        *whole_at = (*whole_at).max(now) + self.each;
    }

    fn give_back(&mut self, key: &K) {
        if let Some(whole_at) = self.whole_at.get_mut(key) {
            whole_at.0 = whole_at.0.saturating_sub(self.each.0);
        }
    }

    fn forget_whole(&mut self, now: Instant) {
        self.whole_at.retain(|_, whole_at| *whole_at > now);
    }
}

/// A guess at a room's PIN that is being compared.
#[derive(Clone, Copy, Debug)]
pub(super) struct Guess {
    pub(super) address: IpAddr,
    pub(super) room: u32,
    /// The device was in this room with its PIN, so that it is not one that guesses.
    pub(super) is_known: bool,
}

/// Wrong PINs by account, by address and by room: each bounds another way to try all PINs.
pub(super) struct GuessLimits {
    account: Budget<String>,
    network: Budget<Network>,
    site: Budget<Network>,
    room: Budget<u32>,
    clock: SetClock,
}

impl GuessLimits {
    pub(super) fn new(clock: &SetClock) -> Self {
        let two = Micros::from_secs(2);
        let share = u64::from(SITE_SHARE);
        Self {
            account: Budget::new(Micros::from_secs(10), 5),
            // A whole room may come from behind one address.
            network: Budget::new(two, 150),
            site: Budget::new(Micros(two.0 / share), 150 * share),
            room: Budget::new(two, 150),
            clock: clock.clone(),
        }
    }

    /// Counts a guess at a link, which has no account and no room.
    pub(super) fn take_link(&mut self, address: IpAddr) -> Result<(), Refusal> {
        let now = self.clock.instant();
        self.check_address(address, now)?;
        self.take_address(address, now);
        Ok(())
    }

    /// Counts a guess, until [`Self::was_right`].
    pub(super) fn take(&mut self, account: &str, guess: Guess) -> Result<(), Refusal> {
        let now = self.clock.instant();
        self.account.check(&account.to_owned(), now)?;
        if !guess.is_known {
            self.check_address(guess.address, now)?;
            self.room.check(&guess.room, now)?;
            self.take_address(guess.address, now);
            self.room.take(guess.room, now);
        }
        self.account.take(account.to_owned(), now);
        Ok(())
    }

    /// The guess was none: it costs nothing.
    pub(super) fn was_right(&mut self, account: Option<&str>, guess: Guess) {
        if let Some(account) = account {
            self.account.give_back(&account.to_owned());
        }
        if !guess.is_known {
            self.network.give_back(&Network::of(guess.address));
            if let Some(site) = Network::site(guess.address) {
                self.site.give_back(&site);
            }
            self.room.give_back(&guess.room);
        }
    }

    fn check_address(&mut self, address: IpAddr, now: Instant) -> Result<(), Refusal> {
        if let Some(site) = Network::site(address) {
            self.site.check(&site, now)?;
        }
        self.network.check(&Network::of(address), now)
    }

    fn take_address(&mut self, address: IpAddr, now: Instant) {
        if let Some(site) = Network::site(address) {
            self.site.take(site, now);
        }
        self.network.take(Network::of(address), now);
    }

    pub(super) fn forget_idle(&mut self) {
        let now = self.clock.instant();
        self.account.forget_whole(now);
        self.network.forget_whole(now);
        self.site.forget_whole(now);
        self.room.forget_whole(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_by_wrong_guesses_and_refills_with_time() {
        let mut budget = Budget::new(Micros::from_secs(2), 3);
        let mut now = Instant(1_000_000);
        for _ in 0..1_000 {
            budget.check(&1, now).unwrap();
            budget.take(1, now);
            budget.give_back(&1);
        }
        for _ in 0..3 {
            budget.check(&1, now).unwrap();
            budget.take(1, now);
        }
        let retry_after_ms = 2_000;
        assert_eq!(
            budget.check(&1, now),
            Err(Refusal::RateLimited { retry_after_ms })
        );
        budget.check(&2, now).unwrap();
        now += Micros::from_secs(2);
        budget.check(&1, now).unwrap();
        budget.take(1, now);
        assert!(budget.check(&1, now).is_err());
        now += Micros::from_secs(6);
        budget.forget_whole(now);
        assert!(budget.whole_at.is_empty());
    }

    #[test]
    fn no_more_keys_are_kept_than_may_be() {
        let mut budget = Budget::new(Micros::from_secs(2), 3);
        let now = Instant(1_000_000);
        for key in 0..MAX_KEYS {
            budget.check(&key, now).unwrap();
            budget.take(key, now);
        }
        assert!(budget.check(&MAX_KEYS, now).is_err());
        budget.check(&0, now).unwrap();
        budget.check(&MAX_KEYS, now + Micros::from_secs(3)).unwrap();
    }
}
