//! What a step of a training is told, and what it finds.

/// The parts of the loss `squared error + λ · bits`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loss {
    /// `Σ weight · error²` over the number of channels.
    pub squared_error: f64,
    /// Bits of each grid in coding order.
    pub bits: Vec<f64>,
}

impl Loss {
    /// The bits of all grids.
    pub fn total_bits(&self) -> f64 {
        self.bits.iter().sum()
    }
    /// The loss for a trade of `lambda`.
    pub fn total(&self, lambda: f64) -> f64 {
        self.squared_error + lambda * self.total_bits()
    }
}

/// What one step takes.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// Squared error per bit.
    pub lambda: f32,
    /// Temperature of soft rounding.
    pub temperature: f32,
    /// Standard deviation of the noise between two soft roundings.
    pub noise: f32,
    /// Learning rates of latents and of tensors.
    pub rates: [f64; 2],
}
