//! The call that must not be harmed: four honest members who speak all the time, and check every block that they hear.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use conclave_protocol::id::{ParticipantId, RoomId, SourceId, StreamId};
use conclave_protocol::l16::BLOCK_BYTES;
use conclave_protocol::sender::{DatagramBatch, StreamSender};
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::{AudioCodec, MAX_ROOM_CAPACITY, Media, StreamOffer};
use conclave_protocol::wire::header::Kind;

use crate::datagrams::Memory;
use crate::harness::Endpoint;
use crate::member::{Member, now};
use crate::relay_process::RelayProcess;

const NAMES: [&str; 4] = ["Ana", "Ben", "Cem", "Dan"];
/// A block of sound.
const BEAT: Duration = Duration::from_millis(20);
const BEATS_A_SECOND: u64 = 50;
/// A block that comes later than this is not heard: more than the jitter buffer waits for.
const TOO_LATE: Micros = Micros::from_millis(200);

pub(crate) struct Call {
    pub(crate) room: RoomId,
    speakers: Vec<Speaker>,
    memory: Memory,
    batch: DatagramBatch,
    beats: u64,
    next: std::time::Instant,
}

struct Speaker {
    member: Member,
    stream: StreamId,
    sender: Option<StreamSender>,
    said: u64,
    ears: BTreeMap<ParticipantId, Ear>,
}

/// What one member heard of another.
#[derive(Default)]
struct Ear {
    came: u64,
    wrong: u64,
    late: u64,
}

/// What became of all blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sound {
    /// Blocks that were to be heard, once a listener.
    pub(crate) due: u64,
    pub(crate) lost: u64,
    pub(crate) wrong: u64,
    pub(crate) late: u64,
}

/// The samples of a speaker's block, different for each.
fn block(speaker: ParticipantId, number: u64) -> [u8; BLOCK_BYTES] {
    let mut bytes = [speaker.0 as u8; BLOCK_BYTES];
    bytes[..8].copy_from_slice(&number.to_le_bytes());
    bytes
}

impl Call {
    /// Four come into a new room; the call has begun when each has everyone's key.
    pub(crate) fn begin(relay: &RelayProcess) -> Self {
        let mut room = None;
        let speakers = (1..).zip(NAMES).map(|(seed, name)| {
            let mut control = Endpoint::connect(relay.control, seed);
            control.sign_in(name).unwrap();
            let room = *room
                .get_or_insert_with(|| control.create("call", None, MAX_ROOM_CAPACITY).unwrap());
            let mut member = Member::join(control, room, seed).unwrap();
            let stream = member.control.publish(StreamOffer {
                source: SourceId(1),
                media: Media::Audio(AudioCodec::L16Mono16k),
            });
            Speaker {
                member,
                stream,
                sender: None,
                said: 0,
                ears: BTreeMap::new(),
            }
        });
        let speakers = speakers.collect();
        let mut call = Self {
            room: room.unwrap(),
            speakers,
            memory: Memory::default(),
            batch: DatagramBatch::default(),
            beats: 0,
            next: std::time::Instant::now(),
        };
        while !call.speakers.iter().all(Speaker::may_speak) {
            call.attend();
            std::thread::sleep(BEAT);
        }
        call.next = std::time::Instant::now();
        call
    }

    pub(crate) fn members(&self) -> Vec<ParticipantId> {
        self.speakers.iter().map(|s| s.member.me).collect()
    }

    pub(crate) fn streams(&self) -> Vec<StreamId> {
        self.speakers.iter().map(|s| s.stream).collect()
    }

    /// Everyone hears what came, and says one block, in its time.
    pub(crate) fn beat(&mut self) {
        self.next += BEAT;
        std::thread::sleep(
            self.next
                .saturating_duration_since(std::time::Instant::now()),
        );
        self.attend();
        let is_second = self.beats.is_multiple_of(BEATS_A_SECOND);
        self.beats += 1;
        for speaker in &mut self.speakers {
            if is_second {
                speaker
                    .member
                    .show()
                    .expect("the relay disconnected a member");
            }
            speaker.say(&mut self.batch);
        }
    }

    fn attend(&mut self) {
        for speaker in &mut self.speakers {
            speaker
                .member
                .attend()
                .expect("the relay disconnected a member");
            speaker.member.listen(&mut self.memory);
            speaker.hear();
        }
    }

    /// What became of all that was said until now; what is on its way is waited for.
    pub(crate) fn sound(&mut self) -> Sound {
        for _ in 0..2 {
            std::thread::sleep(BEAT);
            self.attend();
        }
        let mut sound = Sound::default();
        for listener in &self.speakers {
            let others = self.speakers.iter();
            for speaker in others.filter(|other| other.member.me != listener.member.me) {
                let nothing = Ear::default();
                let ear = listener.ears.get(&speaker.member.me).unwrap_or(&nothing);
                sound.due += speaker.said;
                sound.lost += speaker.said - ear.came;
                sound.wrong += ear.wrong;
                sound.late += ear.late;
            }
        }
        sound
    }
}

impl Speaker {
    fn may_speak(&self) -> bool {
        self.member.is_settled() && self.member.others().len() == NAMES.len() - 1
    }

    fn say(&mut self, batch: &mut DatagramBatch) {
        let Some(key) = self.member.key().map(Arc::clone) else {
            return;
        };
        if self.sender.is_none() {
            self.sender = self.member.sender(Kind::Audio, self.stream);
        }
        let Some(sender) = &mut self.sender else {
            return;
        };
        if sender.epoch() != key.epoch() {
            sender.rekey(&key);
        }
        let samples = block(self.member.me, self.said);
        self.said += 1;
        sender.seal_frame(&[&samples], 0, now(), batch).unwrap();
        // What the kernel does not take does not come.
        self.member.udp.send_frame(batch.bytes());
    }

    fn hear(&mut self) {
        let now: Instant = now();
        for heard in self.member.heard.drain(..) {
            let ear = self.ears.entry(heard.from).or_default();
            let number = heard.payload.first_chunk().map(|n| u64::from_le_bytes(*n));
            let is_right = number.is_some_and(|number| heard.payload == block(heard.from, number));
            ear.came += 1;
            ear.wrong += u64::from(!is_right);
            ear.late += u64::from(now.since(heard.captured) > TOO_LATE);
        }
    }
}
