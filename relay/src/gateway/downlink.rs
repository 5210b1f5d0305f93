//! Frames on their way to one browser: of each picture stream the newest, of each person's sound 200 ms.
//!
//! Sound goes first. Pictures take turns in the order in which they came, a newer one in the older one's place.

use std::collections::VecDeque;

use conclave_protocol::id::{ParticipantId, StreamId};

/// Blocks of 20 ms that may wait for each person. Higher lets sound lag; lower makes gaps on uneven paths.
pub(super) const BLOCKS: usize = 10;

/// Bytes of pictures that may wait for one browser: eight of the largest, or a room full of ordinary ones. Higher costs
/// memory for each slow browser; lower shows fewer people at once where pictures are large.
pub(super) const PICTURE_BYTES: usize = 8 << 20;

/// What waits.
#[derive(Debug, Default)]
pub(super) struct Downlink {
    sound: VecDeque<(ParticipantId, Vec<u8>)>,
    pictures: VecDeque<(StreamId, Vec<u8>)>,
    picture_bytes: usize,
}

impl Downlink {
    /// Takes a block; gives how many were dropped for it.
    pub(super) fn push_sound(&mut self, from: ParticipantId, block: Vec<u8>) -> u64 {
        let is_theirs = |(whose, _): &(ParticipantId, Vec<u8>)| *whose == from;
        let mut dropped = 0;
        if self.sound.iter().filter(|waits| is_theirs(waits)).count() >= BLOCKS
            && let Some(oldest) = self.sound.iter().position(is_theirs)
        {
            self.sound.remove(oldest);
            dropped = 1;
        }
        self.sound.push_back((from, block));
        dropped
    }

    /// Takes a picture; gives how many were dropped for it: an older one of the stream, and what has waited longest
    /// where too many bytes wait.
    pub(super) fn push_picture(&mut self, stream: StreamId, picture: Vec<u8>) -> u64 {
        self.picture_bytes += picture.len();
        let mut dropped = 0;
        match self.pictures.iter_mut().find(|(of, _)| *of == stream) {
            Some((_, older)) => {
                self.picture_bytes -= older.len();
                *older = picture;
                dropped += 1;
            }
            None => self.pictures.push_back((stream, picture)),
        }
        while self.picture_bytes > PICTURE_BYTES
            && let Some((_, oldest)) = self.pictures.pop_front()
        {
            self.picture_bytes -= oldest.len();
            dropped += 1;
        }
        dropped
    }

    /// What goes next.
    pub(super) fn pop(&mut self) -> Option<Vec<u8>> {
        if let Some((_, block)) = self.sound.pop_front() {
            return Some(block);
        }
        let (_, picture) = self.pictures.pop_front()?;
        self.picture_bytes -= picture.len();
        Some(picture)
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANA: ParticipantId = ParticipantId(1);
    const BOB: ParticipantId = ParticipantId(2);

    fn rest(mut downlink: Downlink) -> Vec<Vec<u8>> {
        std::iter::from_fn(|| downlink.pop()).collect()
    }

    #[test]
    fn sound_goes_before_pictures() {
        let mut downlink = Downlink::default();
        downlink.push_picture(StreamId(1), vec![1]);
        downlink.push_sound(ANA, vec![2]);
        assert_eq!(rest(downlink), [[2], [1]]);
    }

    #[test]
    fn a_newer_picture_takes_the_older_one_s_place() {
        let mut downlink = Downlink::default();
        assert_eq!(downlink.push_picture(StreamId(1), vec![1]), 0);
        assert_eq!(downlink.push_picture(StreamId(2), vec![2]), 0);
        assert_eq!(downlink.push_picture(StreamId(1), vec![3]), 1);
        assert_eq!(rest(downlink), [[3], [2]]);
    }

    #[test]
    fn pictures_that_wait_have_a_bound_in_bytes() {
        let mut downlink = Downlink::default();
        let picture = || vec![1; PICTURE_BYTES / 4];
        for stream in 0..4 {
            assert_eq!(downlink.push_picture(StreamId(stream), picture()), 0);
        }
        downlink.push_sound(ANA, vec![2]);
        assert_eq!(downlink.push_picture(StreamId(9), picture()), 1);
        assert_eq!(downlink.push_picture(StreamId(9), picture()), 1, "its own");
        let left = rest(downlink);
        assert_eq!(left.len(), 5, "a block and four pictures");
    }

    #[test]
    fn of_each_person_the_last_200_ms_wait() {
        let mut downlink = Downlink::default();
        downlink.push_sound(BOB, vec![200]);
        let mut dropped = 0;
        for block in 0..25 {
            dropped += downlink.push_sound(ANA, vec![block]);
        }
        assert_eq!(dropped, 15);
        let left = rest(downlink);
        assert_eq!(left.len(), 1 + BLOCKS);
        assert_eq!((&left[0], &left[1]), (&vec![200], &vec![15]));
    }
}
