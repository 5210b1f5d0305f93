//! A room that is asked for twice, because the answer to the first request was lost.

use super::*;

/// Someone who asks for rooms on one connection after the other.
struct Maker {
    connection: ConnectionId,
    secret: Secret<32>,
}

impl Maker {
    fn new(bench: &mut Bench) -> Self {
        let connection = bench.connect(10, 1);
        let secret = bench.sign_in(connection, "Ana").unwrap().resume_secret;
        Self { connection, secret }
    }

    fn lose(&self, bench: &mut Bench) {
        bench.core.handle_disconnected(bench.now, self.connection);
        bench.carry_out();
    }

    fn resume(&mut self, bench: &mut Bench) {
        self.connection = bench.connect(self.connection.0 + 1, 1);
        let secret = Some(self.secret.clone());
        let resumed = bench.sign_in_with(self.connection, "Ana", secret).unwrap();
        self.secret = resumed.resume_secret;
    }

    fn ask(&self, bench: &mut Bench, name: &str, pin: Option<&str>, capacity: u16) -> RequestId {
        bench.pass(Micros::from_secs(1));
        let request = Request::CreateRoom {
            name: RoomName::parse(name).unwrap(),
            pin: pin.map(|pin| Pin::parse(pin).unwrap()),
            capacity,
        };
        bench.ask(self.connection, request)
    }

    fn make(
        &self,
        bench: &mut Bench,
        name: &str,
        pin: Option<&str>,
        capacity: u16,
    ) -> Result<RoomId, Refusal> {
        let request = self.ask(bench, name, pin, capacity);
        made(bench.reply(self.connection, request))
    }
}

fn made(reply: Option<Result<Answer, Refusal>>) -> Result<RoomId, Refusal> {
    match reply {
        Some(Ok(Answer::Created { room })) => Ok(room),
        Some(Err(refusal)) => Err(refusal),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_room_that_its_maker_asks_for_again_after_a_loss_is_the_room_that_was_made() {
    for pin in [None, Some("1234")] {
        let mut bench = Bench::new();
        let mut ana = Maker::new(&mut bench);
        let room = ana.make(&mut bench, "Maple", pin, 8).unwrap();
        ana.lose(&mut bench);
        ana.resume(&mut bench);
        assert_eq!(ana.make(&mut bench, "Maple", pin, 8), Ok(room));
        assert_eq!(bench.core.counts().1, 1);
    }
}

#[test]
fn a_room_of_this_name_that_differs_or_is_not_one_s_own_is_refused() {
    let mut bench = Bench::new();
    let ana = Maker::new(&mut bench);
    ana.make(&mut bench, "Maple", Some("1234"), 8).unwrap();
    for (name, pin, capacity) in [
        ("maple", Some("1234"), 8),
        ("Maple", Some("1235"), 8),
        ("Maple", None, 8),
        ("Maple", Some("1234"), 9),
    ] {
        let again = ana.make(&mut bench, name, pin, capacity);
        assert_eq!(again, Err(Refusal::RoomExists), "{name} {pin:?} {capacity}");
    }
    let other = bench.connect(20, 2);
    bench.sign_in(other, "Bob").unwrap();
    assert_eq!(bench.create(other, "Maple"), Err(Refusal::RoomExists));
    // What is not the last one that the session made was asked for and answered before.
    ana.make(&mut bench, "Birch", None, 8).unwrap();
    let again = ana.make(&mut bench, "Maple", Some("1234"), 8);
    assert_eq!(again, Err(Refusal::RoomExists));
}

#[test]
fn a_room_that_is_asked_for_again_before_it_is_stored_is_answered_when_it_is() {
    let mut bench = Bench::new();
    let mut ana = Maker::new(&mut bench);
    bench.held = Some(Vec::new());
    ana.ask(&mut bench, "Maple", Some("1234"), 8);
    ana.lose(&mut bench);
    ana.resume(&mut bench);
    let another = ana.ask(&mut bench, "Maple", Some("1235"), 8);
    let refused = made(bench.reply(ana.connection, another));
    assert_eq!(refused, Err(Refusal::RoomExists));
    let again = ana.ask(&mut bench, "Maple", Some("1234"), 8);
    assert_eq!(bench.reply(ana.connection, again), None);
    for command in bench.held.take().unwrap() {
        bench.store(&command);
    }
    bench.carry_out();
    let room = made(bench.reply(ana.connection, again)).unwrap();
    assert_eq!(ana.make(&mut bench, "Maple", Some("1234"), 8), Ok(room));
}

#[test]
fn a_request_that_is_still_heard_is_the_one_that_is_answered() {
    let mut bench = Bench::new();
    let ana = Maker::new(&mut bench);
    bench.held = Some(Vec::new());
    let first = ana.ask(&mut bench, "Maple", None, 8);
    let second = ana.ask(&mut bench, "Maple", None, 8);
    let refused = made(bench.reply(ana.connection, second));
    assert_eq!(refused, Err(Refusal::RoomExists));
    for command in bench.held.take().unwrap() {
        bench.store(&command);
    }
    bench.carry_out();
    made(bench.reply(ana.connection, first)).unwrap();
}
