//! One spline field in training: latents, tensors, their optimisers and the passes over samples and latents.

use super::combinations::Informed;
use super::contexts::Contexts;
use super::feature::{Feature, features};
use super::initial::{self, normal};
use super::loss::{Loss, Step};
use super::networks;
use super::panels::{Panels, Samples};
use super::pyramid::{Grid, Softness, grids, parts, parts_mut};
use super::slopes::Slopes;
use super::soap::Soap;
use crate::backend::simd::Level;
use crate::backend::simd::spline::training::{Adam, DEVIATES};
use crate::field::spline::{Order, Shape};
use rayon::prelude::*;
use std::f32::consts::LOG2_E;
use std::ops::Range;

/// Parameters need fewer samples than there are: one in so many rows is enough.
const EVERY: u32 = 4;
/// The least mean difference between a tensor and the usual one.
const LEAST_MEAN: f32 = 0.003;
/// Differences below this share of the mean pull less, so that the slope is continuous at 0.
const BLUNT: f32 = 0.1;
/// Decays of Adam's moments of the latents.
const DECAYS: [f32; 2] = [0.9, 0.999];

/// A spline field and all that its training needs.
pub struct Training {
    level: Level,
    shape: Shape,
    pub(super) grids: Vec<Grid>,
    /// Slopes of the loss by the rounded latents of each grid.
    pub(super) gradients: Vec<Vec<f32>>,
    features: Vec<Feature>,
    informed: Vec<Informed>,
    contexts: Contexts,
    panels: Panels,
    /// In the trainer's units.
    pub(super) tensors: Vec<Vec<f32>>,
    /// The tensors that training began with.
    first: Vec<Vec<f32>>,
    /// Whether latents alone are trained.
    fixed: bool,
    /// Whether these are the usual ones, to which a file stores differences.
    has_usual: bool,
    soap: Soap,
    deviates: Vec<f32>,
    rng: fastrand::Rng,
    steps: u32,
    /// One in so many rows gives slopes by parameters.
    pub(super) every: u32,
}

impl Training {
    /// A field whose latents are 0, and whose tensors are the usual ones or drawn with `seed`.
    ///
    /// # Panics
    /// If there are not as many samples or weights as `shape` says.
    pub fn start(level: Level, shape: &Shape, samples: &Samples<'_>, seed: u64) -> Self {
        let means = samples.means(shape);
        if shape.has_usual() {
            return Self::start_from(level, shape, samples, &initial::usual(shape), seed);
        }
        let mut rng = fastrand::Rng::with_seed(seed);
        let tensors = initial::drawn_for(shape, &means, &mut rng);
        Self::of(level, shape, samples, tensors, rng)
    }

    /// A field whose latents are 0, and whose tensors are `usual` ones, in the units of files, for a signal of
    /// mean ½: training also makes the bits of differences to them few.
    ///
    /// # Panics
    /// If there are not as many samples, weights or parameters as `shape` says.
    pub fn start_from(
        level: Level,
        shape: &Shape,
        samples: &Samples<'_>,
        usual: &[Vec<f32>],
        seed: u64,
    ) -> Self {
        let mut usual = networks::from_file(shape, usual);
        let biases = &mut usual[shape.order().layer(shape.layers) + 1];
        biases.iter_mut().zip(samples.means(shape)).for_each(|(bias, mean)| *bias += mean - 0.5);
        let training = Self::of(level, shape, samples, usual, fastrand::Rng::with_seed(seed));
        Training { has_usual: true, ..training }
    }

    /// The latents alone of a field whose `tensors`, in the units of files, are given; the latents are 0.
    ///
    /// # Panics
    /// If there are not as many samples, weights or parameters as `shape` says.
    pub fn of_latents(
        level: Level,
        shape: &Shape,
        samples: &Samples<'_>,
        tensors: &[Vec<f32>],
        seed: u64,
    ) -> Self {
        let (tensors, rng) = (networks::from_file(shape, tensors), fastrand::Rng::with_seed(seed));
        Training { fixed: true, ..Self::of(level, shape, samples, tensors, rng) }
    }

    /// Goes on from latents of each grid in coding order. Those of the areas of samples that are `held`, columns
    /// and rows, stay as they are.
    ///
    /// # Panics
    /// If there are not as many latents as the shape says.
    pub fn resume(&mut self, latents: &[Vec<i32>], held: &[[Range<usize>; 2]]) {
        self.set(latents);
        for grid in &mut self.grids {
            grid.latents.clone_from(&grid.rounded);
            grid.hold(held);
        }
    }

