//! The sign-in itself: at the start by what is configured, by the form, again after a refusal; and its end.

use crate::clock;
use crate::engine::{Intent, Settings};
use crate::net::control::with_default_port;
use crate::net::discovery::{DiscoveryError, FoundRelay, RelaySpec, discover_named, discover_one};
use crate::ui::app::App;
use crate::ui::connection::Connection;
use crate::ui::inbox::News;
use crate::ui::pages::lobby;
use crate::ui::preferences::Account;
use crate::ui::problem::Trouble;
use conclave_protocol::time::Micros;
use conclave_ui::Page;
use std::time::Duration;

/// How long a kiosk waits before it signs in again after it was refused.
pub(in crate::ui) const SIGN_IN_AGAIN: Micros = Micros::from_secs(5);
/// How long relays are waited for that announce themselves.
const SEARCH: Duration = Duration::from_secs(5);
/// A kiosk that signs in by itself has no person to give up for.
const FOREVER: Micros = Micros(u64::MAX / 4);

impl App {
    /// Begins with what is configured, or with the form.
    pub(in crate::ui) fn begin(&mut self) {
        match self.config.account() {
            Some(account) => {
                self.find(account);
                self.page = self.home();
            }
            None => {
                self.sign_in.fields = self.config.fields();
                self.page = Page::SignIn;
                self.look_for_relays();
            }
        }
    }

    /// Signs in without a person at the form, at once or as soon as the relay is found; and keeps at it.
    pub(in crate::ui) fn find(&mut self, account: Account) {
        self.sign_in_again_at = None;
        self.connection = Connection::Begun;
        self.lobby.loading = true;
        match account.relay.clone() {
            RelaySpec::Address(relay) => self.sign_in_as(account, relay, FOREVER),
            RelaySpec::Named(name) => {
                let known = self.known_fingerprint(&account.relay);
                self.account = Some(account);
                self.inbox.fetch("discovery", move || {
                    News::Found(discover_named(&name, known.as_deref(), SEARCH))
                });
            }
            RelaySpec::Auto => {
                let known = self.known_fingerprint(&account.relay);
                self.account = Some(account);
                self.inbox.fetch("discovery", move || {
                    News::Found(discover_one(known.as_deref(), SEARCH))
                });
            }
        }
    }

    /// What the relay must be known by: as it was configured, or as it was met before.
    fn known_fingerprint(&self, relay: &RelaySpec) -> Option<String> {
        let met = || self.keep.relay(&relay.kept_as()).ok().flatten();
        let configured = self.config.relay_fingerprint();
        configured.or_else(|| met().map(|key| key.fingerprint()))
    }

    pub(in crate::ui) fn found(&mut self, found: Result<FoundRelay, DiscoveryError>) {
        let Some(account) = self.account.clone() else {
            return;
        };
        match found {
            Ok(relay) => self.sign_in_as(account, relay.address, FOREVER),
            Err(error) => {
                self.connection = Connection::NotFound(error.to_string());
                self.sign_in_again_at = Some(clock::now() + SIGN_IN_AGAIN);
            }
        }
    }

    pub(super) fn sign_in_as(&mut self, account: Account, relay: String, patience: Micros) {
        let relay = with_default_port(&relay);
        let settings = Settings {
            relay: relay.clone(),
            relay_kept_as: account.relay.kept_as(),
            relay_fingerprint: self.config.relay_fingerprint(),
            username: account.name.clone(),
            display_name: account.display_name.clone(),
            email: account.email.clone(),
            room: None,
            suite: crate::platform::processor::best_suite(),
            camera: self.config.camera(),
            microphone: self.config.microphone(),
            speaker: self.config.speaker(),
            devices_on_demand: true,
            patience,
        };
        self.host.sign_in(settings);
        self.host
            .want(Intent::Volume(self.volume.clamp(0, 100) as u8));
        self.account = Some(account);
        self.relay_address = relay;
        self.connection = Connection::Begun;
        self.lobby.loading = true;
        self.sign_in_again_at = None;
        if self.page == Page::Settings {
            self.try_devices();
        }
    }

    /// What is wanted needs an engine: signs in at once where that was given up or put off.
    pub(super) fn have_engine(&mut self) {
        let put_off = self.sign_in_again_at.is_some()
            || matches!(self.connection, Connection::Ended(_))
            || self.host.has_ended();
        if !self.host.is_heard()
            && put_off
            && let Some(account) = self.account.clone()
        {
            self.find(account);
        }
    }

    /// Ends the engine's sign-in, or its attempt.
    pub(super) fn end_session(&mut self) {
        self.host.sign_out();
        self.account = None;
        self.connection = Connection::None;
        self.way.end();
        self.trouble = Trouble::default();
        self.sign_in.busy = false;
    }

    pub(in crate::ui) fn sign_out(&mut self) {
        self.out_of_room();
        self.end_session();
        self.drafts.forget();
        self.lobby = lobby::State::default();
        self.sign_in.trouble = Trouble::default();
        self.sign_in.fields = self.config.fields();
        self.config.forget_account();
        self.save_choices();
        self.go(Page::SignIn);
        self.look_for_relays();
    }
}
