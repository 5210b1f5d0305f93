//! The devices of a call: camera, microphone and speaker, each on its thread, each to be switched.
//!
//! Off means off: the camera is released, and no sample of the microphone leaves its thread.

use super::{EngineError, Settings};
use crate::camera::{self, CameraCounts, CameraHandle, CameraSpec, CameraState, Wish};
use crate::clock;
use crate::frame::{CapturedFrame, PictureSize};
use crate::metronome::{Beat, Metronome};
use crate::outbound::{Lane, MediaSender, Transport};
use crate::playout::{Tap, VoiceInput, Voices};
use crate::record::Recorder;
use crate::sound::level::LevelMeter;
use crate::sound::{
    MicrophoneSpec, SoundCounts, SoundHandle, SoundState, SpeakerSpec, capture as microphone,
    playback,
};
use crate::stop::StopSignal;
use conclave_protocol::l16::{self, BLOCK_SAMPLES, BLOCK_TIME, Block};
use conclave_protocol::time::Instant;
use conclave_protocol::wire::control::Devices;
use conclave_protocol::wire::header::Kind;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use tokio::sync::mpsc;

/// State changes that may wait; devices change rarely, and the newest counts.
const STATES: usize = 64;

/// What a device thread tells the engine.
#[derive(Debug)]
pub(super) enum DeviceEvent {
    Camera(CameraState),
    Microphone(SoundState),
    Speaker(SoundState),
}

/// The devices of one call.
pub struct Parts {
    camera_spec: CameraSpec,
    start_camera: Box<dyn Fn() -> io::Result<CameraHandle>>,
    camera: Option<CameraHandle>,
    camera_counts: CameraCounts,
    microphone: Option<SoundHandle>,
    microphone_on: Arc<AtomicBool>,
    microphone_counts: SoundCounts,
    speaker: Speaker,
}

/// A speaker, or what takes its place when there is none.
type Speaker = (Option<SoundHandle>, Option<Unheard>);

impl Parts {
    /// Opens the devices; each finds its own way back when it is lost.
    pub(super) fn start(
        settings: &Settings,
        transport: &Arc<Transport>,
        camera_lane: &Lane,
        microphone_lane: &Lane,
        recorder: Option<Recorder>,
    ) -> Result<(Self, mpsc::Receiver<DeviceEvent>, VoiceInput), EngineError> {
        let refused = |what| move |error| EngineError::System { what, error };
        let (states, events) = mpsc::channel(STATES);
        let start_camera = camera_starter(&settings.camera, camera_lane, transport, &states);
        let microphone_on = Arc::new(AtomicBool::new(true));
        let microphone = match settings.microphone {
            MicrophoneSpec::Off => None,
            _ => Some(start_microphone(
                settings,
                microphone_lane,
                transport,
                &states,
                &microphone_on,
            )),
        };
        let microphone = microphone
            .transpose()
            .map_err(refused("a microphone thread"))?;
        let tap = recorder
            .map(|recorder| -> Tap { Box::new(move |from, block| recorder.sound(from, block)) });
        let (voices, ring) = Voices::new(tap);
        let speaker = start_speaker(&settings.speaker, voices, &states)
            .map_err(refused("a speaker thread"))?;
        let camera = start_camera().map_err(refused("a camera thread"))?;
        let parts = Self {
            camera_spec: settings.camera.clone(),
            start_camera,
            camera: Some(camera),
            camera_counts: CameraCounts::default(),
            microphone,
            microphone_on,
            microphone_counts: SoundCounts::default(),
            speaker,
        };
        Ok((parts, events, ring))
    }

    /// What is switched on.
    pub(super) fn devices(&self) -> Devices {
        Devices {
            microphone: self.has_microphone() && self.microphone_on.load(Relaxed),
            camera: self.picture().is_some(),
        }
    }

    /// Whether there is a microphone at all.
    pub(super) const fn has_microphone(&self) -> bool {
        self.microphone.is_some()
    }

    /// The size and rate that the camera aims at, if it is on.
    pub(super) fn picture(&self) -> Option<(PictureSize, u32)> {
        let wish = match &self.camera_spec {
            CameraSpec::Off => return None,
            CameraSpec::V4l2 { wish, .. } => wish.unwrap_or_default(),
            CameraSpec::Pattern(wish) => *wish,
            CameraSpec::Auto | CameraSpec::File(_) => Wish::default(),
        };
        self.camera.is_some().then_some((wish.size, wish.fps))
    }

    pub(super) fn set_microphone(&self, on: bool) {
        self.microphone_on.store(on, Relaxed);
    }

    pub(super) fn set_camera(&mut self, on: bool) {
        match (on, &self.camera) {
            (true, None) => match (self.start_camera)() {
                Ok(camera) => self.camera = Some(camera),
                Err(error) => tracing::error!(%error, "no thread for the camera"),
            },
            (false, Some(_)) => self.release_camera(),
            _ => {}
        }
    }

    fn release_camera(&mut self) {
        self.camera_counts = self.camera_counts();
        self.camera = None;
    }

