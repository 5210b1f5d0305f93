//! Participants between two sockets: keys and counts of a session wait as long as the session does.
//!
//! No media passes here. A socket that goes leaves its participant, the one that resumes the session claims it,
//! in whichever order the two come.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use conclave_protocol::id::SessionId;
use conclave_protocol::time::{Instant, Micros};
use conclave_relay_core::RESUME_FOR;
use tokio::sync::oneshot;

use super::participant::Participant;
use super::socket::DRAIN;
use crate::clock;

/// How long a socket that resumes a session waits for the one before to let go of it: longer than a socket that
/// ends takes to write what waits.
const CLAIM: Duration = Duration::from_secs(5);
const _: () = assert!(CLAIM.as_secs() > DRAIN.as_secs());
/// The session has ended by then.
const KEPT: Micros = Micros(RESUME_FOR.0 + 5_000_000);

/// Where they wait.
#[derive(Default)]
pub(super) struct Parking(Mutex<HashMap<SessionId, Place>>);

enum Place {
    Left(Box<Participant>, Instant),
    Claimed(oneshot::Sender<Box<Participant>>),
}

impl Parking {
    /// A socket is gone; the core bounds how many sessions there can be.
    pub(super) fn leave(&self, session: SessionId, participant: Box<Participant>) {
        let now = clock::now();
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match places.remove(&session) {
            // The socket that gave up claiming it has no use for it.
            Some(Place::Claimed(claim)) => drop(claim.send(participant)),
            _ => drop(places.insert(session, Place::Left(participant, now + KEPT))),
        }
    }

    /// A socket resumes the session.
    pub(super) async fn claim(&self, session: SessionId) -> Option<Box<Participant>> {
        let waiting = {
            let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match places.remove(&session) {
                Some(Place::Left(participant, _)) => return Some(participant),
                _ => {
                    let (claim, waiting) = oneshot::channel();
                    places.insert(session, Place::Claimed(claim));
                    waiting
                }
            }
        };
        tokio::time::timeout(CLAIM, waiting).await.ok()?.ok()
    }

    /// Forgets those whose session has ended.
    pub(super) fn forget_old(&self) {
        let now = clock::now();
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|_, place| match place {
            Place::Left(_, until) => now < *until,
            Place::Claimed(claim) => !claim.is_closed(),
        });
    }
}

#[cfg(test)]
mod tests {
    use conclave_protocol::identity::Identity;
    use conclave_protocol::secret::Secret;

    use super::*;

    fn participant() -> Box<Participant> {
        Box::new(Participant::new(Identity::from_secret(Secret([1; 32]))))
    }

    #[tokio::test]
    async fn what_was_left_is_claimed_once() {
        let parking = Parking::default();
        parking.leave(SessionId(1), participant());
        assert!(parking.claim(SessionId(1)).await.is_some());
        let (other, again) = tokio::join!(parking.claim(SessionId(2)), async {
            parking.leave(SessionId(2), participant());
        });
        assert!(other.is_some(), "claimed before it was left");
        let () = again;
        assert!(parking.0.lock().unwrap().is_empty());
    }
}
