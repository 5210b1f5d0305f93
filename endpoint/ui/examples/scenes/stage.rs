//! A window that is nowhere but in memory, and a clock that goes on when it is told to.

use conclave_ui::AppWindow;
use conclave_ui::slint::platform::software_renderer::{MinimalSoftwareWindow, RepaintBufferType};
use conclave_ui::slint::platform::{
    Platform, PointerEventButton, WindowAdapter, WindowEvent, set_platform,
    update_timers_and_animations,
};
use conclave_ui::slint::{LogicalPosition, PhysicalSize, PlatformError, Rgb8Pixel};
use i_slint_backend_testing::{AccessibleRole, ElementHandle};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

/// Longer than anything moves.
const SETTLED: Duration = Duration::from_millis(480);
const FRAME: Duration = Duration::from_millis(16);

/// One a thread.
pub(crate) struct Stage {
    inner: Rc<Inner>,
    width: u32,
    height: u32,
}

#[derive(Default)]
struct Inner {
    now: Cell<Duration>,
    window: RefCell<Option<Rc<MinimalSoftwareWindow>>>,
    size: Cell<PhysicalSize>,
}

struct Backend(Rc<Inner>);

impl Platform for Backend {
    fn create_window_adapter(&self) -> Result<Rc<dyn WindowAdapter>, PlatformError> {
        let window = MinimalSoftwareWindow::new(RepaintBufferType::NewBuffer);
        window.set_size(self.0.size.get());
        self.0.window.replace(Some(window.clone()));
        Ok(window)
    }

    fn duration_since_start(&self) -> Duration {
        self.0.now.get()
    }
}

impl Stage {
    /// Windows that come to be on this thread from now on have this size.
    pub(crate) fn new(width: u32, height: u32) -> Self {
        let inner = Rc::new(Inner::default());
        set_platform(Box::new(Backend(inner.clone()))).expect("a thread has one stage");
        let stage = Self {
            inner,
            width,
            height,
        };
        stage.resized(width, height)
    }

    /// The same stage for windows of another size.
    pub(crate) fn resized(self, width: u32, height: u32) -> Self {
        self.inner.size.set(PhysicalSize::new(width, height));
        Self {
            width,
            height,
            ..self
        }
    }

    /// Of the windows, in pixels.
    pub(crate) fn width(&self) -> u32 {
        self.width
    }

    /// Lets everything that moves come to its end.
    pub(crate) fn settle(&self) {
        // What is drawn first comes to be by that, and may want to move.
        self.picture();
        self.wait(SETTLED);
    }

    fn wait(&self, time: Duration) {
        let end = self.inner.now.get() + time;
        while self.inner.now.get() < end {
            self.inner.now.set(self.inner.now.get() + FRAME);
            update_timers_and_animations();
        }
    }

    /// What can be seen now.
    pub(crate) fn picture(&self) -> Vec<Rgb8Pixel> {
        let mut pixels = vec![Rgb8Pixel::default(); self.width as usize * self.height as usize];
        let window = self.inner.window.borrow();
        let window = window.as_ref().expect("a scene is shown");
        window.request_redraw();
        window.draw_if_needed(|renderer| {
            renderer.render(&mut pixels, self.width as usize);
        });
        pixels
    }

    /// Touches what does something and has this name.
    pub(crate) fn touch(&self, window: &AppWindow, label: &str) {
        let mute = [AccessibleRole::None, AccessibleRole::Text].map(Some);
        let element = ElementHandle::find_by_accessible_label(window, label)
            .find(|element| !mute.contains(&element.accessible_role()))
            .expect("the element is there");
        let (corner, size) = (element.absolute_position(), element.size());
        let position =
            LogicalPosition::new(corner.x + size.width / 2.0, corner.y + size.height / 2.0);
        let button = PointerEventButton::Left;
        let window = self.inner.window.borrow();
        let window = window.as_ref().expect("a scene is shown");
        let events = [
            WindowEvent::PointerPressed { position, button },
            WindowEvent::PointerReleased { position, button },
            WindowEvent::PointerExited,
        ];
        for event in events {
            window.dispatch_event(event);
            // What can be pushed waits whether it is, before it lets a touch through.
            self.wait(3 * FRAME);
        }
    }
}
