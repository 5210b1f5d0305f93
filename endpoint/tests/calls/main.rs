//! Whole calls: the real programs, a room, and what comes out at the other end.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

#[path = "../common/mod.rs"]
mod common;
mod loss;

use common::{Call, Relay, alone, endpoint_program, number, proxy::Proxy, stream};
use conclave_endpoint::picture::jpeg::{Decoder, Scale, decode::Picture, segments};
use conclave_endpoint::picture::marker;
use conclave_endpoint::sound;
use conclave_endpoint::sound::tone::{analyze, goertzel};
use serde_json::Value;
use std::path::Path;
use std::time::Duration;

const PATTERN: &str = "pattern:640x360@30";

fn sees(name: &'static str, pictures: f64) -> impl Fn(&Value) -> bool {
    move |stats| number(stats, name, "video", "frames_complete") >= pictures
}

fn hears(name: &'static str, blocks: f64) -> impl Fn(&Value) -> bool {
    move |stats| number(stats, name, "audio", "frames_complete") >= blocks
}

/// The numbers drawn into recorded pictures; every one of them must be a whole JPEG.
fn drawn_numbers(path: &Path) -> Vec<u32> {
    let bytes = std::fs::read(path).unwrap();
    let (mut decoder, mut picture, mut numbers, mut from) =
        (Decoder::new().unwrap(), Picture::default(), Vec::new(), 0);
    while let Some(range) = segments::next_picture(&bytes, from) {
        from = range.end;
        decoder
            .luma(&bytes[range], Scale::Half, &mut picture)
            .unwrap();
        numbers.push(
            marker::read(&picture.pixels, picture.size)
                .expect("a marker in each picture")
                .frame,
        );
    }
    numbers
}

#[test]
fn two_endpoints_see_hear_and_write_to_each_other() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let (kept, heard) = (folder.path().join("kept"), folder.path().join("heard.wav"));
    let speaker = format!("file:{}", heard.display());
    let mut ana = Call::join(
        folder.path(),
        &relay.address,
        "ana",
        &[
            "--camera",
            PATTERN,
            "--microphone",
            "tone:440",
            "--say",
            "Hello, Ben.",
        ],
    );
    let mut ben = Call::join(
        folder.path(),
        &relay.address,
        "ben",
        &[
            "--camera",
            PATTERN,
            "--microphone",
            "tone:660",
            "--speaker",
            &speaker,
            "--say",
            "Hello, Ana.",
            "--record",
            kept.to_str().unwrap(),
        ],
    );
    ana.wait_until("pictures of Ben", sees("ben", 60.0));
    ana.wait_until("Ben's voice", hears("ben", 100.0));
    ben.wait_until("pictures of Ana", sees("ana", 90.0));
    ben.wait_until("Ana's voice", hears("ana", 150.0));
    assert!(ben.stop().success());
    assert!(ana.stop().success());

    let video = stream(&ben.last, "ana", "video").unwrap();
    assert_eq!(video["frames_decoded"], video["frames_complete"]);
    assert_eq!(video["frames_damaged"], 0);
    assert_eq!(
        (&ben.last["path"], &ben.last["self"]["path"]),
        (&Value::from("udp"), &Value::from("udp"))
    );
    for field in [
        "frames_captured",
        "frames_sent",
        "capture_drops",
        "cpu_ms",
        "rss_kib",
    ] {
        assert!(
            ben.last["self"][field].is_u64(),
            "{field}: {}",
            ben.last["self"]
        );
    }
    for field in [
        "frames_lost",
        "packets_lost",
        "packets_recovered",
        "bytes",
        "fps",
        "jitter_ms",
        "audio_gaps",
    ] {
        assert!(video[field].is_number(), "{field}: {video}");
    }
    assert!(video["latency_ms"]["p50"].as_f64() <= video["latency_ms"]["p99"].as_f64());

    let numbers = drawn_numbers(&kept.join("ana.mjpeg"));
    assert_eq!(
        numbers.len() as u64,
        video["frames_complete"].as_u64().unwrap()
    );
    assert!(
        numbers.is_sorted_by(|a, b| a < b),
        "pictures out of order: {numbers:?}"
    );
    let tone = analyze(&sound::wav::read(&kept.join("ana.wav")).unwrap());
    assert!((tone.pitch_hz - 440.0).abs() < 2.0, "{} Hz", tone.pitch_hz);
    let tone = analyze(&sound::wav::read(&heard).unwrap());
    assert!(
        (tone.pitch_hz - 440.0).abs() < 2.0,
        "{} Hz through the speaker",
        tone.pitch_hz
    );
    let chat = std::fs::read_to_string(kept.join("chat.jsonl")).unwrap();
    let lines: Vec<Value> = chat
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    for (from, text) in [("ana", "Hello, Ben."), ("ben", "Hello, Ana.")] {
        let found = lines
            .iter()
            .filter(|line| line["from"] == from && line["text"] == text)
            .count();
        assert_eq!(found, 1, "{chat}");
    }
}

