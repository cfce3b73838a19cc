//! NetCDF files built number by number: what is read of them, what is refused, and what is written back.

use super::*;
use crate::error::Error;
use crate::media::notes::Reading;
use crate::media::slices::{Part, Slice};
use crate::signal::{
    Axis, AxisCoordinates, Description, Kind, Measure, Metadata, Positions, Rate, SampleFormat, Samples,
};
use std::io::Cursor;

/// Builds a file of a version.
struct File {
    version: u8,
    records: u64,
    bytes: Vec<u8>,
}

/// A variable: its name, dimensions, attributes, type and numbers.
struct Var<'a>(&'a str, &'a [u64], &'a [(&'a str, Attr<'a>)], u32, &'a [u8]);

enum Attr<'a> {
    Text(&'a str),
    Float(f32),
    Double(f64),
}

impl File {
    fn count(&mut self, count: u64) {
        match self.version {
            5 => self.bytes.extend(count.to_be_bytes()),
            _ => self.bytes.extend((count as u32).to_be_bytes()),
        }
    }
    fn number(&mut self, number: u32) {
        self.bytes.extend(number.to_be_bytes());
    }
    fn name(&mut self, name: &str) {
        self.count(name.len() as u64);
        self.bytes.extend(name.as_bytes());
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
    }
    fn list(&mut self, tag: u32, count: usize) {
        self.number(if count == 0 { 0 } else { tag });
        self.count(count as u64);
    }
    fn attributes(&mut self, attributes: &[(&str, Attr)]) {
        self.list(12, attributes.len());
        for (name, value) in attributes {
            self.name(name);
            match value {
                Attr::Text(text) => {
                    self.number(2);
                    self.name(text);
                }
                Attr::Float(number) => {
                    self.number(5);
                    self.count(1);
                    self.number(number.to_bits());
                }
                Attr::Double(number) => {
                    self.number(6);
                    self.count(1);
                    self.bytes.extend(number.to_be_bytes());
                }
            }
        }
    }
    /// A header whose variables begin at `begins`.
    fn header(version: u8, records: u64, dims: &[(&str, u64)], vars: &[Var], begins: &[u64]) -> Vec<u8> {
        let mut file = File { version, records, bytes: vec![b'C', b'D', b'F', version] };
        file.count(file.records);
        file.list(10, dims.len());
        for (name, length) in dims {
            file.name(name);
            file.count(*length);
        }
        file.attributes(&[("title", Attr::Text("a test"))]);
        file.list(11, vars.len());
        for (Var(name, dimensions, attributes, kind, _), begin) in vars.iter().zip(begins) {
            file.name(name);
            file.count(dimensions.len() as u64);
            dimensions.iter().for_each(|&number| file.count(number));
            file.attributes(attributes);
            file.number(*kind);
            file.count(0);
            match version {
                1 => file.number(*begin as u32),
                _ => file.bytes.extend(begin.to_be_bytes()),
            }
        }
        file.bytes
    }
    /// A file of variables without records, one after the other.
    fn plain(version: u8, dims: &[(&str, u64)], vars: &[Var]) -> Vec<u8> {
        let mut begins = vec![0; vars.len()];
        let mut at = Self::header(version, 0, dims, vars, &begins).len() as u64;
        for (begin, var) in begins.iter_mut().zip(vars) {
            *begin = at;
            at += (var.4.len() as u64).next_multiple_of(4);
        }
        let mut file = Self::header(version, 0, dims, vars, &begins);
        for var in vars {
            file.extend(var.4);
            file.resize(file.len().next_multiple_of(4), 0);
        }
        file
    }
}

