//! What this member shows of itself: what it wants to be switched on and to send, what the relay has confirmed, and the
//! requests that bring the second to the first.
//!
//! A wish is recorded when it is made, with or without a connection. After each answer, refusal and resumed session the
//! two are compared again, so that nothing depends on one request having arrived.

use alloc::collections::{BTreeMap, VecDeque};

use super::Asked;
use crate::id::{SourceId, StreamId};
use crate::time::{Instant, Micros};
use crate::wire::control::{Answer, Devices, Media, Participant, Refusal, Request, StreamOffer};

/// When a request is made again that was refused without a time. A lower value repeats more requests that cannot
/// succeed; a higher one leaves the others with an old state for longer.
const AGAIN_AFTER: Micros = Micros::from_secs(2);

/// What this member wants to show of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// What is to be shown as switched on.
    pub devices: Devices,
    /// What each source is to send. A source that is absent keeps its stream, if it has one: a device that is switched
    /// off goes on in the same stream.
    pub sources: BTreeMap<SourceId, Media>,
}

/// The wishes, what the relay has confirmed of them, and what it has yet to answer.
#[derive(Default)]
pub(super) struct Own {
    /// `None` until the first wish: a user who makes its requests by itself makes none here.
    wish: Option<Wish>,
    devices: Devices,
    asked_devices: bool,
    streams: BTreeMap<SourceId, Source>,
    /// After a refusal: when to compare again.
    again_at: Option<Instant>,
}

/// One source's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Source {
    /// The relay is asked for a stream.
    Asked,
    Published {
        stream: StreamId,
        media: Media,
    },
}

impl Own {
    /// What the relay has of this member, at the join or after a resume.
    pub(super) fn confirm(&mut self, own: Option<&Participant>) {
        self.devices = own.map(|own| own.devices).unwrap_or_default();
        self.asked_devices = false;
        self.again_at = None;
        let streams = own.into_iter().flat_map(|own| &own.streams);
        let published = streams.map(|stream| {
            let (stream, offer) = (stream.id, &stream.offer);
            let media = offer.media;
            (offer.source, Source::Published { stream, media })
        });
        self.streams = published.collect();
    }

    pub(super) fn want(&mut self, wish: Wish) {
        self.wish = Some(wish);
    }

    /// What the relay shows the others as switched on.
    pub(super) const fn devices(&self) -> Devices {
        self.devices
    }

    /// A source's stream, if it is published as what it is to send.
    pub(super) fn stream(&self, source: SourceId) -> Option<StreamId> {
        let wanted = self.wish.as_ref()?.sources.get(&source);
        match self.streams.get(&source)? {
            Source::Published { stream, media } => wanted
                .is_none_or(|wanted| wanted == media)
                .then_some(*stream),
            Source::Asked => None,
        }
    }

    pub(super) const fn next_time(&self) -> Option<Instant> {
        self.again_at
    }

    /// Compares, and asks for what differs; after a refusal not before its time.
    pub(super) fn settle(&mut self, now: Instant, asks: &mut VecDeque<(Request, Asked)>) {
        if self.again_at.is_some_and(|at| now < at) {
            return;
        }
        self.again_at = None;
        let Some(wish) = &self.wish else { return };
        if !self.asked_devices && wish.devices != self.devices {
            self.asked_devices = true;
            let request = Request::SetDevices(wish.devices);
            asks.push_back((request, Asked::Devices(wish.devices)));
        }
        for (&source, &media) in &wish.sources {
            match self.streams.get(&source) {
                Some(Source::Asked) => continue,
                Some(Source::Published { media: known, .. }) if *known == media => continue,
                // The relay takes one stream of a kind: the former one ends first.
                Some(&Source::Published { stream, .. }) => {
                    asks.push_back((Request::Unpublish { stream }, Asked::Nothing));
                }
                None => {}
            }
            self.streams.insert(source, Source::Asked);
            let request = Request::Publish(StreamOffer { source, media });
            asks.push_back((request, Asked::Publish(source, media)));
        }
    }

    /// The relay answered whether these are shown as switched on.
    pub(super) fn devices_answered(
        &mut self,
        devices: Devices,
        answer: &Result<Answer, Refusal>,
        now: Instant,
    ) {
        self.asked_devices = false;
        match answer {
            Ok(_) => self.devices = devices,
            Err(refusal) => self.refused(*refusal, now),
        }
    }

    /// The relay answered to a stream.
    pub(super) fn publish_answered(
        &mut self,
        source: SourceId,
        media: Media,
        answer: &Result<Answer, Refusal>,
        now: Instant,
    ) {
        match answer {
            Ok(Answer::Published { stream }) => {
                let stream = *stream;
                let published = Source::Published { stream, media };
                self.streams.insert(source, published);
            }
            Ok(_) => {
                self.streams.remove(&source);
            }
            Err(refusal) => {
                self.streams.remove(&source);
                self.refused(*refusal, now);
            }
        }
    }

    fn refused(&mut self, refusal: Refusal, now: Instant) {
        let wait = match refusal {
            Refusal::RateLimited { retry_after_ms } => Micros::from_millis(retry_after_ms.into()),
            _ => AGAIN_AFTER,
        };
        let at = now + wait;
        self.again_at = Some(self.again_at.map_or(at, |before| before.max(at)));
    }
}
