//! Who this is, and where the relay is.

use super::{Scene, list};
use conclave_ui::slint::ComponentHandle;
use conclave_ui::{App, AppWindow, Page, Problem, SignIn};

pub(super) fn scenes() -> Vec<Scene> {
    vec![
        Scene::new("sign-in", "filled", filled),
        Scene::touched("sign-in", "keyboard", filled, |window, stage| {
            stage.touch(window, "Email")
        }),
        Scene::new("sign-in", "errors", errors),
        Scene::new("sign-in", "empty", |window| {
            page(window);
            window.global::<SignIn>().set_relays(list(Vec::new()));
        }),
        Scene::new("sign-in", "nothing-found", |window| {
            page(window);
            window.global::<SignIn>().set_relays(list(Vec::new()));
            window.global::<SignIn>().set_searching(false);
        }),
        Scene::new("sign-in", "busy", |window| {
            filled(window);
            window.global::<SignIn>().set_busy(true);
        }),
        Scene::touched(
            "sign-in",
            "vietnamese-keyboard",
            |window| {
                filled(window);
                window.global::<App>().set_language("vi".into());
            },
            |window, stage| stage.touch(window, "Name"),
        ),
    ]
}

fn page(window: &AppWindow) {
    window.global::<App>().set_page(Page::SignIn);
}

fn filled(window: &AppWindow) {
    page(window);
    let sign_in = window.global::<SignIn>();
    sign_in.set_name("Maple".into());
    sign_in.set_email("maple@example.org".into());
    sign_in.set_relay("192.168.1.10:7470".into());
    sign_in.set_can_submit(true);
}

fn errors(window: &AppWindow) {
    page(window);
    let sign_in = window.global::<SignIn>();
    sign_in.set_name("-maple".into());
    sign_in.set_email("maple".into());
    sign_in.set_relay("300.1.1.1".into());
    sign_in.set_name_problem(Problem::NameInvalid);
    sign_in.set_email_problem(Problem::EmailInvalid);
    sign_in.set_relay_problem(Problem::RelayInvalid);
    sign_in.set_problem(Problem::IdentityChanged);
    sign_in.set_searching(false);
}
