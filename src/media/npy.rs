//! NumPy's `.npy` files: reads arrays of common types, as a whole or in parts; writes binary32 arrays.
//!
//! A magic, a version, and a Python dictionary of type, order and shape, padded with spaces so that the
//! numbers begin at a multiple of 64 bytes. Reference: NumPy Enhancement Proposal 1.

use crate::error::{Error, Result};
use crate::limits::Limits;
use crate::media::numbers::Type;
use std::io::{ErrorKind, Read, Write};

const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Writes the header of a C-order little-endian binary32 array of `shape`. The caller writes the numbers
/// after it.
///
/// # Errors
/// The errors of the writer.
pub fn write_npy_header(mut writer: impl Write, shape: &[u64]) -> std::io::Result<()> {
    let lengths: Vec<_> = shape.iter().map(u64::to_string).collect();
    let comma = if shape.len() == 1 { "," } else { "" };
    let mut header =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({}{comma}), }}", lengths.join(", "));
    // 10 bytes before the dictionary, a newline after it.
    let padding = (64 - (10 + header.len() + 1) % 64) % 64;
    header.extend(std::iter::repeat_n(' ', padding));
    header.push('\n');
    writer.write_all(MAGIC)?;
    writer.write_all(&[1, 0])?;
    writer.write_all(&(header.len() as u16).to_le_bytes())?;
    writer.write_all(header.as_bytes())
}

/// Writes `values` as a C-order little-endian binary32 array of `shape`.
///
/// # Errors
/// [`Error::Parameter`] if the number of values is not the product of `shape`; [`Error::Io`] if writing
/// fails.
pub fn write_npy<W: Write>(
    mut writer: W,
    shape: &[u64],
    values: impl IntoIterator<Item = f32>,
) -> Result<()> {
    write_npy_header(&mut writer, shape)?;
    let (mut bytes, mut count) = (Vec::with_capacity(16384), 0u64);
    for value in values {
        bytes.extend(value.to_le_bytes());
        count += 1;
        if bytes.len() == 16384 {
            writer.write_all(&bytes)?;
            bytes.clear();
        }
    }
    writer.write_all(&bytes)?;
    let expected: u64 = shape.iter().product();
    if count != expected {
        return Err(Error::parameter(
            "values",
            format!("{count} for the shape {shape:?}, but {expected} were expected"),
        ));
    }
    Ok(())
}

/// Reads an array of integers of 8 to 64 bits or floats of 16 to 64 bits: its shape and its numbers in C
/// order.
///
/// # Errors
/// [`Error::Format`] if it is not a complete `.npy` file; [`Error::Unsupported`] for other types;
/// [`Error::Limit`] if it holds more than `samples` numbers, or if the file and 12 bytes per number (8 as
/// read, 4 as binary32) exceed `memory_bytes`.
pub fn read_npy(bytes: &[u8], limits: &Limits) -> Result<(Vec<u64>, Vec<f64>)> {
    let mut array = NpyReader::new(bytes)?;
    array.require_length(array.reader.len() as u64)?;
    let room = limits.memory_bytes.saturating_sub(bytes.len() as u64);
    let numbers = array.read_whole(&Limits { memory_bytes: room, ..limits.clone() })?;
    Ok((array.shape, numbers))
}

/// The count of numbers per part of a large array.
const PART: usize = 1 << 12;

/// An array that is read in parts: integers of 8 to 64 bits or floats of 16 to 64 bits.
#[derive(Debug)]
pub struct NpyReader<R> {
    pub(super) reader: R,
    shape: Vec<u64>,
    kind: Type,
    fortran: bool,
    /// Whether numbers are big-endian.
    big: bool,
    /// The count of numbers not read yet.
    left: u64,
}

/// The longest accepted header, bytes; headers of arrays of numbers are shorter.
const LONGEST_HEADER: usize = 1 << 16;

