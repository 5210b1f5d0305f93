//! Received pictures on their way to the screen: JPEGs in, finished pictures of the size of their tiles out.
//!
//! ```text
//! engine's thread          decoder threads                         UI thread
//! ScreenInput::take ─ one waiting JPEG a stream ─ decode, resize ─ one finished picture a stream ─ Screen::drain
//! ```
//!
//! Each stream has room for one JPEG that waits and one picture that the screen has not taken yet; a newer one takes
//! the place of the older, which is counted. So nothing queues, and what is shown is never older than the decoders are
//! slow. Streams take turns, one picture a turn, and one stream is never decoded by two threads at a time. What no tile
//! shows is not even copied. The threads that bring JPEGs share no lock with any other.
//!
//! A picture is decoded at the smallest of TurboJPEG's quick scales that covers its tile ([`Scale`] says why not
//! at the others) and then brought to the tile's size by the mean of the area that each pixel covers
//! (`resize.rs`), whenever the two differ: a renderer that scales by the nearest pixel breaks lines and makes moiré
//! even of a small difference. For 640×360 in a tile of 426×240 that is 0.4 ms beside 0.7 ms of decoding
//! (`benches/screen.rs`); a plain loop that takes the nearest pixels costs 0.25 ms, and in the UI thread.
//!
//! [`Scale`]: crate::picture::jpeg::Scale
//!
//! Nothing here knows how the UI draws: it gives the memory ([`Canvas`]) and takes what is painted.

mod buffers;
mod gallery;
mod input;
mod paint;
mod resize;
mod streams;
#[cfg(test)]
mod tests;

pub use input::ScreenInput;

use crate::picture::frame::PictureSize;
use crate::picture::jpeg::Decoder;
use conclave_protocol::id::StreamId;
use conclave_protocol::time::Instant;
use gallery::Gallery;
use paint::Painter;
use std::io;
use std::sync::atomic::Ordering::Acquire;
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use streams::{MOST_TURNS, Stream, Streams};

/// Memory for a picture, of a kind that the UI can show without a copy.
pub trait Canvas: Send + 'static {
    /// A canvas without pixels.
    fn new() -> Self;

    /// Its size, as last asked for.
    fn size(&self) -> PictureSize;

    /// Its pixels once it is of `size`: RGB, 3 bytes each, rows from the top without gaps. All are overwritten.
    ///
    /// A canvas that already is of that size gives the memory that it has.
    fn pixels(&mut self, size: PictureSize) -> &mut [u8];
}

/// A finished picture.
#[derive(Debug)]
pub struct Painted<C> {
    /// Whose it is.
    pub stream: StreamId,
    /// The picture. [`Screen::recycle`] takes the memory back when it is no longer shown.
    pub canvas: C,
    /// Size of the picture as it was sent, for a UI that wishes for another tile then.
    pub source: PictureSize,
    /// When it was taken, on this endpoint's clock.
    pub captured: Instant,
    /// When it was finished.
    pub painted: Instant,
}

/// A tile that can be seen now, in physical pixels.
///
/// Its picture will just cover it, with the picture's own aspect: one of the sides may be longer than the tile's,
/// for the UI to crop. It is never larger than it was sent. To show all of a picture, wish for the rectangle
/// within the tile that has the aspect of [`Painted::source`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TileRequest {
    /// Whose pictures it shows.
    pub stream: StreamId,
    /// Width and height of the tile.
    pub tile: PictureSize,
}

/// What became of the pictures of a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct ScreenCounts {
    /// Finished.
    pub painted: u64,
    /// Of these, never seen: the UI had not taken it when the next one was finished.
    pub unseen: u64,
    /// Not decoded because a newer one came first: the decoders fall behind.
    pub replaced: u64,
    /// Not decoded because no tile shows the stream.
    pub hidden: u64,
    /// No JPEG that may be shown; the picture before it stays.
    pub damaged: u64,
}

/// The decoder threads and what they have finished. Dropping it ends the threads and waits for them.
pub struct Screen<C: Canvas> {
    streams: Arc<Streams>,
    gallery: Arc<Gallery<C>>,
    threads: Vec<JoinHandle<()>>,
}

impl<C: Canvas> Screen<C> {
    /// Starts decoder threads, one or two for a board of four cores.
    ///
    /// They call `wake` when there is something to [`drain`](Self::drain), and then not again before it is drained.
    ///
    /// # Errors
    /// When the system gives no thread or no decoder.
    pub fn start(
        threads: usize,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<(ScreenInput, Self)> {
        let (turns, next_turns) = sync_channel(MOST_TURNS);
        let mut screen = Self {
            streams: Arc::new(Streams::new(turns)),
            gallery: Arc::new(Gallery::new(wake)),
            threads: Vec::new(),
        };
        let next_turns = Arc::new(Mutex::new(next_turns));
        for number in 1..=threads.max(1) {
            let (streams, next_turns) = (Arc::clone(&screen.streams), Arc::clone(&next_turns));
            let decoder = Decoder::new().map_err(io::Error::other)?;
            let mut painter = Painter::new(decoder, Arc::clone(&screen.gallery));
            let thread = std::thread::Builder::new()
                .name(format!("screen {number}"))
                .spawn(move || work(&streams, &next_turns, &mut painter))?;
            screen.threads.push(thread);
        }
        Ok((ScreenInput::new(Arc::clone(&screen.streams)), screen))
    }

    /// Says which tiles can be seen from now on, all of them. A stream in two tiles gets the larger of their sides.
    pub fn show(&self, wishes: &[TileRequest]) {
        let count = self.streams.show(wishes);
        self.gallery.keep_spares(count + self.threads.len());
    }

    /// Hands over what was finished since the last time, at most one picture a stream, the one finished first first.
    ///
    /// What is not to be seen any more stays out, though it was finished.
    pub fn drain(&self, mut show: impl FnMut(Painted<C>)) {
        for _ in 0..self.gallery.begin_drain() {
            let Some(painted) = self.gallery.take() else {
                return;
            };
            if self.streams.is_seen(painted.stream) {
                show(painted);
            } else {
                self.recycle(painted.canvas);
            }
        }
    }

    /// Takes memory back for the next picture of its size.
    ///
    /// Only the caller may hold on to it: a canvas that is shared would have to be copied to be painted on.
    pub fn recycle(&self, canvas: C) {
        drop(self.gallery.give_back(canvas));
    }

    /// What became of the pictures of each stream so far.
    #[must_use]
    pub fn counts(&self) -> Vec<(StreamId, ScreenCounts)> {
        self.streams.counts()
    }
}

impl<C: Canvas> Drop for Screen<C> {
    fn drop(&mut self) {
        self.streams.end();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// One decoder thread. The lock is the decoders' own: a decoder that waits for its turn holds it.
fn work<C: Canvas>(
    streams: &Streams,
    next_turns: &Mutex<Receiver<Option<Arc<Stream>>>>,
    painter: &mut Painter<C>,
) {
    loop {
        let turn = {
            let next_turns = next_turns.lock().unwrap_or_else(PoisonError::into_inner);
            if streams.ending.load(Acquire) {
                return;
            }
            next_turns.recv()
        };
        match turn {
            Ok(Some(stream)) => {
                painter.turn(streams, &stream);
                streams.end_turn(stream);
            }
            Ok(None) => {}
            Err(_) => return,
        }
    }
}
