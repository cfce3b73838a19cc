//! A stream of points: lines of text or rows of an array, checked and converted to positions.

use crate::cli::derivative::axis_names;
use crate::cli::failure::{Exit, Failure};
use crate::cli::input::Input;
use crate::cli::report;
use clap::ValueEnum;
use sirenc::Limits;
use sirenc::media::NpyReader;
use sirenc::signal::{Description, Measure};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

/// The longest line of a CSV file, bytes.
const LONGEST_LINE: u64 = 1 << 12;

/// A stream of points, read in parts.
pub struct Points {
    name: String,
    axes: Vec<Axis>,
    source: Source,
    /// The number of points read so far, or of lines of a CSV file.
    read: u64,
    outside: Outside,
    coordinates: Vec<f64>,
    positions: Vec<f64>,
    missed: Vec<usize>,
}

/// How points outside the signal are treated.
#[derive(Clone, Copy, Debug, PartialEq, ValueEnum)]
pub enum Outside {
    /// The first point outside ends the run
    Error,
    /// Their values are NaN (null in jsonl), and their number is reported
    Nan,
}

enum Source {
    Csv(Box<dyn BufRead>, Columns),
    Npy(NpyReader<Box<dyn BufRead>>),
    /// An array that had to be read as a whole, and how much of it has been used.
    Numbers(Vec<f64>, usize),
}

/// The layout of the lines of a CSV file.
#[derive(Default)]
struct Columns {
    separator: char,
    count: usize,
    /// The column of each axis.
    axes: Vec<usize>,
}

/// An axis in the units of the user: `position = offset + scale · coordinate`.
struct Axis {
    name: String,
    offset: f64,
    scale: f64,
    length: u32,
}

impl Axis {
    /// The position of a coordinate, if it is within the signal.
    fn position(&self, coordinate: f64) -> Option<f64> {
        let position = self.offset + self.scale * coordinate;
        (-0.5..=f64::from(self.length) - 0.5).contains(&position).then_some(position)
    }
    /// The first and the last coordinate of the signal.
    fn extent(&self) -> [f64; 2] {
        [-0.5, f64::from(self.length) - 0.5].map(|position| (position - self.offset) / self.scale)
    }
}

