//! Measuring a received tone: pitch, loudness, gaps and clicks.

use super::{ToneMark, marks};
use conclave_protocol::l16::{BLOCK_SAMPLES, SAMPLE_RATE_HZ};
use std::f64::consts::{PI, TAU};

/// What became of a tone.
#[derive(Clone, Debug, PartialEq)]
pub struct ToneReport {
    /// Its pitch in Hz; 0 if there is none.
    pub pitch_hz: f64,
    /// Its peak in dB below full scale; −∞ if there is none.
    pub level_dbfs: f64,
    /// Where it is not the sine it should be.
    pub gaps: Vec<Gap>,
    /// Its marks.
    pub marks: Vec<ToneMark>,
}

/// A stretch in which the tone is interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Where it starts in what was analyzed.
    pub at: usize,
    /// How long it is; a click or a jump of the phase is a few samples.
    pub samples: usize,
}

impl ToneReport {
    /// Length of all gaps in samples.
    #[must_use]
    pub fn gap_samples(&self) -> usize {
        self.gaps.iter().map(|gap| gap.samples).sum()
    }

    /// By how many samples the marks are off the distance they were sent at: lost ones negative, inserted ones
    /// positive.
    #[must_use]
    pub fn slips(&self) -> Vec<i64> {
        let slip = |pair: &[ToneMark]| {
            let heard = (pair[1].at - pair[0].at) as i64;
            let sent = (pair[1].sent as i64 - pair[0].sent as i64)
                .rem_euclid(256 * i64::from(SAMPLE_RATE_HZ));
            heard - sent
        };
        self.marks.windows(2).map(slip).collect()
    }
}

/// Analyzes a recording of the tone; silence before its first and after its last sample is no gap.
#[must_use]
pub fn analyze(samples: &[i16]) -> ToneReport {
    let marks = marks(samples);
    let peak = typical_peak(samples);
    let loud = |sample: &i16| f64::from(sample.unsigned_abs()) > peak / 4.0;
    let (Some(start), Some(end)) = (
        samples.iter().position(loud),
        samples.iter().rposition(loud),
    ) else {
        return ToneReport {
            pitch_hz: 0.0,
            level_dbfs: f64::NEG_INFINITY,
            gaps: Vec::new(),
            marks,
        };
    };
    let pitch_hz = pitch(samples, start, end, &marks);
    ToneReport {
        pitch_hz,
        level_dbfs: 20.0 * (peak / f64::from(i16::MAX)).log10(),
        gaps: gaps(samples, start..end + 1, pitch_hz, peak, &marks),
        marks,
    }
}

/// Peak of the sine whose energy the median of the sounding blocks has.
fn typical_peak(samples: &[i16]) -> f64 {
    let energy = |block: &[i16]| {
        block
            .iter()
            .map(|&s| f64::from(s) * f64::from(s))
            .sum::<f64>()
            / block.len() as f64
    };
    let mut energies: Vec<_> = samples
        .chunks(BLOCK_SAMPLES)
        .map(energy)
        .filter(|&e| e > 100.0)
        .collect();
    energies.sort_by(f64::total_cmp);
    energies
        .get(energies.len() / 2)
        .map_or(f64::INFINITY, |energy| (2.0 * energy).sqrt())
}

/// The share of a stretch's energy that is at `hz`, with a Hann window, by Goertzel's recurrence.
#[must_use]
pub fn goertzel(samples: &[i16], hz: f64) -> f64 {
    let step = 2.0 * (TAU * hz / f64::from(SAMPLE_RATE_HZ)).cos();
    let (mut before, mut last, mut energy) = (0.0, 0.0, 0.0);
    let turn = TAU / samples.len() as f64;
    for (n, &sample) in samples.iter().enumerate() {
        let windowed = f64::from(sample) * (1.0 - (turn * n as f64).cos());
        energy += windowed * windowed;
        let next = windowed + step * last - before;
        before = last;
        last = next;
    }
    if energy == 0.0 {
        return 0.0;
    }
    (last * last + before * before - step * last * before) / (energy * samples.len() as f64)
}

/// The pitch in the stretch that is most of one pitch: coarse steps in a short stretch, then finer ones in longer ones.
fn pitch(samples: &[i16], start: usize, end: usize, marks: &[ToneMark]) -> f64 {
    const LONG: usize = 4_000;
    let free = |at: usize| {
        marks
            .iter()
            .all(|mark| mark.at + BLOCK_SAMPLES <= at || mark.at >= at + LONG)
    };
    let stretches = (start..end.saturating_sub(LONG))
        .step_by(LONG / 2)
        .filter(|&at| free(at))
        .take(16);
    let best = stretches
        .map(|at| {
            let stretch = &samples[at..at + LONG];
            let coarse = loudest(&stretch[..800], 40.0, 4_000.0, 10.0);
            let fine = loudest(stretch, coarse - 15.0, coarse + 15.0, 1.0);
            let finest = loudest(stretch, fine - 1.0, fine + 1.0, 0.05);
            (goertzel(stretch, finest), finest)
        })
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    best.map_or(0.0, |(_, hz)| hz)
}

