//! The range coder: codes integers with known frequencies as bytes, without redundancy.
//!
//! A byte string is the fraction `0.b₀b₁b₂…` in base 256. Coding narrows an interval of fractions, symbol by
//! symbol, in proportion to the frequencies; 32 bits of its position and width are kept. The file stores the
//! shortest string in the last interval, with at most the last 4 bytes omitted (a decoder reads zeros there),
//! and the smallest among those of equal length. So a sequence of symbols has exactly one string, and the
//! decoder can check that it received that string.

use crate::error::{Error, Result};

/// All frequency tables sum to 2¹⁶.
pub(super) const TOTAL_BITS: u32 = 16;
/// Below this width the interval is widened by a byte.
const RENORMALISE: u32 = 1 << 24;
/// The most bytes that a string may omit at its end.
const SLACK: u32 = 4;
/// Uniform bits are coded in pieces of at most this many.
const PIECE_BITS: u32 = 16;

/// Reads symbols from bytes.
pub(super) struct RangeDecoder<'a> {
    bytes: &'a [u8],
    /// The bytes that have not been read.
    rest: std::slice::Iter<'a, u8>,
    /// Bytes read past the end.
    missing: u32,
    /// The string minus the lower end of the interval, in units of the last byte read.
    code: u32,
    range: u32,
    /// What the stream holds, for error messages.
    what: &'static str,
}

#[allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "`peek` has found the symbol within the interval"
)]
impl<'a> RangeDecoder<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Result<Self> {
        Self::named(bytes, "coded parameters")
    }
    /// A decoder of `what`.
    pub(super) fn named(bytes: &'a [u8], what: &'static str) -> Result<Self> {
        let rest = bytes.iter();
        let mut decoder = RangeDecoder { bytes, rest, missing: 0, code: 0, range: u32::MAX, what };
        for _ in 0..4 {
            decoder.shift()?;
        }
        Ok(decoder)
    }
    fn error(&self, detail: impl Into<String>) -> Error {
        Error::format(self.what, detail)
    }
    fn shift(&mut self) -> Result<()> {
        let byte = match self.rest.next() {
            Some(&byte) => byte,
            None if self.missing < SLACK => {
                self.missing += 1;
                0
            }
            None => {
                return Err(self.error(format!("the stream of {} bytes is too short", self.bytes.len())));
            }
        };
        self.code = self.code << 8 | u32::from(byte);
        Ok(())
    }
    /// The position of the next symbol within its frequency table, `0..2^bits`.
    pub(super) fn peek(&mut self, bits: u32) -> Result<u32> {
        let unit = self.range >> bits;
        // The last part of the interval, which rounding leaves over, belongs to no symbol.
        let position = self.code.checked_div(unit).filter(|position| position >> bits == 0);
        position.ok_or_else(|| self.error("a code outside the intervals of all symbols"))
    }
    /// Consumes the symbol at `start..start + size` of a table that sums to `2^bits`, found with `peek`.
    pub(super) fn consume(&mut self, start: u32, size: u32, bits: u32) -> Result<()> {
        let unit = self.range >> bits;
        self.code -= start * unit;
        self.range = size * unit;
        self.renormalise()
    }
    fn renormalise(&mut self) -> Result<()> {
        while self.range < RENORMALISE {
            self.range <<= 8;
            self.shift()?;
        }
        Ok(())
    }
    /// One of two symbols of a table that sums to 2¹⁶: true in `0..size`, which is neither empty nor all.
    pub(super) fn bit(&mut self, size: u32) -> Result<bool> {
        let unit = self.range >> TOTAL_BITS;
        let (end, all) = (size * unit, unit << TOTAL_BITS);
        if self.code >= all {
            return Err(self.error("a code outside the intervals of all symbols"));
        }
        let first = self.code < end;
        if first {
            self.range = end;
        } else {
            self.code -= end;
            self.range = all - end;
        }
        self.renormalise()?;
        Ok(first)
    }
    /// One of two symbols of equal size: `bits` of 1, without a division.
    pub(super) fn half(&mut self) -> Result<bool> {
        let unit = self.range >> 1;
        if self.code >= unit << 1 {
            return Err(self.error("a code outside the intervals of all symbols"));
        }
        let second = self.code >= unit;
        if second {
            self.code -= unit;
        }
        self.range = unit;
        self.renormalise()?;
        Ok(second)
    }
    /// `count` uniform bits, the highest first in pieces of at most 16.
    pub(super) fn bits(&mut self, count: u32) -> Result<u32> {
        let (mut value, mut left) = (0, count);
        while left > 0 {
            let piece = left.min(PIECE_BITS);
            let bits = self.peek(piece)?;
            self.consume(bits, 1, piece)?;
            value = value << piece | bits;
            left -= piece;
        }
        Ok(value)
    }
    /// `Ok` if the string is the one that the encoder writes: nothing follows it, and no shorter string and
    /// no smaller one of its length is possible.
    pub(super) fn finish(self) -> Result<()> {
        if self.rest.len() > 0 {
            return Err(self.error(format!("{} bytes after the end of the stream", self.rest.len())));
        }
        if self.missing == SLACK {
            return Ok(());
        }
        let (code, bits) = (u64::from(self.code), self.missing * 8);
        // Four bytes have been read, at least one of them from the string.
        let last = self.bytes[self.bytes.len() - 1];
        // Distance to the next multiple of 256 in the last byte, which a shorter string would represent.
        let to_shorter = u64::from(last.wrapping_neg()) << bits;
        let shorter = last == 0 || code + to_shorter < u64::from(self.range);
        if shorter || code >> bits != 0 {
            return Err(self.error("the stream does not end in the shortest way"));
        }
        Ok(())
    }
}

