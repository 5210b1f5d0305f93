//! One line that this endpoint wrote, until the relay has stored it.

use super::Addressee;
use crate::engine::messages::{LineNumber, Written};
use conclave_protocol::id::{ChatId, LineMark};
use conclave_protocol::name::{ChatText, DisplayName, Username};
use conclave_protocol::units::UnixMillis;
use conclave_protocol::wire::control::{ChatLine, Refusal};

/// What becomes of an own line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is to be said.
    Waiting,
    /// It is not said unless its writer wants it again.
    Refused,
}

/// A line that the relay is not known to have stored.
#[derive(Debug)]
pub(super) struct OwnLine {
    pub(super) number: LineNumber,
    pub(super) mark: LineMark,
    pub(super) to: Option<Addressee>,
    pub(super) text: Box<ChatText>,
    /// Who waits for the answer.
    pub(super) written: Option<Written>,
    pub(super) state: State,
}

impl OwnLine {
    pub(super) fn addressed_to(&self) -> Option<DisplayName> {
        self.to.as_ref().map(|to| to.display_name.clone())
    }

    /// Tells the writer who waits, once.
    pub(super) fn answer(&mut self, answer: Result<(), Refusal>) {
        if let Some(written) = self.written.take() {
            // The receiver may be gone: then nobody needs the answer.
            let _ = written.send(answer);
        }
    }

    /// The line as the relay stored it.
    pub(super) fn as_told(
        &self,
        id: ChatId,
        at: UnixMillis,
        (from, from_name): (&Username, &DisplayName),
    ) -> ChatLine {
        ChatLine {
            id,
            at,
            from: from.clone(),
            from_name: from_name.clone(),
            to: self.to.as_ref().map(|to| to.username.clone()),
            text: self.text.clone(),
            mark: self.mark,
        }
    }
}
