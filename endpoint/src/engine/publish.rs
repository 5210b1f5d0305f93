//! The camera's and the microphone's stream, published and granted to the media threads.

use super::asked::{Asked, Source};
use super::in_room::InRoom;
use super::publication::Publication;
use super::shell::Engine;
use crate::net::outbound::Grant;
use conclave_protocol::id::{SourceId, StreamId};
use conclave_protocol::units::PictureSize;
use conclave_protocol::wire::control::{AudioCodec, Layer, Media, Picture, Request};
use std::sync::Arc;

impl Engine {
    /// Publishes what there is and is not published yet, or is published as something else.
    pub(super) fn publish(&mut self) {
        let camera = self.devices.picture().map(|(size, fps)| {
            let bound = |pixels: u32| u16::try_from(pixels).unwrap_or(u16::MAX);
            let size = PictureSize {
                width: bound(size.width),
                height: bound(size.height),
            };
            Media::Camera(Picture {
                layer: Layer::Full,
                size,
                fps: u8::try_from(fps).unwrap_or(u8::MAX),
            })
        });
        let has_microphone = self.devices.has_microphone();
        let microphone = has_microphone.then_some(Media::Audio(AudioCodec::L16Mono16k));
        let sources = [
            (Source::Camera, SourceId(0), camera),
            (Source::Microphone, SourceId(1), microphone),
        ];
        for (source, id, media) in sources {
            let (Some(room), Some(media)) = (&mut self.room, media) else {
                continue;
            };
            for request in room.publication(source).follow(id, media) {
                let asked = match request {
                    Request::Publish(_) => Asked::Publish(source),
                    _ => Asked::Nothing,
                };
                self.ask(request, asked);
            }
        }
        self.grant();
    }

    /// The relay has answered: with the stream's number, or not at all.
    pub(super) fn published(&mut self, source: Source, stream: Option<StreamId>) {
        let Some(room) = &mut self.room else { return };
        let publication = room.publication(source);
        (publication.stream, publication.waits) = (stream, false);
        if stream.is_some() {
            // The camera may have been exchanged meanwhile.
            self.publish();
        }
    }

    pub(super) fn grant(&self) {
        let Some(room) = &self.room else { return };
        for (slot, publication) in [
            (&self.camera, &room.camera),
            (&self.microphone, &room.microphone),
        ] {
            let grant = || {
                let (uplink, key) = (
                    self.reconnect.uplink().cloned()?,
                    Arc::clone(room.attendance.key()?),
                );
                Some(Grant {
                    uplink,
                    stream: publication.stream?,
                    key,
                })
            };
            slot.set(grant());
        }
    }
}

impl InRoom {
    fn publication(&mut self, source: Source) -> &mut Publication {
        match source {
            Source::Camera => &mut self.camera,
            Source::Microphone => &mut self.microphone,
        }
    }
}
