//! Names for people to read: of rooms and of participants.

use alloc::borrow::Cow;
use alloc::string::String;

use super::unicode::{composed, is_ignored, is_mark};
use super::{NameError, Username, count, name, unseen};

/// The most characters of such a name.
const MOST: usize = 48;

name! {
    /// A room's name: 1–48 characters of any script, trimmed, in NFC, without control characters and without
    /// invisible ones that the script does not need; unique by its key.
    RoomName, 192, written
}

name! {
    /// The displayed name of a participant: follows the rule of [`RoomName`], with at most 144 bytes, so that a full
    /// room's roster fits one message. It need not be unique, and proves nothing: accounts are identified by
    /// [`Username`].
    DisplayName, 144, written
}

impl DisplayName {
    /// The most similar username: characters that a username cannot have become dots.
    ///
    /// # Errors
    /// [`NameError`] if no valid username is left.
    pub fn username(&self) -> Result<Username, NameError> {
        let mut near = String::new();
        for c in self.as_str().chars().filter(|&c| !is_ignored(c)) {
            let is_taken = c.is_alphanumeric() || matches!(c, '_' | '.' | '-');
            let follows = is_mark(c) && near.ends_with(|c: char| c.is_alphanumeric() || is_mark(c));
            if is_taken || follows {
                near.push(c);
            } else if !near.ends_with('.') {
                near.push('.');
            }
        }
        let near = near.trim_start_matches(|c: char| !c.is_alphanumeric());
        let short: String = near.chars().take(32).collect();
        Username::parse(short.trim_end_matches('.'))
    }
}

impl From<&Username> for DisplayName {
    fn from(username: &Username) -> Self {
        Self::parse(username.as_str())
            .expect("32 characters of a username are a name, in 128 bytes")
    }
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
