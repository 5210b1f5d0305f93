//! The source of the frames: an MJPEG file, a folder of JPEG files, or a generated picture.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// One encoded picture.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Frame {
    /// The bytes to send.
    pub(crate) bytes: Vec<u8>,
}

impl Frame {
    /// A frame of these bytes.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes }
    }
}

impl fmt::Debug for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Frame({} bytes)", self.bytes.len())
    }
}

/// Why frames could not be loaded.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The file or folder can not be read.
    Read(PathBuf, io::Error),
    /// There is no JPEG in it.
    Empty(PathBuf),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path, error) => write!(f, "{} can not be read: {error}", path.display()),
            Self::Empty(path) => write!(
                f,
                "{} holds no JPEG: give an MJPEG file or a folder of .jpg files",
                path.display()
            ),
        }
    }
}

impl std::error::Error for LoadError {}

/// Loads an MJPEG file, or the `.jpg` and `.jpeg` files of a folder in the order of their names.
pub(crate) fn load(path: &Path) -> Result<Vec<Frame>, LoadError> {
    let failed = |error| LoadError::Read(path.to_path_buf(), error);
    let frames: Vec<Frame> = if path.is_dir() {
        let mut files = Vec::new();
        for entry in std::fs::read_dir(path).map_err(failed)? {
            let file = entry.map_err(failed)?.path();
            if file
                .extension()
                .is_some_and(|extension| extension == "jpg" || extension == "jpeg")
            {
                files.push(file);
            }
        }
        files.sort();
        files
            .iter()
            .map(|file| std::fs::read(file).map(Frame::new))
            .collect::<Result<_, _>>()
            .map_err(failed)?
    } else {
        split(&std::fs::read(path).map_err(failed)?)
    };
    if frames.is_empty() {
        Err(LoadError::Empty(path.to_path_buf()))
    } else {
        Ok(frames)
    }
}

/// Splits a run of JPEGs. Data that is not a whole JPEG is skipped.
fn split(bytes: &[u8]) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut at = 0;
    while at + 1 < bytes.len() {
        match jpeg_length(&bytes[at..]) {
            Some(length) => {
                frames.push(Frame::new(bytes[at..at + length].to_vec()));
                at += length;
            }
            None => at += 1,
        }
    }
    frames
}

/// The length of the JPEG that starts here. It goes from marker to marker (ITU-T T.81 annex B), because the end
/// marker can also occur inside a thumbnail.
fn jpeg_length(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(&[0xff, 0xd8]) {
        return None;
    }
    let mut at = 2;
    loop {
        if *bytes.get(at)? != 0xff {
            return None;
        }
        match *bytes.get(at + 1)? {
            0xff => at += 1,
            0xd9 => return Some(at + 2),
            0x01 | 0xd0..=0xd8 => at += 2,
            marker => {
                at += 2 + usize::from(u16::from_be_bytes([
                    *bytes.get(at + 2)?,
                    *bytes.get(at + 3)?,
                ]));
                if marker == 0xda {
                    at += entropy_coded_length(bytes.get(at..)?)?;
                }
            }
        }
    }
}

/// The length of a scan's data: up to the next marker that is neither a stuffed byte nor a restart.
fn entropy_coded_length(bytes: &[u8]) -> Option<usize> {
    bytes
        .windows(2)
        .position(|pair| pair[0] == 0xff && !matches!(pair[1], 0x00 | 0xd0..=0xd7 | 0xff))
}

/// `count` frames of uncompressed 4:2:2: gray bars that move by one step a frame.
pub(crate) fn moving_bars(width: u16, height: u16, count: usize) -> Vec<Frame> {
    let frame = |n: usize| {
        let row: Vec<u8> = (0..usize::from(width))
            .flat_map(|x| [((x + 8 * n) & 0xff) as u8, 0x80])
            .collect();
        Frame::new(row.repeat(usize::from(height)))
    };
    (0..count).map(frame).collect()
}

/// FNV-1a of 64 bits.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, &byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A JPEG in shape: an application segment, a scan header, `data`, the end.
    fn jpeg(application: &[u8], data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xff, 0xd8, 0xff, 0xe1, 0, application.len() as u8 + 2];
        bytes.extend(application);
        bytes.extend([0xff, 0xda, 0, 2]);
        bytes.extend(data);
        bytes.extend([0xff, 0xd9]);
        bytes
    }

    #[test]
    fn a_thumbnail_inside_a_jpeg_does_not_end_it() {
        let outer = jpeg(&jpeg(&[], &[1, 2]), &[3, 0xff, 0x00, 4, 0xff, 0xd0, 5]);
        let file = [outer.clone(), vec![0, 0], jpeg(&[9], &[6])].concat();
        assert_eq!(
            split(&file),
            [Frame::new(outer), Frame::new(jpeg(&[9], &[6]))]
        );
    }

    #[test]
    fn a_jpeg_without_its_end_is_not_a_frame() {
        let whole = jpeg(&[], &[1, 2, 3]);
        assert!(split(&whole[..whole.len() - 1]).is_empty());
        for cut in 0..whole.len() {
            split(&whole[..cut]);
        }
    }

    #[test]
    fn the_checksum_is_fnv_1a() {
        assert_eq!(checksum(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(checksum(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn bars_fill_the_picture_and_move() {
        let frames = moving_bars(32, 4, 2);
        assert_eq!(frames[0].bytes.len(), 32 * 4 * 2);
        assert_ne!(frames[0], frames[1]);
    }
}
