//! A made-up language: English with accents, in brackets, and longer by as much as other languages are.

use crate::strings::Key;
use std::fmt::Write;

/// What other systems call theirs; no language of people has such a code.
pub(crate) const LANGUAGE: &str = "qps-ploc";

/// German is longer than English by so much, in percent of its letters.
const LONGER_PERCENT: usize = 40;

pub(crate) fn catalog(keys: &[Key]) -> String {
    let mut text = format!(
        "# Made from English by tests/translations: not to be edited.\nmsgid \"\"\nmsgstr \"\"\n\"Language: {LANGUAGE}\\n\"\n\
         \"Content-Type: text/plain; charset=UTF-8\\n\"\n\"Plural-Forms: nplurals=2; plural=(n != 1);\\n\"\n"
    );
    let mut line = |name: &str, value: &str| {
        writeln!(text, "{name} \"{value}\"").expect("a string takes everything")
    };
    for key in keys {
        text_of(key, &mut line);
    }
    text
}

fn text_of(key: &Key, line: &mut impl FnMut(&str, &str)) {
    if let Some(context) = &key.context {
        line("\nmsgctxt", context);
        line("msgid", &key.id);
    } else {
        line("\nmsgid", &key.id);
    }
    match &key.plural {
        Some(plural) => {
            line("msgid_plural", plural);
            line("msgstr[0]", &word(&key.id));
            line("msgstr[1]", &word(plural));
        }
        None => line("msgstr", &word(&key.id)),
    }
}

/// Longer within its words, as German is, so that lines break where they would.
fn word(text: &str) -> String {
    let letters = text.chars().filter(|letter| letter.is_alphabetic()).count();
    let vowels = text.chars().filter(|letter| accented(*letter).1).count();
    let more = (letters * LONGER_PERCENT).div_ceil(100);
    let mut given = 0;
    let mut seen = 0;
    let mut inside = false;
    let mut long = String::from("⟦");
    for letter in text.chars() {
        inside = (inside || letter == '{') && letter != '}';
        if inside {
            long.push(letter);
            continue;
        }
        let (letter, vowel) = accented(letter);
        long.push(letter);
        if vowel {
            seen += 1;
            // As many as are due by now, so that they are spread evenly.
            while given < more * seen / vowels {
                long.extend(letter.to_lowercase());
                given += 1;
            }
        }
    }
    long.push('⟧');
    long
}

/// The letter with its accent, and whether it is a vowel.
fn accented(letter: char) -> (char, bool) {
    let plain = "aeiouyAEIOUYcnszCNSZ";
    let marked = "áéíöüýÁÉÍÖÜÝçñšžÇÑŠŽ";
    match plain.chars().position(|other| other == letter) {
        Some(index) => (marked.chars().nth(index).unwrap_or(letter), index < 12),
        None => (letter, false),
    }
}
