//! Devices without threads: what they give is played by the test, and whether they are open can be seen.

use crate::camera::{CameraHandle, CameraSpec, CameraState, SourceContext, StreamFormat};
use crate::engine::devices::{BlockSink, DeviceThreads, PictureSink, StartedSpeaker, StateSink};
use crate::picture::frame::{CapturedFrame, PictureSize, Taken};
use crate::picture::jpeg::Whole;
use crate::platform::stop::StopSignal;
use crate::sound::playout::Voices;
use crate::sound::{MicrophoneSpec, SoundHandle, SoundState, SpeakerSpec};
use conclave_protocol::l16::BLOCK_SAMPLES;
use conclave_protocol::time::Instant;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// The devices of one endpoint.
#[derive(Clone, Default)]
pub(super) struct Stage(Arc<Mutex<Open>>);

#[derive(Default)]
struct Open {
    camera: Option<(PictureSink, StopSignal)>,
    microphone: Option<(BlockSink, StopSignal)>,
    speaker: Option<StopSignal>,
    pictures: u32,
}

fn is_open(stop: &StopSignal) -> bool {
    !stop.is_raised()
}

impl Stage {
    fn with<T>(&self, what: impl FnOnce(&mut Open) -> T) -> T {
        what(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn camera_is_open(&self) -> bool {
        self.with(|open| open.camera.as_ref().is_some_and(|(_, stop)| is_open(stop)))
    }

    pub(super) fn microphone_is_open(&self) -> bool {
        self.with(|open| {
            open.microphone
                .as_ref()
                .is_some_and(|(_, stop)| is_open(stop))
        })
    }

    pub(super) fn speaker_is_open(&self) -> bool {
        self.with(|open| open.speaker.as_ref().is_some_and(is_open))
    }

    /// Each open device gives one block or picture.
    pub(super) fn play(&self, now: Instant) {
        self.with(|open| {
            if let Some((sink, stop)) = &mut open.microphone
                && is_open(stop)
            {
                sink(&[1_000; BLOCK_SAMPLES], now);
            }
            open.pictures += 1;
            let number = open.pictures;
            if let Some((sink, stop)) = &mut open.camera
                && is_open(stop)
            {
                sink(picture(number, now));
            }
        });
    }
}

/// Bytes that pass for a picture: nobody looks at them.
fn picture(number: u32, now: Instant) -> CapturedFrame {
    let bytes: Arc<[u8]> = vec![0xff; 200].into();
    let size = PictureSize::new(16, 16);
    let taken = Taken {
        captured: now,
        ready: now,
        driver_sequence: number,
        size,
    };
    CapturedFrame::from_file(taken, Whole::as_it_is(size, bytes.len()), bytes)
}

impl DeviceThreads for Stage {
    fn camera(
        &self,
        _: CameraSpec,
        sink: PictureSink,
        mut on_state: StateSink<CameraState>,
    ) -> io::Result<CameraHandle> {
        let stop = StopSignal::new()?;
        let context = SourceContext {
            stop: stop.clone(),
            counters: Arc::default(),
        };
        self.with(|open| open.camera = Some((sink, stop)));
        on_state(CameraState::Running(StreamFormat {
            name: "stage".into(),
            format: "JPEG".into(),
            size: PictureSize::new(16, 16),
            fps: 5.0,
        }));
        Ok(CameraHandle::without_thread(context))
    }

    fn microphone(
        &self,
        _: MicrophoneSpec,
        sink: BlockSink,
        mut on_state: StateSink<SoundState>,
    ) -> io::Result<SoundHandle> {
        let (handle, stop) = SoundHandle::without_thread()?;
        self.with(|open| open.microphone = Some((sink, stop)));
        on_state(SoundState::Running {
            name: "stage".into(),
        });
        Ok(handle)
    }

    fn speaker(
        &self,
        _: SpeakerSpec,
        _: Voices,
        mut on_state: StateSink<SoundState>,
    ) -> io::Result<StartedSpeaker> {
        let (handle, stop) = SoundHandle::without_thread()?;
        self.with(|open| open.speaker = Some(stop));
        on_state(SoundState::Running {
            name: "stage".into(),
        });
        Ok((Some(handle), None))
    }
}
