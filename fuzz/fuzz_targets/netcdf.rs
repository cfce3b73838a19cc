//! Headers of NetCDF that are composed from their parts: reading ends within its limits, by the allocator's count too,
//! with as many samples as it says.
#![no_main]

use arbitrary::Arbitrary;
use libfuzzer_sys::fuzz_target;
use sirenc::Limits;
use sirenc::media::{self, Choice, Part, Slice};
use sirenc_fuzz::Memory;
use std::io::Cursor;

#[derive(Arbitrary, Debug)]
struct Input {
    version: u8,
    records: u32,
    dimensions: Vec<(Name, u32)>,
    variables: Vec<Variable>,
    numbers: Vec<u8>,
    slice: Option<(Name, u8, u8)>,
}

#[derive(Arbitrary, Debug)]
struct Variable {
    name: Name,
    dimensions: Vec<u8>,
    attributes: Vec<(u8, u8, Vec<u8>)>,
    kind: u8,
    begin: u16,
}

/// Few names, so that variables are coordinates of dimensions.
#[derive(Arbitrary, Debug)]
struct Name(u8);

const ATTRIBUTES: [&str; 8] =
    ["units", "axis", "bounds", "scale_factor", "add_offset", "_FillValue", "missing_value", "_Unsigned"];

impl Name {
    fn text(&self) -> &'static str {
        ["x", "lat", "time", "v", "w", "z", "edges", "member"][usize::from(self.0 % 8)]
    }
}

/// The bytes of a header.
struct File(Vec<u8>, bool);

impl File {
    fn number(&mut self, number: u32) {
        self.0.extend(number.to_be_bytes());
    }
    fn count(&mut self, count: u32) {
        if self.1 {
            self.number(0);
        }
        self.number(count);
    }
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend(bytes);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
    }
    fn name(&mut self, name: &str) {
        self.count(name.len() as u32);
        self.bytes(name.as_bytes());
    }
    fn list(&mut self, tag: u32, count: usize) {
        self.number(if count == 0 { 0 } else { tag });
        self.count(count as u32);
    }
}

fuzz_target!(|input: Input| {
    let version = [1, 2, 5][usize::from(input.version % 3)];
    let mut file = File(vec![b'C', b'D', b'F', version], version == 5);
    file.count(input.records);
    file.list(10, input.dimensions.len());
    for (name, length) in &input.dimensions {
        file.name(name.text());
        file.count(*length);
    }
    file.list(12, 0);
    file.list(11, input.variables.len());
    for variable in &input.variables {
        file.name(variable.name.text());
        file.count(variable.dimensions.len() as u32);
        for &number in &variable.dimensions {
            file.count((usize::from(number) % input.dimensions.len().max(1)) as u32);
        }
        file.list(12, variable.attributes.len());
        for (name, kind, value) in &variable.attributes {
            file.name(ATTRIBUTES[usize::from(name % 8)]);
            let width = [1, 1, 2, 4, 4, 8][usize::from(kind % 6)];
            file.number(1 + u32::from(kind % 6));
            file.count((value.len() / width) as u32);
            file.bytes(&value[..value.len() / width * width]);
        }
        file.number(1 + u32::from(variable.kind % 11));
        file.count(0);
        if version != 1 {
            file.number(0);
        }
        file.number(variable.begin.into());
    }
    file.0.extend(&input.numbers);

    let mut limits = Limits::default();
    (limits.samples, limits.memory_bytes, limits.metadata_bytes) = (1 << 16, 1 << 20, 1 << 16);
    let mut choice = Choice::default();
    choice.variable = input.variables.last().map(|variable| variable.name.text().into());
    choice.slices.extend(input.slice.map(|(axis, from, count)| {
        let (from, axis) = (u64::from(from), axis.text().into());
        let part = if count == 0 { Part::At(from) } else { Part::Range(from..from + u64::from(count)) };
        Slice { axis, part }
    }));
    let read = || media::read_chosen(Cursor::new(&file.0), &choice, &limits);
    if let Ok(reading) = Memory::from_now().bounded(limits.memory_bytes, read) {
        let (description, samples) = (&reading.signal.description, &reading.signal.samples);
        assert_eq!(samples.len() as u64, description.positions());
        assert!((0..samples.len()).all(|i| !samples.get(i).is_infinite()));
    }
});
