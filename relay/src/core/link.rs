//! Links by which browsers come into a room as guests: made, proven and revoked without being stored.
//!
//! A token is room, end and the room's generation of links, with a MAC over them. Revoking counts the generation
//! up, and every link of an earlier one is over.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use conclave_protocol::id::{RequestId, RoomId, SessionId};
use conclave_protocol::name::{LinkToken, PublicUrl, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::units::UnixMillis;
use conclave_protocol::wire::control::{
    Answer, ClosingReason, Event, LeaveReason, Link, MAX_LINK_MINUTES, Refusal, ToEndpoint,
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::effect::{ConnectionId, Effect};
use super::session::{Session, Stage};
use super::{Core, Pending};
use crate::store::StoreCommand;

const FIELDS_BYTES: usize = 4 + 8 + 4;
const MAC_BYTES: usize = 16;
const TOKEN_BYTES: usize = FIELDS_BYTES + MAC_BYTES;

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

/// Somebody who comes by a link.
#[derive(Clone, Debug)]
pub struct Guest {
    /// The link's token.
    pub token: LinkToken,
    /// What they want to be called.
    pub username: Username,
    /// To go on with a session that dropped.
    pub resume: Option<Secret<32>>,
}

/// A guest whose name the store looks up.
#[derive(Debug)]
pub(crate) struct GuestArrival {
    connection: ConnectionId,
    request: RequestId,
    username: Username,
    room: RoomId,
}

/// A room's settings that wait to be stored.
#[derive(Debug)]
pub(crate) struct RoomChange {
    connection: ConnectionId,
    request: RequestId,
    room: RoomId,
    link_generation: u32,
    browsers_allowed: bool,
}

/// What a token says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Claim {
    room: RoomId,
    expires_at: UnixMillis,
    generation: u32,
}

impl Claim {
    fn fields(&self) -> [u8; FIELDS_BYTES] {
        let mut fields = [0; FIELDS_BYTES];
        fields[..4].copy_from_slice(&self.room.0.to_le_bytes());
        fields[4..12].copy_from_slice(&self.expires_at.0.to_le_bytes());
        fields[12..].copy_from_slice(&self.generation.to_le_bytes());
        fields
    }

    fn token(&self, key: &Secret<32>) -> LinkToken {
        let mut bytes = [0; TOKEN_BYTES];
        let (fields, mac) = bytes.split_at_mut(FIELDS_BYTES);
        fields.copy_from_slice(&self.fields());
        mac.copy_from_slice(&authenticate(key, fields));
        let text = BASE64_URL_SAFE_NO_PAD.encode(bytes);
        LinkToken::parse(&text).expect("32 bytes are 43 characters of base64url")
    }

    /// What the token says, if this key's owner made it.
    fn prove(token: &LinkToken, key: &Secret<32>) -> Option<Self> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.as_str()).ok()?;
        let bytes: [u8; TOKEN_BYTES] = bytes.try_into().ok()?;
        let (fields, mac) = bytes.split_at(FIELDS_BYTES);
        if !bool::from(authenticate(key, fields).ct_eq(mac)) {
            return None;
        }
        Some(Self {
            room: RoomId(u32::from_le_bytes(fields[..4].try_into().ok()?)),
            expires_at: UnixMillis(u64::from_le_bytes(fields[4..12].try_into().ok()?)),
            generation: u32::from_le_bytes(fields[12..].try_into().ok()?),
        })
    }
}

