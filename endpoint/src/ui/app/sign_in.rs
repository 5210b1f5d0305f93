//! What a person does on the sign-in page.

use crate::net::discovery::{Discovery, RelaySpec};
use crate::ui::app::App;
use crate::ui::inbox::{Inbox, News, SignInNumber};
use crate::ui::pages::sign_in;
use crate::ui::preferences::Account;
use crate::ui::problem::Trouble;
use conclave_protocol::name::{DisplayName, Email};
use conclave_protocol::time::Micros;

/// The longest that a person at the form waits for a relay that does not answer.
const FORM_PATIENCE: Micros = Micros::from_secs(5);

/// Begins to look for relays on the network.
pub(in crate::ui) type Search = fn(Inbox) -> Option<Discovery>;

/// Tells of every relay that announces itself.
pub(in crate::ui) fn search(inbox: Inbox) -> Option<Discovery> {
    let told = move |relays| inbox.push(SignInNumber(0), News::Relays(relays));
    Discovery::start(told)
        .inspect_err(|error| tracing::warn!(%error, "relays are not looked for"))
        .ok()
}

impl App {
    /// Looks for relays on the network as long as the form is shown.
    pub(super) fn look_for_relays(&mut self) {
        self.sign_in.search = (self.search)(self.inbox.clone());
    }

    /// A field has changed.
    pub(in crate::ui) fn edit_sign_in(&mut self) {
        let Some(window) = self.window.upgrade() else {
            return;
        };
        self.sign_in.fields = sign_in::typed(&window);
        self.sign_in.trouble = Trouble::default();
    }

    pub(in crate::ui) fn choose_relay(&mut self, index: i32) {
        let chosen = usize::try_from(index)
            .ok()
            .and_then(|index| self.sign_in.relays.get(index));
        if let Some(relay) = chosen {
            self.sign_in.fields.relay.clone_from(&relay.address);
            self.sign_in.trouble = Trouble::default();
        }
    }

    pub(in crate::ui) fn submit_sign_in(&mut self) {
        let fields = &self.sign_in.fields;
        let (called, email) = (
            DisplayName::parse(&fields.name),
            Email::parse(fields.email.trim()),
        );
        let (Ok(display_name), Ok(email)) = (called, email) else {
            return;
        };
        let Ok(name) = self.config.username_of(&display_name) else {
            return;
        };
        let relay = fields.relay.trim().to_owned();
        self.sign_in.busy = true;
        self.sign_in.trouble = Trouble::default();
        let spec = RelaySpec::Address(relay.clone());
        self.sign_in_as(
            Account {
                relay: spec,
                name,
                display_name,
                email,
            },
            relay,
            FORM_PATIENCE,
        );
    }

    pub(in crate::ui) fn cancel_sign_in(&mut self) {
        self.end_session();
    }
}
