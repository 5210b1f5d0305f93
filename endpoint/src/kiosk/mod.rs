//! What makes an endpoint the fixture of a meeting room, beside its screen.

pub mod provisioning;
mod watch;

pub use watch::Watch;
