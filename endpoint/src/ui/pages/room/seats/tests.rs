//! Who sits where.

use super::*;
use conclave_protocol::name::Username;
use conclave_protocol::units::{AudioLevel, Dbov};
use conclave_protocol::wire::control::Devices;

fn person(id: u32, own: bool) -> Person {
    Person {
        id: ParticipantId(id),
        username: Username::parse(&format!("person{id}")).unwrap(),
        display_name: format!("Person {id}").parse().unwrap(),
        own,
        devices: Devices {
            microphone: true,
            camera: true,
        },
        confirmed: Devices {
            microphone: true,
            camera: true,
        },
        away: false,
        via_gateway: false,
        picture: (!own).then_some(StreamId(id * 10)),
    }
}

fn talks(id: u32) -> Loudness {
    let level = AudioLevel {
        loudness: Dbov::below_overload(20),
        voice: true,
    };
    Loudness {
        of: Some(ParticipantId(id)),
        level,
    }
}

fn ids(seats: &Seats) -> Vec<i32> {
    seats.tiles().iter().map(|tile| tile.id).collect()
}

#[test]
fn seats_are_kept_and_the_own_one_is_last() {
    let mut seats = Seats::default();
    seats.seat(vec![person(9, true), person(3, false), person(1, false)]);
    assert_eq!(ids(&seats), [3, 1, 9]);
    seats.seat(vec![
        person(9, true),
        person(1, false),
        person(2, false),
        person(3, false),
    ]);
    assert_eq!(ids(&seats), [3, 1, 2, 9]);
    seats.seat(vec![person(9, true), person(2, false), person(1, false)]);
    assert_eq!(ids(&seats), [1, 2, 9]);
}

#[test]
fn a_speaker_out_of_sight_takes_the_place_of_the_longest_silent() {
    let mut seats = Seats::default();
    seats.seat((1..=20).map(|id| person(id, id == 20)).collect());
    assert_eq!(ids(&seats).len(), MOST_TILES);
    let first: Vec<_> = (1..=14).map(talks).collect();
    seats.hear(&first, Instant(1_000));
    seats.hear(&[talks(19)], Instant(2_000));
    let shown = ids(&seats);
    assert!(shown.contains(&19) && !shown.contains(&15), "{shown:?}");
    assert_eq!(shown[MOST_TILES - 1], 20, "the own tile stays");
}

#[test]
fn a_picture_counts_until_its_camera_is_switched_off() {
    let mut seats = Seats::default();
    seats.seat(vec![person(9, true), person(1, false)]);
    assert!(seats.tiles()[0].waiting);
    let now = Instant(1_000_000);
    assert!(seats.saw(StreamId(10), now) && !seats.saw(StreamId(10), now));
    assert!(seats.tiles()[0].has_picture && !seats.tiles()[0].waiting);
    let mut off = person(1, false);
    off.devices.camera = false;
    seats.seat(vec![person(9, true), off]);
    assert!(!seats.tiles()[0].has_picture && !seats.tiles()[0].waiting);
    assert_eq!(seats.streams(), [None, Some(OWN_PICTURE)]);
}

#[test]
fn a_picture_that_stands_still_or_whose_camera_is_gone_is_not_shown_for_ever() {
    let mut seats = Seats::default();
    seats.seat(vec![person(9, true), person(1, false)]);
    let begun = Instant(1_000_000);
    seats.saw(StreamId(10), begun);
    seats.saw(OWN_PICTURE, begun);
    seats.lose_own_picture();
    let have = |seats: &Seats| {
        seats
            .tiles()
            .iter()
            .map(|tile| tile.has_picture)
            .collect::<Vec<_>>()
    };
    assert_eq!(have(&seats), [true, false]);
    seats.forget_still_pictures(begun + Micros(3_999_999));
    assert_eq!(have(&seats), [true, false]);
    seats.forget_still_pictures(begun + STILL);
    assert_eq!(have(&seats), [false, false]);
    assert!(
        seats.saw(StreamId(10), begun + STILL),
        "the next one is a first one again"
    );
}

#[test]
fn whose_connection_is_lost_has_no_picture_that_moves_no_more_and_no_bars() {
    let mut seats = Seats::default();
    seats.seat(vec![person(9, true), person(1, false)]);
    seats.saw(StreamId(10), Instant(1_000_000));
    seats.hear(&[talks(1)], Instant(1_000_000));
    let lost = Person {
        away: true,
        ..person(1, false)
    };
    seats.seat(vec![person(9, true), lost]);
    let tile = seats.tiles()[0].clone();
    assert!(tile.away && !tile.has_picture && !tile.waiting && !tile.speaking);
    assert_eq!(tile.bars, -1);
    seats.seat(vec![person(9, true), person(1, false)]);
    assert!(
        seats.saw(StreamId(10), Instant(2_000_000)),
        "a first one again"
    );
}

#[test]
fn talking_into_a_muted_microphone_is_noticed() {
    let mut seats = Seats::default();
    let mut own = person(9, true);
    own.devices.microphone = false;
    seats.seat(vec![own]);
    seats.hear(
        &[Loudness {
            of: None,
            ..talks(0)
        }],
        Instant(1),
    );
    assert!(seats.speaks_while_muted());
    assert!(!seats.tiles()[0].speaking, "it is not sent");
}

#[test]
fn bars_fall_with_what_is_lost() {
    assert_eq!(
        [bars(1000, 0), bars(990, 10), bars(950, 50), bars(500, 500)],
        [3, 2, 1, 0]
    );
}
