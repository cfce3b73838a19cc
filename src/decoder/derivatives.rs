//! Derivatives of the signal on grids: exact ones of the decoded networks, through the seams of tiles too.
//!
//! Where a grid is coarser than the native one, they are those of the signal averaged over footprints, which are the
//! averages of the derivatives; of colours with alpha too, whose values are averaged by it.

use super::{Cost, Decoder};
use crate::error::Result;
use crate::limits::room;
use crate::network::Jet;
use crate::render::Derivative;
use crate::signal::Grid;
use std::num::Saturating;

impl Decoder {
    /// What rendering the jet of `grid` would cost.
    ///
    /// # Errors
    /// As [`Decoder::cost`].
    pub fn jet_cost(&self, grid: &Grid, jet: Jet) -> Result<Cost> {
        Ok(self.rendering(grid, Some(jet))?.1)
    }
    /// Renders values and derivatives of `grid` together: `samples × channels × components`, the components in the
    /// order of [`Jet`], in unit values per native sample. The values have the bits of [`Decoder::render`].
    ///
    /// # Errors
    /// As [`Decoder::render`].
    pub fn render_jet(&self, grid: &Grid, jet: Jet) -> Result<Vec<f32>> {
        let (rendering, cost) = self.affordable(grid, Some(jet))?;
        let components = jet.components(grid.axes.len()) as u64;
        let mut jets = room((Saturating(cost.samples) * Saturating(components)).0)?;
        for band in rendering.bands() {
            jets.extend(band?);
        }
        Ok(jets)
    }
    /// Renders a derivative on `grid`: `samples × sets × values` of [`Derivative::layout`], in unit values per native
    /// sample, whatever the spacing of the grid.
    ///
    /// # Errors
    /// As [`Decoder::render`], and `Parameter` if the signal has no such derivative.
    pub fn differentiate(&self, grid: &Grid, derivative: Derivative) -> Result<Vec<f32>> {
        let (sets, each) = derivative.layout(self.description());
        let bands = self.differentiate_bands(grid, derivative)?;
        let count = Saturating(grid.positions()) * Saturating((sets * each) as u64);
        let mut values = room(count.0)?;
        for band in bands {
            values.extend(band?);
        }
        Ok(values)
    }
    /// The same in bands, as those of [`Decoder::bands`].
    ///
    /// # Errors
    /// As [`Decoder::differentiate`].
    pub fn differentiate_bands(
        &self,
        grid: &Grid,
        derivative: Derivative,
    ) -> Result<impl Iterator<Item = Result<Vec<f32>>>> {
        let description = self.description();
        derivative.check(description)?;
        let (axes, channels) = (description.lengths.len(), usize::from(description.channels));
        let jet = derivative.jet();
        let width = channels * jet.components(axes);
        let (sets, each) = derivative.layout(description);
        let (rendering, _) = self.affordable(grid, Some(jet))?;
        Ok(rendering.bands().map(move |jets| {
            let jets = jets?;
            let mut band = room(jets.len() / width * sets * each)?;
            jets.chunks_exact(width).for_each(|jets| derivative.extend(axes, jets, &mut band));
            Ok(band)
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::decoder;
    use super::*;
    use crate::render::Taylor;
    use crate::signal::{Axis, Region};

    /// The components of the jet from the Taylor polynomial in binary64.
    fn oracle(taylor: &Taylor, jet: Jet) -> Vec<f64> {
        let partial = |orders: [usize; 2]| taylor.partial(&orders).unwrap();
        let mut components = vec![partial([0, 0]), partial([1, 0]), partial([0, 1])];
        let [xx, xy, yy] = [[2, 0], [1, 1], [0, 2]].map(partial);
        match jet {
            Jet::Gradient => {}
            Jet::Laplacian => components.push(xx + yy),
            Jet::Hessian => components.extend([xx, xy, yy]),
        }
        components
    }

    #[test]
    fn jets_are_close_to_binary64_across_seams() {
        for (counts, overlap) in [([1, 1], 0), ([3, 2], 4), ([4, 1], 0)] {
            let decoder = decoder([33, 20], counts, overlap);
            let grid = Grid::resized(decoder.description(), &[50, 41]).unwrap();
            for (jet, first, most) in
                [(Jet::Gradient, 1, 5e-6), (Jet::Laplacian, 3, 2e-5), (Jet::Hessian, 3, 2e-5)]
            {
                let components = jet.components(2);
                let got = decoder.render_jet(&grid, jet).unwrap();
                // Of values, first and second derivatives.
                let mut squares = [[0f64; 2]; 3];
                for (i, jets) in got.chunks_exact(3 * components).enumerate() {
                    let (x, y) = (i as u32 % 50, i as u32 / 50);
                    let position = [grid.axes[0].position(x), grid.axes[1].position(y)];
                    let taylor = decoder.taylor(&position, 2).unwrap();
                    for (got, taylor) in jets.chunks_exact(components).zip(&taylor) {
                        for (k, (&got, expected)) in got.iter().zip(oracle(taylor, jet)).enumerate() {
                            let order = usize::from(k > 0) + usize::from(k > 2);
                            squares[order][0] += (f64::from(got) - expected).powi(2);
                            squares[order][1] += expected.powi(2);
                        }
                    }
                }
                let error = |order: usize| (squares[order][0] / squares[order][1]).sqrt();
                assert!(error(1) < 5e-6, "{jet:?} {counts:?}: gradient {:e}", error(1));
                assert!(first == 1 || error(2) < most, "{jet:?} {counts:?}: second {:e}", error(2));
                // The values are those of the renderer.
                let values: Vec<f32> = got.chunks_exact(components).map(|jet| jet[0]).collect();
                assert_eq!(values, decoder.render(&grid).unwrap());
            }
        }
    }

    #[test]
    fn derivatives_are_what_follows_from_the_jets() {
        let decoder = decoder([33, 20], [3, 2], 4);
        let grid = Grid::native(decoder.description());
        let jets = decoder.render_jet(&grid, Jet::Hessian).unwrap();
        let of = |derivative| decoder.differentiate(&grid, derivative).unwrap();
        let pick = |components: &[usize]| -> Vec<f32> {
            jets.chunks_exact(6)
                .flat_map(|jet| components.iter().map(|&k| jet[k]).collect::<Vec<_>>())
                .collect()
        };
        assert_eq!(of(Derivative::Gradient), pick(&[1, 2]));
        assert_eq!(of(Derivative::Partial(1)), pick(&[2]));
        assert_eq!(of(Derivative::Hessian), pick(&[3, 4, 5]));
        for (magnitude, gradient) in of(Derivative::Magnitude).iter().zip(pick(&[1, 2]).chunks(2)) {
            assert!((magnitude - gradient[0].hypot(gradient[1])).abs() < 1e-7);
        }
        for (laplacian, second) in of(Derivative::Laplacian).iter().zip(pick(&[3, 5]).chunks(2)) {
            assert!(
                (laplacian - (second[0] + second[1])).abs()
                    < 1e-5 * (second[0].abs() + second[1].abs()) + 1e-7
            );
        }
        let normals = of(Derivative::Normals { height: 30.0 });
        for (normal, gradients) in normals.chunks(3).zip(pick(&[1, 2]).chunks(6)) {
            let luma =
                |a: usize| 0.2126 * gradients[a] + 0.7152 * gradients[2 + a] + 0.0722 * gradients[4 + a];
            let length: f32 = normal.iter().map(|n| n * n).sum();
            assert!((length - 1.0).abs() < 1e-6);
            assert!((normal[0] / normal[2] + 30.0 * luma(0)).abs() < 1e-4, "{normal:?} {gradients:?}");
            assert!((normal[1] / normal[2] + 30.0 * luma(1)).abs() < 1e-4);
        }
    }

    #[test]
    fn the_derivative_of_a_mean_is_the_mean_of_derivatives() {
        let decoder = decoder([33, 20], [3, 2], 4);
        let native =
            decoder.differentiate(&Grid::native(decoder.description()), Derivative::Gradient).unwrap();
        let grid = Grid { axes: vec![Axis::resized(33, 11), Axis::resized(20, 20)] };
        let got = decoder.differentiate(&grid, Derivative::Gradient).unwrap();
        for (third, three) in got.chunks(6).zip(native.chunks(18)) {
            for k in 0..6 {
                let mean = (f64::from(three[k]) + f64::from(three[k + 6]) + f64::from(three[k + 12])) / 3.0;
                assert_eq!(third[k], mean as f32);
            }
        }
    }

    #[test]
    fn a_region_of_derivatives_has_the_bits_of_the_whole() {
        let decoder = decoder([33, 20], [3, 2], 4);
        let grid = Grid::native(decoder.description());
        let region = Region::new(decoder.description(), &[8.5, 3.5], &[14.5, 16.5]).unwrap();
        let part = decoder.differentiate(&grid.crop(&region).unwrap(), Derivative::Laplacian).unwrap();
        let whole = decoder.differentiate(&grid, Derivative::Laplacian).unwrap();
        for (j, row) in part.chunks_exact(18).enumerate() {
            assert_eq!(row, &whole[((4 + j) * 33 + 9) * 3..][..18]);
        }
    }

    #[test]
    fn derivatives_are_differences_of_the_binary64_values_also_in_seams() {
        let (decoder, h) = (decoder([33, 20], [3, 2], 4), 1e-3);
        let value = |x: f64, y: f64, c: usize| decoder.taylor(&[x, y], 0).unwrap()[c].value(&[0.0, 0.0]);
        for [x, y] in [[11.3, 9.6], [22.0, 4.0], [3.0, 11.0], [10.0, 15.2]] {
            let grid = Grid { axes: vec![Axis::new(x, 1.0, 1), Axis::new(y, 1.0, 1)] };
            let jets = decoder.render_jet(&grid, Jet::Hessian).unwrap();
            for (c, jet) in jets.chunks(6).enumerate() {
                let (here, [left, right, up, down]) = (
                    value(x, y, c),
                    [[-h, 0.0], [h, 0.0], [0.0, -h], [0.0, h]].map(|[dx, dy]| value(x + dx, y + dy, c)),
                );
                let [across, along] =
                    [h, -h].map(|side| value(x + h, y + side, c) - value(x - h, y + side, c));
                let expected = [
                    (right - left) / (2.0 * h),
                    (down - up) / (2.0 * h),
                    (right - 2.0 * here + left) / (h * h),
                    (across - along) / (4.0 * h * h),
                    (down - 2.0 * here + up) / (h * h),
                ];
                for (got, expected) in jet[1..].iter().zip(expected) {
                    assert!((f64::from(*got) - expected).abs() < 2e-5, "{x} {y}: {jet:?} {expected}");
                }
            }
        }
    }

    #[test]
    fn what_a_signal_lacks_is_refused() {
        let decoder = decoder([33, 20], [1, 1], 0);
        let grid = Grid::native(decoder.description());
        for derivative in [
            Derivative::Partial(2),
            Derivative::Normals { height: 0.0 },
            Derivative::Normals { height: f32::NAN },
        ] {
            let refused = decoder.differentiate(&grid, derivative);
            assert!(
                matches!(refused, Err(crate::Error::Parameter { name: "derivative", .. })),
                "{derivative:?}"
            );
        }
        let [value, jet] = [decoder.cost(&grid).unwrap(), decoder.jet_cost(&grid, Jet::Hessian).unwrap()];
        assert_eq!((6 * value.network_macs, value.samples), (jet.network_macs, jet.samples));
        assert!(jet.macs > value.macs);
    }
}
