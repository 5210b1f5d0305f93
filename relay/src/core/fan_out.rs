//! Who gets which stream: an immutable picture of it for the media plane.

use std::sync::Arc;

use conclave_protocol::id::{SessionId, StreamId};
use conclave_protocol::wire::control::{Media, Want};
use conclave_protocol::wire::header::Kind;
use rustc_hash::FxHashMap;

/// Every stream's route. Replaced as a whole, never changed.
#[derive(Clone, Debug, Default)]
pub struct Routes {
    /// By the number in the media header.
    pub streams: FxHashMap<StreamId, Arc<StreamRoute>>,
}

/// Where one stream comes from and goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRoute {
    /// Whose session alone may send it.
    pub owner: SessionId,
    /// What its packets must be, beside [`Kind::Repair`].
    pub kind: Kind,
    /// Who gets it.
    pub receivers: Box<[Receiver]>,
}

/// One receiver of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// Whose session.
    pub session: SessionId,
    /// Frames a second at most; 0 is all of them.
    pub fps: u8,
}

impl Receiver {
    /// A receiver for what `session` wants, if it wants anything.
    #[must_use]
    pub fn wanting(session: SessionId, want: Want) -> Option<Self> {
        let fps = match want {
            Want::All => 0,
            Want::AtMost { fps } => fps,
            Want::Nothing => return None,
        };
        Some(Self { session, fps })
    }
}

impl StreamRoute {
    /// Whether a packet of `kind` may belong to this stream.
    #[must_use]
    pub fn carries(&self, kind: Kind) -> bool {
        kind == self.kind || (kind == Kind::Repair && self.kind != Kind::Audio)
    }
}

/// The kind of a stream's packets.
#[must_use]
pub const fn kind_of(media: Media) -> Kind {
    match media {
        Media::Audio(_) => Kind::Audio,
        Media::Camera(_) => Kind::Video,
        Media::Screen(_) => Kind::Screen,
    }
}

/// The routes as the core keeps them: changed a receiver at a time, handed out when they changed.
#[derive(Debug, Default)]
pub(crate) struct Routing {
    routes: Routes,
    changed: bool,
}

impl Routing {
    pub(crate) fn set(&mut self, stream: StreamId, route: StreamRoute) {
        self.routes.streams.insert(stream, Arc::new(route));
        self.changed = true;
    }

    pub(crate) fn owner(&self, stream: StreamId) -> Option<SessionId> {
        self.routes.streams.get(&stream).map(|route| route.owner)
    }

    /// Has `session` receive of a stream what it wants of it.
    pub(crate) fn choose(&mut self, stream: StreamId, session: SessionId, want: Want) {
        let Some(route) = self.routes.streams.get_mut(&stream) else {
            return;
        };
        let is_it = |receiver: &Receiver| receiver.session == session;
        let place = route.receivers.iter().position(is_it);
        let wanted = Receiver::wanting(session, want);
        if place.map(|at| route.receivers[at]) == wanted {
            return;
        }
        let mut receivers = route.receivers.to_vec();
        if let Some(at) = place {
            receivers.remove(at);
        }
        receivers.extend(wanted);
        *route = Arc::new(StreamRoute {
            owner: route.owner,
            kind: route.kind,
            receivers: receivers.into(),
        });
        self.changed = true;
    }

    pub(crate) fn remove(&mut self, stream: StreamId) {
        self.changed |= self.routes.streams.remove(&stream).is_some();
    }

    pub(crate) fn take_changed(&mut self) -> Option<Arc<Routes>> {
        std::mem::take(&mut self.changed).then(|| Arc::new(self.routes.clone()))
    }
}
