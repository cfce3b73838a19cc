//! Videos as files: uncompressed, as animations, as numbered pictures, and through FFmpeg.
//!
//! ```text
//! file → y4m | animation | sequence | ffmpeg → Frames → Reading
//! Signal → Film → write_film → y4m, GIF, APNG, numbered pictures, ffmpeg
//! ```
//!
//! Every reader yields frame after frame as [`Frames`].

mod animation;
pub(super) mod ffmpeg;
mod film;
mod frames;
mod gif;
mod sequence;
mod timing;
mod write;
pub(super) mod y4m;

pub use film::Film;
pub use frames::Frames;
pub use sequence::ASSUMED_FRAME_RATE;
pub use write::{existing_picture, is_video_name, write_film, write_video, write_y4m};

use super::choice::Choice;
use super::notes::{Reading, SourceReading};
use super::sniff::{self, Found};
use super::streams::Input;
use super::{IN_MEMORY, is_large};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::signal::{Description, Metadata, Rate, Samples, Source};
use animation::Animation;
use sequence::{Pattern, Sequence};
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::Path;
use y4m::{Boxes, Y4m};

/// Whether `path` is to be read as a video by [`read_video`] or [`open_video_source`]: a folder, a pattern of numbered
/// files such as `shot-%04d.png`, or, as its content tells, a YUV4MPEG2 file or a container that FFmpeg reads.
pub fn is_video_path(path: &Path) -> bool {
    is_sequence(path) || matches!(sniff::of_file(path), Some(Found::Y4m | Found::Container(_)))
}

fn is_sequence(path: &Path) -> bool {
    path.is_dir() || (Pattern::of(path).is_some() && !path.exists())
}

/// Opens a file that [`read_video`] reads, to read it frame after frame.
///
/// # Errors
/// The errors of [`read_video`]; [`Error::Unsupported`] if the file has one frame or is no video.
pub fn open_video(path: &Path, rate: Option<Rate>, limits: &Limits) -> Result<Box<dyn Frames>> {
    match open(path, rate, limits)? {
        Opened::Frames { frames, .. } => Ok(frames),
        Opened::Whole(_) => Err(Error::unsupported("video", "the file does not hold several frames")),
    }
}

/// Reads a video from `path`: a folder of pictures, a pattern of numbered files such as `shot-%04d.png`, a
/// container that FFmpeg reads, or any file that [`read_video_from`] reads.
///
/// The pictures of a folder are sorted by name, numbers in names by their value. A pattern holds `%d` or
/// `%0Nd` once; its files are counted from 0 or 1 up to the first gap. All pictures must have the same size,
/// channels and format. Where no `rate` is given they have [`ASSUMED_FRAME_RATE`] frames per second, and
/// [`Reading::rate_assumed`] is set.
///
/// MP4, QuickTime, Matroska, WebM, AVI and MPEG are decoded by `ffmpeg` at a constant rate, 8 bits to `U8` and
/// more to `U16`; `ffprobe` and `ffmpeg` must be on the path.
///
/// # Errors
/// The errors of [`read_from`](super::read_from); [`Error::Unsupported`] if `ffprobe` or `ffmpeg` is needed
/// and missing.
pub fn read_video(path: &Path, rate: Option<Rate>, limits: &Limits) -> Result<Reading> {
    let rate_assumed = rate.is_none() && is_sequence(path);
    let reading = open(path, rate, limits)?.read(limits)?;
    Ok(Reading { rate_assumed: rate_assumed || reading.rate_assumed, ..reading })
}

/// Reads a file like [`read_from`](super::read_from), but all frames of an animation (GIF, PNG, WebP), as a
/// video.
///
/// Equal delays of an animation give the rate. Unequal ones are resampled to a constant rate with at most four
/// times as many frames, which a note says. A file of one frame is a picture. A `rate` takes the place of
/// delays and of the rate that a video states.
///
/// # Errors
/// The errors of [`read_from`](super::read_from).
pub fn read_video_from<R: BufRead + Seek>(reader: R, rate: Option<Rate>, limits: &Limits) -> Result<Reading> {
    open_from(Box::new(reader), rate, limits)?.read(limits)
}

/// Opens a video like [`read_video`], to be read box by box. Samples that take more than a quarter of
/// `limits.memory_bytes` stay where they are in a YUV4MPEG2 file, and those of all other videos are written to a
/// temporary file without a name, in the folder that the environment variable `TMPDIR` names or in `/var/tmp`.
///
/// # Errors
/// The errors of [`read_video`], also if the temporary file has no room.
pub fn open_video_source(path: &Path, rate: Option<Rate>, limits: &Limits) -> Result<SourceReading> {
    if sniff::of_file(path) == Some(Found::Y4m) {
        let (source, mut notes) = Boxes::open(File::open(path)?, rate, limits)?;
        let description = source.description();
        if is_large(description, limits) {
            notes.extend(rate.and_then(|rate| replaced(source.stated_rate(), rate)));
            let source: Box<dyn Source> = Box::new(source);
            return Ok(SourceReading { notes, ..source.into() });
        }
    }
    let rate_assumed = rate.is_none() && is_sequence(path);
    let reading = open(path, rate, limits)?.read_source(limits)?;
    Ok(SourceReading { rate_assumed: rate_assumed || reading.rate_assumed, ..reading })
}

