//! The contents of compressed Zstandard blocks (RFC 8878), to the last bit: what is corrupt is refused.
//!
//! Libraries differ in which corrupt blocks they notice, and two may read one block as different bytes. A file has one
//! meaning, so its blocks are decoded here, by the rules of the specification.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "sizes have 32 bits and are compared before use; complete tables have an entry for every state"
)]

use crate::error::Result;
use crate::limits::try_vec;

mod bits;
mod fse;
mod huffman;
mod literals;
mod sequences;

/// What was decoded, or what is wrong with it.
pub(super) type Decoded<T> = std::result::Result<T, &'static str>;

/// What a block takes over from the blocks before it in its frame.
pub(super) struct Decoder {
    /// The most bytes that a block stands for.
    most: usize,
    window: u64,
    /// Of the block that is being decoded.
    literals: Vec<u8>,
    tree: Option<huffman::Tree>,
    history: sequences::History,
}

impl Decoder {
    /// For the blocks of a frame, each of at most `most` bytes and with offsets up to `window`.
    ///
    /// # Errors
    /// `Io` if the system has no memory for the literals of a block.
    pub(super) fn new(most: usize, window: u64) -> Result<Self> {
        Ok(Decoder { most, window, literals: try_vec(most)?, tree: None, history: sequences::History::new() })
    }
    /// Appends what a compressed block stands for to the `content` of its frame, of which `left` bytes are left.
    pub(super) fn block(&mut self, block: &[u8], content: &mut Vec<u8>, left: usize) -> Decoded<()> {
        let rest = literals::read(block, self.most, &mut self.tree, &mut self.literals)?;
        let most = self.most.min(left);
        sequences::execute(rest, &self.literals, content, (most, self.window), &mut self.history)
    }
}
