//! Sections: divides a file into checked parts, and lists their numbers.

use super::fields::Fields;
use crate::error::{Error, Result};

/// The first bytes of a file: a byte that is not text, a name, and the line ends and end-of-file mark that
/// text transfers damage.
pub const MAGIC: [u8; 8] = *b"\x89SRN\r\n\x1a\n";
/// The version of the format this crate reads and writes.
pub const VERSION: u8 = 0;
/// Set in the number of a section that a decoder may skip.
const ANCILLARY: u8 = 0x80;
/// Bytes of a section's checksum.
const CHECKSUM_BYTES: u64 = 4;

pub(super) const SIGNAL: u8 = 1;
pub(super) const TILES: u8 = 2;
pub(super) const METADATA: u8 = ANCILLARY | 3;
pub(super) const UNITS: u8 = 6;
pub(super) const MISSING: u8 = 7;
/// The highest number: the section is the last one, so a file truncated between two sections is detected.
pub(super) const NETWORK: u8 = 0x7f;

/// A section of a file, for reports.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SectionInfo {
    /// Number of the section; bit 7 is set if decoders may skip it.
    pub number: u8,
    /// Its name in the specification; `unknown` for numbers that this crate does not define.
    pub name: &'static str,
    /// Bytes of the payload.
    pub payload: u64,
    /// Bytes in the file: number, length, payload and checksum.
    pub bytes: u64,
}

/// A section with a valid checksum.
pub(super) struct Section<'a> {
    pub(super) number: u8,
    pub(super) payload: &'a [u8],
    /// Bytes in the file.
    pub(super) bytes: u64,
}

/// The name of a section number.
fn name(number: u8) -> &'static str {
    match number {
        SIGNAL => "SIGNAL",
        TILES => "TILES",
        NETWORK => "NETWORK",
        METADATA => "METADATA",
        UNITS => "UNITS",
        MISSING => "MISSING",
        _ => "unknown",
    }
}

/// The sections of `.siren` bytes, in file order.
///
/// # Errors
/// `Format` if the bytes are not a `.siren` file or a section is damaged, `Unsupported` for another version.
pub fn sections(bytes: &[u8]) -> Result<Vec<SectionInfo>> {
    let info = |s: Section<'_>| SectionInfo {
        number: s.number,
        name: name(s.number),
        payload: s.payload.len() as u64,
        bytes: s.bytes,
    };
    Ok(split(bytes)?.into_iter().map(info).collect())
}

/// Divides a file into magic, version and sections, which must be in ascending order of their low 7 bits,
/// each with a valid checksum, up to the exact end.
pub(super) fn split(bytes: &[u8]) -> Result<Vec<Section<'_>>> {
    let mut fields = Fields::new(bytes, ".siren");
    if !bytes.starts_with(&MAGIC) {
        return Err(fields.error("the first 8 bytes are not the magic 89 53 52 4e 0d 0a 1a 0a"));
    }
    fields.take(MAGIC.len() as u64, "magic")?;
    let version = fields.u8("version")?;
    if version != VERSION {
        return Err(Error::unsupported(
            ".siren",
            format!("version {version}, version {VERSION} is supported"),
        ));
    }
    let mut sections: Vec<Section<'_>> = vec![];
    while !fields.is_empty() {
        let start = fields.rest();
        let number = fields.u8("section number")?;
        let length = fields.varint("section length")?;
        let payload = fields.take(length, name(number))?;
        let computed = crc32fast::hash(fields.since(start));
        let stored =
            fields.take(CHECKSUM_BYTES, "checksum")?.iter().rev().fold(0, |c, &b| c << 8 | u32::from(b));
        if stored != computed {
            return Err(Error::format(
                name_of_damaged(number),
                format!("checksum {stored:08x}, expected {computed:08x}"),
            ));
        }
        if number & !ANCILLARY == 0 {
            return Err(fields.error(format!("section number {number:#04x} is never used")));
        }
        if let Some(last) = sections.last()
            && last.number & !ANCILLARY >= number & !ANCILLARY
        {
            return Err(fields.error(format!("section {number:#04x} after section {:#04x}", last.number)));
        }
        sections.push(Section { number, payload, bytes: fields.since(start).len() as u64 });
    }
    Ok(sections)
}

