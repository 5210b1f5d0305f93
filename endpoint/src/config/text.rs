//! Texts of a file that are checked when they are read: a fingerprint, a language.

use std::fmt;
use std::str::FromStr;

use conclave_common::fingerprint;

/// What a relay is known by, as `conclave-relay identity` prints it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fingerprint(String);

/// A text is no fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a fingerprint has 64 hexadecimal digits: copy the one that `conclave-relay identity` prints"
)]
pub struct FingerprintError;

impl Fingerprint {
    /// In groups of four.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        fingerprint::canonical(text)
            .map(Self)
            .ok_or(FingerprintError)
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A language by its code, and perhaps the region: `de`, `pt-BR`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Language(String);

/// A text is no language's code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a language looks like \"en\" or \"pt-BR\"")]
pub struct LanguageError;

impl Language {
    /// The code.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Language {
    type Err = LanguageError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.replace('_', "-");
        let (language, region) = text.split_once('-').unwrap_or((&text, "XX"));
        let fits = (2..=3).contains(&language.len())
            && language.bytes().all(|byte| byte.is_ascii_lowercase())
            && region.len() == 2
            && region.bytes().all(|byte| byte.is_ascii_uppercase());
        fits.then_some(Self(text)).ok_or(LanguageError)
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
