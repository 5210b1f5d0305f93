//! Opening a PCM as the card has it: at a rate and with channels of its own, so that the change to 16 kHz mono is done
//! here and not by alsa-lib, whose own change of rate folds treble into speech.

use super::super::OpenSoundError;
use super::super::catalog;
use super::super::pcm_name::PcmName;
use super::BLOCKS_A_SECOND;
use ::alsa::pcm::{Access, Format, Frames, HwParams};
use ::alsa::{Direction, Output, PCM, ValueOr};
use conclave_protocol::l16::SAMPLE_RATE_HZ;

/// Rates to ask for, the dearest first: 16 kHz needs nothing, and the next most boards have. All make whole blocks of
/// 20 ms.
const RATES_HZ: [u32; 10] = [
    SAMPLE_RATE_HZ,
    48_000,
    32_000,
    44_100,
    96_000,
    24_000,
    22_050,
    8_000,
    88_200,
    192_000,
];

/// Driver periods a second, 10 ms: longer wakes a board less often, shorter keeps times exact.
const PERIODS_A_SECOND: u32 = 100;

/// More channels than a card has: such a PCM converts.
pub(super) const MOST_CHANNELS: u32 = 64;

/// An open PCM and what was agreed on.
pub(super) struct Opened {
    pub(super) pcm: PCM,
    pub(super) name: String,
    pub(super) rate_hz: u32,
    /// Of what is read or written.
    pub(super) channels: u32,
    /// Of the card behind it.
    pub(super) channels_of_card: u32,
    /// The channel that was asked for.
    pub(super) channel: Option<u8>,
    pub(super) period: Frames,
    pub(super) buffer: Frames,
    /// Why it is not ALSA's default, if that was tried.
    pub(super) instead: Option<String>,
}

/// What a PCM is opened for.
#[derive(Clone, Copy)]
pub(super) struct Use {
    pub(super) direction: Direction,
    /// Its room, in blocks.
    pub(super) blocks: u32,
}

impl Use {
    const fn kind(self) -> &'static str {
        match self.direction {
            Direction::Capture => "microphone",
            Direction::Playback => "speaker",
        }
    }
}

/// Opens the PCM of that name, or any.
pub(super) fn open(name: Option<&PcmName>, wanted: Use) -> Result<Opened, OpenSoundError> {
    catalog::quiet();
    match name {
        Some(name) => open_named(name, wanted),
        None => open_any(wanted),
    }
}

fn open_named(name: &PcmName, wanted: Use) -> Result<Opened, OpenSoundError> {
    let cards = if name.port.is_some() {
        catalog::cards()
    } else {
        Vec::new()
    };
    let pcm = name
        .among(&cards)
        .ok_or_else(|| OpenSoundError::Absent(name.to_string()))?;
    let mut refusal = None;
    for candidate in candidates(&pcm, wanted.direction) {
        match open_exactly(&candidate, name.channel, wanted) {
            Ok(opened) => return check_channel(opened),
            Err(error) if error.errno() == libc::EINVAL || refusal.is_some() => {
                refusal.get_or_insert(error);
            }
            Err(error) => {
                refusal = Some(error);
                break;
            }
        }
    }
    Err(match refusal {
        Some(error) if ![libc::ENOENT, libc::ENODEV, libc::ENXIO].contains(&error.errno()) => {
            OpenSoundError::Refused { name: pcm, error }
        }
        _ => OpenSoundError::Absent(name.to_string()),
    })
}

/// The PCM itself; with conversion, where the card itself cannot; and as the card's own configuration has it, where the
/// card takes frames of its own kind alone, as HDMI of a Raspberry Pi does.
fn candidates(pcm: &str, direction: Direction) -> Vec<String> {
    let mut names = vec![pcm.to_owned()];
    if let Some(card) = pcm.strip_prefix("hw:") {
        names.push(format!("plughw:{card}"));
    } else if !pcm.starts_with("plug") {
        names.push(format!("plug:'{pcm}'"));
    }
    if let (Direction::Playback, Some(card)) = (direction, card_of(pcm)) {
        names.push(format!("sysdefault:CARD={card}"));
        names.push(format!("plug:'hdmi:CARD={card}'"));
    }
    names
}

/// The card of `hw:` or `plughw:`, by id or number.
fn card_of(pcm: &str) -> Option<&str> {
    let arguments = pcm
        .strip_prefix("plughw:")
        .or_else(|| pcm.strip_prefix("hw:"))?;
    let first = arguments.split(',').next()?;
    Some(first.strip_prefix("CARD=").unwrap_or(first)).filter(|card| !card.is_empty())
}

