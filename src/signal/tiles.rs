//! The partition of a signal into overlapping tiles, and the weights that blend them.
//!
//! Axis `a` of length `N` is divided into `n` cores at the boundaries `B(k) = ⌊k·N / n⌋`; every tile extends
//! `overlap` samples beyond its inner boundaries. Around each inner boundary the weight passes from one tile
//! to the next by a quintic whose value, slope and curvature match at both ends (C²), and the weights at any
//! position sum to one. The axes of a scale (see [`Description::scales`]) share their overlap.

use crate::error::{Error, Result};
use crate::signal::Description;
use std::ops::RangeInclusive;

/// The partition of a signal into tiles.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tiles {
    lengths: Vec<u32>,
    counts: Vec<u32>,
    /// The scale of each axis.
    scales: Vec<usize>,
    /// The overlap of each scale; 0 if none of its axes is divided.
    overlaps: Vec<u32>,
}

/// One tile: a box of native samples with its own local coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tile {
    /// Index of the tile along each axis.
    pub index: Vec<u32>,
    /// First native sample of the extended box along each axis.
    pub start: Vec<u32>,
    /// One past the last native sample of the extended box along each axis.
    pub end: Vec<u32>,
    /// For each axis the length of the box along the longest axis of its scale, native samples: what −1..1 spans.
    pub spans: Vec<u32>,
}

impl Tiles {
    /// One tile over the whole signal: the usual case.
    pub fn one(description: &Description) -> Self {
        let scales = description.scales();
        let overlaps = vec![0; scales.iter().max().map_or(0, |&last| last + 1)];
        Tiles { lengths: description.lengths(), counts: vec![1; scales.len()], scales, overlaps }
    }

    /// `counts` tiles along each axis, extended by `overlap` native samples beyond inner boundaries.
    ///
    /// # Errors
    /// The errors of [`Tiles::with_overlaps`].
    pub fn new(description: &Description, counts: &[u32], overlap: u32) -> Result<Self> {
        let scales = Self::one(description).overlaps.len();
        Self::with_overlaps(description, counts, &vec![overlap; scales])
    }

    /// `counts` tiles along each axis, extended by the overlap of the axis' scale, native samples, beyond inner
    /// boundaries. The overlap of a scale without a divided axis has no effect.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless there is an overlap for each scale, each count is between 1 and the axis
    /// length, and each core along a divided axis is at least twice the overlap long, so that no more than two
    /// tiles of an axis overlap anywhere.
    pub fn with_overlaps(description: &Description, counts: &[u32], overlaps: &[u32]) -> Result<Self> {
        let one = Self::one(description);
        if (counts.len(), overlaps.len()) != (one.counts.len(), one.overlaps.len()) {
            let (counts, overlaps) = (counts.len(), overlaps.len());
            let (axes, scales) = (one.counts.len(), one.overlaps.len());
            let detail = format!("{counts} counts for {axes} axes, {overlaps} overlaps for {scales} scales");
            return Err(Error::parameter("tiles", detail));
        }
        let divided = |scale| one.scales.iter().zip(counts).any(|(&of, &count)| of == scale && count > 1);
        let overlap = |(scale, &overlap)| if divided(scale) { overlap } else { 0 };
        let overlaps = overlaps.iter().enumerate().map(overlap).collect();
        let tiles = Tiles { counts: counts.to_vec(), overlaps, ..one };
        for (axis, (&count, &length)) in tiles.counts.iter().zip(&tiles.lengths).enumerate() {
            let overlap = tiles.overlap(axis);
            if count == 0 || count > length {
                return Err(Error::parameter(
                    "tiles",
                    format!("{count} tiles along an axis of {length} samples"),
                ));
            }
            if count > 1 && u64::from(length / count) < 2 * u64::from(overlap) {
                return Err(Error::parameter(
                    "overlap",
                    format!("{overlap} samples, more than half of the smallest core of {}", length / count),
                ));
            }
        }
        Ok(tiles)
    }

