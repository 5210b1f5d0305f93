//! Between meetings.

use super::{Scene, list};
use conclave_ui::slint::ComponentHandle;
use conclave_ui::{App, AppWindow, Health, Idle, Page, Problem, Toast};

pub(super) fn scenes() -> Vec<Scene> {
    vec![
        Scene::new("idle", "idle", show_code),
        Scene::new("idle", "occupied", |window| {
            window.global::<Idle>().set_room_people(3);
            show_code(window);
            window.global::<Idle>().set_busy(list(Vec::new()));
        }),
        Scene::new("idle", "trouble", trouble),
        Scene::new("idle", "no-room-of-its-own", |window| {
            window.global::<Idle>().set_room("".into());
            window.global::<Idle>().set_starting(true);
        }),
        Scene::new("idle", "starting", |window| {
            window.global::<App>().set_page(Page::Starting)
        }),
    ]
}

/// As when the relay serves browsers.
pub(super) fn show_code(window: &AppWindow) {
    let app = window.global::<App>();
    let url = "https://192.168.1.10:7480/#j=AAAAAgHCN4oAAAABq0yyrh2RmnjYvUXsnC9mzg";
    app.set_code(conclave_ui::join_code(url).unwrap_or_default());
    app.set_has_code(true);
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
