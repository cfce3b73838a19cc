//! The picture and its derivatives, and how close a network is to them.

use crate::jet::{Jet, Order};
use crate::spline::derivatives;
use candle_core::{DType, Device, Result, Tensor};

/// A square grey picture as the jet that a perfect network would have: values in −1..1 and derivatives, per unit of
/// coordinate, of the natural cubic splines through the samples along rows and columns.
pub struct Reference {
    /// Sample centres, −1..1 between the borders of the picture (points × 2).
    pub points: Tensor,
    pub jet: Jet,
}

impl Reference {
    /// Of `side × side` samples in 0..1.
    pub fn new(samples: &[f64], side: usize) -> Result<Self> {
        let values: Vec<f64> = samples.iter().map(|s| 2.0 * s - 1.0).collect();
        let coordinate = |k: usize| (2 * k + 1) as f64 / side as f64 - 1.0;
        let points = (0..side * side).flat_map(|n| [coordinate(n % side), coordinate(n / side)]).collect();
        // Samples per unit of coordinate.
        let scale = side as f64 / 2.0;
        let (mut gradient, mut laplacian) = ([values.clone(), values.clone()], vec![0.0; values.len()]);
        for (axis, slopes) in gradient.iter_mut().enumerate() {
            let (stride, step) = if axis == 0 { (1, side) } else { (side, 1) };
            for line in 0..side {
                let at = |k: usize| line * step + k * stride;
                let samples: Vec<f64> = (0..side).map(|k| values[at(k)]).collect();
                for (k, [slope, curvature]) in derivatives(&samples).into_iter().enumerate() {
                    slopes[at(k)] = slope * scale;
                    laplacian[at(k)] += curvature * scale * scale;
                }
            }
        }
        let column = |numbers: Vec<f64>| {
            let rows = numbers.len();
            Tensor::from_vec(numbers, (rows, 1), &Device::Cpu)?.to_dtype(DType::F32)
        };
        Ok(Reference {
            points: Tensor::from_vec(points, (side * side, 2), &Device::Cpu)?.to_dtype(DType::F32)?,
            jet: Jet {
                value: column(values)?,
                slopes: gradient.into_iter().map(column).collect::<Result<_>>()?,
                laplacian: Some(column(laplacian)?),
            },
        })
    }

    /// The mean squared error of one part of `jet`.
    pub fn error(&self, jet: &Jet, part: Order) -> Result<Tensor> {
        (jet.part(part)? - self.jet.part(part)?)?.sqr()?.mean_all()
    }

    /// PSNR of one part of `jet`, in decibels; the peak is the range of the reference.
    pub fn psnr(&self, jet: &Jet, part: Order) -> Result<f64> {
        let reference = self.jet.part(part)?.flatten_all()?;
        let range = (reference.max(0)? - reference.min(0)?)?.to_scalar::<f32>()?;
        let error = self.error(jet, part)?.to_scalar::<f32>()?;
        Ok(20.0 * f64::from(range).log10() - 10.0 * f64::from(error).log10())
    }

    /// `value` with the scale and the offset that bring it closest to the picture.
    pub fn aligned(&self, value: &Tensor) -> Result<Tensor> {
        let centred = |t: &Tensor| t.broadcast_sub(&t.mean_all()?);
        let (found, wanted) = (centred(value)?, centred(&self.jet.value)?);
        let power = found.sqr()?.mean_all()?.to_scalar::<f32>()?;
        let scale = (&found * &wanted)?.mean_all()?.to_scalar::<f32>()? / power.max(f32::MIN_POSITIVE);
        (found * f64::from(scale))?.broadcast_add(&self.jet.value.mean_all()?)
    }
}
