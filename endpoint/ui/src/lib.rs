//! The touch screen's looks, compiled: pages, widgets, theme and translations, and the globals of `api.slint`.
//!
//! Nothing here decides anything. The adapters of `conclave-endpoint` fill the globals and answer their callbacks.

pub use slint;

#[allow(
    missing_docs,
    clippy::all,
    clippy::undocumented_unsafe_blocks,
    unreachable_pub
)]
mod generated {
    slint::include_modules!();
}

mod emoji;
mod join_code;

pub use emoji::draw_emoji;
pub use generated::*;
pub use join_code::join_code;
