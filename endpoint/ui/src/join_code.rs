//! A link as a code that a phone's camera reads (ISO/IEC 18004).

use qrcodegen::{QrCode, QrCodeEcc};
use slint::{Image, Rgb8Pixel, SharedPixelBuffer};

/// Light modules around the code, as the standard wants.
const QUIET_ZONE: i32 = 4;

/// A picture of one pixel a module, dark on light whatever the theme: not every reader takes it the other way round.
/// `None` for what is too long for a code.
#[must_use]
pub fn join_code(url: &str) -> Option<Image> {
    // A screen has no scratches; what counts is that the modules are large.
    let code = QrCode::encode_text(url, QrCodeEcc::Low).ok()?;
    let side = code.size() + 2 * QUIET_ZONE;
    let width = u32::try_from(side).ok()?;
    let mut pixels = SharedPixelBuffer::<Rgb8Pixel>::new(width, width);
    let places = (0..side).flat_map(|y| (0..side).map(move |x| (x, y)));
    for (pixel, (x, y)) in pixels.make_mut_slice().iter_mut().zip(places) {
        let dark = code.get_module(x - QUIET_ZONE, y - QUIET_ZONE);
        *pixel = if dark {
            Rgb8Pixel::new(0, 0, 0)
        } else {
            Rgb8Pixel::new(255, 255, 255)
        };
    }
    Some(Image::from_rgb8(pixels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_drawn_dark_on_light_with_a_quiet_zone_around_it() {
        let image =
            join_code("https://192.168.1.10:7480/#j=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")
                .unwrap();
        let pixels = image.to_rgb8().unwrap();
        let side = pixels.width() as usize;
        let (light, dark) = (Rgb8Pixel::new(255, 255, 255), Rgb8Pixel::new(0, 0, 0));
        assert_eq!(
            (side - 8) % 4,
            1,
            "a code has 17 and four times its version modules"
        );
        let at = |x: usize, y: usize| pixels.as_slice()[y * side + x];
        assert!((0..side).all(|x| at(x, 3) == light && at(3, x) == light));
        // The corner of a finder pattern.
        assert_eq!([at(4, 4), at(5, 5), at(6, 6)], [dark, light, dark]);
    }
}
