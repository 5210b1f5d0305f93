//! Several voices to one: a sum that grows soft, not harsh, where it would overflow.

use conclave_protocol::l16::Block;

/// Sums above this level are pressed together; three quarters of full scale.
const KNEE: i32 = 24_576;
/// What is left above the knee.
const ROOM: i32 = i16::MAX as i32 - KNEE;

/// Mixes `inputs` into `out`. Silence for none; one input passes as it is.
pub fn mix<'a>(out: &mut Block, inputs: impl IntoIterator<Item = &'a Block>) {
    let mut inputs = inputs.into_iter();
    *out = *inputs
        .next()
        .unwrap_or(&[0; conclave_protocol::l16::BLOCK_SAMPLES]);
    let Some(second) = inputs.next() else { return };
    let mut sum = out.map(i32::from);
    add(&mut sum, second);
    for input in inputs {
        add(&mut sum, input);
    }
    for (out, sum) in out.iter_mut().zip(sum) {
        *out = limit(sum);
    }
}

fn add(sum: &mut [i32; conclave_protocol::l16::BLOCK_SAMPLES], input: &Block) {
    for (sum, &sample) in sum.iter_mut().zip(input) {
        *sum = sum.saturating_add(i32::from(sample));
    }
}

/// The level itself up to the knee, then nearer and nearer to full scale without reaching it.
fn limit(level: i32) -> i16 {
    let size = i64::from(level.unsigned_abs());
    let (knee, room) = (i64::from(KNEE), i64::from(ROOM));
    let limited = if size <= knee {
        size
    } else {
        let over = size - knee;
        knee + room * over / (room + over)
    };
    let limited = i16::try_from(limited).unwrap_or(i16::MAX);
    if level < 0 { -limited } else { limited }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_protocol::l16::BLOCK_SAMPLES;
    use proptest::prelude::*;

    #[test]
    fn nobody_is_silence_and_one_voice_passes_as_it_is() {
        let mut out = [7; BLOCK_SAMPLES];
        mix(&mut out, []);
        assert_eq!(out, [0; BLOCK_SAMPLES]);
        let loud = [i16::MIN; BLOCK_SAMPLES];
        mix(&mut out, [&loud]);
        assert_eq!(out, loud);
    }

    #[test]
    fn quiet_voices_add_exactly_and_loud_ones_never_wrap() {
        let mut out = [0; BLOCK_SAMPLES];
        mix(
            &mut out,
            [
                &[10_000; BLOCK_SAMPLES],
                &[-3_000; BLOCK_SAMPLES],
                &[500; BLOCK_SAMPLES],
            ],
        );
        assert_eq!(out, [7_500; BLOCK_SAMPLES]);
        mix(
            &mut out,
            std::iter::repeat_n(&[i16::MAX; BLOCK_SAMPLES], 1_000),
        );
        assert!(out.iter().all(|&s| s > 32_000));
        mix(
            &mut out,
            std::iter::repeat_n(&[i16::MIN; BLOCK_SAMPLES], 1_000),
        );
        assert!(out.iter().all(|&s| s < -32_000));
    }

    proptest! {
        #[test]
        fn louder_in_is_never_quieter_out(a in 0_i32..2_000_000, b in 0_i32..2_000_000) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assert!(limit(low) <= limit(high));
            prop_assert_eq!(limit(-a), -limit(a));
        }
    }
}
