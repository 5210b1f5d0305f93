//! One form for each name: composed (NFC) as it is kept, and a key by which two are compared.

use alloc::borrow::Cow;
use alloc::string::String;

use unicase::UniCase;
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::NameError;

/// Bytes of a text for each character that it may have when composed. Higher costs time for what is refused anyhow;
/// lower refuses decomposed letters with several marks.
const BYTES_A_CHARACTER: usize = 24;

/// The text in NFC, in which one text has one form whether its accents were typed as marks or not.
///
/// # Errors
/// [`NameError::TooLong`] when it is far longer than `most` characters could be.
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

/// The form in which two names are compared: without compatibility forms and case (as Unicode's NFKC_Casefold,
/// definitions D145 and D146 of The Unicode Standard §3.13), without what cannot be seen, and with single spaces.
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

/// What NFKC_Casefold leaves out of what a name may have: joiners, variation selectors and tags.
pub(super) fn is_ignored(c: char) -> bool {
    matches!(c,
        '\u{180b}'..='\u{180f}' | '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}
