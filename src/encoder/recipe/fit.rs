//! Trained networks over a partition.

use crate::container::QuantizedNetwork;
use crate::quantize::Fitted;
use crate::signal::Tiles;
use rayon::prelude::*;

/// Trained networks over a partition.
#[derive(Clone)]
pub(crate) struct Fit {
    pub tiles: Tiles,
    pub networks: Vec<Fitted>,
    /// Squared error in unit values, summed over positions and channels.
    pub error: f64,
    /// Squared error including the gradient term, in the units of `error`.
    pub loss: f64,
    /// Passes over the samples that it was trained for.
    pub passes: f64,
}

impl Fit {
    pub fn new(tiles: Tiles, networks: Vec<Fitted>, passes: f64) -> Self {
        let error = networks.iter().map(|fitted| fitted.loss.values).sum();
        let loss = networks.iter().map(|fitted| fitted.loss.total).sum();
        Fit { tiles, networks, error, loss, passes }
    }

    /// This fit, or `other` if that has a lower error.
    pub fn or_better(self, other: Fit) -> Fit {
        if other.error < self.error { other } else { self }
    }

    /// Parameters of all networks.
    pub fn parameters(&self) -> usize {
        self.networks.iter().map(|fitted| fitted.network.parameters().len()).sum()
    }

    /// Every parameter rounded to the nearest multiple of its step at `delta`.
    pub fn rounded(&self, delta: f64) -> Vec<QuantizedNetwork> {
        self.networks.par_iter().map(|fitted| fitted.rounded(delta)).collect()
    }
}
