//! Sound of one rate to sound of another, so that what the lower rate cannot hold is taken away and not folded into
//! speech.
//!
//! A polyphase filter: a windowed sinc, computed once for each place that a new sample may have between two old ones.
//! Nothing is allocated after [`Resampler::new`].

use conclave_protocol::time::Micros;
use std::f64::consts::PI;

/// Zero crossings of the sinc on either side, at the lower rate. More make the edge steeper, and the delay longer: 2 ms
/// at 16 kHz.
const ZERO_CROSSINGS: u32 = 32;
/// Shape of the Kaiser window: 70 dB less of what has to go. More take more away and make the edge less steep.
const BETA: f64 = 7.0;
/// Middle of the edge, as a share of half the lower rate: higher keeps more treble, and folds what is just above half
/// the rate.
const EDGE: f64 = 0.93;
/// Places between two samples for which a filter is computed at most; rates that need more are rounded.
const MOST_PHASES: u32 = 1_000;
/// To what such rates are rounded, in Hz.
const ROUNDING_HZ: u32 = 50;

/// Takes samples at one rate and gives them at another.
#[derive(Clone, Debug)]
pub(super) struct Resampler {
    /// New samples' places between two old ones.
    phases: usize,
    /// From a new sample to the next, in such places.
    step: usize,
    /// The next new sample's place behind the last old one.
    position: usize,
    taps: usize,
    /// A filter for each place, for the oldest sample first.
    filters: Box<[f32]>,
    /// The last samples, twice one after the other, so that they lie in a row from any start.
    history: Box<[f32]>,
    oldest: usize,
    delay: Micros,
}

impl Resampler {
    /// From one rate to another, both above 0. Unusual rates are rounded to 50 Hz.
    #[must_use]
    pub(super) fn new(from_hz: u32, to_hz: u32) -> Self {
        let (phases, step) = ratio(from_hz, to_hz);
        let scale = (f64::from(step) / f64::from(phases)).max(1.0);
        let half = (f64::from(ZERO_CROSSINGS) * scale).ceil();
        let taps = 2 * half as usize;
        let mut filters = Vec::with_capacity(phases as usize * taps);
        for phase in 0..phases {
            let place = f64::from(phase) / f64::from(phases);
            let weight = |tap: usize| {
                let distance = half - (taps - 1 - tap) as f64 - place;
                sinc(EDGE * distance / scale) * kaiser(distance / half)
            };
            let sum: f64 = (0..taps).map(weight).sum();
            filters.extend((0..taps).map(|tap| (weight(tap) / sum) as f32));
        }
        Self {
            phases: phases as usize,
            step: step as usize,
            position: 0,
            taps,
            filters: filters.into(),
            history: vec![0.0; 2 * taps].into(),
            oldest: 0,
            delay: Micros((half * 1e6 / f64::from(from_hz)) as u64),
        }
    }

    /// By how much later a sound comes out than it went in.
    #[must_use]
    pub(super) const fn delay(&self) -> Micros {
        self.delay
    }

    /// Takes the next sample; gives those that are due.
    pub(super) fn push(&mut self, sample: f32, mut give: impl FnMut(f32)) {
        self.history[self.oldest] = sample;
        self.history[self.oldest + self.taps] = sample;
        self.oldest = (self.oldest + 1) % self.taps;
        let samples = &self.history[self.oldest..self.oldest + self.taps];
        while self.position < self.phases {
            let filter = &self.filters[self.position * self.taps..][..self.taps];
            give(dot(samples, filter));
            self.position += self.step;
        }
        self.position -= self.phases;
    }

    /// A whole recording, without the delay: as many samples as it lasts.
    pub(super) fn all(mut self, samples: impl ExactSizeIterator<Item = f32>) -> Vec<f32> {
        let outcome = |samples: usize| samples * self.phases / self.step;
        let (count, early) = (outcome(samples.len()), outcome(self.taps / 2));
        let mut out = Vec::with_capacity(count + early + self.phases / self.step + 1);
        for sample in samples {
            self.push(sample, |sample| out.push(sample));
        }
        while out.len() < count + early {
            self.push(0.0, |sample| out.push(sample));
        }
        out.drain(..early);
        out.truncate(count);
        out
    }
}

