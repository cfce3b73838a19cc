//! The training of one network, measured as it goes on.

use crate::activation::Activation;
use crate::jet::{Jet, Order};
use crate::network::{Kind, Network};
use crate::reference::Reference;
use candle_core::{DType, Result};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use std::time::{Duration, Instant};

/// Neurons of a hidden layer, and hidden layers.
const WIDTH: usize = 64;
const HIDDEN: usize = 4;
const SEED: u64 = 0;
/// Measurements of a training, besides that of the start.
const MEASUREMENTS: usize = 40;

/// What a network is trained for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Task {
    /// The values of the picture.
    Fit,
    /// Its gradient alone: Poisson's equation as a problem of least squares.
    Poisson,
}

impl Task {
    pub const ALL: [Task; 2] = [Task::Fit, Task::Poisson];

    pub fn name(self) -> &'static str {
        match self {
            Task::Fit => "fit",
            Task::Poisson => "poisson",
        }
    }

    /// The part of the jet that is trained.
    fn part(self) -> Order {
        match self {
            Task::Fit => Order::Value,
            Task::Poisson => Order::Gradient,
        }
    }
}

/// The learning rate that suits a kind. Of 0.0003, 0.001, 0.003 and 0.01 it has the least loss after 100 iterations, or one
/// within 1.1 dB of that.
pub fn usual_rate(kind: Kind) -> f64 {
    if matches!(kind.activation, Activation::Sine(_)) { 0.001 } else { 0.003 }
}

/// A training by Adam, on all samples in each iteration.
pub struct Training {
    pub kind: Kind,
    pub task: Task,
    pub iterations: usize,
    pub rate: f64,
}

impl Training {
    /// Rows of the table: activation, task, iteration, seconds of training, and PSNR of the picture, its gradient and its
    /// Laplacian. And the jet in the end, its values aligned where the gradient alone was given.
    pub fn run(&self, reference: &Reference) -> Result<(Vec<String>, Jet)> {
        let Training { kind, task, iterations, rate } = *self;
        let network = Network::new(kind, WIDTH, HIDDEN, DType::F32, SEED)?;
        let adam = ParamsAdamW { lr: rate, weight_decay: 0.0, ..Default::default() };
        let mut adam = AdamW::new(network.variables(), adam)?;
        let (mut rows, mut iteration, mut spent) = (vec![], 0, Duration::ZERO);
        loop {
            let mut jet = network.jet(&reference.points, Order::Laplacian)?;
            if task == Task::Poisson {
                jet.value = reference.aligned(&jet.value)?;
            }
            let [image, gradient, laplacian] =
                [Order::Value, Order::Gradient, Order::Laplacian].map(|part| reference.psnr(&jet, part));
            rows.push(format!(
                "{},{},{iteration},{:.1},{:.2},{:.2},{:.2}",
                kind.name,
                task.name(),
                spent.as_secs_f64(),
                image?,
                gradient?,
                laplacian?
            ));
            if iteration == iterations {
                return Ok((rows, jet));
            }
            let start = Instant::now();
            let until = (iteration + iterations.div_ceil(MEASUREMENTS)).min(iterations);
            for _ in iteration..until {
                let jet = network.jet(&reference.points, task.part())?;
                adam.backward_step(&reference.error(&jet, task.part())?)?;
            }
            (spent, iteration) = (spent + start.elapsed(), until);
        }
    }
}
