//! The signal at scattered positions.

use super::Decoder;
use crate::error::{Error, Result};
use crate::ieee::ieee;
use crate::limits::{Limits, try_collect};
use crate::network::Jet;
use crate::render::{Derivative, Differential, HIGHEST_ORDER, Points, Taylor, taylor};
use crate::signal::{Grid, Sampling, Steps};
use std::num::Saturating;

/// A signal at scattered positions, point after point.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Sampled {
    /// The unit values, `points × channels`.
    pub values: Vec<f32>,
    /// The derivative, `points × sets × values` of [`Derivative::layout`].
    pub derivatives: Vec<f32>,
}

impl Decoder {
    /// The unit values at `positions`, `points × channels`. A point has a position along each axis, in native
    /// samples from `−½` to `length − ½`; the next point follows. The values have the same bits as on a grid
    /// with these positions; where the nearest sample is missing they are NaN.
    ///
    /// # Errors
    /// `Parameter` if a position is NaN or outside the signal, naming the point, or if the last point lacks
    /// axes; `Limit` if the points cost more than the limits of the decoder allow; `Device` if the device
    /// fails.
    ///
    /// # Examples
    /// ```
    /// use sirenc::Decoder;
    ///
    /// # fn main() -> sirenc::Result<()> {
    /// let file = include_bytes!("../../fixtures/valid/fitted-astronaut-tiles.siren"); // 128 × 128, RGB
    /// let decoder = Decoder::open(&file[..])?;
    /// let values = decoder.sample(&[64.0, 64.0, 64.25, 63.5])?; // at (64, 64) and (64.25, 63.5)
    /// assert_eq!(values.len(), 2 * 3);
    /// # Ok(())
    /// # }
    /// ```
    pub fn sample(&self, positions: &[f64]) -> Result<Vec<f32>> {
        self.evaluate(positions, Jet::Value)
    }

    /// The unit values at `positions` and a derivative there.
    ///
    /// # Errors
    /// The errors of [`Decoder::sample`], and `Parameter` if the signal has no such derivative.
    ///
    /// # Examples
    /// ```
    /// use sirenc::{Decoder, Derivative};
    ///
    /// # fn main() -> sirenc::Result<()> {
    /// let file = include_bytes!("../../fixtures/valid/fitted-astronaut-tiles.siren"); // 128 × 128, RGB
    /// let decoder = Decoder::open(&file[..])?;
    /// let sampled = decoder.sample_derivative(&[64.25, 63.5], Derivative::Gradient)?;
    /// assert_eq!((sampled.values.len(), sampled.derivatives.len()), (3, 3 * 2));
    /// # Ok(())
    /// # }
    /// ```
    pub fn sample_derivative(&self, positions: &[f64], derivative: Derivative) -> Result<Sampled> {
        self.differentiate(positions, Differential { derivative, steps: None })
    }

    /// The unit values at `positions` and a derivative per unit of the axes, in [`Decoder::steps`].
    ///
    /// # Errors
    /// The errors of [`Decoder::sample_derivative`], and `Parameter` if the steps are not those of the derivative.
    pub fn sample_derivative_per(
        &self,
        positions: &[f64],
        derivative: Derivative,
        steps: &Steps,
    ) -> Result<Sampled> {
        self.differentiate(positions, Differential { derivative, steps: Some(steps) })
    }

    fn differentiate(&self, positions: &[f64], derivative: Differential<'_>) -> Result<Sampled> {
        derivative.check(self.description())?;
        let axes = self.description().axes.len();
        let jet = derivative.jet(self.description());
        let components = jet.components(axes);
        let jets = self.evaluate(positions, jet)?;
        let values = try_collect(jets.iter().step_by(components).copied())?;
        let mut derivatives = derivative.of(self.description(), jets)?;
        self.with_one_nan(&mut derivatives);
        Ok(Sampled { values, derivatives })
    }

