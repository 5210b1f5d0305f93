//! Calls over a network that loses packets both ways: what is missing is asked for and sent again.

use super::common::{Call, Relay, alone, number, proxy::Proxy};
use super::{hears, sees};
use serde_json::Value;
use std::time::Duration;

/// Two members, both behind the network, and what the second one received in the end.
fn call_over(lost_percent: u32, delay: Duration) -> Value {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let network = Proxy::start(&relay.address);
    network.impair_udp(lost_percent, delay);
    let camera = ["--camera", "pattern:1280x720@30"];
    let ana = ["--microphone", "tone:440"];
    let ben = ["--microphone", "tone:660"];
    let mut ana = Call::join(
        folder.path(),
        &network.address,
        "ana",
        &[camera, ana].concat(),
    );
    let mut ben = Call::join(
        folder.path(),
        &network.address,
        "ben",
        &[camera, ben].concat(),
    );
    ana.wait_until("pictures of Ben", sees("ben", 60.0));
    ben.wait_until("pictures of Ana", sees("ana", 450.0));
    ben.wait_until("Ana's voice", hears("ana", 750.0));
    assert!(ben.stop().success());
    assert!(ana.stop().success());
    assert_eq!(
        (&ana.last["path"], &ben.last["path"]),
        (&"udp".into(), &"udp".into())
    );
    let report = serde_json::to_string_pretty(&ben.last).unwrap();
    println!("{lost_percent} %, {delay:?} each way: {report}");
    ben.last.clone()
}

fn lost_of_complete(stats: &Value) -> (f64, f64) {
    let of = |field| number(stats, "ana", "video", field);
    (of("frames_lost"), of("frames_complete"))
}

#[test]
fn a_lan_that_loses_one_packet_in_a_hundred_takes_no_picture_in_a_hundred() {
    let stats = call_over(1, Duration::ZERO);
    let (lost, complete) = lost_of_complete(&stats);
    assert!(lost * 100.0 <= complete, "{lost} lost, {complete} complete");
    assert!(number(&stats, "ana", "video", "packets_recovered") > 0.0);
}

#[test]
fn a_network_that_loses_one_packet_in_twenty_leaves_28_of_30_pictures_and_the_voice() {
    let stats = call_over(5, Duration::from_millis(10));
    let (lost, complete) = lost_of_complete(&stats);
    assert!(
        lost <= complete / 28.0 * 2.0,
        "{lost} lost, {complete} complete"
    );
    let concealed = number(&stats, "ana", "audio", "audio_concealed");
    let blocks = number(&stats, "ana", "audio", "frames_complete");
    assert!(
        concealed <= blocks / 50.0,
        "{concealed} of {blocks} blocks made up"
    );
}
