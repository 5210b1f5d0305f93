//! Whether a card's own mixer keeps a microphone or a speaker silent, and turning it on.

use super::catalog;
use alsa::Direction;
use alsa::card;
use alsa::ctl::Ctl;
use alsa::mixer::{Mixer, Selem, SelemChannelId, SelemId};
use std::fmt;

/// Where the volume of what was at its lowest is set, in percent of its range: heard, and not deafening.
const PERCENT: i64 = 75;

/// What a control keeps silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Silenced {
    /// The microphone.
    Microphone,
    /// The speaker.
    Speaker,
}

/// How it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Off,
    Lowest,
}

/// A control of a card that keeps it silent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Muted {
    /// What it silences.
    pub what: Silenced,
    /// The card's name, for people.
    pub card: String,
    number: i32,
    control: String,
    index: u32,
    fault: Fault,
}

/// One direction of a control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Knob {
    /// Off, if all its channels are.
    on: Option<bool>,
    /// The loudest channel's, and the range.
    volume: Option<(i64, i64, i64)>,
}

impl Knob {
    fn fault(self) -> Option<Fault> {
        match (self.on, self.volume) {
            (Some(false), _) => Some(Fault::Off),
            (_, Some((volume, least, most))) if volume <= least && least < most => {
                Some(Fault::Lowest)
            }
            _ => None,
        }
    }
}

/// The controls of all cards that keep a microphone or a speaker silent.
#[must_use]
pub fn muted() -> Vec<Muted> {
    catalog::quiet();
    card::Iter::new()
        .flatten()
        .filter_map(|card| muted_of(&card))
        .flatten()
        .collect()
}

fn muted_of(card: &alsa::Card) -> Option<Vec<Muted>> {
    let control = Ctl::from_card(card, true).ok()?;
    let name = control.card_info().ok()?.get_name().ok()?.to_owned();
    let mixer = open(card.get_index()).ok()?;
    let elements: Vec<_> = mixer.iter().filter_map(Selem::new).collect();
    let mut muted = Vec::new();
    for (what, direction) in [
        (Silenced::Microphone, Direction::Capture),
        (Silenced::Speaker, Direction::Playback),
    ] {
        let knobs: Vec<_> = elements
            .iter()
            .filter_map(|element| {
                let id = element.get_id();
                let name = id.get_name().ok()?.to_owned();
                Some(((name, id.get_index()), knob(element, direction)?))
            })
            .collect();
        let named: Vec<_> = knobs
            .iter()
            .map(|((name, _), knob)| (name.as_str(), *knob))
            .collect();
        for (place, fault) in faults(&named, what) {
            let Some(((control, index), _)) = knobs.get(place) else {
                continue;
            };
            muted.push(Muted {
                what,
                card: name.clone(),
                number: card.get_index(),
                control: control.clone(),
                index: *index,
                fault,
            });
        }
    }
    Some(muted)
}

fn open(card: i32) -> alsa::Result<Mixer> {
    Mixer::new(&format!("hw:{card}"), true)
}

fn knob(element: &Selem<'_>, direction: Direction) -> Option<Knob> {
    let channels = SelemChannelId::all().iter().copied();
    let (on, volume) = match direction {
        Direction::Capture => {
            let channels = channels.filter(|channel| element.has_capture_channel(*channel));
            let switches = channels.clone();
            let mut on = switches.filter_map(|channel| element.get_capture_switch(channel).ok());
            let volume = channels.filter_map(|channel| element.get_capture_volume(channel).ok());
            (
                element.has_capture_switch().then(|| on.any(|on| on != 0)),
                element
                    .has_capture_volume()
                    .then(|| (volume.max(), element.get_capture_volume_range())),
            )
        }
        Direction::Playback => {
            let channels = channels.filter(|channel| element.has_playback_channel(*channel));
            let switches = channels.clone();
            let mut on = switches.filter_map(|channel| element.get_playback_switch(channel).ok());
            let volume = channels.filter_map(|channel| element.get_playback_volume(channel).ok());
            (
                element.has_playback_switch().then(|| on.any(|on| on != 0)),
                element
                    .has_playback_volume()
                    .then(|| (volume.max(), element.get_playback_volume_range())),
            )
        }
    };
    let volume = volume.and_then(|(volume, (least, most))| Some((volume?, least, most)));
    (on.is_some() || volume.is_some()).then_some(Knob { on, volume })
}

