//! One end of the control channel: preface, Noise handshake and sealed messages, without a socket.
//!
//! Feed what the socket gave to [`Channel::receive`] until the slice is empty, write what [`Channel::take_output`]
//! gives, and close on any error (after writing the output, which may hold the version refusal). At most one message
//! is held at a time, and a length prefix above the limit is refused before any of it is stored.

mod noise;

use alloc::{vec, vec::Vec};
use core::marker::PhantomData;
use serde::{Serialize, de::DeserializeOwned};
use snow::{HandshakeState, TransportState};

use crate::identity::{Identity, PublicKey};
use crate::secret::Secret;
use crate::wire::control::{ToEndpoint, ToRelay};
use crate::wire::framing::{
    LENGTH_BYTES, MAGIC, MAX_HANDSHAKE, MAX_TO_ENDPOINT, MAX_TO_RELAY, PREFACE_BYTES, Preface,
    VERSION, max_sealed, parse_preface, parse_version_refusal, preface, version_refusal,
};

/// The endpoint's end.
pub type EndpointChannel = Channel<ToEndpoint, ToRelay>;
/// The relay's end.
pub type RelayChannel = Channel<ToRelay, ToEndpoint>;

/// Size of the buffer that an idle channel keeps; a relay has thousands of them.
const KEPT_BYTES: usize = 1024;

/// What arrived through a channel.
#[derive(Debug, PartialEq, Eq)]
pub enum ChannelEvent<I> {
    /// The handshake is complete, and the other end holds this identity.
    Established {
        /// The identity of the other end.
        peer: PublicKey,
    },
    /// A message.
    Message(I),
}

/// Why a channel ended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChannelError {
    /// The endpoint speaks another version; the output holds the refusal.
    #[error("the endpoint speaks protocol version {endpoint}, this relay {relay}")]
    EndpointVersion {
        /// The version of the endpoint.
        endpoint: u16,
        /// The version that this relay speaks.
        relay: u16,
    },
    /// The relay does not speak this version.
    #[error("the relay speaks protocol versions {lowest} to {highest}, this endpoint {ours}: update the {}",
        if *.ours < *.lowest { "endpoint" } else { "relay" })]
    RelayVersion {
        /// The relay's lowest version.
        lowest: u16,
        /// The relay's highest version.
        highest: u16,
        /// This endpoint's version.
        ours: u16,
    },
    /// The first bytes are not those of Conclave.
    #[error("the other side does not speak Conclave")]
    Foreign,
    /// The relay is not the one that is known by this address.
    #[error("the relay's identity changed: known is {}, met is {}", .known.fingerprint(), .met.fingerprint())]
    IdentityChanged {
        /// The pinned identity.
        known: PublicKey,
        /// The identity that answered.
        met: PublicKey,
    },
    /// A length prefix above the limit.
    #[error("a message of {length} bytes, at most {limit} are allowed")]
    TooLong {
        /// The length in the prefix.
        length: usize,
        /// The limit.
        limit: usize,
    },
    /// A handshake message or a sealed message that fails authentication.
    #[error("the handshake or a seal does not hold")]
    Seal,
    /// The peer sealed it, but it is not a message.
    #[error("a sealed message is not a value of the protocol")]
    Malformed,
}

/// Why a message cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The handshake is not complete.
    #[error("the channel is not established")]
    NotEstablished,
    /// More plaintext than the other end accepts.
    #[error("the message is longer than the limit")]
    TooLong,
}

/// One end of a control channel, which receives `I` and sends `O`.
pub struct Channel<I, O> {
    state: State,
    input: Vec<u8>,
    output: Vec<u8>,
    scratch: Vec<u8>,
    receive_limit: usize,
    send_limit: usize,
    expected: Option<PublicKey>,
    messages: PhantomData<fn() -> (I, O)>,
}

enum State {
    Preface(HandshakeState),
    Handshake(HandshakeState),
    Transport(TransportState),
    Over,
}

impl EndpointChannel {
    /// The endpoint's end; its preface and first handshake message wait in the output.
    ///
    /// `expected` is the pinned relay, `ephemeral` 32 fresh random bytes.
    #[must_use]
    pub fn initiator(
        identity: &Identity,
        expected: Option<PublicKey>,
        ephemeral: Secret<32>,
    ) -> Self {
        let mut noise = noise::handshake(identity, ephemeral, true);
        let mut output = preface().to_vec();
        let first = write_handshake(&mut noise)
            .expect("the first handshake message needs nothing from the peer");
        push_frame(&mut output, &first);
        Self::new(
            State::Handshake(noise),
            output,
            MAX_TO_ENDPOINT,
            MAX_TO_RELAY,
            expected,
        )
    }
}

