//! What the first layer of a network sees of a point.

use crate::activation::Activation;
use crate::jet::Jet;
use candle_core::{DType, Device, Result, Tensor, Var};
use std::f64::consts::{FRAC_PI_2, PI};

/// The initial `σ` of Gaussians.
const SHARPNESS: f64 = 10.0;

/// The kinds of features of a point of the plane.
#[derive(Clone, Copy, Debug)]
pub enum Input {
    /// Its coordinates.
    Coordinates,
    /// Its coordinates, and of each the sine and cosine of `2^k π` times it for so many `k` (Mildenhall et al. 2020).
    Octaves(usize),
    /// So many Gaussians `exp(−σ|x − c|²)` with random centres `c` in −1..1 and `σ = 10`, which are trained.
    Gaussians(usize),
}

/// The functions of points, with their parameters.
pub enum Features {
    Coordinates,
    /// Rows of frequencies, and a phase of each.
    Octaves(Tensor, Tensor),
    /// Centres (count × 2) and `σ` (count × 1).
    Gaussians(Var, Var),
}

impl Features {
    /// Features of this kind, and how many they are.
    pub fn new(input: Input, dtype: DType, rng: &mut fastrand::Rng) -> Result<(Self, usize)> {
        let device = &Device::Cpu;
        Ok(match input {
            Input::Coordinates => (Features::Coordinates, 2),
            Input::Octaves(octaves) => {
                let frequency = |row: usize| PI * f64::from(1u32 << (row / 4));
                let weights = |row| if row % 2 == 0 { [frequency(row), 0.0] } else { [0.0, frequency(row)] };
                let phase = |row| if row % 4 < 2 { 0.0 } else { FRAC_PI_2 };
                let rows = 4 * octaves;
                let weights = Tensor::from_vec((0..rows).flat_map(weights).collect(), (rows, 2), device)?;
                let phases = Tensor::from_iter((0..rows).map(phase), device)?;
                (Features::Octaves(weights.to_dtype(dtype)?, phases.to_dtype(dtype)?), 2 + rows)
            }
            Input::Gaussians(count) => {
                let centres = (0..2 * count).map(|_| 2.0 * rng.f64() - 1.0).collect();
                let centres = Tensor::from_vec(centres, (count, 2), device)?.to_dtype(dtype)?;
                let sharpness = Tensor::full(SHARPNESS, (count, 1), device)?.to_dtype(dtype)?;
                (Features::Gaussians(Var::from_tensor(&centres)?, Var::from_tensor(&sharpness)?), count)
            }
        })
    }

    /// What is trained of them.
    pub fn variables(&self) -> Vec<&Var> {
        match self {
            Features::Gaussians(centres, sharpness) => vec![centres, sharpness],
            Features::Coordinates | Features::Octaves(..) => vec![],
        }
    }

    /// The features at `points`.
    pub fn of(&self, points: Jet) -> Result<Jet> {
        match self {
            Features::Coordinates => Ok(points),
            Features::Octaves(weights, phases) => {
                points.and(&points.linear(weights, phases)?.activate(Activation::Sine(1.0))?)
            }
            // `σ|x − c|²` is linear in the coordinates and their squares: `σx² − 2σcx + σc²` along each axis.
            Features::Gaussians(centres, sharpness) => {
                let slopes = (centres.broadcast_mul(sharpness)? * -2.0)?;
                let weights =
                    Tensor::cat(&[slopes, sharpness.broadcast_as(centres.shape())?.contiguous()?], 1)?;
                let constants = centres.sqr()?.sum(1)?.mul(&sharpness.squeeze(1)?)?;
                let squares = points.activate(Activation::Square)?;
                points.and(&squares)?.linear(&weights, &constants)?.activate(Activation::Decay)
            }
        }
    }
}
