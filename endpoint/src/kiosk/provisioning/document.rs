//! A provisioning file's text: what it says, or everything that is wrong with it.

use std::ops::Range;

use conclave_common::config::{Entry, Schema, is_secret};
use serde::Deserialize as _;
use toml::de::{DeTable, DeValue, ValueDeserializer};
use toml::{Spanned, Table, Value};

use super::keys::Keys;
use super::{network, wifi};
use crate::net::discovery::{RelaySpec, is_address};

/// What stands after a secret that was taken out.
const WIPED: &str = "  # wiped";
/// Keys that say something about another one, and nothing without it.
const COMPANIONS: [(&str, &str, &str); 6] = [
    ("relay", "fingerprint", "address"),
    ("room", "pin", "name"),
    ("wifi", "password", "name"),
    ("wifi", "country", "name"),
    ("wifi", "security", "name"),
    ("network", "gateway", "address"),
];
/// What a key is called that has nothing to say.
const NOTHING: &str = "";

/// A file that is right.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) keys: Keys,
    /// The same as it was written: sections that say something, with the keys that do.
    pub(super) said: Table,
    text: String,
    /// Where the secrets stand that are not empty.
    secrets: Vec<Range<usize>>,
}

/// Something that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    /// Counted from one.
    pub(super) line: usize,
    pub(super) reason: String,
}

/// A key with its value, and where both stand.
struct Said {
    entry: Entry,
    line: usize,
    value: Range<usize>,
}

impl Document {
    /// Understands a text.
    ///
    /// # Errors
    /// Everything that is wrong with it; of a text that is no TOML, that alone.
    pub(super) fn read(text: &str) -> Result<Self, Vec<Fault>> {
        let (table, errors) = DeTable::parse_recoverable(text);
        let fault = |error: &toml::de::Error| Fault {
            line: line_at(text, error.span().map_or(0, |span| span.start)),
            reason: error.message().to_owned(),
        };
        if !errors.is_empty() {
            return Err(errors.iter().map(fault).collect());
        }
        let mut faults = Vec::new();
        let mut all = Vec::new();
        for (section, value) in table.into_inner() {
            all.extend(said(text, section, value, &mut faults));
        }
        all.sort_by_key(|said| said.value.start);
        let known = Schema::<Keys>::new();
        all.retain(|said| match judge(&said.entry, &known) {
            Ok(()) => true,
            Err(reason) => {
                let line = said.line;
                faults.push(Fault { line, reason });
                false
            }
        });
        let wiped = |said: &&Said| is_secret(&said.entry.key) && was_wiped(text, said);
        faults.extend(all.iter().filter(wiped).map(|said| Fault {
            line: said.line,
            reason: format!(
                "{}.{} was wiped from this file: type it in again, or remove the line",
                said.entry.section, said.entry.key
            ),
        }));
        all.retain(|said| !says_nothing(&said.entry));
        faults.extend(all.iter().filter_map(|one| alone(one, &all)));
        if !faults.is_empty() {
            faults.sort_by_key(|fault| fault.line);
            return Err(faults);
        }
        let secret = |said: &&Said| is_secret(&said.entry.key);
        let secrets = all.iter().filter(secret).map(|said| said.value.clone());
        let secrets = secrets.collect();
        let line_of = |section: &str, key: &str| {
            let is = |said: &&Said| said.entry.section == section && said.entry.key == key;
            all.iter().find(is).map_or(0, |said| said.line)
        };
        let said = table_of(&all);
        let keys: Keys = said
            .clone()
            .try_into()
            .expect("each of its values was checked");
        let wrong = |section, found: Option<(&'static str, String)>| {
            let (key, reason) = found?;
            let line = line_of(section, key);
            Some(Fault { line, reason })
        };
        faults.extend(wrong("wifi", wifi::contradiction(&keys.wifi)));
        faults.extend(wrong("network", network::contradiction(&keys.network)));
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self {
            keys,
            said,
            text: text.to_owned(),
            secrets,
        })
    }

    /// The text without its secrets, if it has any and wants them gone.
    pub(super) fn wiped(&self) -> Option<String> {
        if !self.keys.secrets.wipe || self.secrets.is_empty() {
            return None;
        }
        let marked = self.blanked(WIPED);
        // A line's end may be within a value: then it goes without a mark.
        let same = |text: &String| match (text.parse::<Table>(), self.blanked("").parse()) {
            (Ok(marked), Ok(plain)) => marked == plain,
            _ => false,
        };
        Some(
            Some(marked)
                .filter(same)
                .unwrap_or_else(|| self.blanked("")),
        )
    }

    fn blanked(&self, mark: &str) -> String {
        let mut text = self.text.clone();
        let mut marked = None;
        for value in self.secrets.iter().rev() {
            let rest = &text[value.end..];
            let end = value.end + rest.find('\n').unwrap_or(rest.len());
            let end = end - usize::from(text[..end].ends_with('\r'));
            let line = line_at(&text, value.end);
            if marked != Some(line) {
                text.insert_str(end, mark);
            }
            marked = Some(line);
            text.replace_range(value.clone(), "\"\"");
        }
        text
    }
}

