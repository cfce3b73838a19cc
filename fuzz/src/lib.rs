//! Shared by the fuzz targets: tight limits, a counting allocator, and repair of checksums.

mod memory;
pub mod spline;

pub use memory::Memory;

use sirenc::Limits;

/// Limits small enough for thousands of executions per second.
pub fn limits() -> Limits {
    let mut limits = Limits::default();
    limits.file_bytes = 1 << 16;
    limits.metadata_bytes = 1 << 16;
    limits.parameters = 1 << 14;
    limits.tiles = 1 << 8;
    limits.samples = 1 << 12;
    limits.memory_bytes = 16 << 20;
    limits.macs = 1 << 28;
    limits
}

/// `file` with a valid checksum for each section, as far as sections can be parsed: damage that a checksum
/// detects is uninteresting, and random mutation does not find valid checksums.
pub fn repair(file: &[u8]) -> Vec<u8> {
    let mut file = file.to_vec();
    let mut at = 9;
    while let Some(end) = payload_end(&file, at) {
        let checksum = crc32fast::hash(&file[at..end]).to_le_bytes();
        let Some(place) = file.get_mut(end..end + 4) else { break };
        place.copy_from_slice(&checksum);
        at = end + 4;
    }
    file
}

/// The end of the payload of the section at `at`.
fn payload_end(file: &[u8], at: usize) -> Option<usize> {
    let mut length = 0usize;
    for (group, &byte) in file.get(at + 1..)?.iter().take(3).enumerate() {
        length |= usize::from(byte & 0x7f) << (7 * group);
        if byte < 0x80 {
            let end = at + 2 + group + length;
            return (end <= file.len()).then_some(end);
        }
    }
    None
}
