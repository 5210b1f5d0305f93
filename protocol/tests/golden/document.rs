//! The bytes shown in `WIRE.md` are the vectors' bytes.

use serde::Serialize;
use std::fmt::Debug;

use crate::control_values::{
    CLOSING_REASONS, LEAVE_REASONS, REFUSALS, answers, events, requests, to_endpoint, to_relay,
};
use crate::vectors::{from_hex, written};

const DOCUMENT: &str = include_str!("../../WIRE.md");

/// The document shows bytes in code blocks that begin with ```` ```hex FILE: NAME ````; `#` begins a comment.
fn worked() -> Vec<(String, String, Vec<u8>)> {
    let blocks = DOCUMENT.split("```hex ").skip(1);
    let block = |block: &str| {
        let (title, rest) = block.split_once('\n').unwrap();
        let (body, _) = rest.split_once("```").unwrap();
        let (file, name) = title.split_once(": ").unwrap();
        let digits = |line: &str| line.split('#').next().unwrap().replace(' ', "");
        let hex: String = body.lines().map(digits).collect();
        (file.into(), name.into(), from_hex(&hex))
    };
    blocks.map(block).collect()
}

#[test]
fn the_document_s_worked_bytes_are_the_vectors() {
    let worked = worked();
    assert!(
        worked.len() >= 8,
        "the document works through {} examples",
        worked.len()
    );
    for (file, name, bytes) in worked {
        assert_eq!(bytes, written(&file, &name), "{file}: {name}");
    }
}

/// Each value's variant as the document's tables show it.
fn assert_in_a_table<T: Serialize + Debug>(values: impl IntoIterator<Item = T>) {
    for value in values {
        let number = postcard::to_allocvec(&value).unwrap()[0];
        let text = format!("{value:?}");
        let name = text.split([' ', '(']).next().unwrap();
        let row = format!("| {number} | {name}");
        let ends = |at: usize| DOCUMENT[at + row.len()..].starts_with([' ', ':']);
        let found = DOCUMENT.match_indices(&row).any(|(at, _)| ends(at));
        assert!(found, "no row {row:?}");
    }
}

#[test]
fn the_document_s_tables_number_every_variant_as_the_code_does() {
    assert_in_a_table(to_relay().into_iter().map(|(_, value)| value));
    assert_in_a_table(to_endpoint().into_iter().map(|(_, value)| value));
    assert_in_a_table(requests().into_iter().map(|(_, value)| value));
    assert_in_a_table(answers().into_iter().map(|(_, value)| value));
    assert_in_a_table(events().into_iter().map(|(_, value)| value));
    assert_in_a_table(REFUSALS);
    let reasons = LEAVE_REASONS.map(|reason| (reason as u8, format!("{reason:?}")));
    let closing = CLOSING_REASONS.map(|reason| (reason as u8, format!("{reason:?}")));
    for (number, name) in reasons.into_iter().chain(closing) {
        assert!(
            DOCUMENT.contains(&format!(" {number} {name}")),
            "{number} {name}"
        );
    }
}
