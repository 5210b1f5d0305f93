//! Statistics: what came of each participant's streams over a whole call, whatever stream numbers they had.
//!
//! A stream gets a new number when its sender or the relay comes back; a person counts by who it was. So
//! totals are kept by name and kind.

use crate::net::latency::LatencyMs;
use crate::net::outbound::Path;
use crate::picture::received::ShownReport;
use conclave_protocol::id::StreamId;
use conclave_protocol::jitter::PlayoutCounts;
use conclave_protocol::name::{DisplayName, Username};
use conclave_protocol::receiver::StreamCounts;
use conclave_protocol::time::Micros;
use conclave_protocol::wire::control::Media;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Statistics of a call so far; one line of `--stats json`.
#[derive(Clone, Debug, Serialize)]
pub struct Stats {
    /// Seconds since the call began.
    pub seconds: f64,
    /// Whether these are the last.
    #[serde(rename = "final")]
    pub is_final: bool,
    /// How media travels.
    pub path: Path,
    /// What this endpoint did.
    #[serde(rename = "self")]
    pub own: SelfStats,
    /// What came of the others.
    pub participants: Vec<ParticipantStats>,
}

/// What this endpoint did.
#[derive(Clone, Debug, Serialize)]
pub struct SelfStats {
    /// Pictures that the camera gave.
    pub frames_captured: u64,
    /// Pictures that were sealed and handed to the kernel.
    pub frames_sent: u64,
    /// Pictures and blocks that found no way or a full queue.
    pub frames_dropped: u64,
    /// Pictures left out between driver and sender: stale ones, and ones without a buffer.
    pub capture_drops: u64,
    /// Pictures that the camera gave torn.
    pub damaged_frames: u64,
    /// Blocks of sound that the microphone gave.
    pub blocks_captured: u64,
    /// Whether the microphone has given exact silence for 5 s: it is muted on itself or in its mixer.
    pub microphone_silent: bool,
    /// Blocks of sound that were sent.
    pub blocks_sent: u64,
    /// Times that a sound device ran dry or over.
    pub xruns: u64,
    /// Datagrams that found a full queue.
    pub datagrams_dropped: u64,
    /// Received pictures left out because the decoder fell behind.
    pub pictures_left_out: u64,
    /// What was not recorded because the disk was slow.
    pub recording_left_out: u64,
    /// Blocks of sound that came while no thread took them: the speaker is gone.
    pub blocks_dropped: u64,
    /// Packets that were dropped unopened, by reason.
    pub packets_refused: RefusedPackets,
    /// How often the endpoint reconnected.
    pub reconnects: u64,
    /// CPU time of the whole process, in milliseconds.
    pub cpu_ms: u64,
    /// Memory of the whole process that is resident, in KiB.
    pub rss_kib: u64,
    /// How media travels.
    pub path: Path,
}

/// Packets that were dropped unopened.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct RefusedPackets {
    /// Not a packet that could be.
    pub malformed: u64,
    /// Of a stream that is not known here, or not of this kind.
    pub unknown_stream: u64,
    /// Seen before, or too old.
    pub replayed: u64,
    /// No sender has given the key.
    pub no_key: u64,
    /// The seal does not hold.
    pub forged: u64,
}

/// What came of one participant.
#[derive(Clone, Debug, Serialize)]
pub struct ParticipantStats {
    /// The account's name.
    pub name: String,
    /// What they are called.
    pub display_name: String,
    /// Their streams, one a kind.
    pub streams: Vec<StreamStats>,
}

