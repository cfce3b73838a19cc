//! Turns pixels upright by the orientation of Exif and TIFF (tag 274), which states the corner of the first
//! sample.

use crate::signal::{MetadataKind, Samples, Signal};

/// Applies `orientation`, 1 to 8; 1 and unknown values change nothing. Mirrors and half turns work in place,
/// quarter turns (5 to 8) use a second buffer.
pub(super) fn make_upright(signal: &mut Signal, orientation: u8) {
    let [width, _] = signal.description.lengths()[..] else { return };
    let channels = usize::from(signal.description.channels);
    match &mut signal.samples {
        Samples::U8(v) => turn(v, width as usize, channels, orientation),
        Samples::U16(v) => turn(v, width as usize, channels, orientation),
        Samples::F32(v) => turn(v, width as usize, channels, orientation),
        _ => return,
    }
    if matches!(orientation, 5..=8) {
        signal.description.axes.reverse();
        for block in signal.metadata.iter_mut().filter(|block| block.kind == MetadataKind::Resolution) {
            if let Some((densities, _unit)) = block.bytes.split_at_mut_checked(8) {
                densities.rotate_left(4);
            }
        }
    }
}

fn turn<T: Copy + Default>(samples: &mut Vec<T>, width: usize, channels: usize, orientation: u8) {
    let row = width * channels;
    let height = samples.len() / row;
    match orientation {
        2 => samples.chunks_exact_mut(row).for_each(|row| mirror(row, channels)),
        3 => mirror(samples, channels),
        4 => {
            for y in 0..height / 2 {
                let (top, bottom) = samples.split_at_mut((height - 1 - y) * row);
                top[y * row..][..row].swap_with_slice(&mut bottom[..row]);
            }
        }
        5..=8 => match channels {
            1 => quarter_turn::<T, 1>(samples, width, orientation),
            2 => quarter_turn::<T, 2>(samples, width, orientation),
            3 => quarter_turn::<T, 3>(samples, width, orientation),
            _ => quarter_turn::<T, 4>(samples, width, orientation),
        },
        _ => {}
    }
}

/// Side of the blocks in a quarter turn: small enough that rows and columns both stay in the cache.
const BLOCK: usize = 32;

fn quarter_turn<T: Copy + Default, const N: usize>(samples: &mut Vec<T>, width: usize, orientation: u8) {
    let height = samples.len() / (width * N);
    let mut turned = vec![T::default(); samples.len()];
    let (source, result) = (samples.as_chunks::<N>().0, turned.as_chunks_mut::<N>().0);
    for top in (0..width).step_by(BLOCK) {
        for left in (0..height).step_by(BLOCK) {
            // Row `y` of the result is column `y` of the source, counted from either side and read in either
            // direction.
            for y in top..(top + BLOCK).min(width) {
                let column = if matches!(orientation, 7 | 8) { width - 1 - y } else { y };
                for x in left..(left + BLOCK).min(height) {
                    let line = if matches!(orientation, 6 | 7) { height - 1 - x } else { x };
                    result[y * height + x] = source[line * width + column];
                }
            }
        }
    }
    *samples = turned;
}

/// Reverses the order of pixels, keeping the order of their channels.
fn mirror<T>(samples: &mut [T], channels: usize) {
    samples.reverse();
    samples.chunks_exact_mut(channels).for_each(<[T]>::reverse);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The picture `ab / cd / ef`, with two channels per pixel, turned by `orientation`.
    fn turned(orientation: u8) -> String {
        let mut samples = b"aAbBcCdDeEfF".to_vec();
        turn(&mut samples, 2, 2, orientation);
        let pixels: Vec<_> = samples
            .chunks(2)
            .map(|p| {
                assert_eq!(p[0].to_ascii_uppercase(), p[1]);
                p[0]
            })
            .collect();
        String::from_utf8(pixels).unwrap()
    }

    /// Checked against the table of the Exif standard, which states the visual sides of row 0 and column 0.
    #[test]
    fn every_orientation() {
        let upright = (0..=9).map(turned).collect::<Vec<_>>();
        let (still, turned) = ("abcdef", &upright[1..]);
        assert_eq!((upright[0].as_str(), upright[9].as_str()), (still, still));
        assert_eq!(turned[..4], ["abcdef", "badcfe", "fedcba", "efcdab"]);
        assert_eq!(turned[4..8], ["acebdf", "ecafdb", "fdbeca", "bdface"]);
    }
}
