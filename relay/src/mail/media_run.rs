//! Media from the plane to connections: packets that follow each other, shared by all who get them.
//!
//! A room full of browsers is handed one piece of memory a run and not a copy a packet and browser. What waits for
//! one connection is bounded in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use conclave_protocol::id::{FrameNumber, StreamId};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TryRecvError;

use super::media_queue::MediaPacket;

/// Runs that may wait for one connection, whatever their bytes: two seconds of the sound of a few people.
const RUNS: usize = 512;

/// Downlink datagrams of one frame, or one other datagram.
#[derive(Debug, PartialEq, Eq)]
pub struct MediaRun {
    frame: Option<(StreamId, FrameNumber)>,
    segment: usize,
    bytes: Box<[u8]>,
}

/// The media plane's end of the way to a connection.
#[derive(Clone, Debug)]
pub struct MediaOutbox {
    runs: mpsc::Sender<Arc<MediaRun>>,
    waiting: Arc<AtomicUsize>,
    most: usize,
}

/// The connection's end.
#[derive(Debug)]
pub struct MediaInbox {
    runs: mpsc::Receiver<Arc<MediaRun>>,
    waiting: Arc<AtomicUsize>,
}

/// Why a run was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Untaken {
    /// As much waits as may.
    Full,
    /// The connection is gone.
    Closed,
}

impl MediaRun {
    /// Packets of `segment` bytes each, the last perhaps shorter; `frame` is `None` for sound.
    #[must_use]
    pub fn copy(frame: Option<(StreamId, FrameNumber)>, segment: usize, bytes: &[u8]) -> Self {
        Self {
            frame,
            segment: segment.max(1),
            bytes: bytes.into(),
        }
    }

    /// The packets back to back.
    #[must_use]
    pub const fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Bytes of each packet but the last.
    #[must_use]
    pub const fn segment(&self) -> usize {
        self.segment
    }

    /// How many packets there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.bytes.len().div_ceil(self.segment)
    }

    /// The packets, each for itself.
    pub fn packets(&self) -> impl Iterator<Item = MediaPacket> {
        let frame = self.frame;
        self.bytes.chunks(self.segment).map(move |packet| {
            let bytes = packet.to_vec();
            MediaPacket { frame, bytes }
        })
    }
}

/// Both ends of a way on which at most so many bytes wait.
#[must_use]
pub fn media_way(most: usize) -> (MediaOutbox, MediaInbox) {
    let (sender, runs) = mpsc::channel(RUNS);
    let waiting = Arc::<AtomicUsize>::default();
    let outbox = MediaOutbox {
        runs: sender,
        waiting: Arc::clone(&waiting),
        most,
    };
    (outbox, MediaInbox { runs, waiting })
}

impl MediaOutbox {
    /// Hands a run over, whole or not at all.
    pub(crate) fn send(&self, run: Arc<MediaRun>) -> Result<(), Untaken> {
        let bytes = run.bytes.len();
        // The plane's thread alone adds.
        if self.waiting.load(Ordering::Relaxed) + bytes > self.most {
            return Err(match self.runs.is_closed() {
                true => Untaken::Closed,
                false => Untaken::Full,
            });
        }
        // Before the other end can take them away again.
        self.waiting.fetch_add(bytes, Ordering::Relaxed);
        self.runs.try_send(run).map_err(|error| {
            self.waiting.fetch_sub(bytes, Ordering::Relaxed);
            match error {
                mpsc::error::TrySendError::Full(_) => Untaken::Full,
                mpsc::error::TrySendError::Closed(_) => Untaken::Closed,
            }
        })
    }
}

impl MediaInbox {
    /// Waits for the next run.
    pub(crate) async fn recv(&mut self) -> Option<Arc<MediaRun>> {
        let run = self.runs.recv().await?;
        self.waiting.fetch_sub(run.bytes.len(), Ordering::Relaxed);
        Some(run)
    }

    /// The next run, if it is there.
    pub(crate) fn try_recv(&mut self) -> Result<Arc<MediaRun>, TryRecvError> {
        let run = self.runs.try_recv()?;
        self.waiting.fetch_sub(run.bytes.len(), Ordering::Relaxed);
        Ok(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(bytes: usize) -> Arc<MediaRun> {
        Arc::new(MediaRun::copy(None, 1000, &vec![7; bytes]))
    }

    #[test]
    fn bytes_and_runs_that_wait_are_bounded_and_their_places_come_back() {
        let (outbox, mut inbox) = media_way(5_000);
        assert_eq!(outbox.send(run(3_000)), Ok(()));
        assert_eq!(outbox.send(run(2_001)), Err(Untaken::Full));
        assert_eq!(outbox.send(run(2_000)), Ok(()));
        assert_eq!(inbox.try_recv().unwrap().count(), 3);
        assert_eq!(outbox.send(run(3_000)), Ok(()));
        while inbox.try_recv().is_ok() {}
        let taken = (0..2 * RUNS)
            .filter(|_| outbox.send(run(1)).is_ok())
            .count();
        assert_eq!(taken, RUNS);
        while inbox.try_recv().is_ok() {}
        assert_eq!(inbox.waiting.load(Ordering::Relaxed), 0);
        drop(inbox);
        assert_eq!(outbox.send(run(1)), Err(Untaken::Closed));
    }

    #[test]
    fn a_run_is_its_packets() {
        let frame = Some((StreamId(1), FrameNumber(2)));
        let run = MediaRun::copy(frame, 2, &[1, 2, 3, 4, 5]);
        let packets: Vec<_> = run.packets().collect();
        assert!(packets.iter().all(|packet| packet.frame == frame));
        let bytes: Vec<_> = packets.iter().map(|packet| &packet.bytes[..]).collect();
        assert_eq!(bytes, [&[1, 2][..], &[3, 4], &[5]]);
    }
}
