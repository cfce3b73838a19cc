//! Writes samples as plain numbers, in either order of bytes.

use crate::error::Result;
use crate::signal::Samples;
use std::io::Write;

/// Writes all samples, those of 24 bits in 32: first each sample whose index is a multiple of `planes`, then
/// those that follow them, and so on; 1 keeps the order.
pub(super) fn write<W: Write>(samples: &Samples, planes: usize, big: bool, mut writer: W) -> Result<()> {
    macro_rules! all {
        ($samples:expr) => {{
            let order = (0..planes).flat_map(|plane| $samples.iter().skip(plane).step_by(planes));
            put(&mut writer, order.map(|v| if big { v.to_be_bytes() } else { v.to_le_bytes() }))
        }};
    }
    match samples {
        Samples::U8(v) => all!(v),
        Samples::I8(v) => all!(v),
        Samples::U16(v) => all!(v),
        Samples::I16(v) => all!(v),
        Samples::I24(v) | Samples::I32(v) => all!(v),
        Samples::F32(v) => all!(v),
    }
}

/// Writes numbers in parts of at most 16 KiB.
fn put<const N: usize>(writer: &mut impl Write, mut numbers: impl Iterator<Item = [u8; N]>) -> Result<()> {
    let mut bytes = Vec::with_capacity(1 << 14);
    loop {
        bytes.extend(numbers.by_ref().take((1 << 14) / N).flatten());
        if bytes.is_empty() {
            return Ok(());
        }
        writer.write_all(&bytes)?;
        bytes.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_of_bytes() {
        let bytes = |samples: Samples, big| {
            let mut bytes = vec![];
            write(&samples, 1, big, &mut bytes).unwrap();
            bytes
        };
        assert_eq!(bytes(Samples::I16(vec![1, -2]), false), [1, 0, 0xFE, 0xFF]);
        assert_eq!(bytes(Samples::F32(vec![1.0]), true), [0x3F, 0x80, 0, 0]);
        assert_eq!(bytes(Samples::U8(vec![7; 40_000]), true), [7; 40_000]);
    }

    #[test]
    fn planes_follow_each_other() {
        let mut bytes = vec![];
        write(&Samples::I8(vec![1, 2, 3, 4, 5, 6]), 3, false, &mut bytes).unwrap();
        assert_eq!(bytes, [1, 4, 2, 5, 3, 6]);
    }
}
