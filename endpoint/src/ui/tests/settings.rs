//! The settings, and their PIN.

use super::*;

#[test]
fn the_settings_of_a_kiosk_are_behind_their_pin() {
    let mut bench = Bench::new(&format!("{ACCOUNT}\n[screen]\nsettings_pin = '4711'"), true);
    bench.tell(Report::SignedIn);
    bench.touch("Settings");
    assert!(bench.window.global::<conclave_ui::Settings>().get_locked());
    for digits in ["1111", "4711"] {
        for digit in digits.chars() {
            bench.touch(&digit.to_string());
        }
        bench.touch("Enter the PIN");
    }
    assert!(!bench.window.global::<conclave_ui::Settings>().get_locked());
    assert!(
        bench
            .intents()
            .iter()
            .any(|intent| matches!(intent, Intent::TryDevices(true)))
    );
}

#[test]
fn guesses_of_the_settings_pin_wait_and_a_restart_does_not_help() {
    let config = format!("{ACCOUNT}\n[screen]\nsettings_pin = '4711'");
    let mut bench = Bench::new(&config, true);
    bench.tell(Report::SignedIn);
    bench.touch("Settings");
    let enter = |bench: &mut Bench, digits: &str| {
        for digit in digits.chars() {
            bench.touch(&digit.to_string());
        }
        bench.touch("Enter the PIN");
    };
    let locked = |bench: &Bench| bench.window.global::<conclave_ui::Settings>().get_locked();
    for _ in 0..5 {
        assert!(!bench.says("Try again in"));
        enter(&mut bench, "1111");
    }
    bench.assert_says("Try again in");
    enter(&mut bench, "4711");
    assert!(locked(&bench), "no PIN is compared during the pause");
    let mut bench = bench.restarted(&config);
    bench.tell(Report::SignedIn);
    bench.touch("Settings");
    bench.assert_says("Try again in");
    enter(&mut bench, "4711");
    assert!(locked(&bench), "the pause survives a restart");
}
