//! Faces: initials and a color for participants without a picture.

use conclave_protocol::name::is_mark;

/// The avatar's colors in the theme.
const HUES: u32 = 8;

/// One or two letters for a name: the first of its first and its last word.
pub(in crate::ui) fn initials(name: &str) -> String {
    let mut words = name
        .split(|c: char| !c.is_alphanumeric() && !is_mark(c))
        .filter_map(|word| word.chars().find(|c| c.is_alphanumeric()));
    let first = words.next();
    let last = words.next_back();
    first
        .into_iter()
        .chain(last)
        .flat_map(char::to_uppercase)
        .collect()
}

/// The same color for the same name, everywhere and always.
pub(in crate::ui) fn hue(name: &str) -> i32 {
    // FNV-1a: few letters, evenly spread.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    (hash % HUES) as i32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn initials_are_of_the_first_and_the_last_word() {
        for (name, expected) in [
            ("ana", "A"),
            ("Ana.Lima", "AL"),
            ("bảo-trung_Trần", "BT"),
            ("_", ""),
            ("สิทธิ์ น้ำ", "สน"),
            ("हिन्दी नाम", "हन"),
            ("❤\u{fe0f} Ana", "A"),
        ] {
            assert_eq!(initials(name), expected);
        }
    }

    #[test]
    fn a_name_keeps_its_color() {
        assert_eq!(hue("ana"), hue("ana"));
        assert!((0..8).contains(&hue("ben")));
    }
}
