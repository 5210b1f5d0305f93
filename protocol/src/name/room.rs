//! Names as people write them: what a room is called, and what a participant is.

use alloc::borrow::Cow;

use super::unicode::composed;
use super::{NameError, count, name, unseen};

/// The most characters of such a name.
const MOST: usize = 48;

name! {
    /// A room's name: 1–48 characters of any script, trimmed, in NFC, without control characters and without
    /// unseen ones that the script does not need; unique by its key.
    RoomName, 192, written
}

name! {
    /// What others see a participant as: by the rule of [`RoomName`]. It need not be unique, and proves nothing:
    /// accounts are told apart by [`Username`](super::Username).
    DisplayName, 192, written
}

fn written(text: &str) -> Result<Cow<'_, str>, NameError> {
    let text = if text.is_empty() {
        text
    } else {
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Err(NameError::Blank);
        }
        trimmed
    };
    let text = composed(text, MOST)?;
    count(&text, 1, MOST)?;
    unseen::check(&text)?;
    Ok(text)
}
