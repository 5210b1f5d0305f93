//! The room page: tiles and pictures, people, chat, what is switched on, and what is wrong now.

pub(in crate::ui) mod chat;
pub(in crate::ui) mod faces;
pub(in crate::ui) mod seats;

use self::chat::Chat;
use self::faces::{hue, initials};
use self::seats::Seats;
use super::models::sync;
use crate::clock;
use crate::picture::frame::PictureSize;
use crate::screen::TileRequest;
use crate::ui::clock::duration;
use crate::ui::problem::Trouble;
use conclave_protocol::id::StreamId;
use conclave_protocol::time::{Instant, Micros};
use conclave_protocol::wire::control::Devices;
use conclave_ui::{AppWindow, ChatRow, Drawer, Person, Problem, Room, Tile};
use slint::{ComponentHandle, Image, Model, VecModel};
use std::collections::BTreeMap;
use std::rc::Rc;

/// How long a person has to talk into a muted microphone before they are told.
const MUTED_TALK: Micros = Micros::from_millis(1_500);

/// A switch is confirmed sooner than this where nothing is in the way: no words about it appear and vanish.
const CONFIRMED_WITHIN: Micros = Micros::from_millis(500);

/// Since when each switch has waited to be confirmed.
#[derive(Clone, Copy, Debug, Default)]
struct Turning {
    microphone: Option<Instant>,
    camera: Option<Instant>,
}

fn since(begun: &mut Option<Instant>, holds: bool, now: Instant) {
    *begun = holds.then(|| begun.unwrap_or(now));
}

const NOTHING: PictureSize = PictureSize::new(0, 0);

/// The tiles that can be seen now, in physical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ui) struct Layout {
    pub(in crate::ui) first: usize,
    pub(in crate::ui) count: usize,
    pub(in crate::ui) tile: PictureSize,
    /// The large one's size in speaker view.
    pub(in crate::ui) large: PictureSize,
}

/// A room from the inside.
pub(in crate::ui) struct State {
    pub(in crate::ui) name: String,
    pub(in crate::ui) since: Instant,
    pub(in crate::ui) seats: Seats,
    pub(in crate::ui) chat: Chat,
    pub(in crate::ui) drawer: Drawer,
    pub(in crate::ui) speaker_view: bool,
    pub(in crate::ui) safety_number: String,
    pub(in crate::ui) microphone_on: bool,
    pub(in crate::ui) camera_on: bool,
    /// The connection is gone, and is being made again.
    pub(in crate::ui) interrupted: Option<Trouble>,
    pub(in crate::ui) layout: Layout,
    /// Since when the relay has not confirmed the switches.
    turning: Turning,
    muted_talk_since: Option<Instant>,
    newest: BTreeMap<StreamId, Image>,
}

/// The page's lists; they outlive rooms.
#[derive(Default)]
pub(in crate::ui) struct Models {
    tiles: Rc<VecModel<Tile>>,
    pictures: Rc<VecModel<Image>>,
    people: Rc<VecModel<Person>>,
    chat: Rc<VecModel<ChatRow>>,
}

impl State {
    pub(in crate::ui) fn new(
        name: String,
        now: Instant,
        microphone_on: bool,
        camera_on: bool,
    ) -> Self {
        Self {
            name,
            since: now,
            seats: Seats::default(),
            chat: Chat::default(),
            drawer: Drawer::None,
            speaker_view: false,
            safety_number: String::new(),
            microphone_on,
            camera_on,
            interrupted: None,
            layout: Layout {
                first: 0,
                count: 0,
                tile: NOTHING,
                large: NOTHING,
            },
            turning: Turning::default(),
            muted_talk_since: None,
            newest: BTreeMap::new(),
        }
    }

