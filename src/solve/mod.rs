//! Fields from equations: a network that satisfies conditions on its values and derivatives, as a file.
//!
//! A [`Problem`] is a list of [`Condition`]s, each a [`Residual`] at some [`Points`]. [`poisson`] makes problems of
//! gradients and Laplacians.
//!
//! ```
//! use sirenc::signal::{Description, SampleFormat};
//! use sirenc::solve::{Condition, GradientIs, Points, Problem, SolveOptions, solve};
//! use sirenc::{Decoder, Flow};
//!
//! # fn main() -> sirenc::Result<()> {
//! // The field whose gradient is (0.01, −0.02) everywhere, and whose mean is ½.
//! let positions: Vec<f64> = (0..256).flat_map(|i| [f64::from(i % 16), f64::from(i / 16)]).collect();
//! let condition = Condition {
//!     name: "gradient".into(),
//!     points: Points::Given { positions, data: [0.01, -0.02].repeat(256) },
//!     residual: &GradientIs,
//!     weight: 1.0,
//! };
//! let mut problem = Problem::new(Description::picture([16, 16], 1, SampleFormat::F32), vec![condition]);
//! problem.mean = Some(vec![0.5]);
//! let options = SolveOptions::default().layers(1).width(16).effort(1);
//! let solved = solve(&problem, &options, &|_| Flow::Continue)?;
//! let values = Decoder::open(&solved.bytes[..])?.sample(&[2.0, 7.5, 12.0, 7.5])?;
//! assert!((values[1] - values[0] - 0.1).abs() < 0.02, "{values:?}");
//! # Ok(())
//! # }
//! ```

mod check;
mod fill;
mod grid;
mod inversion;
mod options;
pub mod poisson;
mod rounding;
pub mod waves;

pub use crate::fit::objective::{
    Condition, GradientIs, Helmholtz, HessianEnergy, HessianVariation, Interpolant, LaplacianIs, Only,
    Outgoing, Point, PointSource, Points, Pulse, Residual, SlopeIs, TotalVariation, ValueIs, Wave,
};
pub use fill::fill;
pub use inversion::Inversion;
pub use options::{Progress, SolveOptions};

use crate::backend::simd::{BLOCK, Level, Workspace};
use crate::backend::trainer::{Allowance, Schedule, Turn};
use crate::container::{self, File, Networks, Stored};
use crate::encoder::Flow;
use crate::error::Result;
use crate::fit::objective::Equations;
use crate::fit::{self, Normalisation};
use crate::ieee::ieee;
use crate::network::{Network, Shape};
use crate::signal::{Description, Tiles};
use std::time::{Duration, Instant};

/// What a field is to satisfy.
pub struct Problem<'a> {
    /// The signal that is sought.
    pub description: Description,
    /// The equations.
    pub conditions: Vec<Condition<'a>>,
    /// Equations that are solved first, in a part of the iterations: their field is the start, where one near the solution is
    /// needed.
    pub start: Vec<Condition<'a>>,
    /// What is measured of the result, but has no part in the fit.
    pub measures: Vec<Condition<'a>>,
    /// About the standard deviation of the field, signal units.
    pub scale: f64,
    /// About the mean of each channel, signal units.
    pub offsets: Vec<f64>,
    /// An axis, of time say, along which random points spread from the start of their region during the first part of the fit:
    /// what comes later follows from what was found. Tiles do not divide it.
    pub grows_along: Option<usize>,
    /// The mean of all native samples of each channel, where the equations leave a constant free; it is reached after the
    /// fit.
    pub mean: Option<Vec<f64>>,
}

impl<'a> Problem<'a> {
    /// A problem whose field is of order ½, as pictures are.
    pub fn new(description: Description, conditions: Vec<Condition<'a>>) -> Self {
        let offsets = vec![0.0; description.channels.into()];
        Problem {
            description,
            conditions,
            start: vec![],
            measures: vec![],
            scale: 0.5,
            offsets,
            grows_along: None,
            mean: None,
        }
    }
}

/// A field that was found.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Solved {
    /// The bytes of the `.siren` file.
    pub bytes: Vec<u8>,
    /// The mean loss of each condition, and then of each measure, of the field in the file.
    pub losses: Vec<Loss>,
    /// Optimiser iterations.
    pub iterations: u64,
    /// Parameters of all networks.
    pub parameters: u64,
    /// Whether the observer ended the fit.
    pub interrupted: bool,
}

/// The mean loss of a condition over its points.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Loss {
    /// The name of the condition.
    pub name: String,
    /// The mean of the losses of the field before rounding.
    pub fitted: f64,
    /// The mean of the losses of the field in the file.
    pub stored: f64,
}

