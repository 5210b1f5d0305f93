//! Who sits where on the screen, who is speaking, and how well their connection is.
//!
//! Seats are kept: a person who talks gets a ring where they are. Only when more are there than can be shown, a
//! hidden participant who talks changes places with the shown one who has been silent for longest.

use super::faces::{hue, initials};
use crate::engine::{Loudness, Person, Stats};
use crate::ui::pictures::OWN_PICTURE;
use conclave_protocol::active_speaker::ActiveSpeaker;
use conclave_protocol::id::{ParticipantId, StreamId};
use conclave_protocol::time::{Instant, Micros};
use conclave_ui::Tile;
use std::collections::BTreeMap;

/// Tiles that are shown at most; the rest is a number.
pub(in crate::ui) const MOST_TILES: usize = 16;

/// How long the last picture is shown while none follows: longer than a network's hiccup.
const STILL: Micros = Micros::from_secs(4);

struct Seat {
    person: Person,
    speaking: bool,
    spoke_at: Option<Instant>,
    bars: i32,
    has_picture: bool,
    /// When the newest picture was painted.
    saw_at: Instant,
}

/// The seats, in the order of the screen.
#[derive(Default)]
pub(in crate::ui) struct Seats {
    seats: Vec<Seat>,
    active: ActiveSpeaker,
    large: Option<ParticipantId>,
    /// The endpoint's own voice is heard by its microphone, sent or not.
    own_voice: bool,
    /// Packets that came and that did not, of each name, at the last look.
    packets: BTreeMap<String, (u64, u64)>,
}

impl Seats {
    /// Everyone who is there now: a participant who stays keeps the seat, newcomers sit behind, the own one is last.
    pub(in crate::ui) fn seat(&mut self, people: Vec<Person>) {
        self.seats
            .retain(|seat| people.iter().any(|person| person.id == seat.person.id));
        for person in people {
            match self
                .seats
                .iter_mut()
                .find(|seat| seat.person.id == person.id)
            {
                Some(seat) => {
                    // A camera that was switched off has no newest picture any more.
                    // Nor has one who is away.
                    seat.has_picture &= person.devices.camera
                        && seat.person.picture == person.picture
                        && !person.away;
                    seat.speaking &= person.devices.microphone && !person.away;
                    seat.person = person;
                }
                None => self.seats.push(Seat {
                    person,
                    speaking: false,
                    spoke_at: None,
                    bars: -1,
                    has_picture: false,
                    saw_at: Instant(0),
                }),
            }
        }
        self.seats.sort_by_key(|seat| seat.person.own);
    }

    /// Everyone's level now.
    pub(in crate::ui) fn hear(&mut self, levels: &[Loudness], now: Instant) {
        for loudness in levels {
            let Some(of) = loudness.of else {
                self.own_voice = loudness.level.voice;
                continue;
            };
            if let Some(seat) = self.seats.iter_mut().find(|seat| seat.person.id == of) {
                seat.speaking = loudness.level.voice && seat.person.devices.microphone;
                if seat.speaking {
                    seat.spoke_at = Some(now);
                }
            }
        }
        if let Some(own) = self.seats.iter_mut().find(|seat| seat.person.own) {
            own.speaking = self.own_voice && own.person.devices.microphone;
        }
        let others = levels
            .iter()
            .filter_map(|loudness| Some((loudness.of?, loudness.level)));
        self.large = self.active.update(others, now).or(self.large);
        self.bring_speakers_forward();
    }

    fn bring_speakers_forward(&mut self) {
        // The own tile is the last one of those that are shown.
        let shown = MOST_TILES - 1;
        for index in shown..self.seats.len() {
            if self.seats[index].speaking && !self.seats[index].person.own {
                let silent = (0..shown).min_by_key(|&shown| self.seats[shown].spoke_at);
                if let Some(silent) = silent {
                    self.seats.swap(silent, index);
                }
            }
        }
    }

