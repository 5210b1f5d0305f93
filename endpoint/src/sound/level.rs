//! How loud a block is, and whether it holds speech: for the level byte of each packet.

use conclave_protocol::l16::{BLOCK_SAMPLES, Block};
use conclave_protocol::units::{AudioLevel, Dbov};

/// Voice is this much louder than the room. Less takes typing for voice, more misses quiet speakers.
const ABOVE_ROOM_DB: f64 = 9.0;
/// Quieter than this is never voice.
const QUIETEST_VOICE_DBOV: f64 = -55.0;
/// Voice lasts this many blocks (300 ms) longer than it is heard, so that words keep their ends.
const HANGOVER_BLOCKS: u32 = 15;
/// How fast the idea of the room's noise rises, in dB a block: 1 dB a second, slower than speech.
const ROOM_RISE_DB: f64 = 0.02;
/// So many blocks of exact silence (5 s) are told. Fewer would be told of microphones that take a while to start.
const SILENT_BLOCKS: u32 = 250;

/// Measures blocks one after the other.
#[derive(Clone, Debug)]
pub struct LevelMeter {
    room_dbov: f64,
    voice_left: u32,
}

impl Default for LevelMeter {
    fn default() -> Self {
        Self {
            room_dbov: QUIETEST_VOICE_DBOV,
            voice_left: 0,
        }
    }
}

impl LevelMeter {
    /// Measures the next block.
    pub fn measure(&mut self, block: &Block) -> AudioLevel {
        let dbov = loudness_dbov(block);
        self.room_dbov = dbov.clamp(-127.0, self.room_dbov + ROOM_RISE_DB);
        let speaks = dbov > QUIETEST_VOICE_DBOV && dbov > self.room_dbov + ABOVE_ROOM_DB;
        let voice = speaks || self.voice_left > 0;
        self.voice_left = if speaks {
            HANGOVER_BLOCKS
        } else {
            self.voice_left.saturating_sub(1)
        };
        AudioLevel {
            loudness: Dbov::below_overload((-dbov).round().clamp(0.0, 127.0) as u8),
            voice,
        }
    }
}

/// Notices a microphone that hears nothing at all, not even the noise of its own wires: muted on itself or in its
/// mixer.
#[derive(Clone, Copy, Debug, Default)]
pub struct SilenceWatch {
    silent_blocks: u32,
}

impl SilenceWatch {
    /// Looks at the next block.
    pub fn hear(&mut self, block: &Block) {
        self.silent_blocks = if block.iter().all(|&sample| sample == 0) {
            self.silent_blocks.saturating_add(1)
        } else {
            0
        };
    }

    /// Whether nothing was heard for long enough to say so.
    #[must_use]
    pub const fn is_silent(&self) -> bool {
        self.silent_blocks >= SILENT_BLOCKS
    }
}

/// RMS level relative to overload, a full-scale square wave (RFC 6464): 0 to −127.
#[must_use]
pub fn loudness_dbov(block: &Block) -> f64 {
    let energy: i64 = block.iter().map(|&s| i64::from(s) * i64::from(s)).sum();
    let mean = energy as f64 / BLOCK_SAMPLES as f64 / (32_768.0 * 32_768.0);
    (10.0 * mean.log10()).max(-127.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_those_of_the_rfc() {
        let mut meter = LevelMeter::default();
        let mut level = |sample| {
            meter
                .measure(&[sample; BLOCK_SAMPLES])
                .loudness
                .as_below_overload()
        };
        assert_eq!(level(0), 127);
        assert_eq!(level(i16::MIN), 0);
        assert_eq!(level(3_277), 20);
    }

    #[test]
    fn voice_is_what_stands_out_of_the_room_and_ends_after_a_hangover() {
        let mut meter = LevelMeter::default();
        let (room, speech) = ([100; BLOCK_SAMPLES], [3_000; BLOCK_SAMPLES]);
        for _ in 0..100 {
            assert!(!meter.measure(&room).voice);
        }
        assert!(meter.measure(&speech).voice);
        let tail = (0..100).take_while(|_| meter.measure(&room).voice).count();
        assert_eq!(tail, HANGOVER_BLOCKS as usize);
    }

    #[test]
    fn exact_silence_is_told_after_five_seconds_and_ends_with_the_first_sound() {
        let mut watch = SilenceWatch::default();
        let mut sound = [0; BLOCK_SAMPLES];
        for _ in 0..249 {
            watch.hear(&[0; BLOCK_SAMPLES]);
        }
        assert!(!watch.is_silent());
        watch.hear(&sound);
        assert!(watch.is_silent());
        sound[319] = -1;
        watch.hear(&sound);
        assert!(!watch.is_silent());
    }

    #[test]
    fn a_steady_noise_stops_being_voice() {
        let mut meter = LevelMeter::default();
        let fan = [1_000; BLOCK_SAMPLES];
        let blocks = (0..5_000).take_while(|_| meter.measure(&fan).voice).count();
        assert!((100..4_000).contains(&blocks), "{blocks}");
    }
}
