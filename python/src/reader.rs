//! A `.siren` file, of which no more is decoded than what is asked for.

use crate::describe;
use crate::errors::{exception, parameter};
use crate::networks::{self, Networks};
use crate::work;
use numpy::{IntoPyArray, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyDict;
use sirenc::signal::{Axis, Description, Grid, Measure, Region, SampleFormat, Samples, Sampling};
use sirenc::{Decoder, Derivative, Error, Limits, Request, Result};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Where an axis is sampled: origin, spacing, footprint, first index, count; see [`Sampling`].
type Spread = (f64, f64, u32, u32, u32);

#[pyclass(frozen, module = "sirenc._sirenc")]
pub struct Reader {
    bytes: PyBackedBytes,
    limits: Limits,
    threads: Option<rayon::ThreadPool>,
    description: Description,
    /// What was decoded last, if anything: all of the file, or the part around a grid.
    decoder: Mutex<Option<Arc<Decoder>>>,
    /// Set by Ctrl-C, which ends all renderings of this file.
    stop: Arc<AtomicBool>,
}

#[pymethods]
impl Reader {
    #[new]
    #[pyo3(signature = (bytes, max_memory=None, max_macs=None, max_samples=None, threads=None))]
    fn new(
        py: Python<'_>,
        bytes: PyBackedBytes,
        max_memory: Option<u64>,
        max_macs: Option<u64>,
        max_samples: Option<u64>,
        threads: Option<usize>,
    ) -> PyResult<Self> {
        let mut limits = Limits::default();
        limits.memory_bytes = max_memory.unwrap_or(limits.memory_bytes);
        limits.macs = max_macs.unwrap_or(limits.macs);
        limits.samples = max_samples.unwrap_or(limits.samples);
        let threads = threads.map(pool).transpose().map_err(|e| exception(py, e))?;
        let stop = Arc::new(AtomicBool::new(false));
        // The sections are checked and the description is read, then nothing is decoded.
        let mut found = None;
        let opened = Decoder::for_grid(&bytes, &limits, |description| {
            found = Some(description.clone());
            Err(Error::Cancelled)
        });
        match (found, opened) {
            (Some(description), _) => {
                Ok(Reader { bytes, limits, threads, description, decoder: Mutex::new(None), stop })
            }
            (None, opened) => Err(exception(py, opened.err().unwrap_or(Error::Cancelled))),
        }
    }

    /// The axes, the slowest first; see [`describe::axes`].
    fn axes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(describe::axes(&*self.any(py)?).into_pyobject(py)?.into_any())
    }
    /// The kind of the signal, its lengths, the slowest first, its channels, and the name of its sample format.
    fn signal(&self) -> (&'static str, Vec<u32>, u8, &'static str) {
        let Description { channels, format, .. } = self.description;
        let lengths = self.description.lengths().into_iter().rev().collect();
        (describe::kind(&self.description), lengths, channels, describe::format_name(format))
    }
    /// What the file holds.
    fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        describe::info(py, &*self.any(py)?, self.bytes.len())
    }

    /// The sine networks; see [`Networks`].
    fn networks<'py>(&self, py: Python<'py>) -> PyResult<Networks<'py>> {
        networks::networks(py, &*self.any(py)?).map_err(|error| exception(py, error))
    }

    /// The grid over the whole signal or a region of it, edges in native samples from 0 to the length.
    #[pyo3(signature = (size=None, scale=None, region=None))]
    fn grid(
        &self,
        py: Python<'_>,
        size: Option<Vec<u32>>,
        scale: Option<f64>,
        region: Option<Vec<(f64, f64)>>,
    ) -> PyResult<Vec<Spread>> {
        let grid = grid(&self.description, size, scale, region).map_err(|error| exception(py, error))?;
        let spread = |s: &Sampling| (s.origin, s.spacing, s.footprint, s.first, s.count);
        Ok(grid.axes.iter().rev().map(spread).collect())
    }

    /// Renders a grid as one flat array: in the format of the file, or in another one. Derivatives are binary32.
    #[pyo3(signature = (grid, format, derivative=None, per_unit=false))]
    fn render<'py>(
        &self,
        py: Python<'py>,
        grid: Vec<Spread>,
        format: &str,
        derivative: Option<&str>,
        per_unit: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let axis = |(origin, spacing, footprint, first, count)| Sampling {
            origin,
            spacing,
            footprint,
            first,
            count,
        };
        let grid = Grid { axes: grid.into_iter().rev().map(axis).collect() };
        let derivative = derivative.map(|name| by_name(py, name)).transpose()?;
        let format = match format {
            "uint8" => SampleFormat::U8,
            "uint16" => SampleFormat::U16,
            "float32" => SampleFormat::F32,
            _ => self.description.format,
        };
        let samples = self.run_for(py, &grid, |decoder| {
            let request = decoder.request(&grid);
            match (derivative, per_unit) {
                (None, _) if format != SampleFormat::F32 => request.samples(format),
                (None, _) => in_numbers(decoder, request),
                (Some(derivative), false) => in_numbers(decoder, request.derivative(derivative)),
                (Some(derivative), true) => {
                    let steps = decoder.steps(derivative)?;
                    in_numbers(decoder, request.derivative_per(derivative, &steps))
                }
            }
        })?;
        Ok(array(py, samples))
    }

    /// The values at points, native samples, one position per axis in the order of the axes here; a flat array each of
    /// values and of derivatives.
    #[pyo3(signature = (points, derivative=None, per_unit=false))]
    fn sample<'py>(
        &self,
        py: Python<'py>,
        points: PyReadonlyArray1<'py, f64>,
        derivative: Option<&str>,
        per_unit: bool,
    ) -> PyResult<(Bound<'py, PyAny>, Option<Bound<'py, PyAny>>)> {
        let points = points.as_slice()?;
        let derivative = derivative.map(|name| by_name(py, name)).transpose()?;
        let sample = |decoder: &Decoder| {
            let axes = decoder.description().axes.len();
            let turned: Vec<f64> =
                points.chunks(axes).flat_map(|point| point.iter().rev().copied()).collect();
            let number = decoder.description().unit_number() as f32;
            let Some(derivative) = derivative else {
                return Ok((times(decoder.sample(&turned)?, number), None));
            };
            let sampled = match per_unit {
                false => decoder.sample_derivative(&turned, derivative)?,
                true => decoder.sample_derivative_per(&turned, derivative, &decoder.steps(derivative)?)?,
            };
            Ok((times(sampled.values, number), Some(times(sampled.derivatives, number))))
        };
        let (values, derivatives) = self.run_for(py, &around(&self.description, points), sample)?;
        Ok((array(py, Samples::F32(values)), derivatives.map(|numbers| array(py, Samples::F32(numbers)))))
    }
}

