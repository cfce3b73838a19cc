//! What is encoded: a file, or an array, which is read as the `.npy` file it would be written as.

use crate::errors::parameter;
use numpy::PyReadonlyArray1;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use sirenc::media::{self, Choice, SourceReading};
use sirenc::signal::{Kind, Rate};
use sirenc::{Limits, Result};
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A path, or the header of an `.npy` file and the memory of an array.
#[derive(FromPyObject)]
pub enum Input<'py> {
    Path(PathBuf),
    Array(PyBackedBytes, PyReadonlyArray1<'py, u8>),
}

/// The choice of a variable of a NetCDF file, or of names of axes, a letter each.
pub fn choice(variable: Option<String>, axes: Option<String>) -> Choice {
    let mut choice = Choice::default();
    (choice.variable, choice.axes) = (variable, axes);
    choice
}

/// What can be read without the interpreter.
pub enum Readable<'a> {
    Path(&'a Path),
    Array(Joined<'a>),
}

impl Input<'_> {
    pub fn readable(&self) -> PyResult<Readable<'_>> {
        Ok(match self {
            Input::Path(path) => Readable::Path(path),
            Input::Array(header, data) => {
                Readable::Array(Joined { parts: [header, data.as_slice()?], at: 0 })
            }
        })
    }
}

impl Readable<'_> {
    /// Opens what is chosen of the signal; `rate` is its number of samples per second.
    pub fn open(self, choice: &Choice, rate: Option<Rate>, limits: &Limits) -> Result<SourceReading> {
        let named = choice.axes.is_some();
        let reading = match self {
            Readable::Array(joined) => media::read_chosen(joined, choice, limits)?.into(),
            Readable::Path(path) if media::is_array_path(path) => media::open_source(path, choice, limits)?,
            Readable::Path(path) if media::is_video_path(path) && *choice == Choice::default() => {
                return media::open_video_source(path, rate, limits);
            }
            Readable::Path(path) => {
                let file = std::fs::File::open(path)?;
                media::read_chosen(BufReader::new(file), choice, limits)?.into()
            }
        };
        let sound = reading.source.description().kind() == Kind::Sound;
        match rate {
            Some(rate) if named || (reading.rate_assumed && sound) => Ok(reading.set_rate(rate)),
            Some(_) => Err(parameter("rate", "it is for sounds in arrays, videos, and an axis t in axes")),
            None => Ok(reading),
        }
    }
}

/// Two pieces of memory as one file.
pub struct Joined<'a> {
    parts: [&'a [u8]; 2],
    at: u64,
}

impl BufRead for Joined<'_> {
    fn fill_buf(&mut self) -> std::io::Result<&[u8]> {
        let at = usize::try_from(self.at).unwrap_or(usize::MAX);
        let [first, second] = self.parts;
        let rest = first.get(at..).filter(|rest| !rest.is_empty());
        Ok(rest.or(second.get(at.saturating_sub(first.len())..)).unwrap_or_default())
    }
    fn consume(&mut self, amount: usize) {
        self.at += amount as u64;
    }
}

impl Read for Joined<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}

impl Seek for Joined<'_> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        let end = self.parts.iter().map(|part| part.len() as u64).sum::<u64>();
        let moved = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => end.checked_add_signed(by),
        };
        self.at = moved.ok_or(std::io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
