use super::super::document::Document;
use super::super::state::{
    APPLIED, ENDPOINT, ENVIRONMENT, FALLBACK_TIME, GIVEN, NETWORK, State, TIME, WIFI,
};
use super::FULL;
use super::disk::{Disk, Loss};
use std::collections::BTreeMap;

const NEW: &str = "[relay]\naddress = 'other.lan'\n[room]\nname = 'Oak'\n[wifi]\nname = 'oak'\npassword = 'oaken-door'\n\
    [clock]\ntime_zone = 'Etc/UTC'\n";

fn apply(disk: &Disk, text: &str, digest: &str) -> std::io::Result<()> {
    let document = Document::read(text).unwrap();
    State::open(disk.clone())?.apply(&document, &[digest.to_owned()], digest)
}

/// The files, once what a cut interrupted is done.
fn after_a_start(disk: &Disk) -> BTreeMap<String, String> {
    State::open(disk.clone()).unwrap();
    disk.content()
}

#[test]
fn a_cut_at_any_step_leaves_the_old_or_the_new_and_the_next_start_makes_it_new() {
    for begin_with in [None, Some(FULL)] {
        let before = Disk::default();
        if let Some(text) = begin_with {
            apply(&before, text, "old").unwrap();
        }
        let after = before.copy();
        after.cut_after(usize::MAX);
        apply(&after, NEW, "new").unwrap();
        let steps = after.steps();
        let (old, new) = (before.content(), after.content());
        assert!(steps > 20 && old != new);
        let (mut olds, mut news) = (0, 0);
        for step in 0..=steps {
            for loss in [Loss::Nothing, Loss::All, Loss::Bytes] {
                let disk = before.copy();
                disk.cut_after(step);
                let done = apply(&disk, NEW, "new");
                assert_eq!(done.is_ok(), step == steps, "step {step}");
                disk.lose(loss);
                let left = after_a_start(&disk);
                assert!(
                    left == old || left == new,
                    "after step {step}, with {loss:?} lost, there is {left:#?}"
                );
                if left == old {
                    olds += 1
                } else {
                    news += 1
                }
                apply(&disk, NEW, "new").unwrap();
                assert_eq!(disk.content(), new, "after step {step} and another start");
            }
        }
        assert!(
            olds > 5 && news > 5,
            "{olds} cuts left the old, {news} the new"
        );
    }
}

#[test]
fn a_cut_while_a_cut_is_mended_is_mended_as_well() {
    let disk = Disk::default();
    apply(&disk, FULL, "old").unwrap();
    let whole = disk.copy();
    whole.cut_after(usize::MAX);
    apply(&whole, NEW, "new").unwrap();
    // In the midst of the journal's work.
    disk.cut_after(whole.steps() / 2);
    apply(&disk, NEW, "new").unwrap_err();
    disk.lose(Loss::All);
    for step in 0..50 {
        let disk = disk.copy();
        disk.cut_after(step);
        let _ = State::open(disk.clone());
        disk.lose(Loss::All);
        assert_eq!(after_a_start(&disk), whole.content(), "step {step}");
    }
}

#[test]
fn a_section_that_is_not_said_stays_and_one_that_is_replaces_the_old_one() {
    let disk = Disk::default();
    apply(&disk, FULL, "1").unwrap();
    let before = disk.content();
    apply(
        &disk,
        "[room]\nname = 'Oak'\n[screen]\nlanguage = ''\n",
        "2",
    )
    .unwrap();
    let after = disk.content();
    for same in [WIFI, NETWORK, TIME, FALLBACK_TIME, ENVIRONMENT] {
        assert_eq!(before[same], after[same]);
    }
    let endpoint: toml::Table = after[ENDPOINT].parse().unwrap();
    assert_eq!(endpoint["relay"]["address"].as_str(), Some("relay.lan"));
    assert_eq!(
        endpoint["room"].as_table().unwrap().len(),
        1,
        "the PIN was of another room"
    );
    assert_eq!(endpoint["screen"]["language"].as_str(), Some("vi"));
    let given: toml::Table = after[GIVEN].parse().unwrap();
    assert_eq!(given["room"].as_str(), Some("2"));
    assert_eq!(given["screen"].as_str(), Some("1"));
    apply(&disk, "[wifi]\nname = 'oak'\n", "3").unwrap();
    assert_eq!(
        disk.content()[GIVEN],
        after[GIVEN],
        "nothing of the kiosk's was given"
    );
    assert_eq!(disk.content()[APPLIED], "3\n2\n1\n");
}

#[test]
fn what_was_applied_is_remembered_with_a_bound() {
    let disk = Disk::default();
    for number in 0..300 {
        apply(&disk, "[room]\nname = 'Oak'\n", &number.to_string()).unwrap();
    }
    let state = State::open(disk.clone()).unwrap();
    assert!(state.has_applied("299").unwrap() && state.has_applied("44").unwrap());
    assert!(!state.has_applied("43").unwrap());
    assert_eq!(disk.content()[APPLIED].lines().count(), 256);
}
