//! The command line.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::frames::{self, LoadError};
use crate::mode::{Camera, Format, Mode};
use crate::mosaic;

/// The text of `--help`.
pub(crate) const USAGE: &str = "\
usage: conclave-virtual-camera [OPTION]...
  --mjpeg WxH@FPS[,FPS]...[=FRAMES]  offer a mode in MJPEG; FRAMES is an MJPEG file or a folder of .jpg files, sent in turn
                                     for ever; without it a made-up picture
  --yuyv WxH@FPS[,FPS]...            offer an uncompressed mode, with moving bars
                                     (without any mode: --mjpeg 1280x720@30)
  --frame-kib N                      the least size of a made-up JPEG (default 120); goes before --mjpeg
  --name NAME                        the camera's name (default \"Virtual Camera\")
  --serial TEXT                      its serial number (default 0001)
  --bad N                            cut every Nth frame in half
  --error N                          set the error bit of every Nth frame
  --log FILE                         write a line for each frame sent: INDEX LENGTH FNV1A64 whole|torn|marked
  --stay                             go on after the end of stdin
Commands on stdin, one a line: unplug, plug, stall (no frames), go (frames again), bad N, error N, quit. The end of stdin is
quit, too. Printed: plugged, unplugged, and, as the host does it, \"streaming MJPG WxH@FPS\" and \"stopped\".
";

/// The number of different generated frames.
const MADE_UP_FRAMES: u32 = 32;
/// Uncompressed frames are large; 8 fit the memory of small boards.
const MADE_UP_RAW_FRAMES: usize = 8;
/// UVC counts modes in a byte, and a configuration has at most 64 KiB.
const MAX_MODES: usize = 64;

/// The parsed command line.
#[derive(Debug)]
pub(crate) struct Options {
    /// The camera to plug in.
    pub(crate) camera: Camera,
    /// Cut every Nth frame in half; 0 for none.
    pub(crate) tear_every: u64,
    /// Set the error bit of every Nth frame; 0 for none.
    pub(crate) mark_every: u64,
    /// Where to log sent frames.
    pub(crate) log: Option<PathBuf>,
    /// Whether to go on after the end of stdin.
    pub(crate) stay: bool,
}

