//! The devices of an endpoint: camera, microphone and speaker, each on its thread, each to be switched and exchanged.
//!
//! Off means off: the camera is released, and no sample of the microphone leaves its thread.

mod counts;
mod silent_speaker;
mod switches;
mod threads;

use super::messages::{EngineError, Settings};
use crate::camera::{CameraCounts, CameraHandle, CameraSpec, CameraState};
use crate::net::outbound::{MediaSender, StreamSlot, Transport};
use crate::picture::frame::CapturedFrame;
use crate::record::Recorder;
use crate::sound::level::LevelMeter;
use crate::sound::playout::{Loudspeaker, Tap, VoiceInput, Voices};
use crate::sound::{MicrophoneSpec, SoundCounts, SoundHandle, SoundState, SpeakerSpec};
use conclave_protocol::l16::{self, Block};
use conclave_protocol::time::Instant;
use conclave_protocol::units::AudioLevel;
use conclave_protocol::wire::control::Devices as SwitchedOn;
use conclave_protocol::wire::header::Kind;
use counts::{sum, sum_sound};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::Relaxed};
use std::thread::JoinHandle;
#[cfg(test)]
pub(super) use threads::{BlockSink, PictureSink, Speaker as StartedSpeaker};
pub(super) use threads::{DeviceThreads, StateSink};
use threads::{Speaker, SystemThreads};
use tokio::sync::mpsc;

/// State changes that may wait; devices change rarely, and the newest counts.
const STATES: usize = 64;
/// The level byte of silence.
const SILENCE: u8 = 127;

/// Sees the own camera's pictures as they are sent.
pub type OwnPictures = Arc<dyn Fn(&CapturedFrame) + Send + Sync>;

/// What a device thread tells the engine.
#[derive(Debug)]
pub(super) enum DeviceEvent {
    Camera(CameraState),
    Microphone(SoundState),
    Speaker(SoundState),
}

/// What device threads are connected to.
#[derive(Clone)]
pub(super) struct DeviceOutputs {
    pub(super) transport: Arc<Transport>,
    pub(super) camera: StreamSlot,
    pub(super) microphone: StreamSlot,
    pub(super) recorder: Option<Recorder>,
    pub(super) own_pictures: Option<OwnPictures>,
}

/// The devices of an endpoint, open or not.
pub struct Devices {
    threads: Box<dyn DeviceThreads>,
    outputs: DeviceOutputs,
    states: mpsc::Sender<DeviceEvent>,
    is_open: bool,
    /// Which of them are switched on and give nothing now.
    lost: SwitchedOn,
    camera_spec: CameraSpec,
    camera_on: bool,
    camera: Option<CameraHandle>,
    /// A camera that is letting go of its device, and what it counted.
    leaving: Option<JoinHandle<CameraCounts>>,
    camera_counts: CameraCounts,
    microphone_spec: MicrophoneSpec,
    microphone: Option<SoundHandle>,
    microphone_on: Arc<AtomicBool>,
    /// The level byte of what the microphone hears, whether it is sent or not.
    level: Arc<AtomicU8>,
    microphone_counts: SoundCounts,
    speaker_spec: SpeakerSpec,
    speaker: Speaker,
    loudspeaker: Arc<Loudspeaker>,
    speaker_xruns: u64,
}

fn refused(what: &'static str) -> impl Fn(io::Error) -> EngineError {
    move |error| EngineError::System { what, error }
}

impl Devices {
    /// The devices, not open yet, and where their states come out.
    pub(super) fn new(
        settings: &Settings,
        outputs: DeviceOutputs,
    ) -> (Self, mpsc::Receiver<DeviceEvent>) {
        let (states, events) = mpsc::channel(STATES);
        let devices = Self {
            threads: Box::new(SystemThreads),
            outputs,
            states,
            is_open: false,
            lost: SwitchedOn::default(),
            camera_spec: settings.camera.clone(),
            camera_on: true,
            camera: None,
            leaving: None,
            camera_counts: CameraCounts::default(),
            microphone_spec: settings.microphone.clone(),
            microphone: None,
            microphone_on: Arc::new(AtomicBool::new(true)),
            level: Arc::new(AtomicU8::new(SILENCE)),
            microphone_counts: SoundCounts::default(),
            speaker_spec: settings.speaker.clone(),
            speaker: (None, None),
            loudspeaker: Arc::default(),
            speaker_xruns: 0,
        };
        (devices, events)
    }

