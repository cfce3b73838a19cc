//! Checks the directory of a page before the decoder sees it: announced sizes must be present in the
//! file. Also collects the tags that are not kept.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::picture::from_io;
use std::io::{BufRead, Read, Seek, SeekFrom};
use tiff::tags::Tag;

/// The tags of a directory that the decoder reads.
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

/// Tags with data that are not kept, and their names.
const LEFT_OUT: [(u16, &str); 7] = [
    (315, "artist"),
    (33432, "copyright"),
    (33723, "IPTC"),
    (34377, "Photoshop's"),
    (34665, "Exif"),
    (34735, "GeoTIFF"),
    (34853, "GPS"),
];

/// Limits on the pages and entries that are visited to count pages.
const MOST_PAGES: usize = 1 << 16;
const MOST_ENTRIES: u64 = 1 << 20;

/// The facts found in the directory.
#[derive(Default)]
pub(super) struct Directory {
    /// The photometric interpretation as stored: the meaning of the samples.
    pub photometric: u16,
    /// Where the photometric interpretation is stored: offset, number of bytes, and whether it is
    /// little-endian.
    place: (u64, usize, bool),
    /// The offset and length of an ICC profile.
    pub icc: Option<(u64, u64)>,
    /// The offset and length of an XMP packet.
    pub xmp: Option<(u64, u64)>,
    /// Width and height as stored.
    pub size: [u64; 2],
    /// The offset and length of the description.
    pub text: Option<(u64, u64)>,
    /// The offsets of the resolutions across and down.
    pub resolution: [Option<u64>; 2],
    left_out: Vec<&'static str>,
    /// The offsets of the directories of all pages, if this is the first.
    pub pages: Vec<u64>,
    /// Whether there are more pages than are visited.
    pub more: bool,
    /// Where the offset of the first directory is stored, and its bytes.
    start: (u64, Vec<u8>),
    little: bool,
}

impl Directory {
    /// Walks the first directory, and follows the chain of the others to find the pages.
    pub fn walk<R: BufRead + Seek>(reader: &mut R, limits: &Limits) -> Result<Self> {
        Self::walk_at(reader, None, limits)
    }

    /// Walks the directory of another page.
    pub fn of_page<R: BufRead + Seek>(reader: &mut R, page: u64, limits: &Limits) -> Result<Self> {
        Self::walk_at(reader, Some(page), limits)
    }

    /// Walks a directory: that at `page`, or the first.
    ///
    /// The decoder allocates as many values as a directory announces, up to 256 MiB, before it reads them and
    /// before limits can be set; a file that does not hold them is rejected here.
    fn walk_at<R: BufRead + Seek>(reader: &mut R, page: Option<u64>, limits: &Limits) -> Result<Self> {
        let mut found = Directory::default();
        let length = reader.seek(SeekFrom::End(0))?;
        reader.seek(SeekFrom::Start(0))?;
        let little = number(reader, 2, true)? == u64::from(u16::from_le_bytes(*b"II"));
        let word = match number(reader, 2, little)? {
            42 => 4,
            // BigTIFF: the next field is the size of an offset, which is 8.
            43 => number(reader, 4, little).map(|_| 8)?,
            // Left to the decoder.
            _ => return Ok(found),
        };
        let place = reader.stream_position()?;
        let first = number(reader, word, little)?;
        let own = page.unwrap_or(first);
        let mut offset = own.to_le_bytes()[..word].to_vec();
        if !little {
            offset.reverse();
        }
        (found.start, found.little) = ((place, offset), little);
        reader.seek(SeekFrom::Start(own))?;
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
            if matches!(size, 2 | 4) && inside {
                // A value shorter than its field is stored at the beginning of the field.
                let unused = 8 * (word as u64 - size);
                let (low, high) = (value & (u64::MAX >> (64 - 8 * size)), value >> unused);
                let value = if little { low } else { high };
                match tag {
                    256 | 257 => found.size[usize::from(tag - 256)] = value,
                    262 => {
                        found.place = (own, size as usize, little);
                        found.photometric = u16::try_from(value).unwrap_or(u16::MAX);
                    }
                    _ => {}
                }
            }
            let place = if inside { own } else { value };
            match tag {
                270 => found.text = Some((place, announced)),
                282 | 283 if announced == 8 => found.resolution[usize::from(tag - 282)] = Some(place),
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
                // Values of 32 bytes, converted to numbers of 8 bytes, which are held twice while moved.
                bytes = bytes.saturating_add(count.saturating_mul(48));
            }
        }
        Limits::check("bytes of memory for a directory", bytes, limits.memory_bytes)?;
        if page.is_none() {
            // Offsets in a growing buffer.
            let most = MOST_PAGES.min(usize::try_from(limits.memory_bytes / 64).unwrap_or(MOST_PAGES));
            found.pages = pages(reader, first, most, word, little)?;
            found.more = found.pages.len() >= most.max(2);
        }
        Ok(found)
    }

    /// Notes on the parts of the file that are not kept.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = vec![];
        let pages = self.pages.len();
        if pages > 1 {
            let count = if self.more { "very many".into() } else { pages.to_string() };
            notes.push(format!("only the first of its {count} pages is read (--axes zyx reads all)"));
        }
        notes.extend(self.left_out());
        notes
    }

    /// A note on the tags that are not kept.
    pub fn left_out(&self) -> Option<String> {
        let names = self.left_out.join(", ");
        (!names.is_empty()).then(|| format!("its {names} tags are not kept"))
    }

    /// The resolution across (0) or down (1): pixels per unit.
    pub fn density(&self, reader: &mut (impl Read + Seek), direction: usize) -> Result<Option<f64>> {
        let Some(place) = self.resolution[direction] else { return Ok(None) };
        reader.seek(SeekFrom::Start(place))?;
        let mut part = || number(reader, 4, self.little).map(|part| part as f64);
        Ok(Some(part()? / part()?))
    }
}

/// The offsets of the directories of pages: that of the first, and those that follow the offset at the reader's position.
/// Reduced copies of a page and masks are no pages. At most `most` are visited.
fn pages(
    reader: &mut (impl Read + Seek),
    first: u64,
    most: usize,
    word: usize,
    little: bool,
) -> Result<Vec<u64>> {
    const SUBFILE: u64 = 254;
    const COPY_OR_MASK: u64 = 1 | 4;
    let (mut pages, mut entries) = (vec![first], 0);
    let mut next = number(reader, word, little).unwrap_or(0);
    // Errors in later pages do not matter for the first.
    while next != 0 && pages.len() < most && entries < MOST_ENTRIES {
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
        if page {
            pages.push(next);
        }
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

/// The file with the photometric interpretation of a page replaced by grey, and with this page as the first.
pub(super) struct Patched<R> {
    reader: R,
    /// The position of the next byte.
    at: u64,
    /// The places of replacements, and their bytes.
    replaced: [(u64, Vec<u8>); 2],
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
        Ok(Patched { reader, at: 0, replaced: [(place, value), directory.start.clone()] })
    }
}

impl<R: Read> Read for Patched<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let count = self.reader.read(bytes)?;
        let bytes_of = |(place, bytes): &'_ (u64, Vec<u8>)| (*place..).zip(bytes.clone()).collect::<Vec<_>>();
        for (place, value) in self.replaced.iter().flat_map(bytes_of) {
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
