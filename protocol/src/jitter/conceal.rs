//! Makes up sound in place of a missing block: the last pitch period, repeated and faded.
//!
//! The method follows G.711 appendix I: find the lag at which the past resembles itself most, continue with it, fade
//! out within 60 ms, and cross-fade into the next block.

use crate::l16::{BLOCK_SAMPLES, Block};

/// Samples of the past that are kept: two blocks.
const HISTORY: usize = 2 * BLOCK_SAMPLES;
/// Pitch lags that are tried: 500 Hz down to 50 Hz.
const LAGS: core::ops::Range<usize> = 32..BLOCK_SAMPLES;
/// Samples that are compared.
const COMPARED: usize = 160;
/// Samples of a cross-fade: 4 ms.
const CROSS_FADE: usize = 64;
/// Gain lost in each concealed block, in parts of [`UNITY`].
const FADE_A_BLOCK: i32 = UNITY / 3 + 1;
const UNITY: i32 = 1 << 14;

/// Remembers what was played, and continues it.
#[derive(Debug)]
pub(super) struct Concealer {
    history: [i16; HISTORY],
    gain: i32,
    /// Whether the last block was made up.
    broken: bool,
}

impl Concealer {
    pub(super) const fn new() -> Self {
        Self {
            history: [0; HISTORY],
            gain: UNITY,
            broken: false,
        }
    }

    /// Plays a block of the sender; after a break it is faded in.
    pub(super) fn heard(&mut self, block: &mut Block) {
        if self.broken {
            self.cross_fade(block);
        }
        self.broken = false;
        self.gain = UNITY;
        self.remember(block);
    }

    /// Blocks were skipped: the next one is faded in.
    pub(super) const fn skipped(&mut self) {
        self.broken = true;
    }

    /// Fills a block from the past.
    pub(super) fn conceal(&mut self, block: &mut Block) {
        let lag = self.lag();
        let end = (self.gain - FADE_A_BLOCK).max(0);
        for (i, sample) in block.iter_mut().enumerate() {
            let gain = self.gain + (end - self.gain) * i as i32 / BLOCK_SAMPLES as i32;
            let past = self.history[HISTORY - lag + i % lag];
            *sample = (i32::from(past) * gain / UNITY) as i16;
        }
        // The past is stored at full gain, so that the fade is not applied twice.
        let mut full = [0; BLOCK_SAMPLES];
        for (i, sample) in full.iter_mut().enumerate() {
            *sample = self.history[HISTORY - lag + i % lag];
        }
        self.remember(&full);
        self.gain = end;
        self.broken = true;
    }

    fn cross_fade(&self, block: &mut Block) {
        let lag = self.lag();
        for (i, sample) in block[..CROSS_FADE].iter_mut().enumerate() {
            let past = i32::from(self.history[HISTORY - lag + i % lag]) * self.gain / UNITY;
            let share = (i + 1) as i32;
            let mixed = past * (CROSS_FADE as i32 - share) + i32::from(*sample) * share;
            *sample = (mixed / CROSS_FADE as i32) as i16;
        }
    }

    fn remember(&mut self, block: &Block) {
        self.history.copy_within(BLOCK_SAMPLES.., 0);
        self.history[HISTORY - BLOCK_SAMPLES..].copy_from_slice(block);
    }

    /// The lag at which the last samples resemble earlier ones most: the highest normalized correlation.
    fn lag(&self) -> usize {
        let recent = &self.history[HISTORY - COMPARED..];
        let mut best = (LAGS.start, 0.0_f32);
        for lag in LAGS {
            let earlier = &self.history[HISTORY - COMPARED - lag..][..COMPARED];
            let (mut product, mut energy) = (0_i64, 1_i64);
            for (&a, &b) in recent.iter().zip(earlier) {
                product += i64::from(a) * i64::from(b);
                energy += i64::from(b) * i64::from(b);
            }
            if product > 0 {
                let product = product as f32;
                // Squared, because there is no square root without std, and the order is the same.
                let score = product * product / energy as f32;
                if score > best.1 {
                    best = (lag, score);
                }
            }
        }
        best.0
    }
}
