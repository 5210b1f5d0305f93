//! The PIN before the settings of a kiosk, and how often it may be tried: some tries at once, then a pause after each,
//! which doubles.
//!
//! The number of wrong tries is on the disk before a PIN is compared, so that neither a restart nor a power cut gives
//! new tries. A pause that a restart cut short begins again in full: a board without a battery does not know how long
//! it was off.

use crate::data_dir::DataDir;
use conclave_protocol::name::Pin;
use conclave_protocol::time::{Instant, Micros};
use conclave_ui::Problem;
use std::{fs, io};

/// The number of wrong tries, within the keep's folder.
const FILE: &str = "settings-pin-tries";
/// Wrong tries before the first pause. More of them help people who mistype, and people who guess.
const FREE: u32 = 5;
/// The pause after the last of these.
const FIRST_PAUSE: Micros = Micros::from_secs(30);
/// The longest pause. A longer one slows guessing down more, and lets a passer-by lock the settings for longer: 10,000
/// PINs take more than a year with this one.
const LONGEST_PAUSE: Micros = Micros::from_secs(3_600);

/// The wrong tries since the last right one.
#[derive(Debug, PartialEq, Eq)]
struct PinTries {
    wrong: u32,
    /// Before this time no PIN is compared.
    open_at: Instant,
}

impl PinTries {
    /// The tries that were made before a start.
    const fn resume(wrong: u32, now: Instant) -> Self {
        Self {
            wrong,
            open_at: Instant(now.0.saturating_add(pause_after(wrong).0)),
        }
    }

    /// The tries that the keep knows. A file that is damaged counts as one that has used all free tries.
    fn load(keep: &DataDir, now: Instant) -> Self {
        let wrong = match fs::read_to_string(keep.folder().join(FILE)) {
            Ok(text) => text.trim().parse().unwrap_or(FREE),
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(_) => FREE,
        };
        Self::resume(wrong, now)
    }

    /// How long no PIN is compared from now on.
    fn pause(&self, now: Instant) -> Option<Micros> {
        Some(self.open_at.since(now)).filter(|left| *left > Micros::ZERO)
    }

    /// Counts a try as wrong, before it is known to be right.
    fn count(&mut self, now: Instant) {
        *self = Self::resume(self.wrong.saturating_add(1), now);
    }

    /// Keeps the number.
    fn save(&self, keep: &DataDir) {
        if let Err(error) = keep.write(FILE, self.wrong.to_string().as_bytes()) {
            tracing::warn!(%error, "the tries of the settings' PIN are not kept over a restart");
        }
    }
}

/// How long no PIN is compared after so many wrong ones.
const fn pause_after(wrong: u32) -> Micros {
    let Some(more) = wrong.checked_sub(FREE) else {
        return Micros::ZERO;
    };
    let doublings = if more > 16 { 16 } else { more };
    let pause = Micros(FIRST_PAUSE.0 << doublings);
    if pause.0 > LONGEST_PAUSE.0 {
        LONGEST_PAUSE
    } else {
        pause
    }
}

/// Whether the settings are open, and what is said of the last PIN.
#[derive(Debug)]
pub(in crate::ui) struct Lock {
    is_closed: bool,
    problem: Problem,
    tries: PinTries,
}

impl Lock {
    /// An open lock, with the tries that were made before a start.
    pub(in crate::ui) fn load(keep: &DataDir, now: Instant) -> Self {
        Self {
            is_closed: false,
            problem: Problem::None,
            tries: PinTries::load(keep, now),
        }
    }

    /// Whether a PIN has to be entered first.
    pub(in crate::ui) const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The page is opened again: closed where there is a PIN.
    pub(in crate::ui) const fn close_if(&mut self, has_pin: bool) {
        (self.is_closed, self.problem) = (has_pin, Problem::None);
    }

    /// Whether these digits open the lock. During a pause they are not compared.
    pub(in crate::ui) fn opens(
        &mut self,
        digits: &str,
        pin: Option<&Pin>,
        keep: &DataDir,
        now: Instant,
    ) -> bool {
        if self.tries.pause(now).is_some() {
            return false;
        }
        self.tries.count(now);
        self.tries.save(keep);
        let is_right = pin.is_none_or(|pin| pin.as_str() == digits);
        if is_right {
            (self.is_closed, self.problem) = (false, Problem::None);
        } else {
            tracing::warn!(wrong = self.tries.wrong, "a wrong PIN for the settings");
            self.problem = Problem::WrongPin;
        }
        is_right
    }

    /// The settings are open: the tries before do not count any more.
    pub(in crate::ui) fn forget_tries(&mut self, keep: &DataDir, now: Instant) {
        if self.tries.wrong > 0 {
            self.tries = PinTries::resume(0, now);
            self.tries.save(keep);
        }
    }

    /// What the page says of the PIN: a pause, in seconds, before what was wrong with the last one.
    pub(super) fn trouble(&self, now: Instant) -> (Problem, String) {
        match self.tries.pause(now) {
            Some(left) => (Problem::TooOften, left.0.div_ceil(1_000_000).to_string()),
            None => (self.problem, String::new()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant(seconds * 1_000_000)
    }

    #[test]
    fn five_tries_are_free_and_each_further_one_waits_twice_as_long_up_to_an_hour() {
        let mut tries = PinTries::resume(0, at(0));
        for _ in 0..4 {
            tries.count(at(10));
            assert_eq!(tries.pause(at(10)), None);
        }
        let mut now = at(20);
        for seconds in [30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600] {
            tries.count(now);
            let pause = Micros::from_secs(seconds);
            assert_eq!(tries.pause(now), Some(pause));
            assert_eq!(
                tries.pause(now + Micros(pause.0 - 1)),
                Some(Micros(1)),
                "the pause is kept to its end"
            );
            assert_eq!(tries.pause(now + pause), None);
            now += pause;
        }
        assert_eq!(
            PinTries::resume(u32::MAX, at(0)).pause(at(0)),
            Some(LONGEST_PAUSE)
        );
    }

    #[test]
    fn a_restart_gives_no_new_tries_and_begins_the_pause_again() {
        let folder = tempfile::tempdir().unwrap();
        let keep = DataDir::open(folder.path()).unwrap();
        assert_eq!(
            PinTries::load(&keep, at(0)),
            PinTries::resume(0, at(0)),
            "no PIN was tried yet"
        );
        let mut tries = PinTries::resume(0, at(0));
        for _ in 0..6 {
            tries.count(at(1));
        }
        tries.save(&keep);
        let again = PinTries::load(&keep, at(2));
        assert_eq!(again.pause(at(2)), Some(Micros::from_secs(60)));
        for damaged in ["", "six", "-1", "99999999999"] {
            fs::write(folder.path().join(FILE), damaged).unwrap();
            let damaged = PinTries::load(&keep, at(3));
            assert_eq!(damaged.pause(at(3)), Some(FIRST_PAUSE));
        }
    }
}
