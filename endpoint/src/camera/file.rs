//! Pictures from a file, looped: JPEGs one after the other (`.mjpeg`), an AVI, or a folder of JPEGs.
//!
//! The file is read once, and each picture judged once ([`crate::picture::jpeg::whole`]); pictures are handed out from
//! that memory. One that is torn, or of a kind that is not sent, is left out and counted each time that its turn comes.

use super::{CaptureError, FrameSource, OpenCameraError, SourceContext, StreamFormat, avi, faults};
use crate::clock;
use crate::picture::frame::{CapturedFrame, Taken};
use crate::picture::jpeg::{Fault, Inspector, Whole, whole};
use crate::platform::metronome::{Beat, Metronome};
use conclave_protocol::time::Micros;
use std::fs;
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest file that is taken into memory: raising it lets longer loops run and costs that much of a board's memory.
const LARGEST_BYTES: u64 = 256 << 20;

/// What an AVI is that ends within its header or its first picture.
const CUT_OFF: &str = "is AVI that is cut off before its first whole picture: copy it again";

/// Rate of files that do not say one.
const DEFAULT_FPS: f64 = 30.0;

/// A file as a camera.
#[derive(Debug)]
pub struct FileCamera {
    format: StreamFormat,
    context: SourceContext,
    metronome: Metronome,
    bytes: Arc<[u8]>,
    pictures: Vec<Result<Whole, Fault>>,
}

impl FileCamera {
    /// Reads the file or folder.
    ///
    /// # Errors
    /// When it cannot be read, is larger than 256 MiB, or holds no JPEG.
    pub fn open(path: &Path, context: SourceContext) -> Result<Self, OpenCameraError> {
        let refused = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => OpenCameraError::Absent(path.display().to_string()),
            _ => OpenCameraError::Refused {
                what: path.display().to_string(),
                error,
            },
        };
        let unusable = |reason: String| OpenCameraError::Unusable {
            what: path.display().to_string(),
            reason,
        };
        let mut inspector = Inspector::default();
        let (bytes, fps, pictures) = if path.is_dir() {
            let (bytes, ranges) = read_folder(path).map_err(refused)?;
            let pictures = examine_each(&mut inspector, &bytes, ranges);
            (bytes, None, pictures)
        } else {
            let bytes = read_capped(path, LARGEST_BYTES).map_err(refused)?;
            if avi::is_avi(&bytes) {
                let avi = avi::read(&bytes);
                let fps = (avi.period_us > 0).then(|| 1_000_000.0 / f64::from(avi.period_us));
                let pictures = examine_each(&mut inspector, &bytes, avi.pictures);
                if !pictures.iter().any(Result::is_ok) {
                    if let Some(codec) = avi.other_codec {
                        return Err(unusable(format!("is AVI of {codec}, not MJPEG")));
                    }
                    if avi.is_cut_off && pictures.is_empty() {
                        return Err(unusable(CUT_OFF.to_owned()));
                    }
                }
                (bytes, fps, pictures)
            } else {
                let pictures = whole::in_a_row(&mut inspector, &bytes);
                (bytes, None, pictures)
            }
        };
        let Some(first) = pictures.iter().flatten().next() else {
            let mut found = faults::Faults::default();
            for fault in pictures.iter().filter_map(|picture| picture.as_ref().err()) {
                context.counters.add_damaged();
                found.add(*fault);
            }
            return Err(unusable(found.of_a_file()));
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
        let Ok(whole) = picture else {
            self.context.counters.add_damaged();
            return Ok(None);
        };
        if whole.is_mended() {
            self.context.counters.add_mended();
        }
        let taken = Taken {
            captured: due,
            ready: clock::now(),
            driver_sequence: number as u32,
            size: whole.size,
        };
        let file = Arc::clone(&self.bytes);
        Ok(Some(CapturedFrame::from_file(taken, whole.clone(), file)))
    }
}

