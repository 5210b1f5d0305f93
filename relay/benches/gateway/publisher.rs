//! An endpoint that publishes pictures and sound over UDP.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use conclave_protocol::MAX_DATAGRAM;
use conclave_protocol::id::{RoomId, SourceId};
use conclave_protocol::keyring::OwnKey;
use conclave_protocol::l16::BLOCK_BYTES;
use conclave_protocol::member_key::MemberKey;
use conclave_protocol::secret::Secret;
use conclave_protocol::sender::{DatagramBatch, StreamSender, Uplink};
use conclave_protocol::sender_key::EnvelopeContext;
use conclave_protocol::wire::control::{
    AddressedEnvelope, AudioCodec, Media, Request, StreamOffer, Suite,
};
use conclave_protocol::wire::header::Kind;
use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use quinn_udp::{Transmit, UdpSockRef, UdpSocketState};

use crate::harness::{Endpoint, NONCE, camera, identity};
use crate::{BLOCKS_A_SECOND, PICTURE_BYTES, PICTURES_A_SECOND, RECEIVERS};

/// Steps a second, of which some bring a picture and some a block.
const STEPS: u32 = 150;

/// Who has signed in and made a room.
pub(crate) struct SignedIn {
    endpoint: Endpoint,
    seed: u8,
}

/// Who publishes.
pub(crate) struct Publisher {
    endpoint: Endpoint,
    socket: UdpSocket,
    state: UdpSocketState,
    camera: StreamSender,
    microphone: StreamSender,
    picture: Vec<u8>,
    batch: DatagramBatch,
    captured: u64,
}

impl Publisher {
    pub(crate) fn sign_in(relay: SocketAddr, seed: u8) -> (SignedIn, RoomId) {
        let mut endpoint = Endpoint::connect(relay, seed);
        endpoint.sign_in(&format!("Publisher{seed}")).unwrap();
        let capacity = u16::try_from(RECEIVERS + 1).unwrap();
        let room = endpoint
            .create(&format!("room {seed}"), None, capacity)
            .unwrap();
        (SignedIn { endpoint, seed }, room)
    }

    /// Sends the frames of so many seconds, each at its time.
    pub(crate) fn publish(&mut self, seconds: u32) {
        let begun = Instant::now();
        for step in 0..seconds * STEPS {
            let at = begun + Duration::from_secs(1) / STEPS * step;
            std::thread::sleep(at.saturating_duration_since(Instant::now()));
            self.captured += u64::from(1_000_000 / STEPS);
            let captured = conclave_protocol::time::Instant(self.captured);
            if step.is_multiple_of(STEPS / PICTURES_A_SECOND) {
                let parts = [&self.picture[..]];
                self.camera
                    .seal_frame(&parts, 0, captured, &mut self.batch)
                    .unwrap();
                self.send();
            }
            if step.is_multiple_of(STEPS / BLOCKS_A_SECOND) {
                let parts = [&[1; BLOCK_BYTES][..]];
                self.microphone
                    .seal_frame(&parts, 0, captured, &mut self.batch)
                    .unwrap();
                self.send();
            }
        }
    }

    fn send(&self) {
        let transmit = Transmit {
            destination: self.endpoint.relay,
            ecn: None,
            contents: self.batch.bytes(),
            segment_size: Some(MAX_DATAGRAM),
            src_ip: None,
        };
        let socket = UdpSockRef::from(&self.socket);
        self.state.try_send(socket, &transmit).unwrap();
    }

    /// Shows the relay that it is still there, and reads what came.
    pub(crate) fn refresh(&mut self) {
        self.endpoint.settle();
        self.endpoint.events.clear();
    }
}

impl SignedIn {
    /// Joins, gives everyone its key, and publishes.
    pub(crate) fn join(self, room: RoomId) -> Publisher {
        let Self { mut endpoint, seed } = self;
        let joined = endpoint.join(room, None).unwrap();
        let own = OwnKey::new(Suite::Aes256Gcm, Secret([seed; 32]));
        let context = EnvelopeContext {
            room,
            sender: joined.me,
            sender_nonce: NONCE,
        };
        let others = joined.roster.iter().filter(|member| member.id != joined.me);
        let seal = |key: &MemberKey| {
            let mut rng = UnwrapErr(SysRng);
            own.key()
                .envelope(&identity(seed), key, context, &mut rng)
                .unwrap()
        };
        let envelopes = others.map(|member| AddressedEnvelope {
            to: member.id,
            envelope: seal(&member.key()),
        });
        let envelopes = envelopes.collect();
        endpoint.request(Request::SendKeys { envelopes }).unwrap();
        let microphone = StreamOffer {
            source: SourceId(1),
            media: Media::Audio(AudioCodec::L16Mono16k),
        };
        let (camera, microphone) = (endpoint.publish(camera()), endpoint.publish(microphone));
        let signed_in = endpoint.signed_in.clone().unwrap();
        let uplink = Arc::new(Uplink::new(signed_in.session, &signed_in.hop_secret));
        let sender = |kind, stream| StreamSender::new(Arc::clone(&uplink), kind, stream, own.key());
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut picture = vec![0x5a; PICTURE_BYTES];
        picture[..2].copy_from_slice(&[0xff, 0xd8]);
        picture[PICTURE_BYTES - 2..].copy_from_slice(&[0xff, 0xd9]);
        Publisher {
            state: UdpSocketState::new(UdpSockRef::from(&socket)).unwrap(),
            socket,
            camera: sender(Kind::Video, camera),
            microphone: sender(Kind::Audio, microphone),
            endpoint,
            picture,
            batch: DatagramBatch::default(),
            captured: 0,
        }
    }
}
