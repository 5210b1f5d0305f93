//! Every string of the pages has its translation, and no translation is of a string that is gone.
//!
//! `qps-ploc` is a made-up language for finding what was left out: English with accents, in brackets, and longer. It is
//! not called `en-XA`, or it would be what Slint picks by itself on a system that speaks English. After a string has
//! changed, `WRITE_PSEUDO=1 cargo test -p conclave-ui --test translations` writes it again.

mod catalog;
mod pseudo;
mod strings;

use catalog::Catalog;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use strings::{Key, placeholders};

const LANGUAGES: [(&str, usize); 3] = [("de", 2), ("vi", 1), (pseudo::LANGUAGE, 2)];

fn path(language: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("lang")
        .join(language)
        .join("LC_MESSAGES/conclave-ui.po")
}

fn catalog(language: &str) -> Catalog {
    let path = path(language);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Catalog::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn a_string_with_context_and_plural_is_found_in_its_source() {
    let source = r#"// @tr("not this") as it is a comment
        text: @tr("device" => "Off") + @tr("{n} \"person\"" | "{n} people" % count) + "@no-tr" + @tr("A {0}, as in https://x", a);"#;
    let found = strings::of(source).expect("it can be read");
    let expected = [
        Key {
            context: Some("device".into()),
            id: "Off".into(),
            plural: None,
        },
        Key {
            context: None,
            id: r#"{n} \"person\""#.into(),
            plural: Some("{n} people".into()),
        },
        Key {
            context: None,
            id: "A {0}, as in https://x".into(),
            plural: None,
        },
    ];
    assert_eq!(found, expected);
}

#[test]
fn every_string_is_translated_and_nothing_else_is() {
    let wanted: BTreeSet<Key> = strings::all().into_iter().collect();
    let mut wrong = Vec::new();
    for (language, _) in LANGUAGES {
        let entries = catalog(language).entries;
        let there: BTreeSet<&Key> = entries.iter().map(|entry| &entry.key).collect();
        wrong.extend(
            wanted
                .iter()
                .filter(|key| !there.contains(key))
                .map(|key| format!("{language} lacks {key}")),
        );
        wrong.extend(
            there
                .iter()
                .filter(|key| !wanted.contains(**key))
                .map(|key| format!("{language} has {key}, which is gone")),
        );
        if there.len() < entries.len() {
            wrong.push(format!("{language} has a string twice"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_translation_has_its_forms_and_the_placeholders_of_its_string() {
    let mut wrong = Vec::new();
    for (language, plurals) in LANGUAGES {
        for entry in catalog(language).entries {
            let forms = if entry.key.plural.is_some() {
                plurals
            } else {
                1
            };
            if entry.forms.len() != forms || entry.forms.iter().any(String::is_empty) {
                wrong.push(format!("{language}: {} needs {forms} forms", entry.key));
            }
            let expected = placeholders(&entry.key.id);
            for form in entry
                .forms
                .iter()
                .filter(|form| placeholders(form) != expected)
            {
                wrong.push(format!(
                    "{language}: {} and {form:?} differ in what is filled in",
                    entry.key
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_sentence_stays_a_sentence_and_a_wait_stays_a_wait() {
    let mut wrong = Vec::new();
    for (language, _) in LANGUAGES
        .into_iter()
        .filter(|(language, _)| *language != pseudo::LANGUAGE)
    {
        for entry in catalog(language).entries {
            let end = |text: &str| text.chars().last().filter(|last| ".…?".contains(*last));
            for form in entry
                .forms
                .iter()
                .filter(|form| end(form) != end(&entry.key.id))
            {
                wrong.push(format!(
                    "{language}: {} and {form:?} end differently",
                    entry.key
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_pseudo_language_is_made_from_the_strings_as_they_are() {
    let mut keys = strings::all();
    let mut seen = BTreeSet::new();
    keys.retain(|key| seen.insert(key.clone()));
    let expected = pseudo::catalog(&keys);
    let path = path(pseudo::LANGUAGE);
    if std::env::var_os("WRITE_PSEUDO").is_some() {
        std::fs::create_dir_all(path.parent().expect("it is in a folder"))
            .expect("the folder can be made");
        std::fs::write(&path, &expected).expect("it can be written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == expected,
        "{} is not up to date: see the top of this test",
        path.display()
    );
}
