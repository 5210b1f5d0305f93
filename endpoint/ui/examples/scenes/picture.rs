//! Pictures that might come from cameras: a person at a table, drawn by code.

use conclave_ui::slint::{Image, Rgb8Pixel, SharedPixelBuffer};
use std::cell::RefCell;

const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;

/// Wall, clothes, skin and hair of each. Few and flat colors, so that the pictures of pages stay small.
const PEOPLE: [[u32; 4]; 6] = [
    [0x6b8791, 0x2b4f7c, 0xd9a987, 0x33251f],
    [0x94806f, 0x7a3140, 0xb88763, 0x17120f],
    [0x7c9077, 0x39513c, 0xedc8a8, 0x8c5a32],
    [0x8a7d9c, 0x20252c, 0x7d5238, 0x0d0b0a],
    [0xa59d84, 0x5d6f8f, 0xe5b795, 0xc8a25a],
    [0x64779c, 0xb5894a, 0x9b6a4b, 0x221a17],
];

thread_local! {
    static DRAWN: RefCell<[Option<Image>; PEOPLE.len()]> = const { RefCell::new([const { None }; PEOPLE.len()]) };
}

/// One of six, over and over.
pub(super) fn person(number: usize) -> Image {
    let index = number % PEOPLE.len();
    DRAWN.with_borrow_mut(|drawn| drawn[index].get_or_insert_with(|| draw(index)).clone())
}

fn draw(index: usize) -> Image {
    let [wall, clothes, skin, hair] = PEOPLE[index].map(pixel);
    let shelf = Rgb8Pixel {
        r: wall.r / 8 * 7,
        g: wall.g / 8 * 7,
        b: wall.b / 8 * 7,
    };
    let table = pixel(0x4b3d33);
    let middle = 290.0 + 12.0 * index as f32;
    let within = |x: f32, y: f32, center: (f32, f32), radius: (f32, f32)| {
        let (across, down) = ((x - center.0) / radius.0, (y - center.1) / radius.1);
        across * across + down * down < 1.0
    };
    let mut buffer = SharedPixelBuffer::<Rgb8Pixel>::new(WIDTH, HEIGHT);
    for (at, place) in buffer.make_mut_slice().iter_mut().enumerate() {
        let (x, y) = ((at as u32 % WIDTH) as f32, (at as u32 / WIDTH) as f32);
        *place = if y > 326.0 {
            table
        } else if within(x, y, (middle, 116.0), (62.0, 44.0)) && y < 128.0 {
            hair
        } else if within(x, y, (middle, 146.0), (58.0, 74.0)) {
            skin
        } else if within(x, y, (middle, 330.0), (138.0, 122.0)) {
            clothes
        } else if y > 60.0 && y < 66.0 || (x > 520.0 && x < 590.0 && y > 18.0 && y < 60.0) {
            shelf
        } else {
            wall
        };
    }
    Image::from_rgb8(buffer)
}

fn pixel(color: u32) -> Rgb8Pixel {
    Rgb8Pixel {
        r: (color >> 16) as u8,
        g: (color >> 8) as u8,
        b: color as u8,
    }
}
