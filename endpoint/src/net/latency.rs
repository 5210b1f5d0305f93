//! How long frames take from capture to here: counts in buckets of a quarter of a millisecond, without a lock.

use conclave_protocol::time::Micros;
use serde::Serialize;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

const BUCKET: Micros = Micros(250);
/// Up to half a second; what takes longer counts as that.
const BUCKETS: usize = 2048;

/// A histogram that one thread fills and another reads.
#[derive(Debug)]
pub struct LatencyHistogram {
    buckets: Box<[AtomicU32]>,
}

/// Two percentiles, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct LatencyMs {
    /// Half of the frames were at least this quick.
    pub p50: f64,
    /// Ninety-nine in a hundred were.
    pub p99: f64,
}

impl Default for LatencyHistogram {
    fn default() -> Self {
        Self {
            buckets: (0..BUCKETS).map(|_| AtomicU32::new(0)).collect(),
        }
    }
}

impl LatencyHistogram {
    /// Counts one frame.
    pub fn record(&self, latency: Micros) {
        let bucket = usize::try_from(latency.0 / BUCKET.0)
            .unwrap_or(BUCKETS)
            .min(BUCKETS - 1);
        self.buckets[bucket].fetch_add(1, Relaxed);
    }

    /// The percentiles of all that was counted; `None` when nothing was.
    #[must_use]
    pub fn percentiles(&self) -> Option<LatencyMs> {
        let counts: Vec<u64> = self
            .buckets
            .iter()
            .map(|bucket| bucket.load(Relaxed).into())
            .collect();
        let total: u64 = counts.iter().sum();
        let at = |percent: u64| {
            let wanted = (total * percent).div_ceil(100).max(1);
            let mut seen = 0;
            let bucket = counts.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            // The upper edge of the bucket: never better than it was.
            (bucket.unwrap_or(0) + 1) as f64 * BUCKET.0 as f64 / 1_000.0
        };
        (total > 0).then(|| LatencyMs {
            p50: at(50),
            p99: at(99),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_upper_edges_of_their_buckets() {
        let histogram = LatencyHistogram::default();
        assert_eq!(histogram.percentiles(), None);
        for i in 0..100 {
            histogram.record(Micros::from_millis(i));
        }
        assert_eq!(
            histogram.percentiles(),
            Some(LatencyMs {
                p50: 49.25,
                p99: 98.25
            })
        );
    }

    #[test]
    fn what_takes_too_long_counts_as_the_longest() {
        let histogram = LatencyHistogram::default();
        histogram.record(Micros(u64::MAX));
        assert_eq!(histogram.percentiles().unwrap().p50, 512.0);
    }
}
