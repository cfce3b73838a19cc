//! The examples of the specification are correct: the bytes are those of the fixtures, the tables cover all
//! bytes, and the samples are those decoded.

use sirenc::Decoder;
use sirenc::signal::{Grid, Sampling};
use std::path::Path;

fn read(path: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The text of a section, from its number to the next heading.
fn section(number: &str) -> String {
    let text = String::from_utf8(read("spec/siren.md")).unwrap();
    let start = text.find(&format!("\n### {number} ")).unwrap_or_else(|| panic!("section {number}"));
    let body = &text[start + 1..];
    let end = body[1..].find("\n#").map_or(body.len(), |end| end + 1);
    body[..end].to_owned()
}

/// The bytes that `text` lists as two hexadecimal digits each; `None` if it contains anything else.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let byte = |word: &str| u8::from_str_radix(word, 16).ok().filter(|_| word.len() == 2);
    text.split_whitespace().map(byte).collect()
}

/// The first code span in a line.
fn code(line: &str) -> Option<&str> {
    line.split('`').nth(1)
}

/// The bytes as listed in one line of the section, and as listed in its table.
fn example(section: &str) -> (Vec<u8>, Vec<u8>) {
    let whole = section.lines().find(|l| l.starts_with('`')).and_then(code).and_then(bytes).unwrap();
    let rows = section.lines().skip_while(|l| !l.starts_with("| bytes |")).skip(2);
    let rows = rows.take_while(|l| l.starts_with("| `"));
    (whole, rows.flat_map(|l| code(l).and_then(bytes).unwrap()).collect())
}

fn unit_values(file: &[u8]) -> Vec<f32> {
    let decoder = Decoder::open(file).unwrap();
    decoder.render(&Grid::native(decoder.description())).unwrap()
}

#[test]
fn the_picture_is_explained_byte_by_byte() {
    let text = section("13.1");
    let (whole, table) = example(&text);
    assert_eq!(whole, read("fixtures/valid/example-picture.siren"));
    assert_eq!(table, whole);

    let values = unit_values(&whole);
    let samples: Vec<u8> =
        values.iter().map(|v| (v * 255.0).round_ties_even().clamp(0.0, 255.0) as u8).collect();
    let line = text.lines().find(|l| l.starts_with("The samples:")).unwrap();
    let mut stated = line.split('`').skip(1).step_by(2);
    let rows = [stated.next().and_then(bytes).unwrap(), stated.next().and_then(bytes).unwrap()].concat();
    assert_eq!(samples, rows);
    assert_eq!(format!("{:08x}", values[0].to_bits()), stated.next().unwrap());
}

#[test]
fn the_tiles_are_explained_byte_by_byte() {
    let text = section("13.3");
    let (whole, table) = example(&text);
    assert_eq!(whole, read("fixtures/valid/example-tiles.siren"));
    assert_eq!(table, whole);

    let decoder = Decoder::open(&whole[..]).unwrap();
    let stated = |values: &[f32]| {
        let samples = values.iter().map(|v| ((v * 32768.0).round_ties_even() as i32).to_string());
        samples.collect::<Vec<_>>().join(", ").replace('-', "−")
    };
    // Joined into one line, independent of line breaks.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let native = unit_values(&whole);
    assert!(text.contains(&format!("Samples 0 to 11 are {}.", stated(&native))), "{}", stated(&native));
    for value in [native[0], native[4]] {
        assert!(text.contains(&format!("`{:08x}`", value.to_bits())), "{value}");
    }
    // At this rate samples are means over footprints of four positions.
    let slower = Grid { axes: vec![Sampling::at_rate(12, 8000.0, 2000.0).unwrap()] };
    let samples = stated(&decoder.render(&slower).unwrap());
    assert!(text.contains(&format!("Its samples are {samples}.")), "{samples}");
}

#[test]
fn the_splines_are_explained_byte_by_byte() {
    let text = section("13.4");
    let (whole, table) = example(&text);
    assert_eq!(whole, read("fixtures/valid/example-spline.siren"));
    assert_eq!(table, whole);

    let decoder = Decoder::open(&whole[..]).unwrap();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let field = decoder.field().spline().unwrap();
    let coarse = field.coefficients[1].iter().map(f32::to_string).collect::<Vec<_>>().join(", ");
    let stated = format!("The coefficients of level 1 are {}.", coarse.replace('-', "−"));
    assert!(text.contains(&stated), "{stated}");
    let features =
        field.features(&[0.0, 0.0]).iter().map(|f| format!("`{:08x}`", f.to_bits())).collect::<Vec<_>>();
    assert!(
        text.contains(&format!("The features there have the bits {}.", features.join(" and "))),
        "{features:?}"
    );

    let values = unit_values(&whole);
    let samples =
        values.iter().map(|v| format!("{:02x}", (v * 255.0).round_ties_even().clamp(0.0, 255.0) as u8));
    let samples: Vec<String> = samples.collect();
    let rows = samples.chunks(5).map(|row| format!("`{}`", row.join(" "))).collect::<Vec<_>>().join(" and ");
    let stated =
        format!("The samples: {rows}; the first unit value has the bits `{:08x}`.", values[0].to_bits());
    assert!(text.contains(&stated), "{stated}");
}

#[test]
fn the_sound_is_explained_byte_by_byte() {
    let text = section("13.2");
    let (whole, table) = example(&text);
    assert_eq!(whole, read("fixtures/valid/example-sound.siren"));
    assert_eq!(table, whole);

    let values = unit_values(&whole);
    let samples = [0, 149, 150, 299].map(|i: usize| (values[i] * 32768.0).round_ties_even() as i32);
    let stated = samples.map(|s| s.to_string().replace('-', "−")).join(", ");
    let line = text.lines().find(|l| l.starts_with("Samples 0, 149, 150 and 299 are ")).unwrap();
    assert!(line.contains(&stated), "{line}: {stated}");
}

#[test]
fn missing_samples_are_explained_byte_by_byte() {
    let text = section("13.5");
    let (whole, table) = example(&text);
    assert_eq!(whole, read("fixtures/valid/example-missing.siren"));
    assert_eq!(table, whole);

    let first = unit_values(&whole)[..4].iter().map(|v| format!("`{:08x}`", v.to_bits())).collect::<Vec<_>>();
    let stated = format!("The unit values of the first row have the bits {};", first.join(", "));
    assert!(text.contains(&stated), "{stated}");
}
