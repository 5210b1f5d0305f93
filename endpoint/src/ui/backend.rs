//! Where the window goes: to a display server where there is one, else straight to the screen.

use super::turned;
use crate::config::{Rotation, Screen};
use std::path::Path;
use std::process::Command;
use thiserror::Error;

/// Why there is no window.
#[derive(Debug, Error)]
pub enum BackendError {
    /// Nothing to draw on.
    #[error(
        "there is no display: neither WAYLAND_DISPLAY nor DISPLAY names a display server, and there is no screen at \
         /dev/dri/card*. Start it within a session, connect a screen, or use `conclave-endpoint call` without one"
    )]
    NoDisplay,
    /// The platform refuses.
    #[error("the {backend} display with the {renderer} renderer cannot be used: {error}")]
    Refused {
        /// By its name in `SLINT_BACKEND`.
        backend: &'static str,
        /// By its name in `SLINT_BACKEND`.
        renderer: &'static str,
        /// As the platform reports it.
        error: slint::PlatformError,
    },
    /// Another choice needs this program to start again.
    #[error(
        "the display needs {variables}, and this program cannot be started again with that: {error}"
    )]
    NotRestarted {
        /// The variables, with what they should be.
        variables: String,
        /// From `execve`.
        error: std::io::Error,
    },
}

/// How pictures get onto the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Choice {
    backend: &'static str,
    renderer: &'static str,
}

/// The screen without a display server.
const BARE: &str = "linuxkms";
const RENDERERS: [&str; 2] = ["software", "femtovg"];

impl Choice {
    /// What `SLINT_BACKEND` names, if it is the bare screen with a renderer.
    fn of_bare_screen(named: &str) -> Option<Self> {
        let renderer = named.strip_prefix(BARE)?.strip_prefix('-')?;
        let renderer = RENDERERS.into_iter().find(|known| *known == renderer)?;
        Some(Self {
            backend: BARE,
            renderer,
        })
    }
}

/// What the machine has.
#[derive(Clone, Copy, Debug, Default)]
struct Machine {
    display_server: bool,
    screen: bool,
    gpu: bool,
}

impl Machine {
    fn look() -> Self {
        let named = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        Self {
            display_server: named("WAYLAND_DISPLAY") || named("DISPLAY"),
            screen: has_node(Path::new("/dev/dri"), "card"),
            gpu: has_node(Path::new("/dev/dri"), "renderD"),
        }
    }

    /// Without a graphics processor the software renderer is many times quicker than OpenGL in software.
    const fn choose(self) -> Option<Choice> {
        let renderer = if self.gpu { "femtovg" } else { "software" };
        if self.display_server {
            let backend = "winit";
            Some(Choice { backend, renderer })
        } else if self.screen {
            let backend = BARE;
            Some(Choice { backend, renderer })
        } else {
            None
        }
    }
}

fn has_node(folder: &Path, prefix: &str) -> bool {
    std::fs::read_dir(folder).is_ok_and(|entries| {
        entries
            .flatten()
            .any(|entry| entry.file_name().to_string_lossy().starts_with(prefix))
    })
}

/// What names a backend and a renderer over the head of this program.
const NAMED: &str = "SLINT_BACKEND";
/// By what the bare screen's backend is told how the panel hangs.
const TURNED: &str = "SLINT_KMS_ROTATION";

/// By what it is told which connector to use.
const CONNECTED: &str = "SLINT_DRM_OUTPUT";
/// By what libxkbcommon is told how a keyboard is laid out.
const LAID_OUT: &str = "XKB_DEFAULT_LAYOUT";
const VARIANT: &str = "XKB_DEFAULT_VARIANT";

/// A variable of the environment, with its value.
type Variable = (&'static str, String);

/// What the bare screen and its keyboard take from the environment alone, but for what it has already.
fn missing(screen: &Screen, has: impl Fn(&str) -> bool) -> Vec<Variable> {
    let mut wanted = Vec::new();
    let degrees = screen.rotation.degrees();
    if degrees != 0 && !has(TURNED) {
        wanted.push((TURNED, degrees.to_string()));
    }
    if let Some(output) = screen.output.as_ref().filter(|_| !has(CONNECTED)) {
        wanted.push((CONNECTED, output.to_string()));
    }
    // Layout and variant belong together.
    if let Some(keyboard) = screen.keyboard.as_ref().filter(|_| !has(LAID_OUT)) {
        wanted.push((LAID_OUT, keyboard.layout().to_owned()));
        wanted.extend(keyboard.variant().map(|name| (VARIANT, name.to_owned())));
    }
    wanted
}

/// Starts this program again with more variables in its environment; the process stays the same one for who watches
/// over it.
fn start_again(variables: &[Variable]) -> BackendError {
    use std::os::unix::process::CommandExt as _;
    let mut arguments = std::env::args_os();
    let called = arguments.next().unwrap_or_default();
    let program = std::env::current_exe().unwrap_or_else(|_| called.clone().into());
    let mut command = Command::new(program);
    let pairs = variables.iter().map(|(name, value)| (name, value));
    command.arg0(called).args(arguments).envs(pairs);
    let error = command.exec();
    let variables: Vec<_> = variables
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    BackendError::NotRestarted {
        variables: variables.join(" "),
        error,
    }
}

/// What was chosen.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chosen {
    /// Whether it is the screen without a display server.
    pub(super) is_bare: bool,
    pub(super) fallback: Fallback,
}

/// What to do where the chosen display gives no window after all.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fallback(Option<Choice>);