fn open_exactly(name: &str, channel: Option<u8>, wanted: Use) -> ::alsa::Result<Opened> {
    let pcm = PCM::new(name, wanted.direction, true)?;
    let (rate_hz, channels, period, buffer) = {
        let hardware = HwParams::any(&pcm)?;
        // The rates of the card alone; format and channels may still be converted.
        hardware.set_rate_resample(false)?;
        hardware.set_access(Access::RWInterleaved)?;
        hardware.set_format(Format::s16())?;
        let converts = hardware.get_channels_max()? > MOST_CHANNELS;
        let channels = channels(channel, converts, wanted.direction)
            .find(|channels| hardware.test_channels(*channels).is_ok())
            .unwrap_or(1);
        hardware.set_channels(channels)?;
        let own = RATES_HZ
            .into_iter()
            .find(|rate| hardware.test_rate(*rate).is_ok());
        if own.is_none() {
            hardware.set_rate_resample(true)?;
        }
        let rate_hz = own.unwrap_or(SAMPLE_RATE_HZ);
        hardware.set_rate(rate_hz, ValueOr::Nearest)?;
        let period = (rate_hz / PERIODS_A_SECOND) as Frames;
        hardware.set_period_size_near(period, ValueOr::Nearest)?;
        let buffer = (wanted.blocks * rate_hz / BLOCKS_A_SECOND) as Frames;
        hardware.set_buffer_size_near(buffer)?;
        pcm.hw_params(&hardware)?;
        (
            rate_hz,
            channels,
            hardware.get_period_size()?,
            hardware.get_buffer_size()?,
        )
    };
    let software = pcm.sw_params_current()?;
    // Started by us, when the queue is full: a threshold that is never reached.
    software.set_start_threshold(Frames::from(i32::MAX))?;
    pcm.sw_params(&software)?;
    drop(software);
    let mut dump = Output::buffer_open()?;
    pcm.dump(&mut dump)?;
    Ok(Opened {
        channels_of_card: channels_of_card(&dump.to_string()).unwrap_or(channels),
        pcm,
        name: name.to_owned(),
        rate_hz,
        channels,
        channel,
        period,
        buffer,
        instead: None,
    })
}

/// How many channels to ask for, the best first. A PCM that converts would average all of a card's to one, but gives
/// the first ones as they are when it is asked for several.
fn channels(
    channel: Option<u8>,
    converts: bool,
    direction: Direction,
) -> impl Iterator<Item = u32> {
    let least = channel.map_or(1, |channel| u32::from(channel) + 1);
    let least = if converts && direction == Direction::Capture {
        least.max(2)
    } else {
        least
    };
    least..=MOST_CHANNELS.max(least)
}

/// The channels of the last PCM that a dump describes: of the card, behind all that converts.
fn channels_of_card(dump: &str) -> Option<u32> {
    let fields = dump.lines().filter_map(|line| line.split_once(':'));
    let mut channels = fields.filter(|(key, _)| key.trim() == "channels");
    channels.next_back()?.1.trim().parse().ok()
}

fn check_channel(opened: Opened) -> Result<Opened, OpenSoundError> {
    match opened.channel {
        Some(channel) if u32::from(channel) >= opened.channels_of_card => {
            Err(OpenSoundError::Channel {
                name: opened.name,
                channel,
                channels: opened.channels_of_card,
            })
        }
        _ => Ok(opened),
    }
}

/// Opens ALSA's default, else the first card that can.
fn open_any(wanted: Use) -> Result<Opened, OpenSoundError> {
    let default = match open_named(&PcmName::plain("default"), wanted) {
        Ok(opened) => return Ok(opened),
        Err(error) => error,
    };
    let mut refusal = None;
    for device in catalog::by_preference(wanted.direction) {
        match open_named(&PcmName::plain(&device.pcm), wanted) {
            Ok(opened) => {
                return Ok(Opened {
                    instead: Some(default.to_string()),
                    ..opened
                });
            }
            Err(OpenSoundError::Absent(_)) => {}
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(OpenSoundError::NoneWorks {
        kind: wanted.kind(),
        default: Box::new(default),
        card: refusal.map(Box::new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_card_that_takes_frames_of_its_own_kind_alone_is_opened_as_its_configuration_has_it() {
        let names = candidates("plughw:CARD=vc4hdmi0,DEV=0", Direction::Playback);
        assert_eq!(
            names,
            [
                "plughw:CARD=vc4hdmi0,DEV=0",
                "sysdefault:CARD=vc4hdmi0",
                "plug:'hdmi:CARD=vc4hdmi0'"
            ]
        );
        let names = candidates("hw:1,0", Direction::Playback);
        assert_eq!(names[1..3], ["plughw:1,0", "sysdefault:CARD=1"]);
        assert_eq!(
            candidates("hw:1,0", Direction::Capture),
            ["hw:1,0", "plughw:1,0"]
        );
        assert_eq!(
            candidates("six", Direction::Playback),
            ["six", "plug:'six'"]
        );
    }

    #[test]
    fn the_channels_are_those_of_the_card_behind_what_converts() {
        let dump = "\
Plug PCM: Route conversion PCM (sformat=S16_LE)
  Transformation table:
    0 <- 0
    1 <- 1
Its setup is:
  stream       : CAPTURE
  channels     : 2
  rate         : 16000
Slave: File PCM (file=/dev/null)
Its setup is:
  channels     : 6
  rate         : 16000
";
        assert_eq!(channels_of_card(dump), Some(6));
        assert_eq!(channels_of_card("Null PCM\n"), None);
    }

    #[test]
    fn what_converts_is_asked_for_two_channels_so_that_it_does_not_average_more() {
        let first = |channel, converts| channels(channel, converts, Direction::Capture).next();
        assert_eq!(first(None, true), Some(2));
        assert_eq!(first(None, false), Some(1));
        assert_eq!(first(Some(0), true), Some(2));
        assert_eq!(first(Some(5), true), Some(6));
        assert_eq!(first(Some(255), false), Some(256));
        assert_eq!(channels(None, true, Direction::Playback).next(), Some(1));
    }
}
