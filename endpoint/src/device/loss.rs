//! Why a camera, a microphone or a speaker gives nothing now.
//!
//! The reason is decided by the system's error number where the error arises, and never by its words: these depend on
//! the C library and on its language. The screen words each reason; the detail is for the log and the command line.

use serde::Serialize;
use std::fmt;

/// Why a device is lost, as far as it matters to the person who is to mend it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LossReason {
    /// No such device is plugged in.
    Absent,
    /// It ran, and was unplugged or failed.
    Disconnected,
    /// It is there, and gives nothing for too long.
    Stalled,
    /// Another program uses it.
    InUse,
    /// This account may not open it.
    NotPermitted,
    /// Other devices have reserved what the bus can carry.
    NoBandwidth,
    /// What it gives arrives damaged.
    Damaged,
    /// It has nothing that can be used: no known format, or not the channel that was asked for.
    Unusable,
    /// The system refuses it for another reason.
    Failed,
}

impl LossReason {
    /// Every reason.
    pub const ALL: [Self; 9] = [
        Self::Absent,
        Self::Disconnected,
        Self::Stalled,
        Self::InUse,
        Self::NotPermitted,
        Self::NoBandwidth,
        Self::Damaged,
        Self::Unusable,
        Self::Failed,
    ];

    /// Why the system does not open a device, by its error number.
    #[must_use]
    pub const fn of_opening(errno: Option<i32>) -> Self {
        match errno {
            Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => Self::Absent,
            Some(libc::EBUSY) => Self::InUse,
            Some(libc::EACCES | libc::EPERM) => Self::NotPermitted,
            Some(libc::ENOSPC) => Self::NoBandwidth,
            _ => Self::Failed,
        }
    }

    /// Why the system does not open a file that stands for a device, by its error number.
    #[must_use]
    pub const fn of_opening_file(errno: Option<i32>) -> Self {
        match Self::of_opening(errno) {
            // A file needs no bandwidth: the disk is full.
            Self::NoBandwidth => Self::Failed,
            reason => reason,
        }
    }
}

/// Why a device is lost: for a program, and in a line for the log and the command line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DeviceLoss {
    /// What the screen words.
    pub reason: LossReason,
    /// In English, with the system's own words.
    pub detail: String,
}

impl DeviceLoss {
    /// A loss with its detail.
    #[must_use]
    pub fn new(reason: LossReason, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        Self { reason, detail }
    }
}

impl fmt::Display for DeviceLoss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_number_decides_why_a_device_does_not_open() {
        for (errno, reason) in [
            (libc::ENOENT, LossReason::Absent),
            (libc::ENODEV, LossReason::Absent),
            (libc::ENXIO, LossReason::Absent),
            (libc::EBUSY, LossReason::InUse),
            (libc::EACCES, LossReason::NotPermitted),
            (libc::EPERM, LossReason::NotPermitted),
            (libc::ENOSPC, LossReason::NoBandwidth),
            (libc::EIO, LossReason::Failed),
        ] {
            assert_eq!(LossReason::of_opening(Some(errno)), reason);
        }
        assert_eq!(LossReason::of_opening(None), LossReason::Failed);
    }

    #[test]
    fn a_full_disk_is_no_full_bus() {
        let reason = LossReason::of_opening_file(Some(libc::ENOSPC));
        assert_eq!(reason, LossReason::Failed);
    }
}
