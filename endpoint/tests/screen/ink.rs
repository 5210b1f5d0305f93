//! What of a picture of the screen is written, column by column.

use std::path::Path;
use std::process::Command;

/// By how much a point differs from its ground that is written upon it.
const CONTRAST: u8 = 40;
/// By how much two drawings of one sign differ, which begin at other parts of a pixel.
const SAME: u32 = 40;

/// A part of the screen, in pixels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Area {
    pub(crate) left: usize,
    pub(crate) top: usize,
    pub(crate) width: usize,
    pub(crate) height: usize,
}

/// A picture of the screen, without its colors.
pub(crate) struct Picture {
    width: usize,
    height: usize,
    points: Vec<u8>,
}

impl Picture {
    /// Reads a PNG.
    pub(crate) fn read(file: &Path) -> Self {
        // As a PGM: its sizes in one line, the most in the next, then the points.
        let mut convert = Command::new("convert");
        convert
            .arg(file)
            .args(["-colorspace", "Gray", "-depth", "8", "pgm:-"]);
        let done = convert.output().unwrap();
        assert!(done.status.success(), "{done:?}");
        let bytes = done.stdout;
        let mut lines = bytes.splitn(4, |byte| *byte == b'\n');
        assert_eq!(lines.next(), Some(&b"P5"[..]));
        let sizes = String::from_utf8(lines.next().unwrap().to_vec()).unwrap();
        let (width, height) = sizes.split_once(' ').unwrap();
        let (width, height) = (width.parse().unwrap(), height.parse().unwrap());
        let points = lines.nth(1).unwrap().to_vec();
        assert_eq!(points.len(), width * height);
        Self {
            width,
            height,
            points,
        }
    }

    /// What is written there; `None` if not all of it is on the screen.
    pub(crate) fn ink(&self, area: Area) -> Option<Ink> {
        if area.left + area.width > self.width || area.top + area.height > self.height {
            return None;
        }
        let column = |x: usize| {
            let points = (area.top..area.top + area.height).map(move |y| y * self.width + x);
            points.map(|at| self.points[at])
        };
        let columns: Vec<Vec<u8>> = (area.left..area.left + area.width)
            .map(|x| column(x).collect())
            .collect();
        let mut often = [0_usize; 256];
        columns
            .iter()
            .flatten()
            .for_each(|point| often[usize::from(*point)] += 1);
        let ground = (0..=255).max_by_key(|value| often[usize::from(*value)])?;
        let columns = columns
            .into_iter()
            .map(|column| {
                column
                    .into_iter()
                    .map(|point| point.abs_diff(ground))
                    .collect()
            })
            .collect();
        Some(Ink { columns })
    }
}

/// By how much the points of an area differ from its ground, column by column.
pub(crate) struct Ink {
    columns: Vec<Vec<u8>>,
}

/// A sign that touches no other.
pub(crate) struct Sign {
    columns: Vec<Vec<u8>>,
}

impl Ink {
    /// In pixels.
    pub(crate) fn height(&self) -> usize {
        self.columns.first().map_or(0, Vec::len)
    }

    fn is_written(&self, x: usize) -> bool {
        self.columns[x].iter().any(|point| *point > CONTRAST)
    }

    /// The widths of what is empty: before the first sign, between signs, and behind the last.
    pub(crate) fn gaps(&self) -> Vec<usize> {
        let mut gaps = vec![0];
        let mut before = false;
        for x in 0..self.columns.len() {
            let written = self.is_written(x);
            match gaps.last_mut() {
                Some(gap) if !written => *gap += 1,
                _ if !before => gaps.push(0),
                _ => {}
            }
            before = written;
        }
        gaps
    }

    pub(crate) fn signs(&self) -> Vec<Sign> {
        let written: Vec<bool> = (0..self.columns.len())
            .map(|x| self.is_written(x))
            .collect();
        let mut at = 0;
        let mut signs = Vec::new();
        for run in written.chunk_by(|a, b| a == b) {
            if run[0] {
                signs.push(Sign {
                    columns: self.columns[at..at + run.len()].to_vec(),
                });
            }
            at += run.len();
        }
        signs
    }
}

impl Sign {
    /// Whether both are drawings of the same.
    pub(crate) fn looks_like(&self, other: &Self) -> bool {
        if self.columns.len().abs_diff(other.columns.len()) > 1 {
            return false;
        }
        let both = self
            .columns
            .iter()
            .flatten()
            .zip(other.columns.iter().flatten());
        let differ: u32 = both.clone().map(|(a, b)| u32::from(a.abs_diff(*b))).sum();
        let written = both
            .filter(|(a, b)| **a > CONTRAST || **b > CONTRAST)
            .count();
        differ < SAME * u32::try_from(written).unwrap()
    }
}
