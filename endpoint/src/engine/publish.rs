//! What this endpoint shows and sends in its room, and what media threads are granted for that.

use super::shell::Engine;
use crate::net::outbound::Grant;
use conclave_protocol::attendance::Wish;
use conclave_protocol::id::SourceId;
use conclave_protocol::units::PictureSize;
use conclave_protocol::wire::control::{AudioCodec, Layer, Media, Picture};
use std::sync::Arc;

/// The two sources of an endpoint.
const CAMERA: SourceId = SourceId(0);
const MICROPHONE: SourceId = SourceId(1);

impl Engine {
    /// Shows the others what is on, and publishes what there is: the member in the room brings the relay to that.
    pub(super) fn show_devices(&mut self) {
        let wish = self.wish();
        let Some(room) = &mut self.room else { return };
        room.attendance.want(wish, self.now);
        self.follow_room();
        self.grant();
    }

    fn wish(&self) -> Wish {
        let camera = self.devices.picture().map(|(size, fps)| {
            let bound = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX);
            let size = PictureSize {
                width: bound(size.width),
                height: bound(size.height),
            };
            let camera = Media::Camera(Picture {
                layer: Layer::Full,
                size,
                fps: u8::try_from(fps).unwrap_or(u8::MAX),
            });
            (CAMERA, camera)
        });
        let microphone = (MICROPHONE, Media::Audio(AudioCodec::L16Mono16k));
        let microphone = self.devices.has_microphone().then_some(microphone);
        Wish {
            devices: self.devices.working(),
            sources: camera.into_iter().chain(microphone).collect(),
        }
    }

    pub(super) fn grant(&self) {
        let Some(room) = &self.room else { return };
        for (slot, source) in [(&self.camera, CAMERA), (&self.microphone, MICROPHONE)] {
            let grant = || {
                let (uplink, key) = (
                    self.reconnect.uplink().cloned()?,
                    Arc::clone(room.attendance.key()?),
                );
                Some(Grant {
                    uplink,
                    stream: room.attendance.own_stream(source)?,
                    key,
                })
            };
            slot.set(grant());
        }
    }
}
