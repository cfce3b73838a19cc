//! Derivatives as files: arrays and binary32 pictures hold the values, 8 and 16-bit pictures a stated mapping
//! of them.

use super::plan::{Plan, pictured};
use super::range::of_colours;
use super::sampling::Sampled;
use super::{Args, Bits, Work};
use crate::cli::derivative::meaning;
use crate::cli::failure::{Exit, Failure};
use crate::cli::progress::Meter;
use crate::cli::report;
use crate::cli::values::Range;
use sirenc::media;
use sirenc::media::OutputFormat::{Exr, Npy, Png, Tiff, Wav};
use sirenc::signal::{Description, SampleFormat, Samples, Signal, Steps};
use sirenc::{Decoder, Derivative, Layout};
use std::io;

impl Args {
    /// Checks the flags against the file before anything is rendered.
    pub fn plan_derivative(
        &self,
        name: &str,
        decoder: &Decoder,
        derivative: Derivative,
    ) -> Result<Plan, Failure> {
        if self.background.is_some() {
            return Err(Failure::usage(
                "--background cannot be used with --derivative, which leaves alpha out",
            ));
        }
        let native = decoder.description();
        let Sampled { grid, kept, description: sampled } = self.sampling(name, native)?;
        let format = self.output_format(Npy)?;
        let sampled = pictured(sampled, format);
        let path = self.output_path(format);
        let refuse =
            |sentence: &str, hint: &str| Err(Failure::new(Exit::Usage, path.display(), sentence).hint(hint));
        let layout = derivative.layout(native);
        let samples = match (format, self.bits) {
            (Npy | Tiff | Exr | Wav, None | Some(Bits::F32)) => SampleFormat::F32,
            (Png, None | Some(Bits::Eight)) => SampleFormat::U8,
            (Png, Some(Bits::Sixteen)) => SampleFormat::U16,
            (Png, _) => return refuse("a PNG has 8 or 16 bits", "npy, tiff and exr have f32"),
            (Npy | Tiff | Exr | Wav, _) => {
                return refuse("derivatives in this format are f32", "png has 8 or 16 bits");
            }
            _ => {
                return refuse(
                    "derivatives are not written in this format",
                    "npy, tiff, exr, wav and png are",
                );
            }
        };
        if self.range.is_some() && (format != Png || matches!(derivative, Derivative::Normals { .. })) {
            return refuse("--range does not apply", "it is for derivatives as PNG, but normals");
        }
        let channels = match derivative {
            Derivative::Normals { .. } | Derivative::Divergence | Derivative::Curl => layout.numbers() as u8,
            _ if format == Npy => layout.sets as u8,
            _ if layout.values > 1 => {
                let sentence = format!("{} values per channel, which npy holds", layout.values);
                return refuse(&sentence, "dx, dy and magnitude are one value");
            }
            // Alpha is left out: its derivative is not a colour and would make pixels of the result
            // transparent.
            _ if native.has_colours() => native.channels - u8::from(native.channels.is_multiple_of(2)),
            _ => native.channels,
        };
        let colormap = match (format, derivative, samples) {
            (Png, _, SampleFormat::U8) if !matches!(derivative, Derivative::Normals { .. }) => {
                self.colours(name, channels, sampled.kind())?
            }
            _ if self.colormap.is_some() => {
                return refuse(
                    "--colormap does not apply",
                    "it is for derivatives as PNG of 8 bits, but normals",
                );
            }
            _ => None,
        };
        let channels = if colormap.is_some() { 3 } else { channels };
        let description = Description { channels, format: samples, ..sampled };
        format.accepts(&description).map_err(|error| Failure::new(Exit::Usage, path.display(), error))?;
        let number = native.unit_number();
        Ok(Plan {
            grid,
            kept,
            description,
            format,
            background: None,
            colormap,
            path,
            range: None,
            number,
            video: false,
        })
    }
}

