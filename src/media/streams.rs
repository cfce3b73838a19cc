//! Any stream as one type, so that what reads and writes formats is compiled once, and not for every type of stream
//! again in each program that has one.

use std::io::{BufRead, Seek, Write};

/// What a file is read from.
pub(super) trait Input: BufRead + Seek {}
impl<T: BufRead + Seek> Input for T {}

/// What a file is written to.
pub(super) trait Output: Write + Seek {}
impl<T: Write + Seek> Output for T {}