    /// Whether this is a partition of a signal of `description`.
    #[cfg(feature = "encoder")]
    pub(crate) fn belong_to(&self, description: &Description) -> bool {
        (&self.lengths, &self.scales) == (&description.lengths(), &description.scales())
    }
    /// Number of tiles along each axis.
    pub fn counts(&self) -> &[u32] {
        &self.counts
    }
    /// Native samples by which tiles extend beyond inner boundaries along an axis.
    pub fn overlap(&self, axis: usize) -> u32 {
        self.overlaps[self.scales[axis]]
    }
    /// The overlaps of the scales of which an axis is divided.
    pub fn overlaps(&self) -> Vec<u32> {
        let divided =
            |scale| self.scales.iter().zip(&self.counts).any(|(&of, &count)| of == scale && count > 1);
        self.overlaps.iter().enumerate().filter(|&(scale, _)| divided(scale)).map(|(_, &n)| n).collect()
    }
    /// The number of tiles.
    pub fn len(&self) -> usize {
        self.counts.iter().map(|&n| n as usize).product()
    }
    /// Always false: a partition has at least one tile.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Boundary `k` of `axis`: `⌊k·N / n⌋`.
    fn boundary(&self, axis: usize, k: u32) -> u32 {
        (u64::from(k) * u64::from(self.lengths[axis]) / u64::from(self.counts[axis])) as u32
    }

    /// Tile `number`, counted with the first axis fastest.
    ///
    /// # Panics
    /// If `number` is not below [`Tiles::len`].
    pub fn tile(&self, number: usize) -> Tile {
        assert!(number < self.len(), "tile {number} of {}", self.len());
        let (mut rest, mut index, mut start, mut end) = (number, vec![], vec![], vec![]);
        for (axis, &count) in self.counts.iter().enumerate() {
            let k = (rest % count as usize) as u32;
            rest /= count as usize;
            let (from, to) = self.extended(axis, k);
            index.push(k);
            start.push(from);
            end.push(to);
        }
        let side = |axis: usize| end[axis] - start[axis];
        let of_scale = |scale| (0..self.scales.len()).filter(move |&axis| self.scales[axis] == scale);
        let span = |&scale: &usize| of_scale(scale).map(side).max().unwrap_or(1);
        let spans = self.scales.iter().map(span).collect();
        Tile { index, start, end, spans }
    }

    /// The core of tile `k` along `axis`, native samples: the tile without its extension beyond inner
    /// boundaries.
    pub fn core(&self, axis: usize, k: u32) -> std::ops::Range<u32> {
        self.boundary(axis, k)..self.boundary(axis, k + 1)
    }

    /// The extended box of tile `k` along `axis`, as `start..end` in native samples.
    fn extended(&self, axis: usize, k: u32) -> (u32, u32) {
        let overlap = self.overlap(axis);
        let from = self.boundary(axis, k).saturating_sub(overlap);
        let to = self.boundary(axis, k + 1).saturating_add(overlap).min(self.lengths[axis]);
        (from, to)
    }

    /// The weight of tile `k` along `axis` at `position` (native samples): binary64, one IEEE operation at a
    /// time in the written order, rounded to binary32 at the end. 0 outside the tile.
    pub fn weight(&self, axis: usize, k: u32, position: f64) -> f32 {
        let (edge, overlap) = (position + 0.5, self.overlap(axis));
        let rising = if k == 0 { 1.0 } else { ramp(edge, self.boundary(axis, k), overlap) };
        let last = k + 1 == self.counts[axis];
        let falling = if last { 0.0 } else { ramp(edge, self.boundary(axis, k + 1), overlap) };
        (rising - falling) as f32
    }

    /// The first and second derivative of [`Tiles::weight`] by the position, per native sample; 0 at a hard
    /// seam.
    pub fn weight_derivatives(&self, axis: usize, k: u32, position: f64) -> [f64; 2] {
        let rising = if k == 0 { [0.0; 2] } else { self.ramp_derivatives(axis, k, position) };
        if k + 1 == self.counts[axis] {
            return rising;
        }
        let falling = self.ramp_derivatives(axis, k + 1, position);
        [rising[0] - falling[0], rising[1] - falling[1]]
    }

    /// The slope `30u²(1 − u)²` and the curvature `60u(1 − u)(1 − 2u)` of the quintic, 0 outside the blend.
    fn ramp_derivatives(&self, axis: usize, k: u32, position: f64) -> [f64; 2] {
        let u = self.phase(axis, k, position);
        if u <= 0.0 || u >= 1.0 {
            return [0.0; 2];
        }
        let (both, width) = (u * (1.0 - u), 2.0 * f64::from(self.overlap(axis)));
        [30.0 * both * both / width, 60.0 * both * (1.0 - 2.0 * u) / (width * width)]
    }

