//! Bits of a byte string, read from its start or from its end.

use super::Decoded;

/// `count` bits, at most 56, from bit `start` of `bytes` on, the lowest first; 0 beyond the end.
fn bits_at(bytes: &[u8], start: u64, count: u32) -> u64 {
    let first = usize::try_from(start >> 3).unwrap_or(usize::MAX);
    let window = bytes.get(first..).unwrap_or_default().iter().take(8);
    let window = window.rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte));
    window >> (start & 7) & !(u64::MAX << count)
}

/// Bits in the order of the bytes: the description of a table.
pub(super) struct Forward<'a> {
    bytes: &'a [u8],
    at: u64,
}

impl<'a> Forward<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Forward { bytes, at: 0 }
    }
    pub(super) fn bits(&mut self, count: u32) -> Decoded<u32> {
        let value = bits_at(self.bytes, self.at, count);
        self.at = self.at.saturating_add(count.into());
        if self.at > (self.bytes.len() as u64) << 3 { Err("a table ends early") } else { Ok(value as u32) }
    }
    /// The bytes behind those that have been begun.
    pub(super) fn rest(&self) -> &'a [u8] {
        usize::try_from(self.at.div_ceil(8)).ok().and_then(|at| self.bytes.get(at..)).unwrap_or_default()
    }
}

/// Bits from the last byte back to the first: symbols. Above its highest bit that is set, which only marks the end,
/// the last byte holds nothing.
pub(super) struct Backward<'a> {
    bytes: &'a [u8],
    left: u64,
}

impl<'a> Backward<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Decoded<Self> {
        match bytes.last().and_then(|last| last.checked_ilog2()) {
            Some(mark) => {
                let whole = (bytes.len() as u64).saturating_sub(1) << 3;
                Ok(Backward { bytes, left: whole.saturating_add(mark.into()) })
            }
            None => Err("a stream without an end mark"),
        }
    }
    /// The next `count` bits, at most 56; `None` if fewer are left.
    pub(super) fn bits(&mut self, count: u32) -> Option<u64> {
        self.left = self.left.checked_sub(count.into())?;
        Some(bits_at(self.bytes, self.left, count))
    }
    /// The next `count` bits without reading them, with zeros below where fewer are left.
    pub(super) fn peek(&self, count: u32) -> u64 {
        let missing = u64::from(count).saturating_sub(self.left) as u32;
        bits_at(self.bytes, self.left.saturating_sub(count.into()), count.saturating_sub(missing)) << missing
    }
    /// `Ok` if every bit has been read.
    pub(super) fn finish(self) -> Decoded<()> {
        if self.left == 0 { Ok(()) } else { Err("bits are left in a stream") }
    }
}
