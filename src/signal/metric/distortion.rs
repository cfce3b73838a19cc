//! The error between two signals, by channel and as a whole.

/// The error of one channel, in unit values.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct ChannelDistortion {
    /// Mean squared error; for colours with alpha, the mean of alpha times the squared error.
    pub mse: f64,
    /// Mean square of the source.
    pub power: f64,
    /// Variance of the source, which is the mean squared error of the best constant.
    pub variance: f64,
    /// Largest absolute error of any sample, that of a colour times its alpha, which is its visible part.
    pub max: f64,
    /// Maximum − minimum of the source, of its samples that exist and are visible: of the channel if it
    /// [has one of its own](crate::signal::Description::has_range_per_channel), otherwise the largest of all channels.
    pub range: f64,
    /// The peak of PSNR: [`PEAK`](super::PEAK), or [`peak_of_range`](super::peak_of_range) of a source that
    /// [has its own range](crate::signal::Description::has_own_range).
    pub peak: f64,
    /// Samples that were compared, relative to the most of a channel: 1 unless samples are missing.
    pub share: f64,
}

impl ChannelDistortion {
    /// The root mean squared error relative to the range; 0 without an error.
    pub fn nrmse(&self) -> f64 {
        relative(self.mse, self.range).sqrt()
    }
}

/// The error between two signals, in unit values.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Distortion {
    /// The error of each channel.
    pub channels: Vec<ChannelDistortion>,
    /// Whether all samples are equal; invisible samples may differ even if all errors are 0.
    pub identical: bool,
    /// Samples that are missing in the source and in the other signal.
    pub missing: [u64; 2],
    /// Samples that are missing in one of the signals alone.
    pub unmatched: u64,
}

impl Distortion {
    /// Mean squared error over all channels.
    pub fn mean(&self) -> f64 {
        self.over_channels(|channel| channel.mse)
    }
    /// The mean over all samples of a mean of each channel.
    fn over_channels(&self, mean: impl Fn(&ChannelDistortion) -> f64) -> f64 {
        let shares: f64 = self.channels.iter().map(|channel| channel.share).sum();
        let sum: f64 = self.channels.iter().map(|channel| mean(channel) * channel.share).sum();
        // Nothing may be left to be compared.
        if shares > 0.0 { sum / shares } else { 0.0 }
    }
    /// The mean over all samples of a mean square of each channel, relative to the square of its peak.
    fn by_peak(&self, mean: impl Fn(&ChannelDistortion) -> f64) -> f64 {
        self.over_channels(|channel| relative(mean(channel), channel.peak))
    }
    /// The largest absolute error of any sample of any channel.
    pub fn max(&self) -> f64 {
        self.channels.iter().map(|channel| channel.max).fold(0.0, f64::max)
    }
    /// The range that all channels share; `None` if they have different ones.
    pub fn range(&self) -> Option<f64> {
        shared(&self.channels.iter().map(|channel| channel.range).collect::<Vec<_>>())
    }
    /// The peak that all channels share; `None` if they have different ones.
    pub fn peak(&self) -> Option<f64> {
        shared(&self.channels.iter().map(|channel| channel.peak).collect::<Vec<_>>())
    }
    /// The error with a given peak for PSNR in all channels, which therefore share a unit, and the largest range.
    pub fn with_peak(mut self, peak: f64) -> Self {
        let range = self.channels.iter().map(|channel| channel.range).fold(0.0, f64::max);
        self.channels.iter_mut().for_each(|channel| (channel.peak, channel.range) = (peak, range));
        self
    }
    /// The error with a given peak for PSNR of each channel.
    pub fn with_peaks(mut self, peaks: &[f64]) -> Self {
        self.channels.iter_mut().zip(peaks).for_each(|(channel, &peak)| channel.peak = peak);
        self
    }
    /// `10 log₁₀(peak² / mse)` in dB over all channels; infinite for equal signals. The main figure for
    /// pictures.
    pub fn psnr_db(&self) -> f64 {
        ratio_db(1.0, self.by_peak(|channel| channel.mse))
    }
    /// The root mean squared error over all channels relative to their ranges: NRMSE. For samples that
    /// [have their own range](crate::signal::Description::has_own_range) it is `10^(−PSNR / 20)` where the peak is the range; 0 for equal
    /// signals.
    pub fn nrmse(&self) -> f64 {
        self.over_channels(|channel| relative(channel.mse, channel.range)).sqrt()
    }
    /// PSNR gain over the best constant, which is the mean of the source, in dB over all channels; 0 for the
    /// mean itself.
    pub fn gain_db(&self) -> f64 {
        ratio_db(self.by_peak(|channel| channel.variance), self.by_peak(|channel| channel.mse))
    }
    /// The PSNR that the best constant would have in place of the source, dB: a signal below it carries no
    /// information about the source. Infinite for a constant source and for equal signals.
    pub fn constant_psnr_db(&self) -> f64 {
        match self.mean() {
            0.0 => f64::INFINITY,
            _ => ratio_db(1.0, self.by_peak(|channel| channel.variance)),
        }
    }
    /// `10 log₁₀(Σs² / Σe²)` in dB over all channels; infinite for equal signals, −∞ if only the source is
    /// silent. The main figure for sound.
    pub fn snr_db(&self) -> f64 {
        ratio_db(self.over_channels(|channel| channel.power), self.mean())
    }
}

/// A mean square relative to the square of `reference`: 0 for 0, whatever the reference.
pub(super) fn relative(mean_square: f64, reference: f64) -> f64 {
    if mean_square == 0.0 { 0.0 } else { mean_square / (reference * reference) }
}

/// The number that all are equal to.
pub(crate) fn shared(numbers: &[f64]) -> Option<f64> {
    let (&first, others) = numbers.split_first()?;
    others.iter().all(|&number| number == first).then_some(first)
}

pub(super) fn ratio_db(signal: f64, error: f64) -> f64 {
    if error == 0.0 { f64::INFINITY } else { 10.0 * (signal / error).log10() }
}
