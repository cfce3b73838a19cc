//! Decompresses blocks of scanlines.

use super::header::Compression;
use crate::error::{Error, Result};
use flate2::read::ZlibDecoder;
use std::io::Read;

/// The `length` bytes of a block. A stored block of that length is not compressed: compression would not have
/// made it smaller.
pub(super) fn unpacked(stored: Vec<u8>, length: usize, compression: Compression) -> Result<Vec<u8>> {
    if compression == Compression::None || stored.len() == length {
        return whole(stored, length);
    }
    let mixed = match compression {
        Compression::Rle => runs(&stored, length),
        _ => {
            let mut bytes = Vec::with_capacity(length);
            let read = ZlibDecoder::new(&stored[..]).take(length as u64 + 1).read_to_end(&mut bytes);
            read.map_err(|_| Error::format("EXR", "a block is damaged"))?;
            bytes
        }
    };
    Ok(ordered(&whole(mixed, length)?))
}

fn whole(bytes: Vec<u8>, length: usize) -> Result<Vec<u8>> {
    if bytes.len() == length {
        return Ok(bytes);
    }
    Err(Error::format("EXR", format!("a block of {} bytes, {length} expected", bytes.len())))
}

/// Expands runs, up to one byte more than `length`. A count n < 0 is followed by −n literal bytes, a count n
/// ≥ 0 by one byte that repeats n + 1 times.
fn runs(mut stored: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    while let [count, rest @ ..] = stored {
        let count = *count as i8;
        stored = match rest {
            _ if bytes.len() > length => break,
            _ if count < 0 => {
                let (literal, rest) = rest.split_at(rest.len().min(usize::from(count.unsigned_abs())));
                bytes.extend(literal);
                rest
            }
            [byte, rest @ ..] => {
                bytes.resize(bytes.len() + count as usize + 1, *byte);
                rest
            }
            [] => break,
        };
    }
    bytes
}

/// Undoes the preprocessing for compression: differences of bytes, with even bytes stored before odd ones.
fn ordered(mixed: &[u8]) -> Vec<u8> {
    let mut last = 0u8;
    let values: Vec<u8> = mixed
        .iter()
        .enumerate()
        .map(|(i, &byte)| {
            last = if i == 0 { byte } else { last.wrapping_add(byte).wrapping_sub(128) };
            last
        })
        .collect();
    let (even, odd) = values.split_at(values.len().div_ceil(2));
    (0..values.len()).map(|i| if i % 2 == 0 { even[i / 2] } else { odd[i / 2] }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_and_differences_are_undone() {
        // Three times 5, then the literals 7 and 8.
        assert_eq!(runs(&[2, 5, 0xFE, 7, 8], 5), [5, 5, 5, 7, 8]);
        assert_eq!(runs(&[127, 5, 127, 5], 3).len(), 128);
        // The even bytes 1, 3, 5, then the odd ones 2, 4, each as a difference plus 128.
        assert_eq!(ordered(&[1, 130, 130, 125, 130]), [1, 2, 3, 4, 5]);
    }

    #[test]
    fn blocks_of_other_lengths_are_refused() {
        assert!(unpacked(vec![1; 3], 4, Compression::None).is_err());
        assert!(unpacked(vec![1; 3], 3, Compression::Zip { lines: 1 }).is_ok());
        assert!(unpacked(vec![127, 0], 4, Compression::Rle).is_err());
        assert!(unpacked(vec![1, 2], 4, Compression::Zip { lines: 1 }).is_err());
    }
}
