//! Reads the frames of a YUV4MPEG2 file.

use super::frame::Planes;
use super::header::{Header, NAME};
use crate::error::{Error, Result};
use crate::limits::{Limits, try_filled, try_vec};
use crate::media::picture::from_io;
use crate::media::video::frames::{Frames, require_frame_fits};
use crate::signal::{Description, Metadata, Rate, SampleFormat, Samples};
use std::io::{BufRead, Read, Seek, SeekFrom};

/// The text before each frame.
const MARK: &[u8] = b"FRAME";
/// The most bytes of a line of text.
const LONGEST_LINE: u64 = 4096;

/// A file that is being read.
pub(in crate::media) struct Y4m<R> {
    reader: R,
    header: Header,
    picture: Description,
    planes: Planes,
    /// The bytes of a frame, once one is read.
    bytes: Vec<u8>,
    /// The most frames that the file can hold, if its length is known.
    most: Option<u64>,
    /// Bytes before the first frame.
    head: u64,
}

impl<R: BufRead> Y4m<R> {
    /// Reads the header of a file of `length` bytes, if that is known.
    ///
    /// # Errors
    /// The errors of [`read_from`](crate::media::read_from).
    pub fn open(mut reader: R, length: Option<u64>, limits: &Limits) -> Result<Self> {
        let line = line(&mut reader)?.unwrap_or_default();
        let header = Header::parse(&line)?;
        let channels = if header.chroma.is_some() { 3 } else { 1 };
        let format = if header.depth > 8 { SampleFormat::U16 } else { SampleFormat::U8 };
        let picture = Description::picture([header.width, header.height], channels, format);
        require_frame_fits(NAME, &picture, limits)?;
        let (bytes, head) = (header.frame_bytes(), line.len() as u64 + 1);
        let left = length.map(|length| length.saturating_sub(head));
        let most = left.map(|left| left / bytes.saturating_add(MARK.len() as u64 + 1));
        if let (Some(left), Some(0)) = (left, most) {
            let detail = format!("truncated: {left} bytes after the header, but {bytes} of a frame expected");
            return Err(Error::format(NAME, detail));
        }
        Ok(Y4m { reader, picture, planes: Planes::of(&header), bytes: vec![], most, head, header })
    }

    /// Reads the line before a frame and returns its bytes; `None` at the end of the file.
    fn mark(&mut self) -> Result<Option<u64>> {
        let Some(head) = line(&mut self.reader)? else { return Ok(None) };
        if head != MARK && !head.strip_prefix(MARK).is_some_and(|rest| rest.starts_with(b" ")) {
            let found = String::from_utf8_lossy(&head[..head.len().min(8)]).escape_debug().to_string();
            return Err(Error::format(NAME, format!("\"{found}\" where FRAME was expected")));
        }
        Ok(Some(head.len() as u64 + 1))
    }

    /// The planes of a frame.
    pub(super) fn planes(&self) -> &Planes {
        &self.planes
    }
    /// The bytes of a frame.
    pub fn frame_bytes(&self) -> u64 {
        self.header.frame_bytes()
    }

    /// What is not kept, and how colours were converted.
    pub fn notes(&mut self) -> Vec<String> {
        let range = match self.header.full {
            Some(true) => "full range",
            Some(false) => "limited range",
            None => "limited range (none is stated)",
        };
        let mut notes = std::mem::take(&mut self.header.notes);
        match self.header.chroma {
            Some(_) => {
                let matrix = self.planes.matrix().name();
                notes.push(format!("its colours are converted from {matrix} in {range} to RGB"));
            }
            None if self.header.full == Some(true) => {}
            None => notes.push(format!("its greys are converted from {range}")),
        }
        notes
    }
}

impl<R: BufRead + Seek> Y4m<R> {
    /// Where the bytes of each frame begin, in a file of `length` bytes whose header was read.
    ///
    /// # Errors
    /// The errors of [`read_from`](crate::media::read_from).
    pub fn places(&mut self, length: u64, limits: &Limits) -> Result<Vec<u64>> {
        let (bytes, samples) = (self.frame_bytes(), self.picture.samples());
        // As many as the file can hold, at most.
        let most = self.most.unwrap_or(0);
        Limits::check("samples", samples.saturating_mul(most), limits.samples)?;
        Limits::check("bytes of memory for decoding", most.saturating_mul(8), limits.memory_bytes)?;
        let (mut places, mut at) = (try_vec(most)?, self.head);
        while let Some(mark) = self.mark()? {
            at += mark;
            let left = length.saturating_sub(at);
            if left < bytes {
                let detail = format!("truncated: {left} bytes of frame {}, {bytes} expected", places.len());
                return Err(Error::format(NAME, detail));
            }
            places.push(at);
            at += bytes;
            self.reader.seek(SeekFrom::Start(at))?;
        }
        Ok(places)
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
        self.most.unwrap_or(1)
    }
    fn append(&mut self, frame: &mut Samples) -> Result<bool> {
        if self.mark()?.is_none() {
            return Ok(false);
        }
        if self.bytes.is_empty() {
            self.bytes = try_filled(self.frame_bytes(), 0)?;
        }
        self.reader.read_exact(&mut self.bytes).map_err(|error| from_io(error, NAME))?;
        let all = [self.header.width, self.header.height].map(|side| 0..side as usize);
        self.planes.convert(&self.bytes, all, frame);
        Ok(true)
    }
    fn finish(&mut self) -> (Vec<Metadata>, Vec<String>) {
        (vec![], self.notes())
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
