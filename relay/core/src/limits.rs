//! How often is too often: every kind of request has a quota in its session, guesses also by key.

use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{Refusal, Request};
use governor::clock::Clock as _;

use super::quota::{ByAddress, Direct, SetClock, quota, refusal};
use super::recipient_limit::RecipientLimit;

/// Rooms that may be made at once from one address; then one each minute.
const ROOMS_AT_ONCE: u32 = 60;
/// After this every limiter of a session is as good as new.
const REST: Micros = Micros::from_secs(30);
/// Accounts whose limits are kept. Higher costs about 1 kB each.
const RESTING: usize = 4_096;

/// One session's limiters, a kind of request each.
pub(super) struct RequestLimits {
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
    pub(super) recipients: RecipientLimit,
    clock: SetClock,
}

impl RequestLimits {
    pub(super) fn new(clock: &SetClock) -> Self {
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
    pub(super) fn check(&self, request: &Request) -> Result<(), Refusal> {
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
pub(super) struct SignInLimit(Direct, SetClock);

impl SignInLimit {
    pub(super) fn new(clock: &SetClock) -> Self {
        Self(
            Direct::direct_with_clock(quota(1, 5), clock.clone()),
            clock.clone(),
        )
    }

    pub(super) fn check(&self) -> Result<(), Refusal> {
        self.0.check().map_err(|n| refusal(&n, self.1.now()))
    }
}

/// What stays for good, by the address that it comes from.
pub(super) struct GrowthLimits {
    sign_ups: ByAddress,
    rooms: ByAddress,
}

impl GrowthLimits {
    pub(super) fn new(sign_ups_at_once: u32, clock: &SetClock) -> Self {
        let minute = Duration::from_secs(60);
        Self {
            sign_ups: ByAddress::new(minute, sign_ups_at_once, clock),
            rooms: ByAddress::new(minute, ROOMS_AT_ONCE, clock),
        }
    }

    pub(super) fn check_sign_up(&self, address: IpAddr) -> Result<(), Refusal> {
        self.sign_ups.check(address)
    }

    pub(super) fn check_room(&self, address: IpAddr) -> Result<(), Refusal> {
        self.rooms.check(address)
    }

    pub(super) fn forget_idle(&self) {
        self.sign_ups.forget_idle();
        self.rooms.forget_idle();
    }
}

/// Limits of accounts whose session ended: signing in again must not make them new.
#[derive(Default)]
pub(super) struct RestingLimits(HashMap<String, (Instant, RequestLimits)>);

impl RestingLimits {
    pub(super) fn take(&mut self, account: &str) -> Option<RequestLimits> {
        self.0.remove(account).map(|(_, limits)| limits)
    }

    pub(super) fn put(&mut self, account: String, limits: RequestLimits, now: Instant) {
        if self.0.len() < RESTING {
            self.0.insert(account, (now, limits));
        }
    }

    pub(super) fn forget_idle(&mut self, now: Instant) {
        self.0.retain(|_, (since, _)| now.since(*since) < REST);
    }
}
