//! Touch panels on a screen that hangs turned: the picture is turned by the renderer, and touches have to be turned
//! back.
//!
//! Each device is told of it when it is found, so that libinput turns what it reports. A device that was
//! calibrated (by the udev property `LIBINPUT_CALIBRATION_MATRIX`) stays as it is.

use crate::config::Rotation;
use i_slint_backend_linuxkms::BackendBuilder;
use input::Event;
use input::event::{DeviceEvent, EventTrait as _};
use slint::PlatformError;

/// From a place on the panel to one in the window, both from 0 to 1: two rows of `a`, `b` and `c` for `a x + b y + c`.
type Matrix = [f32; 6];

/// What undoes the turning of the picture; nothing where it is not turned.
const fn matrix(rotation: Rotation) -> Option<Matrix> {
    match rotation {
        Rotation::None => None,
        Rotation::Quarter => Some([0.0, 1.0, 0.0, -1.0, 0.0, 1.0]),
        Rotation::Half => Some([-1.0, 0.0, 1.0, 0.0, -1.0, 1.0]),
        Rotation::ThreeQuarters => Some([0.0, -1.0, 1.0, 1.0, 0.0, 0.0]),
    }
}

/// Takes the bare screen with this renderer, and turns the touches of its panels.
pub(super) fn select(renderer: &str, rotation: Rotation) -> Result<(), PlatformError> {
    let mut builder = BackendBuilder::default().with_renderer_name(renderer.into());
    if let Some(matrix) = matrix(rotation) {
        builder = builder.with_libinput_event_hook(Box::new(move |event| {
            if let Event::Device(DeviceEvent::Added(added)) = event {
                turn(&mut added.device(), matrix);
            }
            false
        }));
    }
    let backend = builder.build()?;
    slint::platform::set_platform(Box::new(backend)).map_err(PlatformError::SetPlatformError)
}

/// Tells a device that reports places on the panel.
fn turn(device: &mut input::Device, matrix: Matrix) {
    if !device.config_calibration_has_matrix()
        || device.config_calibration_default_matrix().is_some()
    {
        return;
    }
    match device.config_calibration_set_matrix(matrix) {
        Ok(()) => tracing::info!(device = %device.name(), "touches are turned as the picture is"),
        Err(error) => {
            tracing::warn!(?error, device = %device.name(), "touches cannot be turned");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where in the window a touch of the panel goes.
    fn touched(rotation: Rotation, [x, y]: [f32; 2]) -> [f32; 2] {
        let [a, b, c, d, e, f] = matrix(rotation).unwrap();
        [a * x + b * y + c, d * x + e * y + f]
    }

    #[test]
    fn a_touch_of_a_corner_is_one_of_the_corner_that_is_seen_there() {
        let (top_left, top_right) = ([0.0, 0.0], [1.0, 0.0]);
        let (bottom_left, bottom_right) = ([0.0, 1.0], [1.0, 1.0]);
        // Turned clockwise by a quarter, the window's top left corner is at the panel's top right.
        assert_eq!(touched(Rotation::Quarter, top_right), top_left);
        assert_eq!(touched(Rotation::Quarter, top_left), bottom_left);
        assert_eq!(touched(Rotation::Quarter, bottom_right), top_right);
        assert_eq!(touched(Rotation::Half, bottom_right), top_left);
        assert_eq!(touched(Rotation::Half, top_right), bottom_left);
        assert_eq!(touched(Rotation::ThreeQuarters, bottom_left), top_left);
        assert_eq!(touched(Rotation::ThreeQuarters, top_left), top_right);
        assert_eq!(touched(Rotation::ThreeQuarters, bottom_right), bottom_left);
        assert_eq!(matrix(Rotation::None), None);
    }
}
