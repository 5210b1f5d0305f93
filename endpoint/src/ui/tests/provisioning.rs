//! What is told of a kiosk's provisioning, and when it starts again.

use super::*;

#[test]
fn provisioning_that_is_refused_is_told_between_meetings_until_it_is_right() {
    let mut bench = Bench::idle(&[]);
    const TITLE: &str = "The setup file has errors";
    assert!(!bench.says(TITLE));
    bench.provision("[room]\nname = 7\n[acount]\nname = 'x'\n");
    for words in [
        TITLE,
        "line 2: room.name = 7",
        "line 4: unknown key",
        "plug the USB stick in again",
    ] {
        bench.assert_says(words);
    }
    bench.touch("Close");
    assert!(!bench.says(TITLE));
    bench.app.act(App::tick);
    assert!(!bench.says(TITLE), "it was read");
    // The screen was not touched for long.
    bench
        .app
        .act(|app| app.presence = Presence::new(Instant(0), None, None));
    bench.app.act(App::tick);
    bench.assert_says(TITLE);
    bench.touch("Close");
    bench.provision("[room]\nname = 8\n");
    bench.assert_says("line 2: room.name = 8");
    bench.touch("Start the meeting");
    bench.is_let_in();
    assert_eq!(bench.page(), Page::Room);
    assert!(!bench.says(TITLE), "it is in the way of a call");
    bench.tell(Report::LeftRoom);
    bench.assert_says(TITLE);
    bench.provision("[room]\nname = 'Oak'\n");
    assert!(!bench.says(TITLE));
}

#[test]
fn a_refusal_is_shown_at_the_sign_in_and_wakes_the_screen() {
    let bench = Bench::new("[screen]\nblank_after_s = 1\n", true);
    assert_eq!(bench.page(), Page::SignIn);
    let dark = Some(conclave_protocol::time::Micros::from_secs(1));
    bench
        .app
        .act(|app| app.presence = Presence::new(Instant(0), None, dark));
    bench.app.act(App::tick);
    let blanked = || bench.window.global::<conclave_ui::App>().get_blanked();
    assert!(blanked());
    bench.provision("[room]\nname = 7\n");
    assert!(!blanked());
    bench.assert_says("line 2: room.name = 7");
}

#[test]
fn new_provisioning_starts_the_kiosk_again_and_never_within_a_call() {
    let mut bench = Bench::idle(&[]);
    bench.provision("[room]\nname = 7\n");
    assert!(!bench.app.is_ended(), "what was refused is nothing new");
    bench.touch("Start the meeting");
    bench.is_let_in();
    bench.provision("[room]\nname = 'Oak'\n");
    bench.app.act(App::tick);
    assert!(!bench.app.is_ended(), "a call was interrupted");
    bench.tell(Report::LeftRoom);
    bench.app.act(App::tick);
    assert!(bench.app.is_ended());
}

#[test]
fn a_window_is_no_kiosk_and_is_not_provisioned() {
    let window = Bench::new(ACCOUNT, false);
    window.provision("[room]\nname = 'Elm'\n");
    assert!(!window.app.is_ended());
}
