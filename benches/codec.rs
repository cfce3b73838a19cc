//! Speed of the whole codec on a fixture: encoding by effort, opening (as in `info`), decoding, derivatives.
//! Run with `cargo bench --bench codec`. Results are recorded in `benches/README.md`.

use sirenc::container::{File, Networks, Stored, write};
use sirenc::network::{Jet, Network, Shape};
use sirenc::signal::{Description, Grid, SampleFormat, Tiles};
use sirenc::{Decoder, EncodeOptions, Limits, encode, media};
use std::hint::black_box;
use std::time::Instant;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/media/astronaut-128.png");

/// Median time of `runs` runs, in seconds.
fn median<T>(runs: usize, mut run: impl FnMut() -> T) -> f64 {
    let mut times: Vec<f64> = (0..runs)
        .map(|_| {
            let start = Instant::now();
            black_box(run());
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> sirenc::Result<()> {
    let limits = Limits::default();
    let signal = media::read(&std::fs::read(PICTURE)?, &limits)?;
    println!("astronaut-128.png, 128×128 RGB, quality 75, all threads; medians");
    println!("effort   encode    bytes     PSNR  parameters      open    decode  decode at 1024×1024");
    for effort in 3..=5 {
        let options = EncodeOptions::default().effort(effort);
        let encoded = encode(&signal, &options)?;
        let encoding = median(3, || encode(&signal, &options));
        let open = || Decoder::with_limits(&encoded.bytes[..], &limits);
        let opening = median(51, open);
        let decoder = open()?;
        let native = Grid::native(decoder.description());
        let large = Grid::resized(decoder.description(), &[1024, 1024])?;
        let decode = |grid: &Grid| decoder.render(grid);
        let (decoding, enlarging) = (median(51, || decode(&native)), median(9, || decode(&large)));
        println!(
            "{effort:6} {encoding:6.2} s {:8} {:5.2} dB {:11} {:6.2} ms {:6.2} ms {:17.1} ms",
            encoded.bytes.len(),
            encoded.report.psnr_db,
            encoded.report.parameters,
            1e3 * opening,
            1e3 * decoding,
            1e3 * enlarging
        );
    }
    derivatives()
}

/// Times of derivatives of a 768×512 picture stored as one network of 18,000 parameters.
fn derivatives() -> sirenc::Result<()> {
    let description = Description::picture([768, 512], 3, SampleFormat::U8);
    let shape = Shape { inputs: 2, outputs: 3, layers: 9, width: 46 };
    let parameter = |i: usize| ((i * 7919) % 97) as f32 / 400.0 - 0.12;
    let parameters = (0..shape.parameters()).map(parameter).collect();
    let networks = Networks::Single(vec![Network::from_parameters(shape, parameters)]);
    let mut bytes = vec![];
    let field = Stored::Siren { tiles: Tiles::one(&description), networks };
    let file = File { description, units: None, missing: None, field, metadata: vec![] };
    write(&file, &mut bytes)?;
    let decoder = Decoder::open(&bytes[..])?;
    let grid = Grid::native(decoder.description());
    println!("768×512 RGB, one network of {} parameters; medians of 5", shape.parameters());
    println!("  value              {:6.1} ms", 1e3 * median(5, || decoder.render(&grid)));
    for (name, jet) in [("gradient", Jet::Gradient), ("Laplacian", Jet::Laplacian), ("Hessian", Jet::Hessian)]
    {
        println!(
            "  value, {name:<11} {:6.1} ms",
            1e3 * median(5, || decoder.request(&grid).jet(jet).values())
        );
    }
    Ok(())
}
