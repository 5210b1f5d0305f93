//! Memory for JPEGs that wait to be decoded, used again and again.

use conclave_protocol::packetize::MAX_FRAME_BYTES;
use conclave_protocol::time::Instant;
use std::sync::Arc;

/// Pictures that may be held at a time: one that waits for each stream that is seen, one a decoder.
///
/// More would serve a wall of more than sixty tiles; each costs as much memory as the largest JPEG it ever held.
const MOST_BUFFERS: usize = 64;

/// A JPEG that waits to be decoded.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) captured: Instant,
    pub(super) jpeg: Vec<u8>,
}

/// The buffers; one is free again when the last reader drops it.
#[derive(Debug, Default)]
pub(super) struct Buffers {
    all: Vec<Arc<Received>>,
}

impl Buffers {
    /// Copies a picture into a free buffer; `None` when it is too long, or every buffer has a reader.
    pub(super) fn fill(&mut self, captured: Instant, parts: &[&[u8]]) -> Option<Arc<Received>> {
        let bytes: usize = parts.iter().map(|part| part.len()).sum();
        if bytes > MAX_FRAME_BYTES {
            return None;
        }
        let free = |buffer: &mut Arc<Received>| Arc::get_mut(buffer).is_some();
        let at = match self.all.iter_mut().position(free) {
            Some(at) => at,
            None if self.all.len() < MOST_BUFFERS => {
                self.all.push(Arc::default());
                self.all.len() - 1
            }
            None => return None,
        };
        let shared = self.all.get_mut(at)?;
        let buffer = Arc::get_mut(shared)?;
        buffer.captured = captured;
        buffer.jpeg.clear();
        for part in parts {
            buffer.jpeg.extend_from_slice(part);
        }
        Some(Arc::clone(shared))
    }

    #[cfg(test)]
    pub(super) fn count(&self) -> usize {
        self.all.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_when_its_reader_is_gone() {
        let mut buffers = Buffers::default();
        for _ in 0..3 {
            let first = buffers.fill(Instant(1), &[b"one"]).unwrap();
            let second = buffers.fill(Instant(2), &[b"tw", b"o"]).unwrap();
            assert_eq!((&*first.jpeg, &*second.jpeg), (&b"one"[..], &b"two"[..]));
        }
        assert_eq!(buffers.count(), 2);
    }

    #[test]
    fn there_are_no_more_buffers_than_the_bound_and_none_is_longer_than_a_frame() {
        let mut buffers = Buffers::default();
        let held: Vec<_> = (0..MOST_BUFFERS)
            .map(|_| buffers.fill(Instant(0), &[b"held"]).unwrap())
            .collect();
        assert!(buffers.fill(Instant(0), &[b"more"]).is_none());
        drop(held);
        assert!(
            buffers
                .fill(Instant(0), &[&vec![0; MAX_FRAME_BYTES]])
                .is_some()
        );
        assert!(
            buffers
                .fill(Instant(0), &[&vec![0; MAX_FRAME_BYTES + 1]])
                .is_none()
        );
    }
}
