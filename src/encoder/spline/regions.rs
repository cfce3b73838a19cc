//! Trains the field of a large signal region by region: the networks and λ on a sample of the signal, then the
//! latents of one region after the other, with those around them that are known as they are.

use super::control::Control;
use super::fit::{Course, Fit};
use super::plan;
use super::samples::{Area, Part};
use super::search::Trainee;
use crate::container::QuantizedSpline;
use crate::encoder::note::Note;
use crate::encoder::options::Phase;
use crate::encoder::session::Session;
use crate::encoder::tuning::*;
use crate::field::spline::{Grid, Shape};
use crate::fit::{SplineSchedule, SplineTraining};
use crate::quantize;

/// A field that is trained region by region.
pub(super) struct Regions<'s> {
    session: &'s Session<'s>,
    /// The field so far.
    field: QuantizedSpline,
    /// The areas on which the networks are trained, in rows.
    sample: Vec<Vec<Area>>,
    regions: Vec<Region>,
    /// Regions whose latents are known.
    known: usize,
    /// Iterations of the training of the sample, and of each region.
    steps: usize,
    /// The networks while the sample was trained.
    course: Course,
}

/// A region, in samples.
struct Region {
    /// The latents that are its own are those whose places are here.
    own: Area,
    /// What they are trained on: also what they reach around it.
    trained: Area,
}

impl<'s> Regions<'s> {
    /// A field in regions of so many samples along each axis, whose training has so many `steps`.
    pub fn new(session: &'s Session<'s>, shape: &Shape, side: usize, steps: usize) -> Self {
        let [width, height] = shape.plane();
        let cut = |length: usize| (0..length).step_by(side).map(move |at| at..length.min(at + side));
        let region = |own: Area| {
            let [x, y] = &own;
            Region { trained: [plan::with_margins(x, width), plan::with_margins(y, height)], own }
        };
        let regions = cut(height).flat_map(|y| cut(width).map(move |x| [x, y.clone()])).map(region).collect();
        let latents = shape.grids().iter().map(|grid| vec![0; grid.latents() as usize]).collect();
        let exponents = quantize::usual_exponents(shape);
        let tensors = shape.tensors().iter().map(|tensor| vec![0.0; tensor.parameters()]).collect::<Vec<_>>();
        let field = quantize::spline_of(shape, latents, &tensors, exponents);
        let sample = plan::sample(&shape.lengths, side);
        let regions = Regions { session, field, sample, regions, known: 0, steps, course: Course::default() };
        regions.announce();
        regions
    }

    /// Announces the work of the sample and of the regions.
    fn announce(&self) {
        let work = |steps: usize, positions: usize| steps as f64 * positions as f64;
        let sample: usize = self.sample.iter().flatten().map(plan::positions).sum();
        let [soft, hard] = [SplineSchedule::soft(self.steps), SplineSchedule::hard(self.steps)];
        let of_sample = [(Phase::Fit, work(soft, sample)), (Phase::Quantize, work(hard, sample))];
        let of_region = |region: &Region| (Phase::Fit, work(soft, plan::positions(&region.trained)));
        self.session.meter.plan(of_sample.into_iter().chain(self.regions.iter().map(of_region)));
    }

    fn positions(&self) -> f64 {
        self.session.signal.description.positions() as f64
    }

    /// Trains and rounds the networks on a sample of the signal, and finds λ.
    fn learn(&mut self, control: &mut Control) {
        let part = Part::of(self.session, &self.sample);
        let (session, positions) = (self.session, part.positions());
        let shape = Shape { lengths: part.lengths.clone(), ..self.field.shape.clone() };
        let training = SplineTraining::start(session.level, &shape, &part.samples(), session.seed(0));
        let (meter, steps, after) = (&session.meter, self.steps, SPLINE_AFTER);
        let (share, course) = (positions as f64 / self.positions(), Course::recorded(steps));
        let mut fit = Fit { meter, training, steps, positions, share: SPLINE_SAMPLE_TIME, after, course };
        let mut of_sample = control.of_part(share);
        fit.train(&mut of_sample);
        control.lambda = of_sample.lambda;
        fit.tune(control.lambda, 1.0);
        let (latents, tensors) = fit.training.rounded();
        let mut exponents = quantize::usual_exponents(&shape);
        if !meter.stopped() {
            // The bits of parameters count once, those of latents for the sample alone.
            let lambdas = [control.lambda, share * control.lambda];
            let fitted = (&latents[..], &tensors[..]);
            exponents = quantize::best_exponents(&mut fit.training, &shape, fitted, lambdas, exponents);
        }
        let latents = std::mem::take(&mut self.field.latents);
        self.field = quantize::spline_of(&self.field.shape, latents, &tensors, exponents);
        self.course = fit.course;
    }

