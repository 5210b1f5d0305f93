//! Which of a camera's formats, sizes and rates to use: a pure choice over what was enumerated.

pub use super::pixels::{Pixels, WANTED, is_bayer, offers_only};
use crate::camera::PreferredMode;
use crate::picture::frame::PictureSize;

/// Time from one picture to the next, as a fraction of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    /// Seconds, above the line.
    pub numerator: u32,
    /// Parts of a second, below it.
    pub denominator: u32,
}

impl Interval {
    /// Pictures a second; 0 for nonsense.
    #[must_use]
    pub fn fps(self) -> f64 {
        if self.numerator == 0 {
            return 0.0;
        }
        f64::from(self.denominator) / f64::from(self.numerator)
    }
}

/// Sizes of one format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sizes {
    /// This one.
    One(PictureSize),
    /// The driver lists none: it is asked for a size, and says which it took.
    Unknown,
    /// Any from `least` to `most` in steps.
    Stepwise {
        /// Smallest.
        least: PictureSize,
        /// Largest.
        most: PictureSize,
        /// From one to the next in each direction.
        step: PictureSize,
    },
}

impl Sizes {
    /// The size nearest to a wish.
    #[must_use]
    pub fn nearest(self, wish: PictureSize) -> PictureSize {
        let fit = |wish: u32, least: u32, most: u32, step: u32| {
            let wish = wish.clamp(least, most.max(least));
            wish - (wish - least) % step.max(1)
        };
        match self {
            Self::One(size) => size,
            Self::Unknown => wish,
            Self::Stepwise { least, most, step } => PictureSize::new(
                fit(wish.width, least.width, most.width, step.width),
                fit(wish.height, least.height, most.height, step.height),
            ),
        }
    }
}

/// Rates of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rates {
    /// This one.
    One(Interval),
    /// Any between these.
    Between {
        /// The fastest.
        shortest: Interval,
        /// The slowest.
        longest: Interval,
    },
    /// The driver does not say.
    Unknown,
}

impl Rates {
    /// The interval nearest to a wished rate.
    #[must_use]
    pub fn nearest(self, fps: u32) -> Interval {
        let wish = Interval {
            numerator: 1,
            denominator: fps,
        };
        match self {
            Self::One(interval) => interval,
            Self::Between { shortest, .. } if shortest.fps() < wish.fps() => shortest,
            Self::Between { longest, .. } if longest.fps() > wish.fps() => longest,
            Self::Between { .. } | Self::Unknown => wish,
        }
    }
}

/// One thing that a camera can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Its four-character code, as the driver wants it back.
    pub fourcc: [u8; 4],
    /// Size of the pictures.
    pub size: PictureSize,
    /// Time between them.
    pub interval: Interval,
}

/// The offer that is nearest to the wish; JPEG whenever the camera has it, gray only when it has nothing else.
///
/// Size and rate weigh alike by their ratio to the wish; a rate above it costs little, since pictures can be left out.
#[must_use]
pub fn choose(offers: &[Offer], wish: PreferredMode) -> Option<Offer> {
    let cost = |offer: &Offer| {
        let ratio = |a: f64, b: f64| (a.max(0.01) / b.max(0.01)).ln();
        let size = ratio(offer.size.width.into(), wish.size.width.into()).abs()
            + ratio(offer.size.height.into(), wish.size.height.into()).abs();
        let rate = ratio(offer.interval.fps(), wish.fps.into());
        size + if rate < 0.0 { -rate } else { 0.1 * rate }
    };
    offers
        .iter()
        .filter_map(|offer| Some((Pixels::from_fourcc(&offer.fourcc)?, offer)))
        .min_by(|(pixels_a, a), (pixels_b, b)| {
            let kind = |pixels: Pixels| (pixels == Pixels::Grey, pixels != Pixels::Jpeg);
            kind(*pixels_a)
                .cmp(&kind(*pixels_b))
                .then(cost(a).total_cmp(&cost(b)))
                .then(pixels_a.cmp(pixels_b))
        })
        .map(|(_, offer)| *offer)
}

/// The offers that need less of a bus than one that found no room there: fewer bytes a second, or compressed.
#[must_use]
pub fn smaller(offers: &[Offer], than: Offer) -> Vec<Offer> {
    let need = |offer: &Offer| {
        let raw = Pixels::from_fourcc(&offer.fourcc) != Some(Pixels::Jpeg);
        let pixels = offer.size.pixels() as f64 * offer.interval.fps().max(1.0);
        // A webcam's JPEGs take about an eighth of the raw picture.
        if raw { 8.0 * pixels } else { pixels }
    };
    let most = need(&than) * 0.99;
    offers
        .iter()
        .filter(|offer| need(offer) < most)
        .copied()
        .collect()
}

#[cfg(test)]
mod tests;
