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
mod tests {
    use super::*;
    use conclave_protocol::name::Username;
    use conclave_protocol::units::{AudioLevel, Dbov};
    use conclave_protocol::wire::control::Devices;

    fn person(id: u32, own: bool) -> Person {
        Person {
            id: ParticipantId(id),
            username: Username::parse(&format!("person{id}")).unwrap(),
            display_name: format!("Person {id}").parse().unwrap(),
            own,
            devices: Devices {
                microphone: true,
                camera: true,
            },
            confirmed: Devices {
                microphone: true,
                camera: true,
            },
            away: false,
            via_gateway: false,
            picture: (!own).then_some(StreamId(id * 10)),
        }
    }

    fn talks(id: u32) -> Loudness {
        let level = AudioLevel {
            loudness: Dbov::below_overload(20),
            voice: true,
        };
        Loudness {
            of: Some(ParticipantId(id)),
            level,
        }
    }

    fn ids(seats: &Seats) -> Vec<i32> {
        seats.tiles().iter().map(|tile| tile.id).collect()
    }

    #[test]
    fn seats_are_kept_and_the_own_one_is_last() {
        let mut seats = Seats::default();
        seats.seat(vec![person(9, true), person(3, false), person(1, false)]);
        assert_eq!(ids(&seats), [3, 1, 9]);
        seats.seat(vec![
            person(9, true),
            person(1, false),
            person(2, false),
            person(3, false),
        ]);
        assert_eq!(ids(&seats), [3, 1, 2, 9]);
        seats.seat(vec![person(9, true), person(2, false), person(1, false)]);
        assert_eq!(ids(&seats), [1, 2, 9]);
    }

    #[test]
    fn a_speaker_out_of_sight_takes_the_place_of_the_longest_silent() {
        let mut seats = Seats::default();
        seats.seat((1..=20).map(|id| person(id, id == 20)).collect());
        assert_eq!(ids(&seats).len(), MOST_TILES);
        let first: Vec<_> = (1..=14).map(talks).collect();
        seats.hear(&first, Instant(1_000));
        seats.hear(&[talks(19)], Instant(2_000));
        let shown = ids(&seats);
        assert!(shown.contains(&19) && !shown.contains(&15), "{shown:?}");
        assert_eq!(shown[MOST_TILES - 1], 20, "the own tile stays");
    }

    #[test]
    fn a_picture_counts_until_its_camera_is_switched_off() {
        let mut seats = Seats::default();
        seats.seat(vec![person(9, true), person(1, false)]);
        assert!(seats.tiles()[0].waiting);
        let now = Instant(1_000_000);
        assert!(seats.saw(StreamId(10), now) && !seats.saw(StreamId(10), now));
        assert!(seats.tiles()[0].has_picture && !seats.tiles()[0].waiting);
        let mut off = person(1, false);
        off.devices.camera = false;
        seats.seat(vec![person(9, true), off]);
        assert!(!seats.tiles()[0].has_picture && !seats.tiles()[0].waiting);
        assert_eq!(seats.streams(), [None, Some(OWN_PICTURE)]);
    }

    #[test]
    fn a_picture_that_stands_still_or_whose_camera_is_gone_is_not_shown_for_ever() {
        let mut seats = Seats::default();
        seats.seat(vec![person(9, true), person(1, false)]);
        let begun = Instant(1_000_000);
        seats.saw(StreamId(10), begun);
        seats.saw(OWN_PICTURE, begun);
        seats.lose_own_picture();
        let have = |seats: &Seats| {
            seats
                .tiles()
                .iter()
                .map(|tile| tile.has_picture)
                .collect::<Vec<_>>()
        };
        assert_eq!(have(&seats), [true, false]);
        seats.forget_still_pictures(begun + Micros(3_999_999));
        assert_eq!(have(&seats), [true, false]);
        seats.forget_still_pictures(begun + STILL);
        assert_eq!(have(&seats), [false, false]);
        assert!(
            seats.saw(StreamId(10), begun + STILL),
            "the next one is a first one again"
        );
    }

    #[test]
    fn whose_connection_is_lost_has_no_picture_that_moves_no_more_and_no_bars() {
        let mut seats = Seats::default();
        seats.seat(vec![person(9, true), person(1, false)]);
        seats.saw(StreamId(10), Instant(1_000_000));
        seats.hear(&[talks(1)], Instant(1_000_000));
        let lost = Person {
            away: true,
            ..person(1, false)
        };
        seats.seat(vec![person(9, true), lost]);
        let tile = seats.tiles()[0].clone();
        assert!(tile.away && !tile.has_picture && !tile.waiting && !tile.speaking);
        assert_eq!(tile.bars, -1);
        seats.seat(vec![person(9, true), person(1, false)]);
        assert!(
            seats.saw(StreamId(10), Instant(2_000_000)),
            "a first one again"
        );
    }

    #[test]
    fn talking_into_a_muted_microphone_is_noticed() {
        let mut seats = Seats::default();
        let mut own = person(9, true);
        own.devices.microphone = false;
        seats.seat(vec![own]);
        seats.hear(
            &[Loudness {
                of: None,
                ..talks(0)
            }],
            Instant(1),
        );
        assert!(seats.speaks_while_muted());
        assert!(!seats.tiles()[0].speaking, "it is not sent");
    }

    #[test]
    fn bars_fall_with_what_is_lost() {
        assert_eq!(
            [bars(1000, 0), bars(990, 10), bars(950, 50), bars(500, 500)],
            [3, 2, 1, 0]
        );
    }
}
