//! `sirenc solve`: signals from equations.

mod composite;
mod fill;
mod helmholtz;
mod poisson;
mod signals;
mod wave;

use super::failure::{Exit, Failure};
use super::output::{self, Output};
use super::progress::Meter;
use super::{Interrupt, Outcome, report, terminal, values};
use clap::Subcommand;
use serde_json::{Map, Value, json};
use sirenc::Flow;
use sirenc::solve::{Problem, SolveOptions, Solved, solve};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A signal from equations: what a field's values and derivatives are to be
///
/// A network is found whose values, gradients or Laplacians satisfy the equations, and stored as an ordinary .siren file:
/// decode, sample, verify and compare work as for any other.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    problem: ProblemArgs,
}

/// The problems.
#[derive(Debug, Subcommand)]
enum ProblemArgs {
    Poisson(poisson::Args),
    Composite(composite::Args),
    Fill(fill::Args),
    Helmholtz(helmholtz::Args),
    Wave(wave::Args),
}

/// What all problems share.
#[derive(Debug, clap::Args)]
struct FitArgs {
    /// File to write; - is standard output
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Hidden layers of each network [default: 3]
    #[arg(long, value_name = "N", value_parser = values::whole(1..=16usize))]
    layers: Option<usize>,
    /// Neurons of each hidden layer [default: 64 with tiles, 128 without]
    #[arg(long, value_name = "W", value_parser = values::whole(1..=512usize))]
    width: Option<usize>,
    /// About the side of the tiles into which the signal is divided, samples; 0: one network for all
    ///
    /// Each tile has a network, and all are trained together. Small tiles find detail in much less time; what is smooth over
    /// the whole signal passes from tile to tile [default: 32, or 64 for gradients of pictures].
    #[arg(long, value_name = "SIDE", value_parser = values::whole(0..=1_000_000u32))]
    tile: Option<u32>,
    /// Bound of the first layer's frequencies before the fit, radians per half of the longest side of a tile [default: 10]
    ///
    /// Higher ones find fine detail sooner, lower ones smooth fields; what equations say little about stays as it was at
    /// first.
    #[arg(long, value_name = "F", value_parser = values::positive)]
    frequency: Option<f64>,
    /// How long the fit is: each level has twice the iterations of the one below, 250 at 1
    #[arg(long, value_name = "1..9", default_value_t = 5, value_parser = values::whole(1..=9u8))]
    effort: u8,
    /// Seed of all random numbers; the same seed and options give the same bytes
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = values::whole(0..=u64::MAX))]
    seed: u64,
    /// Time limit of the fit in seconds; the bytes then depend on the speed of the machine [default: no limit]
    #[arg(long, value_name = "S", value_parser = values::seconds)]
    time_limit: Option<Duration>,
    /// Number of threads; changes the time, not the bytes [default: all]
    #[arg(long, value_name = "N", value_parser = values::threads)]
    threads: Option<std::num::NonZeroU16>,
    /// Print one JSON object on standard output instead of the summary; --help lists its keys
    #[arg(long)]
    json: bool,
    /// Overwrite an existing output
    #[arg(short, long)]
    force: bool,
    /// No progress and no summary
    #[arg(short, long)]
    quiet: bool,
}

/// The side of the tiles of pictures, samples: the camera of scikit-image, 256×256, is found from its gradient with 24 to 26 dB
/// by 500 to 1000 iterations of one network, and with 40.9 dB by 1000 of 4 × 4.
const TILE: u32 = 64;

/// See `--frequency`. From 8 to 20 little changes for tiles.
const FREQUENCY: f64 = 10.0;
/// Peak learning rate.
const RATE: f32 = 0.03;

/// Points of an iteration in a tile of about `side` samples along each axis.
fn batch(side: u32) -> usize {
    (side as usize * 16).clamp(512, 2048)
}

/// Runs `sirenc solve`.
pub fn run(args: &Args, interrupt: &Interrupt) -> Outcome {
    match &args.problem {
        ProblemArgs::Poisson(args) => poisson::run(args, interrupt),
        ProblemArgs::Composite(args) => composite::run(args, interrupt),
        ProblemArgs::Fill(args) => fill::run(args, interrupt),
        ProblemArgs::Helmholtz(args) => helmholtz::run(args, interrupt),
        ProblemArgs::Wave(args) => wave::run(args, interrupt),
    }
}

