//! What can be set up.

use super::{Scene, list, picture};
use conclave_ui::slint::ComponentHandle;
use conclave_ui::{App, AppWindow, Fact, Page, Problem, Settings, SettingsTab};

pub(super) fn scenes() -> Vec<Scene> {
    vec![
        Scene::new("settings", "camera", |window| {
            tab(window, SettingsTab::Camera);
            window.global::<Settings>().set_preview(picture::person(3));
            window.global::<Settings>().set_has_preview(true);
        }),
        Scene::new("settings", "sound", |window| {
            tab(window, SettingsTab::Sound)
        }),
        Scene::new("settings", "relay", |window| {
            tab(window, SettingsTab::Relay);
            window.global::<Settings>().set_facts(list(facts()));
        }),
        Scene::new("settings", "locked", locked),
        Scene::new("settings", "camera-lost", |window| {
            tab(window, SettingsTab::Camera);
            window
                .global::<Settings>()
                .set_camera_problem(Problem::CameraLost);
        }),
        Scene::new("settings", "camera-waiting", |window| {
            tab(window, SettingsTab::Camera)
        }),
        Scene::new("settings", "camera-off", |window| {
            tab(window, SettingsTab::Camera);
            window.global::<Settings>().set_camera(2);
        }),
        Scene::new("settings", "sound-trouble", |window| {
            tab(window, SettingsTab::Sound);
            let settings = window.global::<Settings>();
            settings.set_microphone_problem(Problem::MicrophoneLost);
            settings.set_speaker_problem(Problem::SpeakerLost);
            settings.set_testing_speaker(true);
        }),
        Scene::new("settings", "screen", |window| {
            tab(window, SettingsTab::Screen)
        }),
        Scene::new("settings", "about", |window| {
            tab(window, SettingsTab::About)
        }),
        Scene::new("settings", "about-written", |window| {
            tab(window, SettingsTab::About);
            let settings = window.global::<Settings>();
            settings.set_bundle("/var/lib/conclave/diagnostics-2026-11-22.tar.gz".into());
            settings.set_problem(Problem::SettingsNotSaved);
        }),
        Scene::new("settings", "about-not-written", |window| {
            tab(window, SettingsTab::About);
            window
                .global::<Settings>()
                .set_problem(Problem::BundleNotWritten);
        }),
        Scene::touched("settings", "locked-wrong", locked, |window, _| {
            let settings = window.global::<Settings>();
            settings.set_pin_problem(Problem::TooOften);
            settings.set_pin_detail("3600".into());
        }),
    ]
}

fn tab(window: &AppWindow, tab: SettingsTab) {
    window.global::<App>().set_page(Page::Settings);
    window.global::<Settings>().set_tab(tab);
}

fn locked(window: &AppWindow) {
    tab(window, SettingsTab::Camera);
    window.global::<Settings>().set_locked(true);
}

/// Every fact that has a name.
fn facts() -> Vec<Fact> {
    [
        ("version", "0.1.0"),
        ("address", "192.168.1.42"),
        ("path", "UDP"),
        ("round-trip", "1.2 ms"),
        ("device", "622c-4abe-e898-0073"),
        ("relay", "0.1.0"),
        ("loss", "0.2 %"),
        ("sending", "1.4 Mbit/s"),
        ("receiving", "6.1 Mbit/s"),
        ("camera", "HD Pro Webcam C920"),
        ("microphone", "Jabra SPEAK 510"),
        ("speaker", "Jabra SPEAK 510"),
        ("system", "Linux 6.12"),
        ("uptime", "3:12"),
    ]
    .map(|(name, value)| Fact {
        name: name.into(),
        value: value.into(),
    })
    .into()
}
