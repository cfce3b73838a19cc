//! How close a file is to its original.

use crate::errors::named;
use crate::input::{Input, choice};
use crate::reader::Reader;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use sirenc::signal::metric::{Distortion, ErrorSum};
use sirenc::signal::{Grid, Scan, Source};
use sirenc::{Decoder, Error, Result};

/// Decodes all of the file and, with an original, compares: PSNR and largest error.
#[pyfunction]
#[pyo3(signature = (reader, original=None, axes=None, variable=None))]
pub fn verify<'py>(
    py: Python<'py>,
    reader: &Reader,
    original: Option<Input<'py>>,
    axes: Option<String>,
    variable: Option<String>,
) -> PyResult<Bound<'py, PyDict>> {
    let readable = original.as_ref().map(Input::readable).transpose()?;
    let choice = choice(variable, axes);
    let compare = |decoder: &Decoder| -> Result<Option<Distortion>> {
        let Some(readable) = readable else { return Ok(None) };
        let mut reading = readable.open(&choice, None, reader.limits())?;
        if let Some(rate) =
            decoder.description().rate().filter(|_| reading.rate_assumed || choice.axes.is_some())
        {
            reading = reading.set_rate(rate);
        }
        let (found, expected) = (decoder.description(), reading.source.description());
        if (&found.axes, found.channels, found.format) != (&expected.axes, expected.channels, expected.format)
        {
            return Err(Error::Parameter {
                name: "original",
                detail: format!("{expected:?}, expected {found:?}"),
            });
        }
        distortion(decoder, &*reading.source, false).map(Some)
    };
    let compared = reader.run(py, compare)?;
    let result = PyDict::new(py);
    result.set_item("intact", true)?;
    if let Some(distortion) = compared {
        if distortion.unmatched > 0 {
            let detail =
                format!("{} samples are missing in one of the two alone, expected 0", distortion.unmatched);
            return Err(named(py, "VerificationError", &detail));
        }
        let number = reader.description().unit_number();
        result.set_item("psnr_db", distortion.psnr_db())?;
        result.set_item("max_error", distortion.max() * number)?;
        result.set_item("nrmse", reader.description().has_own_range().then(|| distortion.nrmse()))?;
    }
    Ok(result)
}

/// The error of a decoded file against the signal that it was made from.
pub fn distortion(decoder: &Decoder, source: &dyn Source, invisible: bool) -> Result<Distortion> {
    let (mut sum, mut scan) = (ErrorSum::new(source.description()), Scan::of(source));
    if invisible {
        sum = sum.with_invisible();
    }
    for rows in decoder.request(&Grid::native(source.description())).bands()? {
        let rows = rows?;
        sum.add(&*scan.read(rows.len())?, 0, &rows)?;
    }
    Ok(sum.distortion())
}
