//! Attacks by what a receiver says of what it receives.

use conclave_protocol::id::{SequenceNumber, StreamId};
use conclave_protocol::wire::feedback::{Feedback, Gap, Nack, StreamGaps};

use super::Turn;
use super::media::Mallory;
use crate::harness::endpoint::Closed;
use crate::member::random;

/// Messages a second: a quarter of the datagrams that a session may send.
const MESSAGES: u32 = 5_000;

/// Requests for packets that came, that never were and of foreign streams.
pub(super) fn claims(turn: &mut Turn<'_>) {
    let streams = turn.target.streams.clone();
    while turn.is_on() {
        let Some(mut mallory) = Mallory::enter(turn) else {
            continue;
        };
        let mut n = 0_usize;
        let _closed = turn.each(MESSAGES, || {
            n += 1;
            mallory.attend()?;
            // Incomplete pictures of its own, so that the relay asks for the rest.
            if n.is_multiple_of(500) {
                mallory.send_every_other_fragment();
            }
            let [a, b, c, d, e, f, g, h, ..] = random().0;
            let stream = match n % 4 {
                0 => StreamId(u32::from_le_bytes([a, b, c, d])),
                _ => streams[n % streams.len()],
            };
            let first = match n % 2 {
                0 => ((n as u64 / 100) << 40) | (n as u64 % 100),
                _ => u64::from(u32::from_le_bytes([e, f, g, h])),
            };
            let body = Feedback::Nack(everything(stream, first));
            mallory.member.tell(&body);
            Ok::<_, Closed>(())
        });
    }
}

fn everything(stream: StreamId, first: u64) -> Nack {
    let gap = Gap {
        skip: 0,
        count: u16::MAX,
    };
    let gaps = StreamGaps {
        stream,
        first: SequenceNumber(first),
        gaps: [gap; 8].into_iter().collect(),
    };
    Nack {
        streams: [gaps.clone(), gaps].into_iter().collect(),
    }
}
