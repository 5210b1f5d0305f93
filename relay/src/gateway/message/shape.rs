//! The messages as they are written, and what each asks for.

use conclave_protocol::id::{ChatId, LineMark, ParticipantId, RoomId, SourceId, StreamId};
use conclave_protocol::name::{ChatText, DisplayName, RoomName};
use conclave_protocol::units::{ClockOffset, PictureSize};
use conclave_protocol::wire::control::{
    AudioCodec, Devices, Layer, Media, Picture, Request, StreamOffer, Want,
};
use serde::Deserialize;

use super::field::{check_version, invalid, parse, pin, resume_secret, secret};
use super::{Ask, EnterLink, Invalid, Join, Say, SignIn};

/// The longest side of a picture, in pixels.
const MAX_SIDE: u16 = 4096;

/// The shapes, as the reference lists them.
#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Shape {
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
        mark: Option<u64>,
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
pub(super) enum MediaShape {
    Audio {},
    Camera(PictureShape),
    Screen(PictureShape),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PictureShape {
    width: u16,
    height: u16,
    fps: u8,
    #[serde(default)]
    layer: LayerShape,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LayerShape {
    #[default]
    Full,
    Half,
    Thumbnail,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum WantShape {
    Word(WantWord),
    Fps(u8),
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum WantWord {
    All,
    Nothing,
}

impl Shape {
    /// The request, or the field that breaks its rule.
    pub(super) fn ask(self) -> Result<Ask, Invalid> {
        match self {
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
                Ok(Ask::SignIn(Box::new(SignIn {
                    device: secret(&device, "device")?,
                    username,
                    display_name,
                    email: parse(&email, "email")?,
                    resume: resume_secret(resume)?,
                })))
            }
            Self::EnterLink {
                version,
                device,
                token,
                display_name,
                resume,
            } => {
                check_version(version)?;
                Ok(Ask::EnterLink(Box::new(EnterLink {
                    device: secret(&device, "device")?,
                    token: parse(&token, "token")?,
                    display_name: parse(&display_name, "display_name")?,
                    resume: resume_secret(resume)?,
                })))
            }
            Self::JoinRoom {
                room,
                pin: digits,
                microphone,
                camera,
            } => Ok(Ask::Join(Box::new(Join {
                room: RoomId(room),
                pin: pin(digits)?,
                devices: Devices { microphone, camera },
            }))),
            Self::Say { text, to, mark } => Ok(Ask::Say(Box::new(Say {
                to: to.map(ParticipantId),
                text: Box::new(parse::<ChatText>(&text, "text")?),
                mark: mark.map(LineMark),
            }))),
            other => other.request().map(|request| Ask::Core(Box::new(request))),
        }
    }

    /// What an endpoint could ask for, too.
    fn request(self) -> Result<Request, Invalid> {
        Ok(match self {
            // [`Self::ask`] and [`super::Incoming::parse`] take these before.
            Self::SignIn { .. }
            | Self::EnterLink { .. }
            | Self::JoinRoom { .. }
            | Self::Say { .. }
            | Self::Ping { .. } => return Err(invalid("do")),
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
            Self::LeaveRoom {} => Request::LeaveRoom,
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
        })
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