impl Points {
    /// Opens `path` (`-` is standard input) for points of a signal, in native pixels or seconds, or
    /// normalised to −1 to 1 along the longest axis.
    pub fn open(
        path: &Path,
        description: &Description,
        normalized: bool,
        outside: Outside,
    ) -> Result<Self, Failure> {
        let input = Input::open(path)?;
        let name = input.name();
        let scales = description.scales();
        let named = axis_names(description).into_iter().zip(&description.axes).zip(&scales);
        let axes = named.map(|((name, axis), scale)| {
            let length = axis.length;
            let same = description.axes.iter().zip(&scales).filter(|&(_, of)| of == scale);
            let span = f64::from(same.map(|(axis, _)| axis.length).max().unwrap_or(1));
            let (offset, scale) = match axis.measure {
                _ if normalized => ((f64::from(length) - 1.0) / 2.0, span / 2.0),
                Measure::Time(Some(rate)) => (0.0, rate.hertz()),
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
            array(reader, axes.len(), &name)?
        } else {
            Source::Csv(reader, Columns::default())
        };
        let (coordinates, positions, missed) = (vec![], vec![], vec![]);
        let mut points = Points { name, axes, source, read: 0, outside, coordinates, positions, missed };
        points.read_header()?;
        Ok(points)
    }

    /// The total number of points, if it is known.
    pub fn count(&self) -> Option<u64> {
        match &self.source {
            Source::Csv(..) => None,
            Source::Npy(array) => array.shape().first().copied(),
            Source::Numbers(numbers, _) => Some((numbers.len() / self.axes.len()) as u64),
        }
    }
    /// The coordinates of the points read last: all axes of a point, then the next point.
    pub fn coordinates(&self) -> &[f64] {
        &self.coordinates
    }
    /// The positions of the points read last, in native samples. For points outside these are arbitrary
    /// positions within the signal.
    pub fn positions(&self) -> &[f64] {
        &self.positions
    }
    /// The indices of points outside, among the points read last.
    pub fn missed(&self) -> &[usize] {
        &self.missed
    }

    /// Reads up to `most` points; `false` if there are no more.
    pub fn read(&mut self, most: usize) -> Result<bool, Failure> {
        self.coordinates.clear();
        self.positions.clear();
        self.missed.clear();
        let axes = self.axes.len();
        let numbers = match &mut self.source {
            Source::Csv(..) => vec![],
            Source::Npy(array) => {
                array.read(most * axes).map_err(|error| Failure::media(&self.name, error))?
            }
            Source::Numbers(numbers, taken) => {
                let part = numbers[*taken..].iter().take(most * axes).copied().collect::<Vec<_>>();
                *taken += part.len();
                part
            }
        };
        for point in numbers.chunks_exact(axes) {
            self.read += 1;
            self.add(point, "row", self.read - 1)?;
        }
        while self.positions.len() < most * axes
            && let Some(line) = self.line()?
        {
            let Source::Csv(_, columns) = &self.source else { break };
            let fields = fields(&line, columns.separator);
            if fields.len() != columns.count {
                let found = format!("{} columns, {} expected", fields.len(), columns.count);
                return Err(self.bad("line", self.read, &found));
            }
            let number = |(axis, &column): (&Axis, &usize)| {
                let text = fields[column];
                let found = || format!("{} is {text:?}, a number was expected", axis.name);
                text.parse::<f64>().map_err(|_| self.bad("line", self.read, &found()))
            };
            let point = self.axes.iter().zip(&columns.axes).map(number).collect::<Result<Vec<_>, _>>()?;
            self.add(&point, "line", self.read)?;
        }
        Ok(!self.positions.is_empty())
    }

    /// Adds the point found at line or row `number`.
    fn add(&mut self, point: &[f64], place: &str, number: u64) -> Result<(), Failure> {
        let index = self.coordinates.len() / self.axes.len();
        for (axis, &coordinate) in self.axes.iter().zip(point) {
            let position = axis.position(coordinate);
            if position.is_none() && self.outside == Outside::Error {
                let [first, last] = axis.extent().map(report::short);
                let coordinate = report::short(coordinate);
                let found = format!("{} is {coordinate}, expected {first} to {last}", axis.name);
                return Err(self.bad(place, number, &found).hint("--outside nan accepts such points"));
            }
            if position.is_none() && self.missed.last() != Some(&index) {
                self.missed.push(index);
            }
            self.coordinates.push(coordinate);
            self.positions.push(position.unwrap_or(0.0));
        }
        Ok(())
    }

    /// Reads the header: finds the separator and the column of each axis; other columns are ignored.
    fn read_header(&mut self) -> Result<(), Failure> {
        if !matches!(self.source, Source::Csv(..)) {
            return Ok(());
        }
        let header = self.line()?.unwrap_or_default();
        let columns = [',', ';', '\t'].into_iter().find_map(|separator| {
            let found = fields(&header, separator);
            let column = |axis: &Axis| found.iter().position(|name| name.eq_ignore_ascii_case(&axis.name));
            let axes = self.axes.iter().map(column).collect::<Option<Vec<usize>>>()?;
            // A coordinate along an axis that the signal lacks is an error rather than silently ignored.
            let known = |name: &str| self.axes.iter().any(|axis| name.eq_ignore_ascii_case(&axis.name));
            let foreign = found.iter().any(|name| is_axis(name) && !known(name));
            (!foreign).then_some(Columns { separator, count: found.len(), axes })
        });
        match (columns, &mut self.source) {
            (Some(columns), Source::Csv(_, known)) => *known = columns,
            _ => {
                let names: Vec<&str> = self.axes.iter().map(|axis| axis.name.as_str()).collect();
                let found = format!(
                    "the columns are {header:?}, but a header with {:?} was expected",
                    names.join(",")
                );
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
            // A tab at the end is a separator, so it is not trimmed.
            let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n', ' ']);
            if !line.trim().is_empty() {
                return Ok(Some(line.into()));
            }
        }
    }

    fn bad(&self, place: &str, number: u64, found: &str) -> Failure {
        Failure::new(Exit::Input, &self.name, format!("{place} {number}: {found}"))
    }
}

/// Whether a column of this name is an axis of some signal.
fn is_axis(name: &str) -> bool {
    ["x", "y", "z", "t"].iter().any(|axis| name.eq_ignore_ascii_case(axis))
}

/// The fields of a line, without quotes around them. Within quotes the separator is ordinary text.
fn fields(line: &str, separator: char) -> Vec<&str> {
    let mut quoted = false;
    let ends = |c: char| {
        quoted ^= c == '"';
        c == separator && !quoted
    };
    line.split(ends).map(|field| field.trim().trim_matches('"').trim()).collect()
}

/// Opens an array of shape `(points, axes)`.
fn array(reader: Box<dyn BufRead>, axes: usize, name: &str) -> Result<Source, Failure> {
    let fault = |error| Failure::media(name, error);
    let mut array = NpyReader::new(reader).map_err(fault)?;
    match *array.shape() {
        [points, columns] if columns == axes as u64 => {
            if !array.is_fortran() {
                return Ok(Source::Npy(array));
            }
            // Fortran order holds all of one axis, then all of the next: points cannot be streamed.
            let numbers = array.read_whole(&Limits::default()).map_err(fault)?;
            debug_assert_eq!(numbers.len() as u64, points * columns);
            Ok(Source::Numbers(numbers, 0))
        }
        _ => {
            let found = format!("an array of shape {:?}, but (points, {axes}) was expected", array.shape());
            Err(Failure::new(Exit::Input, name, found))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::fields;

    #[test]
    fn lines_are_divided_at_separators_without_quotes_around_them() {
        assert_eq!(fields("x, y", ','), ["x", "y"]);
        assert_eq!(fields("\"1.5\";\"a;b\" ; ", ';'), ["1.5", "a;b", ""]);
        assert_eq!(fields("1\t2", ','), ["1\t2"]);
    }
}
