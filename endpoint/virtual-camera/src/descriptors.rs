//! The USB descriptors of the camera: its identity and its modes.
//!
//! USB 2.0 section 9.6; UVC 1.1 sections 3.6 to 3.9; the frame and format descriptors are those of the MJPEG and the
//! uncompressed payload documents. The camera streams over a bulk endpoint, because USB/IP has no usable isochronous
//! timing.

use crate::mode::{Camera, Format, Mode, interval};

/// The camera terminal, unit 1.
const CAMERA_TERMINAL: u8 = 1;
/// The processing unit, which has the brightness control.
pub(crate) const PROCESSING_UNIT: u8 = 2;
/// The output terminal to the host.
const OUTPUT_TERMINAL: u8 = 3;
/// The interface of the controls.
pub(crate) const CONTROL_INTERFACE: u8 = 0;
/// The interface of the pictures.
pub(crate) const STREAMING_INTERFACE: u8 = 1;
/// The bulk endpoint, IN.
const STREAMING_ENDPOINT: u8 = 0x81;
/// The device clock that UVC requires; no time stamp here refers to it.
pub(crate) const CLOCK_HZ: u32 = 48_000_000;

const CS_INTERFACE: u8 = 0x24;
const INTERFACE: u8 = 4;
const CC_VIDEO: u8 = 0x0e;
const STRINGS_ENGLISH: [u8; 4] = [4, 3, 0x09, 0x04];

/// The device descriptor: a miscellaneous device with interface associations, Linux Foundation's webcam id.
pub(crate) fn device() -> Vec<u8> {
    vec![
        18, 1, 0x00, 0x02, 0xef, 2, 1, 64, 0x6b, 0x1d, 0x02, 0x01, 0x00, 0x01, 1, 2, 3, 1,
    ]
}

/// The string descriptor with this index; index 0 lists the languages.
pub(crate) fn string(camera: &Camera, index: u8) -> Option<Vec<u8>> {
    let text = match index {
        0 => return Some(STRINGS_ENGLISH.to_vec()),
        1 => "Conclave",
        2 => &camera.name,
        3 => &camera.serial,
        _ => return None,
    };
    // A length byte counts the whole descriptor, so at most 126 code units fit.
    let units: Vec<u8> = text
        .encode_utf16()
        .take(126)
        .flat_map(u16::to_le_bytes)
        .collect();
    Some([&[2 + units.len() as u8, 3], units.as_slice()].concat())
}

/// The configuration descriptor with everything in it.
pub(crate) fn configuration(camera: &Camera) -> Vec<u8> {
    let body = [
        // Interface association: both interfaces are one video function.
        vec![8, 0x0b, CONTROL_INTERFACE, 2, CC_VIDEO, 3, 0, 2],
        vec![9, INTERFACE, CONTROL_INTERFACE, 0, 0, CC_VIDEO, 1, 0, 0],
        video_control(),
        vec![9, INTERFACE, STREAMING_INTERFACE, 0, 1, CC_VIDEO, 2, 0, 0],
        video_streaming(camera),
        vec![7, 5, STREAMING_ENDPOINT, 2, 0x00, 0x02, 0],
    ]
    .concat();
    let total = (9 + body.len() as u16).to_le_bytes();
    [vec![9, 2, total[0], total[1], 2, 1, 0, 0x80, 250], body].concat()
}

/// UVC 1.1 section 3.7: camera terminal → processing unit → output terminal.
fn video_control() -> Vec<u8> {
    let units = [
        vec![
            18,
            CS_INTERFACE,
            2,
            CAMERA_TERMINAL,
            0x01,
            0x02,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            0,
            3,
            0,
            0,
            0,
        ],
        vec![
            13,
            CS_INTERFACE,
            5,
            PROCESSING_UNIT,
            CAMERA_TERMINAL,
            0,
            0,
            3,
            0x01,
            0,
            0,
            0,
            0,
        ],
        vec![
            9,
            CS_INTERFACE,
            3,
            OUTPUT_TERMINAL,
            0x01,
            0x01,
            0,
            PROCESSING_UNIT,
            0,
        ],
    ]
    .concat();
    let mut header = vec![13, CS_INTERFACE, 1, 0x10, 0x01];
    header.extend((13 + units.len() as u16).to_le_bytes());
    header.extend(CLOCK_HZ.to_le_bytes());
    header.extend([1, STREAMING_INTERFACE]);
    [header, units].concat()
}

/// UVC 1.1 section 3.9: the input header, then each format with its frames.
fn video_streaming(camera: &Camera) -> Vec<u8> {
    let formats: Vec<Format> = camera.formats().collect();
    let mut described = Vec::new();
    for (index, &format) in (1u8..).zip(&formats) {
        let modes: Vec<&Mode> = camera.modes_of(format).collect();
        described.extend(format_descriptor(format, index, modes.len() as u8));
        for (index, mode) in (1u8..).zip(modes) {
            described.extend(frame_descriptor(mode, index));
        }
        // Color matching: sRGB primaries and transfer, BT.601 matrix.
        described.extend([6, CS_INTERFACE, 0x0d, 1, 1, 4]);
    }
    let length = 13 + formats.len() as u8;
    let mut header = vec![length, CS_INTERFACE, 1, formats.len() as u8];
    header.extend((u16::from(length) + described.len() as u16).to_le_bytes());
    header.extend([STREAMING_ENDPOINT, 0, OUTPUT_TERMINAL, 0, 0, 0, 1]);
    header.extend(formats.iter().map(|_| 0));
    [header, described].concat()
}

