//! With nothing but a finger: in, seen, heard, writing, muted and out again.

use crate::call::{Relay, count, stream};
use crate::person::Person;
use crate::story::{camera_is_released, in_vm, is_at, keep_picture, shows_picture, with_devices};
use conclave_ui::Page;

/// The camera and the sound that the kiosk has: the machine's own where it has drivers.
pub(crate) fn configuration(relay: &Relay) -> String {
    let camera = if in_vm() {
        "v4l2:/dev/video0:640x360@30"
    } else {
        "pattern:640x360@30"
    };
    with_devices(relay, camera, "tone")
}

pub(crate) fn tell(person: &mut Person, relay: &mut Relay) {
    // Signing in, with nothing but a finger.
    person.touches("Name");
    person.types("door");
    person.touches("Email");
    person.types("d@e.fr");
    person.touches("Key Hide the keyboard");
    person.touches("Sign in");
    person.waits_until("the lobby", is_at(Page::Lobby));
    person.touches("They are the same");

    // A room of one's own.
    person.touches("New room");
    person.touches("Name of the room");
    person.types("test");
    person.touches("Key Hide the keyboard");
    person.touches("Create");
    person.waits_until("the room", is_at(Page::Room));
    person.waits_until("the own picture", |window| shows_picture(window, "door"));

    // The camera, off and on again.
    person.touches("Camera");
    person.waits_until("no own picture", |window| !shows_picture(window, "door"));
    camera_is_released(person);
    person.touches("Camera");
    person.waits_until("the own picture again", |window| {
        shows_picture(window, "door")
    });

    // A person joins, is seen moving, and sees.
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
    keep_picture(person, "room");
    person.touches("Key Hide the keyboard");
    person.touches("Close");

    // Mute, as the other sees it.
    person.touches("Microphone");
    ana.program.reports("door: microphone off");
    person.touches("Microphone");
    ana.program.reports("door: microphone on");

    // Leaving lets go of everything.
    person.touches("Leave");
    person.waits_until("the lobby", is_at(Page::Lobby));
    ana.program.reports("door left");
    camera_is_released(person);
    ana.end();
}
