//! Which of a camera's formats, sizes and rates to use: a pure choice over what was enumerated.

use crate::camera::Wish;
use crate::frame::PictureSize;

/// Formats that can be used, the best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pixels {
    /// JPEG from the camera: passed on untouched.
    Jpeg,
    /// Packed 4:2:2: encoded here.
    Yuyv,
    /// 4:2:0 in two planes: encoded here.
    Nv12,
}

impl Pixels {
    /// The format of a four-character code, if it can be used.
    #[must_use]
    pub const fn from_fourcc(code: &[u8; 4]) -> Option<Self> {
        match code {
            b"MJPG" | b"JPEG" => Some(Self::Jpeg),
            b"YUYV" => Some(Self::Yuyv),
            b"NV12" => Some(Self::Nv12),
            _ => None,
        }
    }
}

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

/// The offer that is nearest to the wish; JPEG whenever the camera has it.
///
/// Size and rate weigh alike by their ratio to the wish; a rate above it costs little, since pictures can be left out.
#[must_use]
pub fn choose(offers: &[Offer], wish: Wish) -> Option<Offer> {
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
            let jpeg = |pixels: Pixels| pixels != Pixels::Jpeg;
            jpeg(*pixels_a)
                .cmp(&jpeg(*pixels_b))
                .then(cost(a).total_cmp(&cost(b)))
                .then(pixels_a.cmp(pixels_b))
        })
        .map(|(_, offer)| *offer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn offer(fourcc: &[u8; 4], width: u32, height: u32, fps: u32) -> Offer {
        let interval = Interval {
            numerator: 1,
            denominator: fps,
        };
        Offer {
            fourcc: *fourcc,
            size: PictureSize::new(width, height),
            interval,
        }
    }

    #[test]
    fn jpeg_is_taken_even_when_raw_pictures_are_nearer_to_the_wish() {
        let offers = [
            offer(b"YUYV", 1280, 720, 30),
            offer(b"MJPG", 1920, 1080, 30),
            offer(b"MJPG", 640, 480, 30),
        ];
        assert_eq!(choose(&offers, Wish::default()), Some(offers[1]));
    }

    #[test]
    fn a_smooth_smaller_picture_beats_a_large_one_at_five_a_second() {
        let offers = [offer(b"YUYV", 1280, 720, 5), offer(b"YUYV", 640, 360, 30)];
        assert_eq!(choose(&offers, Wish::default()), Some(offers[1]));
    }

    #[test]
    fn of_the_rates_of_one_size_the_wished_one_is_taken() {
        let offers = [
            offer(b"NV12", 1280, 720, 60),
            offer(b"NV12", 1280, 720, 30),
            offer(b"NV12", 1280, 720, 25),
        ];
        assert_eq!(choose(&offers, Wish::default()), Some(offers[1]));
        let fast = [offers[0], offers[2]];
        assert_eq!(choose(&fast, Wish::default()), Some(offers[0]));
    }

    #[test]
    fn formats_that_cannot_be_used_are_no_offer() {
        assert_eq!(
            choose(&[offer(b"H264", 1280, 720, 30)], Wish::default()),
            None
        );
        assert_eq!(choose(&[], Wish::default()), None);
    }

    #[test]
    fn stepwise_sizes_and_rates_are_rounded_into_their_range() {
        let sizes = Sizes::Stepwise {
            least: PictureSize::new(2, 1),
            most: PictureSize::new(1000, 600),
            step: PictureSize::new(4, 1),
        };
        assert_eq!(
            sizes.nearest(PictureSize::new(1280, 720)),
            PictureSize::new(998, 600)
        );
        let slow = Interval {
            numerator: 1,
            denominator: 5,
        };
        let fast = Interval {
            numerator: 1,
            denominator: 20,
        };
        let rates = Rates::Between {
            shortest: fast,
            longest: slow,
        };
        assert_eq!(rates.nearest(30), fast);
        assert_eq!(rates.nearest(2), slow);
        assert_eq!(rates.nearest(10).denominator, 10);
    }

    proptest! {
        #[test]
        fn any_table_gives_an_offer_of_it_or_none(
            table in proptest::collection::vec((0_usize..4, any::<u32>(), any::<u32>(), any::<u32>(), any::<u32>()), 0..8),
        ) {
            let offers: Vec<_> = table.iter().map(|&(format, width, height, numerator, denominator)| Offer {
                fourcc: *[b"MJPG", b"YUYV", b"NV12", b"XXXX"][format],
                size: PictureSize::new(width, height),
                interval: Interval { numerator, denominator },
            }).collect();
            match choose(&offers, Wish::default()) {
                Some(chosen) => prop_assert!(offers.contains(&chosen)),
                None => prop_assert!(offers.iter().all(|o| &o.fourcc == b"XXXX")),
            }
        }

        #[test]
        fn odd_steps_never_panic(a: u32, b: u32, c: u32, d: u32, step: u32) {
            let sizes = Sizes::Stepwise {
                least: PictureSize::new(a, b),
                most: PictureSize::new(c, d),
                step: PictureSize::new(step, step),
            };
            let _ = sizes.nearest(PictureSize::new(1280, 720));
        }
    }
}
