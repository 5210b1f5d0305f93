//! Requests to the core: the browser's own, and those that its participant makes between them.

use conclave_common::entropy;
use conclave_protocol::attendance;
use conclave_protocol::id::{LineMark, RequestId, StreamId};
use conclave_protocol::secret::Secret;
use conclave_protocol::wire::control::{Media, Refusal, Request};
use conclave_relay_core::{ConnectionId, Guest, Peer};

use super::{Broken, Conversation};
use crate::control::Presence;
use crate::gateway::message::{EnterLink, Invalid, Join, Say, SignIn};
use crate::gateway::participant::{Participant, draw_nonce};
use crate::gateway::reply;
use crate::mail::{Event, MEDIA_FOR_BROWSERS, outbox};

/// Who waits for a reply of the core.
pub(super) enum Asked {
    Browser {
        id: RequestId,
        what: What,
    },
    /// The participant's own, and what goes back to it with the answer.
    Own(attendance::Asked),
}

/// What a reply means to the participant.
pub(super) enum What {
    Resume,
    EnterLink,
    Publish(Media),
    Unpublish(StreamId),
    LeaveRoom,
    Other,
}

impl Conversation {
    /// Makes the connection known to the core under the identity of the browser's device.
    pub(super) fn begin(&mut self, device: &Secret<32>) -> Result<ConnectionId, Invalid> {
        if let Some((presence, known)) = &self.connection {
            // The core knows a connection by the identity that it began with.
            return match known == device {
                true => Ok(presence.id()),
                false => Err(Invalid::field("device")),
            };
        }
        let identity = self.gateway.identity(device);
        let connection = self.gateway.connections.draw();
        let (outbox, inbox) = outbox(MEDIA_FOR_BROWSERS);
        self.to_core.push_back(Event::Connected {
            connection,
            peer: Peer {
                identity: identity.public().0,
                address: self.address,
                via_gateway: true,
            },
            outbox,
        });
        self.inbox = Some(inbox);
        let presence = Presence::new(connection, self.gateway.events.clone());
        self.connection = Some((presence, device.clone()));
        self.participant = Some(Box::new(Participant::new(identity)));
        Ok(connection)
    }

    pub(super) fn sign_in(&mut self, id: RequestId, sign_in: SignIn) {
        if let Err(invalid) = self.begin(&sign_in.device) {
            self.texts.push_back(reply::invalid(id, invalid));
            return;
        }
        let what = match sign_in.resume {
            Some(_) => What::Resume,
            None => What::Other,
        };
        let request = Request::SignIn {
            username: sign_in.username,
            display_name: sign_in.display_name,
            email: sign_in.email,
            resume: sign_in.resume,
        };
        self.ask_core(request, Asked::Browser { id, what });
    }

    pub(super) fn enter_link(&mut self, id: RequestId, enter: EnterLink) {
        let connection = match self.begin(&enter.device) {
            Ok(connection) => connection,
            Err(invalid) => return self.texts.push_back(reply::invalid(id, invalid)),
        };
        let what = match enter.resume {
            Some(_) => What::Resume,
            None => What::EnterLink,
        };
        self.link_room = None;
        self.awaits_link_room = true;
        let id = self.await_reply(Asked::Browser { id, what });
        self.to_core.push_back(Event::Guest {
            connection,
            id,
            guest: Guest {
                token: enter.token,
                display_name: enter.display_name,
                resume: enter.resume,
            },
        });
    }

    pub(super) fn join(&mut self, id: RequestId, join: Join) -> Result<(), Broken> {
        let request = Request::JoinRoom {
            room: join.room,
            pin: join.pin,
            devices: join.devices,
            nonce: draw_nonce()?,
        };
        self.ask(id, request);
        Ok(())
    }

    pub(super) fn say(&mut self, id: RequestId, say: Say) -> Result<(), Broken> {
        let mark = match say.mark {
            Some(mark) => mark,
            None => {
                let mut bytes = [0; 8];
                entropy::fill(&mut bytes)?;
                LineMark::from_random(u64::from_le_bytes(bytes))
            }
        };
        let (to, text) = (say.to, say.text);
        self.ask(id, Request::Say { to, text, mark });
        Ok(())
    }

    pub(super) fn ask(&mut self, id: RequestId, request: Request) {
        if self.connection.is_none() {
            return self.refuse(id, Refusal::NotSignedIn);
        }
        let what = match &request {
            Request::Publish(offer) => What::Publish(offer.media),
            Request::Unpublish { stream } => What::Unpublish(*stream),
            Request::LeaveRoom => What::LeaveRoom,
            _ => What::Other,
        };
        self.ask_core(request, Asked::Browser { id, what });
    }

    pub(super) fn ask_core(&mut self, request: Request, asked: Asked) {
        let Some((presence, _)) = &self.connection else {
            return;
        };
        let connection = presence.id();
        let id = self.await_reply(asked);
        self.to_core.push_back(Event::Request {
            connection,
            id,
            request,
        });
    }

    /// Draws the number of a request to the core.
    pub(super) fn await_reply(&mut self, asked: Asked) -> RequestId {
        self.last_request = self.last_request.wrapping_add(1);
        let id = RequestId(self.last_request);
        self.pending.insert(id, asked);
        id
    }

    pub(super) fn forward_own(&mut self) {
        while let Some((request, asked)) = self.participant.as_mut().and_then(|p| p.next_ask()) {
            self.ask_core(request, Asked::Own(asked));
        }
    }
}
