//! The wire protocol of Conclave: messages, seals and state machines, without I/O and without a clock.
//!
//! The inputs are bytes and the time; the outputs are bytes, events and reasons. So the relay, the endpoint, the
//! fuzzers and the simulations share one implementation, and a test runs ten minutes of a call in a second. `WIRE.md`
//! specifies every byte; each module's error type lists the reasons for which bytes are dropped.
//!
//! ```text
//!   camera, microphone                                                     screen, loudspeaker
//!          │ frame                                                                ▲ frame, block
//!   sender::StreamSender ◄── keyring::OwnKey              keyring::Keyring ──► receiver::Receiver
//!     packetize  a frame into fragments                     replay      seen before?
//!     seal       each end to end                            seal        is it the sender's?
//!     hop        a tag that proves the session              reassemble  fragments into frames
//!          │ datagrams                                      jitter      blocks into a steady stream
//!          │                                                              ▲ packets
//!          ▼ UDP          ┌──────────────── relay ───────────────┐        │ UDP
//!          └─────────────►│ hop: proven? replay: new? then sends │────────┘
//!                         │ the packet to everyone, as it came   │
//!   channel ◄────────────►│ channel: wire::control's messages    │◄──────────► channel
//!                TCP      └──────────────────────────────────────┘     TCP
//! ```
//!
//! [`attendance::Attendance`] is one member of a room: it holds the receiver, the member's own key and the other
//! members' keys.
//!
//! # Terms
//! A *participant* is a member of a room; a *stream* is one source of a participant in one layer; a *frame* is one
//! picture (a JPEG) or one block of sound (20 ms); a *fragment* is the part of a frame in one datagram; a *session*
//! is one sign-in; the *epoch* identifies one of a sender's keys.
//!
//! # Rules for callers
//! * **Drain.** [`channel::Channel::receive`] takes bytes up to one event. Call it until it gives `None`,
//!   then write what [`channel::Channel::take_output`] gives. After an error write the output, then close.
//! * **Time.** `now` is a monotonic clock in µs ([`time::Instant`]) and never goes back. On Linux that is
//!   `CLOCK_MONOTONIC`, the clock of V4L2 and ALSA.
//! * **Randomness** is passed as 32 fresh bytes, or as an `rng`. The same bytes twice give the same key twice.
//! * **Relay:** [`hop::HopHeader::parse`], find the session, [`replay::ReplayWindow::check`],
//!   [`hop::HopKeys::prove_media`], [`replay::ReplayWindow::update`], and only then trust the address.
//! * **Member of a room:** after each call of an [`attendance::Attendance`] take all its changes and requests.
//! * **Receiver:** [`receiver::Receiver::set_key`] returns packets that waited for the key: hand them to
//!   [`receiver::Receiver::handle_packet`]. Take a block from [`jitter::JitterBuffer::pop`] every 20 ms, whether or
//!   not any arrived. A receiver accepts the number of a participant or stream only once: add those of a roster in
//!   its order.
//! * A participant in the room is authenticated, but may be hostile: no header, time or number of theirs makes this
//!   crate panic or use unbounded memory.
//!
//! # Example
//! Two ends shake hands, and a frame goes from one person to another.
//!
//! ```
//! use std::sync::Arc;
//! use conclave_protocol::channel::{ChannelEvent, EndpointChannel, RelayChannel};
//! use conclave_protocol::hop::HopKeys;
//! use conclave_protocol::id::{ParticipantId, SessionId, StreamId};
//! use conclave_protocol::identity::Identity;
//! use conclave_protocol::receiver::{Received, Receiver};
//! use conclave_protocol::secret::Secret;
//! use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
//! use conclave_protocol::sender_key::SenderKey;
//! use conclave_protocol::time::Instant;
//! use conclave_protocol::wire::control::{AudioCodec, Media, Suite, ToRelay};
//! use conclave_protocol::wire::header::Kind;
//!
//! // In production every secret is 32 bytes from the operating system.
//! let (ana, relay) = (Identity::from_secret(Secret([1; 32])), Identity::from_secret(Secret([2; 32])));
//!
//! // Control: the output of each end is the input of the other.
//! let mut endpoint_end = EndpointChannel::initiator(&ana, Some(relay.public()), Secret([3; 32]));
//! let mut relay_end = RelayChannel::responder(&relay, Secret([4; 32]));
//! relay_end.receive(&mut &endpoint_end.take_output()[..])?;
//! endpoint_end.receive(&mut &relay_end.take_output()[..])?;
//! let met = relay_end.receive(&mut &endpoint_end.take_output()[..])?;
//! assert_eq!(met, Some(ChannelEvent::Established { peer: ana.public() }));
//!
//! let ping = ToRelay::Ping { sent: Instant(1) };
//! endpoint_end.send(&ping)?;
//! let heard = relay_end.receive(&mut &endpoint_end.take_output()[..])?;
//! assert_eq!(heard, Some(ChannelEvent::Message(ping)));
//!
//! // Media: Ana's sender. `SignedIn` brings the hop secret, `Published` the stream's number.
//! let (hop_secret, stream) = (Secret([5; 32]), StreamId(1));
//! let key = SenderKey::fresh(0, Suite::Aes256Gcm, Secret([6; 32]));
//! let uplink = Arc::new(Uplink::new(SessionId(7), &hop_secret));
//! let mut sender = StreamSender::new(uplink, Kind::Audio, stream, &key);
//! let mut batch = DatagramBatch::default();
//! sender.seal_frame(&[b"a block"], 0, Instant(20_000), &mut batch)?;
//!
//! // The relay proves the source of the datagram, and forwards the packet.
//! let mut packet = HopKeys::derive(&hop_secret).prove_media(batch.bytes())?.to_vec();
//!
//! // Ben's receiver, which has Ana's key from an envelope.
//! let mut receiver = Receiver::new();
//! receiver.add_participant(ParticipantId(1))?;
//! receiver.add_stream(ParticipantId(1), stream, Media::Audio(AudioCodec::L16Mono16k))?;
//! assert!(receiver.set_key(ParticipantId(1), key, Instant(0)).is_empty(), "nothing waited for it");
//! let Received::Audio { payload, .. } = receiver.handle_packet(&mut packet, Instant(25_000))? else {
//!     panic!("it is sound");
//! };
//! assert_eq!(payload, b"a block");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;
#[cfg(any(test, feature = "std"))]
extern crate std;

pub mod active_speaker;
pub mod attendance;
pub mod channel;
pub mod frame_memory;
pub mod hand_out;
pub mod hop;
pub mod id;
pub mod identity;
pub mod jitter;
pub mod keyring;
pub mod l16;
pub mod leave_pace;
pub mod member_key;
pub mod nack;
pub mod name;
pub mod offer;
pub mod packetize;
pub mod reassemble;
pub mod receiver;
pub mod replay;
pub mod seal;
pub mod secret;
pub mod sender;
pub mod sender_key;
pub mod time;
pub mod units;
pub mod wire;

/// The most bytes of UDP payload in one datagram: fits every path (RFC 8200 §5 leaves 1232 to UDP).
pub const MAX_DATAGRAM: usize = 1200;
/// The default TCP and UDP port of a relay.
pub const DEFAULT_PORT: u16 = 7470;
