//! The identity of an account: its name and its e-mail address.

use super::unicode::{composed, is_mark};
use super::{NameError, count, forbid, name, unseen};

name! {
    /// An account's name: 2–32 letters, digits, `_`, `.`, `-`, starting with a letter or a digit, in NFC; compared by
    /// its key. Letters and digits are Unicode's, with the marks and joiners that their scripts need, so 128 bytes
    /// hold any.
    Username, 128, |text| {
        let text = composed(text, 32)?;
        count(&text, 2, 32)?;
        if !text.starts_with(char::is_alphanumeric) {
            return Err(unseen::check(&text).err().unwrap_or(NameError::Start));
        }
        unseen::check(&text)?;
        forbid(&text, |c| {
            let is_joiner = matches!(c, unseen::NON_JOINER | unseen::JOINER);
            !(c.is_alphanumeric() || is_mark(c) || is_joiner || matches!(c, '_' | '.' | '-'))
        })?;
        Ok(text)
    }
}

name! {
    /// An e-mail address: at most 254 bytes (RFC 5321 §4.5.3.1.3), `local@domain`, ASCII.
    ///
    /// The rule: a dot-atom local part of at most 64 bytes (RFC 5322 §3.2.3, no quoted strings, no
    /// comments) and a domain of letter-digit-hyphen labels of 1–63 bytes (RFC 1035 §2.3.1). A single
    /// label is allowed: LANs have such hosts.
    Email, 254, |text| {
        if text.len() > 254 {
            return Err(NameError::TooLong { most: 254, unit: "bytes" });
        }
        let (local, domain) = text.rsplit_once('@').ok_or(NameError::NotAnEmail)?;
        let atom = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c);
        let label = |l: &str| {
            (1..=63).contains(&l.len())
                && !l.starts_with('-')
                && !l.ends_with('-')
                && l.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        };
        let fits = local.len() <= 64
            && local.split('.').all(|part| !part.is_empty() && part.chars().all(atom))
            && domain.split('.').all(label);
        if fits { Ok(text.into()) } else { Err(NameError::NotAnEmail) }
    }
}
