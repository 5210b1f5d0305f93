//! From the system's error number to why a camera does not open.

use super::holder;
use crate::camera::OpenCameraError;
use crate::device::LossReason;
use std::io;
use std::path::Path;

/// Why the system refuses a camera, by its error number.
pub(super) fn refusal(what: &str, error: io::Error) -> OpenCameraError {
    let path = Path::new(what);
    let what = what.to_owned();
    match LossReason::of_opening(error.raw_os_error()) {
        LossReason::Absent => OpenCameraError::Absent(what),
        LossReason::InUse => OpenCameraError::InUse {
            program: holder::of(path),
            what,
        },
        LossReason::NotPermitted => OpenCameraError::NotPermitted(what),
        LossReason::NoBandwidth => OpenCameraError::NoBandwidth(what),
        _ => OpenCameraError::Refused { what, error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_usb_bus_and_a_busy_camera_are_told_in_words() {
        let refused = |code| refusal("/dev/video7", io::Error::from_raw_os_error(code)).to_string();
        assert!(refused(libc::ENOSPC).contains("USB bus has no bandwidth left"));
        assert_eq!(
            refused(libc::EBUSY),
            "/dev/video7: in use by another program"
        );
        assert_eq!(refused(libc::ENODEV), "/dev/video7 not found");
    }

    #[test]
    fn a_busy_camera_is_told_by_its_error_number_and_not_by_what_the_c_library_says() {
        let reason = |error| refusal("/dev/video7", error).reason();
        assert_eq!(
            reason(io::Error::from_raw_os_error(libc::EBUSY)),
            LossReason::InUse
        );
        let words = io::Error::other("Device or resource busy");
        assert_eq!(reason(words), LossReason::Failed);
    }

    #[test]
    fn of_several_cameras_the_one_that_is_in_use_is_told() {
        let error = |code| refusal("/dev/video7", io::Error::from_raw_os_error(code));
        let all = OpenCameraError::AllRefused(vec![error(libc::EIO), error(libc::EBUSY)]);
        assert_eq!(all.reason(), LossReason::InUse);
    }
}
