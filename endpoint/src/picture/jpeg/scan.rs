//! A walk over the coded data of a baseline scan (T.81, annex F): whether each block of the picture is there, and where
//! the data ends. Computes no pixel.
//!
//! Every step takes at least one bit of what is there, so that the cost is bounded by the length of the data, whatever
//! size a header claims.

use super::huffman;
use super::segments::{Header, Scan, marker_in_scan};

/// Bits that are looked up at once. More make longer tables to fill; nearly all codes of a camera are shorter.
const LOOKUP_BITS: u32 = 10;

/// Longest definition of a table: 16 counts and 256 values.
const LONGEST_DEFINITION: usize = 16 + 256;

/// How a walk over a scan ended early.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Broken {
    /// The bytes end, and there is no marker: the rest is missing.
    Unfinished,
    /// Something is missing in the middle, or is no code of the picture's tables.
    Torn,
}

/// A Huffman table, made for skipping.
struct Table {
    /// What it was made from: a camera sends the same tables with each picture.
    definition: [u8; LONGEST_DEFINITION],
    defined: usize,
    /// By the next bits: the length of code and value together, and how many coefficients it passes over. 0: a longer
    /// code.
    lookup: [u16; 1 << LOOKUP_BITS],
    /// By length: the first code that is too large for it, left-aligned in 16 bits.
    beyond: [u32; 17],
    /// By length: what to add to a code for its place in `values`.
    offset: [i32; 17],
    values: [u8; 256],
    is_detail: bool,
}

impl Table {
    const fn new(is_detail: bool) -> Self {
        Self {
            definition: [0; LONGEST_DEFINITION],
            defined: 0,
            lookup: [0; 1 << LOOKUP_BITS],
            beyond: [0; 17],
            offset: [0; 17],
            values: [0; 256],
            is_detail,
        }
    }

    /// How many bits of a value follow a symbol's code, and how many coefficients are done with it; `None` if it is
    /// none.
    const fn meaning(&self, symbol: u8) -> Option<(u16, u16)> {
        let (run, bits) = ((symbol >> 4) as u16, (symbol & 15) as u16);
        match (self.is_detail, run, bits) {
            (false, 0, _) => Some((bits, 1)),
            (false, ..) => None,
            (true, 15, 0) => Some((0, 16)),
            // The end of the block.
            (true, _, 0) => Some((0, 64)),
            (true, ..) => Some((bits, run + 1)),
        }
    }

    /// Takes the counts and values that `definition` starts with; false if they make no table.
    fn define(&mut self, definition: &[u8]) -> bool {
        let Some((counts, values)) = definition.split_first_chunk::<16>() else {
            return false;
        };
        let total: usize = counts.iter().map(|&count| usize::from(count)).sum();
        let Some(values) = values.get(..total).filter(|_| total <= 256) else {
            return false;
        };
        let given = &definition[..16 + total];
        if self.definition[..self.defined] == *given {
            return true;
        }
        self.defined = 0;
        self.lookup.fill(0);
        self.values[..total].copy_from_slice(values);
        let (mut code, mut place) = (0_u32, 0_usize);
        for length in 1..=16_u32 {
            let count = u32::from(counts[length as usize - 1]);
            self.offset[length as usize] = place as i32 - code as i32;
            if code + count > 1 << length {
                return false;
            }
            for _ in 0..count {
                if length <= LOOKUP_BITS
                    && let Some((bits, passes)) = self.meaning(self.values[place])
                {
                    let entry = (length as u16 + bits) | passes << 8;
                    let first = (code << (LOOKUP_BITS - length)) as usize;
                    self.lookup[first..first + (1 << (LOOKUP_BITS - length))].fill(entry);
                }
                code += 1;
                place += 1;
            }
            self.beyond[length as usize] = code << (16 - length);
            code <<= 1;
        }
        self.definition[..given.len()].copy_from_slice(given);
        self.defined = given.len();
        true
    }

    /// As the lookup, for any code: `next` are the next 16 bits.
    #[cold]
    fn long(&self, next: u32) -> Option<u16> {
        let length = (1..=16).find(|&length| next < self.beyond[length])?;
        let code = (next >> (16 - length)) as i32;
        let place = usize::try_from(code + self.offset[length]).ok()?;
        let (bits, passes) = self.meaning(*self.values.get(place)?)?;
        Some((length as u16 + bits) | passes << 8)
    }
}

/// Coded data, bit by bit.
struct Bits<'a> {
    bytes: &'a [u8],
    /// Offset of the next byte to take.
    at: usize,
    /// The next bits, from the top; zeros behind them.
    next: u64,
    /// How many of them are there.
    have: u32,
}