/// Places between two samples, and from a new one to the next.
fn ratio(from_hz: u32, to_hz: u32) -> (u32, u32) {
    let exact = to_hz / gcd(from_hz, to_hz);
    let from_hz = if exact > MOST_PHASES {
        ((from_hz + ROUNDING_HZ / 2) / ROUNDING_HZ * ROUNDING_HZ).max(ROUNDING_HZ)
    } else {
        from_hz
    };
    let common = gcd(from_hz, to_hz);
    (to_hz / common, from_hz / common)
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// The Kaiser window from −1 to 1.
fn kaiser(x: f64) -> f64 {
    bessel(BETA * (1.0 - x * x).max(0.0).sqrt()) / bessel(BETA)
}

/// The modified Bessel function of order 0.
fn bessel(x: f64) -> f64 {
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..30 {
        let factor = x / (2.0 * f64::from(k));
        term *= factor * factor;
        sum += term;
    }
    sum
}

/// In lanes, which a processor adds at once.
fn dot(samples: &[f32], filter: &[f32]) -> f32 {
    let mut lanes = [0.0; 8];
    let (samples, samples_rest) = samples.as_chunks::<8>();
    let (filter, filter_rest) = filter.as_chunks::<8>();
    for (samples, filter) in samples.iter().zip(filter) {
        for ((slot, sample), weight) in lanes.iter_mut().zip(samples).zip(filter) {
            *slot += sample * weight;
        }
    }
    let rest: f32 = samples_rest
        .iter()
        .zip(filter_rest)
        .map(|(s, w)| s * w)
        .sum();
    lanes.iter().sum::<f32>() + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::tone::goertzel;

    fn sine(hz: f64, rate_hz: u32, samples: usize) -> impl ExactSizeIterator<Item = f32> {
        (0..samples)
            .map(move |n| (std::f64::consts::TAU * hz * n as f64 / f64::from(rate_hz)).sin() as f32)
    }

    /// How loud `heard_hz` is after a sine of `hz` went from one rate to another, in dB.
    fn loudness_db(from_hz: u32, to_hz: u32, hz: f64, heard_hz: f64) -> f64 {
        let out = Resampler::new(from_hz, to_hz).all(sine(hz, from_hz, from_hz as usize));
        let middle = &out[out.len() / 4..out.len() * 3 / 4];
        let at = std::f64::consts::TAU * heard_hz / f64::from(to_hz);
        let (mut re, mut im) = (0.0, 0.0);
        for (n, sample) in middle.iter().enumerate() {
            re += f64::from(*sample) * (at * n as f64).cos();
            im += f64::from(*sample) * (at * n as f64).sin();
        }
        20.0 * (2.0 * (re * re + im * im).sqrt() / middle.len() as f64)
            .max(1e-9)
            .log10()
    }

    #[test]
    fn what_the_lower_rate_cannot_hold_does_not_fold_into_speech() {
        for rate_hz in [48_000, 44_100, 96_000, 32_000] {
            for hz in [9_000.0, 12_000.0, 15_000.0] {
                let folded = loudness_db(rate_hz, 16_000, hz, 16_000.0 - hz);
                assert!(folded < -60.0, "{hz} Hz of {rate_hz}: {folded} dB");
            }
        }
    }

    #[test]
    fn speech_passes_as_it_is_both_ways() {
        for (from_hz, to_hz) in [
            (48_000, 16_000),
            (44_100, 16_000),
            (16_000, 48_000),
            (16_000, 44_100),
        ] {
            for hz in [100.0, 1_000.0, 4_000.0, 6_000.0] {
                let db = loudness_db(from_hz, to_hz, hz, hz);
                assert!(db.abs() < 0.5, "{hz} Hz from {from_hz} to {to_hz}: {db} dB");
            }
        }
    }

    #[test]
    fn a_higher_rate_gets_no_images_of_speech() {
        for to_hz in [48_000, 44_100] {
            let image = loudness_db(16_000, to_hz, 3_000.0, 13_000.0);
            assert!(image < -60.0, "{to_hz}: {image} dB");
        }
    }

    #[test]
    fn a_block_of_any_usual_rate_becomes_exactly_a_block() {
        for rate_hz in [
            8_000, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000,
        ] {
            for (from, to) in [(rate_hz, 16_000), (16_000, rate_hz)] {
                let mut resampler = Resampler::new(from, to);
                for block in 0..3 {
                    let mut given = 0;
                    for _ in 0..from / 50 {
                        resampler.push(0.5, |_| given += 1);
                    }
                    assert_eq!(given, to / 50, "block {block}, {from} to {to}");
                }
            }
        }
    }

    #[test]
    fn a_sound_comes_out_after_the_delay_that_is_told() {
        let mut resampler = Resampler::new(48_000, 16_000);
        let mut out = Vec::new();
        for n in 0..4_800 {
            let click = if n == 1_200 { 1.0 } else { 0.0 };
            resampler.push(click, |sample| out.push(sample));
        }
        let loudest = out.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        let at_us = loudest.unwrap().0 as u64 * 1_000_000 / 16_000;
        let expected_us = 1_200 * 1_000_000 / 48_000 + resampler.delay().0;
        assert!(
            at_us.abs_diff(expected_us) <= 63,
            "{at_us} µs, not {expected_us} µs"
        );
    }

    #[test]
    fn unusual_rates_are_rounded_instead_of_taking_memory() {
        let resampler = Resampler::new(15_999, 16_000);
        assert!(resampler.filters.len() <= 1_000 * 100);
        let out = Resampler::new(37_801, 16_000).all(sine(440.0, 37_801, 37_801));
        let samples: Vec<_> = out.iter().map(|s| (s * 10_000.0) as i16).collect();
        assert!(samples.len().abs_diff(16_000) < 50);
        assert!(goertzel(&samples, 440.0) > goertzel(&samples, 600.0) * 10.0);
    }
}
