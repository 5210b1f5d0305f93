//! The clear header of a media packet: 32 bytes of fixed-width little-endian fields.
//!
//! A relay reads it by offset, without decoding. The same struct through postcard with `fixint::le` fields gives the
//! same bytes; a test compares the two.

use serde::{Deserialize, Serialize};

use crate::id::{Epoch, FrameNumber, SequenceNumber, StreamId};
use crate::time::Instant;

/// Bytes of the media header.
pub const HEADER_BYTES: usize = 32;
/// Bytes of an AEAD tag, both end to end and of the hop.
pub const TAG_BYTES: usize = 16;
/// Bytes of the hop header: session, counter, tag.
pub const HOP_HEADER_BYTES: usize = 4 + 8 + TAG_BYTES;
/// The most bytes of payload in one media packet.
pub const MAX_PAYLOAD: usize = crate::MAX_DATAGRAM - HOP_HEADER_BYTES - HEADER_BYTES - TAG_BYTES;
/// The most bytes of a media packet, as the relay forwards it.
pub const MAX_PACKET: usize = HEADER_BYTES + MAX_PAYLOAD + TAG_BYTES;

/// The kind of a packet: the first byte after the hop header, and of every downlink datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Kind {
    /// A block of sound.
    Audio = 0,
    /// A fragment of a camera's picture.
    Video = 1,
    /// A fragment of a screen's picture.
    Screen = 2,
    /// Data that repairs lost fragments.
    Repair = 3,
    /// Reports and negative acknowledgements; ends at the relay.
    Feedback = 4,
    /// Proves a path; ends at the relay.
    Probe = 5,
}

impl Kind {
    /// The kind of a byte, if it is one.
    #[must_use]
    pub const fn from_byte(byte: u8) -> Option<Self> {
        Some(match byte {
            0 => Self::Audio,
            1 => Self::Video,
            2 => Self::Screen,
            3 => Self::Repair,
            4 => Self::Feedback,
            5 => Self::Probe,
            _ => return None,
        })
    }

    /// Whether packets of this kind carry a media header and are sealed end to end.
    #[must_use]
    pub const fn is_media(self) -> bool {
        matches!(
            self,
            Self::Audio | Self::Video | Self::Screen | Self::Repair
        )
    }
}

/// The clear header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// A kind for which [`Kind::is_media`] holds.
    pub kind: Kind,
    /// [`crate::units::AudioLevel`] for audio, else 0.
    pub level: u8,
    /// The sender's media key of the packet.
    pub epoch: Epoch,
    /// The stream of the packet.
    pub stream: StreamId,
    /// The packet's number in the stream.
    pub sequence: SequenceNumber,
    /// Capture time on the sender's clock.
    pub timestamp: Instant,
    /// Video: the frame's number in the stream; audio: 0.
    pub frame: FrameNumber,
    /// Video: this fragment's index in the frame.
    pub fragment: u16,
    /// Video: the number of fragments of the frame.
    pub fragments: u16,
}

/// Why bytes are not a media packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// Shorter than header and tag, or longer than a packet may be.
    #[error("a media packet has {min} to {MAX_PACKET} bytes, this one {0}", min = HEADER_BYTES + TAG_BYTES)]
    Length(usize),
    /// Not a media kind.
    #[error("{0} is not the kind of a media packet")]
    Kind(u8),
    /// A fragment index beyond the frame, or a frame of no fragments.
    #[error("fragment {fragment} of {fragments} does not exist")]
    Fragment {
        /// The fragment's index.
        fragment: u16,
        /// The number of fragments.
        fragments: u16,
    },
}

impl Header {
    /// Reads the header at the front of a whole packet.
    ///
    /// # Errors
    /// [`HeaderError`] if the length, the kind or the fragment is not valid.
    pub fn parse(packet: &[u8]) -> Result<Self, HeaderError> {
        let length = HeaderError::Length(packet.len());
        if packet.len() < HEADER_BYTES + TAG_BYTES || packet.len() > MAX_PACKET {
            return Err(length);
        }
        let bytes: &[u8; HEADER_BYTES] = packet.first_chunk().ok_or(length)?;
        let [
            k,
            level,
            e0,
            e1,
            s0,
            s1,
            s2,
            s3,
            q0,
            q1,
            q2,
            q3,
            q4,
            q5,
            q6,
            q7,
            t0,
            t1,
            t2,
            t3,
            t4,
            t5,
            t6,
            t7,
            f0,
            f1,
            f2,
            f3,
            i0,
            i1,
            n0,
            n1,
        ] = *bytes;
        let kind = Kind::from_byte(k)
            .filter(|kind| kind.is_media())
            .ok_or(HeaderError::Kind(k))?;
        let (fragment, fragments) = (u16::from_le_bytes([i0, i1]), u16::from_le_bytes([n0, n1]));
        if fragment >= fragments {
            return Err(HeaderError::Fragment {
                fragment,
                fragments,
            });
        }
        Ok(Self {
            kind,
            level,
            epoch: Epoch(u16::from_le_bytes([e0, e1])),
            stream: StreamId(u32::from_le_bytes([s0, s1, s2, s3])),
            sequence: SequenceNumber(u64::from_le_bytes([q0, q1, q2, q3, q4, q5, q6, q7])),
            timestamp: Instant(u64::from_le_bytes([t0, t1, t2, t3, t4, t5, t6, t7])),
            frame: FrameNumber(u32::from_le_bytes([f0, f1, f2, f3])),
            fragment,
            fragments,
        })
    }

