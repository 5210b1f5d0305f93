//! Stories of a call in virtual time: the engine itself, at the relay's own core, with an outage at every step.
//!
//! The stories are in `protocol/tests/stories`, where the browser page runs them, too; those of two rooms are here.
//! `CONCLAVE_STORIES=all` runs each with every outage at every step of each side; otherwise a part of them is run, and
//! each story at least once.
//! `CONCLAVE_STORY="NAME/SIDE/STEP/KIND/MS"` runs one alone, as a failure names it.

mod check;
mod play;
mod relay;
mod seat;
mod stage;
mod world;

use crate::engine::messages::Intent;
use conclave_protocol::time::Micros;
use play::{Place, play};
use serde::Deserialize;
use std::path::Path;
use world::Outage;

/// One story, as its file has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Story {
    name: String,
    capacity: u16,
    #[serde(default)]
    pin: Option<String>,
    steps: Vec<serde_json::Value>,
}

/// Stories of which one half is a matter of browsers.
const OF_BROWSERS: [&str; 2] = ["share", "revoke"];

fn stories() -> Vec<Story> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../protocol/tests/stories");
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    let mut stories: Vec<Story> = serde_json::from_str(include_str!("two_rooms.json")).unwrap();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let of_file: Vec<Story> = serde_json::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        stories.extend(of_file);
    }
    stories.retain(|story| {
        let acts = story.steps.iter().filter_map(|step| step.get(1)?.as_str());
        !acts.into_iter().any(|act| OF_BROWSERS.contains(&act))
    });
    stories
}

const OUTAGES_MS: [u64; 4] = [500, 5_000, 20_000, 40_000];
const SIDES: [usize; 2] = [0, 1];
const KINDS: [Outage; 2] = [Outage::Reset, Outage::BlackHole];

/// Every place at which an outage can be put.
fn places(story: &Story) -> Vec<Place> {
    let mut places = Vec::new();
    for step in 0..=story.steps.len() {
        for side in SIDES {
            for ms in OUTAGES_MS {
                for kind in KINDS {
                    places.push(Place {
                        side,
                        step,
                        kind,
                        lasts: Micros::from_millis(ms),
                    });
                }
            }
        }
    }
    places
}

#[test]
fn one_who_tries_the_devices_after_a_call_without_camera_sees_the_camera_each_time() {
    let mut world = world::World::new(8, None);
    let seat = world.seat("me", play::keep(0));
    for _ in 0..2 {
        world.pass(Micros::from_secs(1));
        let now = world.now;
        world.seats[seat].enter(now, "room", None);
        world.seats[seat].intend(now, Intent::Camera(false));
        world.pass(Micros::from_secs(1));
        assert!(!world.seats[seat].stage.camera_is_open());
        world.seats[seat].intend(now, Intent::LeaveRoom);
        world.pass(Micros::from_secs(1));
        world.seats[seat].intend(now, Intent::TryDevices(true));
        assert!(world.seats[seat].stage.camera_is_open());
        world.seats[seat].intend(now, Intent::TryDevices(false));
        assert!(!world.seats[seat].stage.camera_is_open());
    }
}

#[test]
fn both_sides_agree_after_an_outage_at_any_step_of_any_story() {
    let stories = stories();
    assert!(stories.len() >= 30, "{} stories", stories.len());
    let only = std::env::var("CONCLAVE_STORY").ok();
    let all = std::env::var("CONCLAVE_STORIES").is_ok_and(|which| which == "all");
    let mut faults = Vec::new();
    let (mut runs, mut place_number) = (0, 0);
    for story in &stories {
        for place in places(story) {
            place_number += 1;
            let name = format!("{}/{place}", story.name);
            let is_chosen = match &only {
                Some(only) => name.starts_with(only.as_str()),
                // A prime with which the part goes through all sides, steps, kinds and times.
                None => all || place_number % 23 == 0,
            };
            if is_chosen {
                runs += 1;
                let found = play(story, Some(place), only.is_some());
                faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
            }
        }
        if only.is_none() {
            runs += 1;
            let found = play(story, None, false);
            faults.extend(
                found
                    .into_iter()
                    .map(|fault| format!("{}: {fault}", story.name)),
            );
        }
    }
    println!("{} stories, {runs} runs", stories.len());
    let count = faults.len();
    assert!(
        faults.is_empty(),
        "{count} faults:\n{}",
        faults.into_iter().take(40).collect::<Vec<_>>().join("\n")
    );
}
