//! Fewer frames for who wants fewer: whole frames by their capture times.

use conclave_protocol::id::{FrameNumber, StreamId};
use conclave_protocol::time::{Instant, Micros};

/// Frames whose packets may be under way at a time.
const LATEST: usize = 8;

/// One receiver's choice of one stream's frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thinning {
    pub(super) stream: StreamId,
    /// The latest frames, and whether they passed: packets of a frame may come after those of the next ones.
    latest: [Option<(FrameNumber, bool)>; LATEST],
    place: usize,
    /// Capture time from which the next frame passes.
    next: Instant,
}

impl Thinning {
    pub(super) const fn new(stream: StreamId) -> Self {
        Self {
            stream,
            latest: [None; LATEST],
            place: 0,
            next: Instant(0),
        }
    }

    fn known(&self, frame: FrameNumber) -> Option<bool> {
        let mut latest = self.latest.iter().flatten();
        latest.find(|known| known.0 == frame).map(|known| known.1)
    }

    /// Whether a frame passed lately.
    pub(super) fn passed(&self, frame: FrameNumber) -> bool {
        self.known(frame) == Some(true)
    }

    /// Whether a frame captured at `captured` passes; the same for all of its fragments.
    pub(super) fn passes(&mut self, frame: FrameNumber, captured: Instant, fps: u8) -> bool {
        if let Some(passed) = self.known(frame) {
            return passed;
        }
        let each = Micros(1_000_000 / u64::from(fps.max(1)));
        // A frame that is a little early counts as on time: cameras do not tick evenly.
        let mut pass = captured + Micros(each.0 / 8) >= self.next;
        // A clock that jumped back would otherwise close the gate until it catches up.
        pass |= self.next.since(captured) > Micros(2 * each.0);
        if pass {
            let late = captured.since(self.next) > each;
            self.next = if late || self.next > captured + each {
                captured + each
            } else {
                self.next + each
            };
        }
        self.latest[self.place] = Some((frame, pass));
        self.place = (self.place + 1) % LATEST;
        pass
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(source_fps: u64, want: u8, seconds: u64) -> usize {
        let mut thinning = Thinning::new(StreamId(1));
        (1..=source_fps * seconds)
            .filter(|n| {
                let captured = Instant(1_000_000_000 + n * 1_000_000 / source_fps);
                let frame = FrameNumber(u32::try_from(*n).unwrap());
                let pass = thinning.passes(frame, captured, want);
                assert_eq!(thinning.passes(frame, captured, want), pass);
                pass
            })
            .count()
    }

    #[test]
    fn no_more_frames_pass_than_are_wanted_and_hardly_fewer() {
        for (source, want) in [(30, 15), (30, 10), (30, 7), (25, 15), (60, 15), (15, 1)] {
            let count = passed(source, want, 20);
            let most = usize::from(want) * 20;
            assert!(
                count <= most + 1 && count * 10 >= most * 9,
                "{want} of {source}: {count} of {most}"
            );
        }
    }

    #[test]
    fn a_packet_that_comes_late_passes_if_the_others_of_its_frame_did() {
        let mut thinning = Thinning::new(StreamId(1));
        let at = |n: u64| Instant(1_000_000_000 + n * 33_333);
        let passed: Vec<bool> = (1..=6)
            .map(|n| thinning.passes(FrameNumber(n), at(n.into()), 15))
            .collect();
        assert!(passed.contains(&true) && passed.contains(&false));
        for (n, passed) in (1..=6).zip(passed) {
            assert_eq!(thinning.passed(FrameNumber(n)), passed);
            assert_eq!(thinning.passes(FrameNumber(n), at(n.into()), 15), passed);
        }
        assert!(!thinning.passed(FrameNumber(7)), "it was never sent");
    }

    #[test]
    fn who_wants_more_than_there_is_gets_all() {
        assert_eq!(passed(15, 30, 10), 150);
    }

    #[test]
    fn a_clock_that_jumps_back_does_not_close_the_gate() {
        let mut thinning = Thinning::new(StreamId(1));
        assert!(thinning.passes(FrameNumber(1), Instant(9_000_000_000), 10));
        assert!(thinning.passes(FrameNumber(2), Instant(5_000), 10));
        assert!(!thinning.passes(FrameNumber(3), Instant(6_000), 10));
    }
}
