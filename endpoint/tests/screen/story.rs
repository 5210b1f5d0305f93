//! What the person does, and what has to come of it.

use crate::call::{Relay, count, stream};
use crate::person::Person;
use conclave_ui::{Page, Room};
use slint::{ComponentHandle as _, Model as _};

/// The camera and the sound that the kiosk has: the machine's own where it has drivers.
pub(crate) fn configuration(relay: &Relay) -> String {
    let in_vm = std::env::var_os("CONCLAVE_IN_VM").is_some();
    let camera = if in_vm {
        "v4l2:/dev/video0:640x360@30"
    } else {
        "pattern:640x360@30"
    };
    format!(
        "[relay]\naddress = '{}'\n[devices]\ncamera = '{camera}'\nmicrophone = 'tone'\nspeaker = 'off'\n[screen]\ntouch_keyboard = 'on'\n",
        relay.address()
    )
}

pub(crate) fn tell(mut person: Person, relay: &Relay) -> Person {
    // Signing in, with nothing but a finger.
    person.touches("Name");
    person.types("door");
    person.touches("Email");
    person.types("d@e.fr");
    person.touches("Key Hide the keyboard");
    person.touches("Sign in");
    person.waits_until("the lobby", |window| page(window) == Page::Lobby);
    person.touches("They are the same");

    // A room of one's own.
    person.touches("New room");
    person.touches("Name of the room");
    person.types("test");
    person.touches("Key Hide the keyboard");
    person.touches("Create");
    person.waits_until("the room", |window| page(window) == Page::Room);
    person.waits_until("the own picture", |window| shows_picture(window, "door"));

    // The camera, off and on again.
    person.touches("Camera");
    person.waits_until("no own picture", |window| !shows_picture(window, "door"));
    assert!(!camera_is_open(), "off means that the camera is released");
    person.touches("Camera");
    person.waits_until("the own picture again", |window| {
        shows_picture(window, "door")
    });

    // Somebody comes, is seen moving, and sees.
    let ana = relay.call(
        "ana",
        &[
            "--camera",
            "pattern:640x360@15",
            "--microphone",
            "tone:660",
            "--say",
            "Hello from Ana",
        ],
    );
    person.waits_until("Ana's picture", |window| shows_picture(window, "ana"));
    person.sees_something_move(&relay.file("shot"));
    ana.stats("30 pictures from the kiosk", |stats| {
        count(stream(stats, "door", "video"), "frames_decoded") >= 30
    });
    ana.stats("sound from the kiosk", |stats| {
        count(stream(stats, "door", "audio"), "frames_complete") >= 50
    });

    // Chat both ways.
    person.touches("Chat");
    person.reads("Hello from Ana");
    person.touches("Message");
    person.types("hi");
    person.touches("Send");
    person.reads("hi");
    let chat = ana.recording("chat.jsonl");
    person.waits_until("the line at Ana's", move |_| {
        std::fs::read_to_string(&chat).is_ok_and(|chat| chat.contains("\"hi\""))
    });
    keep_picture(&person, "room");
    person.touches("Key Hide the keyboard");
    person.touches("Close");

    // Mute, as the other sees it.
    person.touches("Microphone");
    ana.program.reports("door: microphone off");
    person.touches("Microphone");
    ana.program.reports("door: microphone on");

    // Leaving lets go of everything.
    person.touches("Leave");
    person.waits_until("the lobby", |window| page(window) == Page::Lobby);
    ana.program.reports("door left");
    let until = std::time::Instant::now() + std::time::Duration::from_secs(5);
    while camera_is_open() {
        assert!(
            std::time::Instant::now() < until,
            "the camera is still open"
        );
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    ana.end();
    person
}

fn page(window: &conclave_ui::AppWindow) -> Page {
    window.global::<conclave_ui::App>().get_page()
}

fn shows_picture(window: &conclave_ui::AppWindow, name: &str) -> bool {
    let room = window.global::<Room>();
    let (tiles, pictures) = (room.get_tiles(), room.get_pictures());
    tiles
        .iter()
        .zip(pictures.iter())
        .any(|(tile, picture)| tile.name == name && tile.has_picture && picture.size().width > 0)
}

/// Whether this process, which is the kiosk, has a camera open.
fn camera_is_open() -> bool {
    let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    let targets = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    targets
        .into_iter()
        .any(|target| target.starts_with("/dev/video0"))
}

/// For people to look at, where they asked for it.
fn keep_picture(person: &Person, name: &str) {
    if let Some(folder) = std::env::var_os("CONCLAVE_SCREENSHOTS") {
        let file = std::path::Path::new(&folder)
            .join(name)
            .with_extension(person.display.suffix());
        person.shoots(&file);
    }
}
