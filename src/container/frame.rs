//! Zstandard frames (RFC 8878) for metadata and unquantized parameters, whose size is known before they are
//! opened.
//!
//! A frame states the size of its content, has neither dictionary nor checksum (that of the section covers
//! it), and no window larger than its content. So the memory for opening it is known from the expected size.

use super::fields::Fields;
use super::zstandard::Decoder;
use crate::error::Result;
use crate::limits::{Amount, Memory, addressable, try_vec};
use std::num::Saturating;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// Descriptor bits: the number of bytes that state the size of the content.
const CONTENT_SIZE: u8 = 0xc0;
/// Descriptor bit: the window is the content, and its size is not stated.
const SINGLE_SEGMENT: u8 = 0x20;
/// The largest block, if the window is not smaller.
const MAX_BLOCK: u64 = 128 << 10;
/// Bytes needed to decompress any frame: the literals of a block and its tables.
const SCRATCH: Amount = Saturating(1 << 20);

/// Decompresses `frame`, which must be exactly one frame with exactly `size` bytes of content; `what` names
/// its place.
#[allow(clippy::arithmetic_side_effects, reason = "no block adds more to the content than is left")]
pub(super) fn decompress(frame: &[u8], size: u64, what: &'static str, memory: &Memory) -> Result<Vec<u8>> {
    let (mut fields, window) = header(frame, size, what)?;
    let largest = window.min(MAX_BLOCK);
    // The structure of all blocks is checked before the content of the first is decoded.
    let mut last = false;
    let mut blocks = fields.clone();
    while !last {
        last = block(&mut blocks, largest)?.last;
    }
    blocks.finish()?;

    memory.check(Saturating(size) + SCRATCH)?;
    let size = addressable(size)?;
    let mut content = try_vec(size)?;
    let mut decoder = Decoder::new(largest as usize, window)?;
    let mut last = false;
    while !last {
        let block = block(&mut fields, largest)?;
        let left = size - content.len();
        match block.kind {
            COMPRESSED => decoder
                .block(block.bytes, &mut content, left)
                .map_err(|e| fields.error(format!("frame: {e}")))?,
            _ if block.size > left as u64 => {
                return Err(fields.error(format!("frame: more than {size} bytes")));
            }
            RAW => content.extend_from_slice(block.bytes),
            _ => content.extend(block.bytes.iter().cycle().take(block.size as usize)),
        }
        last = block.last;
    }
    match content.len() {
        length if length == size => Ok(content),
        length => Err(fields.error(format!("frame of {length} bytes, {size} expected"))),
    }
}

/// Reads the header of a frame; returns the blocks and the size of the window.
#[allow(clippy::arithmetic_side_effects, reason = "only a size of two bytes has an offset")]
fn header<'a>(frame: &'a [u8], size: u64, what: &'static str) -> Result<(Fields<'a>, u64)> {
    let mut fields = Fields::new(frame, what);
    if fields.take(MAGIC.len() as u64, "frame")? != MAGIC {
        return Err(fields.error("the frame does not begin with 28 b5 2f fd"));
    }
    let descriptor = fields.u8("frame descriptor")?;
    if descriptor & !(CONTENT_SIZE | SINGLE_SEGMENT) != 0 {
        return Err(fields.error(format!("frame descriptor {descriptor:#04x}, expected bits 0 to 4 to be 0")));
    }
    let window = match descriptor & SINGLE_SEGMENT {
        0 => Some(window_size(fields.u8("frame window")?)),
        _ => None,
    };
    let (bytes, offset) = match descriptor & CONTENT_SIZE {
        0x00 => (u64::from(window.is_none()), 0),
        0x40 => (2, 256),
        0x80 => (4, 0),
        _ => (8, 0),
    };
    if bytes == 0 {
        return Err(fields.error("the frame does not state the size of its content"));
    }
    let stated = little_endian(fields.take(bytes, "frame content size")?) + offset;
    if stated != size {
        return Err(fields.error(format!("frame of {stated} bytes, {size} expected")));
    }
    let window = window.unwrap_or(size);
    if window > size {
        return Err(fields.error(format!("frame window of {window} bytes for {size} bytes of content")));
    }
    Ok((fields, window))
}

/// Kinds of blocks.
const RAW: u64 = 0;
const REPEATED: u64 = 1;
const COMPRESSED: u64 = 2;

struct Block<'a> {
    last: bool,
    kind: u64,
    /// Bytes of content of a raw or repeated block; bytes in the file of a compressed block.
    size: u64,
    bytes: &'a [u8],
}

