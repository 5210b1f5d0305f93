//! Attacks over the media plane.

use std::time::Duration;

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::id::SourceId;
use conclave_protocol::packetize::MAX_FRAME_BYTES;
use conclave_protocol::sender::{DatagramBatch, StreamSender};
use conclave_protocol::units::PictureSize;
use conclave_protocol::wire::control::{
    Answer, AudioCodec, Layer, Media, Picture, Request, StreamOffer,
};
use conclave_protocol::wire::header::Kind;

use super::{Turn, seed};
use crate::browser::Browser;
use crate::harness::endpoint::Closed;
use crate::member::{Member, now, random};

/// Datagrams a second that do not hold: as many as a session may send that do.
const DATAGRAMS: u32 = 20_000;
/// What one system call sends of them.
const A_CALL: u32 = 50;
/// Bytes a second of pictures, of which a session may send 20 MB: it may not always.
const PICTURE_BYTES: u32 = 22_000_000;
/// Pictures a second of which the first fragment is sent. The limits let 20,000 through; sealing a whole picture
/// for each costs this process 1 ms.
const FIRST_FRAGMENTS: u32 = 100;
/// Pictures a second that lack their last fragment: of 1 MiB each, as many as the limit of bytes lets through.
const UNFINISHED: u32 = 20;
/// Browsers that never read. One address may have 64 sockets; each opens all that is sent.
const STUCK: u8 = 12;

/// A member that publishes everything that one may.
pub(super) struct Mallory {
    pub(super) member: Member,
    pictures: Vec<StreamSender>,
    sound: StreamSender,
    batch: DatagramBatch,
    picture: Vec<u8>,
    beats: u64,
    next: usize,
}

impl Mallory {
    /// `None`, after a pause, when the relay does not let it in now.
    pub(super) fn enter(turn: &Turn<'_>) -> Option<Self> {
        let control = turn.sign_in(0)?;
        let entered = Self::publish(control, turn);
        if entered.is_err() {
            turn.pause(Duration::from_millis(500));
        }
        entered.ok()
    }

    fn publish(control: crate::harness::Endpoint, turn: &Turn<'_>) -> Result<Self, Closed> {
        let mut member = Member::join(control, turn.target.room, seed(0))?;
        while member.key().is_none() {
            member.control.read()?;
            member.attend()?;
        }
        let size = PictureSize {
            width: 3840,
            height: 2160,
        };
        let layers = [Layer::Full, Layer::Half, Layer::Thumbnail];
        let picture = |layer| Picture {
            layer,
            size,
            fps: 60,
        };
        let cameras = layers.map(|layer| (Kind::Video, Media::Camera(picture(layer))));
        let screens = layers.map(|layer| (Kind::Screen, Media::Screen(picture(layer))));
        let mut pictures = Vec::new();
        for (source, (kind, media)) in (2..).zip(cameras.into_iter().chain(screens)) {
            pictures.extend(publish(&mut member, source, kind, media)?);
        }
        let media = Media::Audio(AudioCodec::L16Mono16k);
        let sound = publish(&mut member, 1, Kind::Audio, media)?.ok_or(Closed)?;
        Ok(Self {
            member,
            pictures,
            sound,
            batch: DatagramBatch::default(),
            picture: vec![0x5a; MAX_FRAME_BYTES],
            beats: 0,
            next: 0,
        })
    }

    /// Seals a picture of the next stream.
    fn seal(&mut self, bytes: usize) {
        self.next += 1;
        let next = self.next % self.pictures.len();
        let parts = [&self.picture[..bytes]];
        let sender = &mut self.pictures[next];
        sender
            .seal_frame(&parts, 0, now(), &mut self.batch)
            .unwrap();
    }

    /// Half of a picture: its publisher can be asked for the other half.
    pub(super) fn send_every_other_fragment(&mut self) {
        self.seal(100_000);
        for datagram in self.batch.datagrams().step_by(2) {
            self.member.udp.send_frame(datagram);
        }
    }

