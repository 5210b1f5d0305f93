//! Names in any script, as people write them: each is drawn, on its room's card and upon its participant's tile.

use crate::call::{Call, Relay};
use crate::ink::{Area, Ink, Picture, Sign};
use crate::person::Person;
use crate::story::{in_vm, is_at, keep_picture};
use conclave_protocol::name::RoomName;
use conclave_ui::{AppWindow, Lobby, Page};
use i_slint_backend_testing::ElementHandle;
use slint::{ComponentHandle as _, Model as _};
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

/// The table that the protocol's own tests read.
const TABLE: &str = include_str!("../../../protocol/tests/vectors/names.txt");
/// No font has its first characters: a name that looks as they do is not drawn.
const UNKNOWN: &str = "\u{378}\u{378}\u{378} Nobody";
/// The person before the screen, and how others see them.
const OWN: (&str, &str) = ("door", "straße");
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where a name stands: in the first text of which element.
#[derive(Clone, Copy)]
struct Place {
    element: &'static str,
    label: fn(&str) -> String,
    /// Whether its text has no more room than it takes.
    is_close: bool,
}

const CARD: Place = Place {
    element: "RoomCard",
    label: |name| format!("Join {name}"),
    is_close: false,
};
const TILE: Place = Place {
    element: "VideoTile",
    label: str::to_owned,
    is_close: true,
};

/// Whether there is a font for each script of the table, as the package recommends.
pub(crate) fn can_be_told() -> bool {
    let has = |language: &&str| {
        let found = Command::new("fc-list")
            .arg(format!(":lang={language}"))
            .output();
        found.is_ok_and(|found| !found.stdout.is_empty())
    };
    // The virtual machine has none.
    if in_vm() {
        return false;
    }
    let all = ["th", "hi", "fa", "he", "zh-cn", "ko"].iter().all(has);
    if !all {
        println!("skipped: needs fonts for the names (scripts/deps.sh screen)");
    }
    all
}

pub(crate) fn configuration(relay: &Relay) -> String {
    format!(
        "[relay]\naddress = '{}'\n[account]\nname = '{}'\ndisplay_name = '{}'\nemail = 'd@e.fr'\n[devices]\ncamera = 'off'\nmicrophone = 'off'\nspeaker = 'off'\n",
        relay.address(),
        OWN.0,
        OWN.1,
    )
}