#[test]
fn three_talkers_are_heard_at_once() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let heard = folder.path().join("heard.wav");
    let talkers = [
        ("ana", "tone:440"),
        ("ben", "tone:700"),
        ("cai", "tone:1130"),
    ];
    let mut talking: Vec<_> = talkers
        .iter()
        .map(|(name, tone)| {
            Call::join(folder.path(), &relay.address, name, &["--microphone", tone])
        })
        .collect();
    let speaker = format!("file:{}", heard.display());
    let mut listener = Call::join(
        folder.path(),
        &relay.address,
        "dee",
        &["--speaker", &speaker],
    );
    for (name, _) in talkers {
        listener.wait_until(name, hears(name, 120.0));
    }
    assert!(listener.stop().success());
    for call in &mut talking {
        assert!(call.stop().success());
    }
    let samples = sound::wav::read(&heard).unwrap();
    // The last second, when all three are there without doubt.
    let last = &samples[samples.len() - 16_000..];
    let quiet = goertzel(last, 550.0);
    for hz in [440.0, 700.0, 1130.0] {
        let level = goertzel(last, hz);
        assert!(
            level > 100.0 * quiet,
            "{hz} Hz has {level}, between them {quiet}"
        );
    }
}

#[test]
fn a_call_goes_on_after_the_relay_was_killed_and_nothing_said_is_lost() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    let relay = Relay::start(&data);
    let kept = folder.path().join("kept");
    let arguments = ["--camera", PATTERN, "--microphone", "tone"];
    let mut ana = Call::join(
        folder.path(),
        &relay.address,
        "ana",
        &[&arguments[..], &["--say", "before"]].concat(),
    );
    let mut ben = Call::join(folder.path(), &relay.address, "ben", &arguments);
    ana.wait_until("pictures of Ben", sees("ben", 30.0));
    ben.wait_until("pictures of Ana", sees("ana", 30.0));
    let address = relay.kill();
    let relay = Relay::start_at(&data, &address);
    let back = |name: &'static str, before: &Value| {
        let seen = number(before, name, "video", "frames_complete") + 60.0;
        let heard = number(before, name, "audio", "frames_complete") + 60.0;
        move |stats: &Value| {
            sees(name, seen)(stats) && hears(name, heard)(stats) && stats["self"]["reconnects"] == 1
        }
    };
    let (ben_is_back, ana_is_back) = (back("ben", &ana.last), back("ana", &ben.last));
    ana.wait_until("Ben again", ben_is_back);
    ben.wait_until("Ana again", ana_is_back);
    assert_eq!(ana.last["path"], "udp");
    // A new participant reads what was said before the relay was killed.
    let mut cai = Call::join(
        folder.path(),
        &relay.address,
        "cai",
        &["--record", kept.to_str().unwrap()],
    );
    cai.wait_until("pictures of Ana", sees("ana", 10.0));
    assert!(cai.stop().success());
    assert!(
        std::fs::read_to_string(kept.join("chat.jsonl"))
            .unwrap()
            .contains("\"before\"")
    );
    assert!(ana.stop().success() && ben.stop().success());
}

