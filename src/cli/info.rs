//! `sirenc info`: what a `.siren` file holds, without rendering it.

use super::failure::{Exit, Failure};
use super::input::Content;
use super::{Outcome, output, report};
use serde_json::{Map, Value, json};
use sirenc::backend::simd::Level;
use sirenc::container::{self, Networks, SectionInfo};
use sirenc::field::Field;
use sirenc::field::spline::Shape;
use sirenc::signal::{Description, Grid, Missing, Tiles, Units};
use sirenc::{Cost, Decoder, Limits};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  sirenc info photo.siren
  sirenc info photo.siren --json | jq .bpp";

const JSON: &str = "\
JSON object:
  input          path; for a name that is not UTF-8, input_hex holds the bytes
                 in hexadecimal
  bytes          size of the file
  bpp            pictures: bits of the file per pixel
  kbps           sound: kilobits (1000 bits) of the file per second
  kind           picture or sound
  lengths        [width, height], or [samples]
  channels       1 to 8
  format         of the source's samples: u8, u16, i8, i16, i24, i32 or f32
  rate           sound: samples per second, else null
  units          {offsets, scales} of each channel of samples in units of their own:
                 sample = offset + scale × field output; else null
  missing        number of samples that are missing, of all channels
  field          siren or spline
  tiles          siren: number of tiles along each axis, in the order of lengths;
                 else null
  overlap        siren: overlap of neighbouring tiles, native samples; else null
  latents        spline: numbers of all grids together; else null
  levels         spline: k for each grid with a spacing of 2^k samples; else null
  layers, width  [least, most] hidden layers of a network, neurons of a layer
  parameters     parameters of all networks, and latents
  weights        quantized, f16 or f32
  bits_per_parameter
                 bits of their section per parameter
  macs, memory_bytes
                 multiply-adds and bytes of memory of a native decode; null if
                 they cannot be computed
  seconds        estimated time of a native decode here, on all threads
  worst_seconds  estimated time on one thread without vector instructions
  metadata       [{kind, bytes}]: ICC, Exif or XMP
  sections       [{name, number, bytes}] of the file";

/// Show what a .siren file holds, without rendering it
///
/// Kind, size, channels, sample format, tiles, networks, parameters, rate, the cost of a native decode and
/// its worst-case time, metadata, and the bytes of every section.
#[derive(Debug, clap::Args)]
#[command(after_long_help = format!("{EXAMPLES}\n\n{JSON}"))]
pub struct Args {
    /// The .siren file; - is standard input
    #[arg(value_name = "INPUT")]
    input: PathBuf,
    /// Print one JSON object; --help lists its keys
    #[arg(long)]
    json: bool,
}

/// Runs `sirenc info`.
pub fn run(args: &Args) -> Outcome {
    let mut limits = Limits::default();
    // Nothing is rendered here, so the cost of a decode is reported however large it is.
    limits.samples = u64::MAX;
    let content = Content::read(&args.input, &limits)?;
    // No value is computed: of a large field one block is enough.
    let centre = |description: &Description| {
        Grid::resized(description, &vec![1; description.axes.len()]).map(|grid| Some(grid.at_points()))
    };
    let decoder = content.decoder_for(&limits, centre)?;
    let sections =
        container::sections(&content.bytes).map_err(|error| Failure::siren(&content.name, error))?;
    let info = Info { name: &content.name, bytes: content.bytes.len() as u64, decoder: &decoder, sections };
    output::print(&if args.json { format!("{}\n", info.json(&args.input)) } else { info.table() })?;
    Ok(Exit::Done)
}

struct Info<'a> {
    name: &'a str,
    bytes: u64,
    decoder: &'a Decoder,
    sections: Vec<SectionInfo>,
}

