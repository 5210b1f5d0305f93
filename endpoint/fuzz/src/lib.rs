//! Functions that take bytes from cameras, files, sticks and the network, and must not panic on any.
//!
//! The fuzzer searches for bytes that make one panic until it is stopped; the test runs each target for a short
//! deterministic time and on the corpus of earlier findings (`endpoint/fuzz/found/TARGET/`).

use conclave_endpoint::camera::avi;
use conclave_endpoint::kiosk::provisioning::rehearse;
use conclave_endpoint::net::discovery::{FoundRelay, RelaySpec};
use conclave_endpoint::picture::jpeg::{Decoder, Inspector, Scale, decode, segments, whole};
use conclave_endpoint::sound::wav;
use mdns_sd::{ServiceInfo, TxtProperty};
use std::net::{IpAddr, SocketAddr};

/// Takes bytes, and panics if the endpoint breaks a promise.
pub type Target = fn(&[u8]);

/// Every target with its name, in alphabetical order.
pub const ALL: [(&str, Target); 7] = [
    ("announcement", announcement),
    ("avi", read_avi),
    ("jpeg_decode", jpeg_decode),
    ("jpeg_head", jpeg_head),
    ("jpeg_whole", jpeg_whole),
    ("provisioning", provisioning),
    ("wav", read_wav),
];

/// An announcement of a relay by anyone on the network becomes one short line with an address to connect to, or
/// nothing.
fn announcement(bytes: &[u8]) {
    let (addresses, texts) = bytes.split_at(bytes.len().min(38));
    let (v4, rest) = addresses.split_at(addresses.len().min(4));
    let (v6, port) = rest.split_at(rest.len().min(32));
    let mut all: Vec<IpAddr> = Vec::new();
    all.extend(
        v4.first_chunk()
            .map(|octets: &[u8; 4]| IpAddr::from(*octets)),
    );
    let v6 = v6.chunks_exact(16).filter_map(<[u8]>::first_chunk);
    all.extend(v6.map(|octets: &[u8; 16]| IpAddr::from(*octets)));
    let port = port
        .first_chunk()
        .map_or(0, |port| u16::from_be_bytes(*port));
    let mut texts = texts.split(|byte| *byte == 0);
    let instance = String::from_utf8_lossy(texts.next().unwrap_or_default()).into_owned();
    let properties: Vec<TxtProperty> = ["v", "name", "fp"]
        .into_iter()
        .zip(texts)
        .map(TxtProperty::from)
        .collect();
    let service = "_conclave._tcp.local.";
    let addresses: Vec<_> = all.iter().map(ToString::to_string).collect();
    let addresses = addresses.join(",");
    let info = ServiceInfo::new(
        service,
        &instance,
        "a.local.",
        &*addresses,
        port,
        properties,
    );
    let Ok(info) = info else { return };
    let Some(found) = FoundRelay::read(&info.as_resolved_service()) else {
        return;
    };
    assert!(found.name.chars().count() <= 63 && !found.to_string().contains(char::is_control));
    assert!(
        found
            .address
            .parse::<SocketAddr>()
            .is_ok_and(|at| !at.ip().is_unspecified())
    );
    assert!(found.fingerprint.is_none_or(|text| text.len() == 79));
    let Ok(spec) = format!("auto:{}", found.name).parse::<RelaySpec>();
    assert_eq!(spec, RelaySpec::Named(found.name));
}

/// The pictures of an AVI are within it, in order.
fn read_avi(bytes: &[u8]) {
    let mut last = 0;
    for picture in avi::read(bytes).pictures {
        assert!(picture.start >= last && picture.end <= bytes.len());
        last = picture.end;
    }
}

/// The walk over the header stays within the bytes.
fn jpeg_head(bytes: &[u8]) {
    let _ = segments::head(bytes);
    let _ = decode::validate(bytes);
}

/// The picture in a camera's buffer is a part of the buffer, or a fault; a trusted camera's picture is never longer
/// than a suspect one's.
fn jpeg_whole(bytes: &[u8]) {
    let mut inspector = Inspector::default();
    let found = inspector.examine(bytes);
    if let Ok(whole) = &found {
        assert!(whole.range.start <= whole.range.end && whole.range.end <= bytes.len());
        assert!(whole.tables_at.is_none_or(|at| whole.range.contains(&at)));
    }
    assert_eq!(inspector.next(bytes), found);
    for whole in whole::in_a_row(&mut inspector, bytes).into_iter().flatten() {
        assert!(whole.range.end <= bytes.len());
    }
}

/// Pictures that pass the check go through the C library. Build it with AddressSanitizer to find memory errors.
fn jpeg_decode(bytes: &[u8]) {
    /// Larger pictures only slow the search down.
    const SEARCHED_PIXELS: usize = 1 << 20;
    let Ok(head) = decode::validate(bytes) else {
        return;
    };
    if head.size.pixels() > SEARCHED_PIXELS {
        return;
    }
    let mut decoder = Decoder::new().expect("TurboJPEG can be set up");
    let mut picture = decode::Picture::default();
    let _ = decoder.rgb(bytes, Scale::Full, &mut picture);
    let _ = decoder.luma(bytes, Scale::Quarter, &mut picture);
}

/// The possible beginnings of a line of `wpa_supplicant`'s configuration, whatever a name or a password contains.
const WIFI_LINES: [&str; 12] = [
    "# ",
    "ctrl_interface=",
    "country=",
    "network={",
    "}",
    "\tssid=",
    "\tscan_ssid=1",
    "\tpsk=",
    "\tkey_mgmt=",
    "\tproto=RSN",
    "\tieee80211w=",
    "\tpriority=",
];

/// A stick's file is refused with a reason, or becomes files in which the program wrote every line; no secret that
/// should be wiped remains.
fn provisioning(bytes: &[u8]) {
    let rehearsal = match rehearse(bytes) {
        Ok(rehearsal) => rehearsal,
        Err(refusal) => {
            assert!(refusal.to_string().lines().count() > 1, "no reason is told");
            return;
        }
    };
    for (name, text) in &rehearsal.files {
        assert!(text.ends_with('\n'), "{name}");
        let is_stray = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
        assert!(!text.contains(is_stray), "{name}");
        if *name == "wpa_supplicant.conf" {
            let known = |line: &str| WIFI_LINES.iter().any(|begin| line.starts_with(begin));
            assert!(text.lines().all(known), "{name}");
        } else {
            assert!(text.lines().count() <= 14, "{name}");
        }
    }
    if let Some(wiped) = rehearsal.wiped {
        let again = rehearse(wiped.as_bytes());
        assert!(again.is_ok_and(|again| again.wiped.is_none()) || wiped.contains("# wiped"));
    }
}

/// A sound is not longer than its bytes allow: 8 bits for each sample, at the lowest rate.
fn read_wav(bytes: &[u8]) {
    const MOST_SAMPLES_A_BYTE: usize = 4;
    let headed = [b"RIFF\0\0\0\0WAVE", bytes].concat();
    // The filter for a new rate takes milliseconds to compute: one file in 256 is converted, the head of each is read.
    let convert = bytes
        .iter()
        .fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
        == 0;
    for file in [bytes, &headed] {
        if let Ok(samples) = wav::samples(file) {
            assert!(samples <= MOST_SAMPLES_A_BYTE * file.len());
        }
        if convert && let Ok(sound) = wav::parse(file) {
            assert!(sound.len() <= MOST_SAMPLES_A_BYTE * file.len());
        }
    }
}
