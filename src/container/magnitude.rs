//! The model of magnitudes: a context keeps the mean of past magnitudes, and so predicts the next one.
//!
//! The file stores no distribution. A context keeps the sum and the number of its magnitudes and halves both
//! from time to time, to forget; their quotient selects the frequency table. Encoder and decoder do the same
//! in integers.

use super::range_coder::{RangeDecoder, TOTAL_BITS};
use super::table::{Choice, Table, tables};
use crate::error::{Error, Result};

/// The largest magnitude.
pub(super) const MAX_MAGNITUDE: u32 = 1 << 20;
/// The count at which a context halves its sum and its count.
const FORGET: u32 = 256;
/// The count with which a context inherits the mean of another.
const INHERITED: u32 = 8;
/// `2^(16 + 1/8)`, `2^(16 + 3/8)`, `2^(16 + 5/8)`, `2^(16 + 7/8)`, rounded up: the ends of the quarter
/// octaves.
const QUARTERS: [u64; 4] = [71468, 84990, 101071, 120194];
/// The scale of mean 1 is 20, `4·16` quarter octaves above the unit of means, `2⁻¹⁶`.
const SCALE_OFFSET: u32 = 4 * 16 - 20;
/// Order of the Exp-Golomb code of magnitudes that a table does not list.
const GOLOMB: u32 = 3;
/// The most bits of an Exp-Golomb code after the highest one.
const GOLOMB_MOST: u32 = 21;

/// A running mean of magnitudes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Context {
    sum: u32,
    count: u32,
}

#[allow(
    clippy::arithmetic_side_effects,
    reason = "a sum of 256 magnitudes has 29 bits, 3 more when it is inherited; counts are at least 1"
)]
impl Context {
    /// A context with the initial mean `mean`.
    pub(super) fn new(mean: u32) -> Self {
        Context { sum: mean, count: 1 }
    }
    /// A new context that starts from the mean of this one.
    pub(super) fn inherit(self) -> Self {
        Context { sum: self.sum * INHERITED / self.count, count: INHERITED }
    }
    /// The scale nearest to the mean, on a logarithmic scale.
    pub(super) fn choice(self) -> Choice {
        let mean = (u64::from(self.sum) << 16) / u64::from(self.count);
        let Some(octave) = mean.checked_ilog2() else { return Choice::of_scale(0) };
        let mantissa = mean << 16 >> octave;
        let quarter = QUARTERS.iter().filter(|&&q| q <= mantissa).count() as u32;
        // Means below the first scale use its table.
        Choice::of_scale((octave * 4 + quarter).saturating_sub(SCALE_OFFSET))
    }
    pub(super) fn update(&mut self, magnitude: u32) {
        self.sum += magnitude;
        self.count += 1;
        if self.count == FORGET {
            self.sum /= 2;
            self.count /= 2;
        }
    }
}

/// One direction of coding: writes the given value and returns it, or ignores it and returns the value read.
pub(super) trait Coder {
    /// A magnitude in `context`, which is updated with it.
    fn magnitude(&mut self, context: &mut Context, value: u32) -> Result<u32>;
    /// The sign of a value other than 0.
    fn negative(&mut self, value: bool) -> Result<bool>;
    /// A magnitude and its sign.
    #[allow(clippy::arithmetic_side_effects, reason = "magnitudes have 21 bits")]
    fn signed(&mut self, context: &mut Context, value: i32) -> Result<i32> {
        let magnitude = self.magnitude(context, value.unsigned_abs())?;
        let negative = magnitude != 0 && self.negative(value < 0)?;
        let magnitude = magnitude.cast_signed();
        Ok(if negative { -magnitude } else { magnitude })
    }
}

/// Reads values.
pub(super) struct Reader<'a> {
    tables: &'static [Table],
    pub(super) range: RangeDecoder<'a>,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8], shape: u8) -> Result<Self> {
        Ok(Reader { tables: tables(shape), range: RangeDecoder::new(bytes)? })
    }
    pub(super) fn finish(self) -> Result<()> {
        self.range.finish()
    }
    /// Reads a magnitude beyond a table: `v + 2³` has `3 + n + 1` bits; `n` ones, a zero, then all its bits
    /// but the highest.
    #[allow(clippy::arithmetic_side_effects, reason = "`v + 2³` is at least 2³")]
    pub(super) fn beyond(&mut self) -> Result<u32> {
        for bits in GOLOMB..=GOLOMB_MOST {
            if !self.range.half()? {
                let value = 1 << bits | self.range.bits(bits)?;
                return Ok(value - (1 << GOLOMB));
            }
        }
        Err(too_large())
    }
}

