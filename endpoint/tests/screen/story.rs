//! The stories that are told, and what they share.

use crate::call::Relay;
use crate::person::Person;
use crate::{faults, keys, names, touch};
use conclave_ui::{AppWindow, Page, Room};
use slint::{ComponentHandle as _, Model as _};

/// What a person goes through, with an app of its own.
pub(crate) struct Story {
    pub(crate) name: &'static str,
    /// Whether the machine has what it takes.
    pub(crate) can_be_told: fn() -> bool,
    pub(crate) tell: fn(&mut Person, &mut Relay),
    pub(crate) configuration: fn(&Relay) -> String,
}

pub(crate) const STORIES: [Story; 4] = [
    Story {
        name: "a_person_signs_in_makes_a_room_is_seen_and_heard_writes_mutes_and_leaves",
        can_be_told: || true,
        tell: touch::tell,
        configuration: touch::configuration,
    },
    Story {
        name: "all_of_it_is_done_with_a_keyboard_alone",
        // The virtual machine has a touch panel and no keyboard.
        can_be_told: || !in_vm(),
        tell: keys::tell,
        configuration: keys::configuration,
    },
    Story {
        name: "each_fault_shows_its_words_and_the_screen_goes_on",
        can_be_told: || true,
        tell: faults::tell,
        configuration: faults::configuration,
    },
    Story {
        name: "a_name_of_any_script_and_an_emoji_are_drawn",
        can_be_told: names::can_be_told,
        tell: names::tell,
        configuration: names::configuration,
    },
];

/// Whether the drivers of cameras, sound cards and screens are there.
pub(crate) fn in_vm() -> bool {
    std::env::var_os("CONCLAVE_IN_VM").is_some()
}

/// A configuration with these devices.
pub(crate) fn with_devices(relay: &Relay, camera: &str, microphone: &str) -> String {
    format!(
        "[relay]\naddress = '{}'\n[devices]\ncamera = '{camera}'\nmicrophone = '{microphone}'\nspeaker = 'off'\n[screen]\ntouch_keyboard = 'on'\n",
        relay.address()
    )
}

/// Whether a page is shown.
pub(crate) fn is_at(page: Page) -> impl Fn(&AppWindow) -> bool + Clone + Send {
    move |window| window.global::<conclave_ui::App>().get_page() == page
}

/// Whether this person's picture is on their tile.
pub(crate) fn shows_picture(window: &AppWindow, name: &str) -> bool {
    let room = window.global::<Room>();
    let (tiles, pictures) = (room.get_tiles(), room.get_pictures());
    tiles
        .iter()
        .zip(pictures.iter())
        .any(|(tile, picture)| tile.name == name && tile.has_picture && picture.size().width > 0)
}

/// Off means that this process, which is the kiosk, has no camera open.
pub(crate) fn camera_is_released(person: &Person) {
    person.waits_until("no camera is open", |_| {
        let descriptors = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let mut targets = descriptors.filter_map(|entry| std::fs::read_link(entry.path()).ok());
        !targets.any(|target| target.to_string_lossy().starts_with("/dev/video"))
    });
}

/// For people to look at, where they asked for it.
pub(crate) fn keep_picture(person: &Person, name: &str) {
    if let Some(folder) = std::env::var_os("CONCLAVE_SCREENSHOTS") {
        let file = std::path::Path::new(&folder)
            .join(name)
            .with_extension(person.display.suffix());
        person.shoots(&file);
    }
}
