//! Mapping of values to integer codes, and counting of values outside the range.

use super::Args;
use super::plan::Plan;
use crate::cli::failure::{Exit, Failure};
use crate::cli::report;
use crate::cli::values::Range;
use sirenc::media::OutputFormat;
use sirenc::signal::{Description, SampleFormat};
use std::path::Path;

/// Maps values of a signal to the unit range of an integer format, 0..1 or −1..1, and counts what is clipped.
pub struct Codes {
    /// The values of the lowest and the highest code, if `--range` gives them.
    range: Option<(f64, f64)>,
    /// The number that the unit value 1 stands for.
    number: f64,
    /// The least and the greatest value of the format; values up to half a code beyond still round into it.
    unit: (f32, f32),
    half_code: f32,
    channels: usize,
    /// The number of channels that are mapped: all but alpha.
    mapped: usize,
    count: u64,
    outside: u64,
    /// Samples that are missing.
    missing: u64,
    /// The name of the colours of codes, after " of ", or nothing.
    colours: String,
    /// The least and the greatest value found so far.
    extent: (f32, f32),
}

impl Codes {
    /// A mapping for values of `description` that are written by a plan. For binary32, which holds all values,
    /// nothing is mapped or counted.
    pub fn new(description: &Description, plan: &Plan) -> Self {
        let format = plan.description.format;
        let (low, codes) = match format {
            SampleFormat::U8 | SampleFormat::U16 => (0.0, (1u64 << format.bits()) as f32),
            _ => (-1.0, (1u64 << (format.bits() - 1)) as f32),
        };
        let channels = usize::from(description.channels);
        Codes {
            range: plan.range,
            number: plan.number,
            unit: (low, 1.0),
            half_code: if format == SampleFormat::F32 { f32::INFINITY } else { 0.5 / codes },
            channels,
            mapped: channels - usize::from(description.has_alpha()),
            count: 0,
            outside: 0,
            missing: 0,
            colours: of_colours(plan),
            extent: (f32::INFINITY, f32::NEG_INFINITY),
        }
    }

    /// Maps the values of whole positions in place, and counts those that the codes cannot represent.
    pub fn map(&mut self, values: &mut [f32]) {
        let (least, most) = (self.unit.0 - self.half_code, self.unit.1 + self.half_code);
        for value in
            values.chunks_mut(self.channels).flat_map(|position| position.iter_mut().take(self.mapped))
        {
            if self.number != 1.0 {
                *value = (self.number * f64::from(*value)) as f32;
            }
            self.extent = (self.extent.0.min(*value), self.extent.1.max(*value));
            if let Some((low, high)) = self.range {
                *value = ((f64::from(*value) - low) / (high - low)) as f32;
            }
            self.count += 1;
            self.missing += u64::from(value.is_nan());
            self.outside += u64::from(*value < least || *value > most);
        }
    }

    /// A note that states the mapping, if there is one.
    pub fn mapping(&self, format: SampleFormat) -> Option<String> {
        let (low, high) = self.range?;
        let [low, high] = [low, high].map(report::short);
        let top = (1u32 << format.bits()) - 1;
        let of = &self.colours;
        Some(format!("values: code 0{of} is {low}, code {top} is {high}, linear between"))
    }

    /// A note on missing samples, if there are any.
    pub fn missing(&self, plan: &Plan) -> Option<String> {
        let (missing, all) = (report::grouped(self.missing), report::grouped(self.count));
        let stored = match (plan.format, plan.description.format) {
            (OutputFormat::NetCdf, _) => "_FillValue",
            (_, SampleFormat::F32) => "NaN",
            _ => "code 0",
        };
        (self.missing > 0).then(|| format!("{missing} of {all} samples are missing: {stored}"))
    }

    /// A note on the share of values that were clipped, if any were.
    pub fn clipped(&self) -> Option<String> {
        if self.outside == 0 {
            return None;
        }
        let (low, high) = self.range.unwrap_or((self.unit.0.into(), self.unit.1.into()));
        let share = report::significant(100.0 * self.outside as f64 / self.count.max(1) as f64);
        let [low, high] = [low, high].map(report::short);
        let [least, most] = [self.extent.0, self.extent.1].map(|value| report::significant(value.into()));
        let hint =
            if self.range.is_none() && self.unit.0 == 0.0 { "; --range LOW..HIGH maps them" } else { "" };
        Some(format!(
            "{share} % of the values are outside {low}..{high} and were clipped (they range from {least} to {most}){hint}"
        ))
    }
}

/// The name of the colours of codes, as a part of a sentence.
pub(super) fn of_colours(plan: &Plan) -> String {
    plan.colormap.map_or_else(String::new, |map| format!(" of {}", map.word()))
}

impl Args {
    /// The range from --range for values that are written as `description`.
    pub(super) fn value_range(
        &self,
        path: &Path,
        description: &Description,
    ) -> Result<Option<(f64, f64)>, Failure> {
        let refuse =
            |sentence: &str, hint: &str| Err(Failure::new(Exit::Usage, path.display(), sentence).hint(hint));
        let integers = matches!(description.format, SampleFormat::U8 | SampleFormat::U16);
        match self.range {
            None => Ok(None),
            Some(_) if !integers => refuse("--range does not apply", "it is for pictures of 8 or 16 bits"),
            Some(Range::Between(low, high)) => Ok(Some((low, high))),
            Some(Range::Top(_)) => {
                refuse("--range takes LOW..HIGH for values", "a single number is for --derivative")
            }
        }
    }
}
