//! The receiving half of media: a downlink packet in, a picture or a block of sound out.
//!
//! No field of a packet is trusted before its end-to-end tag is verified: first header, replay check, key and tag,
//! and only then replay window, counts and reassembly.

mod sender;
mod stream;

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::frame_memory::{FRAME_MEMORY, FrameMemory};
use crate::id::{ParticipantId, StreamId};
use crate::reassemble::{CompleteFrame, FrameCounts};
use crate::sender_key::SenderKey;
use crate::time::{Instant, Micros};
use crate::wire::control::Media;
use crate::wire::header::{Header, HeaderError, Kind};
use sender::Sender;
use stream::{StreamReceiver, kind_of};

/// Packets of an unknown epoch that are held for each sender until their envelope arrives.
///
/// A higher value costs 1.2 kB for each packet and sender; a lower one loses pictures when keys change.
pub const HELD_PACKETS: usize = 64;
/// How long these packets are held.
pub const HELD_FOR: Micros = Micros::from_millis(200);

/// The result of a packet.
#[derive(Debug)]
pub enum Received<'r> {
    /// A block of sound.
    Audio {
        /// The participant who sent it.
        participant: ParticipantId,
        /// Its header, proven.
        header: Header,
        /// Its samples as the stream's codec writes them.
        payload: &'r [u8],
    },
    /// A picture that is now complete.
    Picture {
        /// The participant who sent it.
        participant: ParticipantId,
        /// Its stream.
        stream: StreamId,
        /// The picture.
        frame: CompleteFrame<'r>,
    },
    /// A fragment of a picture that is not complete yet, or was given up.
    Fragment,
    /// The packet waits for its key.
    Held,
}

/// Why a packet was dropped. The caller counts each; none is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    /// Not a media packet.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// The stream is not known here.
    #[error("unknown stream")]
    UnknownStream,
    /// The stream carries a different kind.
    #[error("wrong kind for the stream")]
    WrongKind,
    /// Seen before, or too old to know.
    #[error("replayed")]
    Replayed,
    /// No key for its epoch, and no memory to hold it.
    #[error("no key")]
    NoKey,
    /// The tag is wrong.
    #[error("forged or damaged")]
    Forged,
}

/// The number of a participant or stream was used before in this room. The relay counts both upwards and assigns no
/// number twice, so that packets of an ended stream cannot open as another stream's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the relay gives a number of this room again, which was used before")]
pub struct NumberReused;

/// Counts of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Packets opened.
    pub packets: u64,
    /// Bytes of payload opened.
    pub bytes: u64,
    /// Packets missing between the first and the highest number that arrived.
    pub packets_lost: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: Micros,
    /// Counts of its frames; all zero for sound.
    pub frames: FrameCounts,
}

/// The part of a receiver's memory that all packets without a key may take.
const HELD_PART: usize = 8;

/// All streams that one endpoint receives.
pub struct Receiver {
    senders: BTreeMap<ParticipantId, Sender>,
    /// The highest number of a participant so far.
    newest: Option<ParticipantId>,
    streams: BTreeMap<StreamId, StreamReceiver>,
    memory: FrameMemory,
    /// Bytes of the packets that wait for their key.
    held_bytes: usize,
}

impl Default for Receiver {
    fn default() -> Self {
        Self::with_memory(FRAME_MEMORY)
    }
}

impl Receiver {
    /// A receiver without participants.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A receiver whose incomplete frames take at most this many bytes, plus one frame. Above that, the oldest frame
    /// of the sender that uses most is given up.
    #[must_use]
    pub const fn with_memory(bytes: usize) -> Self {
        Self {
            senders: BTreeMap::new(),
            newest: None,
            streams: BTreeMap::new(),
            memory: FrameMemory::new(bytes),
            held_bytes: 0,
        }
    }

    /// Forgets all participants, for a new room.
    pub fn clear(&mut self) {
        *self = Self::with_memory(self.memory.bound());
    }

    /// Bytes that frames use now.
    #[must_use]
    pub const fn frame_bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// A participant is in the room; a known one stays unchanged. Call it in the order in which they joined.
    ///
    /// # Errors
    /// [`NumberReused`] if a later participant is or was known: a participant who left does not return under the same
    /// number.
    pub fn add_participant(&mut self, participant: ParticipantId) -> Result<(), NumberReused> {
        if self.senders.contains_key(&participant) {
            return Ok(());
        }
        if self.newest >= Some(participant) {
            return Err(NumberReused);
        }
        self.newest = Some(participant);
        self.senders.insert(participant, Sender::default());
        Ok(())
    }

    /// A participant left, with all their streams.
    pub fn remove_participant(&mut self, participant: ParticipantId) {
        if let Some(mut gone) = self.senders.remove(&participant) {
            gone.expire(|_| false, &mut self.held_bytes);
        }
        let memory = &mut self.memory;
        self.streams.retain(|_, stream| {
            let stays = stream.participant != participant;
            if !stays {
                stream.reassembler.restart(memory);
            }
            stays
        });
    }

    /// A participant publishes a stream; a known one stays unchanged. Call it in the order in which the streams
    /// began.
    ///
    /// # Errors
    /// [`NumberReused`] if a later stream of theirs is or was known: an ended stream does not begin again under its
    /// number, so that what was sealed for it is not opened twice.
    pub fn add_stream(
        &mut self,
        participant: ParticipantId,
        stream: StreamId,
        media: Media,
    ) -> Result<(), NumberReused> {
        if let Some(known) = self.streams.get(&stream) {
            let is_theirs = known.participant == participant;
            return if is_theirs { Ok(()) } else { Err(NumberReused) };
        }
        let Some(sender) = self.senders.get_mut(&participant) else {
            return Ok(());
        };
        if sender.newest_stream >= Some(stream) {
            return Err(NumberReused);
        }
        sender.newest_stream = Some(stream);
        let fresh = StreamReceiver::new(participant, media);
        self.streams.insert(stream, fresh);
        Ok(())
    }

