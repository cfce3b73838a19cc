//! `--peak`: the peak of PSNR, as a flag and in words.

use super::failure::{Exit, Failure};
use super::{report, values};
use sirenc::signal::{Description, Kind, SampleFormat};

/// The peak of PSNR for samples in units of their own.
#[derive(Debug, clap::Args)]
pub struct PeakArgs {
    /// Peak of PSNR for binary32 samples, in the units of the samples [default: their range; for sound half
    /// of it]
    ///
    /// The range is the difference between maximum and minimum of the original: of each channel of volumes and
    /// fields, otherwise the largest of all. A peak that is given is that of all channels, and errors are then
    /// relative to the largest range. For integer samples the peak is always 1: they are scaled to 0..1, or −1..1
    /// for sound.
    #[arg(long, value_name = "X", value_parser = values::positive)]
    peak: Option<f64>,
}

impl PeakArgs {
    /// The given peak, if any. An error if the samples of the signal are integers.
    pub fn of(&self, name: &str, description: &Description) -> Result<Option<f64>, Failure> {
        if self.peak.is_some() && description.format != SampleFormat::F32 {
            let integers = report::sample_format(description.format).1;
            let sentence = format!("--peak is for binary32 samples, but these are integers of {integers}");
            return Err(Failure::new(Exit::Usage, name, sentence));
        }
        Ok(self.peak)
    }

    /// The given peak, if any.
    pub fn given(&self) -> Option<f64> {
        self.peak
    }

    /// A PSNR in words, with its peak where that is not full scale: `33.02 dB (peak 310, the range)`. `identical`: whether
    /// all samples are equal.
    pub fn psnr(
        &self,
        description: &Description,
        psnr_db: f64,
        peak: Option<f64>,
        identical: bool,
    ) -> String {
        let decibels = report::psnr(psnr_db, identical);
        if !description.has_own_range() || !psnr_db.is_finite() {
            return decibels;
        }
        let Some(peak) = peak else { return format!("{decibels} (peak: the range of each channel)") };
        let which = match (self.peak, description.kind()) {
            (Some(_), _) => "given",
            (_, Kind::Sound) => "half the range",
            _ => "the range",
        };
        format!(
            "{decibels} (peak {}, {which})",
            report::significant(peak * description.format.codes_per_unit())
        )
    }
}