/// The picture of each range.
fn examine_each(
    inspector: &mut Inspector,
    bytes: &[u8],
    ranges: Vec<Range<usize>>,
) -> Vec<Result<Whole, Fault>> {
    let examine = |range: Range<usize>| {
        let start = range.start;
        let jpeg = bytes.get(range).unwrap_or_default();
        inspector.examine(jpeg).map(|whole| whole.moved(start))
    };
    ranges.into_iter().map(examine).collect()
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

/// The JPEG files of a folder in the order of their names, one after the other, and where each is.
fn read_folder(folder: &Path) -> std::io::Result<(Vec<u8>, Vec<Range<usize>>)> {
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
    let (mut bytes, mut files) = (Vec::new(), Vec::new());
    for path in paths {
        let start = bytes.len();
        bytes.append(&mut read_capped(&path, LARGEST_BYTES - start as u64)?);
        files.push(start..bytes.len());
    }
    Ok((bytes, files))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::pattern::PatternCamera;
    use crate::platform::stop::StopSignal;

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

    const SHOWN: [&str; 18] = [
        "clean",
        "avi1-header",
        "no-huffman-tables",
        "4-4-4",
        "4-2-0",
        "4-4-0",
        "4-1-1",
        "grayscale",
        "stray-bytes-before-restarts",
        "stray-byte-before-one-restart",
        "no-end-marker",
        "half-end-marker",
        "old-bytes-after-end",
        "older-tail-without-end",
        "older-picture-after-end",
        "zeros-to-page",
        "two-start-markers",
        "fill-bytes-before-markers",
    ];

    fn drawn(name: &str) -> Vec<u8> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/pictures");
        fs::read(format!("{folder}/{name}.jpg")).unwrap()
    }

    #[test]
    fn pictures_fare_alike_as_a_file_in_a_folder_and_in_an_avi() {
        let folder = tempfile::tempdir().unwrap();
        let mut decoder = crate::picture::jpeg::Decoder::new().unwrap();
        let mut picture = crate::picture::jpeg::decode::Picture::default();
        for name in SHOWN {
            let (file, avi, jpegs) = (
                folder.path().join(format!("{name}.mjpeg")),
                folder.path().join(format!("{name}.avi")),
                folder.path().join(name),
            );
            fs::write(&file, drawn(name)).unwrap();
            fs::write(&avi, super::avi::tests::write(4_000, &[&drawn(name)])).unwrap();
            fs::create_dir(&jpegs).unwrap();
            fs::write(jpegs.join("a.jpg"), drawn(name)).unwrap();
            let played = play(&file, 1);
            assert_eq!(play(&avi, 1), played, "{name}");
            assert_eq!(play(&jpegs, 1), played, "{name}");
            decoder
                .rgb(&played[0], crate::picture::jpeg::Scale::Full, &mut picture)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }

    #[test]
    fn torn_pictures_are_left_out_and_counted_and_others_are_refused_by_name() {
        let folder = tempfile::tempdir().unwrap();
        let jpegs = folder.path().join("jpegs");
        fs::create_dir(&jpegs).unwrap();
        for (name, picture) in [
            ("1", "clean"),
            ("2", "cut-in-half-with-end"),
            ("3", "cut-in-half"),
            ("4", "progressive"),
            ("5", "arithmetic"),
        ] {
            fs::write(jpegs.join(format!("{name}.jpg")), drawn(picture)).unwrap();
        }
        let mut camera = FileCamera::open(&jpegs, context()).unwrap();
        while camera.context.counters.snapshot().damaged < 4 {
            if let Some(frame) = camera.next_frame(Micros::from_secs(5)).unwrap() {
                assert_eq!(frame.parts().concat(), drawn("clean"));
            }
        }

        let refusal = |bytes: &[u8]| {
            let path = folder.path().join("refused");
            fs::write(&path, bytes).unwrap();
            match FileCamera::open(&path, context()) {
                Err(OpenCameraError::Unusable { reason, .. }) => reason,
                _ => panic!("it was taken"),
            }
        };
        assert!(refusal(&drawn("progressive")).contains("progressive JPEG"));
        assert!(refusal(&drawn("arithmetic")).contains("arithmetic JPEG"));
        assert!(refusal(&drawn("cut-in-half")).contains("no end"));
        assert!(refusal(&drawn("cut-in-half-with-end")).contains("torn"));
        let xvid = super::avi::tests::write_of(b"XVID", 40_000, &[&[1; 100]]);
        assert_eq!(refusal(&xvid), "is AVI of xvid, not MJPEG");
    }

    #[test]
    fn a_broken_avi_is_refused_with_the_reason_or_shown_up_to_where_it_breaks() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.avi");
        let refusal = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            match FileCamera::open(&path, context()) {
                Err(error @ OpenCameraError::Unusable { .. }) => error.to_string(),
                _ => panic!("it was taken"),
            }
        };
        let said = |reason: &str| format!("{}: {reason}", path.display());
        let clean = drawn("clean");
        let whole = super::avi::tests::write(4_000, &[&clean, &clean]);
        let (first, header) = (whole.len() / 2, 100);
        for length in [12, 20, header, first - clean.len() / 2] {
            assert_eq!(refusal(&whole[..length]), said(CUT_OFF), "{length} bytes");
        }
        // A length that no file has.
        let mut endless = whole.clone();
        let at = whole.windows(4).position(|id| id == b"00dc").unwrap();
        endless[at + 4..at + 8].fill(0xff);
        assert_eq!(refusal(&endless), said(CUT_OFF));
        let empty = super::avi::tests::write(4_000, &[]);
        assert_eq!(refusal(&empty), said("holds no JPEG"));
        let noise = super::avi::tests::write(4_000, &[&[7; 500]]);
        assert_eq!(refusal(&noise), said("holds no JPEG"));

        fs::write(&path, &whole[..whole.len() - 100]).unwrap();
        assert_eq!(play(&path, 1), [clean]);
    }

    #[test]
    fn a_file_without_pictures_is_unusable_and_a_missing_one_absent() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("text.mjpeg");
        assert!(matches!(
            FileCamera::open(&path, context()),
            Err(OpenCameraError::Absent(_))
        ));
        fs::write(&path, "no picture").unwrap();
        assert!(matches!(
            FileCamera::open(&path, context()),
            Err(OpenCameraError::Unusable { .. })
        ));
    }
}
