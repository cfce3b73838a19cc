//! Writes an animated GIF.

use super::film::Film;
use crate::error::{Error, Result};
use crate::signal::{SampleFormat, Samples};
use image::codecs::gif::{GifEncoder, Repeat};
use image::error::ImageError;
use image::{Delay, Frame, RgbaImage};
use std::io::Write;

const NAME: &str = "GIF";
/// The speed of the search for 256 colours, from 1, the best, to 30.
const SPEED: i32 = 10;

/// Writes a video of 8 bits, and tells what is lost. Delays are whole hundredths of a second whose sum keeps
/// the time of the video.
///
/// # Errors
/// [`Error::Unsupported`] for other videos; [`Error::Io`] if writing fails; those of the frames.
pub(super) fn write<W: Write>(film: &mut Film<'_>, writer: W) -> Result<Vec<String>> {
    let description = film.description().clone();
    let refused = |detail: String| Error::unsupported(NAME, detail);
    let (SampleFormat::U8, Some(rate)) = (description.format, description.rate()) else {
        return Err(refused(format!("{:?} samples; APNG and Y4M can hold them", description.format)));
    };
    let [width, height, frames] = description.lengths()[..] else {
        return Err(refused("a signal that is no video".into()));
    };
    if rate.hertz() > 100.0 {
        return Err(refused(format!("{rate} frames per second, but at most 100 were expected")));
    }
    let side = width.max(height);
    if side > u32::from(u16::MAX) {
        return Err(refused(format!("a side of {side} pixels, but at most {} were expected", u16::MAX)));
    }
    let fault = |error| match error {
        ImageError::IoError(error) => Error::Io(error),
        other => refused(other.to_string()),
    };
    let mut encoder = GifEncoder::new_with_speed(writer, SPEED);
    encoder.set_repeat(Repeat::Infinite).map_err(fault)?;
    // The end of a frame in hundredths of a second.
    let end = |frame: usize| (100.0 * frame as f64 / rate.hertz()).round() as u32;
    let channels = usize::from(description.channels);
    for at in 0..frames as usize {
        let Samples::U8(codes) = film.frame()? else {
            return Err(refused("a frame of other samples".into()));
        };
        let colours = codes.chunks_exact(channels).flat_map(|pixel| match *pixel {
            [grey] => [grey, grey, grey, 255],
            [grey, alpha] => [grey, grey, grey, alpha],
            [r, g, b] => [r, g, b, 255],
            [r, g, b, alpha, ..] => [r, g, b, alpha],
            [] => [0; 4],
        });
        let buffer = RgbaImage::from_raw(width, height, colours.collect());
        let Some(buffer) = buffer else { return Err(Error::out_of_memory()) };
        let delay = Delay::from_numer_denom_ms(10 * (end(at + 1) - end(at)), 1);
        encoder.encode_frame(Frame::from_parts(buffer, 0, 0, delay)).map_err(fault)?;
    }
    let mut notes = vec!["it has at most 256 colours in each frame".to_string()];
    if description.has_alpha() {
        notes.push("its alpha is either 0 or 1".into());
    }
    if 100 % rate.numerator() != 0 && rate.hertz().recip() * 100.0 % 1.0 != 0.0 {
        notes.push(format!(
            "its delays are whole hundredths of a second, {rate} frames per second in the mean"
        ));
    }
    Ok(notes)
}
