//! Which derivatives are computed together with the value, and in which order.

/// A value and some of its derivatives, as [`crate::backend::simd::Level::jet`] computes them.
///
/// All are derivatives by the network's own coordinates. Axes in space share one scale, so the Laplacian is
/// the plain sum of the second derivatives; where axes differ in kind, take the Hessian and weight its
/// diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Jet {
    /// The value alone: `f`.
    Value,
    /// The value and its first derivative by each coordinate: `f, ∂₀f, ∂₁f, …`.
    Gradient,
    /// The components of `Gradient` and the sum of the unmixed second derivatives: `f, ∂₀f, ∂₁f, …, Σᵢ ∂ᵢᵢf`.
    Laplacian,
    /// The components of `Gradient` and the upper triangle of the second derivatives, row by row: `f, ∂₀f,
    /// ∂₁f, …, ∂₀₀f, ∂₀₁f, …, ∂₁₁f, …`.
    Hessian,
}

impl Jet {
    /// The number of components of a jet in `inputs` coordinates, including the value.
    pub fn components(self, inputs: usize) -> usize {
        match self {
            Jet::Value => 1,
            Jet::Gradient => 1 + inputs,
            Jet::Laplacian => 1 + inputs + 1,
            Jet::Hessian => 1 + inputs + inputs * (inputs + 1) / 2,
        }
    }
}