    /// A stream ended: returns its counts, if it was known.
    pub fn remove_stream(&mut self, stream: StreamId) -> Option<StreamCounts> {
        let mut gone = self.streams.remove(&stream)?;
        let counts = gone.counts();
        let bytes = gone.reassembler.bytes();
        gone.reassembler.restart(&mut self.memory);
        if let Some(sender) = self.senders.get_mut(&gone.participant) {
            sender.frame_bytes -= bytes;
        }
        Some(counts)
    }

    /// A participant's key arrived. Pass the returned packets, which waited for it, to [`Self::handle_packet`].
    #[must_use]
    pub fn set_key(
        &mut self,
        participant: ParticipantId,
        key: SenderKey,
        now: Instant,
    ) -> Vec<Vec<u8>> {
        let Some(sender) = self.senders.get_mut(&participant) else {
            return Vec::new();
        };
        // Ciphers of this generation may belong to another one: generation numbers repeat after 256.
        let generation = key.epoch().generation();
        for stream in self.streams.values_mut() {
            if stream.participant == participant {
                stream.forget(|epoch| epoch.generation() == generation);
            }
        }
        sender.keyring.expire(now);
        sender.keyring.insert(key, now);
        sender.expire(|at| now.since(at) <= HELD_FOR, &mut self.held_bytes);
        let held = core::mem::take(&mut sender.held);
        self.held_bytes -= held.iter().map(|(_, packet)| packet.len()).sum::<usize>();
        held.into_iter().map(|(_, packet)| packet).collect()
    }

    /// Takes one downlink media packet, which is opened in place.
    ///
    /// # Errors
    /// [`DropReason`] if the packet is of no use; then nothing has changed.
    pub fn handle_packet<'r>(
        &'r mut self,
        packet: &'r mut [u8],
        now: Instant,
    ) -> Result<Received<'r>, DropReason> {
        self.make_room(now);
        let header = Header::parse(packet)?;
        let stream = self
            .streams
            .get_mut(&header.stream)
            .ok_or(DropReason::UnknownStream)?;
        if kind_of(stream.media) != header.kind {
            return Err(DropReason::WrongKind);
        }
        if !stream.window.check(header.sequence.0) {
            return Err(DropReason::Replayed);
        }
        let sender = self
            .senders
            .get_mut(&stream.participant)
            .ok_or(DropReason::UnknownStream)?;
        // A cipher is dropped together with the key that it was derived from.
        stream.forget(|epoch| !sender.keyring.reaches(epoch, now));
        let known = stream
            .keys
            .iter()
            .flatten()
            .any(|(epoch, _)| *epoch == header.epoch);
        let derived = if known {
            None
        } else {
            sender.keyring.media_key(header.stream, header.epoch, now)
        };
        let kept = stream
            .keys
            .iter()
            .flatten()
            .find(|(epoch, _)| *epoch == header.epoch)
            .map(|(_, key)| key);
        let Some(key) = derived.as_ref().or(kept) else {
            let bound = self.memory.bound() / HELD_PART;
            return sender.hold(packet, now, &mut self.held_bytes, bound);
        };
        let payload = key
            .open(packet, header.sequence)
            .map_err(|_| DropReason::Forged)?;
        if let Some(key) = derived {
            sender.keyring.proven(header.epoch);
            stream.keys.swap(0, 1);
            stream.keys[0] = Some((header.epoch, key));
        }
        let frame_bytes = stream.reassembler.bytes();
        stream.follow_numbering(header.sequence, &mut self.memory);
        stream.count(&header, payload.len(), now);
        let participant = stream.participant;
        if header.kind == Kind::Audio {
            return Ok(Received::Audio {
                participant,
                header,
                payload,
            });
        }
        let frame = stream.reassembler.push(&mut self.memory, &header, payload);
        sender.frame_bytes = sender.frame_bytes + stream.reassembler.bytes() - frame_bytes;
        Ok(match frame {
            Some(frame) => Received::Picture {
                participant,
                stream: header.stream,
                frame,
            },
            None => Received::Fragment,
        })
    }

    /// Gives up what is too old or too much: packets that have waited too long for their key, and the oldest
    /// incomplete frames of the sender that uses most, until the rest fits.
    fn make_room(&mut self, now: Instant) {
        if self.held_bytes > self.memory.bound() / HELD_PART / 2 {
            for sender in self.senders.values_mut() {
                sender.expire(|at| now.since(at) <= HELD_FOR, &mut self.held_bytes);
            }
        }
        while self.memory.is_exceeded() {
            let heaviest = self.senders.iter_mut().max_by_key(|(_, s)| s.frame_bytes);
            let Some((&heaviest, sender)) = heaviest else {
                return;
            };
            let theirs = self.streams.values_mut();
            let theirs = theirs.filter(|stream| stream.participant == heaviest);
            let frames = theirs.filter_map(|s| Some((s.reassembler.oldest()?, s)));
            let Some((_, oldest)) = frames.min_by_key(|(begun, _)| *begun) else {
                return;
            };
            let before = oldest.reassembler.bytes();
            oldest.reassembler.give_up_oldest(&mut self.memory);
            sender.frame_bytes -= before - oldest.reassembler.bytes();
        }
    }

    /// The counts of each stream so far.
    pub fn counts(&self) -> impl Iterator<Item = (ParticipantId, StreamId, Media, StreamCounts)> {
        self.streams
            .iter()
            .map(|(&id, stream)| (stream.participant, id, stream.media, stream.counts()))
    }
}
