//! One value of every control message, with its name.

use std::net::IpAddr;

use conclave_protocol::id::{
    ChatId, Epoch, LineMark, ParticipantId, RequestId, RoomId, SessionId, SourceId, StreamId,
};
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::secret::Secret;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::units::{ClockOffset, PictureSize, UnixMillis};
use conclave_protocol::wire::control::{
    AddressedEnvelope, Answer, AudioCodec, ChatLine, ClosingReason, Devices, Event, Joined,
    KeyEnvelope, Layer, LeaveReason, Link, Media, Participant, Picture, Refusal, Request,
    RoomSummary, SignedIn, Stream, StreamOffer, Suite, ToEndpoint, ToRelay, Want,
};

pub fn envelope(suite: Suite) -> KeyEnvelope {
    let mut sealed = [0x5e; 48];
    sealed[32..].fill(0x7a);
    KeyEnvelope {
        epoch: Epoch::new(2, 1),
        suite,
        encapsulated: [0xec; 32],
        sealed,
    }
}

fn room() -> RoomSummary {
    RoomSummary {
        id: RoomId(300),
        name: "Phòng họp".parse().unwrap(),
        members: 2,
        capacity: 16,
        locked: true,
    }
}

fn offers() -> [(&'static str, StreamOffer); 3] {
    let picture = |layer, width, height, fps| Picture {
        layer,
        size: PictureSize { width, height },
        fps,
    };
    let offer = |source, media| StreamOffer {
        source: SourceId(source),
        media,
    };
    [
        ("sound", offer(0, Media::Audio(AudioCodec::L16Mono16k))),
        (
            "a camera",
            offer(1, Media::Camera(picture(Layer::Full, 1280, 720, 30))),
        ),
        (
            "a screen",
            offer(2, Media::Screen(picture(Layer::Half, 960, 540, 5))),
        ),
    ]
}

fn participant() -> Participant {
    Participant {
        id: ParticipantId(7),
        username: "ana".parse().unwrap(),
        display_name: "Ana Lima".parse().unwrap(),
        identity: [0xa1; 32],
        nonce: JoinNonce([0x0a; 32]),
        devices: Devices {
            microphone: true,
            camera: false,
        },
        clock: ClockOffset(-1500),
        via_gateway: false,
        away: false,
        streams: vec![Stream {
            id: StreamId(42),
            offer: offers()[1].1.clone(),
        }],
    }
}

fn line(to: Option<&str>) -> ChatLine {
    ChatLine {
        id: ChatId(1000),
        at: UnixMillis(1_795_000_000_000),
        from: "ana".parse().unwrap(),
        from_name: "Ana Lima".parse().unwrap(),
        to: to.map(|name| name.parse().unwrap()),
        text: Box::new("Grüß Gott\n\t👋".parse().unwrap()),
        mark: MARK,
    }
}

/// The highest one.
const MARK: LineMark = LineMark(LineMark::END - 1);

fn joined() -> Joined {
    let away = Participant {
        id: ParticipantId(9),
        username: "ben".parse().unwrap(),
        display_name: "Ben".parse().unwrap(),
        identity: [0xb2; 32],
        nonce: JoinNonce([0x0b; 32]),
        away: true,
        streams: Vec::new(),
        ..participant()
    };
    Joined {
        room: room(),
        me: ParticipantId(7),
        roster: vec![participant(), away],
    }
}

pub fn requests() -> Vec<(String, Request)> {
    let mut all: Vec<(String, Request)> = Vec::new();
    let mut add = |name: &str, request| all.push((name.into(), request));
    let sign_in = |resume| Request::SignIn {
        username: "ana".parse().unwrap(),
        display_name: "Ana Lima".parse().unwrap(),
        email: "ana@example.org".parse().unwrap(),
        resume,
    };
    add("sign in", sign_in(None));
    add("sign in and resume", sign_in(Some(Secret([0x11; 32]))));
    add("list rooms", Request::ListRooms { after: None });
    add(
        "list rooms after one",
        Request::ListRooms {
            after: Some(RoomId(300)),
        },
    );
    let create = |pin: Option<&str>| Request::CreateRoom {
        name: "Phòng họp".parse().unwrap(),
        pin: pin.map(|pin| pin.parse().unwrap()),
        capacity: 16,
    };
    add("create an open room", create(None));
    add("create a locked room", create(Some("0042")));
    let devices = Devices {
        microphone: true,
        camera: false,
    };
    add(
        "join a room",
        Request::JoinRoom {
            room: RoomId(300),
            pin: Some("0042".parse().unwrap()),
            devices,
            nonce: JoinNonce([0x0a; 32]),
        },
    );
    add("leave the room", Request::LeaveRoom);
    let say = |to| Request::Say {
        to,
        text: Box::new("Grüß Gott\n\t👋".parse().unwrap()),
        mark: MARK,
    };
    add("say to the room", say(None));
    add("say to one", say(Some(ParticipantId(9))));
    add("newest history", Request::History { before: None });
    add(
        "earlier history",
        Request::History {
            before: Some(ChatId(1000)),
        },
    );
    for (what, offer) in offers() {
        add(&format!("publish {what}"), Request::Publish(offer));
    }
    add(
        "publish Opus",
        Request::Publish(StreamOffer {
            source: SourceId(0),
            media: Media::Audio(AudioCodec::OpusMono48k),
        }),
    );
    add(
        "unpublish",
        Request::Unpublish {
            stream: StreamId(42),
        },
    );
    add("set devices", Request::SetDevices(devices));
    add(
        "set clock",
        Request::SetClock {
            offset: ClockOffset(-1500),
        },
    );
    let to = |suite| AddressedEnvelope {
        to: ParticipantId(9),
        envelope: envelope(suite),
    };
    add(
        "send keys",
        Request::SendKeys {
            envelopes: vec![to(Suite::Aes256Gcm), to(Suite::ChaCha20Poly1305)],
        },
    );
    add(
        "ask for keys",
        Request::AskKeys {
            of: ParticipantId(9),
        },
    );
    for (name, want) in [
        ("subscribe to all", Want::All),
        ("subscribe to some", Want::AtMost { fps: 15 }),
        ("subscribe to nothing", Want::Nothing),
    ] {
        add(
            name,
            Request::Subscribe {
                stream: StreamId(42),
                want,
            },
        );
    }
    add("sign out", Request::SignOut);
    let room = RoomId(300);
    add(
        "make a link",
        Request::MakeLink {
            room,
            lifetime_minutes: 1440,
        },
    );
    add("revoke links", Request::RevokeLinks { room });
    for (name, allowed) in [("let browsers in", true), ("keep browsers out", false)] {
        add(name, Request::AllowBrowsers { room, allowed });
    }
    all
}

pub fn to_relay() -> Vec<(String, ToRelay)> {
    let request = |(name, request)| {
        let id = RequestId(5);
        (format!("request: {name}"), ToRelay::Request { id, request })
    };
    let mut all: Vec<_> = requests().into_iter().map(request).collect();
    all.push(("datagram up".into(), ToRelay::Datagram(vec![1, 2, 3])));
    all.push((
        "ping".into(),
        ToRelay::Ping {
            sent: Instant(1_000_000),
        },
    ));
    all
}

pub fn answers() -> Vec<(String, Answer)> {
    let signed_in = |room| {
        Answer::SignedIn(Box::new(SignedIn {
            session: SessionId(77),
            hop_secret: Secret([0x22; 32]),
            resume_secret: Secret([0x33; 32]),
            resume_for: Micros::from_secs(30),
            username: "ana".parse().unwrap(),
            room,
        }))
    };
    let link = |https, base: Option<&str>| {
        Answer::Link(Box::new(Link {
            token: "TGluayB0byBhIHJvb20-_w".parse().unwrap(),
            expires_at: UnixMillis(1_795_000_000_000),
            port: 7480,
            https,
            base: base.map(|base| base.parse().unwrap()),
        }))
    };
    let all = [
        ("done", Answer::Done),
        ("signed in", signed_in(None)),
        ("signed in and still in a room", signed_in(Some(joined()))),
        (
            "rooms",
            Answer::Rooms {
                rooms: vec![room()],
                more: true,
            },
        ),
        ("created", Answer::Created { room: RoomId(300) }),
        ("joined", Answer::Joined(Box::new(joined()))),
        (
            "said",
            Answer::Said {
                id: ChatId(1000),
                at: UnixMillis(1_795_000_000_000),
            },
        ),
        (
            "history",
            Answer::History {
                lines: vec![line(None), line(Some("ben"))],
                more: false,
            },
        ),
        (
            "published",
            Answer::Published {
                stream: StreamId(42),
            },
        ),
        (
            "keys put off",
            Answer::KeysPutOff {
                to: vec![ParticipantId(9)],
                retry_after_ms: 500,
            },
        ),
        ("link", link(true, None)),
        (
            "link to a public address",
            link(false, Some("https://example.org")),
        ),
    ];
    all.map(|(name, answer)| (name.into(), answer)).into()
}

pub const REFUSALS: [Refusal; 23] = [
    Refusal::NotSignedIn,
    Refusal::AlreadySignedIn,
    Refusal::NameTaken,
    Refusal::EmailDiffers,
    Refusal::Blocked,
    Refusal::SessionOver,
    Refusal::NoSuchRoom,
    Refusal::RoomExists,
    Refusal::RoomFull,
    Refusal::WrongPin,
    Refusal::NotInRoom,
    Refusal::AlreadyInRoom,
    Refusal::NoSuchParticipant,
    Refusal::NoSuchStream,
    Refusal::TooMany,
    Refusal::OutOfRange,
    Refusal::RateLimited {
        retry_after_ms: 1500,
    },
    Refusal::StorageFailed,
    Refusal::RelayFull,
    Refusal::LinkInvalid,
    Refusal::BrowsersRefused,
    Refusal::NotAllowed,
    Refusal::NoGateway,
];

pub const LEAVE_REASONS: [LeaveReason; 4] = [
    LeaveReason::Left,
    LeaveReason::Lost,
    LeaveReason::TooSlow,
    LeaveReason::Removed,
];

pub const CLOSING_REASONS: [ClosingReason; 5] = [
    ClosingReason::RelayStops,
    ClosingReason::Replaced,
    ClosingReason::Malformed,
    ClosingReason::Silent,
    ClosingReason::TooSlow,
];

pub fn events() -> Vec<(String, Event)> {
    let mut all: Vec<(String, Event)> = Vec::new();
    let mut add = |name: &str, event| all.push((name.into(), event));
    let who = ParticipantId(7);
    add("room changed", Event::RoomChanged(room()));
    add("room closed", Event::RoomClosed { room: RoomId(300) });
    add(
        "participant joined",
        Event::ParticipantJoined(Box::new(participant())),
    );
    for reason in LEAVE_REASONS {
        let event = Event::ParticipantLeft {
            participant: who,
            reason,
        };
        add(&format!("participant left: {reason:?}"), event);
    }
    add(
        "devices changed",
        Event::DevicesChanged {
            participant: who,
            devices: Devices {
                microphone: false,
                camera: true,
            },
        },
    );
    add(
        "clock changed",
        Event::ClockChanged {
            participant: who,
            clock: ClockOffset(2500),
        },
    );
    add(
        "stream published",
        Event::StreamPublished {
            participant: who,
            stream: Stream {
                id: StreamId(42),
                offer: offers()[0].1.clone(),
            },
        },
    );
    add(
        "stream unpublished",
        Event::StreamUnpublished {
            stream: StreamId(42),
        },
    );
    add("chat to the room", Event::Chat(line(None)));
    add("chat to one", Event::Chat(line(Some("ben"))));
    add(
        "keys",
        Event::Keys {
            from: who,
            envelope: envelope(Suite::Aes256Gcm),
        },
    );
    add("keys wanted", Event::KeysWanted { by: who });
    for reason in CLOSING_REASONS {
        add(&format!("closing: {reason:?}"), Event::Closing { reason });
    }
    for (name, allowed) in [("browsers allowed", true), ("browsers kept out", false)] {
        add(name, Event::BrowsersAllowed { allowed });
    }
    for (name, address) in [
        ("signed in elsewhere", IpAddr::from([192, 0, 2, 7])),
        (
            "signed in elsewhere, IPv6",
            IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 7]),
        ),
    ] {
        add(name, Event::SignedInElsewhere { address });
    }
    for (name, away) in [("away", true), ("here again", false)] {
        let participant = who;
        add(name, Event::AwayChanged { participant, away });
    }
    all
}

pub fn to_endpoint() -> Vec<(String, ToEndpoint)> {
    let id = RequestId(5);
    let answer = |(name, answer)| {
        let result = Ok(answer);
        (format!("answer: {name}"), ToEndpoint::Reply { id, result })
    };
    let refusal = |refusal: Refusal| {
        let name = format!("{refusal:?}");
        let name = name.split(' ').next().unwrap();
        let result = Err(refusal);
        (format!("refusal: {name}"), ToEndpoint::Reply { id, result })
    };
    let event = |(name, event)| (format!("event: {name}"), ToEndpoint::Event(event));
    let mut all: Vec<_> = answers().into_iter().map(answer).collect();
    all.extend(REFUSALS.map(refusal));
    all.extend(events().into_iter().map(event));
    all.push(("datagram down".into(), ToEndpoint::Datagram(vec![1, 2, 3])));
    all.push((
        "pong".into(),
        ToEndpoint::Pong {
            sent: Instant(1_000_000),
            relay: Instant(2_000_000),
        },
    ));
    all
}
