//! A call.

use super::{Scene, list, picture};
use conclave_ui::slint::{ComponentHandle, Image, Model};
use conclave_ui::{App, AppWindow, ChatRow, Drawer, LineState, Page, Person, Problem, Room, Tile};

const NAMES: [(&str, &str); 16] = [
    ("Ana Lima", "AL"),
    ("Bảo Trần", "BT"),
    ("Christoph Sommer", "CS"),
    ("Dede Okafor", "DO"),
    ("Eleni Papadopoulou-Karagianni", "EP"),
    ("Farid Haddad", "FH"),
    ("Grace Kim", "GK"),
    ("Hugo Martín", "HM"),
    ("Ines Costa", "IC"),
    ("Jonas Weber", "JW"),
    ("Kaya Demir", "KD"),
    ("Linh Phạm", "LP"),
    ("Marek Nowak", "MN"),
    ("Noor Ali", "NA"),
    ("Olga Petrova", "OP"),
    ("Pia Rossi", "PR"),
];

pub(super) fn scenes() -> Vec<Scene> {
    vec![
        Scene::new("room", "4", |window| tiles(window, 4)),
        Scene::new("room", "speaker-view", |window| {
            tiles(window, 9);
            window.global::<Room>().set_speaker_view(true);
        }),
        Scene::new("room", "chat", |window| {
            drawer(window, Drawer::Chat);
            chat(window);
        }),
        Scene::new("room", "muted", |window| {
            tiles(window, 4);
            let room = window.global::<Room>();
            room.set_microphone_on(false);
            room.set_camera_on(false);
            room.set_banner(Problem::SpeakingWhileMuted);
        }),
        Scene::new("room", "1", |window| tiles(window, 1)),
        Scene::new("room", "2", |window| tiles(window, 2)),
        Scene::new("room", "9", |window| tiles(window, 9)),
        Scene::new("room", "16", |window| tiles(window, 16)),
        Scene::new("room", "reconnecting", |window| {
            tiles(window, 9);
            let room = window.global::<Room>();
            room.set_banner(Problem::ConnectionLost);
            turning(window);
        }),
        Scene::new("room", "turning", |window| {
            tiles(window, 4);
            turning(window);
        }),
        Scene::new("room", "away", |window| {
            tiles(window, 4);
            away(window);
        }),
        Scene::new("room", "away-16", |window| {
            tiles(window, 16);
            away(window);
        }),
        Scene::new("room", "away-speaker-view", |window| {
            tiles(window, 9);
            away(window);
            window.global::<Room>().set_speaker_view(true);
        }),
        Scene::new("room", "chat-unsent", |window| {
            drawer(window, Drawer::Chat);
            unsent(window);
        }),
        Scene::new("room", "camera-lost", |window| {
            tiles(window, 2);
            window.global::<Room>().set_banner(Problem::CameraLost);
        }),
        Scene::touched(
            "room",
            "volume",
            |window| tiles(window, 4),
            |window, stage| stage.touch(window, "Volume"),
        ),
        Scene::new("room", "chat-empty", |window| {
            drawer(window, Drawer::Chat);
            window.global::<Room>().set_chat(list(Vec::new()));
        }),
        Scene::new("room", "people", |window| drawer(window, Drawer::People)),
        Scene::new("room", "more", |window| {
            drawer(window, Drawer::More);
            super::idle::show_code(window);
        }),
        Scene::new("room", "more-gateway", |window| {
            drawer(window, Drawer::More);
            window.global::<Room>().set_end_to_end(false);
        }),
        Scene::new("room", "nobody", |window| tiles(window, 0)),
    ]
}