/// An error in the command line.
#[derive(Debug)]
pub(crate) enum ParseError {
    /// No such option.
    Unknown(String),
    /// The option needs a value.
    NoValue(String),
    /// The option's value is not valid.
    Bad {
        option: String,
        value: String,
        wanted: &'static str,
    },
    /// More modes than a configuration holds.
    TooManyModes,
    /// Frames could not be loaded.
    Load(LoadError),
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(option) => write!(f, "no such option: {option}"),
            Self::NoValue(option) => write!(f, "{option} needs a value"),
            Self::Bad {
                option,
                value,
                wanted,
            } => write!(f, "{option} wants {wanted}, not '{value}'"),
            Self::TooManyModes => write!(f, "more than {MAX_MODES} modes"),
            Self::Load(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ParseError {}

impl Options {
    /// Parses the command line without the program's name; `None` asks for help.
    pub(crate) fn parse(
        arguments: impl Iterator<Item = String>,
    ) -> Result<Option<Self>, ParseError> {
        let mut options = Self {
            camera: Camera {
                name: "Virtual Camera".into(),
                serial: "0001".into(),
                modes: Vec::new(),
            },
            tear_every: 0,
            mark_every: 0,
            log: None,
            stay: false,
        };
        let mut frame_kib = 120;
        let mut arguments = arguments.peekable();
        while let Some(option) = arguments.next() {
            match option.as_str() {
                "--help" | "-h" => return Ok(None),
                "--stay" => {
                    options.stay = true;
                    continue;
                }
                _ => {}
            }
            let known = [
                "--mjpeg",
                "--yuyv",
                "--frame-kib",
                "--name",
                "--serial",
                "--bad",
                "--error",
                "--log",
            ]
            .contains(&option.as_str());
            if !known {
                return Err(ParseError::Unknown(option));
            }
            let Some(value) = arguments.next() else {
                return Err(ParseError::NoValue(option));
            };
            let number = || {
                value
                    .parse::<u64>()
                    .map_err(|_| bad(&option, &value, "a number"))
            };
            match option.as_str() {
                "--mjpeg" => {
                    options
                        .camera
                        .modes
                        .push(mode(&option, &value, Format::Mjpeg, frame_kib)?)
                }
                "--yuyv" => {
                    options
                        .camera
                        .modes
                        .push(mode(&option, &value, Format::Yuyv, frame_kib)?)
                }
                "--frame-kib" => frame_kib = number()?.min(16_384) as usize,
                "--name" => options.camera.name = value,
                "--serial" => options.camera.serial = value,
                "--bad" => options.tear_every = number()?,
                "--error" => options.mark_every = number()?,
                _ => options.log = Some(value.into()),
            }
        }
        if options.camera.modes.is_empty() {
            options
                .camera
                .modes
                .push(mode("--mjpeg", "1280x720@30", Format::Mjpeg, frame_kib)?);
        }
        if options.camera.modes.len() > MAX_MODES {
            return Err(ParseError::TooManyModes);
        }
        Ok(Some(options))
    }
}

fn bad(option: &str, value: &str, wanted: &'static str) -> ParseError {
    ParseError::Bad {
        option: option.into(),
        value: value.into(),
        wanted,
    }
}

/// Parses `WxH@FPS,…[=FRAMES]` and loads or generates the frames.
fn mode(option: &str, value: &str, format: Format, frame_kib: usize) -> Result<Mode, ParseError> {
    let wanted = "WIDTHxHEIGHT@FPS, with sides of 16 to 4096 and at most 8 rates of 1 to 240";
    let (size, path) = match value.split_once('=') {
        Some((size, path)) if format == Format::Mjpeg => (size, Some(Path::new(path))),
        Some(_) => return Err(bad(option, value, "no frames, for they are made up")),
        None => (value, None),
    };
    let (width, height, rates_hz) =
        size_and_rates(size).ok_or_else(|| bad(option, value, wanted))?;
    let frames = match (format, path) {
        (_, Some(path)) => frames::load(path).map_err(ParseError::Load)?,
        (Format::Mjpeg, None) => mosaic::frames(width, height, MADE_UP_FRAMES, frame_kib * 1024),
        (Format::Yuyv, None) => frames::moving_bars(width, height, MADE_UP_RAW_FRAMES),
    };
    Ok(Mode {
        format,
        width,
        height,
        rates_hz,
        frames,
    })
}

fn size_and_rates(text: &str) -> Option<(u16, u16, Vec<u32>)> {
    let (size, rates) = text.split_once('@')?;
    let (width, height) = size.split_once('x')?;
    let side = |text: &str| text.parse().ok().filter(|side| (16..=4096).contains(side));
    let rates_hz: Option<Vec<u32>> = rates
        .split(',')
        .map(|rate| rate.parse().ok().filter(|hz| (1..=240).contains(hz)))
        .collect();
    let rates_hz = rates_hz.filter(|rates_hz| rates_hz.len() <= 8)?;
    Some((side(width)?, side(height)?, rates_hz))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, ParseError> {
        Options::parse(line.split_whitespace().map(String::from))
    }

    #[test]
    fn without_options_it_is_a_720p_camera() {
        let options = parse("").unwrap().unwrap();
        let mode = &options.camera.modes[0];
        assert_eq!(
            (
                mode.format,
                mode.width,
                mode.height,
                mode.rates_hz.as_slice()
            ),
            (Format::Mjpeg, 1280, 720, [30].as_slice())
        );
        assert!(
            mode.frames
                .iter()
                .all(|frame| frame.bytes.len() >= 120 * 1024)
        );
    }

    #[test]
    fn several_modes_keep_their_order_and_rates() {
        let options = parse("--frame-kib 1 --mjpeg 640x480@60,30 --yuyv 320x240@15 --bad 7 --stay")
            .unwrap()
            .unwrap();
        let modes: Vec<_> = options
            .camera
            .modes
            .iter()
            .map(|mode| (mode.format, mode.width, mode.rates_hz.clone()))
            .collect();
        assert_eq!(
            modes,
            [
                (Format::Mjpeg, 640, vec![60, 30]),
                (Format::Yuyv, 320, vec![15])
            ]
        );
        assert!(options.tear_every == 7 && options.stay);
    }

    #[test]
    fn nonsense_is_refused_with_a_reason() {
        for line in [
            "--mjpeg 640x480",
            "--mjpeg 640x480@0",
            "--mjpeg 99999x480@30",
            "--mjpeg 640x480@",
            "--yuyv 640x480@30=a",
            "--bad x",
        ] {
            assert!(matches!(parse(line), Err(ParseError::Bad { .. })), "{line}");
        }
        assert!(matches!(parse("--mjpeg"), Err(ParseError::NoValue(_))));
        assert!(matches!(parse("--zoom 3"), Err(ParseError::Unknown(_))));
        assert!(matches!(
            parse("--mjpeg 640x480@30=/nonexistent"),
            Err(ParseError::Load(_))
        ));
    }
}
