//! Which camera to use, as written on the command line and in the configuration.

use crate::picture::frame::PictureSize;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use thiserror::Error;

/// A wished-for size and rate, written `1280x720@30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreferredMode {
    /// Size in pixels.
    pub size: PictureSize,
    /// Pictures a second.
    pub fps: u32,
}

impl Default for PreferredMode {
    fn default() -> Self {
        Self {
            size: PictureSize::new(1280, 720),
            fps: 30,
        }
    }
}

/// `auto`, `off`, `v4l2:/dev/video0[:WxH@FPS]`, `pattern[:WxH@FPS]` or `file:PATH`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum CameraSpec {
    /// The first camera there is; another one when it goes.
    #[default]
    Auto,
    /// No camera.
    Off,
    /// The camera at a device node.
    V4l2 {
        /// Its node.
        path: PathBuf,
        /// Size and rate, 1280x720@30 if not said.
        wish: Option<PreferredMode>,
    },
    /// A moving pattern made here, for tests and demonstrations.
    Pattern(PreferredMode),
    /// An MJPEG or AVI file, or a folder of JPEGs, looped.
    File(PathBuf),
}

/// Why a text names no camera.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ParseCameraError {
    /// The word before the colon is none that is known.
    #[error(
        "unknown camera {0:?}; known: auto, off, v4l2:/dev/video0[:WxH@FPS], pattern[:WxH@FPS], file:PATH"
    )]
    Unknown(String),
    /// A path is missing or impossible.
    #[error("{0:?} needs a path")]
    NoPath(String),
    /// The size and rate are not of the form 1280x720@30, or beyond the limits.
    #[error(
        "{0:?} is no size and rate; write 1280x720@30 (16 to 4096 by 16 to 2160, 1 to 240 a second)"
    )]
    PreferredMode(String),
}

impl FromStr for PreferredMode {
    type Err = ParseCameraError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (size, fps) = text.split_once('@')?;
            let (width, height) = size.split_once('x')?;
            let (width, height, fps) = (digits(width)?, digits(height)?, digits(fps)?);
            let allowed = (16..=4096).contains(&width)
                && (16..=2160).contains(&height)
                && (1..=240).contains(&fps);
            let size = PictureSize::new(width, height);
            allowed.then_some(Self { size, fps })
        };
        parse().ok_or_else(|| ParseCameraError::PreferredMode(text.to_owned()))
    }
}

/// A number of digits only: `u32::from_str` would take "+30".
fn digits(text: &str) -> Option<u32> {
    text.bytes()
        .all(|b| b.is_ascii_digit())
        .then(|| text.parse().ok())?
}

impl fmt::Display for PreferredMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.size, self.fps)
    }
}

impl FromStr for CameraSpec {
    type Err = ParseCameraError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (kind, rest) = match text.split_once(':') {
            Some((kind, rest)) => (kind, Some(rest)),
            None => (text, None),
        };
        match (kind, rest) {
            ("auto", None) => Ok(Self::Auto),
            ("off", None) => Ok(Self::Off),
            ("pattern", None) => Ok(Self::Pattern(PreferredMode::default())),
            ("pattern", Some(wish)) => Ok(Self::Pattern(wish.parse()?)),
            ("file", Some(path)) => Ok(Self::File(path_of(text, path)?)),
            ("v4l2", Some(rest)) => v4l2(text, rest),
            ("file" | "v4l2", None) => Err(ParseCameraError::NoPath(text.to_owned())),
            _ => Err(ParseCameraError::Unknown(text.to_owned())),
        }
    }
}

/// Paths below `/dev/v4l/by-path` hold colons themselves, so only a tail with an `@` is taken for a wish.
fn v4l2(text: &str, rest: &str) -> Result<CameraSpec, ParseCameraError> {
    let (path, wish) = match rest.rsplit_once(':') {
        Some((path, tail)) if tail.contains('@') => (path, Some(tail.parse()?)),
        _ => (rest, None),
    };
    let path = path_of(text, path)?;
    Ok(CameraSpec::V4l2 { path, wish })
}

fn path_of(text: &str, path: &str) -> Result<PathBuf, ParseCameraError> {
    if path.is_empty() || path.contains('\0') {
        return Err(ParseCameraError::NoPath(text.to_owned()));
    }
    Ok(Path::new(path).to_owned())
}

impl fmt::Display for CameraSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Off => f.write_str("off"),
            Self::V4l2 { path, wish: None } => write!(f, "v4l2:{}", path.display()),
            Self::V4l2 {
                path,
                wish: Some(wish),
            } => write!(f, "v4l2:{}:{wish}", path.display()),
            Self::Pattern(wish) => write!(f, "pattern:{wish}"),
            Self::File(path) => write!(f, "file:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_the_manual_is_understood() {
        let small = PreferredMode {
            size: PictureSize::new(640, 360),
            fps: 15,
        };
        for (text, spec) in [
            ("auto", CameraSpec::Auto),
            ("off", CameraSpec::Off),
            (
                "v4l2:/dev/video0",
                CameraSpec::V4l2 {
                    path: "/dev/video0".into(),
                    wish: None,
                },
            ),
            (
                "v4l2:/dev/video0:640x360@15",
                CameraSpec::V4l2 {
                    path: "/dev/video0".into(),
                    wish: Some(small),
                },
            ),
            (
                "v4l2:/dev/v4l/by-path/usb-0:1:1.0-index0",
                CameraSpec::V4l2 {
                    path: "/dev/v4l/by-path/usb-0:1:1.0-index0".into(),
                    wish: None,
                },
            ),
            ("pattern", CameraSpec::Pattern(PreferredMode::default())),
            ("pattern:640x360@15", CameraSpec::Pattern(small)),
            ("file:/a:b.mjpeg", CameraSpec::File("/a:b.mjpeg".into())),
        ] {
            assert_eq!(text.parse(), Ok(spec.clone()), "{text}");
            assert_eq!(spec.to_string().parse(), Ok(spec), "{text} again");
        }
    }

    #[test]
    fn nonsense_is_refused_with_the_reason() {
        for text in [
            "",
            "usb",
            "auto:1",
            "pattern:",
            "pattern:640x360",
            "pattern:8x8@30",
            "pattern:640x360@0",
            "pattern:+640x360@30",
            "pattern:640x360@999999999999",
            "v4l2:/dev/video0:x@30",
        ] {
            assert!(text.parse::<CameraSpec>().is_err(), "{text}");
        }
        assert!(matches!(
            "file:".parse::<CameraSpec>(),
            Err(ParseCameraError::NoPath(_))
        ));
        assert!(matches!(
            "v4l2".parse::<CameraSpec>(),
            Err(ParseCameraError::NoPath(_))
        ));
    }

    proptest! {
        #[test]
        fn any_text_may_be_tried(text in ".{0,40}") {
            if let Ok(spec) = text.parse::<CameraSpec>() {
                prop_assert_eq!(spec.to_string().parse(), Ok(spec));
            }
        }
    }
}
