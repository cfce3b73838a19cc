//! Any file that the types can represent: if it can be written, it must be read back equal and written to the
//! same bytes.
#![no_main]

use arbitrary::{Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use sirenc::Limits;
use sirenc::container::{File, LayerSteps, Networks, QuantizedNetwork, Stored, parse, round_to_half, write};
use sirenc::network::{Network, Shape};
use sirenc::signal::{
    Axis, Description, Measure, Metadata, MetadataKind, Missing, Rate, SampleFormat, Samples, Tiles, Units,
};
use sirenc_fuzz::spline;

fuzz_target!(|data: &[u8]| {
    let Ok(Some(file)) = file(&mut Unstructured::new(data)) else { return };
    let mut bytes = vec![];
    if write(&file, &mut bytes).is_err() {
        return;
    }
    let read = parse(&bytes, &Limits::default()).expect("what was written can be read");
    assert_eq!(read, file);
    let mut again = vec![];
    write(&read, &mut again).expect("what was read can be written");
    assert_eq!(again, bytes);
});

/// A file; `None` if its field is none.
fn file(u: &mut Unstructured) -> Result<Option<File>> {
    use SampleFormat::{F32, I8, I16, I24, I32, U8, U16};
    let splines = u.ratio(1, 3)?;
    let axis = |u: &mut Unstructured| -> Result<Axis> {
        let length = if splines { u.int_in_range(1..=40)? } else { u.arbitrary()? };
        let measures =
            [Measure::Space, Measure::Time(Rate::new(u.arbitrary()?, u.arbitrary()?)), Measure::Other];
        Ok(Axis { length, measure: *u.choose(&measures)? })
    };
    let description = Description {
        axes: (0..u.int_in_range(1..=4)?).map(|_| axis(u)).collect::<Result<_>>()?,
        channels: u.int_in_range(0..=9)?,
        format: *u.choose(&[U8, U16, I8, I16, I24, I32, F32])?,
    };
    if description.lengths().contains(&0) {
        return Ok(None);
    }
    let field = if splines {
        spline::field(u, &description, 2000)?.map(Stored::Spline)
    } else {
        siren(u, &description)?
    };
    let Some(field) = field else { return Ok(None) };
    let mut metadata = vec![];
    for kind in [MetadataKind::Icc, MetadataKind::Exif, MetadataKind::Xmp] {
        if u.ratio(1, 4)? {
            metadata.push(Metadata { kind, bytes: u.arbitrary()? });
        }
    }
    // Units occur with integer samples too, and with numbers that are invalid in files.
    let numbers = |u: &mut Unstructured| -> Result<Vec<f32>> {
        (0..description.channels).map(|_| Ok(f32::from_bits(u.arbitrary()?))).collect()
    };
    let units = if u.ratio(1, 3)? {
        let offsets = numbers(u)?;
        match u.arbitrary()? {
            true => Some(Units::with_exponent(u.int_in_range(-160..=140)?, offsets)),
            false => Some(Units { scales: numbers(u)?, offsets }),
        }
    } else {
        None
    };
    let missing = if u.ratio(1, 3)? { missing(u, &description)? } else { None };
    Ok(Some(File { description, units, missing, field, metadata }))
}

/// A mask of a small signal.
fn missing(u: &mut Unstructured, description: &Description) -> Result<Option<Missing>> {
    let count = description.positions().saturating_mul(description.channels.into());
    if !(1..=4096).contains(&count) {
        return Ok(None);
    }
    let samples = (0..count).map(|_| Ok(if u.ratio(1, 4)? { f32::NAN } else { 0.0 }));
    let samples = Samples::F32(samples.collect::<Result<_>>()?);
    Ok(Missing::of(description, &samples).expect("a small mask"))
}

/// Networks of tiles; `None` if the tiles are not a partition.
fn siren(u: &mut Unstructured, description: &Description) -> Result<Option<Stored>> {
    let tiles = if u.arbitrary()? {
        Tiles::one(description)
    } else {
        let counts: Vec<u32> =
            (0..description.axes.len()).map(|_| u.int_in_range(1..=4)).collect::<Result<_>>()?;
        match Tiles::new(description, &counts, u.int_in_range(0..=300)?) {
            // A partition of one tile is written without a section, so its overlap would be lost.
            Ok(tiles) if tiles.len() > 1 => tiles,
            _ => return Ok(None),
        }
    };
    let layers = u.int_in_range(1..=4)?;
    let shapes = (0..tiles.len()).map(|_| {
        let (inputs, outputs) = (description.axes.len(), description.channels.into());
        Ok(Shape { inputs, outputs, layers, width: u.int_in_range(1..=9)? })
    });
    let shapes: Vec<Shape> = shapes.collect::<Result<_>>()?;
    let networks = match u.int_in_range(0..=2)? {
        0 => Networks::Quantized(shapes.iter().map(|&s| quantized(u, s)).collect::<Result<_>>()?),
        1 => {
            let networks: Vec<Network> = shapes.iter().map(|&s| numbers(u, s)).collect::<Result<_>>()?;
            match networks.iter().map(round_to_half).collect::<sirenc::Result<_>>() {
                Ok(networks) => Networks::Half(networks),
                Err(_) => return Ok(None),
            }
        }
        _ => Networks::Single(shapes.iter().map(|&s| numbers(u, s)).collect::<Result<_>>()?),
    };
    Ok(Some(Stored::Siren { tiles, networks }))
}

fn quantized(u: &mut Unstructured, shape: Shape) -> Result<QuantizedNetwork> {
    let index = |u: &mut Unstructured| u.int_in_range(-520..=60);
    let steps = (0..=shape.layers).map(|_| Ok(LayerSteps::new(index(u)?, index(u)?)));
    let steps = steps.collect::<Result<_>>()?;
    // Mostly small symbols, sometimes of any size.
    let symbol = |u: &mut Unstructured| {
        let value: i32 = u.arbitrary()?;
        Ok(value >> u.int_in_range(10..=31)?)
    };
    let symbols = (0..shape.parameters()).map(|_| symbol(u)).collect::<Result<_>>()?;
    let mut network = QuantizedNetwork { shape, steps, symbols };
    if u.arbitrary()? {
        network.sort_neurons();
    }
    Ok(network)
}

fn numbers(u: &mut Unstructured, shape: Shape) -> Result<Network> {
    let number = |u: &mut Unstructured| {
        let value = f32::from_bits(u.arbitrary()?);
        // NaN is not equal to itself, and cannot be written.
        Ok(if value.is_nan() { 0.0 } else { value })
    };
    Ok(Network::from_parameters(shape, (0..shape.parameters()).map(|_| number(u)).collect::<Result<_>>()?))
}
