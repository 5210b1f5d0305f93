//! A person at the screen: the whole app in a real window, touched where its elements are, with a real relay and a second
//! endpoint.
//!
//! The window is in an X server of its own (Xvfb), or, in the virtual machine, on the bare screen (KMS) with a touch panel
//! made of `uinput`. Slint wants the main thread, so this is a program and not a `#[test]`.

#![allow(clippy::unwrap_used, reason = "a test, though it is no `#[test]`")]

#[path = "../vm_calls/call.rs"]
mod call;
mod display;
mod finger;
mod person;
#[path = "../vm_calls/program.rs"]
#[expect(dead_code, reason = "shared with tests that look closer")]
mod program;
mod story;

use conclave_endpoint::config::Config;
use conclave_endpoint::keep::Keep;
use display::Display;
use person::Person;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

const NAME: &str = "a_person_signs_in_makes_a_room_is_seen_and_heard_writes_mutes_and_leaves";

fn main() -> ExitCode {
    // As the test harness is asked for its tests.
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--list") {
        println!("{NAME}: test");
        return ExitCode::SUCCESS;
    }
    let Some(display) = Display::start() else {
        println!("skipped: needs Xvfb and xdotool (scripts/deps.sh test)");
        return ExitCode::SUCCESS;
    };
    println!("\nrunning 1 test");
    let passed = run(display);
    let word = if passed { "ok" } else { "FAILED" };
    println!("test {NAME} ... {word}\n");
    let (ok, failed) = (u8::from(passed), u8::from(!passed));
    println!("test result: {word}. {ok} passed; {failed} failed; 0 ignored");
    ExitCode::from(failed)
}

/// The window on this thread, the person on another.
fn run(display: Display) -> bool {
    let relay = call::Relay::start();
    let folder = relay.file("kiosk");
    let keep = Keep::open(&folder).unwrap();
    let file = relay.file("endpoint.toml");
    std::fs::write(&file, story::configuration(&relay)).unwrap();
    let config = Config::load(Some(&file), Some(&folder)).unwrap();
    let mut story = None;
    let shown = conclave_endpoint::ui::run(config, keep, false, |window| {
        let person = Person::before(window, display);
        story = Some(std::thread::spawn(move || {
            let told = catch_unwind(AssertUnwindSafe(|| story::tell(person, &relay)));
            let _ = slint::invoke_from_event_loop(|| {
                let _ = slint::quit_event_loop();
            });
            told
        }));
    });
    if let Err(error) = &shown {
        println!("no window: {error}");
    }
    // The display outlives the window.
    let told = story
        .and_then(|story| story.join().ok())
        .and_then(Result::ok);
    told.is_some() && shown.is_ok()
}
