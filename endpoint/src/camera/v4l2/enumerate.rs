//! What cameras there are and what each offers.

use super::mapped::{self, Identity};
use super::negotiate::{Interval, Offer, Pixels, Rates, Sizes};
use crate::camera::Wish;
use crate::frame::PictureSize;
use serde::Serialize;
use std::io;
use std::path::{Path, PathBuf};
use v4l::FourCC;
use v4l::frameinterval::FrameIntervalEnum;
use v4l::framesize::FrameSizeEnum;
use v4l::video::Capture;

/// Drivers whose capture nodes are stages of the board's own picture processing, no cameras.
const NOT_CAMERAS: [&str; 3] = ["bcm2835-isp", "bcm2835-codec", "pispbe"];

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

/// Opens the capture node at `path` and asks who it is; `None` if it is no camera.
pub(crate) fn open(path: &Path) -> io::Result<Option<(v4l::Device, Identity)>> {
    let device = v4l::Device::with_path(path)?;
    let identity = mapped::identity(&device)?;
    let camera = identity.captures && !NOT_CAMERAS.contains(&identity.driver.as_str());
    Ok(camera.then_some((device, identity)))
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
pub(crate) fn offers(device: &v4l::Device, wish: Wish) -> Vec<Offer> {
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

/// Everything about the camera at `path`; `None` if it is no camera or cannot be asked.
pub(crate) fn describe(path: PathBuf) -> Option<CameraDescription> {
    let (device, identity) = open(&path).ok()??;
    let mode = |fourcc, size: Sizes| {
        let size = size.nearest(Wish::default().size);
        let mut fps: Vec<_> = rates(&device, fourcc, size)
            .into_iter()
            .filter(|rate| *rate != Rates::Unknown)
            .map(|rate| rate.nearest(Wish::default().fps).fps())
            .collect();
        fps.sort_by(|a, b| b.total_cmp(a));
        CameraMode { size, fps }
    };
    let formats = mapped::formats(&device)
        .into_iter()
        .map(|(fourcc, description)| CameraFormat {
            fourcc: name(fourcc),
            description,
            usable: Pixels::from_fourcc(&fourcc).is_some(),
            modes: sizes(&device, fourcc)
                .into_iter()
                .map(|size| mode(fourcc, size))
                .collect(),
        })
        .collect();
    Some(CameraDescription {
        path,
        name: identity.name,
        driver: identity.driver,
        bus: identity.bus,
        formats,
    })
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
        Ok(found) => found.into_iter().map(size).collect(),
        Err(_) => Vec::new(),
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
