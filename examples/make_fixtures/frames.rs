//! Zstandard frames built bit by bit, with valid and invalid blocks.
//!
//! Unless stated otherwise, the content is the five parameters (20 bytes) of a picture of 3 × 2 samples with
//! one neuron.

use crate::Case;
use crate::compose::{bytes_of, picture, single};
use crate::good::EXAMPLE_PICTURE;
use crate::pieces::*;
use sirenc::signal::SampleFormat;

/// Kinds of blocks.
const RAW: u8 = 0;
const REPEATED: u8 = 1;
const COMPRESSED: u8 = 2;

/// Raw literals of a compressed block.
fn raw(literals: &[u8]) -> Vec<u8> {
    [&[(literals.len() as u8) << 3][..], literals].concat()
}

/// `count` Huffman-coded literals 0 and 1, one bit each, in one or four streams of the bytes `coded`.
fn coded(kind: u8, form: u8, count: u32, coded: &[u8]) -> Vec<u8> {
    let header = u32::from(kind | form << 2) | count << 4 | (coded.len() as u32) << 14;
    [&header.to_le_bytes()[..3], coded].concat()
}

/// The description of a tree for the symbols 0 and 1: one weight of 1, in the high bits.
const TREE: [u8; 2] = [0x80, 0x10];

/// A sequence whose three tables have one symbol each: literal length, offset and match length.
fn sequence(modes: u8, [copied, offset, length]: [u8; 3], bits: &[u8]) -> Vec<u8> {
    [&[1, modes, copied, offset, length][..], bits].concat()
}

const ONE_SYMBOL_EACH: u8 = 0x54;

/// A frame of `blocks` whose header states 20 bytes.
fn blocks(blocks: &[(u8, u32, &[u8])]) -> Vec<u8> {
    let mut frame = [&FRAME_MAGIC[..], &[0x20, 20]].concat();
    for (number, &(kind, size, bytes)) in blocks.iter().enumerate() {
        let last = u32::from(number + 1 == blocks.len());
        frame.extend(&(size << 3 | u32::from(kind) << 1 | last).to_le_bytes()[..3]);
        frame.extend(bytes);
    }
    frame
}

/// A frame of one compressed block of `literals` and `sequences`.
fn one(literals: &[u8], sequences: &[u8]) -> Vec<u8> {
    let block = [literals, sequences].concat();
    blocks(&[(COMPRESSED, block.len() as u32, &block)])
}

fn file(frame: &[u8]) -> Vec<u8> {
    replace(EXAMPLE_PICTURE, 0x7f, &[&[2, 1, 1], frame].concat())
}

pub fn good() -> Vec<Case> {
    let half = 0.5f32.to_le_bytes();
    let copied = [&raw(&half)[..], &sequence(ONE_SYMBOL_EACH, [4, 2, 13], &[0b111])].concat();
    let rows = [
        ("frame-repeated", "a block of one byte repeated", blocks(&[(RAW, 4, &half), (REPEATED, 16, &[0])])),
        (
            "frame-match",
            "a match of overlapping bytes",
            blocks(&[(COMPRESSED, copied.len() as u32, &copied)]),
        ),
        ("frame-tree", "a Huffman stream", one(&coded(2, 0, 20, &[&TREE[..], &[0, 0, 0x10]].concat()), &[0])),
        (
            "frame-four-streams",
            "four Huffman streams",
            one(&coded(2, 1, 20, &[&TREE[..], &[1, 0, 1, 0, 1, 0], &[0x20; 4]].concat()), &[0]),
        ),
    ];
    let rows = rows.map(|(name, tests, frame)| (name, tests, file(&frame)));
    // Enough numbers for several blocks, which reuse tables and trees of earlier ones.
    let mut state = 1u32;
    let mut sparse = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if state >> 26 == 0 { f32::from((state >> 16) as u8 & 15) / 64.0 - 0.125 } else { 0.0 }
    };
    let numbers: Vec<f32> = (0..41_001).map(|_| sparse()).collect();
    let several = bytes_of(&single(picture(3, 2, 1, SampleFormat::F32), 2, 200, &numbers));
    crate::good::good(
        "uncommon",
        [&rows[..], &[("frame-several-blocks", "a frame of more than one compressed block", several)]]
            .concat(),
    )
}