/// Names of controls that all sound of a direction goes through, in lower case.
const MICROPHONE_MAINS: [&str; 5] = ["capture", "master", "digital", "adc", "pcm"];
const SPEAKER_MAINS: [&str; 6] = ["master", "pcm", "digital", "dac", "playback", "wave"];
/// Parts of the names of controls of single outputs.
const OUTPUTS: [&str; 7] = [
    "speaker",
    "headphone",
    "headset",
    "line out",
    "lineout",
    "front",
    "earpiece",
];
/// Parts of the names of controls that have nothing to do with a direction's way from end to end.
const ASIDE: [&str; 9] = [
    "boost",
    "loopback",
    "sidetone",
    "side tone",
    "beep",
    "monitor",
    "mix",
    "iec958",
    "s/pdif",
];
/// What a speaker's sound does not come from.
const INPUTS: [&str; 5] = ["mic", "line in", "cd", "aux", "input"];

/// Which controls of one direction keep it silent. Any main one does; of single sources and outputs only all together
/// do, as those that are not used are off on many cards.
fn faults(knobs: &[(&str, Knob)], what: Silenced) -> Vec<(usize, Fault)> {
    let has = |name: &str, parts: &[&str]| parts.iter().any(|part| name.contains(part));
    let (mains, inputs): (&[&str], &[&str]) = match what {
        Silenced::Microphone => (&MICROPHONE_MAINS, &[]),
        Silenced::Speaker => (&SPEAKER_MAINS, &INPUTS),
    };
    let (mut faults, mut rest, mut has_main) = (Vec::new(), Vec::new(), false);
    for (place, (name, knob)) in knobs.iter().enumerate() {
        let name = name.to_lowercase();
        if mains.contains(&name.as_str()) {
            has_main = true;
            faults.extend(knob.fault().map(|fault| (place, fault)));
        } else if !has(&name, &ASIDE) && !has(&name, inputs) {
            rest.push((place, name, knob.fault()));
        }
    }
    // The likely ones among the others, if there are any.
    let likely: &[&str] = match what {
        Silenced::Microphone => &["mic", "headset"],
        Silenced::Speaker => &OUTPUTS,
    };
    let any_likely = rest.iter().any(|(_, name, _)| has(name, likely));
    let alone = rest.iter().all(|(_, _, fault)| fault.is_some());
    let likely_alone = rest
        .iter()
        .filter(|(_, name, _)| has(name, likely))
        .all(|(_, _, fault)| fault.is_some());
    let silent = match what {
        // A microphone may come in by any source.
        Silenced::Microphone => alone && (any_likely || !has_main),
        Silenced::Speaker if any_likely => likely_alone,
        Silenced::Speaker => alone && !has_main,
    };
    if silent {
        let chosen = rest
            .into_iter()
            .filter(|(_, name, _)| !any_likely || has(name, likely));
        faults.extend(chosen.filter_map(|(place, _, fault)| Some((place, fault?))));
    }
    faults
}

impl Muted {
    /// Turns it on, and its volume up if that is at its lowest.
    ///
    /// # Errors
    /// When the card refuses.
    pub fn turn_on(&self) -> Result<(), alsa::Error> {
        catalog::quiet();
        let mixer = open(self.number)?;
        let id = SelemId::new(&self.control, self.index);
        let element = mixer
            .find_selem(&id)
            .ok_or_else(|| alsa::Error::new("snd_mixer_find_selem", libc::ENOENT))?;
        let direction = match self.what {
            Silenced::Microphone => Direction::Capture,
            Silenced::Speaker => Direction::Playback,
        };
        let Some(knob) = knob(&element, direction) else {
            return Ok(());
        };
        if knob.on == Some(false) {
            match direction {
                Direction::Capture => element.set_capture_switch_all(1)?,
                Direction::Playback => element.set_playback_switch_all(1)?,
            }
        }
        if let Some(volume) = knob.volume.and_then(raised) {
            match direction {
                Direction::Capture => element.set_capture_volume_all(volume)?,
                Direction::Playback => element.set_playback_volume_all(volume)?,
            }
        }
        Ok(())
    }
}

