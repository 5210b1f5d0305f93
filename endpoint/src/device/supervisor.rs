//! When a device is opened, given up and tried again: the one supervisor of cameras, microphones and speakers.
//!
//! A state machine without I/O or clock: [`super::run`] asks it what to do, does it, and says how it went.

use super::{DeviceLoss, LossReason};
use conclave_protocol::time::{Instant, Micros};

/// How long to wait for what.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience {
    /// For the first picture or block of a device that was just opened: many cameras adjust their exposure first.
    pub(crate) first_item: Micros,
    /// For the next one of a device that runs.
    pub(crate) next_item: Micros,
    /// Between looks for a device that is not there: one that is plugged in again is back this soon.
    pub(crate) absent: Micros,
    /// The first pause after a device refused, failed or stalled; each further one is twice as long.
    pub(crate) first_pause: Micros,
    /// The longest of these pauses. Higher leaves a device unused for longer once it works again; lower keeps a board
    /// busy with a device that never works.
    pub(crate) longest_pause: Micros,
    /// A device that ran for so long works: after it the pauses begin with the first one again.
    pub(crate) proven: Micros,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first_item: Micros::from_secs(1),
            next_item: Micros::from_secs(1),
            absent: Micros::from_millis(250),
            first_pause: Micros::from_millis(250),
            longest_pause: Micros::from_secs(2),
            proven: Micros::from_secs(10),
        }
    }
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Open the device.
    Open,
    /// Let the open device work for at most this long.
    Turn(Micros),
    /// Wait until then, or until told to stop.
    Wait(Instant),
    /// Leave the device alone for good.
    End,
}

/// A change of the device's state that is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The first picture or block came since the device was opened; whether it had run before.
    Runs { again: bool },
    /// It gives nothing now; it is tried again.
    Lost(DeviceLoss),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// To be opened now.
    Closed,
    Open {
        /// When it was opened, or gave something last.
        last: Instant,
        /// How long it may give nothing.
        allowed: Micros,
        /// How long it may give nothing once it runs.
        next: Micros,
        /// When it gave something for the first time.
        runs_since: Option<Instant>,
    },
    /// Tried again then.
    Pausing(Instant),
    Stopped,
}

/// The state of one device.
#[derive(Debug)]
pub(crate) struct Supervisor {
    patience: Patience,
    state: State,
    /// The next pause after a failure.
    pause: Micros,
    ran_before: bool,
    /// The loss that was told last, until the device runs again.
    told: Option<DeviceLoss>,
}

impl Supervisor {
    pub(crate) const fn new(patience: Patience) -> Self {
        Self {
            patience,
            state: State::Closed,
            pause: patience.first_pause,
            ran_before: false,
            told: None,
        }
    }

    /// What to do now.
    pub(crate) fn step(&mut self, now: Instant) -> Step {
        match self.state {
            State::Stopped => Step::End,
            State::Pausing(until) if now < until => Step::Wait(until),
            State::Pausing(_) | State::Closed => {
                self.state = State::Closed;
                Step::Open
            }
            State::Open { last, allowed, .. } => Step::Turn((last + allowed).since(now)),
        }
    }

    /// The device is open; it may give something at most every `pace`.
    pub(crate) fn opened(&mut self, pace: Micros, now: Instant) {
        self.state = State::Open {
            last: now,
            allowed: self.patience.first_item.max(pace),
            next: self.patience.next_item.max(pace),
            runs_since: None,
        };
    }

    /// The device gave or took something.
    pub(crate) fn worked(&mut self, now: Instant) -> Option<Change> {
        let State::Open {
            last,
            allowed,
            next,
            runs_since,
        } = &mut self.state
        else {
            return None;
        };
        (*last, *allowed) = (now, *next);
        if runs_since.is_some() {
            return None;
        }
        *runs_since = Some(now);
        self.told = None;
        let again = std::mem::replace(&mut self.ran_before, true);
        Some(Change::Runs { again })
    }

    /// How long the device has given nothing, if that is too long.
    pub(crate) fn stalled(&self, now: Instant) -> Option<Micros> {
        match self.state {
            State::Open { last, allowed, .. } if now.since(last) >= allowed => Some(allowed),
            _ => None,
        }
    }

    /// The device was not opened, failed or stalled. The change is told once, however often it fails like this.
    pub(crate) fn lost(&mut self, loss: DeviceLoss, now: Instant) -> Option<Change> {
        match self.state {
            State::Stopped => return None,
            State::Open {
                runs_since: Some(since),
                ..
            } if now.since(since) >= self.patience.proven => {
                self.pause = self.patience.first_pause;
            }
            _ => {}
        }
        self.state = State::Pausing(now + self.pause_after(loss.reason));
        if self.told.as_ref() == Some(&loss) {
            return None;
        }
        self.told = Some(loss.clone());
        Some(Change::Lost(loss))
    }

    fn pause_after(&mut self, reason: LossReason) -> Micros {
        if reason == LossReason::Absent {
            return self.patience.absent;
        }
        let pause = self.pause;
        self.pause = (pause + pause).min(self.patience.longest_pause);
        pause
    }

    /// The device is wanted no more.
    pub(crate) const fn stop(&mut self) {
        self.state = State::Stopped;
    }
}

#[cfg(test)]
mod tests;
