//! Makes the `.siren` fixtures and their manifest, `siren.tsv`:
//!
//! ```text
//! cargo run --release --example make_fixtures -- fixtures
//! ```
//!
//! With `--random COUNT SEED` it writes COUNT random files of every kind that the format has to another
//! folder; the two decoders must agree on them (`spec/check.py --folder`).
//!
//! Most files are composed from pseudo-random integers, without a fit: they have the same bytes on every
//! machine. Fitted files and files in `found/` are kept as they are; `--fit` fits the former again.

mod axes;
mod bad;
mod bad_splines;
mod compose;
mod frames;
mod good;
mod missing;
mod pieces;
mod random;
mod renderings;
mod splines;

use sha2::{Digest, Sha256};
use sirenc::signal::Grid;
use sirenc::{Decoder, Error};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A file to write, and what it tests.
#[derive(Clone)]
struct Case {
    /// The path relative to the folder of fixtures.
    name: String,
    tests: &'static str,
    bytes: Vec<u8>,
    /// The error of a file that must be rejected; `None` for a file that must be accepted.
    error: Option<&'static str>,
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [folder, options @ ..] = arguments.as_slice() else {
        return Err("the folder of fixtures expected".into());
    };
    let folder = Path::new(folder);
    let cases = match options {
        [flag, count, seed] if flag == "--random" => random::files(seed.parse()?, count.parse()?),
        _ => {
            let accepted = [good::valid(), good::uncommon(), frames::good()];
            let accepted =
                [accepted.concat(), axes::valid(), axes::uncommon(), splines::valid(), splines::uncommon()];
            let missing = [missing::valid(), missing::uncommon(), missing::invalid()];
            let rejected = [bad::invalid(), frames::bad(), axes::invalid(), bad_splines::invalid()];
            let mut cases = [accepted.concat(), missing.concat(), rejected.concat()].concat();
            if options == ["--fit"] {
                cases.extend(good::fitted(folder)?);
            }
            cases
        }
    };
    let mut rows = BTreeMap::new();
    for case in cases {
        let path = folder.join(&case.name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, &case.bytes)?;
        let (expected, values) = match case.error {
            Some(error) => (error.to_owned(), "-".to_owned()),
            None => outcome(&case.bytes)?,
        };
        let line = format!("{}\t{expected}\t{values}\t{}", case.tests, hex(&case.bytes));
        rows.insert(case.name, line);
    }
    // Rows of files that were not written in this run are kept.
    let manifest = folder.join("siren.tsv");
    for (name, line) in
        fs::read_to_string(&manifest).unwrap_or_default().lines().skip(1).filter_map(|l| l.split_once('\t'))
    {
        rows.entry(name.to_owned()).or_insert_with(|| line.to_owned());
    }
    let lines: String = rows.iter().map(|(name, line)| format!("{name}\t{line}\n")).collect();
    fs::write(manifest, format!("file\ttests\texpected\tvalues\tsha256\n{lines}"))?;
    if !matches!(options, [flag, ..] if flag == "--random") {
        let lines = RENDERINGS.iter().map(|&(name, grid)| rendering(folder, name, grid));
        let lines = lines.collect::<Result<String>>()?;
        fs::write(folder.join("renderings.tsv"), format!("file\tgrid\tvalues\tsamples\n{lines}"))?;
    }
    Ok(())
}

/// A row of the manifest of renderings.
fn rendering(folder: &Path, name: &str, grid: &str) -> Result<String> {
    let decoder = Decoder::open(&fs::read(folder.join(name))?[..])?;
    let (values, samples) = renderings::digests(&decoder, &renderings::grid(&decoder, grid));
    Ok(format!("{name}\t{grid}\t{values}\t{samples}\n"))
}

