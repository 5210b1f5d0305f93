//! Members whose connection is lost: the others know at once, and a full room gives their place away.

use super::*;

/// What a member was told of who is away.
fn told(bench: &mut Bench, to: ConnectionId) -> Vec<(ParticipantId, bool)> {
    let events = bench.events(to).into_iter();
    let away = events.filter_map(|event| match event {
        Event::AwayChanged { participant, away } => Some((participant, away)),
        _ => None,
    });
    away.collect()
}

/// Whom a roster shows to be away.
fn away(joined: &Joined) -> Vec<ParticipantId> {
    let roster = joined.roster.iter();
    let away = roster.filter(|member| member.away);
    away.map(|member| member.id).collect()
}

fn lose(bench: &mut Bench, connection: ConnectionId) {
    bench.core.handle_disconnected(bench.now, connection);
    bench.carry_out();
}

/// A room for `capacity`, full of members who can resume: their connections, secrets and numbers.
struct Full {
    bench: Bench,
    room: RoomId,
    members: Vec<(ConnectionId, Secret<32>, ParticipantId)>,
}

impl Full {
    fn of(capacity: u16, pin: Option<&str>) -> Self {
        let mut bench = Bench::new();
        let host = bench.connect(100, 100);
        bench.sign_in(host, "Host").unwrap();
        let create = Request::CreateRoom {
            name: RoomName::parse("room").unwrap(),
            pin: pin.map(|pin| Pin::parse(pin).unwrap()),
            capacity,
        };
        let Ok(Answer::Created { room }) = bench.request(host, create) else {
            panic!("no room");
        };
        let mut full = Self {
            bench,
            room,
            members: Vec::new(),
        };
        for n in 0..capacity {
            let connection = full.bench.connect(n.into(), n as u8);
            let name = format!("Member{n}");
            let secret = full.bench.sign_in(connection, &name).unwrap().resume_secret;
            let me = full.join(connection, pin).unwrap().me;
            full.members.push((connection, secret, me));
        }
        full.bench.sent.clear();
        full
    }

    fn join(&mut self, connection: ConnectionId, pin: Option<&str>) -> Result<Joined, Refusal> {
        let join = Request::JoinRoom {
            room: self.room,
            pin: pin.map(|pin| Pin::parse(pin).unwrap()),
            devices: Devices::default(),
            nonce: NONCE,
        };
        match self.bench.request(connection, join)? {
            Answer::Joined(joined) => Ok(*joined),
            other => panic!("{other:?}"),
        }
    }

    fn newcomer(&mut self) -> ConnectionId {
        let connection = self.bench.connect(50, 50);
        self.bench.sign_in(connection, "Newcomer").unwrap();
        connection
    }

    fn resume(&mut self, n: usize) -> Result<SignedIn, Refusal> {
        let connection = self.bench.connect(200 + n as u64, n as u8);
        let secret = self.members[n].1.clone();
        let name = format!("Member{n}");
        let resumed = self.bench.sign_in_with(connection, &name, Some(secret))?;
        self.members[n].0 = connection;
        self.members[n].1 = resumed.resume_secret.clone();
        Ok(resumed)
    }
}

#[test]
fn a_lost_connection_is_told_at_once_and_its_end_with_the_resume() {
    let mut full = Full::of(3, None);
    let [(ana, ..), (bob, _, is_bob), (cai, ..)] = full.members.clone()[..] else {
        panic!("three members");
    };
    lose(&mut full.bench, bob);
    for other in [ana, cai] {
        assert_eq!(told(&mut full.bench, other), [(is_bob, true)]);
    }
    // Also in the roster that another one gets.
    lose(&mut full.bench, cai);
    let resumed = full.resume(2).unwrap();
    assert_eq!(away(&resumed.room.unwrap()), [is_bob]);
    let cai = full.members[2].0;
    full.bench.events(ana);

    let resumed = full.resume(1).unwrap();
    assert_eq!(away(&resumed.room.unwrap()), []);
    for other in [ana, cai] {
        assert_eq!(told(&mut full.bench, other), [(is_bob, false)]);
    }
    // The second outage is told as the first one was.
    let bob = full.members[1].0;
    lose(&mut full.bench, bob);
    assert_eq!(told(&mut full.bench, ana), [(is_bob, true)]);
    full.resume(1).unwrap();
    assert_eq!(told(&mut full.bench, ana), [(is_bob, false)]);
}

#[test]
fn who_takes_over_from_a_connection_that_has_not_noticed_was_never_away() {
    let mut full = Full::of(2, None);
    full.resume(1).unwrap();
    let ana = full.members[0].0;
    assert_eq!(told(&mut full.bench, ana), []);
}

#[test]
fn a_full_room_gives_the_place_of_the_one_who_has_been_away_the_longest() {
    let mut full = Full::of(3, None);
    let [(ana, _, is_ana), (bob, _, is_bob), (cai, _, is_cai)] = full.members.clone()[..] else {
        panic!("three members");
    };
    let newcomer = full.newcomer();
    assert_eq!(full.join(newcomer, None), Err(Refusal::RoomFull));
    lose(&mut full.bench, cai);
    full.bench.pass(Micros::from_millis(500));
    lose(&mut full.bench, bob);
    full.bench.pass(Micros::from_millis(1_499));
    assert_eq!(full.join(newcomer, None), Err(Refusal::RoomFull));
    full.bench.pass(Micros::from_millis(1));
    full.bench.events(ana);

    let joined = full.join(newcomer, None).unwrap();
    let roster: Vec<_> = joined.roster.iter().map(|member| member.id).collect();
    assert_eq!(roster, [is_ana, is_bob, joined.me]);
    assert_eq!(away(&joined), [is_bob]);
    let events = full.bench.events(ana);
    assert!(
        matches!(
            &events[..],
            [
                Event::ParticipantLeft { participant, reason: LeaveReason::Lost },
                Event::ParticipantJoined(came),
            ] if *participant == is_cai && came.id == joined.me
        ),
        "{events:?}"
    );
    // Theirs is over, and leaves nothing that ends once more.
    assert_eq!(full.resume(2), Err(Refusal::SessionOver));
    let resumed = full.resume(1).unwrap();
    assert_eq!(resumed.room.unwrap().me, is_bob);
    full.bench.events(ana);
    full.bench.pass(RESUME_FOR);
    assert_eq!(full.bench.events(ana), []);
    assert_eq!(full.bench.core.counts().2, 3);
}

#[test]
fn a_place_that_nobody_else_needs_is_kept_for_the_whole_time() {
    let mut full = Full::of(2, None);
    let (bob, _, is_bob) = full.members[1].clone();
    lose(&mut full.bench, bob);
    full.bench.pass(Micros(RESUME_FOR.0 - 1));
    let resumed = full.resume(1).unwrap();
    assert_eq!(resumed.room.unwrap().me, is_bob);
}

#[test]
fn a_wrong_pin_takes_no_place() {
    let mut full = Full::of(2, Some("1234"));
    let (bob, ..) = full.members[1].clone();
    let newcomer = full.newcomer();
    lose(&mut full.bench, bob);
    full.bench.pass(Micros::from_secs(3));
    let refused = full.join(newcomer, Some("9999"));
    assert_eq!(refused, Err(Refusal::WrongPin));
    assert_eq!(full.join(newcomer, None), Err(Refusal::WrongPin));
    full.resume(1).unwrap();
    let full_again = full.join(newcomer, Some("1234"));
    assert_eq!(full_again, Err(Refusal::RoomFull));
}
