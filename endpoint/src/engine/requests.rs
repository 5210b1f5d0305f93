//! Requests that the relay has yet to answer, and what each was for.

use super::asked::Asked;
use conclave_protocol::id::RequestId;
use conclave_protocol::wire::control::{Request, ToRelay};
use std::collections::BTreeMap;

/// The requests of one connection after the other; their numbers are never used twice.
#[derive(Default)]
pub(super) struct Requests {
    next: u32,
    pending: BTreeMap<RequestId, Asked>,
    is_open: bool,
}

impl Requests {
    /// A connection is there to send requests by.
    pub(super) fn open(&mut self) {
        self.is_open = true;
    }

    /// The connection is gone: what was asked by it is not answered any more.
    pub(super) fn close(&mut self) {
        self.is_open = false;
        self.pending.clear();
    }

    /// Gives the message that asks; nothing while there is no connection, because no answer would come.
    pub(super) fn ask(&mut self, request: Request, asked: Asked) -> Option<ToRelay> {
        if !self.is_open {
            return None;
        }
        let id = RequestId(self.next);
        self.next = self.next.wrapping_add(1);
        self.pending.insert(id, asked);
        Some(ToRelay::Request { id, request })
    }

    /// A request is answered: gives what it was for, once.
    pub(super) fn answered(&mut self, id: RequestId) -> Option<Asked> {
        self.pending.remove(&id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Requests {
        let mut requests = Requests::default();
        requests.open();
        requests
    }

    fn ask(requests: &mut Requests, asked: Asked) -> RequestId {
        match requests.ask(Request::LeaveRoom, asked) {
            Some(ToRelay::Request { id, .. }) => id,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn answers_find_what_was_asked_in_any_order() {
        let mut requests = open();
        let list = ask(&mut requests, Asked::ListRooms);
        let join = ask(&mut requests, Asked::MakeLink);
        assert!(matches!(requests.answered(join), Some(Asked::MakeLink)));
        assert!(matches!(requests.answered(list), Some(Asked::ListRooms)));
    }

    #[test]
    fn an_answer_that_comes_twice_counts_once() {
        let mut requests = open();
        let join = ask(&mut requests, Asked::MakeLink);
        assert!(requests.answered(join).is_some());
        assert!(requests.answered(join).is_none());
    }

    #[test]
    fn an_answer_to_what_was_asked_by_an_earlier_connection_answers_nothing() {
        let mut requests = open();
        for _ in 0..2 {
            let join = ask(&mut requests, Asked::MakeLink);
            requests.close();
            requests.open();
            ask(&mut requests, Asked::ListRooms);
            assert!(requests.answered(join).is_none());
        }
    }

    #[test]
    fn nothing_is_asked_or_remembered_without_a_connection() {
        let mut requests = Requests::default();
        assert!(requests.ask(Request::LeaveRoom, Asked::Nothing).is_none());
        requests.open();
        requests.close();
        assert!(requests.ask(Request::LeaveRoom, Asked::Nothing).is_none());
        assert!(requests.pending.is_empty());
    }

    #[test]
    fn numbers_go_on_after_the_last_one() {
        let mut requests = open();
        requests.next = u32::MAX;
        let last = ask(&mut requests, Asked::ListRooms);
        let first = ask(&mut requests, Asked::MakeLink);
        assert_eq!((last, first), (RequestId(u32::MAX), RequestId(0)));
        assert!(matches!(requests.answered(first), Some(Asked::MakeLink)));
    }
}