fn too_large() -> Error {
    Error::format("coded parameters", format!("a magnitude above {MAX_MAGNITUDE}"))
}

#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "every choice has a table; entries have 22 bits"
)]
impl Coder for Reader<'_> {
    fn magnitude(&mut self, context: &mut Context, _: u32) -> Result<u32> {
        let choice = context.choice();
        let table = &self.tables[choice.index()];
        let mut entry = table.find(self.range.peek(TOTAL_BITS)?);
        let (escape, (start, size)) = (table.escape(), table.interval(entry));
        self.range.consume(start, size, TOTAL_BITS)?;
        if entry == escape {
            entry += self.beyond()?;
        }
        let low = self.range.bits(choice.shift)?;
        let magnitude = u64::from(entry) << choice.shift | u64::from(low);
        match u32::try_from(magnitude) {
            Ok(magnitude) if magnitude <= MAX_MAGNITUDE => {
                context.update(magnitude);
                Ok(magnitude)
            }
            _ => Err(too_large()),
        }
    }
    fn negative(&mut self, _: bool) -> Result<bool> {
        self.range.half()
    }
}

#[cfg(feature = "encoder")]
pub(super) use write::{Tally, Writer};

#[cfg(feature = "encoder")]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "writes what has been checked, within the bounds of reading"
)]
mod write {
    use super::*;
    use crate::container::range_coder::RangeEncoder;
    use crate::container::table::SHAPES;

    /// Writes values.
    pub(in crate::container) struct Writer {
        tables: &'static [Table],
        pub(in crate::container) range: RangeEncoder,
    }

    impl Writer {
        pub(in crate::container) fn new(shape: u8) -> Self {
            Writer { tables: tables(shape), range: RangeEncoder::new() }
        }
        pub(in crate::container) fn finish(self) -> Vec<u8> {
            self.range.finish()
        }
        /// Writes a magnitude beyond a table.
        pub(in crate::container) fn beyond(&mut self, value: u32) {
            let value = value + (1 << GOLOMB);
            let bits = value.ilog2();
            (GOLOMB..bits).for_each(|_| self.range.bits(1, 1));
            self.range.bits(0, 1);
            self.range.bits(value & ((1 << bits) - 1), bits);
        }
    }

    impl Coder for Writer {
        fn magnitude(&mut self, context: &mut Context, value: u32) -> Result<u32> {
            let choice = context.choice();
            let table = &self.tables[choice.index()];
            let (entry, escape) = (value >> choice.shift, table.escape());
            let (start, size) = table.interval(entry.min(escape));
            self.range.encode(start, size, TOTAL_BITS);
            if entry >= escape {
                self.beyond(entry - escape);
            }
            self.range.bits(value & ((1 << choice.shift) - 1), choice.shift);
            context.update(value);
            Ok(value)
        }
        fn negative(&mut self, value: bool) -> Result<bool> {
            self.range.bits(value.into(), 1);
            Ok(value)
        }
    }

    /// Counts the uses of each entry of each table; they do not depend on the shape of the tables.
    pub(in crate::container) struct Tally {
        /// Indexed by [`Choice::index`], then by entry.
        uses: Vec<Vec<u32>>,
    }

    impl Tally {
        pub(in crate::container) fn new() -> Self {
            Tally { uses: tables(0).iter().map(|t| vec![0; t.escape() as usize + 1]).collect() }
        }
        /// The shape that takes the fewest bits; the first of several equal ones.
        pub(in crate::container) fn best_shape(&self) -> u8 {
            (0..=SHAPES).min_by_key(|&shape| self.cost(shape)).unwrap_or(0)
        }
        /// Bits in units of 2⁻¹⁶.
        fn cost(&self, shape: u8) -> u64 {
            let table_cost = |(table, uses): (&Table, &Vec<u32>)| -> u64 {
                let entries = uses.iter().zip(0..).filter(|(n, _)| **n > 0);
                entries.map(|(&n, entry)| u64::from(n) * code_length(table.interval(entry).1)).sum()
            };
            tables(shape).iter().zip(&self.uses).map(table_cost).sum()
        }
    }

    /// `16 − log₂ size` in units of 2⁻¹⁶, by repeated squaring: the same on every machine.
    fn code_length(size: u32) -> u64 {
        let whole = size.max(1).ilog2();
        let (mut mantissa, mut log) = (u64::from(size.max(1)) << (31 - whole), u64::from(whole));
        for _ in 0..16 {
            mantissa = (mantissa * mantissa) >> 31;
            let bit = mantissa >> 32;
            mantissa >>= bit;
            log = log << 1 | bit;
        }
        (u64::from(TOTAL_BITS) << 16) - log
    }

