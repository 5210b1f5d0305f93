//! Connecting, and doing so again whenever the connection is lost: back-off, silence, and what of a session survives.

use super::loss::{ConnectionLoss, DEAD_AFTER};
use super::timers::{Timer, Timers};
use crate::net::control::ConnectionError;
use conclave_protocol::channel::ChannelError;
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::Uplink;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{Refusal, SignedIn};
use std::net::IpAddr;
use std::sync::Arc;

/// Waits between attempts to connect: the first and the longest.
const FIRST_RETRY: Micros = Micros::from_millis(200);
const LONGEST_RETRY: Micros = Micros::from_secs(1);
/// How often the relay is asked for its clock; also breaks every silence.
const PING_EVERY: Micros = Micros::from_secs(2);
/// Pings in quick succession after signing in, for a first idea of the clock.
const QUICK_PINGS: u32 = 5;
const PING_QUICKLY: Micros = Micros::from_millis(40);

/// The state of the connection, and what of a session survives it.
pub(super) struct Reconnect {
    /// How long the first connection may take before the relay counts as unreachable.
    patience: Micros,
    first_try: Instant,
    back_off: Micros,
    is_signed_in: bool,
    was_signed_in: bool,
    reconnects: u64,
    /// Why there was no connection the last time.
    last_error: Option<ConnectionError>,
    /// The loss that was told last.
    told: Option<ConnectionLoss>,
    /// Where another device with this one's identity is.
    elsewhere: Option<IpAddr>,
    pings: u32,
    session: Option<Session>,
}

/// A session at the relay, which waits there for a while when its connection is lost.
struct Session {
    resume: Secret<32>,
    hop_secret: Secret<32>,
    uplink: Arc<Uplink>,
}

/// What to tell of a lost connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum News {
    /// It was signed in until now.
    Interrupted,
    /// There was none yet, and the reason is another than the last.
    NotConnected,
    /// Everything is told already.
    None,
}

/// What follows when a connection broke, or could not be made.
#[derive(Debug)]
pub(super) enum AfterLoss {
    /// It is tried again.
    Retry(News),
    /// The relay counts as unreachable.
    End(ConnectionError),
    /// Another relay answers at the address.
    IdentityChanged(ConnectionError),
}

/// What follows when signing in is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum AfterRefusal {
    /// The session expired at the relay: sign in again, without it.
    BeginAnew,
    /// The connection is given up for as long as the relay asks.
    Wait(ConnectionLoss, News),
    /// There is no use in trying again.
    End,
}

impl Reconnect {
    pub(super) fn new(patience: Micros, now: Instant, timers: &mut Timers) -> Self {
        timers.set(Timer::Connect, now);
        Self {
            patience,
            first_try: now,
            back_off: FIRST_RETRY,
            is_signed_in: false,
            was_signed_in: false,
            reconnects: 0,
            last_error: None,
            told: None,
            elsewhere: None,
            pings: 0,
            session: None,
        }
    }

    pub(super) const fn is_signed_in(&self) -> bool {
        self.is_signed_in
    }

    /// How often a connection was made again.
    pub(super) const fn reconnects(&self) -> u64 {
        self.reconnects
    }

    /// What opens the session again, if there is one.
    pub(super) fn resume_secret(&self) -> Option<Secret<32>> {
        Some(self.session.as_ref()?.resume.clone())
    }

    /// The way up of the session, if there is one.
    pub(super) fn uplink(&self) -> Option<&Arc<Uplink>> {
        Some(&self.session.as_ref()?.uplink)
    }

    /// Where another device with this one's identity is, if the relay told of one.
    pub(super) const fn elsewhere(&self) -> Option<IpAddr> {
        self.elsewhere
    }

    pub(super) fn set_elsewhere(&mut self, address: IpAddr) {
        self.elsewhere = Some(address);
    }

    /// A connection is being made, or something came by it.
    pub(super) fn heard(&self, now: Instant, timers: &mut Timers) {
        timers.set(Timer::Silence, now + DEAD_AFTER);
    }

