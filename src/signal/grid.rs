//! Grids: which positions of the signal are sampled.
//!
//! A *position* is in native samples along each axis, sample centres at integers: sample `k` of an axis of length
//! `N` covers `k − ½ … k + ½`, the whole axis `−½ … N − ½`. Positions are binary64; every operation is one IEEE
//! operation in the written order, so a grid has the same positions on every machine.

use crate::error::{Error, Result};
use crate::signal::Description;

/// One axis of a grid: `position(i) = origin + spacing · (first + i)` for `i < count`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// Position of index 0 of the whole axis, native samples.
    pub origin: f64,
    /// Distance between neighbours, native samples; positive.
    pub spacing: f64,
    /// First index rendered: a region keeps `origin` and `spacing`, hence the bits of the whole.
    pub first: u32,
    /// Number of indices rendered; at least 1.
    pub count: u32,
}

impl Axis {
    /// The native sampling of an axis of `length` samples.
    pub fn native(length: u32) -> Self {
        Axis { origin: 0.0, spacing: 1.0, first: 0, count: length }
    }
    /// `count` samples spread evenly over the extent of an axis of `length` native samples.
    pub fn resized(length: u32, count: u32) -> Self {
        let spacing = f64::from(length) / f64::from(count);
        Axis { origin: (spacing - 1.0) * 0.5, spacing, first: 0, count }
    }
    /// The position of index `i`, native samples.
    #[inline]
    pub fn position(&self, i: u32) -> f64 {
        self.origin + self.spacing * (f64::from(self.first) + f64::from(i))
    }
}

/// A rectangular grid of positions, one [`Axis`] per axis of the signal, fastest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// The axes, fastest first.
    pub axes: Vec<Axis>,
}

impl Grid {
    /// The grid the signal came from.
    pub fn native(description: &Description) -> Self {
        Grid { axes: description.lengths.iter().map(|&n| Axis::native(n)).collect() }
    }
    /// `counts` samples per axis over the whole extent.
    ///
    /// # Errors
    /// [`Error::Parameter`] if the number of counts is not the number of axes or one of them is 0.
    pub fn resized(description: &Description, counts: &[u32]) -> Result<Self> {
        if counts.len() != description.lengths.len() || counts.contains(&0) {
            return Err(Error::parameter(
                "size",
                format!("{counts:?} given, {} positive lengths expected", description.lengths.len()),
            ));
        }
        Ok(Grid {
            axes: description
                .lengths
                .iter()
                .zip(counts)
                .map(|(&n, &count)| Axis::resized(n, count))
                .collect(),
        })
    }
    /// The number of positions.
    pub fn positions(&self) -> u64 {
        self.axes.iter().map(|a| u64::from(a.count)).product()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn native_positions_are_integers() {
        let axis = Axis::native(7);
        assert_eq!((0..7).map(|i| axis.position(i)).collect::<Vec<_>>(), [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    }

    #[test]
    fn resizing_keeps_the_extent() {
        let axis = Axis::resized(4, 8);
        assert_eq!((axis.position(0), axis.position(7)), (-0.25, 3.25));
        assert_eq!(Axis::resized(4, 4), Axis::native(4));
    }
}
