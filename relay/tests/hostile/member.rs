//! A member of a room with real keys, who hears what is sent: the protocol's own member, sender and receiver.

use std::os::fd::AsFd;
use std::sync::{Arc, LazyLock};

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::attendance::{Abilities, Asked, Attendance, Change, Fault, Place};
use conclave_protocol::frame_memory::FRAME_MEMORY;
use conclave_protocol::id::{ParticipantId, RequestId, RoomId, StreamId};
use conclave_protocol::receiver::Received;
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{StreamSender, Uplink};
use conclave_protocol::sender_key::SenderKey;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::{Suite, ToRelay};
use conclave_protocol::wire::feedback::{Feedback, Padding, Probe};
use conclave_protocol::wire::header::Kind;
use getrandom::SysRng;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::datagrams::{Datagrams, Memory};
use crate::harness::endpoint::Closed;
use crate::harness::{Endpoint, NONCE, identity};

const ABILITIES: Abilities = Abilities {
    suite: Suite::Aes256Gcm,
    frame_memory: FRAME_MEMORY,
    plays: |_| true,
};

/// The one clock of this process, in the protocol's unit.
pub(crate) fn now() -> Instant {
    static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);
    Instant(u64::try_from(START.elapsed().as_micros()).unwrap())
}

pub(crate) fn random() -> Secret<32> {
    let mut secret = Secret([0; 32]);
    getrandom::fill(&mut secret.0).unwrap();
    secret
}

/// A block of sound that was opened.
pub(crate) struct Heard {
    pub(crate) from: ParticipantId,
    pub(crate) captured: Instant,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Member {
    pub(crate) control: Endpoint,
    pub(crate) me: ParticipantId,
    pub(crate) udp: Datagrams,
    pub(crate) heard: Vec<Heard>,
    uplink: Arc<Uplink>,
    attendance: Attendance,
    /// The highest counter of the answers to probes.
    seen: Option<u64>,
    /// Requests with envelopes that are not answered.
    on_the_way: Vec<(RequestId, Asked)>,
}

/// Whether something is there to read.
fn is_readable(socket: impl AsFd) -> bool {
    let mut fds = [PollFd::new(&socket, PollFlags::IN)];
    poll(&mut fds, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
}

impl Member {
    /// Takes an endpoint that is signed in into a room, and hands out its key.
    pub(crate) fn join(mut control: Endpoint, room: RoomId, seed: u8) -> Result<Self, Closed> {
        let signed_in = control.signed_in.clone().unwrap();
        let joined = control.join(room, None).map_err(|_| Closed)?;
        let place = Place {
            room,
            me: joined.me,
            nonce: NONCE,
        };
        let own = identity(seed);
        let attendance = Attendance::enter(own, place, &joined.roster, ABILITIES, &mut SysRng);
        let mut member = Self {
            me: joined.me,
            udp: Datagrams::to(control.relay),
            heard: Vec::new(),
            uplink: Arc::new(Uplink::new(signed_in.session, &signed_in.hop_secret)),
            attendance: attendance.unwrap(),
            seen: None,
            on_the_way: Vec::new(),
            control,
        };
        member.take_changes();
        member.send_asks()?;
        member.probe();
        Ok(member)
    }

    /// Who else is in the room.
    pub(crate) fn others(&self) -> Vec<ParticipantId> {
        self.attendance.others().map(|other| other.id).collect()
    }

    /// Whether everyone has the newest key.
    pub(crate) fn is_settled(&self) -> bool {
        self.on_the_way.is_empty() && self.attendance.next_time().is_none()
    }

    /// The key that everyone in the room was sent, once there is one.
    pub(crate) fn key(&self) -> Option<&Arc<SenderKey>> {
        self.attendance.key()
    }

    /// What seals a stream of this member's.
    pub(crate) fn sender(&self, kind: Kind, stream: StreamId) -> Option<StreamSender> {
        let uplink = Arc::clone(&self.uplink);
        let key = self.key()?;
        Some(StreamSender::new(uplink, kind, stream, key))
    }

    /// Shows the relay that both directions work; once a second, as endpoints do.
    pub(crate) fn show(&mut self) -> Result<(), Closed> {
        self.probe();
        self.control.send(&ToRelay::Ping { sent: now() })
    }

    fn probe(&self) {
        let mut datagram = [0; MAX_DATAGRAM];
        let ask = Probe::Ask {
            sent: now(),
            seen: self.seen,
            round_trip: conclave_protocol::time::Micros(2_000),
            padding: Padding::NONE,
        };
        let length = self.uplink.seal(Kind::Probe, &ask, &mut datagram).unwrap();
        self.udp.send_frame(&datagram[..length]);
    }

    /// Says something of what it receives, true or not.
    pub(crate) fn tell(&self, feedback: &Feedback) {
        let mut datagram = [0; MAX_DATAGRAM];
        let length = self
            .uplink
            .seal(Kind::Feedback, feedback, &mut datagram)
            .unwrap();
        self.udp.send_frame(&datagram[..length]);
    }

    /// Opens the media that came, by UDP and by TCP.
    pub(crate) fn listen(&mut self, memory: &mut Memory) {
        let Self {
            udp,
            attendance,
            heard,
            seen,
            uplink,
            ..
        } = self;
        udp.receive(memory, |packet| {
            if packet.first() == Some(&(Kind::Probe as u8)) {
                let answer: Result<(u64, Probe), _> = uplink.keys().open_down(packet);
                *seen = (*seen).max(answer.ok().map(|(counter, _)| counter));
            } else {
                open(attendance, packet, heard);
            }
        });
        for mut packet in self.control.datagrams.drain(..) {
            open(&mut self.attendance, &mut packet, &mut self.heard);
        }
    }

    /// Takes what the relay said, and answers as an endpoint does.
    pub(crate) fn attend(&mut self) -> Result<(), Closed> {
        while is_readable(&self.control.stream) {
            self.control.read()?;
        }
        let now = now();
        for (id, result) in std::mem::take(&mut self.control.replies) {
            if let Some(at) = self.on_the_way.iter().position(|(of, _)| *of == id) {
                let (_, asked) = self.on_the_way.remove(at);
                self.attendance.answered(asked, &result, now);
            }
        }
        for event in std::mem::take(&mut self.control.events) {
            let handled = self.attendance.handle_event(&event, now, &mut SysRng);
            handled.unwrap();
        }
        self.attendance.handle_time(now, &mut SysRng).unwrap();
        self.take_changes();
        self.send_asks()
    }

    fn take_changes(&mut self) {
        while let Some(change) = self.attendance.next_change() {
            match change {
                Change::Opened(packets) => {
                    for mut packet in packets {
                        open(&mut self.attendance, &mut packet, &mut self.heard);
                    }
                }
                Change::Removed => panic!("the relay removed a member from the room"),
                Change::Refused(of, Fault::Number(error)) => panic!("{of:?}: {error}"),
                // Hostile members send envelopes that do not open.
                _ => {}
            }
        }
    }

    fn send_asks(&mut self) -> Result<(), Closed> {
        while let Some((request, asked)) = self.attendance.next_ask() {
            let id = self.control.ask(request)?;
            self.on_the_way.push((id, asked));
        }
        Ok(())
    }
}

fn open(attendance: &mut Attendance, packet: &mut [u8], heard: &mut Vec<Heard>) {
    // What is dropped is seen as a block that did not come.
    if let Ok(Received::Audio {
        participant,
        header,
        payload,
    }) = attendance.handle_packet(packet, now())
    {
        heard.push(Heard {
            from: participant,
            captured: header.timestamp,
            payload: payload.to_vec(),
        });
    }
}
