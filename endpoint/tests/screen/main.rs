//! A person at the screen: the whole app in a real window, touched where its elements are, with a real relay and a
//! second endpoint.
//!
//! The window is in an X server of its own (Xvfb), or, in the virtual machine, on the bare screen (KMS) with a touch
//! panel made of `uinput`. Slint wants the main thread and has one event loop a process, so this is a program and not a
//! `#[test]`, and each story a process.

#![allow(clippy::unwrap_used, reason = "a test, though it is no `#[test]`")]

#[path = "../vm_calls/call.rs"]
mod call;
mod display;
mod faults;
mod finger;
mod ink;
mod keys;
mod names;
mod person;
#[path = "../vm_calls/program.rs"]
#[expect(dead_code, reason = "shared with tests that look closer")]
mod program;
mod story;
mod touch;
#[path = "../vm_calls/webcam.rs"]
#[expect(dead_code, reason = "shared with tests that look closer")]
mod webcam;

use conclave_endpoint::config::Config;
use conclave_endpoint::data_dir::DataDir;
use display::Display;
use person::Person;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, ExitCode};
use story::{STORIES, Story};

/// Names the story that a process of its own is to tell.
const ONE: &str = "CONCLAVE_STORY";

fn main() -> ExitCode {
    if let Ok(name) = std::env::var(ONE) {
        let story = STORIES.iter().find(|story| story.name == name);
        return ExitCode::from(u8::from(!story.is_some_and(tell)));
    }
    // As the test harness is asked for its tests.
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let chosen = |story: &&Story| {
        let mut names = arguments
            .iter()
            .filter(|argument| !argument.starts_with('-'))
            .peekable();
        names.peek().is_none() || names.any(|name| story.name.contains(name.as_str()))
    };
    if arguments.iter().any(|argument| argument == "--list") {
        STORIES
            .iter()
            .for_each(|story| println!("{}: test", story.name));
        return ExitCode::SUCCESS;
    }
    if !Display::can_be_had() {
        println!("skipped: needs Xvfb and xdotool (scripts/deps.sh test)");
        return ExitCode::SUCCESS;
    }
    let stories: Vec<_> = STORIES
        .iter()
        .filter(|story| (story.can_be_told)())
        .filter(chosen)
        .collect();
    println!("\nrunning {} tests", stories.len());
    let (mut passed, mut failed) = (0, 0);
    for story in stories {
        let told = Command::new(std::env::current_exe().unwrap())
            .env(ONE, story.name)
            .status();
        let ok = told.is_ok_and(|status| status.success());
        println!(
            "test {} ... {}",
            story.name,
            if ok { "ok" } else { "FAILED" }
        );
        *(if ok { &mut passed } else { &mut failed }) += 1;
    }
    let word = if failed == 0 { "ok" } else { "FAILED" };
    println!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored");
    ExitCode::from(u8::from(failed > 0))
}

/// The window on this thread, the person on another.
fn tell(story: &'static Story) -> bool {
    let Some(display) = Display::start() else {
        return false;
    };
    let mut relay = call::Relay::start();
    let folder = relay.file("kiosk");
    let keep = DataDir::open(&folder).unwrap();
    let file = relay.file("endpoint.toml");
    std::fs::write(&file, (story.configuration)(&relay)).unwrap();
    let config = Config::load(Some(&file), Some(&folder)).unwrap();
    let mut telling = None;
    let shown = conclave_endpoint::ui::run(config, keep, None, |window| {
        let mut person = Person::before(window, display);
        telling = Some(std::thread::spawn(move || {
            let told = catch_unwind(AssertUnwindSafe(|| (story.tell)(&mut person, &mut relay)));
            let _ = slint::invoke_from_event_loop(|| {
                let _ = slint::quit_event_loop();
            });
            // The display outlives the window, or the X library would end this process before the relay is ended.
            (told.is_ok(), person)
        }));
    });
    if let Err(error) = &shown {
        println!("no window: {error}");
    }
    let told = telling.and_then(|telling| telling.join().ok());
    told.is_some_and(|(told, _person)| told) && shown.is_ok()
}
