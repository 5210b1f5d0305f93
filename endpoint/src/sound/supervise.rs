//! Keeping a sound device alive: open, move blocks, notice that it is gone or stalls, try again.

use super::{OpenError, SoundError};
use crate::clock;
use crate::device::{DeviceLoss, LossReason};
use crate::stop::StopSignal;
use conclave_protocol::time::Micros;
use serde::Serialize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use thread_priority::{
    RealtimeThreadSchedulePolicy, ThreadPriority, ThreadSchedulePolicy,
    set_thread_priority_and_policy, thread_native_id,
};
use tracing::{info, warn};

/// What a microphone or speaker is doing; each change is told once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SoundState {
    /// Switched off by its spec.
    Off,
    /// Being opened for the first time.
    Starting,
    /// The first block has gone through.
    Running {
        /// For people.
        name: String,
    },
    /// It runs, but the microphone has heard nothing at all for 5 s, which no room is: it is muted.
    Silent {
        /// For people.
        name: String,
    },
    /// No sound now; it is tried again until it comes back.
    Lost(DeviceLoss),
}

/// What happened to blocks so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct SoundCounts {
    /// Blocks moved.
    pub blocks: u64,
    /// Times the device ran dry (speaker) or over (microphone).
    pub xruns: u64,
    /// Times the device failed or stalled.
    pub errors: u64,
    /// Times it was opened again and worked.
    pub reopened: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    blocks: AtomicU64,
    xruns: AtomicU64,
    errors: AtomicU64,
    reopened: AtomicU64,
    silent: AtomicBool,
}

impl Counters {
    pub(super) fn add_xrun(&self) {
        self.xruns.fetch_add(1, Relaxed);
    }

    pub(super) fn snapshot(&self) -> SoundCounts {
        SoundCounts {
            blocks: self.blocks.load(Relaxed),
            xruns: self.xruns.load(Relaxed),
            errors: self.errors.load(Relaxed),
            reopened: self.reopened.load(Relaxed),
        }
    }
}

/// What every backend is given: how it is told to end, and where it counts.
#[derive(Clone, Debug)]
pub(super) struct Context {
    pub(super) stop: StopSignal,
    pub(super) counters: Arc<Counters>,
}

impl Context {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self {
            stop: StopSignal::new()?,
            counters: Arc::default(),
        })
    }
}

/// A microphone's or speaker's thread; dropping it ends the thread and waits for that.
#[derive(Debug)]
pub struct SoundHandle {
    context: Context,
    thread: Option<JoinHandle<()>>,
}

impl SoundHandle {
    pub(super) fn start(
        context: Context,
        name: &str,
        body: impl FnOnce() + Send + 'static,
    ) -> std::io::Result<Self> {
        let thread = std::thread::Builder::new().name(name.into()).spawn(body)?;
        Ok(Self {
            context,
            thread: Some(thread),
        })
    }

    /// What happened to blocks so far.
    #[must_use]
    pub fn counts(&self) -> SoundCounts {
        self.context.counters.snapshot()
    }

    /// Whether it is a microphone that runs and gives exact silence.
    #[must_use]
    pub fn is_silent(&self) -> bool {
        self.context.counters.silent.load(Relaxed)
    }
}

impl Drop for SoundHandle {
    fn drop(&mut self) {
        self.context.stop.raise();
        if let Some(thread) = self.thread.take() {
            // A panic in a callback has been reported by its own thread already.
            let _ = thread.join();
        }
    }
}

/// An open device that moves blocks one way.
pub(super) trait Device {
    /// For people.
    fn name(&self) -> String;

    /// Waits at most about 100 ms for its turn and moves one block; false if it was not its turn yet.
    fn turn(&mut self) -> Result<bool, SoundError>;

    /// Whether it moves blocks that nothing was ever heard in.
    fn is_silent(&self) -> bool {
        false
    }
}

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For the next block of a device that runs.
    pub(super) next_block: Micros,
    /// Between looks for a device that is not there.
    pub(super) absent: Micros,
    /// Longest pause between attempts at one that refuses.
    pub(super) refused: Micros,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            next_block: Micros::from_secs(1),
            absent: Micros::from_millis(250),
            refused: Micros::from_secs(2),
        }
    }
}

/// Runs until the stop signal is raised.
pub(super) fn run<'a>(
    context: &Context,
    patience: Patience,
    mut open: impl FnMut() -> Result<Box<dyn Device + 'a>, OpenError>,
    mut on_state: impl FnMut(SoundState),
) {
    let mut last = None;
    let mut change = |state: SoundState| {
        if last.as_ref() != Some(&state) {
            match &state {
                SoundState::Lost(loss) => warn!(reason = loss.detail, "sound device lost"),
                SoundState::Running { name } => info!(name, "sound device running"),
                SoundState::Silent { name } => warn!(name, "microphone gives exact silence"),
                SoundState::Off | SoundState::Starting => {}
            }
            last = Some(state.clone());
            on_state(state);
        }
    };
    change(SoundState::Starting);
    let mut pause = patience.absent;
    let mut ran_before = false;
    while !context.stop.is_raised() {
        let loss = match open() {
            Err(error) => {
                pause = match error {
                    OpenError::Absent(_) | OpenError::NoneWorks { card: None, .. } => {
                        patience.absent
                    }
                    _ => (pause + pause).min(patience.refused),
                };
                DeviceLoss::from(error)
            }
            Ok(mut device) => {
                let mut blocks = 0_u64;
                let mut silent = false;
                let end = stream(context, patience, device.as_mut(), |device| {
                    if blocks == 0 && ran_before {
                        context.counters.reopened.fetch_add(1, Relaxed);
                    }
                    if blocks == 0 || silent != device.is_silent() {
                        silent = device.is_silent();
                        context.counters.silent.store(silent, Relaxed);
                        let name = device.name();
                        change(if silent {
                            SoundState::Silent { name }
                        } else {
                            SoundState::Running { name }
                        });
                    }
                    blocks += 1;
                });
                let Some(loss) = end else { return };
                context.counters.silent.store(false, Relaxed);
                context.counters.errors.fetch_add(1, Relaxed);
                ran_before |= blocks > 0;
                pause = patience.absent;
                loss
            }
        };
        change(SoundState::Lost(loss));
        if context.stop.sleep_until(clock::now() + pause) {
            return;
        }
    }
}

