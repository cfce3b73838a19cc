//! The directory of the first page, walked before the decoder sees it: what it announces is held against what is there, and what
//! will not be kept is noticed.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::picture::from_io;
use std::io::{BufRead, Read, Seek, SeekFrom};
use tiff::tags::Tag;

/// What the decoder reads of a directory.
const READ: [Tag; 24] = [
    Tag::ImageWidth,
    Tag::ImageLength,
    Tag::BitsPerSample,
    Tag::Compression,
    Tag::PhotometricInterpretation,
    Tag::StripOffsets,
    Tag::Orientation,
    Tag::SamplesPerPixel,
    Tag::RowsPerStrip,
    Tag::StripByteCounts,
    Tag::XResolution,
    Tag::YResolution,
    Tag::ResolutionUnit,
    Tag::PlanarConfiguration,
    Tag::Predictor,
    Tag::TileWidth,
    Tag::TileLength,
    Tag::TileOffsets,
    Tag::TileByteCounts,
    Tag::ExtraSamples,
    Tag::SampleFormat,
    Tag::JPEGTables,
    Tag::ChromaSubsampling,
    Tag::ColorMap,
];

/// Tags that tell what is not kept.
const LEFT_OUT: [(u16, &str); 7] = [
    (315, "artist"),
    (33432, "copyright"),
    (33723, "IPTC"),
    (34377, "Photoshop's"),
    (34665, "Exif"),
    (34735, "GeoTIFF"),
    (34853, "GPS"),
];

/// The most pages and entries that are looked at to count pages.
const MOST_PAGES: u64 = 1 << 16;
const MOST_ENTRIES: u64 = 1 << 20;

/// What the walk found.
#[derive(Default)]
pub(super) struct Directory {
    /// What the samples mean, as it is stored.
    pub photometric: u16,
    /// Where that is stored, in how many bytes, and whether the lowest comes first.
    place: (u64, usize, bool),
    /// Where an ICC profile lies, and its bytes.
    pub icc: Option<(u64, u64)>,
    /// Where an XMP packet lies, and its bytes.
    pub xmp: Option<(u64, u64)>,
    left_out: Vec<&'static str>,
    pages: u64,
}

impl Directory {
    /// Walks the first directory, and the chain of the others to count them.
    ///
    /// The decoder makes room for as many values as a directory announces, up to 256 MiB, before it reads them and before it can be
    /// given limits; a file that does not hold them is refused instead.
    pub fn walk<R: BufRead + Seek>(reader: &mut R, limits: &Limits) -> Result<Self> {
        let mut found = Directory::default();
        let length = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(0))?;
        let little = number(reader, 2, true)? == u64::from(u16::from_le_bytes(*b"II"));
        let word = match number(reader, 2, little)? {
            42 => 4,
            // The size of an offset, which is 8.
            43 => number(reader, 4, little).map(|_| 8)?,
            // The decoder's to judge.
            _ => return Ok(found),
        };
        let first = number(reader, word, little)?;
        reader.seek(SeekFrom::Start(first))?;
        let mut bytes = 0u64;
        for _ in 0..number(reader, if word == 8 { 8 } else { 2 }, little)? {
            let tag = number(reader, 2, little)? as u16;
            let size = match number(reader, 2, little)? {
                1 | 2 | 6 | 7 => 1,
                3 | 8 => 2,
                4 | 9 | 11 | 13 => 4,
                5 | 10 | 12 | 16..=18 => 8,
                _ => 0,
            };
            let count = number(reader, word, little)?;
            let own = reader.stream_position()?;
            let value = number(reader, word, little)?;
            let announced = count.saturating_mul(size);
            let inside = announced <= word as u64;
            if tag == Tag::PhotometricInterpretation.to_u16() && matches!(size, 2 | 4) && inside {
                found.place = (own, size as usize, little);
                // A value shorter than its field lies at the beginning of it.
                let unused = 8 * (word as u64 - size);
                let (low, high) = (value & (u64::MAX >> (64 - 8 * size)), value >> unused);
                found.photometric = u16::try_from(if little { low } else { high }).unwrap_or(u16::MAX);
            }
            let place = if inside { own } else { value };
            match tag {
                34675 => found.icc = Some((place, announced)),
                700 => found.xmp = Some((place, announced)),
                _ => {}
            }
            found
                .left_out
                .extend(LEFT_OUT.iter().filter(|(number, _)| *number == tag).map(|(_, name)| *name));
            let tag = Tag::from_u16_exhaustive(tag);
            if !READ.contains(&tag) && !matches!(tag, Tag::IccProfile | Tag::Unknown(700)) {
                continue;
            }
            let present = length.saturating_sub(value);
            if !inside && announced > present {
                let detail = format!("truncated: {announced} bytes of {tag:?} announced, {present} present");
                return Err(Error::format("TIFF", detail));
            }
            if READ.contains(&tag) {
                // As values of 32 bytes, and as numbers of 8 that they become, before and after they are moved.
                bytes = bytes.saturating_add(count.saturating_mul(48));
            }
        }
        Limits::ask("bytes of memory for a directory", bytes, limits.memory_bytes)?;
        found.pages = pages(reader, word, little)?;
        Ok(found)
    }

    /// What is not kept of the file.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![];
        if self.pages > 1 {
            let count = if self.pages < MOST_PAGES { self.pages.to_string() } else { "very many".into() };
            notes.push(format!("only the first of its {count} pages is read"));
        }
        if !self.left_out.is_empty() {
            notes.push(format!("its {} tags are not kept", self.left_out.join(", ")));
        }
        notes
    }
}

