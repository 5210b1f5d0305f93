//! Short messages that belong to no page.

use super::models::sync;
use crate::clock;
use crate::ui::problem::Trouble;
use conclave_protocol::time::{Instant, Micros};
use conclave_ui::{App, AppWindow, Toast};
use slint::{ComponentHandle, VecModel};
use std::rc::Rc;

/// At once; the oldest goes first.
const MOST: usize = 3;
/// Long enough to be read twice.
const LASTS: Micros = Micros::from_secs(8);

/// The messages there are.
#[derive(Default)]
pub(in crate::ui) struct State {
    toasts: Vec<(Instant, Toast)>,
    next_id: i32,
    rows: Rc<VecModel<Toast>>,
}

impl State {
    pub(in crate::ui) fn add(&mut self, trouble: Trouble) {
        let same = |(_, toast): &(Instant, Toast)| toast.problem == trouble.problem;
        self.toasts.retain(|toast| !same(toast));
        self.next_id += 1;
        let toast = Toast {
            id: self.next_id,
            problem: trouble.problem,
            detail: trouble.detail.into(),
        };
        self.toasts.push((clock::now(), toast));
        if self.toasts.len() > MOST {
            self.toasts.remove(0);
        }
    }

    pub(in crate::ui) fn dismiss(&mut self, id: i32) {
        self.toasts.retain(|(_, toast)| toast.id != id);
    }

    pub(in crate::ui) fn show(&mut self, window: &AppWindow) {
        let now = clock::now();
        self.toasts.retain(|(since, _)| now.since(*since) < LASTS);
        sync(
            &self.rows,
            self.toasts.iter().map(|(_, toast)| toast.clone()).collect(),
        );
        window
            .global::<App>()
            .set_toasts(Rc::clone(&self.rows).into());
    }
}
