//! Fields of a section: bytes and variable-length integers from untrusted input.

use crate::error::{Error, Result};

/// The longest varint, 9 groups of 7 bits: values below 2⁶³.
const VARINT_BYTES: usize = 9;
const VARINT_BITS: u32 = 63;
/// Kinds, sample formats and codings have numbers below this one.
const FIRST_UNUSED: u8 = 128;

/// The unread fields of one section.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
    /// The section, for error messages.
    what: &'static str,
}

impl<'a> Fields<'a> {
    pub(super) fn new(bytes: &'a [u8], what: &'static str) -> Self {
        Fields { rest: bytes, what }
    }
    /// A `Format` error of this section.
    pub(super) fn error(&self, detail: impl Into<String>) -> Error {
        Error::format(self.what, detail)
    }
    /// The error for a number that has no meaning in this version; numbers below 128 may get one in a later
    /// version.
    pub(super) fn unknown(&self, field: &str, number: u8, known: &str) -> Error {
        let detail = format!("{field} {number}, expected {known}");
        if number < FIRST_UNUSED { Error::unsupported(self.what, detail) } else { self.error(detail) }
    }
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }
    /// The unread bytes.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }
    /// The bytes that were read since the unread bytes were `start`.
    #[allow(
        clippy::arithmetic_side_effects,
        clippy::indexing_slicing,
        reason = "what is unread is an end of `start`"
    )]
    pub(super) fn since(&self, start: &'a [u8]) -> &'a [u8] {
        &start[..start.len() - self.rest.len()]
    }
    /// The next `count` bytes.
    pub(super) fn take(&mut self, count: u64, field: &str) -> Result<&'a [u8]> {
        let split = usize::try_from(count).ok().and_then(|n| self.rest.split_at_checked(n));
        let Some((taken, rest)) = split else {
            return Err(self.error(format!("{field} needs {count} bytes, {} are left", self.rest.len())));
        };
        self.rest = rest;
        Ok(taken)
    }
    pub(super) fn u8(&mut self, field: &str) -> Result<u8> {
        let Some((&byte, rest)) = self.rest.split_first() else {
            return Err(self.error(format!("{field} is missing")));
        };
        self.rest = rest;
        Ok(byte)
    }
    /// A LEB128 integer: 7 bits per byte, lowest first, bit 7 set in all bytes but the last. Only the
    /// shortest form is allowed, so that every number has a single representation.
    pub(super) fn varint(&mut self, field: &str) -> Result<u64> {
        let mut value = 0;
        for shift in (0..VARINT_BITS).step_by(7) {
            let byte = self.u8(field)?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(self.error(format!("{field} {value} is not in its shortest form")));
                }
                return Ok(value);
            }
        }
        Err(self.error(format!("{field} is longer than {VARINT_BYTES} bytes")))
    }
    /// A varint within `low..=high`.
    pub(super) fn varint_in(&mut self, field: &str, low: u32, high: u32) -> Result<u32> {
        let value = self.varint(field)?;
        match u32::try_from(value) {
            Ok(v) if (low..=high).contains(&v) => Ok(v),
            _ => Err(self.error(format!("{field} {value}, expected {low} to {high}"))),
        }
    }
    /// `Ok` if everything has been read.
    pub(super) fn finish(self) -> Result<()> {
        match self.rest.len() {
            0 => Ok(()),
            n => Err(self.error(format!("{n} bytes after the last field"))),
        }
    }
}

/// Appends `value` as the shortest LEB128.
#[cfg(feature = "encoder")]
pub(super) fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn varint(bytes: &[u8]) -> Option<u64> {
        let mut fields = Fields::new(bytes, "test");
        fields.varint("value").ok().filter(|_| fields.is_empty())
    }

    #[test]
    fn varints_have_one_spelling() {
        assert_eq!(varint(&[0]), Some(0));
        assert_eq!(varint(&[0xac, 0x02]), Some(300));
        assert_eq!(varint(&[0x80, 0x00]), None);
        assert_eq!(varint(&[0x80]), None);
        assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]), Some((1 << 63) - 1));
        assert_eq!(varint(&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01]), None);
    }

    /// Every string of up to 3 bytes is the only representation of a number, or is rejected.
    #[cfg(feature = "encoder")]
    #[test]
    fn short_varints_are_their_own_spelling() {
        let mut spelling = vec![];
        for string in 0..1u32 << 24 {
            let bytes = string.to_le_bytes();
            let length = bytes.iter().position(|b| b & 0x80 == 0).unwrap_or(3).min(2) + 1;
            if bytes[length..].iter().any(|&b| b != 0) {
                continue; // Seen as a shorter string.
            }
            let read = varint(&bytes[..length]);
            let plain = bytes.iter().rev().fold(0, |value, &b| value << 7 | u64::from(b & 0x7f));
            let ended = bytes[length - 1] & 0x80 == 0;
            assert_eq!(read.is_some(), ended && (length == 1 || bytes[length - 1] != 0), "{bytes:02x?}");
            if let Some(value) = read {
                spelling.clear();
                push_varint(&mut spelling, value);
                assert_eq!((value, &spelling[..]), (plain, &bytes[..length]));
            }
        }
    }

    #[cfg(feature = "encoder")]
    proptest::proptest! {
        #[test]
        fn varints_round_trip(value in 0u64..1 << 63) {
            let mut bytes = vec![];
            push_varint(&mut bytes, value);
            proptest::prop_assert_eq!(varint(&bytes), Some(value));
        }
    }
}