    fn of(
        level: Level,
        shape: &Shape,
        samples: &Samples<'_>,
        tensors: Vec<Vec<f32>>,
        mut rng: fastrand::Rng,
    ) -> Self {
        let grids = grids(shape);
        let features = features(shape, &grids);
        let file = networks::to_file(shape, &tensors);
        Training {
            level,
            informed: Informed::of(shape, &grids),
            contexts: Contexts::new(shape, &grids),
            panels: Panels::new(
                shape,
                samples,
                (&grids, &features),
                networks::synthesis(shape, &file).parameters(),
            ),
            soap: new_soap(shape),
            deviates: (0..DEVIATES).map(|_| normal(&mut rng)).collect(),
            shape: shape.clone(),
            gradients: grids.iter().map(|grid| vec![0.0; grid.rounded.len()]).collect(),
            grids,
            features,
            first: tensors.clone(),
            fixed: false,
            has_usual: false,
            tensors,
            rng,
            steps: 0,
            every: EVERY,
        }
    }

    /// Forgets what was learned.
    pub fn begin_again(&mut self) {
        for grid in &mut self.grids {
            let moments = grid.moments.iter_mut();
            moments.chain([&mut grid.latents]).for_each(|numbers| numbers.fill(0.0));
        }
        self.tensors.clone_from(&self.first);
        self.soap = new_soap(&self.shape);
        self.steps = 0;
    }

    /// Starts with features of so many times the usual amplitude: the steps of the signal that one step of a
    /// latent makes.
    pub fn amplify(&mut self, factor: f32) {
        for filter in self.tensors[Order::TAPS].chunks_exact_mut(4) {
            filter[0] += 1.0;
            filter.iter_mut().for_each(|tap| *tap *= factor);
            filter[0] -= 1.0;
        }
    }

    /// The tensors as they are trained, in units of the trainer.
    pub fn tensors(&self) -> &[Vec<f32>] {
        &self.tensors
    }

    /// Goes on with these tensors, in units of the trainer.
    pub fn set_tensors(&mut self, tensors: &[Vec<f32>]) {
        self.tensors.clone_from_slice(tensors);
    }

    /// One step on latents and tensors; returns the loss before it, of softly rounded latents.
    pub fn step(&mut self, step: Step) -> Loss {
        let first = 16 * self.rng.usize(..DEVIATES / 16);
        self.round(step.temperature, step.noise, first);
        let (loss, mut gradients) = self.slopes(step.lambda);
        self.steps += 1;
        self.move_latents(step.rates[0]);
        if !self.fixed {
            self.pull(step.lambda, &mut gradients);
            self.soap.step(step.rates[1], &mut self.tensors, &gradients, |_| false);
        }
        loss
    }

    /// Rounds the latents softly.
    pub(super) fn round(&mut self, temperature: f32, noise: f32, first_deviate: usize) {
        let (level, deviates) = (self.level, &self.deviates[..]);
        let mut first = first_deviate;
        for grid in &mut self.grids {
            grid.round(level, Softness { temperature, noise, first_deviate: first % DEVIATES }, deviates);
            first += grid.layout.len();
        }
    }

    /// The loss of the rounded latents and the slopes by the tensors; those by the rounded latents lie in the
    /// grids.
    pub(super) fn slopes(&mut self, lambda: f32) -> (Loss, Vec<Vec<f32>>) {
        let file = networks::to_file(&self.shape, &self.tensors);
        self.prepare(&file);
        self.combine(&file);
        self.run(&file, lambda, Slopes::All, [true; 2]);
        let taps = self.latent_slopes(&file);
        let mut slopes = self.tensor_slopes(Slopes::All);
        slopes[Order::TAPS].copy_from_slice(&taps);
        networks::to_trainer(&self.shape, &mut slopes);
        (self.loss(), slopes)
    }

    /// One step on the tensors but for the filter's taps, for latents that are rounded and expanded.
    pub fn tune(&mut self, lambda: f32, rate: f64) {
        let file = networks::to_file(&self.shape, &self.tensors);
        self.steps += 1;
        self.combine(&file);
        self.run(&file, lambda, Slopes::Parameters, [true; 2]);
        let mut slopes = self.tensor_slopes(Slopes::Parameters);
        networks::to_trainer(&self.shape, &mut slopes);
        self.pull(lambda, &mut slopes);
        self.soap.step(rate, &mut self.tensors, &slopes, |tensor| tensor == Order::TAPS);
    }

