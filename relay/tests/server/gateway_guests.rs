//! Who comes by a link, who may make one, and rooms that keep browsers out.

use conclave_protocol::id::RoomId;
use conclave_protocol::wire::control::{Answer, Event, Link, Refusal, Request};
use serde_json::json;

use crate::harness::{Endpoint, TestRelay};

fn link(endpoint: &mut Endpoint, room: RoomId, lifetime_minutes: u16) -> Result<Link, Refusal> {
    let request = Request::MakeLink {
        room,
        lifetime_minutes,
    };
    match endpoint.request(request)? {
        Answer::Link(link) => Ok(*link),
        other => panic!("{other:?}"),
    }
}

fn token(endpoint: &mut Endpoint, room: RoomId) -> String {
    link(endpoint, room, 60).unwrap().token.as_str().into()
}

#[test]
fn a_guest_comes_into_a_locked_room_by_a_link_and_goes_nowhere_else() {
    let relay = TestRelay::start();
    let mut bob = relay.sign_in("Bob", 2);
    let room = bob.create("locked", Some("1234"), 8).unwrap();
    let other = bob.create("other", None, 8).unwrap();
    bob.join(room, Some("1234")).unwrap();
    let made = link(&mut bob, room, 60).unwrap();
    assert_eq!(made.port, relay.web().port());
    let url = made.url("relay.local");
    let token = url.split_once("/#j=").unwrap().1;

    let mut eve = relay.browser();
    let entered = eve.enter_link(token, "Eve", 5).unwrap();
    assert_eq!(entered["guest"], true);
    assert_eq!(entered["link_room"]["id"], room.0);
    assert_eq!(entered["link_room"]["locked"], true);
    for (request, refusal) in [
        (json!({"do": "list_rooms"}), "not_allowed"),
        (
            json!({"do": "create_room", "name": "x", "capacity": 2}),
            "not_allowed",
        ),
        (
            json!({"do": "make_link", "room": room.0, "minutes": 5}),
            "not_allowed",
        ),
        (json!({"do": "revoke_links", "room": room.0}), "not_allowed"),
        (
            json!({"do": "allow_browsers", "room": room.0, "allowed": false}),
            "not_allowed",
        ),
    ] {
        assert_eq!(
            eve.request(request.clone()),
            Err(refusal.into()),
            "{request}"
        );
    }
    assert_eq!(eve.join(other.0, None), Err("not_allowed".into()));
    let joined = eve.join(room.0, None).unwrap();
    assert_eq!(joined["roster"].as_array().unwrap().len(), 2);
    let came = bob.event(|event| match event {
        Event::ParticipantJoined(who) => Some(who),
        _ => None,
    });
    assert!(came.via_gateway && came.username.as_str() == "Eve");
    bob.say("welcome").unwrap();
    assert_eq!(eve.event("chat")["text"], "welcome");
    let made = eve.request(json!({"do": "history"})).unwrap();
    assert_eq!(made["lines"].as_array().unwrap().len(), 1);
}

#[test]
fn a_guest_takes_nobody_s_name_and_nobody_takes_theirs() {
    let relay = TestRelay::start();
    let mut bob = relay.sign_in("Bob", 2);
    let room = bob.create("x", None, 8).unwrap();
    let token = token(&mut bob, room);
    let mut eve = relay.browser();
    assert_eq!(eve.enter_link(&token, "BOB", 5), Err("name_taken".into()));
    eve.enter_link(&token, "Eve", 5).unwrap();
    let mut other = relay.browser();
    assert_eq!(other.enter_link(&token, "eve", 6), Err("name_taken".into()));
    assert_eq!(other.sign_in("Eve", 6, None), Err("name_taken".into()));
    let mut again = relay.browser();
    again.enter_link(&token, "Eve", 5).unwrap();
    assert_eq!(
        eve.closing().0.as_deref(),
        Some("replaced"),
        "the same browser"
    );
}

#[test]
fn a_guest_is_shown_by_the_name_that_they_gave_and_goes_by_one_near_it() {
    let relay = TestRelay::start();
    let mut bob = relay.sign_in("Bob", 2);
    let room = bob.create("x", None, 8).unwrap();
    bob.join(room, None).unwrap();
    let token = token(&mut bob, room);
    for (seed, name, shown, username) in [
        (5, "  Ana Lima ", "Ana Lima", "Ana.Lima"),
        (
            6,
            "Cafe\u{301} \u{1f44b}",
            "Caf\u{e9} \u{1f44b}",
            "Caf\u{e9}",
        ),
        (7, "\u{1f44b}", "\u{1f44b}", "guest-"),
    ] {
        let mut guest = relay.browser();
        guest.enter_link(&token, name, seed).unwrap();
        guest.join(room.0, None).unwrap();
        let came = bob.event(|event| match event {
            Event::ParticipantJoined(who) => Some(who),
            _ => None,
        });
        assert_eq!(came.display_name.as_str(), shown);
        assert!(came.username.as_str().starts_with(username), "{came:?}");
        let line = guest.request(json!({"do": "say", "text": "hello"}));
        assert!(line.is_ok());
        assert_eq!(guest.event("chat")["from_name"], shown);
    }
    let history = relay
        .browse_into("Dina", 9, room)
        .0
        .request(json!({"do": "history"}));
    let lines = history.unwrap()["lines"].clone();
    assert_eq!(lines[0]["from_name"], "Ana Lima", "as it is kept");
}

