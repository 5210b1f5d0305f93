//! The touch screen: what the engine reports goes to the pages, and what a person touches goes to the engine.
//!
//! The event loop's thread owns the state (`app`) and shows it (`pages`). The engine runs on a thread of its own
//! (`host`) and reports through a short queue (`inbox`); decoders paint on theirs (`pictures`). The event loop
//! waits for none of them.

mod app;
mod backend;
mod backlight;
mod bundle;
mod callbacks;
mod clock;
mod connection;
mod device_states;
mod drafts;
mod form;
mod host;
mod inbox;
mod invitation;
mod language;
mod no_screen;
mod pages;
mod pictures;
mod preferences;
mod presence;
mod problem;
mod steering;
#[cfg(test)]
mod tests;
mod turned;
mod way;

pub use backend::BackendError;

use crate::config::Config;
use crate::data_dir::DataDir;
use crate::kiosk::Watch;
use crate::platform::watchdog::Watchdog;
use app::{App, Handle, Parts};
use conclave_ui::AppWindow;
use host::Host;
use inbox::Inbox;
use pictures::Paintings;
use preferences::Preferences;
use slint::{ComponentHandle, TimerMode};
use std::cell::RefCell;
use std::io;
use std::time::Duration;
use thiserror::Error;

/// How often time on the screen moves on.
const TICK: Duration = Duration::from_secs(1);

/// Why there is no screen, or no more.
#[derive(Debug, Error)]
pub enum UiError {
    /// No display.
    #[error(transparent)]
    Backend(#[from] BackendError),
    /// The window cannot be made or drawn.
    #[error("the window cannot be shown: {0}")]
    Window(#[from] slint::PlatformError),
    /// The system gave no thread.
    #[error("the system refuses a thread: {0}")]
    System(#[from] io::Error),
}

thread_local! {
    /// The app of this thread's event loop; other threads reach it by having the loop run something.
    static APP: RefCell<Option<Handle>> = const { RefCell::new(None) };
}

/// Runs a step of the app on the event loop's thread, from any thread.
fn on_event_loop(step: fn(&mut App)) {
    let run = move || {
        let app = APP.with_borrow(Clone::clone);
        if let Some(app) = app {
            app.act(step);
        }
    };
    // Without a loop there is no app to run it.
    let _ = slint::invoke_from_event_loop(run);
}

/// Shows the screen until it is closed; `on_window` sees it first. A kiosk watches its provisioning, and ends when
/// there is something new and no call is on: the service manager starts it again.
///
/// # Errors
/// [`UiError`] when there is no display, or the system refuses a thread.
pub fn run(
    config: Config,
    keep: DataDir,
    kiosk: Option<Watch>,
    on_window: impl FnOnce(&AppWindow),
) -> Result<(), UiError> {
    let chosen = backend::choose(&config.screen)?;
    let watchdog = Watchdog::start(|name| std::env::var_os(name));
    if chosen.is_bare
        && let Some(watch) = &kiosk
        && !no_screen::wait_for_one(config.screen.output.as_ref(), watchdog.as_ref(), watch)
    {
        return Ok(());
    }
    let window = match AppWindow::new() {
        Ok(window) => window,
        Err(error) => {
            chosen.fallback.begin(&error)?;
            return Err(error.into());
        }
    };
    conclave_ui::draw_emoji();
    let heartbeat = |name: &'static str| watchdog.as_ref().map(|watchdog| watchdog.heartbeat(name));
    let screen_beat = heartbeat("screen");
    let media_beat = heartbeat("media");
    if let Some(beat) = &media_beat {
        beat.pause();
    }
    let inbox = Inbox::new(|| on_event_loop(drain));
    let (paintings, input) = Paintings::start(|| {
        let _ = slint::invoke_from_event_loop(draw);
    })?;
    let open_picture_outputs = Box::new(move || pictures::viewers(&input));
    let host = Host::start(
        keep.clone(),
        inbox.clone(),
        open_picture_outputs,
        heartbeat("engine"),
        quit,
    )?;
    let is_kiosk = kiosk.is_some();
    let app = App::new(
        &window,
        Parts {
            config: Preferences::new(config),
            keep,
            kiosk: is_kiosk,
            inbox,
            host,
            paintings,
            media_beat,
            search: app::search,
            provisioning: kiosk,
        },
    );
    let handle = begin(&window, app);
    let timer = slint::Timer::default();
    let ticking = handle.clone();
    timer.start(TimerMode::Repeated, TICK, move || {
        ticking.act(App::tick);
        if ticking.is_ended() {
            quit();
        }
        if let Some(beat) = &screen_beat {
            beat.beat();
        }
    });
    on_window(&window);
    window.window().set_fullscreen(is_kiosk);
    window.show()?;
    if let Some(watchdog) = &watchdog {
        watchdog.ready();
    }
    let run = if is_kiosk {
        slint::run_event_loop_until_quit()
    } else {
        slint::run_event_loop()
    };
    APP.with_borrow_mut(Option::take);
    handle.act(App::end);
    // A window that is shown keeps itself, and with it the app.
    window.hide()?;
    run?;
    Ok(())
}

/// Puts the app behind its window, and begins.
fn begin(window: &AppWindow, app: App) -> Handle {
    language::speak(&app.config.language());
    let handle = Handle::new(app);
    callbacks::connect(window, &handle);
    APP.with_borrow_mut(|slot| *slot = Some(handle.clone()));
    handle.act(App::begin);
    handle
}

fn quit() {
    let _ = slint::quit_event_loop();
}

fn draw() {
    let app = APP.with_borrow(Clone::clone);
    if let Some(app) = app {
        app.draw();
    }
}

fn drain(app: &mut App) {
    for (from, news) in app.inbox.drain() {
        app.take(from, news);
    }
}
