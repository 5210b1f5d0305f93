//! Random bytes from a source that may fail, for seals that cannot fail.

use core::convert::Infallible;
use rand_core::{TryCryptoRng, TryRng};

use crate::secret::Secret;

/// 32 random bytes.
pub(super) fn secret<R: TryCryptoRng>(source: &mut R) -> Result<Secret<32>, R::Error> {
    let mut secret = Secret([0; 32]);
    source.try_fill_bytes(&mut secret.0)?;
    Ok(secret)
}

/// Returns what the source gives, and keeps its first failure: no sealed value may be used before [`Self::result`] is
/// `Ok`.
pub(super) struct Entropy<'r, R: TryCryptoRng> {
    source: &'r mut R,
    failure: Option<R::Error>,
}

impl<'r, R: TryCryptoRng> Entropy<'r, R> {
    pub(super) const fn of(source: &'r mut R) -> Self {
        Self {
            source,
            failure: None,
        }
    }

    pub(super) fn result(self) -> Result<(), R::Error> {
        self.failure.map_or(Ok(()), Err)
    }

    fn keep<T: Default>(&mut self, result: Result<T, R::Error>) -> T {
        result.unwrap_or_else(|error| {
            self.failure.get_or_insert(error);
            T::default()
        })
    }
}

impl<R: TryCryptoRng> TryRng for Entropy<'_, R> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let drawn = self.source.try_next_u32();
        Ok(self.keep(drawn))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let drawn = self.source.try_next_u64();
        Ok(self.keep(drawn))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        let filled = self.source.try_fill_bytes(out);
        self.keep(filled);
        Ok(())
    }
}

// The bytes after a failure are never used.
impl<R: TryCryptoRng> TryCryptoRng for Entropy<'_, R> {}
