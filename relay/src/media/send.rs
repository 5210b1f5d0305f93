//! Sends a run of packets to each of its receivers: one system call a receiver where the kernel can.

use std::io::ErrorKind;
use std::net::UdpSocket;
use std::sync::Arc;

use conclave_protocol::id::SequenceNumber;
use conclave_protocol::time::Instant;
use conclave_protocol::wire::header::Header;
use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};
use rustix::io::Errno;

use super::frame_run::FrameRun;
use super::history::History;
use super::prove::Sessions;
use super::session::MediaSession;
use super::tally::Tally;
use super::way::Path;
use crate::mail::media_run::{MediaRun, Untaken};

/// What came of sending to one receiver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    All,
    /// The socket took no more; so many packets went out.
    Blocked(usize),
    /// Another error; so many packets went out.
    Failed(usize),
}

/// The socket with its offload state.
pub(super) struct Sender {
    pub(super) socket: UdpSocket,
    pub(super) state: UdpSocketState,
}

impl Sender {
    /// Sends packets of `segment` bytes each, the last perhaps shorter.
    pub(super) fn send(&self, path: Path, bytes: &[u8], segment: usize, tally: &mut Tally) -> Sent {
        let mut sent = 0;
        let mut rest = bytes;
        while !rest.is_empty() {
            let segments = self.state.max_gso_segments().max(1);
            let (part, after) = rest.split_at(rest.len().min(segments * segment));
            let packets = part.len().div_ceil(segment);
            let transmit = Transmit {
                destination: path.to,
                ecn: None,
                contents: part,
                segment_size: (packets > 1).then_some(segment),
                src_ip: path.from,
            };
            tally.sends += 1;
            match self
                .state
                .try_send(UdpSockRef::from(&self.socket), &transmit)
            {
                Ok(()) => {
                    sent += packets;
                    tally.packets_sent += packets as u64;
                    tally.bytes_sent += part.len() as u64;
                    rest = after;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Sent::Blocked(sent),
                Err(error) if packets > 1 && is_offload_failure(&error) => {
                    // The driver cannot after all. The state turns offload off only for some causes,
                    // so these packets go one by one whatever it believes.
                    tally.offload_failures += 1;
                    match self.send_singly(path, part, segment, tally) {
                        Sent::All => {
                            sent += packets;
                            rest = after;
                        }
                        Sent::Blocked(some) => return Sent::Blocked(sent + some),
                        Sent::Failed(some) => return Sent::Failed(sent + some),
                    }
                }
                Err(_) => {
                    tally.send_errors += 1;
                    return Sent::Failed(sent);
                }
            }
        }
        Sent::All
    }

    fn send_singly(&self, path: Path, bytes: &[u8], segment: usize, tally: &mut Tally) -> Sent {
        for (sent, packet) in bytes.chunks(segment).enumerate() {
            match self.send(path, packet, segment, tally) {
                Sent::All => {}
                Sent::Blocked(_) => return Sent::Blocked(sent),
                Sent::Failed(_) => return Sent::Failed(sent),
            }
        }
        Sent::All
    }
}

/// What Linux answers when a device cannot segment: `EIO` from the driver, `EINVAL` from the stack.
fn is_offload_failure(error: &std::io::Error) -> bool {
    let code = error.raw_os_error();
    code == Some(Errno::IO.raw_os_error()) || code == Some(Errno::INVAL.raw_os_error())
}

/// Sends a run to everyone on its route; gives how many it went to, or was tried for.
pub(super) fn fan_out(
    run: &FrameRun,
    history: &History,
    sender: &Sender,
    sessions: &mut Sessions,
    now: Instant,
    tally: &mut Tally,
) -> usize {
    let mut receivers = 0;
    let frame = run.is_frame.then_some((run.stream, run.frame));
    // One copy for all who are not reached over UDP, browsers among them.
    let mut shared = None;
    for receiver in &run.route.receivers {
        let Some(session) = sessions.get_mut(&receiver.session) else {
            continue;
        };
        let packets = run.packets as u64;
        if run.is_frame && !session.wants(run.stream, run.frame, run.captured, receiver.fps) {
            tally.packets_thinned += packets;
            continue;
        }
        if frame.is_some() && session.cut == frame {
            tally.packets_cut += packets;
            continue;
        }
        receivers += 1;
        let Some(path) = session.way.path(now) else {
            let shared = shared.get_or_insert_with(|| {
                let run = MediaRun::copy(frame, run.segment, &run.bytes);
                Arc::new(run)
            });
            hand_over(session, Arc::clone(shared), tally);
            continue;
        };
        session.allowance.earn(run.packets as u32);
        if !run.is_frame && session.allowance.doubles(1) {
            send_before(run, history, path, sender, now, tally);
        }
        match sender.send(path, &run.bytes, run.segment, tally) {
            Sent::All => {}
            Sent::Blocked(sent) => {
                tally.packets_dropped_socket += packets - sent as u64;
                session.cut = frame;
            }
            Sent::Failed(sent) => {
                tally.packets_failed += packets - sent as u64;
                session.cut = frame;
            }
        }
    }
    receivers
}

/// Sends the block of sound before this one again: where much is lost, asking would take longer than the block may be
/// late.
fn send_before(
    run: &FrameRun,
    history: &History,
    path: Path,
    sender: &Sender,
    now: Instant,
    tally: &mut Tally,
) {
    let number = Header::parse(&run.bytes).ok().map(|header| header.sequence);
    let before = number.and_then(|number| number.0.checked_sub(1));
    let before = before.map(SequenceNumber);
    if let Some(found) = before.and_then(|before| history.find(run.stream, before, now)) {
        tally.packets_repeated += 1;
        sender.send(path, found.packet, found.packet.len(), tally);
    }
}

/// Hands packets to a session's connection, while nothing is known to arrive there over UDP.
pub(super) fn hand_over(session: &MediaSession, run: Arc<MediaRun>, tally: &mut Tally) {
    let packets = run.count() as u64;
    match session.fallback.send(run) {
        Ok(()) => tally.packets_sent_tcp += packets,
        Err(Untaken::Full) => tally.packets_dropped_tcp += packets,
        Err(Untaken::Closed) => tally.packets_unreachable += packets,
    }
}

#[cfg(test)]
mod tests {
    use conclave_protocol::id::{Epoch, FrameNumber, RoomId, SessionId, StreamId};
    use conclave_protocol::secret::Secret;
    use conclave_protocol::wire::header::Kind;

