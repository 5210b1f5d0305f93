//! A core at a bench: its store and PIN worker answer at once, unless told otherwise.

use super::*;

pub(super) const LIMITS: CoreLimits = CoreLimits {
    sessions: 100,
    rooms: 100,
    rooms_per_account: 20,
    accounts: 1_000,
    sign_ups_at_once: 200,
};

pub(super) const NONCE: JoinNonce = JoinNonce([0x0a; 32]);

pub(super) struct Counting(u8);

impl Entropy for Counting {
    fn fill(&mut self, bytes: &mut [u8]) {
        self.0 = self.0.wrapping_add(1);
        bytes.fill(self.0);
    }
}

/// A core whose store and PIN worker answer at once, unless told otherwise.
pub(super) struct Bench {
    pub(super) core: Core,
    pub(super) now: Instant,
    /// What the wall clock shows beyond `now`, in ms.
    pub(super) wall_ahead_ms: u64,
    pub(super) sent: HashMap<ConnectionId, Vec<ToEndpoint>>,
    pub(super) ended: Vec<(ConnectionId, Ending)>,
    pub(super) media: Vec<MediaCommand>,
    pub(super) routes: Arc<Routes>,
    pub(super) disk_full: bool,
    /// Keys of the accounts that the store knows.
    pub(super) accounts: HashSet<String>,
    /// What links are made with, as the store knows it.
    pub(super) link_generations: HashMap<RoomId, u32>,
    /// Commands that wait instead of being answered, when set.
    pub(super) held: Option<Vec<StoreCommand>>,
    pub(super) last_request: u32,
    pub(super) last_mark: u64,
    /// The lines that the store has.
    pub(super) lines: Vec<(RoomId, ChatLine)>,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(CoreLimits {
            rooms: 10,
            ..LIMITS
        })
    }

    pub(super) fn with(limits: CoreLimits) -> Self {
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
            last_mark: 0,
            lines: Vec::new(),
        };
        bench.pass(Micros::ZERO);
        bench
    }

    pub(super) fn pass(&mut self, span: Micros) {
        self.now += span;
        let wall = UnixMillis(self.now.0 / 1_000 + self.wall_ahead_ms);
        self.core.set_time(self.now, self.now, wall);
        self.core.handle_time(self.now);
        self.carry_out();
    }

    pub(super) fn carry_out(&mut self) {
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

    pub(super) fn store(&mut self, command: &StoreCommand) {
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
            StoreCommand::AppendChat { room, line, .. } => Ok(self
                .known_line(*room, &line.from, line.mark)
                .unwrap_or_else(|| {
                    self.lines.push((*room, line.clone()));
                    StoreAnswer::Done
                })),
            StoreCommand::FindLine {
                room, from, mark, ..
            } => {
                let known = self.known_line(*room, from, *mark);
                Ok(known.unwrap_or(StoreAnswer::NoLine))
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

    fn known_line(&self, room: RoomId, from: &Username, mark: LineMark) -> Option<StoreAnswer> {
        let is_it = |(in_room, known): &&(RoomId, ChatLine)| {
            (*in_room, &known.from, known.mark) == (room, from, mark)
        };
        let (_, known) = self.lines.iter().find(is_it)?;
        Some(StoreAnswer::KnownLine {
            id: known.id,
            at: known.at,
        })
    }

    pub(super) fn connect(&mut self, connection: u64, device: u8) -> ConnectionId {
        self.connect_from(connection, device, IpAddr::from([127, 0, 0, device]))
    }

    pub(super) fn connect_from(
        &mut self,
        connection: u64,
        device: u8,
        address: IpAddr,
    ) -> ConnectionId {
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

    pub(super) fn ask(&mut self, connection: ConnectionId, request: Request) -> RequestId {
        self.last_request += 1;
        let id = RequestId(self.last_request);
        self.core.handle_request(connection, id, request);
        self.carry_out();
        id
    }

    pub(super) fn reply(
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

    pub(super) fn request(
        &mut self,
        connection: ConnectionId,
        request: Request,
    ) -> Result<Answer, Refusal> {
        let id = self.ask(connection, request);
        self.reply(connection, id)
            .expect("every request is answered")
    }

    pub(super) fn events(&mut self, connection: ConnectionId) -> Vec<Event> {
        let sent = self.sent.remove(&connection).unwrap_or_default();
        sent.into_iter()
            .filter_map(|message| match message {
                ToEndpoint::Event(event) => Some(event),
                _ => None,
            })
            .collect()
    }

    pub(super) fn sign_in(
        &mut self,
        connection: ConnectionId,
        name: &str,
    ) -> Result<SignedIn, Refusal> {
        self.sign_in_with(connection, name, None)
    }

    pub(super) fn sign_in_with(
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

    pub(super) fn create(
        &mut self,
        connection: ConnectionId,
        name: &str,
    ) -> Result<RoomId, Refusal> {
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

    pub(super) fn join(
        &mut self,
        connection: ConnectionId,
        room: RoomId,
    ) -> Result<Joined, Refusal> {
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

    pub(super) fn say(&mut self, connection: ConnectionId, text: &str) -> RequestId {
        self.last_mark += 1;
        self.say_as(connection, text, self.last_mark)
    }

    pub(super) fn say_as(&mut self, connection: ConnectionId, text: &str, mark: u64) -> RequestId {
        let text = Box::new(ChatText::parse(text).unwrap());
        let (to, mark) = (None, LineMark(mark));
        self.ask(connection, Request::Say { to, text, mark })
    }

    pub(super) fn publish(&mut self, connection: ConnectionId) -> StreamId {
        self.publish_as(connection, camera().media)
    }

    pub(super) fn publish_sound(&mut self, connection: ConnectionId) -> StreamId {
        self.publish_as(connection, Media::Audio(AudioCodec::L16Mono16k))
    }

    pub(super) fn publish_as(&mut self, connection: ConnectionId, media: Media) -> StreamId {
        let source = conclave_protocol::id::SourceId(1);
        let offer = StreamOffer { source, media };
        match self.request(connection, Request::Publish(offer)) {
            Ok(Answer::Published { stream }) => stream,
            other => panic!("{other:?}"),
        }
    }

    /// Ana (connection 1) and Bob (connection 2) in one room.
    pub(super) fn call() -> (Self, ConnectionId, ConnectionId, RoomId) {
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

pub(super) fn hash_of(pin: &Pin) -> PinHash {
    let mut hash = [0; 32];
    hash[..pin.as_str().len()].copy_from_slice(pin.as_str().as_bytes());
    PinHash {
        salt: [0; 16],
        hash,
    }
}

pub(super) fn camera() -> StreamOffer {
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