/// Reads a video like [`read_video_from`], but to a temporary file like [`open_video_source`] if it is large.
///
/// # Errors
/// The errors of [`read_video_from`], also if the temporary file has no room.
pub fn read_video_source_from<R: BufRead + Seek>(
    reader: R,
    rate: Option<Rate>,
    limits: &Limits,
) -> Result<SourceReading> {
    open_from(Box::new(reader), rate, limits)?.read_source(limits)
}

/// Whether a stream begins like one that [`read_video_stream`] reads; takes no bytes from it.
///
/// # Errors
/// `Io` if reading fails.
pub fn is_video_stream(stream: &mut impl BufRead) -> Result<bool> {
    Ok(stream.fill_buf()?.starts_with(y4m::SIGNATURE))
}

/// Reads a YUV4MPEG2 stream of unknown length, like [`read_video_source_from`].
///
/// # Errors
/// The errors of [`read_video_source_from`].
pub fn read_video_stream(
    mut stream: impl BufRead,
    rate: Option<Rate>,
    limits: &Limits,
) -> Result<SourceReading> {
    let stream: &mut dyn BufRead = &mut stream;
    let name = Found::Y4m.name();
    Opened::frames(name, Y4m::open(stream, None, limits)?, rate).read_source(limits)
}

/// An opened file.
enum Opened<'a> {
    /// Frames of a format with this name.
    Frames { name: &'static str, frames: Box<dyn Frames + 'a> },
    /// What is no video.
    Whole(Reading),
}

impl<'a> Opened<'a> {
    /// Frames, at `rate` if one is given.
    fn frames(name: &'static str, frames: impl Frames + 'a, rate: Option<Rate>) -> Self {
        let frames: Box<dyn Frames> = match rate {
            Some(rate) => Box::new(Rated { frames, rate }),
            None => Box::new(frames),
        };
        Opened::Frames { name, frames }
    }

    fn read(self, limits: &Limits) -> Result<Reading> {
        match self {
            Opened::Frames { name, mut frames } => {
                frames::collect(name, &mut *frames, limits, u64::MAX)?.reading()
            }
            Opened::Whole(reading) => Ok(reading),
        }
    }

    fn read_source(self, limits: &Limits) -> Result<SourceReading> {
        match self {
            Opened::Frames { name, mut frames } => {
                Ok(frames::collect(name, &mut *frames, limits, limits.memory_bytes / IN_MEMORY)?.source())
            }
            Opened::Whole(reading) => Ok(reading.into()),
        }
    }
}

fn open(path: &Path, rate: Option<Rate>, limits: &Limits) -> Result<Opened<'static>> {
    if is_sequence(path) {
        return Ok(Opened::frames(sequence::NAME, Sequence::open(path, rate, limits)?, rate));
    }
    if let Some(Found::Container(container)) = sniff::of_file(path) {
        let name = Found::Container(container).name();
        return Ok(Opened::frames(name, ffmpeg::Video::open(path, container, limits)?, rate));
    }
    open_from(Box::new(BufReader::new(File::open(path)?)), rate, limits)
}

fn open_from<'a>(mut reader: Box<dyn Input + 'a>, rate: Option<Rate>, limits: &Limits) -> Result<Opened<'a>> {
    let (found, length) = super::recognise(&mut *reader, limits)?;
    reader.seek(SeekFrom::Start(0))?;
    if found == Found::Y4m {
        return Ok(Opened::frames(found.name(), Y4m::open(reader, Some(length), limits)?, rate));
    }
    let (first, frames) = super::read_first(&mut *reader, found, length, &Choice::default(), limits)?;
    if frames < 2 {
        return Ok(Opened::Whole(first));
    }
    Ok(Opened::frames(found.name(), Animation::open(reader, found, first, rate, limits)?, rate))
}

/// Reads all frames of a YUV4MPEG2 file of `length` bytes.
pub(super) fn read_y4m<R: BufRead>(reader: R, length: u64, limits: &Limits) -> Result<Reading> {
    let mut frames = Y4m::open(reader, Some(length), limits)?;
    frames::collect(Found::Y4m.name(), &mut frames, limits, u64::MAX)?.reading()
}

/// A note on a rate that takes the place of the one that is stated.
fn replaced(stated: Rate, rate: Rate) -> Option<String> {
    let note = || format!("its rate of {stated} frames per second is replaced by {rate}");
    (stated != rate).then(note)
}

/// Frames at another rate than they state.
struct Rated<F> {
    frames: F,
    rate: Rate,
}

impl<F: Frames> Frames for Rated<F> {
    fn picture(&self) -> &Description {
        self.frames.picture()
    }
    fn rate(&self) -> Rate {
        self.rate
    }
    fn expected(&self) -> u64 {
        self.frames.expected()
    }
    fn append(&mut self, frame: &mut Samples) -> Result<bool> {
        self.frames.append(frame)
    }
    fn finish(&mut self) -> (Vec<Metadata>, Vec<String>) {
        let (metadata, mut notes) = self.frames.finish();
        notes.extend(replaced(self.frames.rate(), self.rate));
        (metadata, notes)
    }
}
