//! Frequency tables of magnitudes: 41 for each mixture of a Gaussian and a Laplace distribution, built in
//! integers.
//!
//! A table belongs to a *scale* `k`, the mean magnitude `2^((k − 20)/4)`, and ends in an escape entry for all
//! magnitudes that it does not list. Both distributions follow recurrences from the middle outwards: the
//! ratio of neighbours is constant for Laplace and shrinks by a constant ratio for Gauss.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "the tables are constants: no number here comes from a file, and the tests build every table"
)]

use super::range_coder::TOTAL_BITS;
use std::sync::OnceLock;

/// The mixtures are numbered from 0, Gaussian, to this number, Laplace.
pub(super) const SHAPES: u8 = 1 << SHAPE_BITS;
const SHAPE_BITS: u8 = 3;
/// The largest scale, mean magnitude 16; low bits of larger magnitudes are coded separately.
pub(super) const LAST_SCALE: u32 = 36;
/// The first scale with tables for magnitudes without their low bits: the uppermost octave.
const FIRST_WIDE: u32 = LAST_SCALE - 3;

/// For each scale, the ratio of neighbours at 0 in units of 2⁻³²: Laplace, Gauss. With it, the mean magnitude
/// over all integers is that of the scale, for probabilities `λ^|q|` and `γ^(q²)`.
#[rustfmt::skip]
const RATIOS: [(u32, u32); LAST_SCALE as usize + 1] = [
    (0x03ffc008, 0x042105f3), (0x04c153f3, 0x04f0bb29), (0x05a772c2, 0x05eb135a), (0x06b8f7e2, 0x07199b45),
    (0x07fe00ff, 0x08885dbe), (0x09802450, 0x0a46b238), (0x0b4aacad, 0x0c685f52), (0x0d6ad9aa, 0x0f073a10),
    (0x0ff01fb1, 0x12457fa4), (0x12ec607e, 0x1651443e), (0x16740eb9, 0x1b696db6), (0x1a9e26a2, 0x21e49e03),
    (0x1f83d9ac, 0x2a39780c), (0x253fbbda, 0x35037829), (0x2bec3330, 0x42f319e8), (0x33a0e4ed, 0x5484965b),
    (0x3c6ef373, 0x69737341), (0x465c2abf, 0x806e319e), (0x515dc81e, 0x979224b2), (0x5d5440f1, 0xad2649b5),
    (0x6a09e668, 0xc002d3ac), (0x7735ec49, 0xcfa6de0d), (0x8483ee0d, 0xdc186c02), (0x919e28ea, 0xe5afb09a),
    (0x9e3779b9, 0xece7aa23), (0xaa128698, 0xf23e6943), (0xb504f334, 0xf6246e52), (0xbef70571, 0xf8f683d7),
    (0xc7e0f66b, 0xfafd826f), (0xcfc7407d, 0xfc70c634), (0xd6b6e296, 0xfd797762), (0xdcc222e1, 0xfe35b9e8),
    (0xe1fe03f6, 0xfebb6592), (0xe6806bb5, 0xff1a315a), (0xea5ee219, 0xff5d5ccb), (0xedadc716, 0xff8ced9c),
    (0xf07fe010, 0xffae98d7),
];

/// The frequency table of a magnitude, and the number of low bits coded separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    scale: u32,
    /// Low bits that are coded as uniform bits.
    pub(super) shift: u32,
}

impl Choice {
    /// The table of `scale`; a scale beyond the last one takes a table of the uppermost octave, after a
    /// shift.
    pub(super) fn of_scale(scale: u32) -> Self {
        let shift = scale.saturating_sub(LAST_SCALE).div_ceil(4);
        Choice { scale: scale - 4 * shift, shift }
    }
    /// Index among all tables.
    pub(super) fn index(self) -> usize {
        let wide = if self.shift > 0 { LAST_SCALE + 1 - FIRST_WIDE } else { 0 };
        (self.scale + wide) as usize
    }
}

