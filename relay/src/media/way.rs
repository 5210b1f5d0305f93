//! The way down to an endpoint: what was sent to it must have arrived there, or it is none.
//!
//! What comes up shows that a session is alive and where it sends from, not that anything reaches it there: filters and
//! routes may pass one direction alone. So an address counts when an answer that went there is acknowledged by a later
//! probe. An answer is as long as its probe, so that a way on which pictures are too long counts for nothing either.

use std::net::{IpAddr, SocketAddr};

use conclave_protocol::time::{Instant, Micros};

/// How long an address is used without an answer to it being acknowledged; endpoints probe each second.
///
/// Higher sends longer into a way that was lost; lower moves to TCP for a short outage.
const FRESH: Micros = Micros::from_secs(5);

/// Where a session's datagrams go, and from which of the relay's own addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Path {
    pub(super) to: SocketAddr,
    pub(super) from: Option<IpAddr>,
}

/// What is known of the way to one session.
#[derive(Debug, Default)]
pub(super) struct Way {
    proven: Option<Path>,
    acknowledged_at: Instant,
    asking: Option<Asking>,
}

/// Where the newest probe came from, and the answers that went there since.
#[derive(Debug)]
struct Asking {
    path: Path,
    first: u64,
    last: u64,
    acknowledged: Option<u64>,
}

impl Way {
    /// A probe came from there, and has seen the answers up to this counter; `true` when that proves another path
    /// than the one before.
    pub(super) fn asked(&mut self, from: Path, seen: Option<u64>, now: Instant) -> bool {
        let (Some(asking), Some(seen)) = (&mut self.asking, seen) else {
            return false;
        };
        let is_answer = asking.path == from && (asking.first..=asking.last).contains(&seen);
        // The same answer again proves nothing of now.
        if !is_answer || asking.acknowledged >= Some(seen) {
            return false;
        }
        asking.acknowledged = Some(seen);
        self.acknowledged_at = now;
        self.proven
            .replace(from)
            .is_some_and(|before| before != from)
    }

    /// An answer with this counter goes there.
    pub(super) fn answered(&mut self, to: Path, counter: u64) {
        match &mut self.asking {
            Some(asking) if asking.path == to => asking.last = counter,
            asking => {
                *asking = Some(Asking {
                    path: to,
                    first: counter,
                    last: counter,
                    acknowledged: None,
                });
            }
        }
    }

    /// Answers are counted from the start again, and what was sent before is acknowledged no more.
    pub(super) fn count_again(&mut self) {
        self.asking = None;
    }

    /// What was proven last, however long ago.
    pub(super) const fn proven(&self) -> Option<Path> {
        self.proven
    }

    /// Where to send, if something arrived there lately.
    pub(super) fn path(&self, now: Instant) -> Option<Path> {
        self.proven
            .filter(|_| now.since(self.acknowledged_at) < FRESH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path {
            to: ([192, 0, 2, 1], port).into(),
            from: None,
        }
    }

    fn at(seconds: u64) -> Instant {
        Instant(0) + Micros::from_secs(100 + seconds)
    }

    #[test]
    fn a_path_is_used_once_an_answer_to_it_was_acknowledged() {
        let mut way = Way::default();
        assert!(!way.asked(path(1), None, at(0)));
        way.answered(path(1), 0);
        assert_eq!(way.path(at(0)), None);
        assert!(!way.asked(path(1), Some(0), at(1)));
        assert_eq!(way.path(at(1)), Some(path(1)));
    }

    #[test]
    fn a_path_that_only_leads_up_is_never_used() {
        let mut way = Way::default();
        for counter in 0..100 {
            way.asked(path(1), None, at(counter));
            way.answered(path(1), counter);
            assert_eq!(way.path(at(counter)), None);
        }
    }

    #[test]
    fn a_path_that_leads_down_no_more_is_given_up_although_probes_come() {
        let mut way = Way::default();
        way.answered(path(1), 0);
        for second in 1..20 {
            way.asked(path(1), Some(0), at(second));
            way.answered(path(1), second);
            let expected = (second < 6).then(|| path(1));
            assert_eq!(way.path(at(second)), expected, "second {second}");
        }
        way.asked(path(1), Some(19), at(20));
        assert_eq!(way.path(at(20)), Some(path(1)));
    }

    #[test]
    fn another_address_counts_by_what_went_there_and_not_by_what_went_elsewhere() {
        let mut way = Way::default();
        way.answered(path(1), 5);
        assert!(!way.asked(path(1), Some(5), at(0)));
        way.answered(path(1), 6);
        // From elsewhere, with what arrived at the first address.
        assert!(!way.asked(path(2), Some(6), at(1)));
        way.answered(path(2), 7);
        assert!(!way.asked(path(2), Some(6), at(1)));
        assert_eq!(way.path(at(1)), Some(path(1)));
        way.answered(path(2), 8);
        assert!(way.asked(path(2), Some(7), at(2)));
        assert_eq!(way.path(at(2)), Some(path(2)));
    }

    #[test]
    fn answers_that_were_never_sent_and_those_of_former_keys_prove_nothing() {
        let mut way = Way::default();
        way.answered(path(1), 3);
        for seen in [0, 2, 4, u64::MAX] {
            way.asked(path(1), Some(seen), at(0));
            assert_eq!(way.path(at(0)), None, "{seen}");
        }
        way.count_again();
        way.asked(path(1), Some(3), at(0));
        assert_eq!(way.path(at(0)), None);
        way.answered(path(1), 0);
        way.asked(path(1), Some(3), at(0));
        assert_eq!(way.path(at(0)), None);
    }
}