/// The name of a section in error messages.
fn name_of_damaged(number: u8) -> &'static str {
    match number {
        SIGNAL => "SIGNAL section",
        TILES => "TILES section",
        NETWORK => "NETWORK section",
        METADATA => "METADATA section",
        UNITS => "UNITS section",
        MISSING => "MISSING section",
        _ => "section",
    }
}

/// Whether a decoder that does not know the section may ignore it.
pub(super) fn is_ancillary(number: u8) -> bool {
    number & ANCILLARY != 0
}

/// Appends a section.
#[cfg(feature = "encoder")]
pub(super) fn push(bytes: &mut Vec<u8>, number: u8, payload: &[u8]) {
    let start = bytes.len();
    bytes.push(number);
    super::fields::push_varint(bytes, payload.len() as u64);
    bytes.extend_from_slice(payload);
    let checksum = crc32fast::hash(bytes.split_at(start).1);
    bytes.extend_from_slice(&checksum.to_le_bytes());
}

#[cfg(all(test, feature = "encoder"))]
mod tests {
    use super::*;

    fn file(numbers: &[u8]) -> Vec<u8> {
        let mut bytes = [&MAGIC[..], &[VERSION]].concat();
        numbers.iter().for_each(|&n| push(&mut bytes, n, &[n; 3]));
        bytes
    }

    #[test]
    fn sections_come_back_with_their_sizes() {
        let found = sections(&file(&[1, 0x83, 4, 0x7f])).unwrap();
        let summary: Vec<_> = found.iter().map(|s| (s.number, s.name, s.payload, s.bytes)).collect();
        assert_eq!(
            summary,
            [(1, "SIGNAL", 3, 9), (0x83, "METADATA", 3, 9), (4, "unknown", 3, 9), (0x7f, "NETWORK", 3, 9)]
        );
    }

    #[test]
    fn order_repetition_and_zero_are_refused() {
        for numbers in [&[3, 1][..], &[1, 1], &[4, 0x84], &[0], &[0x80]] {
            assert!(matches!(sections(&file(numbers)), Err(Error::Format { .. })), "{numbers:?}");
        }
    }

    /// All pairs of numbers, in all orders.
    #[test]
    fn exactly_ascending_numbers_are_read() {
        for (first, second) in (0..=255u8).flat_map(|first| (0..=255u8).map(move |second| (first, second))) {
            let ascending = 0 < first & 0x7f && first & 0x7f < second & 0x7f;
            assert_eq!(sections(&file(&[first, second])).is_ok(), ascending, "{first:#x} {second:#x}");
        }
    }

    /// All lengths against all numbers of bytes present, from one byte of length to two, followed by a valid
    /// checksum.
    #[test]
    fn exactly_the_bytes_that_are_there_are_read() {
        for (stated, present) in
            (0..=140usize).flat_map(|stated| (0..=140usize).map(move |present| (stated, present)))
        {
            let mut bytes = file(&[]);
            push(&mut bytes, 1, &vec![7; stated]);
            let header = if stated < 0x80 { 2 } else { 3 };
            let covered = [&bytes[9..9 + header], &vec![7; present]].concat();
            let checksum = crc32fast::hash(&covered).to_le_bytes();
            let bytes = [&bytes[..9], &covered, &checksum].concat();
            assert_eq!(sections(&bytes).is_ok(), stated == present, "{stated} {present}");
        }
    }

    /// Every value of every byte before the sections.
    #[test]
    fn another_version_is_unsupported_and_another_magic_malformed() {
        let good = file(&[1]);
        for (at, value) in (0..9).flat_map(|at| (0..=255u8).map(move |value| (at, value))) {
            let mut bytes = good.clone();
            bytes[at] = value;
            match sections(&bytes) {
                Ok(_) => assert_eq!(bytes, good),
                Err(Error::Unsupported { .. }) => assert_eq!(at, 8),
                Err(Error::Format { .. }) => assert!(at < 8),
                Err(other) => panic!("{other}"),
            }
        }
    }
}
