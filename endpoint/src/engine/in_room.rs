//! The state of a joined room: its members, and the key that media threads use.

use conclave_protocol::attendance::Attendance;
use conclave_protocol::id::RoomId;
use conclave_protocol::sender_key::SenderKey;
use std::sync::Arc;

/// A room from the inside.
pub(super) struct InRoom {
    pub(super) attendance: Attendance,
    /// The key that the media threads were granted last.
    pub(super) granted: Option<Arc<SenderKey>>,
}

impl InRoom {
    pub(super) const fn id(&self) -> RoomId {
        self.attendance.place().room
    }
}
