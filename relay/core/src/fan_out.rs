//! Who gets which stream: an immutable picture of it for the media plane.

use std::sync::Arc;

use conclave_protocol::id::{RoomId, SessionId, StreamId};
use conclave_protocol::wire::control::{Media, Want};
use conclave_protocol::wire::header::Kind;
use rustc_hash::FxHashMap;

/// Parts in which routes are kept: a change copies the part that it is in. More cost a change of few streams, fewer
/// one of many.
const PARTS: usize = 256;

type Part = FxHashMap<StreamId, Arc<StreamRoute>>;

/// Every stream's route, by the number in the media header. Replaced as a whole, never changed.
#[derive(Clone, Debug)]
pub struct Routes {
    parts: Box<[Arc<Part>]>,
}

impl Default for Routes {
    fn default() -> Self {
        let empty = Arc::<Part>::default();
        Self {
            parts: vec![empty; PARTS].into(),
        }
    }
}

impl Routes {
    const fn part_of(stream: StreamId) -> usize {
        stream.0 as usize % PARTS
    }

    /// Where a stream goes.
    #[must_use]
    pub fn get(&self, stream: StreamId) -> Option<&Arc<StreamRoute>> {
        self.parts[Self::part_of(stream)].get(&stream)
    }

    /// Routes a stream.
    pub fn insert(&mut self, stream: StreamId, route: StreamRoute) {
        let part = Arc::make_mut(&mut self.parts[Self::part_of(stream)]);
        part.insert(stream, Arc::new(route));
    }

    /// Whether no stream is routed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.parts.iter().all(|part| part.is_empty())
    }
}

/// Where one stream comes from and goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamRoute {
    /// Whose session alone may send it.
    pub owner: SessionId,
    /// The room that it is in.
    pub room: RoomId,
    /// What its packets must be, beside [`Kind::Repair`].
    pub kind: Kind,
    /// What it may carry, by what it was offered as.
    pub bytes_per_second: u32,
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
pub(super) struct Routing {
    routes: Routes,
    changed: bool,
}

impl Routing {
    pub(super) fn set(&mut self, stream: StreamId, route: StreamRoute) {
        self.routes.insert(stream, route);
        self.changed = true;
    }

    pub(super) fn owner(&self, stream: StreamId) -> Option<SessionId> {
        self.routes.get(stream).map(|route| route.owner)
    }

    /// Has `session` receive of a stream what it wants of it.
    pub(super) fn choose(&mut self, stream: StreamId, session: SessionId, want: Want) {
        let Some(route) = self.routes.get(stream) else {
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
        let route = StreamRoute {
            owner: route.owner,
            room: route.room,
            kind: route.kind,
            bytes_per_second: route.bytes_per_second,
            receivers: receivers.into(),
        };
        self.set(stream, route);
    }

    pub(super) fn remove(&mut self, stream: StreamId) {
        if self.routes.get(stream).is_some() {
            let part = &mut self.routes.parts[Routes::part_of(stream)];
            Arc::make_mut(part).remove(&stream);
            self.changed = true;
        }
    }

    pub(super) fn take_changed(&mut self) -> Option<Arc<Routes>> {
        std::mem::take(&mut self.changed).then(|| Arc::new(self.routes.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_among_many_streams_copies_the_part_that_it_is_in() {
        let mut routing = Routing::default();
        for id in 0..10_000 {
            let route = StreamRoute {
                owner: SessionId(id),
                room: RoomId(1),
                kind: Kind::Video,
                bytes_per_second: 1,
                receivers: Box::default(),
            };
            routing.set(StreamId(id), route);
        }
        let before = routing.take_changed().unwrap();
        let (stream, session) = (StreamId(4711), SessionId(7));
        routing.choose(stream, session, Want::All);
        let after = routing.take_changed().unwrap();
        let both = before.parts.iter().zip(&after.parts);
        let copied = both.filter(|(before, after)| !Arc::ptr_eq(before, after));
        assert_eq!(copied.count(), 1);
        let receivers = |routes: &Routes| routes.get(stream).unwrap().receivers.len();
        assert_eq!((receivers(&before), receivers(&after)), (0, 1));
        routing.remove(stream);
        assert_eq!(routing.take_changed().unwrap().get(stream), None);
        assert!(after.get(stream).is_some());
    }
}
