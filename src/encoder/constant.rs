//! Constant signals: a network of zeros plus the constant, exact, found without a fit.

use super::{EncodeOptions, Encoded, FieldKind, Report, Target, WeightCoding, plan};
use crate::container::{
    self, File, LayerSteps, Networks, QuantizedNetwork, Stored, quantized_size, round_to_half, step,
};
use crate::error::{Error, Result};
use crate::network::{Network, Shape};
use crate::signal::metric::PEAK;
use crate::signal::source::{read, whole};
use crate::signal::{Missing, SampleFormat, Scan, Source, Tiles, Units};

/// The smallest file that decodes to exactly `signal`, apart from samples that are `missing`, if every channel is
/// constant; `None` otherwise, and if the requested coding cannot represent the constant.
///
/// # Errors
/// `TooSmall` if a target in bytes is below that file.
pub(super) fn encode(
    signal: &dyn Source,
    missing: Option<&Missing>,
    options: &EncodeOptions,
) -> Result<Option<Encoded>> {
    let Some(constant) = constant(signal)? else { return Ok(None) };
    let description = signal.description();
    let channels = usize::from(description.channels);
    let shape = match options.target {
        Target::Shape { layers, width } => Shape { layers, width, ..plan::shape(description, 1, 0.0) },
        _ => plan::shape(description, 1, 0.0),
    };
    let candidates = candidates(&constant, description.format, shape, options.weights)?;
    let mut best: Option<(File, Vec<u8>)> = None;
    for (networks, units) in candidates {
        let (description, tiles) = (description.clone(), Tiles::one(description));
        let (missing, field) = (missing.cloned(), Stored::Siren { tiles, networks });
        let file = File { description, units, missing, field, metadata: vec![] };
        let bytes = written(&file)?;
        if best.as_ref().is_none_or(|(_, least)| bytes.len() < least.len()) {
            best = Some((file, bytes));
        }
    }
    let Some((mut file, mut bytes)) = best else { return Ok(None) };
    let plain = bytes.len() as u64;
    if options.metadata && !signal.metadata().is_empty() {
        file.metadata = signal.metadata().to_vec();
        bytes = written(&file)?;
    }
    let (requested, least) = (options.target.limit(description), bytes.len() as u64);
    if requested < least {
        return Err(Error::TooSmall { requested, least, metadata: least - plain });
    }
    let report = Report {
        field: FieldKind::Siren,
        steps: 0,
        parameters: shape.parameters() as u64,
        tiles: 1,
        layers: shape.layers,
        width: shape.width,
        psnr_db: f64::INFINITY,
        fit_psnr_db: f64::INFINITY,
        peaks: vec![options.peak.unwrap_or(if description.has_own_range() { 0.0 } else { PEAK }); channels],
        ranges: description.has_own_range().then(|| vec![0.0; channels]),
        reached: true,
        worst_tile: None,
        notes: vec![],
        interrupted: false,
        device: "none (a constant)".into(),
        cpu_reason: None,
    };
    Ok(Some(Encoded { bytes, report }))
}

fn written(file: &File) -> Result<Vec<u8>> {
    let mut bytes = vec![];
    container::write(file, &mut bytes)?;
    Ok(bytes)
}

/// The value of each channel in unit values, if no channel varies. A channel with zeros of both signs takes
/// the sign of its first.
fn constant(signal: &dyn Source) -> Result<Option<Vec<f32>>> {
    let first: Vec<_> = whole(signal.description()).iter().map(|_| 0..1).collect();
    let first = read(signal, &first)?;
    let values: Vec<f32> = (0..first.len()).map(|i| first.get(i)).collect();
    for samples in Scan::of(signal) {
        let samples = samples?;
        let mut all = (0..samples.len()).zip(values.iter().cycle());
        if !all.all(|(i, value)| samples.get(i) == *value) {
            return Ok(None);
        }
    }
    Ok(Some(values))
}

