//! `sirenc solve wave`: waves in time from a pulse.

use super::helmholtz::place;
use super::{FitArgs, signals};
use crate::cli::failure::Failure;
use crate::cli::{Interrupt, Outcome, report, values};
use serde_json::{Map, json};
use sirenc::solve::{Problem, waves};
use std::path::{Path, PathBuf};

/// Waves in time from a pulse
///
/// The square spans −1 to 1 along both axes, and waves travel one unit in a unit of time where the velocity is 1. At the start
/// there is a Gaussian of height 1 at rest; borders let waves out. The result has axes x, y and t.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sirenc solve wave --source 0,0 --duration 0.5 -o waves.siren
  sirenc solve wave --source 0.2,0 --duration 1 --velocity c.npy -o waves.siren

JSON object:
  output         path
  bytes          size of the file
  conditions     [{name, fitted_rms, rms}] of the equation, the pulse at the start, its rest
                 and the borders: root mean square errors before and after rounding
  duration, frames, radius
                 of the problem, in units of the square
  iterations, parameters, layers, width, tile, effort, seed, seconds, interrupted,
  version        of the fit")]
pub struct Args {
    /// Place of the pulse, −1 to 1 along both axes
    #[arg(long, value_name = "X,Y", value_parser = place, allow_hyphen_values = true)]
    source: [f64; 2],
    /// How long the waves last
    #[arg(long, value_name = "T", value_parser = values::positive)]
    duration: f64,
    /// Velocities: an .npy array (height, width) of positive numbers, as many samples as the result [default: 1]
    #[arg(long, value_name = "V.npy")]
    velocity: Option<PathBuf>,
    /// Samples along each side of the result [default: 128, or those of --velocity]
    #[arg(long, value_name = "N", conflicts_with = "velocity", value_parser = values::whole(16..=1024u32))]
    size: Option<u32>,
    /// Samples of time [default: as many as waves of velocity 1 pass samples of space, 2 to 257]
    #[arg(long, value_name = "M", value_parser = values::whole(2..=1025u32))]
    frames: Option<u32>,
    /// Standard deviation of the pulse, units
    #[arg(long, value_name = "R", default_value_t = 0.05, value_parser = values::positive)]
    radius: f64,
    #[command(flatten)]
    fit: FitArgs,
}

/// The side of the tiles, samples.
const TILE: u32 = 32;

/// Runs `sirenc solve wave`.
pub(super) fn run(args: &Args, interrupt: &Interrupt) -> Outcome {
    let output = args.fit.prepare(args.velocity.as_deref().unwrap_or(Path::new("waves")))?;
    let velocity = args.velocity.as_deref().map(signals::velocities).transpose()?;
    let side = velocity.as_ref().map_or(args.size.unwrap_or(128), |(side, ..)| *side);
    let passed = (args.duration * f64::from(side) / 2.0).ceil() + 1.0;
    let frames = args.frames.unwrap_or(passed.clamp(2.0, 257.0) as u32);
    if args.radius * f64::from(side) < 2.0 {
        let sentence =
            format!("--radius {}: a pulse of less than a sample of {side} along the side", args.radius);
        return Err(Failure::usage(sentence).hint("use a larger --size or --radius"));
    }
    let pulsed = waves::Pulsed::new(side, frames, args.duration, args.source, args.radius);
    let conditions = pulsed.conditions(velocity.as_ref().map(|(.., velocity)| velocity));
    let mut problem = Problem::new(pulsed.description(), conditions);
    problem.scale = SCALE;
    problem.grows_along = Some(2);
    let found = args.fit.solve("waves", &problem, Some(TILE), interrupt)?;
    let measured = Map::from_iter([
        ("duration".to_owned(), json!(args.duration)),
        ("frames".to_owned(), json!(frames)),
        ("radius".to_owned(), json!(args.radius)),
    ]);
    let words =
        [format!("{frames} samples of time, {} each", report::short(args.duration / f64::from(frames - 1)))];
    found.finish(&output, &words, measured, interrupt)
}

/// About the deviation of the waves.
const SCALE: f64 = 0.1;
