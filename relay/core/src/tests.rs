//! The core by itself: values in, values out, and time as the test says.

use std::collections::HashMap;
use std::net::IpAddr;

use conclave_protocol::id::{Epoch, RequestId, StreamId};
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::name::{ChatText, DisplayName, Email, Pin, RoomName, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::units::{ClockOffset, PictureSize};
use conclave_protocol::wire::control::{
    AddressedEnvelope, AudioCodec, Devices, Joined, KeyEnvelope, Layer, Media, Participant,
    Picture, SignedIn, StreamOffer, Suite, Want,
};
use conclave_protocol::wire::header::Kind;

use super::storage::{NewAccount, PinCommand, PinHash, RoomSetting, StoreCommand};
use super::*;

const LIMITS: CoreLimits = CoreLimits {
    sessions: 100,
    rooms: 100,
    rooms_per_account: 20,
    accounts: 1_000,
    sign_ups_at_once: 200,
};

const NONCE: JoinNonce = JoinNonce([0x0a; 32]);

struct Counting(u8);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 = self.0.wrapping_add(1);
        bytes.fill(self.0);
    }
}

/// A core whose store and PIN worker answer at once, unless told otherwise.
struct Bench {
    core: Core,
    now: Instant,
    /// What the wall clock shows beyond `now`, in ms.
    wall_ahead_ms: u64,
    sent: HashMap<ConnectionId, Vec<ToEndpoint>>,
    ended: Vec<(ConnectionId, Ending)>,
    media: Vec<MediaCommand>,
    routes: Arc<Routes>,
    disk_full: bool,
    /// Keys of the accounts that the store knows.
    accounts: HashSet<String>,
    /// What links are made with, as the store knows it.
    link_generations: HashMap<RoomId, u32>,
    /// Commands that wait instead of being answered, when set.
    held: Option<Vec<StoreCommand>>,
    last_request: u32,
}

impl Bench {
    fn new() -> Self {
        Self::with(CoreLimits {
            rooms: 10,
            ..LIMITS
        })
    }

    fn with(limits: CoreLimits) -> Self {
        let mut bench = Self {
            core: Core::new(limits, Remembered::default(), Box::new(Counting(0))),
            now: Instant(1_000_000),
            wall_ahead_ms: 0,
            sent: HashMap::new(),
            ended: Vec::new(),
            media: Vec::new(),
            routes: Arc::default(),
            disk_full: false,
            accounts: HashSet::new(),
            link_generations: HashMap::new(),
            held: None,
            last_request: 0,
        };
        bench.pass(Micros::ZERO);
        bench
    }

    fn pass(&mut self, span: Micros) {
        self.now += span;
        let wall = UnixMillis(self.now.0 / 1_000 + self.wall_ahead_ms);
        self.core.set_time(self.now, self.now, wall);
        self.core.handle_time(self.now);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        loop {
            if let Some(routes) = self.core.take_routes() {
                self.routes = routes;
            }
            match self.core.next_effect() {
                None => break,
                Some(Effect::Send { to, message }) => {
                    self.sent.entry(to).or_default().push((*message).clone());
                }
                Some(Effect::End { connection, ending }) => self.ended.push((connection, ending)),
                Some(Effect::Media(command)) => self.media.push(command),
                Some(Effect::Store(command)) => match &mut self.held {
                    Some(held) => held.push(command),
                    None => self.store(&command),
                },
                Some(Effect::Pin(PinCommand::Hash { token, pin })) => {
                    let hash = Ok(PinAnswer::Hashed(hash_of(&pin)));
                    self.core.handle_pin(token, hash);
                }
                Some(Effect::Pin(PinCommand::Compare { token, pin, hash })) => {
                    let matches = hash_of(&pin) == hash;
                    self.core
                        .handle_pin(token, Ok(PinAnswer::Compared(matches)));
                }
            }
        }
    }

    fn store(&mut self, command: &StoreCommand) {
        let answer = match command {
            _ if self.disk_full => Err(Refusal::StorageFailed),
            StoreCommand::SignIn { username, new, .. } => {
                let known = self.accounts.contains(&username.key());
                match new {
                    NewAccount::Tell if !known => Ok(StoreAnswer::NoAccount),
                    NewAccount::MakeBelow(most) if !known && self.accounts.len() >= *most => {
                        Err(Refusal::RelayFull)
                    }
                    _ => {
                        self.accounts.insert(username.key());
                        Ok(StoreAnswer::Account {
                            username: username.clone(),
                        })
                    }
                }
            }
            StoreCommand::FindName { username, .. } => {
                match self.accounts.contains(&username.key()) {
                    true => Ok(StoreAnswer::Done),
                    false => Ok(StoreAnswer::NoAccount),
                }
            }
            StoreCommand::ReadHistory { .. } => Ok(StoreAnswer::History {
                lines: Vec::new(),
                more: false,
            }),
            StoreCommand::ChangeRoom {
                room,
                setting: RoomSetting::RevokeLinks,
                ..
            } => {
                let link_generation = self.link_generations.entry(*room).or_default();
                *link_generation += 1;
                let link_generation = *link_generation;
                Ok(StoreAnswer::LinksRevoked { link_generation })
            }
            _ => Ok(StoreAnswer::Done),
        };
        self.core.handle_stored(command.token(), answer);
    }

    fn connect(&mut self, connection: u64, device: u8) -> ConnectionId {
        self.connect_from(connection, device, IpAddr::from([127, 0, 0, device]))
    }

