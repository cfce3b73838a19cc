//! Renders a `.siren` picture at twice its size, and its middle quarter at eight times its size:
//! `cargo run --release --example render_at_any_size -- IN.siren TWICE.png MIDDLE.png`

use sirenc::Decoder;
use sirenc::media::{self, OutputFormat};
use sirenc::signal::{Grid, Samples, Sampling, Signal};
use std::fs::File;
use std::io::BufReader;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

fn main() -> Result<()> {
    let [input, twice, middle] = std::env::args()
        .skip(1)
        .collect::<Vec<_>>()
        .try_into()
        .map_err(|_| "IN, TWICE and MIDDLE expected")?;
    let decoder = Decoder::open(BufReader::new(File::open(input)?))?;
    let lengths = &decoder.description().lengths();

    let counts: Vec<u32> = lengths.iter().map(|n| 2 * n).collect();
    save(&decoder, &Grid::resized(decoder.description(), &counts)?, &twice)?;

    // A region is a part of a grid: it has the same bits as the whole, and its cost is proportional to its
    // size.
    let part = |&n: &u32| Sampling { first: 3 * n, count: (2 * n).max(1), ..Sampling::resized(n, 8 * n) };
    save(&decoder, &Grid { axes: lengths.iter().map(part).collect() }, &middle)
}

/// Renders `grid` and writes it as PNG, in the sample format of the source.
fn save(decoder: &Decoder, grid: &Grid, path: &str) -> Result<()> {
    let values = decoder.render(grid)?;
    let description = decoder.description().on(grid);
    let mut samples = Samples::with_capacity(description.format, values.len());
    samples.extend_from_units(&values);
    let signal = Signal { description, samples, metadata: decoder.metadata().to_vec() };
    Ok(media::write(&signal, OutputFormat::Png, File::create(path)?)?)
}
