//! The first part of a compressed block: the bytes that sequences copy from (RFC 8878, 3.1.1.3.1).

use super::Decoded;
use super::huffman::Tree;

/// The least number of symbols in four streams.
const LEAST_IN_FOUR: usize = 6;

/// Reads the literals of `block`, at most `most`, into `literals`; returns the bytes after them. `tree` is
/// the tree of the previous block, and is replaced if this block has a new one.
pub(super) fn read<'a>(
    block: &'a [u8],
    most: usize,
    tree: &mut Option<Tree>,
    literals: &mut Vec<u8>,
) -> Decoded<&'a [u8]> {
    literals.clear();
    let early = "literals end early";
    let first = *block.first().ok_or(early)?;
    let (kind, format) = (first & 3, first >> 2 & 3);
    let packed = kind < 2;
    // Bytes of the header, its low bits that hold kind and format, and the bits of each size.
    let (header, skip, width) = match (packed, format) {
        (true, 0 | 2) => (1, 3, 5),
        (true, 1) => (2, 4, 12),
        (true, _) => (3, 4, 20),
        (false, 0 | 1) => (3, 4, 10),
        (false, 2) => (4, 4, 14),
        (false, _) => (5, 4, 18),
    };
    let (header, rest) = block.split_at_checked(header).ok_or(early)?;
    let fields = header.iter().rev().fold(0u64, |value, &byte| value << 8 | u64::from(byte)) >> skip;
    let size = |fields: u64| (fields & !(u64::MAX << width)) as usize;
    let count = size(fields);
    if count > most {
        return Err("more literals than a block may hold");
    }
    let (coded, rest) = match kind {
        0 => rest.split_at_checked(count),
        1 => rest.split_at_checked(1),
        _ => rest.split_at_checked(size(fields >> width)),
    }
    .ok_or(early)?;
    match (kind, coded) {
        (0, _) => literals.extend_from_slice(coded),
        (1, &[byte, ..]) => literals.resize(count, byte),
        _ => {
            let streams = if kind == 2 {
                let (new, streams) = Tree::read(coded)?;
                *tree = Some(new);
                streams
            } else {
                coded
            };
            let tree = tree.as_ref().ok_or("literals reuse a Huffman tree that does not exist")?;
            if format == 0 {
                tree.decode(streams, count, literals)?;
            } else {
                four_streams(streams, count, tree, literals)?;
            }
        }
    }
    Ok(rest)
}

/// Reads four streams; the sizes of the first three are stated, and these have equally many symbols.
fn four_streams(bytes: &[u8], count: usize, tree: &Tree, literals: &mut Vec<u8>) -> Decoded<()> {
    let early = "literals end early";
    let (sizes, mut bytes) = bytes.split_at_checked(6).ok_or(early)?;
    if count < LEAST_IN_FOUR {
        return Err("four streams for fewer than 6 literals");
    }
    for size in sizes.chunks_exact(2) {
        let size = size.iter().rev().fold(0, |value, &byte| value << 8 | usize::from(byte));
        let (stream, rest) = bytes.split_at_checked(size).ok_or(early)?;
        tree.decode(stream, count.div_ceil(4), literals)?;
        bytes = rest;
    }
    tree.decode(bytes, count - literals.len(), literals)
}
