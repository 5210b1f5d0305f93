//! One field of a message: a text that keeps its rule, or the name of the field and of the part that it breaks.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use conclave_protocol::name::{NameError, Pin, Unseen};
use conclave_protocol::secret::Secret;

use super::Invalid;

/// The version of the messages.
const VERSION: u32 = 1;
/// Characters of 32 bytes in base64 without padding.
pub(super) const SECRET_CHARACTERS: usize = 43;

pub(super) const fn invalid(field: &'static str) -> Invalid {
    Invalid::field(field)
}

/// 32 bytes in base64url without padding.
pub(super) fn secret(text: &str, field: &'static str) -> Result<Secret<32>, Invalid> {
    // The decoder wants room for a rough estimate of what comes out, which is more than 32 bytes.
    let mut decoded = Secret([0; 33]);
    let read = match text.len() {
        SECRET_CHARACTERS => BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut decoded.0),
        _ => return Err(invalid(field)),
    };
    let mut secret = Secret([0; 32]);
    match read {
        Ok(32) => secret.0.copy_from_slice(&decoded.0[..32]),
        _ => return Err(invalid(field)),
    }
    Ok(secret)
}

pub(super) fn resume_secret(text: Option<String>) -> Result<Option<Secret<32>>, Invalid> {
    text.map(|text| secret(&text, "resume")).transpose()
}

pub(super) fn parse<T>(text: &str, field: &'static str) -> Result<T, Invalid>
where
    T: std::str::FromStr<Err = NameError>,
{
    text.parse().map_err(|error| Invalid {
        field,
        why: Some(flaw(error)),
    })
}

/// The reference's word for what is wrong with a text.
const fn flaw(error: NameError) -> &'static str {
    match error {
        NameError::TooShort { .. } => "too_short",
        NameError::TooLong { .. } => "too_long",
        NameError::Blank => "blank",
        NameError::Character(_) => "character",
        NameError::Mark { .. } => "mark",
        NameError::Start => "start",
        NameError::NotAUrl | NameError::NotAnEmail => "address",
        NameError::Unseen { what, .. } => match what {
            Unseen::Tab => "tab",
            Unseen::LineBreak => "line_break",
            Unseen::Control => "control",
            Unseen::ZeroWidthSpace => "zero_width_space",
            Unseen::Joiner => "joiner",
            Unseen::DirectionMark | Unseen::DirectionOverride | Unseen::DirectionIsolate => {
                "direction"
            }
            Unseen::VariationSelector | Unseen::Invisible => "invisible",
        },
    }
}

pub(super) fn pin(text: Option<String>) -> Result<Option<Pin>, Invalid> {
    text.map(|text| parse(&text, "pin")).transpose()
}

pub(super) fn check_version(version: u32) -> Result<(), Invalid> {
    (version == VERSION).then_some(()).ok_or(invalid("version"))
}
