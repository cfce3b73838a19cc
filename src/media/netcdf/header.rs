//! The header of a classic NetCDF file: dimensions, attributes, and where the numbers of variables are.

use super::NETCDF;
use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::numbers::Type;
use crate::media::picture::from_io;
use std::io::{Read, Seek, SeekFrom};

/// The attributes that are read; others are counted.
const READ: [&str; 11] = [
    "units",
    "axis",
    "standard_name",
    "positive",
    "bounds",
    "edges",
    "scale_factor",
    "add_offset",
    "_FillValue",
    "missing_value",
    "_Unsigned",
];
/// The longest value of an attribute that is read, bytes, and the longest name.
const LONGEST: u64 = 1 << 12;
/// Upper bound on the memory of an entry besides its name and values, bytes.
const ENTRY: u64 = 256;

/// What precedes the numbers.
#[derive(Debug)]
pub(super) struct Header {
    pub dimensions: Vec<Dimension>,
    pub variables: Vec<Variable>,
    /// The bytes from one record to the next.
    record: u64,
    /// Upper bound on the memory that it takes, bytes.
    pub held: u64,
    /// The number of attributes of the whole file.
    pub attributes: u64,
}

/// A dimension: its name and length.
#[derive(Debug)]
pub(super) struct Dimension {
    pub name: String,
    pub length: u64,
    /// Whether its samples are records, which hold those of all variables.
    pub record: bool,
}

/// A variable: an array of numbers or characters.
#[derive(Debug)]
pub(super) struct Variable {
    pub name: String,
    /// The numbers of its dimensions, the slowest first.
    pub dimensions: Vec<usize>,
    /// `None` of characters.
    pub kind: Option<Type>,
    /// The first byte.
    pub begin: u64,
    attributes: Vec<(String, Value)>,
    /// The number of attributes that are not read.
    pub others: u64,
}

/// The value of an attribute.
#[derive(Debug)]
pub(super) enum Value {
    Text(String),
    Numbers(Vec<f64>),
}

impl Variable {
    /// The text of an attribute, without white space around it; empty if there is none.
    pub fn text(&self, name: &str) -> &str {
        self.attributes.iter().find(|(own, _)| own == name).map_or("", |(_, value)| match value {
            Value::Text(text) => text.trim_matches(|c: char| c.is_whitespace() || c == '\0'),
            Value::Numbers(_) => "",
        })
    }
    /// The first number of an attribute.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.attributes.iter().find(|(own, _)| own == name).and_then(|(_, value)| match value {
            Value::Numbers(numbers) => numbers.first().copied(),
            Value::Text(_) => None,
        })
    }
    /// The type of its numbers; those that are marked as such have no sign.
    pub fn numbers(&self) -> Option<Type> {
        let unsigned = self.text("_Unsigned").eq_ignore_ascii_case("true");
        self.kind.map(|kind| match kind {
            Type::I8 if unsigned => Type::U8,
            Type::I16 if unsigned => Type::U16,
            Type::I32 if unsigned => Type::U32,
            Type::I64 if unsigned => Type::U64,
            kind => kind,
        })
    }
}