/// A problem that was solved.
struct Found<'a> {
    args: &'a FitArgs,
    name: &'a str,
    options: SolveOptions,
    solved: Solved,
    started: Instant,
}

impl FitArgs {
    /// Checks the output before the work begins.
    fn prepare(&self, input: &Path) -> Result<Output, Failure> {
        if self.json && output::is_stdout(&self.output) {
            return Err(Failure::usage("--json and the file would both go to standard output")
                .hint("use -o FILE with --json"));
        }
        super::render::use_threads(self.threads)?;
        Output::prepare(&self.output, input, self.force, "use -f to overwrite it")
    }

    /// Solves a problem, with progress, in tiles of about `side` samples unless said otherwise.
    fn solve<'a>(
        &'a self,
        name: &'a str,
        problem: &Problem<'_>,
        side: Option<u32>,
        interrupt: &Interrupt,
    ) -> Result<Found<'a>, Failure> {
        interrupt.be_patient();
        let started = Instant::now();
        let usual = SolveOptions::default();
        let tile = self.tile.or(side).filter(|&side| side > 0);
        let options = SolveOptions::default()
            .layers(self.layers.unwrap_or(usual.layers))
            .width(self.width.unwrap_or(if tile.is_some() { 64 } else { 128 }))
            .frequency(self.frequency.unwrap_or(FREQUENCY))
            .rate(RATE)
            .tile(tile)
            .batch(tile.map_or(usual.batch, batch))
            .effort(self.effort)
            .seed(self.seed)
            .time_limit(self.time_limit);
        let meter = Meter::fit(self.quiet);
        let solved = solve(problem, &options, &|progress| {
            meter.report_equations(progress);
            if interrupt.noted().is_some() { Flow::Finish } else { Flow::Continue }
        });
        let solved = solved.map_err(|error| Failure::work(name, error))?;
        Ok(Found { args: self, name, options, solved, started })
    }
}

impl Found<'_> {
    /// The JSON object for scripts, to which a problem adds what it measured.
    fn json(&self, output: &Path, measured: Map<String, Value>) -> Value {
        let mut object = Map::new();
        report::put_path(&mut object, "output", output);
        let mut put = |name: &str, value: Value| object.insert(name.into(), value);
        put("bytes", json!(self.solved.bytes.len()));
        let rms = |loss: f64| report::number(loss.sqrt());
        let losses =
            self.solved.losses.iter().map(
                |loss| json!({"name": loss.name, "fitted_rms": rms(loss.fitted), "rms": rms(loss.stored)}),
            );
        put("conditions", losses.collect());
        put("seconds", report::number(self.started.elapsed().as_secs_f64()));
        put("iterations", json!(self.solved.iterations));
        put("parameters", json!(self.solved.parameters));
        put("layers", json!(self.options.layers));
        put("width", json!(self.options.width));
        put("tile", json!(self.options.tile));
        put("effort", json!(self.args.effort));
        put("seed", json!(self.args.seed));
        put("interrupted", json!(self.solved.interrupted));
        put("version", json!(env!("CARGO_PKG_VERSION")));
        object.extend(measured);
        Value::Object(object)
    }

    /// Writes the file and reports: `words` are what a problem measured.
    fn finish(
        &self,
        output: &Output,
        words: &[String],
        measured: Map<String, Value>,
        interrupt: &Interrupt,
    ) -> Outcome {
        output.write(&self.solved.bytes)?;
        if self.args.json {
            output::print(&format!("{}\n", self.json(output.path(), measured)))?;
        } else if !self.args.quiet {
            let bytes = report::grouped(self.solved.bytes.len() as u64);
            let seconds = self.started.elapsed().as_secs_f64();
            terminal::print(&format!("{} → {}: {bytes} bytes, {seconds:.1} s", self.name, output.name()));
            for loss in &self.solved.losses {
                let rms = report::significant(loss.stored.sqrt());
                terminal::print(&format!("  {}: error {rms} (root mean square)", loss.name));
            }
            words.iter().for_each(|line| terminal::print(&format!("  {line}")));
        }
        Ok(interrupt.noted().unwrap_or(Exit::Done))
    }
}
