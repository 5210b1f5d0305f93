//! A person who reads the screen and touches it.

use crate::display::Display;
use conclave_ui::AppWindow;
use i_slint_backend_testing::{AccessibleRole, ElementHandle};
use slint::{ComponentHandle, Weak};
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often a person who waits for something looks.
const LOOK_EVERY: Duration = Duration::from_millis(40);

pub(crate) struct Person {
    window: Weak<AppWindow>,
    pub(crate) display: Display,
}

impl Person {
    pub(crate) fn before(window: &AppWindow, display: Display) -> Self {
        Self {
            window: window.as_weak(),
            display,
        }
    }

    /// Asks the window something, on its own thread.
    pub(crate) fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&AppWindow) -> T + Send + 'static,
    ) -> T {
        let (answer, answered) = channel();
        self.window
            .upgrade_in_event_loop(move |window| {
                let _ = answer.send(question(&window));
            })
            .expect("an event loop");
        answered
            .recv_timeout(PATIENCE)
            .expect("the window answers: it is not frozen")
    }

    /// Waits until something about the window is true.
    pub(crate) fn waits_until(
        &self,
        what: &str,
        is_true: impl Fn(&AppWindow) -> bool + Clone + Send + 'static,
    ) {
        let until = Instant::now() + PATIENCE;
        loop {
            let is_true = is_true.clone();
            if self.ask(move |window| is_true(window)) {
                return;
            }
            assert!(
                Instant::now() < until,
                "never: {what}; the screen says {:?}",
                self.labels()
            );
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Waits for words on the screen.
    pub(crate) fn reads(&self, words: &str) {
        let wanted = words.to_owned();
        self.waits_until(words, move |window| {
            labels(window).iter().any(|label| label.contains(&wanted))
        });
    }

    /// Waits until words are not on the screen any more.
    pub(crate) fn reads_no_more(&self, words: &str) {
        let unwanted = words.to_owned();
        self.waits_until(&format!("no {words}"), move |window| {
            !labels(window).iter().any(|label| label.contains(&unwanted))
        });
    }

    pub(crate) fn labels(&self) -> Vec<String> {
        self.ask(labels)
    }

    /// Touches an element in its middle, once it stands still.
    pub(crate) fn touches(&mut self, label: &str) {
        let (x, y) = self.finds(label);
        self.display.finger.tap(x, y);
    }

    fn finds(&self, label: &str) -> (i32, i32) {
        let until = Instant::now() + PATIENCE;
        let mut before = None;
        loop {
            let wanted = label.to_owned();
            let now = self.ask(move |window| middle(window, &wanted));
            if now.is_some() && now == before {
                return now.unwrap_or_default();
            }
            before = now;
            assert!(
                Instant::now() < until,
                "no {label:?} to touch; there are {:?}",
                self.labels()
            );
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Types on the keyboard of the screen, what its first page has.
    pub(crate) fn types(&mut self, text: &str) {
        for letter in text.chars() {
            self.touches(&format!("Key {letter}"));
        }
    }

    /// Goes from element to element until this one has the focus.
    pub(crate) fn goes_to(&mut self, label: &str) {
        self.finds(label);
        let mut passed = Vec::new();
        while passed.len() < 100 {
            let focused = self.ask(focused);
            if focused == label {
                return;
            }
            passed.push(focused);
            self.presses("Tab");
        }
        panic!("Tab never comes to {label:?}; it comes to {passed:?}");
    }

    pub(crate) fn presses(&mut self, key: &str) {
        self.display.keyboard(&["key", key]);
    }

    pub(crate) fn presses_on(&mut self, label: &str, key: &str) {
        self.goes_to(label);
        self.presses(key);
    }

    /// Types on a keyboard.
    pub(crate) fn enters(&mut self, text: &str) {
        self.display.keyboard(&["type", text]);
    }

    /// Waits until a picture of the screen differs from the one before.
    pub(crate) fn sees_something_move(&self, file: &Path) {
        let file = file.with_extension(self.display.suffix());
        let until = Instant::now() + PATIENCE;
        let first = self.shoots(&file);
        while self.shoots(&file) == first {
            assert!(Instant::now() < until, "nothing moves");
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// A picture of what is on the screen now.
    pub(crate) fn shoots(&self, file: &Path) -> Vec<u8> {
        self.display.shoot(file);
        std::fs::read(file).unwrap()
    }
}

/// The label of what has the focus, or of what that is a part of.
fn focused(window: &AppWindow) -> String {
    use i_slint_core::accessibility::AccessibleStringProperty::Label;
    use i_slint_core::item_tree::ParentItemTraversalMode::StopAtPopups;
    let inner = i_slint_core::window::WindowInner::from_pub(window.window());
    let mut item = inner.focus_item.borrow().upgrade();
    while let Some(part) = item {
        if let Some(label) = part.accessible_string_property(Label)
            && !label.is_empty()
        {
            return label.into();
        }
        item = part.parent_item(StopAtPopups);
    }
    String::new()
}

fn labels(window: &AppWindow) -> Vec<String> {
    let all = i_slint_backend_testing::ElementRoot::root_element(window);
    let all = all.query_descendants().find_all();
    let labels = all.iter().filter_map(ElementHandle::accessible_label);
    labels
        .map(String::from)
        .filter(|label| !label.is_empty())
        .collect()
}

/// The middle of an element that lies on the screen, in physical pixels.
fn middle(window: &AppWindow, label: &str) -> Option<(i32, i32)> {
    let scale = window.window().scale_factor();
    let (origin, size) = (window.window().position(), window.window().size());
    ElementHandle::find_by_accessible_label(window, label).find_map(|element| {
        // What is only read is nothing to touch.
        let role = element.accessible_role()?;
        if matches!(role, AccessibleRole::None | AccessibleRole::Text) {
            return None;
        }
        let (at, extent) = (element.absolute_position(), element.size());
        let x = (at.x + extent.width / 2.0) * scale;
        let y = (at.y + extent.height / 2.0) * scale;
        let inside = x > 0.0 && y > 0.0 && x < size.width as f32 && y < size.height as f32;
        let seen = extent.width > 0.0 && extent.height > 0.0 && inside;
        seen.then_some((x as i32 + origin.x, y as i32 + origin.y))
    })
}
