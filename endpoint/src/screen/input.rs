//! The way in for JPEGs, for the thread that has them.

use super::buffers::Buffers;
use super::streams::Streams;
use conclave_protocol::id::StreamId;
use conclave_protocol::packetize::MAX_FRAME_BYTES;
use conclave_protocol::time::Instant;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

/// Where one thread puts the pictures that may be shown. It never waits for a decoder or for the UI.
pub struct ScreenInput {
    streams: Arc<Streams>,
    buffers: Buffers,
}

impl ScreenInput {
    pub(super) fn new(streams: Arc<Streams>) -> Self {
        Self {
            streams,
            buffers: Buffers::default(),
        }
    }

    /// One more way in, for another thread. The pictures of one stream all go the same way.
    #[must_use]
    pub fn another(&self) -> Self {
        Self::new(Arc::clone(&self.streams))
    }

    /// Takes a picture that is whole, with its capture time on this endpoint's clock.
    ///
    /// It is copied if a tile shows its stream, and takes the place of one that still waits.
    pub fn take(&mut self, stream: StreamId, captured: Instant, jpeg: &[u8]) {
        self.take_parts(stream, captured, &[jpeg]);
    }

    /// As [`take`](Self::take), of a JPEG that lies in parts, as a camera's own do.
    pub fn take_parts(&mut self, stream: StreamId, captured: Instant, parts: &[&[u8]]) {
        let stream = self.streams.get_or_add(stream);
        if self.streams.tile(stream.id).is_none() {
            stream.tally.hidden.fetch_add(1, Relaxed);
            return;
        }
        match self.buffers.fill(captured, parts) {
            Some(received) => self.streams.wait(&stream, received),
            None if parts.iter().map(|part| part.len()).sum::<usize>() > MAX_FRAME_BYTES => {
                stream.tally.damaged.fetch_add(1, Relaxed);
            }
            None => {
                stream.tally.replaced.fetch_add(1, Relaxed);
            }
        }
    }

    /// Forgets a stream that has ended, with its counts; what of it is still under way is not shown.
    pub fn remove(&mut self, stream: StreamId) {
        self.streams.remove(stream);
    }

    /// How many buffers were ever needed at a time.
    #[cfg(test)]
    pub(super) fn buffers(&self) -> usize {
        self.buffers.count()
    }
}
