//! Received pictures: copied out of the reassembler into a pool, decoded and recorded on a thread of its own.
//!
//! The queue is short: when the decoder falls behind, the newest picture is left out and counted, for by
//! the time that it could be decoded there will be a newer one.

use crate::clock;
use crate::net::latency::LatencyHistogram;
use crate::picture::frame::{JpegPool, PooledJpeg};
use crate::picture::jpeg::decode::{Decoder, Picture, Scale};
use crate::record::Recorder;
use conclave_protocol::name::Username;
use conclave_protocol::packetize::MAX_FRAME_BYTES;
use conclave_protocol::time::{Instant, Micros};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Pictures that may wait to be decoded, of all senders together.
const QUEUE: usize = 16;

/// When one sender's pictures or blocks came, and what became of pictures after they were whole.
#[derive(Debug, Default)]
pub struct ShownReport {
    decoded: AtomicU64,
    damaged: AtomicU64,
    first_us: AtomicU64,
    last_us: AtomicU64,
    /// From the sender's camera to the decoded picture.
    pub latency: Arc<LatencyHistogram>,
}

impl ShownReport {
    /// Notes that a picture or a block came.
    pub fn mark(&self, now: Instant) {
        let _ = self.first_us.compare_exchange(0, now.0, Relaxed, Relaxed);
        self.last_us.store(now.0, Relaxed);
    }

    /// From the first picture or block to the last.
    #[must_use]
    pub fn lasted(&self) -> Micros {
        Micros(
            self.last_us
                .load(Relaxed)
                .saturating_sub(self.first_us.load(Relaxed)),
        )
    }

    /// Pictures that were decoded.
    #[must_use]
    pub fn decoded(&self) -> u64 {
        self.decoded.load(Relaxed)
    }

    /// Pictures that arrived whole and are no JPEG that may be shown.
    #[must_use]
    pub fn damaged(&self) -> u64 {
        self.damaged.load(Relaxed)
    }
}

struct Item {
    from: Arc<Username>,
    shown: Arc<ShownReport>,
    captured: Instant,
    jpeg: PooledJpeg,
}

/// Where received pictures go.
pub struct Pictures {
    pool: JpegPool,
    queue: SyncSender<Item>,
    left_out: u64,
}

/// The decoding thread, which ends with its [`Pictures`].
pub struct PictureWorker {
    thread: Option<JoinHandle<()>>,
}

impl Drop for PictureWorker {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Pictures {
    /// Starts the decoding thread.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start(recorder: Option<Recorder>) -> io::Result<(Self, PictureWorker)> {
        let (queue, items) = sync_channel(QUEUE);
        let thread = std::thread::Builder::new()
            .name("decode".into())
            .spawn(move || work(&items, recorder.as_ref()))?;
        let pool = JpegPool::new(QUEUE + 2, MAX_FRAME_BYTES);
        Ok((
            Self {
                pool,
                queue,
                left_out: 0,
            },
            PictureWorker {
                thread: Some(thread),
            },
        ))
    }

    /// Takes a picture that is whole, with its capture time on this endpoint's clock.
    pub fn take(
        &mut self,
        from: &Arc<Username>,
        shown: &Arc<ShownReport>,
        captured: Instant,
        jpeg: &[u8],
    ) {
        let copy = self.pool.fill(|slot| {
            let room = slot.get_mut(..jpeg.len()).ok_or(())?;
            room.copy_from_slice(jpeg);
            Ok::<_, ()>(jpeg.len())
        });
        let taken = copy.ok().flatten().is_some_and(|jpeg| {
            let item = Item {
                from: Arc::clone(from),
                shown: Arc::clone(shown),
                captured,
                jpeg,
            };
            self.queue.try_send(item).is_ok()
        });
        self.left_out += u64::from(!taken);
    }

    /// Pictures that were left out because the decoder fell behind.
    #[must_use]
    pub const fn left_out(&self) -> u64 {
        self.left_out
    }
}

fn work(items: &Receiver<Item>, recorder: Option<&Recorder>) {
    let mut decoder = match Decoder::new() {
        Ok(decoder) => decoder,
        Err(error) => return tracing::error!(%error, "no JPEG decoder: pictures are not shown"),
    };
    let mut picture = Picture::default();
    for Item {
        from,
        shown,
        captured,
        jpeg,
    } in items
    {
        match decoder.rgb(jpeg.bytes(), Scale::Half, &mut picture) {
            Ok(()) => {
                shown.decoded.fetch_add(1, Relaxed);
                shown.latency.record(clock::now().since(captured));
                if let Some(recorder) = recorder {
                    recorder.picture(&from, jpeg);
                }
            }
            Err(error) => {
                shown.damaged.fetch_add(1, Relaxed);
                tracing::debug!(%error, "a received picture cannot be decoded");
            }
        }
    }
}
