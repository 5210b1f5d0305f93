//! What was refused of a kiosk's provisioning.

use crate::kiosk::Watch;
use conclave_ui::AppWindow;
use slint::ComponentHandle;

/// What a kiosk has seen of its provisioning.
pub(in crate::ui) struct State {
    pub(in crate::ui) watch: Option<Watch>,
    /// A person has read what was refused, and closed it.
    pub(in crate::ui) is_aside: bool,
    /// The process is to end, to be started again with what is new.
    pub(in crate::ui) is_ended: bool,
}

impl State {
    pub(in crate::ui) const fn of(watch: Option<Watch>) -> Self {
        Self {
            watch,
            is_aside: false,
            is_ended: false,
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
