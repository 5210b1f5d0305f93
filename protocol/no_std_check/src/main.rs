//! Proves that the protocol needs no std: a program that links all of it without std.
//!
//! ```sh
//! cargo run --profile no-std -p conclave-no-std-check
//! ```
//!
//! It has its own panic handler and allocator, so a dependency that needs std is a build error (there would be two of
//! each). A program without std cannot unwind, and Cargo can turn unwinding off only for a whole profile: hence the
//! profile. In any other profile this program only prints that it checks nothing.
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
