//! Links by which browsers come into a room as guests: made, proven and revoked without being stored.
//!
//! Revoking counts the room's generation of links up, and every link of an earlier one has expired.

use conclave_protocol::id::{RequestId, RoomId, SessionId};
use conclave_protocol::name::{DisplayName, LinkToken, PublicUrl, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::units::UnixMillis;
use conclave_protocol::wire::control::{
    Answer, ClosingReason, Event, LeaveReason, Link, MAX_LINK_MINUTES, Refusal, ToEndpoint,
};

use super::effect::{ConnectionId, Effect};
use super::link_token::Claim;
use super::session::{Session, Stage};
use super::storage::{RoomSetting, StoreAnswer, StoreCommand};
use super::{Core, Pending};

/// Where browsers are served, and what links are proven by.
#[derive(Clone, Debug)]
pub struct Web {
    /// The key of the tokens' MACs.
    pub key: Secret<32>,
    /// The port.
    pub port: u16,
    /// Whether it speaks TLS.
    pub https: bool,
    /// The public address, where there is one.
    pub base: Option<PublicUrl>,
}

/// A guest who comes by a link.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The link's token.
    pub token: LinkToken,
    /// What they want to be called.
    pub display_name: DisplayName,
    /// To go on with a session that dropped.
    pub resume: Option<Secret<32>>,
}

/// A guest whose name the store looks up.
#[derive(Debug)]
pub(super) struct GuestArrival {
    connection: ConnectionId,
    request: RequestId,
    username: Username,
    display_name: DisplayName,
    room: RoomId,
}

/// A room's setting that waits to be stored.
#[derive(Debug)]
pub(super) struct RoomChange {
    connection: ConnectionId,
    request: RequestId,
    room: RoomId,
    setting: RoomSetting,
}

/// What a guest goes by where accounts go by their names: near their display name, so that no guest comes in under
/// the name of an account, and where that has no letters, by their device.
fn username_of_guest(display_name: &DisplayName, identity: &[u8; 32]) -> Username {
    display_name.username().unwrap_or_else(|_| {
        let [a, b, c, d, ..] = *identity;
        let number = u32::from_be_bytes([a, b, c, d]);
        Username::parse(&format!("guest-{number:08x}")).expect("letters, digits and a hyphen")
    })
}

impl Core {
    /// From now on browsers are served.
    pub fn serve_browsers(&mut self, web: Web) {
        self.web = Some(web);
    }

    /// Whether links to this room are this session's business.
    fn may_link(&self, session: &Session, room: RoomId) -> Result<(), Refusal> {
        let of = self.rooms.get(&room).ok_or(Refusal::NoSuchRoom)?;
        let is_member = session.membership.as_ref().is_some_and(|m| m.room == room);
        let made_it = of.creator.as_ref() == Some(&session.key());
        if session.guest.is_none() && (is_member || made_it || of.pin.is_none()) {
            Ok(())
        } else {
            Err(Refusal::NotAllowed)
        }
    }

    pub(super) fn make_link(
        &self,
        session: SessionId,
        room: RoomId,
        lifetime_minutes: u16,
    ) -> Result<Answer, Refusal> {
        let web = self.web.as_ref().ok_or(Refusal::NoGateway)?;
        let session = self.sessions.get(&session).ok_or(Refusal::NotSignedIn)?;
        self.may_link(session, room)?;
        if !(1..=MAX_LINK_MINUTES).contains(&lifetime_minutes) {
            return Err(Refusal::OutOfRange);
        }
        let of = self.rooms.get(&room).ok_or(Refusal::NoSuchRoom)?;
        if !of.browsers_allowed {
            return Err(Refusal::BrowsersRefused);
        }
        let claim = Claim {
            room,
            made_at: self.wall.now(),
            lifetime_minutes,
            generation: of.link_generation,
        };
        let expires_at = UnixMillis(claim.made_at.0 + claim.lifetime_ms());
        Ok(Answer::Link(Box::new(Link {
            token: claim.token(&web.key),
            expires_at,
            port: web.port,
            https: web.https,
            base: web.base.clone(),
        })))
    }

