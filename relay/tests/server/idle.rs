//! What those cost who only sit there.

use std::path::PathBuf;

use crate::harness::{Endpoint, Serving, resident_kib_of};

/// Memory that an idle session may cost: 10 000 of them fit 100 MB.
const KIB_A_SESSION: f64 = 10.0;

#[test]
fn an_idle_session_costs_at_most_ten_kibibytes() {
    const SESSIONS: usize = 1_000;
    let folder = tempfile::tempdir().unwrap();
    let relay = Serving::start(folder.path());
    let status = PathBuf::from(format!("/proc/{}/status", relay.child.id()));
    let enter = |n: usize| {
        let mut endpoint = Endpoint::connect(relay.control, 1);
        endpoint.sign_in(&format!("Idle{n}")).unwrap();
        endpoint
    };
    // The first ones fill pools that do not grow with the rest.
    let _first: Vec<_> = (0..100).map(enter).collect();
    let before = resident_kib_of(&status);
    let _rest: Vec<_> = (100..100 + SESSIONS).map(enter).collect();
    let grown = resident_kib_of(&status).saturating_sub(before);
    let each = grown as f64 / SESSIONS as f64;
    println!("{each:.2} KiB a session");
    assert!(each <= KIB_A_SESSION, "{each} KiB a session");
}
