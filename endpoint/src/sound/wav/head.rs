//! The head of a WAV file: what its samples are, and where. Lengths count as far as the file goes: programs that write
//! into a pipe leave 0 or 0xffffffff, and a copy that broke off has less than it says.

use super::WavError;
use std::ops::Range;

/// How a sample is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    /// 8 bits from 0 to 255.
    Unsigned,
    /// So many bytes, little-endian: 2, 3 or 4.
    Signed(usize),
    /// A float of 4 bytes.
    Single,
    /// A float of 8 bytes.
    Double,
}

impl Encoding {
    pub(super) const fn bytes(self) -> usize {
        match self {
            Self::Unsigned => 1,
            Self::Signed(bytes) => bytes,
            Self::Single => 4,
            Self::Double => 8,
        }
    }
}

/// What the samples are, and where in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) encoding: Encoding,
    pub(super) channels: usize,
    pub(super) rate_hz: u32,
    pub(super) samples: Range<usize>,
}

/// Rates that are played; far from them a few bytes would be hours.
const RATES_HZ: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// Of every chunk: its kind and length.
const CHUNK_HEAD: usize = 8;
/// `fmt ` whose encoding is in its extension.
const EXTENSIBLE: u16 = 0xfffe;
const INTEGER: u16 = 1;
const FLOAT: u16 = 3;

/// Finds format and samples.
pub(super) fn parse(file: &[u8]) -> Result<Head, WavError> {
    if !matches!(file.get(..4), Some(b"RIFF" | b"RF64")) || file.get(8..12) != Some(b"WAVE") {
        return Err(WavError::NotWav);
    }
    let (mut format, mut long) = (None, None);
    let mut at = 12;
    while let Some((kind, length)) = chunk(file, at) {
        let start = at + CHUNK_HEAD;
        let rest = file.get(start..).unwrap_or_default();
        let body = &rest[..length.min(rest.len())];
        match kind {
            // Lengths of a file that is too long for 32 bits: of all, and of its samples.
            b"ds64" => long = body.get(8..).and_then(|body| body.first_chunk()).copied(),
            b"fmt " => format = Some(read_format(body)?),
            b"data" => {
                let (encoding, channels, rate_hz) = format.ok_or(WavError::NoFormat)?;
                let told = match long.map(u64::from_le_bytes) {
                    Some(long) if length == u32::MAX as usize => {
                        usize::try_from(long).unwrap_or(usize::MAX)
                    }
                    _ => length,
                };
                let there = if told == 0 && !chunks_to_the_end(file, start) {
                    rest.len()
                } else {
                    told.min(rest.len())
                };
                return Ok(Head {
                    encoding,
                    channels,
                    rate_hz,
                    samples: start..start + there,
                });
            }
            _ => {}
        }
        at = next(start, length);
    }
    Err(if format.is_some() {
        WavError::NoSamples
    } else {
        WavError::NoFormat
    })
}

fn chunk(file: &[u8], at: usize) -> Option<(&[u8; 4], usize)> {
    let (kind, rest) = file.get(at..)?.split_first_chunk()?;
    let length: &[u8; 4] = rest.first_chunk()?;
    Some((kind, u32::from_le_bytes(*length) as usize))
}

/// Chunks lie at even places.
const fn next(start: usize, length: usize) -> usize {
    start.saturating_add(length).saturating_add(length & 1)
}

/// Whether what follows is nothing but whole chunks, not samples whose length was never written.
fn chunks_to_the_end(file: &[u8], mut at: usize) -> bool {
    while let Some((kind, length)) = chunk(file, at) {
        if !kind.iter().all(|byte| (b' '..=b'~').contains(byte)) {
            return false;
        }
        at = next(at + CHUNK_HEAD, length);
    }
    at == file.len() || at == file.len() + 1
}

fn read_format(body: &[u8]) -> Result<(Encoding, usize, u32), WavError> {
    let at = |at: usize| {
        let pair = body.get(at..).and_then(|body| body.first_chunk());
        pair.map(|pair| u16::from_le_bytes(*pair))
            .ok_or(WavError::NoFormat)
    };
    let (kind, channels, bits) = (at(0)?, at(2)?, at(14)?);
    let rate_hz = u32::from(at(4)?) | u32::from(at(6)?) << 16;
    let kind = if kind == EXTENSIBLE { at(24)? } else { kind };
    let encoding = match (kind, bits.div_ceil(8)) {
        (INTEGER, 1) => Encoding::Unsigned,
        (INTEGER, bytes @ 2..=4) => Encoding::Signed(bytes.into()),
        (FLOAT, 4) => Encoding::Single,
        (FLOAT, 8) => Encoding::Double,
        _ => return Err(WavError::Encoding { kind, bits }),
    };
    if channels == 0 {
        return Err(WavError::NoFormat);
    }
    if !RATES_HZ.contains(&rate_hz) {
        return Err(WavError::Rate(rate_hz));
    }
    Ok((encoding, channels.into(), rate_hz))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of 16-bit mono at 16 kHz with what its `data` chunk says of its length, what it holds, and what follows.
    fn file(told: u32, samples: &[u8], behind: &[u8]) -> Vec<u8> {
        let mut file =
            b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data"
                .to_vec();
        file.extend(told.to_le_bytes());
        file.extend(samples);
        file.extend(behind);
        file
    }

    fn length(file: &[u8]) -> usize {
        parse(file).unwrap().samples.len()
    }

    #[test]
    fn a_length_that_a_pipe_left_open_is_the_files_own() {
        for told in [0, u32::MAX, u32::MAX - 36, 0x7fff_ffff, 0x8000_0000] {
            assert_eq!(length(&file(told, &[7; 640], b"")), 640, "{told:#x}");
        }
    }

    #[test]
    fn a_file_that_broke_off_holds_what_is_there() {
        assert_eq!(length(&file(640, &[7; 100], b"")), 100);
        assert_eq!(length(&file(640, &[], b"")), 0);
    }

    #[test]
    fn a_true_length_keeps_notes_behind_the_samples_out() {
        let note = b"LIST\x04\0\0\0INFO";
        assert_eq!(length(&file(640, &[7; 640], note)), 640);
        assert_eq!(length(&file(0, &[], note)), 0);
    }

    #[test]
    fn a_long_file_has_its_length_in_a_chunk_of_its_own() {
        let mut long = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
        long.extend(0_u64.to_le_bytes());
        long.extend(4_u64.to_le_bytes());
        long.extend([0; 12]);
        long.extend(&file(u32::MAX, &[7; 4], b"LIST\x04\0\0\0INFO")[12..]);
        assert_eq!(length(&long), 4);
    }

    #[test]
    fn what_is_wrong_is_said_by_name() {
        let whole = file(2, &[7; 2], b"");
        let with = |at: usize, byte: u8| {
            let mut file = whole.clone();
            file[at] = byte;
            parse(&file).unwrap_err().to_string()
        };
        assert!(with(0, b'X').contains("no WAV file"));
        assert!(with(20, 85).contains("0x0055"));
        assert!(with(26, 255).contains("Hz"));
        assert!(
            parse(&whole[..36])
                .unwrap_err()
                .to_string()
                .contains("no samples")
        );
        assert!(
            parse(&whole[..12])
                .unwrap_err()
                .to_string()
                .contains("format")
        );
    }
}