impl Reader {
    pub fn description(&self) -> &Description {
        &self.description
    }
    fn last(&self) -> Option<Arc<Decoder>> {
        self.decoder.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
    /// A decoder of any part: the last one, or one of a single sample, for which little of a large picture is decoded.
    fn any(&self, py: Python<'_>) -> PyResult<Arc<Decoder>> {
        if let Some(last) = self.last() {
            return Ok(last);
        }
        let one = |&length: &u32| Sampling { count: 1, ..Sampling::native(length) };
        let grid = Grid { axes: self.description.lengths().iter().map(one).collect() };
        work::run(py, &self.stop, |_| Ok(()), || self.decoded(&grid))
    }
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Runs work on all of the file.
    pub fn run<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Decoder) -> Result<T> + Send,
    ) -> PyResult<T> {
        self.run_for(py, &around(&self.description, &[]), work)
    }
    /// Runs work on what a grid needs, with the interpreter free; Ctrl-C ends it.
    fn run_for<T: Send>(
        &self,
        py: Python<'_>,
        grid: &Grid,
        work: impl FnOnce(&Decoder) -> Result<T> + Send,
    ) -> PyResult<T> {
        self.stop.store(false, Ordering::Relaxed);
        let work = || work(&*self.decoded(grid)?);
        let work = || match &self.threads {
            Some(threads) => threads.install(work),
            None => work(),
        };
        work::run(py, &self.stop, |_| Ok(()), work)
    }
    /// A decoder that covers `grid`: the last one, or a new one, which takes its place.
    fn decoded(&self, grid: &Grid) -> Result<Arc<Decoder>> {
        if let Some(last) = self.last().filter(|last| last.covers(grid)) {
            return Ok(last);
        }
        let decoder = Decoder::for_grid(&self.bytes, &self.limits, |_| Ok(Some(grid.clone())))?;
        let decoder = Arc::new(with_stop(decoder, &self.stop));
        *self.decoder.lock().unwrap_or_else(PoisonError::into_inner) = Some(decoder.clone());
        Ok(decoder)
    }
}

fn with_stop(decoder: Decoder, stop: &Arc<AtomicBool>) -> Decoder {
    let stop = stop.clone();
    decoder.with_cancel(move || stop.load(Ordering::Relaxed))
}