/// The keys of a section, in which a value that is neither text, number nor switch is one of no known kind.
fn said(
    text: &str,
    section: Spanned<std::borrow::Cow<'_, str>>,
    value: Spanned<DeValue<'_>>,
    faults: &mut Vec<Fault>,
) -> Vec<Said> {
    let name = section.get_ref().to_string();
    let mut one = |key: &str, at: usize, value: Spanned<DeValue<'_>>| {
        let (line, span) = (line_at(text, at), value.span());
        match Value::deserialize(ValueDeserializer::from(value)) {
            Ok(value) => Some(Said {
                entry: Entry {
                    origin: String::new(),
                    section: name.clone(),
                    key: key.into(),
                    value,
                },
                line,
                value: span,
            }),
            Err(error) => {
                let reason = format!("{name}.{key}: {}", error.message());
                faults.push(Fault { line, reason });
                None
            }
        }
    };
    let (at, span) = (section.span().start, value.span());
    match value.into_inner() {
        DeValue::Table(keys) if !keys.is_empty() => {
            let keys = keys.into_iter();
            keys.filter_map(|(key, value)| one(key.get_ref(), key.span().start, value))
                .collect()
        }
        other => one(NOTHING, at, Spanned::new(span, other))
            .into_iter()
            .collect(),
    }
}

fn judge(entry: &Entry, known: &Schema<Keys>) -> Result<(), String> {
    known.check(entry).map_err(|error| error.reason())?;
    let is = |section, key| entry.section == section && entry.key == key;
    let text = entry.value.as_str().unwrap_or_default();
    if is("relay", "address") && !text.is_empty() {
        let spec: Result<RelaySpec, _> = text.parse();
        let fits = match spec {
            Ok(RelaySpec::Auto) => true,
            Ok(RelaySpec::Named(name)) => !name.is_empty() && !name.contains(char::is_control),
            Ok(RelaySpec::Address(address)) => is_address(&address),
            Err(never) => match never {},
        };
        if !fits {
            let reason = "a relay is HOST, HOST:PORT, auto or auto:NAME";
            return Err(entry.refused(reason).reason());
        }
    }
    Ok(())
}

/// Whether it is as good as not there.
fn says_nothing(entry: &Entry) -> bool {
    entry.key == NOTHING || entry.value.as_str() == Some("")
}

fn was_wiped(text: &str, said: &Said) -> bool {
    let rest = text[said.value.end..].lines().next().unwrap_or_default();
    says_nothing(&said.entry) && rest.trim_end().ends_with(WIPED.trim_start())
}

/// What is wrong with a key that stands without the one that it belongs to.
fn alone(one: &Said, all: &[Said]) -> Option<Fault> {
    let Entry { section, key, .. } = &one.entry;
    let (_, _, leader) = COMPANIONS
        .iter()
        .find(|(its, follower, _)| its == section && follower == key)?;
    let leads = |said: &Said| &said.entry.section == section && said.entry.key == *leader;
    let reason = format!("{section}.{key} belongs to {section}.{leader}, which is missing");
    (!all.iter().any(leads)).then_some(Fault {
        line: one.line,
        reason,
    })
}

fn table_of(all: &[Said]) -> Table {
    let mut table = Table::new();
    for Said { entry, .. } in all {
        let section = table
            .entry(entry.section.clone())
            .or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(keys) = section {
            keys.insert(entry.key.clone(), entry.value.clone());
        }
    }
    table
}

fn line_at(text: &str, at: usize) -> usize {
    let before = &text.as_bytes()[..at.min(text.len())];
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}