    fn connect_from(&mut self, connection: u64, device: u8, address: IpAddr) -> ConnectionId {
        let id = ConnectionId(connection);
        let peer = Peer {
            identity: [device; 32],
            address,
            via_gateway: false,
        };
        self.core.handle_connected(id, peer);
        self.carry_out();
        id
    }

    fn ask(&mut self, connection: ConnectionId, request: Request) -> RequestId {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        self.core.handle_request(connection, id, request);
        self.carry_out();
        id
    }

    fn reply(
        &mut self,
        connection: ConnectionId,
        id: RequestId,
    ) -> Option<Result<Answer, Refusal>> {
        let sent = self.sent.entry(connection).or_default();
        let is_it = |m: &ToEndpoint| matches!(m, ToEndpoint::Reply { id: of, .. } if *of == id);
        let at = sent.iter().position(is_it)?;
        match sent.remove(at) {
            ToEndpoint::Reply { result, .. } => Some(result),
            _ => None,
        }
    }

    fn request(&mut self, connection: ConnectionId, request: Request) -> Result<Answer, Refusal> {
        let id = self.ask(connection, request);
        self.reply(connection, id)
            .expect("every request is answered")
    }

    fn events(&mut self, connection: ConnectionId) -> Vec<Event> {
        let sent = self.sent.remove(&connection).unwrap_or_default();
        sent.into_iter()
            .filter_map(|message| match message {
                ToEndpoint::Event(event) => Some(event),
                _ => None,
            })
            .collect()
    }

    fn sign_in(&mut self, connection: ConnectionId, name: &str) -> Result<SignedIn, Refusal> {
        self.sign_in_with(connection, name, None)
    }

    fn sign_in_with(
        &mut self,
        connection: ConnectionId,
        name: &str,
        resume: Option<Secret<32>>,
    ) -> Result<SignedIn, Refusal> {
        let username = Username::parse(name).unwrap();
        let request = Request::SignIn {
            display_name: DisplayName::from(&username),
            username,
            email: Email::parse("a@b").unwrap(),
            resume,
        };
        match self.request(connection, request)? {
            Answer::SignedIn(signed_in) => Ok(*signed_in),
            other => panic!("{other:?}"),
        }
    }

    fn create(&mut self, connection: ConnectionId, name: &str) -> Result<RoomId, Refusal> {
        let request = Request::CreateRoom {
            name: RoomName::parse(name).unwrap(),
            pin: None,
            capacity: 8,
        };
        match self.request(connection, request)? {
            Answer::Created { room } => Ok(room),
            other => panic!("{other:?}"),
        }
    }

    fn join(&mut self, connection: ConnectionId, room: RoomId) -> Result<Joined, Refusal> {
        let request = Request::JoinRoom {
            room,
            pin: None,
            devices: Devices::default(),
            nonce: NONCE,
        };
        match self.request(connection, request)? {
            Answer::Joined(joined) => Ok(*joined),
            other => panic!("{other:?}"),
        }
    }

    fn say(&mut self, connection: ConnectionId, text: &str) -> RequestId {
        let text = Box::new(ChatText::parse(text).unwrap());
        self.ask(connection, Request::Say { to: None, text })
    }

    fn publish(&mut self, connection: ConnectionId) -> StreamId {
        self.publish_as(connection, camera().media)
    }

    fn publish_sound(&mut self, connection: ConnectionId) -> StreamId {
        self.publish_as(connection, Media::Audio(AudioCodec::L16Mono16k))
    }

    fn publish_as(&mut self, connection: ConnectionId, media: Media) -> StreamId {
        let source = conclave_protocol::id::SourceId(1);
        let offer = StreamOffer { source, media };
        match self.request(connection, Request::Publish(offer)) {
            Ok(Answer::Published { stream }) => stream,
            other => panic!("{other:?}"),
        }
    }

    /// Ana (connection 1) and Bob (connection 2) in one room.
    fn call() -> (Self, ConnectionId, ConnectionId, RoomId) {
        let mut bench = Self::new();
        let (ana, bob) = (bench.connect(1, 1), bench.connect(2, 2));
        bench.sign_in(ana, "Ana").unwrap();
        bench.sign_in(bob, "Bob").unwrap();
        let room = bench.create(ana, "room").unwrap();
        bench.join(ana, room).unwrap();
        bench.join(bob, room).unwrap();
        bench.sent.clear();
        (bench, ana, bob, room)
    }
}

fn hash_of(pin: &Pin) -> PinHash {
    let mut hash = [0; 32];
    hash[..pin.as_str().len()].copy_from_slice(pin.as_str().as_bytes());
    PinHash {
        salt: [0; 16],
        hash,
    }
}

fn camera() -> StreamOffer {
    StreamOffer {
        source: conclave_protocol::id::SourceId(1),
        media: Media::Camera(Picture {
            layer: Layer::Full,
            size: PictureSize {
                width: 1280,
                height: 720,
            },
            fps: 30,
        }),
    }
}

#[test]
fn the_nonce_of_a_join_is_in_the_roster_and_stays_when_the_session_is_resumed() {
    let (mut bench, ana, bob, room) = Bench::call();
    let nonce = JoinNonce([0x0b; 32]);
    let again = Request::JoinRoom {
        room,
        pin: None,
        devices: Devices::default(),
        nonce,
    };
    bench.request(bob, Request::LeaveRoom).unwrap();
    bench.request(bob, again).unwrap();
    let told = bench.events(ana).into_iter().find_map(|event| match event {
        Event::ParticipantJoined(bob) => Some(bob.nonce),
        _ => None,
    });
    assert_eq!(told, Some(nonce));
    bench.request(bob, Request::SignOut).unwrap();

    let carl = bench.connect(3, 3);
    let signed_in = bench.sign_in(carl, "Carl").unwrap();
    let me = bench.join(carl, room).unwrap().me;
    bench.core.handle_disconnected(bench.now, carl);
    let carl = bench.connect(4, 3);
    let resume = Some(signed_in.resume_secret);
    let resumed = bench.sign_in_with(carl, "Carl", resume).unwrap();
    let roster = resumed.room.unwrap().roster;
    let own = roster.iter().find(|member| member.id == me).unwrap();
    assert_eq!(own.nonce, NONCE);
}

