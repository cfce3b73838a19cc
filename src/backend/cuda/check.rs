//! Checks every device against a known result before use.

use super::Cuda;
use crate::backend::simd::{BLOCK, Batch, Level, Residuals, Workspace};
use crate::error::{Error, Result};
use crate::network::{Network, Shape};

/// A width of each class of kernels, which the smallest shared memory has room for.
const WIDTHS: [usize; 5] = [14, 19, 44, 60, 120];
/// Relative error of a gradient up to which it may be rounding.
const TOLERANCE: f64 = 1e-4;

impl Cuda {
    /// Rejects a device whose values differ from the CPU's in any bit, or whose gradients differ by more than
    /// rounding. Each class of width has kernels of its own, any of which the driver may compile wrongly.
    pub(super) fn check_answers(&self) -> Result<()> {
        WIDTHS.iter().try_for_each(|&width| self.check_width(width))
    }

    fn check_width(&self, width: usize) -> Result<()> {
        let shape = Shape { inputs: 2, outputs: 3, layers: 2, width };
        let number = |n: usize| ((n * 40503 + 7) % 65536) as f32 / 65536.0 - 0.5;
        let network = Network::from_parameters(shape, (0..shape.parameters()).map(number).collect());
        let [coordinates, targets, weights] =
            [shape.inputs, shape.outputs, 1].map(|rows| (0..rows * BLOCK).map(number).collect::<Vec<f32>>());
        let level = Level::best();

        let mut values = vec![0.0; shape.outputs * BLOCK];
        level.forward(&network, &coordinates, &mut values, &mut Workspace::default());
        let got = self.forward(&network, &coordinates)?;
        if got.iter().zip(&values).any(|(a, b)| a.to_bits() != b.to_bits()) {
            return Err(self.wrong("values"));
        }

        let batch = Batch {
            coordinates: &coordinates,
            targets: &targets,
            weights: &weights,
            first_layer: 0,
            residuals: Residuals::Values,
        };
        let (mut gradient, scale) = (vec![0.0; shape.parameters()], 1.0 / (shape.outputs * BLOCK) as f32);
        level.step(&network, batch, scale, &mut gradient, &mut Workspace::default());
        let (_, got) = self.step(&network, batch)?;
        let squares =
            |numbers: &mut dyn Iterator<Item = f32>| numbers.map(|x| f64::from(x).powi(2)).sum::<f64>();
        let error = squares(&mut got.iter().zip(&gradient).map(|(a, b)| a - b));
        let norm = squares(&mut gradient.iter().copied());
        // The comparison is false for NaN.
        if error.sqrt() <= TOLERANCE * norm.sqrt() { Ok(()) } else { Err(self.wrong("gradients")) }
    }

    fn wrong(&self, what: &str) -> Error {
        let detail = format!("{} computes different {what} than the CPU", self.device.name);
        Error::Device { device: self.device_name(), detail }
    }
}
