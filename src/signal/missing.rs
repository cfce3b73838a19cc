//! The mask of missing samples: which samples of binary32 have no value.

use crate::error::Result;
use crate::limits::try_filled;
use crate::signal::{Description, Samples};
#[cfg(feature = "encoder")]
use std::ops::Range;
use std::sync::Arc;

/// Bits of a word of the mask.
const WORD: u64 = u64::BITS as u64;

/// Which samples of a signal are missing, at least one of them. A missing sample is NaN in [`Samples`]. Copies share their memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    lengths: Vec<u32>,
    channels: u8,
    /// One plane if all channels of a position are missing together, otherwise one for each channel.
    planes: u8,
    /// A bit for each position of each plane, first axis fastest; set where samples are missing.
    words: Arc<Vec<u64>>,
}

impl Missing {
    /// The samples of a signal that are NaN; `None` if there are none.
    ///
    /// # Errors
    /// `Io` if the system has no memory for the mask.
    ///
    /// # Panics
    /// If there are fewer samples than `description` says.
    pub fn of(description: &Description, samples: &Samples) -> Result<Option<Self>> {
        let Samples::F32(values) = samples else { return Ok(None) };
        if !samples.has_missing() {
            return Ok(None);
        }
        let channels = usize::from(description.channels);
        let together = |samples: &[f32]| samples.iter().all(|sample| sample.is_nan() == samples[0].is_nan());
        let planes = if values.chunks_exact(channels).all(together) { 1 } else { description.channels };
        let mut mask = Mask::new(description.positions() * u64::from(planes))?;
        for plane in 0..usize::from(planes) {
            values.iter().skip(plane).step_by(channels).for_each(|sample| mask.push(sample.is_nan()));
        }
        Ok(Some(Missing::new(description, planes, mask)))
    }

    /// A mask of a signal of `description`, which has as many planes.
    pub(crate) fn new(description: &Description, planes: u8, mask: Mask) -> Self {
        let (lengths, channels) = (description.lengths(), description.channels);
        Missing { lengths, channels, planes, words: Arc::new(mask.words) }
    }

    /// The number of planes: 1 if all channels of each position are missing together, otherwise one for each channel.
    pub fn planes(&self) -> u8 {
        self.planes
    }
    /// Whether the mask is one of signals of `description`.
    pub fn belongs_to(&self, description: &Description) -> bool {
        (&self.lengths, self.channels) == (&description.lengths(), description.channels)
    }
    /// The number of samples that are missing: of each channel of each position.
    pub fn samples(&self) -> u64 {
        let set: u64 = self.words.iter().map(|word| u64::from(word.count_ones())).sum();
        set * u64::from(self.channels / self.planes)
    }
    /// Bytes of memory.
    pub(crate) fn bytes(&self) -> u64 {
        size_of_val(&self.words[..]) as u64
    }
    /// Bit `number` of the planes, one after the other.
    pub(crate) fn bit(&self, number: u64) -> bool {
        self.words[(number / WORD) as usize] >> (number % WORD) & 1 != 0
    }
    /// Positions of the signal.
    fn positions(&self) -> u64 {
        self.lengths.iter().map(|&length| u64::from(length)).product()
    }
    /// Whether the sample of `channel` at `position`, its number with the first axis fastest, is missing.
    ///
    /// # Panics
    /// If there is no such position.
    pub fn is_missing(&self, position: u64, channel: usize) -> bool {
        let plane = if self.planes == 1 { 0 } else { channel as u64 };
        self.bit(plane * self.positions() + position)
    }
    /// The lengths of the axes.
    pub(crate) fn lengths(&self) -> &[u32] {
        &self.lengths
    }
    /// The number of the position of the sample nearest to `position`, which has a number along each axis.
    pub(crate) fn sample_at(&self, position: &[f64]) -> u64 {
        let axes = position.iter().zip(&self.lengths).rev();
        axes.fold(0, |number, (&p, &length)| number * u64::from(length) + u64::from(Missing::nearest(p)))
    }
    /// The number of the sample nearest to `position` along an axis; the lower one halfway between two.
    pub(crate) fn nearest(position: f64) -> u32 {
        // Below 0 it is sample 0.
        (position - 0.5).ceil() as u32
    }
}

