//! Finding a camera, and finding the same one again after it was unplugged and has another number.
//!
//! A camera is known by its name and by where it is plugged in. One that was named is never exchanged for another;
//! `auto` goes on to the next when one cannot be opened or gives nothing.

use super::capture::V4l2Camera;
use super::enumerate::{self, Node, camera_nodes};
use super::mapped::{self, Identity};
use super::negotiate::{self, Offer, Pixels, WANTED};
use super::refusal::refusal;
use crate::camera::{OpenCameraError, PreferredMode, SourceContext};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

/// Cameras that gave nothing which are remembered; a board has fewer.
const MOST_SILENT: usize = 16;

/// Smaller offers that are tried where the bus has no room.
const MOST_SMALLER: usize = 4;

/// Which physical camera, and which of its nodes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    name: String,
    bus: String,
    index: Option<u32>,
}

impl Known {
    fn new(identity: &Identity, path: &Path) -> Self {
        Self {
            name: identity.name.clone(),
            bus: identity.bus.clone(),
            index: node_index(path),
        }
    }
}

/// Which node of its device a node is, as the kernel numbers them.
fn node_index(path: &Path) -> Option<u32> {
    let node = path.canonicalize().ok()?;
    let file = Path::new("/sys/class/video4linux")
        .join(node.file_name()?)
        .join("index");
    std::fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// A camera that `auto` may take.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Candidate {
    path: PathBuf,
    known: Known,
    is_webcam: bool,
    has_jpeg: bool,
    is_gray: bool,
}

/// Remembers which camera was used, and opens it wherever it is now.
#[derive(Debug)]
pub struct Locator {
    path: Option<PathBuf>,
    wish: PreferredMode,
    known: Option<Known>,
    /// What was opened last, and whether a picture came.
    last: Option<(Known, Arc<AtomicBool>)>,
    /// Cameras that gave nothing, the one that was tried longest ago first.
    silent: Vec<Known>,
}

impl Locator {
    /// For the camera at `path`, or the best there is.
    #[must_use]
    pub fn new(path: Option<PathBuf>, wish: PreferredMode) -> Self {
        Self {
            path,
            wish,
            known: None,
            last: None,
            silent: Vec::new(),
        }
    }

    /// Opens the camera that was used before; else the one at the path; else, without a path, the best there is.
    ///
    /// # Errors
    /// When there is none, or it refuses.
    pub fn open(&mut self, context: SourceContext) -> Result<V4l2Camera, OpenCameraError> {
        match self.path.clone() {
            Some(path) => {
                let path = self.named(path)?;
                self.start(&path, context)
            }
            None => self.open_best(&context),
        }
    }

    /// Where the camera is now that was at `path` when it was opened first.
    fn named(&self, path: PathBuf) -> Result<PathBuf, OpenCameraError> {
        // Names below /dev/v4l are of the camera or of its socket, not of a number that moves.
        let known = self
            .known
            .as_ref()
            .filter(|_| !path.starts_with("/dev/v4l"));
        let Some(known) = known else {
            return if path.exists() {
                Ok(path)
            } else {
                Err(OpenCameraError::Absent(path.display().to_string()))
            };
        };
        let is_known = |node: &PathBuf| {
            enumerate::open(node).is_ok_and(|(_, identity)| Known::new(&identity, node) == *known)
        };
        let given = Some(path.clone()).into_iter();
        given.chain(camera_nodes()).find(is_known).ok_or_else(|| {
            OpenCameraError::Absent(format!(
                "{} ({} at {})",
                path.display(),
                known.name,
                known.bus
            ))
        })
    }

    fn open_best(&mut self, context: &SourceContext) -> Result<V4l2Camera, OpenCameraError> {
        if let Some((known, gives)) = self.last.take() {
            self.silent.retain(|silent| *silent != known);
            if !gives.load(Relaxed) {
                self.silent.push(known);
                let surplus = self.silent.len().saturating_sub(MOST_SILENT);
                self.silent.drain(..surplus);
            }
        }
        let (candidates, mut refusals) = self.candidates();
        for candidate in in_order(candidates, self.known.as_ref(), &self.silent) {
            match self.start(&candidate.path, context.clone()) {
                Ok(camera) => return Ok(camera),
                Err(error) => refusals.push(error),
            }
        }
        match refusals.len() {
            0 => Err(OpenCameraError::Absent("camera".into())),
            1 => Err(refusals.remove(0)),
            _ => Err(OpenCameraError::AllRefused(refusals)),
        }
    }

    /// The cameras that give something, and what is wrong with the others.
    fn candidates(&self) -> (Vec<Candidate>, Vec<OpenCameraError>) {
        let (mut candidates, mut refusals) = (Vec::new(), Vec::new());
        let mut modules = Vec::new();
        for path in camera_nodes() {
            let what = path.display().to_string();
            let (device, identity) = match enumerate::open(&path) {
                Ok(opened) => opened,
                Err(error) => {
                    refusals.push(refusal(&what, error));
                    continue;
                }
            };
            match Node::of(&identity) {
                Node::Other => continue,
                // A module has many nodes: it is told once.
                Node::Module if modules.contains(&identity.driver) => continue,
                Node::Module => {
                    refusals.push(module(what, &identity.driver));
                    modules.push(identity.driver);
                    continue;
                }
                Node::Camera => {}
            }
            let offers = enumerate::offers(&device, self.wish);
            if offers.is_empty() {
                refusals.push(without_offer(what, &device));
                continue;
            }
            let codes = || offers.iter().map(|offer| offer.fourcc);
            candidates.push(Candidate {
                known: Known::new(&identity, &path),
                is_webcam: identity.driver == "uvcvideo",
                has_jpeg: codes().any(|code| Pixels::from_fourcc(&code) == Some(Pixels::Jpeg)),
                is_gray: enumerate::is_gray_only(codes()),
                path,
            });
        }
        (candidates, refusals)
    }