    /// The steps that `derivative` is divided by to be per unit of the axes: the seconds from sample to sample along time
    /// at a known rate, and the uniform spacing of the [`Coordinates`](crate::signal::Coordinates) along every other axis
    /// that it is taken by.
    ///
    /// # Errors
    /// `Parameter` if the signal has no such derivative, for normals, for an axis without a uniform spacing, and if
    /// derivatives along axes of several units are added up.
    ///
    /// # Examples
    /// ```
    /// use sirenc::signal::Grid;
    /// use sirenc::{Decoder, Derivative};
    ///
    /// # fn main() -> sirenc::Result<()> {
    /// let file = include_bytes!("../../fixtures/valid/video-rgb-u8.siren"); // at 30000/1001 Hz
    /// let decoder = Decoder::open(&file[..])?;
    /// let (by_time, grid) = (Derivative::Partial(2), Grid::native(decoder.description()));
    /// let steps = decoder.steps(by_time)?;
    /// let per_second = decoder.request(&grid).derivative_per(by_time, &steps).values()?;
    /// let per_frame = decoder.request(&grid).derivative(by_time).values()?;
    /// assert!((per_second[0] - per_frame[0] * 30000.0 / 1001.0).abs() <= 1e-6 * per_second[0].abs());
    /// # Ok(())
    /// # }
    /// ```
    pub fn steps(&self, derivative: Derivative) -> Result<Steps> {
        let description = self.description();
        Differential::steps(derivative, description, |axes| Steps::of(description, self.metadata(), axes))
    }

    /// The Taylor polynomials of all channels around one position, up to `order`, at most 4: every mixed
    /// partial derivative, in binary64. The blend of tiles is twice continuously differentiable: third and
    /// fourth derivatives jump where a seam begins or ends.
    ///
    /// # Errors
    /// `Parameter` for a higher order, and the errors of [`Decoder::sample`].
    ///
    /// # Examples
    /// ```
    /// use sirenc::Decoder;
    ///
    /// # fn main() -> sirenc::Result<()> {
    /// let file = include_bytes!("../../fixtures/valid/fitted-astronaut-tiles.siren"); // 128 × 128, RGB
    /// let decoder = Decoder::open(&file[..])?;
    /// let red = &decoder.taylor(&[64.25, 63.5], 2)?[0];
    /// let laplacian = red.partial(&[2, 0]).unwrap() + red.partial(&[0, 2]).unwrap();
    /// assert!(laplacian.is_finite());
    /// # Ok(())
    /// # }
    /// ```
    pub fn taylor(&self, position: &[f64], order: usize) -> Result<Vec<Taylor>> {
        if order > HIGHEST_ORDER {
            return Err(Error::parameter("order", format!("{order}, expected at most {HIGHEST_ORDER}")));
        }
        if position.len() != self.description().axes.len() {
            let detail = format!("{} numbers, {} expected", position.len(), self.description().axes.len());
            return Err(Error::parameter("position", detail));
        }
        self.check_positions(position)?;
        self.check_work(1, Jet::Value)?;
        ieee(|| {
            let mut channels = taylor(&self.field, position, order);
            if let Some(units) = self.units() {
                let of_channels = units.scales.iter().zip(&units.offsets);
                let in_units = |(channel, (&scale, &offset)): (Taylor, (&f32, &f32))| {
                    channel.in_units(scale.into(), offset.into())
                };
                channels = channels.into_iter().zip(of_channels).map(in_units).collect();
            }
            let Some(missing) = self.missing() else { return Ok(channels) };
            let sample = missing.sample_at(position);
            let erased = |(channel, taylor): (usize, Taylor)| {
                if missing.is_missing(sample, channel) { taylor.erased() } else { taylor }
            };
            Ok(channels.into_iter().enumerate().map(erased).collect())
        })
    }

