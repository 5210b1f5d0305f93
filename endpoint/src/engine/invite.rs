//! Links by which browsers come into a room, for the screen to show.

use super::asked::Asked;
use super::messages::{Report, Room};
use super::shell::Engine;
use conclave_protocol::id::RoomId;
use conclave_protocol::wire::control::{Answer, Refusal, Request};

impl Engine {
    /// Asks for a link to a room, which is made first if that is wanted.
    pub(super) fn make_link(&mut self, wanted: Room, lifetime_minutes: u16) {
        match (self.known_room(&wanted), wanted.create) {
            (Some(room), _) => self.ask_for_link(room, lifetime_minutes),
            (None, Some(capacity)) => {
                let Room { name, pin, .. } = wanted;
                let create = Request::CreateRoom {
                    name,
                    pin,
                    capacity,
                };
                self.ask(create, Asked::CreateRoomToInvite { lifetime_minutes });
            }
            (None, None) => (self.report)(Report::Link(Err(Refusal::NoSuchRoom))),
        }
    }

    /// Ends all links to a room; a new one can be made at once.
    pub(super) fn revoke_links(&mut self, of: &Room) {
        if let Some(room) = self.known_room(of) {
            self.ask(Request::RevokeLinks { room }, Asked::Nothing);
        }
    }

    fn known_room(&self, wanted: &Room) -> Option<RoomId> {
        let is_goal = |goal: &Room| goal.name.key() == wanted.name.key();
        let is_here = self.lobby.goal().is_some_and(is_goal);
        let inside = self.room.as_ref().filter(|_| is_here);
        inside
            .map(super::in_room::InRoom::id)
            .or_else(|| self.lobby.find(&wanted.name))
    }

    fn ask_for_link(&mut self, room: RoomId, lifetime_minutes: u16) {
        self.ask(
            Request::MakeLink {
                room,
                lifetime_minutes,
            },
            Asked::MakeLink,
        );
    }

    pub(super) fn invited(&mut self, asked: &Asked, result: Result<Answer, Refusal>) {
        match (asked, result) {
            (Asked::CreateRoomToInvite { lifetime_minutes }, Ok(Answer::Created { room })) => {
                self.ask_for_link(room, *lifetime_minutes);
            }
            (_, Ok(Answer::Link(link))) => {
                let url = link.url(host(&self.settings.relay));
                (self.report)(Report::Link(Ok(url)));
            }
            (_, Err(refusal)) => (self.report)(Report::Link(Err(refusal))),
            (_, Ok(_)) => {}
        }
    }
}

/// The host of "host:port".
fn host(address: &str) -> &str {
    address.rsplit_once(':').map_or(address, |(host, _)| host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_an_address_is_what_stands_before_its_port() {
        assert_eq!(host("relay.example.org:7470"), "relay.example.org");
        assert_eq!(host("[fe80::1]:7470"), "[fe80::1]");
        assert_eq!(host("192.168.1.10"), "192.168.1.10");
    }
}
