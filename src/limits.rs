//! Limits of everything a file can make a decoder spend, checked before it is spent.

use crate::error::{Error, Result};
use crate::setters::setters;
use std::num::Saturating;
use std::time::Duration;

/// Limits of the cost of reading and rendering; all but the time are finite by default.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Bytes of the `.siren` file; default 256 MiB.
    pub file_bytes: u64,
    /// Bytes of metadata after decompression; default 16 MiB.
    pub metadata_bytes: u64,
    /// Parameters of all networks together, and latents of splines; default 64 Mi.
    pub parameters: u64,
    /// Tiles; default 1 Mi.
    pub tiles: u64,
    /// Samples (positions × channels) of one rendering; default 2³⁰.
    pub samples: u64,
    /// Bytes of memory that reading or rendering a file takes at any moment, including the file itself;
    /// default 4 GiB. For reading pictures and sounds see `media::read_from`.
    pub memory_bytes: u64,
    /// Work of one rendering in multiply-adds, counted like [`Cost::macs`](crate::Cost::macs); default 10¹³,
    /// which two cores with AVX-512 do in 100 s.
    pub macs: u64,
    /// Wall-clock time of one rendering, checked between blocks of 128 points of a tile; default none.
    /// Whether a time suffices depends on the machine.
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

    /// `Ok` if `needed` of `what` is within `allowed`.
    pub(crate) fn check(what: &'static str, needed: u64, allowed: u64) -> Result<()> {
        if needed <= allowed { Ok(()) } else { Err(Error::Limit { what, needed, allowed }) }
    }
}

/// A size or an amount of work to be compared with a limit; it saturates, so that a number too large to be
/// counted exceeds every limit.
pub(crate) type Amount = Saturating<u64>;

/// The memory that a task holds, limited by [`Limits::memory_bytes`] and checked before it is allocated.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Memory {
    held: Amount,
    allowed: u64,
}

impl Memory {
    pub(crate) fn new(limits: &Limits) -> Self {
        Memory { held: Saturating(0), allowed: limits.memory_bytes }
    }
    /// `Ok` if `bytes` may be allocated temporarily in addition to the memory held.
    pub(crate) fn check(&self, bytes: Amount) -> Result<()> {
        Limits::check("bytes of memory", (self.held + bytes).0, self.allowed)
    }
    /// Adds `bytes` to the memory held, if the limit allows.
    pub(crate) fn hold(&mut self, bytes: Amount) -> Result<()> {
        self.check(bytes)?;
        self.held += bytes;
        Ok(())
    }
}

/// `count` as a number of items in memory; an error if it is too large for any memory.
pub(crate) fn addressable(count: impl TryInto<usize>) -> Result<usize> {
    count.try_into().map_err(|_| Error::out_of_memory())
}

/// An empty vector with capacity for exactly `count` items, if the system has the memory.
pub(crate) fn try_vec<T>(count: impl TryInto<usize>) -> Result<Vec<T>> {
    let mut items = vec![];
    items.try_reserve_exact(addressable(count)?).map_err(|_| Error::out_of_memory())?;
    Ok(items)
}

/// A vector of `count` times `item`, if the system has the memory.
pub(crate) fn try_filled<T: Clone>(count: impl TryInto<usize>, item: T) -> Result<Vec<T>> {
    let count = addressable(count)?;
    let mut items = try_vec(count)?;
    items.resize(count, item);
    Ok(items)
}

/// A vector of all `items`, if the system has the memory.
pub(crate) fn try_collect<T>(items: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>> {
    let mut all = try_vec(items.len())?;
    all.extend(items);
    Ok(all)
}

/// Extends `items` with copies of `item` to `length`, if the system has the memory.
pub(crate) fn try_grow<T: Clone>(items: &mut Vec<T>, length: usize, item: T) -> Result<()> {
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