/// The volume to set, if it is at its lowest.
fn raised((volume, least, most): (i64, i64, i64)) -> Option<i64> {
    (volume <= least && least < most).then(|| least + (most - least) * PERCENT / 100)
}

impl fmt::Display for Muted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.what {
            Silenced::Microphone => "microphone",
            Silenced::Speaker => "speaker",
        };
        let fault = match self.fault {
            Fault::Off => "off",
            Fault::Lowest => "at its lowest volume",
        };
        write!(
            f,
            "{}: the {what} is silent, as \"{}\" in its mixer is {fault}",
            self.card, self.control
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OFF: Knob = Knob {
        on: Some(false),
        volume: Some((50, 0, 100)),
    };
    const ON: Knob = Knob {
        on: Some(true),
        volume: Some((50, 0, 100)),
    };
    const LOWEST: Knob = Knob {
        on: None,
        volume: Some((0, 0, 100)),
    };

    fn silent<'a>(knobs: &[(&'a str, Knob)], what: Silenced) -> Vec<&'a str> {
        let faults = faults(knobs, what).into_iter();
        faults.map(|(place, _)| knobs[place].0).collect()
    }

    #[test]
    fn a_speakerphone_that_starts_muted_is_seen_both_ways() {
        assert_eq!(silent(&[("Mic", OFF)], Silenced::Microphone), ["Mic"]);
        assert_eq!(
            silent(&[("Headset", LOWEST)], Silenced::Microphone),
            ["Headset"]
        );
        assert_eq!(silent(&[("PCM", LOWEST)], Silenced::Speaker), ["PCM"]);
        assert_eq!(
            silent(&[("USB Audio", OFF)], Silenced::Speaker),
            ["USB Audio"]
        );
    }

    #[test]
    fn what_is_on_is_not_told() {
        for what in [Silenced::Microphone, Silenced::Speaker] {
            assert_eq!(silent(&[("Mic", ON), ("PCM", ON)], what), [""; 0]);
            assert_eq!(silent(&[], what), [""; 0]);
        }
        let fixed = Knob {
            on: None,
            volume: Some((0, 0, 0)),
        };
        assert_eq!(silent(&[("PCM", fixed)], Silenced::Speaker), [""; 0]);
    }

    #[test]
    fn a_source_that_is_not_used_may_be_off() {
        let codec = [
            ("Capture", ON),
            ("Mic", ON),
            ("Line", OFF),
            ("Mic Boost", LOWEST),
        ];
        assert_eq!(silent(&codec, Silenced::Microphone), [""; 0]);
        let codec = [("Capture", OFF), ("Mic", ON), ("Line", OFF)];
        assert_eq!(silent(&codec, Silenced::Microphone), ["Capture"]);
        let codec = [("Master", ON), ("Mic", OFF), ("Line", OFF)];
        assert_eq!(silent(&codec, Silenced::Microphone), ["Mic"]);
    }

    #[test]
    fn one_of_several_outputs_is_enough_and_a_sidetone_is_left_alone() {
        let codec = [
            ("Master", ON),
            ("Headphone", OFF),
            ("Speaker", ON),
            ("Mic", OFF),
            ("Beep", OFF),
            ("CD", LOWEST),
        ];
        assert_eq!(silent(&codec, Silenced::Speaker), [""; 0]);
        let codec = [("Master", ON), ("Headphone", OFF), ("Speaker", OFF)];
        assert_eq!(silent(&codec, Silenced::Speaker), ["Headphone", "Speaker"]);
        let codec = [("Master", LOWEST), ("Speaker", ON), ("Synth", OFF)];
        assert_eq!(silent(&codec, Silenced::Speaker), ["Master"]);
    }

    #[test]
    fn a_volume_is_raised_only_from_its_lowest() {
        assert_eq!(raised((0, 0, 100)), Some(75));
        assert_eq!(raised((-50, -50, 50)), Some(25));
        assert_eq!(raised((1, 0, 100)), None);
        assert_eq!(raised((0, 0, 0)), None);
    }
}