    pub(super) fn revoke_links(
        &mut self,
        (connection, request, session): (ConnectionId, RequestId, SessionId),
        room: RoomId,
    ) -> Result<(), Refusal> {
        let session = self.sessions.get(&session).ok_or(Refusal::NotSignedIn)?;
        self.may_link(session, room)?;
        self.store_change(RoomChange {
            connection,
            request,
            room,
            setting: RoomSetting::RevokeLinks,
        });
        Ok(())
    }

    pub(super) fn allow_browsers(
        &mut self,
        (connection, request, session): (ConnectionId, RequestId, SessionId),
        room: RoomId,
        browsers_allowed: bool,
    ) -> Result<(), Refusal> {
        let session = self.sessions.get(&session).ok_or(Refusal::NotSignedIn)?;
        let of = self.rooms.get(&room).ok_or(Refusal::NoSuchRoom)?;
        if session.guest.is_some() || of.creator.as_ref() != Some(&session.key()) {
            return Err(Refusal::NotAllowed);
        }
        self.store_change(RoomChange {
            connection,
            request,
            room,
            setting: RoomSetting::AllowBrowsers(browsers_allowed),
        });
        Ok(())
    }

    fn store_change(&mut self, change: RoomChange) {
        let (room, setting) = (change.room, change.setting);
        let token = self.wait_for(Pending::RoomChange(change));
        self.effects
            .push_back(Effect::Store(StoreCommand::ChangeRoom {
                token,
                room,
                setting,
            }));
    }

    /// Goes on with a room's setting when it is stored: what the store says is what the room has.
    ///
    /// Several changes of one room may be on their way; the store does them and answers in one order.
    pub(super) fn room_changed(
        &mut self,
        change: RoomChange,
        stored: Result<StoreAnswer, Refusal>,
    ) {
        let result = stored.and_then(|answer| {
            let room = self.rooms.get_mut(&change.room);
            let room = room.ok_or(Refusal::NoSuchRoom)?;
            match (change.setting, answer) {
                (RoomSetting::RevokeLinks, StoreAnswer::LinksRevoked { link_generation }) => {
                    room.link_generation = link_generation;
                    Ok(None)
                }
                (RoomSetting::AllowBrowsers(allowed), StoreAnswer::Done) => {
                    let is_news = room.browsers_allowed != allowed;
                    room.browsers_allowed = allowed;
                    Ok(is_news.then_some(allowed))
                }
                _ => Err(Refusal::StorageFailed),
            }
        });
        let done = result.map(|_| Answer::Done);
        self.reply(change.connection, change.request, done);
        if let Ok(Some(allowed)) = result {
            let event = Event::BrowsersAllowed { allowed };
            let message = std::sync::Arc::new(ToEndpoint::Event(event));
            self.tell_room(change.room, None, &message);
            if !allowed {
                self.put_browsers_out(change.room);
            }
        }
    }

    fn put_browsers_out(&mut self, room: RoomId) {
        let members = self.rooms.get(&room).map_or(&[][..], |room| &room.members);
        let is_browser = |id: &&SessionId| {
            let session = self.sessions.get(*id);
            session.is_some_and(|session| session.peer.via_gateway)
        };
        let browsers: Vec<_> = members.iter().filter(is_browser).copied().collect();
        for id in browsers {
            let Some(session) = self.sessions.get(&id) else {
                continue;
            };
            let is_guest = session.guest.is_some();
            if let Some(membership) = &session.membership {
                let event = Event::ParticipantLeft {
                    participant: membership.participant,
                    reason: LeaveReason::Removed,
                };
                let message = std::sync::Arc::new(ToEndpoint::Event(event));
                self.tell_session(id, &message);
            }
            if is_guest {
                // There is nowhere else for them to be.
                self.end_session(id, LeaveReason::Removed, None);
            } else {
                self.leave(id, LeaveReason::Removed);
            }
        }
    }

    /// A guest comes by a link.
    pub fn handle_guest(&mut self, connection: ConnectionId, request: RequestId, guest: Guest) {
        if let Err(refusal) = self.receive_guest(connection, request, guest) {
            self.reply(connection, request, Err(refusal));
        }
    }

