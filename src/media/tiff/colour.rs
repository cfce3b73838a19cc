//! Converts stored colours to grey or RGB.

use super::from_tiff;
use super::layout::{Colours, Layout};
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::signal::Samples;
use std::io::{Read, Seek};
use tiff::decoder::Decoder;
use tiff::tags::Tag;

/// The conversion of the samples.
pub(super) enum Map {
    /// Samples are grey or RGB already; codes of fewer than 8 bits are scaled to 8 bits.
    Plain,
    /// Grey whose lowest value is white.
    Inverted,
    /// Red, green and blue of every code, in 8 or 16 bits, and whether all colours are grey.
    Palette {
        colours: Samples,
        grey: bool,
    },
    Cmyk,
    YCbCr,
}

impl Map {
    pub fn of<R: Read + Seek>(decoder: &mut Decoder<R>, layout: &Layout, limits: &Limits) -> Result<Self> {
        Ok(match layout.colours {
            Colours::Grey { inverted: false } | Colours::Rgb => Map::Plain,
            Colours::Grey { inverted: true } => Map::Inverted,
            Colours::Cmyk => Map::Cmyk,
            Colours::YCbCr => Map::YCbCr,
            Colours::Palette => {
                let found = decoder.find_tag_unsigned_vec::<u16>(Tag::ColorMap);
                let stored = found.map_err(|error| from_tiff(error, limits))?.unwrap_or_default();
                palette(&stored, 1 << layout.bits)?
            }
        })
    }

    /// The number of channels of the result.
    pub fn channels(&self, layout: &Layout) -> u8 {
        match self {
            Map::Plain | Map::Inverted => layout.channels(),
            Map::Palette { grey: true, .. } => 1,
            Map::Palette { .. } | Map::Cmyk | Map::YCbCr => 3,
        }
    }

    /// Converts stored samples to those of the signal.
    pub fn apply(&self, samples: Samples, layout: &Layout) -> Result<Samples> {
        let top = if layout.bits < 8 { (1u8 << layout.bits) - 1 } else { u8::MAX };
        let channels = usize::from(layout.channels());
        Ok(match (self, samples) {
            (Map::Plain, Samples::U8(v)) => {
                Samples::U8(v.into_iter().map(|code| code * (255 / top)).collect())
            }
            (Map::Plain, plain) => plain,
            (Map::Inverted, Samples::U8(mut v)) => {
                grey(&mut v, channels, |code| (top - code) * (255 / top));
                Samples::U8(v)
            }
            (Map::Inverted, Samples::U16(mut v)) => {
                grey(&mut v, channels, |code| u16::MAX - code);
                Samples::U16(v)
            }
            (Map::Inverted, Samples::F32(mut v)) => {
                grey(&mut v, channels, |value| 1.0 - value);
                Samples::F32(v)
            }
            (Map::Palette { colours, grey }, codes) => {
                let codes: Vec<usize> = match codes {
                    Samples::U8(v) => v.into_iter().map(usize::from).collect(),
                    Samples::U16(v) => v.into_iter().map(usize::from).collect(),
                    other => return Err(unexpected(&other)),
                };
                let kept = if *grey { 1 } else { 3 };
                match colours {
                    Samples::U8(of) => Samples::U8(looked_up(&codes, of, kept)),
                    Samples::U16(of) => Samples::U16(looked_up(&codes, of, kept)),
                    other => return Err(unexpected(other)),
                }
            }
            (Map::Cmyk, Samples::U8(v)) => {
                let inks = v.as_chunks().0.iter();
                Samples::U8(
                    inks.flat_map(|ink| rgb(ink.map(u32::from), 255)).map(|code| code as u8).collect(),
                )
            }
            (Map::Cmyk, Samples::U16(v)) => {
                let inks = v.as_chunks().0.iter();
                let codes = inks.flat_map(|ink| rgb(ink.map(u32::from), 65535));
                Samples::U16(codes.map(|code| code as u16).collect())
            }
            (Map::YCbCr, Samples::U8(v)) => {
                Samples::U8(v.as_chunks().0.iter().flat_map(|&pixel| from_ycbcr(pixel)).collect())
            }
            (_, other) => return Err(unexpected(&other)),
        })
    }
}

