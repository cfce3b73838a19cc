//! Samples of a signal that is too large for memory, in a temporary file without a name.
//!
//! The file is in the folder that `TMPDIR` names, or in `/var/tmp`: `/tmp` is often in memory. Nothing is left of it
//! when the process ends, however it ends.

use super::picture::from_io;
use super::positioned::Positioned;
use crate::error::{Error, Result};
use crate::limits::try_filled;
use crate::signal::source::{Source, check_region, count, runs};
use crate::signal::{Description, Metadata, SampleFormat, Samples};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::PathBuf;

/// The bytes that are copied at a time.
const PART: u64 = 1 << 16;

/// A file that is being filled with samples, in the order of the signal, or with other bytes.
pub(super) struct Spool {
    file: File,
    folder: PathBuf,
    /// Bytes in the file.
    bytes: u64,
    /// The bytes of the samples that are written at a time.
    buffer: Vec<u8>,
}

impl Spool {
    /// An empty file.
    ///
    /// # Errors
    /// `Io`, which names the folder.
    pub fn new() -> Result<Self> {
        let folder = folder();
        let file = tempfile::tempfile_in(&folder).map_err(|error| fault(&folder, 0, &error))?;
        Ok(Spool { file, folder, bytes: 0, buffer: vec![] })
    }

    /// Appends samples, all of one format.
    ///
    /// # Errors
    /// `Io`, which names the folder, if it has no room.
    pub fn append(&mut self, samples: &Samples) -> Result<()> {
        self.buffer.clear();
        let bytes: &[u8] = match samples {
            Samples::U8(codes) => codes,
            other => {
                put(other, &mut self.buffer);
                &self.buffer
            }
        };
        self.file.write_all(bytes).map_err(|error| fault(&self.folder, self.bytes, &error))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Appends all bytes of a reader of the format `what`; returns their number.
    ///
    /// # Errors
    /// Those of reading; `Io`, which names the folder, if it has no room.
    pub fn copy(&mut self, reader: &mut impl Read, what: &'static str) -> Result<u64> {
        let before = self.bytes;
        loop {
            self.buffer.clear();
            let part = reader.by_ref().take(PART).read_to_end(&mut self.buffer);
            if part.map_err(|error| from_io(error, what))? == 0 {
                return Ok(self.bytes - before);
            }
            self.file.write_all(&self.buffer).map_err(|error| fault(&self.folder, self.bytes, &error))?;
            self.bytes += self.buffer.len() as u64;
        }
    }

    /// The file, to be read at positions.
    pub fn into_file(self) -> Positioned {
        Positioned::new(self.file)
    }

    /// The file as a signal, whose samples are those that were appended.
    pub fn into_source(self, description: Description, metadata: Vec<Metadata>) -> Spooled {
        Spooled { file: self.into_file(), description, metadata }
    }
}

/// The folder of temporary files that may be large.
fn folder() -> PathBuf {
    match std::env::var_os("TMPDIR") {
        Some(folder) if !folder.is_empty() => folder.into(),
        _ if cfg!(unix) && std::path::Path::new("/var/tmp").is_dir() => "/var/tmp".into(),
        _ => std::env::temp_dir(),
    }
}

fn fault(folder: &std::path::Path, written: u64, error: &io::Error) -> Error {
    let detail = format!(
        "a temporary file in {} for samples that memory has no room for, after {written} bytes: {error}",
        folder.display()
    );
    Error::Io(io::Error::other(detail))
}

/// A signal whose samples are in a temporary file.
pub(super) struct Spooled {
    file: Positioned,
    description: Description,
    metadata: Vec<Metadata>,
}

impl Source for Spooled {
    fn description(&self) -> &Description {
        &self.description
    }
    fn metadata(&self) -> &[Metadata] {
        &self.metadata
    }
    fn read(&self, region: &[Range<u32>]) -> Result<Cow<'_, Samples>> {
        let description = &self.description;
        check_region(description, region)?;
        let width = description.format.bytes();
        let mut bytes = try_filled(count(description, region).saturating_mul(width), 0u8)?;
        let mut rest = &mut bytes[..];
        for run in runs(description, region) {
            let (part, after) =
                std::mem::take(&mut rest).split_at_mut(((run.end - run.start) * width) as usize);
            self.file.read(part, run.start * width)?;
            rest = after;
        }
        Ok(Cow::Owned(samples(description.format, bytes)?))
    }
    fn resident_bytes(&self) -> u64 {
        0
    }
}

