//! How much of what was sent lately is missing at the other end.

/// Packets after which older ones count half. Higher follows a change more slowly; lower takes chance for a loss.
const WINDOW: u32 = 512;
/// One packet of so many: from there on, requests and answers are often lost as well.
const HIGH: u32 = 50;

/// Counts packets, and those of them that are missing.
#[derive(Clone, Copy, Debug, Default)]
pub struct LossMeter {
    packets: u32,
    missing: u32,
}

impl LossMeter {
    /// A meter that has counted nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            packets: 0,
            missing: 0,
        }
    }

    /// So many packets were sent, or came.
    pub const fn count(&mut self, packets: u32) {
        self.packets = self.packets.saturating_add(packets);
        while self.packets >= WINDOW {
            self.packets /= 2;
            self.missing /= 2;
        }
    }

    /// So many are missing.
    pub const fn miss(&mut self, packets: u32) {
        self.missing = self.missing.saturating_add(packets);
    }

    /// Whether one packet in fifty is missing, or more: then whatever has to arrive in time is sent twice.
    #[must_use]
    pub const fn is_high(&self) -> bool {
        self.missing > 1 && self.missing.saturating_mul(HIGH) >= self.packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn losses_count_by_their_share_and_are_forgotten() {
        let mut meter = LossMeter::new();
        let mut is_high_at = |missing_of_hundred: u32| {
            for _ in 0..30 {
                meter.count(100);
                meter.miss(missing_of_hundred);
            }
            meter.is_high()
        };
        assert!(!is_high_at(0));
        assert!(is_high_at(5));
        assert!(!is_high_at(1));
        assert!(is_high_at(20));
        assert!(!is_high_at(0));
    }

    #[test]
    fn a_single_loss_is_chance() {
        let mut meter = LossMeter::new();
        meter.count(10);
        meter.miss(1);
        assert!(!meter.is_high());
        meter.miss(u32::MAX);
        assert!(meter.is_high());
    }
}
