//! Activations with their first two derivatives, as tensor operations.

use candle_core::{Result, Tensor};

/// A function of one number, applied to each element.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Activation {
    /// `sin(ωt)`.
    Sine(f64),
    /// `max(t, 0)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// `ln(1 + exp(t))`.
    Softplus,
    /// `t` above 0, `exp(t) − 1` below.
    Elu,
    /// `exp(−t)`: of a squared distance, a Gaussian.
    Decay,
    /// `t²`.
    Square,
}

impl Activation {
    /// The value `a` at `t`.
    pub fn value(self, t: &Tensor) -> Result<Tensor> {
        match self {
            Activation::Sine(omega) => (t * omega)?.sin(),
            Activation::Relu => t.relu(),
            Activation::Tanh => t.tanh(),
            // Without the overflow of `exp` at large `t`.
            Activation::Softplus => t.relu()? + (t.abs()?.neg()?.exp()? + 1.0)?.log()?,
            Activation::Elu => t.elu(1.0),
            Activation::Decay => t.neg()?.exp(),
            Activation::Square => t.sqr(),
        }
    }

    /// The first derivative at `t`, where the value is `a`.
    pub fn slope(self, t: &Tensor, a: &Tensor) -> Result<Tensor> {
        match self {
            Activation::Sine(omega) => (t * omega)?.cos()? * omega,
            Activation::Relu => positive(t),
            Activation::Tanh => 1.0 - a.sqr()?,
            Activation::Softplus => 1.0 - a.neg()?.exp()?,
            Activation::Elu => (a - a.relu()?)? + 1.0,
            Activation::Decay => a.neg(),
            Activation::Square => t * 2.0,
        }
    }

    /// The second derivative at `t`, where the value is `a` and the first derivative `slope`.
    pub fn curvature(self, t: &Tensor, a: &Tensor, slope: &Tensor) -> Result<Tensor> {
        match self {
            Activation::Sine(omega) => a * -omega.powi(2),
            Activation::Relu => t.zeros_like(),
            Activation::Tanh => (a * slope)? * -2.0,
            Activation::Softplus => slope - slope.sqr()?,
            Activation::Elu => slope * (1.0 - positive(t)?)?,
            Activation::Decay => Ok(a.clone()),
            Activation::Square => t.ones_like()? * 2.0,
        }
    }

    /// The standard deviation of the weights of a layer of `n` inputs, times `√n`, that keeps the size of values from
    /// layer to layer: of SIREN (Sitzmann et al. 2020), Kaiming and Xavier, for ELU as in the program of that paper.
    pub fn gain(self) -> f64 {
        match self {
            Activation::Sine(omega) => 2f64.sqrt() / omega,
            Activation::Relu | Activation::Softplus => 2f64.sqrt(),
            Activation::Elu => 1.2452,
            Activation::Tanh | Activation::Decay | Activation::Square => 1.0,
        }
    }
}

/// 1 above 0, and 0 elsewhere; without a gradient.
fn positive(t: &Tensor) -> Result<Tensor> {
    t.gt(&t.zeros_like()?)?.to_dtype(t.dtype())
}
