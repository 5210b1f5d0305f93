//! Pictures from a file, looped: JPEGs one after the other (`.mjpeg`), an AVI, or a folder of JPEGs.
//!
//! The file is read once; pictures are handed out from that memory, byte for byte.

use super::{CaptureError, FrameSource, OpenError, SourceContext, StreamFormat, avi};
use crate::clock;
use crate::frame::{CapturedFrame, PictureSize, Taken};
use crate::jpeg::segments;
use crate::metronome::{Beat, Metronome};
use conclave_protocol::time::Micros;
use std::fs;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file that is taken into memory: raising it lets longer loops run and costs that much of a board's memory.
const LARGEST_BYTES: u64 = 256 << 20;

/// Rate of files that do not say one.
const DEFAULT_FPS: f64 = 30.0;

/// A file as a camera.
#[derive(Debug)]
pub struct FileCamera {
    format: StreamFormat,
    context: SourceContext,
    metronome: Metronome,
    bytes: Arc<[u8]>,
    pictures: Vec<Picture>,
}

#[derive(Clone, Debug)]
struct Picture {
    range: Range<usize>,
    size: PictureSize,
    tables_at: Option<usize>,
}

impl FileCamera {
    /// Reads the file or folder.
    ///
    /// # Errors
    /// When it cannot be read, is larger than 256 MiB, or holds no JPEG.
    pub fn open(path: &Path, context: SourceContext) -> Result<Self, OpenError> {
        let refused = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => OpenError::Absent(path.display().to_string()),
            _ => OpenError::Refused {
                what: path.display().to_string(),
                error,
            },
        };
        let bytes = if path.is_dir() {
            read_folder(path)
        } else {
            read_capped(path, LARGEST_BYTES)
        }
        .map_err(refused)?;
        let (fps, ranges) = if avi::is_avi(&bytes) {
            let avi = avi::read(&bytes);
            let fps = (avi.period_us > 0).then(|| 1_000_000.0 / f64::from(avi.period_us));
            (fps, avi.pictures)
        } else {
            (None, in_a_row(&bytes))
        };
        let pictures: Vec<_> = ranges
            .into_iter()
            .filter_map(|range| picture(&bytes, range))
            .collect();
        let Some(first) = pictures.first() else {
            return Err(OpenError::Unusable {
                what: path.display().to_string(),
                reason: "holds no JPEG".into(),
            });
        };
        let fps = fps.unwrap_or(DEFAULT_FPS).clamp(0.1, 240.0);
        Ok(Self {
            format: StreamFormat {
                name: path
                    .file_name()
                    .unwrap_or(path.as_os_str())
                    .to_string_lossy()
                    .into_owned(),
                format: "JPEG".into(),
                size: first.size,
                fps,
            },
            context,
            metronome: Metronome::new(clock::now(), (1e9 / fps) as u64),
            pictures,
            bytes: bytes.into(),
        })
    }
}

impl FrameSource for FileCamera {
    fn format(&self) -> &StreamFormat {
        &self.format
    }

    fn next_frame(&mut self, timeout: Micros) -> Result<Option<CapturedFrame>, CaptureError> {
        let now = clock::now();
        self.context
            .counters
            .add_stale(self.metronome.skip_late(now));
        let Beat::Due(number, due) = self.metronome.wait(&self.context.stop, now + timeout) else {
            return Ok(None);
        };
        let picture = &self.pictures[(number % self.pictures.len() as u64) as usize];
        let taken = Taken {
            captured: due,
            ready: clock::now(),
            driver_sequence: number as u32,
            size: picture.size,
        };
        let file = Arc::clone(&self.bytes);
        Ok(Some(CapturedFrame::from_file(
            taken,
            picture.tables_at,
            file,
            picture.range.clone(),
        )))
    }
}

/// The picture in `range` without padding; `None` if it is no whole JPEG.
fn picture(bytes: &[u8], range: Range<usize>) -> Option<Picture> {
    let jpeg = bytes.get(range.clone())?;
    let length = segments::complete_length(jpeg)?;
    let head = segments::head(jpeg).ok()?;
    Some(Picture {
        range: range.start..range.start + length,
        size: head.size,
        tables_at: head.tables_at(),
    })
}

