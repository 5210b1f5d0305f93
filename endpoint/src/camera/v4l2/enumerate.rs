//! What cameras there are and what each offers.

use super::mapped::{self, Identity};
use super::negotiate::{Interval, Offer, Pixels, Rates, Sizes};
use crate::camera::PreferredMode;
use crate::picture::frame::PictureSize;
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};
use v4l::FourCC;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;

/// Drivers whose capture nodes are stages of the board's own picture processing, no cameras.
const NOT_CAMERAS: [&str; 4] = ["bcm2835-isp", "bcm2835-codec", "pispbe", "rpi-hevc-dec"];

/// Drivers of camera modules on a ribbon: their nodes list formats, but give pictures only to a program that sets
/// sensor and processing up (libcamera). Newer ones say so themselves.
const MODULES: [&str; 10] = [
    "unicam",
    "bcm2835-unicam",
    "rp1-cfe",
    "rkisp1",
    "rkcif",
    "sun6i-csi",
    "qcom-camss",
    "imx7-csi",
    "ipu3-cio2",
    "isys",
];

/// What a capture node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// A camera that gives pictures by itself.
    Camera,
    /// A part of a camera module, which needs another program to set it up.
    Module,
    /// Nothing that takes pictures.
    Other,
}

impl Node {
    pub(crate) fn of(identity: &Identity) -> Self {
        let driver = identity.driver.as_str();
        if !identity.captures || NOT_CAMERAS.contains(&driver) {
            Self::Other
        } else if identity.needs_links || MODULES.contains(&driver) {
            Self::Module
        } else {
            Self::Camera
        }
    }
}

/// A camera and all that it offers.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CameraDescription {
    /// Its node.
    pub path: PathBuf,
    /// Name, for people.
    pub name: String,
    /// The kernel's driver.
    pub driver: String,
    /// Where it is plugged in.
    pub bus: String,
    /// Whether it is part of a camera module, which gives no pictures without libcamera.
    pub module: bool,
    /// Whether it gives gray pictures alone, as infrared cameras do.
    pub gray_only: bool,
    /// Its formats, also those that are not used here.
    pub formats: Vec<CameraFormat>,
}

/// One format of a camera.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CameraFormat {
    /// Four characters, as the kernel names it.
    pub fourcc: String,
    /// The driver's words for it.
    pub description: String,
    /// Whether pictures of it can be used here.
    pub usable: bool,
    /// Sizes and rates.
    pub modes: Vec<CameraMode>,
}

/// One size of a format.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CameraMode {
    /// Size in pixels; the nearest to 1280x720 where the camera has a range of sizes.
    pub size: PictureSize,
    /// Pictures a second, the fastest first.
    pub fps: Vec<f64>,
}

/// Opens the node at `path` and asks who it is.
pub(crate) fn open(path: &Path) -> io::Result<(v4l::Device, Identity)> {
    let device = v4l::Device::with_path(path)?;
    let identity = mapped::identity(&device)?;
    Ok((device, identity))
}

/// All `/dev/video*` nodes in the order of their numbers.
pub(crate) fn camera_nodes() -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir("/dev") else {
        return Vec::new();
    };
    let number = |name: &str| name.strip_prefix("video")?.parse::<u32>().ok();
    let mut found: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            Some((number(path.file_name()?.to_str()?)?, path))
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, path)| path).collect()
}

/// The formats, sizes and rates nearest to a wish.
pub(crate) fn offers(device: &v4l::Device, wish: PreferredMode) -> Vec<Offer> {
    let mut found = Vec::new();
    for (fourcc, _) in mapped::formats(device) {
        if Pixels::from_fourcc(&fourcc).is_none() {
            continue;
        }
        for size in sizes(device, fourcc) {
            let size = size.nearest(wish.size);
            let offer = |rate: Rates| Offer {
                fourcc,
                size,
                interval: rate.nearest(wish.fps),
            };
            found.extend(rates(device, fourcc, size).into_iter().map(offer));
        }
    }
    found
}

/// Whether of the formats that can be used all are gray.
pub(crate) fn is_gray_only(mut codes: impl Iterator<Item = [u8; 4]>) -> bool {
    let first = codes.find_map(|code| Pixels::from_fourcc(&code));
    first == Some(Pixels::Grey)
        && codes.all(|code| matches!(Pixels::from_fourcc(&code), None | Some(Pixels::Grey)))
}

