//! Converts associated alpha (colours multiplied by alpha) to straight alpha.

use crate::signal::Samples;

/// Divides the colours of pixels of `channels` samples by alpha, which is the last sample. For integers the
/// full code means 1; an invalid colour above its alpha becomes the full code. If alpha is 0, the pixel is
/// invisible and its colour becomes 0. Returns the number of pixels whose colour was lost this way.
pub(super) fn straighten(samples: &mut Samples, channels: usize) -> u64 {
    match samples {
        Samples::U8(v) => {
            divide(v, channels, |colour, alpha| rounded(u32::from(colour), u32::from(alpha), 255) as u8)
        }
        Samples::U16(v) => {
            divide(v, channels, |colour, alpha| rounded(u32::from(colour), u32::from(alpha), 65535) as u16)
        }
        Samples::F32(v) => divide(v, channels, |colour, alpha| colour / alpha),
        // Pictures have no other formats.
        _ => 0,
    }
}

/// A note on pixels whose colour was lost, if any.
pub(super) fn note(lost: u64) -> Option<String> {
    let plural = if lost == 1 { "" } else { "s" };
    (lost > 0).then(|| format!("the colour of {lost} pixel{plural} with alpha 0 is not kept"))
}

/// `colour / alpha` in codes up to `full`, rounded to nearest.
fn rounded(colour: u32, alpha: u32, full: u32) -> u32 {
    ((colour * full + alpha / 2) / alpha).min(full)
}

fn divide<T: Copy + Default + PartialEq>(
    samples: &mut [T],
    channels: usize,
    quotient: impl Fn(T, T) -> T,
) -> u64 {
    let mut lost = 0;
    for pixel in samples.chunks_exact_mut(channels) {
        let Some((&mut alpha, colours)) = pixel.split_last_mut() else { continue };
        if alpha == T::default() {
            lost += u64::from(colours.iter().any(|&colour| colour != T::default()));
            colours.fill(T::default());
        } else {
            colours.iter_mut().for_each(|colour| *colour = quotient(*colour, alpha));
        }
    }
    lost
}

#[cfg(test)]
mod tests {
    use super::*;

    fn straight(mut samples: Samples, channels: usize) -> Samples {
        straighten(&mut samples, channels);
        samples
    }

    #[test]
    fn colours_are_divided_by_alpha() {
        let eight = Samples::U8(vec![64, 0, 128, 128, 9, 9, 9, 0, 10, 20, 30, 255]);
        assert_eq!(straight(eight, 4), Samples::U8(vec![128, 0, 255, 128, 0, 0, 0, 0, 10, 20, 30, 255]));
        let sixteen = Samples::U16(vec![1, 3, 65535, 65535, 200, 100]);
        assert_eq!(straight(sixteen, 2), Samples::U16(vec![21845, 3, 65535, 65535, 65535, 100]));
        let single = Samples::F32(vec![1.5, 0.5, 7.0, 0.0]);
        assert_eq!(straight(single, 2), Samples::F32(vec![3.0, 0.5, 0.0, 0.0]));
    }

    #[test]
    fn colours_that_nothing_covers_are_counted() {
        assert_eq!(straighten(&mut Samples::F32(vec![0.0, 0.0, 7.0, 0.0, 1.0, 0.5]), 2), 1);
    }

    #[test]
    fn what_is_multiplied_and_rounded_comes_back_within_a_code_of_its_alpha() {
        for alpha in 1..=255u32 {
            for colour in 0..=255u32 {
                let stored = (colour * alpha + 127) / 255;
                let back = rounded(stored, alpha, 255);
                assert!(back.abs_diff(colour) <= 255u32.div_ceil(2 * alpha), "{colour} at {alpha}: {back}");
            }
        }
    }
}