fn unexpected(samples: &Samples) -> Error {
    Error::unsupported("TIFF", format!("{:?} samples of such colours", samples.format()))
}

/// Applies `change` to the first of `channels` samples of every pixel.
fn grey<T: Copy>(samples: &mut [T], channels: usize, change: impl Fn(T) -> T) {
    samples.chunks_exact_mut(channels).for_each(|pixel| pixel[0] = change(pixel[0]));
}

fn looked_up<T: Copy>(codes: &[usize], colours: &[T], kept: usize) -> Vec<T> {
    codes.iter().flat_map(|code| &colours[3 * code..3 * code + kept]).copied().collect()
}

/// A palette of `count` colours, stored as all reds, all greens, all blues, in 16 bits. Palettes that were
/// made from 8 bits are converted back: multiples of 257, or of 256 or in the low byte as older writers store
/// them.
fn palette(stored: &[u16], count: usize) -> Result<Map> {
    if stored.len() != 3 * count {
        let detail = format!("a palette of {} numbers, but {} were expected", stored.len(), 3 * count);
        return Err(Error::format("TIFF", detail));
    }
    let colours: Vec<u16> =
        (0..count).flat_map(|i| [stored[i], stored[count + i], stored[2 * count + i]]).collect();
    let grey = colours.as_chunks::<3>().0.iter().all(|[r, g, b]| r == g && g == b);
    let all = |test: fn(u16) -> bool| colours.iter().all(|&code| test(code));
    let eight = if all(|code| code % 257 == 0) || all(|code| code % 256 == 0) {
        Some(8)
    } else if all(|code| code < 256) {
        Some(0)
    } else {
        None
    };
    let colours = match eight {
        Some(shift) => Samples::U8(colours.iter().map(|code| (code >> shift) as u8).collect()),
        None => Samples::U16(colours),
    };
    Ok(Map::Palette { colours, grey })
}

/// The plain formula from CMYK to RGB, in codes up to `full`: the light that each ink and black let through.
fn rgb([c, m, y, k]: [u32; 4], full: u32) -> [u32; 3] {
    [c, m, y].map(|ink| ((full - ink) * (full - k) + full / 2) / full)
}

/// Full-range ITU-R BT.601, as in JPEG.
fn from_ycbcr([y, cb, cr]: [u8; 3]) -> [u8; 3] {
    let (y, cb, cr) = (f32::from(y), f32::from(cb) - 128.0, f32::from(cr) - 128.0);
    [y + 1.402 * cr, y - 0.344_136 * cb - 0.714_136 * cr, y + 1.772 * cb].map(|value| value.round() as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn eight(stored: &[u16]) -> (Samples, bool) {
        let Ok(Map::Palette { colours, grey }) = palette(stored, stored.len() / 3) else { panic!() };
        (colours, grey)
    }

    #[test]
    fn palettes_of_8_bits_come_back_whatever_their_scale() {
        for scale in [257, 256, 1] {
            let stored = [1, 255, 2, 0, 3, 9].map(|code: u16| code * scale);
            assert_eq!(eight(&stored), (Samples::U8(vec![1, 2, 3, 255, 0, 9]), false), "{scale}");
        }
        assert_eq!(eight(&[300, 300, 300]), (Samples::U16(vec![300; 3]), true));
        assert!(palette(&[0; 5], 2).is_err());
    }

    #[test]
    fn inks_and_luma_become_rgb() {
        assert_eq!(rgb([0, 255, 128, 0], 255), [255, 0, 127]);
        assert_eq!(rgb([0, 0, 0, 65535], 65535), [0; 3]);
        assert_eq!(from_ycbcr([76, 85, 255]), [254, 0, 0]);
        assert_eq!(from_ycbcr([200, 128, 128]), [200; 3]);
    }
}
