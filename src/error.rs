//! What can go wrong, sorted by who is at fault.

use std::io;

/// The result of everything fallible in this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error, by who is at fault. Messages are one sentence with the offending value and what was expected.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system: reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file breaks the specification of its format.
    #[error("malformed {what}: {detail}")]
    Format {
        /// The format or the part of it: `.siren`, `NETWORK section`, `PNG`.
        what: &'static str,
        /// What was found and what was expected.
        detail: String,
    },
    /// The specification allows it; this program does not do it.
    #[error("unsupported {what}: {detail}")]
    Unsupported {
        /// The format or the part of it.
        what: &'static str,
        /// What was found and what is supported.
        detail: String,
    },
    /// A limit, asked before the resource was spent.
    #[error("{what} {needed} exceeds the limit of {allowed}")]
    Limit {
        /// The resource: `samples`, `parameters`, `multiply-adds`, ….
        what: &'static str,
        /// How much was asked for.
        needed: u64,
        /// How much is allowed.
        allowed: u64,
    },
    /// The caller said that the result is not wanted any more.
    #[error("cancelled")]
    Cancelled,
    /// The caller passed an impossible value.
    #[error("{name}: {detail}")]
    Parameter {
        /// The option or argument.
        name: &'static str,
        /// The value and what is allowed.
        detail: String,
    },
    /// The caller asked for a smaller file than any of the signal is.
    #[error(
        "a file of {asked} bytes was asked for, the smallest of this signal has {least}, {metadata} of them metadata"
    )]
    TooSmall {
        /// Bytes of the whole file that was asked for.
        asked: u64,
        /// Bytes of the smallest file, that of the signal's mean.
        least: u64,
        /// How many of them are metadata.
        metadata: u64,
    },
    /// A compute device is missing or failed.
    #[error("device {device}: {detail}")]
    Device {
        /// The device asked for.
        device: String,
        /// Why it is not usable.
        detail: String,
    },
}

impl Error {
    /// A `Format` error.
    pub(crate) fn format(what: &'static str, detail: impl Into<String>) -> Self {
        Error::Format { what, detail: detail.into() }
    }
    /// An `Unsupported` error.
    pub(crate) fn unsupported(what: &'static str, detail: impl Into<String>) -> Self {
        Error::Unsupported { what, detail: detail.into() }
    }
    /// The system has no memory for what the limits allow.
    pub(crate) fn out_of_memory() -> Self {
        Error::Io(io::ErrorKind::OutOfMemory.into())
    }
    /// A `Parameter` error.
    pub(crate) fn parameter(name: &'static str, detail: impl Into<String>) -> Self {
        Error::Parameter { name, detail: detail.into() }
    }
}