/// HMAC-SHA256, cut to 128 bits.
fn authenticate(key: &Secret<32>, fields: &[u8]) -> [u8; MAC_BYTES] {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes keys of any length");
    mac.update(b"conclave link v1");
    mac.update(fields);
    let whole: [u8; 32] = mac.finalize().into_bytes().into();
    let mut cut = [0; MAC_BYTES];
    cut.copy_from_slice(&whole[..MAC_BYTES]);
    cut
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

    pub(crate) fn make_link(
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
        let expires_at = UnixMillis(self.wall.0 + u64::from(lifetime_minutes) * 60_000);
        let claim = Claim {
            room,
            expires_at,
            generation: of.link_generation,
        };
        Ok(Answer::Link(Box::new(Link {
            token: claim.token(&web.key),
            expires_at,
            port: web.port,
            https: web.https,
            base: web.base.clone(),
        })))
    }

    pub(crate) fn revoke_links(
        &mut self,
        (connection, request, session): (ConnectionId, RequestId, SessionId),
        room: RoomId,
    ) -> Result<(), Refusal> {
        let session = self.sessions.get(&session).ok_or(Refusal::NotSignedIn)?;
        self.may_link(session, room)?;
        let of = self.rooms.get(&room).ok_or(Refusal::NoSuchRoom)?;
        self.store_change(RoomChange {
            connection,
            request,
            room,
            link_generation: of.link_generation.wrapping_add(1),
            browsers_allowed: of.browsers_allowed,
        });
        Ok(())
    }

    pub(crate) fn allow_browsers(
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
            link_generation: of.link_generation,
            browsers_allowed,
        });
        Ok(())
    }

    fn store_change(&mut self, change: RoomChange) {
        let (room, link_generation) = (change.room, change.link_generation);
        let browsers_allowed = change.browsers_allowed;
        let token = self.wait_for(Pending::RoomChange(change));
        self.effects
            .push_back(Effect::Store(StoreCommand::ChangeRoom {
                token,
                room,
                link_generation,
                browsers_allowed,
            }));
    }

    /// Goes on with a room's settings when they are stored.
    pub(crate) fn room_changed(&mut self, change: RoomChange, stored: Result<(), Refusal>) {
        let result = stored.and_then(|()| {
            let room = self.rooms.get_mut(&change.room);
            let room = room.ok_or(Refusal::NoSuchRoom)?;
            // Two changes may be on their way to the store at once.
            room.link_generation = room.link_generation.max(change.link_generation);
            let before = room.browsers_allowed;
            room.browsers_allowed = change.browsers_allowed;
            Ok(before != change.browsers_allowed)
        });
        let is_news = result == Ok(true);
        let done = result.map(|_| Answer::Done);
        self.reply(change.connection, change.request, done);
        if is_news {
            let allowed = change.browsers_allowed;
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

    /// Somebody comes by a link.
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
        if let Some(secret) = guest.resume {
            let resumed = self.resume(connection, &guest.username, peer.identity, &secret, true);
            self.greet_guest(connection, request, resumed);
            return Ok(());
        }
        let room = match self.room_behind(&guest.token) {
            Ok(room) => room,
            Err(refusal) => {
                self.refused_links += 1;
                self.guesses.check_address(peer.address)?;
                return Err(refusal);
            }
        };
        if self.sessions.len() >= self.limits.sessions {
            return Err(Refusal::RelayFull);
        }
        if let Some(state) = self.connections.get_mut(&connection) {
            state.stage = Stage::SigningIn;
        }
        let username = guest.username.clone();
        let token = self.wait_for(Pending::Guest(GuestArrival {
            connection,
            request,
            username: guest.username,
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
        if claim.generation != room.link_generation || claim.expires_at <= self.wall {
            return Err(Refusal::LinkInvalid);
        }
        if !room.browsers_allowed {
            return Err(Refusal::BrowsersRefused);
        }
        Ok(claim.room)
    }

    /// Goes on with a guest when the store has looked the name up.
    pub(crate) fn guest_named(&mut self, arrival: GuestArrival, is_free: Result<bool, Refusal>) {
        let GuestArrival {
            connection,
            request,
            username,
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
            self.open_session(connection, username, Some(room))
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: Secret<32> = Secret([7; 32]);
    const CLAIM: Claim = Claim {
        room: RoomId(3),
        expires_at: UnixMillis(1_795_000_000_000),
        generation: 5,
    };

    #[test]
    fn a_token_says_what_was_put_in_and_no_other_key_proves_it() {
        let token = CLAIM.token(&KEY);
        assert_eq!(token.as_str().len(), 43);
        assert_eq!(Claim::prove(&token, &KEY), Some(CLAIM));
        assert_eq!(Claim::prove(&token, &Secret([8; 32])), None);
    }

    #[test]
    fn a_token_with_any_bit_changed_proves_nothing() {
        let token = CLAIM.token(&KEY);
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token.as_str()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            let text = BASE64_URL_SAFE_NO_PAD.encode(changed);
            let changed = LinkToken::parse(&text).unwrap();
            assert_eq!(Claim::prove(&changed, &KEY), None, "bit {bit}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_a_token_by_chance(text in "[A-Za-z0-9_-]{1,64}") {
            let token = LinkToken::parse(&text).unwrap();
            prop_assert_eq!(Claim::prove(&token, &KEY), None);
        }
    }
}
