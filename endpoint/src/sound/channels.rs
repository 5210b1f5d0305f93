//! From the channels of a card to one voice, and back to all its channels.

/// Which channels of what is recorded are the microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pick {
    /// All of them: one, or the two of a stereo microphone.
    Average,
    /// One.
    Only(usize),
}

impl Pick {
    /// The one that was chosen; else both of two, and of more the first: an array's others are single microphones in
    /// it, and what the card itself plays.
    pub(super) fn of(chosen: Option<u8>, channels_of_card: u32) -> Self {
        match chosen {
            Some(channel) => Self::Only(channel.into()),
            None if channels_of_card > 2 => Self::Only(0),
            None => Self::Average,
        }
    }

    /// One frame's sample.
    pub(super) fn sample(self, frame: &[i16]) -> f32 {
        match self {
            Self::Only(channel) => frame.get(channel).copied().unwrap_or(0).into(),
            Self::Average => {
                let sum: f32 = frame.iter().copied().map(f32::from).sum();
                sum / frame.len().max(1) as f32
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arrays_first_channel_is_as_loud_as_it_is() {
        let frame = [6_000, 0, 0, 0, 0, -3_000];
        assert_eq!(Pick::of(None, 6).sample(&frame), 6_000.0);
        // Two of its channels were asked for.
        assert_eq!(Pick::of(None, 6).sample(&frame[..2]), 6_000.0);
    }

    #[test]
    fn one_channel_is_itself_and_two_are_averaged() {
        assert_eq!(Pick::of(None, 1).sample(&[-7]), -7.0);
        assert_eq!(Pick::of(None, 2).sample(&[1_000, 3_000]), 2_000.0);
    }

    #[test]
    fn a_chosen_channel_is_that_one_whatever_the_card_has() {
        assert_eq!(Pick::of(Some(1), 2).sample(&[1_000, 3_000]), 3_000.0);
        assert_eq!(Pick::of(Some(5), 6).sample(&[1, 2, 3, 4, 5, 6]), 6.0);
        assert_eq!(Pick::of(Some(9), 2).sample(&[1, 2]), 0.0);
    }
}
