//! Derivatives of a signal and quantities computed from them, rendered instead of its values.

use crate::error::{Error, Result};
use crate::limits::try_vec;
use crate::network::Jet;
use crate::signal::{Description, Kind, Measure, axis_letters};

/// A derivative of a signal, in its unit values per native sample, or per unit with [`Steps`](crate::signal::Steps).
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Derivative {
    /// The first derivative by each axis.
    Gradient,
    /// The first derivative by one axis, counted from 0.
    Partial(usize),
    /// The sum of the second derivatives by each axis of space; by each axis if none is of space.
    Laplacian,
    /// The second derivatives, upper triangle row by row: `xx, xy, yy` for a picture.
    Hessian,
    /// The length of the gradient of each channel.
    Magnitude,
    /// The divergence of a vector field, one for all channels: the 2 or 3 channels are its components along as many axes
    /// of space, the first ones, in their order.
    Divergence,
    /// The curl of a vector field, whose channels are those of [`Derivative::Divergence`]: the vector `(∂y f₂ − ∂z f₁,
    /// ∂z f₀ − ∂x f₂, ∂x f₁ − ∂y f₀)` of three components, the number `∂x f₁ − ∂y f₀` of two.
    Curl,
    /// The unit normal `(x, y, z)` of a picture seen as a surface, one for all channels: `(−h·∂x, −h·∂y, 1)`
    /// scaled to length 1, with x to the right, y down, z to the viewer. The height of the surface is the
    /// grey or the luma (ITU-R BT.709) of the unit values, without alpha.
    Normals {
        /// `h`: the height of the unit value 1 in native samples.
        height: f32,
    },
}

/// The layout of a derivative at one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Layout {
    /// Sets of values: one for each channel, or a single one for normals, divergence and curl.
    pub sets: usize,
    /// Values of each set.
    pub values: usize,
}

impl Layout {
    /// Values of all sets.
    pub fn numbers(self) -> usize {
        self.sets * self.values
    }
}

/// Luma of red, green and blue, ITU-R BT.709.
const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

impl Derivative {
    /// The jet from which the derivative of a signal of `description` is computed.
    pub fn jet(self, description: &Description) -> Jet {
        match self {
            Derivative::Laplacian if description.scales().iter().all(|&scale| scale == 0) => Jet::Laplacian,
            Derivative::Laplacian | Derivative::Hessian => Jet::Hessian,
            _ => Jet::Gradient,
        }
    }

    /// Checks that a signal of `description` has this derivative.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an axis out of range, for the normals of a sound, for a height that is not a positive
    /// number, and for the divergence or curl of channels that are not those of a vector field.
    pub fn check(self, description: &Description) -> Result<()> {
        let axes = description.axes.len();
        let refuse = |detail: String| Err(Error::parameter("derivative", detail));
        match self {
            Derivative::Partial(axis) if axis >= axes => {
                refuse(format!("by axis {axis}, expected one below {axes}"))
            }
            Derivative::Normals { .. } if description.kind() != Kind::Picture => {
                refuse(format!("normals of a {:?}, expected a picture", description.kind()))
            }
            Derivative::Normals { height } if !(height > 0.0 && height.is_finite()) => {
                refuse(format!("normals of height {height:?}, expected a positive number"))
            }
            Derivative::Divergence | Derivative::Curl if components(description).is_none() => {
                let which = if self == Derivative::Curl { "curl" } else { "divergence" };
                let letters = axis_letters(description.axes.iter().map(|axis| axis.measure)).join(", ");
                let (channels, space) = (description.channels, space(description).len());
                let plural = |count: usize| if count == 1 { "" } else { "s" };
                refuse(format!(
                    "{which} of {channels} channel{} over the axes {letters}, {space} of them of space, expected 2 or 3 \
                     channels and at least as many axes of space",
                    plural(channels.into()),
                ))
            }
            _ => Ok(()),
        }
    }

    /// The layout of the derivative at a position of a signal of `description`.
    pub fn layout(self, description: &Description) -> Layout {
        let axes = description.axes.len();
        let values = match self {
            Derivative::Gradient => axes,
            Derivative::Hessian => axes * (axes + 1) / 2,
            Derivative::Partial(_) | Derivative::Laplacian | Derivative::Magnitude => 1,
            Derivative::Normals { .. } => return Layout { sets: 1, values: 3 },
            Derivative::Divergence => return Layout { sets: 1, values: 1 },
            Derivative::Curl => {
                return Layout { sets: 1, values: if description.channels == 2 { 1 } else { 3 } };
            }
        };
        Layout { sets: description.channels.into(), values }
    }