#[test]
fn others_see_the_display_name_and_the_account_stays_the_username() {
    let (mut bench, ana, bob, room) = Bench::call();
    let sign_in = |bench: &mut Bench, of, username: &str, name: &str| {
        let request = Request::SignIn {
            username: Username::parse(username).unwrap(),
            display_name: DisplayName::parse(name).unwrap(),
            email: Email::parse("a@b").unwrap(),
            resume: None,
        };
        bench.request(of, request).unwrap();
    };
    bench.request(ana, Request::SignOut).unwrap();
    bench.events(bob);
    let again = bench.connect(3, 1);
    sign_in(&mut bench, again, "ana", "Ana Lima");
    bench.join(again, room).unwrap();
    let came = bench.events(bob).into_iter().find_map(|event| match event {
        Event::ParticipantJoined(who) => Some((who.username, who.display_name)),
        _ => None,
    });
    let (username, display_name) = came.unwrap();
    assert_eq!(
        (username.as_str(), display_name.as_str()),
        ("ana", "Ana Lima")
    );
    bench.say(again, "hello");
    let line = bench.events(bob).into_iter().find_map(|event| match event {
        Event::Chat(line) => Some(line),
        _ => None,
    });
    let line = line.unwrap();
    assert_eq!(
        (line.from.as_str(), line.from_name.as_str()),
        ("ana", "Ana Lima")
    );

    // Two may be called the same, but an account is its device's under any display name.
    let cem = bench.connect(4, 4);
    sign_in(&mut bench, cem, "cem", "Ana Lima");
    let joined = bench.join(cem, room).unwrap();
    let named = |who: &&Participant| who.display_name.as_str() == "Ana Lima";
    assert_eq!(joined.roster.iter().filter(named).count(), 2);
}

#[test]
fn a_dropped_session_is_over_after_thirty_seconds_and_not_before() {
    let (mut bench, ana, bob, _) = Bench::call();
    bench.core.handle_disconnected(bench.now, bob);
    bench.pass(Micros(RESUME_FOR.0 - 1));
    assert_eq!(bench.events(ana), []);
    bench.pass(Micros(1));
    let events = bench.events(ana);
    assert!(
        matches!(
            events[..],
            [Event::ParticipantLeft {
                reason: LeaveReason::Lost,
                ..
            }]
        ),
        "{events:?}"
    );
    assert!(matches!(
        bench.media.last(),
        Some(MediaCommand::Close { .. })
    ));
}

#[test]
fn a_session_that_dropped_twice_waits_from_the_second_drop() {
    let mut bench = Bench::new();
    let first = bench.connect(1, 1);
    let secret = bench.sign_in(first, "Ana").unwrap().resume_secret;
    bench.core.handle_disconnected(bench.now, first);
    bench.pass(Micros::from_secs(20));
    let second = bench.connect(2, 1);
    let secret = bench
        .sign_in_with(second, "Ana", Some(secret))
        .unwrap()
        .resume_secret;
    bench.core.handle_disconnected(bench.now, second);
    bench.pass(Micros::from_secs(20));
    let third = bench.connect(3, 1);
    bench.sign_in_with(third, "Ana", Some(secret)).unwrap();
}

#[test]
fn a_resumption_takes_over_from_a_connection_that_has_not_noticed() {
    let (mut bench, ana, bob, room) = Bench::call();
    bench.core.handle_disconnected(bench.now, bob);
    let again = bench.connect(3, 2);
    let signed_in = bench.sign_in_with(again, "Bob", None);
    // Without the secret it is another session: the first one left.
    assert!(signed_in.unwrap().room.is_none());
    bench.join(again, room).unwrap();
    bench.sent.clear();

    let secret = bench
        .core
        .sessions
        .values()
        .find(|s| s.username.as_str() == "Bob");
    let secret = secret.unwrap().resume_secret.clone();
    let newest = bench.connect(4, 2);
    let signed_in = bench.sign_in_with(newest, "Bob", Some(secret)).unwrap();
    assert_eq!(signed_in.room.unwrap().roster.len(), 2);
    assert_eq!(bench.ended, [(again, Ending::Drained)]);
    let closing = Event::Closing {
        reason: ClosingReason::Replaced,
    };
    assert_eq!(bench.events(again), [closing]);
    assert_eq!(bench.events(ana), []);
    // The old connection's end changes nothing any more.
    bench.core.handle_disconnected(bench.now, again);
    bench.pass(Micros::from_secs(60));
    assert_eq!(bench.events(ana), []);
}

#[test]
fn a_line_is_shown_and_acknowledged_only_when_it_is_stored() {
    let (mut bench, ana, bob, _) = Bench::call();
    bench.held = Some(Vec::new());
    let request = bench.say(ana, "hello");
    assert_eq!(bench.reply(ana, request), None);
    assert_eq!(bench.events(bob), []);
    let held = bench.held.take().unwrap();
    bench.store(&held[0]);
    bench.carry_out();
    assert!(matches!(
        bench.reply(ana, request),
        Some(Ok(Answer::Said { .. }))
    ));
    assert!(matches!(bench.events(bob)[..], [Event::Chat(_)]));
}

