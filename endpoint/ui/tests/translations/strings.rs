//! The strings that are to be translated, as the `.slint` files have them.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};

/// What a translation is found by. Texts are as they are written in the source, with their backslashes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) context: Option<String>,
    pub(crate) id: String,
    pub(crate) plural: Option<String>,
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.context {
            Some(context) => write!(f, "\"{}\" ({context})", self.id),
            None => write!(f, "\"{}\"", self.id),
        }
    }
}

/// Those of all pages and widgets, file by file and in order; a string that stands in two places is there twice.
pub(crate) fn all() -> Vec<Key> {
    let mut files = Vec::new();
    find(Path::new(env!("CARGO_MANIFEST_DIR")), &mut files);
    files.sort();
    let read = |path: &PathBuf| {
        let source = std::fs::read_to_string(path).expect("a page can be read");
        of(&source).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    files.iter().flat_map(read).collect()
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("a folder can be read") {
        let path = entry.expect("a folder can be read").path();
        if path.is_dir() {
            find(&path, files);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "slint")
        {
            files.push(path);
        }
    }
}

/// Those of one source.
pub(crate) fn of(source: &str) -> Result<Vec<Key>, String> {
    let mut keys = Vec::new();
    let mut rest = source;
    while let Some(at) = rest.find(['"', '/', '@']) {
        rest = &rest[at..];
        if rest.starts_with("//") {
            rest = &rest[rest.find('\n').unwrap_or(rest.len())..];
        } else if rest.starts_with('"') {
            rest = literal(rest)?.1;
        } else if let Some(inside) = rest.strip_prefix("@tr(") {
            let (key, after) = key(inside)?;
            keys.push(key);
            rest = after;
        } else {
            rest = &rest[1..];
        }
    }
    Ok(keys)
}

/// The `{…}` of a text; how often and in which order is the language's business.
pub(crate) fn placeholders(text: &str) -> BTreeSet<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|part| part.split_once('}'))
        .map(|(name, _)| name)
        .collect()
}

/// What follows `@tr(`, and the source after it.
fn key(text: &str) -> Result<(Key, &str), String> {
    let (first, rest) = literal(text)?;
    let (context, id, rest) = match rest.trim_start().strip_prefix("=>") {
        Some(rest) => {
            let (id, rest) = literal(rest)?;
            (Some(first.to_owned()), id, rest)
        }
        None => (None, first, rest),
    };
    let (plural, rest) = match rest.trim_start().strip_prefix('|') {
        Some(rest) => {
            let (plural, rest) = literal(rest)?;
            (Some(plural.to_owned()), rest)
        }
        None => (None, rest),
    };
    Ok((
        Key {
            context,
            id: id.to_owned(),
            plural,
        },
        rest,
    ))
}

/// A text in quotes, without them, and what comes after.
fn literal(text: &str) -> Result<(&str, &str), String> {
    let near = || text.chars().take(40).collect::<String>();
    let inside = text
        .trim_start()
        .strip_prefix('"')
        .ok_or_else(|| format!("a text is expected at {:?}", near()))?;
    let mut escaped = false;
    for (index, letter) in inside.char_indices() {
        match letter {
            '"' if !escaped => return Ok((&inside[..index], &inside[index + 1..])),
            '\\' => escaped = !escaped,
            _ => escaped = false,
        }
    }
    Err(format!("a text does not end: {:?}", near()))
}
