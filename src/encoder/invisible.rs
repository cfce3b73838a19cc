//! Replaces colours under an alpha of 0, which are invisible, by smooth ones, which a network represents at
//! almost no cost.
//!
//! Push–pull over a pyramid (Gortler, Grzeszczuk, Szeliski, Cohen, *The Lumigraph*, SIGGRAPH 1996): colours
//! are averaged by their alpha into ever coarser levels; then, from the coarsest level down, each level fills
//! the gaps of the next finer one.

use super::options::EncodeOptions;
use crate::error::Result;
use crate::limits::try_vec;
use crate::signal::source::{read, whole};
use crate::signal::{Description, Kind, Samples, Signal, Source};

/// Red, green and blue (or grey in the first), and their weight, 0 to 1.
type Pixel = [f32; 4];

/// `signal` with smooth colours where alpha is 0; `None` if it has no such samples, if `options` keeps them,
/// or if a gradient is supplied, which describes them too.
///
/// # Errors
/// `Io` if the system has not enough memory.
pub(super) fn smoothed(signal: &dyn Source, options: &EncodeOptions) -> Result<Option<Signal>> {
    let description = signal.description();
    let (channels, positions) = (usize::from(description.channels), description.positions() as usize);
    if description.kind() != Kind::Picture
        || !description.has_alpha()
        || options.keep_invisible
        || options.gradient.is_some()
    {
        return Ok(None);
    }
    let samples = &*read(signal, &whole(description))?;
    let invisible = |position: usize| samples.get(position * channels + channels - 1) <= 0.0;
    if !(0..positions).any(invisible) {
        return Ok(None);
    }
    let filled = coarser(&Picture { description, samples })?.filled()?;
    let mut out = Samples::with_capacity(samples.format(), 0);
    out.reserve(samples.len())?;
    for position in 0..positions {
        let mut values = [0f32; 4];
        let values = &mut values[..channels];
        for (c, value) in values.iter_mut().enumerate() {
            *value = samples.get(position * channels + c);
        }
        if invisible(position) {
            let width = description.lengths()[0] as usize;
            let smooth = filled.between(position % width, position / width);
            values[..channels - 1].copy_from_slice(&smooth[..channels - 1]);
        }
        out.extend_from_units(values);
    }
    let metadata = signal.metadata().to_vec();
    Ok(Some(Signal { description: description.clone(), samples: out, metadata }))
}

/// Pixels of one level of the pyramid.
trait Pixels {
    /// Width and height.
    fn size(&self) -> [usize; 2];
    fn pixel(&self, x: usize, y: usize) -> Pixel;
}

/// The picture itself: the finest level.
struct Picture<'a> {
    description: &'a Description,
    samples: &'a Samples,
}

impl Pixels for Picture<'_> {
    fn size(&self) -> [usize; 2] {
        [0, 1].map(|axis| self.description.lengths()[axis] as usize)
    }
    fn pixel(&self, x: usize, y: usize) -> Pixel {
        let channels = usize::from(self.description.channels);
        let start = (y * self.size()[0] + x) * channels;
        let mut pixel = [0.0; 4];
        for (c, value) in pixel.iter_mut().enumerate().take(channels - 1) {
            *value = self.samples.get(start + c);
        }
        pixel[3] = self.samples.get(start + channels - 1).clamp(0.0, 1.0);
        pixel
    }
}

/// A coarser level of the pyramid.
struct Level {
    size: [usize; 2],
    pixels: Vec<Pixel>,
}

impl Pixels for Level {
    fn size(&self) -> [usize; 2] {
        self.size
    }
    fn pixel(&self, x: usize, y: usize) -> Pixel {
        self.pixels[y * self.size[0] + x]
    }
}

/// The next coarser level, half as wide and half as high: weighted means of 2×2 pixels, whose weight is the
/// sum of theirs, at most 1.
fn coarser(fine: &impl Pixels) -> Result<Level> {
    let [width, height] = fine.size();
    let size = [width.div_ceil(2), height.div_ceil(2)];
    let mut pixels = try_vec(size[0] * size[1])?;
    for (y, x) in (0..size[1]).flat_map(|y| (0..size[0]).map(move |x| (y, x))) {
        let mut sum = [0f32; 4];
        for (dy, dx) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            if 2 * x + dx < width && 2 * y + dy < height {
                let [r, g, b, weight] = fine.pixel(2 * x + dx, 2 * y + dy);
                [r * weight, g * weight, b * weight, weight].iter().zip(&mut sum).for_each(|(v, s)| *s += v);
            }
        }
        let weight = sum[3];
        let mean = |sum: f32| if weight > 0.0 { sum / weight } else { 0.0 };
        pixels.push([mean(sum[0]), mean(sum[1]), mean(sum[2]), weight.min(1.0)]);
    }
    Ok(Level { size, pixels })
}

