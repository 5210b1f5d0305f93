//! Every scene in every language and size: no text is cut off, none stands upon another, none was left untranslated.

mod texts;

#[allow(
    dead_code,
    reason = "the pictures of scenes are for the example that takes them"
)]
#[path = "../../examples/scenes/mod.rs"]
mod scenes;

use conclave_ui::slint::platform::update_timers_and_animations;
use conclave_ui::slint::{ComponentHandle, select_bundled_translation};
use conclave_ui::{AppWindow, TextWatch};
use scenes::{Scene, Stage};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use texts::Texts;

const LANGUAGES: [&str; 4] = ["en", "de", "vi", PSEUDO];

/// Everything that was translated is in brackets.
const PSEUDO: &str = "qps-ploc";

/// What comes from the program or from people, and is the same in every language.
const DATA: [&str; 21] = [
    "Conclave",
    "Meeting room 2",
    "English",
    "Tiếng Việt",
    "HD Pro Webcam C920",
    "Jabra SPEAK 510",
    "kamos-hopuv-vofim-badug",
    "Slint, GPL-3.0-only\nlibjpeg-turbo, BSD-3-Clause and IJG",
    "UDP",
    "Linux 6.12",
    "1.2 ms",
    "1.4 Mbit/s",
    "6.1 Mbit/s",
    "622c-4abe-e898-0073",
    "Can everyone see the plan?",
    "It is the one from Thursday, with the long table of dates.",
    "Shall we begin with the budget, then the room plan, and leave the rest for Tuesday?",
    "Yes, and we hear you well.",
    "Fine by me",
    "Cảm ơn mọi người",
    scenes::REFUSED,
];

#[test]
fn everything_fits_a_panel_of_seven_inches() {
    check(800, 480);
}

#[test]
fn everything_fits_a_panel_of_ten_inches() {
    check(1280, 800);
}

#[test]
fn everything_fits_a_screen_on_the_wall() {
    check(1920, 1080);
}

#[test]
fn what_does_not_fit_is_found() {
    let faults = faults(400, 300, |scene| {
        ["lobby", "settings"].contains(&scene.page)
    });
    let some = |end: &str| faults.keys().any(|what| what.ends_with(end));
    assert!(
        some("is cut off") && some("is beside the window"),
        "{faults:?}"
    );
}

fn check(width: u32, height: u32) {
    let faults = faults(width, height, |_| true);
    let lines: Vec<String> = faults
        .iter()
        .map(|(what, places)| format!("{what}\n      in {}", places.join(", ")))
        .collect();
    assert!(
        lines.is_empty(),
        "{} faults at {width}x{height}:\n{}",
        lines.len(),
        lines.join("\n")
    );
}

/// What is wrong, and in which languages and scenes.
fn faults(width: u32, height: u32, wanted: fn(&Scene) -> bool) -> BTreeMap<String, Vec<String>> {
    let stage = Stage::new(width, height);
    let mut faults: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for scene in scenes::all().into_iter().filter(wanted) {
        let window = scene.show(&stage, true);
        for language in LANGUAGES {
            select_bundled_translation(language).expect("it is bundled");
            update_timers_and_animations();
            let texts = Texts::of(&window);
            let mut found = texts.overlapping();
            found.extend(texts.outside(width as f32, height as f32));
            found.extend(
                labels(&window)
                    .into_iter()
                    .filter_map(|label| fault(label, language)),
            );
            for what in found {
                let place = format!("{language} {}/{}", scene.page, scene.name);
                faults.entry(what).or_default().push(place);
            }
        }
        window.hide().expect("the stage hides everything");
    }
    faults
}

struct Shown {
    text: String,
    /// It may be of any length, and is cut off where it must be.
    typed: bool,
    fits: bool,
}

/// What the labels that can be seen show now.
fn labels(window: &AppWindow) -> Vec<Shown> {
    let shown = Rc::new(RefCell::new(Vec::new()));
    let watch = window.global::<TextWatch>();
    let seen = shown.clone();
    watch.on_shown(move |text, typed, fits| {
        let text = text.into();
        seen.borrow_mut().push(Shown { text, typed, fits });
    });
    watch.set_on(true);
    update_timers_and_animations();
    watch.set_on(false);
    update_timers_and_animations();
    shown.take()
}

fn fault(label: Shown, language: &str) -> Option<String> {
    let Shown { text, typed, fits } = label;
    // A letter is a key of the keyboard.
    let word = text.chars().nth(1).is_some()
        && text.contains(char::is_alphabetic)
        && !text.starts_with("https:");
    let data = typed || !word || DATA.contains(&text.as_str());
    if !fits {
        Some(format!("{text:?} is cut off"))
    } else if language == PSEUDO && !data && !text.contains('⟦') {
        Some(format!("{text:?} is not translated"))
    } else {
        None
    }
}
