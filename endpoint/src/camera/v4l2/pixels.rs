//! The formats of pictures that a camera may offer, and which of them can be used.

use super::convert::Layout;

/// Formats that can be used, the best first. All but the first are encoded here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pixels {
    /// JPEG from the camera: passed on untouched.
    Jpeg,
    /// Packed 4:2:2.
    Yuyv,
    /// The same, color first.
    Uyvy,
    /// The same, red in front of blue.
    Yvyu,
    /// The same, color first and red in front of blue.
    Vyuy,
    /// 4:2:0 in two planes.
    Nv12,
    /// The same, red in front of blue.
    Nv21,
    /// 4:2:0 in three planes.
    Yu12,
    /// The same, red in front of blue.
    Yv12,
    /// Brightness alone: infrared cameras, which are for faces and not for people.
    Grey,
}

/// What a camera has to give, for people who have one that does not.
pub const WANTED: &str = "MJPEG or raw YUYV, UYVY, NV12 or YU12";

impl Pixels {
    /// The format of a four-character code, if it can be used.
    #[must_use]
    pub const fn from_fourcc(code: &[u8; 4]) -> Option<Self> {
        Some(match code {
            b"MJPG" | b"JPEG" => Self::Jpeg,
            b"YUYV" => Self::Yuyv,
            b"UYVY" => Self::Uyvy,
            b"YVYU" => Self::Yvyu,
            b"VYUY" => Self::Vyuy,
            b"NV12" => Self::Nv12,
            b"NV21" => Self::Nv21,
            b"YU12" => Self::Yu12,
            b"YV12" => Self::Yv12,
            b"GREY" => Self::Grey,
            _ => return None,
        })
    }

    /// How its bytes lie; `None` for JPEG.
    #[must_use]
    pub const fn layout(self) -> Option<Layout> {
        Some(match self {
            Self::Jpeg => return None,
            Self::Yuyv => Layout::Packed([0, 2, 1, 3]),
            Self::Uyvy => Layout::Packed([1, 3, 0, 2]),
            Self::Yvyu => Layout::Packed([0, 2, 3, 1]),
            Self::Vyuy => Layout::Packed([1, 3, 2, 0]),
            Self::Nv12 => Layout::Pairs { red_first: false },
            Self::Nv21 => Layout::Pairs { red_first: true },
            Self::Yu12 => Layout::Planes { red_first: false },
            Self::Yv12 => Layout::Planes { red_first: true },
            Self::Grey => Layout::Gray,
        })
    }
}

/// What a camera without a usable format offers instead, in a clause for people.
#[must_use]
pub fn offers_only(formats: &[[u8; 4]]) -> String {
    /// More make no message clearer.
    const NAMED: usize = 4;
    let mut names: Vec<&str> = Vec::new();
    for format in formats {
        let name = match format {
            b"H264" | b"AVC1" => "H.264",
            b"HEVC" | b"H265" => "H.265",
            b"VP80" => "VP8",
            b"Y16 " | b"Y10 " | b"Y12 " | b"Z16 " => "depth or deep gray",
            bayer if is_bayer(bayer) => "raw sensor data (Bayer)",
            other => std::str::from_utf8(other)
                .unwrap_or("an unknown format")
                .trim_end(),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = if names.len() > NAMED {
        " and others"
    } else {
        ""
    };
    names.truncate(NAMED);
    match names.as_slice() {
        [] => "offers no format".to_owned(),
        [one] => format!("offers {one} alone"),
        several => format!("offers {}{more} alone", several.join(", ")),
    }
}

/// Data of a sensor behind its color filter, in each order and depth.
#[must_use]
pub const fn is_bayer(format: &[u8; 4]) -> bool {
    matches!(
        format,
        b"BA81"
            | b"GBRG"
            | b"GRBG"
            | b"RGGB"
            | b"BYR2"
            | [b'B' | b'R', b'G', b'1', b'0' | b'2' | b'4' | b'6']
            | [b'G', b'B' | b'R', b'1', b'0' | b'2' | b'4' | b'6']
            | [b'B', b'A', b'1', b'0' | b'2' | b'4']
            | [b'p', b'B' | b'G' | b'g' | b'R', b'A' | b'C' | b'E', _]
    )
}