#[test]
fn a_line_that_cannot_be_stored_is_shown_to_nobody() {
    let (mut bench, ana, bob, _) = Bench::call();
    bench.disk_full = true;
    let request = bench.say(ana, "hello");
    assert_eq!(bench.reply(ana, request), Some(Err(Refusal::StorageFailed)));
    assert_eq!(bench.events(bob), []);
    assert_eq!(bench.create(ana, "other"), Err(Refusal::StorageFailed));
    bench.disk_full = false;
    bench.create(ana, "other").unwrap();
}

#[test]
fn routes_follow_streams_members_and_choices() {
    let (mut bench, ana, bob, _) = Bench::call();
    let stream = bench.publish(ana);
    let session = |bench: &Bench, name: &str| {
        let found = bench
            .core
            .sessions
            .iter()
            .find(|(_, s)| s.username.as_str() == name);
        *found.unwrap().0
    };
    let (ana_is, bob_is) = (session(&bench, "Ana"), session(&bench, "Bob"));
    let route = Arc::clone(bench.routes.get(stream).unwrap());
    assert_eq!((route.owner, route.kind), (ana_is, Kind::Video));
    let receiver = |fps| fan_out::Receiver {
        session: bob_is,
        fps,
    };
    assert_eq!(*route.receivers, [receiver(0)]);
    for (want, receivers) in [
        (Want::AtMost { fps: 10 }, vec![receiver(10)]),
        (Want::Nothing, vec![]),
        (Want::All, vec![receiver(0)]),
    ] {
        bench
            .request(bob, Request::Subscribe { stream, want })
            .unwrap();
        assert_eq!(*bench.routes.get(stream).unwrap().receivers, receivers);
    }
    let nothing = Want::AtMost { fps: 0 };
    let refused = bench.request(
        bob,
        Request::Subscribe {
            stream,
            want: nothing,
        },
    );
    assert_eq!(refused, Err(Refusal::OutOfRange));
    // One's own stream is nothing to subscribe to.
    let want = Want::All;
    let own = bench.request(ana, Request::Subscribe { stream, want });
    assert_eq!(own, Err(Refusal::NoSuchStream));
    bench.request(bob, Request::LeaveRoom).unwrap();
    assert!(bench.routes.get(stream).unwrap().receivers.is_empty());
    bench.request(ana, Request::LeaveRoom).unwrap();
    assert!(bench.routes.is_empty());
}

#[test]
fn a_change_touches_the_routes_that_it_is_about_and_no_others() {
    let (mut bench, ana, bob, room) = Bench::call();
    let (first, second) = (bench.publish(ana), bench.publish_sound(ana));
    let own = bench.publish(bob);
    let receivers = |bench: &Bench, stream| bench.routes.get(stream).unwrap().receivers.len();
    let before = Arc::clone(&bench.routes);
    let choose = |stream, want| Request::Subscribe { stream, want };
    bench.request(bob, choose(first, Want::Nothing)).unwrap();
    let untouched = |bench: &Bench, stream| {
        Arc::ptr_eq(
            bench.routes.get(stream).unwrap(),
            before.get(stream).unwrap(),
        )
    };
    assert!(untouched(&bench, second) && untouched(&bench, own));
    assert_eq!(receivers(&bench, first), 0);
    // What changes nothing publishes nothing.
    let before = Arc::clone(&bench.routes);
    bench.request(bob, choose(first, Want::Nothing)).unwrap();
    assert!(Arc::ptr_eq(&bench.routes, &before));

    let carol = bench.connect(3, 3);
    bench.sign_in(carol, "Carol").unwrap();
    bench.join(carol, room).unwrap();
    let counts = |bench: &Bench| [first, second, own].map(|stream| receivers(bench, stream));
    assert_eq!(counts(&bench), [1, 2, 2]);
    bench.request(bob, Request::LeaveRoom).unwrap();
    assert!(bench.routes.get(own).is_none());
    assert_eq!([first, second].map(|s| receivers(&bench, s)), [1, 1]);
    // Who comes back wants everything again.
    bench.join(bob, room).unwrap();
    assert_eq!([first, second].map(|s| receivers(&bench, s)), [2, 2]);
}

#[test]
fn a_member_publishes_one_stream_of_sound_and_one_of_each_layer() {
    let (mut bench, ana, bob, _) = Bench::call();
    let sound = bench.publish_sound(ana);
    let source = conclave_protocol::id::SourceId(2);
    for codec in [AudioCodec::L16Mono16k, AudioCodec::OpusMono48k] {
        let media = Media::Audio(codec);
        let second = Request::Publish(StreamOffer { source, media });
        assert_eq!(bench.request(ana, second), Err(Refusal::TooMany));
    }
    let Media::Camera(picture) = camera().media else {
        panic!("a camera");
    };
    for layer in [Layer::Full, Layer::Half, Layer::Thumbnail] {
        let picture = Picture { layer, ..picture };
        for media in [Media::Camera(picture), Media::Screen(picture)] {
            bench.publish_as(ana, media);
            let second = Request::Publish(StreamOffer { source, media });
            assert_eq!(bench.request(ana, second), Err(Refusal::TooMany));
        }
    }
    // Another member has their own, and what was taken back may be published again.
    bench.publish_sound(bob);
    let unpublish = Request::Unpublish { stream: sound };
    bench.request(ana, unpublish).unwrap();
    bench.publish_sound(ana);
}