fn open(file: &[u8], variable: Option<&str>, slices: &[(&str, Part)]) -> Result<Reading> {
    let mut choice = Choice { variable: variable.map(Into::into), ..Choice::default() };
    choice.slices =
        slices.iter().map(|(axis, part)| Slice { axis: (*axis).into(), part: part.clone() }).collect();
    read(Cursor::new(file), file.len() as u64, &choice, &Limits::default())
}
fn outline(reading: &Reading) -> (Kind, Vec<u32>, SampleFormat) {
    let d = &reading.signal.description;
    (d.kind(), d.lengths(), d.format)
}
fn coordinates(signal: &Signal) -> Coordinates {
    Coordinates::of(&signal.metadata, &signal.description).unwrap()
}
fn axis(name: &str, unit: &str, positions: Positions) -> AxisCoordinates {
    AxisCoordinates { label: Label::new(name, unit), positions }
}
fn doubles(numbers: &[f64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}
fn floats(numbers: &[f32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_be_bytes()).collect()
}

#[test]
fn conventions_tell_space_time_and_coordinates() {
    use Attr::Text;
    let (east, depth, hours) = (doubles(&[0.5, 1.5]), doubles(&[0.0, 10.0, 30.0]), floats(&[6.0, 18.0]));
    let numbers: Vec<u8> = (0..24).collect();
    let vars = [
        Var("LON", &[3], &[("units", Text("degrees_east"))], 6, &east),
        Var(
            "DEP",
            &[1],
            &[("units", Text("m")), ("positive", Text("down")), ("edges", Text("E"))],
            6,
            &depth,
        ),
        Var("T", &[0], &[("units", Text("hours since 2000-01-01"))], 5, &hours),
        Var("E", &[1], &[], 6, &depth),
        Var("name", &[1], &[], 2, b"abc"),
        Var("crs", &[], &[], 4, &[0; 4]),
        Var("salt", &[0, 1, 2, 3], &[("units", Text("psu\0")), ("long_name", Text("salinity"))], 1, &numbers),
    ];
    for version in [1, 2, 5] {
        let file = File::plain(version, &[("T", 2), ("DEP", 3), ("member", 2), ("LON", 2)], &vars);
        let reading = open(&file, None, &[]).unwrap();
        assert_eq!(outline(&reading), (Kind::Field, vec![2, 2, 3, 2], SampleFormat::I8));
        assert_eq!(reading.signal.samples, Samples::I8((0..24).collect()));
        let measures: Vec<_> = reading.signal.description.axes.iter().map(|axis| axis.measure).collect();
        assert_eq!(measures, [Measure::Space, Measure::Other, Measure::Space, Measure::Time(None)]);
        let known = coordinates(&reading.signal);
        let uniform = |origin, spacing| Positions::Uniform { origin, spacing };
        assert_eq!(known.axes[0], axis("LON", "degrees_east", uniform(0.5, 1.0)));
        assert_eq!(known.axes[1], axis("member", "", Positions::None));
        assert_eq!(known.axes[2], axis("DEP", "m", Positions::Listed(vec![0.0, 10.0, 30.0])));
        assert_eq!(known.axes[3], axis("T", "hours since 2000-01-01", uniform(6.0, 12.0)));
        assert_eq!(known.channels, [Label::new("salt", "psu")]);
        assert_eq!(reading.notes, ["2 attributes are not kept"]);
        // Letters and names; the number of index (t, dep, member, lon) is lon + 2 (member + 2 (dep + 3 t)).
        let slices = [("z", Part::Range(1..3)), ("MEMBER", Part::At(1)), ("t", Part::At(1))];
        let part = open(&file, Some("salt"), &slices).unwrap();
        assert_eq!(outline(&part), (Kind::Picture, vec![2, 2], SampleFormat::F32));
        assert_eq!(part.signal.samples, Samples::F32(vec![18.0, 19.0, 22.0, 23.0]));
        assert_eq!(coordinates(&part.signal).axes[1], axis("DEP", "m", uniform(10.0, 20.0)));
        for cut in (4..file.len()).step_by(7) {
            assert!(matches!(open(&file[..cut], None, &[]), Err(Error::Format { .. })), "{cut}");
        }
    }
}

#[test]
fn records_are_interleaved_and_a_single_variable_is_not_padded() {
    let dims = [("time", 0), ("x", 3)];
    let vars = [Var("a", &[0, 1], &[], 3, &[]), Var("b", &[0], &[], 6, &[])];
    let start = File::header(1, 2, &dims, &vars, &[0, 0]).len() as u64;
    let mut file = File::header(1, 2, &dims, &vars, &[start, start + 8]);
    for record in 0..2u8 {
        file.extend([0, record, 0, 10 + record, 0, 20 + record, 9, 9]);
        file.extend(f64::from(record).to_be_bytes());
    }
    let both = open(&file, Some("a"), &[]).unwrap();
    assert_eq!(outline(&both), (Kind::Field, vec![3, 2], SampleFormat::I16));
    assert_eq!(both.signal.samples, Samples::I16(vec![0, 10, 20, 1, 11, 21]));
    let second = open(&file, Some("a"), &[("time", Part::At(1)), ("x", Part::Range(1..3))]).unwrap();
    assert_eq!(second.signal.samples, Samples::I16(vec![11, 21]));
    assert_eq!(open(&file, Some("b"), &[]).unwrap().signal.samples, Samples::F32(vec![0.0, 1.0]));
    // The end of the last record is needed.
    assert!(open(&file[..file.len() - 1], Some("b"), &[]).unwrap_err().to_string().contains("truncated"));
    assert!(open(&file[..file.len() - 1], Some("a"), &[]).is_ok());
    let one = File::header(1, 2, &dims, &vars[..1], &[start - 24]);
    let at = one.len() as u64;
    let mut one = File::header(1, 2, &dims, &vars[..1], &[at]);
    one.extend([0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6]);
    assert_eq!(open(&one, None, &[]).unwrap().signal.samples, Samples::I16(vec![1, 2, 3, 4, 5, 6]));
    // No records, and a number of them that is not known.
    let none = File::header(1, 0, &dims, &vars[..1], &[at]);
    assert!(open(&none, None, &[]).unwrap_err().to_string().contains("size 3×0"));
    for version in [1, 5] {
        let open_ended = File::header(version, u64::MAX, &dims, &vars[..1], &[at]);
        assert!(
            open(&open_ended, None, &[]).unwrap_err().to_string().contains("number of records is not known")
        );
    }
}

#[test]
fn packed_numbers_are_unpacked_and_missing_ones_are_nan() {
    use Attr::{Double, Float};
    let dims = [("x", 2), ("y", 2), ("z", 2)];
    let packed: Vec<u8> = [1i16, -2, -99, 4, 5, 6, 7, 8].iter().flat_map(|n| n.to_be_bytes()).collect();
    let attributes =
        [("scale_factor", Float(0.5)), ("add_offset", Double(10.0)), ("missing_value", Double(-99.0))];
    let file = File::plain(2, &dims, &[Var("v", &[0, 1, 2], &attributes, 3, &packed)]);
    let reading = open(&file, None, &[]).unwrap();
    let Samples::F32(values) = &reading.signal.samples else { panic!() };
    assert_eq!(values[..2], [10.5, 9.0]);
    assert!(values[2].is_nan() && values[3] == 12.0);
    assert_eq!(reading.notes[0], "1 of 8 samples are missing");
    // The number in place of missing samples is of packed ones, which a writer has no use for.
    assert!(reading.signal.metadata.iter().all(|block| block.kind != MetadataKind::Fill));

    let floats = floats(&[1.0, -1e34, DEFAULT_FILL, f32::NAN, 5.0, 6.0, 7.0, 8.0]);
    let with = |attributes| File::plain(1, &dims, &[Var("v", &[0, 1, 2], attributes, 5, &floats)]);
    let missing = |file: &[u8]| {
        let signal = open(file, None, &[]).unwrap().signal;
        let Samples::F32(values) = &signal.samples else { panic!() };
        let fill = signal.metadata.iter().find(|block| block.kind == MetadataKind::Fill);
        let places: Vec<_> = (0..8).filter(|&n| values[n].is_nan()).collect();
        (places, fill.map(|block| block.bytes.clone()))
    };
    // The attribute is a binary64, the samples are binary32.
    let own = [("_FillValue", Double(-1e34))];
    assert_eq!(missing(&with(&own)), (vec![1, 3], Some((-1e34f32).to_le_bytes().to_vec())));
    assert_eq!(missing(&with(&[])), (vec![2, 3], None));
    // Unsigned numbers that are marked as such.
    let file =
        File::plain(1, &dims, &[Var("v", &[0, 1, 2], &[("_Unsigned", Attr::Text("true"))], 1, &[200; 8])]);
    assert_eq!(open(&file, None, &[]).unwrap().signal.samples, Samples::U8(vec![200; 8]));
}

#[test]
fn axes_of_one_sample_are_left_out_and_five_are_too_many() {
    let dims = [("time", 1), ("lev", 1), ("lat", 2), ("lon", 3)];
    let file = File::plain(1, &dims, &[Var("v", &[0, 1, 2, 3], &[], 4, &[0; 24])]);
    let reading = open(&file, None, &[]).unwrap();
    assert_eq!(outline(&reading), (Kind::Picture, vec![3, 2], SampleFormat::F32));
    assert_eq!(reading.notes[0], "without its axes of one sample: time, lev");
    let only = File::plain(1, &dims, &[Var("v", &[0, 1], &[], 4, &[0; 4])]);
    assert_eq!(outline(&open(&only, None, &[]).unwrap()).1, [1]);
    let dims = [("a", 2), ("b", 2), ("c", 2), ("d", 2), ("e", 2)];
    let file = File::plain(1, &dims, &[Var("v", &[0, 1, 2, 3, 4], &[], 1, &[7; 32])]);
    let five = open(&file, None, &[]).unwrap_err().to_string();
    assert!(five.contains("5 axes (a, b, c, d, e)") && five.contains("--slice a=0"), "{five}");
    // Nothing is known about these axes: they are of space.
    let part = open(&file, None, &[("a", Part::At(1)), ("d", Part::At(0))]).unwrap();
    assert_eq!(outline(&part), (Kind::Volume, vec![2, 2, 2], SampleFormat::I8));
}

#[test]
fn variables_are_listed_where_none_is_found() {
    let dims = [("x", 2)];
    let vars = |names: &[&'static str]| -> Vec<Var> {
        names.iter().map(|name| Var(name, &[0], &[], 1, &[1, 2])).collect()
    };
    let message = |names: &[&'static str], variable| {
        open(&File::plain(1, &dims, &vars(names)), variable, &[]).unwrap_err().to_string()
    };
    assert!(
        message(&["a", "b\n"], None).contains(
            "the variables a (2), b\\n (2), but one variable was expected; name one, as in FILE.nc:a"
        )
    );
    assert_eq!(message(&["a"], Some("B")), "variable: \"B\", but the file has the variable a (2)");
    assert!(message(&["x"], None).contains("no variable of several numbers"));
    let kinds = [Var("n", &[0], &[], 2, b"ab"), Var("s", &[], &[], 1, &[1])];
    let file = File::plain(1, &dims, &kinds);
    assert!(open(&file, Some("n"), &[]).unwrap_err().to_string().contains("holds characters"));
    assert!(open(&file, Some("s"), &[]).unwrap_err().to_string().contains("is a single number"));
}

#[test]
fn what_lies_about_its_size_is_refused() {
    let dims = |length| [("x", length), ("y", length), ("z", length)];
    let file = |length, begin| {
        [File::header(5, 0, &dims(length), &[Var("v", &[0, 1, 2], &[], 6, &[])], &[begin]), vec![0; 64]]
            .concat()
    };
    for (length, begin) in [(3, 300), (u64::MAX, 0), (1 << 31, 0), (2, u64::MAX), (2, 10_000)] {
        let error = open(&file(length, begin), None, &[]).unwrap_err();
        assert!(error.to_string().contains("truncated"), "{length} {begin}: {error}");
    }
    let message = |bytes: &[u8]| open(bytes, None, &[]).unwrap_err().to_string();
    assert!(message(b"CDF\x03\0\0\0\0").contains("version 1, 2 or 5"));
    let many = [&b"CDF\x01\0\0\0\0\0\0\0\x0A"[..], &u32::MAX.to_be_bytes(), &[0; 40]].concat();
    assert!(message(&many).contains("4294967295 dimensions announced"));
    let tag = [&b"CDF\x01\0\0\0\0\0\0\0\x0B"[..], &[0, 0, 0, 1], &[0; 40]].concat();
    assert!(message(&tag).contains("the tag 11, but 10 was expected"));
    let beyond = File::plain(1, &[("x", 2)], &[Var("v", &[1], &[], 1, &[1, 2])]);
    assert!(message(&beyond).contains("dimension 1 of \"v\", but there are 1"));
    let twice = File::plain(1, &[("x", 0), ("y", 0)], &[]);
    assert!(message(&twice).contains("two dimensions of records"));
    let inner = File::plain(1, &[("x", 2), ("t", 0)], &[Var("v", &[0, 1], &[], 1, &[1, 2])]);
    assert!(message(&inner).contains("records along dimension 1"));
    let kind = File::plain(1, &[("x", 2)], &[Var("v", &[0], &[], 12, &[1, 2])]);
    assert!(message(&kind).contains("type 12"));
    let memory = Limits { memory_bytes: 1 << 10, ..Limits::default() };
    let file = File::plain(1, &[("x", 2); 20], &[]);
    let small = read(Cursor::new(&file), file.len() as u64, &Choice::default(), &memory);
    assert!(matches!(small, Err(Error::Limit { what: "bytes of memory for a header", .. })));
}

fn written(signal: &Signal) -> Vec<u8> {
    let mut file = vec![];
    write(signal, &mut file).unwrap();
    file
}

#[test]
fn what_is_written_is_read() {
    let axes = vec![Axis::space(3), Axis::other(1), Axis::space(2), Axis::time(2, None)];
    let description = Description { axes, channels: 1, format: SampleFormat::F32 };
    let known = Coordinates {
        axes: vec![
            axis("lon", "degrees_east", Positions::Uniform { origin: 0.1, spacing: 0.7 }),
            axis("a b/c", "", Positions::Listed(vec![3.0])),
            axis("", "m", Positions::Uniform { origin: -1.0, spacing: -3.0 }),
            axis("when", "days since 1970-01-01", Positions::Uniform { origin: 5.0, spacing: 1.0 }),
        ],
        channels: vec![Label::new("lon", "K")],
    };
    let fill = Metadata { kind: MetadataKind::Fill, bytes: 1e34f32.to_le_bytes().into() };
    let values: Vec<f32> = (0..12).map(|k| if k % 5 == 2 { f32::NAN } else { k as f32 / 3.0 }).collect();
    let metadata = vec![known.to_metadata(&description).unwrap(), fill];
    let mut signal = Signal { description, samples: Samples::F32(values.clone()), metadata };
    let reading = open(&written(&signal), None, &[]).unwrap();
    let back = &reading.signal;
    assert_eq!(reading.notes, ["without its axis of one sample: a_b_c", "2 of 12 samples are missing"]);
    let Samples::F32(found) = &back.samples else { panic!() };
    assert!(found.iter().zip(&values).all(|(a, b)| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()));
    assert_eq!(back.metadata[1], signal.metadata[1]);
    let mut expected = known.clone();
    expected.axes.remove(1);
    (expected.axes[1].label.name, expected.channels[0].name) = ("y".into(), "lon_".into());
    assert_eq!(coordinates(back), expected);
    // A sample has the number in place of missing ones: another is taken.
    let Samples::F32(values) = &mut signal.samples else { panic!() };
    values[0] = 1e34;
    let Samples::F32(found) = open(&written(&signal), None, &[]).unwrap().signal.samples else { panic!() };
    assert_eq!((found[0], found.iter().filter(|value| value.is_nan()).count()), (1e34, 2));
}

#[test]
fn channels_are_variables_and_codes_keep_their_format() {
    let samples = [
        Samples::U8((0..18).collect()),
        Samples::I8((-9..9).collect()),
        Samples::U16((0..18).map(|k| k * 3000).collect()),
        Samples::I16((-9..9).collect()),
        Samples::I32((0..18).map(|k| k << 20).collect()),
    ];
    for samples in samples {
        let axes = vec![Axis::space(3), Axis::space(1), Axis::space(3)];
        let description = Description { axes, channels: 2, format: samples.format() };
        let file = written(&Signal { description, samples: samples.clone(), metadata: vec![] });
        let whole = open(&file, None, &[]).unwrap_err().to_string();
        assert!(whole.contains("c0 (3×1×3), c1 (3×1×3)"), "{whole}");
        let second = open(&file, Some("c1"), &[]).unwrap();
        assert_eq!(outline(&second).1, [3, 3]);
        let expected: Vec<_> =
            (0..9).map(|k| samples.get(2 * k + 1) * samples.format().codes_per_unit() as f32).collect();
        let unit = second.signal.samples.format().codes_per_unit() as f32;
        let found: Vec<_> = (0..9).map(|k| second.signal.samples.get(k) * unit).collect();
        assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-2), "{found:?} {expected:?}");
    }
    let description =
        Description { axes: vec![Axis::time(2, Rate::new(4, 1))], channels: 1, format: SampleFormat::I24 };
    let sound = Signal { description, samples: Samples::I24(vec![-3, 1 << 22]), metadata: vec![] };
    let back = open(&written(&sound), None, &[]).unwrap().signal;
    assert_eq!(
        (back.samples.clone(), back.description.axes[0].measure),
        (Samples::I32(vec![-3, 1 << 22]), Measure::Time(None))
    );
    assert_eq!(coordinates(&back).axes[0], axis("t", "s", Positions::Uniform { origin: 0.0, spacing: 0.25 }));
    let large = Description { axes: vec![Axis::space(1 << 15); 2], channels: 1, format: SampleFormat::F32 };
    assert!(accepts(&large).unwrap_err().to_string().contains("NRRD and NPY can"));
}
