//! A room from the inside: who is there, and what this endpoint publishes in it.

use super::publication::Publication;
use conclave_protocol::attendance::Attendance;
use conclave_protocol::id::RoomId;
use conclave_protocol::sender_key::SenderKey;
use std::sync::Arc;

/// A room from the inside.
pub(super) struct InRoom {
    pub(super) attendance: Attendance,
    /// The key that the media threads were granted last.
    pub(super) granted: Option<Arc<SenderKey>>,
    pub(super) camera: Publication,
    pub(super) microphone: Publication,
}

impl InRoom {
    pub(super) const fn id(&self) -> RoomId {
        self.attendance.place().room
    }
}
