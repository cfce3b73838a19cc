//! Frequencies of latents: Laplace distributions of 112 scales around centres in sixteenths, in integers.
//!
//! The model gives a centre and a scale `b = 2^(s/8 − 6.5)`. Symbols are the distances of a latent from the
//! nearest integer of the centre, from `−E` to `E`; the two ends stand for everything beyond them too.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "the tables are constants; scales and centres are clamped where they enter"
)]

use crate::container::range_coder::TOTAL_BITS;
use crate::field::spline::{SCALES, SCALES_PER_OCTAVE as OCTAVE};
use std::sync::OnceLock;

/// Bytes of the tables of all scales, which are made once.
pub(super) const TABLE_BYTES: u64 = 272 << 10;
/// Sixteenths of a latent.
const SIXTEENTHS: i32 = 16;
/// The most symbols on each side.
const MOST: i32 = 255;
/// `⌊2³² · exp(−1/(16·b))⌋` for the scales of the uppermost octave, from `b = 2^6.5` on; the square of a
/// ratio is that of half its scale.
#[rustfmt::skip]
const RATIOS: [u32; OCTAVE] = [
    0xffd2c2c2, 0xffd683a7, 0xffd9f4d7, 0xffdd1cf0, 0xffe001ff, 0xffe2a995, 0xffe518ca, 0xffe7544b,
];

/// For each scale, `2¹⁶ · ½ · exp(−j/(16·b))` for distances `j` in sixteenths.
fn tails() -> &'static [Vec<u16>] {
    static TAILS: OnceLock<Vec<Vec<u16>>> = OnceLock::new();
    TAILS.get_or_init(|| (0..SCALES as usize).map(tail).collect())
}

fn tail(scale: usize) -> Vec<u16> {
    let product = |a: u64, b: u64| (a * b) >> 32;
    let halvings = SCALES as usize / OCTAVE - 1 - scale / OCTAVE;
    let ratio = (0..halvings).fold(u64::from(RATIOS[scale % OCTAVE]), |ratio, _| product(ratio, ratio));
    let mut tail = 1 << 31;
    let mut next = || {
        let high = (tail >> 16) as u16;
        tail = product(tail, ratio);
        high
    };
    (0..(listed(scale) + 1) * SIXTEENTHS).map(|_| next()).collect()
}

/// Symbols on each side of the centre, the last of which is an escape.
fn listed(scale: usize) -> i32 {
    (3 + ((1 << (scale / OCTAVE)) >> 3)).min(MOST)
}

/// The distribution of a latent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Laplace {
    /// The nearest integer of the centre.
    pub centre: i32,
    /// The centre minus its nearest integer, in sixteenths, −8 to 7.
    offset: i32,
    /// Symbols on each side.
    pub listed: i32,
    tail: &'static [u16],
}

impl Laplace {
    /// The distribution around `centre` sixteenths, with a scale below [`SCALES`].
    pub fn new(centre: i32, scale: i32) -> Self {
        let nearest = (centre + SIXTEENTHS / 2) >> 4;
        let scale = scale as usize;
        let offset = centre - SIXTEENTHS * nearest;
        Laplace { centre: nearest, offset, listed: listed(scale), tail: &tails()[scale] }
    }

