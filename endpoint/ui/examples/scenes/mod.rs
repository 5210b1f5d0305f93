//! The pages in the states that matter, for pictures of them and for the tests of what fits.

mod idle;
mod lobby;
mod picture;
mod room;
mod settings;
mod sign_in;
mod stage;

#[allow(unused_imports, reason = "the tests of what fits alone know it")]
pub(crate) use idle::REFUSED;
pub(crate) use stage::Stage;

use conclave_ui::AppWindow;
use conclave_ui::slint::{ModelRc, VecModel};

/// A page in a state.
pub(crate) struct Scene {
    /// The page's name; the pictures of one page stand together.
    pub(crate) page: &'static str,
    pub(crate) name: &'static str,
    /// Fills the globals, before the window is shown.
    set: fn(&AppWindow),
    /// Touches what has to be touched, once it is shown.
    touch: Option<fn(&AppWindow, &Stage)>,
}

impl Scene {
    const fn new(page: &'static str, name: &'static str, set: fn(&AppWindow)) -> Self {
        Self {
            page,
            name,
            set,
            touch: None,
        }
    }

    const fn touched(
        page: &'static str,
        name: &'static str,
        set: fn(&AppWindow),
        touch: fn(&AppWindow, &Stage),
    ) -> Self {
        Self {
            page,
            name,
            set,
            touch: Some(touch),
        }
    }

    /// A window of this scene in English, as it is when nothing moves any more.
    pub(crate) fn show(&self, stage: &Stage, dark: bool) -> AppWindow {
        use conclave_ui::slint::ComponentHandle;
        let window = AppWindow::new().expect("the stage gives a window");
        conclave_ui::slint::select_bundled_translation("en").expect("English is there");
        let app = window.global::<conclave_ui::App>();
        app.set_dark(dark);
        (self.set)(&window);
        window.show().expect("the stage shows everything");
        stage.settle();
        if let Some(touch) = self.touch {
            touch(&window, stage);
            stage.settle();
        }
        window
    }
}

pub(crate) fn all() -> Vec<Scene> {
    [
        idle::scenes(),
        sign_in::scenes(),
        lobby::scenes(),
        room::scenes(),
        settings::scenes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn list<T: Clone + 'static>(items: Vec<T>) -> ModelRc<T> {
    ModelRc::new(VecModel::from(items))
}
