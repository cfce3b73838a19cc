//! The result of reading: a signal, and notes on what was left out, assumed or rounded.

use crate::error::{Error, Result};
use crate::signal::{Description, Metadata, Rate, Samples, Signal, Source};
use std::borrow::Cow;
use std::ops::Range;

/// A signal that was read, with notes.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The signal.
    pub signal: Signal,
    /// What was left out, rounded or assumed: one clause about the file each, without a full stop.
    pub notes: Vec<String>,
    /// Whether the rate is assumed, because the file states none: [`ASSUMED_RATE`] of a sound,
    /// [`ASSUMED_FRAME_RATE`](super::ASSUMED_FRAME_RATE) of a video.
    pub rate_assumed: bool,
}

/// The rate of a sound whose file states none, samples per second.
pub const ASSUMED_RATE: u32 = 48_000;

impl Reading {
    /// Sets the number of samples per second of a signal that states none.
    pub fn set_rate(&mut self, rate: Rate) {
        self.signal.description = self.signal.description.clone().with_rate(rate);
    }
}

impl From<Signal> for Reading {
    fn from(signal: Signal) -> Self {
        Reading { signal, notes: vec![], rate_assumed: false }
    }
}

/// A signal that was opened to be read box by box, with notes.
pub struct SourceReading {
    /// The signal.
    pub source: Box<dyn Source>,
    /// Like [`Reading::notes`].
    pub notes: Vec<String>,
    /// Like [`Reading::rate_assumed`].
    pub rate_assumed: bool,
}

impl SourceReading {
    /// Sets the number of samples per second of a signal that states none.
    pub fn set_rate(self, rate: Rate) -> Self {
        let description = self.source.description().clone().with_rate(rate);
        SourceReading { source: Box::new(AtRate { source: self.source, description }), ..self }
    }
}

impl From<Box<dyn Source>> for SourceReading {
    fn from(source: Box<dyn Source>) -> Self {
        SourceReading { source, notes: vec![], rate_assumed: false }
    }
}

impl From<Reading> for SourceReading {
    fn from(Reading { signal, notes, rate_assumed }: Reading) -> Self {
        SourceReading { source: Box::new(signal), notes, rate_assumed }
    }
}

/// A source at another rate than its own.
struct AtRate {
    source: Box<dyn Source>,
    description: Description,
}

impl Source for AtRate {
    fn description(&self) -> &Description {
        &self.description
    }
    fn metadata(&self) -> &[Metadata] {
        self.source.metadata()
    }
    fn read(&self, region: &[Range<u32>]) -> Result<Cow<'_, Samples>> {
        self.source.read(region)
    }
    fn resident_bytes(&self) -> u64 {
        self.source.resident_bytes()
    }
}

/// Converts numbers to binary32 and counts those that are not exact in binary32.
#[derive(Debug, Default)]
pub(super) struct Rounding {
    rounded: u64,
    largest: f64,
    /// A number that is too large for binary32, if there was one.
    beyond: Option<f64>,
}

impl Rounding {
    /// The nearest binary32.
    pub fn single(&mut self, value: f64) -> f32 {
        let single = value as f32;
        let error = (f64::from(single) - value).abs();
        if single.is_infinite() && value.is_finite() {
            self.beyond = Some(value);
        } else if error > 0.0 {
            self.rounded += 1;
            self.largest = self.largest.max(error);
        }
        single
    }

    /// The nearest binary32 of an integer.
    pub fn integer(&mut self, value: i128) -> f32 {
        let single = value as f32;
        let error = (single as i128 - value).unsigned_abs();
        if error > 0 {
            self.rounded += 1;
            self.largest = self.largest.max(error as f64);
        }
        single
    }

    /// Rejects numbers that are finite but too large for binary32.
    pub fn require_range(&self, what: &'static str) -> Result<()> {
        match self.beyond {
            Some(value) => {
                let detail =
                    format!("a sample of {value:e}, but magnitudes up to {:e} were expected", f32::MAX);
                Err(Error::unsupported(what, detail))
            }
            None => Ok(()),
        }
    }

    /// A note on rounded samples, if there are any.
    pub fn note(&self) -> Option<String> {
        let Rounding { rounded, largest, .. } = *self;
        let plural = if rounded == 1 { "" } else { "s" };
        (rounded > 0)
            .then(|| format!("{rounded} sample{plural} rounded to binary32, by {} at most", short(largest)))
    }
}

/// A number in about three digits.
fn short(number: f64) -> String {
    if (1e-3..1e6).contains(&number) { format!("{number:.3}") } else { format!("{number:.2e}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_binary32_holds_is_not_rounded() {
        let mut rounding = Rounding::default();
        assert_eq!([0.0, -1.5, 16_777_216.0, 1e-45f32.into()].map(|v| rounding.single(v))[2], 16_777_216.0);
        assert_eq!(rounding.note(), None);
        assert_eq!(rounding.single(16_777_217.0), 16_777_216.0);
        assert_eq!(rounding.note().unwrap(), "1 sample rounded to binary32, by 1.000 at most");
        assert_eq!(rounding.integer((1 << 60) + 5), (1u64 << 60) as f32);
        assert!(rounding.note().unwrap().starts_with("2 samples rounded to binary32, by 5.000 at most"));
        assert!(rounding.require_range("TIFF").is_ok());
        rounding.single(-1e300);
        assert!(rounding.require_range("TIFF").unwrap_err().to_string().contains("-1e300"));
    }
}