    /// The start of symbol `d`, from `−E` to `E + 1`, of 2¹⁶.
    fn start(&self, d: i32) -> u32 {
        if d == -self.listed {
            return 0;
        }
        if d > self.listed {
            return 1 << TOTAL_BITS;
        }
        // The boundary between `d − 1` and `d`, and the probability below it.
        let boundary = SIXTEENTHS * d - SIXTEENTHS / 2 - self.offset;
        let below = match boundary {
            ..0 => u32::from(self.tail[boundary.unsigned_abs() as usize]),
            _ => (1 << 16) - u32::from(self.tail[boundary as usize]),
        };
        let symbols = (2 * self.listed + 1) as u32;
        (d + self.listed) as u32 + ((below * ((1 << TOTAL_BITS) - symbols)) >> 16)
    }
    /// `(start, size)` of symbol `d`.
    #[cfg(any(test, feature = "encoder"))]
    pub fn interval(&self, d: i32) -> (u32, u32) {
        let start = self.start(d);
        (start, self.start(d + 1) - start)
    }
    /// The symbol at `position` of 2¹⁶, and its interval.
    pub fn find(&self, position: u32) -> (i32, u32, u32) {
        let (mut d, mut start) = (0, self.start(0));
        if position < start {
            loop {
                let end = start;
                d -= 1;
                start = self.start(d);
                if position >= start {
                    return (d, start, end - start);
                }
            }
        }
        loop {
            let end = self.start(d + 1);
            if position < end {
                return (d, start, end - start);
            }
            (d, start) = (d + 1, end);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scale_of(s: i32) -> f64 {
        2f64.powf(f64::from(s) / 8.0 - 6.5)
    }

    #[test]
    fn ratios_are_those_of_their_scales() {
        for (ratio, s) in RATIOS.iter().zip(SCALES - 8..) {
            let expected = (2f64.powi(32) * (-1.0 / (16.0 * scale_of(s))).exp()).floor();
            assert_eq!(f64::from(*ratio), expected, "{s}: {:#x}", expected as u32);
        }
    }

    #[test]
    fn tables_have_the_stated_size() {
        let bytes: usize = tails().iter().map(|tail| size_of_val(tail) + size_of_val(&tail[..])).sum();
        assert!(bytes as u64 <= TABLE_BYTES, "{bytes}");
    }

    #[test]
    fn tables_are_those_of_the_specification() {
        let rows = crate::vectors::rows("tail");
        assert_eq!(rows.len(), SCALES as usize);
        for (input, result) in rows {
            let bytes: Vec<u8> = tails()[input[0].parse::<usize>().unwrap()]
                .iter()
                .flat_map(|tail| tail.to_le_bytes())
                .collect();
            assert_eq!(format!("{:08x}", crc32fast::hash(&bytes)), result, "{input:?}");
        }
        for (input, result) in crate::vectors::rows("laplace") {
            let laplace = Laplace::new(input[1].parse().unwrap(), input[0].parse().unwrap());
            let starts = (-laplace.listed..=laplace.listed + 1).map(|d| laplace.start(d).to_string());
            assert_eq!(starts.collect::<Vec<_>>().join(" "), result, "{input:?}");
        }
    }

    /// Every scale and centre: intervals fill 2¹⁶ without gaps, none is empty, and all are near the
    /// distribution.
    #[test]
    fn symbols_have_the_frequencies_of_the_distribution() {
        for (s, centre) in (0..SCALES).flat_map(|s| (-8..8).map(move |centre| (s, centre + 16 * 5))) {
            let laplace = Laplace::new(centre, s);
            assert_eq!(laplace.centre, 5);
            let (b, e) = (scale_of(s), laplace.listed);
            let cdf = |x: f64| if x < 0.0 { 0.5 * (x / b).exp() } else { 1.0 - 0.5 * (-x / b).exp() };
            let mut next = 0;
            for d in -e..=e {
                let (start, size) = laplace.interval(d);
                assert!(start == next && size > 0, "{s} {centre} {d}");
                next = start + size;
                for position in [start, next - 1] {
                    assert_eq!(laplace.find(position), (d, start, size));
                }
                let at = |side: f64| cdf(f64::from(d) + side - f64::from(centre - 80) / 16.0);
                let below = if d == -e { 0.0 } else { at(-0.5) };
                let above = if d == e { 1.0 } else { at(0.5) };
                let expected = 1.0 + (above - below) * f64::from(65536 - 2 * e - 1);
                assert!((f64::from(size) - expected).abs() < 4.0, "{s} {centre} {d}: {size} {expected}");
            }
            assert_eq!(next, 1 << 16);
        }
    }
}
