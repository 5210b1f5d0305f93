//! The vector files: reading, comparing, writing.

use serde_json::{Value, json};
use std::path::PathBuf;

/// One pinned value.
pub struct Vector {
    pub name: String,
    /// The input, or the value in words.
    pub given: Value,
    pub bytes: Vec<u8>,
}

impl Vector {
    pub fn new(name: &str, given: Value, bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.into(),
            given,
            bytes: bytes.into(),
        }
    }
}

fn path(file: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "vectors", file]
        .iter()
        .collect()
}

/// The bytes of a vector as the file has them, to decode them.
pub fn written(file: &str, name: &str) -> Vec<u8> {
    let all: Value = serde_json::from_str(&std::fs::read_to_string(path(file)).unwrap()).unwrap();
    let entry = all
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["name"] == name);
    let entry = entry.unwrap_or_else(|| panic!("{file} has no vector named {name:?}"));
    from_hex(entry["hex"].as_str().unwrap())
}

/// Compares the file with the vectors of the code.
pub fn check(file: &str, vectors: &[Vector]) {
    let entries: Vec<_> = vectors
        .iter()
        .map(|v| json!({ "name": v.name, "given": v.given, "hex": hex(&v.bytes) }))
        .collect();
    let path = path(file);
    if std::env::var_os("CONCLAVE_WRITE_VECTORS").is_some() {
        let text = serde_json::to_string_pretty(&entries).unwrap() + "\n";
        std::fs::write(&path, text).unwrap();
        panic!(
            "{file} is written again: read the difference, then run this without CONCLAVE_WRITE_VECTORS"
        );
    }
    let text = std::fs::read_to_string(&path).unwrap_or_default();
    let kept: Vec<Value> = serde_json::from_str(&text).unwrap_or_default();
    for (made, kept) in entries.iter().zip(&kept) {
        assert_eq!(made, kept, "{file}: {}", made["name"]);
    }
    assert_eq!(
        entries.len(),
        kept.len(),
        "{file}: a vector too many or too few"
    );
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub fn from_hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text
        .chars()
        .map(|c| c.to_digit(16).unwrap() as u8)
        .collect();
    assert!(digits.len().is_multiple_of(2));
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}
