//! OpenEXR: scanlines that are not compressed, or by RLE or ZIP, in; binary32 without compression out.
//!
//! Reference: "OpenEXR File Layout" of the Academy Software Foundation. Everything is little-endian: a magic, a version, attributes
//! of name, type and length, the offsets of the blocks of scanlines, and for each of these its first line, its length and the
//! channels of each line one after another, in the order of their names.

mod block;
mod header;
mod read;
mod write;

pub(super) use read::read;
pub(super) use write::{longest_row, write};
