//! Whether each saw, heard and read the other: by the statistics, and by what was recorded.

use crate::people::Person;
use crate::statistics::stream;
use anyhow::Context as _;
use conclave_endpoint::picture::{jpeg, marker};
use conclave_endpoint::sound;
use conclave_endpoint::sound::tone;
use serde_json::Value;
use std::path::Path;

/// The rate at which a picture is seen without doubt, in pictures a second.
const LEAST_FPS: f64 = 29.0;

/// Whether a person saw and heard the other, by numbers and by what was recorded.
pub(crate) fn judge(
    person: &Person,
    other: &Person,
    stats: Option<&Value>,
    folder: &Path,
) -> anyhow::Result<bool> {
    let stats = stats.filter(|stats| stats["final"] == true);
    let stats = stats.with_context(|| format!("{} gave no last statistics", person.name))?;
    let (video, audio) = (
        stream(stats, other.name, "video"),
        stream(stats, other.name, "audio"),
    );
    let received = folder.join(person.name).join("received");
    let (fps, lost) = video.map_or((0.0, 0), |v| {
        (
            v["fps"].as_f64().unwrap_or(0.0),
            v["frames_lost"].as_u64().unwrap_or(0),
        )
    });
    let saw = fps >= LEAST_FPS && lost == 0;
    let pictures = pictures_in_order(&received.join(format!("{}.mjpeg", other.name))).unwrap_or(0);
    let gaps = audio.map_or(u64::MAX, |audio| {
        audio["audio_gaps"].as_u64().unwrap_or(u64::MAX)
    });
    let tone = sound::wav::read(&received.join(format!("{}.wav", other.name)))
        .ok()
        .map(|samples| tone::analyze(&samples));
    let pitch = tone.map_or(0.0, |tone| tone.pitch_hz);
    let right_pitch = person
        .hears_hz
        .is_none_or(|hz| (pitch - hz).abs() < hz * 0.005);
    let heard = gaps == 0 && right_pitch;
    let chat = std::fs::read_to_string(received.join("chat.jsonl")).unwrap_or_default();
    let read = chat.contains(other.says);
    println!(
        "{} saw {} {}: {fps:.1} pictures a second at 1280x720, {lost} lost, {pictures} in a row by their numbers, {:.1} ms from capture to decoded picture",
        person.name,
        other.name,
        yes(saw),
        video.map_or(0.0, |v| v["latency_ms"]["p50"].as_f64().unwrap_or(0.0)),
    );
    println!(
        "{} heard {} {}: {pitch:.1} Hz, {} gaps, {:.1} ms from microphone to speaker",
        person.name,
        other.name,
        yes(heard),
        if gaps == u64::MAX {
            "no sound but".into()
        } else {
            gaps.to_string()
        },
        audio.map_or(0.0, |a| a["latency_ms"]["p50"].as_f64().unwrap_or(0.0)),
    );
    println!(
        "{} read {} {}: {:?}",
        person.name,
        other.name,
        yes(read),
        other.says
    );
    println!(
        "{} path {}, {} ms of CPU, {} KiB of memory",
        person.name,
        stats["path"].as_str().unwrap_or("?"),
        stats["self"]["cpu_ms"],
        stats["self"]["rss_kib"]
    );
    Ok(saw && heard && read && stats["path"] == "udp")
}

const fn yes(well: bool) -> &'static str {
    if well { "well" } else { "BADLY" }
}

/// The longest run of pictures whose drawn numbers follow each other; pictures of a camera have none.
fn pictures_in_order(path: &Path) -> anyhow::Result<usize> {
    let bytes = std::fs::read(path)?;
    let mut decoder = jpeg::Decoder::new()?;
    let mut picture = jpeg::decode::Picture::default();
    let (mut from, mut last, mut run, mut longest) = (0, None::<u32>, 0, 0);
    while let Some(range) = jpeg::segments::next_picture(&bytes, from) {
        from = range.end;
        decoder.luma(&bytes[range], jpeg::Scale::Half, &mut picture)?;
        let number = marker::read(&picture.pixels, picture.size).map(|marker| marker.frame);
        run = if number.is_some()
            && last.is_some()
            && number == last.map(|last| last.wrapping_add(1))
        {
            run + 1
        } else {
            1
        };
        run = if number.is_some() { run } else { 0 };
        (last, longest) = (number, longest.max(run));
    }
    Ok(longest)
}
