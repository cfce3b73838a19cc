//! What is rendered instead of the signal: its derivatives, and what follows from them.

use crate::error::{Error, Result};
use crate::network::Jet;
use crate::signal::{Description, Kind};

/// A derivative of a signal, in its unit values per native sample.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Derivative {
    /// The first derivative by each axis.
    Gradient,
    /// The first derivative by one axis, counted from 0.
    Partial(usize),
    /// The sum of the second derivatives by each axis.
    Laplacian,
    /// The second derivatives, upper triangle row by row: of a picture `xx, xy, yy`.
    Hessian,
    /// The length of the gradient of each channel.
    Magnitude,
    /// The unit normal `(x, y, z)` of a picture as a surface, one for all channels: `(−h·∂x, −h·∂y, 1)` made as long as
    /// 1, x to the right, y down, z to the viewer. The surface is the grey or the luma (ITU-R BT.709) of the unit
    /// values, without alpha.
    Normals {
        /// `h`: the height of the unit value 1 in native samples.
        height: f32,
    },
}

/// Luma of red, green and blue, ITU-R BT.709.
const LUMA: [f32; 3] = [0.2126, 0.7152, 0.0722];

impl Derivative {
    /// The jet that it is computed from.
    pub(crate) fn jet(self) -> Jet {
        match self {
            Derivative::Laplacian => Jet::Laplacian,
            Derivative::Hessian => Jet::Hessian,
            _ => Jet::Gradient,
        }
    }

    /// Whether a signal of `description` has it.
    ///
    /// # Errors
    /// [`Error::Parameter`] for an axis that is not there, the normals of a sound, and a height that is no positive
    /// number.
    pub fn check(self, description: &Description) -> Result<()> {
        let axes = description.lengths.len();
        let refuse = |detail: String| Err(Error::parameter("derivative", detail));
        match self {
            Derivative::Partial(axis) if axis >= axes => {
                refuse(format!("by axis {axis}, below {axes} expected"))
            }
            Derivative::Normals { .. } if description.kind != Kind::Picture => {
                refuse("normals of a sound, which is no surface".into())
            }
            Derivative::Normals { height } if !(height > 0.0 && height.is_finite()) => {
                refuse(format!("normals of height {height}, a positive number expected"))
            }
            _ => Ok(()),
        }
    }

    /// `(sets, values of each)` at a position of a signal of `description`: a set for every channel, of the normals one
    /// for all.
    pub fn layout(self, description: &Description) -> (usize, usize) {
        let axes = description.lengths.len();
        let channels = usize::from(description.channels);
        match self {
            Derivative::Gradient => (channels, axes),
            Derivative::Hessian => (channels, axes.saturating_mul(axes.saturating_add(1)) / 2),
            Derivative::Partial(_) | Derivative::Laplacian | Derivative::Magnitude => (channels, 1),
            Derivative::Normals { .. } => (1, 3),
        }
    }

    /// Appends the derivative at one position, whose jets of all channels follow each other in `jets`.
    pub(crate) fn extend(self, axes: usize, jets: &[f32], out: &mut Vec<f32>) {
        // Of each channel the first and the second derivatives, behind the value.
        let channels = jets.chunks_exact(self.jet().components(axes)).map(|jet| {
            let derivatives = jet.get(1..).unwrap_or_default();
            derivatives.split_at_checked(axes).unwrap_or_default()
        });
        match self {
            Derivative::Gradient => channels.for_each(|(first, _)| out.extend(first)),
            Derivative::Partial(axis) => out.extend(channels.filter_map(|(first, _)| first.get(axis))),
            Derivative::Laplacian => out.extend(channels.filter_map(|(_, second)| second.first())),
            Derivative::Hessian => channels.for_each(|(_, second)| out.extend(second)),
            Derivative::Magnitude => out.extend(channels.map(|(first, _)| {
                let square: f64 = first.iter().map(|&d| f64::from(d).powi(2)).sum();
                square.sqrt() as f32
            })),
            Derivative::Normals { height } => {
                let slopes: Vec<[f32; 2]> =
                    channels.filter_map(|(first, _)| first.first_chunk().copied()).collect();
                let luma = |r, g, b| LUMA[0] * r + LUMA[1] * g + LUMA[2] * b;
                let [x, y] = match *slopes.as_slice() {
                    [[rx, ry], [gx, gy], [bx, by], ..] => [luma(rx, gx, bx), luma(ry, gy, by)],
                    [grey, ..] => grey,
                    [] => [0.0; 2],
                };
                let normal = [-height * x, -height * y, 1.0].map(f64::from);
                let length = normal.iter().map(|n| n * n).sum::<f64>().sqrt();
                out.extend(normal.map(|n| (n / length) as f32));
            }
        }
    }
}
