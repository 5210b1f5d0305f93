//! Asks publishers for packets that were lost on their way up.

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::id::SessionId;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::feedback::Feedback;
use conclave_protocol::wire::header::Kind;

use super::prove::Sessions;
use super::send::Sender;
use super::session::MediaSession;
use super::tally::Tally;

/// Sessions of which something is missing, or may be.
#[derive(Debug, Default)]
pub(super) struct Uplinks {
    listed: Vec<SessionId>,
    next: Option<Instant>,
}

impl Uplinks {
    pub(super) fn list(&mut self, session: SessionId) {
        self.listed.push(session);
    }

    /// When to call [`Self::ask`] next.
    pub(super) const fn next_time(&self) -> Option<Instant> {
        self.next
    }

    /// Asks whom it is time to ask.
    pub(super) fn ask(
        &mut self,
        sessions: &mut Sessions,
        sender: &Sender,
        now: Instant,
        tally: &mut Tally,
    ) {
        self.next = None;
        let next = &mut self.next;
        self.listed.retain(|id| {
            let Some(session) = sessions.get_mut(id) else {
                return false;
            };
            let due = ask(session, sender, now, tally);
            *next = match (*next, due) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            due.is_some()
        });
    }
}

/// Asks one publisher, if it is time to; gives when it may be time again.
fn ask(
    session: &mut MediaSession,
    sender: &Sender,
    now: Instant,
    tally: &mut Tally,
) -> Option<Instant> {
    let gaps = session.gaps.as_mut()?;
    let nack = gaps.ask(now);
    let next = gaps.next_time();
    if let Some((nack, copies)) = nack
        && let Some(path) = session.way.path(now)
    {
        for _ in 0..copies {
            let counter = session.down_counter;
            session.down_counter += 1;
            let mut out = [0; MAX_DATAGRAM];
            let body = Feedback::Nack(nack.clone());
            let sealed = session
                .keys()
                .seal_down(counter, Kind::Feedback, &body, &mut out);
            if let Ok(length) = sealed {
                sender.send(path, &out[..length], length, tally);
                tally.uplink_nacks += 1;
            }
        }
    }
    next
}
