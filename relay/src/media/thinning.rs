//! Fewer frames for who wants fewer: whole frames by their capture times.

use conclave_protocol::id::{FrameNumber, StreamId};
use conclave_protocol::time::{Instant, Micros};

/// One receiver's choice of one stream's frames.
#[derive(Clone, Copy, Debug)]
pub(super) struct Thinning {
    pub(super) stream: StreamId,
    frame: FrameNumber,
    pass: bool,
    /// Capture time from which the next frame passes.
    next: Instant,
}

impl Thinning {
    pub(super) const fn new(stream: StreamId) -> Self {
        Self {
            stream,
            frame: FrameNumber(0),
            pass: false,
            next: Instant(0),
        }
    }

    /// Whether a frame captured at `captured` passes; the same for all of its fragments.
    pub(super) fn passes(&mut self, frame: FrameNumber, captured: Instant, fps: u8) -> bool {
        if self.next != Instant(0) && frame == self.frame {
            return self.pass;
        }
        self.frame = frame;
        let each = Micros(1_000_000 / u64::from(fps.max(1)));
        // A frame that is a little early counts as on time: cameras do not tick evenly.
        self.pass = captured + Micros(each.0 / 8) >= self.next;
        // A clock that jumped back would otherwise close the gate until it catches up.
        self.pass |= self.next.since(captured) > Micros(2 * each.0);
        if self.pass {
            let late = captured.since(self.next) > each;
            self.next = if late || self.next > captured + each {
                captured + each
            } else {
                self.next + each
            };
        }
        self.pass
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