/// Finds the field of a problem with networks of overlapping tiles, one by default, and stores it with what rounding adds to the
/// loss bounded by [`SolveOptions::loss_of_rounding`].
///
/// # Errors
/// `Parameter` for a problem that does not fit its signal; `Limit` if it needs more memory than allowed.
pub fn solve(
    problem: &Problem<'_>,
    options: &SolveOptions,
    observe: &(dyn Fn(&Progress) -> Flow + Sync),
) -> Result<Solved> {
    check::check(problem, options)?;
    ieee(|| Fit::new(problem, options)?.run(observe))
}

/// The part of a fit in which random points spread along the axis of [`Problem::grows_along`].
const GROWING: f64 = 0.7;
/// The part of all iterations for [`Problem::start`].
const START: f64 = 0.25;

/// A fit of the networks of a problem.
struct Fit<'a> {
    problem: &'a Problem<'a>,
    options: &'a SolveOptions,
    level: Level,
    tiles: Tiles,
    equations: Equations<'a>,
    networks: Vec<Network>,
    /// The way from units of training to signal units.
    normalisation: Normalisation,
}

impl<'a> Fit<'a> {
    /// A fit of new networks.
    fn new(problem: &'a Problem<'a>, options: &'a SolveOptions) -> Result<Self> {
        let (description, level) = (&problem.description, Level::best());
        let shape = Shape {
            inputs: description.axes.len(),
            outputs: description.channels.into(),
            layers: options.layers,
            width: options.width,
        };
        let tiles = options.tiles(description, problem.grows_along)?;
        let mut rng = fastrand::Rng::with_seed(options.seed);
        let network = |_| fit::network_of_frequency(shape, options.frequency, &mut rng);
        let networks: Vec<Network> = (0..tiles.len()).map(network).collect();
        let mut equations = equations(problem, options, &tiles, &problem.conditions);
        equations.normalise(level, &networks);
        if let Some(axis) = problem.grows_along {
            let growing = (GROWING * options.iterations() as f64) as usize;
            equations = equations.growing(axis, growing.max(1));
        }
        let means = problem.offsets.iter().map(|&offset| offset as f32).collect();
        let normalisation = Normalisation { means, scale: problem.scale as f32 };
        Ok(Fit { problem, options, level, tiles, equations, networks, normalisation })
    }

    /// Trains and rounds the networks, and writes the file.
    fn run(mut self, observe: &(dyn Fn(&Progress) -> Flow + Sync)) -> Result<Solved> {
        let (iterations, interrupted) = self.train(observe);
        if let Some(mean) = &self.problem.mean {
            let pairs = mean.iter().zip(&self.problem.offsets);
            let wanted: Vec<f64> = pairs.map(|(mean, offset)| (mean - offset) / self.problem.scale).collect();
            centre(self.level, &mut self.networks, &self.tiles, &wanted);
        }
        let Fit { problem, options, level, tiles, equations: fitted, networks, normalisation, .. } = &self;
        let quantized = rounding::rounded(fitted, *level, networks, normalisation, options);
        let measured = equations(problem, options, tiles, &problem.measures);
        let stored: Vec<Network> =
            quantized.iter().map(|network| normalisation.redo(&network.dequantize())).collect();
        let of = |(equations, conditions): (&Equations<'_>, &[Condition<'_>])| -> Vec<Loss> {
            let [fitted, stored] =
                [networks, &stored].map(|networks| equations.losses(*level, networks, usize::MAX));
            let losses = conditions.iter().zip(fitted).zip(stored);
            losses.map(|((of, fitted), stored)| Loss { name: of.name.clone(), fitted, stored }).collect()
        };
        let losses = [(fitted, &problem.conditions[..]), (&measured, &problem.measures)].map(of).concat();
        let field = Stored::Siren { tiles: tiles.clone(), networks: Networks::Quantized(quantized) };
        let description = problem.description.clone();
        let file = File { description, units: None, missing: None, field, metadata: vec![] };
        let mut bytes = vec![];
        container::write(&file, &mut bytes)?;
        let parameters = networks.iter().map(|network| network.parameters().len() as u64).sum();
        Ok(Solved { bytes, losses, iterations, parameters, interrupted })
    }

    /// Trains the networks, first for the equations of the start; returns the iterations, and whether the observer ended the
    /// fit.
    fn train(&mut self, observe: &(dyn Fn(&Progress) -> Flow + Sync)) -> (u64, bool) {
        let Fit { problem, options, level, ref tiles, .. } = *self;
        if problem.start.is_empty() {
            return self.train_for(None, (0.0, 1.0), observe);
        }
        let mut start = equations(problem, options, tiles, &problem.start);
        start.normalise(level, &self.networks);
        let first = self.train_for(Some(&start), (0.0, START), observe);
        if first.1 {
            return first;
        }
        self.equations.normalise(level, &self.networks);
        let second = self.train_for(None, (START, 1.0 - START), observe);
        (first.0 + second.0, second.1)
    }

    /// Trains the networks for some equations, or those of the problem, in a part of all iterations, `(from, length)` of 1.
    fn train_for(
        &mut self,
        equations: Option<&Equations<'_>>,
        (before, part): (f64, f64),
        observe: &(dyn Fn(&Progress) -> Flow + Sync),
    ) -> (u64, bool) {
        let all = self.options.iterations() as f64;
        let schedule = Schedule {
            iterations: (all * part) as usize,
            blocks: 1,
            rate: self.options.rate,
            warmup: 0.05,
            end: 0.01,
            first_layer: 0,
            loss_of_mean: f64::INFINITY,
        };
        let from = Instant::now();
        let time = self.options.time_limit.map(|length| Allowance { from, length: length.mul_f64(part) });
        let mut interrupted = false;
        let report = |iteration: usize, loss: f64| {
            let done = f64::from(schedule.position(iteration, time)) / schedule.iterations as f64;
            let left = from.elapsed().as_secs_f64() * ((1.0 - before) / (part * done.max(1e-3)) - 1.0);
            let progress = Progress {
                iteration: (before * all) as u64 + iteration as u64 + 1,
                iterations: all as u64,
                loss,
                done: before + part * done,
                remaining: Duration::from_secs_f64(left.max(0.0)),
            };
            interrupted = observe(&progress) == Flow::Finish;
            !interrupted
        };
        let turn = Turn { alone: true, time };
        let Fit { level, networks, equations: own, .. } = self;
        let iterations = fit::train(*level, networks, equations.unwrap_or(own), &schedule, turn, report);
        (iterations as u64, interrupted)
    }
}

