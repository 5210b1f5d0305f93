//! Fingerprints of identities as people copy them.

/// The one form of a fingerprint, as `PublicKey::fingerprint` writes it: 64 digits in lower case, in groups of four
/// with hyphens. Hyphens, colons and spaces in the text do not matter. `None` when the text has not 64 hexadecimal
/// digits.
#[must_use]
pub fn canonical(text: &str) -> Option<String> {
    let is_digit = |c: &char| !matches!(c, '-' | ':' | ' ');
    let digits: String = text.chars().filter(is_digit).collect();
    if digits.len() != 64 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let lower = digits.to_ascii_lowercase();
    let groups: Vec<_> = (0..64).step_by(4).map(|at| &lower[at..at + 4]).collect();
    Some(groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_protocol::identity::PublicKey;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_fingerprint_is_known_however_it_was_copied(key in any::<[u8; 32]>(), between in "[-: ]{0,2}") {
            let fingerprint = PublicKey(key).fingerprint();
            let copied = fingerprint.to_uppercase().replace('-', &between);
            prop_assert_eq!(canonical(&copied), Some(fingerprint));
        }

        #[test]
        fn any_other_text_is_none(text in "[0-9a-f-]{0,60}|\\PC{0,80}") {
            let digits = text.chars().filter(char::is_ascii_hexdigit).count();
            prop_assume!(digits != 64);
            prop_assert_eq!(canonical(&text), None);
        }
    }
}
