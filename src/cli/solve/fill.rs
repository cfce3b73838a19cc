//! `sirenc solve fill`: what is missing of a signal, by smoothness.

use super::{FitArgs, TILE, signals};
use crate::cli::failure::{Exit, Failure};
use crate::cli::reading::ReadArgs;
use crate::cli::{Interrupt, Outcome, report, values};
use serde_json::{Map, json};
use sirenc::solve::{HessianEnergy, HessianVariation, Problem, Residual, TotalVariation, fill, poisson};
use std::path::PathBuf;

/// What is missing of a signal, by smoothness
///
/// The result has the values of INPUT where MASK is black and INPUT is not NaN, and between them least bending: the total length
/// of second derivatives by default, whose few folds keep edges, their square, like a bent plate, or the total variation, which
/// keeps steps.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sirenc solve fill photo.png --mask holes.png -o filled.siren
  sirenc solve fill photo.png --mask holes.png --tv 0.01 -o filled.siren

JSON object:
  output         path
  bytes          size of the file
  known          number of samples that are known
  conditions     [{name, fitted_rms, rms}]: root mean square errors of the values, and
                 root of the mean energy, before and after rounding
  iterations, parameters, layers, width, tile, effort, seed, seconds, interrupted, version
                 of the fit")]
pub struct Args {
    /// The signal
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// A signal of the same size, white where INPUT is missing [default: where INPUT is NaN]
    #[arg(long, value_name = "MASK")]
    mask: Option<PathBuf>,
    /// Weight of the length of second derivatives, in standard deviations of the known values, relative to the squared error of the
    /// known values: the second-order total variation
    #[arg(long, value_name = "W", value_parser = values::positive, default_value_t = TV2)]
    tv2: f64,
    /// Weight of the squared second derivatives instead; 1 is a good choice
    #[arg(long, value_name = "W", value_parser = values::positive, conflicts_with_all = ["tv", "tv2"])]
    hessian: Option<f64>,
    /// Weight of the total variation instead, in standard deviations of the known values
    #[arg(long, value_name = "W", value_parser = values::positive, conflicts_with = "tv2")]
    tv: Option<f64>,
    #[command(flatten)]
    fit: FitArgs,
    #[command(flatten)]
    read: ReadArgs,
}

/// The usual weight of the length of second derivatives: the camera from a tenth of its pixels has 23.56 dB by 2000 iterations;
/// by their square it has 23.01 with a weight of 0.3, and with 1 23.20 by 1000 iterations and 23.35 by 4000.
const TV2: f64 = 0.02;
/// Derivatives below which a total variation counts by the square, standard deviations of the known values per native sample.
const SMOOTHING: f64 = 0.008;

/// Runs `sirenc solve fill`.
pub(super) fn run(args: &Args, interrupt: &Interrupt) -> Outcome {
    let output = args.fit.prepare(&args.input)?;
    let name = args.input.display().to_string();
    let signal = signals::read(&args.input, &args.read, args.fit.quiet)?;
    let channels = usize::from(signal.description.channels);
    let all = signal.samples.len() / channels;
    let mask = match &args.mask {
        Some(path) => signals::mask(path, &signal, args.fit.quiet)?,
        None => vec![false; all],
    };
    let exists = |sample: usize| (0..channels).all(|c| !signal.samples.get(sample * channels + c).is_nan());
    let is_known: Vec<bool> = (0..all).map(|sample| !mask[sample] && exists(sample)).collect();
    let known = is_known.iter().filter(|&&known| known).count();
    if known == 0 {
        let name = args.mask.as_ref().unwrap_or(&args.input).display();
        return Err(Failure::new(Exit::Input, name, "nothing of the signal is known"));
    }
    if known == all {
        let failure = Failure::new(Exit::Input, &name, "nothing of it is missing");
        return Err(failure.hint("--mask names a picture that is white where it is"));
    }
    let (offsets, scale) = poisson::units_of(&signal, |sample| is_known[sample]);
    let variation = TotalVariation { smoothing: SMOOTHING * scale };
    let bends = HessianVariation { smoothing: SMOOTHING * scale };
    // Beside squares of values a length counts in the unit of their deviation, so that the weight has none.
    let (energy, weight): (&dyn Residual, f64) = match (args.hessian, args.tv) {
        (Some(weight), _) => (&HessianEnergy, weight),
        (_, Some(weight)) => (&variation, weight * scale),
        _ => (&bends, args.tv2 * scale),
    };
    let conditions = fill(&signal, |sample| is_known[sample], energy, weight);
    let mut problem = Problem::new(signal.description.clone(), conditions);
    (problem.offsets, problem.scale) = (offsets, scale);
    let found = args.fit.solve(&name, &problem, Some(TILE), interrupt)?;
    let words =
        [format!("{} of {} samples were known", report::grouped(known as u64), report::grouped(all as u64))];
    found.finish(&output, &words, Map::from_iter([("known".to_owned(), json!(known))]), interrupt)
}
