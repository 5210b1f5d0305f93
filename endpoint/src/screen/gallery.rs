//! Finished pictures until the UI takes them, and canvases that it has given back.
//!
//! Its lock is between the decoders and the UI, held for a look through a few dozen entries.

use super::streams::Stream;
use super::{Canvas, Painted};
use crate::picture::frame::PictureSize;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(super) struct Gallery<C> {
    hanging: Mutex<Hanging<C>>,
    wake: Box<dyn Fn() + Send + Sync>,
}

struct Hanging<C> {
    /// At most one a stream.
    finished: VecDeque<Painted<C>>,
    /// The UI was woken and has not come yet.
    woken: bool,
    /// Canvases without a picture, the one that was given back first in front.
    spares: VecDeque<C>,
    /// Spares that are kept: as many as are shown, for the UI may give all of them back at once.
    most_spares: usize,
}

impl<C: Canvas> Gallery<C> {
    pub(super) fn new(wake: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            hanging: Mutex::new(Hanging {
                finished: VecDeque::new(),
                woken: false,
                spares: VecDeque::new(),
                most_spares: 1,
            }),
            wake: Box::new(wake),
        }
    }

    fn hanging(&self) -> MutexGuard<'_, Hanging<C>> {
        self.hanging.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A canvas to paint on: one of that size, else any, which takes that size, else a new one.
    pub(super) fn canvas(&self, size: PictureSize) -> C {
        let mut hanging = self.hanging();
        let fits = |spare: &C| spare.size() == size;
        let at = hanging.spares.iter().position(fits).unwrap_or(0);
        hanging.spares.remove(at).unwrap_or_else(C::new)
    }

    /// Keeps a canvas for the next picture, and returns one that is too many, for the caller to drop unlocked.
    #[must_use]
    pub(super) fn give_back(&self, canvas: C) -> Option<C> {
        let mut hanging = self.hanging();
        hanging.spares.push_back(canvas);
        (hanging.spares.len() > hanging.most_spares)
            .then(|| hanging.spares.pop_front())
            .flatten()
    }

    /// Keeps at most so many spares from now on.
    pub(super) fn keep_spares(&self, most: usize) {
        let surplus: VecDeque<C> = {
            let mut hanging = self.hanging();
            hanging.most_spares = most;
            let surplus = hanging.spares.len().saturating_sub(most);
            hanging.spares.drain(..surplus).collect()
        };
        drop(surplus);
    }

    /// Hangs a finished picture where the UI finds it, in the place of an older one of its stream.
    pub(super) fn hang(&self, stream: &Stream, painted: Painted<C>) {
        let (older, wake) = {
            let mut hanging = self.hanging();
            let mut same = hanging.finished.iter_mut();
            let older = match same.find(|other| other.stream == painted.stream) {
                Some(place) => Some(std::mem::replace(place, painted)),
                None => {
                    hanging.finished.push_back(painted);
                    None
                }
            };
            (older, !std::mem::replace(&mut hanging.woken, true))
        };
        if let Some(older) = older {
            stream.tally.unseen.fetch_add(1, Relaxed);
            drop(self.give_back(older.canvas));
        }
        if wake {
            (self.wake)();
        }
    }

    /// How many pictures there are now; whatever is finished from here on wakes the UI again.
    pub(super) fn begin_drain(&self) -> usize {
        let mut hanging = self.hanging();
        hanging.woken = false;
        hanging.finished.len()
    }

    /// Takes down the picture that hangs for longest.
    pub(super) fn take(&self) -> Option<Painted<C>> {
        self.hanging().finished.pop_front()
    }
}
