//! Writes a video with `ffmpeg`, which reads the frames from a pipe.

use super::NAME;
use super::process::{Process, file, words};
use super::read::pixel_format;
use crate::error::{Error, Result};
use crate::media::video::film::Film;
use crate::signal::{Rate, SampleFormat, Samples};
use std::io::{BufWriter, ErrorKind, Write};
use std::path::Path;
use std::process::Stdio;

/// Extensions of containers, and their names in FFmpeg.
pub(in crate::media) const CONTAINERS: [(&str, &str); 5] =
    [("mp4", "mp4"), ("m4v", "mp4"), ("mov", "mov"), ("mkv", "matroska"), ("webm", "webm")];

/// Writes a video of 8 or 16 bits, grey or RGB, to `path`, which is overwritten, and tells what is lost.
///
/// # Errors
/// [`Error::Unsupported`] for other videos, or if `ffmpeg` is missing; [`Error::Format`] if it fails; those of the
/// frames.
pub(in crate::media) fn write(film: &mut Film<'_>, muxer: &'static str, path: &Path) -> Result<Vec<String>> {
    let description = film.description();
    let (&[width, height, frames], Some(rate)) = (&description.lengths()[..], description.rate()) else {
        return Err(Error::unsupported(NAME, "a signal that is no video"));
    };
    if description.has_alpha() {
        return Err(Error::unsupported(NAME, "alpha; APNG can hold it"));
    }
    if !matches!(description.format, SampleFormat::U8 | SampleFormat::U16) {
        return Err(Error::unsupported(NAME, format!("{:?} samples; NPY can hold them", description.format)));
    }
    let pixels = pixel_format(description.channels, description.format);
    let halved = width % 2 == 0 && height % 2 == 0;
    let mut process = start(muxer, pixels, [width, height], rate, halved, path)?;
    let Some(pipe) = process.input() else { return Err(Error::Io(ErrorKind::BrokenPipe.into())) };
    let mut pipe = BufWriter::with_capacity(1 << 16, pipe);
    let mut sent = (0..frames).try_for_each(|_| send(&film.frame()?, &mut pipe));
    sent = sent.and_then(|()| Ok(pipe.flush()?));
    drop(pipe);
    if let Err(error) = &sent
        && !matches!(error, Error::Io(_))
    {
        // The frames failed, not the program.
        return sent.map(|()| vec![]);
    }
    // A program that ends early says why; the pipe only breaks.
    process.end()?;
    sent?;
    let chroma = if halved { "a quarter of the" } else { "the whole" };
    Ok(vec![format!("it is compressed with loss, at 8 bits and {chroma} resolution for colour")])
}

/// Starts `ffmpeg`. Chroma has half the width and height where these are even.
fn start(
    muxer: &'static str,
    pixels: &str,
    [width, height]: [u32; 2],
    rate: Rate,
    halved: bool,
    path: &Path,
) -> Result<Process> {
    let (size, rate) = (format!("{width}x{height}"), format!("{}/{}", rate.numerator(), rate.denominator()));
    let input = ["-f", "rawvideo", "-pix_fmt", pixels, "-s", &size, "-r", &rate, "-i", "pipe:0"];
    let (matrix, tag) = if height <= 576 { ("bt601", "smpte170m") } else { ("bt709", "bt709") };
    let filter = format!("scale=out_color_matrix={matrix}:out_range=tv");
    let stored = if halved { "yuv420p" } else { "yuv444p" };
    let colours = ["-vf", &filter, "-pix_fmt", stored, "-colorspace", tag, "-color_range", "tv"];
    let coder = match muxer {
        "webm" => ["-c:v", "libvpx-vp9", "-crf", "12", "-b:v", "0"],
        _ => ["-c:v", "libx264", "-crf", "12", "-preset", "medium"],
    };
    let head = words(["-v", "error", "-y", "-protocol_whitelist", "file,pipe"]);
    let arguments = head.chain(words(input)).chain(words(colours)).chain(words(coder));
    let arguments = arguments.chain(words(["-f", muxer])).chain([file(path)]);
    Process::start("ffmpeg", arguments, Stdio::piped(), Stdio::null())
}

/// Sends samples, little-endian.
fn send(samples: &Samples, pipe: &mut impl Write) -> Result<()> {
    match samples {
        Samples::U8(codes) => pipe.write_all(codes)?,
        Samples::U16(codes) => codes.iter().try_for_each(|code| pipe.write_all(&code.to_le_bytes()))?,
        _ => {}
    }
    Ok(())
}
