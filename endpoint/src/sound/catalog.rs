//! Which sound devices there are.

use super::pcm_name::{Card, PcmName, kind};
use super::port;
use alsa::ctl::Ctl;
use alsa::pcm::{Format, HwParams};
use alsa::{Direction, Output, PCM, card};
use serde::Serialize;

/// A PCM of a sound card.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SoundDevice {
    /// What to write behind `alsa:`; conversion of format included, and of a USB card where it is plugged in.
    pub pcm: String,
    /// Name of the card and the device, for people; where there is another of the same name, its port, too.
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
    let mut devices: Vec<_> = card::Iter::new()
        .flatten()
        .filter_map(|card| card_devices(&card))
        .flatten()
        .collect();
    name_twins(&mut devices);
    devices
}

/// Those that record or play, for who has no other wish: first what does both, as a speakerphone, then USB, HDMI last.
pub(super) fn by_preference(direction: Direction) -> Vec<SoundDevice> {
    let mut devices = devices();
    devices.retain(|device| match direction {
        Direction::Capture => device.captures,
        Direction::Playback => device.plays,
    });
    devices.sort_by_key(preference);
    devices
}

/// The least is the best.
fn preference(device: &SoundDevice) -> impl Ord + use<> {
    let both = device.captures && device.plays;
    (
        is_digital(&device.name),
        !both,
        !device.pcm.contains("@usb-"),
    )
}

/// Whether it is an output that a screen or an amplifier hangs on, if any does.
fn is_digital(name: &str) -> bool {
    let name = name.to_lowercase();
    ["hdmi", "displayport", "iec958", "s/pdif", "spdif"]
        .iter()
        .any(|kind| name.contains(kind))
}

/// The cards' ids and ports.
pub(super) fn cards() -> Vec<Card> {
    let describe = |card: card::Card| {
        let control = Ctl::from_card(&card, true).ok()?;
        Some(Card {
            id: control.card_info().ok()?.get_id().ok()?.to_owned(),
            port: port::of_card(card.get_index()),
        })
    };
    card::Iter::new().flatten().filter_map(describe).collect()
}

/// Cards of one kind that nothing but the order in which the kernel found them tells apart by name, with their ports.
#[must_use]
pub fn twins(devices: &[SoundDevice]) -> Vec<&SoundDevice> {
    let card = |device: &SoundDevice| {
        let name: PcmName = device.pcm.parse().ok()?;
        name.card().map(str::to_owned)
    };
    let has_twin = |device: &&SoundDevice| {
        let Some(own) = card(device) else {
            return false;
        };
        devices
            .iter()
            .filter_map(card)
            .any(|other| other != own && kind(&other) == kind(&own))
    };
    devices.iter().filter(has_twin).collect()
}

/// Adds its port to the name of each device that has the name of another.
fn name_twins(devices: &mut [SoundDevice]) {
    let names: Vec<_> = devices.iter().map(|device| device.name.clone()).collect();
    for device in devices {
        let equal = names.iter().filter(|name| **name == device.name).count();
        let port = device.pcm.parse::<PcmName>().ok().and_then(|pcm| pcm.port);
        if let (2.., Some(port)) = (equal, port) {
            device.name = format!("{} ({port})", device.name);
        }
    }
}

fn card_devices(card: &alsa::Card) -> Option<Vec<SoundDevice>> {
    let control = Ctl::from_card(card, true).ok()?;
    let info = control.card_info().ok()?;
    let id = info.get_id().ok()?.to_owned();
    let card_name = info.get_name().unwrap_or(&id).to_owned();
    let port = port::of_card(card.get_index());
    let device = |number: i32| {
        let number = u32::try_from(number).ok()?;
        let [capture, playback] = [Direction::Capture, Direction::Playback]
            .map(|way| control.pcm_info(number, 0, way).ok());
        let known = capture.as_ref().or(playback.as_ref())?;
        let name = format!("{card_name}, {}", known.get_name().unwrap_or("?"));
        let own_frames = capture.is_none() && is_digital(&name) && takes_own_frames(&id, number);
        let pcm = PcmName {
            pcm: if own_frames {
                format!("sysdefault:CARD={id}")
            } else {
                format!("plughw:CARD={id},DEV={number}")
            },
            port: port.clone(),
            channel: None,
        };
        Some(SoundDevice {
            pcm: pcm.to_string(),
            name,
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

/// Whether an output takes frames of IEC 958 alone, which only the card's own configuration can make, as HDMI of a
/// Raspberry Pi does. One that is in use is taken for a usual one; opening it then finds out.
fn takes_own_frames(id: &str, number: u32) -> bool {
    let Ok(pcm) = PCM::new(
        &format!("hw:CARD={id},DEV={number}"),
        Direction::Playback,
        true,
    ) else {
        return false;
    };
    let Ok(hardware) = HwParams::any(&pcm) else {
        return false;
    };
    let takes = |format| hardware.test_format(format).is_ok();
    let usual = [
        Format::S16LE,
        Format::S16BE,
        Format::S24LE,
        Format::S243LE,
        Format::S32LE,
        Format::S32BE,
        Format::FloatLE,
    ];
    takes(Format::IEC958SubframeLE) && !usual.into_iter().any(takes)
}

/// Keeps alsa-lib from writing to the terminal on this thread; its messages are thrown away with each call.
pub(super) fn quiet() {
    // If even that fails, its messages are only untidy.
    let _ = Output::local_error_handler();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device(pcm: &str, name: &str, captures: bool, plays: bool) -> SoundDevice {
        SoundDevice {
            pcm: pcm.into(),
            name: name.into(),
            captures,
            plays,
        }
    }

    #[test]
    fn a_machine_with_or_without_cards_can_be_asked() {
        for device in devices() {
            assert!(device.captures || device.plays);
        }
        for card in cards() {
            assert!(!card.id.is_empty());
        }
    }

    #[test]
    fn equal_cards_are_told_apart_by_their_ports() {
        let mut devices = [
            device(
                "plughw:CARD=Device,DEV=0@usb-a-1:1.0",
                "USB Audio",
                true,
                true,
            ),
            device(
                "plughw:CARD=Device_1,DEV=0@usb-a-2:1.0",
                "USB Audio",
                true,
                true,
            ),
            device("plughw:CARD=PCH,DEV=0", "HDA, Analog", true, true),
        ];
        name_twins(&mut devices);
        let names: Vec<_> = devices.iter().map(|device| &device.name).collect();
        assert_eq!(
            names,
            [
                "USB Audio (usb-a-1:1.0)",
                "USB Audio (usb-a-2:1.0)",
                "HDA, Analog"
            ]
        );
        assert_eq!(twins(&devices), [&devices[0], &devices[1]]);
    }

    #[test]
    fn a_speakerphone_comes_before_a_sound_card_and_hdmi_comes_last() {
        let mut devices = [
            device(
                "sysdefault:CARD=vc4hdmi0",
                "vc4-hdmi-0, MAI PCM",
                false,
                true,
            ),
            device(
                "plughw:CARD=Headphones,DEV=0",
                "bcm2835 Headphones",
                false,
                true,
            ),
            device("plughw:CARD=Stick,DEV=0@usb-a-1:1.0", "Stick", false, true),
            device("plughw:CARD=Speak,DEV=0@usb-a-2:1.0", "Speak", true, true),
        ];
        devices.sort_by_key(preference);
        let cards: Vec<_> = devices.iter().map(|device| device.name.as_str()).collect();
        assert_eq!(
            cards,
            [
                "Speak",
                "Stick",
                "bcm2835 Headphones",
                "vc4-hdmi-0, MAI PCM"
            ]
        );
    }
}
