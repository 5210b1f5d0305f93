//! ALSA PCMs as microphone and speaker: 16 kHz, mono, whatever the card is.
//!
//! Both turns sleep by the clock until the device should have what they need, and then ask it; so they end promptly
//! when told to, notice an unplugged device within a block's time, and never spin.

mod microphone;
mod open;
mod speaker;

pub(super) use microphone::AlsaMicrophone;
pub(super) use speaker::AlsaSpeaker;

use super::supervise::Context;
use crate::clock;
use crate::platform::metronome::{Beat, Metronome};
use ::alsa::PCM;
use ::alsa::pcm::Frames;
use conclave_protocol::time::{Instant, Micros};
use open::Opened;

/// How long a turn waits.
const TURN: Micros = Micros::from_millis(100);

/// Drivers move their pointers in steps; asking again sooner tells nothing new.
const SHORTEST_SLEEP: Micros = Micros::from_millis(1);

/// Blocks a second.
const BLOCKS_A_SECOND: u32 = 50;

/// PCMs without hardware (`null`) take and give at once, at any speed: then the clock sets the pace.
type OwnPace = Option<Metronome>;

/// Takes a device that ran over or dry, or was suspended, into use again; other errors mean that it is gone. Whether it
/// ran over or dry.
fn survive(pcm: &PCM, error: ::alsa::Error, context: &Context) -> ::alsa::Result<bool> {
    match error.errno() {
        libc::EAGAIN => {
            let _ = context.stop.sleep_until(clock::now() + SHORTEST_SLEEP);
            Ok(false)
        }
        libc::EPIPE | libc::ESTRPIPE | libc::EINTR => {
            context.counters.add_xrun();
            pcm.try_recover(error, true).map(|()| true)
        }
        _ => Err(error),
    }
}

/// Whether it is the turn of a PCM that keeps no time; always, of one that does.
fn own_pace(pace: &mut OwnPace, context: &Context) -> bool {
    match pace {
        None => true,
        Some(metronome) => matches!(
            metronome.wait(&context.stop, clock::now() + TURN),
            Beat::Due(..)
        ),
    }
}

fn sleep(context: &Context, span: Micros) {
    let span = span.clamp(SHORTEST_SLEEP, TURN);
    let _ = context.stop.sleep_until(clock::now() + span);
}

fn before(now: Instant, span: Micros) -> Instant {
    Instant::from_micros(now.as_micros().saturating_sub(span.0))
}

impl Opened {
    /// Its name for people; with the reason, if it stands in for ALSA's default.
    fn in_words(&self) -> String {
        match &self.instead {
            Some(reason) => format!("{} (instead of ALSA's default: {reason})", self.name),
            None => self.name.clone(),
        }
    }

    /// Frames of a block.
    const fn block(&self) -> Frames {
        (self.rate_hz / BLOCKS_A_SECOND) as Frames
    }

    /// How long so many frames sound.
    fn time(&self, frames: Frames) -> Micros {
        let frames = u64::try_from(frames).unwrap_or(0);
        Micros(frames * 1_000_000 / u64::from(self.rate_hz))
    }
}
