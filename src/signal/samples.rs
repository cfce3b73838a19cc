//! Samples in the format of their source, and the exact map to the unit range of the networks.

use crate::error::{Error, Result};
use std::ops::Range;

/// The format of stored samples. Unsigned integers map to 0..1, signed ones to −1..1, floats to themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SampleFormat {
    /// 8-bit unsigned.
    U8,
    /// 16-bit unsigned.
    U16,
    /// 8-bit signed.
    I8,
    /// 16-bit signed.
    I16,
    /// 24-bit signed.
    I24,
    /// 32-bit signed.
    I32,
    /// Binary32 in its own units.
    F32,
}

impl SampleFormat {
    /// Bits per sample.
    pub fn bits(self) -> u32 {
        match self {
            SampleFormat::U8 | SampleFormat::I8 => 8,
            SampleFormat::U16 | SampleFormat::I16 => 16,
            SampleFormat::I24 => 24,
            SampleFormat::I32 | SampleFormat::F32 => 32,
        }
    }
    /// `(scale, lowest, highest)` of integer codes: `code = value · scale`; `None` for floats.
    fn codes(self) -> Option<(f32, f32, f32)> {
        let half = |bits: u32| (1u64 << (bits - 1)) as f32;
        match self {
            SampleFormat::U8 | SampleFormat::U16 => {
                let top = ((1u32 << self.bits()) - 1) as f32;
                Some((top, 0.0, top))
            }
            SampleFormat::F32 => None,
            _ => Some((half(self.bits()), -half(self.bits()), half(self.bits()) - 1.0)),
        }
    }
    /// The code that stands for the unit value 1, or would; 1 for floats.
    pub fn codes_per_unit(self) -> f64 {
        self.codes().map_or(1.0, |(scale, ..)| scale.into())
    }
    /// The code that stores a unit value: scaled, rounded to nearest even, clamped; NaN becomes 0. Floats
    /// stay unchanged. The result is an integer (or the float itself) as binary32.
    pub fn quantize(self, value: f32) -> f32 {
        match self.codes() {
            None => value,
            Some((scale, low, high)) => {
                let code = (value * scale).round_ties_even();
                if code.is_nan() { 0.0 } else { code.clamp(low, high) }
            }
        }
    }
    /// The unit value of an integer code (or of the float itself).
    pub fn unit(self, code: f32) -> f32 {
        match self.codes() {
            None => code,
            Some((scale, ..)) => code / scale,
        }
    }
}

/// Samples, stored as compactly as in their source.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Samples {
    /// 8-bit unsigned.
    U8(Vec<u8>),
    /// 16-bit unsigned.
    U16(Vec<u16>),
    /// 8-bit signed.
    I8(Vec<i8>),
    /// 16-bit signed.
    I16(Vec<i16>),
    /// 24-bit signed, in the low bits.
    I24(Vec<i32>),
    /// 32-bit signed.
    I32(Vec<i32>),
    /// Binary32; NaN where a sample is missing.
    F32(Vec<f32>),
}

