//! Which of a camera's formats, sizes and rates to use: a pure choice over what was enumerated.

use super::convert::Layout;
use crate::camera::PreferredMode;
use crate::picture::frame::PictureSize;

/// Formats that can be used, the best first. All but the first are encoded here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Pixels {
    /// JPEG from the camera: passed on untouched.
    Jpeg,
    /// Packed 4:2:2.
    Yuyv,
    /// The same, color first.
    Uyvy,
    /// The same, red in front of blue.
    Yvyu,
    /// The same, color first and red in front of blue.
    Vyuy,
    /// 4:2:0 in two planes.
    Nv12,
    /// The same, red in front of blue.
    Nv21,
    /// 4:2:0 in three planes.
    Yu12,
    /// The same, red in front of blue.
    Yv12,
    /// Brightness alone: infrared cameras, which are for faces and not for people.
    Grey,
}

/// What a camera has to give, for people who have one that does not.
pub const WANTED: &str = "MJPEG or raw YUYV, UYVY, NV12 or YU12";

impl Pixels {
    /// The format of a four-character code, if it can be used.
    #[must_use]
    pub const fn from_fourcc(code: &[u8; 4]) -> Option<Self> {
        Some(match code {
            b"MJPG" | b"JPEG" => Self::Jpeg,
            b"YUYV" => Self::Yuyv,
            b"UYVY" => Self::Uyvy,
            b"YVYU" => Self::Yvyu,
            b"VYUY" => Self::Vyuy,
            b"NV12" => Self::Nv12,
            b"NV21" => Self::Nv21,
            b"YU12" => Self::Yu12,
            b"YV12" => Self::Yv12,
            b"GREY" => Self::Grey,
            _ => return None,
        })
    }

    /// How its bytes lie; `None` for JPEG.
    #[must_use]
    pub const fn layout(self) -> Option<Layout> {
        Some(match self {
            Self::Jpeg => return None,
            Self::Yuyv => Layout::Packed([0, 2, 1, 3]),
            Self::Uyvy => Layout::Packed([1, 3, 0, 2]),
            Self::Yvyu => Layout::Packed([0, 2, 3, 1]),
            Self::Vyuy => Layout::Packed([1, 3, 2, 0]),
            Self::Nv12 => Layout::Pairs { red_first: false },
            Self::Nv21 => Layout::Pairs { red_first: true },
            Self::Yu12 => Layout::Planes { red_first: false },
            Self::Yv12 => Layout::Planes { red_first: true },
            Self::Grey => Layout::Gray,
        })
    }
}

/// What a camera without a usable format offers instead, in a clause for people.
#[must_use]
pub fn offers_only(formats: &[[u8; 4]]) -> String {
    /// More make no message clearer.
    const NAMED: usize = 4;
    let mut names: Vec<&str> = Vec::new();
    for format in formats {
        let name = match format {
            b"H264" | b"AVC1" => "H.264",
            b"HEVC" | b"H265" => "H.265",
            b"VP80" => "VP8",
            b"Y16 " | b"Y10 " | b"Y12 " | b"Z16 " => "depth or deep gray",
            bayer if is_bayer(bayer) => "raw sensor data (Bayer)",
            other => std::str::from_utf8(other)
                .unwrap_or("an unknown format")
                .trim_end(),
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let more = if names.len() > NAMED {
        " and others"
    } else {
        ""
    };
    names.truncate(NAMED);
    match names.as_slice() {
        [] => "offers no format".to_owned(),
        [one] => format!("offers {one} alone"),
        several => format!("offers {}{more} alone", several.join(", ")),
    }
}

/// Data of a sensor behind its color filter, in each order and depth.
#[must_use]
pub const fn is_bayer(format: &[u8; 4]) -> bool {
    matches!(
        format,
        b"BA81"
            | b"GBRG"
            | b"GRBG"
            | b"RGGB"
            | b"BYR2"
            | [b'B' | b'R', b'G', b'1', b'0' | b'2' | b'4' | b'6']
            | [b'G', b'B' | b'R', b'1', b'0' | b'2' | b'4' | b'6']
            | [b'B', b'A', b'1', b'0' | b'2' | b'4']
            | [b'p', b'B' | b'G' | b'g' | b'R', b'A' | b'C' | b'E', _]
    )
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
        assert_eq!(choose(&offers, PreferredMode::default()), Some(offers[1]));
    }

    #[test]
    fn a_smooth_smaller_picture_beats_a_large_one_at_five_a_second() {
        let offers = [offer(b"YUYV", 1280, 720, 5), offer(b"YUYV", 640, 360, 30)];
        assert_eq!(choose(&offers, PreferredMode::default()), Some(offers[1]));
    }

    #[test]
    fn of_the_rates_of_one_size_the_wished_one_is_taken() {
        let offers = [
            offer(b"NV12", 1280, 720, 60),
            offer(b"NV12", 1280, 720, 30),
            offer(b"NV12", 1280, 720, 25),
        ];
        assert_eq!(choose(&offers, PreferredMode::default()), Some(offers[1]));
        let fast = [offers[0], offers[2]];
        assert_eq!(choose(&fast, PreferredMode::default()), Some(offers[0]));
    }

    #[test]
    fn formats_that_cannot_be_used_are_no_offer() {
        assert_eq!(
            choose(&[offer(b"H264", 1280, 720, 30)], PreferredMode::default()),
            None
        );
        assert_eq!(choose(&[], PreferredMode::default()), None);
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

    #[test]
    fn gray_is_taken_only_from_a_camera_that_has_nothing_else() {
        let offers = [offer(b"GREY", 1280, 720, 30), offer(b"YUYV", 320, 240, 5)];
        assert_eq!(choose(&offers, PreferredMode::default()), Some(offers[1]));
        assert_eq!(
            choose(&offers[..1], PreferredMode::default()),
            Some(offers[0])
        );
    }

    #[test]
    fn each_usable_format_is_jpeg_or_has_a_layout() {
        for code in [
            b"MJPG", b"JPEG", b"YUYV", b"UYVY", b"YVYU", b"VYUY", b"NV12", b"NV21", b"YU12",
            b"YV12", b"GREY",
        ] {
            let pixels = Pixels::from_fourcc(code).unwrap();
            assert_eq!(pixels.layout().is_none(), pixels == Pixels::Jpeg);
        }
    }

    #[test]
    fn a_camera_without_a_usable_format_is_described_by_what_it_offers() {
        assert_eq!(offers_only(&[*b"H264"]), "offers H.264 alone");
        assert_eq!(
            offers_only(&[*b"pRAA", *b"BG10", *b"RGGB"]),
            "offers raw sensor data (Bayer) alone"
        );
        assert_eq!(
            offers_only(&[*b"H264", *b"Y16 "]),
            "offers H.264, depth or deep gray alone"
        );
        assert_eq!(offers_only(&[]), "offers no format");
        assert!(!is_bayer(b"GREY") && !is_bayer(b"BGR3") && !is_bayer(b"RGB3"));
    }

    #[test]
    fn where_the_bus_has_no_room_an_offer_that_needs_less_is_next() {
        let offers = [
            offer(b"MJPG", 1280, 720, 30),
            offer(b"MJPG", 640, 480, 30),
            offer(b"YUYV", 640, 480, 30),
            offer(b"YUYV", 160, 120, 30),
        ];
        let next = smaller(&offers, offers[0]);
        assert_eq!(choose(&next, PreferredMode::default()), Some(offers[1]));
        assert_eq!(smaller(&offers, offers[3]), []);
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
            match choose(&offers, PreferredMode::default()) {
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