/// What came of one kind of stream of one participant.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StreamStats {
    /// `audio`, `video` or `screen`.
    pub kind: &'static str,
    /// Pictures put together, or blocks heard.
    pub frames_complete: u64,
    /// Pictures passed over incomplete.
    pub frames_lost: u64,
    /// Pictures that were decoded.
    pub frames_decoded: u64,
    /// Pictures that arrived whole and are no JPEG that may be shown.
    pub frames_damaged: u64,
    /// Packets that came and were proven.
    pub packets: u64,
    /// Packets that did not come.
    pub packets_lost: u64,
    /// Packets that came at a second asking.
    pub packets_recovered: u64,
    /// Bytes of payload.
    pub bytes: u64,
    /// Pictures, or blocks of sound, a second: over the last second, and in the last line from first to last.
    pub fps: f64,
    /// From capture to decoded picture, or from microphone to speaker.
    pub latency_ms: LatencyMs,
    /// Interarrival jitter now.
    pub jitter_ms: f64,
    /// Runs of missing blocks.
    pub audio_gaps: u64,
    /// Blocks made up in place of missing ones.
    pub audio_concealed: u64,
}

type Key = (String, &'static str);

/// Names and kinds that are kept; accounts cost nothing, so a room's visitors over time are without bound.
///
/// When they are full, a participant who has left is forgotten first.
const MOST_ENTRIES: usize = 1024;

/// The books of one call.
#[derive(Default)]
pub(super) struct StatsCollector {
    entries: BTreeMap<Key, Entry>,
    open: BTreeMap<StreamId, Key>,
    last: Option<Micros>,
    /// What those are called whose names are in the books or may come into them.
    called: BTreeMap<String, String>,
}

#[derive(Default)]
struct Entry {
    shown: Arc<ShownReport>,
    closed: Totals,
    live: Totals,
    last_frames: u64,
}

#[derive(Clone, Copy, Default)]
struct Totals {
    counts: StreamCounts,
    recovered: u64,
    playout: PlayoutCounts,
}

impl Totals {
    fn plus(self, other: Self) -> Self {
        let (mut sum, more) = (self, other);
        sum.counts.packets += more.counts.packets;
        sum.recovered += more.recovered;
        sum.counts.bytes += more.counts.bytes;
        sum.counts.packets_lost += more.counts.packets_lost;
        sum.counts.frames.complete += more.counts.frames.complete;
        sum.counts.frames.lost += more.counts.frames.lost;
        sum.counts.jitter = more.counts.jitter;
        sum.playout.heard += more.playout.heard;
        sum.playout.gaps += more.playout.gaps;
        sum.playout.concealed += more.playout.concealed;
        sum
    }
}

impl StatsCollector {
    /// The display name of a participant from now on.
    pub(super) fn call(&mut self, username: &Username, display_name: &DisplayName) {
        if self.called.len() >= MOST_ENTRIES {
            let (entries, called) = (&self.entries, &mut self.called);
            called.retain(|name, _| entries.keys().any(|(entry, _)| entry == name));
        }
        let names = (username.to_string(), display_name.to_string());
        self.called.insert(names.0, names.1);
    }

    /// A stream begins; gives where its decoded pictures and latencies are counted.
    pub(super) fn open(
        &mut self,
        stream: StreamId,
        username: &Username,
        media: Media,
    ) -> Arc<ShownReport> {
        let kind = match media {
            Media::Audio(_) => "audio",
            Media::Camera(_) => "video",
            Media::Screen(_) => "screen",
        };
        let key = (username.as_str().to_owned(), kind);
        self.open.insert(stream, key.clone());
        if self.entries.len() >= MOST_ENTRIES && !self.entries.contains_key(&key) {
            let gone = self
                .entries
                .keys()
                .find(|key| !self.open.values().any(|open| open == *key))
                .cloned();
            gone.map(|gone| self.entries.remove(&gone));
        }
        Arc::clone(&self.entries.entry(key).or_default().shown)
    }

    /// What came of a stream since it was opened.
    pub(super) fn update(
        &mut self,
        stream: StreamId,
        counts: StreamCounts,
        recovered: u64,
        playout: Option<PlayoutCounts>,
    ) {
        if let Some(entry) = self
            .open
            .get(&stream)
            .and_then(|key| self.entries.get_mut(key))
        {
            entry.live = Totals {
                counts,
                recovered,
                playout: playout.unwrap_or_default(),
            };
        }
    }

    /// A stream has ended; its totals are kept.
    pub(super) fn close(&mut self, stream: StreamId) {
        if let Some(entry) = self
            .open
            .remove(&stream)
            .and_then(|key| self.entries.get_mut(&key))
        {
            entry.closed = entry.closed.plus(std::mem::take(&mut entry.live));
        }
    }

    /// The statistics now; rates are since the last call.
    pub(super) fn stats(&mut self, own: SelfStats, is_final: bool, elapsed: Micros) -> Stats {
        let since = elapsed
            .0
            .saturating_sub(self.last.replace(elapsed).unwrap_or_default().0)
            .max(1);
        let mut participants: Vec<ParticipantStats> = Vec::new();
        for ((name, kind), entry) in &mut self.entries {
            let stats = entry.stats(kind, since, is_final);
            match participants.last_mut().filter(|last| last.name == *name) {
                Some(last) => last.streams.push(stats),
                None => participants.push(ParticipantStats {
                    name: name.clone(),
                    display_name: self.called.get(name).unwrap_or(name).clone(),
                    streams: vec![stats],
                }),
            }
        }
        Stats {
            seconds: elapsed.0 as f64 / 1e6,
            is_final,
            path: own.path,
            own,
            participants,
        }
    }
}

impl Entry {
    fn stats(&mut self, kind: &'static str, since_us: u64, is_final: bool) -> StreamStats {
        let Totals {
            counts,
            recovered,
            playout,
        } = self.closed.plus(self.live);
        let frames = if kind == "audio" {
            playout.heard
        } else {
            counts.frames.complete
        };
        let progress = if kind == "audio" {
            counts.packets
        } else {
            frames
        };
        // At the end, the average from the first to the last.
        let (frames_passed, time_us) = match is_final {
            true => (progress.saturating_sub(1), self.shown.lasted().0.max(1)),
            false => (progress.saturating_sub(self.last_frames), since_us),
        };
        let fps = frames_passed as f64 * 1e6 / time_us as f64;
        self.last_frames = progress;
        StreamStats {
            kind,
            frames_complete: frames,
            frames_lost: counts.frames.lost,
            frames_decoded: self.shown.decoded(),
            frames_damaged: self.shown.damaged(),
            packets: counts.packets,
            packets_lost: counts.packets_lost,
            packets_recovered: recovered,
            bytes: counts.bytes,
            fps: (fps * 10.0).round() / 10.0,
            latency_ms: self.shown.latency.percentiles().unwrap_or_default(),
            jitter_ms: counts.jitter.0 as f64 / 1_000.0,
            audio_gaps: playout.gaps,
            audio_concealed: playout.concealed,
        }
    }
}

/// What the process has used so far, with everything else zero.
pub(super) fn process() -> SelfStats {
    // Fields after the parenthesis that ends the name: utime and stime are the 12th and 13th (proc_pid_stat(5)).
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok())
        .sum();
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = statm
        .split_whitespace()
        .nth(1)
        .and_then(|field| field.parse().ok())
        .unwrap_or(0);
    SelfStats {
        frames_captured: 0,
        frames_sent: 0,
        frames_dropped: 0,
        capture_drops: 0,
        damaged_frames: 0,
        blocks_captured: 0,
        microphone_silent: false,
        blocks_sent: 0,
        xruns: 0,
        datagrams_dropped: 0,
        pictures_left_out: 0,
        recording_left_out: 0,
        blocks_dropped: 0,
        packets_refused: RefusedPackets::default(),
        reconnects: 0,
        cpu_ms: ticks * 1_000 / rustix::param::clock_ticks_per_second(),
        rss_kib: pages * rustix::param::page_size() as u64 / 1_024,
        path: Path::None,
    }
}
