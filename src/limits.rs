//! One budget for everything a file can make a decoder spend, asked before it is spent.

use crate::error::{Error, Result};
use crate::setters::setters;
use std::num::Saturating;
use std::time::Duration;

/// What reading and rendering may cost. All finite by default.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the `.siren` file; default 256 MiB.
    pub file_bytes: u64,
    /// Bytes of metadata after decompression; default 16 MiB.
    pub metadata_bytes: u64,
    /// Parameters of all networks together; default 64 Mi.
    pub parameters: u64,
    /// Tiles; default 1 Mi.
    pub tiles: u64,
    /// Samples (positions × channels) of one rendering; default 2³⁰.
    pub samples: u64,
    /// Bytes of memory that reading or rendering a file takes at any moment, the file itself included; default 4 GiB.
    /// Pictures and sounds: see `media::read_from`.
    pub memory_bytes: u64,
    /// Work of one rendering in multiply-adds, as [`Cost::macs`](crate::Cost::macs) counts it; default 10¹³, which two cores with
    /// AVX-512 do in 100 s.
    pub macs: u64,
    /// Wall-clock time of one rendering, asked between blocks of 128 points of a tile; default none. Whether it suffices
    /// depends on the machine.
    pub time: Option<Duration>,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            file_bytes: 256 << 20,
            metadata_bytes: 16 << 20,
            parameters: 64 << 20,
            tiles: 1 << 20,
            samples: 1 << 30,
            memory_bytes: 4 << 30,
            macs: 10_000_000_000_000,
            time: None,
        }
    }
}

impl Limits {
    setters! {
        file_bytes: u64,
        metadata_bytes: u64,
        parameters: u64,
        tiles: u64,
        samples: u64,
        memory_bytes: u64,
        macs: u64,
        time ?optional: Duration,
    }

    /// `Ok` if `needed` of `what` fits into `allowed`.
    pub(crate) fn ask(what: &'static str, needed: u64, allowed: u64) -> Result<()> {
        if needed <= allowed { Ok(()) } else { Err(Error::Limit { what, needed, allowed }) }
    }
}

/// A size or an amount of work that is compared with a limit: what is too large to be counted is above every
/// limit.
pub(crate) type Amount = Saturating<u64>;

/// What a task has in memory, against [`Limits::memory_bytes`]: room is asked for before it is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    held: Amount,
    allowed: u64,
}

impl Memory {
    pub(crate) fn new(limits: &Limits) -> Self {
        Memory { held: Saturating(0), allowed: limits.memory_bytes }
    }
    /// `Ok` if there is room for `bytes` beside what is held, for a while.
    pub(crate) fn ask(&self, bytes: Amount) -> Result<()> {
        Limits::ask("bytes of memory", (self.held + bytes).0, self.allowed)
    }
    /// Asks for `bytes` that are held from now on.
    pub(crate) fn hold(&mut self, bytes: Amount) -> Result<()> {
        self.ask(bytes)?;
        self.held += bytes;
        Ok(())
    }
}

/// `count` as a number of items in memory, if there can be as many.
pub(crate) fn addressable(count: impl TryInto<usize>) -> Result<usize> {
    count.try_into().map_err(|_| Error::out_of_memory())
}

/// An empty vector with room for exactly `count` items, if the system has it.
pub(crate) fn room<T>(count: impl TryInto<usize>) -> Result<Vec<T>> {
    let mut items = vec![];
    items.try_reserve_exact(addressable(count)?).map_err(|_| Error::out_of_memory())?;
    Ok(items)
}

/// `count` times `item`, if the system has room for them.
pub(crate) fn filled<T: Clone>(count: impl TryInto<usize>, item: T) -> Result<Vec<T>> {
    let count = addressable(count)?;
    let mut items = room(count)?;
    items.resize(count, item);
    Ok(items)
}

/// All `items`, if the system has room for them.
pub(crate) fn collected<T>(items: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>> {
    let mut all = room(items.len())?;
    all.extend(items);
    Ok(all)
}

/// Lengthens `items` with `item` to `length`, if the system has room for them.
pub(crate) fn lengthen<T: Clone>(items: &mut Vec<T>, length: usize, item: T) -> Result<()> {
    if let Some(more) = length.checked_sub(items.len()) {
        items.try_reserve_exact(more).map_err(|_| Error::out_of_memory())?;
        items.resize(length, item);
    }
    Ok(())
}

/// The bytes of `count` items of `T`.
pub(crate) fn bytes_of<T>(count: Amount) -> Amount {
    count * Saturating(size_of::<T>() as u64)
}