/// So many are in the call, the last of them this endpoint.
fn tiles(window: &AppWindow, count: usize) {
    window.global::<App>().set_page(Page::Room);
    let room = window.global::<Room>();
    let shown = |index: usize| index % 5 != 1 && index % 7 != 3 || index + 1 == count;
    let tile = |index: usize| {
        let own = index + 1 == count;
        let (name, initials) = if own {
            ("Meeting room 2", "MR")
        } else {
            NAMES[index % NAMES.len()]
        };
        let number = i32::try_from(index).unwrap_or_default();
        Tile {
            id: if own { 0 } else { number + 1 },
            name: name.into(),
            initials: initials.into(),
            hue: (number * 3 + 2) % 8,
            own,
            has_picture: shown(index),
            waiting: index == 1 && !own,
            muted: index % 3 == 1,
            speaking: index == 0 && count > 1,
            bars: if own { -1 } else { 3 - (number % 4) },
            away: false,
        }
    };
    let pictures = (0..count).map(|index| {
        if shown(index) {
            picture::person(index)
        } else {
            Image::default()
        }
    });
    room.set_pictures(list(pictures.collect()));
    room.set_tiles(list((0..count).map(tile).collect()));
}

fn drawer(window: &AppWindow, drawer: Drawer) {
    tiles(window, 4);
    let room = window.global::<Room>();
    room.set_drawer(drawer);
    room.set_unread(0);
    let people = (0..9).map(|index| {
        let (name, initials) = NAMES[index];
        let number = i32::try_from(index).unwrap_or_default();
        Person {
            id: number,
            name: name.into(),
            initials: initials.into(),
            hue: (number * 3 + 2) % 8,
            own: index == 0,
            microphone: index % 3 != 1,
            camera: index % 5 != 1,
            speaking: index == 2,
            via_gateway: index == 3,
            away: index == 3 || index == 4,
        }
    });
    room.set_people(list(people.collect()));
}

/// Every other tile is one whose connection is lost.
fn away(window: &AppWindow) {
    let room = window.global::<Room>();
    let tiles = room.get_tiles();
    let lost = |(index, mut tile): (usize, Tile)| {
        if index % 2 == 0 && !tile.own {
            (tile.away, tile.has_picture, tile.speaking) = (true, false, false);
            tile.bars = -1;
        }
        tile
    };
    room.set_tiles(list(tiles.iter().enumerate().map(lost).collect()));
}

fn turning(window: &AppWindow) {
    let room = window.global::<Room>();
    room.set_microphone_turning(true);
    room.set_camera_turning(true);
    room.set_microphone_on(false);
}

/// Below the first lines, what was written here and is not stored.
fn unsent(window: &AppWindow) {
    let unsent = |number, state, problem, follows| ChatRow {
        number,
        state,
        problem,
        detail: "3".into(),
        ..line("", "", "Yes, and we hear you well.", true, follows)
    };
    window.global::<Room>().set_chat(list(vec![
        line(
            "Ana Lima",
            "14:01",
            "Can everyone see the plan?",
            false,
            false,
        ),
        unsent(1, LineState::Failed, Problem::TooOften, false),
        unsent(2, LineState::Sending, Problem::None, true),
    ]));
}

fn line(name: &str, time: &str, text: &str, own: bool, follows: bool) -> ChatRow {
    ChatRow {
        number: 0,
        state: LineState::Stored,
        problem: Problem::None,
        detail: "".into(),
        name: name.into(),
        time: time.into(),
        text: text.into(),
        own,
        follows,
        first_new: false,
    }
}

fn chat(window: &AppWindow) {
    let room = window.global::<Room>();
    room.set_chat_more(true);
    room.set_chat_problem(Problem::TooOften);
    room.set_chat(list(vec![
        line(
            "Ana Lima",
            "14:01",
            "Can everyone see the plan?",
            false,
            false,
        ),
        line(
            "Ana Lima",
            "14:01",
            "It is the one from Thursday, with the long table of dates.",
            false,
            true,
        ),
        line(
            "Meeting room 2",
            "14:02",
            "Yes, and we hear you well.",
            true,
            false,
        ),
        line(
            "Christoph Sommer",
            "14:03",
            "https://example.org/a/long/address/without/any/space/in/it/that/has/to/be/broken.html",
            false,
            false,
        ),
        line("Bảo Trần", "14:03", "Cảm ơn mọi người", false, false),
        line(
            "Meeting room 2",
            "14:04",
            "Shall we begin with the budget, then the room plan, and leave the rest for Tuesday?",
            true,
            false,
        ),
        line(
            "Eleni Papadopoulou-Karagianni",
            "14:05",
            "Fine by me",
            false,
            false,
        ),
    ]));
}
