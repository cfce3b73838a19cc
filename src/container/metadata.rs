//! The METADATA section: blocks stored without interpretation.

use super::fields::Fields;
use super::frame::decompress;
use crate::error::Result;
use crate::limits::{Limits, Memory, try_vec};
use crate::signal::{Metadata, MetadataKind};
use std::num::Saturating;

const METADATA: &str = "METADATA section";

/// The kinds that have a number, from 1 on.
const KINDS: [MetadataKind; 11] = [
    MetadataKind::Icc,
    MetadataKind::Exif,
    MetadataKind::Xmp,
    MetadataKind::CodePoints,
    MetadataKind::Gamma,
    MetadataKind::Chromaticities,
    MetadataKind::Resolution,
    MetadataKind::Tags,
    MetadataKind::Coordinates,
    MetadataKind::Nifti,
    MetadataKind::Fill,
];

/// The kind with a number; `None` for kinds of later versions.
fn kind(number: u8) -> Option<MetadataKind> {
    KINDS.get(usize::from(number).checked_sub(1)?).copied()
}

/// Reads the METADATA section: the size of the blocks, then the blocks as a Zstandard frame, each kind at
/// most once and in ascending order. Blocks of unknown kinds are skipped.
pub(super) fn read(payload: &[u8], limits: &Limits, memory: &mut Memory) -> Result<Vec<Metadata>> {
    let mut fields = Fields::new(payload, METADATA);
    let size = fields.varint("size")?;
    Limits::check("metadata bytes", size, limits.metadata_bytes)?;
    let bytes = decompress(fields.rest(), size, METADATA, memory)?;
    // The memory of the blocks; decompression needed more than this.
    memory.hold(Saturating(size))?;

    let mut fields = Fields::new(&bytes, METADATA);
    let (mut blocks, mut last) = (vec![], 0);
    while last == 0 || !fields.is_empty() {
        let number = fields.u8("block kind")?;
        if number <= last {
            return Err(fields.error(format!("block kind {number} after {last}")));
        }
        last = number;
        let length = fields.varint("block length")?;
        let bytes = fields.take(length, "block")?;
        if let Some(kind) = kind(number) {
            let mut block = try_vec(bytes.len())?;
            block.extend_from_slice(bytes);
            blocks.push(Metadata { kind, bytes: block });
        }
    }
    Ok(blocks)
}

#[cfg(feature = "encoder")]
pub(super) use write::write;

#[cfg(feature = "encoder")]
mod write {
    use super::*;
    use crate::container::fields::push_varint;
    use crate::container::frame::compress;
    use crate::error::Error;

    fn number(kind: MetadataKind) -> Result<u8> {
        let number = (1..).zip(KINDS).find(|&(_, own)| own == kind).map(|(number, _)| number);
        number.ok_or_else(|| Error::parameter("metadata", format!("blocks of {kind} have no number")))
    }

    /// The payload of the METADATA section; `None` without blocks.
    ///
    /// # Errors
    /// `Parameter` if a kind occurs twice or has no number.
    pub(in crate::container) fn write(blocks: &[Metadata]) -> Result<Option<Vec<u8>>> {
        if blocks.is_empty() {
            return Ok(None);
        }
        let mut sorted: Vec<&Metadata> = blocks.iter().collect();
        sorted.sort_by_key(|b| b.kind);
        let (mut bytes, mut last) = (vec![], None);
        for block in sorted {
            if last.replace(block.kind) == Some(block.kind) {
                return Err(Error::parameter("metadata", format!("two blocks of {:?}", block.kind)));
            }
            bytes.push(number(block.kind)?);
            push_varint(&mut bytes, block.bytes.len() as u64);
            bytes.extend_from_slice(&block.bytes);
        }
        let mut payload = vec![];
        push_varint(&mut payload, bytes.len() as u64);
        payload.append(&mut compress(&bytes)?);
        Ok(Some(payload))
    }
}

#[cfg(all(test, feature = "encoder"))]
mod tests {
    use super::*;
    use crate::container::fields::push_varint;
    use crate::container::frame::compress;
    use crate::error::Error;

    fn read(payload: &[u8], limits: &Limits) -> Result<Vec<Metadata>> {
        super::read(payload, limits, &mut Memory::new(limits))
    }
    fn payload(blocks: &[u8]) -> Vec<u8> {
        let mut payload = vec![];
        push_varint(&mut payload, blocks.len() as u64);
        [payload, compress(blocks).unwrap()].concat()
    }
    fn block(kind: MetadataKind, bytes: &[u8]) -> Metadata {
        Metadata { kind, bytes: bytes.to_vec() }
    }

    #[test]
    fn blocks_round_trip_in_order() {
        let (icc, xmp) = (block(MetadataKind::Icc, &[7; 300]), block(MetadataKind::Xmp, b""));
        let written = write(&[xmp.clone(), icc.clone()]).unwrap().unwrap();
        assert_eq!(read(&written, &Limits::default()).unwrap(), [icc.clone(), xmp]);
        assert_eq!(write(&[]).unwrap(), None);
        assert!(write(&[icc.clone(), icc]).is_err());
    }

    #[test]
    fn every_kind_has_its_number() {
        let blocks = KINDS.map(|kind| block(kind, &[kind as u8]));
        let written = write(&blocks).unwrap().unwrap();
        assert_eq!(read(&written, &Limits::default()).unwrap(), blocks);
        assert_eq!((kind(0), kind(1), kind(11), kind(12)), (None, Some(KINDS[0]), Some(KINDS[10]), None));
    }

    #[test]
    fn blocks_are_checked() {
        let read = |blocks: &[u8]| read(&payload(blocks), &Limits::default());
        assert_eq!(read(&[1, 1, 9, 77, 2, 8, 8]).unwrap(), [block(MetadataKind::Icc, &[9])]);
        assert_eq!(read(&[77, 2, 8, 8]).unwrap(), []);
        for blocks in [&[][..], &[1], &[1, 2, 0], &[0, 0], &[2, 0, 1, 0], &[1, 0, 1, 0], &[1, 0x80, 0]] {
            assert!(matches!(read(blocks), Err(Error::Format { .. })), "{blocks:?}");
        }
    }

    #[test]
    fn the_limit_comes_before_the_frame() {
        let limits = Limits { metadata_bytes: 5, ..Limits::default() };
        assert!(matches!(read(&[6], &limits), Err(Error::Limit { needed: 6, allowed: 5, .. })));
        assert!(read(&payload(&[1, 3, 0, 0, 0]), &limits).is_ok());
    }
}
