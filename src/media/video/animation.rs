//! Animated GIF, PNG and WebP, composited by the `image` crate.
//!
//! The frames are decoded twice: first to learn their delays and whether any pixel is transparent, which a
//! description states before the samples.

use super::frames::{Frames, append, require_frame_fits};
use super::timing::Timing;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::notes::Reading;
use crate::media::picture::from_image;
use crate::media::sniff::Found;
use crate::signal::{Description, Metadata, MetadataKind, Rate, SampleFormat, Samples};
use image::codecs::gif::GifDecoder;
use image::codecs::png::PngDecoder;
use image::codecs::webp::WebPDecoder;
use image::{AnimationDecoder, ColorType, ImageDecoder, ImageFormat, RgbaImage};
use std::io::{BufRead, Seek, SeekFrom};

/// An animation that is being read.
pub(super) struct Animation<'a> {
    name: &'static str,
    frames: image::Frames<'a>,
    picture: Description,
    timing: Timing,
    /// The frame that is shown, how often it still is, and the number of frames decoded.
    shown: Samples,
    left: u64,
    decoded: usize,
    metadata: Vec<Metadata>,
    notes: Vec<String>,
    limits: Limits,
}

impl<'a> Animation<'a> {
    /// Opens an animation whose first frame has been read already. With a `rate`, each frame is shown once,
    /// whatever its delay.
    ///
    /// # Errors
    /// The errors of [`read_from`](crate::media::read_from).
    pub fn open<R: BufRead + Seek + 'a>(
        mut reader: R,
        found: Found,
        first: Reading,
        rate: Option<Rate>,
        limits: &Limits,
    ) -> Result<Self> {
        let name = found.name();
        let mut picture = first.signal.description;
        if picture.format != SampleFormat::U8 {
            let detail = format!("an animation of {} bits, but 8 were expected", picture.format.bits());
            return Err(Error::unsupported(name, detail));
        }
        // The samples of the first frame are turned upright, those of the others are not.
        let (metadata, mut notes) = (first.signal.metadata, first.notes);
        let (exif, metadata): (Vec<_>, Vec<_>) =
            metadata.into_iter().partition(|block| block.kind == MetadataKind::Exif);
        if !exif.is_empty() {
            notes.push("its Exif block, with any orientation, is not kept".into());
        }
        drop(first.signal.samples);
        let survey = Survey::of(&mut reader, found, &mut picture, limits)?;
        let timing = match rate {
            Some(rate) => Timing::constant(rate, survey.delays.len()),
            None => {
                let resolution = match found {
                    Found::Picture(ImageFormat::Gif) => 10,
                    Found::Picture(_) => 1,
                    _ => 0,
                };
                Timing::of(name, &survey.delays, resolution)?
            }
        };
        reader.seek(SeekFrom::Start(0))?;
        let (frames, ..) = decoder(reader, found, limits)?;
        let shown = Samples::with_capacity(SampleFormat::U8, 0);
        let limits = limits.clone();
        Ok(Animation { name, frames, picture, timing, shown, left: 0, decoded: 0, metadata, notes, limits })
    }
}

impl Frames for Animation<'_> {
    fn picture(&self) -> &Description {
        &self.picture
    }
    fn rate(&self) -> Rate {
        self.timing.rate
    }
    fn expected(&self) -> u64 {
        self.timing.repeats.iter().sum()
    }
    fn append(&mut self, frame: &mut Samples) -> Result<bool> {
        while self.left == 0 {
            let Some(&repeats) = self.timing.repeats.get(self.decoded) else { return Ok(false) };
            let Some(next) = self.frames.next() else { return Ok(false) };
            let next = next.map_err(|error| from_image(error, self.name, &self.limits))?;
            self.shown = Samples::U8(samples(next.into_buffer(), self.picture.channels));
            (self.left, self.decoded) = (repeats, self.decoded + 1);
        }
        self.left -= 1;
        append(frame, &self.shown);
        Ok(true)
    }
    fn finish(&mut self) -> (Vec<Metadata>, Vec<String>) {
        let mut notes = std::mem::take(&mut self.notes);
        notes.append(&mut self.timing.notes);
        (std::mem::take(&mut self.metadata), notes)
    }
}

/// What is learned from all frames before they are read.
struct Survey {
    /// The delays in fractions of a millisecond.
    delays: Vec<(u32, u32)>,
}

impl Survey {
    /// Decodes all frames and sets the size and channels of `picture`: grey or RGB, with alpha if a pixel is
    /// not opaque.
    fn of(
        reader: &mut (impl BufRead + Seek),
        found: Found,
        picture: &mut Description,
        limits: &Limits,
    ) -> Result<Self> {
        let name = found.name();
        reader.seek(SeekFrom::Start(0))?;
        let (frames, size, grey) = decoder(reader, found, limits)?;
        *picture = Description::picture(size, if grey { 1 } else { 3 }, SampleFormat::U8);
        require_frame_fits(name, picture, limits)?;
        let of_frame = picture.positions().saturating_mul(picture.channels.into());
        let (mut delays, mut clear) = (vec![], false);
        for frame in frames {
            let frame = frame.map_err(|error| from_image(error, name, limits))?;
            delays.push(frame.delay().numer_denom_ms());
            Limits::check("samples", of_frame.saturating_mul(delays.len() as u64), limits.samples)?;
            clear = clear || frame.buffer().pixels().any(|pixel| pixel.0[3] != 255);
        }
        picture.channels += u8::from(clear);
        Ok(Survey { delays })
    }
}

/// The frames of an animation, their size, and whether they are grey.
fn decoder<'a, R: BufRead + Seek + 'a>(
    reader: R,
    found: Found,
    limits: &Limits,
) -> Result<(image::Frames<'a>, [u32; 2], bool)> {
    let fault = |error| from_image(error, found.name(), limits);
    let mut budget = image::Limits::default();
    budget.max_alloc = Some(limits.memory_bytes / 2);
    match found {
        Found::Picture(ImageFormat::Gif) => {
            let mut decoder = GifDecoder::new(reader).map_err(fault)?;
            decoder.set_limits(budget).map_err(fault)?;
            let (width, height) = decoder.dimensions();
            Ok((decoder.into_frames(), [width, height], false))
        }
        Found::Picture(ImageFormat::WebP) => {
            let decoder = WebPDecoder::new(reader).map_err(fault)?;
            let (width, height) = decoder.dimensions();
            Ok((decoder.into_frames(), [width, height], false))
        }
        _ => {
            let decoder = PngDecoder::with_limits(reader, budget).map_err(fault)?;
            let (width, height) = decoder.dimensions();
            let grey = matches!(decoder.color_type(), ColorType::L8 | ColorType::La8);
            Ok((decoder.apng().map_err(fault)?.into_frames(), [width, height], grey))
        }
    }
}

/// The samples of a frame with 1 to 4 channels.
fn samples(frame: RgbaImage, channels: u8) -> Vec<u8> {
    let kept: &[usize] = match channels {
        1 => &[0],
        2 => &[0, 3],
        3 => &[0, 1, 2],
        _ => return frame.into_raw(),
    };
    let mut raw = frame.into_raw();
    let mut to = 0;
    for pixel in (0..raw.len()).step_by(4) {
        for &channel in kept {
            raw[to] = raw[pixel + channel];
            to += 1;
        }
    }
    raw.truncate(to);
    raw
}
