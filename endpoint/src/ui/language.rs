//! The languages that the screen speaks.

/// Each language by its code and its own name. The first one is spoken where nothing else was chosen.
pub(super) const LANGUAGES: [(&str, &str); 3] =
    [("en", "English"), ("vi", "Tiếng Việt"), ("de", "Deutsch")];

/// The language that this setting of the system begins with, or the first one.
pub(super) fn named_by(setting: &str) -> &'static str {
    let known = LANGUAGES.iter().find(|(code, _)| setting.starts_with(code));
    known.unwrap_or(&LANGUAGES[0]).0
}

/// Translates all texts into this language from now on.
pub(super) fn speak(language: &str) {
    let bundled = if language == LANGUAGES[0].0 {
        ""
    } else {
        language
    };
    if let Err(error) = slint::select_bundled_translation(bundled) {
        tracing::warn!(%error, language, "no such translation");
    }
}
