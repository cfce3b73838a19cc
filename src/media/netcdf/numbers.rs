//! The numbers of a variable: where they are in the file, and a reader of a part of them.

use super::NETCDF;
use super::header::{Header, Variable};
use crate::error::Result;
use crate::media::numbers::{Type, require_bytes};
use crate::media::slices::{Cut, Taken};
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// Rejects a file of `length` bytes that does not hold all numbers of a variable.
pub(super) fn require(header: &Header, variable: &Variable, kind: Type, length: u64) -> Result<()> {
    let size = header.bytes_of(variable);
    let records =
        header.dimensions_of(variable).first().filter(|dimension| dimension.record).map(|d| d.length);
    let present = length.saturating_sub(variable.begin);
    match records {
        None => require_bytes(NETCDF, size, present),
        Some(0) => Ok(()),
        Some(records) => {
            // The last record may end before its padding.
            let before = (records - 1).saturating_mul(header.record().max(kind.bytes() as u64));
            require_bytes(NETCDF, before.saturating_add(size), present)
        }
    }
}

/// The numbers of a part of a variable; `parts` are of its dimensions, the fastest first.
pub(super) fn source<'a, R: Read + Seek>(
    reader: &'a mut R,
    header: &Header,
    variable: &Variable,
    kind: Type,
    parts: &[Taken],
) -> Cut<Records<'a, R>> {
    let lengths = header.dimensions_of(variable).into_iter().rev().map(|dimension| dimension.length);
    let mut axes: Vec<(u64, Range<u64>)> =
        lengths.zip(parts).map(|(length, part)| (length, part.range.clone())).collect();
    let size = header.bytes_of(variable);
    let mut records = Records { reader, begin: variable.begin, step: 0, size, next: 0..1, left: 0 };
    // Records are chosen by their place in the file.
    if let Some((length, range)) = axes.last_mut().filter(|_| header.has_records(variable)) {
        (records.step, records.next) = (header.record(), range.clone());
        *length = range.end - range.start;
        *range = 0..*length;
    }
    Cut::new(records, kind.bytes(), &axes)
}

/// A reader of some records of a variable, one after the other.
pub(super) struct Records<'a, R> {
    reader: &'a mut R,
    /// The first byte of record 0, the bytes from a record to the next, and the bytes of one.
    begin: u64,
    step: u64,
    size: u64,
    /// The records that follow.
    next: Range<u64>,
    /// The bytes of the present record that are left.
    left: u64,
}

impl<R: Read + Seek> Read for Records<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            let Some(record) = self.next.next() else { return Ok(0) };
            self.reader.seek(SeekFrom::Start(self.begin + record * self.step))?;
            self.left = self.size;
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let count = self.reader.read(&mut bytes[..most])?;
        self.left -= count as u64;
        Ok(count)
    }
}