/// Everything about the camera at `path`; `None` if it is no camera or cannot be asked.
pub(crate) fn describe(path: PathBuf) -> Option<CameraDescription> {
    let (device, identity) = open(&path).ok()?;
    let node = Node::of(&identity);
    if node == Node::Other {
        return None;
    }
    let mode = |fourcc, size: Sizes| {
        let size = size.nearest(PreferredMode::default().size);
        let mut fps: Vec<_> = rates(&device, fourcc, size)
            .into_iter()
            .filter(|rate| *rate != Rates::Unknown)
            .map(|rate| rate.nearest(PreferredMode::default().fps).fps())
            .collect();
        fps.sort_by(|a, b| b.total_cmp(a));
        CameraMode { size, fps }
    };
    let codes = mapped::formats(&device);
    let gray_only = is_gray_only(codes.iter().map(|(code, _)| *code));
    let formats = codes
        .into_iter()
        .map(|(fourcc, description)| CameraFormat {
            fourcc: name(fourcc),
            description,
            usable: Pixels::from_fourcc(&fourcc).is_some(),
            modes: sizes(&device, fourcc)
                .into_iter()
                .filter(|size| *size != Sizes::Unknown)
                .map(|size| mode(fourcc, size))
                .collect(),
        })
        .collect();
    Some(CameraDescription {
        path,
        name: identity.name,
        driver: identity.driver,
        bus: identity.bus,
        module: node == Node::Module,
        gray_only,
        formats,
    })
}

/// Whether the node at `path` is there for something else than pictures of a camera.
pub(crate) fn is_other(path: &str) -> bool {
    open(Path::new(path)).is_ok_and(|(_, identity)| Node::of(&identity) == Node::Other)
}

/// The code that [`name`] was made of.
pub(crate) fn code(name: &str) -> [u8; 4] {
    let mut code = [b' '; 4];
    for (to, from) in code.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    code
}

/// The four characters; the top bit says big endian.
fn name(fourcc: [u8; 4]) -> String {
    let characters = u32::from_le_bytes(fourcc) & !(1 << 31);
    let text = String::from_utf8_lossy(&characters.to_le_bytes())
        .trim_end()
        .to_owned();
    if characters == u32::from_le_bytes(fourcc) {
        text
    } else {
        text + "-BE"
    }
}

fn sizes(device: &v4l::Device, fourcc: [u8; 4]) -> Vec<Sizes> {
    let size = |found: v4l::FrameSize| match found.size {
        FrameSizeEnum::Discrete(size) => Sizes::One(PictureSize::new(size.width, size.height)),
        FrameSizeEnum::Stepwise(range) => Sizes::Stepwise {
            least: PictureSize::new(range.min_width, range.min_height),
            most: PictureSize::new(range.max_width, range.max_height),
            step: PictureSize::new(range.step_width, range.step_height),
        },
    };
    match device.enum_framesizes(FourCC::new(&fourcc)) {
        Ok(found) if !found.is_empty() => found.into_iter().map(size).collect(),
        _ => vec![Sizes::Unknown],
    }
}

fn rates(device: &v4l::Device, fourcc: [u8; 4], size: PictureSize) -> Vec<Rates> {
    let interval = |fraction: v4l::Fraction| Interval {
        numerator: fraction.numerator,
        denominator: fraction.denominator,
    };
    let rate = |found: v4l::FrameInterval| match found.interval {
        FrameIntervalEnum::Discrete(fraction) => Rates::One(interval(fraction)),
        FrameIntervalEnum::Stepwise(range) => Rates::Between {
            shortest: interval(range.min),
            longest: interval(range.max),
        },
    };
    match device.enum_frameintervals(FourCC::new(&fourcc), size.width, size.height) {
        Ok(found) if !found.is_empty() => found.into_iter().map(rate).collect(),
        _ => vec![Rates::Unknown],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(driver: &str, needs_links: bool) -> Identity {
        Identity {
            driver: driver.into(),
            name: "Camera".into(),
            bus: "bus".into(),
            captures: true,
            needs_links,
        }
    }

    #[test]
    fn nodes_of_camera_modules_are_told_from_cameras() {
        assert_eq!(Node::of(&identity("uvcvideo", false)), Node::Camera);
        assert_eq!(Node::of(&identity("unicam", false)), Node::Module);
        assert_eq!(Node::of(&identity("rp1-cfe", false)), Node::Module);
        assert_eq!(Node::of(&identity("a later driver", true)), Node::Module);
        assert_eq!(Node::of(&identity("bcm2835-isp", false)), Node::Other);
        let metadata = Identity {
            captures: false,
            ..identity("uvcvideo", false)
        };
        assert_eq!(Node::of(&metadata), Node::Other);
    }

    #[test]
    fn a_camera_is_gray_only_when_no_usable_format_has_color() {
        assert!(is_gray_only([*b"GREY", *b"Y16 "].into_iter()));
        assert!(!is_gray_only([*b"GREY", *b"YUYV"].into_iter()));
        assert!(!is_gray_only([*b"MJPG"].into_iter()));
        assert!(!is_gray_only([*b"H264"].into_iter()));
    }
}
