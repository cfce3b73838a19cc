//! What an encode takes, asked before it is taken.

use super::options::{EncodeOptions, Target};
use super::plan;
use super::session::most_points;
use super::tuning::BITS_PER_PARAMETER;
use crate::backend::simd::BLOCK;
use crate::error::Result;
use crate::limits::Limits;
use crate::network::Shape;
use crate::signal::{Description, Kind, SampleFormat, Signal};

/// Bytes that a point of a fit takes beside its coordinates, values and weight: its place in the order, and in the list of a channel.
const POINT: u64 = 12;
/// Bytes that a parameter takes while it is fitted, measured and rounded: itself, its best, its gradient and moments, in both forms.
const PARAMETER: u64 = 32;
/// Bytes for everything small.
const SCRATCH: u64 = 8 << 20;

/// Asks for the parameters and the memory of an encode.
///
/// # Errors
/// `Limit`.
pub(super) fn ask(signal: &Signal, options: &EncodeOptions) -> Result<()> {
    let (description, limits) = (&signal.description, &options.limits);
    let Plan { parameters, widest } = Plan::of(description, options.target)?;
    Limits::ask("parameters", parameters, limits.parameters)?;

    let (axes, channels) = (description.lengths.len() as u64, u64::from(description.channels));
    // With a gradient term each sample is a pair of points along each axis.
    let pairs = if options.gradient_weight > 0.0 { axes } else { 1 };
    let points = description.positions().saturating_mul(pairs);
    let threads = threads_of(options);
    // A tile is worked on by each thread, or one by all.
    let points = points.min(threads.saturating_mul(most_points(options.target)));
    let lanes = points.saturating_mul(if pairs > 1 { 2 } else { 1 });
    let bytes = u64::from(description.format.bits()).div_ceil(8).next_power_of_two();
    let samples = description.positions().saturating_mul(channels).saturating_mul(bytes);
    let metadata =
        signal.metadata.iter().fold(0u64, |sum, block| sum.saturating_add(block.bytes.len() as u64));
    // Activations, their slopes and two layers on their way back, of a block on each thread.
    let layers = (widest.layers as u64).saturating_add(1).saturating_mul(2);
    let workspace =
        layers.saturating_mul(widest.width.max(widest.outputs) as u64).saturating_mul(4 * BLOCK as u64);
    let copied = description.has_alpha() || description.format == SampleFormat::F32;
    let memory = [
        // Twice where what is invisible is smoothed, or floats are brought into a range.
        samples.saturating_mul(if copied { 2 } else { 1 }),
        metadata.saturating_mul(2),
        lanes.saturating_mul(4 * (axes + channels + 1)).saturating_add(points.saturating_mul(POINT)),
        parameters.saturating_mul(PARAMETER),
        workspace.saturating_mul(threads),
        // The second derivatives of a layer by its weights, in binary64, factored, and what comes of them.
        (widest.width as u64 + 1).saturating_pow(2).saturating_mul(256),
        options.gradient.as_ref().map_or(0, |gradient| 4 * gradient.len() as u64),
    ];
    let memory = memory.iter().fold(SCRATCH, |sum, &bytes| sum.saturating_add(bytes));
    Limits::ask("bytes of memory for the fit", memory, limits.memory_bytes)
}

/// Threads that the encode will have.
fn threads_of(options: &EncodeOptions) -> u64 {
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get());
    options.threads.filter(|&threads| threads > 0).unwrap_or(cores).min(super::most_threads()) as u64
}

/// What a target leads to, before anything is known of the signal.
struct Plan {
    /// Of all networks; where the target is a PSNR, of the least.
    parameters: u64,
    widest: Shape,
}

impl Plan {
    fn of(description: &Description, target: Target) -> Result<Self> {
        let positions = description.positions() as f64;
        let bits = match target {
            Target::Shape { layers, width } => {
                let shape = Shape { layers, width, ..plan::shape(description, 1, 0.0) };
                return Ok(Plan { parameters: shape.parameters() as u64, widest: shape });
            }
            Target::Bytes(bytes) => 8.0 * bytes as f64,
            Target::BitsPerPosition(bits) => bits * positions,
            Target::Kbps(kbps) => 8.0 * 125.0 * kbps * positions / f64::from(description.rate),
            Target::Quality(quality) if description.kind == Kind::Sound => {
                super::quality_bits_per_sample(quality) * positions * f64::from(description.channels)
            }
            Target::Psnr(_) | Target::Quality(_) => 0.0,
        };
        let parameters = bits / BITS_PER_PARAMETER;
        let tiles = plan::tiles(description, parameters)?.len();
        let each = parameters / tiles as f64;
        let widest = plan::shape(description, plan::layers(description.kind, each), each);
        Ok(Plan { parameters: (widest.parameters() as u64).saturating_mul(tiles as u64), widest })
    }
}
