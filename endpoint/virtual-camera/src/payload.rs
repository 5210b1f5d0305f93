//! Splits a frame into the payloads of a bulk endpoint.
//!
//! UVC 1.1 section 2.4.3.2.2 and the payload header of section 2.4.3.3. The header carries neither presentation time
//! nor source clock, so that the driver stamps frames with its own clock at the first payload.

/// The largest payload with its header: 32 packets of 512 bytes, the amount that uvcvideo requests in one transfer.
/// So every transfer carries one payload.
pub(crate) const PAYLOAD_BYTES: usize = 16_384;
/// Length of the header.
pub(crate) const HEADER_BYTES: usize = 2;

const FRAME_ID: u8 = 0x01;
const END_OF_FRAME: u8 = 0x02;
const ERROR: u8 = 0x40;
const END_OF_HEADER: u8 = 0x80;

/// A payload: its header, and the piece of the frame that follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payload<'a> {
    /// The bytes to send before `data`.
    pub(crate) header: [u8; HEADER_BYTES],
    /// A piece of the frame.
    pub(crate) data: &'a [u8],
}

/// Splits a frame. `frame_id` must differ from that of the previous frame; `marked` sets the error bit, like a camera
/// that lost data.
pub(crate) fn split(
    frame: &[u8],
    frame_id: bool,
    marked: bool,
) -> impl Iterator<Item = Payload<'_>> {
    let room = PAYLOAD_BYTES - HEADER_BYTES;
    let count = frame.len().div_ceil(room).max(1);
    (0..count).map(move |index| {
        let data = &frame[index * room..frame.len().min((index + 1) * room)];
        let mut flags = END_OF_HEADER;
        flags |= if frame_id { FRAME_ID } else { 0 };
        flags |= if index + 1 == count { END_OF_FRAME } else { 0 };
        flags |= if marked { ERROR } else { 0 };
        Payload {
            header: [HEADER_BYTES as u8, flags],
            data,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: usize = PAYLOAD_BYTES - HEADER_BYTES;

    #[test]
    fn the_pieces_in_order_are_the_frame() {
        let frame: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        let joined: Vec<u8> = split(&frame, false, false)
            .flat_map(|payload| payload.data.to_vec())
            .collect();
        assert_eq!(joined, frame);
        assert!(split(&frame, false, false).all(|payload| payload.data.len() <= ROOM));
    }

    #[test]
    fn only_the_last_payload_ends_the_frame() {
        for length in [0, 1, ROOM - 1, ROOM, ROOM + 1, 3 * ROOM] {
            let frame = vec![0; length];
            let ends: Vec<bool> = split(&frame, true, false)
                .map(|payload| payload.header[1] & END_OF_FRAME != 0)
                .collect();
            assert_eq!(ends.iter().filter(|end| **end).count(), 1, "{length}");
            assert!(ends[ends.len() - 1], "{length}");
            assert_eq!(ends.len(), length.div_ceil(ROOM).max(1), "{length}");
        }
    }

    #[test]
    fn all_payloads_of_a_frame_bear_its_id_and_the_error_mark() {
        let frame = vec![0; 5 * ROOM];
        assert!(
            split(&frame, true, true)
                .all(|payload| payload.header[1] & (FRAME_ID | ERROR) == FRAME_ID | ERROR)
        );
        assert!(
            split(&frame, false, false).all(|payload| payload.header[1] & (FRAME_ID | ERROR) == 0)
        );
    }
}
