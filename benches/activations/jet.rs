//! Jets: value, gradient and Laplacian of functions of points, carried forward as tensor operations. Automatic
//! differentiation of these operations gives the gradient by parameters of a loss of derivatives.

use crate::activation::Activation;
use candle_core::{Result, Tensor};

/// The parts of a jet; one that goes up to an order has all before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Order {
    Value,
    Gradient,
    Laplacian,
}

/// Some functions at some points; each tensor is points × functions.
pub struct Jet {
    pub value: Tensor,
    /// The first derivatives, by one coordinate each; none in a jet of values.
    pub slopes: Vec<Tensor>,
    pub laplacian: Option<Tensor>,
}

impl Jet {
    /// The coordinates themselves, as functions of `points` (points × axes).
    pub fn of_points(points: &Tensor, order: Order) -> Result<Self> {
        let axes = points.dim(1)?;
        let units = Tensor::eye(axes, points.dtype(), points.device())?;
        let unit = |axis| units.narrow(0, axis, 1)?.broadcast_as(points.shape())?.contiguous();
        let slopes =
            if order >= Order::Gradient { (0..axes).map(unit).collect::<Result<_>>()? } else { vec![] };
        let laplacian = (order == Order::Laplacian).then(|| points.zeros_like()).transpose()?;
        Ok(Jet { value: points.clone(), slopes, laplacian })
    }

    /// `W·h + b` of each point, with `weights` of outputs × inputs.
    pub fn linear(&self, weights: &Tensor, biases: &Tensor) -> Result<Self> {
        let product = |h: &Tensor| h.matmul(&weights.t()?);
        Ok(Jet {
            value: product(&self.value)?.broadcast_add(biases)?,
            slopes: self.slopes.iter().map(product).collect::<Result<_>>()?,
            laplacian: self.laplacian.as_ref().map(product).transpose()?,
        })
    }

    /// `a(t)` with `∂_i a = a'(t) ∂_i t` and `Δa = a''(t) Σ_i (∂_i t)² + a'(t) Δt`.
    pub fn activate(&self, activation: Activation) -> Result<Self> {
        let t = &self.value;
        let value = activation.value(t)?;
        let [first, others @ ..] = &self.slopes[..] else {
            return Ok(Jet { value, slopes: vec![], laplacian: None });
        };
        let slope = activation.slope(t, &value)?;
        let laplacian = match &self.laplacian {
            None => None,
            Some(laplacian) => {
                let squares = others.iter().try_fold(first.sqr()?, |sum, t| sum + t.sqr()?)?;
                Some(((activation.curvature(t, &value, &slope)? * squares)? + (&slope * laplacian)?)?)
            }
        };
        let slopes = self.slopes.iter().map(|t| &slope * t).collect::<Result<_>>()?;
        Ok(Jet { value, slopes, laplacian })
    }

    /// One part of the jet, a column for each function and derivative.
    ///
    /// # Panics
    /// If the jet has no Laplacian, and that is asked for.
    pub fn part(&self, order: Order) -> Result<Tensor> {
        match order {
            Order::Value => Ok(self.value.clone()),
            Order::Gradient => Tensor::cat(&self.slopes, 1),
            Order::Laplacian => Ok(self.laplacian.clone().expect("a jet with a Laplacian")),
        }
    }

    /// The functions of both, at the same points.
    pub fn and(&self, other: &Self) -> Result<Self> {
        let both = |(a, b): (&Tensor, &Tensor)| Tensor::cat(&[a, b], 1);
        Ok(Jet {
            value: both((&self.value, &other.value))?,
            slopes: self.slopes.iter().zip(&other.slopes).map(both).collect::<Result<_>>()?,
            laplacian: self.laplacian.as_ref().zip(other.laplacian.as_ref()).map(both).transpose()?,
        })
    }
}
