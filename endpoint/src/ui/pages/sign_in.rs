//! The sign-in page: what was typed, what is wrong with it, and which relays there are.

use super::models::sync;
use crate::net::discovery::{Discovery, FoundRelay};
use crate::ui::form::{Field, Fields, Judgment, field_of};
use crate::ui::problem::Trouble;
use conclave_ui::{AppWindow, Problem, RelayRow, SignIn};
use slint::{ComponentHandle, VecModel};
use std::rc::Rc;

/// What the page is about to show.
#[derive(Default)]
pub(in crate::ui) struct State {
    pub(in crate::ui) fields: Fields,
    /// What came of the last attempt, until something is typed.
    pub(in crate::ui) trouble: Trouble,
    pub(in crate::ui) busy: bool,
    pub(in crate::ui) relays: Vec<FoundRelay>,
    /// While relays are looked for.
    pub(in crate::ui) search: Option<Discovery>,
    rows: Rc<VecModel<RelayRow>>,
}

impl State {
    /// What is wrong with each field: what was typed comes before what a relay said of it.
    fn problems(&self) -> Judgment {
        let mut judged = self.fields.judge();
        let said = |now: &mut Problem| {
            if *now == Problem::None {
                *now = self.trouble.problem;
            }
        };
        match field_of(&self.trouble) {
            Some(Field::Name) => said(&mut judged.name),
            Some(Field::Email) => said(&mut judged.email),
            Some(Field::Relay) => said(&mut judged.relay),
            None => {}
        }
        judged
    }

    /// The only relay that was found is what most people mean.
    pub(in crate::ui) fn found(&mut self, relays: Vec<FoundRelay>) {
        if let ([only], true) = (relays.as_slice(), self.fields.relay.is_empty()) {
            self.fields.relay.clone_from(&only.address);
        }
        self.relays = relays;
    }

    pub(in crate::ui) fn show(&self, window: &AppWindow) {
        let page = window.global::<SignIn>();
        let judged = self.problems();
        page.set_name(self.fields.name.as_str().into());
        page.set_email(self.fields.email.as_str().into());
        page.set_relay(self.fields.relay.as_str().into());
        page.set_name_problem(judged.name);
        page.set_email_problem(judged.email);
        page.set_relay_problem(judged.relay);
        let of_the_whole = field_of(&self.trouble).is_none();
        page.set_problem(if of_the_whole {
            self.trouble.problem
        } else {
            Problem::None
        });
        page.set_detail(self.trouble.detail.as_str().into());
        page.set_can_submit(judged.complete && !self.busy);
        page.set_busy(self.busy);
        page.set_searching(self.search.is_some() && self.relays.is_empty());
        let rows = self.relays.iter().map(|relay| RelayRow {
            name: relay.name.as_str().into(),
            address: relay.address.as_str().into(),
            chosen: relay.address == self.fields.relay,
        });
        sync(&self.rows, rows.collect());
        page.set_relays(Rc::clone(&self.rows).into());
    }
}

/// What stands in the fields of the page.
pub(in crate::ui) fn typed(window: &AppWindow) -> Fields {
    let page = window.global::<SignIn>();
    Fields {
        name: page.get_name().into(),
        email: page.get_email().into(),
        relay: page.get_relay().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(address: &str) -> FoundRelay {
        FoundRelay {
            address: address.into(),
            name: "relay".into(),
            fingerprint: None,
            version: 1,
        }
    }

    #[test]
    fn the_only_relay_is_filled_in_unless_something_was_typed() {
        let mut state = State::default();
        state.found(vec![relay("192.0.2.1:7470")]);
        assert_eq!(state.fields.relay, "192.0.2.1:7470");
        state.fields.relay = "mine".into();
        state.found(vec![relay("192.0.2.2:7470")]);
        assert_eq!(state.fields.relay, "mine");
    }

    #[test]
    fn a_refusal_stands_at_the_field_that_it_is_about() {
        let mut state = State {
            trouble: Trouble::of(Problem::NameTaken),
            ..State::default()
        };
        assert_eq!(state.problems().name, Problem::NameTaken);
        state.trouble = Trouble::of(Problem::AddressUnreachable);
        assert_eq!(
            (state.problems().name, state.problems().relay),
            (Problem::None, Problem::AddressUnreachable)
        );
    }
}
