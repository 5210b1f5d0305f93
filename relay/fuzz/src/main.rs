//! Runs one target for ever: `CONCLAVE_FUZZ_TARGET` names it. Started by `protocol/fuzz/run`.
#![no_main]

mod targets;

use std::sync::LazyLock;

static TARGET: LazyLock<targets::Target> = LazyLock::new(|| {
    let name = std::env::var("CONCLAVE_FUZZ_TARGET").unwrap_or_default();
    let found = targets::ALL.iter().find(|(known, _)| *known == name);
    let names: Vec<_> = targets::ALL.iter().map(|(name, _)| *name).collect();
    found
        .unwrap_or_else(|| panic!("there is no target {name:?}: choose one of {names:?}"))
        .1
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| TARGET(bytes));
