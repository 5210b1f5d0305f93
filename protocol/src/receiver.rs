//! The receiving half of media: a downlink packet in, a picture or a block of sound out.
//!
//! Nothing of a packet is believed before its end-to-end tag holds: header, replay check, key, tag, and
//! only then replay window, counts and reassembly.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use crate::frame_memory::{FRAME_MEMORY, FrameMemory};
use crate::id::{Epoch, ParticipantId, SequenceNumber, StreamId};
use crate::keyring::Keyring;
use crate::reassemble::{CompleteFrame, FrameCounts, Reassembler};
use crate::replay::ReplayWindow;
use crate::seal::MediaKey;
use crate::sender_key::SenderKey;
use crate::time::{Instant, Micros};
use crate::wire::control::Media;
use crate::wire::feedback::StreamReport;
use crate::wire::header::{Header, HeaderError, Kind};

/// Packets of an unknown epoch that are held for each sender until their envelope comes.
///
/// Raising it costs 1.2 kB each and each sender; lowering it loses pictures when keys change.
pub const HELD_PACKETS: usize = 64;
/// How long they are held.
pub const HELD_FOR: Micros = Micros::from_millis(200);

/// A stream whose sequence numbers rise by so many at once has begun to number again; losses never rise so far.
const RENUMBERED: u64 = 1 << 32;

/// What a packet brought.
#[derive(Debug)]
pub enum Received<'r> {
    /// A block of sound.
    Audio {
        /// Whose.
        participant: ParticipantId,
        /// Its header, proven.
        header: Header,
        /// Its samples as the stream's codec writes them.
        payload: &'r [u8],
    },
    /// A picture that is whole now.
    Picture {
        /// Whose.
        participant: ParticipantId,
        /// Of which stream.
        stream: StreamId,
        /// The picture.
        frame: CompleteFrame<'r>,
    },
    /// A fragment of a picture that is not whole yet, or that is over.
    Fragment,
    /// A packet that waits for its key.
    Held,
}

/// Why a packet was dropped. Each is counted by the caller, none is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DropReason {
    /// Not a media packet.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// No such stream is known here.
    #[error("unknown stream")]
    UnknownStream,
    /// The stream carries another kind.
    #[error("wrong kind for the stream")]
    WrongKind,
    /// Seen before, or too old to tell.
    #[error("replayed")]
    Replayed,
    /// No key for its epoch, and no room to hold it.
    #[error("no key")]
    NoKey,
    /// The tag does not hold.
    #[error("forged or damaged")]
    Forged,
}

/// A participant or stream whose number was used before in this room. The relay counts both upwards and gives no number
/// twice, so that nothing of one that is over opens again as another's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the relay gives a number of this room again, which was used before")]
pub struct NumberReused;

/// What came of one stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamCounts {
    /// Packets opened.
    pub packets: u64,
    /// Bytes of payload opened.
    pub bytes: u64,
    /// Packets missing between the first and the highest that came.
    pub packets_lost: u64,
    /// Interarrival jitter (RFC 3550 §6.4.1).
    pub jitter: Micros,
    /// What became of its frames; all zero for sound.
    pub frames: FrameCounts,
}

/// The part of a receiver's memory that packets without a key may take in all.
const HELD_PART: usize = 8;

/// Everything that one endpoint receives.
pub struct Receiver {
    senders: BTreeMap<ParticipantId, Sender>,
    /// Who came last of all who ever were here.
    newest: Option<ParticipantId>,
    streams: BTreeMap<StreamId, StreamReceiver>,
    memory: FrameMemory,
    /// Bytes of the packets that wait for their key.
    held_bytes: usize,
}

#[derive(Default)]
struct Sender {
    keyring: Keyring,
    /// The last of all streams that they ever published.
    newest_stream: Option<StreamId>,
    /// Bytes of incomplete frames.
    frame_bytes: usize,
    held: Vec<(Instant, Vec<u8>)>,
}

struct StreamReceiver {
    participant: ParticipantId,
    media: Media,
    /// The two epochs that packets came in last: around a change both are in use.
    keys: [Option<(Epoch, MediaKey)>; 2],
    window: ReplayWindow,
    first: Option<SequenceNumber>,
    /// Packets that were expected of earlier numberings.
    expected_before: u64,
    packets: u64,
    bytes: u64,
    jitter: Jitter,
    reported_transit: Option<i64>,
    reassembler: Reassembler,
}

/// Interarrival jitter, RFC 3550 §6.4.1 and appendix A.8, in sixteenths of a µs.
#[derive(Default)]
struct Jitter {
    transit: Option<i64>,
    sixteenths: u64,
}

impl Jitter {
    fn update(&mut self, timestamp: Instant, now: Instant) {
        let transit = now.0.wrapping_sub(timestamp.0).cast_signed();
        if let Some(last) = self.transit.replace(transit) {
            let change = transit.wrapping_sub(last).unsigned_abs().min(1 << 40);
            self.sixteenths = self.sixteenths - self.sixteenths / 16 + change;
        }
    }

    const fn value(&self) -> Micros {
        Micros(self.sixteenths / 16)
    }
}

impl Default for Receiver {
    fn default() -> Self {
        Self::with_memory(FRAME_MEMORY)
    }
}

impl Receiver {
    /// A receiver that knows nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A receiver whose incomplete frames take so many bytes at most, and one frame more. When they would take
    /// more, the oldest of the sender who takes most is given up.
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

    /// Forgets everyone, for a new room.
    pub fn clear(&mut self) {
        *self = Self::with_memory(self.memory.bound());
    }

