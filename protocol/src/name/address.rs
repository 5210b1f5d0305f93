//! The address at which browsers find a relay, and the token that opens a room to them.

use super::{NameError, count, forbid, name};

name! {
    /// The address at which browsers find a relay: `https://` or `http://`, a host, optionally a port and a path, at
    /// most 200 bytes of ASCII, without a query or a fragment.
    PublicUrl, 200, |text| {
        if text.len() > 200 {
            return Err(NameError::TooLong { most: 200, unit: "bytes" });
        }
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let host = rest.ok_or(NameError::NotAUrl)?.split('/').next().unwrap_or_default();
        if host.is_empty() {
            return Err(NameError::NotAUrl);
        }
        forbid(text, |c| !c.is_ascii_graphic() || "\"#<>?@\\^`{|}".contains(c))?;
        Ok(text.into())
    }
}

name! {
    /// The proof in a link to a room, opaque to everyone except the relay that made it: 1–64 characters of base64url
    /// (RFC 4648 §5).
    LinkToken, 64, |text| {
        count(text, 1, 64)?;
        forbid(text, |c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))?;
        Ok(text.into())
    }
}

impl PublicUrl {
    /// The host, with the port if there is one.
    #[must_use]
    pub fn host(&self) -> &str {
        let rest = self.0.split_once("://").map_or("", |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }
}