    fn start(
        &mut self,
        path: &Path,
        context: SourceContext,
    ) -> Result<V4l2Camera, OpenCameraError> {
        let what = path.display().to_string();
        let (device, identity) = enumerate::open(path).map_err(|error| refusal(&what, error))?;
        match Node::of(&identity) {
            Node::Camera => {}
            Node::Module => return Err(module(what, &identity.driver)),
            Node::Other => {
                return Err(OpenCameraError::Unusable {
                    what,
                    reason: "is no camera".into(),
                });
            }
        }
        let mut offers = enumerate::offers(&device, self.wish);
        let Some(mut offer) = negotiate::choose(&offers, self.wish) else {
            return Err(without_offer(what, &device));
        };
        let known = Known::new(&identity, path);
        for left in (0..=MOST_SMALLER).rev() {
            let gives = Arc::new(AtomicBool::new(false));
            let started = V4l2Camera::start(
                &device,
                &identity,
                offer,
                context.clone(),
                &what,
                Arc::clone(&gives),
            );
            match (started, next_smaller(&mut offers, offer, self.wish)) {
                (Err(OpenCameraError::NoBandwidth(_)), Some(smaller)) if left > 0 => {
                    tracing::warn!(
                        "{what}: the USB bus has no room for {} at {:.0} a second; trying {}",
                        offer.size,
                        offer.interval.fps(),
                        smaller.size
                    );
                    offer = smaller;
                }
                (Err(error), _) => return Err(error),
                (Ok(camera), _) => {
                    self.known = Some(known.clone());
                    self.last = Some((known, gives));
                    return Ok(camera);
                }
            }
        }
        Err(OpenCameraError::NoBandwidth(what))
    }
}

/// The best offer that needs less than the last; those that need as much or more are dropped.
fn next_smaller(offers: &mut Vec<Offer>, than: Offer, wish: PreferredMode) -> Option<Offer> {
    *offers = negotiate::smaller(offers, than);
    negotiate::choose(offers, wish)
}

/// The order in which cameras are tried: the one that was used before, then webcams before anything else, and those
/// that compress before those that do not. One that gave nothing is last; a gray one is not for people while there is
/// another.
fn in_order(
    mut candidates: Vec<Candidate>,
    known: Option<&Known>,
    silent: &[Known],
) -> Vec<Candidate> {
    if candidates.iter().any(|candidate| !candidate.is_gray) {
        candidates.retain(|candidate| !candidate.is_gray);
    }
    candidates.sort_by_key(|candidate| {
        let silent = silent.iter().position(|silent| *silent == candidate.known);
        (
            silent.map_or(0, |place| place + 1),
            Some(&candidate.known) != known,
            !candidate.is_webcam,
            !candidate.has_jpeg,
        )
    });
    candidates
}

fn module(what: String, driver: &str) -> OpenCameraError {
    OpenCameraError::Unusable {
        what,
        reason: format!(
            "is part of a camera module ({driver}), which needs libcamera; `doctor` says how"
        ),
    }
}

fn without_offer(what: String, device: &v4l::Device) -> OpenCameraError {
    let codes: Vec<_> = mapped::formats(device)
        .into_iter()
        .map(|(code, _)| code)
        .collect();
    let reason = format!("{}; {WANTED} is needed", negotiate::offers_only(&codes));
    OpenCameraError::Unusable { what, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(number: u32) -> Candidate {
        Candidate {
            path: format!("/dev/video{number}").into(),
            known: Known {
                name: "Webcam".into(),
                bus: format!("usb-{number}"),
                index: Some(0),
            },
            is_webcam: true,
            has_jpeg: true,
            is_gray: false,
        }
    }

    fn order(candidates: &[Candidate], known: Option<&Known>, silent: &[Known]) -> Vec<String> {
        in_order(candidates.to_vec(), known, silent)
            .into_iter()
            .map(|candidate| candidate.known.bus)
            .collect()
    }

    #[test]
    fn webcams_that_compress_are_tried_first_and_gray_ones_only_where_nothing_else_is() {
        let loopback = Candidate {
            is_webcam: false,
            ..candidate(0)
        };
        let raw = Candidate {
            has_jpeg: false,
            ..candidate(1)
        };
        let infrared = Candidate {
            is_gray: true,
            ..candidate(2)
        };
        let all = [loopback, raw, infrared.clone(), candidate(3)];
        assert_eq!(order(&all, None, &[]), ["usb-3", "usb-1", "usb-0"]);
        assert_eq!(order(&[infrared], None, &[]), ["usb-2"]);
    }

    #[test]
    fn two_cameras_of_one_model_are_told_apart_by_where_they_are_plugged_in() {
        let all = [candidate(0), candidate(1)];
        assert_eq!(order(&all, Some(&all[1].known), &[]), ["usb-1", "usb-0"]);
    }

    #[test]
    fn cameras_that_gave_nothing_are_tried_last_and_in_turn() {
        let all = [candidate(0), candidate(1), candidate(2)];
        let known = |number: usize| all[number].known.clone();
        assert_eq!(
            order(&all, Some(&known(0)), &[known(0)]),
            ["usb-1", "usb-2", "usb-0"]
        );
        assert_eq!(
            order(&all, Some(&known(2)), &[known(1), known(2), known(0)]),
            ["usb-1", "usb-2", "usb-0"]
        );
    }
}
