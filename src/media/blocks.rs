//! Blocks of metadata as they are gathered from a file, within a budget; what is left out is told.

use crate::limits::Limits;
use crate::signal::{Metadata, MetadataKind};
use image::metadata::Orientation;

/// The most bytes that a block may have: what may be carried, and what memory is there for it while it grows.
pub(super) fn most(limits: &Limits) -> u64 {
    limits.metadata_bytes.min(limits.memory_bytes / 8)
}

/// Bytes that tell the kinds and lengths of all blocks, at most, in a `.siren` file.
const HEADS: u64 = 64;

/// The blocks of a signal.
pub(super) struct Blocks {
    blocks: Vec<Metadata>,
    /// Bytes that may still be added.
    left: u64,
}

impl Blocks {
    pub fn new(limits: &Limits) -> Self {
        Blocks { blocks: vec![], left: most(limits).saturating_sub(HEADS) }
    }

    /// Adds a block that is there, not empty and within the budget.
    pub fn add(&mut self, kind: MetadataKind, bytes: Option<Vec<u8>>, notes: &mut Vec<String>) {
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return };
        match self.left.checked_sub(bytes.len() as u64) {
            Some(left) => {
                self.left = left;
                self.blocks.push(Metadata { kind, bytes });
            }
            None => notes.push(format!("{} bytes of {kind} are too many and not kept", bytes.len())),
        }
    }

    /// Adds an ICC profile for the colour space of `channels` (bytes 16 to 19 of its header): one of CMYK would mislead about the
    /// RGB that its picture was converted to.
    pub fn profile(&mut self, profile: Option<Vec<u8>>, channels: u8, notes: &mut Vec<String>) {
        let Some(profile) = profile.filter(|profile| !profile.is_empty()) else { return };
        let (space, name) = if channels <= 2 { (b"GRAY", "grey") } else { (b"RGB ", "RGB") };
        match profile.get(16..20) {
            Some(found) if found == space => self.add(MetadataKind::Icc, Some(profile), notes),
            Some(found) => {
                let found = String::from_utf8_lossy(found).trim_end().escape_debug().to_string();
                notes.push(format!(
                    "its ICC profile is of {found} colours, the samples are {name}: it is not kept"
                ));
            }
            None => notes.push(format!("an ICC profile of {} bytes is none and not kept", profile.len())),
        }
    }

    pub fn has(&self, kind: MetadataKind) -> bool {
        self.blocks.iter().any(|block| block.kind == kind)
    }
}

impl From<Blocks> for Vec<Metadata> {
    /// In the order of their kinds.
    fn from(mut blocks: Blocks) -> Self {
        blocks.blocks.sort_by_key(|block| block.kind);
        blocks.blocks
    }
}

/// The orientation of an Exif block, 1 to 8, which is set to 1 in it. Some writers keep JPEG's prefix in other containers; it is
/// dropped, so that the block starts at its TIFF header.
pub(super) fn take_orientation(exif: &mut Vec<u8>) -> Option<u8> {
    if exif.starts_with(b"Exif\0\0") {
        exif.drain(..6);
    }
    Orientation::remove_from_exif_chunk(exif).map(Orientation::to_exif)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn profile(space: &[u8], channels: u8) -> (usize, Vec<String>) {
        let (mut blocks, mut notes) = (Blocks::new(&Limits::default()), vec![]);
        blocks.profile(Some([&[0; 16], space, &[0; 108]].concat()), channels, &mut notes);
        (blocks.blocks.len(), notes)
    }

    #[test]
    fn a_profile_of_another_colour_space_is_dropped_and_told() {
        assert_eq!(profile(b"RGB ", 3), (1, vec![]));
        assert_eq!(profile(b"GRAY", 2), (1, vec![]));
        let (kept, notes) = profile(b"CMYK", 3);
        assert!(kept == 0 && notes[0].contains("CMYK"), "{notes:?}");
        assert_eq!(profile(b"RGB ", 1).0, 0);
    }

    #[test]
    fn a_block_beyond_the_budget_is_told() {
        let limits = Limits { metadata_bytes: HEADS + 10, ..Limits::default() };
        let (mut blocks, mut notes) = (Blocks::new(&limits), vec![]);
        for length in [8, 3, 2] {
            blocks.add(MetadataKind::Exif, Some(vec![1; length]), &mut notes);
        }
        assert_eq!(
            (blocks.blocks.len(), notes),
            (2, vec!["3 bytes of Exif are too many and not kept".into()])
        );
    }
}