impl<R: Read> NpyReader<R> {
    /// Reads the header of an array.
    ///
    /// # Errors
    /// [`Error::Format`] if it is not the header of a `.npy` file; [`Error::Unsupported`] for other types;
    /// [`Error::Io`] if reading fails.
    pub fn new(mut reader: R) -> Result<Self> {
        let mut start = [0; 8];
        read_whole(&mut reader, &mut start)?;
        if !start.starts_with(MAGIC) {
            return Err(Error::format("NPY", "no \\x93NUMPY at the beginning"));
        }
        let mut length = [0; 4];
        match start[6] {
            1 => read_whole(&mut reader, &mut length[..2])?,
            2 | 3 => read_whole(&mut reader, &mut length)?,
            other => {
                return Err(Error::unsupported("NPY", format!("version {other}, but 1 to 3 was expected")));
            }
        }
        let length = u32::from_le_bytes(length) as usize;
        if length > LONGEST_HEADER {
            let detail = format!("a header of {length} bytes, but at most {LONGEST_HEADER} were expected");
            return Err(Error::format("NPY", detail));
        }
        let mut header = vec![0; length];
        read_whole(&mut reader, &mut header)?;
        let header = String::from_utf8(header).map_err(|_| Error::format("NPY", "the header is not text"))?;

        let shape = shape(&header)?;
        let kind =
            entry(&header, "'descr':")?.trim_start_matches('\'').split('\'').next().unwrap_or_default();
        let fortran = entry(&header, "'fortran_order':")?.starts_with("True") && shape.len() > 1;
        let mut letters = kind.chars();
        let (order, name) = (letters.next(), letters.as_str());
        let Some(kind) = of_name(name) else {
            let detail = format!(
                "type {kind:?}, but an integer of 8 to 64 bits or a float of 16 to 64 bits was expected"
            );
            return Err(Error::unsupported("NPY", detail));
        };
        let big = order == Some('>');
        let left = shape.iter().try_fold(1u64, |n, &length| n.checked_mul(length)).unwrap_or(u64::MAX);
        Ok(NpyReader { reader, shape, kind, fortran, big, left })
    }
    /// The shape of the array.
    pub fn shape(&self) -> &[u64] {
        &self.shape
    }
    /// The type of the numbers, and whether they are big-endian.
    pub(super) fn numbers(&self) -> (Type, bool) {
        (self.kind, self.big)
    }
    /// Rejects a file whose `bytes` of numbers do not match the shape.
    pub(super) fn require_length(&self, bytes: u64) -> Result<()> {
        if self.left.checked_mul(self.kind.bytes() as u64) == Some(bytes) {
            return Ok(());
        }
        let detail = format!(
            "{bytes} bytes of numbers, but {} numbers of {} bytes were expected",
            self.left,
            self.kind.bytes()
        );
        Err(Error::format("NPY", detail))
    }
    /// Whether the array is in Fortran order: the first axis is the fastest.
    pub fn is_fortran(&self) -> bool {
        self.fortran
    }
    /// Reads all numbers of the array, in C order. Call it before any [`NpyReader::read`].
    ///
    /// # Errors
    /// The errors of [`NpyReader::read`], and [`Error::Limit`] if it holds more than `samples` numbers, or if
    /// 12 bytes per number (8 as read, 4 as binary32) exceed `memory_bytes`.
    pub fn read_whole(&mut self, limits: &Limits) -> Result<Vec<f64>> {
        Limits::check("numbers of the array", self.left, limits.samples)?;
        Limits::check("bytes of memory", self.left.saturating_mul(8 + 4), limits.memory_bytes)?;
        let mut numbers = vec![0.0; self.left as usize];
        let mut at = 0;
        while self.left > 0 {
            for number in self.read(PART)? {
                numbers[self.place(at)] = number;
                at += 1;
            }
        }
        Ok(numbers)
    }
    /// The index in C order of the `k`-th number of the file.
    fn place(&self, k: usize) -> usize {
        if !self.fortran {
            return k;
        }
        let (mut k, mut stride) = (k, self.shape.iter().product::<u64>() as usize);
        let mut place = 0;
        for &length in &self.shape {
            stride /= length as usize;
            place += k % length as usize * stride;
            k /= length as usize;
        }
        place
    }
    /// Reads the next `most` numbers, or all that are left if there are fewer.
    ///
    /// # Errors
    /// [`Error::Format`] if the file ends before the array does; [`Error::Io`] if reading fails.
    pub fn read(&mut self, most: usize) -> Result<Vec<f64>> {
        let count = self.left.min(most as u64);
        self.left -= count;
        let width = self.kind.bytes();
        let mut bytes = vec![0; count as usize * width];
        read_whole(&mut self.reader, &mut bytes)?;
        if !self.big {
            bytes.chunks_exact_mut(width).for_each(<[u8]>::reverse);
        }
        Ok(bytes.chunks_exact(width).map(|bytes| self.kind.number(bytes)).collect())
    }
}

/// The type of this name without its byte order, as in `f4`.
fn of_name(name: &str) -> Option<Type> {
    Some(match name {
        "u1" => Type::U8,
        "u2" => Type::U16,
        "u4" => Type::U32,
        "u8" => Type::U64,
        "i1" => Type::I8,
        "i2" => Type::I16,
        "i4" => Type::I32,
        "i8" => Type::I64,
        "f2" => Type::F16,
        "f4" => Type::F32,
        "f8" => Type::F64,
        _ => return None,
    })
}

/// Fills `bytes`; an early end of the file is a format error.
fn read_whole(reader: &mut impl Read, bytes: &mut [u8]) -> Result<()> {
    reader.read_exact(bytes).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => Error::format("NPY", "truncated: the file ends too early"),
        _ => Error::Io(error),
    })
}