    fn receive_guest(
        &mut self,
        connection: ConnectionId,
        request: RequestId,
        guest: Guest,
    ) -> Result<(), Refusal> {
        let state = self.connections.get(&connection);
        let state = state.ok_or(Refusal::SessionOver)?;
        if state.stage != Stage::Fresh {
            return Err(Refusal::AlreadySignedIn);
        }
        state.limit.check()?;
        let peer = state.peer;
        let username = username_of_guest(&guest.display_name, &peer.identity);
        if let Some(secret) = guest.resume {
            let resumed = self.resume(connection, &username, peer.identity, &secret, true);
            self.greet_guest(connection, request, resumed);
            return Ok(());
        }
        let room = match self.room_behind(&guest.token) {
            Ok(room) => room,
            Err(refusal) => {
                self.refused_links += 1;
                self.guesses.take_link(peer.address)?;
                return Err(refusal);
            }
        };
        if self.sessions.len() >= self.limits.sessions {
            self.limit_reached("limits.sessions", self.limits.sessions, connection);
            return Err(Refusal::RelayFull);
        }
        if let Some(state) = self.connections.get_mut(&connection) {
            state.stage = Stage::SigningIn;
        }
        let token = self.wait_for(Pending::Guest(GuestArrival {
            connection,
            request,
            username: username.clone(),
            display_name: guest.display_name,
            room,
        }));
        self.effects
            .push_back(Effect::Store(StoreCommand::FindName { token, username }));
        Ok(())
    }

    fn room_behind(&self, token: &LinkToken) -> Result<RoomId, Refusal> {
        let web = self.web.as_ref().ok_or(Refusal::NoGateway)?;
        let claim = Claim::prove(token, &web.key).ok_or(Refusal::LinkInvalid)?;
        let room = self.rooms.get(&claim.room).ok_or(Refusal::LinkInvalid)?;
        let is_over = self.wall.is_over(claim.made_at, claim.lifetime_ms());
        if claim.generation != room.link_generation || is_over {
            return Err(Refusal::LinkInvalid);
        }
        if !room.browsers_allowed {
            return Err(Refusal::BrowsersRefused);
        }
        Ok(claim.room)
    }

    /// Goes on with a guest when the store has looked the name up.
    pub(super) fn guest_named(&mut self, arrival: GuestArrival, is_free: Result<bool, Refusal>) {
        let GuestArrival {
            connection,
            request,
            username,
            display_name,
            room,
        } = arrival;
        let Some(state) = self.connections.get_mut(&connection) else {
            return;
        };
        state.stage = Stage::Fresh;
        let peer = state.peer;
        let result = is_free.and_then(|is_free| {
            if !is_free {
                return Err(Refusal::NameTaken);
            }
            if let Some(before) = self.accounts.get(&username.key()).copied() {
                let before_is_theirs = self.sessions.get(&before).is_some_and(|session| {
                    session.guest.is_some() && session.peer.identity == peer.identity
                });
                if !before_is_theirs {
                    return Err(Refusal::NameTaken);
                }
                self.end_session(before, LeaveReason::Left, Some(ClosingReason::Replaced));
            }
            self.open_session(connection, (username, display_name), Some(room))
        });
        self.greet_guest(connection, request, result);
    }

    /// Tells a guest of their room, and then that they are in.
    fn greet_guest(
        &mut self,
        connection: ConnectionId,
        request: RequestId,
        result: Result<Answer, Refusal>,
    ) {
        if let Some(state) = self.connections.get(&connection)
            && let Stage::SignedIn(session) = state.stage
            && let Some(room) = self.sessions.get(&session).and_then(|s| s.guest)
            && let Some(room) = self.rooms.get(&room)
        {
            let summary = room.summary();
            self.send(connection, Event::RoomChanged(summary));
        }
        self.reply(connection, request, result);
    }

    /// Links that were refused since this was asked last.
    pub fn take_refused_links(&mut self) -> u64 {
        std::mem::take(&mut self.refused_links)
    }
}