/// A pool of threads; no more than are useful.
fn pool(threads: usize) -> Result<rayon::ThreadPool> {
    let most = sirenc::most_threads();
    if !(1..=most).contains(&threads) {
        return Err(parameter("threads", format!("{threads}, expected 1 to {most}")));
    }
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.map_err(|error| parameter("threads", error.to_string()))
}

/// A grid of the corners of a box around points whose axes are in the order of NumPy; of the whole signal if there are
/// none, or if one lies outside.
fn around(description: &Description, points: &[f64]) -> Grid {
    let count = description.axes.len();
    let axis = |(a, axis): (usize, &Axis)| {
        let (low, high) = (-0.5, f64::from(axis.length) - 0.5);
        let along = || points.iter().skip(count - 1 - a).step_by(count).copied();
        let inside = !points.is_empty() && along().all(|position| (low..=high).contains(&position));
        let (first, last) = match inside {
            true => {
                (along().fold(high, f64::min).floor().max(low), along().fold(low, f64::max).ceil().min(high))
            }
            false => (low, high),
        };
        let (spacing, count) = if first < last { (last - first, 2) } else { (1.0, 1) };
        Sampling { origin: first, spacing, footprint: 1, first: 0, count }
    };
    Grid { axes: description.axes.iter().enumerate().map(axis).collect() }
}

fn grid(
    description: &Description,
    size: Option<Vec<u32>>,
    scale: Option<f64>,
    region: Option<Vec<(f64, f64)>>,
) -> Result<Grid> {
    let lengths = description.lengths();
    let sides = region.unwrap_or_else(|| lengths.iter().rev().map(|&n| (0.0, n.into())).collect());
    let (from, to): (Vec<_>, Vec<_>) = sides.iter().rev().map(|&(from, to)| (from - 0.5, to - 0.5)).unzip();
    let region = Region::new(description, &from, &to)?;
    if let Some(mut counts) = size {
        counts.reverse();
        return Grid::over(&region, &counts);
    }
    let Some(scale) = scale else { return Grid::native(description).crop(&region) };
    let in_space = description.axes.iter().any(|axis| axis.measure == Measure::Space);
    let scaled = description.axes.iter().map(|axis| {
        let length = (f64::from(axis.length) * scale).round().max(1.0);
        match axis.measure {
            Measure::Time(_) | Measure::Other if in_space => Ok(Sampling::native(axis.length)),
            _ if scale > 0.0 && length <= f64::from(u32::MAX) => {
                Ok(Sampling::resized(axis.length, length as u32))
            }
            _ => {
                Err(parameter("scale", format!("{scale:?}, expected a positive factor to lengths below 2³²")))
            }
        }
    });
    Grid { axes: scaled.collect::<Result<_>>()? }.crop(&region)
}

fn by_name(py: Python<'_>, name: &str) -> PyResult<Derivative> {
    Ok(match name {
        "gradient" => Derivative::Gradient,
        "laplacian" => Derivative::Laplacian,
        "hessian" => Derivative::Hessian,
        "magnitude" => Derivative::Magnitude,
        "divergence" => Derivative::Divergence,
        "curl" => Derivative::Curl,
        _ => {
            let known = "gradient, laplacian, hessian, magnitude, divergence or curl";
            return Err(exception(py, parameter("derivative", format!("{name:?}, expected {known}"))));
        }
    })
}

/// Unit values as the numbers that they stand for: those of pictures and sounds themselves, codes of measurements.
fn in_numbers(decoder: &Decoder, request: Request<'_>) -> Result<Samples> {
    Ok(Samples::F32(times(request.values()?, decoder.description().unit_number() as f32)))
}
fn times(mut values: Vec<f32>, number: f32) -> Vec<f32> {
    if number != 1.0 {
        values.iter_mut().for_each(|value| *value *= number);
    }
    values
}

/// Samples as a flat array, which takes their memory over.
fn array(py: Python<'_>, samples: Samples) -> Bound<'_, PyAny> {
    match samples {
        Samples::U8(samples) => samples.into_pyarray(py).into_any(),
        Samples::U16(samples) => samples.into_pyarray(py).into_any(),
        Samples::I8(samples) => samples.into_pyarray(py).into_any(),
        Samples::I16(samples) => samples.into_pyarray(py).into_any(),
        Samples::I24(samples) | Samples::I32(samples) => samples.into_pyarray(py).into_any(),
        Samples::F32(samples) => samples.into_pyarray(py).into_any(),
        _ => unreachable!("all formats are above"),
    }
}