    /// Ends all devices and waits for that; the counts stay.
    pub(super) fn stop(&mut self) {
        self.release_camera();
        self.microphone_counts = self.microphone_counts();
        self.microphone = None;
        self.speaker = (None, None);
    }

    pub(super) fn camera_counts(&self) -> CameraCounts {
        let now = self
            .camera
            .as_ref()
            .map(CameraHandle::counts)
            .unwrap_or_default();
        let before = self.camera_counts;
        CameraCounts {
            captured: before.captured + now.captured,
            stale: before.stale + now.stale,
            damaged: before.damaged + now.damaged,
            no_buffer: before.no_buffer + now.no_buffer,
            errors: before.errors + now.errors,
            reopened: before.reopened + now.reopened,
        }
    }

    pub(super) fn capture_drops(&self) -> u64 {
        let counts = self.camera_counts();
        counts.stale + counts.no_buffer
    }

    pub(super) fn microphone_counts(&self) -> SoundCounts {
        self.microphone
            .as_ref()
            .map_or(self.microphone_counts, SoundHandle::counts)
    }

    pub(super) fn xruns(&self) -> u64 {
        let speaker = self
            .speaker
            .0
            .as_ref()
            .map_or(0, |speaker| speaker.counts().xruns);
        self.microphone_counts().xruns + speaker
    }
}

fn camera_starter(
    spec: &CameraSpec,
    lane: &Lane,
    transport: &Arc<Transport>,
    states: &mpsc::Sender<DeviceEvent>,
) -> Box<dyn Fn() -> io::Result<CameraHandle>> {
    let (spec, lane, transport, states) = (
        spec.clone(),
        lane.clone(),
        Arc::clone(transport),
        states.clone(),
    );
    Box::new(move || {
        let mut sender = MediaSender::new(Kind::Video, lane.clone(), Arc::clone(&transport));
        let mut told = false;
        let sink = move |frame: CapturedFrame| {
            if let Err(error) = sender.send(&frame.parts(), 0, frame.captured)
                && !std::mem::replace(&mut told, true)
            {
                tracing::warn!(%error, "a picture cannot be sent");
            }
        };
        let states = states.clone();
        camera::spawn(spec.clone(), sink, move |state| {
            let _ = states.try_send(DeviceEvent::Camera(state));
        })
    })
}

fn start_microphone(
    settings: &Settings,
    lane: &Lane,
    transport: &Arc<Transport>,
    states: &mpsc::Sender<DeviceEvent>,
    on: &Arc<AtomicBool>,
) -> io::Result<SoundHandle> {
    let mut sender = MediaSender::new(Kind::Audio, lane.clone(), Arc::clone(transport));
    let (on, states, mut meter) = (Arc::clone(on), states.clone(), LevelMeter::default());
    let sink = move |block: &Block, captured: Instant| {
        if on.load(Relaxed) {
            let level = meter.measure(block).to_byte();
            // A block always fits into a packet.
            let _ = sender.send(&[&l16::emit(block)], level, captured);
        }
    };
    microphone::spawn(settings.microphone.clone(), sink, move |state| {
        let _ = states.try_send(DeviceEvent::Microphone(state));
    })
}

fn start_speaker(
    spec: &SpeakerSpec,
    mut voices: Voices,
    states: &mpsc::Sender<DeviceEvent>,
) -> io::Result<Speaker> {
    if *spec == SpeakerSpec::Off {
        return Ok((None, Some(Unheard::start(voices)?)));
    }
    let source = move |block: &mut Block, heard_at: Instant| voices.fill(block, heard_at);
    let states = states.clone();
    let on_state = move |state| {
        let _ = states.try_send(DeviceEvent::Speaker(state));
    };
    Ok((Some(playback::spawn(spec.clone(), source, on_state)?), None))
}

/// Plays to nobody at a speaker's pace, so that sound is counted and recorded without one. Sleeps while nobody can be heard.
struct Unheard {
    stop: StopSignal,
    thread: Option<JoinHandle<()>>,
}

impl Unheard {
    fn start(mut voices: Voices) -> io::Result<Self> {
        let stop = StopSignal::new()?;
        let given = stop.clone();
        let thread = std::thread::Builder::new()
            .name("unheard".into())
            .spawn(move || {
                let mut block = [0; BLOCK_SAMPLES];
                while !given.is_raised() {
                    if voices.rest_if_nobody() {
                        continue;
                    }
                    let mut metronome = Metronome::new(clock::now(), BLOCK_TIME.0 * 1_000);
                    while voices.somebody() {
                        match metronome.wait(&given, clock::now() + BLOCK_TIME) {
                            Beat::Due(_, due) => voices.fill(&mut block, due),
                            Beat::NotYet => {}
                            Beat::Stopped => return,
                        }
                    }
                }
            })?;
        Ok(Self {
            stop,
            thread: Some(thread),
        })
    }
}

impl Drop for Unheard {
    fn drop(&mut self) {
        self.stop.raise();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}
