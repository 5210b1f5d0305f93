//! Answers requests for missing packets from what was sent on lately.
//!
//! A receiver gets again only what it was sent, where it is known to be, and at most a quarter more than it is sent
//! anyway: so no request makes the relay an amplifier, and a lossy receiver takes nothing from the others.

use conclave_protocol::id::{SequenceNumber, SessionId, StreamId};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::feedback::Nack;
use conclave_protocol::wire::header::MAX_PACKET;
use conclave_relay_core::fan_out::Routes;

use super::frame_run::MAX_SEGMENTS;
use super::history::History;
use super::send::Sender;
use super::session::MediaSession;
use super::tally::Tally;

/// Missing packets of one request that are looked at.
const LOOKED_AT: usize = 256;
/// Older packets come too late to be shown or heard.
const PICTURES_UNTIL: Micros = Micros::from_millis(250);
const SOUND_UNTIL: Micros = Micros::from_millis(400);
/// Packets of equal length that go out in one call.
#[derive(Debug, Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    segment: usize,
    packets: usize,
    is_ended: bool,
}

impl Batch {
    pub(super) fn new() -> Self {
        Self {
            bytes: Vec::with_capacity(MAX_SEGMENTS * MAX_PACKET),
            ..Self::default()
        }
    }

    fn takes(&self, packet: &[u8]) -> bool {
        self.packets == 0
            || (!self.is_ended
                && packet.len() <= self.segment
                && self.packets < MAX_SEGMENTS / 2
                && self.bytes.len() + packet.len() <= self.bytes.capacity())
    }

    fn push(&mut self, packet: &[u8]) {
        if self.packets == 0 {
            self.segment = packet.len();
        }
        self.is_ended = packet.len() < self.segment;
        self.packets += 1;
        self.bytes.extend_from_slice(packet);
    }

    fn clear(&mut self) {
        self.bytes.clear();
        (self.segment, self.packets, self.is_ended) = (0, 0, false);
    }
}

/// What answering needs beside the receiver itself.
pub(super) struct Answers<'a> {
    pub(super) history: &'a History,
    pub(super) routes: &'a Routes,
    pub(super) sender: &'a Sender,
    pub(super) batch: &'a mut Batch,
    pub(super) now: Instant,
}

/// Sends again what a receiver misses.
pub(super) fn answer(
    nack: &Nack,
    to: SessionId,
    session: &mut MediaSession,
    with: &mut Answers<'_>,
    tally: &mut Tally,
) {
    tally.nacks += 1;
    if !session.allowance.may_ask(with.now) {
        tally.nacks_limited += 1;
        return;
    }
    let mut looked_at = 0;
    for missing in &nack.streams {
        let route = with.routes.get(missing.stream);
        let receiver = route.and_then(|route| route.receivers.iter().find(|r| r.session == to));
        let Some(receiver) = receiver else {
            tally.nacked_packets_foreign += 1;
            continue;
        };
        for sequence in missing.missing() {
            looked_at += 1;
            if looked_at > LOOKED_AT {
                break;
            }
            answer_one(
                (missing.stream, sequence, receiver.fps),
                session,
                with,
                tally,
            );
        }
    }
    flush(session, with, tally);
}

fn answer_one(
    (stream, sequence, fps): (StreamId, SequenceNumber, u8),
    session: &mut MediaSession,
    with: &mut Answers<'_>,
    tally: &mut Tally,
) {
    tally.nacked_packets += 1;
    let found = with.history.find(stream, sequence, with.now);
    let Some(found) = found.filter(|found| {
        found.age
            <= if found.is_frame {
                PICTURES_UNTIL
            } else {
                SOUND_UNTIL
            }
            && (!found.is_frame || fps == 0 || session.was_sent(stream, found.frame))
    }) else {
        tally.nacked_packets_gone += 1;
        return;
    };
    if session.allowance.was_answered(stream, sequence, with.now) {
        return;
    }
    if !session.allowance.miss_one() {
        tally.nacked_packets_over_budget += 1;
        return;
    }
    let packet = found.packet;
    if !with.batch.takes(packet) {
        flush(session, with, tally);
    }
    with.batch.push(packet);
}

/// Sends what was gathered, twice on a way that loses much.
fn flush(session: &mut MediaSession, with: &mut Answers<'_>, tally: &mut Tally) {
    let packets = with.batch.packets;
    if packets == 0 {
        return;
    }
    if let Some(path) = session.way.path(with.now) {
        let (bytes, segment) = (&with.batch.bytes, with.batch.segment);
        with.sender.send(path, bytes, segment, tally);
        tally.packets_repeated += packets as u64;
        if session.allowance.doubles(packets as u32) {
            with.sender.send(path, bytes, segment, tally);
            tally.packets_repeated += packets as u64;
        }
    }
    with.batch.clear();
}

#[cfg(test)]
mod tests;
