//! Finding a camera, and finding the same one again after it was unplugged and has another number.

use super::capture::V4l2Camera;
use super::enumerate::{self, camera_nodes};
use super::mapped::Identity;
use super::negotiate::{self, Pixels};
use crate::camera::{OpenError, SourceContext, Wish};
use std::io;
use std::path::PathBuf;

/// Remembers which camera was used, and opens it wherever it is now.
#[derive(Debug)]
pub struct Locator {
    path: Option<PathBuf>,
    wish: Wish,
    known: Option<Identity>,
}

impl Locator {
    /// For the camera at `path`, or the best there is.
    #[must_use]
    pub fn new(path: Option<PathBuf>, wish: Wish) -> Self {
        Self {
            path,
            wish,
            known: None,
        }
    }

    /// Opens the camera that was used before; else the one at the path; else, without a path, the best there is.
    ///
    /// # Errors
    /// When there is none, or it refuses.
    pub fn open(&mut self, context: SourceContext) -> Result<V4l2Camera, OpenError> {
        let path = self.locate()?;
        let what = path.display().to_string();
        let refused = |error: io::Error| refusal(&what, error);
        let Some((device, identity)) = enumerate::open(&path).map_err(refused)? else {
            return Err(OpenError::Unusable {
                what,
                reason: "is no camera".into(),
            });
        };
        let offers = enumerate::offers(&device, self.wish);
        let Some(offer) = negotiate::choose(&offers, self.wish) else {
            return Err(OpenError::Unusable {
                what,
                reason: "offers neither MJPEG nor YUYV nor NV12".into(),
            });
        };
        let camera = V4l2Camera::start(&device, &identity, offer, context, &what)?;
        self.known = Some(identity);
        Ok(camera)
    }

    fn locate(&self) -> Result<PathBuf, OpenError> {
        let given = self.path.clone().into_iter().filter(|path| path.exists());
        let nodes: Vec<_> = given.chain(camera_nodes()).collect();
        let cameras = || {
            nodes.iter().filter_map(|path| {
                let (device, identity) = enumerate::open(path).ok()??;
                Some((path, device, identity))
            })
        };
        if let Some(known) = &self.known {
            let same = |by_bus: bool| {
                let is = |found: &Identity| {
                    found.name == known.name && (!by_bus || found.bus == known.bus)
                };
                cameras().find(|(_, _, found)| is(found))
            };
            if let Some((path, ..)) = same(true).or_else(|| same(false)) {
                return Ok(path.clone());
            }
        }
        match &self.path {
            Some(path) if path.exists() => Ok(path.clone()),
            Some(path) => Err(OpenError::Absent(path.display().to_string())),
            None => cameras()
                .min_by_key(|(_, device, identity)| {
                    let jpeg = enumerate::offers(device, self.wish)
                        .iter()
                        .any(|offer| Pixels::from_fourcc(&offer.fourcc) == Some(Pixels::Jpeg));
                    // A webcam before anything else, and one that compresses before one that does not.
                    (identity.driver != "uvcvideo", !jpeg)
                })
                .map(|(path, ..)| path.clone())
                .ok_or_else(|| OpenError::Absent("camera".into())),
        }
    }
}

/// The system's reason, in words where it is a common one.
pub(super) fn refusal(what: &str, error: io::Error) -> OpenError {
    let what = what.to_owned();
    match error.raw_os_error() {
        Some(libc::ENOENT | libc::ENODEV | libc::ENXIO) => OpenError::Absent(what),
        Some(libc::EBUSY) => OpenError::Unusable {
            what,
            reason: "in use by another program".into(),
        },
        Some(libc::EACCES) => OpenError::Unusable {
            what,
            reason: "no permission; is this account in the group video?".into(),
        },
        _ => OpenError::Refused { what, error },
    }
}
