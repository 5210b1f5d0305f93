//! How media travels: by UDP while probes are answered, by TCP while they are not, and back.
//!
//! A probe is as long as a picture's datagrams: a way that passes small datagrams alone would lose pictures.

use super::timers::{Timer, Timers};
use crate::net::outbound::Path;
use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::replay::ReplayWindow;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::feedback::{Padding, Probe};
use conclave_protocol::wire::header::HOP_HEADER_BYTES;

/// While UDP is not proven, and to keep it proven.
const PROBE_QUICKLY: Micros = Micros::from_millis(200);
const PROBE_SLOWLY: Micros = Micros::from_secs(1);
/// No picture's datagram that the relay sends is longer: an answer to a probe that is shorter proves no way for
/// pictures.
const LONGEST_PACKET: usize = MAX_DATAGRAM - HOP_HEADER_BYTES;
/// Without an answer for so long after signing in, media goes by TCP.
const UDP_PATIENCE: Micros = Micros::from_secs(2);
/// Two probes may be lost before a path that worked is given up.
const UDP_PATIENCE_ONCE_PROVEN: Micros = Micros::from_secs(3);

/// How long a least round trip counts: routes change, and with them what is least.
const LEAST_LASTS: Micros = Micros::from_secs(30);

/// The path of media to the relay and back.
pub(super) struct MediaPath {
    path: Path,
    /// Whether there is a session whose path is to be found.
    is_sought: bool,
    /// Which answers came.
    answers: ReplayWindow,
    /// The highest counter of the answers that were long enough.
    seen: Option<u64>,
    /// How media travelled before the connection was lost.
    former: Path,
    /// The least round trip of late, and when it was measured.
    least: Option<(Micros, Instant)>,
}

/// An answer whose seal holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Answered {
    /// Its counter among all that the relay seals.
    pub(super) counter: u64,
    /// When the probe that it answers was sent.
    pub(super) sent: Instant,
    /// The length of its datagram.
    pub(super) datagram_bytes: usize,
}

impl MediaPath {
    pub(super) const fn new() -> Self {
        Self {
            path: Path::None,
            is_sought: false,
            answers: ReplayWindow::new(),
            seen: None,
            former: Path::None,
            least: None,
        }
    }

    /// How media travels now.
    pub(super) const fn now(&self) -> Path {
        self.path
    }

    /// A session begins or goes on: UDP has to be proven again. Where it was blocked before, media does not wait for
    /// that.
    pub(super) fn begin(&mut self, now: Instant, timers: &mut Timers) {
        let was_tcp = self.former == Path::Tcp;
        *self = Self::new();
        self.is_sought = true;
        if was_tcp {
            self.path = Path::Tcp;
        }
        timers.set(Timer::Probe, now);
        timers.set(Timer::UdpPatience, now + UDP_PATIENCE);
    }

    /// The connection is lost: there is no way until a session begins or goes on.
    pub(super) fn end(&mut self, timers: &mut Timers) {
        if self.path != Path::None {
            self.former = self.path;
        }
        self.path = Path::None;
        self.is_sought = false;
        timers.stop(Timer::Probe);
        timers.stop(Timer::UdpPatience);
    }

    /// Gives the probe to send when [`Timer::Probe`] is due.
    pub(super) fn probe(&self, now: Instant, timers: &mut Timers) -> Probe {
        let proven = self.path == Path::Udp;
        let pause = if proven { PROBE_SLOWLY } else { PROBE_QUICKLY };
        timers.set(Timer::Probe, now + pause);
        Probe::Ask {
            sent: now,
            seen: self.seen,
            round_trip: self.round_trip(),
            padding: Padding::NONE,
        }
    }

    /// Whether a datagram with this counter is here for the first time. Ask once for each.
    pub(super) fn is_new(&mut self, counter: u64) -> bool {
        let is_new = self.answers.check(counter);
        if is_new {
            self.answers.update(counter);
        }
        is_new
    }

    /// The least round-trip time of late; zero before the first answer.
    pub(super) fn round_trip(&self) -> Micros {
        self.least.map_or(Micros::ZERO, |(least, _)| least)
    }

    fn measure(&mut self, round_trip: Micros, now: Instant) {
        let is_less = self
            .least
            .is_none_or(|(least, at)| round_trip <= least || now.since(at) > LEAST_LASTS);
        if is_less {
            self.least = Some((round_trip, now));
        }
    }

    /// No probe was answered for too long.
    pub(super) fn lose_patience(&mut self) {
        self.path = Path::Tcp;
    }

    /// An answer came whose seal holds, in a datagram of so many bytes.
    pub(super) fn handle_answer(&mut self, answer: Answered, now: Instant, timers: &mut Timers) {
        if !self.is_sought || !self.is_new(answer.counter) {
            return;
        }
        self.measure(now.since(answer.sent), now);
        if answer.datagram_bytes < LONGEST_PACKET {
            return;
        }
        self.seen = self.seen.max(Some(answer.counter));
        timers.set(Timer::UdpPatience, now + UDP_PATIENCE_ONCE_PROVEN);
        if self.path != Path::Udp {
            self.path = Path::Udp;
            // The relay learns at once that its way down works.
            timers.set(Timer::Probe, now);
        }
    }
}

#[cfg(test)]
mod tests;
