//! Counts the frames of a GIF without decoding them.
//!
//! Reference: CompuServe, *Graphics Interchange Format, Version 89a*, 1990.

use crate::error::Result;
use std::io::{BufRead, Read, Seek, SeekFrom};

/// The number of frames up to the end of the file or to the first invalid structure. Validating the first
/// frame is left to the decoder.
pub(super) fn frames(reader: &mut (impl BufRead + Seek)) -> Result<u64> {
    const IMAGE: u8 = 0x2C;
    const EXTENSION: u8 = 0x21;
    let mut frames = 0;
    reader.seek(SeekFrom::Start(0))?;
    // A signature, the size of the screen, flags, a background colour and an aspect ratio.
    let Some(head) = take::<13>(reader) else { return Ok(0) };
    reader.seek_relative(colours(head[10]))?;
    loop {
        match take::<1>(reader) {
            Some([IMAGE]) => {
                let Some(descriptor) = take::<9>(reader) else { return Ok(frames) };
                frames += 1;
                // After the colour table one byte gives the initial code size.
                reader.seek_relative(colours(descriptor[8]) + 1)?;
            }
            Some([EXTENSION]) => reader.seek_relative(1)?,
            _ => return Ok(frames),
        }
        // Blocks of data, each with its length first; a length of 0 is the end.
        loop {
            match take::<1>(reader) {
                Some([0]) => break,
                Some([length]) => reader.seek_relative(length.into())?,
                None => return Ok(frames),
            }
        }
    }
}

/// The bytes of a colour table, from its flags.
fn colours(flags: u8) -> i64 {
    if flags & 0x80 == 0 { 0 } else { 3 << ((flags & 7) + 1) }
}

fn take<const N: usize>(reader: &mut impl Read) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    reader.read_exact(&mut bytes).ok().map(|()| bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    #[test]
    fn frames_are_counted_past_tables_and_extensions() {
        let head = [&b"GIF89a\x01\0\x01\0\x80\0\0"[..], &[9; 6]].concat();
        let comment = b"\x21\xFE\x02,,\0";
        let frame = [&b"\x2C\0\0\0\0\x01\0\x01\0\x80"[..], &[7; 6], b"\x02\x02\x2C\x2C\0"].concat();
        let file = [&head[..], comment, &frame, comment, &frame, b"\x3B", &frame].concat();
        assert_eq!(frames(&mut Cursor::new(&file)).unwrap(), 2);
        assert_eq!(frames(&mut Cursor::new(&file[..head.len() + comment.len() + 12])).unwrap(), 1);
        assert_eq!(frames(&mut Cursor::new(&file[..5])).unwrap(), 0);
    }
}