    impl Coder for Tally {
        fn magnitude(&mut self, context: &mut Context, value: u32) -> Result<u32> {
            let choice = context.choice();
            let uses = &mut self.uses[choice.index()];
            let escape = uses.len() - 1;
            uses[escape.min((value >> choice.shift) as usize)] += 1;
            context.update(value);
            Ok(value)
        }
        fn negative(&mut self, value: bool) -> Result<bool> {
            Ok(value)
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_tally_costs_what_the_tables_take() {
            // Small values, and some beyond the table of their mean.
            let values: Vec<u32> = (0..8000).map(|i| if i % 40 == 0 { 300 } else { i * 7 % 3 }).collect();
            let (mut tally, mut context) = (Tally::new(), Context::new(8));
            values.iter().for_each(|&value| drop(tally.magnitude(&mut context, value)));
            let beside_tables = |shape| {
                let (mut writer, mut context) = (Writer::new(shape), Context::new(8));
                values.iter().for_each(|&value| drop(writer.magnitude(&mut context, value)));
                8.0 * writer.finish().len() as f64 - tally.cost(shape) as f64 / 65536.0
            };
            // The rest are uniform bits, the same for every shape, and the rounding of intervals.
            let left: Vec<f64> = (0..=SHAPES).map(beside_tables).collect();
            assert!(left.iter().all(|bits| (bits - left[0]).abs() < 100.0), "{left:?}");
        }

        #[test]
        fn code_lengths_are_logarithms() {
            for size in [1, 2, 3, 1000, 65535, 65536] {
                let expected = (16.0 - f64::from(size).log2()) * 65536.0;
                assert!((code_length(size) as f64 - expected).abs() < 3.0, "{size}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(sum: u32, count: u32) -> Choice {
        Context { sum, count }.choice()
    }

    #[test]
    fn the_nearest_quarter_octave_is_chosen() {
        assert_eq!(context(1, 1), Choice::of_scale(20));
        assert_eq!(context(109, 100), Choice::of_scale(20));
        assert_eq!(context(110, 100), Choice::of_scale(21));
        assert_eq!(context(0, 255), Choice::of_scale(0));
        assert_eq!(context(1, 255), Choice::of_scale(0));
        assert_eq!(context(16, 1), Choice::of_scale(36));
        assert_eq!(context(MAX_MAGNITUDE, 1), Choice::of_scale(100));
    }

    /// Every count with every mean next to a border: a table exists, and its scale is the nearest.
    #[test]
    fn every_context_has_a_table() {
        let all = tables(4);
        for count in 1..FORGET {
            for sum in (0..3000).chain((0..=28).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1])) {
                let choice = context(sum, count);
                assert!(all.get(choice.index()).is_some(), "{sum} {count}");
                let mean = f64::from(sum) / f64::from(count);
                let scale = (4.0 * mean.log2() + 20.0).max(0.0);
                let wide = if choice.shift > 0 { 4.0 } else { 0.0 };
                let chosen = choice.index() as f64 - wide + 4.0 * f64::from(choice.shift);
                // Means are rounded down to 2⁻¹⁶, borders up.
                let rounding = 4.0 * (2f64.powi(-15) * (1.0 + 1.0 / mean)).ln_1p() / std::f64::consts::LN_2;
                assert!((chosen - scale).abs() < 0.5 + rounding, "{sum} {count}: {chosen}, {scale}");
            }
        }
    }

    #[cfg(feature = "encoder")]
    #[test]
    fn the_largest_magnitude_is_the_largest_read() {
        for mean in [0, 16, MAX_MAGNITUDE] {
            for (value, allowed) in [(MAX_MAGNITUDE, true), (MAX_MAGNITUDE + 1, false)] {
                let mut writer = Writer::new(4);
                writer.magnitude(&mut Context::new(mean), value).unwrap();
                let bytes = writer.finish();
                let read = Reader::new(&bytes, 4).unwrap().magnitude(&mut Context::new(mean), 0);
                assert_eq!(read.ok(), allowed.then_some(value), "{mean}");
            }
        }
    }

    #[test]
    fn contexts_forget() {
        let mut context = Context::new(4);
        assert_eq!(context, Context { sum: 4, count: 1 });
        (0..255).for_each(|_| context.update(2));
        assert_eq!(context, Context { sum: 257, count: 128 });
        assert_eq!(context.inherit(), Context { sum: 16, count: 8 });
    }

    #[test]
    fn scales_are_those_of_the_specification() {
        for (input, result) in crate::vectors::rows("scale") {
            let scale = Choice::of_scale(result.parse().unwrap());
            assert_eq!(context(input[0].parse().unwrap(), input[1].parse().unwrap()), scale, "{input:?}");
        }
    }
}
