//! Answers of the store and of the PIN worker, and how what waited for them goes on.

use conclave_protocol::wire::control::{Answer, Refusal};

use super::storage::{PinAnswer, StoreAnswer, Token};
use super::{Core, Pending};

impl Core {
    /// The store has answered.
    pub fn handle_stored(&mut self, token: Token, answer: Result<StoreAnswer, Refusal>) {
        match self.pending.remove(&token) {
            Some(Pending::SignIn(arrival)) => {
                let (connection, request) = (arrival.connection, arrival.request);
                let display_name = arrival.display_name.clone();
                let account = match answer {
                    Ok(StoreAnswer::NoAccount) => match self.sign_up(arrival) {
                        Ok(()) => return,
                        Err(refusal) => Err(refusal),
                    },
                    Ok(StoreAnswer::Account { username }) => Ok(username),
                    Ok(_) => Err(Refusal::StorageFailed),
                    Err(refusal) => {
                        if refusal == Refusal::RelayFull {
                            self.limit_reached("limits.accounts", self.limits.accounts, connection);
                        }
                        Err(refusal)
                    }
                };
                self.signed_in(connection, request, display_name, account);
            }
            Some(Pending::Guest(arrival)) => {
                let is_free = answer.map(|answer| answer == StoreAnswer::NoAccount);
                self.guest_named(arrival, is_free);
            }
            Some(Pending::RoomChange(change)) => self.room_changed(change, answer),
            Some(Pending::Create(draft)) => self.open_room(draft, answer.map(drop)),
            Some(Pending::Say(line)) => self.said(*line, answer),
            Some(Pending::FindLine(asked)) => self.line_found(&asked, answer),
            Some(Pending::History {
                connection,
                request,
            }) => {
                let result = answer.and_then(|answer| match answer {
                    StoreAnswer::History { lines, more } => Ok(Answer::History { lines, more }),
                    _ => Err(Refusal::StorageFailed),
                });
                self.reply(connection, request, result);
            }
            Some(Pending::Join(entry)) => self.enter_if(entry, answer.map(|_| false)),
            Some(Pending::HashPin(draft)) => {
                self.store_room_with(draft, Err(Refusal::StorageFailed));
            }
            Some(Pending::SameRoom(asked)) => {
                self.created_again(&asked, answer.map(|_| false));
            }
            None => {}
        }
    }

    /// The PIN worker has answered.
    pub fn handle_pin(&mut self, token: Token, answer: Result<PinAnswer, Refusal>) {
        match (self.pending.remove(&token), answer) {
            (Some(Pending::Join(entry)), Ok(PinAnswer::Compared(matches))) => {
                self.enter_if(entry, Ok(matches));
            }
            (Some(Pending::Join(entry)), Err(refusal)) => self.enter_if(entry, Err(refusal)),
            (Some(Pending::SameRoom(asked)), Ok(PinAnswer::Compared(matches))) => {
                self.created_again(&asked, Ok(matches));
            }
            (Some(Pending::SameRoom(asked)), Err(refusal)) => {
                self.created_again(&asked, Err(refusal));
            }
            (Some(Pending::HashPin(draft)), Ok(PinAnswer::Hashed(hash))) => {
                self.store_room_with(draft, Ok(hash));
            }
            (Some(Pending::HashPin(draft)), Err(refusal)) => {
                self.store_room_with(draft, Err(refusal));
            }
            _ => {}
        }
    }
}