/// Files and the grids on which they are rendered: see [`renderings::grid`].
const RENDERINGS: [(&str, &str); 79] = [
    ("valid/missing-picture.siren", "size 50 31"),
    ("valid/missing-picture.siren", "size 9 6"),
    ("valid/missing-picture.siren", "size 62 40 of 10 8 25.5 12.5"),
    ("valid/missing-channels.siren", "size 7 5"),
    ("valid/missing-alpha.siren", "size 5 4"),
    ("valid/missing-alpha.siren", "size 40 3"),
    ("valid/missing-sound.siren", "rate 3000"),
    ("valid/missing-volume.siren", "size 22 4 3"),
    ("valid/missing-field.siren", "size 3 9 2 4"),
    ("valid/missing-spline.siren", "size 9 30"),
    ("valid/video-tiles.siren", "size 11 20 7"),
    ("valid/video-tiles.siren", "native of -0.5 -0.5 9.5 20.5 9.5 10.5"),
    ("valid/video-alpha-u16.siren", "size 5 6 2"),
    ("valid/volume-i16-units.siren", "native"),
    ("valid/volume-i16-units.siren", "size 18 4 20"),
    ("valid/field-section.siren", "native"),
    ("valid/field-4-axes.siren", "size 5 9 3 4"),
    ("valid/example-tiles.siren", "native"),
    ("valid/example-tiles.siren", "rate 2000"),
    ("valid/picture-grey-u8.siren", "native"),
    ("valid/picture-grey-u8.siren", "size 74 46"),
    ("valid/picture-grey-u8.siren", "size 11 7"),
    ("valid/picture-grey-u8.siren", "size 11 46"),
    ("valid/picture-grey-u8.siren", "size 36 23"),
    ("valid/picture-grey-u8.siren", "native of 1.5 0.5 5.5 1.5"),
    ("valid/picture-grey-u8.siren", "of 2.25 3.125 2.75 20.1 size 9 4"),
    ("valid/tiles-3x2.siren", "size 20 13"),
    ("valid/tiles-3x2.siren", "size 122 13"),
    ("valid/tiles-3x2.siren", "of 19.25 12.5 41 28.75 size 30 17"),
    ("valid/tiles-3x2.siren", "size 122 82 of 30 20 35.5 22"),
    ("valid/tiles-3x2.siren", "size 7 5 of 20.5 -0.5 60.5 30"),
    ("valid/tiles-hard-seam.siren", "size 7 5"),
    ("valid/tiles-hard-seam.siren", "size 50 36"),
    ("valid/picture-rgba-u8.siren", "native"),
    ("valid/picture-rgba-u8.siren", "size 5 5"),
    ("valid/picture-grey-alpha-u16.siren", "size 3 3"),
    ("valid/picture-rgb-f32.siren", "size 5 20"),
    ("valid/picture-grey-u16.siren", "native"),
    ("valid/picture-rgba-u16.siren", "native"),
    ("valid/sound-tiles.siren", "native"),
    ("valid/sound-tiles.siren", "rate 44100"),
    ("valid/sound-tiles.siren", "rate 3000"),
    ("valid/sound-tiles.siren", "rate 1"),
    ("valid/sound-tiles.siren", "rate 3000 of 100 300.5"),
    ("valid/sound-mono-i8.siren", "native"),
    ("valid/sound-mono-i16.siren", "rate 11025"),
    ("valid/sound-stereo-i24.siren", "native"),
    ("valid/sound-8-channels-i32.siren", "native"),
    ("uncommon/widest-overlap.siren", "rate 2000"),
    ("uncommon/1x17.siren", "size 1 4"),
    ("uncommon/37x1.siren", "size 5 1"),
    ("uncommon/37x1.siren", "size 5 3"),
    ("uncommon/negative-zero.siren", "size 1 1"),
    ("uncommon/tile-per-sample.siren", "size 2 2"),
    ("uncommon/tile-per-sample.siren", "size 11 7"),
    ("uncommon/samples-u8.siren", "native"),
    ("uncommon/samples-u16.siren", "native"),
    ("uncommon/samples-i8.siren", "native"),
    ("uncommon/samples-i16.siren", "native"),
    ("uncommon/samples-i24.siren", "native"),
    ("uncommon/samples-i32.siren", "native"),
    ("valid/example-spline.siren", "native"),
    ("valid/spline-grey-u8.siren", "native"),
    ("valid/spline-grey-u8.siren", "size 74 46"),
    ("valid/spline-grey-u8.siren", "size 11 46"),
    ("valid/spline-grey-u8.siren", "size 36 23"),
    ("valid/spline-grey-u8.siren", "native of 1.5 0.5 5.5 1.5"),
    ("valid/spline-grey-u8.siren", "of 2.25 3.125 2.75 20.1 size 9 4"),
    ("valid/spline-grey-alpha-u8.siren", "size 7 5"),
    ("valid/spline-rgb-u8.siren", "size 150 100 of 30 20 35.5 22"),
    ("valid/spline-rgb-u8.siren", "of -0.5 -0.5 74.5 49.5 size 8 5"),
    ("valid/spline-rgba-u16.siren", "size 40 3"),
    ("valid/spline-units.siren", "size 5 20"),
    ("valid/spline-sound-i16.siren", "rate 44100"),
    ("valid/spline-sound-i16.siren", "rate 3000 of 100 300.5"),
    ("valid/spline-sound-i24.siren", "native"),
    ("uncommon/spline-1x300.siren", "size 2 100"),
    ("uncommon/spline-300x1.siren", "size 64 3"),
    ("uncommon/spline-masks.siren", "size 41 5"),
];

/// The description of a valid file, and the digest of its native rendering or the limit that it exceeds.
fn outcome(bytes: &[u8]) -> Result<(String, String)> {
    let decoder = Decoder::open(bytes)?;
    let d = decoder.description();
    let size = d.lengths().iter().map(u32::to_string).collect::<Vec<_>>().join("x");
    let kind = format!("{:?}", d.kind()).to_lowercase();
    let mut words = format!("{kind} {size} {} {:?}", d.channels, d.format);
    words += &d.rate().map_or_else(String::new, |rate| format!(" {rate}Hz"));
    words += &match decoder.field().siren().map(|siren| siren.tiles.len()) {
        None => " splines".to_owned(),
        Some(1) => " 1 tile".to_owned(),
        Some(n) => format!(" {n} tiles"),
    };
    decoder.metadata().iter().for_each(|block| words += &format!(" {:?}", block.kind));
    let values = match decoder.render(&Grid::native(d)) {
        Ok(values) => hex(&values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>()),
        Err(Error::Limit { what, .. }) => format!("Limit: {what}"),
        Err(error) => return Err(error.into()),
    };
    Ok((words, values))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}
