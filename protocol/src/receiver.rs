//! The receiving half of media: a downlink packet in, a picture or a block of sound out.
//!
//! Nothing of a packet is believed before its end-to-end tag holds: header, replay check, key, tag, and
//! only then replay window, counts and reassembly.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

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

/// Everything that one endpoint receives.
#[derive(Default)]
pub struct Receiver {
    senders: BTreeMap<ParticipantId, Sender>,
    streams: BTreeMap<StreamId, StreamReceiver>,
}

#[derive(Default)]
struct Sender {
    keyring: Keyring,
    held: Vec<(Instant, Vec<u8>)>,
}

struct StreamReceiver {
    participant: ParticipantId,
    media: Media,
    /// The two epochs that packets came in last: around a change both are in use.
    keys: [Option<(Epoch, MediaKey)>; 2],
    window: ReplayWindow,
    first: Option<SequenceNumber>,
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

impl Receiver {
    /// A receiver that knows nobody.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets everyone, for a new room.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Somebody is in the room.
    pub fn add_participant(&mut self, participant: ParticipantId) {
        self.senders.entry(participant).or_default();
    }

    /// Somebody is gone, with all that they sent.
    pub fn remove_participant(&mut self, participant: ParticipantId) {
        self.senders.remove(&participant);
        self.streams
            .retain(|_, stream| stream.participant != participant);
    }

    /// A participant publishes a stream.
    pub fn add_stream(&mut self, participant: ParticipantId, stream: StreamId, media: Media) {
        let fresh = || StreamReceiver {
            participant,
            media,
            keys: [None, None],
            window: ReplayWindow::new(),
            first: None,
            packets: 0,
            bytes: 0,
            jitter: Jitter::default(),
            reported_transit: None,
            reassembler: Reassembler::new(),
        };
        self.streams.entry(stream).or_insert_with(fresh);
    }

    /// A stream is over.
    pub fn remove_stream(&mut self, stream: StreamId) {
        self.streams.remove(&stream);
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
        let fresh = |&(at, _): &(Instant, _)| now.since(at) <= HELD_FOR;
        sender
            .held
            .drain(..)
            .filter(fresh)
            .map(|(_, packet)| packet)
            .collect()
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
            return sender.hold(packet, now);
        };
        let payload = key
            .open(packet, header.sequence)
            .map_err(|_| DropReason::Forged)?;
        if let Some(key) = derived {
            sender.keyring.proven(header.epoch);
            stream.keys.swap(0, 1);
            stream.keys[0] = Some((header.epoch, key));
        }
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
        Ok(match stream.reassembler.push(&header, payload) {
            Some(frame) => Received::Picture {
                participant,
                stream: header.stream,
                frame,
            },
            None => Received::Fragment,
        })
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

    fn counts(&self) -> StreamCounts {
        let expected = match (self.first, self.window.highest()) {
            (Some(first), Some(highest)) => highest - first.0 + 1,
            _ => 0,
        };
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
    fn hold<'r>(&mut self, packet: &[u8], now: Instant) -> Result<Received<'r>, DropReason> {
        self.held.retain(|&(at, _)| now.since(at) <= HELD_FOR);
        if self.held.len() >= HELD_PACKETS {
            return Err(DropReason::NoKey);
        }
        self.held.push((now, packet.to_vec()));
        Ok(Received::Held)
    }
}

const fn kind_of(media: Media) -> Kind {
    match media {
        Media::Audio(_) => Kind::Audio,
        Media::Camera(_) => Kind::Video,
        Media::Screen(_) => Kind::Screen,
    }
}
