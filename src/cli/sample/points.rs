//! Points as they come: CSV lines or rows of an array, checked and turned into positions.

use crate::cli::derivative::axis_names;
use crate::cli::failure::{Exit, Failure};
use crate::cli::input::Input;
use crate::cli::report;
use sirenc::media::NpyReader;
use sirenc::signal::{Description, Kind};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The longest line of a CSV file, bytes.
const LONGEST_LINE: u64 = 1 << 12;

/// A stream of points, read in parts.
pub struct Points {
    name: String,
    axes: Vec<Axis>,
    source: Source,
    /// Points read so far, or lines of a CSV file.
    read: u64,
    coordinates: Vec<f64>,
    positions: Vec<f64>,
}

enum Source {
    /// The lines, and which column each axis has.
    Csv(Box<dyn BufRead>, Vec<usize>),
    Npy(NpyReader<Box<dyn BufRead>>),
}

/// The coordinates of an axis as the user counts: `position = offset + scale · coordinate`.
struct Axis {
    name: &'static str,
    offset: f64,
    scale: f64,
    length: u32,
}

impl Axis {
    /// The position of a coordinate, if it is one of the signal.
    fn position(&self, coordinate: f64) -> Option<f64> {
        let position = self.offset + self.scale * coordinate;
        (-0.5..=f64::from(self.length) - 0.5).contains(&position).then_some(position)
    }
    /// The first and the last coordinate.
    fn extent(&self) -> [f64; 2] {
        [-0.5, f64::from(self.length) - 0.5].map(|position| (position - self.offset) / self.scale)
    }
}

impl Points {
    /// Opens `path` (`-` is standard input) for points of a signal: native pixels or seconds, or −1 to 1 along the
    /// longest axis.
    pub fn open(path: &Path, description: &Description, normalized: bool) -> Result<Self, Failure> {
        let input = Input::open(path)?;
        let name = input.name();
        let span = f64::from(description.lengths.iter().copied().max().unwrap_or(1));
        let axes = axis_names(description.kind).iter().zip(&description.lengths).map(|(&name, &length)| {
            let (offset, scale) = match description.kind {
                _ if normalized => ((f64::from(length) - 1.0) / 2.0, span / 2.0),
                Kind::Sound => (0.0, f64::from(description.rate)),
                _ => (0.0, 1.0),
            };
            Axis { name, offset, scale, length }
        });
        let axes: Vec<Axis> = axes.collect();
        let mut reader: Box<dyn BufRead> = match input {
            Input::Stdin => Box::new(io::stdin().lock()),
            Input::File(_, file) => Box::new(BufReader::new(file)),
        };
        let head = reader.fill_buf().map_err(|error| Failure::unreadable(&name, &error))?;
        let source = if head.starts_with(b"\x93") {
            Source::Npy(array(reader, axes.len(), &name)?)
        } else {
            Source::Csv(reader, vec![])
        };
        let mut points = Points { name, axes, source, read: 0, coordinates: vec![], positions: vec![] };
        points.read_header()?;
        Ok(points)
    }

    /// The number of all points, where it is known.
    pub fn count(&self) -> Option<u64> {
        match &self.source {
            Source::Csv(..) => None,
            Source::Npy(array) => array.shape().first().copied(),
        }
    }
    /// The coordinates read last: all axes of a point, then the next point.
    pub fn coordinates(&self) -> &[f64] {
        &self.coordinates
    }
    /// Their positions, native samples.
    pub fn positions(&self) -> &[f64] {
        &self.positions
    }