    /// Progress `u` of the blend around boundary `k` at `position`: 0 before the blend, 1 after it.
    pub(crate) fn phase(&self, axis: usize, k: u32, position: f64) -> f64 {
        let (distance, overlap) = (position + 0.5 - f64::from(self.boundary(axis, k)), self.overlap(axis));
        if overlap == 0 {
            return if distance < 0.0 { 0.0 } else { 1.0 };
        }
        (distance / (2.0 * f64::from(overlap)) + 0.5).clamp(0.0, 1.0)
    }

    /// The tiles of `axis` with a weight above 0 at `position`: one, or two neighbours.
    pub fn touching(&self, axis: usize, position: f64) -> RangeInclusive<u32> {
        let last = self.counts[axis] - 1;
        let sample = (position + 0.5).clamp(0.0, f64::from(self.lengths[axis]) - 0.5);
        // The core that contains the position; `boundary` rounds down, so the estimate may be one too small
        // or large.
        let mut k = (sample * f64::from(self.counts[axis]) / f64::from(self.lengths[axis])) as u32;
        k = k.min(last);
        while k > 0 && sample < f64::from(self.boundary(axis, k)) {
            k -= 1;
        }
        while k < last && sample >= f64::from(self.boundary(axis, k + 1)) {
            k += 1;
        }
        let first = if k > 0 && self.weight(axis, k - 1, position) > 0.0 { k - 1 } else { k };
        let second = if k < last && self.weight(axis, k + 1, position) > 0.0 { k + 1 } else { k };
        first..=second
    }
}

/// The blend around `boundary`: 0 before it, 1 after it, and the quintic `u³(10 + u(6u − 15))` inside.
fn ramp(edge: f64, boundary: u32, overlap: u32) -> f64 {
    let (distance, radius) = (edge - f64::from(boundary), f64::from(overlap));
    if distance <= -radius {
        if overlap == 0 && distance == 0.0 { 1.0 } else { 0.0 }
    } else if distance >= radius {
        1.0
    } else {
        let u = (distance + radius) / (2.0 * radius);
        u * u * u * (10.0 + u * (6.0 * u - 15.0))
    }
}

impl Tile {
    /// The number of native samples in the box.
    pub fn points(&self) -> u64 {
        self.start.iter().zip(&self.end).map(|(a, b)| u64::from(b - a)).product()
    }
    /// The native samples of the box along each axis.
    #[cfg(feature = "encoder")]
    pub(crate) fn ranges(&self) -> Vec<std::ops::Range<u32>> {
        self.start.iter().zip(&self.end).map(|(&start, &end)| start..end).collect()
    }
    /// The network's coordinate of `position` along `axis`: the box is centred on 0 and the longest side of each
    /// scale spans −1..1. Binary64, `(2·position + 1 − (start + end)) / span`, rounded to binary32.
    #[inline]
    pub fn coordinate(&self, axis: usize, position: f64) -> f32 {
        let centre = f64::from(self.start[axis]) + f64::from(self.end[axis]);
        ((2.0 * position + 1.0 - centre) / f64::from(self.spans[axis])) as f32
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Axis, Rate, SampleFormat};

    fn picture(width: u32, height: u32) -> Description {
        Description::picture([width, height], 1, SampleFormat::U8)
    }

    #[test]
    fn weights_are_a_partition_of_unity() {
        let tiles = Tiles::new(&picture(101, 7), &[5, 1], 6).unwrap();
        for i in 0..=1010 {
            let p = f64::from(i) / 10.0 - 0.5;
            let touching: f32 = tiles.touching(0, p).map(|k| tiles.weight(0, k, p)).sum();
            let all: f32 = (0..5).map(|k| tiles.weight(0, k, p)).sum();
            assert!((touching - 1.0).abs() < 1e-6 && (all - 1.0).abs() < 1e-6, "at {p}: {touching}, {all}");
        }
    }