    pub(super) fn signed_in(&mut self, signed_in: &SignedIn, now: Instant, timers: &mut Timers) {
        if std::mem::replace(&mut self.was_signed_in, true) {
            self.reconnects += 1;
        }
        self.is_signed_in = true;
        self.back_off = FIRST_RETRY;
        self.elsewhere = None;
        self.told = None;
        let known = self.session.take();
        // A session that goes on under its hop keys goes on with its counter.
        let known = known.filter(|known| known.hop_secret == signed_in.hop_secret);
        let uplink = known.map_or_else(
            || Arc::new(Uplink::new(signed_in.session, &signed_in.hop_secret)),
            |known| known.uplink,
        );
        self.session = Some(Session {
            resume: signed_in.resume_secret.clone(),
            hop_secret: signed_in.hop_secret.clone(),
            uplink,
        });
        self.pings = 0;
        timers.set(Timer::Ping, now);
    }

    /// A ping is sent: sets the time of the next.
    pub(super) fn pinged(&mut self, now: Instant, timers: &mut Timers) {
        self.pings += 1;
        let quick = self.pings < QUICK_PINGS;
        timers.set(
            Timer::Ping,
            now + if quick { PING_QUICKLY } else { PING_EVERY },
        );
    }

    /// The relay does not sign this endpoint in.
    pub(super) fn refused(
        &mut self,
        resuming: bool,
        refusal: Refusal,
        now: Instant,
        timers: &mut Timers,
    ) -> AfterRefusal {
        match refusal {
            Refusal::SessionOver if resuming => {
                self.session = None;
                AfterRefusal::BeginAnew
            }
            Refusal::RateLimited { retry_after_ms } => {
                let loss = self
                    .elsewhere
                    .map_or(ConnectionLoss::AskedToWait, ConnectionLoss::CopiedCard);
                let news = self.lost(&loss, now, timers);
                timers.set(
                    Timer::Connect,
                    now + Micros::from_millis(retry_after_ms.into()),
                );
                AfterRefusal::Wait(loss, news)
            }
            _ => AfterRefusal::End,
        }
    }

    /// The connection broke, or could not be made.
    pub(super) fn failed(
        &mut self,
        error: ConnectionError,
        now: Instant,
        timers: &mut Timers,
    ) -> AfterLoss {
        let hopeless = match &error {
            ConnectionError::Channel(ChannelError::IdentityChanged { .. }) => {
                return AfterLoss::IdentityChanged(error);
            }
            ConnectionError::Channel(ChannelError::RelayVersion { .. }) => true,
            _ => false,
        };
        if hopeless || self.is_out_of_patience(now) {
            return AfterLoss::End(error);
        }
        let news = self.lost(&ConnectionLoss::from(&error), now, timers);
        self.last_error = Some(error);
        AfterLoss::Retry(news)
    }

    /// Nothing was heard for too long.
    pub(super) fn silent(&mut self, now: Instant, timers: &mut Timers) -> AfterLoss {
        if self.is_out_of_patience(now) {
            return AfterLoss::End(ConnectionError::TimedOut);
        }
        AfterLoss::Retry(self.lost(&ConnectionLoss::Silent, now, timers))
    }

    fn is_out_of_patience(&self, now: Instant) -> bool {
        !self.was_signed_in && now.since(self.first_try) >= self.patience
    }

    /// The connection is given up: sets the time of the next attempt.
    pub(super) fn lost(
        &mut self,
        loss: &ConnectionLoss,
        now: Instant,
        timers: &mut Timers,
    ) -> News {
        timers.stop(Timer::Silence);
        timers.stop(Timer::Ping);
        timers.set(Timer::Connect, now + self.back_off);
        self.back_off = Micros(self.back_off.0 * 3 / 2).min(LONGEST_RETRY);
        // Told once: that it is tried again and again is understood.
        let is_news = self.told.replace(loss.clone()).as_ref() != Some(loss);
        match std::mem::replace(&mut self.is_signed_in, false) {
            true => News::Interrupted,
            false if is_news => News::NotConnected,
            false => News::None,
        }
    }

    /// Why a call ends that never was signed in; nothing if it was.
    pub(super) fn never_signed_in(&mut self) -> Option<ConnectionError> {
        let error = self.last_error.take().unwrap_or(ConnectionError::TimedOut);
        (!self.was_signed_in).then_some(error)
    }
}

#[cfg(test)]
mod tests;
