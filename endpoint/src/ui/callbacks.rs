//! Every callback of the pages, answered by a step of the app that is named after it.

use super::app::Handle;
use conclave_ui::{AppWindow, Idle, Keyboard, Lobby, Room, Settings, SignIn};
use slint::ComponentHandle;
use slint::platform::WindowEvent;

/// Answers one callback: `answer!(handle, page.on_leave, |app| app.leave_room())`.
macro_rules! answer {
    ($handle:ident, $page:ident.$on:ident, |$app:ident $(, $argument:ident)*| $step:expr) => {{
        let handle = $handle.clone();
        $page.$on(move |$($argument),*| handle.act(|$app| $step));
    }};
}

pub(super) fn connect(window: &AppWindow, handle: &Handle) {
    answer_all_pages(&window.global(), handle);
    answer_idle(&window.global(), handle);
    answer_sign_in(&window.global(), handle);
    answer_lobby(&window.global(), handle);
    answer_room(&window.global(), handle);
    answer_chat(&window.global(), handle);
    answer_settings(&window.global(), handle);
    type_what_is_pressed(window);
}

fn answer_all_pages(page: &conclave_ui::App, handle: &Handle) {
    answer!(handle, page.on_dismiss_toast, |app, id| app
        .dismiss_toast(id));
    answer!(handle, page.on_touched, |app| app.touched());
    answer!(handle, page.on_open_settings, |app| app.open_settings());
    answer!(handle, page.on_cancel_entering, |app| app.cancel_entering());
    answer!(handle, page.on_await_place, |app| app.await_place());
    answer!(handle, page.on_put_provisioning_aside, |app| app
        .put_provisioning_aside());
}

fn answer_idle(page: &Idle, handle: &Handle) {
    answer!(handle, page.on_start, |app| app.start_own_room());
    answer!(handle, page.on_join, |app, id| app.join_listed_room(id));
    answer!(handle, page.on_all_rooms, |app| app.show_all_rooms());
}

fn answer_sign_in(page: &SignIn, handle: &Handle) {
    answer!(handle, page.on_edited, |app| app.edit_sign_in());
    answer!(handle, page.on_choose_relay, |app, index| app
        .choose_relay(index));
    answer!(handle, page.on_submit, |app| app.submit_sign_in());
    answer!(handle, page.on_cancel, |app| app.cancel_sign_in());
}

fn answer_lobby(page: &Lobby, handle: &Handle) {
    answer!(handle, page.on_search_edited, |app| app.search_rooms());
    answer!(handle, page.on_join, |app, id| app.join_listed_room(id));
    answer!(handle, page.on_sign_out, |app| app.sign_out());
    answer!(handle, page.on_back, |app| app.go_home());
    answer!(handle, page.on_accept_relay, |app| app.accept_relay());
    answer!(handle, page.on_reject_relay, |app| app.reject_relay());
    answer!(handle, page.on_open_create, |app| app.open_create());
    answer!(handle, page.on_create_edited, |app| app.edit_create());
    answer!(handle, page.on_close_create, |app| app.close_create());
    answer!(handle, page.on_create, |app| app.create_room());
    answer!(handle, page.on_submit_pin, |app, digits| app
        .submit_pin(&digits));
    answer!(handle, page.on_close_pin, |app| app.close_pin());
}

fn answer_room(page: &Room, handle: &Handle) {
    answer!(handle, page.on_set_microphone, |app, on| app
        .set_microphone(on));
    answer!(handle, page.on_set_camera, |app, on| app.set_camera(on));
    answer!(handle, page.on_set_volume, |app, percent| app
        .set_volume(percent));
    answer!(handle, page.on_set_speaker_view, |app, on| app
        .set_speaker_view(on));
    answer!(handle, page.on_set_drawer, |app, drawer| app
        .set_drawer(drawer));
    answer!(handle, page.on_new_link, |app| app.renew_invitation());
    answer!(handle, page.on_leave, |app| app.leave_room());
    answer!(
        handle,
        page.on_layout,
        |app, first, count, width, height, large_width, large_height| {
            app.lay_out((first, count), (width, height), (large_width, large_height))
        }
    );
}

fn answer_chat(page: &Room, handle: &Handle) {
    answer!(handle, page.on_say, |app, text| app.say(&text));
    answer!(handle, page.on_send_again, |app, number| app
        .send_again(number));
    answer!(handle, page.on_discard, |app, number| app
        .discard_line(number));
    answer!(handle, page.on_earlier_chat, |app| app
        .ask_for_earlier_chat());
}

fn answer_settings(page: &Settings, handle: &Handle) {
    answer!(handle, page.on_close, |app| app.go_home());
    answer!(handle, page.on_set_tab, |app, tab| app
        .set_settings_tab(tab));
    answer!(handle, page.on_unlock, |app, digits| app
        .unlock_settings(&digits));
    answer!(handle, page.on_choose_camera, |app, index| app
        .choose_camera(index));
    answer!(handle, page.on_choose_size, |app, index| app
        .choose_size(index));
    answer!(handle, page.on_choose_microphone, |app, index| app
        .choose_microphone(index));
    answer!(handle, page.on_choose_speaker, |app, index| app
        .choose_speaker(index));
    answer!(handle, page.on_test_speaker, |app| app.test_speaker());
    answer!(handle, page.on_set_join_muted, |app, muted| app
        .config
        .choose_join_muted(muted));
    answer!(handle, page.on_choose_language, |app, index| app
        .choose_language(index));
    answer!(handle, page.on_set_dark, |app, dark| app
        .config
        .choose_dark(dark));
    answer!(handle, page.on_set_reduce_motion, |app, reduce| app
        .config
        .choose_reduce_motion(reduce));
    answer!(handle, page.on_set_touch_keyboard, |app, on| app
        .config
        .choose_touch_keyboard(on));
    answer!(handle, page.on_sign_out, |app| app.sign_out());
    answer!(handle, page.on_write_bundle, |app| app.write_bundle());
}

/// The keys of the keyboard on the screen go to what has the focus, as those of a real one do.
fn type_what_is_pressed(window: &AppWindow) {
    let weak = window.as_weak();
    window.global::<Keyboard>().on_press(move |text| {
        if let Some(window) = weak.upgrade() {
            let press = WindowEvent::KeyPressed { text: text.clone() };
            let release = WindowEvent::KeyReleased { text };
            window.window().dispatch_event(press);
            window.window().dispatch_event(release);
        }
    });
}
