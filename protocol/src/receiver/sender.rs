//! One sender: its keys, and the packets that wait for one.

use alloc::vec::Vec;

use super::{DropReason, HELD_FOR, HELD_PACKETS, Received};
use crate::id::StreamId;
use crate::keyring::Keyring;
use crate::time::Instant;

/// What is known of one sender.
#[derive(Default)]
pub(super) struct Sender {
    pub(super) keyring: Keyring,
    /// The highest number of their streams so far.
    pub(super) newest_stream: Option<StreamId>,
    /// Bytes of incomplete frames.
    pub(super) frame_bytes: usize,
    pub(super) held: Vec<(Instant, Vec<u8>)>,
}

impl Sender {
    pub(super) fn hold<'r>(
        &mut self,
        packet: &[u8],
        now: Instant,
        held_bytes: &mut usize,
        bound: usize,
    ) -> Result<Received<'r>, DropReason> {
        self.expire(|at| now.since(at) <= HELD_FOR, held_bytes);
        if self.held.len() >= HELD_PACKETS || *held_bytes + packet.len() > bound {
            return Err(DropReason::NoKey);
        }
        *held_bytes += packet.len();
        self.held.push((now, packet.to_vec()));
        Ok(Received::Held)
    }

    /// Drops packets that have waited too long for their key.
    pub(super) fn expire(&mut self, is_fresh: impl Fn(Instant) -> bool, held_bytes: &mut usize) {
        self.held.retain(|(at, packet)| {
            let stays = is_fresh(*at);
            *held_bytes -= if stays { 0 } else { packet.len() };
            stays
        });
    }
}
