//! The modes of the camera, in the order of its descriptors.

use crate::frames::Frame;

/// The encoding of the pictures of a mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// One JPEG for each frame.
    Mjpeg,
    /// Uncompressed 4:2:2, two bytes a pixel.
    Yuyv,
}

impl Format {
    /// All formats, in the order of the descriptors.
    pub(crate) const ALL: [Self; 2] = [Self::Mjpeg, Self::Yuyv];

    /// The name that `v4l2-ctl` shows.
    pub(crate) fn fourcc(self) -> &'static str {
        match self {
            Self::Mjpeg => "MJPG",
            Self::Yuyv => "YUYV",
        }
    }
}

/// One picture size in one format, with its rates and the frames that are sent in it.
#[derive(Clone, Debug)]
pub(crate) struct Mode {
    /// The encoding of its frames.
    pub(crate) format: Format,
    /// Width in pixels.
    pub(crate) width: u16,
    /// Height in pixels.
    pub(crate) height: u16,
    /// Frames a second, at least one rate; the first is the default.
    pub(crate) rates_hz: Vec<u32>,
    /// Sent in turn, and again from the first after the last. Never empty.
    pub(crate) frames: Vec<Frame>,
}

impl Mode {
    /// The largest frame that a host must have room for: never less than the uncompressed picture, as in real cameras.
    pub(crate) fn max_frame_bytes(&self) -> u32 {
        let uncompressed = u32::from(self.width) * u32::from(self.height) * 2;
        let largest = self
            .frames
            .iter()
            .map(|frame| frame.bytes.len())
            .max()
            .unwrap_or(0);
        uncompressed.max(u32::try_from(largest).unwrap_or(u32::MAX))
    }

    /// The frame intervals in the unit of UVC, 100 ns.
    pub(crate) fn intervals(&self) -> impl ExactSizeIterator<Item = u32> {
        self.rates_hz.iter().map(|&rate_hz| interval(rate_hz))
    }
}

/// The frame interval in the unit of UVC, 100 ns.
pub(crate) fn interval(rate_hz: u32) -> u32 {
    10_000_000 / rate_hz
}

/// A camera: a name and its modes.
#[derive(Clone, Debug)]
pub(crate) struct Camera {
    /// The USB product string, which becomes the name of the V4L2 device.
    pub(crate) name: String,
    /// The USB serial number.
    pub(crate) serial: String,
    /// At least one.
    pub(crate) modes: Vec<Mode>,
}

impl Camera {
    /// The formats that have a mode, in the order of the descriptors: the first has index 1 on the wire.
    pub(crate) fn formats(&self) -> impl Iterator<Item = Format> {
        Format::ALL
            .into_iter()
            .filter(|&format| self.modes_of(format).next().is_some())
    }

    /// The modes of one format, in the order of the descriptors: the first has index 1 on the wire.
    pub(crate) fn modes_of(&self, format: Format) -> impl Iterator<Item = &Mode> {
        self.modes.iter().filter(move |mode| mode.format == format)
    }

    /// The mode with two wire indices. Indices that do not exist select the first, because the negotiation of UVC
    /// requires an answer.
    pub(crate) fn mode(&self, format_index: u8, frame_index: u8) -> (u8, u8, &Mode) {
        let count = u8::try_from(self.formats().count()).unwrap_or(u8::MAX);
        let format_index = if (1..=count).contains(&format_index) {
            format_index
        } else {
            1
        };
        let format = self
            .formats()
            .nth(usize::from(format_index) - 1)
            .expect("the index was just made to fit");
        let modes: Vec<&Mode> = self.modes_of(format).collect();
        let found = usize::from(frame_index)
            .checked_sub(1)
            .and_then(|index| modes.get(index));
        match found {
            Some(mode) => (format_index, frame_index, mode),
            None => (format_index, 1, modes[0]),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn camera() -> Camera {
        let frame = || Frame::new(vec![0xff, 0xd8, 1, 2, 3, 4, 0xff, 0xd9]);
        let mode = |format, width, height, rates_hz: &[u32]| Mode {
            format,
            width,
            height,
            rates_hz: rates_hz.to_vec(),
            frames: vec![frame()],
        };
        Camera {
            name: "Test Camera".into(),
            serial: "7".into(),
            modes: vec![
                mode(Format::Mjpeg, 1280, 720, &[30, 15]),
                mode(Format::Yuyv, 320, 240, &[30]),
                mode(Format::Mjpeg, 640, 480, &[60, 30, 10]),
            ],
        }
    }

    #[test]
    fn wire_indices_count_from_one_within_a_format() {
        let camera = camera();
        assert_eq!(camera.mode(1, 2).2.width, 640);
        assert_eq!(camera.mode(2, 1).2.width, 320);
    }

    #[test]
    fn an_unknown_index_means_the_first() {
        let camera = camera();
        assert_eq!(camera.mode(0, 0).2.width, 1280);
        assert_eq!(camera.mode(9, 1).2.width, 1280);
        assert_eq!((camera.mode(2, 7).0, camera.mode(2, 7).1), (2, 1));
    }

    #[test]
    fn a_frame_larger_than_its_uncompressed_picture_still_fits() {
        let mut mode = camera().modes[1].clone();
        mode.frames.push(Frame::new(vec![0; 400_000]));
        assert_eq!(mode.max_frame_bytes(), 400_000);
    }
}
