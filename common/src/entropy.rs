//! Random bytes from the system.

use conclave_protocol::secret::Secret;

/// The system gives no random bytes, so nothing secret can be made.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the system gives no random bytes: {0}")]
pub struct NoEntropy(#[from] getrandom::Error);

/// Fills a buffer with random bytes.
///
/// # Errors
/// [`NoEntropy`]; the buffer may hold anything then.
pub fn fill(bytes: &mut [u8]) -> Result<(), NoEntropy> {
    Ok(getrandom::fill(bytes)?)
}

/// 32 random bytes.
///
/// # Errors
/// [`NoEntropy`].
pub fn secret() -> Result<Secret<32>, NoEntropy> {
    let mut secret = Secret([0; 32]);
    fill(&mut secret.0)?;
    Ok(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_secrets_are_alike() {
        let (one, other) = (secret().unwrap(), secret().unwrap());
        assert_ne!(one.expose(), other.expose());
    }
}