    #[test]
    fn derivatives_of_weights_are_those_of_differences() {
        let tiles = Tiles::new(&picture(101, 7), &[5, 1], 6).unwrap();
        let h = 1e-3;
        for i in 0..2020 {
            let p = f64::from(i) / 20.0 - 0.4871;
            for k in 0..5 {
                let slope = |p| tiles.weight_derivatives(0, k, p)[0];
                let [got, curvature] = tiles.weight_derivatives(0, k, p);
                // The weight is binary32, so the slope is tested by the sum of many small steps.
                let rise: f64 = (0..1000).map(|n| slope(p + 1e-3 * (f64::from(n) + 0.5)) * 1e-3).sum();
                let expected = f64::from(tiles.weight(0, k, p + 1.0)) - f64::from(tiles.weight(0, k, p));
                assert!((rise - expected).abs() < 1e-6, "{k} at {p}: {rise}, {expected}");
                let difference = (slope(p + h) - slope(p - h)) / (2.0 * h);
                assert!((curvature - difference).abs() < 1e-4, "{k} at {p}: {got} {curvature}, {difference}");
            }
        }
    }

    #[test]
    fn a_hard_seam_has_no_slope() {
        let tiles = Tiles::new(&picture(10, 1), &[2, 1], 0).unwrap();
        assert_eq!([4.0, 4.5, 5.0].map(|p| tiles.weight_derivatives(0, 1, p)), [[0.0; 2]; 3]);
    }

    #[test]
    fn a_tile_covers_every_sample_with_weight() {
        let tiles = Tiles::new(&picture(101, 7), &[5, 1], 6).unwrap();
        for n in 0..tiles.len() {
            let tile = tiles.tile(n);
            for x in 0..101 {
                if tiles.weight(0, tile.index[0], f64::from(x)) > 0.0 {
                    assert!((tile.start[0]..tile.end[0]).contains(&x));
                }
            }
        }
    }

    #[test]
    fn without_overlap_the_seam_is_hard() {
        let tiles = Tiles::new(&picture(10, 1), &[2, 1], 0).unwrap();
        assert_eq!((tiles.weight(0, 0, 4.0), tiles.weight(0, 1, 4.0)), (1.0, 0.0));
        assert_eq!((tiles.weight(0, 0, 4.5), tiles.weight(0, 1, 4.5)), (0.0, 1.0));
    }

    #[test]
    fn the_longest_axis_spans_minus_one_to_one() {
        let tile = Tiles::one(&picture(4, 2)).tile(0);
        assert_eq!((tile.coordinate(0, -0.5), tile.coordinate(0, 3.5)), (-1.0, 1.0));
        assert_eq!((tile.coordinate(1, -0.5), tile.coordinate(1, 1.5)), (-0.5, 0.5));
    }

    #[test]
    fn space_and_time_have_their_own_spans_and_overlaps() {
        let film = Description {
            axes: vec![Axis::space(40), Axis::space(24), Axis::time(90, Rate::new(25, 1))],
            ..picture(1, 1)
        };
        let tiles = Tiles::with_overlaps(&film, &[2, 1, 3], &[2, 5]).unwrap();
        assert_eq!([0, 1, 2].map(|axis| tiles.overlap(axis)), [2, 2, 5]);
        let tile = tiles.tile(1);
        assert_eq!((&tile.start[..], &tile.end[..]), (&[18, 0, 0][..], &[40, 24, 35][..]));
        assert_eq!(tile.spans, [24, 24, 35]);
        assert_eq!((tile.coordinate(1, -0.5), tile.coordinate(2, 34.5)), (-1.0, 1.0));
        // An overlap without a divided axis has no meaning.
        let tiles = Tiles::with_overlaps(&film, &[2, 1, 1], &[2, 5]).unwrap();
        assert_eq!((tiles.overlap(2), tiles.overlaps()), (0, vec![2]));
        assert!(Tiles::with_overlaps(&film, &[2, 1, 1], &[2]).is_err());
    }

    #[test]
    fn impossible_partitions_are_refused() {
        for (counts, overlap) in [(&[0, 1][..], 0), (&[11, 1], 0), (&[2, 1], 3), (&[2], 0)] {
            assert!(matches!(Tiles::new(&picture(10, 4), counts, overlap), Err(Error::Parameter { .. })));
        }
    }

    #[test]
    fn ramps_are_those_of_the_specification() {
        for (input, result) in crate::vectors::rows("ramp") {
            let ramp = ramp(input[0].parse().unwrap(), 0, input[1].parse().unwrap());
            assert_eq!(format!("{:016x}", ramp.to_bits()), result, "{input:?}");
        }
    }
}
