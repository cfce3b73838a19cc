//! Rendering requests: what of the signal is rendered, and on which grid.
//!
//! Derivatives are the exact derivatives of the decoded networks, through the seams of tiles too. On a grid
//! coarser than the native one they are the derivatives of the signal averaged over footprints, which are the
//! averages of the derivatives; also for colours with alpha, although the averages of their values are
//! weighted by it.

use super::{Cost, Decoder};
use crate::error::{Error, Result};
use crate::ieee::ieee;
use crate::limits::{Amount, Limits, addressable, bytes_of, try_vec};
use crate::network::Jet;
use crate::render::{Derivative, Differential, Rendering};
use crate::signal::{Description, Grid, SampleFormat, Samples, Steps};
use std::num::Saturating;

/// A rendering request: what of the signal, on which grid; see [`Decoder::request`].
///
/// ```
/// use sirenc::signal::Grid;
/// use sirenc::{Decoder, Derivative};
///
/// # fn main() -> sirenc::Result<()> {
/// let file = include_bytes!("../../fixtures/valid/fitted-astronaut-tiles.siren"); // 128 × 128, RGB
/// let decoder = Decoder::open(&file[..])?;
/// let grid = Grid::resized(decoder.description(), &[64, 64])?;
/// let gradient = decoder.request(&grid).derivative(Derivative::Gradient);
///
/// assert_eq!(gradient.cost()?.samples, 64 * 64 * 3);
/// let slopes = gradient.values()?; // height × width × channels × axes
/// assert_eq!(slopes.len(), 64 * 64 * 3 * 2);
/// // In bands of rows, which need little memory.
/// let mut rows = 0;
/// for band in gradient.bands()? {
///     rows += band?.len() / (64 * 3 * 2);
/// }
/// assert_eq!(rows, 64);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Request<'a> {
    decoder: &'a Decoder,
    grid: &'a Grid,
    content: Content<'a>,
}

/// What of the signal is rendered.
#[derive(Clone, Copy, Debug)]
enum Content<'a> {
    Jet(Jet),
    Derivative(Differential<'a>),
}

impl Content<'_> {
    /// The jet that the networks must provide.
    fn jet(self, description: &Description) -> Jet {
        match self {
            Content::Jet(jet) => jet,
            Content::Derivative(derivative) => derivative.jet(description),
        }
    }
}

impl Decoder {
    /// A request for the values on `grid`; [`Request::jet`] or [`Request::derivative`] change what is
    /// rendered.
    pub fn request<'a>(&'a self, grid: &'a Grid) -> Request<'a> {
        Request { decoder: self, grid, content: Content::Jet(Jet::Value) }
    }
    /// Renders `grid`: `samples × channels` unit values, first axis fastest, channels interleaved.
    ///
    /// # Errors
    /// The errors of [`Request::values`].
    pub fn render(&self, grid: &Grid) -> Result<Vec<f32>> {
        self.request(grid).values()
    }
}

impl<'a> Request<'a> {
    /// Requests values and derivatives together: `samples × channels × components`, the components in the
    /// order of [`Jet`], in unit values per native sample. The values have the same bits as those of
    /// [`Decoder::render`].
    pub fn jet(self, jet: Jet) -> Self {
        Request { content: Content::Jet(jet), ..self }
    }
    /// Requests a derivative: `samples × sets × values` of [`Derivative::layout`], in unit values per native
    /// sample, whatever the spacing of the grid.
    pub fn derivative(self, derivative: Derivative) -> Self {
        Request { content: Content::Derivative(Differential { derivative, steps: None }), ..self }
    }
    /// Requests a derivative per unit of the axes, in [`Decoder::steps`], instead of per native sample.
    pub fn derivative_per(self, derivative: Derivative, steps: &'a Steps) -> Self {
        Request { content: Content::Derivative(Differential { derivative, steps: Some(steps) }), ..self }
    }

