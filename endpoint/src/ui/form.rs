//! The sign-in form: what may be sent, and what is wrong with the rest as it is typed.

use super::problem::Trouble;
use conclave_protocol::name::{Email, Username};
use conclave_ui::Problem;

/// The longest address that is looked at.
const LONGEST_ADDRESS: usize = 260;

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
        let name = Username::parse(self.name.trim()).is_ok();
        let email = Email::parse(self.email.trim()).is_ok();
        let relay = is_address(self.relay.trim());
        Judgment {
            name: wrong(&self.name, name, Problem::NameInvalid),
            email: wrong(&self.email, email, Problem::EmailInvalid),
            relay: wrong(&self.relay, relay, Problem::RelayInvalid),
            complete: name && email && relay,
        }
    }
}

/// Which field an answer of the relay belongs to; `None` when it is about the whole.
pub(super) fn field_of(trouble: &Trouble) -> Option<Field> {
    match trouble.problem {
        Problem::NameTaken | Problem::Blocked => Some(Field::Name),
        Problem::EmailDiffers => Some(Field::Email),
        Problem::RelayUnreachable
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

/// Whether a text can be a host, with a port or without.
pub(super) fn is_address(text: &str) -> bool {
    if text.is_empty() || text.len() > LONGEST_ADDRESS {
        return false;
    }
    if text.parse::<std::net::IpAddr>().is_ok() || text.parse::<std::net::SocketAddr>().is_ok() {
        return true;
    }
    let (host, port) = text.rsplit_once(':').unwrap_or((text, "1"));
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    port.parse::<u16>().is_ok_and(|port| port > 0)
        && host.trim_end_matches('.').split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert!(
            fields("ana", "ana@example.org", "relay.lan:7470")
                .judge()
                .complete
        );
    }

    #[test]
    fn addresses_are_hosts_and_numbers_with_a_port_or_without() {
        for good in [
            "relay",
            "relay.lan",
            "relay.lan:7470",
            "192.0.2.1",
            "[2001:db8::1]:9",
            "2001:db8::1",
        ] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "relay lan",
            "relay:0",
            "relay:70000",
            "http://relay",
            "a..b",
            ":7470",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
