//! Prints the value and the gradient of a `.siren` picture along a line, as CSV:
//! `cargo run --release --example sample_gradient -- IN.siren X0 Y0 X1 Y1`
//!
//! Coordinates are in pixels, with centres at integers; the last column is the slope along the line.

use sirenc::{Decoder, Derivative};
use std::fs::File;
use std::io::BufReader;

/// Points on the line.
const POINTS: u32 = 101;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, line @ ..] = &arguments[..] else { return Err("IN.siren X0 Y0 X1 Y1 expected".into()) };
    let line: Vec<f64> = line.iter().map(|number| number.parse()).collect::<Result<_, _>>()?;
    let &[x0, y0, x1, y1] = &line[..] else { return Err("IN.siren X0 Y0 X1 Y1 expected".into()) };
    let decoder = Decoder::open(BufReader::new(File::open(input)?))?;

    let along = |i: u32| f64::from(i) / f64::from(POINTS - 1);
    let points: Vec<f64> =
        (0..POINTS).flat_map(|i| [x0 + along(i) * (x1 - x0), y0 + along(i) * (y1 - y0)]).collect();
    let sampled = decoder.sample_derivative(&points, Derivative::Gradient)?;

    // Only the first channel is printed.
    let channels = usize::from(decoder.description().channels);
    let length = (x1 - x0).hypot(y1 - y0);
    println!("x,y,value,dx,dy,slope");
    for (i, point) in points.chunks(2).enumerate() {
        let (value, gradient) = (sampled.values[i * channels], &sampled.derivatives[2 * i * channels..][..2]);
        let slope = f64::from(gradient[0]) * (x1 - x0) / length + f64::from(gradient[1]) * (y1 - y0) / length;
        println!("{},{},{value},{},{},{slope}", point[0], point[1], gradient[0], gradient[1]);
    }
    Ok(())
}
