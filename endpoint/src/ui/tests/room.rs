//! A room: what is switched on, and what is wrong.

use super::*;

#[test]
fn the_microphone_and_the_camera_follow_the_engine_and_not_the_button() {
    let mut bench = Bench::in_room();
    bench.intents();
    bench.touch("Microphone");
    assert!(matches!(bench.intents()[..], [Intent::Microphone(false)]));
    let mut own = person(1, "kiosk", true);
    own.devices.microphone = false;
    bench.tell(Report::People(vec![own, person(2, "ana", false)]));
    assert!(
        !bench
            .window
            .global::<conclave_ui::Room>()
            .get_microphone_on()
    );
    bench.touch("Camera");
    assert!(matches!(bench.intents()[..], [Intent::Camera(false)]));
}

#[test]
fn what_is_wrong_is_shown_across_the_room_and_goes_when_it_is_mended() {
    let bench = Bench::in_room();
    let lost = |reason| DeviceLoss::new(reason, "what the system says");
    let unplugged = CameraState::Lost(lost(LossReason::Disconnected));
    bench.tell(Report::Camera(unplugged));
    bench.assert_says("camera");
    bench.tell(Report::Interrupted(ConnectionLoss::Silent));
    bench.assert_says("econnect");
    bench.tell(Report::SignedIn);
    bench.tell(Report::Joined {
        room: room(1, "Maple", 2),
        others: vec!["Ana Lima".parse().unwrap()],
        back: false,
    });
    bench.tell(Report::Camera(CameraState::Off));
    bench.tell(Report::Speaker(SoundState::Lost(lost(LossReason::Absent))));
    bench.assert_says("peaker");
    bench.tell(Report::Speaker(SoundState::Running {
        name: "Speak".into(),
    }));
    let name = || "Speak".to_owned();
    bench.tell(Report::Microphone(SoundState::Silent { name: name() }));
    bench.assert_says("picks up no sound at all");
    bench.tell(Report::Microphone(SoundState::Running { name: name() }));
    assert!(!bench.says("picks up no sound at all"));
    assert_eq!(bench.page(), Page::Room);
}

#[test]
fn a_switch_that_is_not_confirmed_says_so_when_that_takes_long() {
    let bench = Bench::in_room();
    let mut own = person(1, "kiosk", true);
    (own.devices.camera, own.devices.microphone) = (false, true);
    own.confirmed.microphone = false;
    bench.tell(Report::People(vec![own.clone(), person(2, "ana", false)]));
    let page = || bench.window.global::<conclave_ui::Room>();
    let turning = || (page().get_microphone_turning(), page().get_camera_turning());
    assert_eq!(turning(), (false, false), "not at once");
    bench.app.act(|app| {
        let then = Instant(crate::clock::now().0 - 600_000);
        app.room.as_mut().unwrap().have_turned_since(then);
    });
    bench.tell(Report::People(vec![own.clone(), person(2, "ana", false)]));
    assert_eq!(turning(), (true, true));
    bench.assert_says("Turning on…");
    bench.assert_says("Turning off…");
    own.confirmed = own.devices;
    bench.tell(Report::People(vec![own, person(2, "ana", false)]));
    assert_eq!(turning(), (false, false));
    assert!(!bench.says("Turning"));
}

#[test]
fn whose_connection_is_lost_is_shown_as_reconnecting() {
    let mut bench = Bench::in_room();
    let lost = Person {
        away: true,
        ..person(2, "ana", false)
    };
    bench.touch("People");
    assert!(!bench.says("Reconnecting…"));
    bench.tell(Report::People(vec![person(1, "kiosk", true), lost]));
    let seen = |bench: &Bench| {
        let all = bench.labels();
        all.iter().filter(|label| *label == "Reconnecting…").count()
    };
    assert_eq!(seen(&bench), 2, "on the tile and in the list");
    bench.is_let_in();
    assert_eq!(seen(&bench), 0);
}

/// Every reason for which a device can be lost, and every one for which there can be no connection.
fn losses() -> Vec<Report> {
    let device = |reason| DeviceLoss::new(reason, "Device or resource busy");
    let mut reports = Vec::new();
    for reason in LossReason::ALL {
        reports.push(Report::Camera(CameraState::Lost(device(reason))));
        reports.push(Report::Microphone(SoundState::Lost(device(reason))));
        reports.push(Report::Speaker(SoundState::Lost(device(reason))));
    }
    let failed = |failure| ConnectionLoss::Failed {
        failure,
        detail: "Network is unreachable".into(),
    };
    let connection = [
        ConnectionLoss::Silent,
        ConnectionLoss::Stuck,
        ConnectionLoss::Closing(ClosingReason::RelayStops),
        ConnectionLoss::Closing(ClosingReason::TooSlow),
        ConnectionLoss::OtherJoin,
        ConnectionLoss::AskedToWait,
        ConnectionLoss::CopiedCard([192, 0, 2, 7].into()),
        failed(ConnectionFailure::NoNetwork),
        failed(ConnectionFailure::NameUnknown),
        failed(ConnectionFailure::NoAnswer),
        failed(ConnectionFailure::Broken),
    ];
    reports.extend(connection.into_iter().map(Report::Interrupted));
    reports
}

#[test]
fn every_reason_for_a_loss_has_words_of_its_own_and_none_of_the_systems() {
    for report in losses() {
        let told = format!("{report:?}");
        let bench = Bench::in_room();
        bench.tell(report);
        assert!(
            bench.window.global::<conclave_ui::Room>().get_banner() != Problem::None,
            "{told}"
        );
        for words in ["Something went wrong", "resource busy", "unreachable"] {
            assert!(!bench.says(words), "{told}: {words}");
        }
    }
}

#[test]
fn a_camera_that_another_program_uses_and_a_relay_that_stops_are_told_apart_from_others() {
    let bench = Bench::in_room();
    let busy = DeviceLoss::new(LossReason::InUse, "Gerät belegt");
    bench.tell(Report::Camera(CameraState::Lost(busy)));
    bench.assert_says("Another program uses the camera.");
    let stops = ConnectionLoss::Closing(ClosingReason::RelayStops);
    bench.tell(Report::Interrupted(stops));
    bench.assert_says("The meeting server is restarting.");
}

#[test]
fn a_person_who_talks_into_a_muted_microphone_is_told() {
    let bench = Bench::in_room();
    let mut own = person(1, "kiosk", true);
    own.devices.microphone = false;
    bench.tell(Report::People(vec![own, person(2, "ana", false)]));
    let level = AudioLevel {
        loudness: Dbov::below_overload(20),
        voice: true,
    };
    bench.tell(Report::Levels(vec![Loudness { of: None, level }]));
    assert!(!bench.says("Nobody hears you"), "not at once");
    bench.app.act(|app| {
        let later = conclave_protocol::time::Instant(crate::clock::now().0 - 5_000_000);
        app.room.as_mut().unwrap().note_muted_talk_since(later);
    });
    bench.assert_says("Nobody hears you");
}