/// Counts pages from the next directory on, to which the reader's position leads; smaller copies of a page and masks are none.
fn pages(reader: &mut (impl Read + Seek), word: usize, little: bool) -> Result<u64> {
    const SUBFILE: u64 = 254;
    const COPY_OR_MASK: u64 = 1 | 4;
    let (mut pages, mut entries) = (1, 0);
    let mut next = number(reader, word, little).unwrap_or(0);
    // What is broken of later pages does not concern the first.
    while next != 0 && pages < MOST_PAGES && entries < MOST_ENTRIES {
        reader.seek(SeekFrom::Start(next))?;
        let Ok(count) = number(reader, if word == 8 { 8 } else { 2 }, little) else { break };
        let mut page = true;
        for _ in 0..count.min(MOST_ENTRIES) {
            let mut field = |bytes| number(reader, bytes, little);
            let Ok(tag) = field(2) else { return Ok(pages) };
            let (Ok(_kind), Ok(_count), Ok(value)) = (field(2), field(word), field(word)) else {
                return Ok(pages);
            };
            page &= tag != SUBFILE || value & COPY_OR_MASK == 0;
        }
        entries += 1 + count;
        pages += u64::from(page);
        next = number(reader, word, little).unwrap_or(0);
    }
    Ok(pages)
}

fn number(reader: &mut impl Read, bytes: usize, little: bool) -> Result<u64> {
    let mut number = [0; 8];
    let field = &mut number[..bytes];
    reader.read_exact(field).map_err(|error| from_io(error, "TIFF"))?;
    if !little {
        field.reverse();
    }
    Ok(u64::from_le_bytes(number))
}

/// The file, but for what its samples mean: everything is said to be grey.
pub(super) struct Patched<R> {
    reader: R,
    /// Where the next byte comes from.
    at: u64,
    /// What stands at a place instead.
    place: u64,
    value: Vec<u8>,
}

impl<R: Read + Seek> Patched<R> {
    pub fn new(mut reader: R, directory: &Directory) -> Result<Self> {
        const BLACK_IS_ZERO: u32 = 1;
        let (place, size, little) = directory.place;
        let mut value = BLACK_IS_ZERO.to_le_bytes()[..size].to_vec();
        if !little {
            value.reverse();
        }
        reader.seek(SeekFrom::Start(0))?;
        Ok(Patched { reader, at: 0, place, value })
    }
}

impl<R: Read> Read for Patched<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(bytes)?;
        for (place, &value) in (self.place..).zip(&self.value) {
            if let Some(byte) = place.checked_sub(self.at).and_then(|i| bytes[..count].get_mut(i as usize)) {
                *byte = value;
            }
        }
        self.at += count as u64;
        Ok(count)
    }
}

impl<R: Seek> Seek for Patched<R> {
    fn seek(&mut self, position: SeekFrom) -> std::io::Result<u64> {
        self.at = self.reader.seek(position)?;
        Ok(self.at)
    }
}
