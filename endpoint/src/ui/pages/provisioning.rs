//! What the screen has to do with provisioning: it shows what was refused, and ends for what is new.

use crate::kiosk::Watch;
use crate::ui::app::App;
use conclave_protocol::time::{Instant, Micros};
use conclave_ui::AppWindow;
use slint::ComponentHandle;

/// A refusal that was put aside comes back when the screen was not touched for so long.
const ASIDE: Micros = Micros::from_secs(60);

/// What a kiosk has seen.
pub(in crate::ui) struct State {
    watch: Option<Watch>,
    /// Whoever stands there has read what was refused.
    pub(in crate::ui) is_aside: bool,
    /// The process is to end, to be started again with what is new.
    pub(in crate::ui) is_over: bool,
}

impl State {
    pub(in crate::ui) fn of(watch: Option<Watch>) -> Self {
        Self {
            watch,
            is_aside: false,
            is_over: false,
        }
    }

    pub(in crate::ui) fn show(&self, window: &AppWindow) {
        let problem = self.watch.as_ref().map_or("", Watch::problem);
        let shown = if self.is_aside { "" } else { problem };
        window
            .global::<conclave_ui::App>()
            .set_provisioning_problem(shown.into());
    }
}

impl App {
    /// Once a second.
    pub(in crate::ui) fn look_at_provisioning(&mut self, now: Instant) {
        let Some(watch) = &mut self.provisioning.watch else {
            return;
        };
        if watch.look() {
            self.provisioning.is_aside = false;
            // Whoever plugged the stick in stands before a dark screen.
            self.presence.touch(now);
        } else if self.presence.untouched_for(now) >= ASIDE {
            self.provisioning.is_aside = false;
        }
        let in_call = self.room.is_some() || self.entering.is_some() || self.idle.starting;
        if watch.is_new() && !in_call && !self.provisioning.is_over {
            tracing::info!("there is new provisioning: the kiosk begins anew");
            self.provisioning.is_over = true;
        }
    }
}