#[rustfmt::skip]
pub fn bad() -> Vec<Case> {
    let half = raw(&0.5f32.to_le_bytes());
    let matched = |modes, codes, bits: &[u8]| one(&half, &sequence(modes, codes, bits));
    let tree = |description: &[u8]| one(&coded(2, 0, 20, &[description, &[0, 0, 0x10]].concat()), &[0]);
    let zero = [&raw(&[])[..], &sequence(ONE_SYMBOL_EACH, [0, 1, 13], &[0b11])].concat();
    let streams = |count, bytes: [u8; 4]| one(&coded(2, 1, count, &[&TREE[..], &[1, 0, 1, 0, 1, 0], &bytes].concat()), &[0]);
    // Frequency 0 for twelve symbols, then everything for one: 4 bits of the size, 5 bits of a 0, its
    // repetitions, 6 bits of the rest.
    let symbols = (1u32 << 4 | 3 << 9 | 3 << 11 | 3 << 13 | 2 << 15 | 63 << 17).to_le_bytes();
    let rows = [
        ("frame-literals", "more literals than the window", one(&[21 << 3 | 1, 0], &[0]), "more literals than a block may hold"),
        ("frame-content", "literals and a match that are more than the window", matched(ONE_SYMBOL_EACH, [4, 2, 14], &[0b111]), "a block with more content than it may hold"),
        ("frame-modes", "reserved bits of the modes of sequences are set", matched(ONE_SYMBOL_EACH | 1, [4, 2, 13], &[0b111]), "reserved bits of the modes of sequences are set"),
        ("frame-offset", "an offset before the content", matched(ONE_SYMBOL_EACH, [4, 3, 13], &[0b1000]), "an offset beyond the window or the content so far"),
        ("frame-offset-0", "an offset of 0", blocks(&[(RAW, 4, &half[1..]), (COMPRESSED, zero.len() as u32, &zero)]), "an offset of 0"),
        ("frame-few-literals", "a sequence that copies more literals than there are", matched(ONE_SYMBOL_EACH, [5, 2, 12], &[0b111]), "sequences copy more literals than there are"),
        ("frame-behind", "a byte after a sequence count of 0", one(&[20 << 3 | 1, 0], &[0, 0]), "bytes after a sequence count of 0"),
        ("frame-no-table", "repeated tables in the first block", one(&half, &[1, 0xfc, 0b111]), "sequences reuse a table that does not exist"),
        ("frame-table-symbol", "a table of an unknown symbol", matched(ONE_SYMBOL_EACH, [36, 2, 13], &[0b111]), "a table with an unknown symbol"),
        ("frame-bits-left", "a bit after the last sequence", matched(ONE_SYMBOL_EACH, [4, 2, 13], &[0b1110]), "unread bits in a stream"),
        ("frame-bits-few", "a bit too few for the last sequence", matched(ONE_SYMBOL_EACH, [4, 2, 13], &[0b11]), "sequences end early"),
        ("frame-mark", "a stream without its final 1 bit", matched(ONE_SYMBOL_EACH, [4, 2, 13], &[0b111, 0]), "a stream without its final 1 bit"),
        ("frame-treeless", "a repeated Huffman tree in the first block", one(&coded(3, 0, 20, &[0, 0, 0x10]), &[0]), "literals reuse a Huffman tree that does not exist"),
        ("frame-stream-long", "a Huffman stream of 21 symbols for 20", one(&coded(2, 0, 20, &[&TREE[..], &[0, 0, 0x20]].concat()), &[0]), "unread bits in a stream"),
        ("frame-stream-short", "a Huffman stream of 19 symbols for 20", one(&coded(2, 0, 20, &[&TREE[..], &[0, 0, 8]].concat()), &[0]), "a stream ends early"),
        ("frame-streams-uneven", "four streams of 6, 4, 5 and 5 symbols", streams(20, [0x40, 0x10, 0x20, 0x20]), "unread bits in a stream"),
        ("frame-streams-few", "four streams for 5 symbols", streams(5, [4, 4, 2, 2]), "four streams for fewer than 6"),
        ("frame-tree-open", "weights that no power of two completes", tree(&[0x81, 0x31]), "a Huffman tree that the last symbol does not complete"),
        ("frame-tree-wide", "a Huffman tree without a symbol of weight 1", tree(&[0x80, 0x20]), "a Huffman tree without a symbol of weight 1"),
        ("frame-tree-deep", "codes of 12 bits", tree(&[0x80, 0xc0]), "a Huffman tree with codes that are too long"),
        ("frame-tree-empty", "a Huffman tree without symbols", tree(&[0x80, 0]), "a Huffman tree without symbols"),
        ("frame-table-states", "weights in a table of 128 states", tree(&[2, 2, 0]), "a table with too many states"),
        ("frame-table-symbols", "a table with a weight of 12", tree(&[3, symbols[0], symbols[1], symbols[2]]), "a table with too many symbols"),
    ];
    let case = |(name, tests, frame, error): (&str, _, Vec<u8>, &'static str)| Case {
        name: format!("invalid/{name}.siren"),
        tests,
        bytes: file(&frame),
        error: Some(Box::leak(format!("Format: stored parameters: frame: {error}").into_boxed_str())),
    };
    rows.into_iter().map(case).collect()
}
