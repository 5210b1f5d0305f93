//! The rules of names and texts, on the names of `tests/vectors/names.txt` among others.

use alloc::string::ToString;
use alloc::vec::Vec;

use proptest::prelude::*;
use unicode_normalization::UnicodeNormalization;

use super::*;

/// Display names and room names with the expected result: `+` accepted, `-` refused, `=` two spellings of one name.
const NAMES: &str = include_str!("../../tests/vectors/names.txt");

fn names(sign: &'static str) -> impl Iterator<Item = &'static str> {
    NAMES
        .split('\n')
        .filter_map(move |line| line.strip_prefix(sign)?.strip_prefix(' '))
}

#[test]
fn usernames_follow_their_rule() {
    for good in ["an", "Ana", "9lives", "a_b.c-d", "Đức", &"x".repeat(32)] {
        assert_eq!(
            Username::parse(good).map(|n| n.as_str() == good),
            Ok(true),
            "{good}"
        );
    }
    for bad in [
        "",
        "a",
        "-ab",
        ".ab",
        "a b",
        "a\u{0}b",
        "a@b",
        "a\u{202e}b",
        &"x".repeat(33),
    ] {
        assert!(Username::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn names_that_differ_in_case_alone_have_one_key() {
    let (a, b) = (
        Username::parse("Đức").unwrap(),
        Username::parse("đỨC").unwrap(),
    );
    assert_ne!(a, b);
    assert_eq!(a.key(), b.key());
}

#[test]
fn emails_follow_their_rule() {
    for good in [
        "a@b",
        "ana@example.org",
        "a.b+c@x-y.example",
        "o'neil@example.org",
    ] {
        assert!(Email::parse(good).is_ok(), "{good}");
    }
    let long = "a".repeat(65) + "@b";
    for bad in [
        "",
        "a",
        "@b",
        "a@",
        "a@b@",
        "a..b@c",
        ".a@b",
        "a@-b",
        "a@b..c",
        "a b@c",
        "é@b",
        long.as_str(),
    ] {
        assert!(Email::parse(bad).is_err(), "{bad:?}");
    }
    assert!(Email::parse(&("a@".to_string() + &"b".repeat(300))).is_err());
}

#[test]
fn room_names_are_trimmed_when_typed_and_refused_untrimmed_on_the_wire() {
    let room = RoomName::parse("  Phòng họp 1 ").unwrap();
    assert_eq!(room.as_str(), "Phòng họp 1");
    let bytes = postcard::to_allocvec(" x ").unwrap();
    assert!(postcard::from_bytes::<RoomName>(&bytes).is_err());
}

#[test]
fn chat_allows_lines_and_tabs_but_no_other_control() {
    assert!(ChatText::parse("a\n\tb").is_ok());
    assert!(ChatText::parse("").is_err());
    assert!(ChatText::parse("a\u{1b}[31m").is_err());
    assert!(ChatText::parse(&"é".repeat(1000)).is_ok());
    assert!(ChatText::parse(&"é".repeat(1001)).is_err());
}

#[test]
fn pins_are_digits() {
    assert!(Pin::parse("0042").is_ok());
    assert!(Pin::parse("123").is_err());
    assert!(Pin::parse("12a4").is_err());
    assert!(Pin::parse("1234567890123").is_err());
}

#[test]
fn public_addresses_have_a_host_and_nothing_after_their_path() {
    for (good, host) in [
        ("https://calls.example.org", "calls.example.org"),
        ("http://[::1]:7480/", "[::1]:7480"),
        ("https://example.org/calls", "example.org"),
    ] {
        assert_eq!(
            PublicUrl::parse(good).map(|url| url.host() == host),
            Ok(true),
            "{good}"
        );
    }
    for bad in [
        "",
        "example.org",
        "ftp://example.org",
        "https://",
        "https:///calls",
        "https://a@b",
        "https://a/#b",
        "https://a/?b",
        "https://a b",
        "https://é",
        &("https://".to_string() + &"a".repeat(200)),
    ] {
        assert!(PublicUrl::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn link_tokens_are_base64url() {
    assert!(LinkToken::parse("aZ09-_").is_ok());
    for bad in ["", "a=", "a/b", "a+b", &"a".repeat(65)] {
        assert!(LinkToken::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    assert!(postcard::from_bytes::<Username>(&[3, 0xed, 0xa0, 0x80]).is_err());
    assert!(postcard::from_bytes::<Username>(&[0xff, 0xff, 0xff, 0xff, 0x0f, b'a']).is_err());
}

#[test]
fn names_that_people_write_are_kept_as_they_are() {
    assert!(names("+").count() >= 10);
    for text in names("+").chain(names("=")) {
        let room = RoomName::parse(text).unwrap();
        assert_eq!(DisplayName::parse(text).unwrap().as_str(), room.as_str());
        assert_eq!(room.as_str(), text.nfc().collect::<String>());
    }
}

#[test]
fn names_that_differ_in_composition_or_case_alone_are_one() {
    let equal: Vec<_> = names("=")
        .map(|text| RoomName::parse(text).unwrap())
        .collect();
    assert!(equal.len() >= 4);
    for pair in equal.chunks(2) {
        assert_eq!(pair[0].key(), pair[1].key());
    }
    let user = |text| Username::parse(text).unwrap();
    assert_eq!(user("Caf\u{e9}"), user("Cafe\u{301}"));
    assert_eq!(user("STRASSE").key(), user("straße").key());
    assert_eq!(user("ＡＮＡ").key(), "ana");
    assert_eq!(user("\u{130}rem").key(), user("i\u{307}REM").key());
    let room = |text| RoomName::parse(text).unwrap().key();
    assert_eq!(room("会議室\u{3000}2"), room("会議室  2"));
    assert_eq!(room("نمی\u{200c}خواهم"), room("نمیخواهم"));
    assert_ne!(room("Cafe"), room("Café"));
}

#[test]
fn deceptive_names_are_refused_by_name_of_the_reason() {
    let reasons = [
        "blank",
        "a zero-width space (U+200B)",
        "a bidirectional override (U+202E)",
        "a bidirectional isolate (U+2066)",
        "a line separator (U+2028)",
        "a tab (U+0009)",
        "at most 48 characters",
    ];
    assert_eq!(names("-").count(), reasons.len());
    for (text, reason) in names("-").zip(reasons) {
        let refused = RoomName::parse(text).unwrap_err();
        assert!(refused.to_string().contains(reason), "{text:?}: {refused}");
        assert_eq!(DisplayName::parse(text), Err(refused));
    }
}

#[test]
fn joiners_are_for_the_scripts_and_emoji_that_need_them() {
    for good in [
        "নারী র\u{200d}\u{9cd}যাব",
        "ශ්\u{200d}රී",
        "ക്\u{200d}",
        "❤\u{fe0f}\u{200d}🔥",
        "👩🏽\u{200d}🚀",
        "🏴\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}",
        "1\u{fe0f}\u{20e3}",
        "葛\u{e0100}城",
    ] {
        assert_eq!(
            DisplayName::parse(good).map(|name| name.as_str() == good),
            Ok(true),
            "{good}"
        );
    }
    for (bad, what) in [
        ("a\u{200d}b", Unseen::Joiner),
        ("a\u{200c}b", Unseen::Joiner),
        ("\u{200d}", Unseen::Joiner),
        ("👩\u{200d}", Unseen::Joiner),
        ("👩\u{200d}\u{200d}🚀", Unseen::Joiner),
        ("نمی\u{200c}\u{200c}خواهم", Unseen::Joiner),
        ("\u{fe0f}", Unseen::VariationSelector),
        ("a\u{e0067}", Unseen::Invisible),
        ("a\u{ad}b", Unseen::Invisible),
        ("\u{3164}\u{3164}", Unseen::Invisible),
        ("a\u{1b}b", Unseen::Control),
    ] {
        let refused = DisplayName::parse(bad).unwrap_err();
        assert!(
            matches!(refused, NameError::Unseen { what: found, .. } if found == what),
            "{bad:?}: {refused}"
        );
        assert!(Username::parse(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn marks_follow_letters_and_do_not_pile_up() {
    for good in ["สิทธิ์", "น้ำ", "हिन्दी", "نمی\u{200c}خواهم", "\u{1e6b}\u{307}x"]
    {
        assert!(Username::parse(good).is_ok(), "{good}");
    }
    let pile = |marks| "a".to_string() + &"\u{35e}".repeat(marks);
    assert!(DisplayName::parse(&pile(8)).is_ok());
    for bad in ["\u{301}a", "a \u{301}", &pile(9)] {
        assert!(
            matches!(DisplayName::parse(bad), Err(NameError::Mark { .. })),
            "{bad:?}"
        );
    }
}

#[test]
fn a_name_that_is_not_composed_is_refused_on_the_wire() {
    for text in ["Cafe\u{301}", "Caf\u{e9}"] {
        let bytes = postcard::to_allocvec(text).unwrap();
        let is_composed = text == "Café";
        assert_eq!(
            postcard::from_bytes::<Username>(&bytes).is_ok(),
            is_composed
        );
        assert_eq!(
            postcard::from_bytes::<DisplayName>(&bytes).is_ok(),
            is_composed
        );
    }
}

#[test]
fn a_display_name_has_a_username_that_looks_like_it() {
    for (name, username) in [
        ("Ana Lima", "Ana.Lima"),
        ("O'Brien", "O.Brien"),
        ("  Straße & Co. ", "Straße.Co"),
        ("👩🏽\u{200d}🚀 Ada", "Ada"),
        ("สิทธิ์ น้ำ", "สิทธิ์.น้ำ"),
        ("نمی\u{200c}خواهم", "نمیخواهم"),
        (&"x".repeat(48), &"x".repeat(32)),
    ] {
        let near = DisplayName::parse(name).unwrap().username();
        assert_eq!(
            near.map(|near| near.as_str() == username),
            Ok(true),
            "{name}"
        );
    }
    for nothing in ["👋", "a", "& Co?!"] {
        let near = DisplayName::parse(nothing).unwrap().username();
        assert_eq!(near.is_ok(), nothing == "& Co?!", "{nothing}");
    }
}

#[test]
fn a_display_name_has_at_most_144_bytes() {
    assert!(DisplayName::parse(&"会".repeat(48)).is_ok());
    let bytes = NameError::TooLong {
        most: 144,
        unit: "bytes",
    };
    assert_eq!(DisplayName::parse(&"👋".repeat(37)), Err(bytes));
}

/// Texts of characters that the rules treat specially, beside any characters.
fn text() -> impl Strategy<Value = String> {
    let interesting = proptest::sample::select(
        "aZßſİıΣςﬃ①Å\u{212b}ｶ\u{ff9e}각\u{1100}\u{1161}¨\u{345}\u{301}\u{327}\u{323}\u{e33}\u{94d}न\u{200d}\u{200c}\u{fe0f} \u{3000}👩🏽🚀-_."
            .chars()
            .collect::<Vec<_>>(),
    );
    let character = prop_oneof![3 => interesting, 1 => any::<char>()];
    proptest::collection::vec(character, 0..40).prop_map(|text| text.into_iter().collect())
}

proptest! {
    #[test]
    fn a_name_that_was_shown_is_the_same_name_when_it_is_typed_again(text in text()) {
        if let Ok(name) = DisplayName::parse(&text) {
            prop_assert_eq!(DisplayName::parse(&name.to_string()), Ok(name.clone()));
            let bytes = postcard::to_allocvec(&name).unwrap();
            if let Ok(near) = name.username() {
                prop_assert_eq!(Username::parse(near.as_str()), Ok(near));
            }
            prop_assert_eq!(postcard::from_bytes(&bytes), Ok(name));
        }
        if let Ok(name) = Username::parse(&text) {
            let shown = DisplayName::from(&name);
            prop_assert_eq!(shown.as_str(), name.as_str());
            prop_assert_eq!(Username::parse(name.as_str()), Ok(name));
        }
    }

    #[test]
    fn a_key_is_its_own_key_and_the_same_for_each_composition(text in text()) {
        let key = unicode::key(&text);
        prop_assert_eq!(unicode::key(&key), key.clone());
        prop_assert_eq!(unicode::key(&text.nfc().collect::<String>()), key.clone());
        prop_assert_eq!(unicode::key(&text.nfd().collect::<String>()), key.clone());
        if DisplayName::parse(&text).is_ok() {
            prop_assert!(!key.is_empty());
        }
    }
}
