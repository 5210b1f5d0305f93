//! The streams, their waiting pictures and their turns: what the threads that bring JPEGs share with the decoders.
//!
//! Everything here is a snapshot or an atomic. A stream stands in the queue of turns once, from when a picture
//! waits until it is painted; then it goes to the end of the queue if another one waits by then.

use super::buffers::Received;
use super::{ScreenCounts, TileRequest};
use crate::picture::frame::PictureSize;
use arc_swap::{ArcSwap, ArcSwapOption};
use conclave_protocol::id::StreamId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::mpsc::SyncSender;

/// Streams that may stand in the queue of turns. One that finds it full gets its turn with its next picture.
pub(super) const MOST_TURNS: usize = 256;

/// One source of pictures.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: StreamId,
    pub(super) tally: Tally,
    /// The newest JPEG, until a decoder takes it.
    waiting: ArcSwapOption<Received>,
    /// It stands in the queue of turns, or is being decoded.
    has_turn: AtomicBool,
}

/// [`ScreenCounts`] that several threads count.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) painted: AtomicU64,
    pub(super) unseen: AtomicU64,
    pub(super) replaced: AtomicU64,
    pub(super) hidden: AtomicU64,
    pub(super) damaged: AtomicU64,
}

impl Tally {
    fn counts(&self) -> ScreenCounts {
        ScreenCounts {
            painted: self.painted.load(Relaxed),
            unseen: self.unseen.load(Relaxed),
            replaced: self.replaced.load(Relaxed),
            hidden: self.hidden.load(Relaxed),
            damaged: self.damaged.load(Relaxed),
        }
    }
}

impl Stream {
    fn new(id: StreamId) -> Self {
        Self {
            id,
            tally: Tally::default(),
            waiting: ArcSwapOption::empty(),
            has_turn: AtomicBool::new(false),
        }
    }

    /// Takes the picture that waits.
    pub(super) fn next(&self) -> Option<Arc<Received>> {
        self.waiting.swap(None)
    }
}

/// All streams, and the tiles that show them.
pub(super) struct Streams {
    all: ArcSwap<BTreeMap<StreamId, Arc<Stream>>>,
    wishes: ArcSwap<Vec<TileRequest>>,
    /// Streams in the order of their turns; `None` only wakes a decoder.
    turns: SyncSender<Option<Arc<Stream>>>,
    /// The decoders are to end.
    pub(super) ending: AtomicBool,
}

impl Streams {
    pub(super) fn new(turns: SyncSender<Option<Arc<Stream>>>) -> Self {
        Self {
            all: ArcSwap::default(),
            wishes: ArcSwap::default(),
            turns,
            ending: AtomicBool::new(false),
        }
    }

    pub(super) fn get_or_add(&self, id: StreamId) -> Arc<Stream> {
        if let Some(stream) = self.all.load().get(&id) {
            return Arc::clone(stream);
        }
        let stream = Arc::new(Stream::new(id));
        self.change(|all| {
            all.insert(id, Arc::clone(&stream));
        });
        stream
    }

    pub(super) fn remove(&self, id: StreamId) {
        if self.all.load().contains_key(&id) {
            self.change(|all| {
                all.remove(&id);
            });
        }
    }

    fn change(&self, change: impl Fn(&mut BTreeMap<StreamId, Arc<Stream>>)) {
        self.all.rcu(|all| {
            let mut all = BTreeMap::clone(all);
            change(&mut all);
            all
        });
    }

    /// Replaces all wishes, and says how many streams are seen now.
    pub(super) fn show(&self, wishes: &[TileRequest]) -> usize {
        let mut seen: Vec<TileRequest> = Vec::with_capacity(wishes.len());
        for wish in wishes.iter().filter(|wish| wish.tile.pixels() > 0) {
            match seen.iter_mut().find(|other| other.stream == wish.stream) {
                Some(other) => {
                    other.tile.width = other.tile.width.max(wish.tile.width);
                    other.tile.height = other.tile.height.max(wish.tile.height);
                }
                None => seen.push(*wish),
            }
        }
        let count = seen.len();
        self.wishes.store(Arc::new(seen));
        count
    }

    /// Size of the tile that shows a stream, if one does.
    pub(super) fn tile(&self, id: StreamId) -> Option<PictureSize> {
        let wishes = self.wishes.load();
        let wish = wishes.iter().find(|wish| wish.stream == id);
        wish.map(|wish| wish.tile)
    }

    /// Whether a stream is there and a tile shows it.
    pub(super) fn is_seen(&self, id: StreamId) -> bool {
        self.tile(id).is_some() && self.all.load().contains_key(&id)
    }

    /// Lets a picture wait for its stream's turn, in the place of an older one.
    pub(super) fn wait(&self, stream: &Arc<Stream>, received: Arc<Received>) {
        if stream.waiting.swap(Some(received)).is_some() {
            stream.tally.replaced.fetch_add(1, Relaxed);
        }
        self.queue(stream);
    }

    /// After a stream's picture was painted: it may stand in the queue again.
    pub(super) fn end_turn(&self, stream: Arc<Stream>) {
        // A swap and not a store: a thread that found the flag set before has put a picture down that is seen here.
        stream.has_turn.swap(false, AcqRel);
        if stream.waiting.load().is_some() {
            self.queue(&stream);
        }
    }

    fn queue(&self, stream: &Arc<Stream>) {
        if !stream.has_turn.swap(true, AcqRel)
            && self.turns.try_send(Some(Arc::clone(stream))).is_err()
        {
            stream.has_turn.store(false, Release);
        }
    }

    /// Tells the decoders to end.
    pub(super) fn end(&self) {
        self.ending.store(true, Release);
        // If the queue is full, no decoder sleeps. The first one awake lets go of the lock, and so on.
        let _ = self.turns.try_send(None);
    }

    pub(super) fn counts(&self) -> Vec<(StreamId, ScreenCounts)> {
        let all = self.all.load();
        let counts = all.iter().map(|(&id, stream)| (id, stream.tally.counts()));
        counts.collect()
    }
}
