//! Reads the frames that `ffmpeg` decodes, from a pipe.

use super::probe::Probe;
use super::process::{Process, file, words};
use super::{Container, NAME};
use crate::error::{Error, Result};
use crate::limits::{Limits, try_filled};
use crate::media::video::frames::{Frames, require_frame_fits};
use crate::signal::{Description, Metadata, Rate, SampleFormat, Samples};
use std::ffi::OsString;
use std::io::Read;
use std::path::Path;
use std::process::{ChildStdout, Stdio};

/// A video that is being decoded.
pub(in crate::media) struct Video {
    probe: Probe,
    picture: Description,
    process: Process,
    /// `None` after the last frame.
    pipe: Option<ChildStdout>,
    bytes: Vec<u8>,
}

impl Video {
    /// Opens a file that begins like a `container`.
    ///
    /// # Errors
    /// [`Error::Unsupported`] if `ffprobe` or `ffmpeg` is missing or the file holds no video;
    /// [`Error::Format`] if it cannot be read; [`Error::Limit`] if a frame is too large.
    pub fn open(path: &Path, container: Container, limits: &Limits) -> Result<Self> {
        let probe = Probe::of(path, container)?;
        let format = if probe.wide { SampleFormat::U16 } else { SampleFormat::U8 };
        let channels = if probe.grey { 1 } else { 3 };
        let picture = Description::picture([probe.width, probe.height], channels, format);
        require_frame_fits(NAME, &picture, limits)?;
        let pixels = pixel_format(channels, format);
        let rate = probe.rate;
        // A damaged or truncated file is an error, not a shorter video.
        let head = words(["-nostdin", "-v", "error", "-xerror", "-protocol_whitelist", "file,pipe"]);
        let head = head.chain(words(["-f", container.demuxer()]));
        let input = [OsString::from("-i"), file(path), "-map".into(), format!("0:{}", probe.stream).into()];
        // Without these flags chroma is repeated instead of interpolated.
        let mut filter = format!(
            "fps={}/{},scale=flags=bilinear+accurate_rnd+full_chroma_int+full_chroma_inp",
            rate.numerator(),
            rate.denominator()
        );
        if probe.high_definition {
            filter += ":in_color_matrix=bt709";
        }
        filter += &format!(",format={pixels}");
        let output = words(["-vf", &filter, "-f", "rawvideo", "-pix_fmt", pixels, "pipe:1"]);
        let arguments = head.chain(input).chain(output);
        let mut process = Process::start("ffmpeg", arguments, Stdio::null(), Stdio::piped())?;
        let pipe = process.output();
        let size = picture.positions() * u64::from(channels) * u64::from(format.bits() / 8);
        Ok(Video { probe, picture, process, pipe, bytes: try_filled(size, 0)? })
    }
}

/// The name of FFmpeg for samples in the order of a signal.
pub(super) fn pixel_format(channels: u8, format: SampleFormat) -> &'static str {
    match (channels, format) {
        (1, SampleFormat::U16) => "gray16le",
        (1, _) => "gray",
        (_, SampleFormat::U16) => "rgb48le",
        _ => "rgb24",
    }
}

impl Frames for Video {
    fn picture(&self) -> &Description {
        &self.picture
    }
    fn rate(&self) -> Rate {
        self.probe.rate
    }
    fn expected(&self) -> u64 {
        self.probe.frames
    }
    fn append(&mut self, frame: &mut Samples) -> Result<bool> {
        let Some(pipe) = &mut self.pipe else { return Ok(false) };
        let mut filled = 0;
        while filled < self.bytes.len() {
            match pipe.read(&mut self.bytes[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        if filled < self.bytes.len() {
            self.pipe = None;
            self.process.end()?;
            if filled == 0 {
                return Ok(false);
            }
            let detail = format!(
                "ffmpeg ended within a frame: {filled} bytes, but {} were expected",
                self.bytes.len()
            );
            return Err(Error::format(NAME, detail));
        }
        match frame {
            Samples::U8(codes) => codes.extend_from_slice(&self.bytes),
            Samples::U16(codes) => {
                codes.extend(self.bytes.as_chunks().0.iter().map(|&code| u16::from_le_bytes(code)));
            }
            _ => {}
        }
        Ok(true)
    }
    fn finish(&mut self) -> (Vec<Metadata>, Vec<String>) {
        (vec![], std::mem::take(&mut self.probe.notes))
    }
}
