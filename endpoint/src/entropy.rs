//! Random bytes from the system.

use conclave_protocol::secret::Secret;

/// 32 fresh random bytes.
///
/// # Errors
/// When the system gives none; nothing secret can be made then.
pub fn secret() -> Result<Secret<32>, getrandom::Error> {
    let mut secret = Secret([0; 32]);
    getrandom::fill(&mut secret.0)?;
    Ok(secret)
}
