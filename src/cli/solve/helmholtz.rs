//! `sirenc solve helmholtz`: waves of one frequency, and the velocity that shaped them.

use super::{FitArgs, signals};
use crate::cli::failure::Failure;
use crate::cli::{Interrupt, Outcome, report, terminal, values};
use serde_json::{Map, json};
use sirenc::Decoder;
use sirenc::signal::Grid;
use sirenc::solve::{Helmholtz, Inversion, PointSource, waves};
use std::path::{Path, PathBuf};

/// Waves of one frequency on a square, or the velocity that shaped them
///
/// The square spans −1 to 1 along both axes; its outermost part absorbs, so that waves leave and do not come back. The result
/// has two channels for each source, the real and the imaginary part of its waves, of time dependence exp(−iωt): i/4·H₀⁽¹⁾(kr)
/// around a source where the velocity is 1.
///
/// With --receivers the velocity is sought (full-waveform inversion): the waves are those that receivers heard, and one more
/// channel, the last, is the velocity. It is 1 in the absorbing part, and of those that explain what was heard the one with the
/// least total variation. First the waves of velocity 1 are found, then both together.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sirenc solve helmholtz --wavenumber 20 --source 0,0 -o waves.siren
  sirenc solve helmholtz --wavenumber 15 --source=-0.5,0 --velocity c.npy -o waves.siren
  sirenc solve helmholtz --wavenumber 15 --source=-0.5,0 --source 0.5,0 \
      --receivers heard.npy -o velocity.siren

JSON object:
  output         path
  bytes          size of the file
  conditions     [{name, fitted_rms, rms}] of the equation, everywhere and around each
                 source, and of what receivers heard: root mean square errors before and
                 after rounding
  wavenumber, absorbing, radius
                 of the problem, per unit and in units of the square
  equation_error error of the equation relative to the squared wavenumber times the waves
  velocities     [least, greatest] of those found, with --receivers
  iterations, parameters, layers, width, tile, effort, seed, seconds, interrupted,
  version        of the fit")]
pub struct Args {
    /// Radians per unit, where the velocity is 1
    #[arg(long, value_name = "K", value_parser = values::positive)]
    wavenumber: f64,
    /// Place of a source, −1 to 1 along both axes and outside the absorbing part; once for each source
    #[arg(long = "source", value_name = "X,Y", required = true, value_parser = place, allow_hyphen_values = true)]
    sources: Vec<[f64; 2]>,
    /// Velocities: an .npy array (height, width) of positive numbers, as many samples as the result [default: 1]
    #[arg(long, value_name = "V.npy")]
    velocity: Option<PathBuf>,
    /// What receivers heard: an .npy array (receivers, 2 + 2·sources), in each row x and y of a receiver, −1 to 1, and the real
    /// and the imaginary part there of the waves of each source
    #[arg(long, value_name = "R.npy", conflicts_with = "velocity")]
    receivers: Option<PathBuf>,
    /// Weight of the total variation of the velocity that is sought: more where what was heard is noisy
    #[arg(long, value_name = "W", default_value_t = 1.0, requires = "receivers", value_parser = values::positive)]
    variation: f64,
    /// Samples along each side of the result [default: 128, or those of --velocity]
    #[arg(long, value_name = "N", conflicts_with = "velocity", value_parser = values::whole(16..=4096u32))]
    size: Option<u32>,
    /// Width of the absorbing part, units [default: 4/K, 0.15 to 0.5]
    #[arg(long, value_name = "W", value_parser = values::positive)]
    absorbing: Option<f64>,
    /// Standard deviation of a source, units: its waves are those of a point outside it [default: 0.5/K, at least 1.5 samples]
    #[arg(long, value_name = "R", value_parser = values::positive)]
    radius: Option<f64>,
    #[command(flatten)]
    fit: FitArgs,
}

/// The side of the tiles of waves, samples.
const TILE: u32 = 32;
/// An error of the equation above this part of the squared wavenumber times the waves is said. At 15 radians per unit and 96 samples
/// five sources have 0.24 at effort 1 and 0.02 at 3.
const LOOSE: f64 = 0.05;
/// Fewer samples than this along a wave are few.
const FEW: f64 = 6.0;
/// More radians than this along half of a tile are many.
const MANY: f64 = 20.0;

