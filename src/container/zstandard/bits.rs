//! Bits of a byte string, read from its start or from its end.

use super::Decoded;

/// `count` bits, at most 56, from bit `start` of `bytes` on, lowest first; all of them within `bytes`.
fn bits_at(bytes: &[u8], start: usize, count: u32) -> u64 {
    let window = bytes[start / 8..].iter().take(8);
    let window = window.rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
    window >> (start % 8) & !(u64::MAX << count)
}

/// Reads bits in the order of the bytes, as in the description of a table.
pub(super) struct Forward<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Forward<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Forward { bytes, at: 0 }
    }
    pub(super) fn bits(&mut self, count: u32) -> Decoded<u32> {
        let start = self.at;
        self.at += count as usize;
        if self.at > self.bytes.len() * 8 {
            return Err("a table ends early");
        }
        Ok(bits_at(self.bytes, start, count) as u32)
    }
    /// The bytes after those that have been read from.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at.div_ceil(8)..]
    }
}

/// Reads bits from the last byte back to the first, as in streams of symbols. The highest set bit of the last
/// byte only marks the end.
pub(super) struct Backward<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl<'a> Backward<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Decoded<Self> {
        match bytes.last().and_then(|last| last.checked_ilog2()) {
            Some(mark) => Ok(Backward { bytes, left: (bytes.len() - 1) * 8 + mark as usize }),
            None => Err("a stream without its final 1 bit"),
        }
    }
    /// The next `count` bits, at most 56; `None` if fewer are left.
    pub(super) fn bits(&mut self, count: u32) -> Option<u64> {
        self.left = self.left.checked_sub(count as usize)?;
        Some(bits_at(self.bytes, self.left, count))
    }
    /// The next `count` bits without consuming them, padded with low zeros if fewer are left.
    pub(super) fn peek(&self, count: u32) -> u64 {
        let present = self.left.min(count as usize);
        bits_at(self.bytes, self.left - present, present as u32) << (count - present as u32)
    }
    /// `Ok` if every bit has been read.
    pub(super) fn finish(self) -> Decoded<()> {
        if self.left == 0 { Ok(()) } else { Err("unread bits in a stream") }
    }
}
