//! Runs every fuzz target's function for a short time that is the same each time.

mod common;
#[path = "../fuzz/src/targets.rs"]
#[allow(unreachable_pub, reason = "a test is not imported")]
mod targets;

use common::random::{Random, for_seeds};

/// Bytes that get further than noise would: small numbers, ends of ranges, repeated parts.
fn bytes(random: &mut Random) -> Vec<u8> {
    let length = random.below(400) as usize;
    let mut bytes = random.bytes(length);
    for byte in &mut bytes {
        *byte = match random.below(8) {
            0..4 => random.below(8) as u8,
            4 => 0xff,
            5 => b'a',
            _ => *byte,
        };
    }
    bytes
}

#[test]
fn every_target_survives_a_short_run() {
    for_seeds(0..8, |seed| {
        let mut random = Random::new(seed);
        for round in 0..300 {
            let bytes = bytes(&mut random);
            for (name, target) in targets::ALL {
                // A handshake costs as much as a thousand of the others.
                if name != "channel" || round % 30 == 0 {
                    target(&bytes);
                }
            }
        }
    });
}

#[test]
fn the_run_script_knows_every_target() {
    let script = include_str!("../fuzz/run");
    for (name, _) in targets::ALL {
        assert!(
            script.contains(&format!("{name} ")) || script.contains(&format!("{name}\"")),
            "{name}"
        );
    }
}
