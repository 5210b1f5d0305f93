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
        b"MJPG", b"JPEG", b"YUYV", b"UYVY", b"YVYU", b"VYUY", b"NV12", b"NV21", b"YU12", b"YV12",
        b"GREY",
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
