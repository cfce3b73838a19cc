//! What PSNR refers to: a flag, and words.

use super::failure::{Exit, Failure};
use super::{report, values};
use sirenc::signal::{Description, Kind, SampleFormat};

/// The peak of PSNR of samples that may be in any unit.
#[derive(Debug, clap::Args)]
pub struct PeakArgs {
    /// What PSNR refers to for binary32 samples, in their own units [default: their range; of sound, half of it]
    ///
    /// The range is the largest maximum − minimum of a channel of the original. PSNR of integers refers to the full range
    /// of their format: 1, as their samples are 0..1, and −1..1 for sound.
    #[arg(long, value_name = "X", value_parser = values::positive)]
    peak: Option<f64>,
}

impl PeakArgs {
    /// The peak that was given for a signal, if it can have one.
    pub fn of(&self, name: &str, description: &Description) -> Result<Option<f64>, Failure> {
        if self.peak.is_some() && description.format != SampleFormat::F32 {
            let integers = report::sample_format(description.format).1;
            let sentence = format!("--peak is for binary32, but its samples are integers of {integers}");
            return Err(Failure::new(Exit::Usage, name, sentence));
        }
        Ok(self.peak)
    }

    /// A PSNR, and of binary32 what it refers to: `33.02 dB (peak 310, the range)`. `identical`: whether all samples are equal.
    pub fn psnr(&self, description: &Description, psnr_db: f64, peak: f64, identical: bool) -> String {
        let decibels = report::psnr(psnr_db, identical);
        if description.format != SampleFormat::F32 || !psnr_db.is_finite() {
            return decibels;
        }
        let which = match (self.peak, description.kind) {
            (Some(_), _) => "given",
            (_, Kind::Sound) => "half the range",
            _ => "the range",
        };
        format!("{decibels} (peak {}, {which})", report::significant(peak))
    }
}