    /// The axes that it is taken by.
    pub(super) fn axes(self, description: &Description) -> Vec<usize> {
        match self {
            Derivative::Partial(axis) => vec![axis],
            Derivative::Laplacian => summed(description),
            Derivative::Divergence | Derivative::Curl => components(description).unwrap_or_default(),
            _ => (0..description.axes.len()).collect(),
        }
    }

    /// Whether derivatives by several axes are added up.
    pub(super) fn adds_axes(self) -> bool {
        use Derivative::{Curl, Divergence, Laplacian, Magnitude};
        matches!(self, Laplacian | Magnitude | Divergence | Curl)
    }

    /// The derivative at positions of a signal of `description`, whose jets, which are of the kind `jet`, follow each other
    /// in `jets`.
    ///
    /// # Errors
    /// `Io` if the system has not enough memory.
    pub(super) fn of(self, description: &Description, jet: Jet, jets: &[f32]) -> Result<Vec<f32>> {
        let components = jet.components(description.axes.len());
        let width = usize::from(description.channels) * components;
        let mut out = try_vec(jets.len() / width * self.layout(description).numbers())?;
        let terms = match (self, jet) {
            // The places of the second derivatives of which the Laplacian is the sum.
            (Derivative::Laplacian, Jet::Hessian) => seconds(description),
            (Derivative::Laplacian, _) => vec![0],
            _ => self.axes(description),
        };
        for jets in jets.chunks_exact(width) {
            // For each channel the first and the second derivatives, which follow the value.
            let channels = jets.chunks_exact(components).map(|jet| jet[1..].split_at(description.axes.len()));
            self.extend(channels, &terms, &mut out);
        }
        Ok(out)
    }

    /// Appends the derivative at one position, from the first and the second derivatives of all channels. `terms` are the
    /// places of the second derivatives that a Laplacian adds, or the axes of all others.
    fn extend<'a>(
        self,
        channels: impl Iterator<Item = (&'a [f32], &'a [f32])>,
        terms: &[usize],
        out: &mut Vec<f32>,
    ) {
        match self {
            Derivative::Gradient => channels.for_each(|(first, _)| out.extend(first)),
            Derivative::Partial(axis) => out.extend(channels.map(|(first, _)| first[axis])),
            Derivative::Laplacian => {
                out.extend(channels.map(|(_, second)| terms.iter().map(|&k| second[k]).sum::<f32>()))
            }
            Derivative::Hessian => channels.for_each(|(_, second)| out.extend(second)),
            Derivative::Magnitude => out.extend(channels.map(|(first, _)| {
                let square: f64 = first.iter().map(|&d| f64::from(d).powi(2)).sum();
                square.sqrt() as f32
            })),
            Derivative::Divergence => {
                let along = |((first, _), &axis): ((&[f32], _), &usize)| f64::from(first[axis]);
                out.push(channels.zip(terms).map(along).sum::<f64>() as f32);
            }
            Derivative::Curl => {
                let rows: Vec<&[f32]> = channels.map(|(first, _)| first).collect();
                let by = |component: usize, axis: usize| f64::from(rows[component][terms[axis]]);
                let about = |i: usize, j: usize| (by(j, i) - by(i, j)) as f32;
                match rows.len() {
                    2 => out.push(about(0, 1)),
                    _ => out.extend([about(1, 2), about(2, 0), about(0, 1)]),
                }
            }
            Derivative::Normals { height } => {
                let slopes: Vec<[f32; 2]> = channels.map(|(first, _)| [first[0], first[1]]).collect();
                let luma = |r, g, b| LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
                let [x, y] = match slopes[..] {
                    [[rx, ry], [gx, gy], [bx, by], ..] => [luma(rx, gx, bx), luma(ry, gy, by)],
                    _ => slopes[0],
                };
                let normal = [-height * x, -height * y, 1.0].map(f64::from);
                let length = normal.iter().map(|n| n * n).sum::<f64>().sqrt();
                out.extend(normal.map(|n| (n / length) as f32));
            }
        }
    }
}

/// The axes of space.
fn space(description: &Description) -> Vec<usize> {
    let is_space = |axis: &usize| description.axes[*axis].measure == Measure::Space;
    (0..description.axes.len()).filter(is_space).collect()
}

/// The axes along which the channels are the components of a vector field; `None` if they are no such field.
fn components(description: &Description) -> Option<Vec<usize>> {
    let count = usize::from(description.channels);
    (2..=3).contains(&count).then(|| space(description).get(..count).map(<[usize]>::to_vec)).flatten()
}

/// The axes of a Laplacian: those of space, or all if none is of space.
fn summed(description: &Description) -> Vec<usize> {
    let space = space(description);
    if space.is_empty() { (0..description.axes.len()).collect() } else { space }
}

