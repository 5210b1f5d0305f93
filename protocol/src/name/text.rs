//! The lines of chat in a room, and the PIN that locks it.

use super::{NameError, count, forbid, name};

name! {
    /// A line of chat: 1–2000 bytes, no control characters but `\n` and `\t`.
    ChatText, 2000, |text| {
        if text.is_empty() {
            return Err(NameError::TooShort { least: 1 });
        }
        if text.len() > 2000 {
            return Err(NameError::TooLong { most: 2000, unit: "bytes" });
        }
        forbid(text, |c| c.is_control() && c != '\n' && c != '\t')?;
        Ok(text.into())
    }
}

name! {
    /// A room's PIN: 4–12 digits.
    Pin, 12, |text| {
        count(text, 4, 12)?;
        forbid(text, |c| !c.is_ascii_digit())?;
        Ok(text.into())
    }
}
