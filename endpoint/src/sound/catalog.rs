//! Which sound devices there are.

use alsa::card;
use alsa::ctl::Ctl;
use alsa::{Direction, Output};
use serde::Serialize;

/// A PCM of a sound card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SoundDevice {
    /// What to write behind `alsa:`; conversion of rate and channels included.
    pub pcm: String,
    /// Name of the card and the device, for people.
    pub name: String,
    /// It records.
    pub captures: bool,
    /// It plays.
    pub plays: bool,
}

/// The devices of all cards, in the order of the cards.
#[must_use]
pub fn devices() -> Vec<SoundDevice> {
    quiet();
    card::Iter::new()
        .flatten()
        .filter_map(|card| card_devices(&card))
        .flatten()
        .collect()
}

fn card_devices(card: &alsa::Card) -> Option<Vec<SoundDevice>> {
    let control = Ctl::from_card(card, true).ok()?;
    let info = control.card_info().ok()?;
    let id = info.get_id().ok()?.to_owned();
    let card_name = info.get_name().unwrap_or(&id).to_owned();
    let device = |number: i32| {
        let number = u32::try_from(number).ok()?;
        let [capture, playback] = [Direction::Capture, Direction::Playback]
            .map(|way| control.pcm_info(number, 0, way).ok());
        let known = capture.as_ref().or(playback.as_ref())?;
        Some(SoundDevice {
            pcm: format!("plughw:CARD={id},DEV={number}"),
            name: format!("{card_name}, {}", known.get_name().unwrap_or("?")),
            captures: capture.is_some(),
            plays: playback.is_some(),
        })
    };
    Some(
        alsa::ctl::DeviceIter::new(&control)
            .filter_map(device)
            .collect(),
    )
}

/// Keeps alsa-lib from writing to the terminal on this thread; its messages are thrown away with each call.
pub(super) fn quiet() {
    // If even that fails, its messages are only untidy.
    let _ = Output::local_error_handler();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_with_or_without_cards_can_be_asked() {
        for device in devices() {
            assert!(device.captures || device.plays);
        }
    }
}
