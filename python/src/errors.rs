//! Errors of the library as exceptions, by who is at fault.

use pyo3::exceptions::PyMemoryError;
use pyo3::prelude::*;
use sirenc::Error;
use std::io::ErrorKind;

/// The exception of an error; its class is one of `sirenc/errors.py`, or that of Python for what the system refuses.
pub fn exception(py: Python<'_>, error: Error) -> PyErr {
    match error {
        Error::Io(error) if error.kind() == ErrorKind::OutOfMemory => PyMemoryError::new_err("out of memory"),
        Error::Io(error) => error.into(),
        Error::Format { .. } => named(py, "FormatError", &error.to_string()),
        Error::Unsupported { .. } => named(py, "UnsupportedError", &error.to_string()),
        Error::Limit { .. } => named(py, "LimitError", &error.to_string()),
        Error::Parameter { .. } | Error::TooSmall { .. } => named(py, "ParameterError", &error.to_string()),
        Error::Device { .. } => named(py, "DeviceError", &error.to_string()),
        error => named(py, "Error", &error.to_string()),
    }
}

/// An exception of the class `name` of `sirenc/errors.py`.
pub fn named(py: Python<'_>, name: &str, message: &str) -> PyErr {
    let made = py.import("sirenc.errors").and_then(|module| module.getattr(name)?.call1((message,)));
    made.map_or_else(|error| error, PyErr::from_value)
}

/// An error about an argument.
pub fn parameter(name: &'static str, detail: impl Into<String>) -> Error {
    Error::Parameter { name, detail: detail.into() }
}
