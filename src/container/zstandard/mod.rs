//! The contents of compressed Zstandard blocks (RFC 8878), decoded exactly: corrupt blocks are rejected.
//!
//! Libraries differ in the corrupt blocks that they detect, and two may read the same block as different
//! bytes. A file must have one meaning, so its blocks are decoded here, by the rules of the specification.

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

/// The decoded value, or what is wrong with the input.
pub(super) type Decoded<T> = std::result::Result<T, &'static str>;

/// The state that a block inherits from earlier blocks of its frame.
pub(super) struct Decoder {
    /// The most bytes of content of a block.
    most: usize,
    window: u64,
    /// The literals of the current block.
    literals: Vec<u8>,
    tree: Option<huffman::Tree>,
    history: sequences::History,
}

impl Decoder {
    /// A decoder for the blocks of a frame, each of at most `most` bytes of content and with offsets up to
    /// `window`.
    ///
    /// # Errors
    /// `Io` if the system has no memory for the literals of a block.
    pub(super) fn new(most: usize, window: u64) -> Result<Self> {
        Ok(Decoder { most, window, literals: try_vec(most)?, tree: None, history: sequences::History::new() })
    }
    /// Appends the content of a compressed block to the `content` of its frame, of which `left` bytes are
    /// missing.
    pub(super) fn block(&mut self, block: &[u8], content: &mut Vec<u8>, left: usize) -> Decoded<()> {
        let rest = literals::read(block, self.most, &mut self.tree, &mut self.literals)?;
        let most = self.most.min(left);
        sequences::execute(rest, &self.literals, content, (most, self.window), &mut self.history)
    }
}