/// Moves blocks until the device fails or stalls; why it did, or `None` if the thread is to end.
fn stream(
    context: &Context,
    patience: Patience,
    device: &mut dyn Device,
    mut moved: impl FnMut(&dyn Device),
) -> Option<DeviceLoss> {
    let mut last = clock::now();
    while !context.stop.is_raised() {
        match device.turn() {
            Err(error) => return Some(error.into()),
            Ok(true) => {
                last = clock::now();
                context.counters.blocks.fetch_add(1, Relaxed);
                moved(device);
            }
            Ok(false) if clock::now().since(last) >= patience.next_block => {
                return Some(DeviceLoss::new(LossReason::Stalled, "no sound for 1 s"));
            }
            Ok(false) => {}
        }
    }
    None
}

/// Asks for real-time scheduling, which most systems grant only to an account in the group `audio` or to a service that asks.
pub(super) fn prefer_this_thread() {
    let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
    if let Ok(priority) = ThreadPriority::try_from(20_u8) {
        // Without the permission sound works as well, until the machine is busy.
        let _ = set_thread_priority_and_policy(thread_native_id(), priority, fifo);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUICK: Patience = Patience {
        next_block: Micros(2_000),
        absent: Micros(100),
        refused: Micros(1_000),
    };

    /// Silent while it has this many blocks left.
    const SILENT_AT: u32 = 7;

    /// Moves so many blocks, then fails or stalls.
    struct Fake {
        blocks: u32,
        stalls: bool,
        stop: StopSignal,
    }

    impl Device for Fake {
        fn name(&self) -> String {
            "fake".into()
        }

        fn turn(&mut self) -> Result<bool, SoundError> {
            if self.blocks > 0 {
                self.blocks -= 1;
                return Ok(true);
            }
            if self.stalls {
                let _ = self.stop.sleep_until(clock::now() + Micros(500));
                return Ok(false);
            }
            Err(SoundError::Gone(::alsa::Error::new(
                "snd_pcm_avail",
                libc::ENODEV,
            )))
        }

        fn is_silent(&self) -> bool {
            self.blocks == SILENT_AT
        }
    }

    fn play(mut script: Vec<Option<(u32, bool)>>) -> (Vec<SoundState>, SoundCounts) {
        let context = Context::new().unwrap();
        let mut seen = Vec::new();
        script.reverse();
        let open = || match script.pop() {
            Some(Some((blocks, stalls))) => {
                let stop = context.stop.clone();
                Ok(Box::new(Fake {
                    blocks,
                    stalls,
                    stop,
                }) as Box<dyn Device>)
            }
            Some(None) => Err(OpenError::Absent("fake".into())),
            None => {
                context.stop.raise();
                Err(OpenError::Absent("fake".into()))
            }
        };
        run(&context, QUICK, open, |state| seen.push(state));
        (seen, context.counters.snapshot())
    }

    #[test]
    fn a_lost_device_is_a_state_with_a_reason_and_comes_back() {
        let (states, counts) = play(vec![Some((2, false)), None, None, Some((3, true))]);
        let running = SoundState::Running {
            name: "fake".into(),
        };
        assert_eq!(states[0], SoundState::Starting);
        assert_eq!(states[1], running);
        assert!(
            matches!(&states[2], SoundState::Lost(loss) if loss.reason == LossReason::Disconnected)
        );
        assert_eq!(
            states[3],
            SoundState::Lost(DeviceLoss::new(LossReason::Absent, "fake not found"))
        );
        assert_eq!(states[4], running);
        assert_eq!(
            states[5],
            SoundState::Lost(DeviceLoss::new(LossReason::Stalled, "no sound for 1 s"))
        );
        assert_eq!((counts.blocks, counts.reopened, counts.errors), (5, 1, 2));
    }

    #[test]
    fn silence_is_a_state_that_a_sound_ends() {
        let (states, counts) = play(vec![Some((SILENT_AT + 2, true))]);
        let name = || "fake".to_owned();
        let expected = [
            SoundState::Starting,
            SoundState::Running { name: name() },
            SoundState::Silent { name: name() },
            SoundState::Running { name: name() },
        ];
        assert_eq!(states[..4], expected);
        assert_eq!(counts.blocks, u64::from(SILENT_AT) + 2);
    }
}