    /// Trains the latents of region `n` by `train`, from what is known of them and around them on, in a `share` of
    /// the time that is left.
    fn train_region(&mut self, n: usize, share: f64, train: impl FnOnce(&mut Fit<'_>, &Course)) {
        let (session, field, region) = (self.session, &self.field, &self.regions[n]);
        let part = Part::of(session, &[vec![region.trained.clone()]]);
        let (shape, positions) =
            (Shape { lengths: part.lengths.clone(), ..field.shape.clone() }, part.positions());
        let (level, tensors, seed) = (session.level, quantize::tensors_of(field), session.seed(1 + n));
        let mut training = SplineTraining::of_latents(level, &shape, &part.samples(), &tensors, seed);
        drop(part);
        training.resume(&region.latents(field), &region.held(n < self.known));
        let after = share * SPLINE_REGIONS_AFTER * self.positions() / positions as f64;
        let (meter, steps, course) = (&session.meter, self.steps, Course::default());
        let mut fit = Fit { meter, training, steps, positions, share, after, course };
        train(&mut fit, &self.course);
        fit.training.harden();
        let (latents, _) = fit.training.rounded();
        region.keep(&latents, &mut self.field);
        self.known = self.known.max(n + 1);
    }

    /// Trains the latents of all regions on.
    fn train_on(&mut self, train: impl Fn(&mut Fit<'_>)) {
        for n in 0..self.known {
            self.train_region(n, 1.0, |fit, _| train(fit));
        }
    }
}

impl Region {
    /// The latents of a field that are trained for this region.
    fn latents(&self, field: &QuantizedSpline) -> Vec<Vec<i32>> {
        let of_grid = |(grid, latents): (&Grid, &Vec<i16>)| {
            let [columns, rows] = grid.places(&self.trained);
            let row = |y: usize| &latents[y * grid.plane()[0]..][columns.clone()];
            rows.flat_map(row).map(|&q| i32::from(q)).collect()
        };
        field.shape.grids().iter().zip(&field.latents).map(of_grid).collect()
    }

    /// Keeps the latents of its own, of those that were trained.
    fn keep(&self, trained: &[Vec<i32>], field: &mut QuantizedSpline) {
        for ((grid, from), to) in field.shape.grids().iter().zip(trained).zip(&mut field.latents) {
            let [columns, rows] = grid.places(&self.own);
            let [all, above] = grid.places(&self.trained);
            for y in rows {
                let row = &from[(y - above.start) * all.len()..][..all.len()];
                let own = &row[columns.start - all.start..columns.end - all.start];
                to[y * grid.plane()[0]..][columns.clone()].copy_from_slice(&quantize::stored_latents(own));
            }
        }
    }

    /// The areas, in the samples that it is trained on, whose latents are known: those of the regions before it,
    /// or of all others.
    fn held(&self, all: bool) -> Vec<Area> {
        let relative = |axis: usize| {
            let (own, start) = (&self.own[axis], self.trained[axis].start);
            (own.start - start..own.end - start, self.trained[axis].len())
        };
        let ((x, width), (y, height)) = (relative(0), relative(1));
        let before = [[0..width, 0..y.start], [0..x.start, y.clone()]];
        let behind = [[x.end..width, y.clone()], [0..width, y.end..height]];
        before.into_iter().chain(behind.into_iter().filter(|_| all)).collect()
    }
}

impl Trainee for Regions<'_> {
    fn shape(&self) -> &Shape {
        &self.field.shape
    }

    fn train(&mut self, control: &mut Control) {
        self.learn(control);
        let count = self.regions.len();
        for n in 0..count {
            if self.session.meter.stopped() {
                break;
            }
            self.train_region(n, 1.0 / (count - n) as f64, |fit, course| fit.train_along(course));
        }
    }

    fn correct(&mut self, lambda: f64, off: f64, _: usize) {
        self.train_on(|fit| fit.train_on(lambda, off));
    }

    fn squeeze(&mut self, lambda: f64) {
        self.train_on(|fit| {
            for n in 0..SPLINE_REGION_SQUEEZE {
                let f = f64::from(n) / f64::from(SPLINE_REGION_SQUEEZE);
                fit.training.step(SplineSchedule::again(f, lambda, SPLINE_STRONGEST));
            }
        });
    }

    fn field(&mut self, _: f64, _: bool) -> (QuantizedSpline, Option<f64>) {
        (self.field.clone(), None)
    }

    fn notes(&self) -> Vec<Note> {
        let (regions, all) = ((self.regions.len() - self.known) as u64, self.regions.len() as u64);
        if regions > 0 { vec![Note::RegionsLeft { regions, all }] } else { vec![] }
    }
}