/// A frequency table: entry `j` is magnitude `j`, the last entry is the escape.
#[derive(Clone, Debug)]
pub(super) struct Table {
    /// The start of each entry, then the total 2¹⁶.
    starts: Vec<u32>,
    /// The entry at each multiple of 2⁸: where a search for an entry begins.
    firsts: Vec<u16>,
}

impl Table {
    /// The escape entry, which is also the number of magnitudes listed.
    pub(super) fn escape(&self) -> u32 {
        self.starts.len() as u32 - 2
    }
    /// `(start, size)` of `entry`.
    pub(super) fn interval(&self, entry: u32) -> (u32, u32) {
        let (start, end) = (self.starts[entry as usize], self.starts[entry as usize + 1]);
        (start, end - start)
    }
    /// The entry at `position`, below 2¹⁶.
    pub(super) fn find(&self, position: u32) -> u32 {
        let mut entry = usize::from(self.firsts[(position >> 8) as usize]);
        while self.starts[entry + 1] <= position {
            entry += 1;
        }
        entry as u32
    }

    /// The table of `scale` and `shape`. With `wide`, magnitudes have lost low bits: entry 0 is as wide as
    /// the others, not half as wide, and its middle is half an entry from 0.
    fn build(scale: u32, shape: u8, wide: bool) -> Self {
        let (laplace, gauss) = RATIOS[scale as usize];
        let escape = magnitudes(scale);
        // Every entry gets 1 plus its part of the rest; cumulative sums are rounded, so that nothing is left
        // over.
        let rest = (1u64 << TOTAL_BITS) - u64::from(escape) - 1;
        let shares = |sums: Vec<u64>, weight: u8| {
            let total = sums[sums.len() - 1];
            sums.into_iter().map(move |sum| sum * rest / total * u64::from(weight))
        };
        let laplace = shares(cumulative(escape, wide, laplace.into(), 1 << 32), shape);
        let gauss = shares(cumulative(escape, wide, gauss.into(), square(gauss)), SHAPES - shape);
        let mixed = laplace.zip(gauss).map(|(l, g)| (l + g) >> SHAPE_BITS);
        let starts: Vec<u32> = mixed.zip(0u64..).map(|(share, entry)| (entry + share) as u32).collect();
        let first = |position: u32| starts.partition_point(|&start| start <= position) as u16 - 1;
        let firsts = (0..1 << (TOTAL_BITS - 8)).map(|high| first(high << 8)).collect();
        Table { starts, firsts }
    }
}

/// All tables of one shape, at most [`SHAPES`], by [`Choice::index`]; built on first use.
pub(super) fn tables(shape: u8) -> &'static [Table] {
    static TABLES: [OnceLock<Vec<Table>>; SHAPES as usize + 1] =
        [const { OnceLock::new() }; SHAPES as usize + 1];
    TABLES[usize::from(shape)].get_or_init(|| build(shape))
}

fn build(shape: u8) -> Vec<Table> {
    let narrow = (0..=LAST_SCALE).map(|scale| Table::build(scale, shape, false));
    let wide = (FIRST_WIDE..=LAST_SCALE).map(|scale| Table::build(scale, shape, true));
    narrow.chain(wide).collect()
}

/// The number of magnitudes listed in the tables of `scale`: at least 8 times the mean.
fn magnitudes(scale: u32) -> u32 {
    16 << (scale.saturating_sub(21) / 4)
}

/// The product of ratios up to 2³² in units of 2⁻³², one of them below 1.
fn product(a: u64, b: u64) -> u64 {
    (a * b) >> 32
}

/// The square of a ratio.
fn square(ratio: u32) -> u64 {
    product(ratio.into(), ratio.into())
}