/// Writes symbols to bytes.
#[cfg(feature = "encoder")]
pub(super) struct RangeEncoder {
    bytes: Vec<u8>,
    low: u32,
    range: u32,
}

#[cfg(feature = "encoder")]
#[allow(
    clippy::arithmetic_side_effects,
    reason = "writes what has been checked, within the bounds of reading"
)]
impl RangeEncoder {
    pub(super) fn new() -> Self {
        RangeEncoder { bytes: vec![], low: 0, range: u32::MAX }
    }
    /// Raises the lower end of the interval; a carry runs back through the bytes already written.
    fn raise(&mut self, by: u32) {
        let (low, carry) = self.low.overflowing_add(by);
        self.low = low;
        if carry {
            for byte in self.bytes.iter_mut().rev() {
                *byte = byte.wrapping_add(1);
                if *byte != 0 {
                    break;
                }
            }
        }
    }
    fn shift(&mut self) {
        let [first, ..] = self.low.to_be_bytes();
        self.bytes.push(first);
        self.low <<= 8;
    }
    /// Codes the symbol at `start..start + size` of a table that sums to `2^bits`.
    pub(super) fn encode(&mut self, start: u32, size: u32, bits: u32) {
        let unit = self.range >> bits;
        self.raise(start * unit);
        self.range = size * unit;
        while self.range < RENORMALISE {
            self.range <<= 8;
            self.shift();
        }
    }
    /// `count` uniform bits, the highest first in pieces of at most 16.
    pub(super) fn bits(&mut self, value: u32, count: u32) {
        let mut left = count;
        while left > 0 {
            let piece = left.min(PIECE_BITS);
            left -= piece;
            self.encode(value >> left & ((1 << piece) - 1), 1, piece);
        }
    }
    /// The finished string: the shortest, and the smallest of that length.
    pub(super) fn finish(mut self) -> Vec<u8> {
        for missing in (0..=SLACK).rev() {
            let unit = 1u64 << (8 * missing);
            let raise = u64::from(self.low).next_multiple_of(unit) - u64::from(self.low);
            if let Ok(raise) = u32::try_from(raise)
                && raise < self.range
            {
                self.raise(raise);
                (missing..SLACK).for_each(|_| self.shift());
                break;
            }
        }
        self.bytes
    }
}

#[cfg(all(test, feature = "encoder"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Codes `(start, size)` of tables that sum to 2¹⁶.
    fn encode(symbols: &[(u32, u32)]) -> Vec<u8> {
        let mut encoder = RangeEncoder::new();
        symbols.iter().for_each(|&(start, size)| encoder.encode(start, size, TOTAL_BITS));
        encoder.finish()
    }
    fn decode(bytes: &[u8], symbols: &[(u32, u32)]) -> Result<()> {
        let mut decoder = RangeDecoder::new(bytes)?;
        for &(start, size) in symbols {
            let position = decoder.peek(TOTAL_BITS)?;
            if !(start..start + size).contains(&position) {
                return Err(decoder.error("another symbol"));
            }
            decoder.consume(start, size, TOTAL_BITS)?;
        }
        decoder.finish()
    }

    #[test]
    fn goldens() {
        assert_eq!(encode(&[]), [0u8; 0]);
        assert_eq!(encode(&[(0, 0x8000)]), [0u8; 0]);
        assert_eq!(encode(&[(0x8000, 0x8000)]), [0x80]);
        assert_eq!(encode(&[(0x1234, 1)]), [0x12, 0x34]);
        assert_eq!(encode(&[(0xffff, 1), (0xffff, 1)]), [0xff, 0xfe, 0xff, 0xff, 1]);
    }

    proptest! {
        #[test]
        fn halves_are_single_bits(bytes in prop::collection::vec(0u8.., 0..40)) {
            let (Ok(mut halves), Ok(mut bits)) = (RangeDecoder::new(&bytes), RangeDecoder::new(&bytes)) else {
                return Ok(());
            };
            for _ in 0..400 {
                let (half, bit) = (halves.half().ok(), bits.bits(1).ok());
                prop_assert_eq!(half, bit.map(|bit| bit == 1));
                if half.is_none() {
                    break;
                }
                prop_assert_eq!((halves.code, halves.range), (bits.code, bits.range));
            }
        }

        #[test]
        fn symbols_round_trip_and_no_other_string_does(
            raw in prop::collection::vec((0u32..0x10000, 1u32..0x10000), 0..60),
            (at, with) in (0usize..300, 0u8..),
        ) {
            let symbols: Vec<_> = raw.iter().map(|&(a, b)| (a, b.min(0x10000 - a))).collect();
            let bytes = encode(&symbols);
            prop_assert!(decode(&bytes, &symbols).is_ok());
            let mut longer = bytes.clone();
            longer.push(with);
            prop_assert!(decode(&longer, &symbols).is_err());
            if let Some((&last, shorter)) = bytes.split_last() {
                prop_assert!(decode(shorter, &symbols).is_err());
                let mut other = bytes.clone();
                *other.last_mut().unwrap() = with;
                prop_assert_eq!(decode(&other, &symbols).is_ok(), last == with);
                let mut other = bytes.clone();
                let at = at % bytes.len();
                other[at] = with;
                prop_assert_eq!(decode(&other, &symbols).is_ok(), bytes[at] == with);
            }
        }
    }
}
