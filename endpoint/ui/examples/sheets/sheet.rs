//! Many small pictures on one, as PNG.

use conclave_ui::slint::Rgb8Pixel;
use png::{BitDepth, ColorType, Compression, Encoder, Filter};
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Between the pictures.
const GAP: u32 = 8;
const GROUND: Rgb8Pixel = Rgb8Pixel {
    r: 0x80,
    g: 0x80,
    b: 0x80,
};
/// About as wide as a page of text is shown.
const WIDTH: u32 = 1700;

pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) pixels: Vec<Rgb8Pixel>,
}

/// Pictures of one size, row by row.
pub(crate) struct Sheet {
    width: u32,
    height: u32,
    columns: u32,
    placed: u32,
    picture: Picture,
}

impl Sheet {
    pub(crate) fn new(width: u32, height: u32, count: usize) -> Self {
        let count = u32::try_from(count).expect("a sheet has not that many");
        let columns = (WIDTH / (width + GAP)).clamp(1, count.max(1));
        let rows = count.div_ceil(columns);
        let (all_width, all_height) = (columns * (width + GAP) + GAP, rows * (height + GAP) + GAP);
        let pixels = vec![GROUND; (all_width * all_height) as usize];
        Self {
            width,
            height,
            columns,
            placed: 0,
            picture: Picture {
                width: all_width,
                pixels,
            },
        }
    }

    pub(crate) fn add(&mut self, small: &Picture) {
        let left = GAP + self.placed % self.columns * (self.width + GAP);
        let top = GAP + self.placed / self.columns * (self.height + GAP);
        for (row, line) in small.pixels.chunks(small.width as usize).enumerate() {
            let start = ((top + row as u32) * self.picture.width + left) as usize;
            self.picture.pixels[start..start + line.len()].copy_from_slice(line);
        }
        self.placed += 1;
    }

    pub(crate) fn picture(self) -> Picture {
        self.picture
    }
}

impl Picture {
    /// Each of its pixels the mean of a square of this one's; what is left over at the edges is not in it.
    pub(crate) fn smaller(&self, by: u32) -> Self {
        let height = self.pixels.len() as u32 / self.width;
        let mean = |left: u32, top: u32| {
            let mut sums = [0; 3];
            for y in top..top + by {
                let start = (y * self.width + left) as usize;
                for pixel in &self.pixels[start..start + by as usize] {
                    sums = [
                        sums[0] + u32::from(pixel.r),
                        sums[1] + u32::from(pixel.g),
                        sums[2] + u32::from(pixel.b),
                    ];
                }
            }
            let [r, g, b] = sums.map(|sum| (sum / (by * by)) as u8);
            Rgb8Pixel { r, g, b }
        };
        let width = self.width / by;
        let place = |index: u32| mean(index % width * by, index / width * by);
        Self {
            width,
            pixels: (0..width * (height / by)).map(place).collect(),
        }
    }

    pub(crate) fn write(&self, path: &Path) -> std::io::Result<()> {
        let height = self.pixels.len() as u32 / self.width;
        let bytes: Vec<u8> = self
            .pixels
            .iter()
            .flat_map(|pixel| [pixel.r, pixel.g, pixel.b])
            .collect();
        let mut encoder = Encoder::new(BufWriter::new(File::create(path)?), self.width, height);
        encoder.set_color(ColorType::Rgb);
        encoder.set_depth(BitDepth::Eight);
        encoder.set_compression(Compression::High);
        encoder.set_filter(Filter::Adaptive);
        let mut writer = encoder.write_header()?;
        writer.write_image_data(&bytes)?;
        writer.finish()?;
        Ok(())
    }
}