impl Header {
    /// Reads the header of a file of `length` bytes.
    ///
    /// # Errors
    /// `Format` if it is malformed or ends early; `Unsupported` if the number of records is not known; `Limit` if it
    /// would take too much memory.
    pub fn read(reader: impl Read + Seek, length: u64, limits: &Limits) -> Result<Self> {
        let mut bytes = Bytes { reader, length, at: 0, count: 4, held: 0, allowed: limits.memory_bytes };
        let magic = bytes.number(4)?;
        let version = (magic & 0xFF) as u8;
        if magic >> 8 != 0x43_44_46 || !matches!(version, 1 | 2 | 5) {
            return Err(Error::format(NETCDF, "no CDF of version 1, 2 or 5 at the beginning"));
        }
        bytes.count = if version == 5 { 8 } else { 4 };
        let records = bytes.count()?;
        if records == u64::MAX >> (64 - 8 * bytes.count) {
            let detail = "its number of records is not known, as of a stream that was not closed";
            return Err(Error::unsupported(NETCDF, detail));
        }
        let mut header = Header { dimensions: vec![], variables: vec![], record: 0, held: 0, attributes: 0 };
        for _ in 0..bytes.list("dimensions", 10)? {
            let (name, length) = (bytes.name()?, bytes.count()?);
            bytes.hold(ENTRY + name.len() as u64)?;
            if length == 0 && header.dimensions.iter().any(|other| other.record) {
                return Err(Error::format(NETCDF, "two dimensions of records, but at most 1 was expected"));
            }
            let record = length == 0;
            header.dimensions.push(Dimension { name, length: if record { records } else { length }, record });
        }
        for _ in 0..bytes.list("attributes", 12)? {
            let (name, _) = bytes.attribute()?;
            header.attributes += u64::from(name != "Conventions");
        }
        for _ in 0..bytes.list("variables", 11)? {
            let variable = bytes.variable(&header.dimensions, if version == 1 { 4 } else { 8 })?;
            header.variables.push(variable);
        }
        header.held = bytes.held;
        let sizes: Vec<_> = header.variables.iter().filter(|v| header.has_records(v)).collect();
        header.record = match sizes[..] {
            // A record of a single variable is not padded.
            [only] => header.bytes_of(only),
            ref all => all.iter().fold(0, |sum: u64, v| sum.saturating_add(padded(header.bytes_of(v)))),
        };
        Ok(header)
    }

    /// The variable of this name.
    pub fn variable(&self, name: &str) -> Option<&Variable> {
        self.variables.iter().find(|variable| variable.name == name)
    }

    /// The dimensions of a variable, the slowest first.
    pub fn dimensions_of(&self, variable: &Variable) -> Vec<&Dimension> {
        variable.dimensions.iter().map(|&number| &self.dimensions[number]).collect()
    }

    pub fn has_records(&self, variable: &Variable) -> bool {
        variable.dimensions.first().is_some_and(|&number| self.dimensions[number].record)
    }

    /// The bytes of the numbers of a variable, of one record if it has records; `u64::MAX` if they are more.
    pub fn bytes_of(&self, variable: &Variable) -> u64 {
        let lengths = self.dimensions_of(variable).into_iter().filter(|dimension| !dimension.record);
        let width = variable.kind.map_or(1, Type::bytes) as u64;
        lengths.fold(width, |product, dimension| product.saturating_mul(dimension.length))
    }

    /// The bytes from one record of a variable to the next.
    pub fn record(&self) -> u64 {
        self.record
    }
}

/// The next multiple of 4.
fn padded(bytes: u64) -> u64 {
    bytes.saturating_add(bytes.wrapping_neg() % 4)
}

/// The bytes of a header.
struct Bytes<R> {
    reader: R,
    length: u64,
    at: u64,
    /// The bytes of a count: 8 in version 5, 4 before.
    count: usize,
    /// Upper bound on the memory of what has been read.
    held: u64,
    allowed: u64,
}

impl<R: Read + Seek> Bytes<R> {
    /// A big-endian number of at most 8 bytes.
    fn number(&mut self, bytes: usize) -> Result<u64> {
        let mut number = [0; 8];
        self.fill(&mut number[8 - bytes..])?;
        Ok(u64::from_be_bytes(number))
    }

