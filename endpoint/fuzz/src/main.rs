//! Runs one target until it is stopped: `CONCLAVE_FUZZ_TARGET` names it. Started by `protocol/fuzz/run`.
#![no_main]

use conclave_endpoint_fuzz::{ALL, Target};
use std::sync::LazyLock;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    let name = std::env::var("CONCLAVE_FUZZ_TARGET").unwrap_or_default();
    let found = ALL.iter().find(|(known, _)| *known == name);
    let names: Vec<_> = ALL.iter().map(|(name, _)| *name).collect();
    found
        .unwrap_or_else(|| panic!("there is no target {name:?}: choose one of {names:?}"))
        .1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
