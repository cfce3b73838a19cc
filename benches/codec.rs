//! Speed of the whole codec on a fixture: encoding by effort, opening (what `info` needs) and decoding:
//! `cargo bench --bench codec`. Records stand in `benches/README.md`.

use sirenc::signal::Grid;
use sirenc::{Decoder, EncodeOptions, Flow, Limits, encode, media};
use std::hint::black_box;
use std::time::Instant;

const PICTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/media/astronaut-128.png");

/// Median time of `runs` runs in seconds.
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
    for effort in 1..=3 {
        let mut options = EncodeOptions::default();
        options.effort = effort;
        let encoded = encode(&signal, &options, &|_| Flow::Continue)?;
        let encoding = median(3, || encode(&signal, &options, &|_| Flow::Continue));
        let open = || Decoder::open(&encoded.bytes[..], &limits);
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
    Ok(())
}
