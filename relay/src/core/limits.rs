//! How often is too often: every kind of request has a quota in its session, guesses also by key.
//!
//! The limiters run on a clock that the core sets, so they are as deterministic as the rest of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{Refusal, Request};
use governor::clock::{Clock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{NotUntil, Quota, RateLimiter};

use super::address::{Network, SITE_SHARE};
use super::recipient_limit::RecipientLimit;

/// Rooms that may be made at once from one address; then one each minute.
const ROOMS_AT_ONCE: u32 = 60;
/// After this every limiter of a session is as good as new.
const REST: Micros = Micros::from_secs(30);
/// Accounts whose limits are kept. Higher costs about 1 kB each.
const RESTING: usize = 4_096;

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

fn refusal<P: Reference>(not_until: &NotUntil<P>, now: P) -> Refusal {
    let wait = not_until.wait_time_from(now).as_millis();
    Refusal::RateLimited {
        retry_after_ms: u32::try_from(wait).unwrap_or(u32::MAX).max(1),
    }
}

/// One session's limiters, a kind of request each.
pub(crate) struct RequestLimits {
    any: Direct,
    list: Direct,
    create: Direct,
    say: Direct,
    history: Direct,
    keys: Direct,
    streams: Direct,
    state: Direct,
    join: Direct,
    subscribe: Direct,
    links: Direct,
    /// Messages to one other member.
    pub(crate) recipients: RecipientLimit,
    clock: SetClock,
}

impl RequestLimits {
    pub(crate) fn new(clock: &SetClock) -> Self {
        let direct =
            |per_second, burst| Direct::direct_with_clock(quota(per_second, burst), clock.clone());
        Self {
            any: direct(200, 1000),
            list: direct(10, 100),
            create: direct(1, 10),
            say: direct(10, 30),
            history: direct(10, 60),
            // A whole room of the largest size may need a key at once, twice.
            keys: direct(128, 512),
            streams: direct(20, 64),
            state: direct(20, 50),
            // The whole room hears of each.
            join: direct(2, 20),
            // A receiver chooses for each tile that it lays out, of a whole room when it comes in.
            subscribe: direct(100, 1_024),
            links: direct(1, 20),
            recipients: RecipientLimit::default(),
            clock: clock.clone(),
        }
    }

    /// Counts a request; refuses it when its kind comes too often.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Refusal> {
        let now = self.clock.now();
        self.any.check().map_err(|n| refusal(&n, now))?;
        let kind = match request {
            Request::ListRooms { .. } => &self.list,
            Request::CreateRoom { .. } => &self.create,
            Request::Say { .. } => &self.say,
            Request::History { .. } => &self.history,
            Request::SendKeys { envelopes } => {
                let count = u32::try_from(envelopes.len()).unwrap_or(u32::MAX);
                return match self
                    .keys
                    .check_n(count.try_into().unwrap_or(NonZeroU32::MIN))
                {
                    Ok(Ok(())) => Ok(()),
                    Ok(Err(not_until)) => Err(refusal(&not_until, now)),
                    Err(_) => Err(Refusal::TooMany),
                };
            }
            Request::AskKeys { .. } => &self.keys,
            Request::Publish(_) | Request::Unpublish { .. } => &self.streams,
            Request::SetDevices(_) | Request::SetClock { .. } => &self.state,
            Request::JoinRoom { .. } => &self.join,
            Request::Subscribe { .. } => &self.subscribe,
            Request::MakeLink { .. }
            | Request::RevokeLinks { .. }
            | Request::AllowBrowsers { .. } => &self.links,
            Request::SignIn { .. } | Request::SignOut | Request::LeaveRoom => return Ok(()),
        };
        kind.check().map_err(|n| refusal(&n, now))
    }
}

/// A limiter a connection for what comes before a session.
pub(crate) struct SignInLimit(Direct, SetClock);

impl SignInLimit {
    pub(crate) fn new(clock: &SetClock) -> Self {
        Self(
            Direct::direct_with_clock(quota(1, 5), clock.clone()),
            clock.clone(),
        )
    }

    pub(crate) fn check(&self) -> Result<(), Refusal> {
        self.0.check().map_err(|n| refusal(&n, self.1.now()))
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
pub(crate) struct ByAddress {
    network: Keyed<Network>,
    site: Keyed<Network>,
}

impl ByAddress {
    /// `at_once` for each network, then one each `period`.
    pub(crate) fn new(period: Duration, at_once: u32, clock: &SetClock) -> Self {
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
    pub(crate) fn check(&self, address: IpAddr) -> Result<(), Refusal> {
        if let Some(site) = Network::site(address) {
            self.site.check(&site)?;
        }
        self.network.check(&Network::of(address))
    }

    /// Forgets the networks that are as good as new.
    pub(crate) fn forget_idle(&self) {
        self.network.forget_idle();
        self.site.forget_idle();
    }
}

/// What stays for good, by the address that it comes from.
pub(crate) struct GrowthLimits {
    sign_ups: ByAddress,
    rooms: ByAddress,
}

impl GrowthLimits {
    pub(crate) fn new(sign_ups_at_once: u32, clock: &SetClock) -> Self {
        let minute = Duration::from_secs(60);
        Self {
            sign_ups: ByAddress::new(minute, sign_ups_at_once, clock),
            rooms: ByAddress::new(minute, ROOMS_AT_ONCE, clock),
        }
    }

    pub(crate) fn check_sign_up(&self, address: IpAddr) -> Result<(), Refusal> {
        self.sign_ups.check(address)
    }

    pub(crate) fn check_room(&self, address: IpAddr) -> Result<(), Refusal> {
        self.rooms.check(address)
    }

    pub(crate) fn forget_idle(&self) {
        self.sign_ups.forget_idle();
        self.rooms.forget_idle();
    }
}

/// Limits of accounts whose session is over: signing in again must not make them new.
#[derive(Default)]
pub(crate) struct RestingLimits(HashMap<String, (Instant, RequestLimits)>);

impl RestingLimits {
    pub(crate) fn take(&mut self, account: &str) -> Option<RequestLimits> {
        self.0.remove(account).map(|(_, limits)| limits)
    }

    pub(crate) fn put(&mut self, account: String, limits: RequestLimits, now: Instant) {
        if self.0.len() < RESTING {
            self.0.insert(account, (now, limits));
        }
    }

    pub(crate) fn forget_idle(&mut self, now: Instant) {
        self.0.retain(|_, (since, _)| now.since(*since) < REST);
    }
}
