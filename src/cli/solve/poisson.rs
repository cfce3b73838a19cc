//! `sirenc solve poisson`: signals from gradients and Laplacians.

use super::{FitArgs, TILE, signals};
use crate::cli::failure::{Exit, Failure};
use crate::cli::input::Content;
use crate::cli::reading::ReadArgs;
use crate::cli::{Interrupt, Outcome, report};
use serde_json::{Map, json};
use sirenc::signal::{Description, Grid, SampleFormat, Signal};
use sirenc::solve::{Condition, Problem, poisson};
use sirenc::{Decoder, Limits, media};
use std::path::{Path, PathBuf};

/// A signal from its gradient or its Laplacian: Poisson's equation
///
/// A gradient leaves a constant free: the mean of the result is --mean. A Laplacian leaves every harmonic function free: the
/// result has no slope across the border, as if it went on mirrored, and the mean of the Laplacian, which would need one, is left
/// out; --border of a signal fixes the values there instead.
/// Of a signal, the result is compared with it: PSNR after the best scale and offset of its values.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sirenc decode photo.siren --derivative gradient -o g.npy
  sirenc solve poisson --gradient g.npy -o found.siren
  sirenc solve poisson --gradient-of photo.png -o found.siren
  sirenc solve poisson --laplacian-of photo.png --border -o found.siren

JSON object:
  output         path
  bytes          size of the file
  conditions     [{name, fitted_rms, rms}] of each equation, and of what is measured
                 beside them: root mean square errors before and after rounding, in
                 signal units per native sample (or its square)
  psnr_db, scale, offset
                 of --gradient-of and --laplacian-of: PSNR of scale × result +
                 offset
  iterations, parameters, layers, width, tile, effort, seed, seconds, interrupted, version
                 of the fit")]
pub struct Args {
    #[command(flatten)]
    wanted: Wanted,
    /// Fix the values at the border, of the signal that --laplacian-of or --gradient-of names
    #[arg(long)]
    border: bool,
    /// Mean of the result without --border [default: 0.5 of pictures, else 0]
    #[arg(long, value_name = "M", conflicts_with = "border", allow_hyphen_values = true)]
    mean: Option<f64>,
    #[command(flatten)]
    fit: FitArgs,
    #[command(flatten)]
    read: ReadArgs,
}

/// What the equation says.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
struct Wanted {
    /// The gradient: an .npy array (height, width, channels, 2), as `decode --derivative gradient` writes it
    #[arg(long, value_name = "G.npy")]
    gradient: Option<PathBuf>,
    /// The gradient of a signal: of the quintic spline through its samples
    #[arg(long, value_name = "INPUT")]
    gradient_of: Option<PathBuf>,
    /// The Laplacian: an .npy array (height, width, channels), as `decode --derivative laplacian` writes it
    #[arg(long, value_name = "L.npy")]
    laplacian: Option<PathBuf>,
    /// The Laplacian of a signal: sums of second differences, mirrored at the border
    #[arg(long, value_name = "INPUT")]
    laplacian_of: Option<PathBuf>,
}

/// Runs `sirenc solve poisson`.
pub(super) fn run(args: &Args, interrupt: &Interrupt) -> Outcome {
    let input = args.wanted.path();
    let output = args.fit.prepare(input)?;
    let name = input.display().to_string();
    let Posed { mut problem, signal } = args.pose(&name)?;
    let description = &problem.description;
    let free = !args.border;
    let usual = if description.has_colours() { 0.5 } else { 0.0 };
    let mean = args.mean.unwrap_or(usual);
    problem.mean = free.then(|| vec![mean; problem.description.channels.into()]);
    // A Laplacian has much more detail than a gradient.
    let side = if args.wanted.is_gradient() { TILE } else { TILE / 2 };
    let found = args.fit.solve(&name, &problem, Some(side), interrupt)?;
    let (mut words, mut measured) = (vec![], Map::new());
    if let Some(signal) = &signal {
        let Likeness { psnr_db, scale, offset } =
            likeness(signal, &found.solved.bytes).map_err(|error| Failure::work(&name, error))?;
        words.push(format!(
            "values: PSNR {} as {} × result + {}",
            report::decibels(psnr_db),
            report::significant(scale),
            report::significant(offset)
        ));
        measured.insert("psnr_db".into(), report::number(psnr_db));
        measured.insert("scale".into(), json!(scale));
        measured.insert("offset".into(), json!(offset));
    }
    if free && args.wanted.is_gradient() {
        words.push(format!("a constant is free: the mean is {}", report::short(mean)));
    } else if free {
        words.push(format!(
            "harmonic functions are free: there is no slope across the border, and the mean is {}",
            report::short(mean)
        ));
    }
    found.finish(&output, &words, measured, interrupt)
}

/// A problem, and the signal that it was made of.
struct Posed {
    problem: Problem<'static>,
    signal: Option<Signal>,
}

impl Wanted {
    fn is_gradient(&self) -> bool {
        self.gradient.is_some() || self.gradient_of.is_some()
    }

    fn path(&self) -> &Path {
        let paths = [&self.gradient, &self.gradient_of, &self.laplacian, &self.laplacian_of];
        paths.into_iter().flatten().next().map_or(Path::new("-"), PathBuf::as_path)
    }
}

