//! Checks what an encode will need against the limits before any work.

use super::options::{EncodeOptions, FieldKind, Target};
use super::plan;
use super::session::most_points;
use super::spline::{least_memory, usual_shape};
use super::tuning::BITS_PER_PARAMETER;
use crate::backend::simd::BLOCK;
use crate::error::Result;
use crate::fit::MOST_READ;
use crate::limits::Limits;
use crate::network::Shape;
use crate::signal::{Description, Kind, Source};

/// Bytes that a point of a fit takes in addition to its coordinates, values and weight: its index in the
/// order of points and in the list of its channel.
const POINT: u64 = 12;
/// Bytes that a parameter takes during fit, measurement and rounding: its value, its best value, its gradient
/// and its moments, in both precisions.
const PARAMETER: u64 = 32;
/// Bytes of a latent in the decoder: itself, its coefficient, and room to compute that.
const DECODED_LATENT: u64 = 10;
/// Bytes that a thread of the decoder takes for each position of a row, and for each sample of it.
const ROW_POSITION: u64 = 232;
const ROW_SAMPLE: u64 = 20;
/// The fewest parameters of a fit, relative to those that the target has room for: they are shared by as many tiles.
const FEWER: f64 = 0.75;
/// Bytes for everything small.
const SCRATCH: u64 = 8 << 20;

/// Checks the number of parameters and the memory of a fit of `field` against `options.limits`; whether samples are
/// `missing` is known before.
///
/// # Errors
/// `Limit`.
pub(super) fn check(
    signal: &dyn Source,
    missing: bool,
    options: &EncodeOptions,
    field: FieldKind,
) -> Result<()> {
    match field {
        FieldKind::Spline => check_splines(signal.description(), missing, options),
        _ => check_networks(signal, missing, options),
    }
}

fn check_splines(description: &Description, missing: bool, options: &EncodeOptions) -> Result<()> {
    let limits = &options.limits;
    let shape = usual_shape(description);
    let parameters = shape.latents().saturating_add(shape.parameters() as u64);
    Limits::check("parameters", parameters, limits.parameters)?;
    let memory = least_memory(description).saturating_add(if missing { filled(description) } else { 0 });
    Limits::check("bytes of memory for the fit", memory, limits.memory_bytes)?;
    // A file that cannot be decoded within the limits is not worth a fit: a row of a picture is decoded at once.
    let channels = u64::from(description.channels);
    let row = if description.kind() == Kind::Picture { description.lengths()[0].into() } else { 0u64 };
    let rows = row.saturating_mul((ROW_POSITION + ROW_SAMPLE * channels).saturating_mul(threads_of(options)));
    let samples = description.positions().saturating_mul(4 * channels);
    let memory = shape.latents().saturating_mul(DECODED_LATENT).saturating_add(samples).saturating_add(rows);
    Limits::check("bytes of memory to decode the result", memory, limits.memory_bytes)
}

