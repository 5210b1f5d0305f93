//! Each fuzz target passes a short deterministic run, and every input of an earlier finding.

use conclave_endpoint_fuzz::ALL;
use std::path::Path;

/// xorshift64: the same bytes in each run.
fn random(state: &mut u64) -> u64 {
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    *state
}

#[test]
fn each_target_survives_random_bytes() {
    for (name, target) in ALL {
        println!("{name}");
        let mut state = 0x9e37_79b9_7f4a_7c15;
        for length in (0..400).chain([4096, 65_536]) {
            let bytes: Vec<u8> = (0..length).map(|_| random(&mut state) as u8).collect();
            target(&bytes);
        }
    }
}

#[test]
fn each_target_survives_what_was_found_before() {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("found");
    for (name, target) in ALL {
        let Ok(files) = std::fs::read_dir(found.join(name)) else {
            continue;
        };
        for file in files {
            let path = file.unwrap().path();
            println!("{}", path.display());
            target(&std::fs::read(path).unwrap());
        }
    }
}

#[test]
fn the_run_script_knows_every_target() {
    let script = include_str!("../../../protocol/fuzz/run");
    for (name, _) in ALL {
        let listed = [
            format!(" {name} "),
            format!(" {name}\""),
            format!("\"{name} "),
        ];
        assert!(listed.iter().any(|text| script.contains(text)), "{name}");
    }
}