    /// Adds the slopes of λ times the bits of the tensors, those of a Laplace code of their differences to the
    /// usual ones. Filters and means are too few to count.
    fn pull(&self, lambda: f32, slopes: &mut [Vec<f32>]) {
        if !self.has_usual {
            return;
        }
        let means = self.shape.order().layer(self.shape.layers) + 1;
        let tensors = self.tensors.iter().zip(&self.first).zip(slopes).enumerate();
        for (_, ((tensor, usual), slopes)) in tensors.filter(|(n, _)| ![Order::TAPS, means].contains(n)) {
            let sum: f32 = tensor.iter().zip(usual).map(|(x, usual)| (x - usual).abs()).sum();
            let mean = sum / tensor.len() as f32 + LEAST_MEAN;
            for ((x, usual), slope) in tensor.iter().zip(usual).zip(slopes) {
                let difference = x - usual;
                *slope += lambda * LOG2_E / mean * difference / (difference.abs() + BLUNT * mean);
            }
        }
    }

    /// Starts the optimiser of the tensors anew, and rounds the latents to integers.
    pub fn harden(&mut self) {
        self.round_hard();
        let file = networks::to_file(&self.shape, &self.tensors);
        self.prepare(&file);
        self.soap = new_soap(&self.shape);
    }

    /// The loss of latents rounded to integers.
    pub fn hard_loss(&mut self) -> Loss {
        self.round_hard();
        let file = networks::to_file(&self.shape, &self.tensors);
        self.prepare(&file);
        self.measure(&file, [true; 2])
    }

    /// Rounds the latents to integers.
    fn round_hard(&mut self) {
        self.grids.iter_mut().for_each(Grid::round_hard);
    }

    /// The rounded latents of each grid in coding order, row by row, and the tensors in the units of files.
    pub fn rounded(&self) -> (Vec<Vec<i32>>, Vec<Vec<f32>>) {
        (self.grids.iter().map(Grid::integers).collect(), networks::to_file(&self.shape, &self.tensors))
    }

    /// The loss of integer latents and of tensors in the units of files.
    ///
    /// # Panics
    /// If these are not as many as the shape says.
    pub fn evaluate(&mut self, latents: &[Vec<i32>], file: &[Vec<f32>]) -> Loss {
        self.set(latents);
        self.prepare(file);
        self.measure(file, [true; 2])
    }

    /// The loss of tensors in the units of files for latents that [`Training::evaluate`] has seen, with the
    /// same filter: the squared error if `parts[0]`, the bits if `parts[1]`; the other part is the last that
    /// was computed.
    pub fn measure(&mut self, file: &[Vec<f32>], parts: [bool; 2]) -> Loss {
        if parts[1] {
            self.combine(file);
        }
        self.run(file, 0.0, Slopes::None, parts);
        self.loss()
    }

    fn set(&mut self, latents: &[Vec<i32>]) {
        assert_eq!(latents.len(), self.grids.len());
        self.grids.iter_mut().zip(latents).for_each(|(grid, latents)| grid.set(latents));
    }

    /// Computes what of the features is the same for all slices.
    fn prepare(&mut self, file: &[Vec<f32>]) {
        let (level, grids, taps) = (self.level, &self.grids[..], &file[Order::TAPS]);
        let features = self.features.par_iter_mut();
        features.for_each(|feature| feature.prepare(level, &grids[feature.grid], taps));
    }

    fn combine(&mut self, file: &[Vec<f32>]) {
        let (level, grids, order) = (self.level, &self.grids[..], self.shape.order());
        self.informed.par_iter_mut().enumerate().for_each(|(n, of)| {
            let at = order.combination(n);
            of.combine(level, grids, &file[at], &file[at + 1]);
        });
    }

    /// Runs the synthesis network if `parts[0]` and the context model if `parts[1]`.
    fn run(&mut self, file: &[Vec<f32>], lambda: f32, slopes: Slopes, parts: [bool; 2]) {
        let (level, subset) = (self.level, (self.steps.wrapping_mul(7919), self.every));
        let (shape, grids, taps) = (&self.shape, &self.grids[..], &file[Order::TAPS]);
        let (panels, features) = (&mut self.panels, &mut self.features[..]);
        let (contexts, gradients, informed) =
            (&mut self.contexts, &mut self.gradients[..], &mut self.informed[..]);
        let signal = || {
            let network = networks::synthesis(shape, file);
            panels.clear();
            features.iter_mut().for_each(Feature::clear);
            for slice in 0..panels.slices() {
                features.par_iter_mut().for_each(|feature| feature.expand_slice(level, slice, taps));
                panels.run(level, &network, (slice, features), slopes, subset);
                if slopes == Slopes::All {
                    features.par_iter_mut().for_each(|feature| {
                        let strips = panels.feature_slopes(feature.number);
                        feature.collapse_slice(level, &grids[feature.grid], taps, &strips, slice);
                    });
                }
            }
        };
        let latents = || {
            let network = networks::context(shape, file);
            contexts.run(level, &network, (grids, gradients), informed, (lambda, slopes), subset);
        };
        rayon::join(|| parts[0].then(signal), || parts[1].then(latents));
    }

