//! Counts of a device over all its threads, one after the other.

use crate::camera::CameraCounts;
use crate::sound::SoundCounts;

pub(super) fn sum(before: CameraCounts, now: CameraCounts) -> CameraCounts {
    CameraCounts {
        captured: before.captured + now.captured,
        stale: before.stale + now.stale,
        damaged: before.damaged + now.damaged,
        mended: before.mended + now.mended,
        no_buffer: before.no_buffer + now.no_buffer,
        errors: before.errors + now.errors,
        reopened: before.reopened + now.reopened,
    }
}

pub(super) fn sum_sound(before: SoundCounts, now: SoundCounts) -> SoundCounts {
    SoundCounts {
        blocks: before.blocks + now.blocks,
        xruns: before.xruns + now.xruns,
        errors: before.errors + now.errors,
        reopened: before.reopened + now.reopened,
    }
}
