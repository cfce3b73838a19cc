//! Splits files into sections, to damage them while keeping checksums valid.

use sirenc::container;

/// A section with its checksum.
pub fn section(number: u8, payload: &[u8]) -> Vec<u8> {
    let covered = [&[number], &varint(payload.len())[..], payload].concat();
    [&covered[..], &crc32fast::hash(&covered).to_le_bytes()].concat()
}

/// A number in its shortest LEB128 form.
pub fn varint(mut value: usize) -> Vec<u8> {
    let mut bytes = vec![];
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

/// The size of `content` and its frame, as in METADATA.
pub fn compressed(content: &[u8]) -> Vec<u8> {
    [&varint(content.len())[..], &frame(content)].concat()
}

pub fn frame(content: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(content, 19).expect("memory")
}

/// The first bytes of a Zstandard frame.
pub const FRAME_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A Zstandard frame: the magic, `header`, uncompressed `blocks`, and `end`.
pub fn raw_frame(header: &[u8], blocks: &[&[u8]], end: &[u8]) -> Vec<u8> {
    let mut bytes = [&FRAME_MAGIC[..], header].concat();
    for (number, block) in blocks.iter().enumerate() {
        let last = number + 1 == blocks.len();
        bytes.extend(&((block.len() as u32) << 3 | u32::from(last)).to_le_bytes()[..3]);
        bytes.extend(*block);
    }
    bytes.extend(end);
    bytes
}

/// Splits a file into its sections, including numbers, lengths and checksums.
pub fn split(file: &[u8]) -> Vec<Vec<u8>> {
    let mut at = 9;
    let cut = |s: container::SectionInfo| {
        at += s.bytes as usize;
        file[at - s.bytes as usize..at].to_vec()
    };
    container::sections(file).expect("a good file").into_iter().map(cut).collect()
}

pub fn join(sections: &[Vec<u8>]) -> Vec<u8> {
    [&container::MAGIC[..], &[container::VERSION], &sections.concat()].concat()
}

pub fn insert(file: &[u8], at: usize, section: Vec<u8>) -> Vec<u8> {
    let mut sections = split(file);
    sections.insert(at, section);
    join(&sections)
}

/// `file` with the payload of section `number` replaced and its checksum updated.
pub fn replace(file: &[u8], number: u8, payload: &[u8]) -> Vec<u8> {
    let mut sections = split(file);
    for old in sections.iter_mut().filter(|s| s[0] == number) {
        *old = section(number, payload);
    }
    join(&sections)
}

/// The payload of section `number`.
pub fn payload(file: &[u8], number: u8) -> Vec<u8> {
    let found = split(file).into_iter().find(|s| s[0] == number).expect("the section");
    let length = found[1..].iter().position(|&b| b < 0x80).expect("a length");
    found[2 + length..found.len() - 4].to_vec()
}

/// `file` with the payload of section `number` changed by `change`.
pub fn edit(file: &[u8], number: u8, change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut payload = payload(file, number);
    change(&mut payload);
    replace(file, number, &payload)
}
