//! What the engine tells, and what becomes of the screen's state by it.

use super::session::SIGN_IN_AGAIN;
use crate::clock;
use crate::engine::{ConnectionLoss, EngineError, LineState, Report, Stats};
use crate::ui::app::App;
use crate::ui::connection::Connection;
use crate::ui::inbox::{News, SignInNumber};
use crate::ui::pages::room::chat::Unsent;
use crate::ui::pages::settings::devices::meter;
use crate::ui::problem::{Trouble, of_connection};
use conclave_protocol::time::Instant;
use conclave_ui::{Drawer, Page, Problem};

impl App {
    pub(in crate::ui) fn take(&mut self, from: SignInNumber, news: News) {
        match news {
            News::Devices(devices) => self.settings.devices.found(&devices),
            News::Relays(relays) => self.sign_in.found(relays),
            News::Found(found) => self.found(found),
            News::Bundle(written) => self.bundle_written(written),
            _ if from != self.host.number() => {}
            News::Report(report) => self.handle_report(report, clock::now()),
            News::Ended(Ok(())) => {}
            News::Ended(Err(error)) => self.engine_ended(&error),
        }
    }

    fn engine_ended(&mut self, error: &EngineError) {
        let trouble = Trouble::from(error);
        self.take_back_unsent();
        self.out_of_room();
        self.way.end();
        self.lobby.loading = false;
        self.connection = Connection::Ended(trouble.clone());
        let at_the_form = self.page == Page::SignIn || self.sign_in.busy;
        self.sign_in.busy = false;
        if self.kiosk && !at_the_form {
            // After a sign-in elsewhere the account is meant to be there; all other refusals may pass.
            let again = !matches!(error, EngineError::Replaced { .. });
            self.sign_in_again_at = again.then(|| clock::now() + SIGN_IN_AGAIN);
            self.go(self.home());
        } else {
            if let Some(account) = self.account.take() {
                self.sign_in.fields.name = account.name.as_str().to_owned();
                self.sign_in.fields.email = account.email.as_str().to_owned();
                self.sign_in.fields.relay.clone_from(&self.relay_address);
            }
            self.sign_in.trouble = trouble.at_the_form();
            self.go(Page::SignIn);
            self.look_for_relays();
        }
    }

    fn handle_report(&mut self, report: Report, now: Instant) {
        match report {
            // A fingerprint that was configured has been compared already.
            Report::FirstContact(key) if self.config.relay_fingerprint().is_none() => {
                self.lobby.first_contact = key.words();
            }
            Report::FirstContact(_) => {}
            Report::NotConnected(loss) | Report::Interrupted(loss) => self.not_connected(loss),
            Report::SignedIn => self.signed_in(),
            Report::Rooms(rooms) => {
                self.lobby.loading = false;
                let people = self.idle.people_in_own_room(&self.lobby);
                self.lobby.rooms = rooms;
                if self.idle.people_in_own_room(&self.lobby) > people {
                    // People come together in the kiosk's room.
                    self.presence.touch(now);
                }
            }
            Report::Joined { room, .. } => self.joined(&room.name, now),
            Report::NotEntered { why, .. } => self.not_entered(why),
            Report::WaitsForPlace => self.way.wait(),
            Report::LeftRoom => {
                if self.room.is_some() {
                    self.way.leave();
                    self.out_of_room();
                    self.go(self.home());
                }
            }
            Report::Camera(state) => {
                self.devices.camera = state;
                let runs = self.devices.camera_runs();
                if let (Some(room), false) = (&mut self.room, runs) {
                    room.seats.lose_own_picture();
                }
            }
            Report::Microphone(state) => self.devices.microphone = state,
            Report::Speaker(state) => self.devices.speaker = state,
            Report::Stats(stats) => self.take_stats(stats),
            Report::Levels(levels) => {
                let own = levels.iter().find(|level| level.of.is_none());
                self.settings.level = own.map_or(0.0, |own| meter(own.level));
                if let Some(room) = &mut self.room {
                    room.seats.hear(&levels, now);
                    room.note_muted_talk(now);
                }
            }
            Report::Link(link) => self.take_link(link),
            Report::Came(_) | Report::Left(..) | Report::Path(_) => {}
            report => self.handle_room_report(report, now),
        }
    }

    fn handle_room_report(&mut self, report: Report, now: Instant) {
        let Some(room) = &mut self.room else { return };
        match report {
            Report::People(people) => {
                if let Some(own) = people.iter().find(|person| person.own) {
                    room.switch(own.devices, own.confirmed, now);
                }
                room.seats.seat(people);
            }
            Report::SafetyNumber(number) => room.safety_number = number,
            Report::Chat { line, own, number } => {
                if let Some(number) = number {
                    room.chat.remove_unsent(number);
                }
                room.chat.add(line, own, room.drawer == Drawer::Chat);
            }
            Report::OwnLine {
                number,
                text,
                state,
                ..
            } => {
                let failed = match state {
                    LineState::Waiting => None,
                    LineState::Failed(refusal) => Some(Trouble::from(refusal)),
                };
                let text = text.as_str().to_owned();
                room.chat.add_unsent(number, Unsent { text, failed });
            }
            Report::LineGone(number) => room.chat.remove_unsent(number),
            Report::History { more } => room.chat.catch_up(more),
            _ => {}
        }
    }

    fn signed_in(&mut self) {
        // The banner of a room stays until that is joined again.
        self.connection = Connection::Good;
        let was_busy = std::mem::take(&mut self.sign_in.busy);
        if let Some(account) = self.account.clone().filter(|_| was_busy) {
            self.config.choose_account(account);
            self.save_choices();
        }
        self.sign_in.search = None;
        if matches!(self.page, Page::SignIn | Page::Starting) {
            self.go(self.home());
        }
    }

    fn not_connected(&mut self, loss: ConnectionLoss) {
        if let Some(room) = &mut self.room {
            let trouble = of_connection(&loss, &self.relay_address, Problem::ConnectionLost);
            room.interrupted = Some(trouble);
        }
        self.connection = Connection::Lost(loss);
    }

    /// Media is alive when each device that is said to run has moved on.
    fn take_stats(&mut self, stats: Box<Stats>) {
        if let Some(room) = &mut self.room {
            room.seats.weigh(&stats);
            let before = self.last_stats.as_ref().map(|stats| &stats.own);
            let moved = |now: u64, before: Option<u64>| before.is_none_or(|before| now > before);
            let camera = !self.devices.camera_runs()
                || moved(
                    stats.own.frames_captured,
                    before.map(|own| own.frames_captured),
                );
            let microphone = !self.devices.microphone_runs()
                || moved(
                    stats.own.blocks_captured,
                    before.map(|own| own.blocks_captured),
                );
            if let (Some(beat), true) = (&self.media_beat, camera && microphone) {
                beat.beat();
            }
        }
        self.last_stats = Some(stats);
    }
}