/// The loss of `conditions` of a problem.
fn equations<'a>(
    problem: &Problem<'_>,
    options: &SolveOptions,
    tiles: &Tiles,
    conditions: &'a [Condition<'a>],
) -> Equations<'a> {
    let units = (problem.offsets.clone(), problem.scale);
    Equations::new(tiles, conditions, units, options.batch, options.seed)
}

/// Moves each channel of the networks so that its mean over all native samples is that of `means`.
fn centre(level: Level, networks: &mut [Network], tiles: &Tiles, means: &[f64]) {
    let shape = networks[0].shape();
    let (mut sums, mut weights) = (vec![0.0; shape.outputs], 0.0);
    for (number, network) in networks.iter().enumerate() {
        let tile = tiles.tile(number);
        let (sides, count) = (tile.ranges(), tile.points());
        let (mut coordinates, mut of_lanes) = (vec![0.0; shape.inputs * BLOCK], [0.0; BLOCK]);
        let (mut values, mut workspace) = (vec![0.0; shape.outputs * BLOCK], Workspace::default());
        for first in (0..count).step_by(BLOCK) {
            let lanes = BLOCK.min((count - first) as usize);
            for (lane, weight) in of_lanes[..lanes].iter_mut().enumerate() {
                let mut rest = first + lane as u64;
                *weight = 1.0;
                for (axis, side) in sides.iter().enumerate() {
                    let length = side.len() as u64;
                    let position = f64::from(side.start + (rest % length) as u32);
                    coordinates[axis * BLOCK + lane] = tile.coordinate(axis, position);
                    *weight *= f64::from(tiles.weight(axis, tile.index[axis], position));
                    rest /= length;
                }
            }
            level.forward(network, &coordinates, &mut values, &mut workspace);
            weights += of_lanes[..lanes].iter().sum::<f64>();
            for (sum, row) in sums.iter_mut().zip(values.chunks_exact(BLOCK)) {
                let weighted = row.iter().zip(&of_lanes[..lanes]);
                *sum += weighted.map(|(&value, weight)| weight * f64::from(value)).sum::<f64>();
            }
        }
    }
    let last = shape.layers().next_back().expect("a network has layers");
    for network in networks {
        let biases = &mut network.parameters_mut()[last.biases()];
        for ((bias, sum), mean) in biases.iter_mut().zip(&sums).zip(means) {
            *bias += (mean - sum / weights) as f32;
        }
    }
}