#[test]
fn streams_of_another_room_are_not_for_the_choosing() {
    let (mut bench, ana, _, _) = Bench::call();
    let stream = bench.publish(ana);
    let eve = bench.connect(3, 3);
    bench.sign_in(eve, "Eve").unwrap();
    let other = bench.create(eve, "other").unwrap();
    bench.join(eve, other).unwrap();
    let want = Want::All;
    let refused = bench.request(eve, Request::Subscribe { stream, want });
    assert_eq!(refused, Err(Refusal::NoSuchStream));
    assert_eq!(bench.routes.get(stream).unwrap().receivers.len(), 1);
}

#[test]
fn a_slow_reader_ends_alone() {
    let (mut bench, ana, bob, _) = Bench::call();
    bench.core.handle_too_slow(bob);
    bench.carry_out();
    assert_eq!(bench.ended, [(bob, Ending::Now(ClosingReason::TooSlow))]);
    let events = bench.events(ana);
    assert!(matches!(
        events[..],
        [Event::ParticipantLeft {
            reason: LeaveReason::TooSlow,
            ..
        }]
    ));
    let request = bench.say(ana, "on we go");
    assert!(matches!(bench.reply(ana, request), Some(Ok(_))));
}

#[test]
fn what_overflows_after_a_slow_reader_ended_is_not_another_slow_reader() {
    let (mut bench, _, bob, _) = Bench::call();
    assert!(bench.core.handle_too_slow(bob));
    assert!(!bench.core.handle_too_slow(bob));
    bench.carry_out();
    assert_eq!(bench.ended, [(bob, Ending::Now(ClosingReason::TooSlow))]);
}

