//! Collects blocks of metadata from a file within a budget; a note reports each block left out.

use crate::limits::Limits;
use crate::signal::{Metadata, MetadataKind};
use image::metadata::Orientation;

/// The most bytes of one block: limited by the size of metadata, and by memory for the buffer while it grows.
pub(super) fn most(limits: &Limits) -> u64 {
    limits.metadata_bytes.min(limits.memory_bytes / 8)
}

/// Upper bound on the bytes that store the kinds and lengths of all blocks in a `.siren` file.
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

    /// Adds a block, if there is one and it is not empty. If it exceeds the budget, a note is added instead.
    pub fn add(&mut self, kind: MetadataKind, bytes: Option<Vec<u8>>, notes: &mut Vec<String>) {
        let Some(bytes) = bytes.filter(|bytes| !bytes.is_empty()) else { return };
        match self.left.checked_sub(bytes.len() as u64) {
            Some(left) => {
                self.left = left;
                self.blocks.push(Metadata { kind, bytes });
            }
            None => notes.push(format!("{} bytes of {kind} are too many and are not kept", bytes.len())),
        }
    }

    /// Adds an ICC profile if its colour space (bytes 16 to 19 of its header) fits `channels`. A CMYK
    /// profile, for instance, does not describe the RGB samples that the picture was converted to.
    pub fn profile(&mut self, profile: Option<Vec<u8>>, channels: u8, notes: &mut Vec<String>) {
        let Some(profile) = profile.filter(|profile| !profile.is_empty()) else { return };
        let (space, name) = if channels <= 2 { (b"GRAY", "grey") } else { (b"RGB ", "RGB") };
        match profile.get(16..20) {
            Some(found) if found == space => self.add(MetadataKind::Icc, Some(profile), notes),
            Some(found) => {
                let found = String::from_utf8_lossy(found).trim_end().escape_debug().to_string();
                notes.push(format!(
                    "its ICC profile is for {found} colours, but the samples are {name}: it is not kept"
                ));
            }
            None => {
                notes.push(format!("its ICC profile of {} bytes is invalid and is not kept", profile.len()))
            }
        }
    }

    pub fn has(&self, kind: MetadataKind) -> bool {
        self.blocks.iter().any(|block| block.kind == kind)
    }
}

impl From<Blocks> for Vec<Metadata> {
    /// The blocks in the order of their kinds.
    fn from(mut blocks: Blocks) -> Self {
        blocks.blocks.sort_by_key(|block| block.kind);
        blocks.blocks
    }
}

/// Returns the orientation of an Exif block, 1 to 8, and sets it to 1 in the block. Some writers keep the
/// prefix of JPEG in other containers; it is removed, so that the block starts at its TIFF header.
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
            (2, vec!["3 bytes of Exif are too many and are not kept".into()])
        );
    }
}