#[test]
fn direct_lines_of_a_guest_are_for_nobody_who_has_the_name_later() {
    let relay = TestRelay::start();
    let mut bob = relay.sign_in("Bob", 2);
    let room = bob.create("x", None, 8).unwrap();
    bob.join(room, None).unwrap();
    let token = token(&mut bob, room);
    let mut eve = relay.browser();
    eve.enter_link(&token, "Eve", 5).unwrap();
    let joined = eve.join(room.0, None).unwrap();
    let to = &joined["roster"][0]["id"];
    eve.request(json!({"do": "say", "text": "between us", "to": to}))
        .unwrap();
    eve.request(json!({"do": "sign_out"})).unwrap();
    eve.closing();
    let mut next = relay.browser();
    next.enter_link(&token, "Eve", 6).unwrap();
    next.join(room.0, None).unwrap();
    let history = |of: &mut crate::browser::Browser| {
        let history = of.request(json!({"do": "history"})).unwrap();
        history["lines"].as_array().unwrap().len()
    };
    assert_eq!(history(&mut next), 0, "another guest");
    next.request(json!({"do": "sign_out"})).unwrap();
    next.closing();
    let (mut account, _) = relay.browse_into("Eve", 7, room);
    assert_eq!(history(&mut account), 0, "an account");
}

#[test]
fn forged_revoked_and_expired_links_open_nothing() {
    let relay = TestRelay::start();
    let mut bob = relay.sign_in("Bob", 2);
    let room = bob.create("x", Some("1234"), 8).unwrap();
    let good = token(&mut bob, room);
    let mut forged = good.clone();
    let changed = good.len() - 3..good.len() - 2;
    let other = if &good[changed.clone()] == "A" {
        "E"
    } else {
        "A"
    };
    forged.replace_range(changed, other);
    let mut eve = relay.browser();
    assert_eq!(
        eve.enter_link(&forged, "Eve", 5),
        Err("link_invalid".into())
    );
    assert_eq!(eve.enter_link("AAAA", "Eve", 5), Err("link_invalid".into()));
    bob.request(Request::RevokeLinks { room }).unwrap();
    assert_eq!(eve.enter_link(&good, "Eve", 5), Err("link_invalid".into()));
    assert_eq!(relay.metrics.web_links_refused.get(), 3);
    // A new one is good, also after a restart, and the revoked one is not.
    let fresh = token(&mut bob, room);
    let relay = relay.restart();
    let mut eve = relay.browser();
    assert_eq!(eve.enter_link(&good, "Eve", 5), Err("link_invalid".into()));
    eve.enter_link(&fresh, "Eve", 5).unwrap();
}

#[test]
fn links_are_made_by_members_creators_and_for_open_rooms_by_anyone() {
    let relay = TestRelay::start();
    let mut bob = relay.sign_in("Bob", 2);
    let locked = bob.create("locked", Some("1234"), 8).unwrap();
    let open = bob.create("open", None, 8).unwrap();
    link(&mut bob, locked, 1).unwrap();
    let mut ana = relay.sign_in("Ana", 1);
    assert_eq!(link(&mut ana, locked, 1).unwrap_err(), Refusal::NotAllowed);
    assert_eq!(
        link(&mut ana, RoomId(77), 1).unwrap_err(),
        Refusal::NoSuchRoom
    );
    assert_eq!(link(&mut ana, open, 0).unwrap_err(), Refusal::OutOfRange);
    assert_eq!(
        link(&mut ana, open, 10_081).unwrap_err(),
        Refusal::OutOfRange
    );
    link(&mut ana, open, 10_080).unwrap();
    ana.join(locked, Some("1234")).unwrap();
    link(&mut ana, locked, 1).unwrap();
    // A browser gets the path, and knows the host.
    let mut eve = relay.browse("Eve", 3);
    let made = eve
        .request(json!({"do": "make_link", "room": open.0, "minutes": 5}))
        .unwrap();
    assert!(made["url"].as_str().unwrap().starts_with("/#j="));
}

#[test]
fn a_room_without_browsers_puts_them_out_and_lets_none_in() {
    let relay = TestRelay::start();
    let mut bob = relay.sign_in("Bob", 2);
    let room = bob.create("x", None, 8).unwrap();
    bob.join(room, None).unwrap();
    let token = token(&mut bob, room);
    let (mut ana, _) = relay.browse_into("Ana", 1, room);
    let mut eve = relay.browser();
    eve.enter_link(&token, "Eve", 5).unwrap();
    eve.join(room.0, None).unwrap();
    let refuse = Request::AllowBrowsers {
        room,
        allowed: false,
    };
    let mut cem = relay.sign_in("Cem", 4);
    assert_eq!(cem.request(refuse.clone()), Err(Refusal::NotAllowed));
    bob.request(refuse).unwrap();
    assert_eq!(ana.event("browsers_allowed")["allowed"], false);
    assert_eq!(ana.event("participant_left")["reason"], "removed");
    assert_eq!(eve.event("participant_left")["reason"], "removed");
    assert_eq!(
        eve.closing().1,
        Some(1000),
        "a guest has nowhere else to be"
    );
    assert_eq!(ana.join(room.0, None), Err("browsers_refused".into()));
    let mut eve = relay.browser();
    assert_eq!(
        eve.enter_link(&token, "Eve", 5),
        Err("browsers_refused".into())
    );
    // An endpoint comes in and is told, also after a restart.
    cem.join(room, None).unwrap();
    let told = |event| matches!(event, Event::BrowsersAllowed { allowed: false }).then_some(());
    cem.event(told);
    let relay = relay.restart();
    let (mut cem, _) = relay.enter("Cem", 4, room);
    cem.event(told);
    let mut bob = relay.sign_in("Bob", 2);
    let allow = Request::AllowBrowsers {
        room,
        allowed: true,
    };
    bob.request(allow).unwrap();
    relay.browse_into("Ana", 1, room);
}
