//! How far apart two signals are.

/// Accumulates the error between two signals of one description.
#[derive(Clone, Debug, Default)]
pub struct Metric {}
