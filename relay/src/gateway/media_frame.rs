//! The header of a binary frame: 20 bytes, little-endian, before one whole block or picture.
//!
//! It does not look into what follows, but for its length and the two markers that a JPEG begins and ends with.

use conclave_protocol::id::StreamId;
use conclave_protocol::l16::BLOCK_BYTES;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::header::Kind;

/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 20;
/// The most bytes of a picture that a browser may send.
///
/// Raising it delays what shares the socket; a 1080p picture of good quality has 200–400 kB.
pub(super) const MAX_PICTURE_BYTES: usize = 512 * 1024;

/// The header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MediaFrame {
    /// Sound, a camera's picture or a screen's.
    pub(super) kind: Kind,
    /// [`conclave_protocol::units::AudioLevel`] for sound, else 0.
    pub(super) level: u8,
    /// Which stream.
    pub(super) stream: StreamId,
    /// Capture time on the sender's clock.
    pub(super) captured: Instant,
    /// The block's or picture's place in the stream, wrapping; 0 on the way to the relay.
    pub(super) number: u32,
}

/// Why bytes are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FrameError {
    /// Shorter than the header.
    #[error("{0} bytes are no frame: the header alone has {HEADER_BYTES}")]
    Short(usize),
    /// A kind that a browser cannot send.
    #[error("{0} is not the kind of a frame")]
    Kind(u8),
    /// Fields that must be 0 are not.
    #[error("a reserved field is not 0")]
    Reserved,
    /// Not one block of sound.
    #[error("a block of sound has {BLOCK_BYTES} bytes, not {0}")]
    Block(usize),
    /// Too long for a picture.
    #[error("a picture has at most {MAX_PICTURE_BYTES} bytes, not {0}")]
    Picture(usize),
    /// Without a JPEG's start and end markers.
    #[error("not a JPEG")]
    NotAJpeg,
}

impl MediaFrame {
    /// Reads a frame from a browser.
    ///
    /// # Errors
    /// [`FrameError`] says which rule it breaks.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, &[u8]), FrameError> {
        let short = FrameError::Short(bytes.len());
        let (header, body) = bytes.split_first_chunk::<HEADER_BYTES>().ok_or(short)?;
        let &[
            k,
            level,
            r0,
            r1,
            s0,
            s1,
            s2,
            s3,
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            t6,
            t7,
            n0,
            n1,
            n2,
            n3,
        ] = header;
        let kind = match Kind::from_byte(k) {
            Some(kind @ (Kind::Audio | Kind::Video | Kind::Screen)) => kind,
            _ => return Err(FrameError::Kind(k)),
        };
        let number = u32::from_le_bytes([n0, n1, n2, n3]);
        let is_picture = kind != Kind::Audio;
        if (r0, r1, number) != (0, 0, 0) || (is_picture && level != 0) {
            return Err(FrameError::Reserved);
        }
        if is_picture {
            if body.len() > MAX_PICTURE_BYTES {
                return Err(FrameError::Picture(body.len()));
            }
            // Start of image, and end of image (ITU-T T.81, table B.1).
            if body.len() < 4 || !body.starts_with(&[0xff, 0xd8]) || !body.ends_with(&[0xff, 0xd9])
            {
                return Err(FrameError::NotAJpeg);
            }
        } else if body.len() != BLOCK_BYTES {
            return Err(FrameError::Block(body.len()));
        }
        let frame = Self {
            kind,
            level,
            stream: StreamId(u32::from_le_bytes([s0, s1, s2, s3])),
            captured: Instant(u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7])),
            number,
        };
        Ok((frame, body))
    }

    /// The frame for a browser: header and body.
    #[must_use]
    pub(super) fn emit(&self, body: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + body.len());
        bytes.extend_from_slice(&[self.kind as u8, self.level, 0, 0]);
        bytes.extend_from_slice(&self.stream.0.to_le_bytes());
        bytes.extend_from_slice(&self.captured.0.to_le_bytes());
        bytes.extend_from_slice(&self.number.to_le_bytes());
        bytes.extend_from_slice(body);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const PICTURE: [u8; 6] = [0xff, 0xd8, 1, 2, 0xff, 0xd9];

    fn camera() -> MediaFrame {
        MediaFrame {
            kind: Kind::Video,
            level: 0,
            stream: StreamId(0x0403_0201),
            captured: Instant(0x0807_0605_0403_0201),
            number: 0,
        }
    }

    #[test]
    fn fields_stand_where_the_reference_says() {
        let bytes = MediaFrame {
            number: 7,
            level: 0x8a,
            kind: Kind::Audio,
            ..camera()
        }
        .emit(&[9]);
        let expected = [
            0, 0x8a, 0, 0, 1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8, 7, 0, 0, 0, 9,
        ];
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_picture_and_a_block_of_sound_are_taken() {
        let bytes = camera().emit(&PICTURE);
        assert_eq!(MediaFrame::parse(&bytes), Ok((camera(), &PICTURE[..])));
        let sound = MediaFrame {
            kind: Kind::Audio,
            level: 0x81,
            ..camera()
        };
        let bytes = sound.emit(&[0; BLOCK_BYTES]);
        assert_eq!(
            MediaFrame::parse(&bytes),
            Ok((sound, &[0; BLOCK_BYTES][..]))
        );
    }

    #[test]
    fn what_breaks_a_rule_is_named() {
        let with = |at: usize, byte: u8| {
            let mut bytes = camera().emit(&PICTURE);
            bytes[at] = byte;
            MediaFrame::parse(&bytes).unwrap_err()
        };
        assert_eq!(MediaFrame::parse(&[1; 19]), Err(FrameError::Short(19)));
        assert_eq!(with(0, 3), FrameError::Kind(3));
        for reserved in [1, 2, 3, 16, 19] {
            assert_eq!(with(reserved, 1), FrameError::Reserved);
        }
        assert_eq!(with(20, 0), FrameError::NotAJpeg);
        assert_eq!(with(25, 0), FrameError::NotAJpeg);
        assert_eq!(with(0, 0), FrameError::Block(6));
        let mut long = vec![0xff, 0xd8];
        long.resize(MAX_PICTURE_BYTES - 1, 0);
        long.extend_from_slice(&[0xff, 0xd9]);
        let error = MediaFrame::parse(&camera().emit(&long)).map(drop);
        assert_eq!(error, Err(FrameError::Picture(MAX_PICTURE_BYTES + 1)));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_frame_that_says_itself_again_or_an_error(
            kind in 0u8..4,
            level: u8,
            body in proptest::collection::vec(any::<u8>(), 0..700),
        ) {
            let mut bytes = vec![kind, level, 0, 0];
            bytes.extend_from_slice(&body);
            if let Ok((frame, body)) = MediaFrame::parse(&bytes) {
                prop_assert_eq!(frame.emit(body), bytes);
            }
        }
    }
}
