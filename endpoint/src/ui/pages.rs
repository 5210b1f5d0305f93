//! What each page shows, and the state that it shows it from. No page knows of the program behind it.

pub(super) mod idle;
pub(super) mod lobby;
pub(super) mod models;
pub(super) mod provisioning;
pub(super) mod room;
pub(super) mod settings;
pub(super) mod sign_in;
pub(super) mod toasts;