/// The places, among the second derivatives of a Hessian, of those twice by an axis of a Laplacian.
fn seconds(description: &Description) -> Vec<usize> {
    let axes = description.axes.len();
    // Row `i` of the upper triangle begins after rows of `axes`, `axes − 1`, … numbers.
    summed(description).into_iter().map(|i| i * axes - i * i.saturating_sub(1) / 2).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::{Axis, Rate, SampleFormat};

    const ALL: [Derivative; 9] = [
        Derivative::Gradient,
        Derivative::Partial(0),
        Derivative::Partial(1),
        Derivative::Laplacian,
        Derivative::Hessian,
        Derivative::Magnitude,
        Derivative::Normals { height: 2.0 },
        Derivative::Divergence,
        Derivative::Curl,
    ];

    /// The derivative at one position of a signal with `axes` axes.
    fn at(derivative: Derivative, axes: usize, jets: &[f32]) -> Vec<f32> {
        let of_channels = |channels| match axes {
            1 => description(Kind::Sound, channels),
            _ => description(Kind::Picture, channels),
        };
        let components = derivative.jet(&of_channels(1)).components(axes);
        let description = of_channels((jets.len() / components) as u8);
        derivative.of(&description, derivative.jet(&description), jets).unwrap()
    }

    fn description(kind: Kind, channels: u8) -> Description {
        match kind {
            Kind::Sound => Description::sound(5, channels, SampleFormat::F32, 8000),
            _ => Description::picture([5, 5], channels, SampleFormat::F32),
        }
    }

    #[test]
    fn each_is_its_part_of_the_jets_channel_by_channel() {
        let gradients = [0.5, 3.0, 4.0, 0.25, -5.0, 12.0];
        assert_eq!(at(Derivative::Gradient, 2, &gradients), [3.0, 4.0, -5.0, 12.0]);
        assert_eq!(at(Derivative::Partial(0), 2, &gradients), [3.0, -5.0]);
        assert_eq!(at(Derivative::Partial(1), 2, &gradients), [4.0, 12.0]);
        assert_eq!(at(Derivative::Magnitude, 2, &gradients), [5.0, 13.0]);
        let laplacians = [0.5, 3.0, 4.0, 7.0, 0.25, -5.0, 12.0, -8.0];
        assert_eq!(at(Derivative::Laplacian, 2, &laplacians), [7.0, -8.0]);
        let hessian = [0.5, 3.0, 4.0, 1.0, 2.0, -6.0];
        assert_eq!(at(Derivative::Hessian, 2, &hessian), [1.0, 2.0, -6.0]);
        // A sound has one axis: its slope, and one second derivative.
        assert_eq!(at(Derivative::Magnitude, 1, &[0.5, -3.0]), [3.0]);
        assert_eq!(at(Derivative::Hessian, 1, &[0.5, -3.0, 9.0]), [9.0]);
    }

    #[test]
    fn squares_of_large_and_small_slopes_do_not_leave_binary32() {
        assert_eq!(at(Derivative::Magnitude, 2, &[0.0, 3e30, 4e30]), [5e30]);
        assert_eq!(at(Derivative::Magnitude, 2, &[0.0, 3e-30, 4e-30]), [5e-30]);
    }

    #[test]
    fn normals_are_those_of_the_surface_of_the_luma_without_alpha() {
        let normal = |height, jets: &[f32]| at(Derivative::Normals { height }, 2, jets);
        assert_eq!(normal(2.0, &[0.5, 1.0, -1.0]), [-2.0 / 3.0, 2.0 / 3.0, 1.0 / 3.0]);
        assert_eq!(normal(7.0, &[0.5, 0.0, 0.0]), [0.0, 0.0, 1.0]);
        let grey = [0.5, 0.25, -0.125];
        let alpha = [1.0, 40.0, 50.0];
        assert_eq!(normal(3.0, &[grey, alpha].concat()), normal(3.0, &grey));
        // The slope of one colour contributes its part of the luma.
        for (colour, share) in LUMA.into_iter().enumerate() {
            let mut channels = [[0.0; 3]; 4];
            (channels[colour], channels[3]) = ([0.5, 1.0, -0.5], alpha);
            let expected = normal(3.0, &[0.5, share, -0.5 * share]);
            assert_eq!(normal(3.0, &channels.concat()), expected, "colour {colour}");
            assert_eq!(normal(3.0, &channels[..3].concat()), expected, "colour {colour}");
        }
        assert!((LUMA.iter().sum::<f32>() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn as_many_values_come_as_the_layout_says() {
        let signals = (1..=4).map(|channels| (Kind::Picture, channels));
        for (kind, channels) in signals.chain((1..=8).map(|channels| (Kind::Sound, channels))) {
            let signal = description(kind, channels);
            for derivative in ALL {
                if derivative.check(&signal).is_err() {
                    continue;
                }
                let axes = signal.axes.len();
                let jets = usize::from(channels) * derivative.jet(&signal).components(axes);
                let found = at(derivative, axes, &vec![0.5; jets]).len();
                assert_eq!(found, derivative.layout(&signal).numbers(), "{derivative:?} of {signal:?}");
            }
        }
    }

    #[test]
    fn a_laplacian_is_that_of_space() {
        let film = Description {
            axes: vec![Axis::space(5), Axis::space(5), Axis::time(5, Rate::new(25, 1))],
            ..description(Kind::Picture, 1)
        };
        let jet = [0.0, 1.0, 2.0, 3.0, 4.0, 0.5, 0.25, 32.0, 0.125, 64.0];
        assert_eq!(Derivative::Laplacian.of(&film, Jet::Hessian, &jet).unwrap(), [36.0]);
        let spectra = Description { axes: vec![Axis::other(5), Axis::time(5, None)], ..film };
        let jet = [0.0, 1.0, 2.0, 4.0, 0.5, 8.0];
        assert_eq!(Derivative::Laplacian.of(&spectra, Jet::Hessian, &jet).unwrap(), [12.0]);
        let volume = Description { axes: vec![Axis::space(5); 3], ..spectra };
        assert_eq!(Derivative::Laplacian.jet(&volume), Jet::Laplacian);
    }

    #[test]
    fn divergence_and_curl_are_sums_of_the_jacobian_along_axes_of_space() {
        let of = |derivative: Derivative, description: &Description, jets: &[f32]| {
            derivative.check(description).unwrap();
            derivative.of(description, Jet::Gradient, jets).unwrap()
        };
        let plane = description(Kind::Picture, 2);
        let jets = [9.0, 1.0, 2.0, 9.0, 32.0, 64.0];
        assert_eq!(of(Derivative::Divergence, &plane, &jets), [65.0]);
        assert_eq!(of(Derivative::Curl, &plane, &jets), [30.0]);
        // Time comes before space here, and a third axis of space after the two of the components.
        let axes = vec![Axis::time(5, None), Axis::space(5), Axis::space(5), Axis::space(5)];
        let wind = Description { axes, ..plane };
        let jets = [9.0, 0.5, 1.0, 2.0, 4.0, 9.0, 0.25, 32.0, 64.0, 128.0];
        assert_eq!(of(Derivative::Divergence, &wind, &jets), [65.0]);
        assert_eq!(of(Derivative::Curl, &wind, &jets), [30.0]);
        let flow = Description { channels: 3, ..wind };
        let jets = [&jets[..], &[9.0, 0.75, 1024.0, 2048.0, 4096.0]].concat();
        assert_eq!(of(Derivative::Divergence, &flow, &jets), [4161.0]);
        assert_eq!(of(Derivative::Curl, &flow, &jets), [2048.0 - 128.0, 4.0 - 1024.0, 32.0 - 2.0]);
        let error = |signal: &Description| Derivative::Curl.check(signal).unwrap_err().to_string();
        let colours = error(&description(Kind::Picture, 3));
        assert!(colours.contains("curl of 3 channels over the axes x, y, 2 of them of space"), "{colours}");
        assert!(error(&description(Kind::Picture, 1)).contains("of 1 channel over"));
        assert!(error(&description(Kind::Sound, 2)).contains("axes t, 0 of them"));
        assert!(error(&Description { channels: 4, ..flow }).contains("of 4 channels"));
    }

    #[test]
    fn what_a_signal_does_not_have_is_refused() {
        let (picture, sound) = (description(Kind::Picture, 3), description(Kind::Sound, 2));
        let refused = |derivative: Derivative, signal| {
            matches!(derivative.check(signal), Err(Error::Parameter { name: "derivative", .. }))
        };
        let of_vectors = [[false; 7].as_slice(), &[true; 2]].concat();
        assert_eq!(ALL.map(|derivative| refused(derivative, &picture)), of_vectors[..]);
        assert_eq!(
            ALL.map(|derivative| refused(derivative, &sound)),
            [false, false, true, false, false, false, true, true, true]
        );
        assert!(refused(Derivative::Partial(2), &picture));
        for height in [0.0, -1.0, f32::INFINITY, f32::NAN] {
            assert!(refused(Derivative::Normals { height }, &picture), "{height}");
        }
    }
}