    use super::*;
    use crate::media::frame_run::FrameRuns;
    use crate::media::pages::Pages;
    use crate::media::{FanOutLimits, MediaLimits};
    use conclave_relay_core::fan_out::{Receiver, StreamRoute};
    use conclave_relay_core::quota::SetClock;

    #[test]
    fn packets_that_cannot_be_sent_are_counted_and_so_is_the_rest_of_their_frame() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let state = UdpSocketState::new(UdpSockRef::from(&socket)).unwrap();
        let sender = Sender { socket, state };
        let limits = MediaLimits {
            packets_per_second: 1,
            bytes_per_second: 1,
            fan_out: FanOutLimits {
                sender: 1,
                room: 1,
                address: 1,
            },
            history_bytes: 1 << 20,
        };
        let (fallback, _) = crate::mail::media_run::media_way(1);
        let clock = SetClock::default();
        // A socket of IPv4 cannot send there.
        let path = Path {
            to: "[::1]:9".parse().unwrap(),
            from: None,
        };
        let mut session =
            MediaSession::new(&Secret([0; 32]), fallback, path.to.ip(), limits, &clock);
        session.way.answered(path, 0);
        session.way.asked(path, Some(0), Instant(0));
        let receiver = SessionId(2);
        let mut sessions = Sessions::default();
        sessions.insert(receiver, Box::new(session));
        let route = std::sync::Arc::new(StreamRoute {
            owner: SessionId(1),
            room: RoomId(1),
            kind: Kind::Video,
            bytes_per_second: 1,
            receivers: Box::new([Receiver {
                session: receiver,
                fps: 0,
            }]),
        });
        let header = Header {
            kind: Kind::Video,
            level: 0,
            epoch: Epoch(0),
            stream: StreamId(1),
            sequence: SequenceNumber(0),
            timestamp: Instant(0),
            frame: FrameNumber(0),
            fragment: 0,
            fragments: 2,
        };
        let (mut runs, mut pages) = (FrameRuns::new(), Pages::new());
        let history = History::new(0);
        let mut tally = Tally::default();
        for _ in 0..2 {
            assert!(
                runs.push(&mut pages, &route, &header, true, &[0; 100])
                    .is_none()
            );
            let run = runs.pop().unwrap();
            fan_out(
                &run,
                &history,
                &sender,
                &mut sessions,
                Instant(0),
                &mut tally,
            );
        }
        let counts = (tally.send_errors, tally.packets_failed, tally.packets_cut);
        assert_eq!((counts, tally.packets_sent), ((1, 1, 1), 0));
    }
}