    /// What came of everyone's packets since the last time.
    pub(in crate::ui) fn weigh(&mut self, stats: &Stats) {
        for participant in &stats.participants {
            let sum = |count: fn(&crate::engine::StreamStats) -> u64| {
                participant.streams.iter().map(count).sum()
            };
            let now: (u64, u64) = (
                sum(|stream| stream.packets),
                sum(|stream| stream.packets_lost),
            );
            let before = self
                .packets
                .insert(participant.name.clone(), now)
                .unwrap_or_default();
            let (came, lost) = (
                now.0.saturating_sub(before.0),
                now.1.saturating_sub(before.1),
            );
            let seat = self
                .seats
                .iter_mut()
                .find(|seat| seat.person.username.as_str() == participant.name);
            if let (Some(seat), true) = (seat, came + lost > 0) {
                seat.bars = bars(came, lost);
            }
        }
    }

    /// A picture of this stream has been painted; whether it is the first one.
    pub(in crate::ui) fn saw(&mut self, stream: StreamId, now: Instant) -> bool {
        let seat = self
            .seats
            .iter_mut()
            .find(|seat| seat.stream() == Some(stream));
        seat.is_some_and(|seat| {
            seat.saw_at = now;
            !std::mem::replace(&mut seat.has_picture, true)
        })
    }

    /// The own camera is gone.
    pub(in crate::ui) fn lose_own_picture(&mut self) {
        if let Some(own) = self.seats.iter_mut().find(|seat| seat.person.own) {
            own.has_picture = false;
        }
    }

    /// A picture that has not changed for long does not show the person as they are now.
    pub(in crate::ui) fn forget_still_pictures(&mut self, now: Instant) {
        for seat in &mut self.seats {
            seat.has_picture &= now.since(seat.saw_at) < STILL;
        }
    }

    /// Whether a person talks here while the microphone is off.
    pub(in crate::ui) fn speaks_while_muted(&self) -> bool {
        self.own_voice
            && self
                .seats
                .iter()
                .any(|seat| seat.person.own && !seat.person.devices.microphone)
    }

    /// The tiles of the screen, in their order.
    pub(in crate::ui) fn tiles(&self) -> Vec<Tile> {
        self.shown().map(Seat::tile).collect()
    }

    /// The streams of the tiles, in their order.
    pub(in crate::ui) fn streams(&self) -> Vec<Option<StreamId>> {
        self.shown().map(Seat::stream).collect()
    }

    /// The tile that is large when one is.
    pub(in crate::ui) fn large(&self) -> usize {
        let wanted = |seat: &Seat| Some(seat.person.id) == self.large;
        self.shown().position(wanted).unwrap_or(0)
    }

    pub(in crate::ui) fn is_speaking(&self, id: ParticipantId) -> bool {
        self.seats
            .iter()
            .any(|seat| seat.person.id == id && seat.speaking)
    }

    /// Everyone, the endpoint itself first.
    pub(in crate::ui) fn people(&self) -> impl Iterator<Item = &Person> {
        let own = self.seats.iter().filter(|seat| seat.person.own);
        own.chain(self.seats.iter().filter(|seat| !seat.person.own))
            .map(|seat| &seat.person)
    }

    fn shown(&self) -> impl Iterator<Item = &Seat> {
        let others = self.seats.len().saturating_sub(1).min(MOST_TILES - 1);
        let own = self.seats.iter().filter(|seat| seat.person.own);
        self.seats
            .iter()
            .filter(|seat| !seat.person.own)
            .take(others.max(1))
            .chain(own)
    }
}

impl Seat {
    fn stream(&self) -> Option<StreamId> {
        let on = self.person.devices.camera;
        let stream = if self.person.own {
            Some(OWN_PICTURE)
        } else {
            self.person.picture
        };
        stream.filter(|_| on)
    }

    fn tile(&self) -> Tile {
        let name = self.person.display_name.as_str();
        Tile {
            id: i32::try_from(self.person.id.0).unwrap_or(i32::MAX),
            name: name.into(),
            initials: initials(name).into(),
            hue: hue(name),
            own: self.person.own,
            has_picture: self.has_picture,
            waiting: self.person.devices.camera && !self.has_picture && !self.person.away,
            muted: !self.person.devices.microphone,
            speaking: self.speaking,
            bars: if self.person.own || self.person.away {
                -1
            } else {
                self.bars
            },
            away: self.person.away,
        }
    }
}

/// 3 for a connection without noticeable loss, 0 for an unusable one: by the share of packets that did not come.
fn bars(came: u64, lost: u64) -> i32 {
    match lost * 1_000 / (came + lost).max(1) {
        0..=4 => 3,
        5..=29 => 2,
        30..=149 => 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
