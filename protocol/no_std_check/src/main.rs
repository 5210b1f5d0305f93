//! Proof that the protocol needs no std: a program that links all of it and has none.
//!
//! ```sh
//! cargo run --profile no-std -p conclave-no-std-check
//! ```
//!
//! It brings its own panic handler and allocator, so a dependency that pulls std in is a build error
//! (there would be two). A program without std cannot unwind, and Cargo sets that for a whole profile only:
//! hence the profile. In any other profile this is a program that says so.
#![cfg_attr(panic = "abort", no_std, no_main)]

#[cfg(panic = "abort")]
mod everything;
#[cfg(panic = "abort")]
mod unsafe_start;

#[cfg(not(panic = "abort"))]
fn main() -> std::process::ExitCode {
    eprintln!("this proves nothing: run it with --profile no-std");
    std::process::ExitCode::FAILURE
}