    fn count(&mut self) -> Result<u64> {
        self.number(self.count)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        self.reader.read_exact(bytes).map_err(|error| from_io(error, NETCDF))?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Adds to the memory that is held.
    fn hold(&mut self, bytes: u64) -> Result<()> {
        self.held = self.held.saturating_add(bytes);
        Limits::check("bytes of memory for a header", self.held, self.allowed)
    }

    /// The number of entries of a list, whose tag is `tag`.
    fn list(&mut self, what: &str, tag: u64) -> Result<u64> {
        let (found, count) = (self.number(4)?, self.count()?);
        if found != tag && (found, count) != (0, 0) {
            let detail = format!("a list of {what} with the tag {found}, but {tag} was expected");
            return Err(Error::format(NETCDF, detail));
        }
        // An entry has a name and a number at least.
        if count > self.length / 8 {
            let detail = format!("truncated: {count} {what} announced in {} bytes", self.length);
            return Err(Error::format(NETCDF, detail));
        }
        Ok(count)
    }

    /// `count` bytes, and those that pad them.
    fn padded(&mut self, count: u64) -> Result<Vec<u8>> {
        let mut bytes = vec![0; padded(count) as usize];
        self.fill(&mut bytes)?;
        bytes.truncate(count as usize);
        Ok(bytes)
    }

    fn name(&mut self) -> Result<String> {
        let count = self.count()?;
        if count == 0 || count > LONGEST {
            let detail = format!("a name of {count} bytes, but 1 to {LONGEST} were expected");
            return Err(Error::format(NETCDF, detail));
        }
        Ok(String::from_utf8_lossy(&self.padded(count)?).into_owned())
    }

    /// The number of a type, and the bytes of a value.
    fn kind(&mut self) -> Result<(u64, u64)> {
        let number = self.number(4)?;
        let bytes = match number {
            1 | 2 | 7 => 1,
            3 | 8 => 2,
            4 | 5 | 9 => 4,
            6 | 10 | 11 => 8,
            _ => return Err(Error::format(NETCDF, format!("type {number}, but 1 to 11 was expected"))),
        };
        Ok((number, bytes))
    }

    /// An attribute; its value is `None` if it is not one of those that are read.
    fn attribute(&mut self) -> Result<(String, Option<Value>)> {
        let name = self.name()?;
        let ((kind, width), count) = (self.kind()?, self.count()?);
        let bytes = count.saturating_mul(width);
        if !READ.contains(&name.as_str()) || bytes > LONGEST {
            self.skip(padded(bytes))?;
            return Ok((name, None));
        }
        self.hold(ENTRY + 8 * bytes)?;
        let bytes = self.padded(bytes)?;
        Ok((name, Some(value(kind, width as usize, &bytes))))
    }

    fn skip(&mut self, bytes: u64) -> Result<()> {
        let to = self.at.saturating_add(bytes);
        if to > self.length {
            return Err(from_io(std::io::ErrorKind::UnexpectedEof.into(), NETCDF));
        }
        self.reader.seek(SeekFrom::Start(to))?;
        self.at = to;
        Ok(())
    }

    /// A variable; its first byte is a number of `offset` bytes.
    fn variable(&mut self, all: &[Dimension], offset: usize) -> Result<Variable> {
        let (name, count) = (self.name()?, self.count()?);
        self.hold(ENTRY + name.len() as u64)?;
        let mut dimensions = vec![];
        for place in 0..count {
            self.hold(16)?;
            let number = self.count()?;
            let found = usize::try_from(number).ok().filter(|&number| number < all.len());
            let Some(number) = found else {
                let detail = format!("dimension {number} of {name:?}, but there are {}", all.len());
                return Err(Error::format(NETCDF, detail));
            };
            if place > 0 && all[number].record {
                let detail = format!("records along dimension {place} of {name:?}, but 0 was expected");
                return Err(Error::format(NETCDF, detail));
            }
            dimensions.push(number);
        }
        let (mut attributes, mut others) = (vec![], 0);
        for _ in 0..self.list("attributes", 12)? {
            match self.attribute()? {
                (name, Some(value)) => attributes.push((name, value)),
                (_, None) => others += 1,
            }
        }
        let (kind, _) = self.kind()?;
        // The size that the file states is not used: it cannot be that of large variables.
        self.count()?;
        let begin = self.number(offset)?;
        Ok(Variable { name, dimensions, kind: number_type(kind), begin, attributes, others })
    }
}

/// The type of numbers; `None` of characters.
fn number_type(kind: u64) -> Option<Type> {
    Some(match kind {
        1 => Type::I8,
        3 => Type::I16,
        4 => Type::I32,
        5 => Type::F32,
        6 => Type::F64,
        7 => Type::U8,
        8 => Type::U16,
        9 => Type::U32,
        10 => Type::I64,
        11 => Type::U64,
        _ => return None,
    })
}

/// The value of an attribute of a type.
fn value(kind: u64, width: usize, bytes: &[u8]) -> Value {
    match number_type(kind) {
        Some(kind) => Value::Numbers(bytes.chunks_exact(width).map(|number| kind.number(number)).collect()),
        None => Value::Text(String::from_utf8_lossy(bytes).into_owned()),
    }
}