/// Reads a block of at most `largest` bytes.
fn block<'a>(fields: &mut Fields<'a>, largest: u64) -> Result<Block<'a>> {
    let header = little_endian(fields.take(3, "block header")?);
    let (last, kind, size) = (header & 1 != 0, header >> 1 & 3, header >> 3);
    if size > largest {
        return Err(fields.error(format!("block of {size} bytes, expected up to {largest}")));
    }
    let bytes = match kind {
        RAW | COMPRESSED => fields.take(size, "block")?,
        REPEATED => fields.take(1, "block")?,
        _ => return Err(fields.error("block of kind 3")),
    };
    Ok(Block { last, kind, size, bytes })
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// The window size of a descriptor: powers of two from 1 KiB on, and eighths of them.
#[allow(clippy::arithmetic_side_effects, reason = "4 bits, shifted by at most 38")]
fn window_size(descriptor: u8) -> u64 {
    (8 + u64::from(descriptor & 7)) << (descriptor >> 3) << 7
}

/// Compresses `bytes` into one frame.
#[cfg(feature = "encoder")]
pub(super) fn compress(bytes: &[u8]) -> Result<Vec<u8>> {
    Ok(zstd::bulk::compress(bytes, 19)?)
}

#[cfg(all(test, feature = "encoder"))]
mod tests {
    use super::*;
    use crate::limits::Limits;

    fn decompress(frame: &[u8], size: u64) -> Result<Vec<u8>> {
        super::decompress(frame, size, "test", &Memory::new(&Limits::default()))
    }

    #[test]
    fn a_frame_has_exactly_the_size_expected() {
        let frame = compress(b"abcabcabc").unwrap();
        assert_eq!(decompress(&frame, 9).unwrap(), b"abcabcabc");
        assert!(decompress(&frame, 8).is_err());
        assert!(decompress(&frame, 10).is_err());
        assert!(decompress(&[&frame[..], &[0]].concat(), 9).is_err());
        assert!(decompress(&[&frame[..], &frame[..]].concat(), 9).is_err());
        assert!(decompress(&frame[..frame.len() - 1], 9).is_err());
        assert_eq!(decompress(&compress(b"").unwrap(), 0).unwrap(), b"");
    }

    /// Above some size the window is smaller than the content.
    #[test]
    fn what_is_compressed_can_be_decompressed_at_every_size() {
        for size in [1, 255, 256, 65_791, 65_792, 131_073, 1 << 20, (8 << 20) - 1, (8 << 20) + 1, 20_000_000]
        {
            let content: Vec<u8> = (0..size).map(|i| (i / 1000) as u8).collect();
            let frame = compress(&content).unwrap();
            assert!(decompress(&frame, size as u64).unwrap() == content, "{size}");
        }
    }

    /// libzstd does not detect every corrupt block, but it reads those that pass here as the same bytes.
    #[test]
    fn a_damaged_frame_that_passes_is_what_another_decoder_reads() {
        let mut state = 1u64;
        let mut random = move |below: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % below
        };
        let (mut passed, mut refused) = (0, 0);
        for case in 0..3000 {
            let size = 20 + random(1500);
            // Repeated literals, literals coded in one stream or in four, and matches near and far.
            let mut content: Vec<u8> = vec![];
            while content.len() < size {
                if content.len() > 10 && case % 3 > 0 && random(4) == 0 {
                    let offset = 1 + random(content.len());
                    let repeated = (0..3 + random(40)).map(|i| content[content.len() - offset + i % offset]);
                    let repeated: Vec<u8> = repeated.collect();
                    content.extend(repeated);
                } else {
                    content.push((random(8) * random(1 + case % 30)) as u8);
                }
            }
            let mut frame = zstd::bulk::compress(&content, [1, 3, 19][case % 3]).unwrap();
            assert!(decompress(&frame, content.len() as u64).unwrap() == content, "{case}");
            for _ in 0..1 + random(2) {
                let at = 8 + random(frame.len() - 8);
                frame[at] ^= 1 << random(8);
            }
            match decompress(&frame, content.len() as u64) {
                Ok(read) => {
                    passed += 1;
                    assert!(zstd::bulk::decompress(&frame, content.len()).unwrap() == read, "{case}");
                }
                Err(_) => refused += 1,
            }
        }
        assert!(passed > 100 && refused > 1000, "{passed} {refused}");
    }

    #[test]
    fn windows_are_those_of_the_rfc() {
        assert_eq!([0, 1, 7, 8, 0xff].map(window_size), [1024, 1152, 1920, 2048, 0x3c0_0000_0000]);
    }
}
