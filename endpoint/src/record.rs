//! What `--record` keeps: a participant's pictures as MJPEG, their sound as WAV, and the chat.
//!
//! A thread of its own writes; its queue is bounded, and what finds it full is left out and counted, so that a
//! slow disk never delays a call.

use crate::picture::frame::PooledJpeg;
use conclave_protocol::l16::{Block, SAMPLE_RATE_HZ};
use conclave_protocol::name::Username;
use conclave_protocol::wire::control::ChatLine;
use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// Pictures, blocks and lines that may wait for the disk.
const QUEUE: usize = 256;

/// Files that are open at a time; participants who come after are not recorded.
///
/// Raising it above the process's limit of open files would starve the call itself.
const MOST_FILES: usize = 256;

/// One thing to keep. Blocks lie in the queue itself, so that none is allocated.
enum Item {
    Picture(Arc<Username>, PooledJpeg),
    Sound(Arc<Username>, Block),
    Chat(ChatLine),
}

/// Where the threads of a call put what is to be kept.
#[derive(Clone)]
pub struct Recorder {
    queue: SyncSender<Item>,
    left_out: Arc<AtomicU64>,
}

/// The recording thread; dropping it, after all [`Recorder`]s, completes the files.
pub struct Recording {
    thread: Option<JoinHandle<()>>,
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Starts to record into a folder, which is made when it is missing.
///
/// # Errors
/// When the folder cannot be made or the thread not started.
pub fn start(folder: &Path) -> io::Result<(Recorder, Recording)> {
    fs::create_dir_all(folder)?;
    let (queue, items) = sync_channel(QUEUE);
    let folder = folder.to_path_buf();
    let thread = std::thread::Builder::new()
        .name("record".into())
        .spawn(move || write_all(folder, &items))?;
    Ok((
        Recorder {
            queue,
            left_out: Arc::default(),
        },
        Recording {
            thread: Some(thread),
        },
    ))
}

impl Recorder {
    /// Keeps a picture.
    pub fn picture(&self, from: &Arc<Username>, jpeg: PooledJpeg) {
        self.put(Item::Picture(Arc::clone(from), jpeg));
    }

    /// Keeps 20 ms of sound.
    pub fn sound(&self, from: &Arc<Username>, block: &Block) {
        self.put(Item::Sound(Arc::clone(from), *block));
    }

    /// Keeps a line of chat.
    pub fn chat(&self, line: &ChatLine) {
        self.put(Item::Chat(line.clone()));
    }

    /// What was left out because the disk was slow.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.left_out.load(Relaxed)
    }

    fn put(&self, item: Item) {
        if self.queue.try_send(item).is_err() {
            self.left_out.fetch_add(1, Relaxed);
        }
    }
}

struct Files {
    folder: PathBuf,
    pictures: HashMap<Arc<Username>, BufWriter<File>>,
    sounds: HashMap<Arc<Username>, hound::WavWriter<BufWriter<File>>>,
    chat: Option<BufWriter<File>>,
}

fn write_all(folder: PathBuf, items: &Receiver<Item>) {
    let mut files = Files {
        folder,
        pictures: HashMap::new(),
        sounds: HashMap::new(),
        chat: None,
    };
    let mut failed = false;
    for item in items {
        if let Err(error) = files.write(item)
            && !std::mem::replace(&mut failed, true)
        {
            tracing::error!(%error, folder = %files.folder.display(), "cannot record");
        }
    }
    for (_, sound) in files.sounds.drain() {
        if let Err(error) = sound.finalize() {
            tracing::error!(%error, "cannot complete a recording");
        }
    }
}

impl Files {
    /// A file that is not there yet: what was recorded earlier stays.
    fn create(&self, name: &str, ending: &str) -> io::Result<BufWriter<File>> {
        // A user name has no separator and does not start with a dot.
        let names = (2_u32..).map(|n| format!("{name}-{n}.{ending}"));
        for name in std::iter::once(format!("{name}.{ending}")).chain(names) {
            match File::create_new(self.folder.join(name)) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                file => return file.map(BufWriter::new),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }

    fn has_room(&self) -> bool {
        self.pictures.len() + self.sounds.len() < MOST_FILES
    }

    fn write(&mut self, item: Item) -> io::Result<()> {
        match item {
            Item::Picture(from, jpeg) => {
                if !self.pictures.contains_key(&from) && self.has_room() {
                    let file = self.create(from.as_str(), "mjpeg")?;
                    self.pictures.insert(Arc::clone(&from), file);
                }
                self.pictures
                    .get_mut(&from)
                    .map_or(Ok(()), |file| file.write_all(jpeg.bytes()))
            }
            Item::Sound(from, block) => {
                if !self.sounds.contains_key(&from) && self.has_room() {
                    let spec = hound::WavSpec {
                        channels: 1,
                        sample_rate: SAMPLE_RATE_HZ,
                        bits_per_sample: 16,
                        sample_format: hound::SampleFormat::Int,
                    };
                    let file = hound::WavWriter::new(self.create(from.as_str(), "wav")?, spec);
                    self.sounds
                        .insert(Arc::clone(&from), file.map_err(io::Error::other)?);
                }
                let Some(file) = self.sounds.get_mut(&from) else {
                    return Ok(());
                };
                block
                    .iter()
                    .try_for_each(|&sample| file.write_sample(sample))
                    .map_err(io::Error::other)
            }
            Item::Chat(line) => {
                if self.chat.is_none() {
                    self.chat = Some(self.create("chat", "jsonl")?);
                }
                let Some(file) = &mut self.chat else {
                    return Ok(());
                };
                let line = serde_json::json!({
                    "id": line.id.0,
                    "at_ms": line.at.0,
                    "from": line.from.as_str(),
                    "from_name": line.from_name.as_str(),
                    "to": line.to.as_ref().map(Username::as_str),
                    "text": line.text.as_str(),
                });
                writeln!(file, "{line}")?;
                // Lines are few, and a person who reads along wants them now.
                file.flush()
            }
        }
    }
}
