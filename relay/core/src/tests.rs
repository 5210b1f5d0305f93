//! The core by itself: values in, values out, and time as the test says.

mod away;
mod bench;
mod chat;
mod limits;
mod links;
mod lobby;
mod made_again;
mod resume;
mod routes;
mod sessions;

use super::storage::{
    NewAccount, PinAnswer, PinCommand, PinHash, RoomSetting, StoreAnswer, StoreCommand,
};
use super::*;
use bench::{Bench, LIMITS, NONCE, camera};
use conclave_protocol::id::{Epoch, LineMark, RequestId, StreamId};
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::name::{ChatText, DisplayName, Email, Pin, RoomName, Username};
use conclave_protocol::secret::Secret;
use conclave_protocol::units::{ClockOffset, PictureSize};
use conclave_protocol::wire::control::{
    AddressedEnvelope, Answer, AudioCodec, ChatLine, Devices, Event, Joined, KeyEnvelope, Layer,
    Media, Participant, Picture, Request, SignedIn, StreamOffer, Suite, ToEndpoint, Want,
};
use conclave_protocol::wire::header::Kind;

use std::collections::HashMap;
use std::net::IpAddr;