    /// The 32 bytes.
    #[must_use]
    pub fn emit(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0] = self.kind as u8;
        bytes[1] = self.level;
        bytes[2..4].copy_from_slice(&self.epoch.0.to_le_bytes());
        bytes[4..8].copy_from_slice(&self.stream.0.to_le_bytes());
        bytes[8..16].copy_from_slice(&self.sequence.0.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.timestamp.0.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.frame.0.to_le_bytes());
        bytes[28..30].copy_from_slice(&self.fragment.to_le_bytes());
        bytes[30..32].copy_from_slice(&self.fragments.to_le_bytes());
        bytes
    }
}

/// The header as postcard encodes it: the definition of the format in the terms of `WIRE.md`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PostcardHeader {
    kind: u8,
    level: u8,
    #[serde(with = "postcard::fixint::le")]
    epoch: u16,
    #[serde(with = "postcard::fixint::le")]
    stream: u32,
    #[serde(with = "postcard::fixint::le")]
    sequence: u64,
    #[serde(with = "postcard::fixint::le")]
    timestamp: u64,
    #[serde(with = "postcard::fixint::le")]
    frame: u32,
    #[serde(with = "postcard::fixint::le")]
    fragment: u16,
    #[serde(with = "postcard::fixint::le")]
    fragments: u16,
}

impl From<&Header> for PostcardHeader {
    fn from(header: &Header) -> Self {
        Self {
            kind: header.kind as u8,
            level: header.level,
            epoch: header.epoch.0,
            stream: header.stream.0,
            sequence: header.sequence.0,
            timestamp: header.timestamp.0,
            frame: header.frame.0,
            fragment: header.fragment,
            fragments: header.fragments,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    #[test]
    fn a_full_datagram_is_1200_bytes_and_carries_1124() {
        assert_eq!(MAX_PAYLOAD, 1124);
        assert_eq!(HOP_HEADER_BYTES, 28);
        assert_eq!(MAX_PACKET + HOP_HEADER_BYTES, crate::MAX_DATAGRAM);
    }

    #[test]
    fn a_fragment_beyond_its_frame_is_refused() {
        let mut packet = vec![0; HEADER_BYTES + TAG_BYTES];
        packet[0] = Kind::Video as u8;
        assert_eq!(
            Header::parse(&packet),
            Err(HeaderError::Fragment {
                fragment: 0,
                fragments: 0
            })
        );
        packet[30] = 1;
        assert!(Header::parse(&packet).is_ok());
        packet[28] = 1;
        assert!(Header::parse(&packet).is_err());
    }

    proptest! {
        #[test]
        fn the_fixed_offsets_are_what_postcard_emits(
            kind in 0u8..4, level: u8, epoch: u16, stream: u32, sequence: u64, timestamp: u64, frame: u32,
            fragment in 0u16..u16::MAX, more in 1u16..100,
        ) {
            let header = Header {
                kind: Kind::from_byte(kind).unwrap(), level, epoch: Epoch(epoch), stream: StreamId(stream),
                sequence: SequenceNumber(sequence), timestamp: Instant(timestamp), frame: FrameNumber(frame),
                fragment, fragments: fragment.saturating_add(more),
            };
            let mut packet = header.emit().to_vec();
            prop_assert_eq!(&packet, &postcard::to_allocvec(&PostcardHeader::from(&header)).unwrap());
            packet.extend([0; TAG_BYTES]);
            prop_assert_eq!(Header::parse(&packet), Ok(header));
        }

        #[test]
        fn any_bytes_are_a_header_or_refused(packet in proptest::collection::vec(any::<u8>(), 0..1300)) {
            if let Ok(header) = Header::parse(&packet) {
                prop_assert_eq!(&header.emit()[..], &packet[..HEADER_BYTES]);
            }
        }
    }
}
