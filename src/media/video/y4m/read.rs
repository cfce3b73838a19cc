//! Reads the frames of a YUV4MPEG2 file.

use super::colour::Matrix;
use super::header::{Header, NAME};
use crate::error::{Error, Result};
use crate::limits::{Limits, try_filled};
use crate::media::picture::from_io;
use crate::media::video::frames::{Frames, require_frame_fits};
use crate::signal::{Description, Metadata, Rate, SampleFormat, Samples};
use std::io::{BufRead, Read};

/// The most bytes of a line of text.
const LONGEST_LINE: u64 = 4096;

/// A file that is being read.
pub(in crate::media) struct Y4m<R> {
    reader: R,
    header: Header,
    picture: Description,
    matrix: Matrix,
    /// The bytes of a frame.
    planes: Vec<u8>,
    /// The most frames that the file can hold.
    most: u64,
}

impl<R: BufRead> Y4m<R> {
    /// Reads the header of a file of `length` bytes.
    ///
    /// # Errors
    /// The errors of [`read_from`](crate::media::read_from).
    pub fn open(mut reader: R, length: u64, limits: &Limits) -> Result<Self> {
        let line = line(&mut reader)?.unwrap_or_default();
        let header = Header::parse(&line)?;
        let channels = if header.chroma.is_some() { 3 } else { 1 };
        let format = if header.depth > 8 { SampleFormat::U16 } else { SampleFormat::U8 };
        let picture = Description::picture([header.width, header.height], channels, format);
        require_frame_fits(NAME, &picture, limits)?;
        let (bytes, left) = (header.frame_bytes(), length.saturating_sub(line.len() as u64 + 1));
        let most = left / bytes.saturating_add(b"FRAME\n".len() as u64);
        if most == 0 {
            let detail = format!("truncated: {left} bytes after the header, but {bytes} of a frame expected");
            return Err(Error::format(NAME, detail));
        }
        let matrix = Matrix::of(header.height, header.depth, header.full == Some(true));
        Ok(Y4m { reader, picture, matrix, planes: try_filled(bytes, 0)?, most, header })
    }

    /// Converts the planes of a frame and appends its samples.
    fn convert(&self, frame: &mut Samples) {
        let Header { width, height, depth, .. } = self.header;
        let (row, rows) = (width as usize, height as usize);
        let wide = depth > 8;
        let code = |at: usize| match wide {
            true => f32::from(u16::from_le_bytes([self.planes[2 * at], self.planes[2 * at + 1]])),
            false => f32::from(self.planes[at]),
        };
        let Some(chroma) = self.header.chroma else {
            let mut values = vec![0.0; row];
            for y in 0..rows {
                (0..row).for_each(|x| values[x] = self.matrix.luma(code(y * row + x)));
                frame.extend_from_units(&values);
            }
            return;
        };
        let size = self.header.chroma_size(chroma);
        let (blue, red) = (row * rows, row * rows + size[0] * size[1]);
        let (mut cb, mut cr, mut values) = (vec![0.0; row], vec![0.0; row], vec![0.0; 3 * row]);
        for y in 0..rows {
            chroma.interpolate(size, y, |at| code(blue + at), &mut cb);
            chroma.interpolate(size, y, |at| code(red + at), &mut cr);
            for (x, rgb) in values.as_chunks_mut::<3>().0.iter_mut().enumerate() {
                *rgb = self.matrix.rgb([code(y * row + x), cb[x], cr[x]]);
            }
            frame.extend_from_units(&values);
        }
    }
}

impl<R: BufRead> Frames for Y4m<R> {
    fn picture(&self) -> &Description {
        &self.picture
    }
    fn rate(&self) -> Rate {
        self.header.rate
    }
    fn expected(&self) -> u64 {
        self.most
    }
    fn append(&mut self, frame: &mut Samples) -> Result<bool> {
        let Some(head) = line(&mut self.reader)? else { return Ok(false) };
        if head != b"FRAME" && !head.starts_with(b"FRAME ") {
            let found = String::from_utf8_lossy(&head[..head.len().min(8)]).escape_debug().to_string();
            return Err(Error::format(NAME, format!("\"{found}\" where FRAME was expected")));
        }
        self.reader.read_exact(&mut self.planes).map_err(|error| from_io(error, NAME))?;
        self.convert(frame);
        Ok(true)
    }
    fn finish(&mut self) -> (Vec<Metadata>, Vec<String>) {
        let range = match self.header.full {
            Some(true) => "full range",
            Some(false) => "limited range",
            None => "limited range (none is stated)",
        };
        let mut notes = std::mem::take(&mut self.header.notes);
        match self.header.chroma {
            Some(_) => {
                notes.push(format!("its colours are converted from {} in {range} to RGB", self.matrix.name()))
            }
            None if self.header.full == Some(true) => {}
            None => notes.push(format!("its greys are converted from {range}")),
        }
        (vec![], notes)
    }
}

/// Reads a line without its end; `None` at the end of the file.
fn line(reader: &mut impl BufRead) -> Result<Option<Vec<u8>>> {
    let mut line = vec![];
    reader.take(LONGEST_LINE).read_until(b'\n', &mut line)?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) => {
            let detail = format!("a line of more than {} bytes without an end", line.len());
            Err(Error::format(NAME, detail))
        }
    }
}
