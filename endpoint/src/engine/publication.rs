//! One source's stream in a room, published once for what it offers.
//!
//! A device that is switched off keeps its stream, whose numbers go on when it is switched on again. A camera of
//! another size or rate is another stream, because the relay and receivers take a stream for what it was offered as.

use conclave_protocol::id::{SourceId, StreamId};
use conclave_protocol::wire::control::{Media, Request, Stream, StreamOffer};

/// One source's stream in this room.
#[derive(Debug, Default)]
pub(super) struct Publication {
    /// Its number, once the relay has given it.
    pub(super) stream: Option<StreamId>,
    /// What was offered last, and whether the relay has yet to answer.
    pub(super) offered: Option<Media>,
    pub(super) waits: bool,
}

impl Publication {
    /// After a new connection: what the relay still knows is kept, and what it did not answer is asked again.
    pub(super) fn resume(&mut self, own: &[Stream]) {
        self.waits = false;
        self.stream = self.stream.filter(|id| own.iter().any(|own| own.id == *id));
    }

    /// What to ask the relay for, so that this is published.
    pub(super) fn follow(&mut self, source: SourceId, media: Media) -> Vec<Request> {
        let changed = self.offered != Some(media);
        if self.waits || (self.stream.is_some() && !changed) {
            return Vec::new();
        }
        let former = self.stream.take();
        (self.offered, self.waits) = (Some(media), true);
        let former = former.map(|stream| Request::Unpublish { stream });
        let publish = Request::Publish(StreamOffer { source, media });
        former.into_iter().chain([publish]).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use conclave_protocol::units::PictureSize;
    use conclave_protocol::wire::control::{AudioCodec, Layer, Picture};

    const SOUND: Media = Media::Audio(AudioCodec::L16Mono16k);

    fn camera(width: u16) -> Media {
        let size = PictureSize { width, height: 360 };
        let (layer, fps) = (Layer::Full, 30);
        Media::Camera(Picture { layer, size, fps })
    }

    #[test]
    fn what_is_offered_is_published_once() {
        let mut publication = Publication::default();
        assert_eq!(publication.follow(SourceId(0), SOUND).len(), 1);
        let again = publication.follow(SourceId(0), SOUND);
        assert!(again.is_empty(), "the answer is on its way");
        (publication.stream, publication.waits) = (Some(StreamId(4)), false);
        assert!(publication.follow(SourceId(0), SOUND).is_empty());
    }

    #[test]
    fn a_camera_of_another_size_takes_the_place_of_the_former_stream() {
        let mut publication = Publication::default();
        publication.follow(SourceId(0), camera(640));
        (publication.stream, publication.waits) = (Some(StreamId(4)), false);
        let requests = publication.follow(SourceId(0), camera(1280));
        let stream = StreamId(4);
        assert_eq!(requests[0], Request::Unpublish { stream });
        assert!(matches!(requests[1], Request::Publish(_)), "{requests:?}");
        assert_eq!(
            publication.stream, None,
            "nothing more is sent as the former"
        );
    }

    #[test]
    fn after_a_new_connection_what_was_not_answered_is_asked_again() {
        let mut publication = Publication::default();
        publication.follow(SourceId(0), SOUND);
        publication.resume(&[]);
        assert_eq!(publication.follow(SourceId(0), SOUND).len(), 1);
    }
}
