//! Buffers for the packets of frames, of a few sizes, used again and again.

use conclave_protocol::wire::header::MAX_PACKET;

/// Packets that fit into the buffers.
const SIZES: [usize; 5] = [1, 4, 16, 40, 64];
/// Buffers of each size that wait for their next use.
const SPARE: usize = 64;
/// Packets that the largest takes.
pub(super) const MOST_PACKETS: usize = SIZES[SIZES.len() - 1];

/// Buffers for packets, reused.
pub(super) struct Pages {
    spare: [Vec<Vec<u8>>; SIZES.len()],
}

impl Pages {
    pub(super) fn new() -> Self {
        Self {
            spare: std::array::from_fn(|_| Vec::with_capacity(SPARE)),
        }
    }

    /// An empty buffer for so many packets, or as many as the largest takes.
    pub(super) fn take(&mut self, packets: usize) -> Vec<u8> {
        let size = SIZES.iter().position(|size| packets <= *size);
        let size = size.unwrap_or(SIZES.len() - 1);
        let page = self.spare[size].pop();
        page.unwrap_or_else(|| Vec::with_capacity(SIZES[size] * MAX_PACKET))
    }

    pub(super) fn give_back(&mut self, mut page: Vec<u8>) {
        page.clear();
        let size = SIZES
            .iter()
            .rposition(|size| size * MAX_PACKET <= page.capacity());
        if let Some(spare) = size.map(|size| &mut self.spare[size])
            && spare.len() < SPARE
        {
            spare.push(page);
        }
    }
}