fn loudest(samples: &[i16], from_hz: f64, to_hz: f64, step_hz: f64) -> f64 {
    let steps = ((to_hz - from_hz) / step_hz).round() as u32;
    (0..=steps)
        .map(|n| from_hz + f64::from(n) * step_hz)
        .max_by(|&a, &b| goertzel(samples, a).total_cmp(&goertzel(samples, b)))
        .unwrap_or(0.0)
}

/// A sine of one pitch obeys x[n+1] + x[n−1] = 2 cos ω x[n]; where it does not, or where it is silent, is a gap.
fn gaps(
    samples: &[i16],
    range: std::ops::Range<usize>,
    hz: f64,
    peak: f64,
    marks: &[ToneMark],
) -> Vec<Gap> {
    /// Two defects closer than this are one gap.
    const JOIN: usize = 64;
    let step = 2.0 * (2.0 * PI * hz / f64::from(SAMPLE_RATE_HZ)).cos();
    let allowed = 0.04 * peak + 8.0;
    let mut found: Vec<Gap> = Vec::new();
    let mut quiet = 0_usize;
    let mut next_mark = 0;
    for at in range.start + 1..range.end.saturating_sub(1) {
        while marks
            .get(next_mark)
            .is_some_and(|mark| mark.at + BLOCK_SAMPLES < at)
        {
            next_mark += 1;
        }
        // The sample before a mark and the one behind it see the mark.
        if marks.get(next_mark).is_some_and(|mark| at + 1 >= mark.at) {
            quiet = 0;
            continue;
        }
        let [before, here, after] = [at - 1, at, at + 1].map(|n| f64::from(samples[n]));
        quiet = if here.abs() < peak / 50.0 {
            quiet + 1
        } else {
            0
        };
        let silent = quiet >= SILENT;
        if silent || (after + before - step * here).abs() > allowed {
            let first = if silent { at + 1 - quiet } else { at };
            match found.last_mut() {
                Some(gap) if first <= gap.at + gap.samples + JOIN => gap.samples = at + 1 - gap.at,
                _ => found.push(Gap {
                    at: first,
                    samples: at + 1 - first,
                }),
            }
        }
    }
    found
}

/// So many samples near zero (1 ms) are silence and no zero crossing.
const SILENT: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sound::tone::tests::tone;

    #[test]
    fn an_untouched_tone_has_its_pitch_and_no_gap() {
        for hz in [60.0, 440.0, 1_000.0, 3_333.3] {
            let report = analyze(&tone(hz, 120));
            assert!(
                (report.pitch_hz / hz - 1.0).abs() < 0.001,
                "{hz}: {}",
                report.pitch_hz
            );
            assert_eq!(report.gaps, [], "{hz}");
            assert_eq!(report.slips(), [0, 0]);
            assert!(
                (report.level_dbfs + 20.0).abs() < 0.5,
                "{}",
                report.level_dbfs
            );
        }
    }

    #[test]
    fn a_muted_block_is_one_gap_of_its_length() {
        let mut samples = tone(440.0, 100);
        samples[6_400..6_720].fill(0);
        let report = analyze(&samples);
        assert_eq!(report.gaps.len(), 1, "{:?}", report.gaps);
        assert!(
            report.gaps[0].at.abs_diff(6_400) <= 2 && report.gaps[0].samples.abs_diff(320) <= 20,
            "{:?}",
            report.gaps
        );
        assert!(report.gap_samples() >= 300);
    }

    #[test]
    fn a_block_cut_out_is_heard_as_a_click_and_shows_between_the_marks() {
        let mut samples = tone(441.7, 160);
        samples.drain(20_000..20_320);
        let report = analyze(&samples);
        assert_eq!(report.gaps.len(), 1);
        assert!(report.gaps[0].samples <= 4);
        assert_eq!(report.slips(), [0, -320, 0]);
    }

    #[test]
    fn silence_around_the_tone_is_no_gap() {
        let mut samples = vec![0; 5_000];
        samples.extend(tone(440.0, 70));
        samples.extend([0; 5_000]);
        assert_eq!(analyze(&samples).gaps, []);
        assert_eq!(analyze(&[0; 1_000]).pitch_hz, 0.0);
        assert_eq!(analyze(&[]).gaps, []);
    }
}
