//! The faults of cheap cameras, which can be set while the camera streams.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

/// The faults that are set. They survive an unplug.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    stalled: AtomicBool,
    tear_every: AtomicU64,
    mark_every: AtomicU64,
}

impl Faults {
    /// Stops the frames while the device stays, or lets them continue.
    pub(crate) fn stall(&self, stalled: bool) {
        self.stalled.store(stalled, Relaxed);
    }

    /// Cuts every `every`th frame in half; 0 for none.
    pub(crate) fn tear_every(&self, every: u64) {
        self.tear_every.store(every, Relaxed);
    }

    /// Sets the error bit of every `every`th frame; 0 for none.
    pub(crate) fn mark_every(&self, every: u64) {
        self.mark_every.store(every, Relaxed);
    }

    /// Whether frames are held back.
    pub(crate) fn is_stalled(&self) -> bool {
        self.stalled.load(Relaxed)
    }

    /// Whether the frame with this number is to be cut in half.
    pub(crate) fn tears(&self, index: u64) -> bool {
        hits(self.tear_every.load(Relaxed), index)
    }

    /// Whether the error bit of the frame with this number is to be set.
    pub(crate) fn marks(&self, index: u64) -> bool {
        hits(self.mark_every.load(Relaxed), index)
    }
}

/// Whether `index`, counted from zero, is an `every`th.
fn hits(every: u64, index: u64) -> bool {
    every != 0 && (index + 1).is_multiple_of(every)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_third_frame_is_torn_and_no_other() {
        let faults = Faults::default();
        faults.tear_every(3);
        let torn: Vec<u64> = (0..9).filter(|&index| faults.tears(index)).collect();
        assert_eq!(torn, [2, 5, 8]);
    }

    #[test]
    fn nothing_goes_wrong_unasked() {
        let faults = Faults::default();
        assert!(
            !(0..100).any(|index| faults.tears(index) || faults.marks(index))
                && !faults.is_stalled()
        );
    }
}