impl Args {
    fn pose(&self, name: &str) -> Result<Posed, Failure> {
        if self.wanted.gradient_of.is_some() || self.wanted.laplacian_of.is_some() {
            let signal = signals::read(self.wanted.path(), &self.read, self.fit.quiet)?;
            let description = &signal.description;
            if description.lengths().iter().all(|&length| length == 1) {
                let sentence =
                    format!("{}, which is too small to have derivatives", report::description(description));
                return Err(Failure::new(Exit::Input, name, sentence));
            }
            let failed = |error| Failure::work(name, error);
            let gradient = poisson::gradient_of(&signal).map_err(failed)?;
            let laplacian = poisson::laplacian_of(&signal, self.border).map_err(failed)?;
            let measures =
                [&gradient, &laplacian[0]].map(|condition| poisson::at_samples(condition, description));
            let border = self.border.then(|| poisson::border_of(&signal));
            let conditions = match self.wanted.gradient_of {
                Some(_) => [gradient].into_iter().chain(border).collect(),
                None => laplacian,
            };
            let mut problem = Problem::new(description.clone(), conditions);
            problem.measures = measures.into();
            (problem.offsets, problem.scale) = poisson::units_of(&signal, |_| true);
            return Ok(Posed { problem, signal: Some(signal) });
        }
        if self.border {
            return Err(Failure::usage("--border takes its values from --gradient-of or --laplacian-of"));
        }
        let (description, conditions, size) = self.array(name)?;
        let mut problem = Problem::new(description, conditions);
        // A slope over about a sixteenth of the longest side, where most of the energy of pictures is.
        let reach =
            problem.description.lengths().into_iter().max().map_or(1.0, |side| f64::from(side) / 16.0);
        let times = if self.wanted.gradient.is_some() { reach } else { reach * reach };
        problem.scale = if size > 0.0 { size * times } else { 1.0 };
        Ok(Posed { problem, signal: None })
    }

    /// The signal that an array describes, a picture of binary32, its conditions, and the root mean square of its numbers.
    fn array(&self, name: &str) -> Result<(Description, Vec<Condition<'static>>, f64), Failure> {
        let content = Content::read(self.wanted.path(), &Limits::default())?;
        let (shape, numbers) = media::read_npy(&content.bytes, &Limits::default())
            .map_err(|error| Failure::media(name, error))?;
        let gradient = self.wanted.gradient.is_some();
        let (lengths, channels) = match (&shape[..], gradient) {
            ([h, w, 2], true) | ([h, w], false) => ([w, h], 1),
            ([h, w, channels @ 1..=4, 2], true) | ([h, w, channels @ 1..=4], false) => ([w, h], *channels),
            _ => {
                let expected =
                    if gradient { "(height, width, channels, 2)" } else { "(height, width, channels)" };
                let sentence = format!("an array of {shape:?} was found, {expected} was expected");
                return Err(Failure::new(Exit::Input, name, sentence));
            }
        };
        let size = lengths.map(|&length| u32::try_from(length).unwrap_or(0));
        if size.contains(&0) {
            return Err(Failure::new(
                Exit::Input,
                name,
                format!("an array of {shape:?}, which has no pixels"),
            ));
        }
        let description = Description::picture(size, channels as u8, SampleFormat::F32);
        let square = numbers.iter().map(|number| number * number).sum::<f64>() / numbers.len() as f64;
        let numbers: Vec<f32> = numbers.into_iter().map(|number| number as f32).collect();
        let conditions = match gradient {
            true => poisson::gradient(&description, numbers).map(|condition| vec![condition]),
            false => poisson::laplacian(&description, &numbers, None),
        };
        let conditions = conditions.map_err(|error| Failure::work(name, error))?;
        Ok((description, conditions, square.sqrt()))
    }
}

/// How close a field is to a signal after the best scale and offset of all its values.
struct Likeness {
    psnr_db: f64,
    scale: f64,
    offset: f64,
}

fn likeness(signal: &Signal, file: &[u8]) -> sirenc::Result<Likeness> {
    let decoder = Decoder::open(file)?;
    let found = decoder.render(&Grid::native(decoder.description()))?;
    let (count, mut sums) = (found.len() as f64, [0f64; 5]);
    for (i, &x) in found.iter().enumerate() {
        let (x, y) = (f64::from(x), f64::from(signal.samples.get(i)));
        sums.iter_mut().zip([x, y, x * x, x * y, y * y]).for_each(|(sum, term)| *sum += term);
    }
    let [x, y, xx, xy, yy] = sums.map(|sum| sum / count);
    let (variance, covariance) = ((xx - x * x).max(f64::MIN_POSITIVE), xy - x * y);
    let scale = covariance / variance;
    let error = (yy - y * y - scale * covariance).max(0.0);
    let range = match signal.description.has_own_range() {
        true => {
            let values = || (0..signal.samples.len()).map(|i| f64::from(signal.samples.get(i)));
            values().fold(f64::MIN, f64::max) - values().fold(f64::MAX, f64::min)
        }
        false => 1.0,
    };
    Ok(Likeness { psnr_db: 10.0 * (range * range / error).log10(), scale, offset: y - scale * x })
}
