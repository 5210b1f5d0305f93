//! Quotas on a clock that is set: so limiters are as deterministic as the rest of the core.

use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::Refusal;
use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};

use super::address::{Network, SITE_SHARE};

/// A clock that stands still until it is set.
#[derive(Clone, Debug, Default)]
pub struct SetClock(Arc<AtomicU64>);

impl SetClock {
    /// Moves the clock to `now`.
    pub fn set(&self, now: Instant) {
        self.0.store(now.0.saturating_mul(1_000), Ordering::Relaxed);
    }

    /// What it was set to.
    #[must_use]
    pub fn instant(&self) -> Instant {
        Instant(self.0.load(Ordering::Relaxed) / 1_000)
    }
}

impl Clock for SetClock {
    type Instant = Nanos;
    fn now(&self) -> Nanos {
        Nanos::new(self.0.load(Ordering::Relaxed))
    }
}

/// A limiter of one thing.
pub type Direct = RateLimiter<NotKeyed, InMemoryState, SetClock, NoOpMiddleware<Nanos>>;

/// `burst` at once, then `per_second`.
#[must_use]
pub fn quota(per_second: u32, burst: u32) -> Quota {
    let at_least_one = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
    Quota::per_second(at_least_one(per_second)).allow_burst(at_least_one(burst))
}

/// `burst` at once, then one each `period`.
fn one_each(period: Duration, burst: NonZeroU32) -> Quota {
    Quota::with_period(period)
        .unwrap_or(Quota::per_second(NonZeroU32::MIN))
        .allow_burst(burst)
}

pub(super) fn refusal<P: Reference>(not_until: &NotUntil<P>, now: P) -> Refusal {
    let wait = not_until.wait_time_from(now).as_millis();
    Refusal::RateLimited {
        retry_after_ms: u32::try_from(wait).unwrap_or(u32::MAX).max(1),
    }
}

/// A limiter a key, for at most [`Keyed::MAX_KEYS`] keys: when that many are busy, new ones are refused.
pub struct Keyed<K: Hash + Eq + Clone> {
    limiter: RateLimiter<K, HashMapStateStore<K>, SetClock, NoOpMiddleware<Nanos>>,
    clock: SetClock,
}

impl<K: Hash + Eq + Clone> Keyed<K> {
    /// Higher costs about 100 B a key; lower lets many addresses crowd out new ones sooner.
    pub const MAX_KEYS: usize = 16_384;

    /// A limiter of `quota` for each key.
    #[must_use]
    pub fn new(quota: Quota, clock: &SetClock) -> Self {
        Self {
            limiter: RateLimiter::new(quota, HashMapStateStore::default(), clock.clone()),
            clock: clock.clone(),
        }
    }

    /// Counts one for `key`.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] when there were too many, or too many keys.
    pub fn check(&self, key: &K) -> Result<(), Refusal> {
        if self.limiter.len() >= Self::MAX_KEYS {
            self.forget_idle();
            if self.limiter.len() >= Self::MAX_KEYS {
                return Err(Refusal::RateLimited {
                    retry_after_ms: 1_000,
                });
            }
        }
        self.limiter
            .check_key(key)
            .map_err(|n| refusal(&n, self.clock.now()))
    }

    /// Forgets the keys that are as good as new.
    pub fn forget_idle(&self) {
        self.limiter.retain_recent();
    }
}

/// A limiter for addresses: of an IPv6 site all networks together have the share of [`SITE_SHARE`].
pub struct ByAddress {
    network: Keyed<Network>,
    site: Keyed<Network>,
}

impl ByAddress {
    /// `at_once` for each network, then one each `period`.
    pub fn new(period: Duration, at_once: u32, clock: &SetClock) -> Self {
        let burst = |n| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        let shared = burst(at_once.saturating_mul(SITE_SHARE));
        Self {
            network: Keyed::new(one_each(period, burst(at_once)), clock),
            site: Keyed::new(one_each(period / SITE_SHARE, shared), clock),
        }
    }

    /// Counts one for `address`; the site first, so that one site cannot fill the table of networks.
    ///
    /// # Errors
    /// [`Refusal::RateLimited`] when there were too many, or too many networks.
    pub fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        if let Some(site) = Network::site(address) {
            self.site.check(&site)?;
        }
        self.network.check(&Network::of(address))
    }

    /// Forgets the networks that are as good as new.
    pub fn forget_idle(&self) {
        self.network.forget_idle();
        self.site.forget_idle();
    }
}
