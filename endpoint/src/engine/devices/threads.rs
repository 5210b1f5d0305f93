//! How the threads of devices are started: by the system, or, in tests of the engine, not at all.

use super::silent_speaker::SilentSpeaker;
use crate::camera::{self, CameraHandle, CameraSpec, CameraState};
use crate::picture::frame::CapturedFrame;
use crate::sound::playout::Voices;
use crate::sound::{
    MicrophoneSpec, SoundHandle, SoundState, SpeakerSpec, capture as microphone, playback,
};
use conclave_protocol::l16::Block;
use conclave_protocol::time::Instant;
use std::io;

/// Takes each picture of a camera.
pub(in crate::engine) type PictureSink = Box<dyn FnMut(CapturedFrame) + Send>;
/// Takes each block of a microphone and the time at which it was heard.
pub(in crate::engine) type BlockSink = Box<dyn FnMut(&Block, Instant) + Send>;
/// Takes each change of a device's state.
pub(in crate::engine) type StateSink<S> = Box<dyn FnMut(S) + Send>;

/// A speaker, or what takes its place when there is none.
pub(in crate::engine) type Speaker = (Option<SoundHandle>, Option<SilentSpeaker>);

/// Starts the threads of devices.
pub(in crate::engine) trait DeviceThreads: Send {
    /// Starts a camera's.
    fn camera(
        &self,
        spec: CameraSpec,
        sink: PictureSink,
        on_state: StateSink<CameraState>,
    ) -> io::Result<CameraHandle>;

    /// Starts a microphone's.
    fn microphone(
        &self,
        spec: MicrophoneSpec,
        sink: BlockSink,
        on_state: StateSink<SoundState>,
    ) -> io::Result<SoundHandle>;

    /// Starts a speaker's, or what takes its place.
    fn speaker(
        &self,
        spec: SpeakerSpec,
        voices: Voices,
        on_state: StateSink<SoundState>,
    ) -> io::Result<Speaker>;
}

/// Those of the system.
pub(super) struct SystemThreads;

impl DeviceThreads for SystemThreads {
    fn camera(
        &self,
        spec: CameraSpec,
        sink: PictureSink,
        on_state: StateSink<CameraState>,
    ) -> io::Result<CameraHandle> {
        camera::spawn(spec, sink, on_state)
    }

    fn microphone(
        &self,
        spec: MicrophoneSpec,
        sink: BlockSink,
        on_state: StateSink<SoundState>,
    ) -> io::Result<SoundHandle> {
        microphone::spawn(spec, sink, on_state)
    }

    fn speaker(
        &self,
        spec: SpeakerSpec,
        mut voices: Voices,
        on_state: StateSink<SoundState>,
    ) -> io::Result<Speaker> {
        if spec == SpeakerSpec::Off {
            return Ok((None, Some(SilentSpeaker::start(voices)?)));
        }
        let source = move |block: &mut Block, heard_at: Instant| voices.fill(block, heard_at);
        Ok((Some(playback::spawn(spec, source, on_state)?), None))
    }
}