/// The text after `key` in the dictionary of the header.
fn entry<'a>(header: &'a str, key: &str) -> Result<&'a str> {
    match header.split_once(key) {
        Some((_, rest)) => Ok(rest.trim_start()),
        None => Err(Error::format("NPY", format!("no {key} in the header {:?}", header.trim_end()))),
    }
}

fn shape(header: &str) -> Result<Vec<u64>> {
    let rest = entry(header, "'shape':")?;
    let inner = rest.strip_prefix('(').and_then(|r| r.split_once(')')).map(|(inner, _)| inner);
    let lengths = inner.map(|inner| {
        let lengths = inner.split(',').map(str::trim).filter(|length| !length.is_empty());
        lengths.map(str::parse).collect::<std::result::Result<Vec<u64>, _>>()
    });
    match lengths {
        Some(Ok(shape)) => Ok(shape),
        _ => Err(Error::format(
            "NPY",
            format!("the shape is {:?}, but (length, …) was expected", rest.trim_end()),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bytes_are_numpys() {
        let mut bytes = vec![];
        write_npy(&mut bytes, &[1, 2], [1.0, -2.0]).unwrap();
        let header = b"\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2), }";
        assert!(bytes.starts_with(header));
        assert_eq!((bytes.len(), bytes[127]), (136, b'\n'));
        assert_eq!(bytes[128..], [0, 0, 0x80, 0x3F, 0, 0, 0, 0xC0]);
    }

    #[test]
    fn what_is_written_is_read() {
        for shape in [&[3][..], &[1, 3], &[3, 1, 1]] {
            let mut bytes = vec![];
            write_npy(&mut bytes, shape, [1.5, 0.0, -4.0]).unwrap();
            assert_eq!(read_npy(&bytes, &Limits::default()).unwrap(), (shape.to_vec(), vec![1.5, 0.0, -4.0]));
        }
    }

    #[test]
    fn numbers_are_read_in_both_orders_of_bytes() {
        let mut bytes = vec![];
        write_npy(&mut bytes, &[2], [1.5, -2.0]).unwrap();
        let text = String::from_utf8_lossy(&bytes[10..128]).replace("<f4", ">f4");
        bytes[10..128].copy_from_slice(text.as_bytes());
        bytes[128..].chunks_exact_mut(4).for_each(<[u8]>::reverse);
        assert_eq!(read_npy(&bytes, &Limits::default()).unwrap().1, [1.5, -2.0]);
    }

    #[test]
    fn fortran_order_is_turned() {
        // NumPy: np.arange(6).reshape(2, 3, order='F') is [[0, 2, 4], [1, 3, 5]].
        let mut bytes = vec![];
        write_npy(&mut bytes, &[2, 3], (0u8..6).map(f32::from)).unwrap();
        let text = String::from_utf8_lossy(&bytes[10..128]).replace("False,", "True, ");
        bytes[10..128].copy_from_slice(text.as_bytes());
        let expected = (vec![2, 3], vec![0.0, 2.0, 4.0, 1.0, 3.0, 5.0]);
        assert_eq!(read_npy(&bytes, &Limits::default()).unwrap(), expected);
    }

    #[test]
    fn numbers_that_do_not_fit_into_memory_are_refused_before_they_are_read() {
        let mut bytes = vec![];
        write_npy(&mut bytes, &[1000], std::iter::repeat_n(0.0, 1000)).unwrap();
        let limits = Limits { memory_bytes: bytes.len() as u64 + 12 * 1000, ..Limits::default() };
        assert!(read_npy(&bytes, &limits).is_ok());
        let limits = Limits { memory_bytes: limits.memory_bytes - 1, ..limits };
        assert!(matches!(read_npy(&bytes, &limits), Err(Error::Limit { what: "bytes of memory", .. })));
    }

    #[test]
    fn broken_files_are_refused() {
        let mut bytes = vec![];
        write_npy(&mut bytes, &[2, 2], [0.0; 4]).unwrap();
        for cut in [0, 5, 8, 50, 127, 130] {
            assert!(
                matches!(read_npy(&bytes[..cut], &Limits::default()), Err(Error::Format { .. })),
                "at {cut}"
            );
        }
        let text = String::from_utf8_lossy(&bytes[10..128]).replace("<f4", "<c8");
        let complex = [&bytes[..10], text.as_bytes(), &bytes[128..]].concat();
        assert!(matches!(read_npy(&complex, &Limits::default()), Err(Error::Unsupported { .. })));
        assert!(matches!(write_npy(vec![], &[3], [0.0]), Err(Error::Parameter { .. })));
    }
}
