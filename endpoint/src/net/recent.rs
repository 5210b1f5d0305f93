//! The datagrams that one source sent last, to be sent again when the relay misses some of them.

use conclave_protocol::id::{SequenceNumber, StreamId};
use conclave_protocol::nack::LossMeter;
use conclave_protocol::sender::DatagramBatch;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::header::{HOP_HEADER_BYTES, Header, Kind};
use std::collections::VecDeque;

/// Frames of pictures that are kept, and for how long: later the next ones are shown.
const PICTURES: usize = 4;
const PICTURES_FOR: Micros = Micros::from_millis(150);
/// Blocks of sound that are kept, and for how long a jitter buffer may wait for them.
const BLOCKS: usize = 25;
const SOUND_FOR: Micros = Micros::from_millis(400);
/// One datagram is sent again for so many that were sent, and so many at once: a relay that asks for more is not
/// answered, so that its requests cannot fill the way up.
const SENT_FOR_ONE: u32 = 4;
const MOST_AT_ONCE: u32 = 64;

/// One frame's datagrams.
#[derive(Default)]
struct Sent {
    stream: StreamId,
    first: u64,
    at: Instant,
    batch: DatagramBatch,
}

/// The last frames of one source.
pub(super) struct Recent {
    most: usize,
    kept_for: Micros,
    frames: VecDeque<Sent>,
    /// In quarters of a datagram.
    credit: u32,
    loss: LossMeter,
}

impl Recent {
    /// For frames of one kind.
    pub(super) fn of(kind: Kind) -> Self {
        let (most, kept_for) = match kind {
            Kind::Audio => (BLOCKS, SOUND_FOR),
            _ => (PICTURES, PICTURES_FOR),
        };
        Self {
            most,
            kept_for,
            frames: VecDeque::with_capacity(most),
            credit: MOST_AT_ONCE * SENT_FOR_ONE,
            loss: LossMeter::new(),
        }
    }