fn names(sign: &'static str) -> Vec<&'static str> {
    TABLE
        .split('\n')
        .filter_map(move |line| line.strip_prefix(sign)?.strip_prefix(' '))
        .collect()
}

pub(crate) fn tell(person: &mut Person, relay: &mut Relay) {
    let accepted = names("+");
    let pairs = names("=");
    let pairs: Vec<_> = pairs
        .chunks_exact(2)
        .map(|pair| (pair[0], pair[1]))
        .collect();
    person.waits_until("the lobby", is_at(Page::Lobby));
    person.touches("They are the same");

    // A room of each name, and a person who asks for it in its other spelling.
    let mut rooms = accepted.clone();
    rooms.extend(pairs.iter().map(|(first, _)| *first));
    rooms.push(UNKNOWN);
    let makers: Vec<_> = rooms
        .iter()
        .enumerate()
        .map(|(number, room)| relay.dial(room, &format!("maker{number}"), &[]))
        .collect();
    let joined = |calls: &[Call]| calls.iter().for_each(Call::joins);
    joined(&makers);
    let others: Vec<_> = pairs
        .iter()
        .enumerate()
        .map(|(number, (_, room))| relay.dial(room, &format!("other{number}"), &[]))
        .collect();
    joined(&others);
    let expected: BTreeMap<String, i32> = rooms
        .iter()
        .map(|room| {
            (
                kept(room),
                if pairs.iter().any(|(first, _)| first == room) {
                    2
                } else {
                    1
                },
            )
        })
        .collect();
    person.waits_until(
        "each room once, and two people in that of two spellings",
        move |window| {
            let rooms = window.global::<Lobby>().get_rooms();
            let listed: BTreeMap<_, _> = rooms
                .iter()
                .map(|room| (room.name.to_string(), room.people))
                .collect();
            listed == expected && rooms.row_count() == expected.len()
        },
    );
    all_are_drawn(person, relay, &rooms, CARD, "names-lobby");
    end(makers);
    end(others);

    // All of them in one room, whose own name has an emoji.
    let room = accepted
        .iter()
        .find(|name| name.contains("Family"))
        .unwrap();
    let mut people = accepted.clone();
    people.push(pairs[0].1);
    people.push(UNKNOWN);
    let calls: Vec<_> = people
        .iter()
        .enumerate()
        .map(|(number, name)| {
            relay.dial(room, &format!("maker{number}"), &["--display-name", name])
        })
        .collect();
    joined(&calls);
    person.touches(&format!("Join {room}"));
    person.waits_until("the room", is_at(Page::Room));
    all_are_drawn(person, relay, &people, TILE, "names-room");
    end(calls);
}

fn end(calls: Vec<Call>) {
    calls.iter().for_each(|call| call.program.terminate());
    calls.into_iter().for_each(|call| drop(call.ended()));
}

/// As the relay keeps it and the screen shows it.
fn kept(name: &str) -> String {
    RoomName::parse(name).unwrap().to_string()
}

/// Waits until each of these names has been drawn, in a picture that is kept.
fn all_are_drawn(person: &Person, relay: &Relay, names: &[&str], place: Place, kept_as: &str) {
    let file = relay.file(kept_as).with_extension(person.display.suffix());
    let until = Instant::now() + PATIENCE;
    loop {
        let labels: Vec<_> = names
            .iter()
            .map(|name| (place.label)(&kept(name)))
            .collect();
        let areas = person.ask(move |window| {
            let area = |label: &String| area(window, place, label);
            labels.iter().map(area).collect::<Vec<_>>()
        });
        person.shoots(&file);
        let picture = Picture::read(&file);
        let inks: Vec<_> = areas.iter().map(|area| picture.ink((*area)?)).collect();
        let flaws = flaws(names, &inks, place.is_close);
        if flaws.is_empty() || Instant::now() > until {
            keep_picture(person, kept_as);
            assert!(flaws.is_empty(), "{kept_as}: {}", flaws.join("; "));
            return;
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Where a name stands on the screen.
fn area(window: &AppWindow, place: Place, label: &str) -> Option<Area> {
    let elements = ElementHandle::find_by_element_type_name(window, place.element);
    let mut elements =
        elements.filter(|element| element.accessible_label().is_some_and(|is| is == label));
    let texts = elements
        .next()?
        .query_descendants()
        .match_type_name("Label")
        .find_all();
    let text = texts.first()?;
    let (at, size) = (text.absolute_position(), text.size());
    let scale = window.window().scale_factor();
    let pixels = |length: f32| (length * scale).max(0.0) as usize;
    Some(Area {
        left: pixels(at.x.floor()),
        top: pixels(at.y.floor()),
        width: pixels(size.width.ceil()),
        height: pixels(size.height.ceil()),
    })
}

/// What is wrong with how names are drawn, by the name that cannot be.
fn flaws(names: &[&str], inks: &[Option<Ink>], is_close: bool) -> Vec<String> {
    let unknown = names.iter().position(|name| *name == UNKNOWN).unwrap();
    let signs = inks[unknown].as_ref().map(Ink::signs).unwrap_or_default();
    // Where characters that no font has are drawn as boxes, and not as nothing.
    let no_character = match signs.as_slice() {
        [first, second, ..] if first.looks_like(second) => Some(first),
        _ => None,
    };
    let flaw = |ink: &Option<Ink>| flaw(ink.as_ref(), no_character, is_close);
    let mut flaws = Vec::new();
    for (name, ink) in names.iter().zip(inks) {
        match (*name == UNKNOWN, flaw(ink)) {
            (false, Some(flaw)) => flaws.push(format!("{name:?} {flaw}")),
            (true, None) => flaws.push("an unknown character looks like any other".to_owned()),
            _ => {}
        }
    }
    flaws
}

fn flaw(ink: Option<&Ink>, no_character: Option<&Sign>, is_close: bool) -> Option<String> {
    let Some(ink) = ink else {
        return Some("is not on the screen".to_owned());
    };
    let gaps = ink.gaps();
    let [first, within @ .., last] = gaps.as_slice() else {
        return Some("is not drawn at all".to_owned());
    };
    let outside = if is_close {
        first.max(last)
    } else {
        first.min(last)
    };
    // A word's space is a quarter of a line's height, an emoji as wide as a line is high.
    let most = ink.height() * 6 / 10;
    if within.iter().chain([outside]).any(|gap| *gap > most) {
        return Some(format!("has an empty place: {gaps:?}"));
    }
    let is_unknown = |sign: &Sign| no_character.is_some_and(|unknown| unknown.looks_like(sign));
    let signs = ink.signs();
    signs
        .iter()
        .any(is_unknown)
        .then(|| "has a box for a character".to_owned())
}
