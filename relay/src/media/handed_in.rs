//! Datagrams that did not come by UDP: from control connections, and from browsers through the gateway.
//!
//! They come a frame at once and wait within one bound, whichever way they come in.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use conclave_protocol::MAX_DATAGRAM;

/// Datagrams that may wait: those of the largest frame, and a good many more.
const WAITING: usize = 1024;

/// The end of those who hand in.
#[derive(Clone, Debug)]
pub(super) struct HandIn {
    pieces: SyncSender<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

/// The media thread's end.
#[derive(Debug)]
pub(super) struct HandedIn {
    pieces: Receiver<Vec<u8>>,
    waiting: Arc<AtomicUsize>,
}

/// How many datagrams were dropped, as there was no place for all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Dropped(pub(super) usize);

pub(super) fn queue() -> (HandIn, HandedIn) {
    // There are never more pieces than datagrams.
    let (hand_in, handed_in) = sync_channel(WAITING);
    let waiting = Arc::new(AtomicUsize::new(0));
    let sender = HandIn {
        pieces: hand_in,
        waiting: Arc::clone(&waiting),
    };
    let receiver = HandedIn {
        pieces: handed_in,
        waiting,
    };
    (sender, receiver)
}

impl HandIn {
    /// Datagrams back to back, each of [`MAX_DATAGRAM`] bytes but the last; all of them wait, or none.
    pub(super) fn push(&self, datagrams: Vec<u8>) -> Result<(), Dropped> {
        let count = count(&datagrams);
        let fits = |waiting: usize| (waiting + count <= WAITING).then_some(waiting + count);
        self.waiting
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, fits)
            .map_err(|_| Dropped(count))?;
        self.pieces.try_send(datagrams).map_err(|_| {
            self.waiting.fetch_sub(count, Ordering::AcqRel);
            Dropped(count)
        })
    }
}

impl HandedIn {
    /// What was handed in first.
    pub(super) fn pop(&self) -> Option<Vec<u8>> {
        let datagrams = self.pieces.try_recv().ok()?;
        self.waiting.fetch_sub(count(&datagrams), Ordering::AcqRel);
        Some(datagrams)
    }
}

/// An empty piece takes a place as well.
fn count(datagrams: &[u8]) -> usize {
    datagrams.len().div_ceil(MAX_DATAGRAM).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_waits_whole_or_not_at_all() {
        let (hand_in, handed_in) = queue();
        let most = vec![0; (WAITING - 1) * MAX_DATAGRAM];
        hand_in.push(most).unwrap();
        assert_eq!(hand_in.push(vec![0; MAX_DATAGRAM + 1]), Err(Dropped(2)));
        hand_in.push(vec![1]).unwrap();
        assert_eq!(hand_in.push(Vec::new()), Err(Dropped(1)));

        assert_eq!(handed_in.pop().unwrap().len(), (WAITING - 1) * MAX_DATAGRAM);
        hand_in.push(vec![2; 2 * MAX_DATAGRAM]).unwrap();
        assert_eq!(handed_in.pop(), Some(vec![1]));
        assert_eq!(handed_in.pop(), Some(vec![2; 2 * MAX_DATAGRAM]));
        assert_eq!(handed_in.pop(), None);
    }

    #[test]
    fn what_nobody_takes_any_more_is_dropped() {
        let (hand_in, handed_in) = queue();
        drop(handed_in);
        assert_eq!(hand_in.push(vec![0; 3]), Err(Dropped(1)));
    }
}
