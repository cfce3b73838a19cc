//! `sirenc solve composite`: signals put together by their gradients.

use super::{FitArgs, TILE, signals};
use crate::cli::failure::{Exit, Failure};
use crate::cli::reading::ReadArgs;
use crate::cli::{Interrupt, Outcome, report};
use serde_json::Map;
use sirenc::signal::{Description, SampleFormat, Samples, Signal};
use sirenc::solve::{Problem, poisson};
use std::path::PathBuf;

/// Signals put together by their gradients
///
/// Without a mask the gradient is the mean of those of A and B, and the mean of the result that of both. With a mask, the
/// result is B where the mask is black, and inside it has the gradient of A: its colours follow those of B at the seam,
/// which is therefore not seen.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sirenc solve composite moon.png house.png --mask sky.png -o both.siren
  sirenc solve composite bear.png pyramid.png -o both.siren

JSON object:
  output         path
  bytes          size of the file
  conditions     [{name, fitted_rms, rms}] of each condition: root mean square errors
                 before and after rounding
  iterations, parameters, layers, width, tile, effort, seed, seconds, interrupted, version
                 of the fit")]
pub struct Args {
    /// The signal that is put in
    #[arg(value_name = "A")]
    a: PathBuf,
    /// The signal into which it is put, of the same size
    #[arg(value_name = "B")]
    b: PathBuf,
    /// A signal of the same size, white where A is put in
    #[arg(long, value_name = "MASK")]
    mask: Option<PathBuf>,
    #[command(flatten)]
    fit: FitArgs,
    #[command(flatten)]
    read: ReadArgs,
}

/// Runs `sirenc solve composite`.
pub(super) fn run(args: &Args, interrupt: &Interrupt) -> Outcome {
    let output = args.fit.prepare(&args.a)?;
    let name = args.a.display().to_string();
    let [a, b] = [&args.a, &args.b].map(|path| signals::read(path, &args.read, args.fit.quiet));
    let (a, b) = (a?, b?);
    if (a.description.lengths(), a.description.channels) != (b.description.lengths(), b.description.channels)
    {
        let [found, expected] = [&b, &a].map(|signal| report::description(&signal.description));
        let sentence = format!("{found}, but {name} is {expected}");
        return Err(Failure::new(Exit::Input, args.b.display(), sentence));
    }
    let mut problem = match &args.mask {
        None => {
            let both = mean(&a, &b);
            let gradient = poisson::gradient_of(&both).map_err(|error| Failure::work(&name, error))?;
            let mut problem = Problem::new(b.description.clone(), vec![gradient]);
            problem.mean = Some(poisson::units_of(&both, |_| true).0);
            problem
        }
        Some(path) => {
            let mask = signals::mask(path, &b, args.fit.quiet)?;
            if mask.iter().all(|&inside| inside) {
                let sentence = "all of it is white: nothing of B remains";
                return Err(Failure::new(Exit::Input, path.display(), sentence));
            }
            let mut conditions = poisson::gradient_where(&a, |sample| mask[sample]);
            conditions.push(poisson::values_where(&b, |sample| !mask[sample]));
            Problem::new(b.description.clone(), conditions)
        }
    };
    (problem.offsets, problem.scale) = poisson::units_of(&b, |_| true);
    let found = args.fit.solve(&name, &problem, Some(TILE), interrupt)?;
    found.finish(&output, &[], Map::new(), interrupt)
}

/// The mean of two signals of one shape, in unit values.
fn mean(a: &Signal, b: &Signal) -> Signal {
    let samples = (0..a.samples.len()).map(|i| 0.5 * (a.samples.get(i) + b.samples.get(i))).collect();
    let description = Description { format: SampleFormat::F32, ..b.description.clone() };
    Signal { description, samples: Samples::F32(samples), metadata: vec![] }
}