    /// What the person wants to be on, and what the relay shows the others as on.
    pub(in crate::ui) fn switch(&mut self, wanted: Devices, confirmed: Devices, now: Instant) {
        (self.microphone_on, self.camera_on) = (wanted.microphone, wanted.camera);
        let Turning { microphone, camera } = &mut self.turning;
        since(microphone, wanted.microphone != confirmed.microphone, now);
        since(camera, wanted.camera != confirmed.camera, now);
    }

    /// Levels have come: a person who talks for a while without being heard is told.
    pub(in crate::ui) fn note_muted_talk(&mut self, now: Instant) {
        if self.seats.speaks_while_muted() {
            self.muted_talk_since.get_or_insert(now);
        } else {
            self.muted_talk_since = None;
        }
    }

    /// As if the switches had waited for so long.
    #[cfg(test)]
    pub(in crate::ui) fn have_turned_since(&mut self, then: Instant) {
        let Turning { microphone, camera } = &mut self.turning;
        for since in [microphone, camera] {
            *since = since.map(|_| then);
        }
    }

    /// As if a person had begun to talk then.
    #[cfg(test)]
    pub(in crate::ui) const fn note_muted_talk_since(&mut self, since: Instant) {
        self.muted_talk_since = Some(since);
    }

    /// What is wrong now; the worst alone.
    fn banner(&self, devices: &Trouble, now: Instant) -> Trouble {
        if let Some(trouble) = &self.interrupted {
            return trouble.clone();
        }
        if devices.is_some() {
            return devices.clone();
        }
        let talks = self
            .muted_talk_since
            .is_some_and(|since| now.since(since) >= MUTED_TALK);
        Trouble::of(if talks {
            Problem::SpeakingWhileMuted
        } else {
            Problem::None
        })
    }

    /// What the decoders are to paint, and how large.
    pub(in crate::ui) fn wishes(&self) -> Vec<TileRequest> {
        let streams = self.seats.streams();
        let large = self.speaker_view.then(|| self.seats.large());
        let size_of = |index: usize| {
            let listed =
                (self.layout.first..self.layout.first + self.layout.count).contains(&index);
            match large {
                Some(large) if large == index && self.layout.large.width > 0 => {
                    Some(self.layout.large)
                }
                _ => listed.then_some(self.layout.tile),
            }
        };
        let wish = |(index, stream): (usize, &Option<StreamId>)| {
            let tile = size_of(index).filter(|size| size.width > 0 && size.height > 0)?;
            Some(TileRequest {
                stream: (*stream)?,
                tile,
            })
        };
        streams.iter().enumerate().filter_map(wish).collect()
    }

    /// A picture has been painted; shown at once where its tile is. Whether it is the tile's first one.
    pub(in crate::ui) fn see(&mut self, stream: StreamId, image: Image, models: &Models) -> bool {
        let place = self
            .seats
            .streams()
            .iter()
            .position(|other| *other == Some(stream));
        if let Some(index) = place.filter(|&index| index < models.pictures.row_count()) {
            models.pictures.set_row_data(index, image.clone());
        }
        self.newest.insert(stream, image);
        self.seats.saw(stream, clock::now())
    }

    pub(in crate::ui) fn show(&mut self, window: &AppWindow, models: &Models, devices: &Trouble) {
        let page = window.global::<Room>();
        let now = clock::now();
        page.set_name(self.name.as_str().into());
        page.set_time(duration(now.since(self.since).0 / 1_000_000).into());
        sync(&models.tiles, self.seats.tiles());
        let streams = self.seats.streams();
        self.newest
            .retain(|stream, _| streams.contains(&Some(*stream)));
        let picture = |stream: &Option<StreamId>| {
            stream
                .and_then(|stream| self.newest.get(&stream).cloned())
                .unwrap_or_default()
        };
        sync(&models.pictures, streams.iter().map(picture).collect());
        sync(&models.people, self.people());
        page.set_tiles(Rc::clone(&models.tiles).into());
        page.set_pictures(Rc::clone(&models.pictures).into());
        page.set_people(Rc::clone(&models.people).into());
        self.chat.show(&page, &models.chat);
        page.set_speaker_view(self.speaker_view);
        page.set_large(i32::try_from(self.seats.large()).unwrap_or(0));
        page.set_microphone_on(self.microphone_on);
        page.set_camera_on(self.camera_on);
        let takes_long = |since: Option<Instant>| {
            since.is_some_and(|since| now.since(since) >= CONFIRMED_WITHIN)
        };
        page.set_microphone_turning(takes_long(self.turning.microphone));
        page.set_camera_turning(takes_long(self.turning.camera));
        page.set_drawer(self.drawer);
        page.set_safety_number(self.safety_number.as_str().into());
        page.set_end_to_end(!self.seats.people().any(|person| person.via_gateway));
        let banner = self.banner(devices, now);
        page.set_banner(banner.problem);
        page.set_banner_detail(banner.detail.as_str().into());
    }