impl Info<'_> {
    fn parameters(&self) -> u64 {
        match self.decoder.field() {
            Field::Siren(siren) => siren.networks.iter().map(|n| n.parameters().len() as u64).sum(),
            Field::Spline(field) => field.shape.parameters() as u64 + field.shape.latents(),
            _ => 0,
        }
    }
    /// Bits of the section of networks, per parameter.
    fn bits_per_parameter(&self) -> f64 {
        let bytes: u64 = self.sections.iter().filter(|s| s.name == "NETWORK").map(|s| s.bytes).sum();
        8.0 * bytes as f64 / self.parameters() as f64
    }
    fn weights(&self) -> &'static str {
        match self.decoder.file().field.siren() {
            None | Some((_, Networks::Quantized(_))) => "quantized",
            Some((_, Networks::Half(_))) => "f16",
            Some((_, Networks::Single(_))) => "f32",
            Some(_) => "other",
        }
    }
    /// The fewest and the most hidden layers, and the smallest and the largest width, of all networks.
    fn networks(&self) -> [(usize, usize); 2] {
        let range = |values: Vec<usize>| {
            (values.iter().copied().min().unwrap_or(0), values.iter().copied().max().unwrap_or(0))
        };
        match self.decoder.field() {
            Field::Siren(siren) => {
                let shapes = || siren.networks.iter().map(|network| network.shape());
                [range(shapes().map(|s| s.layers).collect()), range(shapes().map(|s| s.width).collect())]
            }
            Field::Spline(field) => [range(vec![field.shape.layers]), range(vec![field.shape.width])],
            _ => [(0, 0); 2],
        }
    }
    /// The partition, if the field has one.
    fn tiles(&self) -> Option<&Tiles> {
        self.decoder.field().siren().map(|siren| &siren.tiles)
    }
    /// The shape of a field of splines.
    fn splines(&self) -> Option<&Shape> {
        self.decoder.field().spline().map(|field| &field.shape)
    }
    /// The cost of a native decode.
    fn cost(&self) -> Option<Cost> {
        self.decoder.request(&Grid::native(self.decoder.description())).cost().ok()
    }

    /// The table for people.
    fn table(&self) -> String {
        let description = self.decoder.description();
        let rate = report::rate_text(description, self.bytes);
        let [layers, width] = self.networks();
        let mut text = format!("{}: {} bytes, {rate}\n", self.name, report::grouped(self.bytes));
        let mut row = |name: &str, value: String| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "  {name:<11}{value}");
        };
        row(
            report::kind(description),
            format!(
                "{}, {}, {}",
                report::extent(description),
                report::channels(description),
                report::sample_format(description.format).1
            ),
        );
        if let Some(tiles) = self.tiles() {
            row(
                "tiles",
                match tiles.counts().iter().map(u32::to_string).collect::<Vec<_>>().join("×") {
                    counts if tiles.len() > 1 => {
                        let overlaps: Vec<_> = tiles.overlaps().iter().map(u32::to_string).collect();
                        format!("{counts}, overlap {} samples", overlaps.join(" and "))
                    }
                    _ => "1".into(),
                },
            );
        }
        if let Some(shape) = self.splines() {
            let spacings: Vec<String> =
                shape.features().map(|grid| (1u32 << grid.level).to_string()).collect();
            let latents = report::grouped(shape.latents());
            row("splines", format!("{latents} latents, every {} samples", spacings.join(", ")));
        }
        if let Some(units) = self.decoder.units() {
            let number = |number: &f32| report::short_f32(*number);
            let offsets: Vec<String> = units.offsets.iter().map(number).collect();
            let scales: Vec<String> = units.scales.iter().map(number).collect();
            let shared = scales.iter().all(|scale| *scale == scales[0]);
            let each: Vec<String> = offsets
                .iter()
                .zip(&scales)
                .map(|(offset, scale)| format!("{offset} + {scale} × v"))
                .collect();
            row(
                "units",
                match shared {
                    true => format!("{} + {} × field output", offsets.join(", "), scales[0]),
                    false => format!("{} of field outputs v", each.join(", ")),
                },
            );
        }
        if let Some(missing) = self.decoder.missing() {
            let bytes: u64 = self.sections.iter().filter(|s| s.name == "MISSING").map(|s| s.bytes).sum();
            let (samples, bytes) = (report::grouped(missing.samples()), report::grouped(bytes));
            row("missing", format!("{samples} samples, a mask of {bytes} bytes"));
        }
        row("networks", format!("{} × {}", span(layers, "layer"), span(width, "neuron")));
        row(
            "parameters",
            format!(
                "{}, {}, {:.2} bits each",
                report::grouped(self.parameters()),
                self.weights(),
                self.bits_per_parameter()
            ),
        );
        if let Some(cost) = self.cost() {
            let (macs, memory) = (report::prefixed(cost.macs), report::prefixed(cost.memory_bytes));
            row("decode", format!("{macs} multiply-adds, {memory} bytes of memory at the native size"));
            let time = |seconds| report::duration(Duration::from_secs_f64(seconds));
            let [here, worst] = [seconds(cost), worst_seconds(cost)].map(time);
            let (level, threads) = (Level::best().name(), rayon::current_num_threads());
            row("", format!("about {here} here ({level}, {threads} threads)"));
            row("", format!("about {worst} at worst, on one thread without vector instructions"));
        }
        for block in self.decoder.metadata() {
            let bytes = report::grouped(block.bytes.len() as u64);
            row("metadata", format!("{} {bytes} bytes", block.kind));
        }
        for section in &self.sections {
            row("section", format!("{:<9} {} bytes", section.name, report::grouped(section.bytes)));
        }
        text
    }

    /// The JSON object for scripts.
    fn json(&self, path: &Path) -> Value {
        let description = self.decoder.description();
        let (rate_name, rate, _) = report::rate(description, self.bytes);
        let [layers, width] = self.networks();
        let mut object = Map::new();
        report::put_path(&mut object, "input", path);
        let mut put = |name: &str, value: Value| object.insert(name.into(), value);
        put("bytes", json!(self.bytes));
        put(rate_name, report::number(rate));
        put("kind", json!(report::kind(description)));
        put("lengths", json!(description.lengths()));
        put("channels", json!(description.channels));
        put("format", json!(report::sample_format(description.format).0));
        put("rate", description.rate().map_or(Value::Null, report::hertz));
        put("field", json!(if self.splines().is_some() { "spline" } else { "siren" }));
        put("tiles", json!(self.tiles().map(Tiles::counts)));
        put(
            "overlap",
            self.tiles().map_or(Value::Null, |tiles| match tiles.overlaps()[..] {
                [] => json!(0),
                [overlap] => json!(overlap),
                ref several => json!(several),
            }),
        );
        put("latents", json!(self.splines().map(Shape::latents)));
        put("levels", json!(self.splines().map(|s| s.features().map(|g| g.level).collect::<Vec<_>>())));
        let units = |units: &Units| json!({"offsets": units.offsets, "scales": units.scales});
        put("units", self.decoder.units().map_or(Value::Null, units));
        put("missing", json!(self.decoder.missing().map_or(0, Missing::samples)));
        put("layers", json!([layers.0, layers.1]));
        put("width", json!([width.0, width.1]));
        put("parameters", json!(self.parameters()));
        put("weights", json!(self.weights()));
        put("bits_per_parameter", report::number(self.bits_per_parameter()));
        put("macs", json!(self.cost().map(|cost| cost.macs)));
        put("memory_bytes", json!(self.cost().map(|cost| cost.memory_bytes)));
        put("seconds", json!(self.cost().map(seconds)));
        put("worst_seconds", json!(self.cost().map(worst_seconds)));
        let metadata = self.decoder.metadata().iter();
        let metadata = metadata.map(|b| json!({"kind": b.kind.to_string(), "bytes": b.bytes.len()}));
        put("metadata", metadata.collect());
        let sections = self.sections.iter();
        put(
            "sections",
            sections.map(|s| json!({"name": s.name, "number": s.number, "bytes": s.bytes})).collect(),
        );
        Value::Object(object)
    }
}

/// Estimated time of a decode here, on all threads, in seconds.
fn seconds(cost: Cost) -> f64 {
    cost.seconds(Level::best()) / rayon::current_num_threads() as f64
}

/// Estimated time of a decode on one thread without vector instructions, in seconds.
fn worst_seconds(cost: Cost) -> f64 {
    cost.seconds(Level::Portable)
}

/// `1 layer`, `7 layers`, or `5–9 layers` where they vary.
fn span((least, most): (usize, usize), of: &str) -> String {
    let plural = if most == 1 { "" } else { "s" };
    if least == most { format!("{least} {of}{plural}") } else { format!("{least}–{most} {of}{plural}") }
}
