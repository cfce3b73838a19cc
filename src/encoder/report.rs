//! The result of an encode.

use super::note::Note;
use super::options::{EncodeOptions, FieldKind, Target};
use super::plan;
use super::rate::Outcome;
use super::session::Session;
use super::tuning::LITTLE_GAIN;
use crate::signal::metric::{WorstTile, shared};

/// How an encode went.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// The kind of field in the file.
    pub field: FieldKind,
    /// Optimiser iterations of all networks.
    pub steps: u64,
    /// Parameters of all networks, and latents of splines.
    pub parameters: u64,
    /// Number of tiles.
    pub tiles: u64,
    /// Most hidden layers of a network.
    pub layers: usize,
    /// Width of the widest network.
    pub width: usize,
    /// PSNR at the native samples, dB.
    pub psnr_db: f64,
    /// Approximate PSNR of the networks before rounding, dB.
    pub fit_psnr_db: f64,
    /// Peak of each channel that PSNR refers to, in unit values; 0 for a constant in binary32.
    pub peaks: Vec<f64>,
    /// The maximum − minimum of each channel of samples that
    /// [have their own range](crate::signal::Description::has_own_range), in unit values, or the largest if
    /// all share a unit; `None` for all others.
    pub ranges: Option<Vec<f64>>,
    /// Whether the target was reached. Always true for a quality target, however far the result is from it:
    /// see `notes`.
    pub reached: bool,
    /// The tile with the lowest PSNR, if the file has more than one.
    pub worst_tile: Option<WorstTile>,
    /// Notes on results that are not visible from the file alone.
    pub notes: Vec<Note>,
    /// Whether the observer ended the fit.
    pub interrupted: bool,
    /// The device and instruction set used, as in `cpu (avx512, 2 threads)` or `cuda:0 (NVIDIA H100)`.
    pub device: String,
    /// Why [`Device::Auto`](crate::Device::Auto) fell back to the CPU.
    pub cpu_reason: Option<String>,
}

impl Report {
    /// The peak that all channels share, in unit values; `None` if they have different ones.
    pub fn peak(&self) -> Option<f64> {
        shared(&self.peaks)
    }
    /// The range that all channels share, in unit values; `None` if they have different ones, or none of their own.
    pub fn range(&self) -> Option<f64> {
        self.ranges.as_deref().and_then(shared)
    }
    /// The root mean squared error relative to the ranges; `None` for samples without a range of their own.
    pub fn nrmse(&self) -> Option<f64> {
        // Peaks are the same multiple of the range in all channels.
        let largest = |numbers: &[f64]| numbers.iter().copied().fold(0.0, f64::max);
        let rmse = largest(&self.peaks) * 10f64.powf(-self.psnr_db / 20.0);
        self.ranges.as_deref().map(|ranges| if rmse == 0.0 { 0.0 } else { rmse / largest(ranges) })
    }
}

/// A finished file and its report.
#[derive(Clone, Debug)]
pub struct Encoded {
    /// The bytes of the `.siren` file.
    pub bytes: Vec<u8>,
    /// How the file was made.
    pub report: Report,
}

/// The report of an encode; `cpu_reason` is why it ran on the CPU.
pub(super) fn report(session: &Session<'_>, outcome: Outcome, cpu_reason: Option<String>) -> Encoded {
    let mut notes = outcome.notes;
    let gain_db = outcome.finished.gain_db;
    if gain_db < LITTLE_GAIN && !notes.contains(&Note::MeanAlone) {
        notes.push(Note::LittleGain { gain_db });
    }
    notes.extend(plan_notes(session, outcome.finished.bytes.len() as u64));
    Encoded {
        bytes: outcome.finished.bytes,
        report: Report {
            field: outcome.finished.field,
            steps: session.meter.iterations(),
            parameters: outcome.fit.parameters,
            tiles: outcome.fit.tiles,
            layers: outcome.fit.layers,
            width: outcome.fit.width,
            psnr_db: session.normalised.source_db(outcome.finished.psnr_db),
            fit_psnr_db: session.normalised.source_db(session.psnr_db(outcome.fit.error)),
            peaks: session.normalised.peaks.clone(),
            ranges: session.normalised.ranges.clone(),
            reached: outcome.reached,
            worst_tile: outcome
                .finished
                .worst_tile
                .map(|worst| WorstTile { psnr_db: session.normalised.source_db(worst.psnr_db), ..worst }),
            notes,
            interrupted: session.meter.interrupted(),
            device: session.trainer.to_string(),
            cpu_reason,
        },
    }
}

/// Notes on the amount of work and on the size of the file.
fn plan_notes(session: &Session<'_>, bytes: u64) -> Vec<Note> {
    let EncodeOptions { target, effort, .. } = *session.options;
    let description = &session.signal.description;
    let mut notes = vec![];
    if session.meter.iterations() == 0 {
        notes.push(Note::Untrained);
    }
    let (passes, usual) =
        (plan::passes(target, description, effort), plan::usual_passes(target, description.kind(), effort));
    // With a time limit, fewer passes are expected.
    let networks = session.options.field != FieldKind::Spline;
    if networks && passes < usual && session.options.time_limit.is_none() {
        notes.push(Note::FewerPasses { passes, usual });
    }
    let samples = description.samples() * u64::from(description.format.bits()) / 8;
    let has_quality = matches!(target, Target::Psnr(_) | Target::Nrmse(_) | Target::Quality(_));
    // The header of a tiny file is larger than its few samples.
    if has_quality && bytes > samples.max(256) {
        notes.push(Note::LargerThanSamples { samples });
    }
    notes
}
