//! What this processor can do that decides how media is sealed.

use conclave_protocol::wire::control::Suite;

/// Whether the processor has AES instructions.
///
/// Raspberry Pi 3, 4 and Zero 2 have none: AES in software costs three times as much there as ChaCha20.
#[must_use]
pub fn has_aes() -> bool {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    lists_aes(&text)
}

/// x86 lists `flags`, ARM lists `Features`.
fn lists_aes(cpuinfo: &str) -> bool {
    cpuinfo
        .lines()
        .filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| matches!(key.trim(), "flags" | "Features"))
        .any(|(_, list)| list.split_whitespace().any(|flag| flag == "aes"))
}

/// The AEAD that this processor seals with least work.
#[must_use]
pub fn best_suite() -> Suite {
    if has_aes() {
        Suite::Aes256Gcm
    } else {
        Suite::ChaCha20Poly1305
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pi_4_has_no_aes_and_a_pi_5_has() {
        assert!(!lists_aes(
            "processor\t: 0\nFeatures\t: fp asimd evtstrm crc32 cpuid\n"
        ));
        assert!(lists_aes(
            "processor\t: 0\nFeatures\t: fp asimd evtstrm aes pmull sha1 sha2 crc32\n"
        ));
        assert!(lists_aes("flags\t\t: fpu vme sse2 aes avx\n"));
        assert!(!lists_aes("model name\t: aes\n"));
    }
}
