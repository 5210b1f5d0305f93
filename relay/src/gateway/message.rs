//! What a browser says in text frames: JSON, parsed once into requests that cannot be wrong.
//!
//! What is not of the shape that the reference gives is [`Malformed`]; a name, address or text that breaks
//! its own rule is a request still, which is answered with the field.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use conclave_protocol::id::{ChatId, ParticipantId, RequestId, RoomId, SourceId, StreamId};
use conclave_protocol::name::{
    ChatText, DisplayName, Email, LinkToken, NameError, Pin, RoomName, Unseen, Username,
};
use conclave_protocol::secret::Secret;
use conclave_protocol::units::{ClockOffset, PictureSize};
use conclave_protocol::wire::control::{
    AudioCodec, Devices, Layer, Media, Picture, Request, StreamOffer, Want,
};
use serde::Deserialize;
use serde_json::Value;

/// The version of the messages.
const VERSION: u32 = 1;
/// The most bytes of a text frame from a browser.
pub(super) const MAX_TEXT_BYTES: usize = 16 * 1024;
/// The longest side of a picture, in pixels.
const MAX_SIDE: u16 = 4096;
/// Characters of 32 bytes in base64 without padding.
const SECRET_CHARACTERS: usize = 43;
/// Integers that JSON's readers keep exactly.
const MAX_INTEGER: u64 = 1 << 53;

/// A text frame.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    /// Breaks a silence, and asks for the relay's clock.
    Ping {
        /// The browser's clock in µs, to be sent back.
        sent: u64,
    },
    /// Asks for something.
    Request {
        /// The browser's number, to find the reply by.
        id: RequestId,
        /// What is asked for, or the field that breaks its rule.
        ask: Result<Ask, Invalid>,
    },
}

/// What a browser asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Opens a session on an account.
    SignIn(Box<SignIn>),
    /// Opens a session by a link.
    EnterLink(Box<EnterLink>),
    /// Enters a room; the gateway draws the nonce of the join.
    Join(Box<Join>),
    /// What an endpoint could ask for in the same words.
    Core(Box<Request>),
}

/// A join.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Join {
    pub(super) room: RoomId,
    pub(super) pin: Option<Pin>,
    pub(super) devices: Devices,
}

/// A sign-in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SignIn {
    /// The browser's own secret.
    pub(super) device: Secret<32>,
    /// The account's name.
    pub(super) username: Username,
    /// What others are to see.
    pub(super) display_name: DisplayName,
    /// The account's address.
    pub(super) email: Email,
    /// To go on with a session that dropped.
    pub(super) resume: Option<Secret<32>>,
}

/// A guest's sign-in.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EnterLink {
    /// The browser's own secret.
    pub(super) device: Secret<32>,
    /// The link's token.
    pub(super) token: LinkToken,
    /// What they want to be called.
    pub(super) display_name: DisplayName,
    /// To go on with a session that dropped.
    pub(super) resume: Option<Secret<32>>,
}

/// A field that breaks its rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Invalid {
    /// Its name.
    pub(super) field: &'static str,
    /// Which part of its rule it breaks, where it is a text with one.
    pub(super) why: Option<&'static str>,
}

impl Invalid {
    /// A field that can have one flaw alone.
    pub(super) const fn field(field: &'static str) -> Self {
        Self { field, why: None }
    }
}

/// Not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a message of the gateway's")]
pub(super) struct Malformed;

