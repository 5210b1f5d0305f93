//! Relays that are found without being told where they are: the real programs, on loopback alone.
//!
//! Each test's relays have a name of their own, so that others on this host do not disturb.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use common::{Call, Relay, endpoint_program, number};
use conclave_endpoint::net::discovery::{Discovery, FoundRelay, discover_named};
use std::process::Command;
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// How long a test waits for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

fn name(of: &str) -> String {
    format!("{of} {}", std::process::id())
}

/// Waits for a list in which the relays of this name have these addresses.
fn wait_for(lists: &Receiver<Vec<FoundRelay>>, name: &str, addresses: &[&str]) -> Vec<FoundRelay> {
    let deadline = Instant::now() + PATIENCE;
    let mut last = Vec::new();
    loop {
        match lists.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(list) => last = list,
            Err(_) => panic!("{addresses:?} have not come; last was {last:?}"),
        }
        last.retain(|relay| relay.name == name);
        let mut found: Vec<_> = last.iter().map(|relay| relay.address.as_str()).collect();
        let mut expected = addresses.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        if found == expected {
            return last;
        }
    }
}

#[test]
fn a_call_joins_a_relay_that_it_was_told_no_address_of() {
    let folder = tempfile::tempdir().unwrap();
    let name = name("Cellar");
    let relay = Relay::announced(&folder.path().join("relay"), &name);
    let tone = ["--microphone", "tone:440"];
    let mut ana = Call::join(folder.path(), &format!("auto:{name}"), "ana", &tone);
    let mut ben = Call::join(folder.path(), &relay.address, "ben", &tone);
    for (call, other) in [(&mut ana, "ben"), (&mut ben, "ana")] {
        let hears = |stats: &_| number(stats, other, "audio", "frames_complete") >= 10.0;
        call.wait_until(other, hears);
    }
    assert!(ana.stop().success());
    assert!(
        ana.errors()
            .contains(&format!("relay: {name} at {}", relay.address))
    );
    assert!(ben.stop().success());
}

#[test]
fn the_list_follows_relays_that_come_and_go() {
    let folder = tempfile::tempdir().unwrap();
    let name = name("Attic");
    let (changed, lists) = channel();
    let search = Discovery::start(move |list| drop(changed.send(list))).unwrap();
    let first = Relay::announced(&folder.path().join("first"), &name);
    let found = wait_for(&lists, &name, &[&first.address]);
    assert_eq!(found[0].version, 1);
    assert_eq!(found[0].fingerprint.as_ref().unwrap().len(), 79);

    let second = Relay::announced(&folder.path().join("second"), &name);
    wait_for(&lists, &name, &[&first.address, &second.address]);
    first.stop();
    wait_for(&lists, &name, &[&second.address]);
    second.stop();
    wait_for(&lists, &name, &[]);

    drop(search);
    // Its end has come: the list is told no more.
    while lists.try_recv().is_ok() {}
    assert!(lists.recv().is_err());
}

#[test]
fn of_two_relays_that_fit_a_call_takes_neither_and_lists_both() {
    let folder = tempfile::tempdir().unwrap();
    let name = name("Twin");
    let (changed, lists) = channel();
    let _search = Discovery::start(move |list| drop(changed.send(list))).unwrap();
    let one = Relay::announced(&folder.path().join("one"), &name);
    let two = Relay::announced(&folder.path().join("two"), &name);
    wait_for(&lists, &name, &[&one.address, &two.address]);

    let mut call = Call::join(folder.path(), &format!("auto:{name}"), "ana", &[]);
    assert_eq!(call.exit_code(), Some(3));
    let errors = call.errors();
    for part in [
        "several relays were found",
        &one.address,
        &two.address,
        "--relay ADDRESS",
    ] {
        assert!(errors.contains(part), "{part:?} is not in {errors}");
    }
}

#[test]
fn once_met_under_its_name_a_relay_is_not_replaced_by_another_one_of_that_name() {
    let folder = tempfile::tempdir().unwrap();
    let name = name("Vault");
    let spec = format!("auto:{name}");
    let (changed, lists) = channel();
    let _search = Discovery::start(move |list| drop(changed.send(list))).unwrap();
    let first = Relay::announced(&folder.path().join("first"), &name);
    wait_for(&lists, &name, &[&first.address]);
    let mut ana = Call::join(folder.path(), &spec, "ana", &[]);
    ana.wait_told("the room", |line| line.starts_with("joined"));
    assert!(ana.stop().success());

    // Beside another relay of that name the known one is met.
    let second = Relay::announced(&folder.path().join("second"), &name);
    wait_for(&lists, &name, &[&first.address, &second.address]);
    let mut ana = Call::join(folder.path(), &spec, "ana", &[]);
    ana.wait_told("the room", |line| line.starts_with("joined"));
    assert!(ana.stop().success());

    // In its place no other one is.
    first.stop();
    wait_for(&lists, &name, &[&second.address]);
    let mut ana = Call::join(folder.path(), &spec, "ana", &[]);
    assert_eq!(ana.exit_code(), Some(4));
    let errors = ana.errors();
    let line = format!("remove the line of {} from", spec.to_lowercase());
    assert!(errors.contains(&line), "{errors}");
    assert!(!errors.contains("signed in"), "{errors}");
}

#[test]
fn a_call_that_finds_no_relay_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let mut call = Call::join(
        folder.path(),
        &format!("auto:{}", name("Nowhere")),
        "ana",
        &[],
    );
    assert_eq!(call.exit_code(), Some(3));
    let errors = call.errors();
    assert!(errors.contains("no relay"), "{errors}");
}

#[test]
fn doctor_lists_the_relays_that_there_are() {
    let folder = tempfile::tempdir().unwrap();
    let name = name("Ward");
    let relay = Relay::announced(&folder.path().join("relay"), &name);
    // Once one search has found it the next one will.
    discover_named(&name, None, PATIENCE).unwrap();
    let output = Command::new(endpoint_program())
        .arg("--data-dir")
        .arg(folder.path().join("ana"))
        .arg("doctor")
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let line = format!(
        "there is {name} at {}, says that its fingerprint is",
        relay.address
    );
    assert!(said.contains(&line), "{line:?} is not in {said}");
}
