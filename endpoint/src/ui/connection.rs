//! How things stand between this endpoint and its relay, and how the screen says it.

use super::problem::{Trouble, of_connection};
use crate::engine::ConnectionLoss;
use conclave_ui::{Health, Problem};

/// What is known of the connection.
#[derive(Debug)]
pub(super) enum Connection {
    /// No account is signed in, and none is about to be.
    None,
    /// It is made for the first time.
    Begun,
    Good,
    /// It was lost, or could not be made; it is tried again.
    Lost(ConnectionLoss),
    /// The relay was looked for on the network, and is again.
    NotFound(String),
    /// The relay refused, or another device took the name.
    Ended(Trouble),
}

impl Connection {
    pub(super) const fn health(&self) -> Health {
        match self {
            Self::None => Health::Unknown,
            Self::Begun | Self::Lost(_) | Self::NotFound(_) => Health::Waiting,
            Self::Good => Health::Good,
            Self::Ended(_) => Health::Bad,
        }
    }

    pub(super) const fn is_good(&self) -> bool {
        matches!(self, Self::Good)
    }

    /// Why there is none now, between meetings; something whenever the mark of its health is amber or red.
    pub(super) fn trouble(&self, relay: &str) -> Trouble {
        match self {
            Self::None | Self::Good => Trouble::default(),
            Self::Begun => Trouble::of(Problem::Connecting),
            Self::Lost(loss) => of_connection(loss, relay, Problem::RelayUnreachable),
            Self::NotFound(why) => Trouble::with(Problem::RelayUnreachable, why),
            Self::Ended(trouble) => trouble.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_that_is_amber_or_red_has_words() {
        let all = [
            Connection::None,
            Connection::Begun,
            Connection::Good,
            Connection::Lost(ConnectionLoss::Silent),
            Connection::NotFound("no relay announces itself".into()),
            Connection::Ended(Trouble::of(Problem::Replaced)),
        ];
        for connection in all {
            let marked = matches!(connection.health(), Health::Waiting | Health::Bad);
            let says = connection.trouble("relay.lan").is_some();
            assert_eq!(says, marked, "{connection:?}");
        }
    }
}