/// The shapes, as the reference lists them.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
enum Shape {
    Ping {
        sent: u64,
    },
    SignIn {
        version: u32,
        device: String,
        username: String,
        display_name: Option<String>,
        email: String,
        resume: Option<String>,
    },
    EnterLink {
        version: u32,
        device: String,
        token: String,
        display_name: String,
        resume: Option<String>,
    },
    ListRooms {
        after: Option<u32>,
    },
    CreateRoom {
        name: String,
        pin: Option<String>,
        capacity: u16,
    },
    JoinRoom {
        room: u32,
        pin: Option<String>,
        microphone: bool,
        camera: bool,
    },
    LeaveRoom {},
    Say {
        text: String,
        to: Option<u32>,
    },
    History {
        before: Option<u64>,
    },
    Publish {
        source: u8,
        media: MediaShape,
    },
    Unpublish {
        stream: u32,
    },
    SetDevices {
        microphone: bool,
        camera: bool,
    },
    SetClock {
        offset_us: i64,
    },
    Subscribe {
        stream: u32,
        want: WantShape,
    },
    MakeLink {
        room: u32,
        minutes: u16,
    },
    RevokeLinks {
        room: u32,
    },
    AllowBrowsers {
        room: u32,
        allowed: bool,
    },
    SignOut {},
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
enum MediaShape {
    Audio {},
    Camera(PictureShape),
    Screen(PictureShape),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PictureShape {
    width: u16,
    height: u16,
    fps: u8,
    #[serde(default)]
    layer: LayerShape,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum LayerShape {
    #[default]
    Full,
    Half,
    Thumbnail,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum WantShape {
    Word(WantWord),
    Fps(u8),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WantWord {
    All,
    Nothing,
}

impl Incoming {
    /// Reads a text frame.
    ///
    /// # Errors
    /// [`Malformed`] when it is no message of this version.
    pub(super) fn parse(text: &str) -> Result<Self, Malformed> {
        if text.len() > MAX_TEXT_BYTES {
            return Err(Malformed);
        }
        let value: Value = serde_json::from_str(text).map_err(|_| Malformed)?;
        let Value::Object(mut fields) = value else {
            return Err(Malformed);
        };
        let id = fields.remove("id");
        let shape = serde_json::from_value(Value::Object(fields)).map_err(|_| Malformed)?;
        match (shape, id) {
            (Shape::Ping { sent }, None) if sent < MAX_INTEGER => Ok(Self::Ping { sent }),
            (Shape::Ping { .. }, _) | (_, None) => Err(Malformed),
            (shape, Some(id)) => {
                let id = id.as_u64().and_then(|id| u32::try_from(id).ok());
                Ok(Self::Request {
                    id: RequestId(id.ok_or(Malformed)?),
                    ask: shape.ask(),
                })
            }
        }
    }
}

const fn invalid(field: &'static str) -> Invalid {
    Invalid::field(field)
}

/// 32 bytes in base64url without padding.
fn secret(text: &str, field: &'static str) -> Result<Secret<32>, Invalid> {
    // The decoder wants room for a rough estimate of what comes out, which is more than 32 bytes.
    let mut decoded = Secret([0; 33]);
    let read = match text.len() {
        SECRET_CHARACTERS => BASE64_URL_SAFE_NO_PAD.decode_slice(text, &mut decoded.0),
        _ => return Err(invalid(field)),
    };
    let mut secret = Secret([0; 32]);
    match read {
        Ok(32) => secret.0.copy_from_slice(&decoded.0[..32]),
        _ => return Err(invalid(field)),
    }
    Ok(secret)
}

fn resume_secret(text: Option<String>) -> Result<Option<Secret<32>>, Invalid> {
    text.map(|text| secret(&text, "resume")).transpose()
}

fn parse<T>(text: &str, field: &'static str) -> Result<T, Invalid>
where
    T: std::str::FromStr<Err = NameError>,
{
    text.parse().map_err(|error| Invalid {
        field,
        why: Some(flaw(error)),
    })
}

/// The reference's word for what is wrong with a text.
const fn flaw(error: NameError) -> &'static str {
    match error {
        NameError::TooShort { .. } => "too_short",
        NameError::TooLong { .. } => "too_long",
        NameError::Blank => "blank",
        NameError::Character(_) => "character",
        NameError::Mark { .. } => "mark",
        NameError::Start => "start",
        NameError::NotAUrl | NameError::NotAnEmail => "address",
        NameError::Unseen { what, .. } => match what {
            Unseen::Tab => "tab",
            Unseen::LineBreak => "line_break",
            Unseen::Control => "control",
            Unseen::ZeroWidthSpace => "zero_width_space",
            Unseen::Joiner => "joiner",
            Unseen::DirectionMark | Unseen::DirectionOverride | Unseen::DirectionIsolate => {
                "direction"
            }
            Unseen::VariationSelector | Unseen::Invisible => "invisible",
        },
    }
}

fn pin(text: Option<String>) -> Result<Option<Pin>, Invalid> {
    text.map(|text| parse(&text, "pin")).transpose()
}

fn check_version(version: u32) -> Result<(), Invalid> {
    (version == VERSION).then_some(()).ok_or(invalid("version"))
}

impl Shape {
    fn ask(self) -> Result<Ask, Invalid> {
        let request = match self {
            Self::SignIn {
                version,
                device,
                username,
                display_name,
                email,
                resume,
            } => {
                check_version(version)?;
                let username = parse(&username, "username")?;
                let display_name = match display_name {
                    Some(name) => parse(&name, "display_name")?,
                    None => DisplayName::from(&username),
                };
                return Ok(Ask::SignIn(Box::new(SignIn {
                    device: secret(&device, "device")?,
                    username,
                    display_name,
                    email: parse(&email, "email")?,
                    resume: resume_secret(resume)?,
                })));
            }
            Self::EnterLink {
                version,
                device,
                token,
                display_name,
                resume,
            } => {
                check_version(version)?;
                return Ok(Ask::EnterLink(Box::new(EnterLink {
                    device: secret(&device, "device")?,
                    token: parse(&token, "token")?,
                    display_name: parse(&display_name, "display_name")?,
                    resume: resume_secret(resume)?,
                })));
            }
            // It is no request, and was taken before.
            Self::Ping { .. } => return Err(invalid("do")),
            Self::ListRooms { after } => Request::ListRooms {
                after: after.map(RoomId),
            },
            Self::CreateRoom {
                name,
                pin: digits,
                capacity,
            } => Request::CreateRoom {
                name: parse::<RoomName>(&name, "name")?,
                pin: pin(digits)?,
                capacity,
            },
            Self::JoinRoom {
                room,
                pin: digits,
                microphone,
                camera,
            } => {
                return Ok(Ask::Join(Box::new(Join {
                    room: RoomId(room),
                    pin: pin(digits)?,
                    devices: Devices { microphone, camera },
                })));
            }
            Self::LeaveRoom {} => Request::LeaveRoom,
            Self::Say { text, to } => Request::Say {
                to: to.map(ParticipantId),
                text: Box::new(parse::<ChatText>(&text, "text")?),
            },
            Self::History { before } => Request::History {
                before: before.map(ChatId),
            },
            Self::Publish { source, media } => Request::Publish(StreamOffer {
                source: SourceId(source.into()),
                media: media.media()?,
            }),
            Self::Unpublish { stream } => Request::Unpublish {
                stream: StreamId(stream),
            },
            Self::SetDevices { microphone, camera } => {
                Request::SetDevices(Devices { microphone, camera })
            }
            Self::SetClock { offset_us } => Request::SetClock {
                offset: ClockOffset(offset_us),
            },
            Self::Subscribe { stream, want } => Request::Subscribe {
                stream: StreamId(stream),
                want: match want {
                    WantShape::Word(WantWord::All) => Want::All,
                    WantShape::Word(WantWord::Nothing) => Want::Nothing,
                    WantShape::Fps(fps) => Want::AtMost { fps },
                },
            },
            Self::MakeLink { room, minutes } => Request::MakeLink {
                room: RoomId(room),
                lifetime_minutes: minutes,
            },
            Self::RevokeLinks { room } => Request::RevokeLinks { room: RoomId(room) },
            Self::AllowBrowsers { room, allowed } => Request::AllowBrowsers {
                room: RoomId(room),
                allowed,
            },
            Self::SignOut {} => Request::SignOut,
        };
        Ok(Ask::Core(Box::new(request)))
    }
}

impl MediaShape {
    fn media(self) -> Result<Media, Invalid> {
        let picture = |picture: PictureShape| {
            if picture.width > MAX_SIDE || picture.height > MAX_SIDE {
                return Err(invalid("media"));
            }
            Ok(Picture {
                layer: match picture.layer {
                    LayerShape::Full => Layer::Full,
                    LayerShape::Half => Layer::Half,
                    LayerShape::Thumbnail => Layer::Thumbnail,
                },
                size: PictureSize {
                    width: picture.width,
                    height: picture.height,
                },
                fps: picture.fps,
            })
        };
        Ok(match self {
            Self::Audio {} => Media::Audio(AudioCodec::L16Mono16k),
            Self::Camera(shape) => Media::Camera(picture(shape)?),
            Self::Screen(shape) => Media::Screen(picture(shape)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use conclave_protocol::wire::control::Request;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_request_of_the_reference_is_understood() {
        let device = "A".repeat(43);
        let sign_in = format!(
            r#""version": 1, "device": "{device}", "username": "ana", "display_name": "Ana Lima", "email": "a@b", "resume": "{device}""#
        );
        let link = format!(
            r#""version": 1, "device": "{device}", "display_name": "Ana Lima", "token": "abc", "resume": null"#
        );
        for (name, fields) in [
            ("sign_in", sign_in.as_str()),
            ("enter_link", &link),
            ("list_rooms", r#""after": 3"#),
            (
                "create_room",
                r#""name": "x", "pin": "1234", "capacity": 8"#,
            ),
            (
                "join_room",
                r#""room": 1, "microphone": true, "camera": false"#,
            ),
            ("say", r#""text": "hello", "to": 7"#),
            ("history", r#""before": 9"#),
            ("publish", r#""source": 1, "media": {"kind": "audio"}"#),
            (
                "publish",
                r#""source": 0, "media": {"kind": "screen", "width": 4096, "height": 9, "fps": 5, "layer": "half"}"#,
            ),
            ("unpublish", r#""stream": 1"#),
            ("set_devices", r#""microphone": true, "camera": false"#),
            ("set_clock", r#""offset_us": -5"#),
            ("subscribe", r#""stream": 1, "want": 15"#),
            ("subscribe", r#""stream": 1, "want": "nothing""#),
            ("make_link", r#""room": 1, "minutes": 60"#),
            ("revoke_links", r#""room": 1"#),
            ("allow_browsers", r#""room": 1, "allowed": false"#),
        ] {
            let text = format!(r#"{{"id": 4, "do": "{name}", {fields}}}"#);
            let incoming = Incoming::parse(&text);
            let is_request = matches!(
                incoming,
                Ok(Incoming::Request {
                    id: RequestId(4),
                    ask: Ok(_)
                })
            );
            assert!(is_request, "{text}: {incoming:?}");
        }
        assert_eq!(
            Incoming::parse(r#"{"do": "ping", "sent": 9}"#),
            Ok(Incoming::Ping { sent: 9 })
        );
        let leave = Incoming::parse(r#"{"id": 1, "do": "leave_room"}"#);
        let ask = Ok(Ask::Core(Box::new(Request::LeaveRoom)));
        let id = RequestId(1);
        assert_eq!(leave, Ok(Incoming::Request { id, ask }));
    }

    #[test]
    fn a_secret_of_any_other_length_is_invalid() {
        let read = |text: &str| secret(text, "device");
        assert_eq!(read(&"A".repeat(43)), Ok(Secret([0; 32])));
        for length in (0..43).chain(44..200).chain([MAX_TEXT_BYTES]) {
            let text = "A".repeat(length);
            assert_eq!(read(&text), Err(invalid("device")), "{length} characters");
        }
        for text in [
            "A".repeat(42) + "=",
            "A".repeat(42) + "B",
            "\u{e9}".repeat(21) + "A",
        ] {
            assert_eq!(read(&text), Err(invalid("device")), "{text}");
        }
    }

    #[test]
    fn a_picture_beyond_the_bounds_is_invalid() {
        let text = r#"{"id": 1, "do": "publish", "source": 0, "media":
            {"kind": "camera", "width": 4097, "height": 9, "fps": 5}}"#;
        let ask = Err(Invalid::field("media"));
        let id = RequestId(1);
        assert_eq!(Incoming::parse(text), Ok(Incoming::Request { id, ask }));
    }

    #[test]
    fn a_name_that_breaks_its_rule_is_refused_by_the_name_of_the_reason() {
        for (name, why) in [
            (" ", "blank"),
            ("a\u{200b}b", "zero_width_space"),
            ("a\u{202e}b", "direction"),
            ("a\u{2066}b", "direction"),
            ("a\u{2028}b", "line_break"),
            ("a\tb", "tab"),
            (&"x".repeat(49), "too_long"),
        ] {
            let device = "A".repeat(SECRET_CHARACTERS);
            let create = json!({"id": 1, "do": "create_room", "name": name, "capacity": 8});
            let enter = json!({"id": 1, "do": "enter_link", "version": 1, "device": device,
                "token": "abc", "display_name": name});
            for (message, field) in [(create, "name"), (enter, "display_name")] {
                let text = message.to_string();
                let (id, why) = (RequestId(1), Some(why));
                let ask = Err(Invalid { field, why });
                assert_eq!(
                    Incoming::parse(&text),
                    Ok(Incoming::Request { id, ask }),
                    "{text}"
                );
            }
        }
    }

    proptest! {
        #[test]
        fn any_text_is_a_message_or_malformed(text in ".{0,200}") {
            let _ = Incoming::parse(&text);
        }

        #[test]
        fn any_secret_is_taken_or_invalid(text in "[A-Za-z0-9_=-]{30,60}|.{0,60}") {
            let taken = secret(&text, "resume").is_ok();
            prop_assert!(!taken || text.len() == SECRET_CHARACTERS);
        }

        #[test]
        fn a_damaged_message_is_a_message_or_malformed(at: usize, with in "[ -~]{0,3}") {
            let whole = r#"{"id": 7, "do": "publish", "source": 0, "media": {"kind": "camera", "width": 640, "height": 360, "fps": 15}}"#;
            let at = at % whole.len();
            let text = format!("{}{with}{}", &whole[..at], &whole[at + 1..]);
            let _ = Incoming::parse(&text);
        }
    }
}
