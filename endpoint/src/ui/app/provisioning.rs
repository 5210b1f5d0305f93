//! What a kiosk does about new provisioning: it shows what was refused, and ends for what is new.

use crate::ui::app::App;
use conclave_protocol::time::{Instant, Micros};

/// A refusal that was put aside is shown again when the screen was not touched for so long.
const ASIDE: Micros = Micros::from_secs(60);

impl App {
    pub(in crate::ui) const fn put_provisioning_aside(&mut self) {
        self.provisioning.is_aside = true;
    }

    /// Once a second.
    pub(super) fn look_at_provisioning(&mut self, now: Instant) {
        let Some(watch) = &mut self.provisioning.watch else {
            return;
        };
        if watch.look() {
            self.provisioning.is_aside = false;
            // The person who plugged the stick in may look at a dark screen.
            self.presence.touch(now);
        } else if self.presence.untouched_for(now) >= ASIDE {
            self.provisioning.is_aside = false;
        }
        let in_call = self.room.is_some() || self.way.pending().is_some();
        if watch.is_new() && !in_call && !self.provisioning.is_ended {
            tracing::info!("there is new provisioning: the kiosk starts again");
            self.provisioning.is_ended = true;
        }
    }
}
