//! Renderings on grids other than the native one, and of integer samples: rows of `fixtures/renderings.tsv`.

use sha2::{Digest, Sha256};
use sirenc::Decoder;
use sirenc::signal::{Grid, Region, SampleFormat, Sampling};

/// Parses a grid: `native`, `size N…` or `rate R`, with a number for each axis in `N…`. A region `of FROM…
/// TO…` before `size` is spread over the size; after any of them, the grid is cropped to it.
pub fn grid(decoder: &Decoder, words: &str) -> Grid {
    let d = decoder.description();
    let axes = d.axes.len();
    let words: Vec<&str> = words.split(' ').collect();
    let numbers =
        |words: &[&str]| words.iter().map(|w| w.parse::<f64>().expect("a number")).collect::<Vec<_>>();
    let counts = |words: &[&str]| numbers(words).into_iter().map(|n| n as u32).collect::<Vec<_>>();
    let region = |words: &[&str]| {
        let edges = numbers(&words[..2 * axes]);
        Region::new(d, &edges[..axes], &edges[axes..]).expect("a region")
    };
    let (whole, rest) = match words[0] {
        "native" => (Grid::native(d), &words[1..]),
        "size" => (Grid::resized(d, &counts(&words[1..=axes])).expect("a size"), &words[1 + axes..]),
        "rate" => {
            let (native, rate) = (d.rate().expect("a rate").hertz(), numbers(&words[1..2])[0]);
            let axis = Sampling::at_rate(d.axes[0].length, native, rate).expect("a length");
            (Grid { axes: vec![axis] }, &words[2..])
        }
        "of" => {
            let counts = counts(&words[2 + 2 * axes..]);
            return Grid::over(&region(&words[1..]), &counts).expect("a size");
        }
        other => panic!("{other}"),
    };
    if rest.is_empty() { whole } else { whole.crop(&region(&rest[1..])).expect("samples in the region") }
}

/// The digests of the unit values (little-endian binary32) and of the integer samples (little-endian, with as
/// many bytes as the format has); `-` for binary32 samples.
pub fn digests(decoder: &Decoder, grid: &Grid) -> (String, String) {
    let format = decoder.description().format;
    let values = decoder.render(grid).expect("a rendering");
    let bytes = match format {
        SampleFormat::U8 | SampleFormat::I8 => 1,
        SampleFormat::U16 | SampleFormat::I16 => 2,
        SampleFormat::I24 => 3,
        _ => 4,
    };
    let codes =
        values.iter().flat_map(|&v| (format.quantize(v) as i32).to_le_bytes().into_iter().take(bytes));
    let samples = if format == SampleFormat::F32 { "-".to_owned() } else { hex(&codes.collect::<Vec<_>>()) };
    (hex(&values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>()), samples)
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