#[test]
fn media_goes_by_tcp_while_udp_is_blocked_and_back_when_it_is_not() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let network = Proxy::start(&relay.address);
    network.block_udp(true);
    let arguments = ["--camera", "pattern:320x180@15", "--microphone", "tone"];
    let mut ana = Call::join(folder.path(), &network.address, "ana", &arguments);
    let mut ben = Call::join(folder.path(), &relay.address, "ben", &arguments);
    ana.wait_until("the other path", |stats| stats["path"] == "tcp");
    ana.wait_until("pictures of Ben by TCP", sees("ben", 30.0));
    ben.wait_until("pictures of Ana by TCP", sees("ana", 30.0));
    ben.wait_until("Ana's voice by TCP", hears("ana", 100.0));
    network.block_udp(false);
    ana.wait_until("the path back", |stats| stats["path"] == "udp");
    let seen = number(&ana.last, "ben", "video", "frames_complete") + 30.0;
    ana.wait_until("pictures of Ben by UDP", sees("ben", seen));
    assert!(ana.stop().success() && ben.stop().success());
}

#[test]
fn pictures_come_by_tcp_where_udp_works_one_way_or_for_small_datagrams_alone() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    for (up, down) in [(usize::MAX, 0), (usize::MAX, 1000), (1000, usize::MAX)] {
        let relay = Relay::start(&folder.path().join("relay"));
        let network = Proxy::start(&relay.address);
        network.limit_udp(up, down);
        let arguments = ["--camera", "pattern:320x180@15"];
        let mut ana = Call::join(folder.path(), &network.address, "ana", &arguments);
        let mut ben = Call::join(folder.path(), &relay.address, "ben", &arguments);
        ana.wait_until("the other path", |stats| stats["path"] == "tcp");
        ana.wait_until("pictures of Ben by TCP", sees("ben", 30.0));
        ben.wait_until("pictures of Ana by TCP", sees("ana", 30.0));
        assert_eq!(ana.last["path"], "tcp", "{up} up, {down} down");
        assert!(ana.stop().success() && ben.stop().success());
    }
}

#[test]
fn a_copy_of_everything_on_the_network_tells_neither_names_nor_words_nor_pictures() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let network = Proxy::start(&relay.address);
    let camera = ["--camera", PATTERN, "--microphone", "tone"];
    let say = [&camera[..], &["--say", "the plan is secret"]].concat();
    let mut ana = Call::join(folder.path(), &network.address, "anastasia", &say);
    let mut ben = Call::join(folder.path(), &network.address, "benedikt", &camera);
    ana.wait_until("pictures of Ben", sees("benedikt", 60.0));
    ben.wait_until("Ana's voice", hears("anastasia", 100.0));
    assert!(ana.stop().success() && ben.stop().success());
    let copy = network.copy();
    assert!(
        copy.len() > 500_000,
        "a call was copied: {} bytes",
        copy.len()
    );
    // What would be found if it were in the clear: names, addresses, words, the room, and how each JPEG begins.
    let jpeg_start = [0xff, 0xd8, 0xff, 0xe0, 0x00, 0x10, b'J', b'F', b'I', b'F'];
    let quantization = [0xff, 0xdb, 0x00, 0x43, 0x00];
    let secrets: [&[u8]; 6] = [
        b"anastasia",
        b"benedikt",
        b"example.org",
        b"plan is",
        &jpeg_start,
        &quantization,
    ];
    for secret in secrets {
        let found = copy.windows(secret.len()).any(|window| window == secret);
        assert!(
            !found,
            "{:?} is on the wire",
            String::from_utf8_lossy(secret)
        );
    }
    // The search itself finds what is there: the magic that every connection begins with.
    assert!(copy.windows(4).any(|window| window == b"CNCL"));
}

