//! Grids: the positions at which a signal is sampled.
//!
//! A *position* is in native samples along each axis, sample centres at integers: sample `k` of an axis of
//! length `N` covers `k − ½ … k + ½`, the whole axis `−½ … N − ½`. Positions are binary64; every operation is
//! one IEEE operation in the written order, so a grid has the same positions on every machine.
//!
//! A sample of a grid at least as fine as the native one is the signal at a position. A coarser grid would
//! alias that way; its samples are means over their *footprint*, the cell of the grid around the position.

use crate::error::{Error, Result};
use crate::ieee::ieee;
use crate::signal::Description;

/// Positions along one axis: `position(i) = origin + spacing · (first + i)` for `i < count`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampling {
    /// Position of index 0 of the whole axis, native samples.
    pub origin: f64,
    /// Distance between neighbours, native samples; at least 2⁻²⁰.
    pub spacing: f64,
    /// Number of positions along this axis over which a sample is the mean, spread evenly over `spacing`
    /// around its own position; at 1 a sample is the signal at its position.
    pub footprint: u32,
    /// First index rendered: a region keeps `origin` and `spacing`, and so the bits of the whole.
    pub first: u32,
    /// Number of indices rendered; at least 1.
    pub count: u32,
}

/// The least spacing of a grid: coordinates are binary32, and a finer grid would only repeat them.
const LEAST_SPACING: f64 = 1.0 / (1 << 20) as f64;

impl Sampling {
    /// An axis of `count` samples from `origin` on, `spacing` native samples apart. The footprint has as many
    /// positions as the spacing has native samples, rounded up.
    pub fn new(origin: f64, spacing: f64, count: u32) -> Self {
        Sampling { origin, spacing, footprint: (spacing.ceil() as u32).max(1), first: 0, count }
    }
    /// The native sampling of an axis of `length` samples.
    pub fn native(length: u32) -> Self {
        Self::new(0.0, 1.0, length)
    }
    /// `count` samples spread evenly over an axis of `length` native samples.
    pub fn resized(length: u32, count: u32) -> Self {
        Self::spread(-0.5, f64::from(length) - 0.5, count)
    }
    /// An axis of `length` samples at `native` Hz, sampled at `rate` Hz: sample `k`, at `k / native` seconds
    /// in the signal, is at `k / rate` seconds in the grid, and none is beyond the end of the sound. `None`
    /// if an axis cannot have so many samples.
    pub fn at_rate(length: u32, native: f64, rate: f64) -> Option<Self> {
        let spacing = native / rate;
        let count = ((f64::from(length) - 0.5) / spacing).floor() + 1.0;
        (count <= f64::from(u32::MAX)).then(|| Self::new(0.0, spacing, count as u32))
    }
    /// `count` samples spread evenly over the positions `from` to `to`.
    fn spread(from: f64, to: f64, count: u32) -> Self {
        ieee(|| {
            let spacing = (to - from) / f64::from(count);
            Self::new(from + spacing * 0.5, spacing, count)
        })
    }
    /// The position of index `i`, native samples.
    #[inline]
    pub fn position(&self, i: u32) -> f64 {
        self.origin + self.spacing * (f64::from(self.first) + f64::from(i))
    }
    /// The first and the last position that its samples depend on.
    fn extent(&self) -> [f64; 2] {
        let around = if self.footprint > 1 { 0.5 * self.spacing } else { 0.0 };
        let last = self.count.saturating_sub(1);
        [self.position(0) - around, self.position(last) + around]
    }
    /// The indices whose positions lie in `from..to`, or `None` if there are none.
    fn crop(&self, from: f64, to: f64) -> Option<Self> {
        let index = |edge| first_index(self.count, |i| self.position(i) >= edge);
        let [start, end] = ieee(|| [from, to].map(index));
        (start < end).then_some(Sampling { first: self.first + start, count: end - start, ..*self })
    }
    /// Checks that the axis can be rendered over a signal of `length` samples.
    pub(crate) fn check(&self, length: u32) -> Result<()> {
        let refuse = |detail: String| Err(Error::parameter("grid", detail));
        if self.count == 0 || self.footprint == 0 {
            return refuse(format!(
                "an axis of {} samples with {} positions each, expected at least 1",
                self.count, self.footprint
            ));
        }
        if !(self.spacing >= LEAST_SPACING && self.spacing.is_finite()) {
            return refuse(format!("a spacing of {:?} native samples, expected at least 2⁻²⁰", self.spacing));
        }
        let extent = -0.5..=f64::from(length) - 0.5;
        for position in [self.position(0), self.position(self.count - 1)] {
            if !extent.contains(&position) {
                return refuse(format!("the position {position:?}, expected −0.5 to {:?}", extent.end()));
            }
        }
        let positions = u64::from(self.count) * u64::from(self.footprint);
        if u32::try_from(positions).is_err() {
            return refuse(format!("{positions} positions along an axis, expected at most {}", u32::MAX));
        }
        Ok(())
    }
}