    /// Bytes that frames take now.
    #[must_use]
    pub const fn frame_bytes(&self) -> usize {
        self.memory.bytes()
    }

    /// Somebody is in the room; who is known already stays as they are. In the order in which they came.
    ///
    /// # Errors
    /// [`NumberReused`] when somebody who came later is known, or was: who is gone does not come back by their number.
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

    /// Somebody is gone, with all that they sent.
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

    /// A participant publishes a stream; one that is known already stays as it is. In the order in which they began.
    ///
    /// # Errors
    /// [`NumberReused`] when a later stream of theirs is known, or was: a stream that is over does not begin again by its
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
        let fresh = StreamReceiver {
            participant,
            media,
            keys: [None, None],
            window: ReplayWindow::new(),
            first: None,
            expected_before: 0,
            packets: 0,
            bytes: 0,
            jitter: Jitter::default(),
            reported_transit: None,
            reassembler: Reassembler::with_frames_of(media.frame_bytes()),
        };
        self.streams.insert(stream, fresh);
        Ok(())
    }

    /// A stream is over: what came of it, if it was known.
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

    /// A participant's key has come. Feed what this gives to [`Self::handle_packet`]: it waited for the key.
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
        // Ciphers of this generation may be another's: numbers come round after 256 generations.
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
    /// [`DropReason`] when it is of no use; nothing has changed then.
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
        // A cipher lives no longer than the key that it was derived from.
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
        stream.window.update(header.sequence.0);
        stream.first = Some(
            stream
                .first
                .map_or(header.sequence, |first| first.min(header.sequence)),
        );
        stream.packets += 1;
        stream.bytes += payload.len() as u64;
        let participant = stream.participant;
        if header.kind == Kind::Audio {
            stream.jitter.update(header.timestamp, now);
            return Ok(Received::Audio {
                participant,
                header,
                payload,
            });
        }
        if header.fragment == 0 {
            stream.jitter.update(header.timestamp, now);
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

    /// Gives up what is too old or too much: packets that waited long enough for their key, and of incomplete frames
    /// the oldest of the sender who takes most, until those that stay have room.
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

    /// What came of each stream so far.
    pub fn counts(&self) -> impl Iterator<Item = (ParticipantId, StreamId, Media, StreamCounts)> {
        self.streams
            .iter()
            .map(|(&id, stream)| (stream.participant, id, stream.media, stream.counts()))
    }

    /// One report entry a stream of which anything came.
    pub fn reports(&mut self) -> impl Iterator<Item = StreamReport> {
        self.streams.iter_mut().filter_map(|(&id, stream)| {
            let highest = SequenceNumber(stream.window.highest()?);
            let transit = stream.jitter.transit?;
            let change =
                transit.saturating_sub(stream.reported_transit.replace(transit).unwrap_or(transit));
            let trend_us =
                i32::try_from(change).unwrap_or(if change < 0 { i32::MIN } else { i32::MAX });
            let StreamCounts {
                packets_lost: lost,
                jitter,
                ..
            } = stream.counts();
            Some(StreamReport {
                stream: id,
                highest,
                lost,
                jitter,
                trend_us,
            })
        })
    }
}

impl StreamReceiver {
    fn forget(&mut self, stale: impl Fn(Epoch) -> bool) {
        for key in &mut self.keys {
            if key.as_ref().is_some_and(|&(epoch, _)| stale(epoch)) {
                *key = None;
            }
        }
    }

    /// A sender that numbers again begins with frame 0, which is later than all frames before, and no loss.
    fn follow_numbering(&mut self, sequence: SequenceNumber, memory: &mut FrameMemory) {
        let highest = self.window.highest();
        if highest.is_some_and(|highest| sequence.0.saturating_sub(highest) >= RENUMBERED) {
            self.expected_before = self.expected();
            self.first = None;
            self.reassembler.restart(memory);
        }
    }

    /// Packets from the first to the highest that came, of all numberings.
    fn expected(&self) -> u64 {
        let now = match (self.first, self.window.highest()) {
            (Some(first), Some(highest)) => highest - first.0 + 1,
            _ => 0,
        };
        self.expected_before.saturating_add(now)
    }

    fn counts(&self) -> StreamCounts {
        let expected = self.expected();
        StreamCounts {
            packets: self.packets,
            bytes: self.bytes,
            packets_lost: expected.saturating_sub(self.packets),
            jitter: self.jitter.value(),
            frames: self.reassembler.counts(),
        }
    }
}

impl Sender {
    fn hold<'r>(
        &mut self,
        packet: &[u8],
        now: Instant,
        held_bytes: &mut usize,
        bound: usize,
    ) -> Result<Received<'r>, DropReason> {
        self.expire(|at| now.since(at) <= HELD_FOR, held_bytes);
        if self.held.len() >= HELD_PACKETS || *held_bytes + packet.len() > bound {
            return Err(DropReason::NoKey);
        }
        *held_bytes += packet.len();
        self.held.push((now, packet.to_vec()));
        Ok(Received::Held)
    }

    /// Drops the packets that wait for their key and are not fresh any more.
    fn expire(&mut self, is_fresh: impl Fn(Instant) -> bool, held_bytes: &mut usize) {
        self.held.retain(|(at, packet)| {
            let stays = is_fresh(*at);
            *held_bytes -= if stays { 0 } else { packet.len() };
            stays
        });
    }
}

const fn kind_of(media: Media) -> Kind {
    match media {
        Media::Audio(_) => Kind::Audio,
        Media::Camera(_) => Kind::Video,
        Media::Screen(_) => Kind::Screen,
    }
}
