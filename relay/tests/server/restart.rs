//! What outlives the relay.

use conclave_protocol::wire::control::{Answer, Refusal, Request};

use crate::harness::{Endpoint, Serving, TestRelay, say};

#[test]
fn rooms_accounts_and_history_are_there_after_a_restart() {
    let relay = TestRelay::start();
    let mut ana = relay.sign_in("Ana", 1);
    let open = ana.create("open", None, 8).unwrap();
    let locked = ana.create("locked", Some("4711"), 2).unwrap();
    ana.join(open, None).unwrap();
    ana.say("before").unwrap();
    let identity = relay.metrics.clone();
    drop((ana, identity));
    let relay = relay.restart();

    assert_eq!(relay.connect(2).sign_in("Ana"), Err(Refusal::NameTaken));
    let mut ana = relay.sign_in("Ana", 1);
    match ana.request(Request::ListRooms { after: None }) {
        Ok(Answer::Rooms { rooms, .. }) => {
            let found: Vec<_> = rooms.iter().map(|r| (r.id, r.locked, r.capacity)).collect();
            assert_eq!(found, [(open, false, 8), (locked, true, 2)]);
            assert!(rooms.iter().all(|room| room.members == 0));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ana.join(locked, Some("1111")), Err(Refusal::WrongPin));
    ana.join(open, None).unwrap();
    let id = match ana.say("after") {
        Ok(Answer::Said { id, .. }) => id,
        other => panic!("{other:?}"),
    };
    match ana.request(Request::History { before: None }) {
        Ok(Answer::History { lines, .. }) => {
            let texts: Vec<_> = lines.iter().map(|line| line.text.as_str()).collect();
            assert_eq!(texts, ["before", "after"]);
            assert_eq!(lines[1].id, id);
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(ana.create("OPEN", None, 3), Err(Refusal::RoomExists));
}

#[test]
fn nothing_acknowledged_is_lost_when_the_relay_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Serving::start(folder.path());
    let mut ana = Endpoint::connect(relay.control, 1);
    ana.sign_in("Ana").unwrap();
    let room = ana.create("room", None, 8).unwrap();
    ana.join(room, None).unwrap();
    let (acknowledge, acknowledged) = std::sync::mpsc::channel();
    let writer = std::thread::spawn(move || {
        // Writes until the relay is gone; several are on their way at a time.
        for n in 0.. {
            let Ok(id) = ana.ask(say(None, &format!("line {n}"))) else {
                break;
            };
            match ana.reply_to(id) {
                Ok(Ok(Answer::Said { id, .. })) => acknowledge.send((id, n)).unwrap(),
                Ok(Err(Refusal::RateLimited { .. })) => {}
                Ok(other) => panic!("{other:?}"),
                Err(_) => break,
            }
        }
    });
    let mut said: Vec<_> = acknowledged.iter().take(15).collect();
    drop(relay);
    writer.join().unwrap();
    said.extend(acknowledged.iter());

    let relay = Serving::start(folder.path());
    let mut ana = Endpoint::connect(relay.control, 1);
    ana.sign_in("Ana").unwrap();
    ana.join(room, None).unwrap();
    let mut kept = Vec::new();
    let mut before = None;
    loop {
        let Ok(Answer::History { lines, more }) = ana.request(Request::History { before }) else {
            panic!("no history");
        };
        before = lines.first().map(|line| line.id);
        kept.extend(
            lines
                .into_iter()
                .map(|line| (line.id, line.text.to_string())),
        );
        if !more {
            break;
        }
    }
    for (id, n) in said {
        assert!(
            kept.contains(&(id, format!("line {n}"))),
            "line {n} is lost"
        );
    }
}

#[test]
fn sigterm_ends_the_program_well() {
    let folder = tempfile::tempdir().unwrap();
    let mut relay = Serving::start(folder.path());
    let mut ana = Endpoint::connect(relay.control, 1);
    ana.sign_in("Ana").unwrap();
    let pid = rustix::process::Pid::from_child(&relay.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    let reason = ana.closing();
    assert_eq!(
        reason,
        Some(conclave_protocol::wire::control::ClosingReason::RelayStops)
    );
    drop(ana);
    assert!(relay.child.wait().unwrap().success());
}