/// The first of `count` indices for which `passed` holds, or `count` if there is none; `passed` holds from
/// some index on.
pub(crate) fn first_index(count: u32, passed: impl Fn(u32) -> bool) -> u32 {
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low + (high - low) / 2;
        if passed(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// A non-empty box within a signal.
#[derive(Clone, Debug, PartialEq)]
pub struct Region {
    from: Vec<f64>,
    to: Vec<f64>,
}

impl Region {
    /// The box of positions from `from` to before `to` along each axis, native samples; the whole signal is
    /// `−½` to `length − ½`. Pixels `x` to `x + width`, from edge to edge, are the positions `x − ½` to `x +
    /// width − ½`.
    ///
    /// # Errors
    /// [`Error::Parameter`] unless every axis has a pair of positions within its extent, the first smaller
    /// than the second.
    pub fn new(description: &Description, from: &[f64], to: &[f64]) -> Result<Self> {
        let axes = description.axes.len();
        if from.len() != axes || to.len() != axes {
            let detail = format!("{} to {} numbers, expected {axes} axes", from.len(), to.len());
            return Err(Error::parameter("region", detail));
        }
        for ((&from, &to), &length) in from.iter().zip(to).zip(&description.lengths()) {
            // Rounding may move a sum of decimal fractions beyond the edge.
            let (low, high) = (-0.5, f64::from(length) - 0.5);
            let slack = 1e-12 * f64::from(length);
            if !(from < to && from >= low - slack && to <= high + slack) {
                let detail = format!(
                    "positions {from:?} to {to:?}, expected ascending ones within {low:?} to {high:?}"
                );
                return Err(Error::parameter("region", detail));
            }
        }
        Ok(Region { from: from.to_vec(), to: to.to_vec() })
    }
    /// The first position and the end along each axis.
    pub(crate) fn sides(&self) -> impl DoubleEndedIterator<Item = [f64; 2]> {
        self.from.iter().zip(&self.to).map(|(&from, &to)| [from, to])
    }
    /// The box around the positions of a grid and their footprints, which may reach beyond the signal.
    pub(crate) fn around(grid: &Grid) -> Self {
        let [from, to] = [0, 1].map(|end| grid.axes.iter().map(|axis| axis.extent()[end]).collect());
        Region { from, to }
    }
    /// Whether the positions of a grid and their footprints lie in the box.
    pub(crate) fn covers(&self, grid: &Grid) -> bool {
        let within = |([from, to], axis): ([f64; 2], &Sampling)| {
            let [first, last] = axis.extent();
            first >= from && last <= to
        };
        self.sides().zip(&grid.axes).all(within)
    }
}

/// A rectangular grid of positions, a [`Sampling`] of each axis of the signal, fastest first.
///
/// ```
/// use sirenc::signal::{Sampling, Grid};
/// use sirenc::Decoder;
///
/// # fn main() -> sirenc::Result<()> {
/// let file = include_bytes!("../../fixtures/valid/fitted-astronaut-tiles.siren"); // 128 × 128, RGB
/// let decoder = Decoder::open(&file[..])?;
/// let half = Grid::resized(decoder.description(), &[64, 64])?;
/// // Each of its samples is the mean of 2 × 2 positions, unless the signal at its own position is wanted.
/// assert_eq!((half.axes[0].footprint, half.clone().at_points().axes[0].footprint), (2, 1));
/// // One line of pixels.
/// let line = Grid { axes: vec![Sampling::native(128), Sampling { first: 40, count: 1, ..Sampling::native(128) }] };
/// assert_eq!(decoder.render(&line)?.len(), 128 * 3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// The axes, fastest first.
    pub axes: Vec<Sampling>,
}

impl Grid {
    /// The native grid of a signal.
    pub fn native(description: &Description) -> Self {
        Grid { axes: description.lengths().iter().map(|&n| Sampling::native(n)).collect() }
    }
    /// `counts` samples per axis over the whole signal.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the number of counts is not the number of axes or one of them is 0.
    pub fn resized(description: &Description, counts: &[u32]) -> Result<Self> {
        let to = description.lengths().iter().map(|&n| f64::from(n) - 0.5).collect();
        Self::over(&Region { from: vec![-0.5; description.axes.len()], to }, counts)
    }
    /// `counts` samples per axis over a region: a zoom.
    ///
    /// # Errors
    /// The errors of [`Grid::resized`].
    pub fn over(region: &Region, counts: &[u32]) -> Result<Self> {
        if counts.len() != region.from.len() || counts.contains(&0) {
            return Err(Error::parameter(
                "size",
                format!("{counts:?}, expected {} positive lengths", region.from.len()),
            ));
        }
        let axes = region.from.iter().zip(&region.to).zip(counts);
        Ok(Grid { axes: axes.map(|((&from, &to), &count)| Sampling::spread(from, to, count)).collect() })
    }
    /// The samples of this grid whose positions lie in `region`, with the bits that they have in the whole
    /// grid.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the region contains no sample or has other axes.
    pub fn crop(&self, region: &Region) -> Result<Self> {
        let sides = region.from.iter().zip(&region.to);
        let axes = self.axes.iter().zip(sides).map(|(axis, (&from, &to))| axis.crop(from, to));
        match axes.collect::<Option<Vec<_>>>() {
            Some(axes) if axes.len() == self.axes.len() && axes.len() == region.from.len() => {
                Ok(Grid { axes })
            }
            _ => Err(Error::parameter(
                "region",
                format!(
                    "positions {:?} to {:?}, which contain no sample of the grid",
                    region.from, region.to
                ),
            )),
        }
    }
    /// The grid with footprints of one position: its samples are the signal at each position, however coarse
    /// the grid.
    pub fn at_points(mut self) -> Self {
        self.axes.iter_mut().for_each(|axis| axis.footprint = 1);
        self
    }
    /// Checks that the grid can be rendered over a signal.
    pub(crate) fn check(&self, description: &Description) -> Result<()> {
        let lengths = &description.lengths();
        if self.axes.len() != lengths.len() {
            let detail = format!("{} axes, {} expected", self.axes.len(), lengths.len());
            return Err(Error::parameter("grid", detail));
        }
        self.axes.iter().zip(lengths).try_for_each(|(axis, &length)| axis.check(length))
    }
    /// The number of positions.
    pub fn positions(&self) -> u64 {
        self.axes.iter().map(|a| u64::from(a.count)).fold(1, u64::saturating_mul)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::SampleFormat;

    fn picture(width: u32, height: u32) -> Description {
        Description::picture([width, height], 1, SampleFormat::U8)
    }

    #[test]
    fn native_positions_are_integers() {
        let axis = Sampling::native(7);
        assert_eq!((0..7).map(|i| axis.position(i)).collect::<Vec<_>>(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn resizing_keeps_the_extent() {
        let axis = Sampling::resized(4, 8);
        assert_eq!((axis.position(0), axis.position(7)), (-0.25, 3.25));
        assert_eq!(Sampling::resized(4, 4), Sampling::native(4));
    }

    #[test]
    fn resampling_keeps_the_first_instant_and_the_extent() {
        let axis =
            |length, native: u32, rate: u32| Sampling::at_rate(length, native.into(), rate.into()).unwrap();
        assert_eq!(axis(7, 8000, 8000), Sampling::native(7));
        assert_eq!(axis(44_100, 44_100, 48_000).count, 48_000);
        assert_eq!(axis(4, 8000, 16_000).count, 8);
        assert_eq!((axis(5, 8000, 4000).count, axis(5, 8000, 4000).position(2)), (3, 4.0));
        assert_eq!(axis(1, 8000, 1).count, 1);
        assert_eq!(Sampling::at_rate(u32::MAX, 1.0, 2.0), None);
    }

    #[test]
    fn the_origin_of_a_resized_axis_has_the_bits_of_the_specification() {
        for (length, count) in [(768, 1000), (7, 3), (512, 511), (u32::MAX / 2, 3), (1, u32::MAX)] {
            let spacing = f64::from(length) / f64::from(count);
            assert_eq!(Sampling::resized(length, count).origin.to_bits(), ((spacing - 1.0) * 0.5).to_bits());
        }
    }

    #[test]
    fn a_footprint_has_a_position_for_every_native_sample() {
        let footprint = |length, count| Sampling::resized(length, count).footprint;
        assert_eq!([footprint(8, 16), footprint(8, 8), footprint(8, 4), footprint(8, 7)], [1, 1, 2, 2]);
    }

    #[test]
    fn a_crop_holds_the_samples_whose_centres_lie_in_it() {
        let grid = Grid::native(&picture(10, 6));
        // Pixels 2 to 5 along x and pixel 1 along y, from edge to edge.
        let region = Region::new(&picture(10, 6), &[1.5, 0.5], &[5.5, 1.5]).unwrap();
        let crop = grid.crop(&region).unwrap();
        assert_eq!(
            [(crop.axes[0].first, crop.axes[0].count), (crop.axes[1].first, crop.axes[1].count)],
            [(2, 4), (1, 1)]
        );
        let between = Region::new(&picture(10, 6), &[1.1, 0.0], &[1.9, 1.0]).unwrap();
        assert!(matches!(grid.crop(&between), Err(Error::Parameter { name: "region", .. })));
    }

    #[test]
    fn regions_side_by_side_share_no_sample() {
        let grid = Grid::resized(&picture(10, 1), &[37, 1]).unwrap();
        let part = |from, to| {
            let region = Region::new(&picture(10, 1), &[from, -0.5], &[to, 0.5]).unwrap();
            grid.crop(&region).unwrap().axes[0]
        };
        let (a, b) = (part(-0.5, 4.3), part(4.3, 9.5));
        assert_eq!((a.first, a.first + a.count, b.first + b.count), (0, b.first, 37));
    }

    #[test]
    fn a_region_spread_over_a_size_is_a_zoom() {
        let region = Region::new(&picture(10, 10), &[2.0, 2.0], &[2.5, 4.5]).unwrap();
        let grid = Grid::over(&region, &[100, 2]).unwrap();
        assert_eq!(
            (grid.axes[0].position(0), grid.axes[0].spacing, grid.axes[0].footprint),
            (2.0025, 0.005, 1)
        );
        assert_eq!(
            (grid.axes[1].position(0), grid.axes[1].position(1), grid.axes[1].footprint),
            (2.625, 3.875, 2)
        );
    }

    #[test]
    fn impossible_regions_are_refused() {
        let nan = f64::NAN;
        for (from, to) in [
            (&[0.0][..], &[1.0][..]),
            (&[0.0, 0.0], &[1.0, 0.0]),
            (&[3.0, 0.0], &[2.0, 1.0]),
            (&[-1.0, 0.0], &[2.0, 1.0]),
            (&[0.0, 0.0], &[9.6, 1.0]),
            (&[nan, 0.0], &[2.0, 1.0]),
            (&[0.0, 0.0], &[2.0, nan]),
            (&[0.0, 0.0], &[f64::INFINITY, 1.0]),
        ] {
            assert!(
                matches!(Region::new(&picture(10, 10), from, to), Err(Error::Parameter { .. })),
                "{from:?} {to:?}"
            );
        }
    }

    #[test]
    fn impossible_axes_are_refused() {
        let native = Sampling::native(10);
        assert!(native.check(10).is_ok());
        for axis in [
            Sampling { count: 0, ..native },
            Sampling { footprint: 0, ..native },
            Sampling { spacing: 0.0, ..native },
            Sampling { spacing: -1.0, ..native },
            Sampling { spacing: f64::NAN, ..native },
            Sampling { origin: f64::NAN, ..native },
            Sampling { origin: -0.6, ..native },
            Sampling { first: 1, ..native },
            Sampling { footprint: u32::MAX, ..native },
        ] {
            assert!(matches!(axis.check(10), Err(Error::Parameter { .. })), "{axis:?}");
        }
    }
}
