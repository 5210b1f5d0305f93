//! A generator that gives the same numbers for the same seed, on every machine (SplitMix64).

use core::convert::Infallible;
use rand_core::{TryCryptoRng, TryRng};

pub struct Random(u64);

impl Random {
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// Whether an event of this probability happens.
    pub fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    pub fn secret(&mut self) -> [u8; 32] {
        let mut secret = [0; 32];
        secret.fill_with(|| self.next() as u8);
        secret
    }
}

impl TryRng for Random {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.next() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Infallible> {
        dst.fill_with(|| self.next() as u8);
        Ok(())
    }
}

// It is not cryptographic; the tests' keys protect nothing.
impl TryCryptoRng for Random {}

/// Runs a test once for each seed, and names the seed that failed.
pub fn for_seeds(seeds: core::ops::Range<u64>, test: impl Fn(u64) + std::panic::RefUnwindSafe) {
    for seed in seeds {
        if let Err(failure) = std::panic::catch_unwind(|| test(seed)) {
            eprintln!("seed {seed} failed");
            std::panic::resume_unwind(failure);
        }
    }
}
