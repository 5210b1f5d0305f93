//! One form for each name: composed (NFC) for storage, and a key for comparison.

use alloc::borrow::Cow;
use alloc::string::String;

use unicase::UniCase;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::NameError;

/// Bytes of a text for each character that it may have when composed. A higher value costs time for texts that are
/// refused anyway; a lower one refuses decomposed letters with several marks.
const BYTES_A_CHARACTER: usize = 24;

/// The text in NFC, so that accents typed as marks or as letters give the same text.
///
/// # Errors
/// [`NameError::TooLong`] if it is far longer than `most` characters could be.
pub(super) fn composed(text: &str, most: usize) -> Result<Cow<'_, str>, NameError> {
    if text.len() > most * BYTES_A_CHARACTER {
        return Err(NameError::TooLong {
            most,
            unit: "characters",
        });
    }
    Ok(if is_nfc(text) {
        text.into()
    } else {
        text.nfc().collect::<String>().into()
    })
}

/// Whether this is a mark, such as an accent, a tone or a vowel sign, that belongs to the letter before it.
#[must_use]
pub fn is_mark(c: char) -> bool {
    unicode_normalization::char::is_combining_mark(c)
}

/// The form in which two names are compared: without compatibility forms and case (Unicode's NFKC_Casefold,
/// definitions D145 and D146 of The Unicode Standard §3.13), without invisible characters, and with single spaces.
pub(super) fn key(text: &str) -> String {
    let mut key = String::with_capacity(text.len());
    let folded = if text.is_ascii() {
        text.to_ascii_lowercase()
    } else {
        let seen: String = text.nfd().filter(|&c| !is_ignored(c)).collect();
        let once: String = folded(&seen).nfkd().collect();
        folded(&once).nfkc().collect()
    };
    for c in folded.chars() {
        let c = if c.is_whitespace() { ' ' } else { c };
        if c != ' ' || !key.ends_with(' ') {
            key.push(c);
        }
    }
    key
}

fn folded(text: &str) -> String {
    UniCase::unicode(text).to_folded_case()
}

/// The characters that a name may have and that NFKC_Casefold removes: joiners, variation selectors and tags.
pub(super) fn is_ignored(c: char) -> bool {
    matches!(c,
        '\u{180b}'..='\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}
