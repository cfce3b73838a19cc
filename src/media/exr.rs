//! OpenEXR: reads scanlines without compression or with RLE or ZIP; writes binary32 without compression.
//!
//! Reference: "OpenEXR File Layout" of the Academy Software Foundation. Everything is little-endian. A file
//! consists of a magic, a version, attributes (name, type, length, value), the offsets of the blocks of
//! scanlines, and the blocks. A block holds its first line, its length, and for each line its channels one
//! after another, in the order of their names.

mod block;
mod header;
mod read;
mod write;

pub(super) use read::read;
pub(super) use write::{longest_row, write};
