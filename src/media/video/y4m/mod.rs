//! YUV4MPEG2 (`.y4m`): uncompressed frames of luma and chroma behind a header of text.
//!
//! Colours become RGB on reading and luma and chroma on writing; grey stays grey. Reference: the manual page
//! yuv4mpeg(5) of the MJPEG Tools, and FFmpeg's names of chroma beyond 8 bits.

mod chroma;
mod colour;
mod file;
mod frame;
mod header;
mod read;
mod write;

pub(in crate::media) use file::Boxes;
pub(in crate::media) use header::SIGNATURE;
pub(in crate::media) use read::Y4m;
pub(in crate::media) use write::write;