#[cfg(feature = "encoder")]
impl Missing {
    /// Whether all samples at `position` are missing.
    pub(crate) fn is_empty(&self, position: u64) -> bool {
        (0..usize::from(self.planes)).all(|plane| self.is_missing(position, plane))
    }
    /// The positions of a box at which a sample exists, as numbers within the box, ascending.
    pub(crate) fn existing<'a>(&'a self, ranges: &'a [Range<u32>]) -> impl Iterator<Item = u64> + 'a {
        let width = u64::from(ranges[0].end - ranges[0].start);
        self.lines(ranges).zip(0..).flat_map(move |(start, line)| {
            (0..width).filter(move |x| !self.is_empty(start + x)).map(move |x| line * width + x)
        })
    }
    /// The number of positions of a box at which a sample exists.
    pub(crate) fn count_existing(&self, ranges: &[Range<u32>]) -> u64 {
        if self.planes > 1 {
            return self.existing(ranges).count() as u64;
        }
        let width = u64::from(ranges[0].end - ranges[0].start);
        self.lines(ranges).map(|start| width - self.ones(start..start + width)).sum()
    }
    /// The numbers of the first positions of the lines of a box along the first axis.
    fn lines<'a>(&'a self, ranges: &'a [Range<u32>]) -> impl Iterator<Item = u64> + 'a {
        let count: u64 = ranges[1..].iter().map(|range| u64::from(range.end - range.start)).product();
        (0..count).map(|mut line| {
            let mut start = u64::from(ranges[0].start);
            let mut stride = u64::from(self.lengths[0]);
            for (range, &length) in ranges.iter().zip(&self.lengths).skip(1) {
                let side = u64::from(range.end - range.start);
                start += stride * (u64::from(range.start) + line % side);
                line /= side;
                stride *= u64::from(length);
            }
            start
        })
    }
    /// The number of set bits in a range.
    fn ones(&self, range: Range<u64>) -> u64 {
        let (first, end) = (range.start / WORD, range.end.div_ceil(WORD));
        let of = |n: u64| {
            let mut word = self.words[n as usize];
            if n == first {
                word &= u64::MAX << (range.start % WORD);
            }
            if n == end - 1 && !range.end.is_multiple_of(WORD) {
                word &= !(u64::MAX << (range.end % WORD));
            }
            u64::from(word.count_ones())
        };
        (first..end).map(of).sum()
    }
}

/// Bits that are appended one by one.
pub(crate) struct Mask {
    words: Vec<u64>,
    length: u64,
}

impl Mask {
    /// No bits, with memory for `bits`.
    pub fn new(bits: u64) -> Result<Self> {
        Ok(Mask { words: try_filled(bits.div_ceil(WORD), 0)?, length: 0 })
    }
    /// Appends a bit.
    ///
    /// # Panics
    /// Beyond the bits for which there is memory.
    pub fn push(&mut self, bit: bool) {
        self.words[(self.length / WORD) as usize] |= u64::from(bit) << (self.length % WORD);
        self.length += 1;
    }
    /// Bit `number`, 0 if it has not been appended.
    pub fn bit(&self, number: u64) -> bool {
        self.words[(number / WORD) as usize] >> (number % WORD) & 1 != 0
    }
}

#[cfg(all(test, feature = "encoder"))]
mod tests {
    use super::*;
    use crate::signal::SampleFormat;

    const N: f32 = f32::NAN;

    fn of(channels: u8, samples: &[f32]) -> Option<Missing> {
        let width = samples.len() as u32 / u32::from(channels) / 2;
        let description = Description::picture([width, 2], channels, SampleFormat::F32);
        Missing::of(&description, &Samples::F32(samples.to_vec())).unwrap()
    }

    #[test]
    fn a_mask_has_one_plane_if_channels_are_missing_together() {
        assert_eq!(of(1, &[0.0, 1.0]), None);
        let together = of(2, &[0.0, 1.0, N, N, 2.0, 3.0, N, N]).unwrap();
        assert_eq!((together.planes(), together.samples()), (1, 4));
        let apart = of(2, &[0.0, N, N, N, 2.0, 3.0, N, N]).unwrap();
        assert_eq!((apart.planes(), apart.samples()), (2, 5));
        for (mask, expected) in [(&together, [false, false]), (&apart, [false, true])] {
            assert_eq!([0, 1].map(|channel| mask.is_missing(0, channel)), expected);
            assert!(mask.is_empty(1) && !mask.is_empty(0) && mask.is_missing(3, 1));
        }
    }

    #[test]
    fn a_box_gives_the_positions_that_exist_in_it() {
        let mask = of(1, &[0.0, N, 1.0, 2.0, N, N, 3.0, 4.0]).unwrap();
        let of_box = |x: Range<u32>, y: Range<u32>| {
            let ranges = [x, y];
            let positions = mask.existing(&ranges).collect::<Vec<_>>();
            assert_eq!(mask.count_existing(&ranges), positions.len() as u64);
            positions
        };
        assert_eq!(of_box(0..4, 0..2), [0, 2, 3, 6, 7]);
        assert_eq!(of_box(1..3, 0..2), [1, 3]);
        assert!(of_box(0..2, 1..2).is_empty());
    }

    #[test]
    fn counts_are_those_of_the_bits_in_any_box() {
        let samples = (0..300u32 * 4).map(|i| if i * i % 7 < 3 { N } else { 0.0 }).collect::<Vec<_>>();
        let mask = of(1, &samples).unwrap();
        for (from, to) in [(0, 600), (63, 65), (64, 128), (1, 64), (599, 600), (0, 64), (5, 5)] {
            let ranges = [from..to, 0..2];
            assert_eq!(mask.count_existing(&ranges), mask.existing(&ranges).count() as u64, "{ranges:?}");
        }
    }

    #[test]
    fn halfway_between_two_samples_the_lower_one_is_nearest() {
        let cases = [
            (-0.5, 0),
            (0.0, 0),
            (1e-300, 0),
            (0.5, 0),
            (0.50001, 1),
            (1.5, 1),
            (2.4, 2),
            (2147483646.5, 2147483646),
        ];
        for (position, expected) in cases {
            assert_eq!(Missing::nearest(position), expected, "{position}");
        }
    }
}