impl Bits<'_> {
    /// Sees to it that 32 bits are there, if the data has so many.
    #[inline]
    fn fill(&mut self) {
        if self.have > 32 {
            return;
        }
        if let Some(word) = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<4>) {
            let word = u32::from_be_bytes(*word);
            // No byte of it is 0xff.
            if (!word).wrapping_sub(0x0101_0101) & word & 0x8080_8080 == 0 {
                self.next |= u64::from(word) << (32 - self.have);
                self.have += 32;
                self.at += 4;
                return;
            }
        }
        self.fill_slowly();
    }

    fn fill_slowly(&mut self) {
        while self.have <= 56 {
            let (byte, length) = match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (Some(0xff), Some(0)) => (0xff, 2),
                (Some(0xff), _) | (None, _) => return,
                (Some(&byte), _) => (byte, 1),
            };
            self.next |= u64::from(byte) << (56 - self.have);
            self.have += 8;
            self.at += length;
        }
    }

    /// Offset of the first byte of which no bit was taken.
    fn position(&self) -> usize {
        let mut at = self.at;
        for _ in 0..self.have / 8 {
            let stuffed = at >= 2 && self.bytes[at - 2..at] == [0xff, 0];
            at -= if stuffed { 2 } else { 1 };
        }
        at
    }

    /// Passes over one block; `None` if its bits are not there or mean nothing.
    #[inline]
    fn block(&mut self, brightness: &Table, detail: &Table) -> Option<()> {
        self.symbol(brightness)?;
        let mut done = 1;
        while done < 64 {
            let passes = self.symbol(detail)?;
            if passes < 64 && done + passes > 64 {
                return None;
            }
            done += passes;
        }
        Some(())
    }

    /// Passes over one code with its value and says how many coefficients that is.
    #[inline]
    fn symbol(&mut self, table: &Table) -> Option<u16> {
        self.fill();
        let mut entry = table.lookup[(self.next >> (64 - LOOKUP_BITS)) as usize];
        if entry == 0 {
            entry = table.long((self.next >> 48) as u32)?;
        }
        let bits = u32::from(entry & 0xff);
        self.have = self.have.checked_sub(bits)?;
        self.next <<= bits;
        Some(entry >> 8)
    }
}

/// Walks over scans, one after the other; keeps its tables from one to the next, and allocates once.
pub(super) struct Walker {
    tables: Box<[Table; 8]>,
}

impl Default for Walker {
    fn default() -> Self {
        let table = |number: usize| Table::new(number >= 4);
        Self {
            tables: Box::new(std::array::from_fn(table)),
        }
    }
}

impl Walker {
    /// Walks over a scan; the offset behind its last byte.
    pub(super) fn walk(
        &mut self,
        bytes: &[u8],
        header: &Header,
        scan: &Scan,
    ) -> Result<usize, Broken> {
        for component in scan.components() {
            for table in [usize::from(component.dc), 4 + usize::from(component.ac)] {
                let definition = match header.huffman(table) {
                    Some(at) => bytes.get(at..).unwrap_or_default(),
                    None => huffman::standard(table),
                };
                if !self.tables[table].define(definition) {
                    return Err(Broken::Torn);
                }
            }
        }
        let (units, blocks) = header.units(scan);
        let interval = match usize::from(header.restart_interval()) {
            0 => units,
            interval => interval,
        };
        let (mut left, mut at, mut restarts) = (units, scan.data, 0_u8);
        loop {
            let mut bits = Bits {
                bytes,
                at,
                next: 0,
                have: 0,
            };
            for _ in 0..left.min(interval) {
                for (component, &blocks) in scan.components().iter().zip(&blocks) {
                    let brightness = &self.tables[usize::from(component.dc)];
                    let detail = &self.tables[4 + usize::from(component.ac)];
                    for _ in 0..blocks {
                        bits.block(brightness, detail)
                            .ok_or_else(|| broken(bytes, &bits))?;
                    }
                }
            }
            left -= left.min(interval);
            at = bits.position();
            if left == 0 {
                return Ok(at);
            }
            // Bytes in front of a restart marker are some cameras' padding.
            let (marker, start) = marker_in_scan(bytes, at).ok_or(Broken::Unfinished)?;
            if marker != 0xd0 + restarts {
                return Err(Broken::Torn);
            }
            restarts = (restarts + 1) % 8;
            at = start + 2;
        }
    }
}

/// Why no further block could be read.
fn broken(bytes: &[u8], bits: &Bits<'_>) -> Broken {
    // Fewer bits than the longest code with its value: all that there is has been read.
    let dry = bits.have < 32;
    if dry && marker_in_scan(bytes, bits.at).is_none() {
        Broken::Unfinished
    } else {
        Broken::Torn
    }
}
