//! What the reference lists is understood, and nothing else.

use conclave_protocol::secret::Secret;
use conclave_protocol::wire::control::Request;
use proptest::prelude::*;
use serde_json::json;

use super::field::{SECRET_CHARACTERS, invalid, secret};
use super::*;

#[test]
fn every_request_of_the_reference_is_understood() {
    let device = "A".repeat(43);
    let sign_in = format!(
        r#""version": 1, "device": "{device}", "username": "ana", "display_name": "Ana Lima", "email": "a@b", "resume": "{device}""#
    );
    let link = format!(
        r#""version": 1, "device": "{device}", "display_name": "Ana Lima", "token": "abc", "resume": null"#
    );
    for (name, fields) in [
        ("sign_in", sign_in.as_str()),
        ("enter_link", &link),
        ("list_rooms", r#""after": 3"#),
        (
            "create_room",
            r#""name": "x", "pin": "1234", "capacity": 8"#,
        ),
        (
            "join_room",
            r#""room": 1, "microphone": true, "camera": false"#,
        ),
        ("say", r#""text": "hello", "to": 7"#),
        ("say", r#""text": "hello", "mark": 9007199254740991"#),
        ("history", r#""before": 9"#),
        ("publish", r#""source": 1, "media": {"kind": "audio"}"#),
        (
            "publish",
            r#""source": 0, "media": {"kind": "screen", "width": 4096, "height": 9, "fps": 5, "layer": "half"}"#,
        ),
        ("unpublish", r#""stream": 1"#),
        ("set_devices", r#""microphone": true, "camera": false"#),
        ("set_clock", r#""offset_us": -5"#),
        ("subscribe", r#""stream": 1, "want": 15"#),
        ("subscribe", r#""stream": 1, "want": "nothing""#),
        ("make_link", r#""room": 1, "minutes": 60"#),
        ("revoke_links", r#""room": 1"#),
        ("allow_browsers", r#""room": 1, "allowed": false"#),
    ] {
        let text = format!(r#"{{"id": 4, "do": "{name}", {fields}}}"#);
        let incoming = Incoming::parse(&text);
        let is_request = matches!(
            incoming,
            Ok(Incoming::Request {
                id: RequestId(4),
                ask: Ok(_)
            })
        );
        assert!(is_request, "{text}: {incoming:?}");
    }
    assert_eq!(
        Incoming::parse(r#"{"do": "ping", "sent": 9}"#),
        Ok(Incoming::Ping { sent: 9 })
    );
    let leave = Incoming::parse(r#"{"id": 1, "do": "leave_room"}"#);
    let ask = Ok(Ask::Core(Box::new(Request::LeaveRoom)));
    let id = RequestId(1);
    assert_eq!(leave, Ok(Incoming::Request { id, ask }));
}

#[test]
fn a_secret_of_any_other_length_is_invalid() {
    let read = |text: &str| secret(text, "device");
    assert_eq!(read(&"A".repeat(43)), Ok(Secret([0; 32])));
    for length in (0..43).chain(44..200).chain([MAX_TEXT_BYTES]) {
        let text = "A".repeat(length);
        assert_eq!(read(&text), Err(invalid("device")), "{length} characters");
    }
    for text in [
        "A".repeat(42) + "=",
        "A".repeat(42) + "B",
        "\u{e9}".repeat(21) + "A",
    ] {
        assert_eq!(read(&text), Err(invalid("device")), "{text}");
    }
}

#[test]
fn a_picture_beyond_the_bounds_is_invalid() {
    let text = r#"{"id": 1, "do": "publish", "source": 0, "media":
        {"kind": "camera", "width": 4097, "height": 9, "fps": 5}}"#;
    let ask = Err(Invalid::field("media"));
    let id = RequestId(1);
    assert_eq!(Incoming::parse(text), Ok(Incoming::Request { id, ask }));
}

#[test]
fn a_name_that_breaks_its_rule_is_refused_by_the_name_of_the_reason() {
    for (name, why) in [
        (" ", "blank"),
        ("a\u{200b}b", "zero_width_space"),
        ("a\u{202e}b", "direction"),
        ("a\u{2066}b", "direction"),
        ("a\u{2028}b", "line_break"),
        ("a\tb", "tab"),
        (&"x".repeat(49), "too_long"),
    ] {
        let device = "A".repeat(SECRET_CHARACTERS);
        let create = json!({"id": 1, "do": "create_room", "name": name, "capacity": 8});
        let enter = json!({"id": 1, "do": "enter_link", "version": 1, "device": device,
            "token": "abc", "display_name": name});
        for (message, field) in [(create, "name"), (enter, "display_name")] {
            let text = message.to_string();
            let (id, why) = (RequestId(1), Some(why));
            let ask = Err(Invalid { field, why });
            assert_eq!(
                Incoming::parse(&text),
                Ok(Incoming::Request { id, ask }),
                "{text}"
            );
        }
    }
}

proptest! {
    #[test]
    fn any_text_is_a_message_or_malformed(text in ".{0,200}") {
        let _ = Incoming::parse(&text);
    }

    #[test]
    fn any_secret_is_taken_or_invalid(text in "[A-Za-z0-9_=-]{30,60}|.{0,60}") {
        let taken = secret(&text, "resume").is_ok();
        prop_assert!(!taken || text.len() == SECRET_CHARACTERS);
    }

    #[test]
    fn a_damaged_message_is_a_message_or_malformed(at: usize, with in "[ -~]{0,3}") {
        let whole = r#"{"id": 7, "do": "publish", "source": 0, "media": {"kind": "camera", "width": 640, "height": 360, "fps": 15}}"#;
        let at = at % whole.len();
        let text = format!("{}{with}{}", &whole[..at], &whole[at + 1..]);
        let _ = Incoming::parse(&text);
    }
}