/// Runs `sirenc solve helmholtz`.
pub(super) fn run(args: &Args, interrupt: &Interrupt) -> Outcome {
    let input = args.velocity.as_deref().or(args.receivers.as_deref()).unwrap_or(Path::new("waves"));
    let output = args.fit.prepare(input)?;
    let name = input.display().to_string();
    let velocity = args.velocity.as_deref().map(signals::velocities).transpose()?;
    let side = velocity.as_ref().map_or(args.size.unwrap_or(128), |(side, ..)| *side);
    let unit = f64::from(side) / 2.0;
    let absorbing = args.absorbing.unwrap_or((4.0 / args.wavenumber).clamp(0.15, 0.5));
    let radius = args.radius.unwrap_or((0.5 / args.wavenumber).max(1.5 / unit));
    if absorbing >= 0.9 {
        return Err(Failure::usage(format!(
            "--absorbing {absorbing}, expected a part below 0.9 of half the square"
        )));
    }
    if args.sources.len() > waves::MOST_SOURCES {
        let (found, most) = (args.sources.len(), waves::MOST_SOURCES);
        return Err(Failure::usage(format!("{found} sources, expected at most {most}")));
    }
    for source in &args.sources {
        if source.iter().any(|x| x.abs() >= 1.0 - absorbing) {
            let inner = report::short(1.0 - absorbing);
            let [x, y] = source;
            return Err(Failure::usage(format!(
                "a source at {x},{y}, expected one within ±{inner}: beyond it waves are absorbed"
            )));
        }
    }
    let slowest = velocity.as_ref().map_or(1.0, |(_, slowest, _)| *slowest);
    warn(args.wavenumber / slowest, unit, args.fit.tile.unwrap_or(TILE).min(side));
    let source = |at: &[f64; 2]| PointSource {
        position: at.map(|x| waves::sample_of(side, x)),
        radius: radius * unit,
    };
    let equation = Helmholtz {
        wavenumber: args.wavenumber / unit,
        lengths: [side; 2],
        layer: absorbing * unit,
        sources: args.sources.iter().map(source).collect(),
        seeks_velocity: false,
    };
    let inversion = Inversion::new(equation.clone(), args.variation);
    let problem = match &args.receivers {
        Some(path) => {
            let (positions, heard) = signals::receivers(path, side, args.sources.len())?;
            inversion.problem(positions, heard)
        }
        None => waves::frequency_domain(&equation, velocity.as_ref().map(|(.., velocity)| velocity)),
    };
    let found = args.fit.solve(&name, &problem, Some(TILE), interrupt)?;
    let measured = [("wavenumber", args.wavenumber), ("absorbing", absorbing), ("radius", radius)];
    let mut measured = Map::from_iter(measured.map(|(name, number)| (name.to_owned(), json!(number))));
    let mut words = vec![format!(
        "the outermost {} of the square absorb; sources have a radius of {}",
        report::short(absorbing),
        report::short(radius)
    )];
    let waves = 2 * args.sources.len();
    let Seen { size, velocities } =
        Seen::of(&found.solved.bytes, waves).map_err(|error| Failure::work(&name, error))?;
    let missed = found.solved.losses[0].stored.sqrt() / (size * (args.wavenumber / unit).powi(2));
    measured.insert("equation_error".into(), report::number(missed));
    if missed > LOOSE {
        let percent = report::significant(100.0 * missed);
        terminal::print(&format!(
            "note: the waves miss the equation by {percent} % of their size: --effort above {} finds them closer",
            args.fit.effort
        ));
    }
    if args.receivers.is_some() {
        let [least, greatest] = velocities;
        words.push(format!(
            "velocities from {} to {}",
            report::significant(least),
            report::significant(greatest)
        ));
        measured.insert("velocities".into(), json!([least, greatest]));
    }
    found.finish(&output, &words, measured, interrupt)
}

/// What the native samples of a file show.
struct Seen {
    /// Root mean square of the waves of all sources together.
    size: f64,
    /// The least and the greatest number of the last channel.
    velocities: [f64; 2],
}

impl Seen {
    /// Of a file whose first `waves` channels are waves.
    fn of(bytes: &[u8], waves: usize) -> sirenc::Result<Self> {
        let decoder = Decoder::open(bytes)?;
        let description = decoder.description();
        let values = decoder.render(&Grid::native(description))?;
        let points = values.chunks_exact(description.channels.into());
        let count = points.len() as f64;
        let (mut square, mut velocities) = (0.0, [f64::INFINITY, f64::NEG_INFINITY]);
        for point in points {
            square += point[..waves].iter().map(|&x| f64::from(x).powi(2)).sum::<f64>();
            let last = point.last().map_or(0.0, |&x| f64::from(x));
            velocities = [velocities[0].min(last), velocities[1].max(last)];
        }
        Ok(Seen { size: (square / count).sqrt(), velocities })
    }
}

/// Says where samples or networks are too few for the waves.
fn warn(wavenumber: f64, unit: f64, tile: u32) {
    let per_wave = std::f64::consts::TAU * unit / wavenumber;
    if per_wave < FEW {
        terminal::print(&format!(
            "note: the shortest waves have {} samples each; --size {} would have {FEW}",
            report::short(per_wave),
            (2.0 * FEW * wavenumber / std::f64::consts::TAU).ceil()
        ));
    }
    let radians = wavenumber * f64::from(tile) / (2.0 * unit);
    if radians > MANY {
        terminal::print(&format!(
            "note: {} radians of a wave in half a tile are more than a network finds well; use a smaller --tile",
            report::short(radians)
        ));
    }
}

/// Two numbers within ±1.
pub(super) fn place(text: &str) -> Result<[f64; 2], String> {
    let expected = || format!("{text}, expected two numbers from -1 to 1 with a comma between them");
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    match numbers.as_deref() {
        Some(&[x, y]) if x.abs() <= 1.0 && y.abs() <= 1.0 => Ok([x, y]),
        _ => Err(expected()),
    }
}