    fn loss(&self) -> Loss {
        Loss { squared_error: self.panels.error() / self.shape.outputs as f64, bits: self.contexts.bits() }
    }

    /// Completes the slopes by the rounded latents in the grids; returns those by the filter's taps.
    fn latent_slopes(&mut self, file: &[Vec<f32>]) -> Vec<f32> {
        let (level, order) = (self.level, self.shape.order());
        let grids = &self.grids[..];
        self.informed.par_iter_mut().for_each(|of| of.propagate(level, grids));
        let mut taps = vec![0.0; file[Order::TAPS].len()];
        for feature in &mut self.features {
            let (grid, gradient) = (&self.grids[feature.grid], &mut self.gradients[feature.grid]);
            feature.finish(level, grid, gradient, &file[Order::TAPS]);
            taps[4 * feature.number..][..4].copy_from_slice(&feature.by_taps);
        }
        let informed = &self.informed[..];
        grids.par_iter().zip(&mut self.gradients).enumerate().for_each(|(number, (grid, gradient))| {
            let (layout, chunk_rows) = (grid.layout, grid.chunk_rows);
            let per_plane = layout.rows.div_ceil(chunk_rows);
            let chunks = parts_mut(layout, chunk_rows, gradient).into_par_iter();
            chunks.enumerate().for_each(|(n, gradient)| {
                let (plane, first) = (n / per_plane, n % per_plane * chunk_rows);
                for (n, of) in informed.iter().enumerate() {
                    let weights = &file[order.combination(n)];
                    of.add_slopes(level, (number, plane), weights, first, gradient);
                }
            });
            grid.stop_held(gradient);
        });
        taps
    }

    /// The slopes by all tensors but the filter's taps, in the units of files.
    fn tensor_slopes(&self, slopes: Slopes) -> Vec<Vec<f32>> {
        let order = self.shape.order();
        let mut tensors: Vec<Vec<f32>> = self.tensors.iter().map(|tensor| vec![0.0; tensor.len()]).collect();
        networks::synthesis_slopes(&self.shape, &self.panels.parameter_slopes(self.every), &mut tensors);
        for (grid, slopes) in self.contexts.parameter_slopes(&self.grids, self.every).iter().enumerate() {
            networks::add_context_slopes(&self.shape, grid, slopes, &mut tensors);
        }
        for (n, of) in self.informed.iter().enumerate() {
            // Those by combinations are exact unless rows were left out.
            let grid = &self.grids[of.grid];
            let factor = if slopes == Slopes::All { 1 } else { self.contexts.every(grid, self.every) } as f32;
            for (to, from) in tensors[order.combination(n)..].iter_mut().zip(&of.slopes) {
                to.iter_mut().zip(from).for_each(|(to, from)| *to = factor * from);
            }
        }
        tensors
    }

    fn move_latents(&mut self, rate: f64) {
        let (level, steps) = (self.level, self.steps as i32);
        let biases = DECAYS.map(|decay| 1.0 - decay.powi(steps));
        let (rate, scale) = (rate as f32 / biases[0], 1.0 / biases[1]);
        self.grids.par_iter_mut().zip(&self.gradients).for_each(|(grid, gradient)| {
            let (layout, rows) = (grid.layout, grid.chunk_rows);
            let [first, second] = &mut grid.moments;
            let gradient = parts(layout, rows, gradient).into_par_iter();
            let slopes = parts(layout, rows, &grid.slopes);
            let latents = parts_mut(layout, rows, &mut grid.latents);
            let first = parts_mut(layout, rows, first);
            let second = parts_mut(layout, rows, second);
            gradient.zip(slopes).zip(latents).zip(first).zip(second).for_each(
                |((((gradient, slopes), parameters), first), second)| {
                    level.run(Adam {
                        decays: DECAYS,
                        rate,
                        scale,
                        gradient,
                        slopes,
                        parameters,
                        first,
                        second,
                    });
                },
            );
        });
    }
}

fn new_soap(shape: &Shape) -> Soap {
    Soap::new(&shape.tensors(), |tensor| tensor == Order::TAPS)
}