impl Fallback {
    /// A graphics processor may be there without the libraries that speak to it, which shows only when a window is
    /// made. By then the process is bound to its choice: it starts again and draws in software. Comes back where that
    /// is no way out.
    pub(super) fn begin(self, error: &slint::PlatformError) -> Result<(), BackendError> {
        let Some(Choice { backend, renderer }) = self.0 else {
            return Ok(());
        };
        tracing::warn!(%error, "no OpenGL: drawing in software");
        Err(start_again(&[(NAMED, format!("{backend}-{renderer}"))]))
    }
}

/// Chooses for the rest of the process; what `SLINT_BACKEND` says comes first. A bare screen is turned, chosen among
/// several and typed to as the configuration says.
///
/// # Errors
/// [`BackendError`] says what is missing.
pub(super) fn choose(screen: &Screen) -> Result<Chosen, BackendError> {
    let named = std::env::var(NAMED).ok().filter(|name| !name.is_empty());
    let choice = match &named {
        Some(_) => None,
        None => Some(Machine::look().choose().ok_or(BackendError::NoDisplay)?),
    };
    let backend = choice.map(|choice| choice.backend).or(named.as_deref());
    let is_bare = backend.is_some_and(|backend| backend.starts_with(BARE));
    let chosen = |fallback| Chosen {
        is_bare,
        fallback: Fallback(fallback),
    };
    let missing = missing(screen, |name| std::env::var_os(name).is_some());
    if is_bare && !missing.is_empty() {
        return Err(start_again(&missing));
    }
    let turned = rotation(screen, std::env::var(TURNED).ok());
    let Some(choice) = choice else {
        if let Some(choice) = named.as_deref().and_then(Choice::of_bare_screen)
            && turned != Rotation::None
        {
            select(choice, turned).map_err(|error| refused(choice, error))?;
        }
        return Ok(chosen(None));
    };
    tracing::info!(
        backend = choice.backend,
        renderer = choice.renderer,
        "display"
    );
    let plain = Choice {
        renderer: "software",
        ..choice
    };
    let Err(error) = select(choice, turned) else {
        return Ok(chosen((choice != plain).then_some(plain)));
    };
    if choice == plain {
        return Err(refused(choice, error));
    }
    tracing::warn!(%error, "no OpenGL: drawing in software");
    select(plain, turned).map_err(|error| refused(plain, error))?;
    Ok(chosen(None))
}

/// How the bare screen is turned: what the environment says comes first.
fn rotation(screen: &Screen, said: Option<String>) -> Rotation {
    let said = said.and_then(|degrees| degrees.parse::<u16>().ok());
    said.and_then(|degrees| Rotation::try_from(degrees).ok())
        .unwrap_or(screen.rotation)
}

fn select(choice: Choice, turned: Rotation) -> Result<(), slint::PlatformError> {
    if choice.backend == BARE && turned != Rotation::None {
        return turned::select(choice.renderer, turned);
    }
    slint::BackendSelector::new()
        .backend_name(choice.backend.into())
        .renderer_name(choice.renderer.into())
        .select()
}

fn refused(choice: Choice, error: slint::PlatformError) -> BackendError {
    let Choice { backend, renderer } = choice;
    BackendError::Refused {
        backend,
        renderer,
        error,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bare_screen_is_told_of_its_connector_rotation_and_keyboard_once() {
        let mut screen = Screen::default();
        assert!(missing(&screen, |_| false).is_empty());
        screen.rotation = crate::config::Rotation::Quarter;
        screen.output = Some("DSI-1".parse().unwrap());
        screen.keyboard = Some("de(nodeadkeys)".parse().unwrap());
        let wanted = [
            (TURNED, "90"),
            (CONNECTED, "DSI-1"),
            (LAID_OUT, "de"),
            (VARIANT, "nodeadkeys"),
        ];
        let wanted = wanted.map(|(name, value)| (name, value.to_owned()));
        assert_eq!(missing(&screen, |_| false), wanted);
        let rest = missing(&screen, |name| name == CONNECTED || name == LAID_OUT);
        assert_eq!(rest, wanted[..1], "what the administrator set stays");
        assert!(missing(&screen, |_| true).is_empty(), "it starts once");
    }

    #[test]
    fn touches_are_turned_as_the_environment_says_and_else_the_configuration() {
        let mut screen = Screen::default();
        assert_eq!(rotation(&screen, Some("90".into())), Rotation::Quarter);
        screen.rotation = Rotation::Half;
        assert_eq!(rotation(&screen, None), Rotation::Half);
        assert_eq!(rotation(&screen, Some("0".into())), Rotation::None);
        assert_eq!(rotation(&screen, Some("x".into())), Rotation::Half);
        let named = Choice::of_bare_screen("linuxkms-software").unwrap();
        assert_eq!((named.backend, named.renderer), (BARE, "software"));
        for other in ["linuxkms", "linuxkms-skia", "winit-software", ""] {
            assert_eq!(Choice::of_bare_screen(other), None, "{other}");
        }
    }

    #[test]
    fn a_display_server_comes_before_the_bare_screen_and_a_gpu_before_software() {
        let machine = Machine {
            display_server: true,
            screen: true,
            gpu: false,
        };
        let choice = Choice {
            backend: "winit",
            renderer: "software",
        };
        assert_eq!(machine.choose(), Some(choice));
        let machine = Machine {
            display_server: false,
            gpu: true,
            ..machine
        };
        let choice = Choice {
            backend: "linuxkms",
            renderer: "femtovg",
        };
        assert_eq!(machine.choose(), Some(choice));
        assert_eq!(Machine::default().choose(), None);
    }
}