    /// Starts other threads from now on.
    #[cfg(test)]
    pub(super) fn start_by(&mut self, threads: Box<dyn DeviceThreads>) {
        self.threads = threads;
    }

    pub(super) const fn are_open(&self) -> bool {
        self.is_open
    }

    /// Opens what is switched on; each finds its own way back when it is lost. Gives the way to the speaker.
    pub(super) fn open(&mut self) -> Result<Option<VoiceInput>, EngineError> {
        self.is_open = true;
        self.open_microphone()?;
        let voices = self.open_speaker()?;
        self.open_camera()?;
        Ok(voices)
    }

    /// Releases all devices; the counts stay.
    pub(super) fn close(&mut self) {
        self.is_open = false;
        self.release_camera();
        self.release_microphone();
        self.release_speaker();
    }

    /// Ends all devices and waits for that.
    pub(super) fn stop(&mut self) {
        self.close();
        self.wait_for_camera();
    }

    /// What the microphone hears, whether it is sent or not.
    pub(super) fn level(&self) -> AudioLevel {
        AudioLevel::from_byte(self.level.load(Relaxed))
    }

    pub(super) fn set_microphone(&self, on: bool) {
        self.microphone_on.store(on, Relaxed);
    }

    pub(super) fn set_camera(&mut self, on: bool) -> Result<(), EngineError> {
        self.camera_on = on;
        if on {
            self.open_camera()
        } else {
            self.release_camera();
            Ok(())
        }
    }

    /// A person tries the devices outside a room, and is to see the camera however it was switched in the last one.
    pub(super) fn begin_trial(&mut self) {
        self.camera_on = true;
    }

    pub(super) fn use_camera(&mut self, spec: CameraSpec) -> Result<(), EngineError> {
        self.release_camera();
        self.camera_spec = spec;
        self.open_camera()
    }

    pub(super) fn use_microphone(&mut self, spec: MicrophoneSpec) -> Result<(), EngineError> {
        self.release_microphone();
        self.microphone_spec = spec;
        self.open_microphone()
    }

    /// Gives the way to the new speaker, if it is to be open now.
    pub(super) fn use_speaker(
        &mut self,
        spec: SpeakerSpec,
    ) -> Result<Option<VoiceInput>, EngineError> {
        self.release_speaker();
        self.speaker_spec = spec;
        self.open_speaker()
    }

    pub(super) fn play_test_tone(&self) {
        self.loudspeaker.play_test_tone();
    }

    pub(super) fn set_volume(&self, percent: u8) {
        self.loudspeaker.set_volume(percent);
    }

    fn open_camera(&mut self) -> Result<(), EngineError> {
        if !self.is_open || !self.camera_on || self.camera.is_some() {
            return Ok(());
        }
        // Its successor may want the very same device.
        self.wait_for_camera();
        self.camera = Some(self.start_camera().map_err(refused("a camera thread"))?);
        Ok(())
    }

    fn open_microphone(&mut self) -> Result<(), EngineError> {
        if self.is_open && self.has_microphone() && self.microphone.is_none() {
            self.microphone = Some(
                self.start_microphone()
                    .map_err(refused("a microphone thread"))?,
            );
        }
        Ok(())
    }

    fn open_speaker(&mut self) -> Result<Option<VoiceInput>, EngineError> {
        if !self.is_open {
            return Ok(None);
        }
        let tap =
            self.outputs.recorder.clone().map(|recorder| -> Tap {
                Box::new(move |from, block| recorder.sound(from, block))
            });
        let (voices, input) = Voices::new(tap, Arc::clone(&self.loudspeaker));
        let on_state = self.telling(DeviceEvent::Speaker);
        self.speaker = self
            .threads
            .speaker(self.speaker_spec.clone(), voices, on_state)
            .map_err(refused("a speaker thread"))?;
        Ok(Some(input))
    }

