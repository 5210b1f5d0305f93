//! With a keyboard and no finger: every page, by Tab, Space, Return, Escape and letters.

use crate::call::{Relay, count, stream};
use crate::person::Person;
use crate::story::{camera_is_released, is_at, keep_picture, shows_picture, with_devices};
use conclave_ui::Page;
use slint::ComponentHandle as _;

pub(crate) fn configuration(relay: &Relay) -> String {
    with_devices(relay, "pattern:640x360@30", "tone")
        .replace("touch_keyboard = 'on'", "touch_keyboard = 'off'")
}

pub(crate) fn tell(person: &mut Person, relay: &mut Relay) {
    person.display.focus();
    person.goes_to("Name");
    person.enters("door");
    person.goes_to("Email");
    person.enters("door@example.org");
    person.presses_on("Sign in", "Return");
    person.waits_until("the lobby", is_at(Page::Lobby));
    person.presses_on("They are the same", "space");

    // Settings, and back.
    person.presses_on("Settings", "Return");
    person.waits_until("the settings", is_at(Page::Settings));
    person.presses_on("Screen", "Return");
    person.presses_on("Dark theme", "space");
    person.waits_until("light colours", |window| {
        !window.global::<conclave_ui::App>().get_dark()
    });
    person.presses_on("Back", "Return");
    person.waits_until("the lobby again", is_at(Page::Lobby));

    person.presses_on("New room", "Return");
    person.goes_to("Name of the room");
    person.enters("test");
    person.presses_on("Fewer people", "space");
    person.presses_on("Create", "Return");
    person.waits_until("the room", is_at(Page::Room));
    person.waits_until("the own picture", |window| shows_picture(window, "door"));

    let ana = relay.call("ana", &["--camera", "pattern:640x360@15", "--say", "Hello"]);
    person.waits_until("Ana's picture", |window| shows_picture(window, "ana"));
    person.presses_on("Microphone", "space");
    ana.program.reports("door: microphone off");
    person.presses_on("Microphone", "space");
    ana.program.reports("door: microphone on");
    person.presses_on("Camera", "space");
    person.waits_until("no own picture", |window| !shows_picture(window, "door"));
    person.presses_on("Camera", "space");
    ana.stats("pictures", |stats| {
        count(stream(stats, "door", "video"), "frames_decoded") >= 10
    });

    person.presses_on("Chat", "Return");
    person.reads("Hello");
    person.goes_to("Message");
    person.enters("hi there");
    person.presses("Return");
    person.reads("hi there");
    keep_picture(person, "keys-chat");
    person.presses("Escape");
    person.presses_on("People", "Return");
    person.reads("door (you)");
    person.presses("Escape");
    person.presses_on("Volume", "Return");
    person.presses("Left");
    person.reads("95 %");
    person.presses("Escape");

    person.presses_on("Leave", "Return");
    person.waits_until("the lobby", is_at(Page::Lobby));
    ana.program.reports("door left");
    ana.end();
    camera_is_released(person);

    person.presses_on("Sign out", "Return");
    person.waits_until("the form", is_at(Page::SignIn));
}