#[test]
fn no_member_can_fill_the_queue_of_another_with_keys() {
    let (mut bench, ana, bob, _) = Bench::call();
    let to = |to| AddressedEnvelope {
        to: ParticipantId(to),
        envelope: KeyEnvelope {
            epoch: Epoch(0),
            suite: Suite::Aes256Gcm,
            encapsulated: [0; 32],
            sealed: [0; 48],
        },
    };
    // Ana is the first participant, Bob the second.
    let twice = Request::SendKeys {
        envelopes: vec![to(2), to(2)],
    };
    assert_eq!(bench.request(ana, twice), Err(Refusal::TooMany));
    assert_eq!(bench.events(bob), []);
    let mut refused = 0;
    for n in 0..100 {
        let request = if n % 2 == 0 {
            Request::SendKeys {
                envelopes: vec![to(2)],
            }
        } else {
            Request::AskKeys {
                of: ParticipantId(2),
            }
        };
        match bench.request(ana, request) {
            Ok(Answer::Done) => {}
            Ok(Answer::KeysPutOff { retry_after_ms, .. })
            | Err(Refusal::RateLimited { retry_after_ms }) => {
                assert_eq!(retry_after_ms, 500);
                refused += 1;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((bench.events(bob).len(), refused), (8, 92));
    bench.pass(Micros::from_millis(500));
    let envelopes = vec![to(2)];
    let request = Request::SendKeys { envelopes };
    assert_eq!(bench.request(ana, request), Ok(Answer::Done));
    // What is too much for one goes to the others, and the sender is told whom it did not reach.
    let carol = bench.connect(3, 3);
    bench.sign_in(carol, "Carol").unwrap();
    let room = *bench.core.rooms.keys().next().unwrap();
    bench.join(carol, room).unwrap();
    bench.events(carol);
    let envelopes = vec![to(2), to(3)];
    let put_off = Answer::KeysPutOff {
        to: vec![ParticipantId(2)],
        retry_after_ms: 500,
    };
    bench.events(bob);
    let answer = bench.request(ana, Request::SendKeys { envelopes });
    assert_eq!(answer, Ok(put_off));
    assert_eq!((bench.events(bob).len(), bench.events(carol).len()), (0, 1));
}

#[test]
fn a_clock_that_no_clock_shows_is_refused() {
    let (mut bench, ana, bob, _) = Bench::call();
    for offset in [i64::MIN, i64::MAX, -(1 << 53) - 1, (1 << 53) + 1] {
        let offset = ClockOffset(offset);
        let refused = bench.request(ana, Request::SetClock { offset });
        assert_eq!(refused, Err(Refusal::OutOfRange), "{offset:?}");
    }
    assert_eq!(bench.events(bob), []);
    for offset in [-(1 << 53), 1 << 53] {
        let offset = ClockOffset(offset);
        bench.request(ana, Request::SetClock { offset }).unwrap();
    }
}

#[test]
fn who_watches_a_lobby_in_which_every_room_changes_without_end_hears_a_hundred_changes_a_second() {
    let mut bench = Bench::with(LIMITS);
    for n in 1..=5 {
        let host = bench.connect(n.into(), n);
        bench.sign_in(host, &format!("Host{n}")).unwrap();
        for room in 0..10 {
            bench.create(host, &format!("room {n} {room}")).unwrap();
        }
    }
    let watcher = bench.connect(10, 10);
    bench.sign_in(watcher, "Watcher").unwrap();
    let list = Request::ListRooms { after: None };
    bench.request(watcher, list).unwrap();
    bench.pass(Micros::from_secs(2));
    bench.events(watcher);
    let rooms: Vec<_> = bench.core.rooms.keys().copied().collect();
    assert_eq!(rooms.len(), 50);
    for _ in 0..100 {
        rooms.iter().for_each(|room| bench.core.lobby.mark(*room));
        bench.pass(Micros::from_millis(100));
    }
    let heard = bench.events(watcher).len();
    assert!((900..=1_050).contains(&heard), "{heard} in ten seconds");
    for _ in 0..2 {
        bench.pass(Micros::from_secs(1));
    }
    bench.events(watcher);
    bench.core.lobby.mark(rooms[0]);
    bench.pass(Micros::from_millis(100));
    assert_eq!(bench.events(watcher).len(), 1, "one change is told at once");
}

#[test]
fn the_lobby_hears_of_many_changes_as_few() {
    let (mut bench, ana, bob, room) = Bench::call();
    let watcher = bench.connect(3, 3);
    bench.sign_in(watcher, "Watcher").unwrap();
    bench
        .request(watcher, Request::ListRooms { after: None })
        .unwrap();
    bench.pass(Micros::from_secs(1));
    bench.sent.clear();
    for _ in 0..5 {
        bench.request(bob, Request::LeaveRoom).unwrap();
        bench.join(bob, room).unwrap();
    }
    assert_eq!(bench.events(watcher), []);
    bench.pass(Micros::from_secs(1));
    let events = bench.events(watcher);
    assert!(
        matches!(&events[..], [Event::RoomChanged(summary)] if summary.members == 2),
        "{events:?}"
    );
    // Ana is in a room, where the lobby is no news.
    bench
        .request(ana, Request::ListRooms { after: None })
        .unwrap();
    bench.sent.clear();
    bench.request(bob, Request::LeaveRoom).unwrap();
    bench.pass(Micros::from_secs(1));
    assert!(
        bench
            .events(ana)
            .iter()
            .all(|e| !matches!(e, Event::RoomChanged(_)))
    );
}

#[test]
fn sessions_and_rooms_are_bounded() {
    let mut bench = Bench::with(CoreLimits {
        sessions: 1,
        rooms: 1,
        ..LIMITS
    });
    let (ana, bob) = (bench.connect(1, 1), bench.connect(2, 2));
    bench.sign_in(ana, "Ana").unwrap();
    assert_eq!(bench.sign_in(bob, "Bob"), Err(Refusal::RelayFull));
    bench.create(ana, "one").unwrap();
    assert_eq!(bench.create(ana, "two"), Err(Refusal::TooMany));
    // Ana's own session makes room for her next one.
    let again = bench.connect(3, 1);
    bench.sign_in(again, "Ana").unwrap();
}

#[test]
fn every_kind_of_request_is_limited() {
    let (mut bench, ana, _, room) = Bench::call();
    let requests: [fn(RoomId) -> Request; 7] = [
        |_| Request::Subscribe {
            stream: StreamId(9),
            want: Want::All,
        },
        |_| Request::ListRooms { after: None },
        |_| Request::Say {
            to: None,
            text: Box::new(ChatText::parse("x").unwrap()),
        },
        |_| Request::History { before: None },
        |_| Request::SetClock {
            offset: ClockOffset(1),
        },
        |_| Request::AskKeys {
            of: ParticipantId(2),
        },
        |room| Request::JoinRoom {
            room,
            pin: None,
            devices: Devices::default(),
            nonce: NONCE,
        },
    ];
    for request in requests {
        bench.pass(Micros::from_secs(600));
        let limited = (0..3_000)
            .map(|_| bench.request(ana, request(room)))
            .filter(|result| matches!(result, Err(Refusal::RateLimited { .. })))
            .count();
        assert!(limited > 1_000, "{:?}: {limited}", request(room));
        bench.pass(Micros::from_secs(5));
        let later = bench.request(ana, request(room));
        assert!(
            !matches!(later, Err(Refusal::RateLimited { .. })),
            "{later:?}"
        );
    }
}

#[test]
fn one_account_makes_no_more_rooms_than_it_may_and_a_failed_one_does_not_count() {
    let mut bench = Bench::with(CoreLimits {
        rooms_per_account: 2,
        ..LIMITS
    });
    let (ana, bob) = (bench.connect(1, 1), bench.connect(2, 2));
    bench.sign_in(ana, "Ana").unwrap();
    bench.sign_in(bob, "Bob").unwrap();
    bench.disk_full = true;
    assert_eq!(bench.create(ana, "lost"), Err(Refusal::StorageFailed));
    bench.disk_full = false;
    bench.create(ana, "one").unwrap();
    bench.create(ana, "two").unwrap();
    assert_eq!(bench.create(ana, "three"), Err(Refusal::TooMany));
    // Nor after she came back.
    let again = bench.connect(3, 1);
    bench.sign_in(again, "Ana").unwrap();
    assert_eq!(bench.create(again, "three"), Err(Refusal::TooMany));
    bench.create(bob, "three").unwrap();
}

#[test]
fn many_accounts_of_one_address_do_not_fill_the_relay_with_rooms() {
    let mut bench = Bench::with(CoreLimits {
        rooms: 1_000,
        ..LIMITS
    });
    let mut made = 0;
    for n in 0..50 {
        let connection = bench.connect(n, 1);
        bench.sign_in(connection, &format!("User{n}")).unwrap();
        for room in 0..10 {
            made += u32::from(bench.create(connection, &format!("{n} {room}")).is_ok());
        }
    }
    assert_eq!(made, 60);
    let elsewhere = bench.connect(100, 2);
    bench.sign_in(elsewhere, "Elsewhere").unwrap();
    bench.create(elsewhere, "still possible").unwrap();
}

#[test]
fn new_accounts_are_bounded_by_address_and_in_all_and_known_ones_come_in() {
    let mut bench = Bench::with(CoreLimits {
        accounts: 4,
        sign_ups_at_once: 3,
        ..LIMITS
    });
    for n in 0..3 {
        let connection = bench.connect(n, 1);
        bench.sign_in(connection, &format!("User{n}")).unwrap();
    }
    let fourth = bench.connect(3, 1);
    let limited = bench.sign_in(fourth, "User3");
    assert!(matches!(limited, Err(Refusal::RateLimited { .. })));
    let known = bench.connect(4, 1);
    bench.sign_in(known, "User0").unwrap();
    let elsewhere = bench.connect(5, 2);
    bench.sign_in(elsewhere, "User3").unwrap();
    let one_too_many = bench.connect(6, 2);
    assert_eq!(
        bench.sign_in(one_too_many, "User4"),
        Err(Refusal::RelayFull)
    );
}

#[test]
fn signing_in_again_does_not_make_the_limits_new() {
    let mut bench = Bench::new();
    let first = bench.connect(1, 1);
    bench.sign_in(first, "Ana").unwrap();
    let list = || Request::ListRooms { after: None };
    while bench.request(first, list()).is_ok() {}
    bench.request(first, Request::SignOut).unwrap();
    let second = bench.connect(2, 1);
    bench.sign_in(second, "Ana").unwrap();
    let limited = bench.request(second, list());
    assert!(matches!(limited, Err(Refusal::RateLimited { .. })));
    bench.pass(Micros::from_secs(1));
    bench.request(second, list()).unwrap();
}

#[test]
fn what_comes_for_a_connection_that_is_gone_goes_nowhere() {
    let mut bench = Bench::new();
    let ana = bench.connect(1, 1);
    bench.held = Some(Vec::new());
    bench.ask(
        ana,
        Request::SignIn {
            username: Username::parse("Ana").unwrap(),
            display_name: DisplayName::parse("Ana").unwrap(),
            email: Email::parse("a@b").unwrap(),
            resume: None,
        },
    );
    bench.core.handle_disconnected(bench.now, ana);
    let held = bench.held.take().unwrap();
    bench.store(&held[0]);
    bench.carry_out();
    assert_eq!(bench.core.counts().0, 0);
    assert!(bench.sent.is_empty());
    bench
        .core
        .handle_request(ana, RequestId(9), Request::SignOut);
    bench.core.handle_too_slow(ana);
    bench.core.handle_pin(Token(77), Err(Refusal::WrongPin));
    bench.core.handle_stored(Token(77), Ok(StoreAnswer::Done));
    bench.carry_out();
    assert!(bench.sent.is_empty());
}

#[test]
fn a_link_is_over_when_its_time_is() {
    link_of_a_minute(|_| {});
}

#[test]
fn a_link_is_over_when_its_time_is_though_the_clock_was_set_in_between() {
    // A board starts in 1970, and hears what day it is.
    link_of_a_minute(|bench| {
        bench.wall_ahead_ms = 1_795_000_000_000;
        bench.pass(Micros::ZERO);
    });
}

/// Somebody comes by a link in the last second of its time, and nobody after that.
fn link_of_a_minute(in_between: impl FnOnce(&mut Bench)) {
    let mut bench = Bench::new();
    bench.core.serve_browsers(Web {
        key: Secret([7; 32]),
        port: 7480,
        https: true,
        base: None,
    });
    let ana = bench.connect(1, 1);
    bench.sign_in(ana, "ana").unwrap();
    let create = Request::CreateRoom {
        name: RoomName::parse("x").unwrap(),
        pin: None,
        capacity: 4,
    };
    let Ok(Answer::Created { room }) = bench.request(ana, create) else {
        panic!("not created");
    };
    let make = Request::MakeLink {
        room,
        lifetime_minutes: 1,
    };
    let Ok(Answer::Link(link)) = bench.request(ana, make) else {
        panic!("no link");
    };
    let come = |bench: &mut Bench, connection| {
        let connection = bench.connect(connection, 2);
        let id = RequestId(77);
        let guest = Guest {
            token: link.token.clone(),
            display_name: DisplayName::parse("eve").unwrap(),
            resume: None,
        };
        bench.core.handle_guest(connection, id, guest);
        bench.carry_out();
        bench.reply(connection, id).unwrap()
    };
    in_between(&mut bench);
    bench.pass(Micros::from_secs(59));
    assert!(matches!(come(&mut bench, 2), Ok(Answer::SignedIn(_))));
    bench.pass(Micros::from_secs(1));
    assert_eq!(come(&mut bench, 3), Err(Refusal::LinkInvalid));
    assert_eq!(bench.core.take_refused_links(), 1);
}

#[test]
fn without_browsers_there_are_no_links() {
    let mut bench = Bench::new();
    let ana = bench.connect(1, 1);
    bench.sign_in(ana, "ana").unwrap();
    let make = Request::MakeLink {
        room: RoomId(1),
        lifetime_minutes: 1,
    };
    assert_eq!(bench.request(ana, make), Err(Refusal::NoGateway));
}

#[test]
fn two_settings_of_a_room_at_once_do_not_undo_each_other() {
    let (mut bench, ana, bob, room) = Bench::call();
    bench.held = Some(Vec::new());
    let disallow = Request::AllowBrowsers {
        room,
        allowed: false,
    };
    let requests = [
        (ana, disallow),
        (bob, Request::RevokeLinks { room }),
        (ana, Request::RevokeLinks { room }),
    ];
    let asked = requests.map(|(who, request)| (who, bench.ask(who, request)));
    let held = bench.held.take().unwrap();
    assert_eq!(held.len(), 3);
    for command in &held {
        bench.store(command);
    }
    bench.carry_out();
    for (who, id) in asked {
        assert_eq!(bench.reply(who, id), Some(Ok(Answer::Done)));
    }
    let of = &bench.core.rooms[&room];
    assert_eq!((of.browsers_allowed, of.link_generation), (false, 2));
    let settings: Vec<_> = held
        .iter()
        .map(|command| match command {
            StoreCommand::ChangeRoom { setting, .. } => *setting,
            other => panic!("{other:?}"),
        })
        .collect();
    let revoke = RoomSetting::RevokeLinks;
    assert_eq!(
        settings,
        [RoomSetting::AllowBrowsers(false), revoke, revoke]
    );
}

#[test]
fn addresses_of_one_network_are_limited_as_one() {
    let mut bench = Bench::with(CoreLimits {
        sessions: 10_000,
        ..LIMITS
    });
    let mut limited = 0;
    let sign_up = |bench: &mut Bench, n: u64, address: String| {
        let connection = bench.connect_from(n, 1, address.parse().unwrap());
        let signed_in = bench.sign_in(connection, &format!("User{n}"));
        matches!(signed_in, Err(Refusal::RateLimited { .. }))
    };
    for n in 1..=300 {
        limited += u32::from(sign_up(&mut bench, n, format!("2001:db8::{n:x}")));
    }
    assert_eq!(limited, 100, "200 at once from one network");
    for (n, other) in [
        (301, "2001:db8:0:1::1"),
        (302, "192.0.2.1"),
        (303, "2001:db8:1::1"),
    ] {
        assert!(!sign_up(&mut bench, n, other.into()), "{other}");
    }
    assert!(!sign_up(&mut bench, 304, "::ffff:192.0.2.1".into()));
}

#[test]
fn right_pins_are_no_guesses_and_known_devices_come_back_whatever_strangers_do() {
    let mut bench = Bench::with(CoreLimits {
        sessions: 1_000,
        sign_ups_at_once: 1_000,
        ..LIMITS
    });
    let everyone = IpAddr::from([10, 0, 0, 1]);
    let host = bench.connect_from(1, 1, everyone);
    bench.sign_in(host, "Host").unwrap();
    let create = Request::CreateRoom {
        name: RoomName::parse("locked").unwrap(),
        pin: Some(Pin::parse("4711").unwrap()),
        capacity: 128,
    };
    let Ok(Answer::Created { room }) = bench.request(host, create) else {
        panic!("not created");
    };
    let join = |pin: &str| Request::JoinRoom {
        room,
        pin: Some(Pin::parse(pin).unwrap()),
        devices: Devices::default(),
        nonce: NONCE,
    };
    // More than the budgets of an address and a room have, all with the right PIN.
    for n in 0..200 {
        let kiosk = bench.connect_from(100 + n, 100, everyone);
        bench.sign_in(kiosk, &format!("Kiosk{n}")).unwrap();
        assert!(bench.request(kiosk, join("4711")).is_ok(), "kiosk {n}");
        bench.request(kiosk, Request::LeaveRoom).unwrap();
    }
    // Strangers of many addresses spend the room's budget.
    for n in 0..40u8 {
        let eve = bench.connect_from(500 + u64::from(n), 200, IpAddr::from([10, 1, 0, n]));
        bench.sign_in(eve, &format!("Eve{n}")).unwrap();
        for _ in 0..4 {
            let wrong = bench.request(eve, join("0000"));
            assert!(matches!(
                wrong,
                Err(Refusal::WrongPin | Refusal::RateLimited { .. })
            ));
        }
    }
    let newcomer = bench.connect_from(900, 201, IpAddr::from([10, 2, 0, 1]));
    bench.sign_in(newcomer, "Newcomer").unwrap();
    let limited = bench.request(newcomer, join("4711"));
    assert!(
        matches!(limited, Err(Refusal::RateLimited { .. })),
        "{limited:?}"
    );
    let back = bench.connect_from(901, 100, everyone);
    bench.sign_in(back, "Kiosk7").unwrap();
    assert!(bench.request(back, join("4711")).is_ok());
}

#[test]
fn two_devices_with_one_identity_are_told_of_each_other_and_slow_down() {
    let mut bench = Bench::new();
    let [here, there] = [[10, 0, 0, 1], [10, 0, 0, 2]].map(IpAddr::from);
    let mut takeovers = 0;
    let mut in_place = bench.connect_from(1, 1, here);
    bench.sign_in(in_place, "Ana").unwrap();
    // Ten minutes of two that come back each 2 s.
    for n in 2..302 {
        bench.pass(Micros::from_secs(2));
        let address = if n % 2 == 0 { there } else { here };
        let other = bench.connect_from(n, 1, address);
        match bench.sign_in(other, "Ana") {
            Ok(_) => {
                takeovers += 1;
                let told = bench.events(in_place);
                assert_eq!(told[0], Event::SignedInElsewhere { address });
                assert!(matches!(told[1], Event::Closing { .. }), "{told:?}");
                in_place = other;
            }
            Err(Refusal::RateLimited { retry_after_ms }) => {
                assert!(retry_after_ms <= 480_000);
                let told = bench.events(other);
                assert!(
                    matches!(told[..], [Event::SignedInElsewhere { .. }]),
                    "{told:?}"
                );
                bench.core.handle_disconnected(bench.now, other);
            }
            Err(other) => panic!("{other:?}"),
        }
    }
    assert!((4..9).contains(&takeovers), "{takeovers}");
    // Who lost the connection takes nothing over.
    bench.core.handle_disconnected(bench.now, in_place);
    let again = bench.connect_from(400, 1, here);
    bench.sign_in(again, "Ana").unwrap();
}
