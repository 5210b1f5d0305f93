//! Real faults while a person watches: each shows its words, and the screen goes on.

use crate::call::Relay;
use crate::person::Person;
use crate::story::{in_vm, is_at, keep_picture, shows_picture, with_devices};
use crate::webcam::{Webcam, wait_for_node};
use conclave_ui::Page;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

const SOUND_DRIVER: &str = "/sys/bus/platform/drivers/snd_aloop";

pub(crate) fn configuration(relay: &Relay) -> String {
    if in_vm() {
        // The node is the same each time: nothing else is plugged in.
        with_devices(
            relay,
            "v4l2:/dev/video1:640x480@30",
            "alsa:plughw:Loopback,1,0",
        )
    } else {
        with_devices(relay, "pattern:640x360@30", "tone")
    }
}

pub(crate) fn tell(person: &mut Person, relay: &mut Relay) {
    let mut webcam = in_vm().then(|| Webcam::plug(&["--mjpeg", "640x480@30"]));
    if webcam.is_some() {
        assert_eq!(wait_for_node(), "/dev/video1");
    }
    refusals(person, relay);

    person.waits_until("the own picture", |window| shows_picture(window, "door"));
    let _ana = relay.call("ana", &["--camera", "pattern:640x360@15", "--pin", "2468"]);
    person.waits_until("Ana's picture", |window| shows_picture(window, "ana"));
    if let Some(webcam) = &mut webcam {
        camera(person, webcam);
        sound_card(person);
    }
    relay_is_away(person, relay);
    if in_vm() {
        network_is_away(person);
    }
    identity(person, relay);
}

fn refusals(person: &mut Person, relay: &Relay) {
    // A name that is another device's.
    relay.call_in("lounge", "ana", &[]).end();
    person.touches("Name");
    person.types("ana");
    person.touches("Email");
    person.types("d@e.fr");
    person.touches("Key Hide the keyboard");
    person.touches("Sign in");
    person.reads("This name is taken.");
    person.touches("They are the same");
    keep_picture(person, "fault-name-taken");
    person.touches("Name");
    for _ in 0..3 {
        person.touches("Key Backspace");
    }
    person.types("door");
    person.touches("Key Hide the keyboard");
    person.touches("Sign in");
    person.waits_until("the lobby", is_at(Page::Lobby));

    // A room for two that two are in.
    person.touches("New room");
    person.touches("Name of the room");
    person.types("duo");
    person.touches("Key Hide the keyboard");
    for _ in 2..16 {
        person.touches("Fewer people");
    }
    person.touches("Create");
    person.waits_until("the room", is_at(Page::Room));
    person.touches("Leave");
    person.waits_until("the lobby", is_at(Page::Lobby));
    let two = ["ben", "eve"].map(|user| relay.call_in("duo", user, &[]));
    person.waits_until("the full room", |window| {
        let lobby = slint::ComponentHandle::global::<conclave_ui::Lobby>(window);
        slint::Model::iter(&lobby.get_rooms()).any(|room| room.name == "duo" && room.people == 2)
    });
    person.touches("Join duo");
    assert!(person.ask(is_at(Page::Lobby)), "a full room takes no one");
    keep_picture(person, "fault-room-full");
    two.into_iter().for_each(|call| drop(call.end()));

    // A wrong PIN, then the right one.
    let locked = relay.call_in("test", "ben", &["--pin", "2468"]);
    person.touches("Join test, locked");
    for _ in 0..4 {
        person.touches("9");
    }
    person.touches("Enter the PIN");
    person.reads("This PIN is wrong.");
    keep_picture(person, "fault-wrong-pin");
    for digit in ["2", "4", "6", "8"] {
        person.touches(digit);
    }
    person.touches("Enter the PIN");
    person.waits_until("the room", is_at(Page::Room));
    locked.end();
}

fn camera(person: &Person, webcam: &mut Webcam) {
    webcam.tell("unplug");
    person.reads("The camera does not answer.");
    person.waits_until("no own picture", |window| !shows_picture(window, "door"));
    keep_picture(person, "fault-camera");
    webcam.tell("plug");
    person.waits_until("the own picture again", |window| {
        shows_picture(window, "door")
    });
    person.reads_no_more("The camera does not answer.");
}

fn sound_card(person: &Person) {
    fs::write(format!("{SOUND_DRIVER}/unbind"), "snd_aloop.0").unwrap();
    person.reads("The microphone does not answer.");
    keep_picture(person, "fault-sound");
    fs::write(format!("{SOUND_DRIVER}/bind"), "snd_aloop.0").unwrap();
    person.reads_no_more("The microphone does not answer.");
}

fn relay_is_away(person: &Person, relay: &mut Relay) {
    relay.kill();
    person.reads("The connection was lost. Reconnecting…");
    keep_picture(person, "fault-relay");
    relay.start_again();
    person.reads_no_more("The connection was lost.");
    person.waits_until("the room", is_at(Page::Room));
    person.waits_until("Ana's picture again", |window| shows_picture(window, "ana"));
}

/// For longer than a session is kept: nothing comes through, and nothing says so.
fn network_is_away(person: &Person) {
    let loopback = |state: &str| {
        let done = Command::new("/vm/control/busybox")
            .args(["ifconfig", "lo", state])
            .status();
        assert!(done.unwrap().success());
    };
    loopback("down");
    let gone = Instant::now();
    person.reads("The connection was lost. Reconnecting…");
    while gone.elapsed() < Duration::from_secs(60) {
        person.ask(is_at(Page::Room));
        // The fault itself lasts a minute.
        std::thread::sleep(Duration::from_secs(1));
    }
    keep_picture(person, "fault-network");
    loopback("up");
    person.reads_no_more("The connection was lost.");
    person.waits_until("the room", is_at(Page::Room));
    person.waits_until("Ana's picture again", |window| shows_picture(window, "ana"));
}

/// Another relay answers at the address of the one that is known.
fn identity(person: &mut Person, relay: &mut Relay) {
    relay.kill();
    relay.lose_its_data();
    relay.start_again();
    person.reads("This is not the server that this device connected to before.");
    keep_picture(person, "fault-identity");
    assert!(person.ask(is_at(Page::SignIn)));
}