impl Work<'_> {
    /// Renders the plan and writes it. Returns a note on the mapping and on what the values are per, if there is one.
    pub fn save_derivative(
        &self,
        derivative: Derivative,
        steps: Option<&Steps>,
    ) -> Result<Option<String>, Failure> {
        let fault = |error| self.fault(error);
        let Plan { grid, description, format, .. } = self.plan;
        let layout = derivative.layout(self.decoder.description());
        let request = self.decoder.request(grid);
        let request = match steps {
            None => request.derivative(derivative),
            Some(steps) => request.derivative_per(derivative, steps),
        };
        let word = self.args.derivative.word();
        let of = meaning(derivative, steps, self.decoder.description());
        let per = steps.map(|_| format!("{word}: {of}"));
        let cost = request.cost().map_err(fault)?;
        self.admit_file(cost.memory_bytes)?;
        let bands = request.bands().map_err(fault)?;
        let meter = Meter::render(self.args.quiet, grid.positions() * layout.numbers() as u64);
        let number =
            if matches!(derivative, Derivative::Normals { .. }) { 1.0 } else { self.plan.number as f32 };
        let bands = bands.map(|band| {
            let mut band = band?;
            meter.advance(band.len());
            band.iter_mut().for_each(|value| *value *= number);
            Ok(band)
        });
        if *format == Npy {
            return self.save_array(derivative, layout, bands).map(|()| per);
        }
        let channels = if self.plan.colormap.is_some() { 1 } else { usize::from(description.channels) };
        let count = usize::try_from(grid.positions()).ok().and_then(|n| n.checked_mul(channels));
        let mut shown: Vec<f32> = vec![];
        let room = shown.try_reserve_exact(count.unwrap_or(usize::MAX));
        room.map_err(|_| fault(io::Error::from(io::ErrorKind::OutOfMemory).into()))?;
        for band in bands {
            shown
                .extend(band.map_err(fault)?.chunks_exact(layout.numbers()).flat_map(|set| &set[..channels]));
        }
        if *format != Png {
            return self.save(&self.picture(shown)?).map(|()| per);
        }
        let Mapping { low, high } = self.args.mapping(derivative, &shown);
        shown.iter_mut().for_each(|v| *v = ((f64::from(*v) - low) / (high - low)) as f32);
        let top = (1u32 << description.format.bits()) - 1;
        let [low, high] = [low, high].map(report::short);
        let colours = of_colours(self.plan);
        let words = format!("{word}: code 0{colours} is {low}, code {top} is {high}, linear between; {of}");
        self.save_described(&self.picture(shown)?, &words)?;
        Ok(Some(words))
    }

    /// Writes an array of `(…, height, width, sets, values)` while it is rendered. The last axis is left out
    /// if sets have one value, the axis of sets is left out for normals, divergence and curl, which have one set per position.
    fn save_array(
        &self,
        derivative: Derivative,
        layout: Layout,
        bands: impl Iterator<Item = sirenc::Result<Vec<f32>>>,
    ) -> Result<(), Failure> {
        let inner = match derivative {
            Derivative::Gradient | Derivative::Hessian => vec![layout.sets as u64, layout.values as u64],
            _ => vec![layout.numbers() as u64],
        };
        let lengths = self.plan.description.axes.iter().rev().map(|axis| u64::from(axis.length));
        let shape: Vec<u64> = lengths.chain(inner).collect();
        self.output.stream(|writer| {
            let written = |result: io::Result<()>| result.map_err(|error| self.output.fault(&error));
            written(media::write_npy_header(&mut *writer, &shape))?;
            for band in bands {
                for value in band.map_err(|error| self.fault(error))? {
                    written(writer.write_all(&value.to_le_bytes()))?;
                }
            }
            Ok(())
        })
    }

    /// A picture or sound signal of unit values.
    fn picture(&self, values: Vec<f32>) -> Result<Signal, Failure> {
        let description = self.plan.description.clone();
        let samples = match description.format {
            SampleFormat::F32 => Samples::F32(values),
            format => {
                let mut samples = Samples::with_capacity(format, 0);
                let channels = if self.plan.colormap.is_some() { 3 } else { 1 };
                samples.reserve(channels * values.len()).map_err(|error| self.fault(error))?;
                for part in values.chunks(1 << 12) {
                    match self.plan.colormap {
                        Some(map) => {
                            let mut part = part.to_vec();
                            map.paint(&mut part);
                            samples.extend_from_units(&part);
                        }
                        None => samples.extend_from_units(part),
                    }
                }
                samples
            }
        };
        Ok(Signal { description, samples, metadata: vec![] })
    }
}

impl Args {
    /// The values of the lowest and the highest code: symmetric around 0 if values have signs.
    fn mapping(&self, derivative: Derivative, values: &[f32]) -> Mapping {
        let largest =
            || values.iter().map(|v| f64::from(v.abs())).filter(|v| v.is_finite()).fold(0.0, f64::max);
        let range = match derivative {
            Derivative::Normals { .. } => 1.0,
            _ => match self.range {
                Some(Range::Between(low, high)) => return Mapping { low, high },
                Some(Range::Top(top)) => top,
                None => largest(),
            },
        };
        let high = if range > 0.0 { range } else { 1.0 };
        Mapping { low: if derivative == Derivative::Magnitude { 0.0 } else { -high }, high }
    }
}

struct Mapping {
    low: f64,
    high: f64,
}

/// Inserts a text chunk `Description` after the header of a PNG file.
pub(super) fn with_description(png: &[u8], text: &str) -> Vec<u8> {
    /// The magic, and the IHDR chunk: 13 bytes plus length, name and checksum.
    const HEADER: usize = 8 + 12 + 13;
    let body = [b"tEXtDescription\0", text.as_bytes()].concat();
    let length = (body.len() as u32 - 4).to_be_bytes();
    [&png[..HEADER], &length, &body, &crc32fast::hash(&body).to_be_bytes(), &png[HEADER..]].concat()
}
