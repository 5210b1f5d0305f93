//! Packets of one frame, gathered back to back so that one call can send them to a receiver.

use std::sync::Arc;

use conclave_protocol::id::{FrameNumber, StreamId};
use conclave_protocol::time::Instant;
use conclave_protocol::wire::header::Header;
use conclave_relay_core::fan_out::StreamRoute;

use super::pages::Pages;

/// Segments that the kernel takes in one send (`UDP_MAX_SEGMENTS`, include/linux/udp.h).
pub(super) const MAX_SEGMENTS: usize = 64;
/// Bytes that fit one send: what IPv4's length field leaves after its header and UDP's.
const MAX_BYTES: usize = 65_535 - 20 - 8;
/// Frames that are gathered at a time; with more senders in one batch the oldest is sent early.
const RUNS: usize = 16;

/// Consecutive packets of one frame: all of one length, but the last may be shorter.
pub(super) struct FrameRun {
    pub(super) route: Arc<StreamRoute>,
    pub(super) stream: StreamId,
    pub(super) frame: FrameNumber,
    pub(super) captured: Instant,
    pub(super) is_frame: bool,
    pub(super) segment: usize,
    pub(super) packets: usize,
    pub(super) bytes: Vec<u8>,
    ended: bool,
}

impl FrameRun {
    /// A run of one packet, whatever its length.
    #[cfg(test)]
    pub(super) fn whole(
        route: &Arc<StreamRoute>,
        stream: StreamId,
        frame: FrameNumber,
        is_frame: bool,
        bytes: &[u8],
    ) -> Self {
        Self {
            route: Arc::clone(route),
            stream,
            frame,
            captured: Instant(0),
            is_frame,
            segment: bytes.len(),
            packets: 1,
            bytes: bytes.to_vec(),
            ended: true,
        }
    }

    /// Whether a packet can follow in the same send.
    fn takes(&self, header: &Header, length: usize) -> bool {
        !self.ended
            && self.frame == header.frame
            && self.is_frame
            && length <= self.segment
            && self.packets < MAX_SEGMENTS
            && self.bytes.len() + length <= MAX_BYTES.min(self.bytes.capacity())
    }

    fn append(&mut self, packet: &[u8]) {
        self.ended = packet.len() < self.segment;
        self.packets += 1;
        self.bytes.extend_from_slice(packet);
    }
}

/// The runs of one batch.
pub(super) struct FrameRuns {
    open: Vec<FrameRun>,
}

impl FrameRuns {
    pub(super) fn new() -> Self {
        Self {
            open: Vec::with_capacity(RUNS + 1),
        }
    }

    /// Takes a packet, in a buffer of `pages` if it begins a run; gives the run that had to end for it.
    pub(super) fn push(
        &mut self,
        pages: &mut Pages,
        route: &Arc<StreamRoute>,
        header: &Header,
        is_frame: bool,
        packet: &[u8],
    ) -> Option<FrameRun> {
        let place = self.open.iter().position(|run| run.stream == header.stream);
        if let Some(index) = place
            && self.open[index].takes(header, packet.len())
        {
            self.open[index].append(packet);
            return None;
        }
        // One run a stream, so that a stream's packets stay in order.
        let ended = match place {
            Some(index) => Some(self.open.remove(index)),
            None if self.open.len() == RUNS => Some(self.open.remove(0)),
            None => None,
        };
        let mut run = FrameRun {
            route: Arc::clone(route),
            stream: header.stream,
            frame: header.frame,
            captured: header.timestamp,
            is_frame,
            segment: packet.len(),
            packets: 0,
            bytes: pages.take(if is_frame { header.fragments.into() } else { 1 }),
            ended: false,
        };
        run.append(packet);
        self.open.push(run);
        ended
    }

    /// The oldest run.
    pub(super) fn pop(&mut self) -> Option<FrameRun> {
        (!self.open.is_empty()).then(|| self.open.remove(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_protocol::id::{Epoch, RoomId, SequenceNumber, SessionId};
    use conclave_protocol::wire::header::Kind;

    fn header(stream: u32, frame: u32) -> Header {
        Header {
            kind: Kind::Video,
            level: 0,
            epoch: Epoch(0),
            stream: StreamId(stream),
            sequence: SequenceNumber(0),
            timestamp: Instant(0),
            frame: FrameNumber(frame),
            fragment: 0,
            fragments: 34,
        }
    }

    fn route() -> Arc<StreamRoute> {
        Arc::new(StreamRoute {
            owner: SessionId(1),
            room: RoomId(1),
            kind: Kind::Video,
            bytes_per_second: 1,
            receivers: Box::default(),
        })
    }

    #[test]
    fn interleaved_frames_of_two_senders_become_one_run_each() {
        let (mut runs, mut pages, route) = (FrameRuns::new(), Pages::new(), route());
        for _ in 0..33 {
            for stream in [1, 2] {
                assert!(
                    runs.push(&mut pages, &route, &header(stream, 0), true, &[0; 1172])
                        .is_none()
                );
            }
        }
        for stream in [1, 2] {
            assert!(
                runs.push(&mut pages, &route, &header(stream, 0), true, &[0; 100])
                    .is_none()
            );
        }
        let run = runs.pop().unwrap();
        assert_eq!(
            (run.packets, run.segment, run.bytes.len()),
            (34, 1172, 33 * 1172 + 100)
        );
        assert_eq!(
            run.bytes.chunks(run.segment).last().map(<[u8]>::len),
            Some(100)
        );
        assert_eq!(runs.pop().unwrap().packets, 34);
        assert!(runs.pop().is_none());
    }

    #[test]
    fn a_run_never_spans_frames_or_outgrows_one_send() {
        let (mut runs, mut pages, route) = (FrameRuns::new(), Pages::new(), route());
        let mut ended = Vec::new();
        for n in 0..100 {
            ended.extend(runs.push(&mut pages, &route, &header(1, n / 80), true, &[0; 1172]));
        }
        ended.extend(runs.pop());
        let sizes: Vec<_> = ended.iter().map(|run| run.packets).collect();
        assert_eq!(sizes.iter().sum::<usize>(), 100);
        assert!(ended.iter().all(|run| run.bytes.len() <= MAX_BYTES));
        assert_eq!(ended.iter().map(|run| run.frame.0).max(), Some(1));
    }

    #[test]
    fn a_packet_after_a_short_one_or_a_longer_one_begins_anew() {
        let (mut runs, mut pages, route) = (FrameRuns::new(), Pages::new(), route());
        for length in [500, 100, 500, 600] {
            if let Some(run) = runs.push(&mut pages, &route, &header(1, 0), true, &vec![0; length])
            {
                assert!(run.bytes.len() <= 600);
                pages.give_back(run.bytes);
            }
        }
        assert_eq!(runs.pop().unwrap().bytes.len(), 600);
    }

    #[test]
    fn more_streams_than_buffers_send_the_oldest_early() {
        let (mut runs, mut pages, route) = (FrameRuns::new(), Pages::new(), route());
        let mut ended = 0;
        for stream in 0..40 {
            if let Some(run) = runs.push(&mut pages, &route, &header(stream, 0), true, &[0; 1172]) {
                ended += 1;
                pages.give_back(run.bytes);
            }
        }
        assert_eq!(ended, 40 - RUNS);
    }
}
