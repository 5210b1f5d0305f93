//! Whether a person is at the screen: when a kiosk goes back to idle, and when its light goes out.

use conclave_protocol::time::{Instant, Micros};

/// When the screen was used last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Presence {
    touched: Instant,
    /// Without a touch for so long a kiosk is idle again; never when absent.
    away_after: Option<Micros>,
    /// Without a touch for so long the screen goes dark; never when absent.
    dark_after: Option<Micros>,
    lit: bool,
}

impl Presence {
    pub(super) const fn new(
        now: Instant,
        away_after: Option<Micros>,
        dark_after: Option<Micros>,
    ) -> Self {
        Self {
            touched: now,
            away_after,
            dark_after,
            lit: true,
        }
    }

    /// A person touches, types, or is in a call.
    pub(super) const fn touch(&mut self, now: Instant) {
        self.touched = now;
    }

    pub(super) fn is_away(&self, now: Instant) -> bool {
        self.away_after
            .is_some_and(|after| now.since(self.touched) >= after)
    }

    /// For how long the screen was not used.
    pub(super) const fn untouched_for(&self, now: Instant) -> Micros {
        now.since(self.touched)
    }

    pub(super) const fn is_lit(&self) -> bool {
        self.lit
    }

    /// Whether the screen is to be lit from now on, if that has changed.
    pub(super) fn changed_light(&mut self, now: Instant) -> Option<bool> {
        let lit = self
            .dark_after
            .is_none_or(|after| now.since(self.touched) < after);
        (std::mem::replace(&mut self.lit, lit) != lit).then_some(lit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant(seconds * 1_000_000)
    }

    #[test]
    fn the_screen_goes_dark_and_a_touch_lights_it() {
        let mut presence = Presence::new(
            at(0),
            Some(Micros::from_secs(60)),
            Some(Micros::from_secs(300)),
        );
        assert!(!presence.is_away(at(59)) && presence.is_away(at(60)));
        assert_eq!(presence.changed_light(at(299)), None);
        assert_eq!(presence.changed_light(at(300)), Some(false));
        assert_eq!(presence.changed_light(at(301)), None);
        presence.touch(at(302));
        assert_eq!(presence.changed_light(at(302)), Some(true));
    }

    #[test]
    fn a_screen_that_is_never_to_go_dark_does_not() {
        let mut presence = Presence::new(at(0), Some(Micros::from_secs(60)), None);
        assert_eq!(presence.changed_light(at(1_000_000)), None);
    }
}