impl Level {
    /// This level with its gaps filled from coarser ones.
    fn filled(mut self) -> Result<Self> {
        if self.pixels.len() == 1 || self.pixels.iter().all(|pixel| pixel[3] >= 1.0) {
            return Ok(self);
        }
        let coarse = coarser(&self)?.filled()?;
        for (i, at) in (0..self.pixels.len()).map(|i| (i, (i % self.size[0], i / self.size[0]))) {
            let (pixel, coarse) = (&mut self.pixels[i], coarse.between(at.0, at.1));
            let weight = pixel[3];
            pixel
                .iter_mut()
                .zip(coarse)
                .take(3)
                .for_each(|(own, coarse)| *own = weight * *own + (1.0 - weight) * coarse);
        }
        Ok(self)
    }

    /// The colour at pixel `(x, y)` of the next finer level, interpolated from this one, whose pixels are
    /// twice as far apart.
    fn between(&self, x: usize, y: usize) -> [f32; 3] {
        // The centre of a fine pixel lies a quarter of a coarse pixel beside the centre of the coarse pixel
        // that contains it.
        let near = |at: usize, count: usize| {
            let other =
                if at.is_multiple_of(2) { (at / 2).saturating_sub(1) } else { (at / 2 + 1).min(count - 1) };
            [(at / 2, 0.75), (other, 0.25)]
        };
        let mut colour = [0f32; 3];
        for (row, down) in near(y, self.size[1]) {
            for (column, across) in near(x, self.size[0]) {
                let pixel = self.pixel(column, row);
                colour.iter_mut().zip(pixel).for_each(|(sum, v)| *sum += down * across * v);
            }
        }
        colour
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::metric::tests::picture;

    /// An opaque disc of one colour in the middle of `hidden` ones.
    fn disc(hidden: impl Fn(usize) -> u8) -> Signal {
        let pixel = |i: usize| {
            let (x, y) = ((i % 37) as f32 - 18.0, (i / 37) as f32 - 12.0);
            if x.hypot(y) < 8.0 {
                [200, 100, 50, 255]
            } else {
                [hidden(3 * i), hidden(3 * i + 1), hidden(3 * i + 2), 0]
            }
        };
        picture(37, 25, 4, Samples::U8((0..37 * 25).flat_map(pixel).collect()))
    }

    #[test]
    fn what_is_hidden_does_not_matter_and_goes_on_as_what_is_visible() {
        let options = EncodeOptions::default();
        let noise = disc(|i| (i * 7919 % 251) as u8);
        let smooth = smoothed(&noise, &options).unwrap().unwrap();
        assert_eq!(smooth, smoothed(&disc(|_| 0), &options).unwrap().unwrap());
        let Samples::U8(samples) = &smooth.samples else { panic!("8 bits") };
        assert!(samples.chunks_exact(4).all(|pixel| pixel[..3] == [200, 100, 50]));
        let alphas =
            |signal: &Signal| (0..37 * 25).map(|i| signal.samples.get(4 * i + 3)).collect::<Vec<_>>();
        assert_eq!(alphas(&smooth), alphas(&noise));
    }

    #[test]
    fn between_two_colours_are_those_between_them() {
        // Black on the left, white on the right, nothing visible in between.
        let pixel = |i: u16| match i % 64 {
            0..8 => [0, u16::MAX],
            56.. => [u16::MAX, u16::MAX],
            _ => [(u32::from(i) * 9973 % 65521) as u16, 0],
        };
        let signal = picture(64, 16, 2, Samples::U16((0..1024).flat_map(pixel).collect()));
        let smooth = smoothed(&signal, &EncodeOptions::default()).unwrap().unwrap();
        let row: Vec<f32> = (0..64).map(|x| smooth.samples.get(2 * (64 * 8 + x))).collect();
        assert!(row.windows(2).all(|pair| (-0.01..0.15).contains(&(pair[1] - pair[0]))), "{row:?}");
        assert!(row[..8].iter().all(|&v| v == 0.0) && row[56..].iter().all(|&v| v == 1.0));
    }

    #[test]
    fn pictures_without_invisible_samples_are_as_they_are() {
        let mut options = EncodeOptions::default();
        let opaque = picture(2, 1, 2, Samples::U8(vec![1, 255, 2, 1]));
        let grey = picture(2, 1, 1, Samples::U8(vec![0, 0]));
        let invisible = picture(1, 1, 2, Samples::U8(vec![77, 0]));
        assert!(smoothed(&opaque, &options).unwrap().is_none());
        assert!(smoothed(&grey, &options).unwrap().is_none());
        // No visible colour to extend.
        assert_eq!(smoothed(&invisible, &options).unwrap().unwrap().samples, Samples::U8(vec![0, 0]));
        options.keep_invisible = true;
        assert!(smoothed(&invisible, &options).unwrap().is_none());
    }
}