fn format_descriptor(format: Format, index: u8, frame_count: u8) -> Vec<u8> {
    match format {
        Format::Mjpeg => vec![11, CS_INTERFACE, 6, index, frame_count, 1, 1, 0, 0, 0, 0],
        Format::Yuyv => {
            let mut descriptor = vec![27, CS_INTERFACE, 4, index, frame_count];
            descriptor.extend(*b"YUY2\x00\x00\x10\x00\x80\x00\x00\xaa\x00\x38\x9b\x71");
            descriptor.extend([16, 1, 0, 0, 0, 0]);
            descriptor
        }
    }
}

fn frame_descriptor(mode: &Mode, index: u8) -> Vec<u8> {
    let subtype = match mode.format {
        Format::Mjpeg => 7,
        Format::Yuyv => 5,
    };
    let bits_per_second = |rate_hz: u32| {
        mode.max_frame_bytes()
            .saturating_mul(8)
            .saturating_mul(rate_hz)
    };
    let slowest_hz = mode.rates_hz.iter().copied().min().unwrap_or(1);
    let fastest_hz = mode.rates_hz.iter().copied().max().unwrap_or(1);
    let intervals = mode.intervals();
    let mut descriptor = vec![
        26 + 4 * intervals.len() as u8,
        CS_INTERFACE,
        subtype,
        index,
        0,
    ];
    descriptor.extend(mode.width.to_le_bytes());
    descriptor.extend(mode.height.to_le_bytes());
    descriptor.extend(bits_per_second(slowest_hz).to_le_bytes());
    descriptor.extend(bits_per_second(fastest_hz).to_le_bytes());
    descriptor.extend(mode.max_frame_bytes().to_le_bytes());
    descriptor.extend(interval(mode.rates_hz[0]).to_le_bytes());
    descriptor.push(intervals.len() as u8);
    for interval in intervals {
        descriptor.extend(interval.to_le_bytes());
    }
    descriptor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::tests::camera;

    /// Splits a run of descriptors by their length bytes; panics if they do not add up.
    fn split(mut bytes: &[u8]) -> Vec<&[u8]> {
        let mut descriptors = Vec::new();
        while !bytes.is_empty() {
            assert_ne!(bytes[0], 0, "a descriptor of no length");
            let (descriptor, rest) = bytes.split_at(usize::from(bytes[0]));
            descriptors.push(descriptor);
            bytes = rest;
        }
        descriptors
    }

    fn le16(bytes: &[u8], at: usize) -> usize {
        usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]))
    }

    #[test]
    fn the_total_length_of_the_configuration_is_its_length() {
        let configuration = configuration(&camera());
        assert_eq!(le16(&configuration, 2), configuration.len());
        assert_eq!(split(&configuration)[0].len(), 9);
    }

    #[test]
    fn class_specific_totals_count_exactly_their_own_descriptors() {
        let configuration = configuration(&camera());
        let all = split(&configuration);
        for (interface, subclass) in [(CONTROL_INTERFACE, 1), (STREAMING_INTERFACE, 2)] {
            let start = all
                .iter()
                .position(|d| d[1] == INTERFACE && d[2] == interface && d[6] == subclass)
                .unwrap()
                + 1;
            let counted: usize = all[start..]
                .iter()
                .take_while(|d| d[1] == CS_INTERFACE)
                .map(|d| d.len())
                .sum();
            let total_at = if interface == CONTROL_INTERFACE { 5 } else { 4 };
            assert_eq!(le16(all[start], total_at), counted);
        }
    }

    #[test]
    fn every_mode_and_rate_is_described() {
        let configuration = configuration(&camera());
        let frames: Vec<_> = split(&configuration)
            .into_iter()
            .filter(|d| d[1] == CS_INTERFACE && matches!(d[2], 5 | 7) && d.len() >= 26)
            .collect();
        let described: Vec<_> = frames
            .iter()
            .map(|d| (d[2], d[3], le16(d, 5), le16(d, 7), d[25]))
            .collect();
        assert_eq!(
            described,
            [
                (7, 1, 1280, 720, 2),
                (7, 2, 640, 480, 3),
                (5, 1, 320, 240, 1)
            ]
        );
        assert_eq!(frames[0][26..30], 333_333u32.to_le_bytes());
    }

    #[test]
    fn a_format_without_modes_is_not_described() {
        let mut camera = camera();
        camera.modes.retain(|mode| mode.format == Format::Mjpeg);
        let configuration = configuration(&camera);
        assert!(!configuration.windows(4).any(|window| window == b"YUY2"));
    }

    #[test]
    fn a_long_name_is_cut_to_what_a_string_descriptor_holds() {
        let mut camera = camera();
        camera.name = "x".repeat(400);
        let name = string(&camera, 2).unwrap();
        assert_eq!(usize::from(name[0]), name.len());
        assert_eq!(string(&camera, 9), None);
    }
}
