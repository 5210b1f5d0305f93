//! Media on its way through a control connection, where UDP is blocked.
//!
//! When more waits than the bound, the oldest whole video frame goes; sound stays, and control never
//! waits behind any of it.

use std::collections::VecDeque;

use conclave_protocol::id::{FrameNumber, StreamId};

/// Bytes that may wait: about six 720p frames. Higher makes what is shown older on a slow path.
pub(crate) const BYTES: usize = 256 * 1024;

/// A downlink datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaPacket {
    /// The frame that it is of; `None` for sound and for what the relay says itself.
    pub frame: Option<(StreamId, FrameNumber)>,
    /// The datagram.
    pub bytes: Vec<u8>,
}

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct MediaQueue {
    packets: VecDeque<MediaPacket>,
    bytes: usize,
    /// The frame whose first packets were written already.
    begun: Option<(StreamId, FrameNumber)>,
    /// The frame that was dropped last: what still comes of it is dropped, too.
    dropped: Option<(StreamId, FrameNumber)>,
}

impl MediaQueue {
    /// Takes a packet; gives how many were dropped for it.
    pub(crate) fn push(&mut self, packet: MediaPacket) -> usize {
        if packet.frame.is_some() && packet.frame == self.dropped {
            return 1;
        }
        self.bytes += packet.bytes.len();
        self.packets.push_back(packet);
        let mut dropped = 0;
        while self.bytes > BYTES {
            dropped += self.drop_oldest();
        }
        dropped
    }

    pub(crate) fn pop(&mut self) -> Option<MediaPacket> {
        let packet = self.packets.pop_front()?;
        self.bytes -= packet.bytes.len();
        if packet.frame.is_some() {
            self.begun = packet.frame;
        }
        Some(packet)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    fn drop_oldest(&mut self) -> usize {
        let mut frames = self.packets.iter().filter_map(|packet| packet.frame);
        let Some(first) = frames.next() else {
            // Sound alone fills the queue: the oldest of it is the least missed.
            self.bytes -= self.packets.pop_front().map_or(0, |p| p.bytes.len());
            return 1;
        };
        let victim = if Some(first) == self.begun {
            frames.find(|frame| *frame != first).unwrap_or(first)
        } else {
            first
        };
        let before = self.packets.len();
        self.packets.retain(|packet| packet.frame != Some(victim));
        self.bytes = self.packets.iter().map(|packet| packet.bytes.len()).sum();
        self.dropped = Some(victim);
        before - self.packets.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fragment(frame: u32) -> MediaPacket {
        MediaPacket {
            frame: Some((StreamId(1), FrameNumber(frame))),
            bytes: vec![0; 1000],
        }
    }

    fn sound() -> MediaPacket {
        MediaPacket {
            frame: None,
            bytes: vec![1; 100],
        }
    }

    #[test]
    fn the_oldest_whole_frame_goes_and_sound_stays() {
        let mut queue = MediaQueue::default();
        queue.push(sound());
        let mut dropped = 0;
        for frame in 0..10 {
            for _ in 0..34 {
                dropped += queue.push(fragment(frame));
            }
        }
        assert_eq!(dropped % 34, 0);
        assert!(dropped > 0);
        let left: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(left[0], sound());
        for frame in 0..10 {
            let id = Some((StreamId(1), FrameNumber(frame)));
            let count = left.iter().filter(|packet| packet.frame == id).count();
            assert!(count == 0 || count == 34, "frame {frame}: {count}");
        }
    }

    #[test]
    fn what_still_comes_of_a_dropped_frame_is_dropped() {
        let mut queue = MediaQueue::default();
        for _ in 0..BYTES / 1000 + 1 {
            queue.push(fragment(7));
        }
        assert_eq!(queue.push(fragment(7)), 1);
        assert_eq!(queue.push(fragment(8)), 0);
        assert_eq!(queue.pop(), Some(fragment(8)));
    }

    #[test]
    fn a_begun_frame_is_finished_before_a_later_one_is_kept() {
        let mut queue = MediaQueue::default();
        for _ in 0..34 {
            queue.push(fragment(1));
        }
        queue.pop();
        let mut dropped = 0;
        for _ in 0..BYTES / 1000 {
            dropped += queue.push(fragment(2));
        }
        assert!(dropped > 0);
        let left: Vec<_> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(left.len(), 33);
    }

    #[test]
    fn sound_alone_is_bounded_too() {
        let mut queue = MediaQueue::default();
        for _ in 0..2 * BYTES / 100 {
            queue.push(sound());
        }
        assert!(queue.bytes <= BYTES);
    }
}
