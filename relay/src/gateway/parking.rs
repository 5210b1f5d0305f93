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
use tokio::sync::oneshot::{self, error::TryRecvError};

use super::participant::Participant;
use crate::clock;

/// How long a socket that ends may take to write what waits.
pub(super) const DRAIN: Duration = Duration::from_secs(2);
/// How long a socket that resumes a session waits for the one before to let go of it: longer than a socket that
/// ends takes to write what waits.
const CLAIM: Duration = Duration::from_secs(5);
const _: () = assert!(CLAIM.as_secs() > DRAIN.as_secs());
/// The session has ended by then.
const KEPT: Micros = Micros(RESUME_FOR.0 + 5_000_000);

/// Where they wait.
#[derive(Default)]
pub(super) struct Parking(Mutex<HashMap<SessionId, Place>>);

/// Why a socket gets no participant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unclaimed {
    /// It was not left in time.
    Late,
    /// Another socket resumes the session by now, so that this one has none.
    Replaced,
}

enum Place {
    Left(Box<Participant>, Instant),
    Claimed(oneshot::Sender<Box<Participant>>),
}

impl Parking {
    /// A socket is gone; the core bounds how many sessions there can be.
    pub(super) fn leave(&self, session: SessionId, participant: Box<Participant>) {
        let now = clock::now();
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let unclaimed = match places.remove(&session) {
            // It comes back when the socket that claimed it is gone.
            Some(Place::Claimed(claim)) => claim.send(participant),
            _ => Err(participant),
        };
        if let Err(participant) = unclaimed {
            places.insert(session, Place::Left(participant, now + KEPT));
        }
    }

    /// A socket resumes the session.
    pub(super) async fn claim(&self, session: SessionId) -> Result<Box<Participant>, Unclaimed> {
        let mut waiting = {
            let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match places.remove(&session) {
                Some(Place::Left(participant, _)) => return Ok(participant),
                _ => {
                    let (claim, waiting) = oneshot::channel();
                    places.insert(session, Place::Claimed(claim));
                    waiting
                }
            }
        };
        match tokio::time::timeout(CLAIM, &mut waiting).await {
            Ok(claimed) => claimed.map_err(|_| Unclaimed::Replaced),
            Err(_) => self.give_up(session, waiting),
        }
    }

    /// Claims no longer: what is left later is for the next socket.
    fn give_up(
        &self,
        session: SessionId,
        mut waiting: oneshot::Receiver<Box<Participant>>,
    ) -> Result<Box<Participant>, Unclaimed> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match waiting.try_recv() {
            Ok(participant) => Ok(participant),
            Err(TryRecvError::Closed) => Err(Unclaimed::Replaced),
            Err(TryRecvError::Empty) => {
                places.remove(&session);
                Err(Unclaimed::Late)
            }
        }
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
        assert!(parking.claim(SessionId(1)).await.is_ok());
        let (other, again) = tokio::join!(parking.claim(SessionId(2)), async {
            parking.leave(SessionId(2), participant());
        });
        assert!(other.is_ok(), "claimed before it was left");
        let () = again;
        assert!(parking.0.lock().unwrap().is_empty());
    }

    #[tokio::test]
    async fn of_two_sockets_that_claim_it_the_second_one_gets_it() {
        let parking = Parking::default();
        let (first, second, ()) = tokio::join!(
            parking.claim(SessionId(1)),
            parking.claim(SessionId(1)),
            async { parking.leave(SessionId(1), participant()) },
        );
        assert_eq!(first.map(drop), Err(Unclaimed::Replaced));
        assert!(second.is_ok());
    }

    #[tokio::test]
    async fn what_comes_after_a_socket_gave_up_is_for_the_next_one() {
        let parking = Parking::default();
        for session in [SessionId(1), SessionId(2)] {
            let (claim, waiting) = oneshot::channel();
            let claimed = Place::Claimed(claim);
            parking.0.lock().unwrap().insert(session, claimed);
            match session {
                SessionId(1) => {
                    let given_up = parking.give_up(session, waiting);
                    assert_eq!(given_up.map(drop), Err(Unclaimed::Late));
                }
                // Its task ended.
                _ => drop(waiting),
            }
            parking.leave(session, participant());
            assert!(parking.claim(session).await.is_ok(), "{session}");
        }
    }
}