fn in_a_row(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    while let Some(next) = segments::next_picture(bytes, found.last().map_or(0, |last| last.end)) {
        found.push(next);
    }
    found
}

fn read_capped(path: &Path, cap: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    fs::File::open(path)?
        .take(cap + 1)
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > cap {
        let what = format!("larger than {} MiB", LARGEST_BYTES >> 20);
        return Err(std::io::Error::new(std::io::ErrorKind::FileTooLarge, what));
    }
    Ok(bytes)
}

/// The JPEGs of a folder in the order of their names, one after the other.
fn read_folder(folder: &Path) -> std::io::Result<Vec<u8>> {
    let is_jpeg = |path: &PathBuf| {
        let extension = path.extension().unwrap_or_default();
        extension.eq_ignore_ascii_case("jpg") || extension.eq_ignore_ascii_case("jpeg")
    };
    let entries: Result<Vec<_>, _> = fs::read_dir(folder)?
        .map(|entry| Ok::<_, std::io::Error>(entry?.path()))
        .collect();
    let mut paths = entries?;
    paths.retain(is_jpeg);
    paths.sort();
    let mut bytes = Vec::new();
    for path in paths {
        bytes.append(&mut read_capped(&path, LARGEST_BYTES - bytes.len() as u64)?);
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::pattern::PatternCamera;
    use crate::stop::StopSignal;

    fn context() -> SourceContext {
        SourceContext {
            stop: StopSignal::new().unwrap(),
            counters: Arc::default(),
        }
    }

    fn jpegs(count: usize) -> Vec<Vec<u8>> {
        let mut camera = PatternCamera::open("256x96@240".parse().unwrap(), context()).unwrap();
        let mut next = || loop {
            if let Some(frame) = camera.next_frame(Micros::from_secs(1)).unwrap() {
                let mut jpeg = Vec::new();
                frame.append_to(&mut jpeg);
                return jpeg;
            }
        };
        (0..count).map(|_| next()).collect()
    }

    fn play(path: &Path, count: usize) -> Vec<Vec<u8>> {
        let mut camera = FileCamera::open(path, context()).unwrap();
        // Lateness leaves pictures out; the number says which one came.
        let mut played = vec![None; count];
        while played.iter().any(Option::is_none) {
            let frame = camera.next_frame(Micros::from_secs(5)).unwrap().unwrap();
            let mut jpeg = Vec::new();
            frame.append_to(&mut jpeg);
            played[frame.driver_sequence as usize % count] = Some(jpeg);
        }
        played.into_iter().flatten().collect()
    }

    #[test]
    fn files_and_folders_give_their_pictures_byte_for_byte_and_loop() {
        let folder = tempfile::tempdir().unwrap();
        let pictures = jpegs(3);
        let mjpeg = folder.path().join("loop.mjpeg");
        fs::write(&mjpeg, pictures.concat()).unwrap();
        assert_eq!(play(&mjpeg, 3), pictures);

        let avi = folder.path().join("loop.avi");
        let slices: Vec<_> = pictures.iter().map(Vec::as_slice).collect();
        fs::write(&avi, super::avi::tests::write(20_000, &slices)).unwrap();
        assert_eq!(play(&avi, 3), pictures);
        assert!((FileCamera::open(&avi, context()).unwrap().format().fps - 50.0).abs() < 1e-6);

        let jpegs = folder.path().join("jpegs");
        fs::create_dir(&jpegs).unwrap();
        for (number, picture) in pictures.iter().enumerate() {
            fs::write(jpegs.join(format!("{number}.JPG")), picture).unwrap();
        }
        fs::write(jpegs.join("notes.txt"), "no picture").unwrap();
        assert_eq!(play(&jpegs, 3), pictures);
    }

    #[test]
    fn a_file_without_pictures_is_unusable_and_a_missing_one_absent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.mjpeg");
        assert!(matches!(
            FileCamera::open(&path, context()),
            Err(OpenError::Absent(_))
        ));
        fs::write(&path, "no picture").unwrap();
        assert!(matches!(
            FileCamera::open(&path, context()),
            Err(OpenError::Unusable { .. })
        ));
    }
}
