//! Replies of the core: to the participant what it asked for, to the browser the rest.

use conclave_protocol::attendance;
use conclave_protocol::id::RequestId;
use conclave_protocol::wire::control::{Answer, Refusal, Request, SignedIn};

use super::requests::{Asked, What};
use super::{Broken, Conversation};
use crate::clock;
use crate::gateway::parking::Unclaimed;
use crate::gateway::reply;

/// A resumed session whose participant is to be claimed.
pub(in crate::gateway) struct Claim {
    id: RequestId,
    signed_in: Box<SignedIn>,
}

impl Conversation {
    /// Goes on with a session that another socket left, or is about to.
    pub(in crate::gateway) async fn resume(&mut self, claim: Claim) -> Result<(), Broken> {
        let Claim { id, signed_in } = claim;
        let is_whole = match self.gateway.parking.claim(signed_in.session).await {
            Ok(claimed) => {
                self.participant = Some(claimed);
                true
            }
            Err(Unclaimed::Late) => false,
            // What this socket would leave is not the session's.
            Err(Unclaimed::Replaced) => return Ok(()),
        };
        self.session = Some(signed_in.session);
        let Some(participant) = &mut self.participant else {
            return Ok(());
        };
        participant.signed_in(&signed_in);
        let mut room = signed_in.room.as_ref();
        if let Some(joined) = room {
            if is_whole {
                participant.enter(joined, clock::now())?;
            } else {
                // Its keys and counts are gone, and to begin again in the same place would repeat numbers.
                room = None;
                self.ask_core(Request::LeaveRoom, Asked::Own(attendance::Asked::Nothing));
            }
        }
        let answer = reply::signed_in(&signed_in, room, self.link_room.as_ref());
        self.texts.push_back(reply::granted(id, answer));
        self.tell_safety_number();
        self.forward_own();
        Ok(())
    }

    pub(super) fn handle_reply(
        &mut self,
        id: RequestId,
        result: &Result<Answer, Refusal>,
    ) -> Result<Option<Claim>, Broken> {
        let (id, what) = match self.pending.remove(&id) {
            Some(Asked::Browser { id, what }) => (id, what),
            Some(Asked::Own(asked)) => {
                if let Some(participant) = &mut self.participant {
                    participant.handle_reply(asked, result, clock::now());
                }
                return Ok(None);
            }
            None => return Ok(None),
        };
        if matches!(what, What::Resume | What::EnterLink) {
            self.awaits_link_room = false;
        }
        let answer = match result {
            Ok(answer) => answer,
            Err(refusal) => {
                self.refuse(id, *refusal);
                return Ok(None);
            }
        };
        if let (What::Resume, Answer::SignedIn(signed_in)) = (&what, answer)
            && self.participant.is_some()
        {
            let signed_in = signed_in.clone();
            return Ok(Some(Claim { id, signed_in }));
        }
        self.follow(&what, answer)?;
        let value = match answer {
            Answer::SignedIn(of) => reply::signed_in(of, of.room.as_ref(), self.link_room.as_ref()),
            answer => reply::answer(answer),
        };
        self.texts.push_back(reply::granted(id, value));
        if matches!(answer, Answer::Joined(_)) {
            self.tell_safety_number();
        }
        Ok(None)
    }

    /// Tells the participant what was granted.
    fn follow(&mut self, what: &What, answer: &Answer) -> Result<(), Broken> {
        let Some(participant) = &mut self.participant else {
            return Ok(());
        };
        match (what, answer) {
            (_, Answer::SignedIn(signed_in)) => {
                participant.signed_in(signed_in);
                self.session = Some(signed_in.session);
            }
            (_, Answer::Joined(joined)) => participant.enter(joined, clock::now())?,
            (What::Publish(media), Answer::Published { stream }) => {
                participant.published(*stream, *media);
            }
            (What::Unpublish(stream), _) => participant.unpublished(*stream),
            (What::LeaveRoom, _) => {
                participant.leave();
                self.frames.clear();
            }
            _ => {}
        }
        Ok(())
    }
}