    /// The cost of the rendering.
    ///
    /// # Errors
    /// `Limit` if the grid has more samples than the limits of the decoder allow; `Parameter` if the grid
    /// does not fit the signal, or the signal has no such derivative.
    pub fn cost(&self) -> Result<Cost> {
        Ok(self.rendering()?.1)
    }
    /// Renders everything, first axis fastest.
    ///
    /// # Errors
    /// The errors of [`Request::cost`], `Limit` if the cost exceeds the limits of the decoder, `Device` if
    /// the device of [`Decoder::with_device`] fails, `Parameter` if the decoder does not [cover](Decoder::covers)
    /// the grid.
    pub fn values(&self) -> Result<Vec<f32>> {
        self.check_memory()?;
        let bands = self.bands()?;
        let mut values = try_vec(self.numbers().0)?;
        for band in bands {
            values.extend(band?);
        }
        Ok(values)
    }
    /// Renders everything as samples of `format`, `U8` or `U16` for a picture, rounded and clamped as in the
    /// specification.
    ///
    /// # Errors
    /// The errors of [`Request::values`].
    pub fn samples(&self, format: SampleFormat) -> Result<Samples> {
        self.check_memory()?;
        let bands = self.bands()?;
        let mut samples = Samples::with_capacity(format, 0);
        samples.reserve(addressable(self.numbers().0)?)?;
        for band in bands {
            let band = band?;
            ieee(|| samples.extend_from_units(&band));
        }
        Ok(samples)
    }
    /// Renders in bands along the last axis, lazily: one or several rows of a picture, a stretch of a sound.
    /// Memory is bounded by a few bands. A band that is an error (`Device`) is the last one.
    ///
    /// # Errors
    /// The errors of [`Request::values`].
    pub fn bands(&self) -> Result<impl Iterator<Item = Result<Vec<f32>>> + use<'a>> {
        let (rendering, cost) = self.rendering()?;
        let memory = self.in_bands(&cost);
        self.decoder.check_part(self.grid)?;
        let limits = &self.decoder.limits;
        Limits::check("multiply-adds of the rendering", cost.macs, limits.macs)?;
        Limits::check("bytes of memory for the rendering", memory, limits.memory_bytes)?;
        let (content, decoder, description) = (self.content, self.decoder, self.decoder.description());
        Ok(rendering.bands().map(move |band| match content {
            Content::Jet(_) => band,
            Content::Derivative(derivative) => derivative.of(description, band?).map(|mut values| {
                decoder.with_one_nan(&mut values);
                values
            }),
        }))
    }

    /// Upper bound of the memory of rendering in [bands](Request::bands), bytes: like [`Cost::memory_bytes`], but
    /// without the rendered values, of which only those of a few bands are held.
    ///
    /// # Errors
    /// The errors of [`Request::cost`].
    pub fn memory_in_bands(&self) -> Result<u64> {
        Ok(self.in_bands(&self.cost()?))
    }
    fn in_bands(&self, cost: &Cost) -> u64 {
        let jet = self.content.jet(self.decoder.description());
        let components = jet.components(self.decoder.description().axes.len()) as u64;
        cost.memory_bytes.saturating_sub(bytes_of::<f32>(Saturating(cost.samples) * Saturating(components)).0)
    }
    /// Rejects a rendering whose values do not fit into memory.
    fn check_memory(&self) -> Result<()> {
        let needed = self.cost()?.memory_bytes;
        Limits::check("bytes of memory for the rendering", needed, self.decoder.limits.memory_bytes)
    }

    /// The number of numbers to render.
    fn numbers(&self) -> Amount {
        let description = self.decoder.description();
        let each = match self.content {
            Content::Jet(jet) => usize::from(description.channels) * jet.components(description.axes.len()),
            Content::Derivative(of) => of.derivative.layout(description).numbers(),
        };
        Saturating(self.grid.positions()) * Saturating(each as u64)
    }

    /// The rendering of the jet and its cost, if the grid fits the signal and the limits.
    fn rendering(&self) -> Result<(Rendering<'a>, Cost)> {
        let Request { decoder, grid, content } = *self;
        let description @ Description { axes, channels, .. } = decoder.description();
        if let Content::Derivative(derivative) = content {
            derivative.check(description)?;
        }
        grid.check(description)?;
        let samples = Saturating(grid.positions()) * Saturating(u64::from(*channels));
        Limits::check("samples of the rendering", samples.0, decoder.limits.samples)?;
        let jet = content.jet(description);
        if jet == Jet::Laplacian && description.scales().iter().any(|&scale| scale != 0) {
            return Err(Error::parameter("jet", "Laplacian of axes of several scales, which have Hessians"));
        }
        let work = (&decoder.engine, decoder.watch());
        let rendering = ieee(|| Rendering::new(&decoder.field, grid, description, jet, work))?;
        let rendering = rendering.in_units(decoder.units()).without(decoder.missing());
        let values = samples * Saturating(jet.components(axes.len()) as u64);
        let memory = decoder.file.memory_bytes() + bytes_of::<f32>(values) + rendering.working_bytes();
        let work = rendering.work();
        let (macs, network_macs, memory_bytes) = (work.total().0, work.networks.0, memory.0);
        Ok((rendering, Cost { samples: samples.0, macs, network_macs, memory_bytes }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::decoder;
    use super::*;
    use crate::render::Taylor;
    use crate::signal::{Region, Sampling};

    /// The components of the jet from the Taylor polynomial in binary64.
    fn oracle(taylor: &Taylor, jet: Jet) -> Vec<f64> {
        let partial = |orders: [usize; 2]| taylor.partial(&orders).unwrap();
        let mut components = vec![partial([0, 0]), partial([1, 0]), partial([0, 1])];
        let [xx, xy, yy] = [[2, 0], [1, 1], [0, 2]].map(partial);
        match jet {
            Jet::Value | Jet::Gradient => {}
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
                let got = decoder.request(&grid).jet(jet).values().unwrap();
                // Squared norms and squared errors of values, first and second derivatives.
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
        let jets = decoder.request(&grid).jet(Jet::Hessian).values().unwrap();
        let of = |derivative| decoder.request(&grid).derivative(derivative).values().unwrap();
        let pick = |components: &[usize]| -> Vec<f32> {
            jets.chunks_exact(6)
                .flat_map(|jet| components.iter().map(|&k| jet[k]).collect::<Vec<_>>())
                .collect()
        };
        assert_eq!(of(Derivative::Gradient), pick(&[1, 2]));
        assert_eq!(of(Derivative::Partial(1)), pick(&[2]));
        assert_eq!(of(Derivative::Hessian), pick(&[3, 4, 5]));
        for (magnitude, gradient) in of(Derivative::Magnitude).iter().zip(pick(&[1, 2]).chunks(2)) {
            let expected = f64::from(gradient[0]).hypot(gradient[1].into());
            assert!((f64::from(*magnitude) - expected).abs() <= 6e-8 * expected);
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
        let native = decoder
            .request(&Grid::native(decoder.description()))
            .derivative(Derivative::Gradient)
            .values()
            .unwrap();
        let grid = Grid { axes: vec![Sampling::resized(33, 11), Sampling::resized(20, 20)] };
        let got = decoder.request(&grid).derivative(Derivative::Gradient).values().unwrap();
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
        let part =
            decoder.request(&grid.crop(&region).unwrap()).derivative(Derivative::Laplacian).values().unwrap();
        let whole = decoder.request(&grid).derivative(Derivative::Laplacian).values().unwrap();
        for (j, row) in part.chunks_exact(18).enumerate() {
            assert_eq!(row, &whole[((4 + j) * 33 + 9) * 3..][..18]);
        }
    }

    #[test]
    fn derivatives_are_differences_of_the_binary64_values_also_in_seams() {
        let (decoder, h) = (decoder([33, 20], [3, 2], 4), 1e-3);
        let value =
            |x: f64, y: f64, c: usize| decoder.taylor(&[x, y], 0).unwrap()[c].value(&[0.0, 0.0]).unwrap();
        for [x, y] in [[11.3, 9.6], [22.0, 4.0], [3.0, 11.0], [10.0, 15.2]] {
            let grid = Grid { axes: vec![Sampling::new(x, 1.0, 1), Sampling::new(y, 1.0, 1)] };
            let jets = decoder.request(&grid).jet(Jet::Hessian).values().unwrap();
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
            let refused = decoder.request(&grid).derivative(derivative).values();
            assert!(
                matches!(refused, Err(crate::Error::Parameter { name: "derivative", .. })),
                "{derivative:?}"
            );
        }
        let [value, jet] = [
            decoder.request(&grid).cost().unwrap(),
            decoder.request(&grid).jet(Jet::Hessian).cost().unwrap(),
        ];
        assert_eq!((6 * value.network_macs, value.samples), (jet.network_macs, jet.samples));
        assert!(jet.macs > value.macs);
    }
}
