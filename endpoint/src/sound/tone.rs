//! A tone that proves what happened to it: its pitch, every gap, and which sample came when.
//!
//! The tone is a sine at −20 dBFS. The first 320 samples of each second are a mark instead: 80 chips of 2 samples of a
//! fixed pseudo-random pattern, then the number of the second modulo 256 as 8 bits of 10 chips, most significant first,
//! a bit being the pattern's next chips as they are (1) or inverted (0). The sine goes on behind the mark as if it had
//! not been there.

use conclave_protocol::l16::{BLOCK_SAMPLES, Block, SAMPLE_RATE_HZ};
use std::f64::consts::TAU;

mod analysis;
pub use analysis::{Gap, ToneReport, analyze, goertzel};

/// Peak of tone and marks: −20 dBFS.
const PEAK: f64 = 3276.7;

const CHIPS: usize = 160;
const PREAMBLE: usize = 160;
const BIT_SAMPLES: usize = 20;

/// The pattern, a chip a sample: each chip twice, ±1.
const PATTERN: [i8; BLOCK_SAMPLES] = pattern();

const fn pattern() -> [i8; BLOCK_SAMPLES] {
    let mut out = [0; BLOCK_SAMPLES];
    let mut state = 0x1d3_u32;
    let mut chip = 0;
    while chip < CHIPS {
        // A maximal sequence of 9 bits (x⁹ + x⁵ + 1): near white, and unlike any sine.
        let bit = (state ^ (state >> 4)) & 1;
        state = state >> 1 | bit << 8;
        let value = if bit == 1 { 1 } else { -1 };
        out[2 * chip] = value;
        out[2 * chip + 1] = value;
        chip += 1;
    }
    out
}

/// Makes the tone, block by block.
#[derive(Clone, Debug)]
pub struct ToneGenerator {
    hz: f64,
    next: u64,
}

impl ToneGenerator {
    /// A tone of `hz`, from its sample 0.
    #[must_use]
    pub fn new(hz: f64) -> Self {
        Self { hz, next: 0 }
    }

    /// Fills the next block.
    pub fn fill(&mut self, block: &mut Block) {
        for sample in block {
            *sample = self.sample(self.next);
            self.next += 1;
        }
    }

    fn sample(&self, index: u64) -> i16 {
        let rate = u64::from(SAMPLE_RATE_HZ);
        let (second, within) = (index / rate, (index % rate) as usize);
        let level = match PATTERN.get(within) {
            Some(&chip) => f64::from(chip) * bit_sign(second, within),
            None => (TAU * (self.hz * index as f64 / rate as f64).fract()).sin(),
        };
        (level * PEAK).round() as i16
    }
}

fn bit_sign(second: u64, within: usize) -> f64 {
    let Some(bit) = within.checked_sub(PREAMBLE).map(|data| data / BIT_SAMPLES) else {
        return 1.0;
    };
    if second >> (7 - bit) & 1 == 1 {
        1.0
    } else {
        -1.0
    }
}

/// A mark that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ToneMark {
    /// Where its first sample is in what was searched.
    pub at: usize,
    /// Which sample of the tone that is, modulo 256 s (4 096 000 samples).
    pub sent: u64,
}

/// Finds the marks, in order, to the sample.
#[must_use]
pub fn marks(samples: &[i16]) -> Vec<ToneMark> {
    let mut found: Vec<ToneMark> = Vec::new();
    let mut best: Option<(usize, f64)> = None;
    for at in 0..(samples.len() + 1).saturating_sub(BLOCK_SAMPLES) {
        let match_here = similarity(&samples[at..at + PREAMBLE], &PATTERN[..PREAMBLE]);
        match best {
            Some((peak, value)) if at - peak > BIT_SAMPLES => {
                found.extend(read_mark(samples, peak).filter(|_| value > 0.0));
                best = None;
            }
            Some((_, value)) if match_here <= value => {}
            _ if match_here > LIKE => best = Some((at, match_here)),
            _ => {}
        }
    }
    if let Some((peak, _)) = best {
        found.extend(read_mark(samples, peak));
    }
    found
}

/// How much of a stretch's energy has to be in the pattern: 1 for the pattern alone; noise has about 1/160, and a mark
/// mixed with two tones as loud as itself about 0.5.
const LIKE: f64 = 0.4;

fn read_mark(samples: &[i16], at: usize) -> Option<ToneMark> {
    let data = samples.get(at + PREAMBLE..at + BLOCK_SAMPLES)?;
    let mut second = 0_u64;
    for (bit, chips) in data
        .chunks_exact(BIT_SAMPLES)
        .zip(PATTERN[PREAMBLE..].chunks_exact(BIT_SAMPLES))
    {
        if similarity(bit, chips) < LIKE / 2.0 {
            return None;
        }
        second = second << 1 | u64::from(correlation(bit, chips) > 0);
    }
    let sent = second * u64::from(SAMPLE_RATE_HZ);
    Some(ToneMark { at, sent })
}

fn correlation(samples: &[i16], pattern: &[i8]) -> i64 {
    samples
        .iter()
        .zip(pattern)
        .map(|(&s, &p)| i64::from(s) * i64::from(p))
        .sum()
}

/// Which share of the energy is the pattern: 0 to 1.
fn similarity(samples: &[i16], pattern: &[i8]) -> f64 {
    let energy: i64 = samples.iter().map(|&s| i64::from(s) * i64::from(s)).sum();
    // Quieter than −70 dBFS is no mark.
    if energy < 100 * samples.len() as i64 {
        return 0.0;
    }
    let matching = correlation(samples, pattern) as f64;
    matching * matching / (energy as f64 * samples.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn tone(hz: f64, blocks: usize) -> Vec<i16> {
        let mut generator = ToneGenerator::new(hz);
        let mut samples = Vec::new();
        for _ in 0..blocks {
            let mut block = [0; BLOCK_SAMPLES];
            generator.fill(&mut block);
            samples.extend(block);
        }
        samples
    }

    #[test]
    fn each_second_is_marked_to_the_sample() {
        let mut samples = vec![0; 1_234];
        samples.extend(tone(440.0, 170));
        let found = marks(&samples);
        let expected = [0, 1, 2, 3].map(|s| ToneMark {
            at: 1_234 + 16_000 * s,
            sent: 16_000 * s as u64,
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn a_mark_is_read_at_a_tenth_of_the_loudness_and_under_noise() {
        let mut state = 1_u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as i32 % 120 - 60
        };
        let quiet: Vec<_> = tone(1_000.0, 60)
            .iter()
            .map(|&s| (i32::from(s) / 10 + noise()) as i16)
            .collect();
        let found = marks(&quiet);
        assert_eq!(
            found,
            [
                ToneMark { at: 0, sent: 0 },
                ToneMark {
                    at: 16_000,
                    sent: 16_000
                }
            ]
        );
    }

    #[test]
    fn silence_and_a_plain_sine_hold_no_mark() {
        assert_eq!(marks(&[0; 4_000]), []);
        assert_eq!(marks(&tone(440.0, 49)[BLOCK_SAMPLES..]), []);
        assert_eq!(marks(&[1; 10]), []);
    }

    #[test]
    fn the_tone_is_twenty_decibels_below_full_scale() {
        let peak = tone(440.0, 40)
            .iter()
            .map(|s| s.unsigned_abs())
            .max()
            .unwrap();
        assert_eq!(peak, 3277);
    }
}