#[test]
fn refusals_have_their_exit_codes_and_words() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("relay");
    let relay = Relay::start(&data);
    let mut ana = Call::join(folder.path(), &relay.address, "ana", &["--duration", "0.5"]);
    assert!(ana.finish().success());
    // Another device under Ana's name.
    let elsewhere = folder.path().join("elsewhere");
    let mut eve = Call::join(&elsewhere, &relay.address, "ana", &[]);
    assert_eq!(eve.exit_code(), Some(3));
    let errors = eve.errors();
    assert!(errors.contains("bound to another device"), "{errors}");
    // A device that was named and is not there.
    let mut ben = Call::join(
        folder.path(),
        &relay.address,
        "ben",
        &["--camera", "v4l2:/dev/video97"],
    );
    assert_eq!(ben.exit_code(), Some(5));
    assert!(ben.errors().contains("/dev/video97"));
    // A relay that is not the one that was announced.
    let other = "0".repeat(64);
    let mut cai = Call::join(
        folder.path(),
        &relay.address,
        "cai",
        &["--relay-fingerprint", &other],
    );
    assert_eq!(cai.exit_code(), Some(4));
    // The same by provisioning: nothing is sent to it at first contact, and nothing remembered.
    let (stick, state) = (
        folder.path().join("conclave.toml"),
        folder.path().join("state"),
    );
    let provisioned = format!(
        "[relay]\naddress = \"{}\"\nfingerprint = \"{other}\"\n",
        relay.address
    );
    std::fs::write(&stick, provisioned).unwrap();
    let mut verb = std::process::Command::new(endpoint_program());
    verb.arg("provision")
        .arg("--from")
        .arg(&stick)
        .arg("--state")
        .arg(&state);
    assert!(
        verb.arg("--report")
            .arg(folder.path())
            .status()
            .unwrap()
            .success()
    );
    let file = state.join("endpoint.toml");
    let mut dan = Call::join(
        folder.path(),
        &relay.address,
        "dan",
        &["--config", file.to_str().unwrap()],
    );
    assert_eq!(dan.exit_code(), Some(4));
    let errors = dan.errors();
    assert!(errors.contains(&format!("not {}", &other[..4])), "{errors}");
    assert!(!folder.path().join("dan/relays.toml").exists());
    // Another relay at the address of one that is known.
    let address = relay.kill();
    let _impostor = Relay::start_at(&folder.path().join("another"), &address);
    let mut ana = Call::join(folder.path(), &address, "ana", &[]);
    assert_eq!(ana.exit_code(), Some(4));
    let errors = ana.errors();
    assert!(
        errors.contains("known is") && errors.contains("met is") && errors.contains("relays.toml"),
        "{errors}"
    );
}

#[test]
fn everyone_in_a_room_is_told_the_same_safety_number() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let tone = ["--microphone", "tone"];
    let mut ana = Call::join(folder.path(), &relay.address, "ana", &tone);
    let mut ben = Call::join(folder.path(), &relay.address, "ben", &tone);
    ana.wait_until("Ben's voice", hears("ben", 10.0));
    ben.wait_until("Ana's voice", hears("ana", 10.0));
    // Ben leaves last in the numbers that he was told, Ana has one more after he left.
    assert!(ben.stop().success() && ana.stop().success());
    let numbers = |errors: String| -> Vec<String> {
        errors
            .lines()
            .filter_map(|line| line.strip_prefix("safety number: "))
            .map(str::to_owned)
            .collect()
    };
    let (ana, ben) = (numbers(ana.errors()), numbers(ben.errors()));
    let together = ben.last().expect("a number");
    assert!(ana.contains(together), "{ana:?} without {together}");
    assert!(together.chars().filter(char::is_ascii_digit).count() == 12);
}

#[test]
fn a_second_call_of_one_device_ends_the_first_for_good() {
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let relay = Relay::start(&folder.path().join("relay"));
    let mut first = Call::join(folder.path(), &relay.address, "ana", &[]);
    first.wait_until("the path", |stats| stats["path"] == "udp");
    let mut second = Call::join(folder.path(), &relay.address, "ana", &[]);
    assert_eq!(first.exit_code(), Some(3));
    assert!(first.errors().contains("signed in once more"));
    second.wait_until("the path", |stats| stats["path"] == "udp");
    assert!(second.stop().success());
}

#[test]
fn a_relay_that_is_not_there_is_said_to_be_unreachable() {
    let folder = tempfile::tempdir().unwrap();
    let unused = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let begun = std::time::Instant::now();
    let mut ana = Call::join(folder.path(), &unused.to_string(), "ana", &[]);
    assert_eq!(ana.exit_code(), Some(3));
    assert!(ana.errors().contains("cannot reach the relay"));
    assert!(begun.elapsed() < Duration::from_secs(50));
}