impl RelayChannel {
    /// The relay's end. `ephemeral` is 32 fresh random bytes.
    #[must_use]
    pub fn responder(identity: &Identity, ephemeral: Secret<32>) -> Self {
        let noise = noise::handshake(identity, ephemeral, false);
        Self::new(
            State::Preface(noise),
            Vec::new(),
            MAX_TO_RELAY,
            MAX_TO_ENDPOINT,
            None,
        )
    }
}

impl<I: DeserializeOwned, O: Serialize> Channel<I, O> {
    fn new(
        state: State,
        output: Vec<u8>,
        receive_limit: usize,
        send_limit: usize,
        expected: Option<PublicKey>,
    ) -> Self {
        Self {
            state,
            input: Vec::new(),
            output,
            scratch: Vec::new(),
            receive_limit,
            send_limit,
            expected,
            messages: PhantomData,
        }
    }

    /// Takes bytes from the front of `input` up to the next event.
    ///
    /// Call it until it returns `None`, which it does only when `input` is used up.
    ///
    /// # Errors
    /// [`ChannelError`]; take no more bytes from this connection then.
    pub fn receive(&mut self, input: &mut &[u8]) -> Result<Option<ChannelEvent<I>>, ChannelError> {
        let event = self.advance(input);
        // After a malformed message the channel can still send the reason for closing.
        if event
            .as_ref()
            .is_err_and(|error| *error != ChannelError::Malformed)
        {
            self.state = State::Over;
        }
        event
    }

    fn advance(&mut self, input: &mut &[u8]) -> Result<Option<ChannelEvent<I>>, ChannelError> {
        loop {
            let event = match core::mem::replace(&mut self.state, State::Over) {
                State::Preface(noise) => {
                    if !self.fill(input, PREFACE_BYTES) {
                        self.state = State::Preface(noise);
                        return Ok(None);
                    }
                    self.take_preface()?;
                    self.state = State::Handshake(noise);
                    None
                }
                State::Handshake(noise) => {
                    if noise.is_initiator() && self.is_version_refused(input)? {
                        self.state = State::Handshake(noise);
                        return Ok(None);
                    }
                    if !self.fill_frame(input, MAX_HANDSHAKE)? {
                        self.state = State::Handshake(noise);
                        return Ok(None);
                    }
                    self.take_handshake(noise)?
                }
                State::Transport(noise) => {
                    if !self.fill_frame(input, max_sealed(self.receive_limit))? {
                        self.state = State::Transport(noise);
                        return Ok(None);
                    }
                    Some(self.take_message(noise)?)
                }
                State::Over => return Err(ChannelError::Seal),
            };
            if event.is_some() {
                return Ok(event);
            }
        }
    }

    fn take_preface(&mut self) -> Result<(), ChannelError> {
        let bytes = self.input.first_chunk().ok_or(ChannelError::Foreign)?;
        let preface = parse_preface(bytes);
        self.input.clear();
        match preface {
            Preface::Spoken => Ok(()),
            Preface::Other(endpoint) => {
                self.output.extend(version_refusal());
                Err(ChannelError::EndpointVersion {
                    endpoint,
                    relay: VERSION,
                })
            }
            Preface::Foreign => Err(ChannelError::Foreign),
        }
    }

    /// A relay that refuses the version writes `CNCL` in place of a handshake message's length. No handshake message
    /// has that length. Returns true while the rest of the refusal is awaited.
    fn is_version_refused(&mut self, input: &mut &[u8]) -> Result<bool, ChannelError> {
        if !self.fill(input, LENGTH_BYTES) || !self.input.starts_with(&MAGIC[..LENGTH_BYTES]) {
            return Ok(false);
        }
        if !self.fill(input, PREFACE_BYTES) {
            return Ok(true);
        }
        let refusal = self.input.first_chunk().and_then(parse_version_refusal);
        let (lowest, highest) = refusal.ok_or(ChannelError::Foreign)?;
        Err(ChannelError::RelayVersion {
            lowest,
            highest,
            ours: VERSION,
        })
    }