    /// Lets go of the camera; a driver may take its time over that, which the engine has not.
    fn release_camera(&mut self) {
        if let Some(camera) = self.camera.take() {
            self.wait_for_camera();
            let release = move || {
                let counts = camera.counts();
                drop(camera);
                counts
            };
            match std::thread::Builder::new()
                .name("release".into())
                .spawn(release)
            {
                Ok(leaving) => self.leaving = Some(leaving),
                // The camera went with the thread that could not be had.
                Err(error) => tracing::warn!(%error, "no thread to release the camera with"),
            }
            let _ = self.states.try_send(DeviceEvent::Camera(CameraState::Off));
        }
    }

    pub(super) fn wait_for_camera(&mut self) {
        let counts = self.leaving.take().map(JoinHandle::join);
        if let Some(Ok(counts)) = counts {
            self.camera_counts = sum(self.camera_counts, counts);
        }
    }

    fn release_microphone(&mut self) {
        if let Some(microphone) = self.microphone.take() {
            self.microphone_counts = sum_sound(self.microphone_counts, microphone.counts());
            drop(microphone);
            self.level.store(SILENCE, Relaxed);
            let _ = self
                .states
                .try_send(DeviceEvent::Microphone(SoundState::Off));
        }
    }

    fn release_speaker(&mut self) {
        if let (Some(speaker), _) = &self.speaker {
            self.speaker_xruns += speaker.counts().xruns;
            let _ = self.states.try_send(DeviceEvent::Speaker(SoundState::Off));
        }
        self.speaker = (None, None);
    }

    pub(super) fn camera_counts(&self) -> CameraCounts {
        let now = self.camera.as_ref().map(CameraHandle::counts);
        sum(self.camera_counts, now.unwrap_or_default())
    }

    pub(super) fn capture_drops(&self) -> u64 {
        let counts = self.camera_counts();
        counts.stale + counts.no_buffer
    }

    pub(super) fn microphone_counts(&self) -> SoundCounts {
        let now = self.microphone.as_ref().map(SoundHandle::counts);
        sum_sound(self.microphone_counts, now.unwrap_or_default())
    }

    pub(super) fn microphone_is_silent(&self) -> bool {
        self.microphone.as_ref().is_some_and(SoundHandle::is_silent)
    }

    pub(super) fn xruns(&self) -> u64 {
        let speaker = self
            .speaker
            .0
            .as_ref()
            .map_or(0, |speaker| speaker.counts().xruns);
        self.microphone_counts().xruns + self.speaker_xruns + speaker
    }

    fn start_microphone(&self) -> io::Result<SoundHandle> {
        let (slot, transport) = (
            self.outputs.microphone.clone(),
            Arc::clone(&self.outputs.transport),
        );
        let mut sender = MediaSender::new(Kind::Audio, slot, transport);
        let (on, level) = (Arc::clone(&self.microphone_on), Arc::clone(&self.level));
        let mut meter = LevelMeter::default();
        let sink = move |block: &Block, captured: Instant| {
            let measured = meter.measure(block).to_byte();
            level.store(measured, Relaxed);
            if on.load(Relaxed) {
                // A block always fits into a packet.
                let _ = sender.send(&[&l16::emit(block)], measured, captured);
            }
        };
        let on_state = self.telling(DeviceEvent::Microphone);
        let spec = self.microphone_spec.clone();
        self.threads.microphone(spec, Box::new(sink), on_state)
    }

    fn start_camera(&self) -> io::Result<CameraHandle> {
        let outputs = &self.outputs;
        let (slot, transport) = (outputs.camera.clone(), Arc::clone(&outputs.transport));
        let mut sender = MediaSender::new(Kind::Video, slot, transport);
        let (own_pictures, mut told) = (outputs.own_pictures.clone(), false);
        let sink = move |frame: CapturedFrame| {
            if let Err(error) = sender.send(&frame.parts(), 0, frame.captured)
                && !std::mem::replace(&mut told, true)
            {
                tracing::warn!(%error, "a picture cannot be sent");
            }
            if let Some(see) = &own_pictures {
                see(&frame);
            }
        };
        let on_state = self.telling(DeviceEvent::Camera);
        let spec = self.camera_spec.clone();
        self.threads.camera(spec, Box::new(sink), on_state)
    }

    /// What a device thread tells its states by.
    fn telling<S: 'static>(&self, event: fn(S) -> DeviceEvent) -> StateSink<S> {
        let states = self.states.clone();
        Box::new(move |state| {
            let _ = states.try_send(event(state));
        })
    }
}
