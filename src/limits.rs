//! One budget for everything a file can make a decoder spend, asked before it is spent.

use crate::error::{Error, Result};

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
    /// Bytes of working memory of one rendering; default 4 GiB.
    pub memory_bytes: u64,
    /// Multiply-adds of one rendering; default 10¹⁵.
    pub macs: u64,
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
            macs: 1_000_000_000_000_000,
        }
    }
}

impl Limits {
    /// `Ok` if `needed` of `what` fits into `allowed`.
    pub(crate) fn ask(what: &'static str, needed: u64, allowed: u64) -> Result<()> {
        if needed <= allowed { Ok(()) } else { Err(Error::Limit { what, needed, allowed }) }
    }
}
