//! Checks JPEGs in strips or tiles of a TIFF against the size of the strip or tile before they are decoded.

use super::from_tiff;
use crate::error::{Error, Result};
use crate::limits::Limits;
use std::io::{Read, Seek, SeekFrom};
use tiff::decoder::{ChunkType, Decoder};
use tiff::tags::Tag;

/// The memory to decode the largest JPEG of a strip or tile. The decoder uses the size stated in the JPEG
/// regardless of limits, so a JPEG larger than its strip or tile is rejected.
pub(super) fn require<R: Read + Seek>(decoder: &mut Decoder<R>, limits: &Limits) -> Result<u64> {
    const JPEG: u16 = 7;
    let fault = |error| from_tiff(error, limits);
    if decoder.find_tag_unsigned(Tag::Compression).map_err(fault)? != Some(JPEG) {
        return Ok(0);
    }
    let (width, height) = decoder.chunk_dimensions();
    let height = height.min(decoder.dimensions().map_err(fault)?.1);
    let tables = decoder.find_tag(Tag::JPEGTables).map_err(fault)?;
    let tables = tables.map(|tables| tables.into_u8_vec()).transpose().map_err(fault)?;
    let (places, sizes) = match decoder.get_chunk_type() {
        ChunkType::Strip => (Tag::StripOffsets, Tag::StripByteCounts),
        ChunkType::Tile => (Tag::TileOffsets, Tag::TileByteCounts),
    };
    let places = decoder.get_tag_u64_vec(places).map_err(fault)?;
    let sizes = decoder.get_tag_u64_vec(sizes).map_err(fault)?;

    let shared = tables.as_ref().map_or(0, |tables| tables.len() as u64);
    let total = sizes.iter().fold(0u64, |sum, &size| sum.saturating_add(size).saturating_add(shared));
    Limits::check("bytes of strips or tiles", total, limits.memory_bytes)?;
    let mut jpeg = Vec::new();
    for (place, size) in places.into_iter().zip(sizes) {
        jpeg.clear();
        let reader = decoder.inner();
        reader.seek(SeekFrom::Start(place))?;
        reader.take(size).read_to_end(&mut jpeg)?;
        if let Some(tables) = &tables {
            // Joins the shared tables and the JPEG like the decoder: without the end marker of the tables and
            // the start marker of the JPEG.
            jpeg.splice(..jpeg.len().min(2), tables[..tables.len().saturating_sub(2)].iter().copied());
        }
        if let Some((x, y)) = frames(&jpeg).find(|&(x, y)| x > width || y > height) {
            let detail = format!("a JPEG of {x}×{y} pixels in a strip or tile of {width}×{height}");
            return Err(Error::format("TIFF", detail));
        }
    }
    let pixels = u64::from(width).next_multiple_of(32) * u64::from(height).next_multiple_of(32);
    // 16 bytes per pixel as for JPEG files, plus their bytes in growing buffers.
    Ok(pixels.saturating_mul(16).saturating_add(4 * jpeg.capacity() as u64))
}

/// The sizes in everything that a JPEG decoder may accept as a frame header; decoders skip garbage before
/// one.
fn frames(jpeg: &[u8]) -> impl Iterator<Item = (u32, u32)> {
    jpeg.windows(10).filter_map(|bytes| match *bytes {
        // The end of a marker, a length, bits per sample, height, width, and the number of components of 3
        // bytes each.
        [0xFF | 0, 0xC0..=0xC2, a, b, 8, c, d, e, f, n]
            if u16::from_be_bytes([a, b]) == 8 + 3 * u16::from(n) =>
        {
            let two = |high, low| u32::from(u16::from_be_bytes([high, low]));
            Some((two(e, f), two(c, d)))
        }
        _ => None,
    })
}
