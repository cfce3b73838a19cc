//! `sirenc sample`: values and derivatives of a `.siren` file at any points.

mod points;
mod table;

use super::Outcome;
use super::derivative::{DerivativeArgs, axis_names, channel_names, column_names, meaning};
use super::failure::{Exit, Failure};
use super::input::{self, Input};
use super::output::Output;
use super::{notes, render, terminal, values};
use clap::ValueEnum;
use points::{Outside, Points};
use sirenc::signal::Steps;
use sirenc::{Decoder, Derivative, Limits};
use std::path::PathBuf;
use table::Table;

/// Values and derivatives of a .siren file at any points
///
/// POINTS is a CSV file whose header names the axes (x,y for a picture, t for a sound) or an .npy array of
/// shape (points, axes). Columns are separated by commas, semicolons or tabs; columns other than the axes are
/// ignored. The result repeats the coordinates and adds a column for each channel (v, or r, g, b, a, or c0,
/// c1, …) and for each derivative (dr_dx, …, divergence, curl_x, …). Points are read and written as a stream.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  sirenc sample photo.siren --at points.csv
  sirenc sample photo.siren --at points.npy -o values.npy --derivative gradient
  echo 't
  0.25' | sirenc sample voice.siren --at - --format jsonl")]
pub struct Args {
    /// The .siren file; - is standard input
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// The points, CSV or .npy; - is standard input
    ///
    /// Pictures: in native pixels, whose centres are at integers (x of the picture runs from −0.5 to width −
    /// 0.5). Sound: in seconds.
    #[arg(long, value_name = "POINTS")]
    at: PathBuf,
    /// Coordinates are −1 to 1 along the longest axis of the signal and have the same scale along the others
    #[arg(long)]
    normalized: bool,
    /// How to treat points outside the signal
    #[arg(long, value_name = "HOW", default_value = "error")]
    outside: Outside,

    /// File to write; its extension chooses the format; - is standard output [default: -]
    #[arg(short, long, value_name = "PATH", default_value = "-", hide_default_value = true)]
    output: PathBuf,
    /// Format of the result; npy is binary32 and needs points as .npy [default: from the extension of PATH,
    /// or csv]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,

    #[command(flatten)]
    derivative: DerivativeArgs,

    /// Number of threads; changes the time, not the values [default: all]
    #[arg(long, value_name = "N", value_parser = values::threads)]
    threads: Option<std::num::NonZeroU16>,
    /// Overwrite an existing output
    #[arg(short, long)]
    force: bool,
}

/// How the result is written.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
enum Format {
    /// Comma-separated values under a header
    Csv,
    /// One JSON object per line
    Jsonl,
    /// NumPy, C-order binary32 of shape (points, columns)
    Npy,
}

/// Points per batch: read, evaluated and written together.
const CHUNK: usize = 1 << 16;

/// Runs `sirenc sample`.
pub fn run(args: &Args) -> Outcome {
    if input::is_stdin(&args.input) && input::is_stdin(&args.at) {
        return Err(Failure::usage("INPUT and POINTS cannot both be standard input"));
    }
    render::use_threads(args.threads)?;
    let content = Input::open(&args.input)?.read(&Limits::default())?;
    let decoder = content.decoder(&Limits::default())?;
    let description = decoder.description();
    let derivative = args.derivative.of(&content.name, description)?;
    let steps = args.derivative.steps(&content.name, &decoder, derivative)?;
    let mut points = Points::open(&args.at, description, args.normalized, args.outside)?;
    let format = args.format();
    if format == Format::Npy && points.count().is_none() {
        let sentence = "a result as npy needs points as .npy, because its header states their number";
        return Err(
            Failure::new(Exit::Usage, args.at.display(), sentence).hint("csv and jsonl work with any points")
        );
    }
    let force = args.force || args.output.as_os_str() == "-";
    let output = Output::prepare(&args.output, &args.input, force, "use -f to overwrite it")?;

    let axes = axis_names(description);
    let mut columns = axes.clone();
    columns.extend(channel_names(description));
    columns.extend(derivative.iter().flat_map(|&derivative| column_names(derivative, description)));
    let table = Table { format, axes: axes.len(), columns, count: points.count() };
    let (mut all, mut missed) = (0, 0);
    output.stream(|writer| {
        let written = |result: std::io::Result<()>| result.map_err(|error| output.fault(&error));
        written(table.begin(writer))?;
        while points.read(CHUNK)? {
            let evaluated = evaluate(&decoder, points.positions(), derivative, steps.as_ref());
            let mut columns = evaluated.map_err(|error| Failure::work(&content.name, error))?;
            let count = points.coordinates().len() / axes.len();
            for column in &mut columns {
                let width = column.len() / count;
                points.missed().iter().for_each(|&point| column[point * width..][..width].fill(f32::NAN));
            }
            written(table.rows(points.coordinates(), &columns, writer))?;
            (all, missed) = (all + count, missed + points.missed().len());
        }
        written(writer.flush())
    })?;
    if let (Some(derivative), Some(steps)) = (derivative, &steps) {
        let (word, of) = (args.derivative.word(), meaning(derivative, Some(steps), description));
        notes::print(&content.name, [format!("{word}: {of}")], false);
    }
    if missed > 0 {
        let name = args.at.display();
        terminal::print(&format!(
            "sirenc: {name}: {missed} of {all} points are outside the signal; their values are NaN"
        ));
    }
    Ok(Exit::Done)
}

/// The values at `positions` and, if chosen, a derivative, each `points × columns`.
fn evaluate(
    decoder: &Decoder,
    positions: &[f64],
    derivative: Option<Derivative>,
    steps: Option<&Steps>,
) -> sirenc::Result<[Vec<f32>; 2]> {
    let sampled = match (derivative, steps) {
        (None, _) => None,
        (Some(derivative), None) => Some(decoder.sample_derivative(positions, derivative)?),
        (Some(derivative), Some(steps)) => Some(decoder.sample_derivative_per(positions, derivative, steps)?),
    };
    let mut columns = match sampled {
        None => [decoder.sample(positions)?, vec![]],
        Some(sampled) => [sampled.values, sampled.derivatives],
    };
    let number = decoder.description().unit_number() as f32;
    let [values, derivatives] = &mut columns;
    values.iter_mut().for_each(|value| *value *= number);
    if !matches!(derivative, Some(Derivative::Normals { .. })) {
        derivatives.iter_mut().for_each(|value| *value *= number);
    }
    Ok(columns)
}

impl Args {
    fn format(&self) -> Format {
        let extension = self.output.extension().map(|e| e.to_string_lossy().to_ascii_lowercase());
        self.format.unwrap_or(match extension.as_deref() {
            Some("npy") => Format::Npy,
            Some("jsonl" | "ndjson") => Format::Jsonl,
            _ => Format::Csv,
        })
    }
}