    /// Stays a member like others, so that what it sends opens.
    pub(super) fn attend(&mut self) -> Result<(), Closed> {
        self.beats += 1;
        self.member.attend()?;
        if let Some(key) = self.member.key().cloned() {
            let senders = self.pictures.iter_mut().chain([&mut self.sound]);
            for sender in senders.filter(|sender| sender.epoch() != key.epoch()) {
                sender.rekey(&key);
            }
        }
        if self.beats.is_multiple_of(50) {
            self.member.show()?;
        }
        Ok(())
    }
}

fn publish(
    member: &mut Member,
    source: u16,
    kind: Kind,
    media: Media,
) -> Result<Option<StreamSender>, Closed> {
    let source = SourceId(source);
    let id = member
        .control
        .ask(Request::Publish(StreamOffer { source, media }))?;
    match member.control.reply_to(id)? {
        Ok(Answer::Published { stream }) => Ok(member.sender(kind, stream)),
        _ => Ok(None),
    }
}

/// Datagrams of good form whose tag or counter does not hold, of other sessions, and bytes that are none.
pub(super) fn datagrams(turn: &mut Turn<'_>) {
    while turn.is_on() {
        let Some(mut mallory) = Mallory::enter(turn) else {
            continue;
        };
        let (mut n, sound) = (0_usize, [7; 640]);
        let _closed = turn.each(DATAGRAMS / A_CALL, || {
            n += 1;
            mallory.attend()?;
            let Mallory {
                sound: sender,
                batch,
                ..
            } = &mut mallory;
            sender.seal_frame(&[&sound], 0, now(), batch).unwrap();
            let good = batch.bytes().to_vec();
            let one = match n % 5 {
                0 => good.clone(),
                1 => changed(&good, 4, 0xff),
                2 => changed(&good, 0, 0x55),
                3 => changed(&good, good.len() - 1, 1),
                _ => random().0.repeat(20),
            };
            mallory.member.udp.send(&good, good.len());
            let length = one.len();
            mallory
                .member
                .udp
                .send(&one.repeat(A_CALL as usize), length);
            Ok::<_, Closed>(())
        });
    }
}

/// The same bytes but for one.
fn changed(bytes: &[u8], at: usize, by: u8) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes[at] ^= by;
    bytes
}

/// Whole pictures to everyone, up to the limit of bytes and beyond.
pub(super) fn pictures(turn: &mut Turn<'_>) {
    const A_PICTURE: usize = 200_000;
    while turn.is_on() {
        let Some(mut mallory) = Mallory::enter(turn) else {
            continue;
        };
        let _closed = turn.bursts(PICTURE_BYTES / A_PICTURE as u32, |is_in_earnest| {
            mallory.attend()?;
            if is_in_earnest {
                mallory.seal(A_PICTURE);
                mallory.member.udp.send_frame(mallory.batch.bytes());
            }
            Ok::<_, Closed>(())
        });
    }
}

/// First fragments alone, each of a new picture that says it is of 1 MiB.
pub(super) fn first_fragments(turn: &mut Turn<'_>) {
    with_stuck_browsers(turn, FIRST_FRAGMENTS, |batch| &batch[..MAX_DATAGRAM]);
}

/// Pictures of 1 MiB that lack their last fragment.
pub(super) fn unfinished(turn: &mut Turn<'_>) {
    with_stuck_browsers(turn, UNFINISHED, |batch| {
        let fragments = batch.len().div_ceil(MAX_DATAGRAM);
        &batch[..(fragments - 1) * MAX_DATAGRAM]
    });
}

/// Sends a part of the longest pictures to a room with browsers that never read.
fn with_stuck_browsers(turn: &mut Turn<'_>, per_second: u32, part: fn(&[u8]) -> &[u8]) {
    while turn.is_on() {
        let mut stuck: Vec<Browser> = super::web::stuck(turn, STUCK);
        let Some(mut mallory) = Mallory::enter(turn) else {
            continue;
        };
        let mut n = 0;
        let _closed = turn.bursts(per_second, |is_in_earnest| {
            n += 1;
            if n % (2 * per_second) == 0 {
                super::web::keep(&mut stuck);
            }
            mallory.attend()?;
            if is_in_earnest {
                mallory.seal(MAX_FRAME_BYTES);
                mallory.member.udp.send_frame(part(mallory.batch.bytes()));
            }
            Ok::<_, Closed>(())
        });
    }
}
