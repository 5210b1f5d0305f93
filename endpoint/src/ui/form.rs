//! The sign-in form: what may be sent, and what is wrong with the rest as it is typed.

use crate::net::discovery::is_address;
use crate::ui::problem::{Trouble, flaw};
use conclave_protocol::name::{DisplayName, Email};
use conclave_ui::Problem;

/// What stands in the fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) name: String,
    pub(super) email: String,
    pub(super) relay: String,
}

/// What is wrong with each field. An empty field is not wrong before it is sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Judgment {
    pub(super) name: Problem,
    pub(super) email: Problem,
    pub(super) relay: Problem,
    pub(super) complete: bool,
}

impl Fields {
    pub(super) fn judge(&self) -> Judgment {
        let wrong = |text: &str, good: bool, problem| {
            if text.is_empty() || good {
                Problem::None
            } else {
                problem
            }
        };
        let name = DisplayName::parse(&self.name).and_then(|name| name.username().map(drop));
        let email = Email::parse(self.email.trim()).is_ok();
        let relay = is_address(self.relay.trim());
        Judgment {
            name: match name {
                Err(error) if !self.name.is_empty() => flaw(error, Problem::NameInvalid),
                _ => Problem::None,
            },
            email: wrong(&self.email, email, Problem::EmailInvalid),
            relay: wrong(&self.relay, relay, Problem::RelayInvalid),
            complete: name.is_ok() && email && relay,
        }
    }
}

/// Which field an answer of the relay belongs to; `None` when it is about the whole.
pub(super) fn field_of(trouble: &Trouble) -> Option<Field> {
    match trouble.problem {
        Problem::NameTaken | Problem::Blocked => Some(Field::Name),
        Problem::EmailDiffers => Some(Field::Email),
        Problem::AddressUnreachable
        | Problem::IdentityChanged
        | Problem::WrongFingerprint
        | Problem::VersionDiffers => Some(Field::Relay),
        _ => None,
    }
}

/// A field of the form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Field {
    Name,
    Email,
    Relay,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::pages::lobby::Draft;

    fn fields(name: &str, email: &str, relay: &str) -> Fields {
        Fields {
            name: name.into(),
            email: email.into(),
            relay: relay.into(),
        }
    }

    #[test]
    fn an_empty_form_is_neither_wrong_nor_complete() {
        let judgment = fields("", "", "").judge();
        assert_eq!(
            (judgment.name, judgment.email, judgment.relay),
            (Problem::None, Problem::None, Problem::None)
        );
        assert!(!judgment.complete);
    }

    #[test]
    fn each_field_is_judged_by_itself() {
        let judgment = fields("a", "ana@example.org", "relay:lan:x").judge();
        assert_eq!(
            (judgment.name, judgment.email, judgment.relay),
            (Problem::NameInvalid, Problem::None, Problem::RelayInvalid)
        );
        for name in ["ana", "Ana Lima", "สิทธิ์ น้ำ"] {
            let form = fields(name, "ana@example.org", "relay.lan:7470");
            assert!(form.judge().complete, "{name}");
        }
    }

    #[test]
    fn a_name_is_refused_by_what_is_wrong_with_it() {
        for (name, problem) in [
            (" ", Problem::NameBlank),
            ("ana\u{200b}lima", Problem::NameZeroWidth),
            ("ana\u{202e}lima", Problem::NameDirection),
            ("ana\u{2028}lima", Problem::NameLineBreak),
            ("ana\tlima", Problem::NameTab),
            ("ana\u{ad}lima", Problem::NameUnseen),
            ("\u{301}ana", Problem::NameMark),
            (&"x".repeat(49), Problem::NameInvalid),
        ] {
            assert_eq!(fields(name, "", "").judge().name, problem, "{name:?}");
        }
    }
    #[test]
    fn each_name_of_the_protocol_s_table_is_taken_or_refused_as_it_says() {
        let table = include_str!("../../../protocol/tests/vectors/names.txt");
        for line in table.split('\n').filter(|line| !line.starts_with('#')) {
            let Some((sign, name)) = line.split_once(' ') else {
                continue;
            };
            let person = fields(name, "", "").judge().name;
            let room = Draft {
                name: name.into(),
                ..Draft::default()
            };
            for problem in [person, room.judge()] {
                assert_eq!(
                    problem == Problem::None,
                    sign != "-",
                    "{name:?}: {problem:?}"
                );
            }
        }
    }
}
