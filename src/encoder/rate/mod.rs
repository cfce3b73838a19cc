//! From a target to a file: finds the number of parameters and the precision of their rounding. The best file
//! so far is kept, so that a search may end at any time.

mod psnr;
mod size;
mod trend;

use super::budget::Budget;
use super::finish::Finished;
use super::note::Note;
use super::options::{EncodeOptions, Target, WeightCoding, quality_bits_per_sample};
use super::plan;
use super::recipe::{Fit, Siren};
use super::session::Session;
use super::tuning::{FULL_SIZE, SIZE_LEFT};
use crate::container::{Networks, Stored};
use crate::error::Result;
use crate::network::Shape;
use crate::signal::{Kind, Tiles};

/// What was fitted, for the report.
pub(crate) struct FitSummary {
    /// Squared error in unit values before rounding, summed over positions and channels.
    pub error: f64,
    /// Parameters and latents.
    pub parameters: u64,
    pub tiles: u64,
    /// Most hidden layers, and neurons of the widest one.
    pub layers: usize,
    pub width: usize,
}

impl FitSummary {
    fn of(fit: &Fit) -> Self {
        let shapes = || fit.networks.iter().map(|fitted| fitted.network.shape());
        FitSummary {
            error: fit.error,
            parameters: fit.parameters() as u64,
            tiles: fit.tiles.len() as u64,
            layers: shapes().map(|s| s.layers).max().unwrap_or(0),
            width: shapes().map(|s| s.width).max().unwrap_or(0),
        }
    }
}

/// The result of a search.
pub(crate) struct Outcome {
    pub finished: Finished,
    pub fit: FitSummary,
    /// Whether the target was reached.
    pub reached: bool,
    pub notes: Vec<Note>,
}

/// A search for the file that meets a target, with fits of one budget.
#[derive(Clone, Copy)]
struct Search<'s, 'r> {
    session: &'s Session<'s>,
    recipe: &'r Siren<'s>,
    budget: Budget,
}

/// Finds the file for the target of the session.
pub(crate) fn search(recipe: &Siren<'_>) -> Result<Outcome> {
    let session = recipe.session;
    let (description, options) = (&session.signal.description, session.options);
    let passes = session.affordable(plan::passes(options.target, description, options.effort));
    let search = Search { session, recipe, budget: Budget::of(options.effort, passes) };
    match options.target {
        target @ (Target::Bytes(_) | Target::BitsPerPosition(_) | Target::Kbps(_)) => {
            let limit = target.limit(description);
            search.size(limit).map(|outcome| search.with_size_left(outcome, limit))
        }
        Target::Psnr(db) => search.psnr(session.normalised.fitted_db(db)),
        Target::Nrmse(nrmse) => search.psnr(session.normalised.fitted_db_of_nrmse(nrmse)),
        Target::Quality(quality) if description.kind() == Kind::Sound => {
            let bits = quality_bits_per_sample(quality) * session.samples();
            search.size(((bits / 8.0) as u64).max(session.smallest()?))
        }
        Target::Quality(quality) => search.quality(quality),
        Target::Shape { layers, width } => search.shape(layers, width),
    }
}

impl Search<'_, '_> {
    /// The outcome with a note if much of the requested size is left. What an interrupted fit or one without errors
    /// leaves is no surprise.
    fn with_size_left(&self, mut outcome: Outcome, limit: u64) -> Outcome {
        let bytes = outcome.finished.bytes.len() as u64;
        let expected = self.session.meter.interrupted() || outcome.finished.psnr_db == f64::INFINITY;
        if (bytes as f64) < SIZE_LEFT * limit as f64 && !expected && outcome.notes.is_empty() {
            outcome.notes.push(Note::SizeLeft { bytes, limit });
        }
        outcome
    }

    /// One network of a given shape over the whole signal.
    fn shape(&self, layers: usize, width: usize) -> Result<Outcome> {
        let Session { signal, options: EncodeOptions { weights, .. }, .. } = self.session;
        let shape = Shape {
            inputs: signal.description.axes.len(),
            outputs: usize::from(signal.description.channels),
            layers,
            width,
        };
        self.announce();
        let tiles = Tiles::one(&signal.description);
        let fit = self.recipe.fit_shapes(tiles, &[shape], self.budget)?;
        let networks = match weights {
            WeightCoding::Quantized => {
                Networks::Quantized(self.recipe.quantize(&fit, size::usual_delta(&fit))?)
            }
            _ => self.session.stored(&fit)?,
        };
        let summary = FitSummary::of(&fit);
        let finished = self.session.finish(Stored::Siren { tiles: fit.tiles, networks })?;
        Ok(Outcome { finished, fit: summary, reached: true, notes: vec![] })
    }

    /// The next fit of the search, with about `parameters` parameters.
    fn fit(&self, parameters: f64) -> Result<Fit> {
        self.announce();
        self.recipe.fit(parameters, self.budget)
    }

    /// Announces the work of a fit and of the quantization after it.
    fn announce(&self) {
        self.session.meter.plan(self.session.stages(self.budget));
    }

    /// The numbers of up to `most` tries, of which only the first begins if the encode is stopped.
    fn tries(&self, most: usize) -> impl Iterator<Item = usize> {
        (0..most).take_while(|&number| number == 0 || !self.session.meter.stopped())
    }

    /// Whether another fit may be made: not under a time limit, nor after the observer has ended the encode.
    fn may_repeat(&self) -> bool {
        !self.session.meter.is_limited()
    }

    /// Whether the signal gets fewer passes than its effort normally means.
    fn is_large(&self) -> bool {
        self.session.signal.description.positions() as f64 > FULL_SIZE
    }
}
