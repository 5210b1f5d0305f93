//! Datagrams: probes and feedback to the relay, and what comes from it by UDP or within the control connection.

use super::loss::ConnectionLoss;
use super::path::Answered;
use super::shell::Engine;
use crate::net::outbound::Path;
use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::hop::{HopKeys, body_up};
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::ToRelay;
use conclave_protocol::wire::feedback::{Feedback, Nack, Probe};
use conclave_protocol::wire::header::Kind;
use tokio::io::Interest;

impl Engine {
    pub(super) fn send_probe(&mut self) {
        let ask = self.path.probe(self.now, &mut self.timers);
        self.send_sealed(Kind::Probe, &ask.padded_to(body_up(MAX_DATAGRAM)));
    }

    /// Asks the relay for the packets that are due to be asked for.
    pub(super) fn ask_for_missing(&mut self, now: Instant) {
        let Some((nack, copies)) = self.media.ask(now) else {
            return;
        };
        // What comes within the connection is not lost on its way.
        if self.path.now() == Path::Udp {
            let nack = Feedback::Nack(nack);
            for _ in 0..copies {
                self.send_sealed(Kind::Feedback, &nack);
            }
        }
    }

    /// Sends again what the relay misses.
    fn repeat(&self, nack: &Nack, now: Instant) {
        for missing in &nack.streams {
            for slot in [&self.microphone, &self.camera] {
                slot.repeat(missing, &self.transport, now);
            }
        }
    }

    fn send_sealed<T: serde::Serialize>(&mut self, kind: Kind, body: &T) {
        let (Some(uplink), Some((_, socket))) = (self.reconnect.uplink(), &self.socket) else {
            return;
        };
        let mut datagram = [0; MAX_DATAGRAM];
        match uplink.seal(kind, body, &mut datagram) {
            Ok(length) => {
                socket.send(&datagram[..length]);
            }
            Err(error) => tracing::warn!(%error, "feedback outgrows a datagram"),
        }
    }

    pub(super) fn read_media(&mut self, now: Instant) {
        let Some((readiness, socket)) = self.socket.take() else {
            return;
        };
        let mut reads = std::mem::take(&mut self.reads);
        // A few batches a turn, so that a flood of media does not keep control waiting.
        for _ in 0..8 {
            // When nothing waits, this also clears the readiness, and the next wait is for new datagrams.
            let read = readiness.try_io(Interest::READABLE, |_| {
                reads.read(&socket, |datagram| self.handle_udp(datagram, now))
            });
            match read {
                Ok(()) => {}
                Err(error) => {
                    if error.kind() != std::io::ErrorKind::WouldBlock {
                        tracing::debug!(%error, "media socket");
                    }
                    break;
                }
            }
        }
        self.reads = reads;
        self.socket = Some((readiness, socket));
    }

    fn handle_udp(&mut self, datagram: &mut [u8], now: Instant) {
        match datagram.first().copied().and_then(Kind::from_byte) {
            Some(Kind::Probe) => {
                let length = datagram.len();
                let keys: Option<&HopKeys> = self.reconnect.uplink().map(|uplink| uplink.keys());
                let opened = keys.and_then(|keys| keys.open_down::<Probe>(datagram).ok());
                if let Some((counter, Probe::Answer { sent, .. })) = opened {
                    let answer = Answered {
                        counter,
                        sent,
                        datagram_bytes: length,
                    };
                    self.path.handle_answer(answer, now, &mut self.timers);
                    self.media.set_round_trip(self.path.round_trip());
                    self.follow_path();
                }
            }
            Some(Kind::Feedback) => {
                let keys: Option<&HopKeys> = self.reconnect.uplink().map(|uplink| uplink.keys());
                let opened = keys.and_then(|keys| keys.open_down::<Feedback>(datagram).ok());
                if let Some((counter, Feedback::Nack(nack))) = opened
                    && self.path.is_new(counter)
                {
                    self.repeat(&nack, now);
                }
            }
            Some(kind) if kind.is_media() => self.handle_datagram(datagram, now),
            _ => {}
        }
    }

    pub(super) fn handle_datagram(&mut self, datagram: &mut [u8], now: Instant) {
        let room = self.room.as_mut().map(|room| &mut room.attendance);
        self.media.handle_packet(room, datagram, now);
    }

    pub(super) fn send_by_tcp(&mut self, datagram: Vec<u8>) {
        // Control goes first: media that finds the connection busy is dropped.
        if let Some(connection) = &self.connection
            && !connection.send(ToRelay::Datagram(datagram))
        {
            self.lose(ConnectionLoss::Stuck, self.now);
        }
    }
}
