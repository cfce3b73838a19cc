//! What a decode will render, and as what: the flags held against the file.

use super::{Args, Bits};
use crate::cli::failure::{Exit, Failure};
use crate::cli::{input, output};
use sirenc::Decoder;
use sirenc::media::OutputFormat;
use sirenc::signal::{Axis, Description, Grid, Kind, SampleFormat};
use std::path::PathBuf;

/// What is to be rendered, and as what.
pub struct Plan {
    pub grid: Grid,
    pub description: Description,
    pub format: OutputFormat,
    pub path: PathBuf,
}

impl Args {
    /// Holds the flags against the file, before anything is rendered.
    pub fn plan(&self, name: &str, decoder: &Decoder) -> Result<Plan, Failure> {
        let native = decoder.description();
        let (grid, rate) = self.sampling(name, native)?;
        let format = self.output_format(native)?;
        let mut description = Description {
            kind: native.kind,
            lengths: grid.axes.iter().map(|axis| axis.count).collect(),
            channels: native.channels,
            format: self.sample_format(native),
            rate,
        };
        // JPEG, WebP and BMP know 8 bits only: nobody who names them expects 16.
        if self.bits.is_none()
            && description.format == SampleFormat::U16
            && format.accepts(&description).is_err()
        {
            description.format = SampleFormat::U8;
        }
        let path = self.output_path(format);
        format.accepts(&description).map_err(|error| {
            let failure = Failure::new(Exit::Usage, path.display(), error);
            if self.bits.is_none() { failure.hint("--bits chooses other samples") } else { failure }
        })?;
        Ok(Plan { grid, description, format, path })
    }

    /// The positions to render and the rate of the result.
    fn sampling(&self, name: &str, native: &Description) -> Result<(Grid, u32), Failure> {
        let wrong = |flag: &str, found: &str, hint: &str| {
            Err(Failure::new(Exit::Usage, name, format!("{flag} does not fit {found}")).hint(hint))
        };
        let sound = native.kind == Kind::Sound;
        if self.size.is_some() && sound {
            return wrong("--size", "a sound", "--rate");
        }
        if self.scale.is_some() && sound {
            return wrong("--scale", "a sound", "--rate");
        }
        if self.rate.is_some() && !sound {
            return wrong("--rate", "a picture", "--size or --scale");
        }
        if let Some(rate) = self.rate {
            let grid = native.lengths.iter().map(|&length| resampled(length, native.rate, rate)).collect();
            let axes: Option<Vec<_>> = grid;
            let Some(axes) = axes else { return wrong("--rate", "so long a sound", "a lower rate") };
            return Ok((Grid { axes }, rate));
        }
        let counts = match (self.size, self.scale) {
            (Some(size), _) => vec![size.width, size.height],
            (_, Some(factor)) => {
                let scaled =
                    native.lengths.iter().map(|&length| (f64::from(length) * factor).round().max(1.0));
                if scaled.clone().any(|length| length > f64::from(u32::MAX)) {
                    return wrong("--scale", "so large a picture", "a smaller factor");
                }
                scaled.map(|length| length as u32).collect()
            }
            _ => native.lengths.clone(),
        };
        let grid = Grid::resized(native, &counts).map_err(|error| Failure::work(name, error))?;
        Ok((grid, native.rate))
    }

    fn output_format(&self, native: &Description) -> Result<OutputFormat, Failure> {
        match (self.format, &self.output) {
            (Some(format), _) => Ok(format),
            (None, Some(path)) if !output::is_stdout(path) && path.extension().is_some() => {
                OutputFormat::from_extension(path).map_err(|error| {
                    Failure::new(Exit::Usage, path.display(), error).hint("--format overrides the extension")
                })
            }
            _ => Ok(OutputFormat::default_for(native.kind, self.sample_format(native))),
        }
    }

    fn sample_format(&self, native: &Description) -> SampleFormat {
        match (self.bits, native.kind) {
            (None, _) => native.format,
            (Some(Bits::Eight), Kind::Sound) => SampleFormat::I8,
            (Some(Bits::Sixteen), Kind::Sound) => SampleFormat::I16,
            (Some(Bits::Eight), _) => SampleFormat::U8,
            (Some(Bits::Sixteen), _) => SampleFormat::U16,
            (Some(Bits::F32), _) => SampleFormat::F32,
        }
    }

    fn output_path(&self, format: OutputFormat) -> PathBuf {
        match &self.output {
            Some(path) => path.clone(),
            None if input::is_stdin(&self.input) => "-".into(),
            None => self.input.with_extension(format.extension()),
        }
    }
}

/// An axis of `length` samples at `native` Hz, sampled at `rate` Hz: sample `k` of either lies at `k / rate` seconds,
/// and none lies beyond the extent of the sound. `None` if there are more than an axis can have.
fn resampled(length: u32, native: u32, rate: u32) -> Option<Axis> {
    let spacing = f64::from(native) / f64::from(rate);
    let count = ((f64::from(length) - 0.5) / spacing).floor() + 1.0;
    (count <= f64::from(u32::MAX)).then_some(Axis { origin: 0.0, spacing, first: 0, count: count as u32 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resampling_keeps_the_first_instant_and_the_extent() {
        let axis = |length, native, rate| resampled(length, native, rate).unwrap();
        assert_eq!(axis(7, 8000, 8000), Axis::native(7));
        assert_eq!(axis(44_100, 44_100, 48_000).count, 48_000);
        assert_eq!(axis(4, 8000, 16_000).count, 8);
        assert_eq!((axis(5, 8000, 4000).count, axis(5, 8000, 4000).position(2)), (3, 4.0));
        assert_eq!(axis(1, 8000, 1).count, 1);
        assert_eq!(resampled(u32::MAX, 1, 2), None);
    }
}
