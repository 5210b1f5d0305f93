//! The list of rooms, and what opens above it.

use super::{Scene, Stage, list};
use conclave_ui::slint::ComponentHandle;
use conclave_ui::{App, AppWindow, Entering, Lobby, Page, Problem, RoomRow};

pub(super) fn scenes() -> Vec<Scene> {
    vec![
        Scene::new("lobby", "rooms", rooms),
        Scene::new("lobby", "create", create),
        Scene::new("lobby", "pin", |window| {
            rooms(window);
            window.global::<Lobby>().set_pin_open(true);
        }),
        Scene::new("lobby", "first-contact", |window| {
            page(window);
            window
                .global::<Lobby>()
                .set_first_contact("kamos-hopuv-vofim-badug".into());
        }),
        Scene::new("lobby", "search", |window| {
            page(window);
            let lobby = window.global::<Lobby>();
            lobby.set_search("Atrium".into());
            lobby.set_rooms(list(Vec::new()));
        }),
        Scene::new("lobby", "empty", |window| {
            page(window);
            window.global::<Lobby>().set_rooms(list(Vec::new()));
            window.global::<Lobby>().set_total(0);
        }),
        Scene::new("lobby", "loading", |window| {
            page(window);
            window.global::<Lobby>().set_rooms(list(Vec::new()));
            window.global::<Lobby>().set_loading(true);
        }),
        Scene::new("lobby", "trouble", |window| {
            rooms(window);
            window
                .global::<Lobby>()
                .set_problem(Problem::ConnectionLost);
        }),
        Scene::new("lobby", "joining", |window| {
            rooms(window);
            window.global::<App>().set_entering(Entering::Joining);
            window
                .global::<App>()
                .set_entering_room("Weekly planning".into());
            let lobby = window.global::<Lobby>();
            lobby.set_problem(Problem::RelayUnreachable);
        }),
        Scene::new("lobby", "full", |window| {
            rooms(window);
            window.global::<App>().set_entering(Entering::Full);
        }),
        Scene::new("lobby", "waiting-for-a-place", |window| {
            rooms(window);
            window.global::<App>().set_entering(Entering::Waiting);
        }),
        Scene::touched(
            "lobby",
            "create-keyboard",
            create,
            |window: &AppWindow, stage: &Stage| {
                stage.touch(window, "Name of the room");
            },
        ),
        Scene::new("lobby", "create-refused", |window| {
            create(window);
            let lobby = window.global::<Lobby>();
            lobby.set_create_problem(Problem::RoomExists);
            lobby.set_creating(true);
        }),
        Scene::touched(
            "lobby",
            "pin-wrong",
            |window| {
                rooms(window);
                window.global::<Lobby>().set_pin_open(true);
            },
            |window, _| window.global::<Lobby>().set_pin_problem(Problem::TooOften),
        ),
    ]
}

fn page(window: &AppWindow) {
    window.global::<App>().set_page(Page::Lobby);
}

fn rooms(window: &AppWindow) {
    page(window);
    let room = |id, name: &str, people, capacity, locked, joining| RoomRow {
        id,
        name: name.into(),
        people,
        capacity,
        locked,
        joining,
    };
    let rooms = vec![
        room(1, "Maple", 3, 16, false, false),
        room(3, "Weekly planning", 4, 16, false, true),
        room(5, "Board", 8, 8, true, false),
        room(6, "Quiet corner", 0, 4, false, false),
        room(7, "Họp nhóm kỹ thuật", 1, 16, false, false),
        room(8, "Interviews for the second floor", 2, 4, true, false),
        room(9, "Kitchen", 0, 16, false, false),
    ];
    let lobby = window.global::<Lobby>();
    lobby.set_total(i32::try_from(rooms.len()).unwrap_or(i32::MAX));
    lobby.set_rooms(list(rooms));
}

fn create(window: &AppWindow) {
    rooms(window);
    let lobby = window.global::<Lobby>();
    lobby.set_create_open(true);
    lobby.set_can_create(true);
    lobby.set_new_pin("2468".into());
}
