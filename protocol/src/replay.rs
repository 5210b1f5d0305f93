//! Which counters have been seen: a sliding window as in RFC 6479.
//!
//! Check it before the tag is verified; update it only afterwards.

/// Counters that may arrive late; a whole number of blocks minus one.
///
/// A higher value costs a bit each; a lower one drops packets that a path delivers far out of order.
pub const REPLAY_WINDOW: u64 = 1024;

const BLOCK_BITS: u64 = 64;
/// One block more than the window, so that clearing a block never forgets a counter that is still inside.
const BLOCKS: usize = (REPLAY_WINDOW / BLOCK_BITS) as usize + 1;

/// A window over the counters of one direction of one session or stream.
#[derive(Clone, Debug)]
pub struct ReplayWindow {
    blocks: [u64; BLOCKS],
    /// One more than the highest counter seen; 0 before the first.
    end: u64,
}

impl Default for ReplayWindow {
    fn default() -> Self {
        Self::new()
    }
}

impl ReplayWindow {
    /// A window without any counter.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            blocks: [0; BLOCKS],
            end: 0,
        }
    }

    /// Whether a counter is new: neither seen nor too old to know.
    #[must_use]
    pub const fn check(&self, counter: u64) -> bool {
        // No counter could follow the last one, so it is never accepted.
        if counter == u64::MAX {
            return false;
        }
        if counter >= self.end {
            return true;
        }
        self.end - counter <= REPLAY_WINDOW && self.blocks[block(counter)] & bit(counter) == 0
    }

    /// Marks a proven counter as seen.
    pub fn update(&mut self, counter: u64) {
        if counter >= self.end {
            let (first, last) = (self.end.div_ceil(BLOCK_BITS), counter / BLOCK_BITS);
            // The blocks that the window moves into are cleared; at most all of them.
            for index in first.max((last + 1).saturating_sub(BLOCKS as u64))..=last {
                self.blocks[(index % BLOCKS as u64) as usize] = 0;
            }
            self.end = counter.saturating_add(1);
        }
        self.blocks[block(counter)] |= bit(counter);
    }

    /// The highest counter seen.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.end.checked_sub(1)
    }
}

const fn block(counter: u64) -> usize {
    ((counter / BLOCK_BITS) % BLOCKS as u64) as usize
}

const fn bit(counter: u64) -> u64 {
    1 << (counter % BLOCK_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::collections::BTreeSet;
    use proptest::prelude::*;

    #[test]
    fn a_counter_is_taken_once() {
        let mut window = ReplayWindow::new();
        assert!(window.check(0));
        window.update(0);
        assert!(!window.check(0));
        assert!(window.check(1));
    }

    #[test]
    fn what_falls_out_of_the_window_is_refused() {
        let mut window = ReplayWindow::new();
        window.update(REPLAY_WINDOW);
        assert!(window.check(1));
        assert!(!window.check(0));
    }

    #[test]
    fn the_last_counter_cannot_wrap_the_window() {
        let mut window = ReplayWindow::new();
        assert!(!window.check(u64::MAX));
        window.update(u64::MAX - 1);
        assert!(!window.check(0));
        assert!(!window.check(u64::MAX));
    }

    proptest! {
        #[test]
        fn a_window_agrees_with_a_set_of_all_that_was_seen(
            steps in proptest::collection::vec((0u64..3000, prop::bool::weighted(0.02)), 1..400)
        ) {
            let (mut window, mut seen, mut base) = (ReplayWindow::new(), BTreeSet::new(), 0u64);
            for (offset, jump) in steps {
                if jump { base += 5000; }
                let counter = base + offset;
                let highest = seen.last().copied();
                let fresh = !seen.contains(&counter) && highest.is_none_or(|h| counter + REPLAY_WINDOW > h);
                prop_assert_eq!(window.check(counter), fresh, "counter {} after {:?}", counter, highest);
                if fresh { window.update(counter); seen.insert(counter); }
            }
        }
    }
}
