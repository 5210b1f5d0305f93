//! What an endpoint's statistics say of the other one, line by line.

use crate::people::Person;
use anyhow::Context as _;
use serde_json::Value;

pub(crate) fn is_final(stats: &Option<Value>) -> bool {
    stats.as_ref().is_some_and(|stats| stats["final"] == true)
}

pub(crate) fn stream<'s>(stats: &'s Value, name: &str, kind: &str) -> Option<&'s Value> {
    let streams = stats["participants"]
        .as_array()?
        .iter()
        .find(|p| p["name"] == name)?["streams"]
        .as_array()?;
    streams.iter().find(|stream| stream["kind"] == kind)
}

/// Prints a line of what a person sees and hears now.
pub(crate) fn show(person: &Person, line: &str) -> anyhow::Result<Value> {
    let stats: Value = serde_json::from_str(line).context("statistics that are no JSON")?;
    if stats["final"] == true {
        return Ok(stats);
    }
    let seen = stream(&stats, person.other, "video").map(|video| {
        format!(
            "sees {}: {:5} pictures, {:4.1}/s, {:4.1} ms, {} lost",
            person.other,
            video["frames_complete"],
            video["fps"].as_f64().unwrap_or(0.0),
            video["latency_ms"]["p50"].as_f64().unwrap_or(0.0),
            video["frames_lost"]
        )
    });
    let heard = stream(&stats, person.other, "audio").map(|audio| {
        format!(
            "hears: {:4.1} ms, {} gaps, {} lost",
            audio["latency_ms"]["p50"].as_f64().unwrap_or(0.0),
            audio["audio_gaps"],
            audio["packets_lost"]
        )
    });
    println!(
        "{:3.0} s  {}  {}  path {}",
        stats["seconds"].as_f64().unwrap_or(0.0),
        person.name,
        [seen, heard]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join("; "),
        stats["path"].as_str().unwrap_or("?")
    );
    Ok(stats)
}