fn check_networks(signal: &dyn Source, missing: bool, options: &EncodeOptions) -> Result<()> {
    let (description, limits) = (signal.description(), &options.limits);
    let Plan { parameters, widest, tile } = Plan::of(description, options.target)?;
    Limits::check("parameters", parameters, limits.parameters)?;

    let (axes, channels) = (description.axes.len() as u64, u64::from(description.channels));
    // With a gradient term each sample is a pair of points along each axis.
    let pairs = if options.gradient_weight > 0.0 { axes } else { 1 };
    let points = description.positions().saturating_mul(pairs);
    let threads = threads_of(options);
    // Either each thread works on a tile of its own, or all threads on one.
    let of_tile = tile.saturating_mul(pairs).min(most_points(options.target));
    let points = points.min(threads.saturating_mul(of_tile));
    let lanes = points.saturating_mul(if pairs > 1 { 2 } else { 1 });
    let samples = description.samples();
    // Each thread reads the box of a tile, of which measurements are converted to binary32, or renders a step along
    // the last axis, and another waits to be compared with its source.
    let step = samples / u64::from(description.axes.last().map_or(1, |axis| axis.length.max(1)));
    let converted = if description.has_own_range() { 4 } else { 0 };
    let read = tile
        .saturating_mul(channels)
        .min(MOST_READ.max(step))
        .saturating_mul(description.format.bytes() + converted);
    let rendered = step.saturating_mul(2 * 4);
    let metadata =
        signal.metadata().iter().fold(0u64, |sum, block| sum.saturating_add(block.bytes.len() as u64));
    // Activations, their derivatives and two layers of the backward pass, for one block on each thread.
    let layers = (widest.layers as u64).saturating_add(1).saturating_mul(2);
    let workspace =
        layers.saturating_mul(widest.width.max(widest.outputs) as u64).saturating_mul(4 * BLOCK as u64);
    // A copy if invisible colours are smoothed.
    let smoothed = description.kind() == Kind::Picture && description.has_alpha();
    let memory = [
        signal.resident_bytes(),
        if smoothed { samples.saturating_mul(description.format.bytes()) } else { 0 },
        if missing { filled(description) } else { 0 },
        threads.saturating_mul(read.max(rendered)),
        metadata.saturating_mul(2),
        lanes.saturating_mul(4 * (axes + channels + 1)).saturating_add(points.saturating_mul(POINT)),
        parameters.saturating_mul(PARAMETER),
        workspace.saturating_mul(threads),
        // The curvature matrix of one layer in binary64, its factor and the intermediate results.
        (widest.width as u64 + 1).saturating_pow(2).saturating_mul(256),
        options.gradient.as_ref().map_or(0, |gradient| 4 * gradient.len() as u64),
    ];
    let memory = memory.iter().fold(SCRATCH, |sum, &bytes| sum.saturating_add(bytes));
    Limits::check("bytes of memory for the fit", memory, limits.memory_bytes)
}

/// Bytes for missing samples: a copy with numbers in their places, and a mask of one bit each.
fn filled(description: &Description) -> u64 {
    let samples = description.samples();
    samples.saturating_mul(4).saturating_add(samples / 8)
}

/// Number of threads of the encode.
fn threads_of(options: &EncodeOptions) -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    options.threads.filter(|&threads| threads > 0).unwrap_or(cores).min(super::most_threads()) as u64
}

/// The size of the networks that a target implies, estimated without looking at the samples.
struct Plan {
    /// Parameters of all networks; for a PSNR target, which fixes no number, those of the smallest network.
    parameters: u64,
    widest: Shape,
    /// Positions of the largest tile.
    tile: u64,
}

impl Plan {
    fn of(description: &Description, target: Target) -> Result<Self> {
        let positions = description.positions() as f64;
        let bits = match target {
            Target::Shape { layers, width } => {
                let shape = Shape { layers, width, ..plan::shape(description, 1, 0.0) };
                let (parameters, tile) = (shape.parameters() as u64, description.positions());
                return Ok(Plan { parameters, widest: shape, tile });
            }
            Target::Bytes(bytes) => 8.0 * bytes as f64,
            Target::BitsPerPosition(bits) => bits * positions,
            Target::Kbps(kbps) => 1000.0 * kbps * description.seconds().unwrap_or(0.0),
            Target::Quality(quality) if description.kind() == Kind::Sound => {
                super::quality_bits_per_sample(quality) * positions * f64::from(description.channels)
            }
            Target::Psnr(_) | Target::Nrmse(_) | Target::Quality(_) => 0.0,
        };
        let parameters = bits / BITS_PER_PARAMETER;
        let tiles = plan::tiles(description, parameters)?.len();
        let tile = plan::largest_tile(description, FEWER * parameters)?;
        let each = parameters / tiles as f64;
        let widest = plan::shape(description, plan::layers(description.axes.len(), each), each);
        let parameters = (widest.parameters() as u64).saturating_mul(tiles as u64);
        Ok(Plan { parameters, widest, tile })
    }
}