/// Sums of the weights of entries `0..j`, for `j` from 0 to `escape + 1`. Each weight is `ratio` times the
/// previous one, and the ratio shrinks by `change`.
fn cumulative(escape: u32, wide: bool, ratio: u64, change: u64) -> Vec<u64> {
    let (mut weight, mut ratio, mut sum) = (1u64 << 32, ratio, 0u64);
    let mut sums = vec![0];
    if wide {
        // Half an entry further out, where the Gaussian's first ratio is the square.
        ratio = if change == 1 << 32 { ratio } else { change };
    }
    for entry in 0..=escape {
        // Magnitude 0 is one integer, every other magnitude two.
        sum += if entry == 0 && !wide { weight / 2 } else { weight };
        sums.push(sum);
        weight = product(weight, ratio);
        ratio = product(ratio, change);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_of_every_table_has_a_frequency() {
        for shape in 0..=SHAPES {
            let all = tables(shape);
            assert_eq!(all.len(), 41);
            for table in all {
                assert_eq!((table.starts.first(), table.starts.last()), (Some(&0), Some(&65536)));
                for entry in 0..=table.escape() {
                    let (start, size) = table.interval(entry);
                    // At least 1/32 bit for every magnitude: a byte holds at most 256 of them.
                    assert!((1..64131).contains(&size));
                    assert_eq!((table.find(start), table.find(start + size - 1)), (entry, entry));
                }
            }
        }
    }

    #[test]
    fn tables_have_the_mean_of_their_scale() {
        for shape in [0, 4, 8] {
            for scale in 0..=LAST_SCALE {
                let table = Table::build(scale, shape, false);
                let mean = (0..=table.escape())
                    .map(|j| f64::from(j) * f64::from(table.interval(j).1) / 65536.0)
                    .sum::<f64>();
                let expected = ((f64::from(scale) - 20.0) / 4.0).exp2();
                // The minimum of 1 for each of up to 129 entries raises the mean slightly.
                assert!(
                    (mean / expected - 1.0).abs() < 0.08 || (mean - expected).abs() < 0.01,
                    "{shape} {scale}: {mean}"
                );
            }
        }
    }

    #[test]
    fn goldens() {
        let first = |scale, shape, wide| {
            let table = Table::build(scale, shape, wide);
            (table.escape(), [0, 1, 2, 3].map(|j| table.interval(j).1))
        };
        assert_eq!(first(0, 8, false), (16, [63504, 1985, 32, 1]));
        assert_eq!(first(20, 4, false), (16, [23482, 26112, 10931, 3419]));
        assert_eq!(first(36, 0, true), (128, [2602, 2595, 2583, 2564]));
    }

    #[test]
    fn ratios_are_those_of_the_specification() {
        let text = include_str!("../../spec/siren.md");
        let mut found = [(0, 0); RATIOS.len()];
        for row in text.lines().skip_while(|line| !line.starts_with("| k |")).skip(2).take(13) {
            let cells: Vec<&str> = row.split('|').map(str::trim).filter(|cell| !cell.is_empty()).collect();
            for cells in cells.chunks_exact(3) {
                let number = |cell| u32::from_str_radix(cell, 16).unwrap();
                found[cells[0].parse::<usize>().unwrap()] = (number(cells[1]), number(cells[2]));
            }
        }
        assert_eq!(found, RATIOS);
    }

    #[test]
    fn scales_beyond_the_last_shift() {
        assert_eq!(Choice::of_scale(36), Choice { scale: 36, shift: 0 });
        assert_eq!(Choice::of_scale(37), Choice { scale: 33, shift: 1 });
        assert_eq!(Choice::of_scale(40), Choice { scale: 36, shift: 1 });
        assert_eq!(Choice::of_scale(41), Choice { scale: 33, shift: 2 });
        assert_eq!(
            (Choice::of_scale(36).index(), Choice::of_scale(37).index(), Choice::of_scale(40).index()),
            (36, 37, 40)
        );
    }

    #[test]
    fn tables_are_those_of_the_specification() {
        use crate::vectors::rows;
        let table = |input: &[&str]| {
            Table::build(input[1].parse().unwrap(), input[0].parse().unwrap(), input[2] == "wide").starts
        };
        for (input, result) in rows("table") {
            let bytes: Vec<u8> = table(&input).iter().flat_map(|start| start.to_le_bytes()).collect();
            assert_eq!(format!("{:08x}", crc32fast::hash(&bytes)), result, "{input:?}");
        }
        for (input, result) in rows("intervals") {
            let starts: Vec<String> = table(&input).iter().map(u32::to_string).collect();
            assert_eq!(starts.join(" "), result, "{input:?}");
        }
    }
}
