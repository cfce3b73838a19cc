//! Metadata and unquantized parameters at rest: Zstandard frames (RFC 8878) whose size is known before they are opened.
//!
//! A frame says the size of its content, has neither dictionary nor checksum (that of the section covers it), and no
//! window larger than its content. So what it takes to open one is known from the size that is expected.

use super::fields::Fields;
use crate::error::{Error, Result};
use crate::limits::{Memory, room};
use ruzstd::decoding::FrameDecoder;

const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
/// In the descriptor: how many bytes tell the size of the content.
const CONTENT_SIZE: u8 = 0xc0;
/// In the descriptor: the window is the content, and has no size of its own.
const SINGLE_SEGMENT: u8 = 0x20;
/// The largest block where the window is no smaller.
const MAX_BLOCK: u64 = 128 << 10;
/// Bytes to decompress any frame: a block, its literals and its sequences, and output that is not yet taken.
const SCRATCH: u64 = 6 << 20;

/// The bytes of exactly one frame that fills `frame` and holds exactly `size` bytes, `what` being its place.
pub(super) fn decompress(frame: &[u8], size: u64, what: &'static str, memory: &Memory) -> Result<Vec<u8>> {
    check(frame, size, what)?;
    // The content, and the window, in a ring that grows by doubling.
    memory.ask(size.saturating_mul(4).saturating_add(SCRATCH))?;
    let size = usize::try_from(size).map_err(|_| Error::out_of_memory())?;
    let mut content = room(size)?;
    content.resize(size, 0);
    let mut decoder = FrameDecoder::new();
    // The window is within the size, which may be larger than the default allows.
    decoder.set_max_window_size(size as u64);
    match decoder.decode_all(frame, &mut content) {
        Ok(written) if written == size => Ok(content),
        Ok(written) => Err(Error::format(what, format!("frame of {written} bytes, {size} expected"))),
        Err(error) => Err(Error::format(what, format!("frame: {error}"))),
    }
}

/// `Ok` if `frame` has the form described above, down to its blocks, so that only their contents are left to decode.
fn check(frame: &[u8], size: u64, what: &'static str) -> Result<()> {
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
        return Err(fields.error("the frame does not tell the size of its content"));
    }
    let stated = little_endian(fields.take(bytes, "frame content size")?).saturating_add(offset);
    if stated != size {
        return Err(fields.error(format!("frame of {stated} bytes, {size} expected")));
    }
    let window = window.unwrap_or(size);
    if window > size {
        return Err(fields.error(format!("frame window of {window} bytes for {size} bytes of content")));
    }
    let largest = window.min(MAX_BLOCK);
    loop {
        let header = little_endian(fields.take(3, "block header")?);
        let (last, kind, block) = (header & 1 != 0, header >> 1 & 3, header >> 3);
        if block > largest {
            return Err(fields.error(format!("block of {block} bytes, expected up to {largest}")));
        }
        // Raw, run of one byte, compressed, reserved.
        match kind {
            0 | 2 => fields.take(block, "block")?,
            1 => fields.take(1, "block")?,
            _ => return Err(fields.error("block of kind 3")),
        };
        if last {
            return fields.finish();
        }
    }
}

fn little_endian(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// The window that a descriptor stands for: powers of two from 1 KiB on, and their eighths.
fn window_size(descriptor: u8) -> u64 {
    8u64.saturating_add(u64::from(descriptor & 7)) << (descriptor >> 3) << 7
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

    /// From some size on the window is smaller than the content.
    #[test]
    fn what_is_compressed_can_be_decompressed_at_every_size() {
        for size in [1, 255, 256, 65_791, 65_792, 131_073, 1 << 20, (8 << 20) - 1, (8 << 20) + 1, 20_000_000]
        {
            let content: Vec<u8> = (0..size).map(|i| (i / 1000) as u8).collect();
            let frame = compress(&content).unwrap();
            assert!(decompress(&frame, size as u64).unwrap() == content, "{size}");
        }
    }

    #[test]
    fn windows_are_those_of_the_rfc() {
        assert_eq!([0, 1, 7, 8, 0xff].map(window_size), [1024, 1152, 1920, 2048, 0x3c0_0000_0000]);
    }
}