impl Samples {
    /// An empty buffer of `format` with room for `capacity` samples.
    pub fn with_capacity(format: SampleFormat, capacity: usize) -> Self {
        match format {
            SampleFormat::U8 => Samples::U8(Vec::with_capacity(capacity)),
            SampleFormat::U16 => Samples::U16(Vec::with_capacity(capacity)),
            SampleFormat::I8 => Samples::I8(Vec::with_capacity(capacity)),
            SampleFormat::I16 => Samples::I16(Vec::with_capacity(capacity)),
            SampleFormat::I24 => Samples::I24(Vec::with_capacity(capacity)),
            SampleFormat::I32 => Samples::I32(Vec::with_capacity(capacity)),
            SampleFormat::F32 => Samples::F32(Vec::with_capacity(capacity)),
        }
    }
    /// Reserves capacity for exactly `more` samples.
    ///
    /// # Errors
    /// `Io` if the system has not enough memory.
    pub fn reserve(&mut self, more: usize) -> Result<()> {
        let reserved = match self {
            Samples::U8(v) => v.try_reserve_exact(more),
            Samples::U16(v) => v.try_reserve_exact(more),
            Samples::I8(v) => v.try_reserve_exact(more),
            Samples::I16(v) => v.try_reserve_exact(more),
            Samples::I24(v) | Samples::I32(v) => v.try_reserve_exact(more),
            Samples::F32(v) => v.try_reserve_exact(more),
        };
        reserved.map_err(|_| Error::out_of_memory())
    }
    /// The format.
    pub fn format(&self) -> SampleFormat {
        match self {
            Samples::U8(_) => SampleFormat::U8,
            Samples::U16(_) => SampleFormat::U16,
            Samples::I8(_) => SampleFormat::I8,
            Samples::I16(_) => SampleFormat::I16,
            Samples::I24(_) => SampleFormat::I24,
            Samples::I32(_) => SampleFormat::I32,
            Samples::F32(_) => SampleFormat::F32,
        }
    }
    /// Whether samples are missing: NaN in binary32.
    pub(crate) fn has_missing(&self) -> bool {
        matches!(self, Samples::F32(samples) if samples.iter().any(|sample| sample.is_nan()))
    }
    /// The number of samples.
    pub fn len(&self) -> usize {
        match self {
            Samples::U8(v) => v.len(),
            Samples::U16(v) => v.len(),
            Samples::I8(v) => v.len(),
            Samples::I16(v) => v.len(),
            Samples::I24(v) | Samples::I32(v) => v.len(),
            Samples::F32(v) => v.len(),
        }
    }
    /// Whether the buffer has no samples.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// Sample `index` as a unit value: 0..1 for unsigned, −1..1 for signed integers, floats unchanged.
    ///
    /// # Panics
    /// If `index` is out of range.
    pub fn get(&self, index: usize) -> f32 {
        let code = match self {
            Samples::U8(v) => f32::from(v[index]),
            Samples::U16(v) => f32::from(v[index]),
            Samples::I8(v) => f32::from(v[index]),
            Samples::I16(v) => f32::from(v[index]),
            Samples::I24(v) | Samples::I32(v) => v[index] as f32,
            Samples::F32(v) => v[index],
        };
        self.format().unit(code)
    }
    /// Appends those samples of `other` that lie in `range`; samples of another format are left out.
    pub(crate) fn extend_from(&mut self, other: &Samples, range: Range<usize>) {
        match (self, other) {
            (Samples::U8(v), Samples::U8(new)) => v.extend_from_slice(&new[range]),
            (Samples::U16(v), Samples::U16(new)) => v.extend_from_slice(&new[range]),
            (Samples::I8(v), Samples::I8(new)) => v.extend_from_slice(&new[range]),
            (Samples::I16(v), Samples::I16(new)) => v.extend_from_slice(&new[range]),
            (Samples::I24(v), Samples::I24(new)) => v.extend_from_slice(&new[range]),
            (Samples::I32(v), Samples::I32(new)) => v.extend_from_slice(&new[range]),
            (Samples::F32(v), Samples::F32(new)) => v.extend_from_slice(&new[range]),
            _ => debug_assert!(range.is_empty(), "samples of two formats"),
        }
    }
    /// Appends unit values, quantized to the format of this buffer.
    pub fn extend_from_units(&mut self, values: &[f32]) {
        let format = self.format();
        let codes = values.iter().map(|&v| format.quantize(v));
        match self {
            Samples::U8(v) => v.extend(codes.map(|c| c as u8)),
            Samples::U16(v) => v.extend(codes.map(|c| c as u16)),
            Samples::I8(v) => v.extend(codes.map(|c| c as i8)),
            Samples::I16(v) => v.extend(codes.map(|c| c as i16)),
            Samples::I24(v) | Samples::I32(v) => v.extend(codes.map(|c| c as i32)),
            Samples::F32(v) => v.extend(codes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_8_bit_code_survives_the_unit_range() {
        for code in 0..=255u8 {
            let mut back = Samples::with_capacity(SampleFormat::U8, 1);
            back.extend_from_units(&[Samples::U8(vec![code]).get(0)]);
            assert_eq!(back, Samples::U8(vec![code]));
        }
    }

    #[test]
    fn out_of_range_values_clamp_and_nan_becomes_zero() {
        let mut s = Samples::with_capacity(SampleFormat::I16, 4);
        s.extend_from_units(&[-3.0, 3.0, f32::NAN, -1.0]);
        assert_eq!(s, Samples::I16(vec![-32768, 32767, 0, -32768]));
    }

    #[test]
    fn ties_round_to_even() {
        assert_eq!(SampleFormat::U8.quantize(0.5 / 255.0), 0.0);
        assert_eq!(SampleFormat::U8.quantize(1.5 / 255.0), 2.0);
    }
}