    /// Reads up to `most` points; `false` if there are no more.
    pub fn read(&mut self, most: usize) -> Result<bool, Failure> {
        self.coordinates.clear();
        self.positions.clear();
        let axes = self.axes.len();
        if let Source::Npy(array) = &mut self.source {
            let numbers = array.read(most * axes).map_err(|error| Failure::media(&self.name, error))?;
            for point in numbers.chunks_exact(axes) {
                self.read += 1;
                self.add(point, "row", self.read - 1)?;
            }
        }
        while self.positions.len() < most * axes
            && let Some(line) = self.line()?
        {
            let Source::Csv(_, columns) = &self.source else { break };
            let fields: Vec<&str> = line.split(',').map(str::trim).collect();
            if fields.len() != columns.len() {
                let found = format!("{} columns, {} expected", fields.len(), columns.len());
                return Err(self.bad("line", self.read, &found));
            }
            let number = |(axis, &column): (&Axis, &usize)| {
                let text = fields[column];
                let found = || format!("{} is {text:?}, a number was expected", axis.name);
                text.parse::<f64>().map_err(|_| self.bad("line", self.read, &found()))
            };
            let point = self.axes.iter().zip(columns).map(number).collect::<Result<Vec<_>, _>>()?;
            self.add(&point, "line", self.read)?;
        }
        Ok(!self.positions.is_empty())
    }

    /// Takes a point that stands in a line or row of some number.
    fn add(&mut self, point: &[f64], place: &str, number: u64) -> Result<(), Failure> {
        for (axis, &coordinate) in self.axes.iter().zip(point) {
            let Some(position) = axis.position(coordinate) else {
                let [first, last] = axis.extent().map(report::short);
                let coordinate = report::short(coordinate);
                let found = format!("{} is {coordinate}, {first} to {last} expected", axis.name);
                return Err(self.bad(place, number, &found));
            };
            self.coordinates.push(coordinate);
            self.positions.push(position);
        }
        Ok(())
    }

    /// Finds out which column each axis has.
    fn read_header(&mut self) -> Result<(), Failure> {
        if matches!(self.source, Source::Npy(_)) {
            return Ok(());
        }
        let header = self.line()?.unwrap_or_default();
        let found: Vec<&str> = header.split(',').map(|name| name.trim().trim_matches('"')).collect();
        let column = |axis: &Axis| found.iter().position(|name| name.eq_ignore_ascii_case(axis.name));
        let columns: Option<Vec<usize>> = self.axes.iter().map(column).collect();
        match (columns, &mut self.source) {
            (Some(columns), Source::Csv(_, known)) if found.len() == columns.len() => *known = columns,
            _ => {
                let names: Vec<&str> = self.axes.iter().map(|axis| axis.name).collect();
                let found =
                    format!("the columns are {header:?}, a header {:?} was expected", names.join(","));
                return Err(self.bad("line", self.read.max(1), &found));
            }
        }
        Ok(())
    }

    /// The next line of a CSV file that is not empty.
    fn line(&mut self) -> Result<Option<String>, Failure> {
        loop {
            let mut bytes = vec![];
            let Source::Csv(reader, _) = &mut self.source else { return Ok(None) };
            let read = reader.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut bytes);
            let length = read.map_err(|error| Failure::unreadable(&self.name, &error))?;
            if length == 0 {
                return Ok(None);
            }
            self.read += 1;
            if length as u64 == LONGEST_LINE && !bytes.ends_with(b"\n") {
                return Err(self.bad("line", self.read, &format!("longer than {LONGEST_LINE} bytes")));
            }
            let text = String::from_utf8(bytes);
            let line = text.map_err(|_| self.bad("line", self.read, "text was expected"))?;
            let line = line.trim_start_matches('\u{feff}').trim();
            if !line.is_empty() {
                return Ok(Some(line.into()));
            }
        }
    }

    fn bad(&self, place: &str, number: u64, found: &str) -> Failure {
        Failure::new(Exit::Input, &self.name, format!("{place} {number}: {found}"))
    }
}

/// An array of `(points, axes)`.
fn array(reader: Box<dyn BufRead>, axes: usize, name: &str) -> Result<NpyReader<Box<dyn BufRead>>, Failure> {
    let array = NpyReader::new(reader).map_err(|error| Failure::media(name, error))?;
    match array.shape() {
        [_, columns] if *columns == axes as u64 => Ok(array),
        shape => {
            let found = format!("an array of shape {shape:?}, (points, {axes}) was expected");
            Err(Failure::new(Exit::Input, name, found))
        }
    }
}
