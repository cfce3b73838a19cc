//! Writes a YUV4MPEG2 file: chroma at every pixel, in limited range.

use super::colour::Matrix;
use super::header::NAME;
use crate::error::{Error, Result};
use crate::limits::try_filled;
use crate::media::video::film::Film;
use crate::signal::SampleFormat;
use std::io::Write;

/// Writes a video of 8 or 16 bits, grey or RGB.
///
/// # Errors
/// [`Error::Unsupported`] for other videos; [`Error::Io`] if writing fails; those of the frames.
pub(in crate::media) fn write<W: Write>(film: &mut Film<'_>, mut writer: W) -> Result<()> {
    let description = film.description();
    let (depth, suffix) = match description.format {
        SampleFormat::U8 => (8, ""),
        SampleFormat::U16 => (16, "16"),
        other => return Err(Error::unsupported(NAME, format!("{other:?} samples"))),
    };
    let (&[width, height, frames], Some(rate)) = (&description.lengths()[..], description.rate()) else {
        return Err(Error::unsupported(NAME, "a signal that is no video"));
    };
    let (channels, chroma) = match description.channels {
        1 => (1, format!("mono{suffix}")),
        3 if depth == 16 => (3, "444p16".into()),
        3 => (3, "444".into()),
        other => return Err(Error::unsupported(NAME, format!("{other} channels"))),
    };
    writeln!(
        writer,
        "YUV4MPEG2 W{width} H{height} F{}:{} Ip A1:1 C{chroma} XCOLORRANGE=LIMITED",
        rate.numerator(),
        rate.denominator()
    )?;
    let matrix = Matrix::of(height, depth, false);
    let most = ((1u32 << depth) - 1) as f32;
    let bytes = depth as usize / 8;
    let pixels = width as usize * height as usize;
    let mut planes: Vec<u8> = try_filled(pixels * channels * bytes, 0)?;
    let put = |planes: &mut [u8], at: usize, code: f32| {
        let code = (code.round_ties_even().clamp(0.0, most) as u16).to_le_bytes();
        planes[bytes * at..bytes * (at + 1)].copy_from_slice(&code[..bytes]);
    };
    for _ in 0..frames {
        let frame = film.frame()?;
        for pixel in 0..pixels {
            let value = |channel| frame.get(channels * pixel + channel);
            if channels == 1 {
                put(&mut planes, pixel, matrix.code(value(0)));
            } else {
                let codes = matrix.codes([value(0), value(1), value(2)]);
                (0..3).for_each(|plane| put(&mut planes, plane * pixels + pixel, codes[plane]));
            }
        }
        writer.write_all(b"FRAME\n")?;
        writer.write_all(&planes)?;
    }
    Ok(())
}
