//! Between meetings.

use super::{Scene, list};
use conclave_ui::slint::ComponentHandle;
use conclave_ui::{App, AppWindow, Entering, Health, Idle, Page, Problem, Toast};

pub(super) fn scenes() -> Vec<Scene> {
    vec![
        Scene::new("idle", "idle", show_code),
        Scene::new("idle", "occupied", |window| {
            window.global::<Idle>().set_room_people(3);
            show_code(window);
            window.global::<Idle>().set_busy(list(Vec::new()));
        }),
        Scene::new("idle", "trouble", trouble),
        Scene::new("idle", "connecting", connecting),
        Scene::new("idle", "joining", |window| {
            connecting(window);
            window
                .global::<Idle>()
                .set_problem(Problem::RelayUnreachable);
            window
                .global::<Idle>()
                .set_detail("192.168.1.10:7470".into());
            window.global::<App>().set_entering(Entering::Joining);
        }),
        Scene::new("idle", "full", |window| {
            show_code(window);
            window.global::<Idle>().set_room_people(16);
            window.global::<App>().set_entering(Entering::Full);
        }),
        Scene::new("idle", "waiting-for-a-place", |window| {
            show_code(window);
            window.global::<Idle>().set_room_people(16);
            window.global::<App>().set_entering(Entering::Waiting);
        }),
        Scene::new("idle", "not-joined", |window| {
            connecting(window);
            window.global::<Idle>().set_problem(Problem::NotJoined);
        }),
        Scene::new("idle", "provisioning-refused", |window| {
            show_code(window);
            let app = window.global::<App>();
            app.set_provisioning_problem(REFUSED.into());
        }),
        Scene::new("idle", "no-room-of-its-own", |window| {
            window.global::<Idle>().set_room("".into());
            window.global::<Idle>().set_starting(true);
        }),
        Scene::new("idle", "starting", |window| {
            window.global::<App>().set_page(Page::Starting)
        }),
    ]
}

/// As `conclave-endpoint provision` tells it.
pub(crate) const REFUSED: &str = "/run/conclave-provision/sda1/conclave.toml
line 2: relay.address = \"relay lan\": a relay is HOST, HOST:PORT, auto or auto:NAME
line 5: unknown key \"account.mail\": did you mean \"account.email\"?
line 8: room.pin = …: too short: at least 4 characters are needed
line 12: wifi.password = …: a password has 8 to 63 characters, this one has 6
line 15: clock.time_zone = \"Hanoi\": there is no such time zone in /usr/share/zoneinfo";

/// As when the relay serves browsers.
pub(super) fn show_code(window: &AppWindow) {
    let app = window.global::<App>();
    let url = "https://192.168.1.10:7480/#j=AAAAAgHCN4oAAAABq0yyrh2RmnjYvUXsnC9mzg";
    app.set_code(conclave_ui::join_code(url).unwrap_or_default());
    app.set_has_code(true);
}

fn connecting(window: &AppWindow) {
    window.global::<App>().set_relay(Health::Waiting);
    let idle = window.global::<Idle>();
    idle.set_problem(Problem::Connecting);
    idle.set_busy(list(Vec::new()));
}

fn trouble(window: &AppWindow) {
    let app = window.global::<App>();
    app.set_camera(Health::Bad);
    app.set_speaker(Health::Off);
    app.set_relay(Health::Waiting);
    app.set_toasts(list(vec![Toast {
        id: 1,
        problem: Problem::CameraLost,
        detail: "".into(),
    }]));
    let idle = window.global::<Idle>();
    idle.set_problem(Problem::RelayUnreachable);
    idle.set_detail("192.168.1.10:7470".into());
    idle.set_busy(list(Vec::new()));
}
