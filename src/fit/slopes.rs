//! The gradient term of the loss: `weight · Σ_a (∂f/∂x_a − slope_a)²` at every sample.

use crate::signal::Description;
use crate::signal::source::Patch;

/// The gradient term of a fit: its target and its weight.
#[derive(Clone, Copy, Debug)]
pub(crate) struct GradientTerm<'a> {
    /// Weight λ > 0 of the squared gradient error relative to the squared value error, in square native
    /// samples.
    pub weight: f32,
    /// Target gradient, `positions × channels × axes` in unit values per native sample; `None` for
    /// differences of the samples.
    pub reference: Option<&'a [f32]>,
}

/// Distance between a sample and the two points on either side whose values give its slope, native samples,
/// where −1..1 spans `span` samples of the tile.
///
/// At an eighth of a sample, the slope of a wave at the Nyquist frequency is measured at 97 %; at a quarter,
/// networks are freer between the samples. Rounded coordinates must still separate the points, by sixteen
/// units in the last place of 1.
pub(crate) fn half_step(span: u32) -> f64 {
    0.125f64.max(f64::from(span) / f64::from(1 << 22))
}

/// Central differences of the orders 2, 4, 6 and 8: weights of the samples at distance 1, 2, … on either
/// side.
const DIFFERENCES: [&[f64]; 4] = [
    &[1.0 / 2.0],
    &[2.0 / 3.0, -1.0 / 12.0],
    &[3.0 / 4.0, -3.0 / 20.0, 1.0 / 60.0],
    &[4.0 / 5.0, -1.0 / 5.0, 4.0 / 105.0, -1.0 / 280.0],
];

impl GradientTerm<'_> {
    /// How many samples on each side of a position a slope may need.
    pub fn margin(&self) -> u32 {
        if self.reference.is_some() { 0 } else { DIFFERENCES.len() as u32 }
    }

    /// The target slope of `channel` along `axis` at a `position` of the signal, in unit values per native sample.
    /// `patch` holds the position with [`GradientTerm::margin`] samples on each side, as far as there are any.
    ///
    /// Without a reference it is the central difference of the highest order that the distance to the border
    /// allows, at most eight: one of order two measures two thirds of the slope of a wave at half the Nyquist
    /// frequency, and would flatten what the values require.
    pub fn slope(
        &self,
        patch: &Patch<'_>,
        description: &Description,
        position: &[u32],
        axis: usize,
        channel: usize,
    ) -> f64 {
        let axes = &description.axes;
        if let Some(reference) = self.reference {
            let along = axes.iter().zip(position).rev();
            let index = along.fold(0, |index, (axis, &at)| index * axis.length as usize + at as usize);
            return reference[(index * usize::from(description.channels) + channel) * axes.len() + axis]
                .into();
        }
        let (place, stride) = (patch.place(position), patch.stride(axis));
        let sample = |place: usize| f64::from(patch.value(place, channel));
        let at = position[axis];
        let (before, after) = (at as usize, (axes[axis].length - 1 - at) as usize);
        match before.min(after).min(DIFFERENCES.len()) {
            0 if before > 0 => sample(place) - sample(place - stride),
            0 if after > 0 => sample(place + stride) - sample(place),
            0 => 0.0,
            room => {
                let pairs = DIFFERENCES[room - 1].iter().zip(1..);
                pairs.map(|(w, k)| w * (sample(place + k * stride) - sample(place - k * stride))).sum()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::source::whole;
    use crate::signal::{SampleFormat, Samples, Signal};

    /// A picture of `lengths` positions with two channels.
    fn picture(lengths: [u32; 2], value: impl Fn(f64, f64, usize) -> f64) -> Signal {
        let description = Description::picture(lengths, 2, SampleFormat::F32);
        let [width, height] = lengths.map(|n| n as usize);
        let at = |i: usize| value((i / 2 % width) as f64, (i / 2 / width) as f64, i % 2) as f32;
        Signal {
            description,
            samples: Samples::F32((0..width * height * 2).map(at).collect()),
            metadata: vec![],
        }
    }

    #[test]
    fn slopes_of_polynomials_are_exact_up_to_the_order_that_has_room() {
        // Along x: exact for degree eight in the middle, for degree two next to the edge, for degree one on
        // the edge.
        let signal =
            picture([13, 2], |x, y, c| ((x - 6.0) / 4.0).powi(8) + c as f64 * (0.5 * x * x - 3.0 * y));
        let term = GradientTerm { weight: 1.0, reference: None };
        let patch = Patch::read(&signal, whole(&signal.description)).unwrap();
        let slope = |x: u32, axis, channel| term.slope(&patch, &signal.description, &[x, 1], axis, channel);
        for x in 4..9 {
            let exact = 2.0 * ((f64::from(x) - 6.0) / 4.0).powi(7);
            assert!((slope(x, 0, 0) - exact).abs() < 1e-5, "{x}: {} {exact}", slope(x, 0, 0));
            assert!((slope(x, 0, 1) - slope(x, 0, 0) - f64::from(x)).abs() < 1e-5);
            assert!((slope(x, 1, 1) + 3.0).abs() < 1e-5);
        }
        let value = |x: usize| f64::from(signal.samples.get((13 + x) * 2));
        assert_eq!(slope(0, 0, 0), value(1) - value(0));
        assert_eq!(slope(12, 0, 0), value(12) - value(11));
        assert_eq!(slope(1, 0, 0), 0.5 * (value(2) - value(0)));
    }

    #[test]
    fn an_axis_of_one_sample_has_no_slope_and_a_reference_stands_for_all() {
        let signal = picture([1, 1], |_, _, _| 0.7);
        let mut term = GradientTerm { weight: 1.0, reference: None };
        let patch = Patch::read(&signal, whole(&signal.description)).unwrap();
        assert_eq!(term.slope(&patch, &signal.description, &[0, 0], 0, 1), 0.0);
        term.reference = Some(&[1.0, 2.0, 3.0, 4.0]);
        assert_eq!(
            [(0, 0), (1, 0), (0, 1), (1, 1)].map(|(a, c)| term.slope(
                &patch,
                &signal.description,
                &[0, 0],
                a,
                c
            )),
            [1., 2., 3., 4.]
        );
    }
}