/// The candidates for the smallest file: networks, with units if needed, that give `constant` everywhere.
fn candidates(
    constant: &[f32],
    format: SampleFormat,
    shape: Shape,
    weights: WeightCoding,
) -> Result<Vec<(Networks, Option<Units>)>> {
    let biases = shape.parameters() - shape.outputs..;
    let zeros = QuantizedNetwork {
        shape,
        steps: vec![LayerSteps::new(FREE_STEP, FREE_STEP); shape.layers + 1],
        symbols: vec![0; shape.parameters()],
    };
    let numbers = |values: &[f32]| {
        let mut parameters = vec![0.0; shape.parameters()];
        parameters[biases.clone()].copy_from_slice(values);
        Network::from_parameters(shape, parameters)
    };
    let stored = |network: Network| -> Result<Networks> {
        match weights {
            WeightCoding::Half => Ok(Networks::Half(vec![round_to_half(&network)?])),
            _ => Ok(Networks::Single(vec![network])),
        }
    };
    let mut candidates = vec![];
    if format == SampleFormat::F32 {
        let networks = match weights {
            WeightCoding::Quantized => Networks::Quantized(vec![zeros.clone()]),
            _ => stored(numbers(&vec![0.0; constant.len()]))?,
        };
        let units = Units::with_exponent(0, constant.to_vec());
        candidates.push((networks, Some(units).filter(|units| !units.is_default())));
    }
    let networks = match weights {
        WeightCoding::Quantized => least_exact(&zeros, constant, format)?,
        _ if constant.iter().all(|value| value.abs() <= 1.0) => {
            let networks = stored(numbers(constant))?;
            is_exact(&networks, constant, format)?.then_some(networks)
        }
        _ => None,
    };
    candidates.extend(networks.map(|networks| (networks, None)));
    Ok(candidates)
}

/// The smallest quantized network that gives `constant` exactly, if one does.
fn least_exact(zeros: &QuantizedNetwork, constant: &[f32], format: SampleFormat) -> Result<Option<Networks>> {
    let shape = zeros.shape;
    let biases = shape.parameters() - shape.outputs..;
    let coarse = OCTAVES.map(|octave| {
        let mut network = zeros.clone();
        network.steps[shape.layers].biases = 8 * octave;
        let size = step(8 * octave);
        let symbols = constant.iter().map(|value| (value / size).round_ties_even());
        let biases = network.symbols[biases.clone()].iter_mut();
        biases.zip(symbols).for_each(|(s, symbol)| *s = symbol as i32);
        network
    });
    let (mut least, mut found) = (u64::MAX, None);
    for network in coarse.chain([in_two_terms(zeros, constant)]) {
        let size = quantized_size(std::slice::from_ref(&network));
        let networks = Networks::Quantized(vec![network]);
        if size < least && is_exact(&networks, constant, format)? {
            (least, found) = (size, Some(networks));
        }
    }
    Ok(found)
}

/// Whether a network gives samples of `constant`, to the bit.
fn is_exact(networks: &Networks, constant: &[f32], format: SampleFormat) -> Result<bool> {
    let network = &networks.decode()?[0];
    let values = network.evaluate(&vec![0.0; network.shape().inputs]);
    // Blending turns −0 into +0.
    let same = |(value, expected): (f32, &f32)| {
        format.quantize(value + 0.0).to_bits() == format.quantize(*expected).to_bits()
    };
    Ok(values.into_iter().zip(constant).all(same))
}

/// The step index that costs nothing to store.
const FREE_STEP: i16 = -56;
/// Octaves of the steps tried for a constant: fine enough for 16 bits and for round numbers of any kind.
const OCTAVES: std::ops::RangeInclusive<i16> = -20..=20;