    /// Nothing sent before can be sent again: it was sealed for another session.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
    }

    /// Keeps a frame that was sent, and gives the memory of the oldest one in its place.
    pub(super) fn keep(&mut self, batch: &mut DatagramBatch, now: Instant) {
        let packet = batch.datagrams().next();
        let header = packet.and_then(|first| Header::parse(first.get(HOP_HEADER_BYTES..)?).ok());
        let Some(header) = header else { return };
        let datagrams = u32::try_from(batch.datagrams().len()).unwrap_or(u32::MAX);
        self.credit = self
            .credit
            .saturating_add(datagrams)
            .min(MOST_AT_ONCE * SENT_FOR_ONE);
        self.loss.count(datagrams);
        let mut sent = if self.frames.len() < self.most {
            Sent::default()
        } else {
            self.frames.pop_front().unwrap_or_default()
        };
        std::mem::swap(&mut sent.batch, batch);
        sent.stream = header.stream;
        sent.first = header.sequence.0;
        sent.at = now;
        self.frames.push_back(sent);
    }

    /// The datagram of the block of sound that was sent last, where so much is lost that each goes twice: asking would
    /// take longer than the block may be late.
    pub(super) fn once_more(&self) -> Option<&[u8]> {
        let last = self.frames.back().filter(|_| self.loss.is_high())?;
        last.batch.datagrams().next()
    }

    /// The datagram that carries a packet, if it may be sent again.
    pub(super) fn again(
        &mut self,
        stream: StreamId,
        sequence: SequenceNumber,
        now: Instant,
    ) -> Option<&[u8]> {
        let rest = self.credit.checked_sub(SENT_FOR_ONE)?;
        let kept_for = self.kept_for;
        let datagram = self.frames.iter().rev().find_map(|sent| {
            let place = usize::try_from(sequence.0.checked_sub(sent.first)?).ok()?;
            let is_it = sent.stream == stream && now.since(sent.at) <= kept_for;
            is_it.then(|| sent.batch.datagrams().nth(place)).flatten()
        })?;
        self.credit = rest;
        self.loss.miss(1);
        Some(datagram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_protocol::id::SessionId;
    use conclave_protocol::secret::Secret;
    use conclave_protocol::sender::{StreamSender, Uplink};
    use conclave_protocol::sender_key::SenderKey;
    use conclave_protocol::wire::control::Suite;
    use std::sync::Arc;

    const STREAM: StreamId = StreamId(7);
    const START: Instant = Instant(1_000_000);

    fn sender(kind: Kind) -> StreamSender {
        let uplink = Arc::new(Uplink::new(SessionId(1), &Secret([1; 32])));
        let key = SenderKey::fresh(1, Suite::ChaCha20Poly1305, Secret([2; 32]));
        StreamSender::starting_at(uplink, kind, STREAM, &key, SequenceNumber(100))
    }

    fn sent(sender: &mut StreamSender, bytes: usize) -> DatagramBatch {
        let mut batch = DatagramBatch::default();
        sender
            .seal_frame(&[&vec![1; bytes]], 0, START, &mut batch)
            .unwrap();
        batch
    }

    #[test]
    fn the_packets_of_the_last_frames_are_there_as_they_were_sent() {
        let (mut sender, mut recent) = (sender(Kind::Video), Recent::of(Kind::Video));
        let mut next = 100;
        for frame in 0..6 {
            let mut batch = sent(&mut sender, 10_000);
            let datagrams: Vec<Vec<u8>> = batch.datagrams().map(<[u8]>::to_vec).collect();
            recent.keep(&mut batch, START);
            for datagram in &datagrams {
                let again = recent.again(STREAM, SequenceNumber(next), START).unwrap();
                assert_eq!(again, datagram, "frame {frame}");
                next += 1;
            }
            recent.credit = MOST_AT_ONCE * SENT_FOR_ONE;
        }
        assert!(
            recent.again(STREAM, SequenceNumber(100), START).is_none(),
            "two frames ago too many"
        );
        assert!(
            recent
                .again(StreamId(8), SequenceNumber(next - 1), START)
                .is_none()
        );
        assert!(recent.again(STREAM, SequenceNumber(next), START).is_none());
        let late = START + PICTURES_FOR + Micros(1);
        assert!(
            recent
                .again(STREAM, SequenceNumber(next - 1), late)
                .is_none()
        );
    }

    #[test]
    fn a_relay_that_asks_for_everything_all_the_time_gets_a_quarter_more() {
        let (mut sender, mut recent) = (sender(Kind::Video), Recent::of(Kind::Video));
        let (mut next, mut again) = (100, 0);
        for _ in 0..100 {
            let mut batch = sent(&mut sender, 38_000);
            let datagrams = batch.datagrams().len() as u64;
            recent.keep(&mut batch, START);
            for _ in 0..10 {
                let numbers = (next..next + datagrams).map(SequenceNumber);
                again += numbers
                    .filter(|n| recent.again(STREAM, *n, START).is_some())
                    .count();
            }
            next += datagrams;
        }
        let sent = usize::try_from(next - 100).unwrap();
        assert!(
            again <= sent / 4 + MOST_AT_ONCE as usize,
            "{again} of {sent}"
        );
        assert!(again >= sent / 5, "{again} of {sent}");
    }

    #[test]
    fn where_much_is_lost_the_last_block_is_there_to_go_once_more() {
        let (mut sender, mut recent) = (sender(Kind::Audio), Recent::of(Kind::Audio));
        let mut again = Vec::new();
        for number in 100..200 {
            again.push(recent.once_more().is_some());
            recent.keep(&mut sent(&mut sender, 640), START);
            if number % 10 == 0 {
                assert!(
                    recent
                        .again(STREAM, SequenceNumber(number), START)
                        .is_some()
                );
            }
        }
        assert!(!again[0] && !again[5], "one loss is chance");
        assert!(again[50..].iter().all(|again| *again));
    }

    #[test]
    fn memory_is_that_of_the_frames_that_are_kept() {
        let (mut sender, mut recent) = (sender(Kind::Audio), Recent::of(Kind::Audio));
        let mut batch = sent(&mut sender, 640);
        for _ in 0..1_000 {
            recent.keep(&mut batch, START);
            sender
                .seal_frame(&[&[1; 640]], 0, START, &mut batch)
                .unwrap();
        }
        assert_eq!(recent.frames.len(), BLOCKS);
        recent.clear();
        assert!(recent.again(STREAM, SequenceNumber(1_099), START).is_none());
    }
}
