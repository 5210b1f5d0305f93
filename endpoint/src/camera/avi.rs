//! The pictures inside an AVI file: a flat, bounded walk over its RIFF chunks.

use std::ops::Range;

/// What an AVI file holds, as far as a camera needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Avi {
    /// Time from one picture to the next in µs, 0 if the file does not say.
    pub period_us: u32,
    /// Where the pictures are; some may be empty or cut off.
    pub pictures: Vec<Range<usize>>,
    /// The four characters of the codec that the pictures are of, if it is another than MJPEG.
    pub other_codec: Option<String>,
    /// The file ends within one of its chunks.
    pub is_cut_off: bool,
}

/// Whether bytes start as an AVI file does.
#[must_use]
pub fn is_avi(bytes: &[u8]) -> bool {
    bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"AVI ")
}

/// Finds the pictures of the video streams; whatever follows a damaged chunk is left out.
#[must_use]
pub fn read(bytes: &[u8]) -> Avi {
    let mut avi = Avi {
        period_us: 0,
        pictures: Vec::new(),
        other_codec: None,
        is_cut_off: false,
    };
    let mut at = 0;
    let mut is_video = false;
    while let Some((id, size)) = chunk(bytes, at) {
        let data = at + 8;
        if matches!(&id, b"RIFF" | b"LIST") {
            // Lists are entered, not skipped: their chunks follow the four bytes of their type.
            avi.is_cut_off |= data.saturating_add(size) > bytes.len();
            at = data + 4;
            continue;
        }
        let Some(end) = data.checked_add(size).filter(|&end| end <= bytes.len()) else {
            break;
        };
        match &id {
            b"strh" => {
                is_video = bytes.get(data..data + 4) == Some(b"vids");
                if is_video && size >= 8 {
                    avi.other_codec = other_codec(bytes, data + 4);
                }
            }
            // A Windows bitmap header, whose compression is what counts; the handler before it may be empty.
            b"strf" if is_video && size >= 20 => avi.other_codec = other_codec(bytes, data + 16),
            b"avih" => avi.period_us = u32_at(bytes, data).unwrap_or(0),
            [_, _, b'd', b'c' | b'b'] if size > 0 => avi.pictures.push(data..end),
            _ => {}
        }
        at = end + size % 2;
    }
    avi.is_cut_off |= at != bytes.len();
    avi
}

/// The codec named at `at`, unless it is MJPEG by one of its names.
fn other_codec(bytes: &[u8], at: usize) -> Option<String> {
    let code: [u8; 4] = *bytes.get(at..)?.first_chunk()?;
    let known: [&[u8]; 4] = [b"MJPG", b"JPEG", b"AVRN", b"DMB1"];
    if known.contains(&code.to_ascii_uppercase().as_slice()) {
        return None;
    }
    match code {
        [0, 0, 0, 0] => Some("uncompressed pictures".to_owned()),
        _ if code.iter().all(u8::is_ascii_graphic) => {
            Some(String::from_utf8_lossy(&code.to_ascii_lowercase()).into_owned())
        }
        _ => Some("an unknown codec".to_owned()),
    }
}

fn chunk(bytes: &[u8], at: usize) -> Option<([u8; 4], usize)> {
    let id = bytes.get(at..)?.first_chunk()?;
    Some((*id, u32_at(bytes, at + 4)? as usize))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk()
        .map(|word| u32::from_le_bytes(*word))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// An AVI file of these pictures, as a recorder writes it, with a sound chunk in between.
    pub(in crate::camera) fn write(period_us: u32, pictures: &[&[u8]]) -> Vec<u8> {
        write_of(b"MJPG", period_us, pictures)
    }

    /// As [`write`], of a codec.
    pub(in crate::camera) fn write_of(
        codec: &[u8; 4],
        period_us: u32,
        pictures: &[&[u8]],
    ) -> Vec<u8> {
        let chunk = |id: &[u8; 4], data: &[u8]| {
            let mut out = id.to_vec();
            out.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
            out.extend(data);
            out.extend(vec![0; data.len() % 2]);
            out
        };
        let mut movi = b"movi".to_vec();
        for picture in pictures {
            movi.extend(chunk(b"01wb", &[1, 2, 3]));
            movi.extend(chunk(b"00dc", picture));
        }
        let mut header = b"hdrl".to_vec();
        header.extend(chunk(
            b"avih",
            &[period_us.to_le_bytes().as_slice(), &[0; 52]].concat(),
        ));
        let mut stream = b"strl".to_vec();
        stream.extend(chunk(
            b"strh",
            &[b"vids".as_slice(), codec, &[0; 48]].concat(),
        ));
        stream.extend(chunk(
            b"strf",
            &[[0; 16].as_slice(), codec, &[0; 20]].concat(),
        ));
        header.extend(chunk(b"LIST", &stream));
        let mut sound = b"strl".to_vec();
        sound.extend(chunk(b"strh", &[b"auds".as_slice(), &[0; 52]].concat()));
        sound.extend(chunk(b"strf", &[1; 18]));
        header.extend(chunk(b"LIST", &sound));
        let mut all = b"AVI ".to_vec();
        all.extend(chunk(b"LIST", &header));
        all.extend(chunk(b"LIST", &movi));
        chunk(b"RIFF", &all)
    }

    #[test]
    fn pictures_and_rate_are_found() {
        let file = write(40_000, &[&[9, 9, 9], &[8; 4]]);
        assert!(is_avi(&file));
        let avi = read(&file);
        assert_eq!(avi.period_us, 40_000);
        let found: Vec<_> = avi.pictures.iter().map(|p| &file[p.clone()]).collect();
        assert_eq!(found, [&[9, 9, 9][..], &[8; 4]]);
    }

    #[test]
    fn another_codec_is_told_by_its_name() {
        let codec = |code| read(&write_of(code, 40_000, &[])).other_codec;
        assert_eq!(codec(b"MJPG"), None);
        assert_eq!(codec(b"mjpg"), None);
        assert_eq!(codec(b"XVID").as_deref(), Some("xvid"));
        assert_eq!(codec(&[0; 4]).as_deref(), Some("uncompressed pictures"));
        assert_eq!(codec(&[7; 4]).as_deref(), Some("an unknown codec"));
    }

    #[test]
    fn a_file_cut_off_gives_the_pictures_before_the_cut() {
        let file = write(40_000, &[&[9; 30], &[8; 30]]);
        assert!(!read(&file).is_cut_off);
        let cut = read(&file[..file.len() - 5]);
        assert!(cut.is_cut_off && cut.pictures.len() == 1);
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            for picture in read(&bytes).pictures {
                prop_assert!(bytes.get(picture).is_some());
            }
        }

        #[test]
        fn a_damaged_file_never_panics(at: prop::sample::Index, value: u8) {
            let mut file = write(40_000, &[&[9; 30], &[8; 31]]);
            let at = at.index(file.len());
            file[at] = value;
            for picture in read(&file).pictures {
                prop_assert!(file.get(picture).is_some());
            }
        }
    }
}