/// The constant as a sum of two terms, for constants that need more bits than one symbol has: a neuron with
/// output 1 carries the low bits.
fn in_two_terms(zeros: &QuantizedNetwork, constant: &[f32]) -> QuantizedNetwork {
    /// A quarter turn in steps of [`FREE_STEP`]: its sine is 1.
    const QUARTER: i32 = 32;
    const COARSE: i16 = -12;
    const FINE: i16 = -31;
    let (mut network, shape) = (zeros.clone(), zeros.shape);
    let mut layers = shape.layers().skip(shape.layers - 1);
    let (Some(hidden), Some(last)) = (layers.next(), layers.next()) else { return network };
    network.symbols[hidden.biases().start] = QUARTER;
    network.steps[shape.layers] = LayerSteps::new(8 * FINE, 8 * COARSE);
    let [coarse, fine] = [COARSE, FINE].map(|octave| f64::from(step(8 * octave)));
    for (row, &value) in constant.iter().enumerate() {
        let symbol = (f64::from(value) / coarse).round_ties_even();
        let rest = f64::from(value) - symbol * coarse;
        network.symbols[last.biases().start + row] = symbol as i32;
        network.symbols[last.weights().start + row * last.inputs] = (rest / fine).round_ties_even() as i32;
    }
    network
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decoder::Decoder;
    use crate::limits::Limits;
    use crate::signal::{Description, Grid, Kind, Samples, Signal};

    fn of(kind: Kind, samples: Samples, channels: u8) -> Signal {
        let positions = samples.len() as u32 / u32::from(channels);
        let description = match kind {
            Kind::Sound => Description::sound(positions, channels, samples.format(), 8000),
            _ => Description::picture([positions, 1], channels, samples.format()),
        };
        Signal { description, samples, metadata: vec![] }
    }

    /// The size of the file of `signal`, which must decode to the same bits.
    #[track_caller]
    fn exact(signal: &Signal, options: &EncodeOptions) -> usize {
        let encoded = encode(signal, None, options).unwrap().expect("a constant");
        let decoder = Decoder::from_bytes(&encoded.bytes, &Limits::default()).unwrap();
        let values = decoder.render(&Grid::native(&signal.description)).unwrap();
        let mut samples = Samples::with_capacity(signal.samples.format(), values.len());
        samples.extend_from_units(&values);
        let bits =
            |samples: &Samples| (0..samples.len()).map(|i| samples.get(i).to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(&samples), bits(&signal.samples));
        assert!(encoded.report.reached && encoded.report.psnr_db == f64::INFINITY);
        encoded.bytes.len()
    }

    #[test]
    fn every_constant_comes_back_bit_for_bit_in_a_few_bytes() {
        let options = EncodeOptions::default();
        for code in 0..=255 {
            assert!(exact(&of(Kind::Picture, Samples::U8(vec![code; 6]), 1), &options) <= 40, "{code}");
        }
        for code in (0..=65535).step_by(251).chain([1, 65534, 65535]) {
            let three = [code, 65535 - code, code / 3].repeat(2);
            assert!(exact(&of(Kind::Picture, Samples::U16(three), 3), &options) <= 56, "{code}");
        }
        for code in [0, 1, -1, 8388607, -8388608, 1234567, -7654321] {
            assert!(exact(&of(Kind::Sound, Samples::I24(vec![code; 9]), 1), &options) <= 50, "{code}");
        }
        for code in [0, i32::MIN, 1 << 30, 0x7654_3200, -0x1234_5680] {
            assert!(exact(&of(Kind::Sound, Samples::I32(vec![code; 9]), 1), &options) <= 50, "{code}");
        }
        let floats =
            [0.0, -0.0, 0.5, 1.0, -1.0, 0.1, 290.15, 1e-30, -1e30, f32::MAX, f32::MIN, f32::from_bits(1)];
        for (value, kind) in
            floats.into_iter().flat_map(|value| [(value, Kind::Picture), (value, Kind::Sound)])
        {
            assert!(exact(&of(kind, Samples::F32(vec![value; 8]), 1), &options) <= 50, "{value}");
            assert!(exact(&of(kind, Samples::F32([value, 1.0].repeat(4)), 2), &options) <= 55, "{value}");
        }
    }

    #[test]
    fn a_requested_shape_and_coding_are_kept() {
        let mut options =
            EncodeOptions { target: Target::Shape { layers: 3, width: 5 }, ..EncodeOptions::default() };
        for weights in [WeightCoding::Quantized, WeightCoding::Half, WeightCoding::Single] {
            options.weights = weights;
            exact(&of(Kind::Picture, Samples::U8(vec![201; 12]), 1), &options);
            exact(&of(Kind::Picture, Samples::F32(vec![1e-7; 12]), 1), &options);
            let encoded =
                encode(&of(Kind::Picture, Samples::U8(vec![201; 12]), 1), None, &options).unwrap().unwrap();
            assert_eq!((encoded.report.layers, encoded.report.width), (3, 5));
        }
    }

    #[test]
    fn varying_signals_and_too_few_bytes_are_refused() {
        let mut options = EncodeOptions::default();
        assert!(encode(&of(Kind::Picture, Samples::U8(vec![1, 1, 2]), 1), None, &options).unwrap().is_none());
        assert!(
            encode(&of(Kind::Picture, Samples::F32(vec![0.0, -0.0]), 1), None, &options).unwrap().is_some()
        );
        let constant = of(Kind::Picture, Samples::U8([1, 2].repeat(4)), 2);
        assert!(encode(&constant, None, &options).unwrap().is_some());
        options.target = Target::Bytes(20);
        assert!(matches!(
            encode(&constant, None, &options),
            Err(Error::TooSmall { requested: 20, metadata: 0, .. })
        ));
    }
}
