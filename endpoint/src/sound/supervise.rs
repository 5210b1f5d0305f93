//! A microphone's or speaker's thread: its state, its counts, and what the supervisor of all devices needs to know of
//! it.

use super::{OpenSoundError, SoundError};
use crate::device::{self, DeviceLoss, LossReason, Patience, Supervised};
use crate::platform::stop::StopSignal;
use conclave_protocol::l16::BLOCK_TIME;
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

    /// Of a device that a test plays, which ends when the signal is raised.
    #[cfg(test)]
    pub(crate) fn without_thread() -> std::io::Result<(Self, StopSignal)> {
        let context = Context::new()?;
        let stop = context.stop.clone();
        Ok((
            Self {
                context,
                thread: None,
            },
            stop,
        ))
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

/// Runs until the stop signal is raised.
pub(super) fn run<'a>(
    context: &Context,
    patience: Patience,
    open: impl FnMut() -> Result<Box<dyn Device + 'a>, OpenSoundError>,
    mut on_state: impl FnMut(SoundState),
) {
    on_state(SoundState::Starting);
    let mut sound = Sound {
        context,
        open,
        on_state,
        told_silent: None,
    };
    device::run(&context.stop, patience, &mut sound);
}

/// What the supervisor of all devices needs to know of microphones and speakers.
struct Sound<'c, O, F> {
    context: &'c Context,
    open: O,
    on_state: F,
    /// Whether it was told to be silent; nothing until it runs.
    told_silent: Option<bool>,
}

impl<'a, O, F> Supervised for Sound<'_, O, F>
where
    O: FnMut() -> Result<Box<dyn Device + 'a>, OpenSoundError>,
    F: FnMut(SoundState),
{
    type Device = Box<dyn Device + 'a>;
    type Item = ();

    fn open(&mut self) -> Result<Self::Device, DeviceLoss> {
        Ok((self.open)()?)
    }

    fn pace(&self, _: &Self::Device) -> Micros {
        BLOCK_TIME
    }

    fn turn(&mut self, device: &mut Self::Device, _: Micros) -> Result<Option<()>, DeviceLoss> {
        let moved = device.turn()?;
        if moved {
            self.context.counters.blocks.fetch_add(1, Relaxed);
        }
        Ok(moved.then_some(()))
    }

    fn why_stalled(&self, _: &Self::Device, waited: Micros) -> DeviceLoss {
        let seconds = waited.0.div_ceil(1_000_000);
        DeviceLoss::new(LossReason::Stalled, format!("no sound for {seconds} s"))
    }

    fn runs(&mut self, _: &Self::Device, again: bool) {
        if again {
            self.context.counters.reopened.fetch_add(1, Relaxed);
        }
        self.told_silent = None;
    }

    fn take(&mut self, device: &Self::Device, (): ()) {
        let silent = device.is_silent();
        if self.told_silent == Some(silent) {
            return;
        }
        self.told_silent = Some(silent);
        self.context.counters.silent.store(silent, Relaxed);
        let name = device.name();
        (self.on_state)(if silent {
            warn!(name, "microphone gives exact silence");
            SoundState::Silent { name }
        } else {
            info!(name, "sound device running");
            SoundState::Running { name }
        });
    }

    fn failed(&mut self) {
        self.context.counters.silent.store(false, Relaxed);
        self.context.counters.errors.fetch_add(1, Relaxed);
    }

    fn lost(&mut self, loss: DeviceLoss) {
        warn!(reason = loss.detail, "sound device lost");
        (self.on_state)(SoundState::Lost(loss));
    }
}

/// Asks for real-time scheduling, which most systems grant only to an account in the group `audio` or to a service that
/// asks.
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
    use crate::clock;

    const QUICK: Patience = Patience {
        first_item: Micros(2_000),
        next_item: Micros(2_000),
        absent: Micros(100),
        first_pause: Micros(100),
        longest_pause: Micros(1_000),
        proven: Micros(1_000),
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
            Some(None) => Err(OpenSoundError::Absent("fake".into())),
            None => {
                context.stop.raise();
                Err(OpenSoundError::Absent("fake".into()))
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