    fn evaluate(&self, positions: &[f64], jet: Jet) -> Result<Vec<f32>> {
        self.check_positions(positions)?;
        let axes = self.description().axes.len();
        let channels = usize::from(self.description().channels);
        let components = jet.components(axes) as u64;
        let points = (positions.len() / axes) as u64;
        let values = Saturating(points) * Saturating(channels as u64) * Saturating(components);
        Limits::check("values at the points", values.0, self.limits.samples)?;
        self.check_work(points, jet)?;
        let (field, engine, watch) = (&self.field, &self.engine, self.watch());
        let (units, missing) = (self.units(), self.missing());
        Points { field, axes, channels, jet, engine, watch, units, missing }.evaluate(positions)
    }

    /// Checks the work at `points` scattered points against the limits.
    fn check_work(&self, points: u64, jet: Jet) -> Result<()> {
        let most = Points::work(&self.field, jet, points).total().0;
        Limits::check("multiply-adds of the points, at most", most, self.limits.macs)
    }

    fn check_positions(&self, positions: &[f64]) -> Result<()> {
        let lengths = &self.description().lengths();
        if !positions.len().is_multiple_of(lengths.len()) {
            let detail =
                format!("{} numbers, expected a multiple of the {} axes", positions.len(), lengths.len());
            return Err(Error::parameter("positions", detail));
        }
        for (point, position) in positions.chunks_exact(lengths.len()).enumerate() {
            for (&p, &length) in position.iter().zip(lengths) {
                let end = f64::from(length) - 0.5;
                if !(-0.5..=end).contains(&p) {
                    let detail = format!("{p} of point {point}, expected −0.5 to {end}");
                    return Err(Error::parameter("positions", detail));
                }
            }
            if self.region.is_some() {
                let axes = position.iter().map(|&p| Sampling::new(p, 1.0, 1)).collect();
                self.check_part(&Grid { axes })?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::decoder;
    use super::*;

    #[test]
    fn points_have_the_bits_of_a_grid_in_any_order() {
        for (counts, overlap) in [([1, 1], 0), ([3, 2], 4), ([4, 1], 0)] {
            let decoder = decoder([33, 20], counts, overlap);
            let grid = Grid::resized(decoder.description(), &[120, 90]).unwrap();
            let mut order: Vec<usize> = (0..120 * 90).collect();
            order.sort_by_key(|i| i * 7919 % 10007);
            let position =
                |i: usize| [(0, i % 120), (1, i / 120)].map(|(a, i)| grid.axes[a].position(i as u32));
            let positions: Vec<f64> = order.iter().flat_map(|&i| position(i)).collect();
            let Sampled { values, derivatives: laplacian } =
                decoder.sample_derivative(&positions, Derivative::Laplacian).unwrap();
            assert_eq!(values, decoder.sample(&positions).unwrap());
            let [all, all_laplacian] = [
                decoder.render(&grid).unwrap(),
                decoder.request(&grid).derivative(Derivative::Laplacian).values().unwrap(),
            ];
            for (n, &i) in order.iter().enumerate() {
                assert_eq!(values[3 * n..][..3], all[3 * i..][..3]);
                assert_eq!(laplacian[3 * n..][..3], all_laplacian[3 * i..][..3]);
            }
        }
    }

    #[test]
    fn impossible_points_are_refused() {
        let mut decoder = decoder([33, 20], [1, 1], 0);
        for positions in [&[0.0][..], &[f64::NAN, 0.0], &[0.0, -0.51], &[0.0, 0.0, 32.6, 0.0]] {
            let refused = decoder.sample(positions);
            assert!(matches!(refused, Err(Error::Parameter { name: "positions", .. })), "{positions:?}");
        }
        assert!(matches!(decoder.taylor(&[0.0, 0.0], 5), Err(Error::Parameter { name: "order", .. })));
        assert!(matches!(decoder.taylor(&[0.0], 2), Err(Error::Parameter { name: "position", .. })));
        assert_eq!(decoder.sample(&[]).unwrap(), [0f32; 0]);
        decoder.limits.macs = 1;
        assert!(matches!(decoder.sample(&[0.0, 0.0]), Err(Error::Limit { .. })));
    }
}
