//! Which derivatives travel with the value, and in which order.

/// The derivatives of a jet: what [`crate::backend::simd::Level::jet`] computes beside the values.
///
/// All are derivatives by the network's own coordinates. These have one scale for all axes in space, so the Laplacian
/// is the plain sum of the second derivatives; where axes differ in kind, take the Hessian and weight its diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Jet {
    /// The value and its first derivative by each coordinate: `f, ∂₀f, ∂₁f, …`.
    Gradient,
    /// The gradient's components and the sum of the unmixed second derivatives: `f, ∂₀f, ∂₁f, …, Σᵢ ∂ᵢᵢf`.
    Laplacian,
    /// The gradient's components and the upper triangle of the second derivatives, row by row:
    /// `f, ∂₀f, ∂₁f, …, ∂₀₀f, ∂₀₁f, …, ∂₁₁f, …`.
    Hessian,
}

impl Jet {
    /// The number of components of a jet in `inputs` coordinates, the value among them.
    pub fn components(self, inputs: usize) -> usize {
        let second = match self {
            Jet::Gradient => 0,
            Jet::Laplacian => 1,
            Jet::Hessian => inputs * (inputs + 1) / 2,
        };
        inputs + 1 + second
    }
}
