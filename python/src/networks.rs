//! The sine networks of a file as plain values, and a file of one network that was trained elsewhere.

use crate::errors::{exception, parameter};
use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use sirenc::container::{self, File, Networks as Stores, Stored};
use sirenc::network::{Network, Shape};
use sirenc::signal::{Description, Tiles};
use sirenc::{Decoder, Result};

/// A tile: its index, the start and end of its box, and what −1..1 spans, along each axis; then layers, width, parameters.
type Tile<'py> = (Vec<u32>, Vec<u32>, Vec<u32>, Vec<u32>, usize, usize, Bound<'py, PyArray1<f32>>);
/// All tiles; the boundaries of their cores and their overlap along each axis; scale and offset of each channel. Axes are
/// in the order of the file, the fastest first, as the inputs of networks are.
pub type Networks<'py> = (Vec<Tile<'py>>, Vec<Vec<u32>>, Vec<u32>, Vec<f32>, Vec<f32>);

pub fn networks<'py>(py: Python<'py>, decoder: &Decoder) -> Result<Networks<'py>> {
    let Some(siren) = decoder.field().siren() else {
        return Err(parameter("field", "splines, expected sine networks (encode with field=\"siren\")"));
    };
    let (tiles, description) = (&siren.tiles, decoder.description());
    let tile = |(number, network): (usize, &Network)| {
        let tile = tiles.tile(number);
        let (shape, parameters) = (network.shape(), network.parameters().to_vec().into_pyarray(py));
        (tile.index, tile.start, tile.end, tile.spans, shape.layers, shape.width, parameters)
    };
    let axes = 0..description.axes.len();
    let edges =
        axes.clone().map(|axis| (0..tiles.counts()[axis]).map(|k| tiles.core(axis, k).start).collect());
    let overlaps = axes.map(|axis| tiles.overlap(axis)).collect();
    let count = usize::from(description.channels);
    let (scales, offsets) = match decoder.units() {
        Some(units) => (units.scales.clone(), units.offsets.clone()),
        None => (vec![1.0; count], vec![0.0; count]),
    };
    let number = description.unit_number() as f32;
    let numbers = |values: Vec<f32>| values.into_iter().map(|value| value * number).collect();
    Ok((
        siren.networks.iter().enumerate().map(tile).collect(),
        edges.collect(),
        overlaps,
        numbers(scales),
        numbers(offsets),
    ))
}

/// The file of a picture of `size` (width, height) from one network in turns over its local coordinates, in binary32.
#[pyfunction]
pub fn network_file<'py>(
    py: Python<'py>,
    size: [u32; 2],
    channels: u8,
    layers: usize,
    width: usize,
    parameters: PyReadonlyArray1<'py, f32>,
) -> PyResult<Bound<'py, PyBytes>> {
    let write = || -> Result<Vec<u8>> {
        let shape = Shape { inputs: 2, outputs: channels.into(), layers, width };
        let parameters = parameters.as_slice().unwrap_or_default().to_vec();
        if parameters.len() != shape.parameters() {
            let detail = format!("{} parameters, expected {}", parameters.len(), shape.parameters());
            return Err(parameter("state", detail));
        }
        let description = Description::picture(size, channels, sirenc::signal::SampleFormat::U8);
        let networks = Stores::Single(vec![Network::from_parameters(shape, parameters)]);
        let field = Stored::Siren { tiles: Tiles::one(&description), networks };
        let mut bytes = vec![];
        container::write(
            &File { description, units: None, missing: None, field, metadata: vec![] },
            &mut bytes,
        )?;
        Ok(bytes)
    };
    Ok(PyBytes::new(py, &write().map_err(|error| exception(py, error))?))
}