    fn take_handshake(
        &mut self,
        mut noise: HandshakeState,
    ) -> Result<Option<ChannelEvent<I>>, ChannelError> {
        let mut payload = [0; MAX_HANDSHAKE];
        noise
            .read_message(&self.input[LENGTH_BYTES..], &mut payload)
            .map_err(|_| ChannelError::Seal)?;
        self.input.clear();
        if let (Some(known), Some(met)) = (self.expected, peer(&noise))
            && known != met
        {
            return Err(ChannelError::IdentityChanged { known, met });
        }
        if !noise.is_handshake_finished() {
            let answer = write_handshake(&mut noise).map_err(|_| ChannelError::Seal)?;
            push_frame(&mut self.output, &answer);
        }
        if !noise.is_handshake_finished() {
            self.state = State::Handshake(noise);
            return Ok(None);
        }
        let peer = peer(&noise).ok_or(ChannelError::Seal)?;
        self.state = State::Transport(
            noise
                .into_transport_mode()
                .map_err(|_| ChannelError::Seal)?,
        );
        Ok(Some(ChannelEvent::Established { peer }))
    }

    fn take_message(&mut self, mut noise: TransportState) -> Result<ChannelEvent<I>, ChannelError> {
        let sealed = &self.input[LENGTH_BYTES..];
        self.scratch.resize(sealed.len(), 0);
        let length = noise
            .read_message(sealed, &mut self.scratch)
            .map_err(|_| ChannelError::Seal)?;
        self.input.clear();
        self.state = State::Transport(noise);
        let message = match postcard::take_from_bytes(&self.scratch[..length]) {
            Ok((message, [])) => Ok(ChannelEvent::Message(message)),
            _ => Err(ChannelError::Malformed),
        };
        for buffer in [&mut self.scratch, &mut self.input] {
            buffer.clear();
            buffer.shrink_to(KEPT_BYTES);
        }
        message
    }

    /// Moves bytes until `wanted` of them are held.
    fn fill(&mut self, input: &mut &[u8], wanted: usize) -> bool {
        let missing = wanted.saturating_sub(self.input.len());
        let (taken, rest) = input.split_at(missing.min(input.len()));
        self.input.extend_from_slice(taken);
        *input = rest;
        self.input.len() >= wanted
    }

    /// Moves bytes until a length prefix and the bytes that it announces are held.
    fn fill_frame(&mut self, input: &mut &[u8], limit: usize) -> Result<bool, ChannelError> {
        if !self.fill(input, LENGTH_BYTES) {
            return Ok(false);
        }
        let length = usize::from(u16::from_be_bytes([self.input[0], self.input[1]]));
        if length > limit {
            return Err(ChannelError::TooLong { length, limit });
        }
        Ok(self.fill(input, LENGTH_BYTES + length))
    }

    /// Seals a message into the output.
    ///
    /// # Errors
    /// [`SendError`] if the handshake is not complete or the message is too long; then nothing is sent.
    pub fn send(&mut self, message: &O) -> Result<(), SendError> {
        let State::Transport(noise) = &mut self.state else {
            return Err(SendError::NotEstablished);
        };
        let plain = postcard::to_allocvec(message).map_err(|_| SendError::TooLong)?;
        if plain.len() > self.send_limit {
            return Err(SendError::TooLong);
        }
        let length = max_sealed(plain.len());
        let start = self.output.len();
        let prefix = u16::try_from(length).map_err(|_| SendError::TooLong)?;
        self.output.extend(prefix.to_be_bytes());
        self.output.resize(start + LENGTH_BYTES + length, 0);
        noise
            .write_message(&plain, &mut self.output[start + LENGTH_BYTES..])
            .map_err(|_| {
                self.output.truncate(start);
                SendError::TooLong
            })?;
        Ok(())
    }

    /// The bytes to write to the socket, in order.
    #[must_use]
    pub fn take_output(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.output)
    }

    /// Whether messages can be sent.
    #[must_use]
    pub const fn is_established(&self) -> bool {
        matches!(self.state, State::Transport(_))
    }
}

fn peer(noise: &HandshakeState) -> Option<PublicKey> {
    noise
        .get_remote_static()
        .and_then(|key| key.try_into().ok())
        .map(PublicKey)
}

fn write_handshake(noise: &mut HandshakeState) -> Result<Vec<u8>, snow::Error> {
    let mut message = vec![0; MAX_HANDSHAKE];
    let length = noise.write_message(&[], &mut message)?;
    message.truncate(length);
    Ok(message)
}

fn push_frame(output: &mut Vec<u8>, frame: &[u8]) {
    let length = u16::try_from(frame.len()).expect("handshake messages are short");
    output.extend(length.to_be_bytes());
    output.extend_from_slice(frame);
}