/// Appends the bytes of samples, lowest first.
fn put(samples: &Samples, bytes: &mut Vec<u8>) {
    match samples {
        Samples::U8(v) => bytes.extend(v),
        Samples::I8(v) => bytes.extend(v.iter().map(|code| code.to_le_bytes()[0])),
        Samples::U16(v) => bytes.extend(v.iter().flat_map(|code| code.to_le_bytes())),
        Samples::I16(v) => bytes.extend(v.iter().flat_map(|code| code.to_le_bytes())),
        Samples::I24(v) | Samples::I32(v) => bytes.extend(v.iter().flat_map(|code| code.to_le_bytes())),
        Samples::F32(v) => bytes.extend(v.iter().flat_map(|value| value.to_le_bytes())),
    }
}

/// The samples whose bytes [`put`] wrote.
fn samples(format: SampleFormat, bytes: Vec<u8>) -> Result<Samples> {
    /// Numbers of `N` bytes each.
    fn numbers<const N: usize, T>(bytes: &[u8], number: fn([u8; N]) -> T) -> Result<Vec<T>> {
        crate::limits::try_collect(bytes.as_chunks().0.iter().map(|&bytes| number(bytes)))
    }
    Ok(match format {
        SampleFormat::U8 => Samples::U8(bytes),
        SampleFormat::I8 => Samples::I8(numbers(&bytes, i8::from_le_bytes)?),
        SampleFormat::U16 => Samples::U16(numbers(&bytes, u16::from_le_bytes)?),
        SampleFormat::I16 => Samples::I16(numbers(&bytes, i16::from_le_bytes)?),
        SampleFormat::I24 => Samples::I24(numbers(&bytes, i32::from_le_bytes)?),
        SampleFormat::I32 => Samples::I32(numbers(&bytes, i32::from_le_bytes)?),
        SampleFormat::F32 => Samples::F32(numbers(&bytes, f32::from_le_bytes)?),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::signal::source::whole;
    use crate::signal::{Axis, Signal};

    #[test]
    fn a_box_of_any_format_is_that_of_the_signal() {
        let all = |n: i32| (0..n).map(move |i| i * 7919 - 40_000);
        for samples in [
            Samples::U8(all(120).map(|v| v as u8).collect()),
            Samples::I8(all(120).map(|v| v as i8).collect()),
            Samples::U16(all(120).map(|v| v as u16).collect()),
            Samples::I16(all(120).map(|v| v as i16).collect()),
            Samples::I24(all(120).collect()),
            Samples::I32(all(120).map(|v| v * 50).collect()),
            Samples::F32(all(120).map(|v| v as f32 / 7.0).collect()),
        ] {
            let format = samples.format();
            let axes = [5, 4, 3].map(Axis::space).to_vec();
            let signal =
                Signal { description: Description { axes, channels: 2, format }, samples, metadata: vec![] };
            let mut spool = Spool::new().unwrap();
            for frame in 0..3 {
                spool.append(&signal.read(&[0..5, 0..4, frame..frame + 1]).unwrap()).unwrap();
            }
            let source = spool.into_source(signal.description.clone(), vec![]);
            for region in [whole(&signal.description), vec![1..4, 2..3, 0..3], vec![0..5, 1..3, 1..2]] {
                assert_eq!(
                    source.read(&region).unwrap(),
                    signal.read(&region).unwrap(),
                    "{format:?} {region:?}"
                );
            }
            assert!(source.read(&[0..6, 0..4, 0..3]).is_err());
        }
    }

    #[test]
    fn a_file_that_is_too_short_is_an_error() {
        let mut spool = Spool::new().unwrap();
        spool.append(&Samples::U8(vec![1, 2, 3])).unwrap();
        let source = spool.into_source(Description::picture([2, 2], 1, SampleFormat::U8), vec![]);
        assert!(matches!(source.read(&[0..2, 0..2]), Err(Error::Io(_))));
        assert_eq!(*source.read(&[0..2, 0..1]).unwrap(), Samples::U8(vec![1, 2]));
    }
}
