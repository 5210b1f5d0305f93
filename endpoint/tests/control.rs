//! A running call is told what to do, a line an act.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod common;

use common::{Call, Relay, alone, number};

#[test]
fn a_running_call_does_what_it_is_told_and_answers_each_act() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let control = ["--control", "stdin"];
    let mut ana = Call::join(folder.path(), &relay.address, "ana", &control);
    ana.wait_told("the room", |line| line.starts_with("joined"));
    let mut ben = Call::join(folder.path(), &relay.address, "ben", &control);
    ana.wait_told("Ben", |line| line == "ben came");

    // Nothing was chosen: there is nothing to switch on.
    assert!(
        ana.act("camera on")
            .starts_with("refused camera on: no camera is chosen")
    );
    assert_eq!(
        ana.act("camera pattern:320x180@15"),
        "ok camera pattern:320x180@15"
    );
    ben.wait_told("the camera", |line| line == "ana: camera on");
    assert_eq!(ana.act("microphone tone"), "ok microphone tone");
    ben.wait_told("the microphone", |line| line == "ana: microphone on");
    ben.wait_until("Ana's picture", |stats| {
        number(stats, "ana", "video", "frames_complete") > 5.0
    });
    assert_eq!(ana.act("camera off"), "ok camera off");
    ben.wait_told("the camera", |line| line == "ana: camera off");
    assert_eq!(ana.act("camera on"), "ok camera on");
    ben.wait_told("the camera", |line| line == "ana: camera on");
    assert_eq!(ana.act("microphone off"), "ok microphone off");
    ben.wait_told("the microphone", |line| line == "ana: microphone off");
    assert_eq!(ana.act("speaker off"), "ok speaker off");

    for (act, answer) in [
        ("dance", "unknown dance"),
        ("camera usb", "refused camera usb: unknown camera"),
        ("hand up", "refused hand up: not available"),
        (
            "tell cai hello",
            "refused tell cai hello: nobody of that name",
        ),
        (
            "tell ana hello",
            "refused tell ana hello: nobody of that name",
        ),
        ("say", "refused say: "),
    ] {
        let told = ana.act(act);
        assert!(told.starts_with(answer), "{told}");
    }

    // The end of input changes nothing.
    ben.end_input();
    ana.wait_until("a second", |stats| stats["seconds"].is_number());
    assert_eq!(ana.act("say Hello, all"), "ok say Hello, all");
    assert_eq!(ana.act("leave"), "ok leave");
    assert!(ana.finish().success());
    ben.wait_told("Ana's going", |line| line.starts_with("ana left"));
    assert!(ben.stop().success());
}

#[test]
fn a_line_for_one_is_read_by_nobody_else() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let mut ana = Call::join(
        folder.path(),
        &relay.address,
        "ana",
        &["--control", "stdin"],
    );
    ana.wait_told("the room", |line| line.starts_with("joined"));
    let kept = |name: &str| folder.path().join(format!("{name}-kept"));
    let mut others: Vec<_> = ["ben", "cai"]
        .into_iter()
        .map(|name| {
            let kept = kept(name);
            let record = ["--record", kept.to_str().unwrap()];
            let call = Call::join(folder.path(), &relay.address, name, &record);
            ana.wait_told(name, |line| line == format!("{name} came"));
            call
        })
        .collect();
    assert_eq!(ana.act("tell Ben for you"), "ok tell Ben for you");
    assert_eq!(ana.act("say for all"), "ok say for all");
    // What was asked before `leave` is answered before the call ends.
    ana.write("say goodbye");
    assert_eq!(ana.act("leave"), "ok leave");
    assert!(ana.finish().success());
    assert!(ana.errors().contains("ok say goodbye"));
    for other in &mut others {
        other.wait_told("Ana's going", |line| line.starts_with("ana left"));
        assert!(other.stop().success());
    }
    let chat = |name| std::fs::read_to_string(kept(name).join("chat.jsonl")).unwrap();
    assert!(
        chat("ben").contains("\"text\":\"for you\",\"to\":\"ben\""),
        "{}",
        chat("ben")
    );
    assert!(!chat("cai").contains("for you"), "{}", chat("cai"));
    assert!(chat("cai").contains("goodbye"), "{}", chat("cai"));
}

#[test]
fn others_see_the_name_that_somebody_gave_and_may_write_to_it() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let control = ["--control", "stdin"];
    let mut ben = Call::join(folder.path(), &relay.address, "ben", &control);
    ben.wait_told("the room", |line| line.starts_with("joined"));
    let called = [
        "--control",
        "stdin",
        "--display-name",
        "Ana Lima",
        "--microphone",
        "tone",
    ];
    let mut ana = Call::join(folder.path(), &relay.address, "ana", &called);
    ben.wait_told("Ana", |line| line == "Ana Lima came");
    ben.wait_until("Ana's voice", |stats| {
        number(stats, "ana", "audio", "frames_complete") > 5.0
    });
    assert_eq!(ben.last["participants"][0]["display_name"], "Ana Lima");
    for to in ["Ana Lima", "ana"] {
        let line = format!("tell {to} hello");
        assert_eq!(ben.act(&line), format!("ok {line}"));
    }
    assert!(ana.stop().success());
    ben.wait_told("Ana's end", |line| line.starts_with("Ana Lima left"));
}
