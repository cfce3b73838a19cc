//! Errors, sorted by who is at fault.

use std::io;

/// The result of every fallible operation of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// An error, by who is at fault. Each message is one sentence with the offending value and the expected one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The system: reading or writing failed.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// The file breaks the specification of its format.
    #[error("malformed {what}: {detail}")]
    Format {
        /// The format or the part of it, such as `.siren`, `NETWORK section`, `PNG`.
        what: &'static str,
        /// What was found and what was expected.
        detail: String,
    },
    /// The file follows the specification, but this program does not implement the feature.
    #[error("unsupported {what}: {detail}")]
    Unsupported {
        /// The format or the part of it.
        what: &'static str,
        /// What was found and what is supported.
        detail: String,
    },
    /// A limit would be exceeded; checked before the resource is spent.
    #[error("{what} {needed} exceeds the limit of {allowed}")]
    Limit {
        /// The resource, such as `samples`, `parameters`, `multiply-adds`.
        what: &'static str,
        /// The amount that was needed.
        needed: u64,
        /// The amount that is allowed.
        allowed: u64,
    },
    /// The caller cancelled the work.
    #[error("cancelled")]
    Cancelled,
    /// The caller passed an invalid value.
    #[error("{name}: {detail}")]
    Parameter {
        /// The option or argument.
        name: &'static str,
        /// The value and what is allowed.
        detail: String,
    },
    /// The requested size is below that of the smallest file of the signal.
    #[error(
        "the requested size is {requested} bytes, the smallest file of this signal has {least}, {metadata} of them metadata"
    )]
    TooSmall {
        /// Requested bytes of the whole file.
        requested: u64,
        /// Bytes of the smallest file, which stores the signal's mean.
        least: u64,
        /// Bytes of metadata among them.
        metadata: u64,
    },
    /// A compute device is missing or failed.
    #[error("device {device}: {detail}")]
    Device {
        /// The requested device.
        device: String,
        /// Why the device is not usable.
        detail: String,
    },
}

impl Error {
    /// Makes a `Format` error.
    pub(crate) fn format(what: &'static str, detail: impl Into<String>) -> Self {
        Error::Format { what, detail: detail.into() }
    }
    /// Makes an `Unsupported` error.
    pub(crate) fn unsupported(what: &'static str, detail: impl Into<String>) -> Self {
        Error::Unsupported { what, detail: detail.into() }
    }
    /// The system has not enough memory for something that the limits allow.
    pub(crate) fn out_of_memory() -> Self {
        Error::Io(io::ErrorKind::OutOfMemory.into())
    }
    /// Makes a `Parameter` error.
    pub(crate) fn parameter(name: &'static str, detail: impl Into<String>) -> Self {
        Error::Parameter { name, detail: detail.into() }
    }
}
