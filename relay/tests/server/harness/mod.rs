//! A relay of the test's own, and endpoints that say exactly what the test wants them to say.

mod caller;
pub(crate) mod endpoint;
mod program;
mod relay;

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use conclave_protocol::id::{LineMark, ParticipantId, SourceId};
use conclave_protocol::identity::Identity;
use conclave_protocol::member_key::JoinNonce;
use conclave_protocol::name::ChatText;
use conclave_protocol::secret::Secret;
use conclave_protocol::units::PictureSize;
use conclave_protocol::wire::control::{Layer, Media, Picture, Request, StreamOffer};

pub(crate) use caller::Caller;
pub(crate) use endpoint::Endpoint;
pub(crate) use program::Serving;
pub(crate) use relay::TestRelay;

/// How long a test waits for what must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// Of every join of these endpoints.
pub(crate) const NONCE: JoinNonce = JoinNonce([0x0a; 32]);

/// Waits until a count is there.
pub(crate) fn wait_until(what: &str, mut there: impl FnMut() -> bool) {
    let until = Instant::now() + PATIENCE;
    while !there() {
        assert!(Instant::now() < until, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Resident memory of this process in KiB.
pub(crate) fn resident_kib() -> u64 {
    resident_kib_of(Path::new("/proc/self/status"))
}

pub(crate) fn resident_kib_of(status: &Path) -> u64 {
    let status = std::fs::read_to_string(status).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

pub(crate) fn identity(seed: u8) -> Identity {
    Identity::from_secret(Secret([seed; 32]))
}

pub(crate) fn text(text: &str) -> Box<ChatText> {
    Box::new(ChatText::parse(text).unwrap())
}

/// A line with a mark that no other line of this program has.
pub(crate) fn say(to: Option<ParticipantId>, line: &str) -> Request {
    static LAST: AtomicU64 = AtomicU64::new(0);
    Request::Say {
        to,
        text: text(line),
        mark: LineMark(LAST.fetch_add(1, Ordering::Relaxed)),
    }
}

pub(crate) fn camera() -> StreamOffer {
    StreamOffer {
        source: SourceId(0),
        media: Media::Camera(Picture {
            layer: Layer::Full,
            size: PictureSize {
                width: 1280,
                height: 720,
            },
            fps: 30,
        }),
    }
}

/// An address of loopback other than 127.0.0.1.
pub(crate) fn elsewhere(last: u8) -> IpAddr {
    Ipv4Addr::new(127, 0, 0, last).into()
}