    fn people(&self) -> Vec<Person> {
        let row = |person: &crate::engine::Person| {
            let name = person.display_name.as_str();
            Person {
                id: i32::try_from(person.id.0).unwrap_or(i32::MAX),
                name: name.into(),
                initials: initials(name).into(),
                hue: hue(name),
                own: person.own,
                microphone: person.devices.microphone,
                camera: person.devices.camera,
                speaking: self.seats.is_speaking(person.id),
                via_gateway: person.via_gateway,
                away: person.away,
            }
        };
        self.seats.people().map(row).collect()
    }
}

/// What stands in the field for the next message.
pub(in crate::ui) fn draft(window: &AppWindow) -> String {
    window.global::<Room>().get_draft().into()
}

pub(in crate::ui) fn set_draft(window: &AppWindow, text: &str) {
    window.global::<Room>().set_draft(text.into());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::pictures::OWN_PICTURE;
    use conclave_protocol::id::ParticipantId;
    use conclave_protocol::name::Username;

    fn with_people(others: u32) -> State {
        let mut state = State::new("Maple".into(), Instant(0), true, true);
        let person = |id: u32| crate::engine::Person {
            id: ParticipantId(id),
            username: Username::parse(&format!("person{id}")).unwrap(),
            display_name: format!("Person {id}").parse().unwrap(),
            own: id == 0,
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
            picture: (id > 0).then_some(StreamId(id)),
        };
        state.seats.seat((0..=others).map(person).collect());
        state
    }

    #[test]
    fn only_tiles_that_can_be_seen_are_painted() {
        let mut state = with_people(5);
        assert!(state.wishes().is_empty(), "nothing is laid out yet");
        state.layout = Layout {
            first: 1,
            count: 2,
            tile: PictureSize::new(320, 180),
            large: NOTHING,
        };
        let painted: Vec<_> = state.wishes().iter().map(|wish| wish.stream).collect();
        assert_eq!(painted, [StreamId(2), StreamId(3)]);
    }

    #[test]
    fn the_large_tile_is_painted_large_even_where_its_small_one_is_listed() {
        let mut state = with_people(2);
        state.speaker_view = true;
        state.layout = Layout {
            first: 0,
            count: 3,
            tile: PictureSize::new(160, 90),
            large: PictureSize::new(1280, 720),
        };
        let sizes: Vec<_> = state
            .wishes()
            .iter()
            .map(|wish| (wish.stream, wish.tile.width))
            .collect();
        assert_eq!(
            sizes,
            [(StreamId(1), 1280), (StreamId(2), 160), (OWN_PICTURE, 160)]
        );
    }

    #[test]
    fn a_lost_connection_outweighs_a_lost_camera() {
        let mut state = with_people(1);
        let camera = Trouble::of(Problem::CameraLost);
        assert_eq!(
            state.banner(&camera, Instant(0)).problem,
            Problem::CameraLost
        );
        state.interrupted = Some(Trouble::of(Problem::ConnectionLost));
        assert_eq!(
            state.banner(&camera, Instant(0)).problem,
            Problem::ConnectionLost
        );
    }
}
