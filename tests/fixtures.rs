//! Every row of `fixtures/siren.tsv`: valid files have the stated description and render to the stated digest
//! (the Exact class); invalid ones give the stated error. No features are needed: this tests the decoder
//! alone.

#[path = "../examples/make_fixtures/renderings.rs"]
mod renderings;

use sha2::{Digest, Sha256};
use sirenc::signal::{Grid, Sampling};
use sirenc::{Decoder, Error};
use std::path::{Path, PathBuf};

/// A row of the manifest.
struct Fixture {
    name: String,
    expected: String,
    /// The digest of the native rendering as little-endian binary32.
    values: String,
    sha256: String,
    bytes: Vec<u8>,
}

impl Fixture {
    fn is_good(&self) -> bool {
        self.values != "-"
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures")
}

fn fixtures() -> Vec<Fixture> {
    let manifest = std::fs::read_to_string(folder().join("siren.tsv")).unwrap();
    let row = |line: &str| {
        let [name, _tests, expected, values, sha256] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("five columns expected: {line}")
        };
        Fixture {
            name: name.into(),
            expected: expected.into(),
            values: values.into(),
            sha256: sha256.into(),
            bytes: std::fs::read(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}")),
        }
    };
    manifest.lines().skip(1).map(row).collect()
}

fn good() -> impl Iterator<Item = (Fixture, Decoder)> {
    fixtures().into_iter().filter(Fixture::is_good).map(|f| {
        let decoder = Decoder::open(&f.bytes[..]);
        let decoder = decoder.unwrap_or_else(|e| panic!("{}: {e}", f.name));
        (f, decoder)
    })
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|b| format!("{b:02x}")).collect()
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|v| v.to_bits()).collect()
}

/// The description of a file as in the manifest: `picture 37x23 1 U8 1 tile`.
fn words(decoder: &Decoder) -> String {
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
    words
}

#[test]
fn every_file_has_a_row_and_is_the_one_in_it() {
    let rows = fixtures();
    for f in &rows {
        assert_eq!(hex(&f.bytes), f.sha256, "{}", f.name);
    }
    for sub in ["valid", "uncommon", "invalid", "found"] {
        // The folder `found` does not exist until there is a finding.
        for file in std::fs::read_dir(folder().join(sub)).into_iter().flatten() {
            let name = format!("{sub}/{}", file.unwrap().file_name().to_string_lossy());
            assert!(rows.iter().any(|row| row.name == name), "{name} has no row in the manifest");
        }
    }
}

#[test]
fn good_files_say_what_they_are() {
    for (f, decoder) in good() {
        assert_eq!(words(&decoder), f.expected, "{}", f.name);
    }
}

#[test]
fn good_files_render_to_their_bits() {
    let mut differing = vec![];
    for (f, decoder) in good() {
        let got = match decoder.render(&Grid::native(decoder.description())) {
            Ok(values) => hex(&values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<_>>()),
            Err(Error::Limit { what, .. }) => format!("Limit: {what}"),
            Err(error) => error.to_string(),
        };
        if got != f.values {
            differing.push(f.name);
        }
    }
    assert!(differing.is_empty(), "{differing:?}");
}

/// Renderings on other grids, with footprints on coarser ones, and integer samples.
#[test]
fn other_grids_and_integer_samples_have_their_bits() {
    let manifest = std::fs::read_to_string(folder().join("renderings.tsv")).unwrap();
    let mut differing = vec![];
    for line in manifest.lines().skip(1) {
        let [name, grid, values, samples] = line.split('\t').collect::<Vec<_>>()[..] else {
            panic!("four columns expected: {line}")
        };
        let bytes = std::fs::read(folder().join(name)).unwrap_or_else(|e| panic!("{name}: {e}"));
        let decoder = Decoder::open(&bytes[..]).unwrap();
        let got = renderings::digests(&decoder, &renderings::grid(&decoder, grid));
        if (got.0.as_str(), got.1.as_str()) != (values, samples) {
            differing.push(format!("{name} {grid}"));
        }
    }
    assert!(differing.is_empty(), "{differing:#?}");
}

#[test]
fn a_region_of_a_larger_rendering_has_its_bits() {
    for (f, decoder) in good().filter(|(f, _)| !f.values.starts_with("Limit")) {
        let d = decoder.description();
        if d.positions() > 4096 {
            continue;
        }
        let axes: Vec<Sampling> = d.lengths().iter().map(|&n| Sampling::resized(n, 2 * n + 1)).collect();
        let whole = decoder.render(&Grid { axes: axes.clone() }).unwrap();
        // The second half of the last axis is the second half of the values.
        let (&last, inner) = axes.split_last().unwrap();
        let half = Sampling { first: last.count / 2, count: last.count - last.count / 2, ..last };
        let part = decoder.render(&Grid { axes: [inner, &[half]].concat() }).unwrap();
        assert_eq!(bits(&part), bits(&whole[whole.len() - part.len()..]), "{}", f.name);
    }
}

#[test]
fn bad_files_give_the_stated_error() {
    let mut faults = vec![];
    for f in fixtures().into_iter().filter(|f| !f.is_good()) {
        let (kind, message) = match Decoder::open(&f.bytes[..]) {
            Ok(_) => ("none", String::new()),
            Err(e @ Error::Format { .. }) => ("Format", e.to_string()),
            Err(e @ Error::Unsupported { .. }) => ("Unsupported", e.to_string()),
            Err(e @ Error::Limit { .. }) => ("Limit", e.to_string()),
            Err(e) => ("another", e.to_string()),
        };
        let (expected, part) = f.expected.split_once(": ").unwrap();
        if kind != expected || !message.contains(part) {
            faults.push(format!("{}: {} expected, {kind}: {message}", f.name, f.expected));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[cfg(feature = "encoder")]
#[test]
fn good_files_are_written_as_they_were() {
    use sirenc::Limits;
    use sirenc::container::{self, Networks};
    for (f, decoder) in good() {
        let mut again = vec![];
        container::write(decoder.file(), &mut again).unwrap();
        let read = container::parse(&again, &Limits::default()).unwrap();
        assert_eq!(&read, decoder.file(), "{}", f.name);
        // A later Zstandard may compress differently, and unknown parts are not kept.
        let stored =
            read.field.siren().is_some_and(|(_, networks)| !matches!(networks, Networks::Quantized(_)));
        let canonical = !stored && read.metadata.is_empty();
        if canonical && !f.name.contains("unknown") {
            assert_eq!(again, f.bytes, "{}", f.name);
        }
    }
}
